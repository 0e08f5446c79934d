//! Many URLs at one time: for the objects of a page, for the segments of a playlist, for the parts of an upload.
//!
//! Of all that is signed and written only one piece changes from one URL to the next, a name or a number.

use super::{SigV4, presigner::Presigner, s3::check_object_name};
use crate::{
    clock::Timestamp,
    encode,
    error::IssueError,
    token::BearerUrl,
    v4::{
        batch::{Makes, NameUrls},
        checks::{check_id, check_part},
        template::push_decimal,
        varied::{PathEnd, Varied},
    },
};
use alloc::string::String;
use core::{fmt, ops::RangeInclusive};
use zeroize::Zeroizing;

impl<K: SigV4> Presigner<K> {
    /// The URLs for these objects, all made at `now`, in the order of their names. Each is the one that
    /// [`presign`](Self::presign) makes.
    ///
    /// The URL is written into one buffer: look at it before you ask for the next one. As an iterator it makes tokens of their
    /// own. A name that cannot be signed fails alone, and is handed back with its error.
    ///
    /// ```
    /// use valet_key::aws::{Endpoint, Presigner, Region, SigV4, StaticKey};
    /// use valet_key::{clock::Timestamp, grant::Grant};
    ///
    /// let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
    /// let endpoint = Endpoint::aws(Region::new("eu-west-1")?);
    /// let now = Timestamp::from_unix(1_700_000_000)?;
    /// let mut presigner = Presigner::new(&key, &endpoint, &Grant::read("albums", "any"))?;
    ///
    /// let (mut page, mut refused) = (String::new(), Vec::new());
    /// let mut urls = presigner.presign_many(["42/cat.jpg", "42/../43/dog.jpg", "42/owl.jpg"], now)?;
    /// while let Some((name, url)) = urls.next_url() {
    ///     match url {
    ///         Ok(url) => page.extend(["<img src='", &url.replace('&', "&amp;"), "'>"]),
    ///         Err(_) => refused.push(name),
    ///     }
    /// }
    /// assert_eq!(page.matches("<img").count(), 2);
    /// assert_eq!(refused, ["42/../43/dog.jpg"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Several threads
    ///
    /// A presigner is cheap to clone, and clones share nothing that is written to, so that each thread takes a clone and a share
    /// of the names. Clone one that has been at `now`, and the key of the day is derived once for all of them:
    ///
    /// ```
    /// # use valet_key::aws::{Endpoint, Presigner, Region, SigV4, StaticKey};
    /// # use valet_key::{clock::Timestamp, error::IssueError, grant::Grant};
    /// # let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
    /// # let endpoint = Endpoint::aws(Region::new("eu-west-1")?);
    /// # let now = Timestamp::from_unix(1_700_000_000)?;
    /// let names: Vec<String> = (0..1000).map(|number| format!("42/{number:04}.ts")).collect();
    /// let mut presigner = Presigner::new(&key, &endpoint, &Grant::read("videos", "any"))?;
    /// presigner.move_to(now)?;
    /// let urls: Vec<String> = std::thread::scope(|scope| {
    ///     let shares: Vec<_> = names
    ///         .chunks(names.len().div_ceil(2))
    ///         .map(|share| {
    ///             let mut presigner = presigner.clone();
    ///             scope.spawn(move || {
    ///                 let urls = presigner.presign_many(share, now)?;
    ///                 urls.map(|(_, url)| Ok(url?.expose().to_owned())).collect::<Result<Vec<_>, IssueError>>()
    ///             })
    ///         })
    ///         .collect();
    ///     // In the order of the names.
    ///     let shares: Result<Vec<_>, _> = shares.into_iter().map(|share| share.join().unwrap()).collect();
    ///     shares.map(|shares| shares.concat())
    /// })?;
    /// assert_eq!(urls.len(), 1000);
    /// assert_eq!(urls[999], presigner.presign(&names[999], now)?.expose());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if the grant is about parts, [`IssueError::OutlivesCredential`] if the credential ends first. Each
    /// URL can fail with [`IssueError::Invalid`] for a name that S3 does not take, and with [`IssueError::Key`].
    pub fn presign_many<N>(&mut self, names: N, now: Timestamp) -> Result<NameUrls<'_, Self, N::IntoIter>, IssueError>
    where
        N: IntoIterator<Item: AsRef<str>>,
    {
        self.presign_many_under("", names, now)
    }

    /// The same for names that all begin with `directory`, such as `42/1080p/`, which is left out of each. It stands before every
    /// name as it is, without a slash of its own. It is encoded once, and what of it fills whole blocks of the hash is hashed
    /// once.
    ///
    /// ```
    /// # use valet_key::aws::{Endpoint, Presigner, Region, SigV4, StaticKey};
    /// # use valet_key::{clock::Timestamp, grant::Grant};
    /// # let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
    /// # let endpoint = Endpoint::aws(Region::new("eu-west-1")?);
    /// # let now = Timestamp::from_unix(1_700_000_000)?;
    /// let mut presigner = Presigner::new(&key, &endpoint, &Grant::read("videos", "any"))?;
    /// let mut playlist = String::from("#EXTM3U\n");
    /// let segments = (0..3).map(|number| format!("{number:05}.ts"));
    /// let mut urls = presigner.presign_many_under("42/1080p/", segments, now)?;
    /// while let Some((_, url)) = urls.next_url() {
    ///     playlist.extend(["#EXTINF:4,\n", url?, "\n"]);
    /// }
    /// assert!(playlist.contains("/42/1080p/00002.ts?X-Amz-Algorithm="));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`presign_many`](Self::presign_many), and [`IssueError::Invalid`] for a directory with a segment `.` or `..`, unless the
    /// grant allows them.
    pub fn presign_many_under<N>(
        &mut self,
        directory: &str,
        names: N,
        now: Timestamp,
    ) -> Result<NameUrls<'_, Self, N::IntoIter>, IssueError>
    where
        N: IntoIterator<Item: AsRef<str>>,
    {
        self.refuse_parts()?;
        self.move_to(now)?;
        let mut beginning = self.prefix.clone();
        encode::push_path(&mut beginning, directory);
        // The segment that each name goes on with is looked at with the name.
        self.check_dot_segments(beginning.rsplit_once('/').unwrap_or_default().0)?;
        let mut varied = Varied::new();
        self.template.vary_path(&beginning, &mut varied);
        Ok(NameUrls::new(self, varied, &beginning, directory, names.into_iter()))
    }

    /// The URLs for these parts of one multipart upload, all made at `now`, as [`presign_many`](Self::presign_many) makes those
    /// of objects. The presigner needs a grant for the upload of a part; name, upload and number of that grant do not matter.
    ///
    /// A size that the grant binds is that of each part: the last one, which may be smaller, takes a grant of its own.
    ///
    /// ```
    /// use valet_key::aws::{Endpoint, Presigner, Region, SigV4, StaticKey, UrlRequest};
    /// use valet_key::{clock::Timestamp, grant::Grant};
    ///
    /// let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
    /// let endpoint = Endpoint::aws(Region::new("eu-west-1")?);
    /// let now = Timestamp::from_unix(1_700_000_000)?;
    ///
    /// let part = |number| Grant::upload_part("videos", "42/cat.mp4", "upload-1", number).exact_size(8 << 20);
    /// let mut presigner = Presigner::new(&key, &endpoint, &part(1))?;
    /// let urls: Vec<_> = presigner.part_urls("42/cat.mp4", "upload-1", 1..=100, now)?.collect::<Result<_, _>>()?;
    /// assert_eq!(urls.len(), 100);
    /// assert_eq!(urls[6].expose(), key.presign(&UrlRequest::at(&endpoint, &part(7))?, now)?.expose());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`IssueError::Invalid`] unless the grant is for a part, the name and id are such as S3 takes and the numbers are 1
    /// to 10000, at least one; [`IssueError::OutlivesCredential`] if the credential ends first. Each URL can fail with
    /// [`IssueError::Key`].
    pub fn part_urls(
        &mut self,
        name: &str,
        upload_id: &str,
        parts: RangeInclusive<u16>,
        now: Timestamp,
    ) -> Result<PartUrls<'_, K>, IssueError> {
        const NO_PARTS: IssueError = IssueError::Invalid { what: "grant", why: "it is not for the upload of a part" };
        if !self.for_parts {
            return Err(NO_PARTS);
        }
        check_part(*parts.start())?;
        check_part(*parts.end())?;
        if parts.is_empty() {
            return Err(IssueError::Invalid { what: "part numbers", why: "the range is empty" });
        }
        check_id("upload id", upload_id)?;
        self.move_to(now)?;
        check_object_name(name)?;
        let mut end = PathEnd::behind(&self.prefix);
        end.set(name);
        self.check_dot_segments(end.segments())?;
        self.template.set_param("uploadId", upload_id);
        let path = [&self.prefix, end.as_str()].concat();
        let varied = self.template.vary_param(&path, "partNumber").ok_or(NO_PARTS)?;
        Ok(PartUrls { presigner: self, varied, parts, number: String::with_capacity(5), url: Zeroizing::default() })
    }
}

impl<K: SigV4> Makes for Presigner<K> {
    fn check_name(&self, name: &str) -> Result<(), IssueError> {
        check_object_name(name)
    }

    fn check_dot_segments(&self, path: &str) -> Result<(), IssueError> {
        Self::check_dot_segments(self, path)
    }

    fn write_url(&mut self, varied: &Varied, name: &str, url: &mut String) -> Result<(), IssueError> {
        self.stamped.write_url(varied, name, url)
    }

    fn token(&self, url: String) -> BearerUrl {
        Self::token(self, url)
    }

    fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

/// The URLs for the parts of one multipart upload, in order; see [`Presigner::part_urls`].
#[must_use = "no URL is made until it is asked for"]
pub struct PartUrls<'p, K> {
    presigner: &'p mut Presigner<K>,
    varied: Varied,
    parts: RangeInclusive<u16>,
    /// The number that is being written.
    number: String,
    url: Zeroizing<String>,
}

impl<K: SigV4> PartUrls<'_, K> {
    /// Makes the next URL, and tells its part. The URL is good to look at until the next one is made.
    ///
    /// # Errors
    /// [`IssueError::Key`].
    pub fn next_url(&mut self) -> Option<(u16, Result<&str, IssueError>)> {
        let part = self.parts.next()?;
        let mut url = core::mem::take(&mut *self.url);
        let made = self.write(part, &mut url);
        *self.url = url;
        Some((part, made.map(|()| self.url.as_str())))
    }

    fn write(&mut self, part: u16, url: &mut String) -> Result<(), IssueError> {
        self.number.clear();
        push_decimal(&mut self.number, part.into());
        self.presigner.stamped.write_url(&self.varied, &self.number, url)
    }

    /// The last good second of all of them.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.presigner.expires_at
    }
}

impl<K: SigV4> Iterator for PartUrls<'_, K> {
    type Item = Result<BearerUrl, IssueError>;

    fn next(&mut self) -> Option<Self::Item> {
        let part = self.parts.next()?;
        let mut url = String::new();
        let made = self.write(part, &mut url);
        Some(made.map(|()| self.presigner.token(url)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.parts.size_hint()
    }
}

impl<K: SigV4> ExactSizeIterator for PartUrls<'_, K> {}

impl<K> fmt::Debug for PartUrls<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartUrls").field("parts", &self.parts).finish_non_exhaustive()
    }
}

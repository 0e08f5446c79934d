//! Many URLs at one time: for the objects of a page, for the segments of a playlist.
//!
//! Of all that is signed and written only the name changes from one URL to the next.

use super::{GoogV4, endpoint::check_object, presigner::Presigner};
use crate::{
    clock::Timestamp,
    encode,
    error::IssueError,
    token::BearerUrl,
    v4::{
        batch::{Makes, NameUrls},
        varied::Varied,
    },
};
use alloc::string::String;

impl<K: GoogV4> Presigner<K> {
    /// The URLs for these objects, all made at `now`, in the order of their names. Each is the one that
    /// [`presign`](Self::presign) makes.
    ///
    /// The URL is written into one buffer: look at it before you ask for the next one. As an iterator it makes tokens of their
    /// own. A name that cannot be signed fails alone, and is handed back with its error.
    ///
    /// ```
    /// use valet_key::gcs::{Endpoint, HmacKey, Presigner};
    /// use valet_key::{clock::Timestamp, grant::Grant};
    ///
    /// let key = HmacKey::new("GOOG1EXAMPLE", "secret")?;
    /// let now = Timestamp::from_unix(1_700_000_000)?;
    /// let mut presigner = Presigner::new(&key, &Endpoint::google(), &Grant::read("albums", "any"))?;
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
    /// Several threads take a clone of the presigner and a share of the names each. Clones share nothing that is written to;
    /// clone one that was [moved](Self::move_to) to `now`, and the key of the day is derived once for all of them. A holder that
    /// signs elsewhere, or with RSA, is asked once for each URL.
    ///
    /// # Errors
    /// [`IssueError::OutlivesCredential`] if the key ends first. Each
    /// URL can fail with [`IssueError::Invalid`] for a name that Cloud Storage does not take, and with [`IssueError::Key`].
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
    /// # use valet_key::gcs::{Endpoint, HmacKey, Presigner};
    /// # use valet_key::{clock::Timestamp, grant::Grant};
    /// # let key = HmacKey::new("GOOG1EXAMPLE", "secret")?;
    /// # let now = Timestamp::from_unix(1_700_000_000)?;
    /// let mut presigner = Presigner::new(&key, &Endpoint::google(), &Grant::read("videos", "any"))?;
    /// let mut playlist = String::from("#EXTM3U\n");
    /// let segments = (0..3).map(|number| format!("{number:05}.ts"));
    /// let mut urls = presigner.presign_many_under("42/1080p/", segments, now)?;
    /// while let Some((_, url)) = urls.next_url() {
    ///     playlist.extend(["#EXTINF:4,\n", url?, "\n"]);
    /// }
    /// assert!(playlist.contains("/42/1080p/00002.ts?X-Goog-Algorithm="));
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
        self.move_to(now)?;
        let mut beginning = self.prefix.clone();
        encode::push_path(&mut beginning, directory);
        // The segment that each name goes on with is looked at with the name.
        self.check_dot_segments(beginning.rsplit_once('/').unwrap_or_default().0)?;
        let mut varied = Varied::new();
        self.template.vary_path(&beginning, &mut varied);
        Ok(NameUrls::new(self, varied, &beginning, directory, names.into_iter()))
    }
}

impl<K: GoogV4> Makes for Presigner<K> {
    fn check_name(&self, name: &str) -> Result<(), IssueError> {
        check_object(name)
    }

    fn check_dot_segments(&self, path: &str) -> Result<(), IssueError> {
        Self::check_dot_segments(self, path)
    }

    fn write_url(&mut self, varied: &Varied, name: &str, url: &mut String) -> Result<(), IssueError> {
        Self::write_url(self, varied, name, url)
    }

    fn token(&self, url: String) -> BearerUrl {
        Self::token(self, url)
    }

    fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

//! URLs for many names at one time, lent one after the other from one buffer.

use super::varied::{PathEnd, Varied};
use crate::{clock::Timestamp, error::IssueError, token::BearerUrl};
use alloc::string::String;
use core::fmt;
use zeroize::Zeroizing;

/// What a provider's presigner does for one name of many.
pub trait Makes {
    /// Refuses what no object can be called.
    fn check_name(&self, name: &str) -> Result<(), IssueError>;
    /// Refuses segments that clients fold.
    fn check_dot_segments(&self, path: &str) -> Result<(), IssueError>;
    /// Signs one URL and writes it.
    fn write_url(&mut self, varied: &Varied, name: &str, url: &mut String) -> Result<(), IssueError>;
    /// The written URL as a token.
    fn token(&self, url: String) -> BearerUrl;
    /// The last good second of all of them.
    fn expires_at(&self) -> Timestamp;
}

/// The URLs for many objects, in the order of their names: what `presign_many` of a presigner makes.
///
/// `P` is the presigner, `I` gives the names.
#[must_use = "no URL is made until it is asked for"]
pub struct NameUrls<'p, P, I> {
    presigner: &'p mut P,
    names: I,
    varied: Varied,
    end: PathEnd,
    /// The directory and the name that is being written, which together must be such as the service takes.
    whole: String,
    directory: usize,
    url: Zeroizing<String>,
}

impl<'p, P: Makes, I: Iterator<Item: AsRef<str>>> NameUrls<'p, P, I> {
    /// `varied` lacks what follows the encoded `beginning` of the path, the end of which is `directory`.
    pub(crate) fn new(presigner: &'p mut P, varied: Varied, beginning: &str, directory: &str, names: I) -> Self {
        Self {
            presigner,
            names,
            varied,
            end: PathEnd::behind(beginning),
            whole: directory.into(),
            directory: directory.len(),
            url: Zeroizing::default(),
        }
    }

    /// Makes the next URL, and hands its name back. The URL is good to look at until the next one is made.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for a name that the service does not take, and [`IssueError::Key`]; the names behind it are not
    /// affected.
    pub fn next_url(&mut self) -> Option<(I::Item, Result<&str, IssueError>)> {
        let name = self.names.next()?;
        let mut url = core::mem::take(&mut *self.url);
        let made = self.write(name.as_ref(), &mut url);
        *self.url = url;
        Some((name, made.map(|()| self.url.as_str())))
    }

    fn write(&mut self, name: &str, url: &mut String) -> Result<(), IssueError> {
        if self.directory == 0 {
            self.presigner.check_name(name)?;
        } else {
            self.whole.truncate(self.directory);
            self.whole.push_str(name);
            self.presigner.check_name(&self.whole)?;
        }
        self.end.set(name);
        self.presigner.check_dot_segments(self.end.segments())?;
        self.presigner.write_url(&self.varied, self.end.as_str(), url)
    }

    /// The last good second of all of them.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.presigner.expires_at()
    }
}

impl<P: Makes, I: Iterator<Item: AsRef<str>>> Iterator for NameUrls<'_, P, I> {
    type Item = (I::Item, Result<BearerUrl, IssueError>);

    fn next(&mut self) -> Option<Self::Item> {
        let name = self.names.next()?;
        let mut url = String::new();
        let made = self.write(name.as_ref(), &mut url);
        Some((name, made.map(|()| self.presigner.token(url))))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.names.size_hint()
    }
}

impl<P: Makes, I: ExactSizeIterator<Item: AsRef<str>>> ExactSizeIterator for NameUrls<'_, P, I> {}

impl<P, I> fmt::Debug for NameUrls<'_, P, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let directory = self.whole.get(..self.directory).unwrap_or_default();
        f.debug_struct("NameUrls").field("directory", &directory).finish_non_exhaustive()
    }
}

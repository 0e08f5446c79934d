//! Which part of a listing a client may ask for.

use alloc::string::String;

/// Which part of a listing is asked for, and how it is written.
///
/// A signed URL fixes every parameter of its request, so that each page of a long listing needs a URL of its own.
///
/// ```
/// use valet_key::grant::{Grant, Justification, Listing};
///
/// let folder = Grant::list("albums", "42/")
///     .because(Justification::new("album overview, ticket 4711")?)
///     .listing(Listing::new().delimiter("/").at_most(100));
/// # let _ = folder;
/// # Ok::<(), valet_key::error::GrantError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields, default))]
pub struct Listing {
    pub(crate) delimiter: Option<String>,
    pub(crate) at_most: Option<u16>,
    pub(crate) url_encoded: bool,
    pub(crate) from: Option<Place>,
}

/// Where a listing goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub(crate) enum Place {
    /// Where the page before ended, in the words of the service.
    Token(String),
    /// Behind this name.
    Name(String),
    /// Behind this version of this name.
    Version(String, String),
    /// Behind this part.
    Part(u16),
}

impl Listing {
    /// The first page, as long as the service makes it.
    #[must_use]
    pub const fn new() -> Self {
        Self { delimiter: None, at_most: None, url_encoded: false, from: None }
    }

    /// Names that go on after this text count as one common prefix, as files in a folder do with `/`.
    #[must_use]
    pub fn delimiter(mut self, text: impl Into<String>) -> Self {
        self.delimiter = Some(text.into());
        self
    }

    /// At most so many entries, 1 to 1000.
    #[must_use]
    pub const fn at_most(mut self, entries: u16) -> Self {
        self.at_most = Some(entries);
        self
    }

    /// Names in the answer are percent-encoded, so that any name can stand in its XML.
    #[must_use]
    pub const fn url_encoded(mut self) -> Self {
        self.url_encoded = true;
        self
    }

    /// Goes on where another page ended: the token of that answer. Of this and the other places to go on at, the last
    /// one that is named counts.
    #[must_use]
    pub fn continuing(mut self, token: impl Into<String>) -> Self {
        self.from = Some(Place::Token(token.into()));
        self
    }

    /// Goes on behind this name, of an object or an upload.
    #[must_use]
    pub fn after(mut self, name: impl Into<String>) -> Self {
        self.from = Some(Place::Name(name.into()));
        self
    }

    /// Goes on behind this version of this name.
    #[must_use]
    pub fn after_version(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.from = Some(Place::Version(name.into(), version.into()));
        self
    }

    /// Goes on behind this part.
    #[must_use]
    pub fn after_part(mut self, number: u16) -> Self {
        self.from = Some(Place::Part(number));
        self
    }
}

//! What a verified request says.

use super::{
    super::{resource::Service, version::Version},
    canonical::{CONTENT_LENGTH, CONTENT_MD5, CONTENT_TYPE, Form, LINES, Query},
    head::{length, md5},
    verify::PresentedRequest,
};
use crate::{clock::Timestamp, encode, error::VerifyError};
use alloc::string::String;
use core::fmt;

/// The facts about a request that its signature covers.
///
/// Inside a [`Verified`](crate::token::Verified), they are true. Route on these and on no other reading of the request. What tables do not sign is
/// not told for them: for a table, hold the request to what else you need by yourself.
///
/// ```
/// use valet_key::azure::{AccountKey, ExpectSharedKey, PresentedRequest, Service, SharedKeyRequest};
/// use valet_key::{clock::Timestamp, view::RequestView};
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let key = AccountKey::new("myaccount", "c2VjcmV0")?;
/// let request = SharedKeyRequest::new("PUT", Service::Blob, "/photos/a b.txt")?
///     .header("x-ms-blob-type", "BlockBlob")
///     .content_length(3);
/// let signed = key.authorize(&request, now)?;
///
/// let mut headers: Vec<(&str, &[u8])> =
///     signed.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
/// headers.push(("Host", b"myaccount.blob.core.windows.net"));
/// headers.push(("Content-Length", b"3"));
/// headers.push(("Authorization", signed.expose_authorization().as_bytes()));
/// let view = RequestView::new("PUT", "/photos/a%20b.txt", &headers);
///
/// let expect = ExpectSharedKey::new("myaccount", Service::Blob)?.host("myaccount.blob.core.windows.net");
/// let facts = key.verify_request(PresentedRequest::parse(&view)?, &expect, now)?;
/// assert_eq!(facts.path()?, "/photos/a b.txt");
/// assert_eq!(facts.header("x-ms-blob-type"), Some(&b"BlockBlob"[..]));
/// assert_eq!(facts.content_length(), Some(3)); // hold the body to it
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SharedKeyFacts<'r> {
    pub(super) presented: PresentedRequest<'r>,
    pub(super) service: Service,
    /// Behind the account, as sent.
    pub(super) path: &'r str,
    pub(super) query: Query,
    pub(super) expires_at: Timestamp,
}

impl<'r> SharedKeyFacts<'r> {
    /// The account.
    #[must_use]
    pub const fn account(&self) -> &'r str {
        self.presented.account
    }

    /// The service.
    #[must_use]
    pub const fn service(&self) -> Service {
        self.service
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> &'r str {
        self.presented.view.method()
    }

    /// The whole path as sent, with the account of an emulator.
    #[must_use]
    pub const fn raw_path(&self) -> &'r str {
        self.presented.path
    }

    /// The path behind the account of an emulator, decoded once.
    ///
    /// # Errors
    /// [`VerifyError::Malformed`] if it is not UTF-8.
    pub fn path(&self) -> Result<String, VerifyError> {
        let path = if self.path.is_empty() { "/" } else { self.path };
        encode::decode(path).ok_or(VerifyError::Malformed { what: "path", why: "it is not UTF-8" })
    }

    /// The value of a query parameter by its name in lower case, decoded once. For a table it is `comp` alone.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).filter(|_| self.signs_all() || name == "comp")
    }

    /// Every query parameter that is signed: names in lower case and values, decoded once, in the order of the names.
    pub fn queries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query.iter().filter(|(name, _)| self.signs_all() || *name == "comp")
    }

    /// The value of a signed header by its name in lower case, without the blanks around it: `x-ms-*`, `content-*`, `if-*` or
    /// `range`; for a table `content-md5`, `content-type` and `x-ms-date` alone.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'r [u8]> {
        let form = Form::of(self.service);
        match LINES.iter().position(|line| *line == name) {
            _ if name == "date" => None,
            Some(line) => self.presented.head.line(line).filter(|_| form.signs(line)),
            None => self.presented.head.signed(name).filter(|_| self.signs_all() || name == "x-ms-date"),
        }
    }

    /// The number of bytes that the body has to have; nothing for a table, which does not sign it. Hold the body to it.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        let value = self.presented.head.line(CONTENT_LENGTH);
        self.signs_all().then(|| value.and_then(length).unwrap_or_default())
    }

    /// The MD5 hash that the body has to have, if the request says one. Hold the body to it.
    #[must_use]
    pub fn content_md5(&self) -> Option<[u8; 16]> {
        self.presented.head.line(CONTENT_MD5).and_then(md5)
    }

    /// The type of the content, if the request says one.
    #[must_use]
    pub fn content_type(&self) -> Option<&'r str> {
        let value = self.presented.head.line(CONTENT_TYPE);
        value.and_then(|value| core::str::from_utf8(value).ok())
    }

    /// The service version; nothing for a table, which does not sign it.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.signs_all().then_some(self.presented.version)
    }

    /// When it was signed, by the clock of whoever did.
    #[must_use]
    pub const fn signed_at(&self) -> Timestamp {
        self.presented.signed_at
    }

    /// The last second at which the same request is accepted again.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    fn signs_all(&self) -> bool {
        Form::of(self.service) == Form::Full
    }
}

impl fmt::Debug for SharedKeyFacts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedKeyFacts")
            .field("account", &self.account())
            .field("service", &self.service)
            .field("method", &self.method())
            .field("signed_at", &self.signed_at())
            .finish_non_exhaustive()
    }
}

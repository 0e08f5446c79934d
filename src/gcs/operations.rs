//! What a verified request asks of Cloud Storage: a table of what the path names and the method.
//!
//! Everything here comes from what the signature covers. A signed URL of version 4 is for five methods, and its `POST`
//! starts a resumable upload; what else the query may say is in the row, and whatever is in no row is refused.
//!
//! Source: Cloud Storage documentation, "XML API overview" and its reference of requests.

use super::{Endpoint, SignedRequest, endpoint::check_object};
use crate::{
    encode,
    error::VerifyError,
    grant::{Action, CopySource},
};
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

const COPY_SOURCE: &str = "x-goog-copy-source";

/// What a verified request asks Cloud Storage to do, and on what. It is made by [`SignedRequest::storage_request`].
///
/// ```
/// use valet_key::gcs::{Endpoint, Expect, GoogV4, HmacKey, Presented, UrlRequest};
/// use valet_key::{clock::Timestamp, grant::{Action, Grant}, view::RequestView};
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let key = HmacKey::new("GOOG1EXAMPLE", "secret")?;
/// let url = key.signed_url(&UrlRequest::storage(&Grant::read("photos", "a b.jpg"))?, now)?;
/// let target = url.expose().strip_prefix("https://storage.googleapis.com").unwrap();
/// let headers: [(&str, &[u8]); 1] = [("host", b"storage.googleapis.com")];
/// let verified = key.verify(Presented::parse(&RequestView::new("GET", target, &headers))?, &Expect::new(), now)?;
///
/// let request = verified.storage_request(&Endpoint::google())?;
/// assert_eq!(request.action(), Some(Action::Read));
/// assert_eq!((request.bucket(), request.object()), ("photos", Some("a b.jpg")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct StorageRequest {
    action: Option<Action>,
    bucket: String,
    object: Option<String>,
    params: Vec<(String, String)>,
    source: Option<CopySource>,
    create_only: bool,
}

/// Parameters by which a request is another one than its method says.
const SUB_RESOURCES: [&str; 18] = [
    "acl",
    "append",
    "billing",
    "compose",
    "cors",
    "defaultObjectAcl",
    "encryption",
    "encryptionConfig",
    "lifecycle",
    "location",
    "logging",
    "policy",
    "restore",
    "storageClass",
    "tagging",
    "uploadId",
    "versioning",
    "websiteConfig",
];
const READ: &[&str] = &["generation", "response-content-disposition", "response-content-type", "userProject"];
const WRITE: &[&str] = &["generation", "userProject"];
const LIST: &[&str] = &[
    "continuation-token",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "list-type",
    "marker",
    "max-keys",
    "prefix",
    "start-after",
    "userProject",
];

fn refused(why: &'static str) -> VerifyError {
    VerifyError::Operation { why }
}

impl SignedRequest<'_> {
    /// What the request asks Cloud Storage to do, and on what, if `endpoint` is where it was sent.
    ///
    /// # Errors
    /// [`VerifyError::Host`] if the host is not one of the endpoint; [`VerifyError::Operation`] for a request that signed
    /// URLs are not for, or that servers could take for two; [`VerifyError::Malformed`] for a name or parameter that is not
    /// UTF-8; [`VerifyError::FieldForm`] and [`VerifyError::FieldCount`] for a source of a copy that cannot be read.
    pub fn storage_request(&self, endpoint: &Endpoint) -> Result<StorageRequest, VerifyError> {
        let (bucket, name) = endpoint.find(self.host(), self.path())?;
        let name = encode::decode(name).ok_or(VerifyError::Malformed { what: "path", why: "it is not UTF-8" })?;
        let object = Some(name).filter(|name| !name.is_empty());
        if object.as_ref().is_some_and(|name| check_object(name).is_err()) {
            return Err(refused("no object has such a name"));
        }
        let mut params: Vec<(String, String)> = self.params().collect::<Result<_, _>>()?;
        params.sort_unstable();
        if params.windows(2).any(|pair| matches!(pair, [(first, _), (second, _)] if first == second)) {
            return Err(refused("a parameter is there twice"));
        }
        let source = self.source()?;
        let has = |name: &str| params.iter().any(|(known, _)| known == name);
        let (action, known) = match (&object, self.method()) {
            (Some(_), "GET") => (Some(Action::Read), READ),
            (Some(_), "HEAD") => (Some(Action::Head), READ),
            (Some(_), "PUT") if source.is_some() => (Some(Action::Copy), WRITE),
            (Some(_), "PUT" | "POST") => (Some(Action::Upload), WRITE),
            (Some(_), "DELETE") => (Some(Action::Delete), WRITE),
            (None, "GET") if has("uploads") => {
                (Some(Action::ListUploads), &["uploads", "delimiter", "prefix", "max-uploads", "key-marker"][..])
            }
            (None, "GET") if has("versions") => {
                (Some(Action::ListVersions), &["versions", "delimiter", "prefix", "max-keys", "generation-marker"][..])
            }
            (None, "GET") => (Some(Action::List), LIST),
            (None, "HEAD" | "PUT" | "DELETE") => (None, &["userProject"][..]),
            _ => return Err(refused("signed URLs are not for this method here")),
        };
        if source.is_some() && action != Some(Action::Copy) {
            return Err(refused("only an object is made by a copy"));
        }
        for (name, _) in &params {
            if SUB_RESOURCES.contains(&name.as_str()) {
                return Err(refused("a sub-resource that signed URLs are not for"));
            }
            let extends = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-"));
            let is_header = |prefix: &str| name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
            if is_header("x-goog-") || name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-")) {
                return Err(refused("a parameter that stands for a header, and servers may obey it"));
            }
            if !extends && !known.contains(&name.as_str()) {
                return Err(refused("a parameter is none of this operation"));
            }
        }
        let create_only = matches!(self.one("x-goog-if-generation-match")?, Some(b"0"));
        Ok(StorageRequest { action, bucket: bucket.to_owned(), object, params, source, create_only })
    }

    /// The one line of a header, which is signed if it begins with `x-goog-`.
    fn one(&self, field: &'static str) -> Result<Option<&[u8]>, VerifyError> {
        let mut lines = self.header(field);
        match (lines.next(), lines.next()) {
            (line, None) => Ok(line),
            (_, Some(_)) => Err(VerifyError::FieldCount { field, found: self.header(field).count() }),
        }
    }

    fn source(&self) -> Result<Option<CopySource>, VerifyError> {
        let unreadable =
            VerifyError::FieldForm { field: COPY_SOURCE, expected: "a bucket, `/`, and the encoded name of an object" };
        let Some(value) = self.one(COPY_SOURCE)? else { return Ok(None) };
        let text = core::str::from_utf8(value).ok().and_then(encode::decode).ok_or_else(|| unreadable.clone())?;
        let (bucket, name) =
            text.strip_prefix('/').unwrap_or(&text).split_once('/').ok_or_else(|| unreadable.clone())?;
        if super::endpoint::check_bucket(bucket).is_err() || check_object(name).is_err() {
            return Err(unreadable);
        }
        let source = CopySource::new(bucket, name);
        Ok(Some(match self.one("x-goog-copy-source-generation")? {
            None => source,
            Some(generation) => source.version(core::str::from_utf8(generation).map_err(|_| unreadable)?),
        }))
    }
}

impl StorageRequest {
    /// The action of a grant that it is, if a grant can be for it.
    #[must_use]
    pub const fn action(&self) -> Option<Action> {
        self.action
    }

    /// The bucket.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The raw name of the object, decoded once; nothing for an operation on a bucket.
    #[must_use]
    pub fn object(&self) -> Option<&str> {
        self.object.as_deref()
    }

    /// A signed parameter, decoded once, such as `generation`.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What the names of a listing begin with.
    #[must_use]
    pub fn prefix(&self) -> Option<&str> {
        self.param("prefix")
    }

    /// What a copy reads.
    #[must_use]
    pub const fn source(&self) -> Option<&CopySource> {
        self.source.as_ref()
    }

    /// Whether the object must not exist yet: `x-goog-if-generation-match: 0` was signed. The caller has to look.
    #[must_use]
    pub const fn must_not_overwrite(&self) -> bool {
        self.create_only
    }
}

impl fmt::Debug for StorageRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StorageRequest")
            .field("action", &self.action.map(|action| action.to_string()))
            .field("bucket", &self.bucket)
            .field("object", &self.object)
            .finish_non_exhaustive()
    }
}

//! Signing a request: prepared without a secret, finished with a signature.

use super::{
    super::{
        Sas,
        addressed::check_path,
        canonical::StringToSign,
        endpoint::Endpoint,
        key::{AccountKey, AccountKeys, Credential, Signature},
        resource::Service,
        version::Version,
    },
    canonical::{CONTENT_LENGTH, CONTENT_MD5, Canonical, Form, LINES, PREFIX, Query, check_value, sort_alike},
    date,
};
use crate::{
    clock::Timestamp,
    encode::{self, Spelling},
    error::IssueError,
    grant::Justification,
    secret::Secret,
    target::has_dot_segment,
};
use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

/// A request to be signed with the key of an account, such as Set Container ACL, for which no token will do.
///
/// The key can do everything, so sign on the server what the server sends itself, and hand out tokens for the rest.
///
/// ```
/// use valet_key::azure::{AccountKey, ContainerPermissions, Service, SharedKeyRequest, StoredPolicies, StoredPolicy};
/// use valet_key::clock::Timestamp;
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let key = AccountKey::new("myaccount", "c2VjcmV0")?;
/// let mut policies = StoredPolicies::new();
/// policies.set(StoredPolicy::new("readers")?.permissions(ContainerPermissions::READ))?;
/// let body = policies.to_xml();
///
/// // Set Container ACL: what a policy allows, and so what can be taken back.
/// let request = SharedKeyRequest::new("PUT", Service::Blob, "/photos")?
///     .query("restype", "container")
///     .query("comp", "acl")
///     .header("content-type", "application/xml")
///     .content_length(body.len() as u64);
/// let signed = key.authorize(&request, now)?;
///
/// assert_eq!(signed.url(), "https://myaccount.blob.core.windows.net/photos?restype=container&comp=acl");
/// assert_eq!(
///     signed.headers(),
///     [
///         ("content-type".to_owned(), "application/xml".to_owned()),
///         ("x-ms-date".to_owned(), "Tue, 14 Nov 2023 22:13:20 GMT".to_owned()),
///         ("x-ms-version".to_owned(), "2020-12-06".to_owned()),
///     ]
/// );
/// assert!(signed.expose_authorization().starts_with("SharedKey myaccount:"));
/// // ... send `body` with these headers and `Authorization`, within fifteen minutes.
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Source: Azure Storage REST reference, "Authorize with Shared Key".
#[derive(Clone)]
pub struct SharedKeyRequest {
    endpoint: Endpoint,
    service: Service,
    method: String,
    /// As it goes on the wire behind the account of an emulator.
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    content_length: u64,
    version: Version,
    dot_segments: bool,
    justification: Option<Justification>,
}

fn invalid(what: &'static str, why: &'static str) -> IssueError {
    IssueError::Invalid { what, why }
}

impl SharedKeyRequest {
    /// A request for a path that is given as plain text and encoded here: `/`, `/container`, `/container/a b.txt`. The
    /// account of an emulator is no part of it, see [`endpoint`](Self::endpoint).
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if the method is not 1 to 32 upper-case letters, or the path does not begin with `/` or holds
    /// a backslash or a control character.
    pub fn new(method: &str, service: Service, path: &str) -> Result<Self, IssueError> {
        if !path.starts_with('/') || path.chars().any(|c| c == '\\' || c.is_control()) {
            return Err(invalid("path", "it must begin with `/` and hold no backslash or control character"));
        }
        let mut encoded = String::with_capacity(path.len());
        encode::push_path(&mut encoded, path);
        Self::with_path(method, service, encoded)
    }

    /// A request for a path with an optional query as they will be sent, encoded already. The path is signed in this
    /// spelling; the query is signed decoded, and a `+` in it is a plus sign.
    ///
    /// # Errors
    /// As [`new`](Self::new), also for a bad escape, bytes that are not visible ASCII or do not decode to UTF-8, and a `#`.
    pub fn for_target(method: &str, service: Service, target: &str) -> Result<Self, IssueError> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if !path.starts_with('/') || encode::spelling(path, Some(b'/')) == Spelling::Malformed {
            return Err(invalid("path", "it must begin with `/` and be visible ASCII with whole escapes"));
        }
        check_path(path, true).map_err(|_| invalid("path", "it must decode to UTF-8 and hold no backslash"))?;
        let mut request = Self::with_path(method, service, path.to_owned())?;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = |text: &str| match encode::spelling(text, None) {
                Spelling::Malformed => None,
                _ => encode::decode(text),
            };
            let pair = decoded(name).zip(decoded(value));
            request.query.push(pair.ok_or(invalid("query", "it must be visible ASCII that decodes to UTF-8"))?);
        }
        Ok(request)
    }

    fn with_path(method: &str, service: Service, path: String) -> Result<Self, IssueError> {
        if !is_method(method) {
            return Err(invalid("method", "it must be 1 to 32 upper-case letters"));
        }
        let version = if service == Service::Table { Version::V2018_11_09 } else { Version::V2020_12_06 };
        Ok(Self {
            endpoint: Endpoint::azure(),
            service,
            method: method.to_owned(),
            path,
            query: Vec::new(),
            headers: Vec::new(),
            content_length: 0,
            version,
            dot_segments: false,
            justification: None,
        })
    }

    /// At another endpoint than Azure's public one. That of an emulator puts the account before the path, where it is
    /// signed as well.
    #[must_use]
    pub fn endpoint(mut self, endpoint: &Endpoint) -> Self {
        self.endpoint = endpoint.clone();
        self
    }

    /// With this query parameter, as plain text. A name may be there once, whatever its case.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// With this header, which has to be one that is signed: `x-ms-*`, `Content-*`, `If-*` or `Range`; for tables
    /// `Content-MD5` and `Content-Type` alone. Send others beside it, since nothing covers them.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let mut name = name.into();
        name.make_ascii_lowercase();
        self.headers.push((name, value.into()));
        self
    }

    /// With a body of that many bytes. The default is none. Tables do not sign it.
    #[must_use]
    pub const fn content_length(mut self, bytes: u64) -> Self {
        self.content_length = bytes;
        self
    }

    /// With this service version, from 2018-11-09 on. The default is 2020-12-06, and 2018-11-09 for tables.
    #[must_use]
    pub const fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// Allows `.` and `..` as whole segments of the path. Most HTTP clients fold them before sending.
    #[must_use]
    pub const fn allow_dot_segments(mut self) -> Self {
        self.dot_segments = true;
        self
    }

    /// Says why the request may go over plain HTTP, as to an emulator.
    #[must_use]
    pub fn because(mut self, why: Justification) -> Self {
        self.justification = Some(why);
        self
    }

    /// Prepares the request: no secret, no I/O. The service takes it for fifteen minutes around `now`.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for a user delegation key, which signs tokens only, for what the service does not take, and
    /// for what is signed in two ways: repeated parameters and headers, runs of blanks in a value, a colon in the name of a
    /// parameter, and names that the official clients sort in another order than the documents
    /// (`x-ms-a-b` beside `x-ms-ab`). [`IssueError::Reserved`] for a header that is written here or by the client;
    /// [`IssueError::Unjustified`] for plain HTTP without a reason.
    pub fn prepare(&self, credential: &Credential, now: Timestamp) -> Result<PreparedRequest, IssueError> {
        if credential.delegation().is_some() {
            return Err(invalid("key", "a user delegation key signs tokens, not requests"));
        }
        if !self.endpoint.is_https() && self.justification.is_none() {
            return Err(IssueError::Unjustified { what: "plain HTTP" });
        }
        if self.version < Version::V2018_11_09 {
            return Err(invalid("version", "it must be 2018-11-09 or newer"));
        }
        let account = credential.account_name();
        let mut url = self.endpoint.base(account, self.service);
        let origin = url.find("://").map_or(0, |at| at + 3);
        let start = url.get(origin..).and_then(|rest| rest.find('/')).map_or(url.len(), |at| origin + at);
        url.push_str(&self.path);
        let path = url.get(start..).unwrap_or_default().to_owned();
        if !self.dot_segments && has_dot_segment(&path) {
            let why = "a segment is `.` or `..`, which most clients fold: see `allow_dot_segments`";
            return Err(invalid("path", why));
        }
        self.push_query(&mut url);

        let headers = self.headers(now)?;
        let query = self.checked_query()?;
        let length = self.content_length.to_string();
        let mut lines = [&b""[..]; LINES.len()];
        for (line, value) in LINES.iter().zip(&mut lines) {
            let header = headers.iter().find(|(name, _)| name == line);
            *value = header.map_or(&b""[..], |(_, value)| value.as_bytes());
        }
        if let Some(line) = lines.get_mut(CONTENT_LENGTH) {
            *line = length.as_bytes();
        }
        let date = date::write(now);
        let form = Form::of(self.service);
        let canonical =
            Canonical { form, method: &self.method, lines, date: date.as_bytes(), account, path: &path, query: &query };
        let signed = headers.iter().filter(|(name, _)| name.starts_with(PREFIX));
        let signed = signed.map(|(name, value)| (name.as_str(), value.as_bytes()));
        let string_to_sign = canonical.write(signed).map_err(|why| invalid("query", why))?;
        Ok(PreparedRequest {
            method: self.method.clone(),
            url,
            account: account.to_owned(),
            headers,
            content_length: self.content_length,
            string_to_sign,
        })
    }

    fn push_query(&self, url: &mut String) {
        for (at, (name, value)) in self.query.iter().enumerate() {
            url.push(if at == 0 { '?' } else { '&' });
            url.extend(encode::component(name.as_bytes()));
            url.push('=');
            url.extend(encode::component(value.as_bytes()));
        }
    }

    fn checked_query(&self) -> Result<Query, IssueError> {
        let mut as_given: Vec<&str> = self.query.iter().map(|(name, _)| name.as_str()).collect();
        as_given.sort_unstable();
        let query = Query::new(self.query.clone()).map_err(|why| invalid("query", why))?;
        // The documents sort names in lower case, the official clients as they are written.
        if !query.iter().zip(&as_given).all(|((name, _), given)| name.eq_ignore_ascii_case(given)) {
            return Err(invalid(
                "query",
                "the case of its names changes their order, so that it is signed in two ways",
            ));
        }
        Ok(query)
    }

    /// The headers to send, in the order of their names.
    fn headers(&self, now: Timestamp) -> Result<Vec<(String, String)>, IssueError> {
        let form = Form::of(self.service);
        let mut headers = self.headers.clone();
        for (name, value) in &headers {
            Self::check_header(form, name, value)?;
        }
        headers.push(("x-ms-date".to_owned(), date::write(now)));
        headers.push(("x-ms-version".to_owned(), self.version.as_str().to_owned()));
        headers.sort();
        let names = || headers.iter().map(|(name, _)| name.as_str());
        if names().zip(names().skip(1)).any(|(name, next)| name == next) {
            return Err(invalid("header", "a name is there twice"));
        }
        if !sort_alike(names().filter(|name| name.starts_with(PREFIX))) {
            let why = "the official clients sort these names in another order than the documents";
            return Err(invalid("header", why));
        }
        Ok(headers)
    }

    fn check_header(form: Form, name: &str, value: &str) -> Result<(), IssueError> {
        const OURS: [&str; 7] =
            ["authorization", "content-length", "date", "host", "transfer-encoding", "x-ms-date", "x-ms-version"];
        if OURS.contains(&name) {
            return Err(IssueError::Reserved { name: name.to_owned() });
        }
        let line = LINES.iter().position(|line| *line == name);
        let is_ours = name.starts_with(PREFIX);
        if !(is_ours && form == Form::Full || line.is_some_and(|line| form.signs(line))) {
            return Err(invalid("header", "Shared Key does not sign it: send it beside the signed ones"));
        }
        // What the two orders of names are known for.
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            return Err(invalid("header", "a signed name must be letters, digits, `-` and `_`"));
        }
        if value.starts_with([' ', '\t']) || value.ends_with([' ', '\t']) {
            return Err(invalid("header", "a signed value must not begin or end with a blank"));
        }
        check_value(value.as_bytes(), is_ours).map_err(|why| invalid("header", why))?;
        let is_md5 = || encode::from_base64(value).is_some_and(|bytes| bytes.len() == 16);
        if line == Some(CONTENT_MD5) && !is_md5() {
            return Err(invalid("header", "`Content-MD5` must be padded base64 of 16 bytes"));
        }
        Ok(())
    }
}

/// Whether a method is spelled so that everybody signs it alike.
pub(super) fn is_method(method: &str) -> bool {
    (1..=32).contains(&method.len()) && method.bytes().all(|byte| byte.is_ascii_uppercase())
}

impl fmt::Debug for SharedKeyRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("SharedKeyRequest")
            .field("method", &self.method)
            .field("service", &self.service)
            .field("path", &self.path)
            .field("headers", &names)
            .field("content_length", &self.content_length)
            .finish_non_exhaustive()
    }
}

/// A request that lacks only its signature.
#[derive(Clone)]
pub struct PreparedRequest {
    method: String,
    url: String,
    account: String,
    headers: Vec<(String, String)>,
    content_length: u64,
    string_to_sign: StringToSign,
}

impl PreparedRequest {
    /// What the key of the account must sign.
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        &self.string_to_sign
    }

    /// The request with its signature.
    #[must_use]
    pub fn finish(self, signature: &Signature) -> AuthorizedRequest {
        let signature = Secret::new(encode::base64(signature.bytes()));
        let authorization = Secret::new(format!("SharedKey {}:{}", self.account, signature.expose()));
        AuthorizedRequest { prepared: self, authorization }
    }
}

impl fmt::Debug for PreparedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedRequest")
            .field("method", &self.method)
            // A value of the query may be anything.
            .field("resource", &self.url.split('?').next().unwrap_or_default())
            .finish_non_exhaustive()
    }
}

/// A signed request: what to send where. Whoever has it can send it once more within fifteen minutes.
///
/// The client sends the method and URL as they stand here, [`headers`](Self::headers), `Authorization`, and a
/// `Content-Length` of [`content_length`](Self::content_length). `Debug` shows where it goes.
#[derive(Clone)]
pub struct AuthorizedRequest {
    prepared: PreparedRequest,
    authorization: Secret<String>,
}

impl AuthorizedRequest {
    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.prepared.method
    }

    /// The URL, with its query.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.prepared.url
    }

    /// The headers that the client must send exactly as they stand here, lower-case names in order, but for
    /// `authorization` and what every client writes: `host` and `content-length`.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.prepared.headers
    }

    /// The number of bytes that the body must have.
    #[must_use]
    pub const fn content_length(&self) -> u64 {
        self.prepared.content_length
    }

    /// The value of `Authorization`. Do not log it.
    #[must_use]
    pub fn expose_authorization(&self) -> &str {
        self.authorization.expose()
    }
}

impl fmt::Debug for AuthorizedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizedRequest")
            .field("method", &self.method())
            .field("resource", &self.url().split('?').next().unwrap_or_default())
            .finish_non_exhaustive()
    }
}

fn authorize(holder: &dyn Sas, request: &SharedKeyRequest, now: Timestamp) -> Result<AuthorizedRequest, IssueError> {
    let prepared = request.prepare(holder.credential(), now)?;
    let signature = holder.sign(prepared.string_to_sign())?;
    Ok(prepared.finish(&signature))
}

impl AccountKey {
    /// Signs a request by Shared Key: good for fifteen minutes around `now`.
    ///
    /// # Errors
    /// Those of [`SharedKeyRequest::prepare`].
    pub fn authorize(&self, request: &SharedKeyRequest, now: Timestamp) -> Result<AuthorizedRequest, IssueError> {
        authorize(self, request, now)
    }
}

impl AccountKeys {
    /// Signs a request by Shared Key with the key that signs: good for fifteen minutes around `now`.
    ///
    /// # Errors
    /// Those of [`SharedKeyRequest::prepare`].
    pub fn authorize(&self, request: &SharedKeyRequest, now: Timestamp) -> Result<AuthorizedRequest, IssueError> {
        authorize(self, request, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "20231114T221320Z";

    fn now() -> Timestamp {
        Timestamp::parse_iso_basic(NOW).unwrap()
    }

    fn put() -> SharedKeyRequest {
        SharedKeyRequest::new("PUT", Service::Blob, "/photos/a b.txt").unwrap()
    }

    fn prepared(request: &SharedKeyRequest) -> Result<PreparedRequest, IssueError> {
        request.prepare(&Credential::account("myaccount").unwrap(), now())
    }

    #[test]
    fn lines_stand_where_the_documents_have_them() {
        let request = put()
            .query("comp", "block")
            .query("blockid", "a+b/=")
            .content_length(7)
            .header("Content-Encoding", "E")
            .header("Content-Language", "L")
            .header("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==")
            .header("Content-Type", "T")
            .header("If-Modified-Since", "MS")
            .header("If-Match", "M")
            .header("If-None-Match", "N")
            .header("If-Unmodified-Since", "US")
            .header("Range", "bytes=0-1")
            .header("x-ms-Meta-b", "1")
            .header("x-ms-meta-a", "");
        assert_eq!(
            prepared(&request).unwrap().string_to_sign().to_text(),
            "PUT\nE\nL\n7\n1B2M2Y8AsgTpgAmY7PhCfg==\nT\n\nMS\nM\nN\nUS\nbytes=0-1\nx-ms-date:Tue, 14 Nov 2023 22:13:20 GMT\n\
             x-ms-meta-a:\nx-ms-meta-b:1\nx-ms-version:2020-12-06\n/myaccount/photos/a%20b.txt\nblockid:a+b/=\ncomp:block"
        );
    }

    #[test]
    fn tables_sign_little() {
        let target = "/MyTable(PartitionKey='a',RowKey='%C3%BC')?comp=acl&$filter=a%20eq%20'b'";
        let request = SharedKeyRequest::for_target("GET", Service::Table, target).unwrap();
        let request = request.content_length(9).header("content-type", "application/json");
        let prepared = prepared(&request).unwrap();
        assert_eq!(
            prepared.string_to_sign().to_text(),
            "GET\n\napplication/json\nTue, 14 Nov 2023 22:13:20 GMT\n\
             /myaccount/MyTable(PartitionKey='a',RowKey='%C3%BC')?comp=acl"
        );
    }

    #[test]
    fn the_account_of_an_emulator_is_signed_twice() {
        let emulator = Endpoint::emulator("http://127.0.0.1:10000").unwrap();
        let request = put().endpoint(&emulator);
        assert_eq!(prepared(&request).err(), Some(IssueError::Unjustified { what: "plain HTTP" }));
        let request = request.because(Justification::new("a local emulator").unwrap());
        let prepared = prepared(&request).unwrap();
        assert_eq!(prepared.url, "http://127.0.0.1:10000/myaccount/photos/a%20b.txt");
        assert!(prepared.string_to_sign().to_text().ends_with("\n/myaccount/myaccount/photos/a%20b.txt"));
    }

    #[test]
    fn what_is_signed_in_two_ways_is_not_signed() {
        for request in [
            put().header("x-ms-meta-a-b", "1").header("x-ms-meta-ab", "2"),
            put().header("x-ms-meta-a1", "1").header("x-ms-meta-a_b", "2"),
            put().header("x-ms-meta-a", "1").header("X-MS-Meta-A", "2"),
            put().header("x-ms-meta-a", "two  blanks"),
            put().header("x-ms-meta-a", "a\ttab"),
            put().header("x-ms-meta-a", " 1"),
            put().header("x-ms-meta-a", "\u{fc}"),
            put().header("x-ms-meta-a", "1\nx-ms-meta-b:2"),
            put().header("x-ms-meta.a", "1"),
            put().header("content-md5", "x"),
            put().header("accept", "*/*"),
            put().query("a", "1").query("A", "2"),
            put().query("a:b", "1"),
            put().query("a", "1\nb:2"),
            put().query("B", "1").query("a", "2"),
            put().version(Version::V2015_04_05),
            SharedKeyRequest::new("PUT", Service::Blob, "/photos/../b").unwrap(),
            SharedKeyRequest::new("GET", Service::Table, "/").unwrap().query("comp", "a/b"),
            SharedKeyRequest::new("GET", Service::Table, "/").unwrap().header("x-ms-meta-a", "1"),
            SharedKeyRequest::new("GET", Service::Table, "/").unwrap().header("if-match", "*"),
        ] {
            assert!(matches!(prepared(&request), Err(IssueError::Invalid { .. })), "{request:?}");
        }
        for name in ["Authorization", "date", "x-ms-date", "x-ms-version", "Content-Length", "Host"] {
            assert!(matches!(prepared(&put().header(name, "1")), Err(IssueError::Reserved { .. })), "{name}");
        }
        assert!(prepared(&SharedKeyRequest::new("PUT", Service::Blob, "/p/..").unwrap().allow_dot_segments()).is_ok());
    }

    #[test]
    fn methods_and_paths_that_are_none_are_refused() {
        for (method, path) in [("get", "/"), ("", "/"), ("G T", "/"), ("GET", ""), ("GET", "a"), ("GET", "/a\\b")] {
            assert!(SharedKeyRequest::new(method, Service::Blob, path).is_err(), "{method} {path}");
        }
        for target in ["", "a", "/%", "/a b", "/\u{fc}", "/%FF", "/%5C", "/a#b", "/?%", "/?a=%FF", "/?a=\u{fc}"] {
            assert!(SharedKeyRequest::for_target("GET", Service::Blob, target).is_err(), "{target}");
        }
    }
}

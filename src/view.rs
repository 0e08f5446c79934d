//! What a verifier looks at: one request as it arrived, borrowed, and the limits on it.

use core::{fmt, net::IpAddr};

/// One header line: the name as sent, and the raw value.
pub type HeaderLine<'r> = (&'r str, &'r [u8]);

/// A request as it arrived, borrowed and untouched.
///
/// Nothing may be decoded, normalised, merged or re-ordered before it comes here: the verifier needs
/// the target as the client wrote it and the header lines in arrival order.
///
/// ```
/// use valet_key::view::RequestView;
///
/// let headers: [(&str, &[u8]); 1] = [("Host", b"photos.s3.eu-west-1.amazonaws.com")];
/// let view = RequestView::new("GET", "/2026/cat.jpg?X-Amz-Signature=00", &headers);
/// assert_eq!(view.method(), "GET");
/// // The target may hold a bearer token, so it is not shown.
/// assert!(!format!("{view:?}").contains("Signature"));
/// ```
#[derive(Clone, Copy)]
pub struct RequestView<'r> {
    method: &'r str,
    target: &'r str,
    headers: &'r [HeaderLine<'r>],
    body_sha256: Option<[u8; 32]>,
    client_address: Option<IpAddr>,
    over_https: bool,
}

impl<'r> RequestView<'r> {
    /// A request with its method, its raw target and its header lines in arrival order.
    ///
    /// The target is what stood on the request line: `/path?query`, or an absolute URL whose authority
    /// then has to equal the `Host` header. For HTTP/2 and HTTP/3 pass `:authority` as a `host` line.
    #[must_use]
    pub const fn new(method: &'r str, target: &'r str, headers: &'r [HeaderLine<'r>]) -> Self {
        Self { method, target, headers, body_sha256: None, client_address: None, over_https: false }
    }

    /// The SHA-256 of the body, for services that sign it without naming it in a header.
    ///
    /// S3 always names it, so this is for other AWS services. Without it such a request is read as one
    /// with an empty body.
    #[must_use]
    pub const fn body_sha256(mut self, digest: [u8; 32]) -> Self {
        self.body_sha256 = Some(digest);
        self
    }

    /// The address that the client comes from, for tokens that are bound to one: that of the connection, or
    /// what a proxy of your own says. Without it such a token is refused.
    #[must_use]
    pub const fn from_address(mut self, address: IpAddr) -> Self {
        self.client_address = Some(address);
        self
    }

    /// The client came over HTTPS, by the connection itself or by what a proxy of your own says. Without it a
    /// token that is for HTTPS only is refused.
    #[must_use]
    pub const fn over_https(mut self) -> Self {
        self.over_https = true;
        self
    }

    /// The method as sent.
    #[must_use]
    pub const fn method(&self) -> &'r str {
        self.method
    }

    /// The raw target. It may hold a bearer token: do not log it.
    #[must_use]
    pub const fn target(&self) -> &'r str {
        self.target
    }

    /// The header lines in arrival order. They may hold a bearer token: do not log them.
    #[must_use]
    pub const fn headers(&self) -> &'r [HeaderLine<'r>] {
        self.headers
    }

    /// The address that the client comes from, if somebody vouches for one.
    #[must_use]
    pub const fn client_address(&self) -> Option<IpAddr> {
        self.client_address
    }

    /// Whether somebody vouches that the client came over HTTPS.
    #[must_use]
    pub const fn came_over_https(&self) -> bool {
        self.over_https
    }

    /// The SHA-256 of the body, if it was given.
    #[must_use]
    pub const fn body_digest(&self) -> Option<[u8; 32]> {
        self.body_sha256
    }
}

impl fmt::Debug for RequestView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestView")
            .field("method", &self.method)
            // A malformed target may hold its token anywhere, not only behind a `?`.
            .field("target_bytes", &self.target.len())
            .field("header_lines", &self.headers.len())
            .finish_non_exhaustive()
    }
}

/// How a bare `+` in a query is read. Servers differ, so the default is not to guess.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plus {
    /// Refuse the request. The default.
    #[default]
    Refuse,
    /// It is a plus sign, as RFC 3986 says.
    Literal,
    /// It is a blank, as in HTML forms.
    Blank,
}

/// How much of a request is read before it is refused.
///
/// Each bound is checked before the work that it bounds. They can be lowered and raised, up to a
/// ceiling that keeps the verifier's working space on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(crate) target: usize,
    pub(crate) params: usize,
    pub(crate) header_lines: usize,
    pub(crate) signed_headers: usize,
    pub(crate) header_value: usize,
    pub(crate) chunk: usize,
}

/// The most header lines that any [`Limits`] allow.
pub(crate) const HEADER_LINES_CEILING: usize = 256;
/// The most query parameters that any [`Limits`] allow.
pub(crate) const PARAMS_CEILING: usize = 512;

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Limits {
    /// Target 16 KiB, 256 query parameters, 128 header lines, 64 signed names, 16 KiB per header value, 16 MiB per
    /// chunk of a body.
    pub const DEFAULT: Self = Self {
        target: 16 << 10,
        params: 256,
        header_lines: 128,
        signed_headers: 64,
        header_value: 16 << 10,
        chunk: 16 << 20,
    };

    /// The longest request target in bytes, at most 60 KiB.
    #[must_use]
    pub const fn target(mut self, bytes: usize) -> Self {
        self.target = least(bytes, 60 << 10);
        self
    }

    /// The most query parameters, at most 512.
    #[must_use]
    pub const fn params(mut self, count: usize) -> Self {
        self.params = least(count, PARAMS_CEILING);
        self
    }

    /// The most header lines, at most 256.
    #[must_use]
    pub const fn header_lines(mut self, count: usize) -> Self {
        self.header_lines = least(count, HEADER_LINES_CEILING);
        self
    }

    /// The most names in the list of signed headers, at most 256.
    #[must_use]
    pub const fn signed_headers(mut self, count: usize) -> Self {
        self.signed_headers = least(count, HEADER_LINES_CEILING);
        self
    }

    /// The longest header name or value in bytes, at most 1 MiB.
    #[must_use]
    pub const fn header_value(mut self, bytes: usize) -> Self {
        self.header_value = least(bytes, 1 << 20);
        self
    }

    /// The largest chunk of a body that is sent in signed chunks, in bytes, at most 1 GiB: as much as is held in
    /// memory until its signature was verified. Clients of AWS send 64 KiB to 1 MiB.
    #[must_use]
    pub const fn chunk(mut self, bytes: usize) -> Self {
        self.chunk = least(bytes, 1 << 30);
        self
    }
}

const fn least(wanted: usize, ceiling: usize) -> usize {
    if wanted < ceiling { wanted } else { ceiling }
}

/// The header lines of an `http` request, in the shape that [`RequestView`] borrows.
///
/// ```
/// use valet_key::view::HttpHead;
///
/// let request = http::Request::get("/2026/cat.jpg").header("host", "photos.example").body(())?;
/// let (parts, ()) = request.into_parts();
/// let head = HttpHead::new(&parts);
/// assert_eq!(head.view().target(), "/2026/cat.jpg");
/// assert_eq!(head.view().headers(), [("host", &b"photos.example"[..])]);
/// # Ok::<(), http::Error>(())
/// ```
#[cfg(feature = "http")]
pub struct HttpHead<'r> {
    method: &'r str,
    target: alloc::string::String,
    headers: alloc::vec::Vec<HeaderLine<'r>>,
}

#[cfg(feature = "http")]
impl<'r> HttpHead<'r> {
    /// Collects the head of a request. Lines of one name keep their order.
    ///
    /// An `:authority` without a `Host` header (HTTP/2) becomes the `host` line; with one, both are
    /// compared by the verifier.
    #[must_use]
    pub fn new(parts: &'r http::request::Parts) -> Self {
        let mut headers: alloc::vec::Vec<HeaderLine<'r>> =
            parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        if let (Some(authority), false) = (parts.uri.authority(), parts.headers.contains_key(http::header::HOST)) {
            headers.push(("host", authority.as_str().as_bytes()));
        }
        Self { method: parts.method.as_str(), target: alloc::format!("{}", parts.uri), headers }
    }

    /// The view to verify.
    #[must_use]
    pub fn view(&self) -> RequestView<'_> {
        RequestView::new(self.method, &self.target, &self.headers)
    }
}

#[cfg(feature = "http")]
impl fmt::Debug for HttpHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HttpHead").field(&self.view()).finish()
    }
}

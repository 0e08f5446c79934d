//! Signed cookies: the header lines that set them, and the lines that bring them back.
//!
//! Source: CloudFront Developer Guide, "Set signed cookies using a canned policy" and "… a custom policy"; RFC 6265
//! sections 4.1 and 5.4.

use super::fields::{Carrier, Field, Raw};
use crate::{
    clock::Timestamp,
    error::{IssueError, VerifyError},
    grant::Justification,
    head::trimmed,
    secret::Secret,
    view::HeaderLine,
};
use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use core::fmt;

/// The cookies that together are the permission: whoever holds them can use them.
///
/// `Debug` shows their names and until when they are good; there is no `Display`.
#[derive(Clone)]
pub struct SignedCookies {
    cookies: Vec<(&'static str, Secret<String>)>,
    expires_at: Timestamp,
}

impl SignedCookies {
    pub(super) const fn new(cookies: Vec<(&'static str, Secret<String>)>, expires_at: Timestamp) -> Self {
        Self { cookies, expires_at }
    }

    /// The cookies by name. Do not log the values.
    pub fn expose(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.cookies.iter().map(|(name, value)| (*name, value.expose().as_str()))
    }

    /// The values of the `Set-Cookie` lines that hand them to a browser, one line for each. Do not log them.
    ///
    /// They have neither `Expires` nor `Max-Age`, so that they go when the browser is closed: the policy ends them for
    /// the edge, and nothing is gained by keeping them on a disk.
    pub fn expose_set_cookie<'c>(&'c self, scope: &'c CookieScope) -> impl Iterator<Item = String> + 'c {
        self.expose().map(move |(name, value)| {
            let domain = scope.domain.as_ref().map(|domain| format!("; Domain={domain}")).unwrap_or_default();
            let secure = if scope.plain_http.is_some() { "" } else { "; Secure" };
            format!("{name}={value}{domain}; Path={}{secure}; HttpOnly", scope.path)
        })
    }

    /// The last second at which a request with them may begin.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

impl fmt::Debug for SignedCookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedCookies")
            .field("names", &self.cookies.iter().map(|(name, _)| *name).collect::<Vec<_>>())
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// To which requests a browser adds the cookies: `Path`, `Domain`, and over HTTPS alone.
///
/// ```
/// use valet_key::aws::cloudfront::CookieScope;
///
/// let scope = CookieScope::new("/training/")?.domain("example.com")?;
/// assert!(CookieScope::new("training; Domain=com").is_err());
/// assert!(scope.domain("d111111abcdef8.cloudfront.net").is_err());
/// # Ok::<(), valet_key::error::IssueError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieScope {
    path: String,
    domain: Option<String>,
    plain_http: Option<Justification>,
}

impl CookieScope {
    /// For paths that begin with this one, on the host that sets the cookies.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] unless it is a path of visible ASCII without `;` and `,`.
    pub fn new(path: &str) -> Result<Self, IssueError> {
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b';' | b',' | b'"' | b'\\');
        if !path.starts_with('/') || !path.bytes().all(plain) {
            let why = "it must begin with `/` and hold visible ASCII without `;`, `,`, `\"` and `\\`";
            return Err(IssueError::Invalid { what: "cookie path", why });
        }
        Ok(Self { path: path.to_owned(), domain: None, plain_http: None })
    }

    /// For this host and those below it: an alternate domain name of the distribution, or what is above both it and the
    /// host that sets the cookies.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] unless it is a domain name with a dot in it; browsers take no cookie for
    /// `cloudfront.net`, whose hosts belong to many.
    pub fn domain(mut self, domain: &str) -> Result<Self, IssueError> {
        let invalid = |why| IssueError::Invalid { what: "cookie domain", why };
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if domain.len() > 253 || !domain.contains('.') || !domain.split('.').all(label) {
            return Err(invalid("it must be a domain name with a dot in it"));
        }
        let domain = domain.to_ascii_lowercase();
        if domain == "cloudfront.net" || domain.ends_with(".cloudfront.net") {
            return Err(invalid("browsers take no cookie for `cloudfront.net`: use an alternate domain name"));
        }
        self.domain = Some(domain);
        Ok(self)
    }

    /// Lets browsers send the cookies over plain HTTP, where anybody on the way can take them.
    #[must_use]
    pub fn allow_plain_http(mut self, why: Justification) -> Self {
        self.plain_http = Some(why);
        self
    }

    /// Why they are sent over plain HTTP, if they are.
    #[must_use]
    pub const fn justification(&self) -> Option<&Justification> {
        self.plain_http.as_ref()
    }
}

/// Reads the cookies of CloudFront from the `Cookie` lines of a request. Those of others are passed over, whatever they
/// hold.
///
/// A line is cut at each `;`, in quotes too: a browser never quotes, and a reader that honours quotes could be shown
/// another cookie than one that does not.
pub(super) fn read<'r>(lines: &'r [HeaderLine<'r>]) -> Result<Raw<'r>, VerifyError> {
    let mut raw = Raw::default();
    let cookies = lines.iter().filter(|(name, _)| name.eq_ignore_ascii_case("cookie"));
    for cookie in cookies.flat_map(|(_, value)| value.split(|&byte| byte == b';')) {
        let cookie = trimmed(cookie);
        let equals = cookie.iter().position(|&byte| byte == b'=').unwrap_or(cookie.len());
        let (name, value) = cookie.split_at_checked(equals).unwrap_or_default();
        let name = trimmed(name);
        let is = |field: &Field| name.eq_ignore_ascii_case(field.cookie().as_bytes());
        let Some(field) = Field::ALL.into_iter().find(is) else { continue };
        let exact = name == field.cookie().as_bytes() && equals == name.len();
        let value = value.split_first().and_then(|(_, value)| core::str::from_utf8(value).ok());
        let value = value.filter(|_| exact).ok_or(VerifyError::FieldForm {
            field: field.cookie(),
            expected: "a name that is spelled exactly like this, `=`, and a value in ASCII",
        })?;
        raw.put(field, Carrier::Cookies, value);
    }
    Ok(raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn set_cookie_lines_have_every_attribute_and_no_end() {
        let cookies = SignedCookies::new(vec![("CloudFront-Policy", Secret::new("p_".into()))], Timestamp::EPOCH);
        let scope = CookieScope::new("/a/").unwrap();
        let lines = |scope: &CookieScope| cookies.expose_set_cookie(scope).collect::<Vec<_>>();
        assert_eq!(lines(&scope), ["CloudFront-Policy=p_; Path=/a/; Secure; HttpOnly"]);
        let scope = scope.domain("Example.COM").unwrap();
        assert_eq!(lines(&scope), ["CloudFront-Policy=p_; Domain=example.com; Path=/a/; Secure; HttpOnly"]);
        let why = Justification::new("a test").unwrap();
        assert_eq!(
            lines(&scope.allow_plain_http(why)),
            ["CloudFront-Policy=p_; Domain=example.com; Path=/a/; HttpOnly"]
        );
    }

    #[test]
    fn nothing_breaks_out_of_an_attribute() {
        for path in ["", "a", "/a;b", "/a, b", "/a\r\n", "/a b", "/\u{fc}", "/\"", "/a\0"] {
            assert!(CookieScope::new(path).is_err(), "{path}");
        }
        for domain in [
            "",
            "com",
            ".example.com",
            "example.com.",
            "example..com",
            "example.com; Path=/",
            "example.com:443",
            "ex ample.com",
            "-a.com",
            "a-.com",
            "cloudfront.net",
            "D1.CloudFront.net",
        ] {
            assert!(CookieScope::new("/").unwrap().domain(domain).is_err(), "{domain}");
        }
        assert!(CookieScope::new("/").unwrap().domain("cdn.notcloudfront.net").is_ok());
        // A name of 253 characters, and of one more.
        for (last, is_ok) in [(61, true), (62, false)] {
            let name = alloc::format!("{}{}", alloc::format!("{}.", "a".repeat(63)).repeat(3), "a".repeat(last));
            assert_eq!((name.len(), CookieScope::new("/").unwrap().domain(&name).is_ok()), (192 + last, is_ok));
        }
    }
}

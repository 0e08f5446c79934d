//! The first line of a request: its method and its target.

use crate::{
    encode::{self, Spelling},
    error::VerifyError,
    view::Limits,
};

/// A request target in its parts.
#[derive(Clone, Copy)]
pub(crate) struct Target<'r> {
    /// From an absolute form only.
    pub(crate) authority: Option<&'r str>,
    pub(crate) path: &'r str,
    pub(crate) path_spelling: Spelling,
    pub(crate) path_has_escape: bool,
    pub(crate) query: &'r str,
}

impl<'r> Target<'r> {
    pub(crate) fn split(target: &'r str, limits: &Limits) -> Result<Self, VerifyError> {
        let malformed = |why| VerifyError::Malformed { what: "target", why };
        if target.len() > limits.target {
            return Err(VerifyError::TooLarge { what: "request target", found: target.len(), limit: limits.target });
        }
        let absolute = target.strip_prefix("https://").or_else(|| target.strip_prefix("http://"));
        let (authority, rest) = match absolute {
            Some(rest) => match rest.find(['/', '?']).and_then(|cut| rest.split_at_checked(cut)) {
                Some((authority, rest)) => (Some(authority), rest),
                None => (Some(rest), ""),
            },
            None => (None, target),
        };
        let scanned = encode::scan(rest.as_bytes(), 0, [b'?'; 2], Some(b'/'));
        let (path, query) = rest.split_at_checked(scanned.end).unwrap_or_default();
        let path = if authority.is_some() && path.is_empty() { "/" } else { path };
        if scanned.spelling == Spelling::Malformed {
            return Err(malformed("its path holds a bad escape, a `#`, or a byte that is not visible ASCII"));
        }
        if !path.starts_with('/') {
            return Err(malformed("it must be a path or an absolute URL"));
        }
        let query = query.strip_prefix('?').unwrap_or(query);
        Ok(Self { authority, path, path_spelling: scanned.spelling, path_has_escape: scanned.has_escape, query })
    }
}

/// Whether this is a method: nothing in it can shift the lines of a canonical request.
pub(crate) fn is_method(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-')
}

/// Whether a segment is `.` or `..`, in any spelling that a client might fold.
pub(crate) fn has_dot_segment(path: &str) -> bool {
    // Nearly every path has neither where it would matter, which takes one look at each byte, many at a time.
    let bytes = path.as_bytes();
    let suspicious = encode::any_pair(bytes, b'/', |byte| matches!(byte, b'.' | b'%'));
    suspicious
        && path.split('/').any(|segment| {
            let mut decoded = encode::Decoded::of(segment);
            decoded.next() == Some(b'.') && matches!((decoded.next(), decoded.next()), (None, _) | (Some(b'.'), None))
        })
}

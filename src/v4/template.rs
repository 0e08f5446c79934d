//! The parts of a presigned URL that stay the same from one object to the next.

use super::{
    Dialect, P_ALGORITHM, P_CREDENTIAL, P_DATE, P_EXPIRES, P_SIGNATURE, P_SIGNED_HEADERS,
    canonical::{CanonicalRequest, Lines, MustSign, Pair, PathRule, Query, SignedNames, pair, push_pairs, put_path},
    varied::Varied,
};
use crate::{
    clock::Timestamp,
    encode::{self, Spelling},
    error::IssueError,
    mac::Sink,
    origin::Origin,
    token::BearerUrl,
    view::HeaderLine,
};
use alloc::{
    borrow::{Cow, ToOwned},
    string::{String, ToString},
    vec::Vec,
};
use core::marker::PhantomData;

/// What a template is made from.
pub(crate) struct Parts<'a> {
    pub(crate) method: &'a str,
    pub(crate) rule: PathRule,
    pub(crate) origin: &'a Origin,
    /// The value of `host` that is signed.
    pub(crate) host: &'a str,
    pub(crate) algorithm: &'a str,
    /// The caller's parameters, encoded.
    pub(crate) pairs: Vec<Pair>,
    /// A parameter that is added after signing.
    pub(crate) after: Option<Pair>,
    /// The signed headers without `host`.
    pub(crate) lines: &'a [HeaderLine<'a>],
    pub(crate) must_sign: MustSign,
    pub(crate) payload: &'a [u8],
}

/// See [`Parts`].
#[derive(Clone)]
pub(crate) struct UrlTemplate<D> {
    method: Cow<'static, str>,
    rule: PathRule,
    origin: String,
    /// Encoded and in canonical order; the values of credential, date and lifetime change with the time.
    pairs: Vec<Pair>,
    query: String,
    after: Option<Pair>,
    /// The canonical request behind the query.
    tail: Vec<u8>,
    required: Vec<(String, Vec<u8>)>,
    dialect: PhantomData<fn() -> D>,
}

fn param<D: Dialect>(at: usize) -> &'static str {
    D::PARAMS.get(at).copied().unwrap_or_default()
}

impl<D: Dialect> UrlTemplate<D> {
    pub(crate) fn new(parts: Parts<'_>) -> Result<Self, IssueError> {
        let mut required: Vec<(String, Vec<u8>)> =
            parts.lines.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec())).collect();
        required.sort_by(|left, right| left.0.cmp(&right.0));
        let added = [("host", parts.host.as_bytes())];
        let lines = Lines::new(parts.lines, &added).sorted();
        let mut names = String::new();
        lines.push_names(&mut names);
        let mut tail = Vec::new();
        let request = CanonicalRequest {
            method: parts.method,
            path: "/",
            path_spelling: Spelling::Canonical,
            rule: parts.rule,
            query: Query::Canonical(["", ""]),
            lines: &lines,
            signed: SignedNames::written(&names),
            must_sign: parts.must_sign,
            payload: parts.payload,
            host: None,
        };
        // INVARIANT: `names` lists every name of `lines`, so nothing is found missing or unsigned.
        request
            .put_tail(&mut tail)
            .map_err(|_| IssueError::Invalid { what: "headers", why: "the signed list does not match" })?;

        let mut pairs = parts.pairs;
        pairs.extend([
            pair(param::<D>(P_ALGORITHM), parts.algorithm),
            pair(param::<D>(P_CREDENTIAL), ""),
            pair(param::<D>(P_DATE), ""),
            pair(param::<D>(P_EXPIRES), ""),
            pair(param::<D>(P_SIGNED_HEADERS), &names),
        ]);
        pairs.sort_unstable();
        Ok(Self {
            method: shared_method(parts.method),
            rule: parts.rule,
            origin: parts.origin.to_string(),
            pairs,
            query: String::new(),
            after: parts.after,
            tail,
            required,
            dialect: PhantomData,
        })
    }

    /// Sets what depends on the time: who signs in which scope, since when and for how many seconds.
    pub(crate) fn set_time(&mut self, id: &str, scope: &str, date: &[u8; 16], seconds: u32) {
        for (name, value) in &mut self.pairs {
            if name == param::<D>(P_CREDENTIAL) {
                value.clear();
                encode::push_component(value, id);
                // What stands between its slashes needs no escape.
                for part in scope.split('/') {
                    value.push_str("%2F");
                    value.push_str(part);
                }
            } else if name == param::<D>(P_DATE) {
                value.clear();
                value.push_str(core::str::from_utf8(date).unwrap_or_default());
            } else if name == param::<D>(P_EXPIRES) {
                value.clear();
                push_decimal(value, seconds);
            }
        }
        self.query.clear();
        push_pairs(&mut self.query, &self.pairs);
    }

    /// The canonical request of one path.
    pub(crate) fn put_canonical(&self, path: &str, sink: &mut impl Sink) {
        self.put_before_query(path, sink);
        sink.put(self.query.as_bytes());
        sink.put(&self.tail);
    }

    fn put_before_query(&self, path: &str, sink: &mut impl Sink) {
        sink.put(self.method.as_bytes());
        sink.put_byte(b'\n');
        put_path(sink, path, Spelling::Canonical, self.rule);
        sink.put_byte(b'\n');
    }

    /// The URL of one path, without its signature.
    pub(crate) fn push_url(&self, path: &str, url: &mut String) {
        url.push_str(&self.origin);
        url.push_str(path);
        url.push('?');
        url.push_str(&self.query);
        self.push_after(url);
    }

    fn push_after(&self, url: &mut String) {
        if let Some((name, value)) = &self.after {
            for piece in ["&", name, "=", value] {
                url.push_str(piece);
            }
        }
    }

    /// Appends the signature to a URL that has everything else.
    pub(crate) fn push_signature(url: &mut String, hex: &[u8]) {
        url.push('&');
        url.push_str(param::<D>(P_SIGNATURE));
        url.push('=');
        url.push_str(core::str::from_utf8(hex).unwrap_or_default());
    }

    /// Gives a parameter of the caller, which is there once, another value.
    pub(crate) fn set_param(&mut self, name: &str, value: &str) {
        for (_, old) in self.pairs.iter_mut().filter(|(known, _)| known == name) {
            old.clear();
            old.extend(encode::component(value.as_bytes()));
        }
        self.query.clear();
        push_pairs(&mut self.query, &self.pairs);
    }

    /// Makes the end of a path vary, behind an encoded beginning that is the same for all. The service is one that signs the
    /// path as it is sent.
    pub(crate) fn vary_path(&self, beginning: &str, varied: &mut Varied) {
        varied.begin();
        varied.put_signed(self.method.as_bytes());
        varied.put_signed(b"\n");
        varied.url_before.push_str(&self.origin);
        varied.put_both(beginning);
        varied.end("\n", "?", &self.query, &self.tail);
        self.push_after(&mut varied.url_behind);
        Self::push_signature(&mut varied.url_behind, b"");
    }

    /// Makes the value of a parameter vary, if the parameter is there once.
    pub(crate) fn vary_param(&self, path: &str, name: &str) -> Option<Varied> {
        let at = self.pairs.iter().position(|(known, _)| known == name)?;
        let (before, rest) = self.pairs.split_at_checked(at)?;
        let (_, after) = rest.split_first()?;
        let mut query = String::new();
        push_pairs(&mut query, before);
        if !before.is_empty() {
            query.push('&');
        }
        query.push_str(name);
        query.push('=');
        let mut query_after = String::new();
        if !after.is_empty() {
            query_after.push('&');
            push_pairs(&mut query_after, after);
        }
        let mut varied = Varied::new();
        self.put_before_query(path, &mut varied.hash);
        varied.url_before = [&self.origin, path, "?"].concat();
        varied.put_both(&query);
        varied.end("", "", &query_after, &self.tail);
        self.push_after(&mut varied.url_behind);
        Self::push_signature(&mut varied.url_behind, b"");
        Some(varied)
    }

    /// The finished URL as a token.
    pub(crate) fn token(&self, url: String, expires_at: Timestamp) -> BearerUrl {
        BearerUrl::new(url, self.method.clone(), expires_at, self.required.clone())
    }

    /// What the client has to send beside the URL, with the method.
    pub(crate) fn into_required(self) -> (Cow<'static, str>, Vec<(String, Vec<u8>)>) {
        (self.method, self.required)
    }
}

/// A method that every token of its own can have without an allocation.
fn shared_method(method: &str) -> Cow<'static, str> {
    let known = ["GET", "PUT", "HEAD", "POST", "DELETE"].into_iter().find(|known| *known == method);
    known.map_or_else(|| Cow::Owned(method.to_owned()), Cow::Borrowed)
}

/// Appends a number without an allocation of its own.
pub(crate) fn push_decimal(text: &mut String, number: u32) {
    let mut divisor = 1;
    while number / divisor >= 10 {
        divisor *= 10;
    }
    while divisor > 0 {
        text.push(char::from(b'0' + (number / divisor % 10) as u8));
        divisor /= 10;
    }
}

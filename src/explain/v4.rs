//! Signature Version 4, of Amazon and of Google: a canonical request and a string to sign, taken apart and compared.

use super::{Cause, Findings, spelling};
use crate::encode::{self, params};
use alloc::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

/// The parts of a canonical request. A URL has some of them only.
#[derive(Default)]
pub(super) struct Request<'a> {
    method: &'a str,
    path: Cow<'a, str>,
    raw_query: &'a str,
    query: Vec<(Cow<'a, str>, &'a str)>,
    headers: Vec<(Cow<'a, str>, &'a str)>,
    signed_headers: Option<Cow<'a, str>>,
    payload: Option<&'a str>,
    /// Whether its query is in the order in which it is signed.
    is_canonical: bool,
}

impl<'a> Request<'a> {
    /// Reads a canonical request: six lines at least.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (head, payload) = text.strip_suffix('\n').unwrap_or(text).rsplit_once('\n')?;
        let (head, signed_headers) = head.rsplit_once('\n')?;
        let (method, rest) = head.split_once('\n')?;
        let (path, rest) = rest.split_once('\n')?;
        let (query, headers) = rest.split_once('\n')?;
        let headers = headers.split('\n').filter(|line| !line.is_empty());
        Some(Self {
            method,
            path: path.into(),
            raw_query: query,
            query: params(query).map(|(name, value)| (name.into(), value)).collect(),
            headers: headers
                .map(|line| line.split_once(':').unwrap_or((line, "")))
                .map(|(n, v)| (n.into(), v))
                .collect(),
            signed_headers: Some(signed_headers.into()),
            payload: Some(payload),
            is_canonical: true,
        })
    }

    /// What a URL tells of the request that it is good for.
    pub(super) fn of_url(method: &'a str, url: &'a str) -> Self {
        let (url, _) = url.split_once('#').unwrap_or((url, ""));
        let (url, query) = url.split_once('?').unwrap_or((url, ""));
        let (host, path) = match url.split_once("://") {
            Some((_, rest)) => rest.find('/').and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, "/")),
            None => ("", url),
        };
        let query = params(query).map(|(name, value)| (name.into(), value));
        let headers = (!host.is_empty()).then_some(("host".into(), host));
        let mut request = Self {
            method,
            path: path.into(),
            query: query.filter(|(name, _): &(Cow<'_, str>, _)| !is_signature(name)).collect(),
            headers: headers.into_iter().collect(),
            ..Self::default()
        };
        request.signed_headers = request.param("SignedHeaders").map(Cow::into_owned).map(Cow::Owned);
        request
    }

    /// The decoded value of a parameter of the scheme.
    pub(super) fn param(&self, name: &str) -> Option<Cow<'a, str>> {
        let is = |other: &str| ["X-Amz-", "X-Goog-"].iter().any(|prefix| other.strip_prefix(prefix) == Some(name));
        let (_, value) = self.query.iter().find(|(other, _)| is(other))?;
        encode::decode(value).map(Cow::Owned)
    }

    /// Whether it tells all that is signed: a URL tells no value of a header but the host.
    pub(super) fn is_complete(&self) -> bool {
        self.payload.is_some() || self.signed_headers.as_deref() == Some("host")
    }

    /// Whether a URL of Google is for that host: the port is not signed with it, unless the signer says so.
    fn is_bare_host(&self, ours: &[&str], theirs: &[&str]) -> bool {
        let is_google = || self.query.iter().any(|(name, _)| name.starts_with("X-Goog-"));
        let ([ours], [theirs]) = (ours, theirs) else { return false };
        let port = ours.strip_prefix(theirs).and_then(|rest| rest.strip_prefix(':'));
        self.payload.is_none()
            && is_google()
            && port.is_some_and(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
    }

    /// Whether it carries a session token.
    pub(super) fn has_token(&self) -> bool {
        self.query.iter().chain(&self.headers).any(|(name, _)| name.to_ascii_lowercase().ends_with("-token"))
    }

    /// Notes what differs, line by line.
    pub(super) fn compare(&self, theirs: &Self, found: &mut Findings) {
        let host = |request: &Self| -> Option<String> {
            request.headers.iter().find(|(name, _)| name == "host").map(|(_, host)| (*host).into())
        };
        let (our_host, their_host) = (host(self).unwrap_or_default(), host(theirs).unwrap_or_default());
        let is_moved = is_bucket_moved((&self.path, &our_host), (&theirs.path, &their_host))
            || is_bucket_moved((&theirs.path, &their_host), (&self.path, &our_host));
        if self.method != theirs.method {
            let cause = match (self.method, theirs.method) {
                ("GET", "HEAD") | ("HEAD", "GET") => Cause::HeadForGet,
                (_, "OPTIONS") => Cause::Preflight,
                _ => Cause::Method,
            };
            found.add(cause, 1, "method", self.method, theirs.method);
        }
        if self.path != theirs.path {
            let cause = if is_moved { Cause::BucketPlacement } else { spelling::of_path(&self.path, &theirs.path) };
            found.add(cause, 2, "path", &self.path, &theirs.path);
        }
        self.compare_queries(theirs, found);
        let is_whole = self.payload.is_some();
        let (our_headers, their_headers) = (by_name(&self.headers), by_name(&theirs.headers));
        for (at, (name, values)) in (4..).zip(&our_headers) {
            match their_headers.get(name) {
                Some(others) if values == others => {}
                Some(others) if *name == "host" && self.is_bare_host(values, others) => {}
                Some(others) if others.iter().all(|value| value.is_empty()) => {
                    found.add(Cause::HeaderNotSent, at, name, &values.join(","), "");
                }
                None if name.ends_with("-token") => found.add(Cause::TokenMissing, at, name, &values.join(","), ""),
                None => found.add(Cause::HeaderNotSent, at, name, &values.join(","), ""),
                Some(others) => {
                    let (ours, others) = (values.join(","), others.join(","));
                    let cause = spelling::of_header(name, &ours, &others);
                    found.add(if is_moved { Cause::BucketPlacement } else { cause }, at, name, &ours, &others);
                }
            }
        }
        let is_signed = |name: &str| self.signed_headers.as_ref().is_some_and(|it| it.split(';').any(|it| it == name));
        for (at, (name, values)) in (4..).zip(&their_headers) {
            // A URL does not tell the values of the headers that it signs.
            if our_headers.contains_key(name) || !is_whole && is_signed(name) {
                continue;
            }
            let cause = if *name == "content-type" { Cause::ContentType } else { Cause::HeaderAdded };
            found.add(cause, at, name, "", &values.join(","));
        }
        let line = 4 + self.headers.len();
        if let (Some(ours), Some(theirs)) = (&self.signed_headers, &theirs.signed_headers)
            && ours != theirs
        {
            found.add(Cause::SignedHeaders, line + 1, "signed headers", ours, theirs);
        }
        if let (Some(ours), Some(theirs)) = (self.payload, theirs.payload)
            && ours != theirs
        {
            found.add(spelling::of_payload(ours, theirs), line + 2, "payload", ours, theirs);
        }
    }

    fn compare_queries(&self, theirs: &Self, found: &mut Findings) {
        let (ours, others) = (by_name(&self.query), by_name(&theirs.query));
        let spelled: BTreeMap<String, &str> = others.keys().map(|name| (spelling::skeleton(name), *name)).collect();
        let our_spelled: BTreeSet<String> = ours.keys().map(|name| spelling::skeleton(name)).collect();
        let before = found.len();
        for (name, values) in &ours {
            match others.get(name) {
                Some(others) if values == others => {}
                Some(others) => {
                    let (values, others) = (values.join(","), others.join(","));
                    if name.ends_with("-Credential") && compare_credentials(&values, &others, found) {
                        continue;
                    }
                    let cause = spelling::of_encoded(&values, &others);
                    let cause = match (name.ends_with("-Token"), cause) {
                        (true, Some(Cause::EncodedTwice)) => Cause::TokenEncodedTwice,
                        (true, None) => Cause::TokenChanged,
                        _ if name.ends_with("-Date") => Cause::DateChanged,
                        _ => cause.unwrap_or(Cause::ParameterChanged),
                    };
                    found.add(cause, 3, name, &values, &others);
                }
                // The name itself may be spelled in another way.
                None => match spelled.get(&spelling::skeleton(name)).filter(|other| !ours.contains_key(*other)) {
                    Some(other) => {
                        let cause = spelling::of_encoded(name, other).unwrap_or(Cause::EscapedDifferently);
                        found.add(cause, 3, name, name, other);
                    }
                    None if name.ends_with("-Token") => {
                        found.add(Cause::TokenMissing, 3, name, &values.join(","), "");
                    }
                    None => found.add(Cause::ParameterDropped, 3, name, &values.join(","), ""),
                },
            }
        }
        for (name, values) in others.iter().filter(|(name, _)| !ours.contains_key(*name)) {
            if name.starts_with("amp;") || name.starts_with("amp%3B") {
                found.add_first(Cause::AmpersandEscaped, 3, name, "", &values.join(","));
            } else if !our_spelled.contains(&spelling::skeleton(name)) {
                found.add(Cause::ParameterAdded, 3, name, "", &values.join(","));
            }
        }
        let is_ordered = self.is_canonical && theirs.is_canonical && found.len() == before;
        if is_ordered && self.query == theirs.query && self.raw_query != theirs.raw_query {
            found.add(Cause::EmptyValue, 3, "query", self.raw_query, theirs.raw_query);
        }
        if is_ordered && self.query != theirs.query {
            let (left, right) = self.query.iter().zip(&theirs.query).find(|(left, right)| left != right).unzip();
            let name = |pair: Option<&(Cow<'a, str>, &str)>| pair.map(|(name, _)| String::from(&**name));
            let (left, right) = (name(left).unwrap_or_default(), name(right).unwrap_or_default());
            found.add(Cause::ParameterOrder, 3, &left, &left, &right);
        }
    }
}

fn is_signature(name: &str) -> bool {
    ["X-Amz-Signature", "X-Goog-Signature"].contains(&name)
}

/// Whether the bucket is the first segment of one path and the first label of the other host.
fn is_bucket_moved(in_path: (&str, &str), in_host: (&str, &str)) -> bool {
    let Some((bucket, object)) = in_path.0.strip_prefix('/').map(|path| path.split_once('/').unwrap_or((path, "")))
    else {
        return false;
    };
    in_host.0.strip_prefix('/') == Some(object)
        && in_host.1.strip_prefix(bucket).and_then(|host| host.strip_prefix('.')).is_some()
        && !bucket.is_empty()
}

/// Notes what differs in two encoded credentials, if they have the shape of one.
fn compare_credentials(ours: &str, theirs: &str, found: &mut Findings) -> bool {
    let (Some(ours), Some(theirs)) = (encode::decode(ours), encode::decode(theirs)) else { return false };
    let (Some((our_id, ours)), Some((their_id, theirs))) = (ours.split_once('/'), theirs.split_once('/')) else {
        return false;
    };
    if our_id != their_id {
        found.add(Cause::KeyId, 3, "key id", our_id, their_id);
    }
    compare_scopes(ours, theirs, 3, found);
    our_id != their_id || ours != theirs
}

fn compare_scopes(ours: &str, theirs: &str, line: usize, found: &mut Findings) {
    let mut others = theirs.split('/');
    // More than its four parts is no scope, and not looked at.
    for (at, ours) in ours.split('/').take(4).enumerate() {
        let other = others.next().unwrap_or_default();
        if ours == other {
            continue;
        }
        let (cause, name) = match at {
            0 => (Cause::ScopeDate, "scope date"),
            1 if ours == "auto" || other == "auto" => (Cause::RegionAuto, "region"),
            1 => (Cause::Region, "region"),
            2 => (Cause::Service, "service"),
            _ => (Cause::Algorithm, "terminator"),
        };
        found.add(cause, line, name, ours, other);
    }
}

/// The values of each name, in their order.
fn by_name<'a>(pairs: &'a [(Cow<'_, str>, &'a str)]) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut map: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in pairs {
        map.entry(name).or_default().push(value);
    }
    map
}

/// The parts of a string to sign.
pub(super) struct Message<'a> {
    algorithm: Cow<'a, str>,
    date: Cow<'a, str>,
    scope: Cow<'a, str>,
    hash: Option<&'a str>,
}

impl<'a> Message<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
        let (algorithm, date, scope) = (lines.next()?, lines.next()?, lines.next()?);
        let is_ours = algorithm.starts_with("AWS4-") || algorithm.starts_with("GOOG4-");
        let hash = lines.next();
        is_ours.then_some(Self { algorithm: algorithm.into(), date: date.into(), scope: scope.into(), hash })
    }

    /// What the parameters of a request tell of it.
    pub(super) fn of_request(request: &Request<'a>) -> Option<Self> {
        let scope = request.param("Credential")?.split_once('/')?.1.into();
        let (algorithm, date) = (request.param("Algorithm")?, request.param("Date")?);
        Some(Self { algorithm, date, scope: Cow::Owned(scope), hash: None })
    }

    /// The region that it is signed for.
    pub(super) fn region(&self) -> &str {
        self.scope.split('/').nth(1).unwrap_or_default()
    }

    /// Whether the day of the scope is that of the date.
    pub(super) fn days_agree(&self) -> bool {
        self.date.get(..8) == self.scope.get(..8)
    }

    /// Notes what differs in the lines before the hash; whether hashes differ with nothing else to say why.
    pub(super) fn compare(&self, theirs: &Self, found: &mut Findings) {
        if self.algorithm != theirs.algorithm {
            found.add(Cause::Algorithm, 1, "algorithm", &self.algorithm, &theirs.algorithm);
        }
        if self.date != theirs.date {
            found.add(Cause::DateChanged, 2, "date", &self.date, &theirs.date);
        }
        compare_scopes(&self.scope, &theirs.scope, 3, found);
    }

    /// Whether both have a hash, and not the same one.
    pub(super) fn hashes_differ(&self, theirs: &Self) -> bool {
        matches!((self.hash, theirs.hash), (Some(ours), Some(theirs)) if ours != theirs)
    }
}

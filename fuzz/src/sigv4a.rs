//! `SigV4a`: requests of any shape against a slow reading, and what we sign ourselves against every change of a byte.

use super::{
    ACCESS_KEY_ID, DATE, HOST, REGION, now,
    reference::{self, Target, UNSIGNED},
};
use std::sync::LazyLock;
use valet_key::{
    aws::{
        Expect, PathRule, Plus, RegionSet, Request, S3Error, UrlRequest,
        v4a::{KeyRing, Presented, StaticKey},
    },
    error::VerifyError,
    grant::Justification,
    view::{HeaderLine, RequestView},
};

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// Two numbers in the right form, and wrong for every request.
const ANY_SIGNATURE: &str = "3006020101020101";

static KEY: LazyLock<StaticKey> = LazyLock::new(|| StaticKey::new(ACCESS_KEY_ID, "a secret").unwrap());
static RING: LazyLock<KeyRing> = LazyLock::new(|| KeyRing::new().with(KEY.credential().clone(), KEY.public_key()));

/// Whether a list has the documented form and a pattern of it is the whole of the expected region, slowly.
fn names_region(list: &str) -> Option<bool> {
    fn is_whole(pattern: &[u8], name: &[u8]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) if rest.first() == Some(&b'*') => is_whole(rest, name),
            Some((b'*', rest)) => (0..=name.len()).any(|skip| is_whole(rest, &name[skip..])),
            Some((byte, rest)) => name.split_first().is_some_and(|(first, name)| first == byte && is_whole(rest, name)),
        }
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_*".contains(c);
    let entries: Vec<&str> = list.split(',').collect();
    let is_list = list.len() <= 1024 && entries.iter().all(|e| (1..=40).contains(&e.len()) && e.chars().all(plain));
    is_list.then(|| entries.iter().any(|entry| is_whole(entry.as_bytes(), REGION.as_bytes())))
}

/// A request of any shape: a choice of form and service, then on a line each the region set, the method, the target, a
/// place to change, and header lines.
///
/// Law: whatever passes the check without a key has a region set that names the region, the canonical request of the slow
/// reading, and is refused with a signature that nobody made. Its parts, signed by us, are accepted, and are refused after
/// the change of a byte.
///
/// # Panics
/// If the law is broken.
pub fn sigv4a_verify(data: &[u8]) {
    let Some((&choice, text)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    let mut input = text.split('\n');
    let mut next = || input.next().unwrap_or_default();
    let (regions, method, target, change) = (next(), next(), next(), next());
    let arriving: Vec<(&str, &str)> = input.filter_map(|line| line.split_once(':')).collect();
    let (in_headers, service) = (choice % 2 == 1, if choice / 2 % 2 == 0 { "s3" } else { "execute-api" });
    let expect = Expect::new(REGION, service).allow_unsigned_payload();
    let raw = Raw { in_headers, service, regions, method, target, arriving: &arriving };
    raw.is_read_as_it_is_signed(&expect);
    raw.is_accepted_once_it_is_signed(&expect, change.bytes().map(usize::from).sum());
}

struct Raw<'a> {
    in_headers: bool,
    service: &'a str,
    regions: &'a str,
    method: &'a str,
    target: &'a str,
    arriving: &'a [(&'a str, &'a str)],
}

impl Raw<'_> {
    fn rule(&self) -> PathRule {
        PathRule::of_service(self.service)
    }

    fn is_read_as_it_is_signed(&self, expect: &Expect) {
        let Self { regions, method, service, .. } = *self;
        let mut lines: Vec<HeaderLine<'_>> = vec![("host", HOST.as_bytes())];
        lines.extend(self.arriving.iter().map(|(name, value)| (*name, value.as_bytes())));
        if self.in_headers {
            lines.extend([("X-Amz-Date", DATE.as_bytes()), ("X-Amz-Region-Set", regions.as_bytes())]);
            lines.push(("X-Amz-Content-Sha256", UNSIGNED.as_bytes()));
        }
        let mut names: Vec<String> = lines.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort();
        names.dedup();
        let credential = format!("{ACCESS_KEY_ID}/{}/{service}/aws4_request", &DATE[..8]);
        let authorization = format!(
            "AWS4-ECDSA-P256-SHA256 Credential={credential}, SignedHeaders={}, Signature={ANY_SIGNATURE}",
            names.join(";")
        );
        let mut target = self.target.to_owned();
        if self.in_headers {
            lines.push(("Authorization", authorization.as_bytes()));
        } else {
            let encoded = |text: &str| reference::encode(text.as_bytes(), "");
            let separator = if target.contains('?') { '&' } else { '?' };
            target = format!(
                "{target}{separator}X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&X-Amz-Credential={}&X-Amz-Date={DATE}&X-Amz-Expires=300\
                 &X-Amz-Region-Set={}&X-Amz-SignedHeaders={}&X-Amz-Signature={ANY_SIGNATURE}",
                encoded(&credential),
                encoded(regions),
                encoded(&names.join(";")),
            );
        }
        let view = RequestView::new(method, &target, &lines);
        let checked = Presented::parse(&view).and_then(|presented| presented.check(KEY.credential(), expect, now()));
        let pending = match checked {
            Ok(pending) => pending,
            Err(error) => {
                assert!(S3Error::from(&error).status >= 400);
                let said = matches!(error, VerifyError::Scope { part: "region set", .. });
                assert!(!said || names_region(regions.trim_matches([' ', '\t'])) == Some(false), "{regions}");
                return;
            }
        };
        assert_eq!(names_region(regions.trim_matches([' ', '\t'])), Some(true), "{regions}");
        let Target { path, query, .. } = Target::split(&target);
        let mut canonical = format!(
            "{method}\n{}\n{}\n",
            reference::canonical_path(path, self.rule()),
            reference::canonical_query(query, Plus::Refuse, &["X-Amz-Signature"])
        )
        .into_bytes();
        for name in &names {
            if name == "authorization" {
                continue;
            }
            let value = reference::header(lines.iter().copied(), name).unwrap();
            canonical.extend([name.as_bytes(), b":", &*value, b"\n"].concat());
        }
        let payload = reference::header(lines.iter().copied(), "x-amz-content-sha256");
        let assumed = if service == "s3" { UNSIGNED } else { EMPTY };
        canonical.extend(format!("\n{}\n", names.join(";")).into_bytes());
        canonical.extend(payload.unwrap_or_else(|| assumed.as_bytes().to_vec()));
        assert_eq!(String::from_utf8_lossy(&pending.canonical_request()), String::from_utf8_lossy(&canonical));
        assert!(pending.string_to_sign().as_str().starts_with("AWS4-ECDSA-P256-SHA256\n"));
        let refused = pending.accept_public(&KEY.public_key()).map(|_| ());
        assert_eq!(refused, Err(VerifyError::SignatureMismatch));
    }

    fn is_accepted_once_it_is_signed(&self, expect: &Expect, change: usize) {
        let Ok(regions) = RegionSet::new(self.regions) else {
            return assert_eq!(names_region(self.regions), None);
        };
        let Target { path, query, .. } = Target::split(self.target);
        let Ok(mut request) = Request::new(self.method, &format!("https://{HOST}"), REGION, self.service) else {
            return;
        };
        request = request.encoded_path(path).region_set(regions).because(Justification::new("a law").unwrap());
        for param in query.split('&').filter(|param| !param.is_empty()) {
            let (name, value) = param.split_once('=').unwrap_or((param, ""));
            request = request.query(name, value);
        }
        for (name, value) in self.arriving {
            request = request.header(*name, value.as_bytes());
        }
        let mut lines: Vec<HeaderLine<'_>> = vec![("host", HOST.as_bytes())];
        lines.extend(self.arriving.iter().map(|(name, value)| (*name, value.as_bytes())));
        let signed;
        let target = if self.in_headers {
            let Ok(headers) = KEY.sign_headers(&request, now()) else { return };
            signed = headers;
            lines.extend(signed.expose().map(|(name, value)| (name, value.as_bytes())));
            signed.target().to_owned()
        } else {
            let Ok(url) = KEY.presign(&UrlRequest::new(request), now()) else { return };
            url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned()
        };
        let verify = |target: &str| {
            let presented = Presented::parse(&RequestView::new(self.method, target, &lines))?;
            RING.verify(presented, expect, now()).map(|verified| verified.replay_key())
        };
        let verdict = verify(&target);
        match &verdict {
            Ok(_) => assert_eq!(names_region(self.regions), Some(true)),
            Err(VerifyError::Scope { .. }) => return assert_eq!(names_region(self.regions), Some(false)),
            // Headers whose values a verifier reads, but a signer does not.
            Err(error) => return assert!(!matches!(error, VerifyError::SignatureMismatch), "{error}"),
        }
        let mut bytes = target.clone().into_bytes();
        let at = change % bytes.len();
        bytes[at] = if bytes[at] == b'~' { b'!' } else { bytes[at] + 1 };
        let changed = String::from_utf8_lossy(&bytes).into_owned();
        let folded = |target: &str| {
            let Target { path, query, .. } = Target::split(target);
            // A path that is normalised may be written in several ways.
            (reference::canonical_path(path, self.rule()), query.to_ascii_lowercase())
        };
        if folded(&changed) != folded(&target) {
            assert!(verify(&changed).is_err(), "accepted after a change at {at}");
        }
    }
}

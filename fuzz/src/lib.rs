//! The laws that the fuzz targets hold the verifier to, each a plain function of some bytes.
//!
//! A function panics if the law is broken. It uses nothing but the public interface of `valet_key` and,
//! for comparison, a slow reading of its own, so the tests of the crate call the same functions on the
//! seeds under `corpus/`.

mod auth_token;
mod azure_xml;
mod cloudfront;
mod explain;
mod gate;
mod goog;
mod issuer;
mod messaging;
mod operations;
mod redact;
mod reference;
mod s3_post;
mod sas;
#[cfg(feature = "legacy")]
mod sigv2;
#[cfg(feature = "sigv4a")]
mod sigv4a;
#[cfg(feature = "serde")]
mod stored;
mod streams;
mod sts;
mod ticket;
mod whole;

pub use auth_token::auth_token;
pub use azure_xml::delegation_key;
pub use cloudfront::{cloudfront_cookie, cloudfront_policy};
pub use explain::explanation;
pub use gate::gate;
pub use goog::{goog4_verify, post_form};
pub use issuer::{audit_record, log_line};
pub use messaging::messaging;
pub use redact::redact;
pub use s3_post::s3_post_policy;
pub use sas::sas_verify;
#[cfg(feature = "legacy")]
pub use sigv2::sigv2_verify;
#[cfg(feature = "sigv4a")]
pub use sigv4a::sigv4a_verify;
#[cfg(feature = "serde")]
pub use stored::bounds_and_grants;
pub use streams::{chunk_stream, trailers};
pub use sts::sts_answer;
pub use ticket::ticket;
pub use whole::verify;

use reference::{Claim, Defects, Target, UNSIGNED};
use valet_key::{
    aws::{Credential, Expect, PathRule, Pending, Plus, Presented, Signature, TokenPlacement},
    clock::Timestamp,
    error::VerifyError,
    view::{HeaderLine, RequestView},
};

const ACCESS_KEY_ID: &str = "AKIDEXAMPLE";
const REGION: &str = "eu-west-1";
const HOST: &str = "photos.example:8443";
const DATE: &str = "20260102T030405Z";
/// In the right form, and wrong for every request.
const ANY_SIGNATURE: &str = "00000000000000000000000000000000000000000000000000000000000000ff";

fn now() -> Timestamp {
    Timestamp::parse_iso_basic(DATE).unwrap()
}

fn scope(service: &str) -> String {
    format!("{}/{REGION}/{service}/aws4_request", &DATE[..8])
}

/// What the right signature is, by the definition of HMAC: the public interface shows none.
fn signature_hex(prefixed_secret: &[u8], scope: [&str; 4], message: &[u8]) -> String {
    use goog::sha256;
    let hmac = |key: &[u8], message: &[u8]| -> [u8; 32] {
        let mut block = [0u8; 64];
        if key.len() > 64 {
            block[..32].copy_from_slice(&sha256(key));
        } else {
            block[..key.len()].copy_from_slice(key);
        }
        let (inner, outer) = (block.map(|byte| byte ^ 0x36), block.map(|byte| byte ^ 0x5c));
        sha256(&[&outer[..], &sha256(&[&inner[..], message].concat())].concat())
    };
    let key = scope.iter().fold(prefixed_secret.to_vec(), |key, part| hmac(&key, part.as_bytes()).to_vec());
    let nibbles = hmac(&key, message).into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.map(|nibble| char::from_digit(nibble.into(), 16).unwrap()).collect()
}

fn authorization_value(service: &str, names: &str) -> String {
    let scope = scope(service);
    format!("AWS4-HMAC-SHA256 Credential={ACCESS_KEY_ID}/{scope}, SignedHeaders={names}, Signature={ANY_SIGNATURE}")
}

/// Everything up to the comparison of the signature, which needs no secret.
fn check<'r>(view: &RequestView<'r>, expect: &Expect) -> Result<Pending<'r>, VerifyError> {
    Presented::parse(view)?.check(&Credential::new(ACCESS_KEY_ID).unwrap(), expect, now())
}

/// Holds the verdict on a request against what is wrong with it, and its canonical form against ours.
fn compare(view: &RequestView<'_>, expect: &Expect, defects: &Defects, canonical: impl FnOnce() -> Vec<u8>) {
    match check(view, expect) {
        Ok(pending) => {
            defects.judge(None);
            let (found, expected) = (pending.canonical_request(), canonical());
            assert_eq!(String::from_utf8_lossy(&found), String::from_utf8_lossy(&expected));
            assert!(found == expected, "they differ in bytes that are not UTF-8");
        }
        Err(error) => defects.judge(Some(error.code())),
    }
}

/// The headers of a request for S3 that is signed in them.
fn signed_in_headers(authorization: &str) -> [HeaderLine<'_>; 4] {
    [
        ("Host", HOST.as_bytes()),
        ("X-Amz-Date", DATE.as_bytes()),
        ("X-Amz-Content-Sha256", UNSIGNED.as_bytes()),
        ("Authorization", authorization.as_bytes()),
    ]
}

const NAMES: &str = "host;x-amz-content-sha256;x-amz-date";

fn tail() -> String {
    format!("host:{HOST}\nx-amz-content-sha256:{UNSIGNED}\nx-amz-date:{DATE}\n\n{NAMES}\n{UNSIGNED}")
}

/// The query: a choice, then the raw text.
///
/// Law: the query is refused for something that is wrong with it, or it is signed as the slow reading
/// has it: split, decoded, encoded, sorted, joined; whatever stands before, between and behind the
/// parameters of the signature.
///
/// # Panics
/// If the law is broken.
pub fn query(data: &[u8]) {
    let Some((&choice, raw)) = data.split_first() else { return };
    let raw = String::from_utf8_lossy(raw);
    let plus = [Plus::Refuse, Plus::Literal, Plus::Blank][usize::from(choice % 3)];
    let after_signing = choice / 12 % 2 == 1;
    let token = if after_signing { TokenPlacement::AfterSigning } else { TokenPlacement::Signed };
    let expect = Expect::new(REGION, "s3").plus(plus).session_token(token);

    let fields = format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={ACCESS_KEY_ID}%2F{}&X-Amz-Date={DATE}&X-Amz-Expires=300&\
         X-Amz-SignedHeaders=host",
        scope("s3").replace('/', "%2F")
    );
    let signature = format!("X-Amz-Signature={ANY_SIGNATURE}");
    let (fields, signature) = (fields.as_str(), signature.as_str());
    let (presigned, pieces) = match choice / 3 % 4 {
        0 => (false, vec![&*raw]),
        1 => (true, vec![&*raw, fields, signature]),
        2 => (true, vec![fields, &*raw, signature]),
        _ => (true, vec![signature, fields, &*raw]),
    };
    let pieces: Vec<&str> = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
    let target = format!("/k?{}", pieces.join("&"));

    let sent = Target::split(&target).query;
    let mut defects = reference::query_defects(sent, plus, presigned);
    defects.must("malformed", target.contains('#'));
    defects.must("too_large", target.len() > 16 << 10);
    let without: &[&str] = match (presigned, after_signing) {
        (false, _) => &[],
        (true, false) => &["X-Amz-Signature"],
        (true, true) => &["X-Amz-Signature", "X-Amz-Security-Token"],
    };
    let canonical = |tail: &str| format!("GET\n/k\n{}\n{tail}", reference::canonical_query(sent, plus, without));
    if presigned {
        let headers: [HeaderLine<'_>; 1] = [("host", HOST.as_bytes())];
        let tail = format!("host:{HOST}\n\nhost\n{UNSIGNED}");
        compare(&RequestView::new("GET", &target, &headers), &expect, &defects, || canonical(&tail).into());
    } else {
        let authorization = authorization_value("s3", NAMES);
        let headers = signed_in_headers(&authorization);
        compare(&RequestView::new("GET", &target, &headers), &expect, &defects, || canonical(&tail()).into());
    }
}

/// The path: a choice of rule and options, then the raw target.
///
/// Law: the path is refused for something that is wrong with it, or it is signed as the slow reading
/// has it. For S3 that is the path as sent, unless `Expect::recode_path` allows other spellings.
///
/// # Panics
/// If the law is broken.
pub fn canonical_path(data: &[u8]) {
    let Some((&choice, raw)) = data.split_first() else { return };
    let raw = String::from_utf8_lossy(raw);
    // The query has a law of its own.
    let target = raw.split('?').next().unwrap_or_default();
    let rules = [PathRule::AsSent, PathRule::NormalizedEncodedTwice, PathRule::EncodedTwice, PathRule::Normalized];
    let rule = rules[usize::from(choice % 4)];
    let (dot_segments, recode) = (choice / 4 % 2 == 1, choice / 8 % 2 == 1);
    let mut expect = Expect::new(REGION, "s3").path_rule(rule);
    if dot_segments {
        expect = expect.allow_dot_segments();
    }
    if recode {
        expect = expect.recode_path();
    }

    let Target { authority, path, .. } = Target::split(target);
    let mut defects = reference::path_defects(path, rule, dot_segments, recode);
    defects.must("malformed", target.contains('#'));
    defects.must("malformed", authority.is_some_and(|authority| !authority.eq_ignore_ascii_case(HOST)));
    defects.must("too_large", target.len() > 16 << 10);
    let authorization = authorization_value("s3", NAMES);
    let headers = signed_in_headers(&authorization);
    let view = RequestView::new("GET", target, &headers);
    compare(&view, &expect, &defects, || {
        let canonical = reference::canonical_path(path, rule);
        if rule == PathRule::AsSent && !recode {
            assert_eq!(canonical, path, "S3 signs the path as sent");
        }
        format!("GET\n{canonical}\n\n{}", tail()).into()
    });
}

/// The header lines: a choice, the list of signed names on the first line, then `name:value` lines.
///
/// Law: the request is refused for something that is wrong with its lines or its list, or its headers
/// are signed as the slow reading has them; and then every arriving `x-amz-*` header is in the list.
///
/// # Panics
/// If the law is broken.
pub fn canonical_headers(data: &[u8]) {
    let Some((&choice, text)) = data.split_first() else { return };
    let mut text = text.split(|&byte| byte == b'\n');
    let given = String::from_utf8_lossy(text.next().unwrap_or_default()).into_owned();
    let arriving: Vec<(String, &[u8])> = text
        .filter(|line| !line.is_empty())
        .map(|line| {
            let colon = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
            let value = line.get(colon + 1..).unwrap_or_default();
            (String::from_utf8_lossy(&line[..colon]).into_owned(), value)
        })
        .collect();
    let service = if choice % 2 == 0 { "s3" } else { "execute-api" };
    let list = if choice / 2 % 2 == 0 {
        // Every name, so that most inputs are accepted.
        let mut names: Vec<String> = NAMES.split(';').map(str::to_owned).collect();
        names.extend(arriving.iter().map(|(name, _)| name.to_ascii_lowercase()));
        names.sort();
        names.dedup();
        names.join(";")
    } else {
        given
    };
    let authorization = authorization_value(service, &list);
    let mut lines: Vec<HeaderLine<'_>> = signed_in_headers(&authorization).to_vec();
    lines.extend(arriving.iter().map(|(name, value)| (name.as_str(), *value)));

    let names: Vec<&str> = list.split(';').collect();
    let mut defects = reference::line_defects(&lines, &names, service == "s3");
    defects.extend(reference::list_defects(&names));
    // A comma or a blank in a name of the list breaks the header that holds the list.
    defects.may("field_form", Claim::read(authorization.as_bytes()).is_none());
    defects.may("field_count", Claim::read(authorization.as_bytes()).is_none());
    let expect = Expect::new(REGION, service).allow_unsigned_payload();
    compare(&RequestView::new("GET", "/", &lines), &expect, &defects, || {
        for (name, _) in &lines {
            let name = name.to_ascii_lowercase();
            let is_free = !name.starts_with("x-amz-") || name == "x-amz-content-sha256";
            assert!(is_free || names.contains(&name.as_str()), "{name} is not signed");
        }
        let mut canonical = b"GET\n/\n\n".to_vec();
        for name in &names {
            canonical.extend([name.as_bytes(), b":"].concat());
            canonical.extend(reference::header(lines.iter().copied(), name).unwrap());
            canonical.push(b'\n');
        }
        canonical.extend(format!("\n{list}\n{UNSIGNED}").into_bytes());
        canonical
    });
}

/// The `Authorization` header: its raw value.
///
/// Law: it is accepted exactly if the slow reading accepts it, both read the same fields, and the fields
/// written down again are read as the same. The signature that it carries is the only one that settles
/// the request.
///
/// # Panics
/// If the law is broken.
pub fn authorization(data: &[u8]) {
    let headers: [HeaderLine<'_>; 4] = [
        ("Host", HOST.as_bytes()),
        ("X-Amz-Date", DATE.as_bytes()),
        ("X-Amz-Content-Sha256", UNSIGNED.as_bytes()),
        ("Authorization", data),
    ];
    let presented = Presented::parse(&RequestView::new("GET", "/", &headers));
    let claim = Claim::read(data);
    assert_eq!(presented.is_ok(), claim.is_some(), "{presented:?} {claim:?}");
    let (Ok(presented), Some(claim)) = (presented, claim) else { return };
    assert_eq!(presented.access_key_id(), claim.access_key_id);
    assert_eq!(presented.scope().as_str(), claim.scope);
    assert!(claim.names.iter().any(|name| name == "host"));

    let scope = presented.scope();
    let again = format!(
        "AWS4-HMAC-SHA256 Credential={}/{}/{}/{}/aws4_request, SignedHeaders={}, Signature={}",
        presented.access_key_id(),
        scope.date(),
        scope.region(),
        scope.service(),
        claim.names.join(";"),
        claim.signature
    );
    assert_eq!(Claim::read(again.as_bytes()).as_ref(), Some(&claim));

    let names: Vec<&str> = claim.names.iter().map(String::as_str).collect();
    let mut defects = reference::line_defects(&headers, &names, true);
    defects.must("scope_date", scope.date() != &DATE[..8]);
    let expect = Expect::new(scope.region(), scope.service()).allow_unsigned_payload();
    let credential = Credential::new(claim.access_key_id.as_str()).unwrap();
    match presented.clone().check(&credential, &expect, now()) {
        Ok(pending) => {
            defects.judge(None);
            let last = if claim.signature.ends_with('0') { '1' } else { '0' };
            let other = format!("{}{last}", &claim.signature[..63]);
            let other = pending.clone().accept(&Signature::from_hex(&other).unwrap());
            assert_eq!(other.err(), Some(VerifyError::SignatureMismatch));
            assert!(pending.accept(&Signature::from_hex(&claim.signature).unwrap()).is_ok());
        }
        Err(error) => defects.judge(Some(error.code())),
    }
}

//! What holds for every input: what is signed is accepted, and nothing else is.

use proptest::{collection::vec, prelude::*, sample::Index};
use std::sync::Arc;
use valet_key::aws::{
    Credential, Endpoint, Expect, HeaderSigner, OnShortCredential, Payload, PayloadCheck, Presented, Presigner, Region,
    Request, Scope, SigV4, StaticKey, UrlRequest,
};
use valet_key::clock::Timestamp;
use valet_key::error::{IssueError, KeyError, VerifyError};
use valet_key::grant::{Grant, Lifetime};
use valet_key::view::RequestView;

const REGION: &str = "eu-west-1";
const HOST: &str = "photos.s3.eu-west-1.amazonaws.com";
const ORIGIN: &str = "https://photos.s3.eu-west-1.amazonaws.com";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn key() -> StaticKey {
    StaticKey::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").unwrap()
}

type Lines = Vec<(String, Vec<u8>)>;

fn verify(method: &str, target: &str, headers: &Lines, now: Timestamp) -> Result<(), VerifyError> {
    verify_with(&key(), &Expect::new(REGION, "s3"), method, target, headers, now)
}

fn verify_with(
    key: &impl SigV4,
    expect: &Expect,
    method: &str,
    target: &str,
    headers: &Lines,
    now: Timestamp,
) -> Result<(), VerifyError> {
    let lines: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let presented = Presented::parse(&RequestView::new(method, target, &lines))?;
    key.verify(presented, expect, now).map(|_| ())
}

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_unix(now().unix() + seconds).unwrap()
}

fn host() -> Lines {
    vec![("host".to_owned(), HOST.as_bytes().to_vec())]
}

/// Any name that S3 takes and no client folds.
fn any_object_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9/._~-]{1,40}",
        "[ -~]{1,40}",
        "\\PC{1,20}",
        "[%+&=;?#/\\\\]{1,12}",
        "[a-c/]{0,5}/%2[ef]/[é日😀]{1,3}"
    ]
    .prop_filter("clients fold these", |name| !name.split('/').any(|segment| matches!(segment, "." | "..")))
}

fn any_params() -> impl Strategy<Value = Vec<(String, String)>> {
    vec(("[a-zA-Z0-9_.é-]{1,8}", "\\PC{0,12}"), 0..6).prop_filter("these belong to a scheme", |params| {
        params.iter().all(|(name, _)| !name.eq_ignore_ascii_case("signature"))
    })
}

fn any_headers() -> impl Strategy<Value = Lines> {
    let value = vec(prop_oneof![0x20u8..0x7f, 0x80u8..=0xff, Just(b'\t'), Just(b' ')], 0..24);
    vec((prop_oneof!["x-[a-d]{1,2}", "X-Amz-Meta-[A-D]{1,2}", "range", "content-type"], value), 0..6)
}

fn request(name: &str, params: &[(String, String)], headers: &Lines) -> Request {
    let mut request = Request::new("GET", ORIGIN, REGION, "s3").unwrap().path(format!("/{name}"));
    for (name, value) in params {
        request = request.query(name, value);
    }
    for (name, value) in headers {
        request = request.header(name, value.as_slice());
    }
    request
}

/// A presigned request as it is sent.
fn presigned(request: Request) -> (String, Lines) {
    let url = key().presign(&UrlRequest::new(request), now()).unwrap();
    let mut headers = host();
    headers.extend(url.required_headers().iter().cloned());
    (url.expose().strip_prefix(ORIGIN).unwrap().to_owned(), headers)
}

fn header_signed(request: &Request, headers: &Lines) -> (String, Lines) {
    let signed = key().sign_headers(request, now()).unwrap();
    let mut lines = host();
    lines.extend(headers.iter().cloned());
    lines.extend(signed.expose().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())));
    (signed.target().to_owned(), lines)
}

fn change_byte(text: &str, at: Index, with: u8) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = at.index(bytes.len());
    bytes[at] = with;
    String::from_utf8(bytes).unwrap()
}

/// Every escape of the query in lower case, which is the one change of a single letter that is a proxy's
/// to make. In a path it is a change.
fn fold_escapes_of_query(target: &str) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut folded = format!("{path}?");
    let mut rest = query;
    while let Some((before, after)) = rest.split_once('%') {
        let digits = after.get(..2).unwrap_or(after);
        folded.push_str(before);
        folded.push('%');
        folded.push_str(&digits.to_ascii_lowercase());
        rest = &after[digits.len()..];
    }
    folded + rest
}

/// The same parameters as another client or a proxy writes them: in any order, and with escapes in any
/// case, where none are needed, or left out where no reader needs them.
fn respell_query(target: &str, order: &[Index], spelling: &[u8]) -> String {
    let (path, query) = target.split_once('?').unwrap();
    let mut params: Vec<&str> = query.split('&').collect();
    let mut respelled = Vec::new();
    for at in order {
        if !params.is_empty() {
            respelled.push(params.remove(at.index(params.len())).to_owned());
        }
    }
    respelled.extend(params.into_iter().map(str::to_owned));
    let mut choice = spelling.iter().cycle();
    for param in &mut respelled {
        // Names and lists of the scheme have one spelling.
        if param.starts_with("X-Amz-") {
            continue;
        }
        let (name, value) = param.split_once('=').unwrap();
        let mut respell = |text: &str| {
            let mut new = String::new();
            let mut bytes = text.bytes();
            while let Some(byte) = bytes.next() {
                if byte == b'%' {
                    let digits: String = bytes.by_ref().take(2).map(char::from).collect();
                    let decoded = u8::from_str_radix(&digits, 16).unwrap();
                    match choice.next().unwrap() % 3 {
                        0 => new.extend(["%", &digits.to_ascii_lowercase()]),
                        1 if b"/:;,@!$'()*?[]".contains(&decoded) => new.push(char::from(decoded)),
                        _ => new.extend(["%", &digits]),
                    }
                } else if choice.next().unwrap().is_multiple_of(4) {
                    new.extend(format!("%{byte:02x}").chars());
                } else {
                    new.push(char::from(byte));
                }
            }
            new
        };
        *param = format!("{}={}", respell(name), respell(value));
    }
    format!("{path}?{}", respelled.join("&"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_is_signed_is_accepted(name in any_object_name(), params in any_params(), headers in any_headers()) {
        let request = request(&name, &params, &headers);
        let (target, lines) = presigned(request.clone());
        prop_assert_eq!(verify("GET", &target, &lines, now()), Ok(()));
        let (target, lines) = header_signed(&request, &headers);
        prop_assert_eq!(verify("GET", &target, &lines, now()), Ok(()));
    }

    #[test]
    fn what_was_verified_is_what_was_asked_for(name in any_object_name(), params in any_params()) {
        let (target, lines) = presigned(request(&name, &params, &Vec::new()));
        let lines: Vec<(&str, &[u8])> = lines.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let presented = Presented::parse(&RequestView::new("GET", &target, &lines)).unwrap();
        let verified = key().verify(presented, &Expect::new(REGION, "s3"), now()).unwrap();
        prop_assert_eq!(verified.decoded_path().unwrap(), format!("/{name}"));
        let mut found: Vec<(String, String)> = verified.params().collect::<Result<_, _>>().unwrap();
        let mut asked = params;
        found.sort();
        asked.sort();
        prop_assert_eq!(found, asked);
    }

    #[test]
    fn one_changed_byte_is_refused(
        name in any_object_name(),
        params in any_params(),
        at in any::<Index>(),
        with in 0x21u8..0x7f,
    ) {
        let (target, lines) = presigned(request(&name, &params, &Vec::new()));
        let changed = change_byte(&target, at, with);
        prop_assume!(fold_escapes_of_query(&changed) != fold_escapes_of_query(&target));
        prop_assert!(verify("GET", &changed, &lines, now()).is_err(), "{}", changed);

        let (target, lines) = header_signed(&request(&name, &params, &Vec::new()), &Vec::new());
        let changed = change_byte(&target, at, with);
        prop_assume!(fold_escapes_of_query(&changed) != fold_escapes_of_query(&target));
        prop_assert!(verify("GET", &changed, &lines, now()).is_err(), "{}", changed);
    }

    #[test]
    fn one_byte_more_or_less_is_refused(name in any_object_name(), at in any::<Index>(), with in 0x21u8..0x7f) {
        let (target, lines) = presigned(request(&name, &[("a".to_owned(), "b c".to_owned())], &Vec::new()));
        let place = at.index(target.len());
        let longer = format!("{}{}{}", &target[..place], char::from(with), &target[place..]);
        prop_assert!(verify("GET", &longer, &lines, now()).is_err(), "{}", longer);
        let shorter = format!("{}{}", &target[..place], &target[place + 1..]);
        prop_assert!(verify("GET", &shorter, &lines, now()).is_err(), "{}", shorter);
        // Cut short anywhere.
        prop_assert!(verify("GET", &target[..place], &lines, now()).is_err(), "{}", &target[..place]);
    }

    #[test]
    fn one_changed_header_byte_is_refused(at in any::<Index>(), line in any::<Index>(), with in 0x21u8..0x7f) {
        let headers = vec![("x-amz-meta-user".to_owned(), b"42".to_vec()), ("range".to_owned(), b"bytes=0-9".to_vec())];
        let (target, lines) = header_signed(&request("cat.jpg", &[], &headers), &headers);
        let mut changed = lines.clone();
        let value = &mut changed[line.index(lines.len())].1;
        let place = at.index(value.len());
        value[place] = with;
        // The scheme word before the fields has no letter case.
        prop_assume!(changed.iter().zip(&lines).any(|(new, old)| !new.1.eq_ignore_ascii_case(&old.1)));
        prop_assert!(verify("GET", &target, &changed, now()).is_err());
    }

    #[test]
    fn another_request_is_refused(name in any_object_name(), params in any_params(), in_header in any::<bool>()) {
        let headers = vec![("x-a".to_owned(), b"1".to_vec()), ("x-b".to_owned(), b"1".to_vec())];
        let request = request(&name, &params, &headers);
        let (target, lines) = if in_header { header_signed(&request, &headers) } else { presigned(request) };
        prop_assert_eq!(verify("GET", &target, &lines, now()), Ok(()));
        let mismatch = Err(VerifyError::SignatureMismatch);
        for method in ["HEAD", "PUT", "get", "DELETE"] {
            prop_assert_eq!(verify(method, &target, &lines, now()), mismatch.clone());
        }
        let separator = if target.contains('?') { '&' } else { '?' };
        for more in ["z=1", "versionId=null", "a"] {
            prop_assert_eq!(verify("GET", &format!("{target}{separator}{more}"), &lines, now()), mismatch.clone());
        }
        if !in_header {
            prop_assert_eq!(verify("GET", &target.replacen('?', "x?", 1), &lines, now()), mismatch.clone());
        }
        let change = |change: &dyn Fn(&mut Lines)| {
            let mut lines = lines.clone();
            change(&mut lines);
            verify("GET", &target, &lines, now())
        };
        prop_assert_eq!(change(&|lines| lines[0].1 = b"other.example".to_vec()), mismatch.clone());
        prop_assert_eq!(change(&|lines| lines.push(("X-A".to_owned(), b"2".to_vec()))), mismatch.clone());
        prop_assert_eq!(change(&|lines| lines.push(("X-A".to_owned(), Vec::new()))), mismatch.clone());
        for (name, _) in &headers {
            let missing = Err(VerifyError::SignedHeaderMissing { name: name.clone() });
            prop_assert_eq!(change(&|lines| lines.retain(|(line, _)| line != name)), missing);
            let set = |value: &[u8]| {
                change(&|lines| lines.iter_mut().filter(|(line, _)| line == name).for_each(|line| line.1 = value.into()))
            };
            prop_assert_eq!(set(b"2"), mismatch.clone());
            prop_assert_eq!(set(b""), mismatch.clone());
            prop_assert_eq!(set(b"\t1  "), Ok(()));
        }
        let unsigned = Err(VerifyError::UnsignedHeader { name: "x-amz-z".to_owned() });
        prop_assert_eq!(change(&|lines| lines.push(("X-Amz-Z".to_owned(), b"1".to_vec()))), unsigned);
        prop_assert_eq!(change(&|lines| lines.push(("X-Other".to_owned(), b"1".to_vec()))), Ok(()));
    }

    #[test]
    fn another_spelling_of_the_query_is_the_same_request(
        name in any_object_name(),
        params in any_params(),
        order in vec(any::<Index>(), 0..12),
        spelling in vec(any::<u8>(), 1..16),
    ) {
        let (target, lines) = presigned(request(&name, &params, &Vec::new()));
        let respelled = respell_query(&target, &order, &spelling);
        prop_assert_eq!(verify("GET", &respelled, &lines, now()), Ok(()), "{}", respelled);
    }

    #[test]
    fn headers_may_move_past_each_other_but_not_past_their_own_name(
        headers in any_headers(),
        order in vec(any::<Index>(), 8),
    ) {
        let (target, lines) = presigned(request("cat.jpg", &[], &headers));
        let mut moved = lines.clone();
        for at in order {
            let place = at.index(moved.len());
            if place > 0 && !moved[place].0.eq_ignore_ascii_case(&moved[place - 1].0) {
                moved.swap(place, place - 1);
            }
        }
        prop_assert_eq!(verify("GET", &target, &moved, now()), Ok(()));
    }

    #[test]
    fn two_paths_never_share_a_signature(
        left in "/[a-c/.%~+]{0,8}",
        right in "/[a-c/.%~+]{0,8}",
        respelled in vec(any::<bool>(), 1..9),
        recode in any::<bool>(),
    ) {
        // The text of a path and how a client might spell it.
        let spell = |text: &str| -> String {
            let mut choice = respelled.iter().cycle();
            text.bytes().map(|byte| match byte {
                b'/' => "/".to_owned(),
                byte if *choice.next().unwrap() => format!("%{byte:02x}"),
                b'%' => "%25".to_owned(),
                byte => char::from(byte).to_string(),
            }).collect()
        };
        let request = Request::new("GET", ORIGIN, REGION, "s3").unwrap().path(left.as_str()).allow_dot_segments();
        let (target, lines) = presigned(request);
        let (sent, query) = target.split_once('?').unwrap();
        let mut expect = Expect::new(REGION, "s3").allow_dot_segments();
        if recode {
            expect = expect.recode_path();
        }
        for path in [right.clone(), left.clone()] {
            let path_sent = spell(&path);
            let verdict = verify_with(&key(), &expect, "GET", &format!("{path_sent}?{query}"), &lines, now());
            let same = if recode { path == left } else { path_sent == sent };
            prop_assert_eq!(verdict.is_ok(), same, "{} for {}: {:?}", path_sent, sent, verdict);
        }
    }

    #[test]
    fn what_a_strict_verifier_accepts_a_lenient_one_accepts(name in any_object_name(), params in any_params()) {
        let (target, lines) = presigned(request(&name, &params, &Vec::new()));
        let lenient = Expect::new(REGION, "s3").allow_dot_segments().recode_path().allow_unsigned_payload();
        for plus in [valet_key::aws::Plus::Literal, valet_key::aws::Plus::Blank] {
            let expect = lenient.clone().plus(plus);
            prop_assert_eq!(verify_with(&key(), &expect, "GET", &target, &lines, now()), Ok(()));
        }
    }

    #[test]
    fn another_key_is_refused(secret in "[ -~]{1,40}", id in "[A-Z0-9]{1,20}", in_header in any::<bool>()) {
        let request = request("cat.jpg", &[], &Vec::new());
        let (target, lines) = if in_header { header_signed(&request, &Vec::new()) } else { presigned(request) };
        let check = |key: &StaticKey| verify_with(key, &Expect::new(REGION, "s3"), "GET", &target, &lines, now());
        let other = StaticKey::new("AKIAIOSFODNN7EXAMPLE", secret).unwrap();
        prop_assert_eq!(check(&other), Err(VerifyError::SignatureMismatch));
        let other = StaticKey::new(format!("{id}x"), "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").unwrap();
        prop_assert_eq!(check(&other), Err(VerifyError::OtherKey));
    }

    #[test]
    fn a_token_ends_to_the_second(seconds in 1u32..=900) {
        let request = request("cat.jpg", &[], &Vec::new());
        let url = UrlRequest::new(request).lives(Lifetime::from_seconds(seconds).unwrap());
        let url = key().presign(&url, now()).unwrap();
        let target = url.expose().strip_prefix(ORIGIN).unwrap();
        let at = |offset: i64| verify("GET", target, &host(), Timestamp::from_unix(now().unix() + offset).unwrap());
        prop_assert_eq!(url.expires_at().unix(), now().unix() + i64::from(seconds));
        prop_assert_eq!(at(i64::from(seconds)), Ok(()));
        let expired = matches!(at(i64::from(seconds) + 1), Err(VerifyError::Expired { .. }));
        prop_assert!(expired);
        prop_assert_eq!(at(-900), Ok(()));
        let early = matches!(at(-901), Err(VerifyError::NotYetValid { .. }));
        prop_assert!(early);
    }

    #[test]
    fn signed_headers_are_good_within_the_skew_to_the_second(skew in 0u32..1200, offset in -1300i64..1300) {
        let (target, lines) = header_signed(&request("cat.jpg", &[], &Vec::new()), &Vec::new());
        let expect = Expect::new(REGION, "s3").skew(skew);
        let allowed = skew.min(900);
        let expected = if offset.unsigned_abs() <= u64::from(allowed) {
            Ok(())
        } else {
            Err(VerifyError::Skewed { signed_at: now(), now: later(offset), allowed })
        };
        prop_assert_eq!(verify_with(&key(), &expect, "GET", &target, &lines, later(offset)), expected);
    }

    #[test]
    fn no_token_outlives_its_credential(asked in 1u32..=900, left in -10i64..1000, clamp in any::<bool>()) {
        let credential = Credential::new("AKIAIOSFODNN7EXAMPLE").unwrap().expiring(later(left));
        let short = StaticKey::from_credential(credential, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").unwrap();
        let choice = if clamp { OnShortCredential::Clamp } else { OnShortCredential::Refuse };
        let url = UrlRequest::new(request("cat.jpg", &[], &Vec::new()))
            .lives(Lifetime::from_seconds(asked).unwrap())
            .on_short_credential(choice);
        match short.presign(&url, now()) {
            Ok(token) => {
                let ends = token.expires_at().unix() - now().unix();
                prop_assert_eq!(ends, left.min(i64::from(asked)));
                let target = token.expose().strip_prefix(ORIGIN).unwrap();
                let at = |offset| verify("GET", target, &host(), later(offset));
                prop_assert_eq!(at(ends), Ok(()));
                prop_assert_eq!(at(ends + 1), Err(VerifyError::Expired { expired_at: later(ends), now: later(ends + 1) }));
            }
            Err(error) => {
                let expected = IssueError::OutlivesCredential {
                    token_ends: later(i64::from(asked)),
                    credential_ends: later(left),
                };
                prop_assert_eq!(error, expected);
                prop_assert!(left < i64::from(asked) && !(clamp && left > 0));
            }
        }
    }

    #[test]
    fn every_way_of_signing_gives_the_same_bytes(name in any_object_name(), day in 0i64..40) {
        let now = Timestamp::from_unix(now().unix() + day * 40_000).unwrap();
        let grant = Grant::read("photos", name.as_str());
        let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
        let request = UrlRequest::at(&endpoint, &grant).unwrap();
        let url = key().presign(&request, now).unwrap();
        let mut presigner = Presigner::new(key(), &endpoint, &Grant::read("photos", "x")).unwrap();
        let fast = presigner.presign(&name, now).unwrap();
        prop_assert_eq!(fast.expose(), url.expose());
        prop_assert_eq!(fast.expires_at(), url.expires_at());
        let prepared = request.prepare(key().credential(), now).unwrap();
        let signature = key().sign(prepared.scope(), prepared.string_to_sign()).unwrap();
        let two_steps = prepared.finish(&signature);
        prop_assert_eq!(two_steps.expose(), url.expose());
        let edge = key().derive_scoped(&Scope::new(now, REGION, "s3").unwrap());
        let boxed: Box<dyn SigV4> = Box::new(key());
        for at_the_edge in [
            edge.presign(&request, now).unwrap(),
            Arc::new(edge.clone()).presign(&request, now).unwrap(),
            boxed.presign(&request, now).unwrap(),
            Presigner::new(&edge, &endpoint, &grant).unwrap().presign(&name, now).unwrap(),
        ] {
            prop_assert_eq!(at_the_edge.expose(), url.expose());
        }
        let target = url.expose().strip_prefix(ORIGIN).unwrap();
        prop_assert_eq!(verify_with(&edge, &Expect::new(REGION, "s3"), "GET", target, &host(), now), Ok(()));
        prop_assert_eq!(verify_with(&boxed, &Expect::new(REGION, "s3"), "GET", target, &host(), now), Ok(()));
    }

    #[test]
    fn a_presigner_that_moves_through_time_gives_what_a_fresh_one_gives(
        steps in vec((-200_000i64..200_000, "[a-c /%]{1,6}"), 1..6),
    ) {
        let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
        let mut presigner = Presigner::new(key(), &endpoint, &Grant::read("photos", "x")).unwrap();
        let mut kept = String::new();
        for (offset, name) in steps {
            let ends = presigner.presign_into(&name, later(offset), &mut kept).unwrap();
            let url = UrlRequest::at(&endpoint, &Grant::read("photos", name)).unwrap();
            let fresh = key().presign(&url, later(offset)).unwrap();
            prop_assert_eq!(&kept, fresh.expose());
            prop_assert_eq!(ends, fresh.expires_at());
        }
    }

    #[test]
    fn a_key_of_another_scope_neither_signs_nor_verifies(
        days in -3i64..=3,
        region in prop_oneof![Just(REGION), Just("eu-west-2"), Just("EU-WEST-1")],
        service in prop_oneof![Just("s3"), Just("s3express"), Just("sqs")],
    ) {
        let scope = Scope::new(later(days * 86_400), region, service).unwrap();
        let edge = key().derive_scoped(&scope);
        let own = Scope::new(now(), REGION, "s3").unwrap();
        let refused = KeyError::OutOfScope { key: scope.to_string(), asked: own.to_string() };
        let request = request("cat.jpg", &[], &Vec::new());
        let signed = edge.presign(&UrlRequest::new(request.clone()), now()).map(|_| ());
        let in_headers = edge.sign_headers(&request, now()).map(|_| ());
        let (target, lines) = presigned(request);
        let verified = verify_with(&edge, &Expect::new(REGION, "s3"), "GET", &target, &lines, now());
        if scope == own {
            prop_assert_eq!((signed, in_headers, verified), (Ok(()), Ok(()), Ok(())));
        } else {
            prop_assert_eq!(signed, Err(IssueError::Key(refused.clone())));
            prop_assert_eq!(in_headers, Err(IssueError::Key(refused.clone())));
            prop_assert_eq!(verified, Err(VerifyError::Key(refused)));
        }
    }

    #[test]
    fn the_header_signer_agrees_with_the_trait(name in any_object_name(), params in any_params(), headers in any_headers()) {
        let request = request(&name, &params, &headers);
        let signed = key().sign_headers(&request, now()).unwrap();
        let mut lines: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        lines.push(("Host", HOST.as_bytes()));
        let mut authorization = String::new();
        let mut signer = HeaderSigner::new(key(), REGION, "s3").unwrap();
        signer.sign_into("GET", signed.target(), &lines, Payload::Empty, now(), &mut authorization).unwrap();
        prop_assert_eq!(authorization, signed.authorization());
    }

    #[test]
    fn a_body_is_judged_the_same_in_any_pieces(body in vec(any::<u8>(), 0..300), cuts in vec(any::<Index>(), 0..6)) {
        let digest: [u8; 32] = sha2::Digest::finalize(sha2::Digest::chain_update(<sha2::Sha256 as sha2::Digest>::new(), &body)).into();
        let request = request("cat.jpg", &[], &Vec::new()).payload(Payload::Sha256(digest));
        let (target, lines) = header_signed(&request, &Vec::new());
        let lines: Vec<(&str, &[u8])> = lines.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let presented = Presented::parse(&RequestView::new("GET", &target, &lines)).unwrap();
        let check: PayloadCheck = key().verify(presented, &Expect::new(REGION, "s3"), now()).unwrap().payload_check();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        places.extend([0, body.len()]);
        places.sort_unstable();
        let (mut whole, mut more) = (check.clone(), check);
        for pair in places.windows(2) {
            whole.update(&body[pair[0]..pair[1]]);
            more.update(&body[pair[0]..pair[1]]);
        }
        more.update(b"x");
        prop_assert_eq!(whole.finish(), Ok(()));
        prop_assert!(more.finish().is_err());
    }

    #[test]
    fn nothing_made_up_is_accepted(method in "[A-Z]{1,7}", target in "/[!-~]{0,80}", value in "[ -~]{0,120}") {
        let mut lines = host();
        prop_assert!(verify(&method, &target, &lines, now()).is_err());
        lines.push(("authorization".to_owned(), value.into_bytes()));
        lines.push(("x-amz-date".to_owned(), b"20231114T221320Z".to_vec()));
        lines.push(("x-amz-content-sha256".to_owned(), b"UNSIGNED-PAYLOAD".to_vec()));
        prop_assert!(verify(&method, &target, &lines, now()).is_err());
    }
}

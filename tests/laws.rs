//! What holds for every input: what is signed is accepted, and nothing else is.

use proptest::{collection::vec, prelude::*, sample::Index};
use valet_key::aws::{
    Endpoint, Expect, HeaderSigner, Payload, PayloadCheck, Presented, Presigner, Region, Request, Scope, SigV4,
    StaticKey, UrlRequest,
};
use valet_key::clock::Timestamp;
use valet_key::error::VerifyError;
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
    let lines: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let presented = Presented::parse(&RequestView::new(method, target, &lines))?;
    key().verify(presented, &Expect::new(REGION, "s3"), now).map(|_| ())
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
    fn one_changed_byte_is_refused(name in any_object_name(), at in any::<Index>(), with in 0x21u8..0x7f) {
        let (target, lines) = presigned(request(&name, &[], &Vec::new()));
        let changed = change_byte(&target, at, with);
        // The letter case of an escape in the query is a proxy's to choose; nothing else is.
        prop_assume!(!changed.eq_ignore_ascii_case(&target));
        prop_assert!(verify("GET", &changed, &lines, now()).is_err(), "{}", changed);
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
    fn another_request_is_refused(name in any_object_name(), params in any_params(), which in 0usize..6) {
        let headers = vec![("x-a".to_owned(), b"1".to_vec())];
        let (target, lines) = presigned(request(&name, &params, &headers));
        let (mut method, mut target, mut lines) = ("GET", target, lines);
        match which {
            0 => method = "HEAD",
            1 => target.push_str("&z=1"),
            2 => target = target.replacen('?', "x?", 1),
            3 => lines[0].1 = b"other.example".to_vec(),
            4 => lines.retain(|(name, _)| name != "x-a"),
            _ => lines.push(("x-a".to_owned(), b"2".to_vec())),
        }
        prop_assert!(verify(method, &target, &lines, now()).is_err());
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
        let at_the_edge = edge.presign(&request, now).unwrap();
        prop_assert_eq!(at_the_edge.expose(), url.expose());
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

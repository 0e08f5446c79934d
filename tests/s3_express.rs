//! S3 Express One Zone: directory buckets, and credentials whose token is sent by a name of its own.

use valet_key::aws::{
    Credential, Endpoint, Expect, ExpectForm, FormView, HeaderSigner, Payload, PostPolicy, Presented, PresentedForm,
    Presigner, Region, Request, S3Error, SigV4, StaticKey, TokenPlacement, UrlRequest,
};
use valet_key::clock::Timestamp;
use valet_key::error::{IssueError, VerifyError};
use valet_key::grant::{Grant, Justification, Lifetime};
use valet_key::view::RequestView;

const ID: &str = "ASIAEXPRESSEXAMPLE";
const TOKEN: &str = "PLANTEDsession/token+with=signs";
const REGION: &str = "us-west-2";
const BUCKET: &str = "photos--usw2-az1--x-s3";
const HOST: &str = "photos--usw2-az1--x-s3.s3express-usw2-az1.us-west-2.amazonaws.com";

fn now() -> Timestamp {
    Timestamp::parse_iso_basic("20261124T120000Z").unwrap()
}

fn origin() -> String {
    format!("https://{HOST}")
}

/// What `CreateSession` gives out.
fn session() -> StaticKey {
    let credential = Credential::new(ID).unwrap().with_s3_session_token(TOKEN).unwrap();
    StaticKey::from_credential(credential.expiring(now().saturating_add(300)), "secret").unwrap()
}

/// The same key and token, as if the Security Token Service had given them out.
fn other_kind() -> StaticKey {
    let credential = Credential::new(ID).unwrap().with_session_token(TOKEN).unwrap();
    StaticKey::from_credential(credential, "secret").unwrap()
}

fn url() -> String {
    let grant = Grant::read(BUCKET, "a b.jpg").lives(Lifetime::minutes(5).unwrap());
    let url = session().presign(&UrlRequest::s3(&grant, REGION).unwrap(), now()).unwrap();
    url.expose().strip_prefix(&*origin()).unwrap().to_owned()
}

fn headers() -> (String, Vec<(String, String)>) {
    let request = Request::new("GET", &origin(), REGION, "s3express").unwrap().path("/a b.jpg");
    let signed = session().sign_headers(&request, now()).unwrap();
    let mut lines = vec![("host".to_owned(), HOST.to_owned())];
    lines.extend(signed.expose().map(|(name, value)| (name.to_owned(), value.to_owned())));
    (signed.target().to_owned(), lines)
}

fn verify(key: &StaticKey, service: &str, target: &str, lines: &[(String, String)]) -> Result<String, VerifyError> {
    let lines: Vec<(&str, &[u8])> = lines.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let presented = Presented::parse(&RequestView::new("GET", target, &lines))?;
    key.verify(presented, &Expect::new(REGION, service), now()).and_then(|verified| verified.decoded_path())
}

fn host() -> Vec<(String, String)> {
    vec![("host".to_owned(), HOST.to_owned())]
}

#[test]
fn a_directory_bucket_is_signed_for_its_own_service_with_its_own_token() {
    let url = url();
    assert!(url.starts_with("/a%20b.jpg?"), "{url}");
    assert!(url.contains("%2Fs3express%2Faws4_request&"), "{url}");
    assert!(url.contains("X-Amz-S3session-Token=PLANTEDsession%2Ftoken%2Bwith%3Dsigns&"), "{url}");
    assert!(!url.contains("Security-Token"), "{url}");
    assert_eq!(verify(&session(), "s3express", &url, &host()), Ok("/a b.jpg".to_owned()));
    let (target, lines) = headers();
    assert!(lines.iter().any(|(name, value)| name == "x-amz-s3session-token" && value == TOKEN));
    assert!(lines.last().unwrap().1.contains(";x-amz-s3session-token, "), "it is signed");
    assert_eq!(verify(&session(), "s3express", &target, &lines), Ok("/a b.jpg".to_owned()));
}

#[test]
fn the_fast_signers_say_the_same() {
    let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
    let grant = Grant::read(BUCKET, "any").lives(Lifetime::minutes(5).unwrap());
    let mut presigner = Presigner::new(session(), &endpoint, &grant).unwrap();
    let fast = presigner.presign("a b.jpg", now()).unwrap();
    assert_eq!(fast.expose().strip_prefix(&*origin()), Some(&*url()));
    let lines: [(&str, &[u8]); 1] = [("host", HOST.as_bytes())];
    let mut authorization = String::new();
    let mut signer = HeaderSigner::new(session(), REGION, "s3express").unwrap();
    signer.sign_into("GET", "/a%20b.jpg", &lines, Payload::Empty, now(), &mut authorization).unwrap();
    assert_eq!(authorization, headers().1.last().unwrap().1);
    let mut elsewhere = HeaderSigner::new(session(), REGION, "s3").unwrap();
    let refused = elsewhere.sign_into("GET", "/", &lines, Payload::Empty, now(), &mut authorization);
    assert!(matches!(refused, Err(IssueError::Invalid { what: "session token", .. })));
}

#[test]
fn r02_r24_one_token_by_the_name_of_its_kind() {
    let token = |error: &VerifyError| matches!(error, VerifyError::SessionToken { .. });
    let count = |error: &VerifyError| matches!(error, VerifyError::FieldCount { found: 2, .. });
    let url = url();
    assert!(verify(&session(), "s3express", &url, &host()).is_ok());
    // Both, wherever they stand.
    let security = format!("{url}&X-Amz-Security-Token=PLANTED");
    assert!(count(&verify(&session(), "s3express", &security, &host()).unwrap_err()));
    for name in ["x-amz-security-token", "x-amz-s3session-token"] {
        let lines = [host(), vec![(name.to_owned(), TOKEN.to_owned())]].concat();
        assert!(count(&verify(&session(), "s3express", &url, &lines).unwrap_err()), "{name}");
        let (target, mut lines) = headers();
        lines.push((name.to_owned(), TOKEN.to_owned()));
        assert!(count(&verify(&session(), "s3express", &target, &lines).unwrap_err()), "{name}");
    }
    // The right token of a key of the other kind: signed and all, it is refused once the signature is right.
    let verdict = verify(&other_kind(), "s3express", &url, &host()).unwrap_err();
    assert!(token(&verdict) && verdict.to_string().contains("another name"), "{verdict}");
    let theirs = other_kind()
        .sign_headers(&Request::new("GET", &origin(), REGION, "s3express").unwrap().path("/a b.jpg"), now());
    let theirs = theirs.unwrap();
    let mut lines = host();
    lines.extend(theirs.expose().map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert!(verify(&other_kind(), "s3express", theirs.target(), &lines).is_ok(), "the service takes both kinds");
    assert!(token(&verify(&session(), "s3express", theirs.target(), &lines).unwrap_err()));
    // None at all, or another.
    let long_term = StaticKey::new(ID, "secret").unwrap();
    assert!(token(&verify(&long_term, "s3express", &url, &host()).unwrap_err()));
    let changed = url.replace("PLANTED", "plANTED");
    assert_eq!(verify(&session(), "s3express", &changed, &host()), Err(VerifyError::SignatureMismatch));
    let misspelled = url.replace("X-Amz-S3session-Token", "X-Amz-S3Session-Token");
    assert!(matches!(
        verify(&session(), "s3express", &misspelled, &host()),
        Err(VerifyError::FieldForm { field: "X-Amz-S3session-Token", .. })
    ));
}

#[test]
fn r09_the_token_is_signed() {
    let (target, mut lines) = headers();
    let authorization = &mut lines.last_mut().unwrap().1;
    *authorization = authorization.replace(";x-amz-s3session-token", "");
    let refused = verify(&session(), "s3express", &target, &lines);
    assert_eq!(refused, Err(VerifyError::UnsignedHeader { name: "x-amz-s3session-token".to_owned() }));
    let after =
        Request::new("GET", &origin(), REGION, "s3express").unwrap().session_token(TokenPlacement::AfterSigning);
    assert!(matches!(session().sign_headers(&after, now()), Err(IssueError::Invalid { what: "session token", .. })));
    assert!(other_kind().sign_headers(&after, now()).is_ok());
}

#[test]
fn r22_such_a_credential_signs_for_no_other_service() {
    for service in ["s3", "sts"] {
        let request = Request::new("GET", "https://example.amazonaws.com", REGION, service).unwrap();
        let why = session().sign_headers(&request, now()).unwrap_err();
        assert!(matches!(why, IssueError::Invalid { what: "session token", .. }), "{why}");
        assert!(session().presign(&UrlRequest::new(request), now()).is_err());
    }
    let ordinary = UrlRequest::s3(&Grant::read("photos", "cat.jpg"), REGION).unwrap();
    assert!(session().presign(&ordinary, now()).is_err());
    assert!(other_kind().presign(&ordinary, now()).is_ok());
    // A verifier of S3 does not take the token either, whoever signed with it.
    let smuggled = url().replace("%2Fs3express%2F", "%2Fs3%2F");
    let refused = verify(&session(), "s3", &smuggled, &host()).unwrap_err();
    assert!(matches!(refused, VerifyError::SessionToken { .. }), "{refused:?}");
    assert_eq!(S3Error::from(&refused).code, "SignatureDoesNotMatch");
    assert!(matches!(verify(&session(), "s3", &url(), &host()), Err(VerifyError::Scope { part: "service", .. })));
}

#[test]
fn r22_r24_such_a_credential_signs_no_form_and_none_is_taken_of_it() {
    let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
    let policy = PostPolicy::new(&endpoint, "photos", "cat.jpg").unwrap().size(0..=1);
    let policy = policy.lives(Lifetime::minutes(5).unwrap());
    assert!(matches!(policy.sign(&session(), now()), Err(IssueError::Invalid { what: "session token", .. })));
    // The same key and token of the other kind signs a form, which is then no form of a session's.
    let form = policy.sign(&other_kind(), now()).unwrap();
    let fields: Vec<(&str, &str)> = form.fields().collect();
    assert!(fields.contains(&("x-amz-security-token", TOKEN)));
    let presented = PresentedForm::parse(&FormView::new("photos", &fields)).unwrap();
    let verdict = |key: &StaticKey| key.verify_form(presented.clone(), &ExpectForm::new(REGION), now()).map(|_| ());
    assert_eq!(verdict(&other_kind()), Ok(()));
    let refused = verdict(&session()).unwrap_err();
    assert!(matches!(refused, VerifyError::SessionToken { .. }), "{refused:?}");
    assert!(!format!("{refused}{refused:?}").contains("PLANTED"));
}

#[test]
fn r20_no_url_outlives_the_session() {
    let long = UrlRequest::s3(&Grant::read(BUCKET, "cat.jpg"), REGION).unwrap();
    assert!(matches!(session().presign(&long, now()), Err(IssueError::OutlivesCredential { .. })));
}

#[test]
fn what_a_directory_bucket_lacks_is_not_asked_of_it() {
    let ask = |grant: &Grant| UrlRequest::s3(grant, REGION).map(|_| ());
    let list = |bucket: &str, names: &str| Grant::list(bucket, names).because(Justification::new("a listing").unwrap());
    assert!(ask(&list(BUCKET, "42/")).is_ok());
    assert!(ask(&list("photos", "42").allow_open_prefix()).is_ok());
    assert!(ask(&list(BUCKET, "42").allow_open_prefix()).is_err());
    assert!(ask(&Grant::read("photos", "cat.jpg").version("v1")).is_ok());
    assert!(ask(&Grant::read(BUCKET, "cat.jpg").version("v1")).is_err());
}

#[test]
fn nothing_shows_the_session_token() {
    let key = session();
    let request = UrlRequest::new(Request::new("GET", &origin(), REGION, "s3express").unwrap())
        .lives(Lifetime::minutes(5).unwrap());
    let prepared = request.prepare(key.credential(), now()).unwrap();
    let url = key.presign(&request, now()).unwrap();
    let target = url.expose().strip_prefix(&*origin()).unwrap();
    let lines: [(&str, &[u8]); 1] = [("host", HOST.as_bytes())];
    let presented = Presented::parse(&RequestView::new("GET", target, &lines)).unwrap();
    let pending = presented.clone().check(key.credential(), &Expect::new(REGION, "s3express"), now()).unwrap();
    let refused = verify(&other_kind(), "s3express", target, &host()).unwrap_err();
    for text in [
        format!("{key:?}{:?}{request:?}{prepared:?}{url:?}", key.credential()),
        format!("{presented:?}{pending:?}"),
        format!("{refused:?}{refused}{:?}", S3Error::detailed(&refused)),
    ] {
        assert!(!text.contains("PLANTED"), "{text}");
    }
    assert!(url.expose().contains("PLANTED"));
}

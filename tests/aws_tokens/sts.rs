//! Requests to STS and its answers: every case at every stage, and what is refused.

use crate::{call::Arrived, planted::Planted, published::cases, secrets};
use serde_json::Value;
use std::path::Path;
use valet_key::aws::auth_token::{EksAuthenticator, Login};
use valet_key::aws::sts::{CallerIdentity, SessionPolicy, SessionRequest, StsCode, StsEndpoint, StsError};
use valet_key::aws::{Credential, Expect, Region, SigV4, StaticKey, UrlRequest};
use valet_key::clock::Timestamp;
use valet_key::error::IssueError;
use valet_key::grant::{Grant, Lifetime};

const ROLE: &str = "arn:aws:iam::123456789012:role/team/uploader";

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("text expected, found {value}"))
}

fn endpoint(region: &str) -> StsEndpoint {
    StsEndpoint::regional(Region::new(region).unwrap())
}

fn seconds(seconds: u32) -> Lifetime {
    Lifetime::from_seconds(seconds).unwrap()
}

fn now() -> Timestamp {
    Timestamp::parse_iso_basic("20261124T120000Z").unwrap()
}

fn key() -> StaticKey {
    StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret").unwrap()
}

fn request_of(action: &str, options: &Value) -> SessionRequest {
    let get = |name: &str| options[name].as_str().unwrap_or_default().to_owned();
    let mut request = match action {
        "AssumeRole" => SessionRequest::assume_role(get("role"), get("name")),
        "AssumeRoleWithWebIdentity" => SessionRequest::web_identity(get("role"), get("name"), get("identity")),
        "GetFederationToken" => SessionRequest::federation_token(get("name")),
        "GetSessionToken" => SessionRequest::session_token(),
        other => panic!("{other}"),
    };
    if let Some(number) = options["seconds"].as_u64() {
        request = request.lives(seconds(u32::try_from(number).unwrap()));
    }
    if options["chained"] == true {
        request = request.chained();
    }
    if let Some(policy) = options["policy"].as_str() {
        request = request.policy(SessionPolicy::new(policy).unwrap());
    }
    for arn in options["policy_arns"].as_array().into_iter().flatten() {
        request = request.policy_arn(text(arn));
    }
    for tag in options["tags"].as_array().into_iter().flatten() {
        let (key, value) = (text(&tag[0]), text(&tag[1]));
        request = if tag[2] == true { request.transitive_tag(key, value) } else { request.tag(key, value) };
    }
    if let Some(id) = options["external_id"].as_str() {
        request = request.external_id(id);
    }
    if let Some(mfa) = options["mfa"].as_array() {
        request = request.mfa(text(&mfa[0]), text(&mfa[1]));
    }
    if let Some(name) = options["source"].as_str() {
        request = request.source_identity(name);
    }
    request
}

#[test]
fn our_own_cases_match() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/aws/tokens/sts.json");
    let list: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let list = list.as_array().unwrap();
    assert!(!list.is_empty(), "no cases");
    for case in list {
        let (name, region) = (text(&case["name"]), text(&case["region"]));
        let now = Timestamp::parse_iso_basic(text(&case["time"])).unwrap();
        let credential = Credential::new(text(&case["access_key_id"])).unwrap();
        let credential = match case["session_token"].as_str() {
            Some(token) => credential.with_session_token(token).unwrap(),
            None => credential,
        };
        let key = StaticKey::from_credential(credential, text(&case["secret"])).unwrap();
        let request = request_of(text(&case["action"]), &case["options"]);
        assert_eq!(request.action(), text(&case["action"]), "{name}");
        let expect = Expect::new(region, "sts").host(endpoint(region).host());
        let (canonical, to_sign) = (case["canonical_request"].as_str(), case["string_to_sign"].as_str());
        match text(&case["form"]) {
            "url" => {
                let url = request.in_url(&endpoint(region)).unwrap();
                let prepared = url.prepare(key.credential(), now).unwrap();
                assert_eq!(Some(&*String::from_utf8_lossy(prepared.canonical_request())), canonical, "{name}");
                assert_eq!(Some(prepared.string_to_sign().as_str()), to_sign, "{name}");
                let issued = key.presign(&url, now).unwrap();
                assert_eq!(issued.expose(), text(&case["url"]), "{name}");
                assert_eq!(Arrived::of_url(issued.expose()).run(&key, &expect, now), Ok(()), "{name}");
            }
            "form" => {
                let call = request.as_form(&endpoint(region)).unwrap();
                assert_eq!(call.expose_body(), text(&case["body"]), "{name}");
                assert_eq!(call.url().unwrap(), text(&case["url"]), "{name}");
                let prepared = call.prepare(key.credential(), now).unwrap();
                assert_eq!(Some(&*String::from_utf8_lossy(prepared.canonical_request())), canonical, "{name}");
                assert_eq!(Some(prepared.string_to_sign().as_str()), to_sign, "{name}");
                assert_eq!(call.sign(&key, now).unwrap().authorization(), text(&case["authorization"]), "{name}");
                assert_eq!(Arrived::of_call(&call, &key, now).run(&key, &expect, now), Ok(()), "{name}");
            }
            _ => {
                let call = request.unsigned(&endpoint(region)).unwrap();
                assert_eq!((call.url(), call.expose_body()), (text(&case["url"]), text(&case["body"])), "{name}");
                assert!(request.as_form(&endpoint(region)).is_err() && request.in_url(&endpoint(region)).is_err());
            }
        }
    }
}

/// What a form says, in an order of its own.
fn sorted(form: &str) -> Vec<String> {
    let mut params: Vec<String> = form.split('&').map(ToOwned::to_owned).collect();
    params.sort();
    params
}

/// The value of a form, where `%2B` is a plus sign and `+` a blank.
fn decoded(value: &str) -> String {
    let value = value.replace('+', " ");
    let mut pieces = value.split('%');
    let mut bytes = pieces.next().unwrap().as_bytes().to_vec();
    for piece in pieces {
        let (digits, plain) = piece.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).unwrap());
        bytes.extend(plain.as_bytes());
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn published_forms_match() {
    use base64ct::{Base64, Encoding};
    let Some(folder) = std::env::var_os("VALET_KEY_VECTORS") else {
        println!("VALET_KEY_VECTORS is not set: only the cases in tests/vectors/aws/tokens run");
        return;
    };
    let file = "aws-botocore/header-auth.json";
    let (mut same, mut others) = (0, 0);
    for case in cases(Path::new(&folder), file).iter().filter(|case| case["service"] == "sts") {
        let body = String::from_utf8(Base64::decode_vec(text(&case["request"]["body_base64"])).unwrap()).unwrap();
        let get = |name: &str| {
            let value = body.split('&').find_map(|param| param.strip_prefix(&format!("{name}=")))?;
            Some(decoded(value))
        };
        let action = get("Action").unwrap();
        let request = match action.as_str() {
            "AssumeRole" => SessionRequest::assume_role(get("RoleArn").unwrap(), get("RoleSessionName").unwrap()),
            "GetSessionToken" => SessionRequest::session_token(),
            _ => {
                others += 1;
                continue;
            }
        };
        let request = match get("DurationSeconds") {
            Some(digits) => request.lives(seconds(digits.parse().unwrap())),
            None => request,
        };
        let request = match get("Policy") {
            Some(policy) => request.policy(SessionPolicy::new(policy).unwrap()),
            None => request,
        };
        let request = match get("ExternalId") {
            Some(id) => request.external_id(id),
            None => request,
        };
        let region = text(&case["region"]);
        let call = request.as_form(&endpoint(region)).unwrap_or_else(|error| panic!("{}: {error}", case["id"]));
        assert_eq!(call.url().unwrap(), text(&case["request"]["url"]), "{}", case["id"]);
        assert_eq!(sorted(call.expose_body()), sorted(&body.replace('+', "%20")), "{}", case["id"]);
        same += 1;
    }
    println!("{file}: {same} forms say the same, {others} of other actions");
    assert!(same > 0, "{file}: no forms");
}

fn assume() -> SessionRequest {
    SessionRequest::assume_role(ROLE, "user-42").lives(seconds(900))
}

const SECRET: &str = "PLANTEDsecretPLANTEDsecretPLANTEDsecret0";
const TOKEN: &str = "PLANTEDtoken/PLANTEDtoken+PLANTEDtoken=";
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

fn credentials(end: &str) -> String {
    format!(
        "<Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>\
         <SessionToken>{TOKEN}</SessionToken><Expiration>{end}</Expiration></Credentials>"
    )
}

fn answer_to(action: &str, result: &str) -> String {
    format!(
        "<{action}Response xmlns=\"{NAMESPACE}\">\n  <{action}Result>\n    {result}\n  </{action}Result>\n  \
         <ResponseMetadata><RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ResponseMetadata>\n</{action}Response>\n"
    )
}

fn answer() -> String {
    let user = "<AssumedRoleUser><AssumedRoleId>AROA:user-42</AssumedRoleId>\
                <Arn>arn:aws:sts::123456789012:assumed-role/uploader/user-42</Arn></AssumedRoleUser>";
    let size = "<PackedPolicySize>6</PackedPolicySize>";
    answer_to("AssumeRole", &format!("{user}{}{size}<New>more</New>", credentials("2026-11-24T12:15:00.500Z")))
}

#[test]
fn an_answer_becomes_a_key_that_ends() {
    let session = assume().read_answer(&answer(), now()).unwrap();
    assert_eq!(session.expires_at(), now().saturating_add(900));
    assert_eq!(session.arn(), Some("arn:aws:sts::123456789012:assumed-role/uploader/user-42"));
    assert_eq!(session.packed_policy_percent(), Some(6));
    let credential = session.key().credential();
    assert_eq!(credential.access_key_id(), "ASIAEXAMPLE");
    assert_eq!(credential.session_token().unwrap().expose(), TOKEN);
    // No token that is signed with it outlives it.
    let url = UrlRequest::s3(&Grant::read("photos", "cat.jpg"), "eu-west-1").unwrap();
    let key = session.into_key();
    assert_eq!(key.presign(&url, now()).unwrap().expires_at(), now().saturating_add(900));
    let late = key.presign(&url, now().saturating_add(1));
    assert!(matches!(late, Err(IssueError::OutlivesCredential { .. })));

    let request = SessionRequest::web_identity(ROLE, "user-42", "token");
    let web = answer().replace("AssumeRole", "AssumeRoleWithWebIdentity").replace("12:15:00.500", "13:00:00");
    assert!(request.read_answer(&web, now()).is_ok());
    let federated = "<FederatedUser><Arn>arn:aws:sts::123456789012:federated-user/jane</Arn>\
                     <FederatedUserId>123456789012:jane</FederatedUserId></FederatedUser>";
    let federated = answer_to("GetFederationToken", &(credentials("2026-11-25T00:00:00Z") + federated));
    let session = SessionRequest::federation_token("jane").read_answer(&federated, now()).unwrap();
    assert_eq!(session.arn(), Some("arn:aws:sts::123456789012:federated-user/jane"));
    assert!(SessionRequest::federation_token("john").read_answer(&federated, now()).is_err());
    let plain = answer_to("GetSessionToken", &credentials("2026-11-25T00:00:00Z"));
    assert_eq!(SessionRequest::session_token().read_answer(&plain, now()).unwrap().arn(), None);
    assert!(SessionRequest::session_token().lives(seconds(900)).read_answer(&plain, now()).is_err(), "too long");
}

#[test]
fn an_answer_that_can_be_read_in_two_ways_is_refused() {
    let good = answer();
    assert!(assume().read_answer(&good, now()).is_ok());
    let twice = |element: &str| {
        let start = good.find(&format!("<{element}>")).unwrap();
        let close = format!("</{element}>");
        let end = good.find(&close).unwrap() + close.len();
        format!("{}{}", &good[..end], &good[start..])
    };
    for wrong in [
        String::new(),
        good.replace('<', "&lt;"),
        good[..good.len() - 2].to_owned(),
        format!("{good}{good}"),
        format!("<!DOCTYPE x [<!ENTITY s \"secret\">]>{good}"),
        good.replace(NAMESPACE, "https://example.org/"),
        good.replace(&format!(" xmlns=\"{NAMESPACE}\""), ""),
        good.replace("<Credentials>", "<Credentials id=\"1\">"),
        good.replace("<Credentials>", "<Credentials xmlns=\"https://example.org/\">"),
        good.replace("<Credentials>", "<Credentials>text"),
        good.replace("<AccessKeyId>", "<AccessKeyId><b/>"),
        good.replace("<AccessKeyId>ASIAEXAMPLE", "<AccessKeyId>ASIA&#69;XAMPLE"),
        good.replace("<AccessKeyId>ASIAEXAMPLE", "<AccessKeyId>"),
        good.replace("<AccessKeyId>ASIAEXAMPLE", "<AccessKeyId>ASIA/EXAMPLE"),
        good.replace(TOKEN, " "),
        good.replace(SECRET, ""),
        twice("Credentials"),
        twice("AccessKeyId"),
        twice("SecretAccessKey"),
        twice("SessionToken"),
        twice("Expiration"),
        twice("AssumedRoleUser"),
        twice("PackedPolicySize"),
        twice("AssumeRoleResult"),
        good.replace("<PackedPolicySize>6", "<PackedPolicySize>+6"),
        good.replace("12:15:00.500Z", "12:15:00"),
        good.replace("12:15:00.500Z", "12:15:60Z"),
        good.replace("AssumeRoleR", "GetSessionTokenR"),
        format!("<x>{good}</x>"),
        format!("{good}{}", " ".repeat(64 << 10)),
        good.replace("<New>", &("<New>".to_owned() + &"<a/>".repeat(256))),
    ] {
        let error = assume().read_answer(&wrong, now()).unwrap_err();
        assert!(matches!(error, StsError::Answer { .. }), "{error:?} for {wrong}");
    }
}

#[test]
fn an_answer_to_another_request_is_refused() {
    let good = answer();
    for wrong in [
        good.replace("123456789012:assumed", "123456789013:assumed"),
        good.replace("arn:aws:sts", "arn:aws-cn:sts"),
        good.replace("assumed-role/uploader/user-42", "assumed-role/admin/user-42"),
        good.replace("assumed-role/uploader/user-42", "assumed-role/uploader/user-43"),
        good.replace("assumed-role/uploader/user-42", "federated-user/user-42"),
        // Over already, and longer than was asked for by more than clocks can differ.
        good.replace("2026-11-24T12:15:00.500Z", "2026-11-24T12:00:00Z"),
        good.replace("2026-11-24T12:15:00.500Z", "2026-11-24T12:30:01Z"),
    ] {
        let error = assume().read_answer(&wrong, now()).unwrap_err();
        assert!(matches!(error, StsError::Answer { .. }), "{error:?}");
    }
    assert!(assume().read_answer(&good.replace("12:15:00.500Z", "12:30:00Z"), now()).is_ok());
    let with_source = assume().source_identity("jane");
    assert!(with_source.read_answer(&good, now()).is_err());
    let said = |name: &str| good.replace("<New>", &format!("<SourceIdentity>{name}</SourceIdentity><New>"));
    assert!(with_source.read_answer(&said("jane"), now()).is_ok());
    assert!(with_source.read_answer(&said("john"), now()).is_err());
}

fn refusal(code: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{code}</Code>\
         <Message>{SECRET} is not authorized</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    )
}

#[test]
fn a_refusal_tells_its_code_and_nothing_else() {
    for (text, code) in [
        ("AccessDenied", StsCode::AccessDenied),
        ("ExpiredTokenException", StsCode::ExpiredToken),
        ("ExpiredToken", StsCode::ExpiredToken),
        ("IDPCommunicationError", StsCode::IdpCommunicationError),
        ("PackedPolicyTooLarge", StsCode::PackedPolicyTooLarge),
        ("Throttling", StsCode::Throttling),
        ("ValidationError", StsCode::Other("ValidationError".to_owned())),
    ] {
        let error = assume().read_answer(&refusal(text), now()).unwrap_err();
        assert_eq!(error, StsError::Refused { code: code.clone() });
        Planted::new(&[SECRET]).is_hidden_by_error(&error);
        assert!(matches!(code, StsCode::ExpiredToken) || code.as_str() == text);
    }
    for wrong in ["", "a b", "<b/>", "x&amp;y", &"x".repeat(65)] {
        assert!(matches!(assume().read_answer(&refusal(wrong), now()), Err(StsError::Answer { .. })), "{wrong}");
    }
    let bare = refusal("SignatureDoesNotMatch").replace(&format!(" xmlns=\"{NAMESPACE}\""), "");
    let error = assume().read_answer(&bare, now()).unwrap_err();
    assert_eq!(error, StsError::Refused { code: StsCode::SignatureDoesNotMatch });
}

#[test]
fn r26_a_caller_is_known_once_sts_has_said_who_it_is() {
    let authenticator = EksAuthenticator::new("my-cluster", [endpoint("eu-west-1")]).unwrap();
    let token = Login::eks("my-cluster", &endpoint("eu-west-1")).unwrap().issue(&key(), now()).unwrap();
    let confirm = |status, answer: &str| authenticator.check(token.expose(), now()).unwrap().confirm(status, answer);
    let arn = "arn:aws:sts::123456789012:assumed-role/deployer/ci";
    let who = format!("<Arn>{arn}</Arn><UserId>AROA:ci</UserId><Account>123456789012</Account>");
    let good = answer_to("GetCallerIdentity", &who);
    let identity: CallerIdentity = confirm(200, &good).unwrap();
    assert_eq!((identity.account(), identity.arn(), identity.user_id()), ("123456789012", arn, "AROA:ci"));
    for status in [0, 199, 201, 302, 403, 500] {
        assert!(confirm(status, &good).is_err(), "{status}");
    }
    let refused = confirm(403, &refusal("ExpiredToken")).unwrap_err();
    assert_eq!(refused, StsError::Refused { code: StsCode::ExpiredToken });
    assert!(confirm(200, &refusal("AccessDenied")).is_err());
    for wrong in [
        good.replace("<Account>123456789012", "<Account>123456789013"),
        good.replace("<Account>123456789012", "<Account>12345678901"),
        good.replace("arn:aws:sts", "arn:aws:s3"),
        good.replace("<UserId>AROA:ci</UserId>", ""),
        good.replace("</Account>", "</Account><Account>123456789012</Account>"),
        answer(),
        String::new(),
    ] {
        assert!(confirm(200, &wrong).is_err(), "{wrong}");
    }
}

#[test]
fn r17_a_session_lives_as_long_as_its_action_allows() {
    let (assume, federation, session) =
        (assume(), SessionRequest::federation_token("jane"), SessionRequest::session_token());
    let web = SessionRequest::web_identity(ROLE, "user-42", "token");
    let sent = |request: &SessionRequest, lifetime: u32| {
        let request = request.clone().lives(seconds(lifetime));
        match request.action() {
            "AssumeRoleWithWebIdentity" => request.unsigned(&endpoint("eu-west-1")).map(|_| ()),
            _ => request.as_form(&endpoint("eu-west-1")).map(|_| ()),
        }
    };
    for (request, longest) in [
        (&assume, 43_200),
        (&assume.clone().chained(), 3600),
        (&web, 43_200),
        (&federation, 129_600),
        (&session, 129_600),
    ] {
        assert_eq!(sent(request, 900), Ok(()), "{request:?}");
        assert_eq!(sent(request, longest), Ok(()), "{request:?}");
        assert!(matches!(sent(request, 899), Err(IssueError::Invalid { what: "lifetime", .. })), "{request:?}");
        let over = sent(request, longest + 1);
        assert!(matches!(over, Err(IssueError::LifetimeTooLong { maximum, .. }) if maximum == longest), "{over:?}");
    }
}

#[test]
fn what_sts_does_not_take_is_not_sent() {
    let policy = || SessionPolicy::new("{}").unwrap();
    let (federation, session) = (SessionRequest::federation_token("jane"), SessionRequest::session_token());
    let web = SessionRequest::web_identity(ROLE, "user-42", "token");
    let name = |name: &str| SessionRequest::assume_role(ROLE, name);
    let role = |arn: &str| SessionRequest::assume_role(arn, "user-42");
    let managed = |at: usize| format!("arn:aws:iam::aws:policy/p{at}");
    let eleven = (0..11).fold(assume(), |request, at| request.policy_arn(managed(at)));
    let fifty_one = (0..51).fold(assume(), |request, at| request.tag(format!("k{at}"), "v"));
    for refused in [
        name("a"),
        name(&"a".repeat(65)),
        name("a b"),
        name("\u{e9}\u{e9}"),
        role("arn:aws:iam::123456789012:user/jane"),
        role("arn:aws:iam::12345678901:role/r"),
        role("arn:aws:iam::aws:role/r"),
        role("arn:aws:iam::123456789012:role/"),
        role("arn:aws:iam::123456789012:role/a b"),
        role("uploader"),
        assume().external_id("a"),
        assume().external_id("a b"),
        assume().mfa("GAHT12345678", "12345"),
        assume().mfa("GAHT12345678", "12345x"),
        assume().mfa("short", "123456"),
        assume().source_identity("a"),
        assume().policy_arn("arn:aws:iam::aws:role/r"),
        assume().policy_arn(managed(1)).policy_arn(managed(1)),
        eleven,
        fifty_one,
        assume().tag("", "v"),
        assume().tag("aws:x", "v"),
        assume().tag("AWS:x", "v"),
        assume().tag("k", "v".repeat(257)),
        assume().tag("k".repeat(129), "v"),
        assume().tag("k", "a#b"),
        assume().tag("k", "a\nb"),
        assume().tag("Key", "1").tag("key", "2"),
        federation.clone().external_id("abc"),
        federation.clone().mfa("GAHT12345678", "123456"),
        federation.clone().transitive_tag("k", "v"),
        federation.clone().source_identity("jane"),
        federation.chained(),
        SessionRequest::federation_token("a".repeat(33)),
        session.clone().policy(policy()),
        session.clone().policy_arn(managed(1)),
        session.tag("k", "v"),
    ] {
        assert!(refused.as_form(&endpoint("eu-west-1")).is_err(), "{refused:?}");
        assert!(refused.in_url(&endpoint("eu-west-1")).is_err(), "{refused:?}");
        assert!(refused.unsigned(&endpoint("eu-west-1")).is_err(), "{refused:?}");
    }
    for refused in [
        web.clone().tag("k", "v"),
        web.clone().mfa("GAHT12345678", "123456"),
        web.clone().external_id("abc"),
        SessionRequest::web_identity(ROLE, "user-42", "abc"),
        SessionRequest::web_identity(ROLE, "user-42", "a".repeat(20_001)),
        SessionRequest::web_identity(ROLE, "user-42", "a b c"),
    ] {
        assert!(refused.unsigned(&endpoint("eu-west-1")).is_err(), "{refused:?}");
    }
    assert!(web.policy(policy()).unsigned(&endpoint("eu-west-1")).is_ok());
    let full = (0..10).fold(assume().policy(policy()), |request, at| request.policy_arn(managed(at)));
    let full = (0..50).fold(full, |request, at| request.tag(format!("k{at}"), ""));
    assert!(full.as_form(&endpoint("eu-west-1")).is_ok());
    assert!(name(&"a".repeat(64)).in_url(&endpoint("eu-west-1")).is_ok());
}

#[test]
fn a_session_policy_is_counted_in_characters() {
    let of = |characters: usize| format!("{{\"Id\":\"{}\"}}", "\u{fc}".repeat(characters - 9));
    assert!(SessionPolicy::new(of(2048)).is_ok());
    let over = SessionPolicy::new(of(2049)).unwrap_err();
    assert_eq!(over, IssueError::TooLong { what: "session policy", found: 2049, limit: 2048 });
    assert!(over.to_string().contains("2049"));
    // Policy and ARNs count together.
    let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let with = |characters: usize| {
        let request = assume().policy(SessionPolicy::new(of(characters)).unwrap()).policy_arn(arn);
        request.as_form(&endpoint("eu-west-1")).map(|_| ())
    };
    assert_eq!(with(2048 - arn.len()), Ok(()));
    let over = IssueError::TooLong { what: "session policies", found: 2049, limit: 2048 };
    assert_eq!(with(2049 - arn.len()), Err(over));
    for wrong in ["", " ", "[]", "null", "{", "{}x", "{\"a\":1,\"a\":2}", "{\"a\":\"\u{100}\"}", "{\"a\":\"\u{0}\"}"] {
        assert!(matches!(SessionPolicy::new(wrong), Err(IssueError::Invalid { .. })), "{wrong}");
    }
}

#[test]
fn no_secret_shows() {
    let session = assume().read_answer(&answer(), now()).unwrap();
    let planted = Planted::new(&[SECRET, TOKEN]);
    planted.is_hidden_by(&session);
    planted.is_hidden_by(session.key());
    for at in (0..answer().len()).step_by(3) {
        let mut changed = answer();
        changed.replace_range(at..=at, "\u{fc}");
        if let Err(error) = assume().read_answer(&changed, now()) {
            planted.is_hidden_by_error(&error);
        }
    }
    // An identity token and a one-time code go in, and neither shows.
    let identity = "PLANTEDidentityPLANTEDidentity";
    let web = SessionRequest::web_identity(ROLE, "user-42", identity);
    let call = web.unsigned(&endpoint("eu-west-1")).unwrap();
    Planted::new(&[identity]).is_hidden_by(&web);
    Planted::new(&[identity]).is_hidden_by(&call);
    let coded = assume().mfa("GAHT12345678", "271828");
    let (url, call) = (coded.in_url(&endpoint("eu-west-1")).unwrap(), coded.as_form(&endpoint("eu-west-1")).unwrap());
    let signed = call.sign(&secrets::key(), now()).unwrap();
    for shown in [format!("{coded:?} {coded:#?}"), format!("{url:?}"), format!("{call:?}"), format!("{signed:?}")] {
        assert!(!shown.contains("271828"), "{shown}");
    }
    Planted::new(&[secrets::SECRET, secrets::TOKEN, &signed.authorization()[signed.authorization().len() - 64..]])
        .is_hidden_by(&signed);
}

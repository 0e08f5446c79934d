//! One test for each threat rule that concerns these tokens: what is refused, and the neighbour that is accepted.

use base64ct::{Base64UrlUnpadded, Encoding};
use valet_key::aws::auth_token::{DsqlRole, EksAuthenticator, Login};
use valet_key::aws::sts::StsEndpoint;
use valet_key::aws::{Credential, Expect, KeyRing, OnShortCredential, Presented, Region, SigV4, StaticKey};
use valet_key::clock::Timestamp;
use valet_key::error::{IssueError, VerifyError};
use valet_key::grant::{Justification, Lifetime};
use valet_key::view::RequestView;

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const REGION: &str = "eu-west-1";

fn now() -> Timestamp {
    Timestamp::parse_iso_basic("20261124T120000Z").unwrap()
}

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_unix(now().unix() + seconds).unwrap()
}

fn key() -> StaticKey {
    StaticKey::new(ID, SECRET).unwrap()
}

fn temporary(ends: Option<i64>) -> StaticKey {
    let credential = Credential::new(ID).unwrap().with_session_token("FwoG/token+with=signs").unwrap();
    let credential = ends.map_or(credential.clone(), |seconds| credential.expiring(later(seconds)));
    StaticKey::from_credential(credential, SECRET).unwrap()
}

fn seconds(seconds: u32) -> Lifetime {
    Lifetime::from_seconds(seconds).unwrap()
}

fn endpoint(region: &str) -> StsEndpoint {
    StsEndpoint::regional(Region::new(region).unwrap())
}

fn rds() -> Login {
    Login::rds("db.example", 5432, "jane", REGION).unwrap()
}

fn eks() -> Login {
    Login::eks("my-cluster", &endpoint(REGION)).unwrap()
}

fn authenticator() -> EksAuthenticator {
    EksAuthenticator::new("my-cluster", [endpoint(REGION), endpoint("eu-central-1")]).unwrap()
}

fn every_login() -> Vec<Login> {
    [
        Ok(rds()),
        Login::dsql("abc.dsql.eu-west-1.on.aws", DsqlRole::Admin, REGION),
        Login::elasticache("sessions", "web", REGION),
        Login::elasticache_serverless("sessions", "web", REGION),
        Login::memorydb("sessions", "web", REGION),
        Ok(eks()),
        Login::msk(REGION),
        Login::msk_iam("b-1.example", REGION),
        Login::iot("abc-ats.iot.eu-west-1.amazonaws.com", REGION),
    ]
    .map(Result::unwrap)
    .into()
}

fn issue(login: &Login) -> String {
    login.issue(&key(), now()).unwrap().expose().to_owned()
}

/// Issues an EKS token and changes the URL in it.
fn eks_with(change: impl FnOnce(&str) -> String) -> String {
    let token = issue(&eks());
    let url = Base64UrlUnpadded::decode_vec(token.strip_prefix("k8s-aws-v1.").unwrap()).unwrap();
    eks_of(&change(&String::from_utf8(url).unwrap()))
}

fn eks_of(url: &str) -> String {
    format!("k8s-aws-v1.{}", Base64UrlUnpadded::encode_string(url.as_bytes()))
}

#[track_caller]
fn eks_refused(token: &str, is: impl Fn(&VerifyError) -> bool) {
    let without = authenticator().check(token, now()).unwrap_err();
    assert!(is(&without), "{without:?}");
    let with = authenticator().verify(token, &key(), now()).unwrap_err();
    assert_eq!(with, without);
}

#[track_caller]
fn eks_accepted(token: &str) {
    authenticator().check(token, now()).unwrap();
    authenticator().verify(token, &key(), now()).unwrap();
}

#[test]
fn r02_a_parameter_that_is_there_twice_is_refused_in_any_letter_case() {
    // CVE-2022-2385: aws-iam-authenticator looked at one of two parameters whose names differ in letter case alone, and
    // STS at the other: the action that was checked was not the one that STS answered.
    eks_accepted(&eks_with(ToOwned::to_owned));
    for name in ["action", "ACTION", "Action", "acTion"] {
        for value in ["GetCallerIdentity", "CreateUser"] {
            let behind = eks_with(|url| format!("{url}&{name}={value}"));
            eks_refused(&behind, |e| matches!(e, VerifyError::FieldCount { field: "Action", found: 2 }));
            let before = eks_with(|url| url.replace("/?", &format!("/?{name}={value}&")));
            eks_refused(&before, |e| match *e {
                VerifyError::FieldCount { field, found } => name == "Action" && (field, found) == ("Action", 2),
                VerifyError::NotCovered { field, .. } => name == "Action" && field == "Action",
                _ => *e == VerifyError::Malformed { what: "token", why: OTHER_LETTERS },
            });
        }
        if name != "Action" {
            // Alone and in other letters: STS does not take it for the action.
            let alone = eks_with(|url| url.replace("Action=", &format!("{name}=")));
            eks_refused(&alone, |e| *e == VerifyError::Malformed { what: "token", why: OTHER_LETTERS });
        }
    }
    for extra in ["x-amz-date=20261124T120000Z", "X-AMZ-EXPIRES=900", "x-amz-signature=00", "X-Amz-SignedHeaders=host"]
    {
        eks_refused(&eks_with(|url| format!("{url}&{extra}")), |e| {
            matches!(e, VerifyError::FieldCount { found: 2, .. })
        });
    }
    // The same for the others, whose parameters another reader might take twice.
    for extra in ["DBUser=root", "dbuser=root", "Action=connect", "x-amz-date=20261124T120000Z"] {
        let error = rds().verify(&format!("{}&{extra}", issue(&rds())), &key(), now()).unwrap_err();
        assert!(matches!(error, VerifyError::FieldCount { found: 2, .. }), "{error:?} for {extra}");
    }
}

const OTHER_LETTERS: &str = "it spells a parameter in other letters";

#[test]
fn r02_a_parameter_that_does_not_belong_to_the_token_is_refused() {
    for extra in ["x=1", "RoleArn=arn", "", "X-Amz-Region-Set=*", "Signature=1", "%41ction=1", "X-Amz-Content-Sha256=1"]
    {
        let refused = eks_with(|url| format!("{url}&{extra}"));
        assert!(authenticator().check(&refused, now()).is_err(), "{extra}");
        assert!(rds().verify(&format!("{}&{extra}", issue(&rds())), &key(), now()).is_err(), "{extra}");
    }
    // Kafka's is appended after signing: there it belongs, last and once.
    let msk = Login::msk(REGION).unwrap();
    let token = issue(&msk);
    let url = String::from_utf8(Base64UrlUnpadded::decode_vec(&token).unwrap()).unwrap();
    let verify = |url: &str| msk.verify(&Base64UrlUnpadded::encode_string(url.as_bytes()), &key(), now()).map(|_| ());
    assert_eq!(verify(&url), Ok(()));
    assert_eq!(verify(&url.replace("User-Agent=valet-key", "User-Agent=other%20client")), Ok(()));
    for wrong in [
        format!("{url}&User-Agent=again"),
        format!("{url}&x=1"),
        url.replace("&User-Agent=valet-key", ""),
        url.replace("/?", "/?User-Agent=first&"),
        url.replace("User-Agent", "user-agent"),
        url.replace("User-Agent=valet-key", "User-Agent=a%2"),
    ] {
        assert!(verify(&wrong).is_err(), "{wrong}");
    }
}

#[test]
fn r04_a_token_has_one_spelling() {
    let token = issue(&eks());
    let digits = token.strip_prefix("k8s-aws-v1.").unwrap();
    let mut last = digits.to_owned();
    let end = last.pop().unwrap();
    for wrong in [
        digits.to_owned(),
        format!("k8s-aws-v1{digits}"),
        format!("K8S-AWS-V1.{digits}"),
        format!("k8s-aws-v2.{digits}"),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{token}="),
        format!("{token}=="),
        format!("k8s-aws-v1.{digits}+"),
        // The bits of the last digit that belong to no byte.
        format!("k8s-aws-v1.{last}{}", char::from(end as u8 + 1)),
        eks_with(|url| url.replace("https://", "http://")),
        eks_with(|url| url.replace("https://", "HTTPS://")),
        eks_with(|url| url.replace("https://", "")),
        eks_with(|url| url.replace("com/?", "com?")),
        eks_with(|url| url.replace("com/?", "com//?")),
        eks_with(|url| url.replace("com/?", "com/a?")),
        eks_with(|url| url.replace("com/?", "com/%2e?")),
        eks_with(|url| format!("{url}#fragment")),
        eks_with(|url| format!("{url}\u{fc}")),
        // The same request in another spelling.
        eks_with(|url| url.replace("GetCallerIdentity", "Get%43allerIdentity")),
        eks_with(|url| url.replace("%2F", "%2f")),
        eks_with(|url| url.replace("%2F", "/")),
        eks_with(|url| url.replace("%3B", ";")),
    ] {
        assert!(authenticator().verify(&wrong, &key(), now()).is_err(), "{wrong}");
    }
    for wrong in [
        format!("https://{}", issue(&rds())),
        issue(&rds()).replace("/?", "?"),
        issue(&rds()).replace("/?", "/x?"),
        issue(&rds()).replace("jane", "jane%"),
        issue(&rds()).replace("jane", "jane%00"),
        issue(&rds()).replace("jane", "jane%ff"),
        issue(&rds()).replace("db.example", "user@db.example"),
    ] {
        assert!(rds().verify(&wrong, &key(), now()).is_err(), "{wrong}");
    }
}

#[test]
fn r07_the_host_is_one_of_the_list() {
    eks_accepted(&issue(&Login::eks("my-cluster", &endpoint("eu-central-1")).unwrap()));
    for host in [
        "sts.amazonaws.com",
        "sts.eu-west-2.amazonaws.com",
        "sts.eu-west-1.amazonaws.com.example.org",
        "sts.eu-west-1.amazonaws.com:443",
        "sts.eu-west-1.amazonaws.com.",
        // STS would see the name in lower case, and so another request than the one that was signed.
        "STS.eu-west-1.amazonaws.com",
        "example.org",
        "user@sts.eu-west-1.amazonaws.com",
        "127.0.0.1",
        "",
    ] {
        let token = eks_with(|url| url.replace("sts.eu-west-1.amazonaws.com", host));
        eks_refused(&token, |e| *e == VerifyError::Host);
    }
    let global = EksAuthenticator::new("my-cluster", [StsEndpoint::global().unwrap()]).unwrap();
    let token = issue(&Login::eks("my-cluster", &StsEndpoint::global().unwrap()).unwrap());
    assert!(global.verify(&token, &key(), now()).is_ok());
    eks_refused(&token, |e| *e == VerifyError::Host);
    assert!(EksAuthenticator::new("my-cluster", []).is_err(), "without a list nobody could log in, or anybody");
    // A database knows its own name and port.
    for other in ["db.example:5433", "db.example", "other.example:5432", "DB.example:5432"] {
        let token = issue(&rds()).replace("db.example:5432", other);
        assert_eq!(rds().verify(&token, &key(), now()).unwrap_err(), VerifyError::Host);
    }
    assert!(Login::rds("db.example:5432", 5432, "jane", REGION).is_err());
    assert!(Login::rds("db.example", 443, "jane", REGION).is_err(), "signers do not agree on it");
    assert!(Login::rds("db.example", 0, "jane", REGION).is_err());
}

#[test]
fn r10_the_cluster_is_signed_and_no_header_is_missing() {
    eks_accepted(&issue(&eks()));
    let unsigned = eks_with(|url| url.replace("host%3Bx-k8s-aws-id", "host"));
    let names = |e: &VerifyError, wanted: &str| matches!(e, VerifyError::UnsignedHeader { name } | VerifyError::SignedHeaderMissing { name } if name == wanted);
    eks_refused(&unsigned, |e| names(e, "x-k8s-aws-id"));
    let more = eks_with(|url| url.replace("host%3Bx-k8s-aws-id", "host%3Bx-k8s-aws-id%3Bx-other"));
    eks_refused(&more, |e| names(e, "x-other"));
    let without_host = eks_with(|url| url.replace("host%3Bx-k8s-aws-id", "x-k8s-aws-id"));
    eks_refused(&without_host, |e| names(e, "host"));
    // One for another cluster is a request for another cluster.
    let other = issue(&Login::eks("my-cluster2", &endpoint(REGION)).unwrap());
    assert_eq!(authenticator().verify(&other, &key(), now()).unwrap_err(), VerifyError::SignatureMismatch);
}

#[test]
fn r15_a_missing_time_or_parameter_is_refused() {
    for name in
        ["Action", "Version", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-Signature"]
    {
        let token = eks_with(|url| {
            let (head, query) = url.split_once('?').unwrap();
            let kept: Vec<&str> = query.split('&').filter(|param| !param.starts_with(&format!("{name}="))).collect();
            format!("{head}?{}", kept.join("&"))
        });
        eks_refused(&token, |e| matches!(e, VerifyError::FieldCount { found: 0, .. } | VerifyError::NotSigned));
    }
    let json = Login::msk_iam("b-1.example", REGION).unwrap();
    assert!(json.verify(&issue(&json), &key(), now()).is_ok());
    for member in ["version", "host", "user-agent", "action", "x-amz-date", "x-amz-expires", "x-amz-signature"] {
        let token = issue(&json);
        let start = token.find(&format!("\"{member}\"")).unwrap();
        let end = start + token[start..].find([',', '}']).unwrap();
        let cut = format!("{}{}", &token[..start], token[end..].trim_start_matches(',')).replace(",}", "}");
        let error = json.verify(&cut, &key(), now()).unwrap_err();
        assert!(matches!(error, VerifyError::FieldCount { found: 0, .. }), "{member}: {error:?}");
    }
}

#[test]
fn r16_times_are_calendar_dates_read_whole() {
    for date in ["20261332T120000Z", "20261124T120060Z", "20261124T120000", "20261124T120000Z0", "20261124", "-1"] {
        let token = eks_with(|url| url.replace("20261124T120000Z", date));
        eks_refused(&token, |e| matches!(e, VerifyError::FieldForm { field: "X-Amz-Date", .. }));
    }
    let end = Timestamp::parse_iso_basic("99991231T235900Z").unwrap();
    assert!(eks().issue(&key(), end).is_err(), "ends in a year without digits");
}

#[test]
fn r17_a_lifetime_is_plain_digits_within_that_of_the_family() {
    for wrong in ["0", "901", "604800", "%2B60", "-60", "60s", "6e1", "", "%2060", "4294967297"] {
        let token = eks_with(|url| url.replace("X-Amz-Expires=60", &format!("X-Amz-Expires={wrong}")));
        eks_refused(&token, |e| {
            matches!(
                e,
                VerifyError::Lifetime { maximum: 900, .. } | VerifyError::FieldForm { field: "X-Amz-Expires", .. }
            )
        });
    }
    eks_accepted(&issue(&eks().lives(seconds(900))));
    let why = Justification::new("a test").unwrap();
    for login in every_login() {
        let is_dsql = format!("{login:?}").contains("dsql");
        let longer = login.clone().because(why.clone()).lives(seconds(901)).issue(&key(), now());
        assert_eq!(longer.is_ok(), is_dsql, "{login:?}");
        assert!(login.clone().lives(seconds(901)).issue(&key(), now()).is_err(), "{login:?}");
        assert!(login.clone().lives(seconds(900)).issue(&key(), now()).is_ok(), "{login:?}");
    }
    let dsql = Login::dsql("abc.dsql.eu-west-1.on.aws", DsqlRole::Custom, REGION).unwrap();
    let week = dsql.clone().because(why).lives(Lifetime::WEEK).issue(&key(), now()).unwrap();
    assert!(dsql.verify(week.expose(), &key(), now()).is_ok());
    let strict = dsql.max_lifetime(seconds(900));
    let error = strict.verify(week.expose(), &key(), now()).unwrap_err();
    assert!(matches!(error, VerifyError::Lifetime { maximum: 900, .. }));
    assert!(rds().max_lifetime(Lifetime::WEEK).verify(&issue(&rds()), &key(), later(901)).is_err());
}

#[test]
fn r18_a_token_is_good_from_the_skew_before_to_its_last_second() {
    for login in every_login() {
        // EKS: what it says is 60 s, and how long STS takes it is 15 minutes.
        let token = issue(&login);
        let at = |seconds| login.verify(&token, &key(), later(seconds)).map(|_| ());
        assert_eq!(at(-900), Ok(()), "{login:?}");
        assert!(matches!(at(-901), Err(VerifyError::NotYetValid { .. })), "{login:?}");
        assert_eq!(at(900), Ok(()), "{login:?}");
        assert!(matches!(at(901), Err(VerifyError::Expired { .. })), "{login:?}");
        let strict = login.clone().skew(0);
        assert!(strict.verify(&token, &key(), later(-1)).is_err(), "{login:?}");
        assert!(strict.verify(&token, &key(), later(900)).is_ok(), "{login:?}");
    }
    let short = rds().lives(seconds(60));
    assert!(rds().verify(&issue(&short), &key(), later(60)).is_ok());
    assert!(rds().verify(&issue(&short), &key(), later(61)).is_err());
    assert!(authenticator().check(&issue(&eks()), later(900)).is_ok());
    assert!(authenticator().check(&issue(&eks()), later(901)).is_err());
}

#[test]
fn r19_the_scope_is_of_the_day_of_the_request() {
    let token = eks_with(|url| url.replace("%2F20261124%2F", "%2F20261123%2F"));
    eks_refused(&token, |e| matches!(e, VerifyError::ScopeDate { .. }));
}

#[test]
fn r20_no_token_outlives_its_credential() {
    for login in every_login() {
        let refused = login.issue(&temporary(Some(899)), now()).unwrap_err();
        assert!(matches!(refused, IssueError::OutlivesCredential { .. }), "{login:?}");
        let whole = login.issue(&temporary(Some(900)), now()).unwrap();
        assert!(whole.expires_at() <= later(900));
        let clamped = login.clone().on_short_credential(OnShortCredential::Clamp);
        let short = clamped.issue(&temporary(Some(300)), now()).unwrap();
        assert_eq!(short.expires_at(), later(300), "{login:?}");
        // Nor does a verifier who knows when the credential ends take it for longer.
        assert!(login.verify(short.expose(), &temporary(Some(300)), later(300)).is_ok(), "{login:?}");
        assert!(login.verify(short.expose(), &temporary(Some(300)), later(301)).is_err(), "{login:?}");
        assert!(login.issue(&temporary(Some(-1)), now()).is_err());
    }
}

#[test]
fn r22_region_and_service_are_those_of_the_login() {
    // Every token against every login: only its own is accepted.
    let logins = every_login();
    for (at, from) in logins.iter().enumerate() {
        for (other, to) in logins.iter().enumerate() {
            assert_eq!(to.verify(&issue(from), &key(), now()).is_ok(), at == other, "{from:?} as {to:?}");
        }
    }
    let elsewhere = Login::rds("db.example", 5432, "jane", "eu-west-2").unwrap();
    let error = rds().verify(&issue(&elsewhere), &key(), now()).unwrap_err();
    assert!(matches!(error, VerifyError::Scope { part: "region", .. }));
    let token = eks_with(|url| url.replace("%2Feu-west-1%2Fsts%2F", "%2Fus-east-1%2Fsts%2F"));
    eks_refused(&token, |e| matches!(e, VerifyError::Scope { part: "region", .. }));
    let token = eks_with(|url| url.replace("%2Feu-west-1%2Fsts%2F", "%2Feu-west-1%2Fs3%2F"));
    eks_refused(&token, |e| matches!(e, VerifyError::Scope { part: "service", .. }));
    // A presigned URL of another service is no token, nor a token a presigned URL.
    for user in ["root", "Jane", "jane ", ""] {
        let token = issue(&rds()).replace("DBUser=jane", &format!("DBUser={}", user.replace(' ', "%20")));
        let error = rds().verify(&token, &key(), now()).unwrap_err();
        assert_eq!(error, VerifyError::NotCovered { field: "DBUser", what: "login" });
    }
}

#[test]
fn r23_a_signature_is_64_lower_case_hex_digits() {
    let token = issue(&rds());
    let (head, signature) = token.rsplit_once('=').unwrap();
    for wrong in [signature.to_uppercase(), signature[1..].to_owned(), format!("{signature}0"), String::new()] {
        let error = rds().verify(&format!("{head}={wrong}"), &key(), now()).unwrap_err();
        assert!(matches!(error, VerifyError::FieldForm { field: "X-Amz-Signature", .. }), "{error:?}");
    }
    let other = if signature.starts_with('0') { "1" } else { "0" };
    let error = rds().verify(&format!("{head}={other}{}", &signature[1..]), &key(), now()).unwrap_err();
    assert_eq!(error, VerifyError::SignatureMismatch);
}

#[test]
fn r24_a_session_token_is_required_of_temporary_keys_and_of_no_other() {
    for login in every_login() {
        let token = login.issue(&temporary(None), now()).unwrap().expose().to_owned();
        assert!(login.verify(&token, &temporary(None), now()).is_ok(), "{login:?}");
        let verdict = |token: &str, key: &StaticKey| login.verify(token, key, now()).unwrap_err();
        assert!(matches!(verdict(&token, &key()), VerifyError::SessionToken { .. }), "{login:?}");
        assert!(matches!(verdict(&issue(&login), &temporary(None)), VerifyError::SessionToken { .. }), "{login:?}");
        let credential = Credential::new(ID).unwrap().with_session_token("another").unwrap();
        let other = StaticKey::from_credential(credential, SECRET).unwrap();
        assert!(matches!(verdict(&token, &other), VerifyError::SessionToken { .. }), "{login:?}");
    }
    // What of an EKS token fits into 4,096 bytes is issued; more is not read by anybody.
    let long = |bytes: usize| {
        let credential = Credential::new(ID).unwrap().with_session_token("t".repeat(bytes)).unwrap();
        StaticKey::from_credential(credential, SECRET).unwrap()
    };
    let fits = eks().issue(&long(2500), now()).unwrap();
    assert!(fits.expose().len() <= 4096 && authenticator().check(fits.expose(), now()).is_ok());
    assert!(matches!(eks().issue(&long(2800), now()), Err(IssueError::Invalid { what: "token", .. })));
    let over = format!("k8s-aws-v1.{}", "A".repeat(4096));
    eks_refused(&over, |e| matches!(e, VerifyError::TooLarge { what: "token", limit: 4096, .. }));
}

#[test]
fn r25_an_unknown_key_is_told_from_a_wrong_signature_only_to_the_operator() {
    let ring = KeyRing::new().with(key());
    assert!(rds().verify_among(&issue(&rds()), &ring, now()).is_ok());
    assert!(authenticator().verify_among(&issue(&eks()), &ring, now()).is_ok());
    let unknown = issue(&rds()).replace(ID, "AKIAUNKNOWN");
    assert_eq!(rds().verify_among(&unknown, &ring, now()).unwrap_err(), VerifyError::UnknownKey);
    assert_eq!(rds().verify(&unknown, &key(), now()).unwrap_err(), VerifyError::OtherKey);
}

#[test]
fn r26_nobody_is_known_before_a_signature_was_looked_at() {
    // Whatever the signature is, a check without a key finds nothing wrong with it, and says nothing but claims.
    let forged = eks_with(|url| format!("{}{}", &url[..url.len() - 64], "0".repeat(64)));
    let unverified = authenticator().check(&forged, now()).unwrap();
    assert_eq!(unverified.claimed_access_key_id(), ID);
    assert_eq!(unverified.claimed_scope().service(), "sts");
    assert_eq!(unverified.expires_at(), later(900));
    assert_eq!(authenticator().verify(&forged, &key(), now()).unwrap_err(), VerifyError::SignatureMismatch);
    // What is to be asked is the very request that was signed, at an endpoint of the list.
    let call = authenticator().check(&issue(&eks()), now()).unwrap();
    let call = call.sts_call();
    let target = call.expose_url().strip_prefix("https://sts.eu-west-1.amazonaws.com").unwrap();
    let headers = call.headers();
    let lines: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let view = RequestView::new(call.method(), target, &lines);
    let expect = Expect::new(REGION, "sts").host(call.host());
    let verified = key().verify(Presented::parse(&view).unwrap(), &expect, now()).unwrap();
    assert_eq!(verified.header("x-k8s-aws-id").collect::<Vec<_>>(), [b"my-cluster"]);
}

#[test]
fn r26_a_websocket_upgrade_is_verified_as_the_request_that_it_is() {
    let login = Login::iot("abc-ats.iot.eu-west-1.amazonaws.com", REGION).unwrap();
    let url = login.issue(&temporary(None), now()).unwrap();
    let target = url.expose().strip_prefix("wss://abc-ats.iot.eu-west-1.amazonaws.com").unwrap();
    let lines: [(&str, &[u8]); 3] = [
        ("Host", b"abc-ats.iot.eu-west-1.amazonaws.com"),
        ("Upgrade", b"websocket"),
        ("Sec-WebSocket-Protocol", b"mqtt"),
    ];
    let verify = |target: &str| {
        let presented = Presented::parse(&RequestView::new("GET", target, &lines))?;
        temporary(None).verify(presented, login.expect(), now()).map(|_| ())
    };
    assert_eq!(verify(target), Ok(()));
    assert!(verify(&target.replace("/mqtt", "/other")).is_err());
}

#[test]
fn r34_the_json_of_a_token_is_read_in_one_way() {
    let login = Login::msk_iam("b-1.example", REGION).unwrap();
    let token = issue(&login);
    let verify = |text: &str| login.verify(text, &key(), now()).map(|_| ());
    assert_eq!(verify(&token), Ok(()));
    assert_eq!(verify(&token.replace(',', ", ")), Ok(()), "blanks mean nothing");
    let open = token.trim_end_matches('}');
    for wrong in [
        format!("{open},\"host\":\"b-1.example\"}}"),
        format!("{open},\"Host\":\"b-1.example\"}}"),
        format!("{open},\"x\":\"1\"}}"),
        format!("{token}x"),
        format!("[{token}]"),
        open.to_owned(),
        token.replace("\"900\"", "900"),
        token.replace("2020_10_22", "2020_10_23"),
        token.replace("kafka-cluster:Connect", "kafka-cluster:ReadData"),
        token.replace("b-1.example", "b-2.example"),
        token.replace("\"user-agent\":\"valet-key\",", ""),
        String::new(),
        "null".to_owned(),
        "{}".to_owned(),
    ] {
        assert!(verify(&wrong).is_err(), "{wrong}");
    }
}

#[test]
fn r53_size_is_looked_at_before_anything_else() {
    for login in every_login() {
        let error = login.verify(&"A".repeat((16 << 10) + 1), &key(), now()).unwrap_err();
        assert!(matches!(error, VerifyError::TooLarge { what: "token", .. }), "{login:?}: {error:?}");
        let many = format!("{}{}", issue(&login), "&a=b".repeat(1000));
        assert!(login.verify(&many, &key(), now()).is_err());
        for short in ["", "/", "?", "a", "wss://", "k8s-aws-v1.", "{", "\u{fc}"] {
            assert!(login.verify(short, &key(), now()).is_err(), "{login:?}");
        }
    }
}

#[test]
fn r53_what_is_issued_is_short_enough_to_be_read() {
    // The session token is all `+`, of which a URL makes three bytes each. The lengths lie around the limits.
    let key = |length: usize| {
        let credential = Credential::new(ID).unwrap().with_session_token("+".repeat(length)).unwrap();
        StaticKey::from_credential(credential, SECRET).unwrap()
    };
    for login in every_login() {
        let mut issued = [false; 2];
        for length in [1, 8192].into_iter().chain((800..=1000).chain(3900..=4100).chain(5250..=5450).step_by(16)) {
            let key = key(length);
            let token = login.issue(&key, now());
            issued[usize::from(token.is_ok())] = true;
            match token {
                Ok(token) => drop(login.parse(token.expose()).unwrap()),
                Err(error) => assert!(matches!(error, IssueError::Invalid { what: "token", .. }), "{error}"),
            }
        }
        assert_eq!(issued, [true; 2], "{login:?}");
    }
}

#[test]
fn names_that_are_none_are_refused_where_they_are_written() {
    for name in ["", "Sessions", "-a", "a-", "a--b", "1a", "a.b", "a/b", "a:1", &"a".repeat(51)] {
        assert!(Login::elasticache(name, "web", REGION).is_err(), "{name}");
        assert!(Login::memorydb(name, "web", REGION).is_err(), "{name}");
    }
    assert!(Login::elasticache(&"a".repeat(50), "web", REGION).is_ok());
    for user in ["", "a\nb", "a\0", &"u".repeat(256)] {
        assert!(Login::rds("db.example", 5432, user, REGION).is_err());
        assert!(Login::eks(user, &endpoint(REGION)).is_err());
    }
    assert!(Login::eks("my cluster", &endpoint(REGION)).is_err());
    for host in ["", "a b", "https://a", "a/b", "u@a", "a:1"] {
        assert!(Login::dsql(host, DsqlRole::Custom, REGION).is_err(), "{host}");
        assert!(Login::iot(host, REGION).is_err(), "{host}");
    }
    assert!(Login::rds("db.example", 5432, "jane", "eu west").is_err());
    assert!(Login::msk(REGION).unwrap().user_agent("a\nb").is_err());
    assert!(StsEndpoint::fips(Region::new("cn-north-1").unwrap()).is_err());
    assert_eq!(
        StsEndpoint::fips(Region::new("us-west-2").unwrap()).unwrap().host(),
        "sts-fips.us-west-2.amazonaws.com"
    );
}

#[test]
fn r24_a_token_is_checked_with_the_key_that_it_names() {
    let (rds, token) = (rds(), issue(&rds()));
    let check = |id: &str| rds.parse(&token).unwrap().check(&Credential::new(id).unwrap(), now()).map(|_| ());
    assert_eq!(check(ID), Ok(()));
    assert_eq!(check("AKIAOTHER"), Err(VerifyError::OtherKey));
}

#[test]
fn a_user_agent_has_a_length_and_a_token_that_carries_none_is_the_same_with_it() {
    let kafka = || Login::msk(REGION).unwrap();
    assert!(kafka().user_agent(&"u".repeat(255)).is_ok());
    for name in [String::new(), "u".repeat(256)] {
        assert!(kafka().user_agent(&name).is_err(), "{}", name.len());
    }
    assert_ne!(issue(&kafka()), issue(&kafka().user_agent("mine").unwrap()));
    assert_eq!(issue(&rds()), issue(&rds().user_agent("mine").unwrap()));
}

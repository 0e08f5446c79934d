//! Authentication tokens of AWS, as text.

use std::collections::BTreeSet;
use valet_key::{
    aws::{
        Credential, Region,
        auth_token::{DsqlRole, EksAuthenticator, Login},
        sts::StsEndpoint,
    },
    clock::Timestamp,
};

const REGION: &str = "eu-west-1";
const STS: &str = "https://sts.eu-west-1.amazonaws.com/?";

fn now() -> Timestamp {
    Timestamp::parse_iso_basic("20261124T120000Z").unwrap()
}

fn endpoint() -> StsEndpoint {
    StsEndpoint::regional(Region::new(REGION).unwrap())
}

fn login(choice: u8) -> Login {
    match choice % 8 {
        0 => Login::rds("db.example", 5432, "jane", REGION),
        1 => Login::dsql("abc.dsql.eu-west-1.on.aws", DsqlRole::Admin, REGION),
        2 => Login::elasticache_serverless("sessions", "web", REGION),
        3 => Login::memorydb("sessions", "web", REGION),
        4 => Login::eks("my-cluster", &endpoint()),
        5 => Login::msk(REGION),
        6 => Login::msk_iam("b-1.example", REGION),
        _ => Login::iot("abc-ats.iot.eu-west-1.amazonaws.com", REGION),
    }
    .unwrap()
}

/// Base64url without padding, read slowly.
fn decode(digits: &str) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0usize, 0u32);
    for digit in digits.bytes() {
        let value = ALPHABET.iter().position(|known| *known == digit).expect("a digit that is none was accepted");
        held = held << 6 | value;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits).unwrap());
            held &= (1 << bits) - 1;
        }
    }
    assert!(held == 0, "bits that belong to no byte were accepted");
    bytes
}

/// The signed URL of a token that was accepted, read slowly.
fn url_of(choice: u8, text: &str) -> Option<String> {
    match choice % 8 {
        4 => Some(String::from_utf8(decode(text.strip_prefix("k8s-aws-v1.").unwrap())).unwrap()),
        5 => {
            let url = String::from_utf8(decode(text)).unwrap();
            let (signed, name) = url.rsplit_once('&').unwrap();
            assert!(name.starts_with("User-Agent=") && !signed.contains("&User-Agent="));
            Some(signed.to_owned())
        }
        // Read as JSON, which is a law of its own.
        6 => None,
        7 => Some(text.replacen("wss://", "https://", 1)),
        _ => Some(format!("https://{text}")),
    }
}

/// A choice of family, then the token. Its signature cannot be right, so everything before it is looked at.
///
/// What passes has each parameter once in whatever letter case, no other than its family has, every value spelled as it is
/// signed, and its own host; with one parameter more it does not pass. For EKS the request that is handed out
/// is the one in the token, letter by letter.
///
/// # Panics
/// If it does not hold.
pub fn auth_token(data: &[u8]) {
    let Some((&choice, text)) = data.split_first() else { return };
    let Ok(text) = core::str::from_utf8(text) else { return };
    let login = login(choice);
    let check = |text: &str| {
        let presented = login.parse(text)?;
        let credential = Credential::new(presented.access_key_id()).unwrap();
        presented.check(&credential, now())
    };
    let authenticator = EksAuthenticator::new("my-cluster", [endpoint()]).unwrap();
    let unverified = authenticator.check(text, now());
    let pending = match check(text) {
        Ok(pending) => pending,
        Err(error) => {
            assert!(error.to_string().len() < 300);
            if choice % 8 == 4 {
                assert_eq!(unverified.err(), Some(error));
            }
            return;
        }
    };
    assert!(text.len() <= 16 << 10);
    assert_eq!(pending.scope().region(), REGION);
    assert!(pending.string_to_sign().as_str().contains(pending.scope().as_str()));
    let Some(url) = url_of(choice, text) else { return };
    let (address, query) = url.split_once('?').unwrap();
    assert!(address.ends_with(if choice % 8 == 7 { "/mqtt" } else { "/" }));
    let mut names = BTreeSet::new();
    for param in query.split('&') {
        let (name, value) = param.split_once('=').unwrap_or((param, ""));
        assert!(names.insert(name.to_ascii_lowercase()), "`{name}` is there twice");
        let mut rest = value.bytes();
        while let Some(byte) = rest.next() {
            let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            let mut escape = || rest.next().is_some_and(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'));
            assert!(plain || (byte == b'%' && escape() && escape()), "`{value}` is not spelled as it is signed");
        }
    }
    let own = ["action", "version", "dbuser", "user", "resourcetype"];
    assert!(names.iter().all(|name| name.starts_with("x-amz-") || own.contains(&name.as_str())), "{names:?}");
    if choice % 8 < 4 {
        for extra in ["&x=1", "&action=connect", "&x-amz-date=1", "&"] {
            assert!(check(&format!("{text}{extra}")).is_err(), "accepted with {extra}");
        }
    }
    if choice % 8 == 4 {
        let unverified = unverified.unwrap();
        let asked = unverified.sts_call().expose_url();
        assert_eq!(asked, url);
        assert!(asked.to_ascii_lowercase().starts_with(STS) && text.len() <= 4096);
        assert!(query.split('&').any(|param| param == "Action=GetCallerIdentity"));
        assert!(unverified.expires_at().seconds_since(now()).unsigned_abs() <= 1800);
    }
}

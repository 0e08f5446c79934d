//! The verifiers, by names that tell what they expect and which key they have.

use super::*;
use base64ct::{Base64UrlUnpadded, Encoding};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tokens::{key_file, long_term, queue, sts, temporary, zonal};
use valet_key::{
    aws::{Expect, KeyRing, LegacyExpect, LegacyPresented, TokenPlacement, Verifier, auth_token::EksAuthenticator},
    view::Plus,
};

/// One of each: with the path as it is sent, and with the path normalised.
pub(super) const SERVICES: [&str; 10] =
    ["s3", "s3express", "sts", "sqs", "rds-db", "dsql", "elasticache", "memorydb", "kafka-cluster", "iotdevicegateway"];

pub(super) fn verifiers() -> Vec<(String, Look)> {
    let mut verifiers = of_version_4();
    verifiers.extend(of_version_2());
    verifiers.extend(of_cloudfront());
    verifiers.extend(of_logins());
    #[cfg(feature = "sigv4a")]
    verifiers.extend(of_v4a());
    verifiers
}

fn named(name: &str, look: impl Fn(&RequestView<'_>) -> bool + 'static) -> (String, Look) {
    (name.to_owned(), Box::new(move |arrival| look(&arrival.view)))
}

/// None of them expects a host: the signature alone holds a token to its own.
fn of_version_4() -> Vec<(String, Look)> {
    let by = |name: &str, key: StaticKey, expect: Expect| {
        let verifier = Verifier::new(KeyRing::new().with(key), expect);
        named(name, move |view| verifier.verify(view, now()).is_ok())
    };
    let here = |service| Expect::new(REGION, service);
    let mut verifiers = vec![
        by("s3, streams", long_term(), here("s3").allow_streams()),
        by(
            "s3, every option",
            long_term(),
            here("s3")
                .allow_unsigned_trailers()
                .allow_dot_segments()
                .allow_unsigned_payload()
                .recode_path()
                .plus(Plus::Blank)
                .session_token(TokenPlacement::AfterSigning),
        ),
        by("s3 at another host", long_term(), here("s3").host("host.example")),
        by("queue", long_term(), queue().expect().clone()),
        by("s3express, zonal session", zonal(SESSION), here("s3express")),
        by("s3express, another zonal session", zonal("other"), here("s3express")),
        by("s3, zonal session", zonal(SESSION), here("s3")),
        by("sts, zonal session", zonal(SESSION), here("sts")),
        by("s3, us-east-1", long_term(), Expect::new(ELSEWHERE, "s3")),
        by("sts, us-east-1", long_term(), Expect::new(ELSEWHERE, "sts")),
        by("rds-db, us-east-1", long_term(), Expect::new(ELSEWHERE, "rds-db")),
    ];
    for service in SERVICES {
        verifiers.push(by(service, long_term(), here(service)));
    }
    for service in ["s3", "s3express", "sts"] {
        for (kind, key) in [
            ("session", temporary(SESSION)),
            ("another session", temporary("other")),
            ("another id", StaticKey::new(OTHER_ID, SECRET).unwrap()),
            ("another secret", StaticKey::new(ID, OTHER_SECRET).unwrap()),
        ] {
            verifiers.push(by(&format!("{service}, {kind}"), key, here(service)));
        }
    }
    verifiers
}

fn of_version_2() -> Vec<(String, Look)> {
    let by = |name: &str, key: StaticKey, host: &'static str, bucket: &str| {
        let expect = LegacyExpect::new(host).bucket_in_host(bucket);
        named(name, move |view| {
            LegacyPresented::parse(view).and_then(|presented| key.legacy_verify(presented, &expect, now())).is_ok()
        })
    };
    vec![
        by("Version 2", long_term(), S3_HOST, "photos"),
        by("Version 2, session", temporary(SESSION), S3_HOST, "photos"),
        by("Version 2, another bucket", long_term(), S3_HOST, "invoices"),
        by("Version 2, another secret", StaticKey::new(ID, OTHER_SECRET).unwrap(), S3_HOST, "photos"),
        by("Version 2, another id", StaticKey::new(OTHER_ID, SECRET).unwrap(), S3_HOST, "photos"),
        by("Version 2 at another host", long_term(), GOOGLE_VIRTUAL, "photos"),
    ]
}

fn of_cloudfront() -> Vec<(String, Look)> {
    use cloudfront::{Credential, Expect, KeyRing, PublicKey, SigningKey, Verifier};
    let by = |name: &str, credential: Credential, key: PublicKey, host: &str| {
        let ring = KeyRing::new().with(credential, key).unwrap();
        let verifier = Verifier::new(ring, Expect::new(host));
        named(name, move |view| verifier.verify(view, now()).is_ok())
    };
    let rsa = || PublicKey::from_rsa_pem(&key_file("cloudfront-rsa-public.pem")).unwrap();
    let credential = || Credential::rsa(ID).unwrap();
    // A service account has a key of the same size.
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/gcs/keys/dummy-service-account.json");
    let account: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let other = SigningKey::from_rsa_pem(credential(), account["private_key"].as_str().unwrap()).unwrap().public_key();
    #[cfg_attr(not(feature = "ecdsa"), expect(unused_mut, reason = "there are no more without ECDSA"))]
    let mut verifiers = vec![
        by("CloudFront, RSA", credential(), rsa(), CDN),
        by("CloudFront, RSA and SHA-1", credential().legacy_sha1(), rsa(), CDN),
        by("CloudFront, another RSA key", credential(), other, CDN),
        by("CloudFront, another id", Credential::rsa(OTHER_ID).unwrap(), rsa(), CDN),
        by("CloudFront at another host", credential(), rsa(), S3_HOST),
    ];
    #[cfg(feature = "ecdsa")]
    {
        let key = |name| PublicKey::from_ec_pem(&key_file(name)).unwrap();
        let credential = || Credential::ecdsa(ID).unwrap();
        verifiers.push(by("CloudFront, ECDSA", credential(), key("cloudfront-ec-public.pem"), CDN));
        verifiers.push(by("CloudFront, another ECDSA key", credential(), key("other-ec-public.pem"), CDN));
    }
    verifiers
}

/// Logins by name, with the verifiers of requests that accept what they sign. Those without any are here to refuse.
pub(super) fn every_login() -> Vec<(&'static str, Login, &'static [&'static str])> {
    let elsewhere = StsEndpoint::regional(Region::new(ELSEWHERE).unwrap());
    let rows: [(_, _, &'static [&'static str]); 20] = [
        ("login, RDS", Login::rds(SERVER, 5432, USER, REGION), &["rds-db"]),
        ("login, RDS as another user", Login::rds(SERVER, 5432, "root", REGION), &["rds-db"]),
        ("login, RDS at another port", Login::rds(SERVER, 5433, USER, REGION), &[]),
        ("login, RDS elsewhere", Login::rds(SERVER, 5432, USER, ELSEWHERE), &["rds-db, us-east-1"]),
        ("login, DSQL", Login::dsql(SERVER, DsqlRole::Custom, REGION), &["dsql"]),
        ("login, DSQL as admin", Login::dsql(SERVER, DsqlRole::Admin, REGION), &["dsql"]),
        ("login, ElastiCache", Login::elasticache(SERVER, USER, REGION), &["elasticache"]),
        ("login, ElastiCache as another user", Login::elasticache(SERVER, "root", REGION), &[]),
        ("login, serverless ElastiCache", Login::elasticache_serverless(SERVER, USER, REGION), &["elasticache"]),
        ("login, MemoryDB", Login::memorydb(SERVER, USER, REGION), &["memorydb"]),
        ("login, MemoryDB of another name", Login::memorydb("invoices", USER, REGION), &[]),
        ("login, EKS", Login::eks("photos", &sts()), &["sts"]),
        ("login, EKS, another cluster", Login::eks("invoices", &sts()), &[]),
        ("login, EKS elsewhere", Login::eks("photos", &elsewhere), &[]),
        ("login, Kafka", Login::msk(REGION), &["kafka-cluster"]),
        ("login, Kafka elsewhere", Login::msk(ELSEWHERE), &[]),
        ("login, Kafka broker", Login::msk_iam(SERVER, REGION), &["kafka-cluster"]),
        ("login, Kafka broker of that name", Login::msk_iam("kafka.eu-west-1.amazonaws.com", REGION), &[]),
        ("login, IoT", Login::iot(SERVER, REGION), &["iotdevicegateway"]),
        ("login, IoT, another endpoint", Login::iot("invoices", REGION), &[]),
    ];
    rows.map(|(name, login, services)| (name, login.unwrap(), services)).into()
}

fn of_logins() -> Vec<(String, Look)> {
    let by = |name: &str, login: Login, key: StaticKey| {
        let keys = KeyRing::new().with(key);
        let writing = Writing::of(&login);
        let look = move |arrival: &Arrival<'_>| login.verify_among(arrival.text(writing), &keys, now()).is_ok();
        (name.to_owned(), Box::new(look) as Look)
    };
    let all = every_login();
    let of = |wanted: &str| all.iter().find(|(name, ..)| *name == wanted).unwrap().1.clone();
    let mut verifiers: Vec<(String, Look)> =
        all.iter().map(|(name, login, _)| by(name, login.clone(), long_term())).collect();
    for name in ["login, RDS", "login, EKS", "login, IoT", "login, Kafka broker"] {
        for (kind, key) in [
            ("session", temporary(SESSION)),
            ("another session", temporary("other")),
            ("another id", StaticKey::new(OTHER_ID, SECRET).unwrap()),
            ("another secret", StaticKey::new(ID, OTHER_SECRET).unwrap()),
        ] {
            verifiers.push(by(&format!("{name}, {kind}"), of(name), key));
        }
    }
    // What is asked before AWS is asked about the signature.
    let authenticator = EksAuthenticator::new("photos", [sts()]).unwrap();
    let look = move |arrival: &Arrival<'_>| authenticator.check(arrival.text(Writing::Cluster), now()).is_ok();
    verifiers.push(("login, EKS unchecked".to_owned(), Box::new(look)));
    verifiers
}

#[cfg(feature = "sigv4a")]
fn of_v4a() -> Vec<(String, Look)> {
    use valet_key::aws::v4a;
    let by = |name: &str, (id, secret): (&str, &str), token: Option<&str>, expect: Expect| {
        let mut credential = Credential::new(id).unwrap();
        if let Some(token) = token {
            credential = credential.with_session_token(token).unwrap();
        }
        let key = v4a::StaticKey::from_credential(credential, secret).unwrap();
        let ring = v4a::KeyRing::new().with(key.credential().clone(), key.public_key());
        named(name, move |view| {
            v4a::Presented::parse(view).and_then(|presented| ring.verify(presented, &expect, now())).is_ok()
        })
    };
    let ours = (ID, SECRET);
    vec![
        by("SigV4a", ours, None, Expect::new(REGION, "s3")),
        by("SigV4a, eu-central-1", ours, None, Expect::new("eu-central-1", "s3")),
        by("SigV4a, us-east-1", ours, None, Expect::new(ELSEWHERE, "s3")),
        by("SigV4a, SQS", ours, None, Expect::new(REGION, "sqs")),
        by("SigV4a, S3 Express", ours, None, Expect::new(REGION, "s3express")),
        by("SigV4a, session", ours, Some(SESSION), Expect::new(REGION, "s3")),
        by("SigV4a, another secret", (ID, OTHER_SECRET), None, Expect::new(REGION, "s3")),
        by("SigV4a, another id", (OTHER_ID, SECRET), None, Expect::new(REGION, "s3")),
    ]
}

/// How the request of a login is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    Password,
    WebSocket,
    Cluster,
    Kafka,
    Json,
}

const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const FIELDS: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
];

impl Writing {
    pub(super) const ALL: [Self; 5] = [Self::Password, Self::WebSocket, Self::Cluster, Self::Kafka, Self::Json];

    /// How tokens for a login are written.
    pub(super) fn of(login: &Login) -> Self {
        let token = login.issue(&long_term(), now()).unwrap();
        match token.expose() {
            text if text.starts_with("wss://") => Self::WebSocket,
            text if text.starts_with("k8s-aws-v1.") => Self::Cluster,
            text if text.starts_with('{') => Self::Json,
            text if text.contains('?') => Self::Password,
            _ => Self::Kafka,
        }
    }

    /// Any request, written like that.
    pub(super) fn text(self, view: &RequestView<'_>) -> String {
        let host = view.headers().iter().find(|(name, _)| *name == "host").unwrap().1;
        let address = format!("{}{}", std::str::from_utf8(host).unwrap(), view.target());
        let base64 = |url: String| Base64UrlUnpadded::encode_string(url.as_bytes());
        match self {
            Self::Password => address,
            Self::WebSocket => format!("wss://{address}"),
            Self::Cluster => format!("k8s-aws-v1.{}", base64(format!("https://{address}"))),
            Self::Kafka => base64(format!("https://{address}&User-Agent=any")),
            Self::Json => json_of(&address),
        }
    }
}

pub(super) fn component(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
}

/// All of a request that the JSON form can say, as often as the request says it.
fn json_of(address: &str) -> String {
    let (host, rest) = address.split_once('/').unwrap();
    let mut text =
        format!(r#"{{"version":"2020_10_22","host":"{host}","user-agent":"any","action":"kafka-cluster:Connect""#);
    for param in rest.split_once('?').map_or("", |(_, query)| query).split('&') {
        let (name, value) = param.split_once('=').unwrap_or((param, ""));
        if FIELDS.contains(&name) {
            let value = percent_decode_str(value).decode_utf8_lossy();
            text.extend([",\"", &name.to_ascii_lowercase(), "\":\"", &value, "\""]);
        }
    }
    text + "}"
}

/// The request in the JSON form.
pub(super) fn url_of_json(text: &str) -> String {
    let object: serde_json::Value = serde_json::from_str(text).unwrap();
    let action = component(object["action"].as_str().unwrap());
    let mut url = format!("https://{}/?Action={action}", object["host"].as_str().unwrap());
    for field in FIELDS {
        if let Some(value) = object[field.to_ascii_lowercase()].as_str() {
            url.extend(["&", field, "=", &component(value)]);
        }
    }
    url
}

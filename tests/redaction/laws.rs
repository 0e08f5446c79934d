//! What this crate issues, in any text.

use crate::redacted;
use proptest::{prelude::*, sample::Index};
use std::{borrow::Cow, sync::LazyLock};
use valet_key::{
    aws::{
        self, Credential, HeaderSigner, Payload, Region, SigV4, StaticKey,
        auth_token::{DsqlRole, Login},
        sts::StsEndpoint,
    },
    azure::{
        self, AccessRule, AccountKey, AccountPermissions, AccountRequest, EventGridKey, IotHubKey, MessagingEntity,
        MessagingOperation, MessagingSas, ResourceTypes, Right, RuleKey, Service, ServiceBusKey, Services,
        SharedKeyRequest, TokenRequest,
    },
    clock::Timestamp,
    gcs::{self, HmacKey},
    grant::{Actions, Grant, Justification},
    redact::redact,
};

const SECRET: &str = "UExBTlRFRHNlY3JldFBMQU5URURzZWNyZXRQTEFOVEVE";
const SESSION: &str = "PLANTEDtoken/PLANTEDtoken+PLANTEDtoken=";
const REGION: &str = "eu-west-1";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

/// A text that a client is given, and the parts of it that let somebody in.
struct Issued {
    text: String,
    secrets: Vec<String>,
    /// What tells whose it is.
    id: &'static str,
}

impl Issued {
    /// The secrets are what stands behind these names.
    fn of(text: &str, id: &'static str, names: &[&str]) -> Self {
        let secrets = names.iter().map(|name| {
            let (_, behind) = text.split_once(name).unwrap_or_else(|| panic!("no {name} in {text}"));
            behind.split(['&', '"', ',', ';', '\r']).next().unwrap().to_owned()
        });
        Self { secrets: secrets.collect(), text: text.to_owned(), id }
    }
}

const ID: &str = "AKIAIOSFODNN7EXAMPLE";

fn of_aws(all: &mut Vec<Issued>) {
    let credential = Credential::new(ID).unwrap().with_session_token(SESSION).unwrap();
    let key = StaticKey::from_credential(credential, SECRET).unwrap();
    let query = ["X-Amz-Signature=", "X-Amz-Security-Token="];
    let url = key.presign(&aws::UrlRequest::s3(&Grant::read("photos", "cat.jpg"), REGION).unwrap(), now()).unwrap();
    all.push(Issued::of(url.expose(), ID, &query));
    let mut line = String::from("Authorization: ");
    HeaderSigner::new(&key, REGION, "s3")
        .unwrap()
        .sign_into("GET", "/k", &[("host", b"h")], Payload::Empty, now(), &mut line)
        .unwrap();
    all.push(Issued::of(&line, ID, &["Signature="]));
    let endpoint = aws::Endpoint::aws(Region::new(REGION).unwrap());
    let form = aws::PostPolicy::new(&endpoint, "photos", "cat.jpg").unwrap().size(0..=9).sign(&key, now()).unwrap();
    all.extend(of_form(&form.fields().collect::<Vec<_>>(), ID, &["x-amz-signature", "x-amz-security-token", "policy"]));
    for login in [
        Login::rds("db.example", 5432, "jane", REGION),
        Login::dsql("abc.dsql.eu-west-1.on.aws", DsqlRole::Admin, REGION),
        Login::elasticache_serverless("sessions", "web", REGION),
        Login::memorydb("sessions", "web", REGION),
        Login::iot("abc-ats.iot.eu-west-1.amazonaws.com", REGION),
    ] {
        all.push(Issued::of(login.unwrap().issue(&key, now()).unwrap().expose(), ID, &query));
    }
    let kafka = Login::msk_iam("b-1.example", REGION).unwrap().issue(&key, now()).unwrap();
    all.push(Issued::of(kafka.expose(), ID, &["\"x-amz-signature\":\"", "\"x-amz-security-token\":\""]));
    let token = Login::msk(REGION).unwrap().issue(&key, now()).unwrap().expose().to_owned();
    all.push(Issued { secrets: vec![token.clone()], text: token, id: "" });
    let eks = Login::eks("my-cluster", &StsEndpoint::regional(Region::new(REGION).unwrap())).unwrap();
    all.push(Issued::of(eks.issue(&key, now()).unwrap().expose(), "k8s-aws-v1", &["k8s-aws-v1."]));
    #[cfg(feature = "legacy")]
    {
        let key = StaticKey::new(ID, SECRET).unwrap();
        let request = aws::LegacyUrlRequest::new("GET", &endpoint, "photos", "cat.jpg").unwrap();
        all.push(Issued::of(key.legacy_presign(&request, now()).unwrap().expose(), ID, &["Signature="]));
    }
}

/// As it is posted, and as it may be written down.
fn of_form(fields: &[(&str, &str)], id: &'static str, names: &[&str]) -> [Issued; 2] {
    let secrets = || names.iter().map(|asked| fields.iter().find(|(name, _)| name == asked).unwrap().1.to_owned());
    let parts = fields
        .iter()
        .map(|(name, value)| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
    let lines = fields.iter().map(|(name, value)| format!("{name}={value}&"));
    [parts.collect::<String>(), lines.collect()].map(|text| Issued { text, secrets: secrets().collect(), id })
}

fn of_google(all: &mut Vec<Issued>) {
    use gcs::GoogV4;
    let key = HmacKey::new("GOOG1EXAMPLE", SECRET).unwrap();
    let url = key.signed_url(&gcs::UrlRequest::storage(&Grant::read("photos", "cat.jpg")).unwrap(), now()).unwrap();
    all.push(Issued::of(url.expose(), "GOOG1EXAMPLE", &["X-Goog-Signature="]));
    let form = gcs::PostPolicy::new(&gcs::Endpoint::google(), "photos", "cat.jpg").unwrap().size(0..=9);
    let form = form.sign(&key, now()).unwrap();
    all.extend(of_form(&form.fields().collect::<Vec<_>>(), "GOOG1EXAMPLE", &["x-goog-signature", "policy"]));
    let session = "https://storage.googleapis.com/photos/a?uploadType=resumable&upload_id=ABg5-UxlRQvXhT7mLsPz";
    all.push(Issued::of(session, "photos", &["upload_id="]));
}

fn of_tickets(all: &mut Vec<Issued>) {
    use valet_key::ticket::{CheckRequest, TicketKey, TicketKeys, TicketRequest};
    let keys = TicketKeys::new(TicketKey::new("k1", &valet_key::secret::Secret::new([7; 32])).unwrap());
    let request = TicketRequest::new(&Grant::read("photos", "cat.jpg"), "user-42").step_up(Actions::UPLOAD);
    let ticket = request.issue(keys.current(), [1; 16], now()).unwrap();
    let redeemed = keys.redeem(ticket.expose(), now()).unwrap();
    let why = Justification::new("a test").unwrap();
    let check = CheckRequest::new(&redeemed, "cat.jpg", Actions::UPLOAD, why).unwrap();
    let check = check.issue(keys.current(), [2; 16], now()).unwrap();
    for token in [ticket.expose(), check.expose()] {
        all.push(Issued { secrets: vec![token.to_owned()], text: format!("swaps {token} now"), id: "swaps" });
    }
}

fn of_azure(all: &mut Vec<Issued>) {
    use azure::Sas;
    let key = AccountKey::new("myaccount", SECRET).unwrap();
    let url = key.issue(&azure::UrlRequest::storage(&Grant::read("photos", "cat.jpg")).unwrap(), now()).unwrap();
    all.push(Issued::of(url.expose(), "myaccount", &["sig="]));
    let why = Justification::new("a test").unwrap();
    let account = AccountRequest::new(Services::BLOB, ResourceTypes::OBJECT, AccountPermissions::READ, why);
    all.push(Issued::of(account.issue(&key, now()).unwrap().expose(), "sp=r", &["sig="]));
    let signed = key.authorize(&SharedKeyRequest::new("GET", Service::Blob, "/photos/a").unwrap(), now()).unwrap();
    all.push(Issued::of(signed.expose_authorization(), "myaccount", &[":"]));
    let queue = MessagingEntity::namespace("contoso.servicebus.windows.net").unwrap().queue("orders").unwrap();
    let device = MessagingEntity::iot_hub("contoso.azure-devices.net").unwrap().device("dev1").unwrap();
    let topic = MessagingEntity::event_grid_topic("https://t.example/api/events").unwrap();
    let bus = ServiceBusKey::new(AccessRule::service_bus(&queue, "send", Right::Send).unwrap(), SECRET).unwrap();
    let iot = IotHubKey::new(AccessRule::device(&device).unwrap(), SECRET).unwrap();
    let grid = EventGridKey::new(AccessRule::event_grid(&topic).unwrap(), SECRET).unwrap();
    for (key, entity, operation, id, name) in [
        (RuleKey::from(bus), queue, MessagingOperation::Send, "contoso", "sig="),
        (iot.into(), device, MessagingOperation::ActAsDevice, "contoso", "sig="),
        (grid.into(), topic, MessagingOperation::PublishEvents, "t.example", "&s="),
    ] {
        let prepared = TokenRequest::new(&entity, operation).prepare(key.rule(), now()).unwrap();
        let signature = key.sign(prepared.string_to_sign()).unwrap();
        let token = prepared.finish(&signature);
        all.push(Issued::of(token.expose(), id, &[name]));
    }
}

#[cfg(feature = "ecdsa")]
fn of_cloudfront(all: &mut Vec<Issued>) {
    use aws::cloudfront::{Credential, Pattern, PolicyRequest, SigningKey};
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/aws/keys/cloudfront-ec.pem");
    let pem = std::fs::read_to_string(file).unwrap();
    all.push(Issued {
        secrets: pem.lines().filter(|line| !line.starts_with('-') && line.len() >= 16).map(str::to_owned).collect(),
        text: pem.clone(),
        id: "-----BEGIN",
    });
    let key = SigningKey::from_ec_pem(Credential::ecdsa("K2JCJMDEHXQW5F").unwrap(), &pem).unwrap();
    let pattern = Pattern::parse("https://d111111abcdef8.cloudfront.net/a/*").unwrap();
    let request = PolicyRequest::for_pattern(pattern).because(Justification::new("a test").unwrap());
    let signed = key.signed_policy(&request, now()).unwrap();
    let url = signed.signed_url_for("https://d111111abcdef8.cloudfront.net/a/x").unwrap();
    all.push(Issued::of(url.expose(), "K2JCJMDEHXQW5F", &["Policy=", "Signature="]));
    let cookies: Vec<String> = signed.cookies().expose().map(|(name, value)| format!("{name}={value}")).collect();
    let line = format!("Cookie: {}", cookies.join("; "));
    all.push(Issued::of(&line, "K2JCJMDEHXQW5F", &["CloudFront-Policy=", "CloudFront-Signature="]));
}

static ISSUED: LazyLock<Vec<Issued>> = LazyLock::new(|| {
    let mut all = Vec::new();
    of_aws(&mut all);
    of_google(&mut all);
    of_azure(&mut all);
    of_tickets(&mut all);
    #[cfg(feature = "ecdsa")]
    of_cloudfront(&mut all);
    all
});

/// How a text is written within another.
fn spelled(text: &str, how: usize) -> String {
    let percent = |text: &str| {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect::<String>()
    };
    let json = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\r', "\\r").replace('\n', "\\n");
    match how {
        0 => text.to_owned(),
        1 => percent(text),
        2 => percent(&percent(text)),
        3 => percent(text).to_lowercase().replace("%2b", "%2B"),
        4 => json(text),
        5 => json(&json(text)),
        6 => json(text).replace('&', "\\u0026").replace('=', "\\u003d").replace('+', "\\u002B"),
        7 => text.replace('&', "&amp;").replace('"', "&quot;").replace('+', "&#43;").replace('=', "&#x3D;"),
        _ => text.to_ascii_uppercase(),
    }
}

/// Letter case changes what begins with a certain text, and not what a name says.
const SPELLINGS: usize = 9;

fn keeps_letter_case(how: usize) -> bool {
    !matches!(how, 3 | 8)
}

#[track_caller]
fn holds_nothing(shown: &str, secret: &str, text: &str) {
    let bytes = secret.as_bytes();
    for piece in bytes.windows(16) {
        let piece = std::str::from_utf8(piece).unwrap();
        assert!(!shown.contains(piece), "{piece} of {text} shows in {shown}");
    }
}

/// What no name stands before is known by how it begins, letter by letter. In other letters it is of no use.
fn is_known_by_letter_case(secret: &str) -> bool {
    ["aHR0c", "vkt1_", "vks1_"].iter().any(|beginning| secret.contains(beginning))
}

#[test]
fn what_is_issued_shows_whose_it_is_and_no_more() {
    assert!(ISSUED.len() >= 20);
    for Issued { text, secrets, id } in &*ISSUED {
        for how in 0..SPELLINGS {
            if !keeps_letter_case(how) && secrets.iter().any(|secret| is_known_by_letter_case(secret)) {
                continue;
            }
            let spelling = spelled(text, how);
            let shown = redacted(&spelling);
            for secret in secrets {
                assert!(secret.len() >= 16, "{secret} is too short to be looked for");
                holds_nothing(&shown, &spelled(secret, how), &spelling);
            }
            assert!(shown.contains(&spelled(id, how)), "{id} is gone from {shown}");
        }
    }
}

fn around() -> impl Strategy<Value = String> {
    let words = "(name|value|sig|s|Policy|policy|AWS|Bearer|Authorization|SharedKey|SessionToken|REDACTED|-----BEGIN PRIVATE KEY-----|\
                 -----END|<a>|</|<!\\[CDATA\\[|&amp;|%25|%2|%3D|\\\\u00|\\\\|\\\\\"|\"|'|=|:|,|;|\\(|\\[|\\{|\\}| |\n|\r\n|eyJ|\\PC|[ -~]){0,12}";
    prop_oneof!["\\PC{0,40}", "[ -~\r\n]{0,40}", words]
}

proptest! {
    #[test]
    fn a_secret_is_found_in_any_text_at_any_cut(
        which in any::<Index>(), how in 0..SPELLINGS, before in around(), between in "[ &\n\"'<>,;(?|]", after in around()
    ) {
        let Issued { text, secrets, .. } = which.get(&ISSUED);
        prop_assume!(keeps_letter_case(how) || !secrets.iter().any(|secret| is_known_by_letter_case(secret)));
        let text = format!("{before}{between}{}{after}", spelled(text, how));
        let shown = redacted(&text);
        for secret in secrets {
            holds_nothing(&shown, &spelled(secret, how), &text);
        }
    }

    #[test]
    fn a_text_of_nothing_but_words_is_left_alone(
        // Letters of which no name is made.
        text in "([bcdfhjklmpqrtvwxz]{1,9}|[0-9]{1,30}|HTTP/1\\.1|ID[BCD]{16}|/|\\?|[ .,:;=&()\\[\\]{}<>\"'\n]|%[23][0-9]|[^a-zA-Z%]){0,40}"
    ) {
        prop_assert!(matches!(redact(&text), Cow::Borrowed(same) if same == text), "{}", redact(&text));
    }

    #[test]
    fn any_text_is_read_alike_in_pieces_and_once(text in around()) {
        redacted(&text);
    }
}

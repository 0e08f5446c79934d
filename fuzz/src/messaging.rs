//! Tokens of Azure's messaging services against a slow reading.

use super::goog::{base64, sha256};
use std::sync::LazyLock;
use valet_key::{
    azure::{
        AccessRule, EventGridKey, ExpectToken, IotHubKey, MessagingEntity, MessagingError, MessagingFamily,
        MessagingOperation, PresentedToken, Right, RuleRing, ServiceBusKey, SignedToken,
    },
    clock::Timestamp,
    error::VerifyError,
    token::Verified,
};

const HOST: &str = "ns.example";
/// Base64 of `DECODED_KEY`. Service Bus uses the text, the others what it stands for.
const KEY: &str = "SG9va2VkIG9uIFNpZ25hdHVyZXM=";
const DECODED_KEY: &str = "Hooked on Signatures";
const RULE: &str = "rule";
/// 2026-01-02T03:04:05Z
const NOW: i64 = 1_767_323_045;

static RING: LazyLock<RuleRing> = LazyLock::new(|| {
    let namespace = MessagingEntity::namespace(HOST).unwrap();
    let hub = MessagingEntity::iot_hub(HOST).unwrap();
    let topic = MessagingEntity::event_grid_topic(&format!("https://{HOST}/api")).unwrap();
    let send = AccessRule::service_bus(&namespace, RULE, Right::Send).unwrap();
    let policy = AccessRule::iot_hub_policy(&hub, RULE, Right::DeviceConnect).unwrap();
    RuleRing::new()
        .with(ServiceBusKey::new(send, KEY).unwrap())
        .and_then(|ring| ring.with(IotHubKey::new(policy, KEY)?))
        .and_then(|ring| ring.with(EventGridKey::new(AccessRule::event_grid(&topic)?, KEY)?))
        .unwrap()
});

/// What differs from one family to the next.
struct Form {
    family: MessagingFamily,
    operation: MessagingOperation,
    prefix: &'static str,
    /// Resource, end, signature.
    names: [&'static str; 3],
    key: &'static str,
}

impl Form {
    fn named(name: &str) -> Self {
        let (prefix, names) = ("SharedAccessSignature ", ["sr", "se", "sig"]);
        match name {
            "iot" => Self {
                family: MessagingFamily::IotHub,
                operation: MessagingOperation::ActAsDevice,
                prefix,
                names,
                key: DECODED_KEY,
            },
            "grid" => Self {
                family: MessagingFamily::EventGrid,
                operation: MessagingOperation::PublishEvents,
                prefix: "",
                names: ["r", "e", "s"],
                key: DECODED_KEY,
            },
            _ => Self {
                family: MessagingFamily::ServiceBus,
                operation: MessagingOperation::Send,
                prefix,
                names,
                key: KEY,
            },
        }
    }

    fn message(&self, resource: &str, end: &str) -> String {
        if self.family == MessagingFamily::EventGrid {
            format!("r={resource}&e={end}")
        } else {
            format!("{resource}\n{end}")
        }
    }

    fn verify(&self, token: &str, asked: &MessagingEntity) -> Result<Verified<SignedToken>, VerifyError> {
        let presented = match self.family {
            MessagingFamily::ServiceBus => PresentedToken::service_bus(token),
            MessagingFamily::IotHub => PresentedToken::iot_hub(token),
            _ => PresentedToken::event_grid(token),
        };
        RING.verify(presented?, &ExpectToken::new(asked, self.operation), Timestamp::from_unix(NOW).unwrap())
    }
}

/// A token of any shape: the family (`bus`, `iot` or `grid`), the parameters without the signature, and the
/// addressed URI, each on a line.
///
/// The right signature is put behind the parameters. Whatever is accepted then names every parameter once,
/// reaches the addressed entity by whole segments of a slow reading, and has not ended; and it is refused
/// with a wrong signature and after a change of one byte.
///
/// # Panics
/// If it does not hold.
pub fn messaging(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut input = text.split('\n');
    let form = Form::named(input.next().unwrap_or_default());
    let parameters = input.next().unwrap_or_default();
    let Ok(asked) = MessagingEntity::from_uri(form.family, input.next().unwrap_or_default()) else { return };
    let change = input.next().unwrap_or_default().bytes().fold(0usize, |at, byte| at * 31 % 65_536 + usize::from(byte));

    let values = |name: &str| -> Vec<&str> {
        parameters
            .split('&')
            .filter_map(|part| part.split_once('='))
            .filter(|part| part.0 == name)
            .map(|part| part.1)
            .collect()
    };
    let [resource_name, end_name, signature_name] = form.names;
    let (resources, ends) = (values(resource_name), values(end_name));
    let message =
        form.message(resources.first().copied().unwrap_or_default(), ends.first().copied().unwrap_or_default());
    let signed = |signature: &[u8]| {
        let escaped = base64(signature).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        format!("{}{parameters}&{signature_name}={escaped}", form.prefix)
    };
    let token = signed(&hmac(form.key.as_bytes(), message.as_bytes()));
    assert!(form.verify(&signed(&[0; 32]), &asked).is_err(), "accepted with a wrong signature");
    let verified = match form.verify(&token, &asked) {
        Ok(verified) => verified,
        Err(error) => return assert!(MessagingError::from(&error).status >= 400),
    };

    let count = parameters.split('&').count();
    let rules = values("skn");
    assert_eq!((resources.len(), ends.len(), rules.len() + 2), (1, 1, count), "a parameter is unknown or repeated");
    assert_eq!(verified.rule_name(), rules.first().copied());
    assert!(rules.first().is_none_or(|rule| *rule == RULE));
    assert!(verified.expires_at().unix() >= NOW);
    if form.family != MessagingFamily::EventGrid {
        assert!(ends[0].bytes().all(|byte| byte.is_ascii_digit()) && ends[0].parse::<i64>().unwrap() >= NOW);
    }
    let (own, wanted) = (segments(&unescaped(resources[0])), segments(asked.uri()));
    assert!(own[0].eq_ignore_ascii_case(&wanted[0]) && own.len() <= wanted.len());
    for (own, wanted) in own.iter().zip(&wanted).skip(1) {
        let is_lower_case = form.family == MessagingFamily::IotHub && *own == wanted.to_ascii_lowercase();
        assert!(own == wanted || is_lower_case, "{own} does not cover {wanted}");
        assert!(!own.is_empty() && own != "." && own != "..");
    }

    let mut bytes = token.clone().into_bytes();
    let at = change % bytes.len();
    bytes[at] = if bytes[at] == b'~' { b'!' } else { bytes[at] + 1 };
    let changed = String::from_utf8_lossy(&bytes).into_owned();
    assert!(form.verify(&changed, &asked).is_err(), "accepted after a change at {at}");
}

/// Host and path of a URI, without its scheme, its query and one slash at its end.
fn segments(uri: &str) -> Vec<String> {
    let uri = uri.split("://").last().unwrap();
    let uri = uri.split('?').next().unwrap();
    uri.strip_suffix('/').unwrap_or(uri).split('/').map(ToOwned::to_owned).collect()
}

fn unescaped(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut plain = pieces.next().unwrap().to_owned();
    for piece in pieces {
        let (digits, rest) = piece.split_at(2);
        plain.push(char::from(u8::from_str_radix(digits, 16).unwrap()));
        plain.push_str(rest);
    }
    plain
}

/// HMAC by its definition, for a key of at most one block.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0u8; 64];
    block[..key.len()].copy_from_slice(key);
    let (inner, outer) = (block.map(|byte| byte ^ 0x36), block.map(|byte| byte ^ 0x5c));
    sha256(&[&outer[..], &sha256(&[&inner[..], message].concat())].concat())
}

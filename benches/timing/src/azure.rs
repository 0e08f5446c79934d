//! Azure: signatures of shared access signatures, of Shared Key and of Service Bus, and rules that are not there.

use crate::pair::{Pair, turned, value_of};
use std::rc::Rc;
use valet_key::{
    azure::{
        AccessRule, AccountKey, Expect, ExpectSharedKey, ExpectToken, KeyRing, MessagingEntity, MessagingOperation,
        MessagingSas, PresentedRequest, PresentedToken, Right, RuleRing, Sas, Service, ServiceBusKey, SharedKeyRequest,
        TokenRequest, UrlRequest, Verifier,
    },
    clock::Timestamp,
    error::VerifyError,
    grant::{Grant, Justification},
    view::RequestView,
};

const ACCOUNT: &str = "examplestorage";
const HOST: &str = "examplestorage.blob.core.windows.net";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn key() -> AccountKey {
    AccountKey::new(ACCOUNT, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==")
        .unwrap()
}

/// Where a signature stands in base64 of 44 digits, without its last two: the second of them is `=`, and the bits behind the end
/// in the other have to be zero.
fn digits(text: &str, name: &str) -> std::ops::Range<usize> {
    let value = value_of(text, name);
    let end = text[value.clone()].strip_suffix("%3D").or(text[value.clone()].strip_suffix('=')).unwrap().len();
    value.start..value.start + end - 1
}

/// The signature in the query, for a ring with both keys of the account.
pub(crate) fn sas() -> Pair {
    let request = UrlRequest::storage(&Grant::read("examplebucket", "photos/2026/11/cat-1.jpg")).unwrap();
    let url = key().issue(&request, now()).unwrap();
    let accepted = url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned();
    let mut ring = KeyRing::new();
    ring.insert(key()).unwrap();
    ring.insert(AccountKey::new(ACCOUNT, "c2Vjb25k").unwrap()).unwrap();
    let verifier = Rc::new(Verifier::new(ring, Expect::new(ACCOUNT, Service::Blob).unwrap()));
    Pair::of_halves(&accepted, digits(&accepted, "sig="), &VerifyError::SignatureMismatch, move |target| {
        let headers = [("host", HOST.as_bytes())];
        verifier.verify(&RequestView::new("GET", target, &headers).over_https(), now()).err()
    })
}

/// The signature in `Authorization`.
pub(crate) fn shared_key() -> Pair {
    let why = Justification::new("a measurement").unwrap();
    let request = SharedKeyRequest::new("GET", Service::Blob, "/photos").unwrap();
    let request = request.query("restype", "container").query("comp", "list").because(why);
    let signed = key().authorize(&request, now()).unwrap();
    let target = signed.url().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned();
    let (key, expect) = (Rc::new(key()), ExpectSharedKey::new(ACCOUNT, Service::Blob).unwrap());
    let accepted = signed.expose_authorization().to_owned();
    let (lines, compared) = (signed.headers().to_vec(), digits(&accepted, "examplestorage:"));
    Pair::of_halves(&accepted, compared, &VerifyError::SignatureMismatch, move |authorization| {
        let mut headers: Vec<(&str, &[u8])> =
            vec![("host", HOST.as_bytes()), ("authorization", authorization.as_bytes())];
        headers.extend(lines.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
        let view = RequestView::new("GET", &target, &headers).over_https();
        key.verify_request(PresentedRequest::parse(&view).ok()?, &expect, now()).err()
    })
}

fn queue() -> MessagingEntity {
    MessagingEntity::namespace("contoso.servicebus.windows.net").unwrap().queue("orders").unwrap()
}

fn queue_key() -> ServiceBusKey {
    let rule = AccessRule::service_bus(&queue(), "send", Right::Send).unwrap();
    ServiceBusKey::new(rule, "a key is used as the text that it is").unwrap()
}

fn queue_token() -> String {
    queue_key().token(&TokenRequest::new(&queue(), Right::Send), now()).unwrap().expose().to_owned()
}

fn verify_queue_token() -> impl Fn(&str) -> Option<VerifyError> + Clone + 'static {
    let ring = Rc::new(RuleRing::new().with(queue_key()).unwrap());
    let expect = ExpectToken::new(&queue(), MessagingOperation::Send);
    move |token: &str| ring.verify(PresentedToken::service_bus(token).ok()?, &expect, now()).err()
}

pub(crate) fn service_bus() -> Pair {
    let accepted = queue_token();
    let compared = digits(&accepted, "sig=");
    Pair::of_halves(&accepted, compared, &VerifyError::SignatureMismatch, verify_queue_token())
}

/// A signature that is wrong, for a rule that is there and for one that is not.
pub(crate) fn unknown_rule() -> Pair {
    let accepted = queue_token();
    let wrong = turned(&accepted, digits(&accepted, "sig="));
    let texts = [wrong.clone(), wrong.replace("skn=send", "skn=senf")];
    let verify = verify_queue_token();
    // Without a decoy, reading would be all that happens to an unknown rule.
    let leaking = move |token: &str| {
        if PresentedToken::service_bus(token).ok()?.rule_name() != Some("send") {
            return Some(VerifyError::UnknownKey);
        }
        verify(token)
    };
    let verdicts = [&VerifyError::SignatureMismatch, &VerifyError::UnknownKey];
    Pair::with_control(texts, verdicts, verify_queue_token(), leaking)
}

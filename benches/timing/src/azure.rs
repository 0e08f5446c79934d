//! Azure: signatures of shared access signatures, of Shared Key and of Service Bus, and keys and rules that are not there.

use crate::pair::{Pair, Verify, behind};
use valet_key::{
    azure::{
        AccessRule, AccountKey, Delegation, Expect, ExpectSharedKey, ExpectToken, KeyRing, MessagingEntity,
        MessagingOperation, MessagingSas, Presented, PresentedRequest, PresentedToken, Right, RuleRing, Sas, Service,
        ServiceBusKey, SharedKeyRequest, TokenRequest, UrlRequest, UserDelegationKey, Verifier,
    },
    clock::Timestamp,
    error::VerifyError,
    grant::{Grant, Justification},
    view::RequestView,
};

const ACCOUNT: &str = "examplestorage";
const HOST: &str = "examplestorage.blob.core.windows.net";
/// The digits of a signature that may be any: 43 and `=`, and the bits behind the end in the last of them have to be zero.
const DIGITS: usize = 42;

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn key(base64: &str) -> AccountKey {
    AccountKey::new(ACCOUNT, base64).unwrap()
}

fn target(url: &str) -> String {
    url.strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned()
}

/// The signature in the query, for a ring with both keys of the account.
pub(crate) fn sas() -> Pair {
    let text_of = |secret: &str| {
        let request = UrlRequest::storage(&Grant::read("examplebucket", "photos/2026/11/cat-1.jpg")).unwrap();
        target(key(secret).issue(&request, now()).unwrap().expose())
    };
    let verifier = |secret: &str| -> Verify {
        let mut ring = KeyRing::new();
        ring.insert(key(secret)).unwrap();
        ring.insert(key("c2Vjb25k")).unwrap();
        let verifier = Verifier::new(ring, Expect::new(ACCOUNT, Service::Blob).unwrap());
        Box::new(move |target| {
            let headers = [("host", HOST.as_bytes())];
            verifier.verify(&RequestView::new("GET", target, &headers).over_https(), now()).err()
        })
    };
    Pair::of_signature(behind("sig="), DIGITS, text_of, verifier)
}

/// A signature that is wrong, for a user delegation key that is there and for one that is not.
pub(crate) fn unknown_delegation() -> Pair {
    let owners = ["11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"];
    let key = |owner: &str, base64: &str| {
        let window = ["2023-11-14T00:00:00Z", "2023-11-15T00:00:00Z"];
        let delegation = Delegation::new([owner, "33333333-3333-3333-3333-333333333333"], window, "b", "2020-12-06");
        UserDelegationKey::new(ACCOUNT, delegation.unwrap(), base64).unwrap()
    };
    let request = UrlRequest::storage(&Grant::read("examplebucket", "photos/2026/11/cat-1.jpg")).unwrap();
    let accepted = target(key(owners[0], "c29tZWJvZHkgZWxzZQ==").issue(&request, now()).unwrap().expose());
    let texts = owners.map(|owner| accepted.replace(owners[0], owner));
    let verifier = |owner| -> Verify {
        let mut ring = KeyRing::new();
        ring.insert_delegated(key(owner, "dGhlIGtleSBvZiB0aGUgb3duZXI="), now()).unwrap();
        let verifier = Verifier::new(ring, Expect::new(ACCOUNT, Service::Blob).unwrap());
        Box::new(move |target| {
            let headers = [("host", HOST.as_bytes())];
            verifier.verify(&RequestView::new("GET", target, &headers).over_https(), now()).err()
        })
    };
    // Without a decoy, reading would be all that happens to an unknown key.
    let leaking = owners.map(|owner| {
        let verify = verifier(owner);
        Box::new(move |target: &str| {
            let headers = [("host", HOST.as_bytes())];
            let view = RequestView::new("GET", target, &headers).over_https();
            Presented::parse(&view).ok()?;
            if target.contains(owner) { verify(target) } else { Some(VerifyError::UnknownKey) }
        }) as Verify
    });
    let verdicts = [&VerifyError::SignatureMismatch, &VerifyError::UnknownKey];
    Pair::new(texts, owners.map(verifier), leaking, verdicts)
}

/// The signature in `Authorization`.
pub(crate) fn shared_key() -> Pair {
    let signed = |secret: &str| {
        let why = Justification::new("a measurement").unwrap();
        let request = SharedKeyRequest::new("GET", Service::Blob, "/photos").unwrap();
        let request = request.query("restype", "container").query("comp", "list").because(why);
        key(secret).authorize(&request, now()).unwrap()
    };
    let verifier = |secret: &str| -> Verify {
        let (signed, key) = (signed(secret), key(secret));
        let (target, expect) = (target(signed.url()), ExpectSharedKey::new(ACCOUNT, Service::Blob).unwrap());
        Box::new(move |authorization| {
            let mut headers: Vec<(&str, &[u8])> =
                vec![("host", HOST.as_bytes()), ("authorization", authorization.as_bytes())];
            headers.extend(signed.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
            let view = RequestView::new("GET", &target, &headers).over_https();
            key.verify_request(PresentedRequest::parse(&view).ok()?, &expect, now()).err()
        })
    };
    let text_of = |secret: &str| signed(secret).expose_authorization().to_owned();
    Pair::of_signature(behind("examplestorage:"), DIGITS, text_of, verifier)
}

fn queue() -> MessagingEntity {
    MessagingEntity::namespace("contoso.servicebus.windows.net").unwrap().queue("orders").unwrap()
}

fn queue_key(rule: &str, secret: &str) -> ServiceBusKey {
    ServiceBusKey::new(AccessRule::service_bus(&queue(), rule, Right::Send).unwrap(), secret).unwrap()
}

fn queue_token(rule: &str, secret: &str) -> String {
    queue_key(rule, secret).token(&TokenRequest::new(&queue(), Right::Send), now()).unwrap().expose().to_owned()
}

fn queue_verifier(rule: &str, secret: &str) -> Verify {
    let ring = RuleRing::new().with(queue_key(rule, secret)).unwrap();
    let expect = ExpectToken::new(&queue(), MessagingOperation::Send);
    Box::new(move |token| ring.verify(PresentedToken::service_bus(token).ok()?, &expect, now()).err())
}

pub(crate) fn service_bus() -> Pair {
    let text_of = |secret: &str| queue_token("send", secret);
    Pair::of_signature(behind("sig="), DIGITS, text_of, |secret| queue_verifier("send", secret))
}

/// A signature that is wrong, for a rule that is there and for one that is not.
pub(crate) fn unknown_rule() -> Pair {
    let rules = ["send", "seal"];
    let accepted = queue_token(rules[0], "the secret of somebody else");
    let texts = rules.map(|rule| accepted.replace("skn=send", &format!("skn={rule}")));
    let verifier = |rule| queue_verifier(rule, "the secret of the rule");
    // Without a decoy, reading would be all that happens to an unknown rule.
    let leaking = rules.map(|rule| {
        let verify = verifier(rule);
        Box::new(move |token: &str| {
            let is_known = PresentedToken::service_bus(token).ok()?.rule_name() == Some(rule);
            if is_known { verify(token) } else { Some(VerifyError::UnknownKey) }
        }) as Verify
    });
    let verdicts = [&VerifyError::SignatureMismatch, &VerifyError::UnknownKey];
    Pair::new(texts, rules.map(verifier), leaking, verdicts)
}

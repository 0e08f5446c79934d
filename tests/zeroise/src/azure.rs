//! Azure: account keys, user delegation keys, and the keys of messaging rules.

use crate::{
    Operation,
    needles::{Kind, Needles},
    now,
};
use valet_key::azure::{
    AccessRule, AccountKey, AccountKeys, AccountPermissions, AccountRequest, Delegation, DelegationKeyCache, Endpoint,
    Expect, ExpectToken, KeyRequest, KeyRing, MessagingEntity, MessagingOperation, Presented, PresentedToken,
    Presigner, ResourceTypes, Right, RuleRing, Sas, Service, ServiceBusKey, Services, SharedKeyRequest, TokenRequest,
    UrlRequest, UserDelegationKey, Verifier,
};
use valet_key::grant::{Grant, Justification, Lifetime};
use valet_key::view::RequestView;

/// `PLANTEDsecretPLANTEDsecretPLANTE` in base64.
const KEY: &str = "UExBTlRFRHNlY3JldFBMQU5URURzZWNyZXRQTEFOVEU=";
const BYTES: &[u8] = b"PLANTEDsecretPLANTEDsecretPLANTE";
const ACCOUNT: &str = "myaccount";
const HOST: &str = "myaccount.blob.core.windows.net";
const OID: &str = "11111111-1111-1111-1111-111111111111";
const TID: &str = "22222222-2222-2222-2222-222222222222";

const ANSWER: &str = concat!(
    "<?xml version=\"1.0\" encoding=\"utf-8\"?><UserDelegationKey>",
    "<SignedOid>11111111-1111-1111-1111-111111111111</SignedOid><SignedTid>22222222-2222-2222-2222-222222222222</SignedTid>",
    "<SignedStart>2023-11-14T22:13:20Z</SignedStart><SignedExpiry>2023-11-14T23:13:20Z</SignedExpiry>",
    "<SignedService>b</SignedService><SignedVersion>2020-12-06</SignedVersion>",
    "<Value>UExBTlRFRHNlY3JldFBMQU5URURzZWNyZXRQTEFOVEU=</Value></UserDelegationKey>"
);

fn key() -> AccountKey {
    AccountKey::new(ACCOUNT, KEY).unwrap()
}

fn delegated() -> UserDelegationKey {
    let window = ["2023-11-14T22:00:00Z", "2023-11-14T23:30:00Z"];
    UserDelegationKey::new(ACCOUNT, Delegation::new([OID, TID], window, "b", "2020-12-06").unwrap(), KEY).unwrap()
}

fn cat() -> UrlRequest {
    UrlRequest::storage(&Grant::read("photos", "cat.jpg")).unwrap()
}

fn why() -> Justification {
    Justification::new("a test").unwrap()
}

fn rule(name: &str) -> AccessRule {
    AccessRule::service_bus(&queue(), name, Right::Send).unwrap()
}

fn queue() -> MessagingEntity {
    MessagingEntity::namespace("contoso.servicebus.windows.net").unwrap().queue("orders").unwrap()
}

pub(crate) fn operations() -> Vec<Operation> {
    let storage = Needles::new().with_hmac_key(BYTES).with(Kind::Key, KEY.as_bytes());
    // The text itself is the key of a rule of Service Bus.
    let messaging = Needles::new().with_hmac_key(KEY.as_bytes());
    let url = key().issue(&cat(), now()).unwrap();
    let signed = storage.clone().with(Kind::Signature, url.expose().rsplit("sig=").next().unwrap().as_bytes());
    vec![
        Operation::new("azure: keys made, refused and dropped", &signed, || {
            drop(key());
            drop(AccountKeys::new(key(), key()).unwrap().swap());
            drop(key().prepared_key().clone());
            assert!(AccountKey::new("my account", KEY).is_err());
            assert!(AccountKey::new(ACCOUNT, &KEY[1..]).is_err());
            assert!(AccountKey::new(ACCOUNT, &KEY[..KEY.len() - 1]).is_err());
        }),
        Operation::new("azure: a URL", &signed, || drop(key().issue(&cat(), now()).unwrap())),
        Operation::new("azure: a URL of a user delegation", &storage, || {
            drop(delegated().issue(&cat(), now()).unwrap())
        }),
        Operation::new("azure: an account SAS", &storage, || {
            let request = AccountRequest::new(Services::BLOB, ResourceTypes::OBJECT, AccountPermissions::READ, why());
            drop(request.issue(&key(), now()).unwrap());
        }),
        Operation::new("azure: a presigner", &storage, || {
            let mut presigner = Presigner::new(key(), &Endpoint::azure(), &Grant::read("photos", "any")).unwrap();
            for second in 0..3 {
                drop(presigner.presign("cat.jpg", now().saturating_add(second)).unwrap());
            }
        }),
        Operation::new("azure: Shared Key", &storage, || {
            let request = SharedKeyRequest::new("GET", Service::Blob, "/photos/cat.jpg").unwrap().because(why());
            drop(key().authorize(&request, now()).unwrap());
        }),
        Operation::new("azure: a ring that grows, and verdicts", &storage, move || {
            let mut ring = KeyRing::new();
            ring.insert(AccountKey::new(ACCOUNT, "c2Vjb25k").unwrap()).unwrap();
            ring.insert(key()).unwrap();
            (0..20).for_each(|_| ring.insert_delegated(delegated(), now()).unwrap());
            let removed = ring.remove_delegated(TID);
            assert_eq!(removed, 0);
            let judge = Verifier::new(ring, Expect::new(ACCOUNT, Service::Blob).unwrap());
            let host: [(&str, &[u8]); 1] = [("host", HOST.as_bytes())];
            let target = url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap();
            let view = RequestView::new("GET", target, &host).over_https();
            judge.verify(&view, now()).unwrap();
            let expect = Expect::new(ACCOUNT, Service::Blob).unwrap();
            key().verify(Presented::parse(&view).unwrap(), &expect, now()).unwrap();
            let mut ring = KeyRing::new();
            (0..20).for_each(|_| ring.insert_delegated(delegated(), now()).unwrap());
            assert_eq!(ring.remove_delegated(OID), 20);
            ring.insert(key()).unwrap();
            assert_eq!(ring.remove_account_keys(), 1);
        }),
        Operation::new("azure: the answer with a delegation key", &storage, || {
            let call = KeyRequest::new(ACCOUNT, Service::Blob, now(), now().saturating_add(3600)).unwrap();
            let key = call.read_answer(ANSWER).unwrap();
            let mut cache = DelegationKeyCache::new(ACCOUNT, Service::Blob, Lifetime::DEFAULT).unwrap();
            drop(cache.keep(key, now()));
            drop(cache.keep(delegated(), now()));
            cache.forget();
            assert!(call.read_answer(&ANSWER[..ANSWER.len() - 3]).is_err());
        }),
        Operation::new("azure: tokens of a rule, and verdicts", &messaging, || {
            let mut ring = RuleRing::new();
            for number in 0..12 {
                ring.insert(ServiceBusKey::new(rule(&format!("rule{number}")), KEY).unwrap()).unwrap();
            }
            let key = ServiceBusKey::new(rule("rule7"), KEY).unwrap();
            use valet_key::azure::MessagingSas;
            let token = key.token(&TokenRequest::new(&queue(), Right::Send), now()).unwrap();
            let expect = ExpectToken::new(&queue(), MessagingOperation::Send);
            ring.verify(PresentedToken::service_bus(token.expose()).unwrap(), &expect, now()).unwrap();
            assert!(ring.remove(&rule("rule3")));
            assert!(ServiceBusKey::new(rule("rule1"), "").is_err());
        }),
    ]
}

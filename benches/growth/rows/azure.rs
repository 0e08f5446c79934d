//! Azure: shared access signatures, Shared Key, the tokens of messaging, and the answer with a delegation key.

use super::{Input, Lines, Row, joined, now, widest};
use valet_key::azure::{
    AccessRule, AccountKey, Delegation, Expect, ExpectSharedKey, ExpectToken, KeyRequest, KeyRing, MessagingEntity,
    MessagingOperation, PresentedRequest, PresentedToken, Right, RuleRing, Service, ServiceBusKey, UserDelegationKey,
    Verifier,
};
use valet_key::error::VerifyError;
use valet_key::view::RequestView;

pub(crate) const ROWS: &[Row] = &[
    ("azure parameters in reverse", 250, |n| blob(&format!("/photos/k?{}{FIELDS}", params(n)), [])),
    ("azure a long path of escapes", 4_000, |n| blob(&format!("/photos/{}?{FIELDS}", "%C3%A9".repeat(n)), [])),
    ("azure a path of slashes", 8_000, |n| blob(&format!("/photos/a{}b?{FIELDS}", "/".repeat(n)), [])),
    ("azure a policy with a long name", 8_000, |n| {
        blob(&format!("/photos/k?si={}&{}", "a".repeat(n), FIELDS.replace("sp=r&se=2023-11-14T22%3A28%3A20Z&", "")), [])
    }),
    ("azure header lines", 100, |n| {
        blob(&format!("/photos/k?{FIELDS}"), (0..n).rev().map(|at| (format!("X-Ms-Meta-{at:03}"), b"a".to_vec())))
    }),
    ("azure required header lines", 30, |n| {
        let names: Vec<String> = (0..n).map(|at| format!("x-{at:03}")).collect();
        let delegated = format!(
            "skoid={OID}&sktid={TID}&skt=2023-11-14T22%3A00%3A00Z&ske=2023-11-14T23%3A00%3A00Z&sks=b&skv=2026-04-06&srh={}&{}",
            names.join("%2C"),
            FIELDS.replace("2020-12-06", "2026-04-06")
        );
        let lines = names.into_iter().rev().map(|name| (name, b"a".to_vec()));
        blob(&format!("/photos/k?{delegated}"), lines)
    }),
    ("azure Shared Key parameters in reverse", 250, |n| shared_key(&format!("/photos/k?{}a=1", params(n)), [])),
    ("azure Shared Key parameters with a common beginning", 250, |n| {
        shared_key(&format!("/photos/k?{}", joined(n, |at| format!("{}{:03}=1", "a".repeat(60), n - at))), [])
    }),
    ("azure Shared Key header lines", 100, |n| {
        shared_key("/photos/k", (0..n).rev().map(|at| (format!("X-Ms-Meta-{at:03}"), b"a b".to_vec())))
    }),
    ("azure a token with a long rule", 80, |n| {
        token(format!(
            "SharedAccessSignature sr=contoso.servicebus.windows.net%2Forders&sig={}%3D&se=1700000900&skn={}",
            "A".repeat(43),
            "%41".repeat(n)
        ))
    }),
    ("azure a token for a long address", 80, |n| {
        token(format!(
            "SharedAccessSignature sr=contoso.servicebus.windows.net%2Forders{}&sig={}%3D&se=1700000900&skn=sender",
            "%2Fa".repeat(n),
            "A".repeat(43)
        ))
    }),
    ("azure a token of many fields", 500, |n| token(format!("SharedAccessSignature {}", vec!["a=b"; n].join("&")))),
    ("azure an answer with a key", 60, |n| {
        answer(format!("<UserDelegationKey>{}</UserDelegationKey>", format!("<a>{}</a>", "b".repeat(100)).repeat(n)))
    }),
    ("azure an answer full of attributes", 60, |n| {
        let attributes: String = (0..n).map(|at| format!(" a{at}=\"{}\"", "b".repeat(100))).collect();
        answer(format!("<UserDelegationKey{attributes}/>"))
    }),
];

const ACCOUNT: &str = "myaccount";
const HOST: &str = "myaccount.blob.core.windows.net";
const OID: &str = "11111111-1111-1111-1111-111111111111";
const TID: &str = "22222222-2222-2222-2222-222222222222";
/// With a signature that is wrong.
const FIELDS: &str =
    "sv=2020-12-06&spr=https&sr=b&sp=r&se=2023-11-14T22%3A28%3A20Z&sig=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%3D";

fn key() -> AccountKey {
    AccountKey::new(ACCOUNT, "c2VjcmV0").unwrap()
}

fn params(count: usize) -> String {
    (0..count).rev().map(|at| format!("p{at:03}=1&")).collect()
}

fn blob(target: &str, lines: impl IntoIterator<Item = (String, Vec<u8>)>) -> Input {
    let window = ["2023-11-14T22:00:00Z", "2023-11-14T23:00:00Z"];
    let delegation = Delegation::new([OID, TID], window, "b", "2026-04-06").unwrap();
    let mut ring = KeyRing::new();
    ring.insert(key()).unwrap();
    ring.insert_delegated(UserDelegationKey::new(ACCOUNT, delegation, "c2VjcmV0Mg==").unwrap(), now()).unwrap();
    let judge = Verifier::new(ring, Expect::new(ACCOUNT, Service::Blob).unwrap()).limits(widest());
    let (target, lines) = (target.to_owned(), Lines::new(HOST, lines));
    Input::new(target.len() + lines.bytes(), move || {
        let lines = lines.borrowed();
        let verdict = judge.verify(&RequestView::new("GET", &target, &lines).over_https(), now()).map(|_| ());
        assert_eq!(verdict, Err(VerifyError::SignatureMismatch));
    })
}

fn shared_key(target: &str, lines: impl IntoIterator<Item = (String, Vec<u8>)>) -> Input {
    let own = [
        ("x-ms-date", "Tue, 14 Nov 2023 22:13:20 GMT".to_owned()),
        ("x-ms-version", "2020-12-06".to_owned()),
        ("authorization", format!("SharedKey {ACCOUNT}:{}=", "A".repeat(43))),
    ]
    .map(|(name, value)| (name.to_owned(), value.into_bytes()));
    let (target, lines) = (target.to_owned(), Lines::new(HOST, lines.into_iter().chain(own)));
    let (key, expect) = (key(), ExpectSharedKey::new(ACCOUNT, Service::Blob).unwrap());
    Input::new(target.len() + lines.bytes(), move || {
        let lines = lines.borrowed();
        let presented =
            PresentedRequest::parse_within(&RequestView::new("GET", &target, &lines).over_https(), &widest());
        let verdict = presented.and_then(|presented| key.verify_request(presented, &expect, now())).map(|_| ());
        assert_eq!(verdict, Err(VerifyError::SignatureMismatch));
    })
}

fn token(text: String) -> Input {
    let queue = MessagingEntity::namespace("contoso.servicebus.windows.net").unwrap().queue("orders").unwrap();
    let rule = AccessRule::service_bus(&queue, "sender", Right::Send).unwrap();
    let ring = RuleRing::new().with(ServiceBusKey::new(rule, "secret").unwrap()).unwrap();
    Input::new(text.len(), move || {
        let expect = ExpectToken::new(&queue, MessagingOperation::Send);
        let verdict = PresentedToken::service_bus(&text).and_then(|presented| ring.verify(presented, &expect, now()));
        assert!(verdict.is_err());
    })
}

fn answer(text: String) -> Input {
    let call = KeyRequest::new(ACCOUNT, Service::Blob, now(), now().saturating_add(3600)).unwrap();
    Input::new(text.len(), move || assert!(call.read_answer(&text).is_err()))
}

//! What Azure tokens cost, beside the SHA-256 compressions that they need.

#[path = "common/floor.rs"]
#[expect(dead_code, reason = "no token of Azure has a canonical request")]
mod floor;

use criterion::{BenchmarkId, Criterion, criterion_group};
use floor::floor;
use std::hint::black_box;
use valet_key::{
    azure::{
        AccessRule, AccountKey, Delegation, Endpoint, Expect, ExpectToken, KeyRing, MessagingEntity,
        MessagingOperation, MessagingSas, PresentedToken, Presigner, Right, RuleRing, Sas, Service, ServiceBusKey,
        TokenRequest, UrlRequest, UserDelegationKey, Verifier,
    },
    clock::Timestamp,
    grant::Grant,
    view::RequestView,
};

const ACCOUNT: &str = "examplestorage";
const HOST: &str = "examplestorage.blob.core.windows.net";
const CONTAINER: &str = "examplebucket";
/// 24 bytes, as for S3.
const BLOB: &str = "photos/2026/11/cat-1.jpg";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn account_key() -> AccountKey {
    AccountKey::new(ACCOUNT, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==")
        .unwrap()
}

fn delegation_key() -> UserDelegationKey {
    let ids = ["11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"];
    let delegation = Delegation::new(ids, ["2023-11-14T00:00:00Z", "2023-11-15T00:00:00Z"], "b", "2020-12-06").unwrap();
    UserDelegationKey::new(ACCOUNT, delegation, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap()
}

/// One inner hash behind its padded key, and one outer.
fn blocks(string_to_sign: usize) -> usize {
    (64 + string_to_sign + 9).div_ceil(64) - 1 + 1
}

fn target(url: &str) -> String {
    url.strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned()
}

/// Runs `f` with every operation whose floor is a count of compressions.
fn with_operations(f: floor::Visit<'_>) {
    let grant = Grant::read(CONTAINER, BLOB);
    let request = UrlRequest::storage(&grant).unwrap();
    let of =
        |key: &dyn Sas| blocks(request.prepare(key.credential(), now()).unwrap().string_to_sign().as_bytes().len());
    let floor_of_account = of(&account_key());
    let url = target(account_key().issue(&request, now()).unwrap().expose());

    let mut signer = Presigner::new(account_key(), &Endpoint::azure(), &grant).unwrap();
    let mut out = String::with_capacity(1024);
    signer.presign_into(BLOB, now(), &mut out).unwrap();
    assert!(out.ends_with(&url), "the presigner and the trait must agree");
    f("azure/service/issue", floor_of_account, &mut || {
        signer.presign_into(black_box(BLOB), now(), &mut out).unwrap();
        black_box(&out);
    });
    let key = account_key();
    f("azure/service/issue_cold", floor_of_account, &mut || {
        black_box(key.issue(black_box(&request), now()).unwrap());
    });

    let mut ring = KeyRing::new();
    ring.insert(account_key()).unwrap();
    let verifier = Verifier::new(ring, Expect::new(ACCOUNT, Service::Blob).unwrap());
    let host = [("host", HOST.as_bytes())];
    let view = RequestView::new("GET", &url, &host).over_https();
    verifier.verify(&view, now()).unwrap();
    f("azure/service/verify/accept", floor_of_account, &mut || {
        black_box(verifier.verify(black_box(&view), now()).unwrap());
    });
    let forged = url.replace("cat-1", "cat-2");
    let forged = RequestView::new("GET", &forged, &host).over_https();
    f("azure/service/verify/refuse", floor_of_account, &mut || {
        black_box(verifier.verify(black_box(&forged), now()).unwrap_err());
    });
    let later = now().saturating_add(901);
    f("azure/service/verify/refuse_expired", floor_of_account, &mut || {
        black_box(verifier.verify(black_box(&view), later).unwrap_err());
    });
    let bare = RequestView::new("GET", "/examplebucket/photos/2026/11/cat-1.jpg", &host).over_https();
    f("azure/service/verify/not_signed", floor_of_account, &mut || {
        black_box(verifier.verify(black_box(&bare), now()).unwrap_err());
    });

    let floor_of_delegation = of(&delegation_key());
    let url = target(delegation_key().issue(&request, now()).unwrap().expose());
    let mut ring = KeyRing::new();
    ring.insert_delegated(delegation_key(), now()).unwrap();
    let verifier = Verifier::new(ring, Expect::new(ACCOUNT, Service::Blob).unwrap());
    let view = RequestView::new("GET", &url, &host).over_https();
    verifier.verify(&view, now()).unwrap();
    f("azure/delegation/verify/accept", floor_of_delegation, &mut || {
        black_box(verifier.verify(black_box(&view), now()).unwrap());
    });

    let queue = MessagingEntity::namespace("contoso.servicebus.windows.net").unwrap().queue("orders").unwrap();
    let rule = AccessRule::service_bus(&queue, "send", Right::Send).unwrap();
    let key = ServiceBusKey::new(rule, "a key is used as the text that it is").unwrap();
    let request = TokenRequest::new(&queue, Right::Send);
    let floor_of_queue = blocks(request.prepare(key.rule(), now()).unwrap().string_to_sign().as_bytes().len());
    f("azure/messaging/issue", floor_of_queue, &mut || {
        black_box(key.token(black_box(&request), now()).unwrap());
    });
    let token = key.token(&request, now()).unwrap();
    let ring = RuleRing::new().with(key).unwrap();
    let expect = ExpectToken::new(&queue, MessagingOperation::Send);
    f("azure/messaging/verify/accept", floor_of_queue, &mut || {
        let presented = PresentedToken::service_bus(black_box(token.expose())).unwrap();
        black_box(ring.verify(presented, &expect, now()).unwrap());
    });
}

fn operations(c: &mut Criterion) {
    with_operations(&mut |name, blocks, operation| {
        let mut group = c.benchmark_group(name);
        group.bench_function("ours", |b| b.iter(&mut *operation));
        group.bench_function(BenchmarkId::new("floor", blocks), |b| b.iter(|| floor(blocks)));
        group.finish();
    });
}

criterion_group!(benches, operations);

fn main() {
    if floor::is_count(with_operations) {
        return;
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
    floor::ratios(with_operations);
}

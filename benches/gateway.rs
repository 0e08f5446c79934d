//! What a gate costs beside the verifier in it, and its stores on one and two threads.

use criterion::{Criterion, criterion_group, criterion_main};
use std::{
    hint::black_box,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use valet_key::{
    aws::{Endpoint, Expect, KeyRing, Region, SigV4, StaticKey, UrlRequest, Verifier},
    clock::Timestamp,
    gateway::{Gate, ReplayCache, ReplayStore, Revocation, RevocationList, RevocationStore, SingleUse, StoreKey},
    grant::{Actions, Grant},
    policy::Bounds,
    view::RequestView,
};

const HOST: &str = "examplebucket.s3.eu-west-1.amazonaws.com";
/// 24 bytes, as in the benchmarks of signatures.
const OBJECT: &str = "photos/2026/11/cat-1.jpg";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

/// Runs `f` so many times on each thread with a number that no other has, and tells how long that took.
fn on_threads(threads: u64, rounds: u64, f: impl Fn(u64) + Sync) -> Duration {
    let began = Instant::now();
    thread::scope(|scope| {
        for thread in 0..threads {
            let f = &f;
            scope.spawn(move || (0..rounds).map(|round| round * threads + thread).for_each(f));
        }
    });
    began.elapsed()
}

fn key(number: u64) -> StoreKey {
    *Revocation::subject(&number.to_string()).store_key()
}

fn verifier() -> Verifier {
    let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").unwrap();
    Verifier::new(KeyRing::new().with(key), Expect::new("eu-west-1", "s3"))
}

fn gate(c: &mut Criterion) {
    let signer = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").unwrap();
    let url =
        signer.presign(&UrlRequest::s3(&Grant::read("examplebucket", OBJECT), "eu-west-1").unwrap(), now()).unwrap();
    let target = url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap();
    let headers: [(&str, &[u8]); 1] = [("host", HOST.as_bytes())];
    let view = RequestView::new("GET", target, &headers).over_https();

    let alone = verifier();
    assert!(alone.verify(&view, now()).is_ok());
    c.bench_function("gateway/verify/alone", |b| b.iter(|| drop(black_box(alone.verify(black_box(&view), now())))));

    let endpoint = || Endpoint::aws(Region::new("eu-west-1").unwrap());
    let bounds = Bounds::new().under("examplebucket", "photos/", Actions::READ).unwrap();
    let plain = Gate::aws(verifier(), endpoint()).bounds(bounds);
    assert!(plain.admit(&view, now()).is_ok());
    for threads in [1, 2] {
        c.bench_function(&format!("gateway/admit/bounds and revocation/{threads}"), |b| {
            b.iter_custom(|rounds| {
                on_threads(threads, rounds, |_| drop(black_box(plain.admit(black_box(&view), now()))))
            });
        });
    }
    let used = Gate::aws(verifier(), endpoint()).single_use(SingleUse::Always);
    assert!(used.admit(&view, now()).is_ok() && used.admit(&view, now()).is_err());
    c.bench_function("gateway/refuse/replayed", |b| b.iter(|| drop(black_box(used.admit(black_box(&view), now())))));
}

fn stores(c: &mut Criterion) {
    for threads in [1, 2] {
        c.bench_function(&format!("gateway/replay/a first use and its key/{threads}"), |b| {
            b.iter_custom(|rounds| {
                // A thousand in a second, each remembered for ten.
                let cache = ReplayCache::new(1 << 16);
                on_threads(threads, rounds, |number| {
                    let now = now().saturating_add(u32::try_from(number / 1000).unwrap());
                    assert_eq!(cache.is_first(&key(number), now.saturating_add(10), now), Ok(true));
                })
            });
        });
        let list = Arc::new(RevocationList::new(1 << 16));
        for number in 0..1 << 16 {
            list.revoke(&Revocation::subject(&number.to_string()), now()).unwrap();
        }
        let (there, not) = ([key(7)], (1 << 20..(1 << 20) + 8).map(key).collect::<Vec<_>>());
        assert_eq!(list.watermark(&there, now()), Ok(Some(i64::MAX)));
        assert_eq!(list.watermark(&not, now()), Ok(None));
        c.bench_function(&format!("gateway/revocation/eight names of a full list/{threads}"), |b| {
            b.iter_custom(|rounds| on_threads(threads, rounds, |_| drop(black_box(list.watermark(&not, now())))));
        });
    }
}

criterion_group!(benches, gate, stores);
criterion_main!(benches);

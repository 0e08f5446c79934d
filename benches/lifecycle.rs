//! What stands around a signature: rate limiting on one and two threads, and a whole issuance beside the signature alone.

use criterion::{Criterion, criterion_group, criterion_main};
use std::{
    hint::black_box,
    io, thread,
    time::{Duration, Instant},
};
use valet_key::{
    aws::{SigV4, StaticKey, UrlRequest},
    clock::Timestamp,
    grant::{Grant, Lifetime},
    issuer::{Ask, Chain, Gcra, Issuer, JsonLines, Limited, RateLimit, RateLimiter, Subject, Unlimited, unbounded},
    metrics::{Counters, Event, Metrics},
};

const USERS: u32 = 1024;

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn users() -> Vec<Subject> {
    (0..USERS).map(|number| Subject::new("acme", &number.to_string()).unwrap()).collect()
}

/// A rate that never runs out while it is measured, and one of which nothing is left.
fn limits(users: &[Subject]) -> [RateLimit; 2] {
    let open = RateLimit::new(Gcra::new(u32::MAX, Lifetime::from_seconds(1).unwrap(), u32::MAX).unwrap());
    let spent = RateLimit::new(Gcra::new(1, Lifetime::WEEK, 1).unwrap());
    for user in users {
        assert_eq!((open.take(user, 1, now()), spent.take(user, 1, now())), (Ok(()), Ok(())));
        assert!(matches!(spent.take(user, 1, now()), Err(Limited::Later { .. })));
    }
    [open, spent]
}

/// Runs `f` so many times on each thread, and tells how long one thread was at it.
fn on_threads(threads: usize, rounds: u64, f: impl Fn(u64) + Sync) -> Duration {
    let began = Instant::now();
    thread::scope(|scope| {
        for thread in 0..threads {
            let f = &f;
            // Each at another user, as requests are.
            let first = thread as u64 * u64::from(USERS) / 2;
            scope.spawn(move || (first..first + rounds).for_each(f));
        }
    });
    began.elapsed()
}

fn rate(c: &mut Criterion) {
    let users = users();
    let [open, spent] = limits(&users);
    let user = |round: u64| &users[usize::try_from(round).unwrap() % users.len()];
    for threads in [1, 2] {
        for (name, limit) in [("allowed", &open), ("refused", &spent)] {
            c.bench_function(&format!("issuer/rate/{name}/{threads}"), |b| {
                b.iter_custom(|rounds| {
                    on_threads(threads, rounds, |round| drop(black_box(limit.take(user(round), 1, now()))))
                });
            });
        }
    }
    // All at one user, so that all wait for one lock.
    c.bench_function("issuer/rate/same user/2", |b| {
        b.iter_custom(|rounds| on_threads(2, rounds, |_| drop(black_box(open.take(&users[0], 1, now())))));
    });
}

fn issue(c: &mut Criterion) {
    let key = || StaticKey::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").unwrap();
    let (jane, grant) = (Subject::new("acme", "jane").unwrap(), Grant::read("photos", "photos/2026/11/cat-1.jpg"));
    let sign = |key: &StaticKey, grant: &Grant, now| key.presign(&UrlRequest::s3(grant, "eu-west-1")?, now);
    let alone = key();
    c.bench_function("issuer/issue/signature alone", |b| b.iter(|| sign(&alone, black_box(&grant), now()).unwrap()));
    let [open, _] = limits(&[]);
    let holder = key();
    let holder = move |grant: &Grant, now| sign(&holder, grant, now);
    let sink = JsonLines::chained(io::sink(), Chain::new());
    let issuer = Issuer::new(holder, unbounded, open, sink, now()).metrics(Counters::new());
    for threads in [1, 2] {
        c.bench_function(&format!("issuer/issue/limited and chained/{threads}"), |b| {
            b.iter_custom(|rounds| {
                on_threads(threads, rounds, |_| {
                    black_box(issuer.issue(&Ask::new(&jane, black_box(&grant))).unwrap());
                })
            });
        });
    }
    let issuer = Issuer::new((), unbounded, Unlimited, JsonLines::new(io::sink()), now());
    c.bench_function("issuer/issue/record alone", |b| {
        b.iter(|| drop(issuer.authorise(&Ask::new(&jane, black_box(&grant))).unwrap()));
    });
}

fn metrics(c: &mut Criterion) {
    let counters = Counters::new();
    for threads in [1, 2] {
        c.bench_function(&format!("metrics/count/{threads}"), |b| {
            b.iter_custom(|rounds| {
                on_threads(threads, rounds, |_| counters.record(black_box(&Event::Rejected { code: "expired" })))
            });
        });
    }
}

criterion_group!(benches, rate, issue, metrics);
criterion_main!(benches);

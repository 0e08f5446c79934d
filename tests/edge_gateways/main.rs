//! Two edge gateways that share one Redis: `tests/interop/redis.sh` starts them.
//!
//! One use means one use on whichever of them, what is revoked on one is refused by the other, a rate counts on both, and without
//! the Redis both refuse. A refusal counts only with its status and its code.

mod wire;

use crate::wire::{Answer, Redis, get_json, post, send};
use serde_json::Value;
use std::{
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

static CASES: AtomicUsize = AtomicUsize::new(0);

/// So many requests of one subject in an hour, as the script starts the gateways.
const RATE: usize = 200;

/// What the script says about what it started.
struct Edge {
    cloud: String,
    clients: [String; 2],
    operators: [String; 2],
    redis: Redis,
    /// Where what one stage leaves for the next is kept.
    state: String,
}

impl Edge {
    fn from_env() -> Option<Self> {
        let var = |name: &str| std::env::var(format!("VALET_KEY_EDGE_{name}")).ok();
        let pair = |name: &str| {
            let addresses = var(name)?;
            addresses.split_once(',').map(|(one, other)| [one.to_owned(), other.to_owned()])
        };
        Some(Self {
            cloud: var("CLOUD")?,
            clients: pair("GATEWAYS")?,
            operators: pair("ADMINS")?,
            redis: Redis(var("REDIS")?),
            state: var("STATE")?,
        })
    }

    fn is_azure(&self) -> bool {
        self.cloud == "azure"
    }

    fn token(&self, what: &str) -> Value {
        let (status, token) = get_json(&self.operators[0], &format!("/token/{what}"));
        assert_eq!(status, 200, "{what}: {token}");
        token
    }

    fn send(&self, at: usize, token: &Value) -> Answer {
        send(&self.clients[at], token, b"the body")
    }

    fn revoke(&self, at: usize, what: &str) {
        assert_eq!(post(&self.operators[at], &format!("/revoke/{what}")), 204, "{what}");
    }

    /// 200, or 201 for an upload to Azure.
    #[track_caller]
    fn passes(&self, at: usize, token: &Value) {
        let answer = self.send(at, token);
        assert!(matches!(answer.status, 200 | 201), "{}: {answer:?}", self.cloud);
        CASES.fetch_add(1, Ordering::Relaxed);
    }

    #[track_caller]
    fn refuses(&self, at: usize, token: &Value, (status, code): (u16, &str)) {
        let answer = self.send(at, token);
        assert_eq!((answer.status, answer.code()), (status, code), "{}: {answer:?}", self.cloud);
        assert_eq!(answer.header("retry-after").is_some(), status == 503);
        CASES.fetch_add(1, Ordering::Relaxed);
    }

    fn denied(&self) -> (u16, &'static str) {
        (403, if self.is_azure() { "AuthenticationFailed" } else { "AccessDenied" })
    }

    fn mismatch(&self) -> (u16, &'static str) {
        (403, if self.is_azure() { "AuthenticationFailed" } else { "SignatureDoesNotMatch" })
    }

    fn lost(&self) -> (u16, &'static str) {
        (503, if self.is_azure() { "ServerBusy" } else { "ServiceUnavailable" })
    }

    fn too_many(&self) -> (u16, &'static str) {
        (503, if self.is_azure() { "ServerBusy" } else { "SlowDown" })
    }

    /// The same token with another signature.
    fn forged(&self, token: &Value) -> Value {
        let mut forged = token.clone();
        let url = token["url"].as_str().unwrap();
        let mark = if self.is_azure() { "sig=" } else { "-Signature=" };
        let at = url.find(mark).unwrap() + mark.len() + 4;
        let other = if url.as_bytes()[at] == b'1' { "2" } else { "1" };
        forged["url"] = format!("{}{other}{}", &url[..at], &url[at + 1..]).into();
        forged
    }
}

/// With what the stage needs from one that came before.
fn stage(name: &str) -> Option<Edge> {
    if std::env::var("VALET_KEY_EDGE_STAGE").as_deref() != Ok(name) {
        println!("not run: `tests/interop/redis.sh` starts what it needs");
        return None;
    }
    Some(Edge::from_env().expect("the script says where everything is"))
}

#[test]
fn while_the_redis_is_there() {
    let Some(edge) = stage("up") else { return };
    for case in [
        one_use_is_one_use,
        a_race_has_one_winner,
        what_needs_no_use_is_used_again,
        a_revocation_is_seen_by_all,
        nothing_is_kept_of_a_forgery,
        one_command_for_each_request,
        a_rate_counts_on_both,
        leave_something_behind,
    ] {
        case(&edge);
    }
    println!("{}: {} cases as expected", edge.cloud, CASES.load(Ordering::Relaxed));
}

fn one_use_is_one_use(edge: &Edge) {
    for first in [0, 1] {
        let token = edge.token(&format!("upload/photos/once-{first}.png"));
        edge.passes(first, &token);
        edge.refuses(1 - first, &token, edge.denied());
        edge.refuses(first, &token, edge.denied());
    }
    if !edge.is_azure() {
        let token = edge.token("read/photos/once-0.png?use=once&user=1");
        edge.passes(0, &token);
        edge.refuses(1, &token, edge.denied());
    }
}

fn a_race_has_one_winner(edge: &Edge) {
    for round in 0..3 {
        let token = edge.token(&format!("upload/photos/race-{round}.png"));
        let start = Barrier::new(50);
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let (token, start) = (&token, &start);
            let threads: Vec<_> = (0..50)
                .map(|at| {
                    scope.spawn(move || {
                        start.wait();
                        edge.send(at % 2, token)
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let won = answers.iter().filter(|answer| matches!(answer.status, 200 | 201)).count();
        let lost = answers.iter().filter(|answer| (answer.status, answer.code()) == edge.denied()).count();
        assert_eq!((won, lost), (1, 49), "{}: {answers:?}", edge.cloud);
        CASES.fetch_add(50, Ordering::Relaxed);
        edge.redis.forget_rates();
    }
}

/// Each gateway has a store of its own, so that each gets the objects.
fn store(edge: &Edge, names: &[&str]) {
    for at in [0, 1] {
        for name in names {
            edge.passes(at, &edge.token(&format!("upload/photos/{name}")));
        }
        // Within a second it would be the same token, which is used up.
        std::thread::sleep(Duration::from_millis(1100));
    }
}

fn what_needs_no_use_is_used_again(edge: &Edge) {
    store(edge, &["many.png"]);
    let token = edge.token("read/photos/many.png");
    for at in [0, 1, 0, 1] {
        let answer = edge.send(at, &token);
        assert_eq!((answer.status, answer.body.as_str()), (200, "the body"));
        CASES.fetch_add(1, Ordering::Relaxed);
    }
}

fn a_revocation_is_seen_by_all(edge: &Edge) {
    // One token of two for the same object, by what its issuer was told.
    let (one, other) = (edge.token("read/photos/many.png"), {
        std::thread::sleep(Duration::from_millis(1100));
        edge.token("read/photos/many.png")
    });
    edge.passes(1, &one);
    edge.revoke(0, &format!("token/{}", one["fingerprint"].as_str().unwrap()));
    edge.refuses(1, &one, edge.denied());
    edge.refuses(0, &one, edge.denied());
    edge.passes(1, &other);

    // Whatever is below a prefix, and nothing beside it.
    store(edge, &["private/a.png", "privateer.png"]);
    let (below, beside) = (edge.token("read/photos/private/a.png"), edge.token("read/photos/privateer.png"));
    edge.passes(0, &below);
    edge.revoke(1, "under/photos/private/");
    edge.refuses(0, &below, edge.denied());
    edge.refuses(1, &below, edge.denied());
    edge.passes(0, &beside);

    if edge.is_azure() {
        return;
    }
    // Whoever has signed in again since.
    let (jane, joe) = (edge.token("read/photos/many.png?user=jane"), edge.token("read/photos/many.png?user=joe"));
    edge.passes(1, &jane);
    edge.revoke(0, "subject/jane?before=now");
    edge.refuses(1, &jane, edge.denied());
    edge.passes(1, &joe);
    std::thread::sleep(Duration::from_millis(1100));
    edge.passes(1, &edge.token("read/photos/many.png?user=jane"));
    edge.revoke(1, "subject/jane");
    edge.refuses(0, &edge.token("read/photos/many.png?user=jane"), edge.denied());
}

fn nothing_is_kept_of_a_forgery(edge: &Edge) {
    let before = edge.redis.size();
    let token = edge.token("upload/photos/forged.png");
    for at in 0..20 {
        edge.refuses(at % 2, &edge.forged(&token), edge.mismatch());
    }
    assert_eq!(edge.redis.size(), before);
    edge.passes(0, &token);
    assert!(edge.redis.size() > before);
}

fn one_command_for_each_request(edge: &Edge) {
    let token = edge.token("read/photos/many.png");
    edge.passes(0, &token);
    edge.passes(1, &token);
    let before = edge.redis.scripts();
    for at in 0..20 {
        edge.passes(at % 2, &token);
    }
    edge.refuses(0, &edge.forged(&token), edge.mismatch());
    assert_eq!(edge.redis.scripts() - before, (20, 0), "scripts, and commands outside of them");
}

fn a_rate_counts_on_both(edge: &Edge) {
    edge.redis.forget_rates();
    let user = if edge.is_azure() { "" } else { "?user=fast" };
    let token = edge.token(&format!("read/photos/many.png{user}"));
    let started = Instant::now();
    for at in 0..RATE {
        edge.passes(at % 2, &token);
    }
    // One comes back after 18 s: on a machine so slow that it has, this says nothing.
    if started.elapsed() < Duration::from_secs(15) {
        edge.refuses(0, &token, edge.too_many());
        edge.refuses(1, &token, edge.too_many());
        let answer = edge.send(0, &token);
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=18).contains(&wait));
    }
    if !edge.is_azure() {
        edge.passes(0, &edge.token("read/photos/many.png?user=slow"));
        // One that must wait keeps its use.
        let once = edge.token("upload/photos/later.png?user=fast");
        if started.elapsed() < Duration::from_secs(15) {
            edge.refuses(0, &once, edge.too_many());
        }
        edge.redis.forget_rates();
        edge.passes(1, &once);
    }
    edge.redis.forget_rates();
}

fn leave_something_behind(edge: &Edge) {
    let used = edge.token("upload/photos/last.png");
    edge.passes(0, &used);
    let revoked = edge.token("read/photos/private/a.png");
    let unused = edge.token("upload/photos/unused.png");
    let state = serde_json::json!({ "used": used, "revoked": revoked, "unused": unused });
    std::fs::write(&edge.state, state.to_string()).unwrap();
}

#[test]
fn while_the_redis_is_lost() {
    let Some(edge) = stage("lost") else { return };
    let state: Value = serde_json::from_str(&std::fs::read_to_string(&edge.state).unwrap()).unwrap();
    for at in [0, 1] {
        for token in ["used", "revoked", "unused"] {
            edge.refuses(at, &state[token], edge.lost());
        }
        // What no store is needed for is still said.
        edge.refuses(at, &edge.forged(&state["unused"]), edge.mismatch());
        edge.refuses(at, &edge.token("read/photos/many.png"), edge.lost());
        assert_eq!(post(&edge.operators[at], "/revoke/subject/42"), 503);
        CASES.fetch_add(1, Ordering::Relaxed);
    }
    println!("{}: {} cases as expected", edge.cloud, CASES.load(Ordering::Relaxed));
}

#[test]
fn when_the_redis_is_back() {
    let Some(edge) = stage("back") else { return };
    let state: Value = serde_json::from_str(&std::fs::read_to_string(&edge.state).unwrap()).unwrap();
    for at in [0, 1] {
        let started = Instant::now();
        while edge.send(at, &edge.token("read/photos/many.png")).status != 200 {
            assert!(started.elapsed() < Duration::from_secs(20), "gateway {at} does not come back");
            std::thread::sleep(Duration::from_millis(100));
        }
        // It has forgotten nothing.
        edge.refuses(at, &state["used"], edge.denied());
        edge.refuses(at, &state["revoked"], edge.denied());
    }
    // A request that was refused for want of the Redis has not used its token up.
    edge.passes(1, &state["unused"]);
    edge.refuses(0, &state["unused"], edge.denied());
    println!("{}: {} cases as expected", edge.cloud, CASES.load(Ordering::Relaxed));
}

//! A gate in any order of requests, forgeries, revocations and seconds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use valet_key::{
    aws::{Endpoint, Expect, KeyRing, Region, Request, SigV4, StaticKey, UrlRequest, Verifier},
    clock::Timestamp,
    gateway::{Gate, GateError, Provider, ReplayCache, Revocation, RevocationList, SingleUse},
    token::Fingerprint,
    view::RequestView,
};

const HOST: &str = "photos.s3.eu-west-1.amazonaws.com";
const ORIGIN: &str = "https://photos.s3.eu-west-1.amazonaws.com";
/// Uses that are remembered: the 16 parts of the store hold two each.
const ROOM: usize = 32;
/// Revocations that are remembered.
const LIST: usize = 4;

/// A token, and what it says.
struct Token {
    target: String,
    name: &'static str,
    user: &'static str,
    issued: Timestamp,
    fingerprint: Fingerprint,
}

const NAMES: [&str; 4] = ["a/b/c", "a/b/d", "a/bc", "d"];
const PREFIXES: [&str; 4] = ["", "a/", "a/b/", "d/"];

fn token(key: &StaticKey, choice: u8, issued: Timestamp) -> Token {
    let name = NAMES[usize::from(choice % 4)];
    let user = if choice & 4 == 0 { "jane" } else { "joe" };
    let request = Request::new("GET", ORIGIN, "eu-west-1", "s3").unwrap();
    let request = request.path(format!("/{name}")).query("x-user", user);
    let url = key.presign(&UrlRequest::new(request), issued).unwrap();
    let target = url.expose().strip_prefix(ORIGIN).unwrap().to_owned();
    Token { target, name, user, issued, fingerprint: url.fingerprint() }
}

fn key() -> StaticKey {
    StaticKey::new("AKIDEXAMPLE", "secret").unwrap()
}

/// What was revoked, in words that need no store.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum What {
    User(&'static str),
    Under(&'static str),
    Token(Fingerprint),
    All,
}

impl What {
    fn is_about(&self, token: &Token) -> bool {
        match self {
            Self::User(user) => token.user == *user,
            Self::Under(prefix) => token.name.starts_with(prefix),
            Self::Token(fingerprint) => token.fingerprint == *fingerprint,
            Self::All => true,
        }
    }

    fn revocation(&self) -> Revocation {
        match self {
            Self::User(user) => Revocation::subject(user),
            Self::Under(prefix) => Revocation::under(Provider::Aws, "photos", prefix).unwrap(),
            Self::Token(fingerprint) => Revocation::fingerprint(fingerprint),
            Self::All => Revocation::all_issued_before(Timestamp::from_unix(0).unwrap()),
        }
    }
}

/// Steps of two bytes: what happens, and to which.
///
/// A request passes exactly if its token is in time, nothing that was revoked is about it, it did not pass before, and there is
/// room to remember it. What does not pass its signature leaves the stores as they were.
///
/// # Panics
/// If it does not hold.
pub fn gate(data: &[u8]) {
    let key = key();
    let (list, uses) = (Arc::new(RevocationList::new(LIST)), Arc::new(ReplayCache::new(ROOM)));
    let verifier = Verifier::new(KeyRing::new().with(self::key()), Expect::new("eu-west-1", "s3"));
    let gate = Gate::aws(verifier, Endpoint::aws(Region::new("eu-west-1").unwrap()))
        .single_use(SingleUse::Always)
        .revocations(Arc::clone(&list))
        .replays(Arc::clone(&uses));

    let mut now = Timestamp::from_unix(1_700_000_000).unwrap();
    let mut tokens = vec![token(&key, 0, now)];
    let (mut spent, mut revoked) = (BTreeSet::new(), BTreeMap::new());
    for step in data.chunks_exact(2).take(200) {
        let [what, which] = *step else { return };
        let at = usize::from(which) % tokens.len();
        match what % 6 {
            0 => tokens.push(token(&key, which, now)),
            1 => now = now.saturating_add(u32::from(which)),
            2 => {
                let subject = &tokens[at];
                let what = match which % 4 {
                    0 => What::User(subject.user),
                    1 => What::Under(PREFIXES[usize::from(which / 4) % 4]),
                    2 => What::Token(subject.fingerprint),
                    _ => What::All,
                };
                let before = if which & 64 == 0 && what != What::All { None } else { Some(now) };
                let revocation = what.revocation();
                let revocation = before.map_or(revocation, |before| revocation.issued_before(before));
                let fits = revoked.contains_key(&what) || revoked.len() < LIST;
                assert_eq!(list.revoke(&revocation, now).is_ok(), fits);
                if fits {
                    let old = revoked.entry(what).or_insert(i64::MIN);
                    *old = (*old).max(before.map_or(i64::MAX, Timestamp::unix));
                }
            }
            3 => {
                let subject = &tokens[at];
                let left = subject.issued.saturating_add(900);
                let is_revoked =
                    revoked.iter().any(|(what, before)| what.is_about(subject) && *before > subject.issued.unix());
                let before = uses.len();
                match ask(&gate, "GET", &subject.target, now) {
                    Ok(()) => {
                        assert!(now <= left && !is_revoked && spent.insert(subject.fingerprint));
                    }
                    Err(GateError::Revoked) => assert!(now <= left && is_revoked),
                    Err(GateError::Replayed) => {
                        assert!(now <= left && !is_revoked && spent.contains(&subject.fingerprint));
                    }
                    Err(GateError::Store(_)) => {
                        assert!(now <= left && !is_revoked && !spent.contains(&subject.fingerprint));
                    }
                    Err(GateError::Unverified(_)) => assert!(now > left && uses.len() == before),
                    Err(other) => panic!("{other}"),
                }
            }
            4 => {
                let before = uses.len();
                assert!(ask(&gate, "DELETE", &tokens[at].target, now).is_err());
                let mut forged = tokens[at].target.clone();
                let other = if forged.pop() == Some('0') { '1' } else { '0' };
                forged.push(other);
                assert!(ask(&gate, "GET", &forged, now).is_err() && uses.len() == before);
            }
            _ => {
                let before = uses.len();
                let rest = String::from_utf8_lossy(data);
                let passes = ask(&gate, "GET", &format!("/{rest}"), now);
                assert!(passes.is_err() && uses.len() == before);
            }
        }
        assert!(uses.len() <= ROOM && list.len() <= LIST);
    }
}

fn ask(gate: &Gate, method: &str, target: &str, now: Timestamp) -> Result<(), GateError> {
    let headers: [(&str, &[u8]); 1] = [("host", HOST.as_bytes())];
    gate.admit(&RequestView::new(method, target, &headers), now).map(|_| ())
}

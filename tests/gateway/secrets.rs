//! No signature, token or secret shows in what a gate says.

use crate::clouds::{AZURE_SECRET, CLOUDS, SECRET, Wire, at, gate, issue, now};
use std::{fmt::Debug, sync::Arc};
use valet_key::gateway::{Answer, GateError, Provider, ReplayCache, Revocation, RevocationList, SingleUse};
use valet_key::grant::Grant;

/// What must not be seen: the keys, and the signature in its spellings.
fn planted(cloud: Provider, wire: &Wire) -> Vec<String> {
    let mark = if cloud == Provider::Azure { "sig=" } else { "-Signature=" };
    let signature = wire.url.split_once(mark).unwrap().1.split('&').next().unwrap().to_owned();
    let plain = signature.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
    vec![SECRET.to_owned(), AZURE_SECRET.to_owned(), signature, plain]
}

#[test]
fn nothing_that_a_gate_says_shows_a_secret() {
    for cloud in CLOUDS {
        let list = Arc::new(RevocationList::new(10));
        let gate = gate(cloud).single_use(SingleUse::Always).revocations(Arc::clone(&list));
        let wire = issue(cloud, &Grant::read("photos", "cat.jpg"));
        let planted = planted(cloud, &wire);
        let mut said: Vec<String> = Vec::new();
        let mut say = |it: &dyn Debug| said.push(format!("{it:?} {it:#?}"));

        let admission = wire.with(|view| gate.check(view, now())).unwrap();
        say(&admission);
        say(admission.question());
        say(&gate);
        let admitted = admission.decide(Answer::Clear).unwrap();
        say(&admitted);
        let (facts, body) = admitted.into_parts();
        say(&facts);
        say(&body);
        let revocation = Revocation::fingerprint(facts.fingerprint());
        say(&revocation);
        list.revoke(&revocation, now()).unwrap();
        say(&list);
        say(&ReplayCache::new(16));

        let mut errors = vec![wire.admit(&gate, now()).unwrap_err(), wire.admit(&gate, at(5000)).unwrap_err()];
        let mut forged = wire.clone();
        forged.method = "PUT".into();
        errors.push(forged.admit(&gate, now()).unwrap_err());
        errors.push(GateError::RateLimited { retry_after: 1 });
        for error in errors {
            said.push(format!("{error} {error:?} {:?}", error.answer(cloud, "1")));
        }
        for text in said {
            for secret in &planted {
                assert!(!text.contains(secret.as_str()), "{cloud:?}: a secret in {text}");
            }
        }
    }
}

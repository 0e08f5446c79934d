//! Refusals in the provider's own form.

use crate::clouds::{CLOUDS, at, gate, issue, now};
use valet_key::error::VerifyError;
use valet_key::gateway::{Answer, GateError, Provider, StoreError};
use valet_key::grant::Grant;

fn told(error: &GateError, cloud: Provider) -> (u16, &'static str) {
    let refusal = error.answer(cloud, "req-<1>\r\nx: y");
    assert!(refusal.body.contains(&format!("<Code>{}</Code>", refusal.code)), "{}", refusal.body);
    assert!(refusal.headers.contains(&("content-type", "application/xml".to_owned())));
    let plain = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    assert!(refusal.headers.iter().all(|(_, value)| plain(value)), "{:?}", refusal.headers);
    if cloud == Provider::Azure {
        assert!(refusal.headers.contains(&("x-ms-error-code", refusal.code.to_owned())));
    }
    let waits = refusal.headers.iter().any(|(name, _)| *name == "retry-after");
    assert_eq!(waits, refusal.status == 503, "{error}");
    (refusal.status, refusal.code)
}

#[test]
fn every_refusal_has_the_code_of_its_provider() {
    use Provider::{Aws, Azure, Gcs};
    let bounds = GateError::OutOfBounds { code: "out_of_bounds", why: "PLANTED".into() };
    for (error, cloud, expected) in [
        (&GateError::Revoked, Aws, (403, "AccessDenied")),
        (&GateError::Revoked, Gcs, (403, "AccessDenied")),
        (&GateError::Revoked, Azure, (403, "AuthenticationFailed")),
        (&GateError::Replayed, Aws, (403, "AccessDenied")),
        (&GateError::Replayed, Gcs, (403, "AccessDenied")),
        (&GateError::Replayed, Azure, (403, "AuthenticationFailed")),
        (&bounds, Aws, (403, "AccessDenied")),
        (&bounds, Gcs, (403, "AccessDenied")),
        (&bounds, Azure, (403, "AuthorizationFailure")),
        (&GateError::RateLimited { retry_after: 7 }, Aws, (503, "SlowDown")),
        (&GateError::RateLimited { retry_after: 7 }, Gcs, (503, "SlowDown")),
        (&GateError::RateLimited { retry_after: 7 }, Azure, (503, "ServerBusy")),
        (&GateError::Store(StoreError::Lost), Aws, (503, "ServiceUnavailable")),
        (&GateError::Store(StoreError::Lost), Gcs, (503, "ServiceUnavailable")),
        (&GateError::Store(StoreError::Full), Azure, (503, "ServerBusy")),
        (&GateError::Unverified(VerifyError::SignatureMismatch), Aws, (403, "SignatureDoesNotMatch")),
        (&GateError::Unverified(VerifyError::SignatureMismatch), Gcs, (403, "SignatureDoesNotMatch")),
        (&GateError::Unverified(VerifyError::SignatureMismatch), Azure, (403, "AuthenticationFailed")),
    ] {
        assert_eq!(told(error, cloud), expected, "{error} {cloud:?}");
    }
    for cloud in CLOUDS {
        assert!(!bounds.answer(cloud, "1").body.contains("PLANTED"));
        let limited = GateError::RateLimited { retry_after: 7 }.answer(cloud, "1");
        assert!(limited.headers.contains(&("retry-after", "7".to_owned())));
        // A sender must not be able to tell a revoked token from a used one.
        assert_eq!(GateError::Revoked.answer(cloud, "1"), GateError::Replayed.answer(cloud, "1"));
    }
}

#[test]
fn nothing_but_a_clear_answer_admits() {
    for cloud in CLOUDS {
        let wire = issue(cloud, &Grant::read("photos", "cat.jpg"));
        for (answer, code) in [
            (Answer::Clear, None),
            (Answer::Revoked, Some("revoked")),
            (Answer::RateLimited { retry_after: 1 }, Some("rate_limited")),
            (Answer::Replayed, Some("replayed")),
            (Answer::Full, Some("store_full")),
            (Answer::Lost, Some("store_lost")),
        ] {
            let admission = wire.with(|view| gate(cloud).check(view, now())).unwrap();
            assert_eq!(admission.decide(answer).err().map(|error| error.code()), code);
        }
    }
}

#[test]
fn a_question_is_plain_data_for_a_shared_store() {
    for cloud in CLOUDS {
        let wire = issue(cloud, &Grant::read("photos", "a/b/c.jpg"));
        let gate = gate(cloud).single_use(valet_key::gateway::SingleUse::Always);
        let ask = |seconds| wire.with(|view| gate.check(view, at(seconds))).unwrap().question().clone();
        let (first, later) = (ask(0), ask(600));
        let (key, ttl) = first.single_use.unwrap();
        // Until its end and a quarter of an hour beyond.
        assert_eq!(ttl, 1800);
        assert_eq!(later.single_use, Some((key, 1200)));
        assert_eq!(first.revocations, later.revocations);
        assert_eq!(first.now, now());
        // all, key, fingerprint; container, two prefixes, the object
        assert_eq!(first.revocations.len(), 7);
        assert_eq!(first.issued_at, if cloud == Provider::Azure { -1 } else { now().unix() });
        assert_eq!(key.to_string().len(), 64);
    }
}

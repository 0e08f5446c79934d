//! The rules about caches, replay and revocation, by number: one that refuses and a neighbour that passes.

use crate::clouds::{CLOUDS, at, aws_key, gate, issue, issue_at, issue_with, now};
use std::sync::Arc;
use valet_key::aws::{SigV4, UrlRequest};
use valet_key::clock::Timestamp;
use valet_key::error::VerifyError;
use valet_key::gateway::{
    Facts, GateError, Provider, ReplayCache, ReplayStore, Revocation, RevocationError, RevocationList, RevocationStore,
    SingleUse, StoreError, StoreKey,
};
use valet_key::grant::{Action, CopySource, Grant, Justification, Lifetime};
use valet_key::issuer::{Gcra, RateLimit};
use valet_key::metrics::Counters;
use valet_key::token::Fingerprint;
use valet_key::view::RequestView;

fn read() -> Grant {
    Grant::read("photos", "42/album/cat.jpg")
}

fn revoked(cloud: Provider, revocations: &[Revocation]) -> Result<(), GateError> {
    let list = Arc::new(RevocationList::new(100));
    for revocation in revocations {
        list.revoke(revocation, now()).unwrap();
    }
    issue(cloud, &read()).admit(&gate(cloud).revocations(list), at(1)).map(|_| ())
}

#[test]
fn r50_a_token_for_one_use_is_used_once() {
    for cloud in CLOUDS {
        let gate = gate(cloud).single_use(SingleUse::Always);
        let (one, other) = (issue(cloud, &read()), issue(cloud, &Grant::read("photos", "other.jpg")));
        assert!(one.admit(&gate, now()).is_ok());
        assert_eq!(one.admit(&gate, now()).unwrap_err(), GateError::Replayed);
        assert_eq!(one.admit(&gate, at(900)).unwrap_err(), GateError::Replayed);
        assert!(other.admit(&gate, now()).is_ok());
        // After its end it is no longer the store that refuses.
        assert!(matches!(one.admit(&gate, at(901)), Err(GateError::Unverified(VerifyError::Expired { .. }))));
    }
}

#[test]
fn r50_one_use_is_opt_in_and_a_mark_cannot_be_opted_out() {
    for cloud in CLOUDS {
        let gate = gate(cloud);
        let wire = issue(cloud, &read());
        assert!(wire.admit(&gate, now()).is_ok() && wire.admit(&gate, now()).is_ok());
    }
    for cloud in [Provider::Aws, Provider::Gcs] {
        for rule in [SingleUse::Marked, SingleUse::When(Arc::new(|_: &Facts| false))] {
            let gate = gate(cloud).single_use(rule);
            let wire = issue_with(cloud, &read(), &[("x-use", "once")]);
            assert!(wire.admit(&gate, now()).is_ok());
            assert_eq!(wire.admit(&gate, now()).unwrap_err(), GateError::Replayed);
        }
    }
    for cloud in CLOUDS {
        let uploads = SingleUse::When(Arc::new(|facts: &Facts| facts.action() == Some(Action::Upload)));
        let gate = gate(cloud).single_use(uploads);
        let upload = issue(cloud, &Grant::upload("photos", "new.jpg").any_size().any_content_type());
        assert!(upload.admit(&gate, now()).is_ok() && upload.admit(&gate, now()).is_err());
        let wire = issue(cloud, &read());
        assert!(wire.admit(&gate, now()).is_ok() && wire.admit(&gate, now()).is_ok());
    }
}

#[test]
fn r50_another_spelling_of_a_token_is_not_another_use() {
    // Escapes that a proxy re-wrote, and parameters in another order, make the same signed text.
    let gate = gate(Provider::Aws).single_use(SingleUse::Always);
    let mut wire = issue(Provider::Aws, &Grant::read("photos", "cat.jpg").request_id("req-1"));
    assert!(wire.url.contains("x-request-id=req-1"), "{}", wire.method);
    assert!(wire.admit(&gate, now()).is_ok());
    wire.url = wire.url.replace("req-1", "req%2d1");
    assert_eq!(wire.admit(&gate, now()).unwrap_err(), GateError::Replayed);
    let (before, query) = wire.url.split_once('?').unwrap();
    let mut params: Vec<&str> = query.split('&').collect();
    params.reverse();
    wire.url = format!("{before}?{}", params.join("&"));
    assert_eq!(wire.admit(&gate, now()).unwrap_err(), GateError::Replayed);
}

#[test]
fn r50_a_full_store_refuses() {
    for cloud in CLOUDS {
        let gate = gate(cloud).single_use(SingleUse::Always).replays(Arc::new(ReplayCache::new(0)));
        assert_eq!(issue(cloud, &read()).admit(&gate, now()).unwrap_err(), GateError::Store(StoreError::Full));
    }
}

#[derive(Debug)]
struct Lost;

impl RevocationStore for Lost {
    fn watermark(&self, _: &[StoreKey], _: Timestamp) -> Result<Option<i64>, StoreError> {
        Err(StoreError::Lost)
    }
}

impl ReplayStore for Lost {
    fn is_first(&self, _: &StoreKey, _: Timestamp, _: Timestamp) -> Result<bool, StoreError> {
        Err(StoreError::Lost)
    }
}

#[test]
fn r50_a_lost_store_refuses() {
    for cloud in CLOUDS {
        let wire = issue(cloud, &read());
        let lost = GateError::Store(StoreError::Lost);
        assert_eq!(wire.admit(&gate(cloud).revocations(Arc::new(Lost)), now()).unwrap_err(), lost);
        let replays = gate(cloud).replays(Arc::new(Lost));
        // What needs no store is not refused for it.
        assert!(wire.admit(&replays, now()).is_ok());
        assert_eq!(wire.admit(&replays.single_use(SingleUse::Always), now()).unwrap_err(), lost);
    }
}

#[test]
fn r51_whatever_is_revoked_is_refused() {
    for cloud in CLOUDS {
        let facts = issue(cloud, &read()).admit(&gate(cloud), now()).unwrap().into_parts().0;
        let under = |container, prefix| Revocation::under(cloud, container, prefix).unwrap();
        for revocation in [
            Revocation::key(cloud, facts.key_id()),
            Revocation::fingerprint(facts.fingerprint()),
            Revocation::object(cloud, "photos", "42/album/cat.jpg"),
            under("photos", ""),
            under("photos", "42/"),
            under("photos", "42/album/"),
            Revocation::all_issued_before(at(1)),
            Revocation::key(cloud, facts.key_id()).issued_before(at(1)),
        ] {
            assert_eq!(revoked(cloud, &[revocation]), Err(GateError::Revoked), "{cloud:?} {revocation:?}");
        }
        let other = if cloud == Provider::Aws { Provider::Gcs } else { Provider::Aws };
        for revocation in [
            Revocation::key(cloud, "another"),
            Revocation::key(other, facts.key_id()),
            Revocation::subject("42"),
            Revocation::subject(""),
            Revocation::fingerprint(&Fingerprint::from_bytes([0; 32])),
            Revocation::object(cloud, "photos", "42/album/"),
            Revocation::object(cloud, "photos", "42/album/cat"),
            Revocation::object(other, "photos", "42/album/cat.jpg"),
            under("invoices", ""),
            under("photos", "4/"),
            under("photos", "album/"),
            under("photos", "42/album/cat.jpg/"),
        ] {
            assert_eq!(revoked(cloud, &[revocation]), Ok(()), "{cloud:?} {revocation:?}");
        }
    }
}

#[test]
fn r51_a_subject_is_revoked_until_a_time() {
    for cloud in [Provider::Aws, Provider::Gcs] {
        let list = Arc::new(RevocationList::new(100));
        let gate = gate(cloud).revocations(Arc::clone(&list));
        let wire = issue_with(cloud, &read(), &[("x-user", "42")]);
        list.revoke(&Revocation::subject("43"), now()).unwrap();
        list.revoke(&Revocation::subject("42").issued_before(now()), now()).unwrap();
        assert!(wire.admit(&gate, now()).is_ok());
        list.revoke(&Revocation::subject("42").issued_before(at(1)), now()).unwrap();
        assert_eq!(wire.admit(&gate, now()).unwrap_err(), GateError::Revoked);
        // The entry that says less does not weaken the one that is there.
        list.revoke(&Revocation::subject("42").issued_before(now()), now()).unwrap();
        assert_eq!(wire.admit(&gate, now()).unwrap_err(), GateError::Revoked);
    }
}

#[test]
fn r51_a_token_that_does_not_say_when_it_was_issued_is_old() {
    let list = Arc::new(RevocationList::new(100));
    let gate = gate(Provider::Azure).revocations(Arc::clone(&list));
    list.revoke(&Revocation::all_issued_before(now()), now()).unwrap();
    assert_eq!(issue_at(Provider::Azure, &read(), now()).admit(&gate, at(1)).unwrap_err(), GateError::Revoked);
    let started = issue_at(Provider::Azure, &read().not_before(now()), now());
    assert!(started.admit(&gate, at(1)).is_ok());
    list.revoke(&Revocation::all_issued_before(at(1)), now()).unwrap();
    assert_eq!(started.admit(&gate, at(1)).unwrap_err(), GateError::Revoked);
}

#[test]
fn r51_the_source_of_a_copy_and_a_listing_are_looked_up_too() {
    let why = || Justification::new("a test of copies").unwrap();
    let copy = Grant::copy(CopySource::new("scans", "7/x.pdf"), "photos", "42/y.pdf").because(why());
    let list = Grant::list("photos", "42/album/").because(why());
    for (grant, revocation, is_revoked) in [
        (&copy, Revocation::under(Provider::Aws, "scans", "7/").unwrap(), true),
        (&copy, Revocation::object(Provider::Aws, "scans", "7/x.pdf"), true),
        (&copy, Revocation::under(Provider::Aws, "photos", "42/").unwrap(), true),
        (&copy, Revocation::under(Provider::Aws, "scans", "42/").unwrap(), false),
        (&list, Revocation::under(Provider::Aws, "photos", "42/").unwrap(), true),
        (&list, Revocation::under(Provider::Aws, "photos", "42/album/").unwrap(), true),
        (&list, Revocation::under(Provider::Aws, "photos", "43/").unwrap(), false),
    ] {
        let list = Arc::new(RevocationList::new(100));
        list.revoke(&revocation, now()).unwrap();
        let result = issue(Provider::Aws, grant).admit(&gate(Provider::Aws).revocations(list), now());
        assert_eq!(result.is_err(), is_revoked, "{revocation:?}");
    }
}

#[test]
fn r51_a_revocation_outlives_a_token_of_a_clock_that_is_ahead() {
    let week = i64::from(Lifetime::WEEK.seconds());
    let long = read().lives(Lifetime::WEEK).because(Justification::new("a test of long lives").unwrap());
    for cloud in [Provider::Aws, Provider::Gcs] {
        let wire = issue_at(cloud, &long, at(900));
        let revocation = Revocation::subject("42");
        let list = Arc::new(RevocationList::new(1));
        list.revoke(&Revocation::under(cloud, "photos", "42/").unwrap(), now()).unwrap();
        let revoked = gate(cloud).revocations(Arc::clone(&list));
        for time in [at(0), at(week), at(week + 900)] {
            assert!(wire.admit(&gate(cloud), time).is_ok(), "{cloud:?} {time}");
            assert_eq!(wire.admit(&revoked, time).unwrap_err(), GateError::Revoked, "{cloud:?} {time}");
            assert_eq!(list.revoke(&revocation, time), Err(StoreError::Full));
        }
        assert!(matches!(
            wire.admit(&revoked, at(week + 901)),
            Err(GateError::Unverified(VerifyError::Expired { .. }))
        ));
        assert_eq!(list.revoke(&revocation, at(week + 901)), Ok(()));
    }
}

#[test]
fn r51_no_name_is_too_deep_to_be_looked_up() {
    let deep = "a/".repeat(400) + "b";
    let prefix = |count| Revocation::under(Provider::Aws, "photos", &"a/".repeat(count));
    assert_eq!(prefix(17), Err(RevocationError::TooDeep { found: 17 }));
    assert_eq!(Revocation::under(Provider::Aws, "photos", "a"), Err(RevocationError::OpenPrefix));
    for revocation in [prefix(1).unwrap(), prefix(16).unwrap(), Revocation::object(Provider::Aws, "photos", &deep)] {
        let list = Arc::new(RevocationList::new(100));
        list.revoke(&revocation, now()).unwrap();
        let wire = issue(Provider::Aws, &Grant::read("photos", deep.clone()));
        assert_eq!(wire.admit(&gate(Provider::Aws).revocations(list), now()).unwrap_err(), GateError::Revoked);
    }
    let wire = issue(Provider::Aws, &Grant::read("photos", deep));
    let asked = wire.with(|view| gate(Provider::Aws).check(view, now())).unwrap().question().revocations.len();
    assert_eq!(asked, 3 + 1 + 16 + 1);
}

#[test]
fn r51_a_revoked_token_does_not_lose_its_use() {
    let list = Arc::new(RevocationList::new(100));
    let gate = gate(Provider::Aws).single_use(SingleUse::Always).revocations(Arc::clone(&list));
    let wire = issue(Provider::Aws, &read());
    let mistake = Revocation::under(Provider::Aws, "photos", "42/").unwrap();
    list.revoke(&mistake, now()).unwrap();
    assert_eq!(wire.admit(&gate, now()).unwrap_err(), GateError::Revoked);
    assert!(list.restore(&mistake) && !list.restore(&mistake));
    assert!(wire.admit(&gate, now()).is_ok());
}

#[test]
fn requests_are_counted_by_subject_and_one_too_many_keeps_its_use() {
    let rate = Gcra::new(1, Lifetime::from_seconds(36).unwrap(), 1).unwrap();
    let limiter = Arc::new(RateLimit::new(rate).max_subjects(1 << 10));
    let gate = gate(Provider::Aws).single_use(SingleUse::Always).rate_limit(limiter);
    let user = |user, name| issue_with(Provider::Aws, &Grant::read("photos", name), &[("x-user", user)]);
    assert!(user("42", "a").admit(&gate, now()).is_ok());
    let second = user("42", "b");
    assert_eq!(second.admit(&gate, now()).unwrap_err(), GateError::RateLimited { retry_after: 36 });
    assert!(user("43", "a").admit(&gate, now()).is_ok());
    assert!(second.admit(&gate, at(36)).is_ok());
    // Without a subject it is the key.
    assert!(issue(Provider::Aws, &Grant::read("photos", "c")).admit(&gate, at(36)).is_ok());
    let other = issue(Provider::Aws, &Grant::read("photos", "d")).admit(&gate, at(37));
    assert_eq!(other.unwrap_err(), GateError::RateLimited { retry_after: 72 - 37 });
}

#[test]
fn whoever_counts_hears_of_every_request_once() {
    let counters = Arc::new(Counters::new());
    let gate = gate(Provider::Gcs).single_use(SingleUse::Always).metrics(Arc::clone(&counters));
    let wire = issue(Provider::Gcs, &read());
    assert!(wire.admit(&gate, at(300)).is_ok());
    assert!(wire.admit(&gate, at(300)).is_err());
    assert!(wire.admit(&gate, at(901)).is_err());
    let lost = wire.with(|view| gate.check(view, now())).unwrap().decide(valet_key::gateway::Answer::Lost);
    assert!(lost.is_err());
    let seen = counters.snapshot();
    assert_eq!((seen.verified, seen.rejected("replayed"), seen.rejected("expired")), (1, 1, 1));
    assert_eq!(seen.rejected("store_lost"), 1);
    assert_eq!((seen.seconds_left.within(600), seen.seconds_left.count()), (1, 1));
}

#[test]
fn bounds_come_behind_the_signature_and_before_the_stores() {
    for cloud in CLOUDS {
        let gate = gate(cloud).revocations(Arc::new(Lost)).within(|facts: &Facts| {
            let is_inside = facts.container() == "photos" && facts.object().is_some_and(|name| name.starts_with("42/"));
            if is_inside { Ok(()) } else { Err("not below photos/42/".to_owned()) }
        });
        let outside = issue(cloud, &Grant::read("photos", "43/cat.jpg"));
        let why = "not below photos/42/".to_owned();
        assert_eq!(outside.admit(&gate, now()).unwrap_err(), GateError::OutOfBounds { code: "out_of_bounds", why });
        let mut forged = outside;
        forged.method = "DELETE".into();
        assert!(matches!(forged.admit(&gate, now()), Err(GateError::Unverified(_))));
        assert_eq!(issue(cloud, &read()).admit(&gate, now()).unwrap_err(), GateError::Store(StoreError::Lost));
    }
}

#[test]
fn operations_that_no_grant_is_for_are_opted_in() {
    let request = valet_key::aws::Request::new("PUT", "https://photos.s3.eu-west-1.amazonaws.com", "eu-west-1", "s3");
    let request = UrlRequest::new(request.unwrap().path("/").query("policy", "")).lives(Lifetime::DEFAULT);
    let url = aws_key().presign(&request, now()).unwrap();
    let target = url.expose().strip_prefix("https://photos.s3.eu-west-1.amazonaws.com").unwrap().to_owned();
    let headers: [(&str, &[u8]); 1] = [("host", b"photos.s3.eu-west-1.amazonaws.com")];
    let view = RequestView::new("PUT", &target, &headers);
    let refused = gate(Provider::Aws).admit(&view, now()).unwrap_err();
    assert_eq!(refused.code(), "out_of_bounds");
    let admitted = gate(Provider::Aws).allow_all_operations().admit(&view, now()).unwrap();
    assert_eq!(admitted.facts().operation(), "PutBucketPolicy");
}

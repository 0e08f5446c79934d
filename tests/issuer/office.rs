//! The order of things: bounds, rate, signature, record, token.

use super::{
    Broken, Hand, Office, REGION, Signer, at, azure_key, gcs_key, photos_only, s3_key, s3_url, sign, subject, verified,
    why,
};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use valet_key::{
    clock::Timestamp,
    error::IssueError,
    grant::{Action, Constraint, Grant, Lifetime},
    issuer::{
        Ask, AuditRecord, Gcra, Issuer, Limited, MemorySink, NotRefreshable, Outcome, RateLimit, RateLimiter, Refused,
        Subject, Unlimited, unbounded,
    },
    multi::Cloud,
    policy::Bounds,
    token::BearerUrl,
};

fn cat() -> Grant {
    Grant::read("photos", "cat.jpg").request_id("req-1")
}

#[test]
fn a_token_is_on_record_as_it_is() {
    let (office, jane, grant) = (Office::new(), subject("jane"), cat().because(why()));
    let ask = Ask::new(&jane, &grant).from("192.0.2.7".parse().unwrap()).session("upload-1");
    let issued = office.issuer.issue(&ask).unwrap();
    assert_eq!(verified(issued.token(), at(1)), issued.fingerprint());
    assert_eq!((issued.issued_at(), issued.refresh_at(), issued.expires_at()), (at(0), at(720), at(900)));
    let [record] = office.sink.records().try_into().unwrap();
    assert_eq!((record.at, record.outcome, &record.code, &record.reason), (at(0), Outcome::Issued, &None, &None));
    assert_eq!((&*record.tenant, &*record.user), ("acme", "jane"));
    assert_eq!(record.client_address, Some("192.0.2.7".parse().unwrap()));
    assert_eq!((record.session.as_deref(), record.request_id.as_deref()), (Some("upload-1"), Some("req-1")));
    assert_eq!((&*record.container, &*record.kind, &*record.name), ("photos", "object", "cat.jpg"));
    assert_eq!(
        (record.actions.as_slice(), record.lifetime, &*record.classification),
        (&["read".into()][..], 900, "confidential")
    );
    assert_eq!((record.justification.as_deref(), record.count), (Some("a test"), 1));
    assert_eq!((record.form.as_deref(), record.key_id.as_deref()), (Some("s3_url"), Some("AKIAIOSFODNN7EXAMPLE")));
    assert_eq!((record.expires_at, record.fingerprint), (Some(at(900)), Some(issued.fingerprint())));
}

#[test]
fn what_is_given_up_is_on_record_with_its_reason() {
    let (office, jane) = (Office::new(), subject("jane"));
    let grant = cat().unenforced(Constraint::ClientAddress, why()).unwrap();
    office.issuer.issue(&Ask::new(&jane, &grant)).unwrap();
    let [record] = office.sink.records().try_into().unwrap();
    assert_eq!(record.given_up, [("client address".into(), "a test".to_owned())]);
    let line = record.to_json();
    assert!(line.contains(r#""given_up":[["client address","a test"]]"#), "{line}");
    assert_eq!(AuditRecord::from_json(&line).unwrap(), record);
    for other in [r#""given_up":{}"#, r#""given_up":[["a"]]"#, r#""given_up":[["a",1]]"#, r#""given_up":["a","b"]"#] {
        assert!(AuditRecord::from_json(&line.replace(r#""given_up":[["client address","a test"]]"#, other)).is_err());
    }
}

#[test]
fn bounds_come_before_the_rate_and_both_before_the_key() {
    let (office, jane) = (Office::new(), subject("jane"));
    let before = (office.signed)();
    let payroll = Grant::read("payroll", "2026.xlsx");
    for _ in 0..5 {
        // Refused for the bounds even when there is nothing left of the rate.
        assert_eq!(office.issuer.issue(&Ask::new(&jane, &payroll)).unwrap_err().code(), "other_bucket");
    }
    // That used up what she had.
    let refused = office.issuer.issue(&Ask::new(&jane, &cat())).unwrap_err();
    assert_eq!(refused, Refused::Limited(Limited::Later { seconds: 36 }));
    assert_eq!((office.signed)(), before, "nothing was signed");
    assert!(office.issuer.issue(&Ask::new(&subject("joe"), &cat())).is_ok());
    assert_eq!((office.signed)(), before + 1);
    let outcomes = office.outcomes();
    assert_eq!(outcomes.len(), 7);
    assert_eq!(
        outcomes[4..],
        [
            (Outcome::Refused, "other_bucket".to_owned()),
            (Outcome::Refused, "rate_limited".to_owned()),
            (Outcome::Issued, String::new()),
        ]
    );
    assert_eq!(office.sink.records()[0].reason.as_deref(), Some("payroll is none of yours"));
    let seen = office.counters.snapshot();
    assert_eq!((seen.issued, seen.refused("other_bucket"), seen.refused("rate_limited")), (1, 5, 1));
    assert_eq!(seen.lifetimes.within(900) - seen.lifetimes.within(600), 1);
}

#[test]
fn what_the_holder_refuses_is_on_record_too() {
    let (office, jane) = (Office::new(), subject("jane"));
    let grant = Grant::upload("photos", "cat.jpg").any_content_type().size(1..=5);
    let refused = office.issuer.issue(&Ask::new(&jane, &grant)).unwrap_err();
    assert!(matches!(refused, Refused::Issue(IssueError::NotEnforceable { constraint: Constraint::Size, .. })));
    assert_eq!(office.outcomes(), [(Outcome::Refused, "not_enforceable".to_owned())]);
}

#[test]
fn no_token_leaves_without_its_record() {
    let issuer = Issuer::new(sign as Signer, photos_only, Unlimited, Broken, at(0));
    let counters = Arc::new(valet_key::metrics::Counters::new());
    let issuer = issuer.metrics(counters.clone());
    for grant in [cat(), Grant::read("payroll", "2026.xlsx")] {
        let refused = issuer.issue(&Ask::new(&subject("jane"), &grant)).unwrap_err();
        assert_eq!(refused.code(), "unaudited");
        assert_eq!(refused.to_string(), "the audit record could not be written: the disk is full");
    }
    drop(issuer.authorise(&Ask::new(&subject("jane"), &cat())).unwrap());
    let seen = counters.snapshot();
    assert_eq!((seen.issued, seen.unaudited, seen.abandoned), (0, 3, 1));
    // A sink that is full is one that keeps no record.
    let issuer = Issuer::new(sign as Signer, unbounded, Unlimited, MemorySink::new(1), at(0));
    assert!(issuer.issue(&Ask::new(&subject("jane"), &cat())).is_ok());
    assert_eq!(issuer.issue(&Ask::new(&subject("jane"), &cat())).unwrap_err().code(), "unaudited");
}

#[test]
fn a_remote_holder_gets_a_pass_that_is_settled_once() {
    let (office, jane, grant) = (Office::new(), subject("jane"), cat());
    let ask = Ask::new(&jane, &grant);
    let pass = office.issuer.authorise(&ask).unwrap();
    assert!(office.sink.records().is_empty(), "nothing has happened yet");
    office.clock.set(3);
    let url = s3_url(pass.grant(), pass.at());
    let issued = pass.complete(url).unwrap();
    assert_eq!((issued.issued_at(), issued.expires_at()), (at(0), at(900)));

    let pass = office.issuer.authorise(&ask).unwrap();
    assert_eq!(pass.fail(IssueError::TimeOverflow), Refused::Issue(IssueError::TimeOverflow));
    drop(office.issuer.authorise(&ask).unwrap());
    assert_eq!(
        office.outcomes(),
        [
            (Outcome::Issued, String::new()),
            (Outcome::Refused, "time_overflow".to_owned()),
            (Outcome::Abandoned, String::new()),
        ]
    );
    assert_eq!(office.counters.snapshot().abandoned, 1);
    assert!(matches!(office.issuer.authorise(&ask), Err(Refused::Limited(_))), "all three were counted");
}

#[test]
fn a_token_that_is_not_what_was_granted_is_dropped() {
    let (office, jane, grant) = (Office::new(), subject("jane"), cat());
    let long = Grant::read("photos", "cat.jpg").lives(Lifetime::from_seconds(901).unwrap()).because(why());
    let pass = office.issuer.authorise(&Ask::new(&jane, &grant)).unwrap();
    let refused = pass.complete(s3_url(&long, at(0))).unwrap_err();
    assert_eq!(refused, Refused::TooLong { token_ends: at(901), grant_ends: at(900) });
    // The holder took so long that the token is over.
    let pass = office.issuer.authorise(&Ask::new(&jane, &grant)).unwrap();
    office.clock.set(901);
    let refused = pass.complete(s3_url(&grant, at(0))).unwrap_err();
    assert_eq!(refused, Refused::Over { token_ends: at(900), now: at(901) });
    let records = office.sink.records();
    assert!(records.iter().all(|it| it.outcome == Outcome::Refused && it.fingerprint.is_some()));
}

#[test]
fn a_refresh_never_widens_and_ends_with_the_session() {
    let (office, jane) = (Office::new(), subject("jane"));
    let grant = Grant::read("photos", "cat.jpg").lives(Lifetime::minutes(10).unwrap());
    let ask = Ask::new(&jane, &grant).session("s1");
    let (first, mut lease) = office.issuer.issue_leased(&ask).unwrap();
    assert_eq!((lease.ends_at(), lease.max_refreshes()), (at(86_400), 144 + 8));
    office.clock.set(480);
    assert_eq!(first.refresh_at(), at(480));
    let second = office.issuer.refresh(&mut lease, &ask).unwrap();
    assert_eq!((second.expires_at(), lease.refreshes()), (at(1080), 1));

    let refused = |lease: &mut _, subject: &Subject, session, grant: &Grant| {
        let refused = office.issuer.refresh(lease, &Ask::new(subject, grant).session(session)).unwrap_err();
        match refused {
            Refused::Refresh(why) => why,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(&mut lease, &subject("joe"), "s1", &grant), NotRefreshable::Other);
    assert_eq!(refused(&mut lease, &jane, "s2", &grant), NotRefreshable::Other);
    for (wider, constraint) in [
        (grant.clone().lives(Lifetime::DEFAULT), Constraint::Lifetime),
        (Grant::read("photos", "dog.jpg"), Constraint::Resource),
        (Grant::delete("photos", "cat.jpg"), Constraint::Action),
        (Grant::under("photos", "cat", Action::Read).because(why()), Constraint::Resource),
    ] {
        assert_eq!(refused(&mut lease, &jane, "s1", &wider), NotRefreshable::Wider { constraint });
    }
    // To the second at the end of the session.
    office.clock.set(86_400 - 600 + 1);
    let over = NotRefreshable::SessionOver { session_ends: at(86_400), token_ends: at(86_401) };
    assert_eq!(refused(&mut lease, &jane, "s1", &grant), over);
    assert_eq!(lease.longest(at(86_400 - 599)).unwrap().seconds(), 599);
    assert_eq!(lease.longest(at(86_400)), None);
    let shorter = grant.clone().lives(lease.longest(at(86_400 - 599)).unwrap());
    let last = office.issuer.refresh(&mut lease, &Ask::new(&jane, &shorter).session("s1")).unwrap();
    assert_eq!((last.expires_at(), lease.refreshes()), (at(86_400), 2));
    let seen = office.counters.snapshot();
    assert_eq!(
        (seen.issued, seen.refreshed, seen.refused("refresh_wider"), seen.refused("refresh_other")),
        (1, 2, 4, 2)
    );
    assert_eq!(office.outcomes()[1], (Outcome::Refreshed, String::new()));
}

#[test]
fn a_session_has_so_many_refreshes_and_a_single_use_has_none() {
    let (clock, jane) = (Hand::default(), subject("jane"));
    let gateway = |grant: &Grant, now: Timestamp| -> Result<BearerUrl, IssueError> {
        // A gateway with replay protection enforces it.
        let object = Grant::read(grant.container(), "cat.jpg").lives(grant.lifetime()).because(why());
        Ok(s3_url(&object, now))
    };
    let issuer = Issuer::new(gateway, unbounded, Unlimited, MemorySink::latest(1), clock.clone());
    let grant = Grant::read("photos", "cat.jpg").lives(Lifetime::minutes(12 * 60).unwrap()).because(why());
    let ask = Ask::new(&jane, &grant);
    let (_, mut lease) = issuer.issue_leased(&ask).unwrap();
    for _ in 0..10 {
        issuer.refresh(&mut lease, &ask).unwrap();
    }
    assert_eq!(issuer.refresh(&mut lease, &ask).unwrap_err(), Refused::Refresh(NotRefreshable::TooOften { limit: 10 }));
    let once = Grant::read("photos", "cat.jpg").single_use();
    let ask = Ask::new(&jane, &once);
    let (_, mut lease) = issuer.issue_leased(&ask).unwrap();
    assert_eq!(issuer.refresh(&mut lease, &ask).unwrap_err(), Refused::Refresh(NotRefreshable::SingleUse));
}

#[test]
fn a_refresh_that_is_refused_uses_up_the_rate_too() {
    let (office, jane, grant) = (Office::new(), subject("jane"), cat());
    let (_, mut lease) = office.issuer.issue_leased(&Ask::new(&jane, &grant)).unwrap();
    let other = Grant::read("photos", "dog.jpg");
    for _ in 0..2 {
        let refused = office.issuer.refresh(&mut lease, &Ask::new(&jane, &other)).unwrap_err();
        assert_eq!(refused, Refused::Refresh(NotRefreshable::Wider { constraint: Constraint::Resource }));
    }
    // One token and two attempts are the burst of three.
    let refused = office.issuer.issue(&Ask::new(&jane, &grant)).unwrap_err();
    assert_eq!(refused, Refused::Limited(Limited::Later { seconds: 36 }));
    assert!(office.issuer.issue(&Ask::new(&subject("joe"), &grant)).is_ok());
}

#[test]
fn a_refresh_that_is_completed_late_ends_with_its_session() {
    let (office, jane, grant) = (Office::new(), subject("jane"), cat());
    let ask = Ask::new(&jane, &grant);
    for (late, refused) in [(0, None), (1, Some(Refused::TooLong { token_ends: at(86_401), grant_ends: at(86_400) }))] {
        office.clock.set(0);
        let (_, mut lease) = office.issuer.issue_leased(&ask).unwrap();
        office.clock.set(86_400 - 900);
        let pass = office.issuer.authorise_refresh(&mut lease, &ask).unwrap();
        // The holder goes by its own clock.
        office.clock.set(86_400 - 900 + late);
        let completed = pass.complete(s3_url(&grant, at(86_400 - 900 + late)));
        assert_eq!(completed.err(), refused, "{late}");
    }
}

#[test]
fn a_batch_is_allowed_as_a_whole_and_counts_what_it_holds() {
    let (office, jane) = (Office::new(), subject("jane"));
    let parts: Vec<Grant> = (1..=4).map(|n| Grant::upload_part("photos", "film.mp4", "id", n).any_size()).collect();
    let asks: Vec<Ask<'_>> = parts.iter().map(|part| Ask::new(&jane, part)).collect();
    let refused = office.issuer.issue_batch(&asks).unwrap_err();
    assert_eq!(refused, Refused::Limited(Limited::TooMany { count: 4, burst: 3 }));
    let tokens = office.issuer.issue_batch(&asks[..3]).unwrap();
    assert!(tokens.iter().all(Result::is_ok));
    assert_eq!(office.issuer.issue_batch(&asks[3..]).unwrap_err(), Refused::Limited(Limited::Later { seconds: 36 }));
    let joe = subject("joe");
    let mixed = [Ask::new(&joe, &parts[0]), Ask::new(&jane, &parts[1])];
    assert_eq!(office.issuer.issue_batch(&mixed).unwrap_err(), Refused::SeveralSubjects);
    assert!(office.issuer.issue_batch(&[]).unwrap().is_empty());
    let payroll = Grant::read("payroll", "2026.xlsx");
    let [good, bad] =
        office.issuer.issue_batch(&[Ask::new(&joe, &parts[0]), Ask::new(&joe, &payroll)]).unwrap().try_into().unwrap();
    assert!(good.is_ok());
    assert_eq!(bad.unwrap_err().code(), "other_bucket");
    let records = office.sink.records();
    assert_eq!(records.iter().map(|it| it.count).collect::<Vec<_>>(), [4, 1, 1, 1, 1, 2, 1, 1]);
    assert_eq!((&*records[1].kind, records[1].part, &*records[1].name), ("part", Some(1), "film.mp4"));
}

#[test]
fn exactly_the_burst_is_issued_whatever_the_threads() {
    let sink = Arc::new(MemorySink::new(1000));
    let limit = RateLimit::new(Gcra::new(1, Lifetime::WEEK, 50).unwrap());
    let issuer = Issuer::new(sign as Signer, photos_only, limit, sink.clone(), at(0));
    let (jane, grant, passed) = (subject("jane"), cat(), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    passed.fetch_add(usize::from(issuer.issue(&Ask::new(&jane, &grant)).is_ok()), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(passed.into_inner(), 50);
    let records = sink.records();
    assert_eq!((records.len(), records.iter().filter(|it| it.outcome == Outcome::Issued).count()), (200, 50));
}

/// A store that several processes could share: it has a number under a name and knows nothing of rates.
#[derive(Debug, Default)]
struct Shared(Mutex<std::collections::BTreeMap<[u8; 16], (u64, i64)>>);

impl RateLimiter for Shared {
    fn take(&self, subject: &Subject, count: u32, now: Timestamp) -> Result<(), Limited> {
        let mut store = self.0.lock().map_err(|_| Limited::Unavailable)?;
        // What is over its time to live is not there any more.
        store.retain(|_, (_, dies_at)| *dies_at > now.unix());
        let old = store.get(&subject.key()).map_or(0, |(arrival, _)| *arrival);
        let step = Gcra::HOURLY.check(old, now, count);
        match step.verdict() {
            valet_key::issuer::Verdict::Allowed => {
                store.insert(subject.key(), (step.arrival(), now.unix() + i64::from(step.seconds_to_live())));
                Ok(())
            }
            valet_key::issuer::Verdict::Later { seconds } => Err(Limited::Later { seconds }),
            valet_key::issuer::Verdict::Never => Err(Limited::TooMany { count, burst: Gcra::HOURLY.burst() }),
        }
    }
}

#[test]
fn a_store_without_any_knowledge_limits_like_the_one_in_memory() {
    let (shared, memory) = (Shared::default(), RateLimit::new(Gcra::HOURLY));
    let mut time = 0;
    for round in 0..5000u32 {
        time += i64::from(round % 7);
        let (user, count) = (subject(&format!("user-{}", round % 3)), round % 5);
        assert_eq!(shared.take(&user, count, at(time)), memory.take(&user, count, at(time)), "round {round}");
    }
}

#[test]
fn a_million_subjects_take_no_more_room_than_was_said() {
    let limit = RateLimit::new(Gcra::HOURLY).max_subjects(10_000);
    let mut refused = 0;
    let peak = allocation_counter::measure(|| {
        for number in 0..1_000_000u32 {
            let user = Subject::new("t", &number.to_string()).unwrap();
            refused += u32::from(limit.take(&user, 1, at(0)) == Err(Limited::Full));
        }
    });
    assert!(peak.bytes_max < 2 << 20, "{} bytes at once", peak.bytes_max);
    assert!(limit.subjects() <= 10_000 && limit.subjects() > 9_900, "{}", limit.subjects());
    assert_eq!(usize::try_from(refused).unwrap(), 1_000_000 - limit.subjects());
}

#[test]
fn several_clouds_issue_within_bounds() {
    let clouds = [Cloud::aws(s3_key(), REGION).unwrap(), Cloud::gcs(gcs_key()), Cloud::azure(azure_key())];
    for (cloud, form) in clouds.into_iter().zip(["s3_url", "gcs_url", "azure_service_sas"]) {
        let sink = Arc::new(MemorySink::new(9));
        let bounds = Bounds::new().container("photos", Action::Read);
        let issuer = Issuer::new(cloud, bounds, RateLimit::new(Gcra::HOURLY), sink.clone(), at(0));
        let jane = subject("jane");
        let token = issuer.issue(&Ask::new(&jane, &Grant::read("photos", "cat.jpg"))).unwrap();
        assert_eq!(verified(token.token().bearer_url().unwrap(), at(1)), token.fingerprint());
        let refused = issuer.issue(&Ask::new(&jane, &Grant::delete("photos", "cat.jpg"))).unwrap_err();
        assert_eq!(refused.code(), "bounds_action");
        let records = sink.records();
        assert_eq!((records[0].form.as_deref(), records[0].fingerprint), (Some(form), Some(token.fingerprint())));
        assert_eq!(records[1].reason.as_deref(), Some("to delete was asked for, allowed read"));
        let key = ["AKIAIOSFODNN7EXAMPLE", "GOOG1EXAMPLE"].iter().find(|key| records[0].key_id.as_deref() == Some(key));
        assert_eq!(key.is_some(), form != "azure_service_sas");
    }
}

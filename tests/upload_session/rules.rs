//! One rule at a time: what is refused, what a token allows, how long it lives, and what is saved.

use crate::cloud::{ACCOUNT, CONTAINER, NAME, aws_key, azure_key, split};
use serde_json::Value;
use valet_key::aws::{self, SigV4};
use valet_key::azure::{self, Sas};
use valet_key::clock::Timestamp;
use valet_key::error::{IssueError, VerifyError};
use valet_key::gcs::ResumableSession;
use valet_key::grant::{Action, Classification, Constraint, Grant, Justification, Lifetime, Resource};
use valet_key::upload::{Next, Protocol, Seen, SeenPart, Step, Task, Upload, UploadError, UploadSession};
use valet_key::view::RequestView;

const MIB: u64 = 1 << 20;
const ID: &str = "3f2c9a7e51d04b88";
const TAG: &str = "9e107d9d372bb6826bd81d3542a419d6";
const URI: &str = "https://storage.googleapis.com/videos/42/film.mp4?upload_id=ABPtcPoSECRET";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn later(seconds: u32) -> Timestamp {
    now().saturating_add(seconds)
}

fn grant(bytes: u64) -> Grant {
    Grant::upload(CONTAINER, NAME).any_content_type().exact_size(bytes)
}

fn upload(protocol: Protocol, grant: Grant) -> Upload {
    Upload::new(protocol, grant, ID, "user 42")
}

/// An upload to S3 that has begun.
fn begun(upload: Upload) -> UploadSession {
    let mut session = upload.begin(now()).unwrap();
    session.start(now()).unwrap().once_saved();
    session.started("upload-1", now()).unwrap();
    session
}

fn s3(bytes: u64) -> UploadSession {
    begun(upload(Protocol::S3Multipart, grant(bytes)))
}

fn gcs(bytes: u64) -> UploadSession {
    let mut session = upload(Protocol::GcsResumable, grant(bytes)).begin(now()).unwrap();
    session.start(now()).unwrap().once_saved();
    session.started_resumable(&ResumableSession::from_location(URI, now()).unwrap(), now()).unwrap();
    session
}

fn parts(session: &mut UploadSession, most: usize, at: Timestamp) -> Vec<Step> {
    session.parts(most, at).unwrap().once_saved()
}

fn part(step: &Step) -> (u32, u64) {
    let Task::Part { number, bytes } = step.task() else { panic!("{step:?}") };
    (*number, bytes.end - bytes.start)
}

fn lifetime(step: &Step) -> u32 {
    step.grant().unwrap().lifetime().seconds()
}

fn why() -> Justification {
    Justification::new("slow line of the branch office, ticket 4711").unwrap()
}

#[test]
fn a_hostile_acknowledgement_is_a_typed_error_and_changes_nothing() {
    let mut session = s3(20 * MIB);
    parts(&mut session, 2, now());
    let before = serde_json::to_string(&session).unwrap();
    for (number, bytes, tag, wanted) in [
        (0, 8 * MIB, Some(TAG), UploadError::UnknownPart { number: 0 }),
        // There is such a part, and nobody was told to send it.
        (3, 4 * MIB, Some(TAG), UploadError::UnknownPart { number: 3 }),
        (4, 8 * MIB, Some(TAG), UploadError::UnknownPart { number: 4 }),
        (u32::MAX, 8 * MIB, Some(TAG), UploadError::UnknownPart { number: u32::MAX }),
        (1, 0, Some(TAG), UploadError::PartSize { number: 1, found: 0, expected: 8 * MIB }),
        (1, u64::MAX, Some(TAG), UploadError::PartSize { number: 1, found: u64::MAX, expected: 8 * MIB }),
    ] {
        assert_eq!(session.acknowledge(number, bytes, tag, now()).err(), Some(wanted));
    }
    for tag in [None, Some(""), Some("a\" b"), Some("x\r\ny")] {
        let refused = session.acknowledge(1, 8 * MIB, tag, now()).err();
        assert!(matches!(refused, Some(UploadError::Tag { number: 1, .. })), "{tag:?}");
    }
    assert_eq!(serde_json::to_string(&session).unwrap(), before);

    session.acknowledge(1, 8 * MIB, Some(TAG), now()).unwrap().once_saved();
    // The same again is no news, in quotes or not; another tag is a contradiction.
    session.acknowledge(1, 8 * MIB, Some(&format!("\"{TAG}\"")), now()).unwrap().once_saved();
    let other = session.acknowledge(1, 8 * MIB, Some("00000000000000000000000000000000"), now());
    assert_eq!(other.err(), Some(UploadError::OtherTag { number: 1 }));
    assert_eq!(session.received(), 8 * MIB);

    // What was looked at settles it.
    let listed = SeenPart { name: "1", bytes: 8 * MIB, etag: Some("00000000000000000000000000000000") };
    session.seen(&Seen::Parts(&[listed])).unwrap();
    session.acknowledge(1, 8 * MIB, Some("00000000000000000000000000000000"), now()).unwrap().once_saved();

    let mut session = gcs(20 * MIB);
    let [chunk] = &parts(&mut session, 5, now())[..] else { panic!("one at a time") };
    assert_eq!(part(chunk), (1, 8 * MIB));
    session.received_up_to(MIB, now()).unwrap().once_saved();
    for (found, most) in [(MIB - 1, 8 * MIB), (8 * MIB + 1, 8 * MIB), (u64::MAX, 8 * MIB)] {
        let refused = session.received_up_to(found, now()).err();
        assert_eq!(refused, Some(UploadError::Received { found, least: MIB, most }));
    }
    assert!(matches!(session.acknowledge(1, 8 * MIB, Some(TAG), now()), Err(UploadError::NotNow { .. })));
}

#[test]
fn what_is_seen_must_answer_what_was_looked_for() {
    let mut session = s3(20 * MIB);
    let twice = SeenPart { name: "1", bytes: 8 * MIB, etag: Some(TAG) };
    let unnumbered = SeenPart { name: "one", ..twice };
    for wrong in [
        Seen::Parts(&[twice, twice]),
        Seen::Parts(&[unnumbered]),
        Seen::Received(5),
        Seen::Finished,
        Seen::NoObject,
        Seen::Uploads(&[]),
    ] {
        let before = serde_json::to_string(&session).unwrap();
        assert!(matches!(session.seen(&wrong), Err(UploadError::Answer { .. })), "{wrong:?}");
        assert_eq!(serde_json::to_string(&session).unwrap(), before);
    }
    // A part of another size, or that is none of this plan, is not there.
    let small = SeenPart { name: "2", bytes: 5, etag: Some(TAG) };
    let foreign = SeenPart { name: "77", ..twice };
    session.seen(&Seen::Parts(&[twice, small, foreign])).unwrap();
    assert_eq!(session.received(), 8 * MIB);

    let mut session = gcs(20 * MIB);
    let most = 20 * MIB;
    let refused = session.seen(&Seen::Received(most + 1));
    assert_eq!(refused, Err(UploadError::Received { found: most + 1, least: 0, most }));
}

#[test]
fn a_token_is_for_one_part_of_one_size_and_no_other() {
    let mut session = s3(20 * MIB);
    let steps = parts(&mut session, 2, now());
    let endpoint = aws::Endpoint::aws(aws::Region::new("eu-west-1").unwrap());
    let url = aws_key().presign(&steps[0].s3(&endpoint).unwrap(), now()).unwrap();
    let (host, target) = split(url.expose());
    let ring = aws::Verifier::new(aws::KeyRing::new().with(aws_key()), aws::Expect::new("eu-west-1", "s3"));
    let verify = |method: &str, target: &str, length: &str, at| {
        let lines: [(&str, &[u8]); 2] = [("host", host.as_bytes()), ("content-length", length.as_bytes())];
        let verified = ring.verify(&RequestView::new(method, target, &lines), at)?;
        let asked = verified.s3_request(&endpoint)?;
        assert_eq!((asked.operation(), asked.part_number()), (aws::Operation::UploadPart, Some(1)));
        assert_eq!((asked.key(), asked.upload_id()), (Some(NAME), Some("upload-1")));
        Ok::<_, VerifyError>(())
    };
    let size = (8 * MIB).to_string();
    assert_eq!(verify("PUT", target, &size, now()), Ok(()));
    assert_eq!(verify("PUT", target, &size, steps[0].ends_at()), Ok(()));
    let over = steps[0].ends_at().saturating_add(1);
    assert!(matches!(verify("PUT", target, &size, over), Err(VerifyError::Expired { .. })));
    for (method, changed, length) in [
        ("PUT", target.replace("partNumber=1", "partNumber=2"), size.as_str()),
        ("PUT", target.replace("upload-1", "upload-2"), &size),
        ("PUT", target.replace("film", "song"), &size),
        ("DELETE", target.to_owned(), &size),
        ("PUT", target.to_owned(), "8388609"),
    ] {
        assert_eq!(verify(method, &changed, length, now()), Err(VerifyError::SignatureMismatch), "{changed}");
    }
    let grant = steps[1].grant().unwrap();
    assert_eq!(grant.actions().only(), Some(Action::UploadPart));
    let resource = Resource::Part { name: NAME.into(), upload_id: "upload-1".into(), number: 2 };
    assert_eq!(grant.resource(), &resource);
}

#[test]
fn a_user_delegation_sas_binds_the_block() {
    let mut session = upload(Protocol::AzureBlocks, grant(20 * MIB)).begin(now()).unwrap();
    let steps = parts(&mut session, 2, now());
    let request = steps[0].azure_bound(&azure::Endpoint::azure()).unwrap();
    // An account key cannot, and says so rather than leave it out.
    assert!(matches!(azure_key().issue(&request, now()), Err(IssueError::NotEnforceable { .. })));

    let ids = ["11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-000000000000"];
    let window = ["2023-11-14T22:00:00Z", "2023-11-15T22:00:00Z"];
    let delegation = azure::Delegation::new(ids, window, "b", "2020-12-06").unwrap();
    let key = || azure::UserDelegationKey::new(ACCOUNT, delegation.clone(), "c2VjcmV0Mg==").unwrap();
    let url = key().issue(&request, now()).unwrap();
    let mut ring = azure::KeyRing::new();
    ring.insert_delegated(key(), now()).unwrap();
    let verifier = azure::Verifier::new(ring, azure::Expect::new(ACCOUNT, azure::Service::Blob).unwrap());
    let (host, target) = split(url.expose());
    let verify = |target: &str| {
        let lines: [(&str, &[u8]); 1] = [("host", host.as_bytes())];
        verifier.verify(&RequestView::new("PUT", target, &lines).over_https(), now()).map(|_| ())
    };
    assert_eq!(verify(target), Ok(()));
    let [_, (_, first)] = steps[0].params() else { panic!("comp and blockid") };
    let [_, (_, second)] = steps[1].params() else { panic!("comp and blockid") };
    assert_eq!((first.len(), second.len()), (24, 24));
    let escape = |id: &str| id.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let other = target.replace(&escape(first), &escape(second));
    assert_ne!(other, target);
    assert_eq!(verify(&other), Err(VerifyError::SignatureMismatch));
    assert!(verify(&target.replace("comp=block&", "comp=blocklist&")).is_err());
}

#[test]
fn a_part_fits_into_the_life_of_its_token_whatever_the_class() {
    for (class, cap) in
        [(Classification::Pii, 300), (Classification::Confidential, 900), (Classification::Public, 3600)]
    {
        let grant = grant(Protocol::MOST_BYTES / 100).classified(class).lives(Lifetime::from_seconds(cap).unwrap());
        let mut session = begun(upload(Protocol::S3Multipart, grant));
        for step in parts(&mut session, 3, now()) {
            let (_, bytes) = part(&step);
            assert!(bytes * 5 / 2 <= 256_000 * u64::from(lifetime(&step)), "{bytes}");
            assert!(lifetime(&step) <= cap);
            assert_eq!(u64::from(lifetime(&step) * 4 / 5), step.refresh_at().unix().abs_diff(now().unix()));
        }
    }
    // The largest object in the fewest parts wants longer tokens, or a faster line.
    let huge = || upload(Protocol::S3Multipart, grant(Protocol::MOST_BYTES));
    let refused = huge().begin(now());
    assert!(matches!(refused, Err(UploadError::DoesNotFit { least: 549_978_112, fits: 92_160_000 })), "{refused:?}");
    assert!(huge().speed(2_000_000).begin(now()).is_ok());
    let hours = Lifetime::minutes(240).unwrap();
    let unjustified = upload(Protocol::S3Multipart, grant(MIB).lives(hours)).begin(now());
    assert!(matches!(unjustified, Err(UploadError::Issue(IssueError::Unjustified { .. }))));
    let justified = grant(Protocol::MOST_BYTES).lives(hours).because(why());
    let mut session = begun(upload(Protocol::S3Multipart, justified));
    let [step] = &parts(&mut session, 1, now())[..] else { panic!("a part") };
    assert_eq!((part(step).1, lifetime(step)), (549_978_112, 5400));
    assert!(step.grant().unwrap().justification().is_some());
    let longer = Lifetime::from_seconds(14_401).unwrap();
    assert!(upload(Protocol::S3Multipart, grant(MIB).lives(longer).because(why())).begin(now()).is_err());
}

#[test]
fn what_parts_cannot_carry_is_refused_at_the_begin() {
    let refused = |grant: Grant| match upload(Protocol::S3Multipart, grant).begin(now()) {
        Err(UploadError::Issue(error)) => error.code(),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(Grant::read(CONTAINER, NAME)), "not_enforceable");
    assert_eq!(refused(Grant::create(CONTAINER, NAME).any_content_type().exact_size(5)), "not_enforceable");
    assert_eq!(refused(Grant::upload(CONTAINER, NAME).any_content_type()), "unbounded");
    assert_eq!(refused(Grant::upload(CONTAINER, NAME).exact_size(5)), "unbounded");
    assert_eq!(refused(grant(5).size(0..=5)), "not_enforceable");
    assert_eq!(refused(grant(5).any_size()), "not_enforceable");
    assert_eq!(refused(grant(5).sha256([0; 32])), "not_enforceable");
    assert_eq!(refused(grant(5).single_use()), "not_enforceable");
    assert_eq!(refused(grant(5).not_before(now())), "not_enforceable");
    assert_eq!(refused(grant(5).content_type_prefix("video/")), "not_enforceable");
    assert_eq!(refused(grant(5).version("3")), "not_enforceable");
    assert_eq!(refused(grant(5).metadata("UploadSession", "x")), "reserved");
    assert_eq!(refused(grant(Protocol::MOST_BYTES + 1)), "invalid");
    for (id, owner, speed) in
        [("short", "u", 1), (ID, "", 1), (ID, "u\n", 1), ("3f2c9a7e51d04b8\"", "u", 1), (ID, "u", 0)]
    {
        let refused = Upload::new(Protocol::S3Multipart, grant(5), id, owner).speed(speed).begin(now());
        assert!(matches!(refused, Err(UploadError::Issue(IssueError::Invalid { .. }))), "{id} {owner} {speed}");
    }
}

#[test]
fn a_slow_client_gets_more_time_then_smaller_parts_then_a_reason_is_asked_for() {
    let public = grant(60 * MIB).classified(Classification::Public).lives(Lifetime::minutes(60).unwrap());
    let mut session = begun(upload(Protocol::S3Multipart, public));
    let [step] = &parts(&mut session, 1, now())[..] else { panic!("a part") };
    assert_eq!((part(step), lifetime(step)), ((1, 8 * MIB), 900));
    // It does not make it: twice the time, and twice that, as far as the class goes.
    for (at, wanted) in [(720, 1800), (2200, 3600), (5000, 3600)] {
        let step = session.refresh(1, later(at)).unwrap().once_saved();
        assert_eq!((part(&step), lifetime(&step)), ((1, 8 * MIB), wanted));
    }
    assert!(matches!(session.refresh(2, now()), Err(UploadError::UnknownPart { number: 2 })));
    // An hour was not enough: half as much, under a number that no token is out for.
    let [step] = &parts(&mut session, 1, later(9000))[..] else { panic!("a part") };
    assert_eq!(part(step), (2, 5 * MIB));
    let late = session.acknowledge(1, 8 * MIB, Some(TAG), later(9000));
    assert_eq!(late.err(), Some(UploadError::UnknownPart { number: 1 }));
    // It took 1,000 s, so that the next ones are reckoned with less than was expected.
    session.acknowledge(2, part(step).1, Some(TAG), later(10_000)).unwrap().once_saved();
    assert_eq!(session.pace(), (256_000 * 3 + part(step).1 / 1000) / 4);

    // Parts that come in slowly make the next ones smaller, as far as the service takes them.
    let mut session = begun(upload(Protocol::S3Multipart, grant(200 * MIB)).speed(100_000));
    let mut at = 0;
    let mut sizes = Vec::new();
    let refused = loop {
        match session.parts(1, later(at)) {
            Ok(steps) => {
                let step = steps.once_saved().remove(0);
                let (number, bytes) = part(&step);
                sizes.push(bytes / MIB);
                at += 899;
                session.acknowledge(number, bytes, Some(TAG), later(at)).unwrap().once_saved();
            }
            Err(refused) => break refused,
        }
    };
    assert!(sizes.is_sorted_by(|one, next| one >= next) && sizes.first() > sizes.last(), "{sizes:?}");
    assert!(matches!(refused, UploadError::DoesNotFit { least: 5_242_880, .. }), "{refused}");
    session.extend(Lifetime::minutes(60).unwrap(), why(), later(at)).unwrap();
    let step = session.parts(1, later(at)).unwrap().once_saved().remove(0);
    assert!(lifetime(&step) > 900 && step.grant().unwrap().justification() == Some(&why()));
    let endpoint = aws::Endpoint::aws(aws::Region::new("eu-west-1").unwrap());
    assert!(aws_key().presign(&step.s3(&endpoint).unwrap(), later(at)).is_ok());
    assert!(session.extend(Lifetime::from_seconds(14_401).unwrap(), why(), later(at)).is_err());
}

#[test]
fn renewals_are_counted() {
    let mut session = s3(20 * MIB);
    parts(&mut session, 1, now());
    // 24 hours of 15 minutes, and eight more.
    for _ in 0..96 + 8 {
        session.refresh(1, now()).unwrap().once_saved();
    }
    assert_eq!(session.refresh(1, now()).err(), Some(UploadError::TooManyRefreshes { number: 1, limit: 104 }));
}

#[test]
fn only_so_many_tokens_are_out_at_a_time() {
    let mut session = s3(8192 * MIB);
    assert_eq!(parts(&mut session, 10_000, now()).len(), 100);
    assert_eq!(parts(&mut session, 10_000, now()).len(), 0);
    session
        .acknowledge(7, part(&session.clone().refresh(7, now()).unwrap().once_saved()).1, Some(TAG), now())
        .unwrap()
        .once_saved();
    assert_eq!(parts(&mut session, 10_000, now()).iter().map(part).map(|part| part.0).collect::<Vec<_>>(), [101]);
}

#[test]
fn no_token_outlives_the_session_and_nothing_is_done_after_it() {
    let mut session = s3(20 * MIB);
    let end = session.ends_at();
    assert_eq!(end, later(86_400));
    let step = parts(&mut session, 1, end.saturating_sub(10)).remove(0);
    assert_eq!((lifetime(&step), step.ends_at()), (10, end));
    let over = end.saturating_add(1);
    let ended = Some(UploadError::Ended { at: end });
    assert_eq!(session.next(over), Next::GiveUp);
    assert_eq!(session.parts(1, over).err(), ended);
    assert_eq!(session.refresh(1, over).err(), ended);
    assert_eq!(session.acknowledge(1, 8 * MIB, Some(TAG), over).err(), ended);
    assert_eq!(session.commit(over).err(), ended);
    assert_eq!(session.extend(Lifetime::DEFAULT, why(), over).err(), ended);
    assert_eq!(session.give_up().unwrap().once_saved(), Next::CleanUp);
    let tasks: Vec<_> = session.clean_up(over).unwrap().iter().map(|step| step.task().clone()).collect();
    assert_eq!(tasks, [Task::Abort { upload_id: "upload-1".into() }, Task::Sweep]);
    session.cleaned(over).unwrap();
    assert_eq!(session.next(over), Next::Nothing);
    assert!(matches!(session.parts(1, now()), Err(UploadError::NotNow { state: "over", .. })));

    // One that is given up while tokens are out has to be cleaned up once more.
    let mut session = s3(20 * MIB);
    parts(&mut session, 1, now());
    session.give_up().unwrap().once_saved();
    assert_eq!(session.cleaned(now()), Err(UploadError::TokensOut { until: later(900) }));
    assert_eq!(session.cleaned(later(901)), Ok(()));
}

#[test]
fn a_session_belongs_to_one_user() {
    let mut session = s3(20 * MIB);
    assert!(session.of("user 42").is_ok());
    assert_eq!(session.of("user 43").err(), Some(UploadError::NotOwner));
}

#[test]
fn the_commit_is_made_once_and_looked_at_when_in_doubt() {
    let mut session = s3(MIB);
    assert!(matches!(session.commit(now()), Err(UploadError::Incomplete { number: 1, missing: MIB })));
    assert!(session.committed().is_err() && session.commit_body().is_none());
    parts(&mut session, 1, now());
    session.acknowledge(1, MIB, Some(TAG), now()).unwrap().once_saved();
    session.commit(now()).unwrap().once_saved();
    assert!(matches!(session.commit(now()), Err(UploadError::LookFirst { .. })));
    assert!(matches!(session.parts(1, now()), Err(UploadError::NotNow { .. })));
    // The upload is there, so it was not committed, and may be now.
    let listed = SeenPart { name: "1", bytes: MIB, etag: Some(TAG) };
    session.seen(&Seen::Parts(&[listed])).unwrap();
    assert_eq!(session.next(now()), Next::Commit);
    session.commit(now()).unwrap().once_saved();
    // It is gone, and the object is ours.
    session.seen(&Seen::Gone).unwrap();
    assert_eq!(*session.look(now()).unwrap().task(), Task::LookAtObject);
    let mut other = session.clone();
    let wrong = session.clone().seen(&Seen::Object { bytes: 5, mark: Some(ID) });
    assert_eq!(wrong, Err(UploadError::ObjectSize { found: 5, expected: MIB }));
    session.seen(&Seen::Object { bytes: MIB, mark: Some(ID) }).unwrap();
    assert!(session.is_committed());
    // It is gone, and the object is not ours: it begins anew.
    other.seen(&Seen::Object { bytes: MIB, mark: None }).unwrap();
    assert_eq!((other.next(now()), other.received()), (Next::Start, 0));

    // Nothing of Azure compares sizes, so its blocks are looked at.
    let mut session = upload(Protocol::AzureBlocks, grant(MIB)).begin(now()).unwrap();
    let step = parts(&mut session, 1, now()).remove(0);
    session.acknowledge(1, MIB, None, now()).unwrap().once_saved();
    assert_eq!(session.next(now()), Next::Look);
    assert!(matches!(session.commit(now()), Err(UploadError::LookFirst { .. })));
    let name = step.params()[1].1.as_str();
    session.seen(&Seen::Parts(&[SeenPart { name, bytes: MIB, etag: None }])).unwrap();
    assert!(session.commit(now()).is_ok());
    assert!(session.commit_body().unwrap().contains(&format!("<Uncommitted>{name}</Uncommitted>")));
}

#[test]
fn a_session_of_ten_thousand_parts_is_small_in_memory_and_in_its_row() {
    let hour = Lifetime::minutes(60).unwrap();
    let mut session =
        begun(upload(Protocol::S3Multipart, grant(50_000 * MIB).lives(hour).because(why())).largest_part(5 * MIB));
    while session.next(now()) == Next::Send {
        for step in parts(&mut session, 100, now()) {
            let (number, bytes) = part(&step);
            session.acknowledge(number, bytes, Some(TAG), now()).unwrap().once_saved();
        }
    }
    assert_eq!(session.received(), 50_000 * MIB);
    let row = serde_json::to_string(&session).unwrap();
    // A tag of 32 digits with its quotes and comma for each part, and little else.
    assert!(row.len() < 10_000 * 35 + 1000, "{}", row.len());
    let info = allocation_counter::measure(|| drop(serde_json::from_str::<UploadSession>(&row).unwrap()));
    assert!(info.bytes_max < 3 << 20, "{info:?}");
    let info = allocation_counter::measure(|| drop(session.clone()));
    assert!(info.bytes_max < 300 << 10, "{info:?}");
    session.commit(now()).unwrap().once_saved();
    assert_eq!(session.commit_body().unwrap().matches("<Part>").count(), 10_000);
}

#[test]
fn a_session_uri_is_in_nothing_but_what_exposes_it() {
    let mut session = gcs(20 * MIB);
    let step = parts(&mut session, 1, now()).remove(0);
    assert_eq!(step.session_uri(), Some(URI));
    let exposed = serde_json::to_string(&session.exposed()).unwrap();
    assert!(exposed.contains(URI));
    let shown = format!("{session:?} {:?} {step:?} {:?}", session.exposed(), session.look(now()));
    let saved = serde_json::to_string(&session).unwrap();
    for text in [&shown, &saved] {
        assert!(!text.contains("SECRET") && !text.contains("upload_id"), "{text}");
    }
    let mut restored: UploadSession = serde_json::from_str(&saved).unwrap();
    let refused = restored.look(now()).err();
    assert!(matches!(refused, Some(UploadError::SessionUri { .. })));
    let other = "https://storage.googleapis.com/videos/42/film.mp4?upload_id=OTHERSECRET";
    let refused = restored.clone().with_session_uri(other).err().unwrap();
    assert!(!refused.to_string().contains("SECRET"));
    restored = restored.with_session_uri(URI).unwrap();
    assert_eq!(serde_json::to_string(&restored.exposed()).unwrap(), exposed);
    let swapped = exposed.replace("ABPtcPoSECRET", "OTHERSECRET");
    let refused = serde_json::from_str::<UploadSession>(&swapped).unwrap_err().to_string();
    assert!(!refused.contains("SECRET"), "{refused}");
    // It does not say what identifies an upload of S3 either.
    assert!(!format!("{:?}", s3(MIB)).contains("upload-1"));
}

#[test]
fn a_row_that_no_session_leaves_is_refused() {
    let mut session = s3(40 * MIB);
    parts(&mut session, 3, now());
    session.acknowledge(1, 8 * MIB, Some(TAG), now()).unwrap().once_saved();
    let row: Value = serde_json::to_value(&session).unwrap();
    assert!(serde_json::from_value::<UploadSession>(row.clone()).is_ok());
    let plan = "/progress/parts/plan";
    for (at, value) in [
        ("/version", Value::from(2)),
        ("/protocol", "gcs-resumable".into()),
        ("/protocol", "azure-blocks".into()),
        ("/id", "short".into()),
        ("/owner", "".into()),
        ("/pace", 0.into()),
        ("/pace", 256_001.into()),
        // Longer tokens than anybody gave a reason for.
        ("/longest", 901.into()),
        ("/longest", 1.into()),
        ("/grant/lifetime", 14_400.into()),
        ("/grant/size/range/end", (41 * MIB).into()),
        ("/grant/size", serde_json::json!({"range": {"start": 41 * MIB, "end": 41 * MIB}})),
        ("/grant/actions", serde_json::json!(["read"])),
        ("/grant/single_use", true.into()),
        ("/grant/classification", "secret".into()),
        ("/grant/justification", " ".into()),
        ("/begun_at", (-1).into()),
        ("/tokens_end", (1_700_000_000 + 86_401).into()),
        ("/state", "starting ".into()),
        ("/state", serde_json::json!({"uploading": "blocks"})),
        ("/state", serde_json::json!({"uploading": {"upload-id": ""}})),
        ("/state", serde_json::json!({"committing": {"remote": {"upload-id": "u"}, "gone": false}})),
        ("/state", serde_json::json!({"cleaning-up": null})),
        ("/given_up", true.into()),
        (plan, serde_json::json!([])),
        (plan, serde_json::json!([[1, 0, 40 * MIB, MIB]])),
        (plan, serde_json::json!([[1, 0, 30 * MIB, 8 * MIB]])),
        (plan, serde_json::json!([[1, 0, 20 * MIB, 8 * MIB], [4, 20 * MIB, 40 * MIB, 8 * MIB]])),
        (plan, serde_json::json!([[9998, 0, 40 * MIB, 8 * MIB]])),
        ("/progress/parts/there", serde_json::json!([[1, 1], [1, 1]])),
        ("/progress/parts/there", serde_json::json!([[1, 0]])),
        ("/progress/parts/there", serde_json::json!([[1, 4_294_967_295_u32]])),
        ("/progress/parts/there", serde_json::json!([[0, 1]])),
        ("/progress/parts/there", serde_json::json!([[6, 1]])),
        ("/progress/parts/tags", serde_json::json!([])),
        ("/progress/parts/tags", serde_json::json!([TAG, TAG])),
        ("/progress/parts/tags", serde_json::json!(["a\"b"])),
        ("/progress/parts/out", serde_json::json!([[1, 1_700_000_000, 900, 0]])),
        ("/progress/parts/out", serde_json::json!([[5, 1_700_000_000, 900, 0]])),
        ("/progress/parts/out", serde_json::json!([[2, 1_700_000_000, 14_401, 0]])),
        ("/progress/parts/highest", 0.into()),
        ("/progress/parts/highest", 10_001.into()),
    ] {
        let mut changed = row.clone();
        *changed.pointer_mut(at).unwrap_or_else(|| panic!("{at}")) = value.clone();
        assert!(serde_json::from_value::<UploadSession>(changed).is_err(), "{at} {value}");
    }
    let mut unknown = row;
    unknown["more"] = Value::from(1);
    assert!(serde_json::from_value::<UploadSession>(unknown).is_err());
}

#[test]
fn a_start_that_nobody_heard_of_is_looked_for() {
    let mut session = upload(Protocol::S3Multipart, grant(MIB)).begin(now()).unwrap();
    session.start(now()).unwrap().once_saved();
    assert_eq!(session.next(now()), Next::Look);
    assert!(matches!(session.start(now()), Err(UploadError::LookFirst { .. })));
    let look = session.look(now()).unwrap();
    assert_eq!(*look.task(), Task::LookForUploads);
    let endpoint = aws::Endpoint::aws(aws::Region::new("eu-west-1").unwrap());
    assert!(aws_key().presign(&look.s3(&endpoint).unwrap(), now()).is_ok());
    let mut none = session.clone();
    none.seen(&Seen::Uploads(&[])).unwrap();
    assert_eq!(none.next(now()), Next::Start);
    // One is taken over, the other is swept away in the end.
    session.seen(&Seen::Uploads(&["one", "two"])).unwrap();
    let step = parts(&mut session, 1, now()).remove(0);
    assert!(matches!(step.grant().unwrap().resource(), Resource::Part { upload_id, .. } if upload_id == "one"));
    session.acknowledge(1, MIB, Some(TAG), now()).unwrap().once_saved();
    session.commit(now()).unwrap().once_saved();
    session.committed().unwrap();
    assert_eq!(session.next(now()), Next::CleanUp);
    assert_eq!(*session.clean_up(now()).unwrap()[0].task(), Task::Sweep);
    session.cleaned(now()).unwrap();
    assert_eq!(session.next(now()), Next::Nothing);
}

#[test]
fn what_was_given_up_for_the_whole_is_given_up_for_its_requests_and_for_nothing_else() {
    let typed = Grant::upload(CONTAINER, NAME).content_type("video/mp4").exact_size(MIB);
    let commit = |grant: Grant| {
        let mut session = upload(Protocol::AzureBlocks, grant).begin(now()).unwrap();
        let steps = parts(&mut session, 9, now());
        let name = steps[0].params().iter().find(|(name, _)| *name == "blockid").unwrap().1.clone();
        session.acknowledge(1, MIB, None, now()).unwrap().once_saved();
        session.seen(&Seen::Parts(&[SeenPart { name: &name, bytes: MIB, etag: None }])).unwrap();
        session.commit(now()).unwrap().once_saved()
    };
    let endpoint = azure::Endpoint::azure();
    // An account key of Azure signs no media type.
    let refused = commit(typed.clone()).azure(&endpoint).and_then(|request| azure_key().issue(&request, now()));
    assert!(matches!(refused, Err(IssueError::NotEnforceable { constraint: Constraint::ContentType, .. })));
    let step = commit(typed.unenforced(Constraint::ContentType, why()).unwrap());
    assert_eq!(step.grant().unwrap().given_up().map(|(what, _)| what).collect::<Vec<_>>(), [Constraint::ContentType]);
    assert!(step.azure(&endpoint).and_then(|request| azure_key().issue(&request, now())).is_ok());
}

#[test]
fn what_was_given_up_is_saved_with_its_reason() {
    let grant = Grant::upload(CONTAINER, NAME).content_type("video/mp4").exact_size(MIB);
    let grant = grant.unenforced(Constraint::ContentType, why()).unwrap();
    let session = upload(Protocol::AzureBlocks, grant).begin(now()).unwrap();
    let saved = serde_json::to_string(&session).unwrap();
    let mut session: UploadSession = serde_json::from_str(&saved).unwrap();
    let step = parts(&mut session, 1, now()).remove(0);
    assert_eq!(step.grant().unwrap().given_up().collect::<Vec<_>>(), [(Constraint::ContentType, &why())]);
}

#![cfg(all(feature = "aws", feature = "azure", feature = "gcs", feature = "serde"))]
//! Uploads in parts against clouds in memory, with a service that dies at any point and a client that loses any answer.

mod cloud;
mod rules;
mod service;

use crate::service::{Fault, ID, World};
use proptest::{collection::vec, prelude::*};
use serde_json::Value;
use valet_key::clock::Timestamp;
use valet_key::upload::{Next, Protocol, Seen, SeenPart, UploadSession, WriteAhead};

const PROTOCOLS: [Protocol; 3] = [Protocol::S3Multipart, Protocol::GcsResumable, Protocol::AzureBlocks];

/// What has to hold at the end, whatever happened.
fn check(world: &World, bytes: u64) {
    let cloud = &world.cloud;
    assert_eq!(world.session().next(world.now), Next::Nothing);
    if world.session().is_committed() {
        let object = cloud.object.as_ref().expect("an object");
        assert_eq!((cloud.commits, object.mark.as_deref()), (1, Some(ID)));
        let mut at = 0;
        for part in &object.content {
            assert_eq!(part.start, at, "the object is the file");
            at = part.end;
        }
        assert_eq!((at, world.session().received()), (bytes, bytes));
        // Nothing but the object is left.
        let mut rest = world.cloud.object.clone();
        assert!(cloud.is_clean("") && rest.take().is_some());
    } else {
        assert!(cloud.is_clean(ID), "something is left");
    }
    assert!(cloud.commits <= 1, "committed twice");
}

/// A number somewhere in a row, counted from the front.
fn numbers(row: &mut Value) -> Vec<&mut Value> {
    match row {
        Value::Number(_) => vec![row],
        Value::Array(items) => items.iter_mut().flat_map(numbers).collect(),
        Value::Object(fields) => fields.values_mut().flat_map(numbers).collect(),
        _ => Vec::new(),
    }
}

/// Everything that can be asked of a session, to see that it says something.
fn ask_everything(mut session: UploadSession, now: Timestamp) {
    let _ = (session.next(now), session.received(), session.look(now), session.clean_up(now), session.commit_body());
    for number in [0, 1, 2, 10_000, u32::MAX] {
        let _ = session.acknowledge(number, 8 << 20, Some("a"), now).map(WriteAhead::once_saved);
        let _ = session.refresh(number, now).map(WriteAhead::once_saved);
    }
    let _ = session.received_up_to(1 << 20, now).map(WriteAhead::once_saved);
    let _ = session.parts(3, now).map(WriteAhead::once_saved);
    let _ = session.seen(&Seen::Parts(&[SeenPart { name: "1", bytes: 1, etag: Some("a") }]));
    let _ = session.seen(&Seen::Received(1));
    let _ = session.commit(now).map(WriteAhead::once_saved);
    let _ = session.seen(&Seen::Gone);
    let _ = session.seen(&Seen::NoObject);
    let _ = session.start(now).map(WriteAhead::once_saved);
    let _ = session.give_up().map(WriteAhead::once_saved);
    let _ = session.cleaned(now);
}

/// One run: what happens is read off `script`, three bytes at a time.
fn run(protocol: Protocol, bytes: u64, speed: u64, script: &[[u8; 3]], ends: u8) -> World {
    let mut world = World::new(protocol, bytes, speed);
    play(&mut world, script);
    match ends % 3 {
        // The user gives up, or the day is over.
        0 if !world.session().is_committed() && !world.session().is_given_up() => {
            world.give_up(Fault::None);
        }
        1 => world.pass(24 * 3600 + 1),
        _ => {}
    }
    world.settle();
    world
}

fn play(world: &mut World, script: &[[u8; 3]]) {
    for [what, fault, how] in script {
        let fault = Fault::of(*fault);
        match what % 16 {
            0..=6 => {
                world.serve(fault, usize::from(how % 5));
            }
            7..=13 => {
                let cut_off = (how % 3 == 0).then_some(u64::from(*how) % 40);
                world.client(usize::from(*how), fault, cut_off, u32::from(*how) % 50);
            }
            14 if how % 32 == 0 => world.finish_alone(),
            14 => world.pass(u32::from(*how) * 4),
            _ => world.pass(u32::from(*how % 8) * 400),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_crashes_and_gets_lost_the_file_is_there_once_or_nothing_is(
        protocol in 0usize..3,
        bytes in prop_oneof![Just(0u64), 1u64..1_000_000, 5_000_000u64..60_000_000],
        speed in 30_000u64..400_000,
        script in vec(any::<[u8; 3]>(), 0..120),
        ends in any::<u8>(),
    ) {
        let world = run(PROTOCOLS[protocol], bytes, speed, &script, ends);
        check(&world, bytes);
    }

    #[test]
    fn a_row_with_another_number_is_refused_or_is_a_session(
        protocol in 0usize..3,
        bytes in 0u64..60_000_000,
        script in vec(any::<[u8; 3]>(), 0..20),
        at in any::<prop::sample::Index>(),
        with in prop_oneof![0u64..20, any::<u64>(), (0u32..64).prop_map(|bit| 1 << bit)],
        passed in 0u32..90_000,
    ) {
        let mut world = World::new(PROTOCOLS[protocol], bytes, 100_000);
        play(&mut world, &script);
        let mut row: Value = serde_json::from_str(world.row()).unwrap();
        let mut numbers = numbers(&mut row);
        let count = numbers.len();
        *numbers[at.index(count)] = with.into();
        if let Ok(session) = serde_json::from_value::<UploadSession>(row.clone()) {
            prop_assert_eq!(serde_json::to_value(session.exposed()).unwrap(), row);
            ask_everything(session, world.now.saturating_add(passed));
        }
    }
}

#[test]
fn without_any_fault_every_protocol_makes_the_object() {
    for protocol in PROTOCOLS {
        for bytes in [0, 1, 256 << 10, 8 << 20, (8 << 20) + 1, 50_000_000] {
            let world = run(protocol, bytes, 256_000, &[], 2);
            assert!(world.session().is_committed(), "{protocol:?} {bytes}");
            assert_eq!((world.crashes, world.cloud.refused.len()), (0, 0));
            assert!(bytes < 9 << 20 || world.cloud.narrow > 0);
            check(&world, bytes);
        }
    }
}

#[test]
fn the_runs_come_to_every_kind_of_end() {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut byte = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random.to_le_bytes()[3]
    };
    for protocol in PROTOCOLS {
        let (mut committed, mut over, mut crashes, mut narrow, mut found, mut expired) = (0, 0, 0, 0, 0, 0);
        for round in 0..120u64 {
            let script: Vec<[u8; 3]> = (0..10 + round / 2).map(|_| [byte(), byte(), byte()]).collect();
            let bytes = round * 400_000;
            let world = run(protocol, bytes, 100_000 + round * 1000, &script, byte());
            check(&world, bytes);
            *if world.session().is_committed() { &mut committed } else { &mut over } += 1;
            crashes += world.crashes;
            narrow += world.cloud.narrow;
            found += world.found_committed;
            expired += world.cloud.refused.get("expired").copied().unwrap_or_default();
        }
        let counts = [committed, over, crashes, narrow, found, expired];
        let is_enough = committed > 20 && over > 10 && crashes > 250 && narrow > 100 && found > 3;
        // The chunks of a resumable upload need no token.
        assert!(is_enough && (expired > 3 || protocol == Protocol::GcsResumable), "{protocol:?} {counts:?}");
    }
}

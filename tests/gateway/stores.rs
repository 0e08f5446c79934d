//! What the stores hold, and how much of it.

use crate::clouds::{at, gate, issue, now};
use std::sync::{Arc, Barrier};
use valet_key::gateway::{
    Gate, Provider, ReplayCache, ReplayStore, Revocation, RevocationList, RevocationStore, SingleUse, StoreError,
    StoreKey,
};
use valet_key::grant::{Grant, Lifetime};

/// A name in a store that stands for nothing.
fn key(number: u64) -> StoreKey {
    *Revocation::subject(&number.to_string()).store_key()
}

#[test]
fn of_many_threads_with_one_token_exactly_one_wins() {
    for cloud in crate::clouds::CLOUDS {
        let gate = Arc::new(gate(cloud).single_use(SingleUse::Always));
        for round in 0..20 {
            let wire = issue(cloud, &Grant::read("photos", format!("{round}.jpg")));
            let start = Barrier::new(16);
            let won = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..16)
                    .map(|_| {
                        scope.spawn(|| {
                            start.wait();
                            wire.admit(&gate, now()).is_ok()
                        })
                    })
                    .collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).filter(|won| *won).count()
            });
            assert_eq!(won, 1, "{cloud:?} {round}");
        }
    }
}

#[test]
fn a_million_distinct_uses_stay_within_their_room() {
    let (capacity, uses) = (1 << 14, 1_000_000u64);
    let cache = ReplayCache::new(capacity);
    let (mut taken, mut full) = (0usize, 0usize);
    for number in 0..uses {
        // 1000 come in each second, and each is remembered for 10.
        let now = at(i64::try_from(number / 1000).unwrap());
        match cache.is_first(&key(number), now.saturating_add(10), now) {
            Ok(true) => taken += 1,
            Ok(false) => panic!("{number} was never there"),
            Err(StoreError::Full) => full += 1,
            Err(other) => panic!("{other}"),
        }
        if number % 100_000 == 0 {
            assert!(cache.len() <= capacity);
        }
    }
    assert_eq!((taken, full), (1_000_000, 0), "11,000 are live at any time, and there is room for 16,384");
    assert!(cache.len() <= capacity, "{}", cache.len());
}

#[test]
fn a_flood_that_never_ends_fills_the_room_and_is_refused() {
    let cache = ReplayCache::new(1 << 12);
    let (mut taken, mut full) = (0, 0);
    for number in 0..300_000u64 {
        match cache.is_first(&key(number), at(900), now()) {
            Ok(true) => taken += 1,
            Err(StoreError::Full) => full += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((taken, full), (1 << 12, 300_000 - (1 << 12)));
    assert_eq!(cache.len(), 1 << 12);
    // What was there is still refused, and what is over makes room.
    assert_eq!(cache.is_first(&key(0), at(900), at(900)), Ok(false));
    assert_eq!(cache.is_first(&key(0), at(1900), at(901)), Ok(true));
}

#[test]
fn a_use_is_remembered_to_its_last_second() {
    let cache = ReplayCache::new(16);
    assert_eq!(cache.is_first(&key(1), at(10), now()), Ok(true));
    assert_eq!(cache.is_first(&key(1), at(10), at(10)), Ok(false));
    assert_eq!(cache.is_first(&key(1), at(20), at(11)), Ok(true));
    // A clock that goes back brings nothing back to life.
    assert_eq!(cache.is_first(&key(1), at(20), at(5)), Ok(false));
}

#[test]
fn a_full_list_of_revocations_forgets_nothing_that_lives() {
    let list = RevocationList::new(3).longest_lifetime(Lifetime::from_seconds(100).unwrap());
    let subject = |number: u32| Revocation::subject(&number.to_string());
    for number in 0..3 {
        list.revoke(&subject(number), at(i64::from(number))).unwrap();
    }
    assert_eq!(list.revoke(&subject(3), at(100)), Err(StoreError::Full));
    // One that is there already needs no room.
    assert_eq!(list.revoke(&subject(1), at(100)), Ok(()));
    for number in 0..3 {
        assert_eq!(list.watermark(&[*subject(number).store_key()], at(100)), Ok(Some(i64::MAX)));
    }
    // The first is over with the next second, and makes room.
    assert_eq!(list.watermark(&[*subject(0).store_key()], at(101)), Ok(None));
    assert_eq!(list.revoke(&subject(3), at(101)), Ok(()));
    assert_eq!(list.len(), 3);
    assert_eq!(list.watermark(&[*subject(1).store_key()], at(200)), Ok(Some(i64::MAX)));
    assert_eq!(list.watermark(&[*subject(1).store_key()], at(201)), Ok(None));
}

#[test]
fn an_entry_that_is_over_does_not_come_back_with_a_weaker_one() {
    let list = RevocationList::new(3).longest_lifetime(Lifetime::from_seconds(100).unwrap());
    list.revoke(&Revocation::subject("42"), now()).unwrap();
    list.revoke(&Revocation::subject("42").issued_before(at(150)), at(200)).unwrap();
    let watermark = list.watermark(&[*Revocation::subject("42").store_key()], at(200));
    assert_eq!(watermark, Ok(Some(at(150).unix())));
}

fn flooded(gate: &Gate, cache: &ReplayCache, cloud: Provider) {
    let wire = issue(cloud, &Grant::read("photos", "cat.jpg"));
    let (before, after) = match cloud {
        Provider::Azure => wire.url.rsplit_once("sig=").map(|(before, _)| (format!("{before}sig="), "")).unwrap(),
        _ => wire.url.rsplit_once("-Signature=").map(|(before, _)| (format!("{before}-Signature="), "")).unwrap(),
    };
    for number in 0..2000u32 {
        let mut forged = wire.clone();
        let signature = format!("{number:064x}");
        let signature = match cloud {
            Provider::Azure => {
                let bytes: Vec<u8> = hex::decode(&signature).unwrap();
                let text = <base64ct::Base64 as base64ct::Encoding>::encode_string(&bytes);
                text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
            }
            _ => signature,
        };
        forged.url = format!("{before}{signature}{after}");
        assert!(forged.admit(gate, now()).is_err());
    }
    assert!(cache.is_empty(), "{cloud:?}");
    assert!(wire.admit(gate, now()).is_ok());
    assert_eq!(cache.len(), 1);
}

#[test]
fn a_hostile_flood_leaves_the_stores_empty() {
    for cloud in crate::clouds::CLOUDS {
        let cache = Arc::new(ReplayCache::new(1 << 10));
        let gate = gate(cloud).single_use(SingleUse::Always).replays(Arc::clone(&cache));
        flooded(&gate, &cache, cloud);
    }
}

//! What holds for every request and every order of events.

use crate::clouds::{at, gate, issue, now};
use proptest::{collection::vec, prelude::*, sample::Index};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use valet_key::gateway::{GateError, Provider, ReplayCache, ReplayStore, Revocation, RevocationList, SingleUse};
use valet_key::grant::Grant;

fn any_cloud() -> impl Strategy<Value = Provider> {
    prop_oneof![Just(Provider::Aws), Just(Provider::Gcs), Just(Provider::Azure)]
}

fn any_name() -> impl Strategy<Value = String> {
    "([a-c]{1,2}/){0,4}[a-c]{1,3}".prop_filter("a segment of dots", |name| !name.contains('.'))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is below a revoked prefix is refused, and nothing else is.
    #[test]
    fn revoked_is_refused_and_nothing_else(cloud in any_cloud(), names in vec(any_name(), 1..6), at_name in any::<Index>(), cut in any::<Index>()) {
        let list = Arc::new(RevocationList::new(10));
        let gate = gate(cloud).revocations(Arc::clone(&list));
        let name = at_name.get(&names);
        let ends: Vec<usize> = std::iter::once(0).chain(name.match_indices('/').map(|(at, _)| at + 1)).collect();
        let prefix = &name[..*cut.get(&ends)];
        list.revoke(&Revocation::under(cloud, "photos", prefix).unwrap(), now()).unwrap();
        for name in &names {
            let result = issue(cloud, &Grant::read("photos", name.clone())).admit(&gate, now());
            let expected = if name.starts_with(prefix) { Some(GateError::Revoked) } else { None };
            prop_assert_eq!(result.err(), expected, "{} under {}", name, prefix);
        }
    }

    /// In any order of requests each token for one use passes once, as long as there is room.
    #[test]
    fn a_token_never_passes_twice(cloud in any_cloud(), order in vec(0usize..4, 1..24)) {
        let gate = gate(cloud).single_use(SingleUse::Always);
        let wires: Vec<_> = (0..4).map(|it| issue(cloud, &Grant::read("photos", it.to_string()))).collect();
        let mut used = BTreeSet::new();
        for (second, which) in (0i64..).zip(order) {
            let result = wires[which].admit(&gate, at(second * 30));
            prop_assert_eq!(result.is_ok(), used.insert(which));
        }
    }

    /// The store says what a map without bounds would say, or that it is full.
    #[test]
    fn the_store_is_a_map_with_less_room(room in 16usize..64, events in vec((0u64..40, 1u32..50, 0i64..20), 1..200)) {
        let (cache, mut map, mut second) = (ReplayCache::new(room), BTreeMap::new(), 0);
        for (key, ttl, pause) in events {
            second += pause;
            let (now, until) = (at(second), at(second).saturating_add(ttl));
            let key = *Revocation::subject(&key.to_string()).store_key();
            let expected = map.get(&key).is_none_or(|until| *until < now);
            match cache.is_first(&key, until, now) {
                Ok(first) => {
                    prop_assert_eq!(first, expected);
                    if first {
                        map.insert(key, until);
                    }
                }
                Err(_) => prop_assert!(expected),
            }
            prop_assert!(cache.len() <= room.next_multiple_of(16));
        }
    }
}

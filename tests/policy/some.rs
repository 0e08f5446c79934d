//! Grants and bounds by chance, of few parts, so that they often meet.

use crate::{minutes, why};
use proptest::{collection::vec, option, prelude::*, sample::select};
use valet_key::{
    grant::{Action, Actions, Classification, Constraint, CopySource, Grant, Lifetime},
    policy::{Bounds, Broad},
};

const CONTAINERS: [&str; 3] = ["photos", "photo", "jobs"];
const ADDRESSES: [&str; 9] = [
    "198.51.100.7",
    "198.51.100.0/24",
    "198.51.100.0-198.51.101.9",
    "198.51.100.9-198.51.102.0",
    "198.51.0.0/16",
    "203.0.113.0/24",
    "2001:db8::/32",
    "2001:db8:1::/48",
    "2001:db8:1::7",
];
const TYPES: [&str; 5] = ["image/png", "image/", "image/p", "text/plain", ""];
const ACTIONS: [Action; 9] = [
    Action::Read,
    Action::Upload,
    Action::Create,
    Action::Delete,
    Action::List,
    Action::Copy,
    Action::StartMultipart,
    Action::CompleteMultipart,
    Action::Send,
];
const CLASSES: [Classification; 4] =
    [Classification::Public, Classification::Internal, Classification::Confidential, Classification::Pii];
const RULES: [Broad; 5] = [Broad::AnyAddress, Broad::AnySize, Broad::AnyContentType, Broad::Overwrite, Broad::Delete];

fn name() -> impl Strategy<Value = String> {
    vec(select(vec!["4", "2", "1", "/", "a", "..", "."]), 1..6).prop_map(|pieces| pieces.concat())
}

pub(crate) fn actions() -> impl Strategy<Value = Actions> {
    vec(select(ACTIONS.to_vec()), 1..4)
        .prop_map(|actions| actions.into_iter().map(Actions::from).reduce(|all, one| all | one).unwrap())
}

fn lifetime() -> impl Strategy<Value = Lifetime> {
    select(vec![1, 1, 5, 5, 10, 15, 30, 60, 90]).prop_map(minutes)
}

fn on_something() -> impl Strategy<Value = Grant> {
    (0..9usize, select(CONTAINERS.to_vec()), name(), actions(), (select(CONTAINERS.to_vec()), name())).prop_map(
        |(kind, container, name, actions, source)| match kind {
            0 => Grant::read(container, name),
            1 => Grant::upload(container, name),
            2 => Grant::create(container, name),
            3 => Grant::delete(container, name),
            4 => Grant::start_multipart(container, name),
            5 => Grant::complete_multipart(container, name, "upload"),
            6 => Grant::send(container),
            7 => Grant::copy(CopySource::new(source.0, source.1), container, name).because(why()),
            _ => Grant::under(container, format!("{name}/"), actions).because(why()),
        },
    )
}

pub(crate) fn grants() -> impl Strategy<Value = Grant> {
    let size = option::weighted(0.8, (0..4u64, 0..4u64));
    let address = option::weighted(0.7, select(ADDRESSES.to_vec()));
    let media = option::of((select(TYPES.to_vec()), any::<bool>()));
    (on_something(), lifetime(), select(CLASSES.to_vec()), size, address, media, 0..16u8).prop_map(
        |(grant, lifetime, class, size, address, media, flags)| {
            let grant = grant.lives(lifetime).classified(class);
            let grant = size.into_iter().fold(grant, |grant, (least, more)| grant.size(least..=least + more));
            let grant = address.into_iter().fold(grant, Grant::client_address);
            let grant = media.into_iter().fold(grant, |grant, (text, whole)| {
                if whole { grant.content_type(text) } else { grant.content_type_prefix(text) }
            });
            let grant = if flags & 1 != 0 { grant.because(why()) } else { grant };
            let grant = if flags & 2 != 0 { grant.allow_dot_segments() } else { grant };
            let grant = if flags & 4 != 0 { grant.allow_open_prefix() } else { grant };
            if flags & 8 != 0 { grant.unenforced(Constraint::Size, why()).unwrap() } else { grant }
        },
    )
}

pub(crate) fn bounds() -> impl Strategy<Value = Bounds> {
    let area = (0..3u8, select(CONTAINERS.to_vec()), name(), actions());
    let caps = vec((select(CLASSES.to_vec()), lifetime(), any::<bool>()), 0..4);
    let media = vec((select(TYPES.to_vec()), any::<bool>()), 0..3);
    let parts = (
        vec(area, 0..5),
        caps,
        prop_oneof![2 => Just(Classification::Public), 1 => select(CLASSES.to_vec())],
        prop_oneof![2 => Just(vec![]), 1 => vec(select(ADDRESSES.to_vec()), 1..4)],
        option::weighted(0.4, 0..9u64),
        prop_oneof![2 => Just(vec![]), 1 => media],
        vec(select(RULES.to_vec()), 0..2),
        0..4u8,
    );
    parts.prop_map(|(areas, caps, least, addresses, size, media, rules, flags)| {
        let bounds = areas.into_iter().fold(Bounds::new(), |bounds, (kind, container, name, actions)| {
            let built = match kind {
                0 => Ok(bounds.clone().container(container, actions)),
                1 => bounds.clone().object(container, name, actions),
                _ => bounds.clone().under(container, format!("{name}/"), actions),
            };
            built.unwrap_or(bounds)
        });
        let bounds = caps.into_iter().fold(bounds, |bounds, (class, longest, raise)| {
            if raise { bounds.cap_because(class, longest, why()) } else { bounds.cap(class, longest) }
        });
        let bounds = bounds.at_least(least);
        let bounds = addresses.into_iter().fold(bounds, |bounds, one| bounds.client_address(one).unwrap());
        let bounds = size.into_iter().fold(bounds, Bounds::largest_upload);
        let bounds = media.into_iter().fold(bounds, |bounds, (text, whole)| {
            if whole { bounds.content_type(text) } else { bounds.content_type_prefix(text) }
        });
        let bounds = rules.into_iter().fold(bounds, Bounds::justify);
        let bounds = if flags & 1 != 0 { bounds.allow_dot_segments(why()) } else { bounds };
        if flags & 2 != 0 { bounds.allow_plain_http(why()) } else { bounds }
    })
}

/// Bounds with all areas, so that what is permitted is frequent.
pub(crate) fn wide_bounds() -> impl Strategy<Value = Bounds> {
    bounds().prop_map(|bounds| {
        let all = ACTIONS.into_iter().map(Actions::from).reduce(|all, one| all | one).unwrap();
        CONTAINERS.into_iter().fold(bounds, |bounds, container| bounds.container(container, all))
    })
}

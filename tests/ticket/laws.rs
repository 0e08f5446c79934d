//! What holds for every ticket and every chain of caveats.

use super::{album, at, bytes_of, issue, key, keys, text_of, why};
use proptest::{collection::vec, prelude::*, sample::Index};
use valet_key::clock::Timestamp;
use valet_key::error::VerifyError;
use valet_key::grant::{Action, Actions, Grant, Lifetime, Resource};
use valet_key::ticket::{Caveat, ExchangeError, Ticket, TicketRequest};

fn any_actions() -> impl Strategy<Value = Actions> {
    let some = prop_oneof![Just(Action::Read), Just(Action::List), Just(Action::Upload), Just(Action::Delete)];
    vec(some, 1..4).prop_map(|some| some.into_iter().map(Actions::from).reduce(|all, one| all | one).unwrap())
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof!["42/(a/){0,3}[a-c]{0,2}", "42/(a/){1,3}", "4[23]/[a-c/.]{0,6}", "\\PC{0,8}"]
}

fn any_caveat() -> impl Strategy<Value = Caveat> {
    let seconds = |seconds: u32| Lifetime::from_seconds(seconds).unwrap();
    prop_oneof![
        any_actions().prop_map(Caveat::Actions),
        any_name().prop_map(Caveat::Object),
        any_name().prop_map(Caveat::Under),
        (200i64..1200).prop_map(|seconds| Caveat::ExpiresAt(at(seconds))),
        (-10i64..10).prop_map(|seconds| Caveat::NotBefore(at(seconds))),
        (50u32..1200).prop_map(move |time| Caveat::LivesAtMost(seconds(time))),
        prop_oneof![
            "10\\.0\\.[0-2]\\.[0-3]",
            "10\\.0\\.[0-2]\\.0/24",
            "10\\.0\\.0\\.0/8",
            "2001:db8::[0-9]",
            "[0-9./-]{0,12}"
        ]
        .prop_map(Caveat::ClientAddress),
        prop_oneof!["image/(png|gif)", "text/plain", "\\PC{0,4}"].prop_map(Caveat::ContentType),
        prop_oneof!["image/", "image/p", "text/", ""].prop_map(Caveat::ContentTypePrefix),
        (0u64..100, 0u64..200).prop_map(|(least, most)| Caveat::Size(least..=most)),
        Just(Caveat::SingleUse),
        Just(Caveat::Once),
    ]
}

/// A chain, without what does not narrow: the tickets on the way, the first being the issuer's.
fn chain(first: Ticket, caveats: Vec<Caveat>) -> Vec<Ticket> {
    let mut tickets = vec![first];
    for caveat in caveats {
        if let Ok(next) = tickets[tickets.len() - 1].narrow(caveat) {
            tickets.push(next);
        }
    }
    tickets
}

fn any_asked() -> impl Strategy<Value = Grant> {
    let names = prop_oneof![8 => "42/(a/){0,3}[a-c]{1,2}", 1 => "4[23]/[a-c]{1,3}"];
    let size = prop_oneof![Just(None), (0u64..100, 0u64..100).prop_map(|(least, more)| Some(least..=least + more))];
    let media = prop_oneof![Just(None), Just(Some("image/png")), Just(Some("text/plain"))];
    (names, 0u8..5, prop_oneof![4 => 1u32..200, 1 => 1u32..1000], size, media, any::<[bool; 3]>()).prop_map(
        |(name, kind, life, size, media, more)| {
            let mut grant = match kind {
                0 => Grant::read("photos", name),
                1 => Grant::upload("photos", name),
                2 => Grant::delete("photos", name),
                3 => Grant::list("photos", format!("{name}/")).because(why()),
                _ => Grant::under("photos", format!("{name}/"), Actions::READ | Actions::UPLOAD).because(why()),
            };
            grant = grant.lives(Lifetime::from_seconds(life).unwrap());
            grant = size.into_iter().fold(grant, Grant::size);
            grant = media.into_iter().fold(grant, Grant::content_type);
            if more[0] {
                grant = grant.client_address("10.0.0.1");
            }
            if more[1] {
                grant = grant.any_size();
            }
            if more[2] {
                grant = grant.any_content_type();
            }
            grant
        },
    )
}

/// Swaps a ticket; one that is good once is used for the first time.
fn swap(text: &str, asked: Grant, now: Timestamp) -> Result<Grant, String> {
    let redeemed = keys().redeem(text, now).map_err(|error| error.code().to_owned())?;
    let redeemed = redeemed.claimed(true).map_err(|error| error.code().to_owned())?;
    redeemed.grant(asked).map_err(|error| error.code().to_owned())
}

fn quoted_after<'s>(shown: &'s str, before: &str, behind: &str) -> &'s str {
    shown.split_once(before).and_then(|(_, rest)| rest.split_once(behind)).map_or("", |(text, _)| text)
}

/// Whether a grant that is issued at that time keeps to a caveat. What nobody else can ask of a grant is read from what it shows.
fn keeps(granted: &Grant, caveat: &Caveat, now: Timestamp) -> bool {
    let shown = format!("{granted:?}");
    let begins = |text: &str| format!("{text:?}").trim_end_matches('"').to_owned();
    let uploads = granted.actions().contains(Action::Upload);
    match caveat {
        Caveat::Actions(mask) => granted.actions().iter().all(|action| mask.contains(action)),
        Caveat::Object(only) => matches!(granted.resource(), Resource::Object { name, version: None } if name == only),
        Caveat::Under(prefix) => match granted.resource() {
            Resource::Object { name, .. } | Resource::Prefix(name) => name.starts_with(prefix.as_str()),
            _ => false,
        },
        Caveat::ExpiresAt(end) => now.saturating_add(granted.lifetime().seconds()) <= *end,
        Caveat::NotBefore(start) => now >= *start,
        Caveat::LivesAtMost(longest) => granted.lifetime() <= *longest,
        Caveat::ClientAddress(text) => {
            let address = quoted_after(&shown, "client_address: Some(\"", "\"");
            // As they are made here: one address, or a network of whole parts.
            match text.split_once('/') {
                None => address == *text || text.contains('-'),
                Some((network, length)) => {
                    let parts = length.parse::<usize>().unwrap() / 8;
                    network.split('.').take(parts).eq(address.split(['.', '/']).take(parts))
                }
            }
        }
        Caveat::ContentType(exact) => !uploads || shown.contains(&format!("content_type: Some(Exact({exact:?}))")),
        Caveat::ContentTypePrefix(prefix) => {
            let typed = ["Exact", "Prefix"].map(|kind| format!("content_type: Some({kind}({}", begins(prefix)));
            !uploads || typed.iter().any(|text| shown.contains(text))
        }
        Caveat::Size(all) => {
            let (least, most) = quoted_after(&shown, "size: Some(Range(", "))").split_once("..=").unwrap_or(("", ""));
            !uploads || (all.contains(&least.parse().unwrap()) && all.contains(&most.parse().unwrap()))
        }
        Caveat::SingleUse => shown.contains("single_use: true"),
        Caveat::Once => true,
        other => panic!("{other:?}"),
    }
}

proptest! {
    // Many chains leave nothing that is asked for.
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Whatever a ticket is swapped for, each ticket on the way to it would have been swapped for too: the grant that came
    /// out, with all that was filled in, lies within all of them.
    #[test]
    fn what_is_redeemable_is_permitted_by_every_prefix_of_the_chain(
        caveats in vec(any_caveat(), 0..10),
        asked in any_asked(),
        later in prop_oneof![3 => 0i64..100, 1 => 0i64..900],
    ) {
        let tickets = chain(issue(&album()), caveats);
        let last = tickets.last().unwrap();
        let Ok(granted) = swap(last.expose(), asked, at(later)) else { return Ok(()) };
        for ticket in &tickets {
            let again = swap(ticket.expose(), granted.clone(), at(later));
            // Nothing is left to be filled in, so it comes out as it went in.
            prop_assert_eq!(format!("{:?}", again), format!("{:?}", Ok::<_, String>(granted.clone())), "{:?}", ticket);
        }
    }

    /// Every caveat is kept by what comes out.
    #[test]
    fn no_grant_breaks_a_caveat(caveats in vec(any_caveat(), 0..10), asked in any_asked(), later in prop_oneof![3 => 0i64..100, 1 => 0i64..900]) {
        let tickets = chain(issue(&album()), caveats);
        let last = tickets.last().unwrap();
        let now = at(later);
        let Ok(granted) = swap(last.expose(), asked, now) else { return Ok(()) };
        for caveat in last.caveats() {
            prop_assert!(keeps(&granted, caveat, now), "{:?} by {:?}", caveat, granted);
        }
    }

}

proptest! {
    /// A caveat that is not narrower is not added, and one that is makes another ticket which ends no later.
    #[test]
    fn narrowing_never_widens(caveats in vec(any_caveat(), 0..16)) {
        let tickets = chain(issue(&album()), caveats);
        for pair in tickets.windows(2) {
            prop_assert!(pair[1].expires_at() <= pair[0].expires_at());
            prop_assert_eq!(&pair[1].caveats()[..pair[0].caveats().len()], pair[0].caveats());
            prop_assert_ne!(pair[0].expose(), pair[1].expose());
        }
        // The narrow ones can be read by whoever has them, and say the same.
        for ticket in &tickets {
            let read = Ticket::parse(ticket.expose()).unwrap();
            prop_assert_eq!((read.expose(), read.caveats()), (ticket.expose(), ticket.caveats()));
        }
    }

    /// A caveat that is taken off, put elsewhere or edited breaks the chain.
    #[test]
    fn a_chain_cannot_be_changed(caveats in vec(any_caveat(), 1..8), at_caveat in any::<Index>(), other in any_caveat()) {
        let tickets = chain(issue(&album()), caveats);
        let last = tickets.last().unwrap();
        let count = last.caveats().len();
        prop_assume!(count > 0);
        let lengths: Vec<usize> = tickets.iter().map(|ticket| bytes_of(ticket.expose()).len() - 32).collect();
        let bytes = bytes_of(last.expose());
        let (root, mac) = (&bytes[..lengths[0]], &bytes[bytes.len() - 32..]);
        let written: Vec<&[u8]> = lengths.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let refused = |caveats: &[&[u8]]| {
            let text = text_of("vkt1_", &[root, &caveats.concat(), mac].concat());
            let code = keys().redeem(&text, at(0)).err().map(|error| error.code());
            // Without what stood before it, a caveat may no longer narrow anything.
            matches!(code, Some("signature_mismatch" | "malformed"))
        };
        let chosen = at_caveat.index(count);
        let without: Vec<&[u8]> =
            written.iter().enumerate().filter(|(at, _)| *at != chosen).map(|(_, caveat)| *caveat).collect();
        prop_assert!(refused(&without));
        let mut swapped = written.clone();
        swapped.rotate_left(chosen);
        prop_assert!(swapped == written || refused(&swapped));
        // Another one in its place, written by the crate itself.
        if let Ok(edited) = tickets[chosen].narrow(other) {
            let edited = bytes_of(edited.expose());
            let mut replaced = written.clone();
            replaced[chosen] = &edited[lengths[chosen]..edited.len() - 32];
            prop_assert!(replaced == written || refused(&replaced));
        }
    }

    /// Any other byte anywhere is refused.
    #[test]
    fn one_changed_byte_is_refused(caveats in vec(any_caveat(), 0..6), at_byte in any::<Index>(), with in 1u8..) {
        let tickets = chain(issue(&album()), caveats);
        let last = tickets.last().unwrap();
        let mut bytes = bytes_of(last.expose());
        let place = at_byte.index(bytes.len());
        bytes[place] ^= with;
        prop_assert!(keys().redeem(&text_of("vkt1_", &bytes), at(0)).is_err());
        // And of the text itself.
        let mut text = last.expose().as_bytes().to_vec();
        let place = at_byte.index(text.len());
        text[place] = b'!' + with % 94;
        prop_assume!(text != last.expose().as_bytes());
        prop_assert!(keys().redeem(core::str::from_utf8(&text).unwrap(), at(0)).is_err());
    }

    /// It is good to the last second and no longer.
    #[test]
    fn a_ticket_ends_to_the_second(seconds in 1u32..900, asked in 1u32..1000) {
        let grant = Grant::read("photos", "a");
        let lifetime = Lifetime::from_seconds(seconds).unwrap();
        let ticket = TicketRequest::new(&grant, "u").lives(lifetime).issue(&key(), [1; 16], at(0)).unwrap();
        let end = at(i64::from(seconds));
        prop_assert!(keys().redeem(ticket.expose(), end).is_ok());
        let expired = VerifyError::Expired { expired_at: end, now: end.saturating_add(1) };
        prop_assert_eq!(keys().redeem(ticket.expose(), end.saturating_add(1)).unwrap_err(), expired);
        // No token from it is good for longer.
        let granted = keys().redeem(ticket.expose(), at(0)).unwrap().grant(grant.lives(Lifetime::from_seconds(asked).unwrap()));
        prop_assert_eq!(granted.is_ok(), asked <= seconds);
        if let Err(error) = granted {
            prop_assert_eq!(error, ExchangeError::Exceeds { constraint: valet_key::grant::Constraint::Lifetime });
        }
    }
}

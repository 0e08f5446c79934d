//! What has gone wrong with tokens of this kind, each refused here, with a neighbour that is accepted.

use super::{NOW, album, at, bytes_of, field, issue, key, keys, text_of, why};
use valet_key::error::{IssueError, VerifyError};
use valet_key::grant::{Action, Actions, Constraint, CopySource, Encryption, Grant, Lifetime};
use valet_key::policy::Bounds;
use valet_key::secret::Secret;
use valet_key::ticket::{Caveat, ExchangeError, Ticket, TicketKey, TicketKeys, TicketRequest};

fn read() -> Grant {
    Grant::read("photos", "42/cat.jpg")
}

fn exceeds(constraint: Constraint) -> ExchangeError {
    ExchangeError::Exceeds { constraint }
}

fn swap(ticket: &Ticket, asked: Grant) -> Result<Grant, ExchangeError> {
    keys().redeem(ticket.expose(), at(0)).unwrap().grant(asked)
}

fn code(text: &str) -> &'static str {
    keys().redeem(text, at(0)).unwrap_err().code()
}

/// A ticket with these bytes between its own fields and a new HMAC, as only the holder of the last one can make it.
fn with_raw_caveat(ticket: &Ticket, caveat: &[u8]) -> String {
    use hmac::{KeyInit, Mac};
    let bytes = bytes_of(ticket.expose());
    let (fields, mac) = bytes.split_at(bytes.len() - 32);
    let mut next = hmac::Hmac::<sha2::Sha256>::new_from_slice(mac).unwrap();
    next.update(b"valet-key ticket 1 caveat\0");
    next.update(caveat);
    text_of("vkt1_", &[fields, caveat, &next.finalize().into_bytes()[..]].concat())
}

#[test]
fn an_unknown_caveat_is_refused_and_not_met() {
    let ticket = issue(&album());
    let once = with_raw_caveat(&ticket, &[12]);
    assert_eq!(once, ticket.narrow(Caveat::Once).unwrap().expose());
    assert!(keys().redeem(&once, at(0)).is_ok());
    for kind in [0, 13, 14, 100, 255] {
        assert_eq!(code(&with_raw_caveat(&ticket, &[kind])), "malformed", "{kind}");
        assert_eq!(code(&with_raw_caveat(&ticket, &[&[kind][..], &field(b"x")].concat())), "malformed", "{kind}");
    }
}

#[test]
fn what_the_ticket_says_is_not_given_up() {
    let ticket = issue(&album()).narrow(Caveat::ClientAddress("198.51.100.0/24".into())).unwrap();
    let gives_up = |constraint| read().unenforced(constraint, why()).unwrap();
    assert_eq!(swap(&ticket, gives_up(Constraint::ClientAddress)).unwrap_err(), exceeds(Constraint::ClientAddress));
    assert!(swap(&ticket, gives_up(Constraint::ResponseHeaders)).is_ok());
}

#[test]
fn a_later_caveat_of_the_same_kind_cannot_widen() {
    let ticket = issue(&album());
    let seconds = |seconds: i64| field(&u64::try_from(NOW + seconds).unwrap().to_be_bytes());
    let early = ticket.narrow(Caveat::ExpiresAt(at(60))).unwrap();
    assert!(keys().redeem(&with_raw_caveat(&early, &[&[4][..], &seconds(60)].concat()), at(0)).is_ok());
    assert_eq!(code(&with_raw_caveat(&early, &[&[4][..], &seconds(61)].concat())), "malformed");
    let reads = ticket.narrow(Caveat::Actions(Action::Read.into())).unwrap();
    let mask = |bits: u32| [&[1][..], &field(&bits.to_be_bytes())].concat();
    assert!(keys().redeem(&with_raw_caveat(&reads, &mask(1)), at(0)).is_ok());
    assert_eq!(code(&with_raw_caveat(&reads, &mask(1 | 4))), "malformed");
    let one = ticket.narrow(Caveat::Object("42/cat.jpg".into())).unwrap();
    assert_eq!(code(&with_raw_caveat(&one, &[&[2][..], &field(b"42/dog.jpg")].concat())), "malformed");
    assert_eq!(code(&with_raw_caveat(&one, &[&[3][..], &field(b"42/")].concat())), "malformed");
}

#[test]
fn what_does_not_narrow_is_not_added() {
    let ticket = issue(&album().size(1..=100).content_type_prefix("image/").client_address("10.0.0.0/8"));
    let lifetime = |minutes| Lifetime::minutes(minutes).unwrap();
    for (narrower, wider) in [
        (Caveat::Actions(Actions::READ), Caveat::Actions(Actions::READ | Actions::DELETE)),
        (Caveat::Object("42/a".into()), Caveat::Object("421/a".into())),
        (Caveat::Under("42/a/".into()), Caveat::Under("4/".into())),
        (Caveat::Under("42/".into()), Caveat::Under("42/a".into())),
        (Caveat::Object("42/..a".into()), Caveat::Object("42/../43/a".into())),
        (Caveat::ExpiresAt(at(900)), Caveat::ExpiresAt(at(901))),
        (Caveat::LivesAtMost(lifetime(15)), Caveat::LivesAtMost(lifetime(16))),
        (Caveat::ClientAddress("10.1.0.0/16".into()), Caveat::ClientAddress("11.0.0.1".into())),
        (Caveat::ClientAddress("10.0.0.1-10.0.0.9".into()), Caveat::ClientAddress("10.0.0.1-11.0.0.9".into())),
        (Caveat::ClientAddress("10.0.0.1".into()), Caveat::ClientAddress("::ffff:10.0.0.1".into())),
        (Caveat::ContentType("image/png".into()), Caveat::ContentType("text/html".into())),
        (Caveat::ContentTypePrefix("image/p".into()), Caveat::ContentTypePrefix("imag".into())),
        (Caveat::Size(1..=100), Caveat::Size(0..=100)),
        #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
        (Caveat::Size(5..=5), Caveat::Size(5..=4)),
    ] {
        assert!(ticket.narrow(narrower.clone()).is_ok(), "{narrower:?}");
        assert!(matches!(ticket.narrow(wider.clone()), Err(IssueError::Invalid { what: "caveat", .. })), "{wider:?}");
    }
    let later = ticket.narrow(Caveat::NotBefore(at(10))).unwrap();
    assert!(later.narrow(Caveat::NotBefore(at(11))).is_ok() && later.narrow(Caveat::NotBefore(at(9))).is_err());
}

#[test]
fn fields_cannot_be_split_elsewhere() {
    let two = |container: &str, name: &str| {
        let ticket = TicketRequest::new(&Grant::read(container, name), "u").issue(&key(), [1; 16], at(0)).unwrap();
        bytes_of(ticket.expose())
    };
    let (one, other) = (two("ab", "c"), two("a", "bc"));
    assert_ne!(one[one.len() - 32..], other[other.len() - 32..]);
    // The HMAC of the one is not good for the other.
    let mixed = [&other[..other.len() - 32], &one[one.len() - 32..]].concat();
    assert_eq!(code(&text_of("vkt1_", &mixed)), "signature_mismatch");
}

#[test]
fn a_ticket_has_one_spelling() {
    let ticket = issue(&album()).narrow(Caveat::ClientAddress("10.0.0.0-10.0.0.255".into())).unwrap();
    assert_eq!(ticket.caveats(), [Caveat::ClientAddress("10.0.0.0/24".into())]);
    assert!(keys().redeem(ticket.expose(), at(0)).is_ok());
    let text = ticket.expose();
    for other in [
        format!("{text}="),
        format!(" {text}"),
        format!("{text}\n"),
        text.replacen("vkt1_", "VKT1_", 1),
        text.replacen("vkt1_", "vkt2_", 1),
        text.replacen("vkt1_", "", 1),
        text.replace('_', "/").replace('-', "+") + "A",
    ] {
        assert_eq!(code(&other), "malformed", "{other:?}");
    }
    let spelled = |address: &[u8]| code(&with_raw_caveat(&issue(&album()), &[&[7][..], &field(address)].concat()));
    for address in [&b"10.0.0.0-10.0.0.255"[..], b"10.0.0.1/32", b"2001:DB8::1", b"2001:db8:0::1", b"10.0.0.1 ", b""] {
        assert_eq!(spelled(address), "malformed");
    }
    // What stands behind the last field is no caveat, and a field has its length.
    let bytes = bytes_of(text);
    let (fields, mac) = bytes.split_at(bytes.len() - 32);
    assert_eq!(code(&text_of("vkt1_", &[fields, &[0], mac].concat())), "malformed");
    assert_eq!(code(&text_of("vkt1_", &[&fields[..fields.len() - 1], mac].concat())), "malformed");
    assert_eq!(code("vkt1_"), "malformed");
    assert_eq!(code(""), "malformed");
}

#[test]
fn chains_and_texts_are_bounded() {
    let mut ticket = issue(&album());
    for _ in 0..16 {
        ticket = ticket.narrow(Caveat::SingleUse).unwrap();
    }
    assert!(keys().redeem(ticket.expose(), at(0)).is_ok());
    assert!(matches!(ticket.narrow(Caveat::SingleUse), Err(IssueError::TooLong { found: 17, limit: 16, .. })));
    let refused = keys().redeem(&with_raw_caveat(&ticket, &[11]), at(0)).unwrap_err();
    assert_eq!(refused, VerifyError::TooLarge { what: "ticket's caveats", found: 17, limit: 16 });
    let refused = keys().redeem(&format!("vkt1_{}", "A".repeat(8188)), at(0)).unwrap_err();
    assert_eq!(refused, VerifyError::TooLarge { what: "ticket", found: 8193, limit: 8192 });
    assert_eq!(code(&format!("vkt1_{}", "A".repeat(8187))), "malformed");
    // Names of a kilobyte each, until the text is full.
    let long = |n: usize| Caveat::Under(format!("42/{}", "a/".repeat(n)));
    let (mut ticket, mut count) = (issue(&album()), 0);
    while let Ok(next) = ticket.narrow(long(500 + count)) {
        (ticket, count) = (next, count + 1);
    }
    assert!((4..8).contains(&count) && ticket.expose().len() <= 8192);
    assert!(keys().redeem(ticket.expose(), at(0)).is_ok());
    // And until no character more fits.
    let under = |n: usize, tail: &str| Caveat::Under(format!("42/{}{tail}", "a/".repeat(n)));
    let ticket = (200..213).fold(issue(&album()), |ticket, n| ticket.narrow(under(n, "")).unwrap());
    let last = |n: usize| ticket.narrow(under(212, &format!("{}/", "b".repeat(n))));
    let most = (1..500).take_while(|n| last(*n).is_ok()).last().unwrap();
    let longest = last(most).unwrap();
    assert_eq!(longest.expose().len(), 8192);
    assert!(keys().redeem(longest.expose(), at(0)).is_ok());
    assert!(matches!(last(most + 1), Err(IssueError::TooLong { found: 8193.., limit: 8192, .. })));
}

#[test]
fn a_ticket_is_revoked_with_all_that_were_made_from_it() {
    let ids = |ticket: &Ticket| keys().redeem(ticket.expose(), at(0)).unwrap().revocation_ids().to_vec();
    let ticket = issue(&album());
    let narrow = ticket.narrow(Caveat::Actions(Actions::READ)).unwrap();
    let revoked = *ids(&narrow).last().unwrap();
    // One more caveat does not bring it back.
    let again = narrow.narrow(Caveat::Under("42/".into())).unwrap();
    assert!(ids(&again).contains(&revoked));
    // The one that it was made from, and its other offspring, are not meant.
    let sister = ticket.narrow(Caveat::Actions(Actions::LIST)).unwrap();
    assert!(!ids(&ticket).contains(&revoked) && !ids(&sister).contains(&revoked));
    assert!(ids(&sister).contains(&ids(&ticket)[0]));
    // Another ticket for the same has other names.
    let other = TicketRequest::new(&album(), "user-42").issue(&key(), [2; 16], at(0)).unwrap();
    assert_ne!(ids(&other)[0], ids(&ticket)[0]);
}

#[test]
fn a_single_use_is_one_for_all_that_were_made_from_it() {
    let use_of = |ticket: &Ticket| keys().redeem(ticket.expose(), at(0)).unwrap().once();
    let ticket = issue(&album());
    assert_eq!(use_of(&ticket), None);
    let once = ticket.narrow(Caveat::Once).unwrap();
    let (noted, until) = use_of(&once).map(|it| (it.key, it.until)).unwrap();
    assert_eq!(until, at(900));
    for again in [Caveat::Under("42/".into()), Caveat::ExpiresAt(at(5)), Caveat::Once] {
        let found = use_of(&once.narrow(again).unwrap()).unwrap();
        assert_eq!((found.key, found.until), (noted, until));
    }
    // Before the grant stands the note.
    let redeem = || keys().redeem(once.expose(), at(0)).unwrap();
    assert_eq!(redeem().grant(read()).unwrap_err(), ExchangeError::NotClaimed);
    assert_eq!(redeem().claimed(false).unwrap_err(), ExchangeError::AlreadyUsed);
    assert!(redeem().claimed(true).unwrap().grant(read()).is_ok());
    // What the issuer says is good once, nobody makes good twice.
    let issued = TicketRequest::new(&album(), "u").once().issue(&key(), [1; 16], at(0)).unwrap();
    let noted = use_of(&issued).unwrap().key;
    assert_eq!(use_of(&issued.narrow(Caveat::Once).unwrap()).unwrap().key, noted);
}

#[test]
fn keys_are_told_apart_and_rotated() {
    let new = |id: &str, secret| TicketKey::new(id, &Secret::new([secret; 32])).unwrap();
    let ticket = TicketRequest::new(&read(), "u").issue(&new("old", 1), [1; 16], at(0)).unwrap();
    let rotated = TicketKeys::new(new("new", 2)).accepting(new("old", 1)).unwrap();
    let redeemed = rotated.redeem(ticket.expose(), at(0)).unwrap();
    assert_eq!((redeemed.key_id(), redeemed.subject(), redeemed.container()), ("old", "u", "photos"));
    assert_eq!(rotated.current().id(), "new");
    // The id is right and the key is not.
    let wrong = TicketKeys::new(new("old", 2));
    assert_eq!(wrong.redeem(ticket.expose(), at(0)).unwrap_err(), VerifyError::SignatureMismatch);
    // The key is right and the id is not.
    let renamed = TicketKeys::new(new("new", 1));
    assert_eq!(renamed.redeem(ticket.expose(), at(0)).unwrap_err(), VerifyError::UnknownKey);
    assert!(TicketKeys::new(new("old", 1)).accepting(new("old", 2)).is_err());
    let mut rotated = rotated;
    assert!(!rotated.remove("new") && rotated.remove("old") && !rotated.remove("old"));
    assert_eq!(rotated.redeem(ticket.expose(), at(0)).unwrap_err(), VerifyError::UnknownKey);
    for id in ["", "a b", "a\n", "k\u{e9}", &"k".repeat(65)] {
        assert!(TicketKey::new(id, &Secret::new([1; 32])).is_err(), "{id:?}");
    }
}

#[test]
fn times_are_held_to_the_second() {
    let ticket = issue(&read()).narrow(Caveat::NotBefore(at(60))).unwrap();
    assert!(keys().redeem(ticket.expose(), at(60)).is_ok());
    let early = VerifyError::NotYetValid { valid_from: at(60), now: at(59) };
    assert_eq!(keys().redeem(ticket.expose(), at(59)).unwrap_err(), early);
    // Servers whose clocks differ by up to five minutes take each other's tickets.
    let ticket = issue(&read());
    assert!(keys().redeem(ticket.expose(), at(-300)).is_ok());
    assert_eq!(keys().redeem(ticket.expose(), at(-301)).unwrap_err().code(), "not_yet_valid");
    // In its last second there is no time left for a token.
    let redeemed = keys().redeem(ticket.expose(), at(900)).unwrap();
    assert_eq!(redeemed.longest(), None);
    let second = read().lives(Lifetime::from_seconds(1).unwrap());
    assert_eq!(redeemed.grant(second).unwrap_err(), exceeds(Constraint::Lifetime));
}

#[test]
fn a_grant_is_at_least_as_sensitive_as_its_ticket() {
    use valet_key::grant::Classification as Class;
    for (said, asked, granted) in [
        (Class::Pii, Class::Confidential, Class::Pii),
        (Class::Confidential, Class::Pii, Class::Pii),
        (Class::Public, Class::Internal, Class::Internal),
        (Class::Internal, Class::Internal, Class::Internal),
    ] {
        let ticket = issue(&read().lives(Lifetime::minutes(5).unwrap()).classified(said).because(why()));
        let grant = swap(&ticket, read().lives(Lifetime::minutes(5).unwrap()).classified(asked)).unwrap();
        let bounds = |least| Bounds::new().container("photos", Actions::READ).at_least(least);
        assert!(bounds(granted).permits(&grant).is_allowed(), "{said:?} {asked:?}");
    }
}

#[test]
fn what_is_asked_for_is_held_to_every_word_of_the_ticket() {
    use Constraint as C;
    let ticket = issue(&album().size(1..=100).content_type_prefix("image/").client_address("10.0.0.0/8"));
    let upload = |name: &str| Grant::upload("photos", name).content_type("image/png").exact_size(7);
    let seconds = |seconds| Lifetime::from_seconds(seconds).unwrap();
    for (fits, broader, constraint) in vec![
        (read(), Grant::read("invoices", "42/cat.jpg"), C::Resource),
        (read(), Grant::read("photos", "43/cat.jpg"), C::Resource),
        (read(), Grant::read("photos", "42"), C::Resource),
        (Grant::read("photos", "42/..a"), Grant::read("photos", "42/../43/a"), C::Resource),
        (read(), read().allow_dot_segments(), C::Resource),
        (read(), read().version("7"), C::Resource),
        (Grant::list("photos", "42/").because(why()), Grant::list("photos", "4").because(why()), C::Resource),
        (Grant::list("photos", "42/a/").because(why()), Grant::list("photos", "42/./").because(why()), C::Resource),
        (read(), Grant::send("photos"), C::Resource),
        (read(), Grant::delete("photos", "42/cat.jpg"), C::Action),
        (upload("42/a"), Grant::create("photos", "42/a").content_type("image/png").exact_size(7), C::Action),
        (upload("42/a"), Grant::copy(CopySource::new("photos", "42/b"), "photos", "42/a").because(why()), C::Resource),
        (read().lives(seconds(900)), read().lives(seconds(901)).because(why()), C::Lifetime),
        (upload("42/a"), upload("42/a").exact_size(101), C::Size),
        (upload("42/a").size(1..=100), upload("42/a").size(0..=100), C::Size),
        (upload("42/a"), upload("42/a").any_size(), C::Size),
        (upload("42/a"), upload("42/a").content_type("text/html"), C::ContentType),
        (upload("42/a").content_type_prefix("image/p"), upload("42/a").content_type_prefix("i"), C::ContentType),
        (upload("42/a"), upload("42/a").any_content_type(), C::ContentType),
        (read().client_address("10.1.2.3"), read().client_address("11.1.2.3"), C::ClientAddress),
        (read().client_address("10.1.0.0/16"), read().client_address("0.0.0.0/1"), C::ClientAddress),
        (read().client_address("10.0.0.1-10.0.0.2"), read().client_address("anywhere"), C::ClientAddress),
    ] {
        assert!(swap(&ticket, fits.clone()).is_ok(), "{fits:?}");
        assert_eq!(swap(&ticket, broader.clone()).unwrap_err(), exceeds(constraint), "{broader:?}");
    }
}

#[test]
fn a_size_is_not_got_around_in_parts() {
    let all = Actions::UPLOAD
        | Action::UploadPart.into()
        | Action::StartMultipart.into()
        | Action::CompleteMultipart.into()
        | Action::Append.into();
    let grant = Grant::under("videos", "42/", all).because(why()).any_content_type();
    let (free, bound) = (issue(&grant.clone().any_size()), issue(&grant.size(1..=100)));
    for asked in [
        Grant::upload_part("videos", "42/a", "u-1", 1).exact_size(7),
        Grant::start_multipart("videos", "42/a").any_content_type(),
        Grant::complete_multipart("videos", "42/a", "u-1").exact_size(7),
    ] {
        assert!(swap(&free, asked.clone()).is_ok());
        assert_eq!(swap(&bound, asked).unwrap_err(), exceeds(Constraint::Size));
    }
}

#[test]
fn what_is_not_said_is_filled_in_from_the_ticket() {
    let ticket = issue(&album().size(1..=100).content_type_prefix("image/").client_address("10.0.0.0/8").single_use());
    let granted = swap(&ticket, Grant::upload("photos", "42/a")).unwrap();
    let expected = Grant::upload("photos", "42/a")
        .size(1..=100)
        .content_type_prefix("image/")
        .client_address("10.0.0.0/8")
        .single_use();
    assert_eq!(format!("{granted:?}"), format!("{expected:?}"));
    // Reading has no size and no type.
    let granted = swap(&ticket, read()).unwrap();
    assert_eq!(format!("{granted:?}"), format!("{:?}", read().client_address("10.0.0.0/8").single_use()));
}

#[test]
fn what_a_ticket_has_no_words_for_is_not_issued() {
    use Constraint as C;
    let upload = || Grant::upload("photos", "a").any_content_type().any_size();
    let refused = |grant: &Grant| TicketRequest::new(grant, "u").issue(&key(), [1; 16], at(0)).unwrap_err();
    for (grant, constraint) in [
        (upload().sha256([7; 32]), C::Checksum),
        (upload().encrypted(Encryption::Provider), C::Encryption),
        (upload().storage_class("COLD"), C::StorageClass),
        (upload().metadata("a", "b"), C::Metadata),
        (read().disposition(&valet_key::grant::ContentDisposition::attachment("a")), C::ResponseHeaders),
        (read().request_id("r-1"), C::RequestId),
        (Grant::list("photos", "a/").because(why()).listing(valet_key::grant::Listing::new()), C::Listing),
        (read().version("1"), C::Resource),
        (read().allow_dot_segments(), C::Resource),
        (Grant::upload_part("photos", "a", "u", 1).any_size(), C::Resource),
        (Grant::abort("photos", "a", "u"), C::Resource),
        (Grant::send("queue"), C::Resource),
        (Grant::copy(CopySource::new("photos", "b"), "photos", "a").because(why()), C::Action),
    ] {
        match refused(&grant) {
            IssueError::NotEnforceable { constraint: found, form: "a grant ticket", .. } => {
                assert_eq!(found, constraint);
            }
            other => panic!("{grant:?}: {other}"),
        }
    }
    let long = read().lives(Lifetime::minutes(16).unwrap());
    assert!(matches!(refused(&long), IssueError::Unjustified { .. }));
    let request = TicketRequest::new(&read(), "u").lives(Lifetime::minutes(16).unwrap());
    assert!(matches!(request.issue(&key(), [1; 16], at(0)), Err(IssueError::Unjustified { .. })));
    let request = TicketRequest::new(&read().because(why()), "u").lives(Lifetime::from_seconds(604_801).unwrap());
    assert!(matches!(request.issue(&key(), [1; 16], at(0)), Err(IssueError::LifetimeTooLong { .. })));
    for grant in [
        Grant::read("photos", ""),
        Grant::read("photos", "a/../b"),
        Grant::read("photos", "a\nb"),
        Grant::read("", "a"),
        Grant::under("photos", "42", Actions::READ).because(why()),
        Grant::under("photos", "", Actions::READ).because(why()),
        read().client_address("anywhere"),
    ] {
        assert!(matches!(refused(&grant), IssueError::Invalid { .. }), "{grant:?}");
    }
    for subject in ["", "a\nb", &"s".repeat(256)] {
        let refused = TicketRequest::new(&read(), subject).issue(&key(), [1; 16], at(0));
        assert!(matches!(refused, Err(IssueError::Invalid { what: "subject", .. })));
    }
}

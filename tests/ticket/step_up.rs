//! Nothing gives more than the ticket but the ticket together with the proof of a second check.

use super::{album, at, bytes_of, key, keys, text_of, why};
use proptest::prelude::*;
use valet_key::error::{IssueError, VerifyError};
use valet_key::grant::{Action, Actions, Constraint, Grant, Justification, Lifetime};
use valet_key::ticket::{Caveat, CheckRequest, ExchangeError, Redeemable, SecondCheck, Ticket, TicketRequest};
use valet_key::token::Verified;

const NAME: &str = "42/cat.jpg";

fn ticket() -> Ticket {
    let grant = Grant::under("photos", "42/", Actions::READ | Actions::LIST).because(why());
    TicketRequest::new(&grant, "user-42")
        .step_up(Actions::UPLOAD | Actions::DELETE)
        .issue(&key(), [1; 16], at(0))
        .unwrap()
}

fn redeem(ticket: &Ticket) -> Verified<Redeemable> {
    keys().redeem(ticket.expose(), at(0)).unwrap()
}

fn passkey() -> Justification {
    Justification::new("passkey confirmed").unwrap()
}

fn check(ticket: &Ticket, name: &str, actions: Actions) -> SecondCheck {
    let request = CheckRequest::new(&redeem(ticket), name, actions, passkey()).unwrap();
    request.issue(&key(), [2; 16], at(0)).unwrap()
}

fn upload(name: &str) -> Grant {
    Grant::upload("photos", name).content_type("image/png").exact_size(7)
}

fn step_up(ticket: &Ticket, check: &SecondCheck, asked: Grant) -> Result<Grant, ExchangeError> {
    let passed = keys().second_check(check.expose(), at(0)).unwrap().claimed(true)?;
    redeem(ticket).step_up(asked, passed)
}

#[test]
fn write_is_given_after_a_second_check_alone() {
    let ticket = ticket();
    let exceeds = ExchangeError::Exceeds { constraint: Constraint::Action };
    assert_eq!(redeem(&ticket).grant(upload(NAME)).unwrap_err(), exceeds);
    let check = check(&ticket, NAME, Actions::UPLOAD);
    let granted = step_up(&ticket, &check, upload(NAME)).unwrap();
    assert_eq!(granted.justification(), Some(&passkey()));
    let passed = keys().second_check(check.expose(), at(0)).unwrap().claimed(true).unwrap();
    assert_eq!((passed.subject(), passed.justification()), ("user-42", &passkey()));
    // What was not agreed to is not given, and what the ticket gives anyway still is.
    assert_eq!(step_up(&ticket, &check, Grant::delete("photos", NAME)).unwrap_err(), exceeds);
    assert!(step_up(&ticket, &check, Grant::read("photos", NAME)).is_ok());
}

#[test]
fn a_check_is_for_one_ticket_object_and_subject() {
    let ticket = ticket();
    let first = check(&ticket, NAME, Actions::UPLOAD);
    let other = |what| Err(ExchangeError::OtherCheck { what });
    let outcome = |ticket: &Ticket, asked| step_up(ticket, &first, asked).map(|_| ());
    assert_eq!(outcome(&ticket, upload(NAME)), Ok(()));
    assert_eq!(outcome(&ticket, upload("42/dog.jpg")), other("object"));
    let elsewhere = Grant::upload("invoices", NAME).content_type("image/png").exact_size(7);
    assert_eq!(outcome(&ticket, elsewhere), other("object"));
    // Not for the one it was made from, nor for one that was made from it.
    assert_eq!(outcome(&ticket.narrow(Caveat::Under("42/".into())).unwrap(), upload(NAME)), other("ticket"));
    let again = TicketRequest::new(&album(), "user-42").step_up(Actions::UPLOAD).issue(&key(), [9; 16], at(0)).unwrap();
    assert_eq!(outcome(&again, upload(NAME)), other("ticket"));
    let whole = step_up(&ticket, &first, Grant::list("photos", "42/").because(why()));
    assert_eq!(whole.unwrap_err(), ExchangeError::Exceeds { constraint: Constraint::Resource });
}

#[test]
fn a_check_is_good_once_and_shortly() {
    let ticket = ticket();
    let check = check(&ticket, NAME, Actions::UPLOAD);
    let passed = || keys().second_check(check.expose(), at(300)).unwrap();
    assert_eq!(redeem(&ticket).step_up(upload(NAME), passed()).unwrap_err(), ExchangeError::NotClaimed);
    assert_eq!(passed().claimed(false).unwrap_err(), ExchangeError::AlreadyUsed);
    let noted = passed().once();
    assert_eq!((noted.key, noted.until), (passed().once().key, at(300)));
    let expired = VerifyError::Expired { expired_at: at(300), now: at(301) };
    assert_eq!(keys().second_check(check.expose(), at(301)).unwrap_err(), expired);
    let request = CheckRequest::new(&redeem(&ticket), NAME, Actions::UPLOAD, passkey()).unwrap();
    let long = request.clone().lives(Lifetime::from_seconds(301).unwrap()).issue(&key(), [2; 16], at(0));
    assert!(matches!(long, Err(IssueError::LifetimeTooLong { maximum: 300, .. })));
    // Another one for the same has another name.
    let again = request.issue(&key(), [3; 16], at(0)).unwrap();
    assert_ne!(keys().second_check(again.expose(), at(0)).unwrap().once().key, noted.key);
}

#[test]
fn a_check_is_made_within_what_the_ticket_can_be_stepped_up_to() {
    let made =
        |ticket: &Ticket, name: &str, actions| CheckRequest::new(&redeem(ticket), name, actions, passkey()).is_ok();
    let all = ticket();
    assert!(made(&all, NAME, Actions::UPLOAD | Actions::DELETE));
    assert!(!made(&all, NAME, Actions::UPLOAD | Action::Append.into()));
    assert!(!made(&all, "43/cat.jpg", Actions::UPLOAD));
    assert!(!made(&all, "42/../43/cat.jpg", Actions::UPLOAD));
    // Whoever hands a ticket on for reading does not hand on the step.
    let reads = all.narrow(Caveat::Actions(Actions::READ)).unwrap();
    assert!(!made(&reads, NAME, Actions::UPLOAD));
    let keeps = all.narrow(Caveat::Actions(Actions::READ | Actions::UPLOAD)).unwrap();
    assert!(made(&keeps, NAME, Actions::UPLOAD) && !made(&keeps, NAME, Actions::DELETE));
    assert_eq!(redeem(&keeps).after_check(), Some(Actions::UPLOAD));
    assert_eq!(redeem(&keeps).actions(), Actions::READ);
    // What a second check gives is no ticket of its own.
    assert!(all.narrow(Caveat::Actions(Actions::UPLOAD)).is_err());
}

#[test]
fn all_other_words_of_the_ticket_hold_after_a_check() {
    let bound =
        ticket().narrow(Caveat::Size(1..=7)).unwrap().narrow(Caveat::ClientAddress("10.0.0.0/8".into())).unwrap();
    let check = check(&bound, NAME, Actions::UPLOAD);
    let granted = step_up(&bound, &check, upload(NAME)).unwrap();
    assert!(format!("{granted:?}").contains("10.0.0.0/8"));
    let larger = step_up(&bound, &check, upload(NAME).exact_size(8)).unwrap_err();
    assert_eq!(larger, ExchangeError::Exceeds { constraint: Constraint::Size });
    let once = ticket().narrow(Caveat::Once).unwrap();
    let check = self::check(&once, NAME, Actions::UPLOAD);
    assert_eq!(step_up(&once, &check, upload(NAME)).unwrap_err(), ExchangeError::NotClaimed);
}

#[test]
fn tickets_and_checks_are_not_taken_for_each_other() {
    let ticket = ticket();
    let check = check(&ticket, NAME, Actions::UPLOAD);
    assert_eq!(keys().redeem(check.expose(), at(0)).unwrap_err().code(), "malformed");
    assert_eq!(keys().second_check(ticket.expose(), at(0)).unwrap_err().code(), "malformed");
    // Under the other's name they are no more.
    let (of_ticket, of_check) = (bytes_of(ticket.expose()), bytes_of(check.expose()));
    assert!(keys().redeem(&text_of("vkt1_", &of_check), at(0)).is_err());
    assert!(keys().second_check(&text_of("vks1_", &of_ticket), at(0)).is_err());
    // A check has no caveats.
    let (fields, mac) = of_check.split_at(of_check.len() - 32);
    let longer = text_of("vks1_", &[fields, &[12], mac].concat());
    assert_eq!(keys().second_check(&longer, at(0)).unwrap_err().code(), "malformed");
}

proptest! {
    #[test]
    fn one_changed_byte_of_a_check_is_refused(at_byte in any::<prop::sample::Index>(), with in 1u8..) {
        let check = check(&ticket(), NAME, Actions::UPLOAD);
        let mut bytes = bytes_of(check.expose());
        let place = at_byte.index(bytes.len());
        bytes[place] ^= with;
        prop_assert!(keys().second_check(&text_of("vks1_", &bytes), at(0)).is_err());
    }

    /// Without a check nothing is granted beyond the actions of the ticket, with one nothing beyond both.
    #[test]
    fn no_step_is_longer_than_agreed(asked in 0usize..4, agreed in 0usize..2, with in any::<bool>()) {
        let name = "42/a";
        let grants = [Grant::read("photos", name), upload(name), Grant::delete("photos", name), Grant::head("photos", name)];
        let steps = [Actions::UPLOAD, Actions::DELETE];
        let ticket = ticket();
        let granted = if with {
            step_up(&ticket, &check(&ticket, name, steps[agreed]), grants[asked].clone())
        } else {
            redeem(&ticket).grant(grants[asked].clone())
        };
        let expected = asked == 0 || (with && asked == agreed + 1);
        prop_assert_eq!(granted.is_ok(), expected);
    }
}

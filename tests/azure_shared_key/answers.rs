//! Answers of Get User Delegation Key: the right one, and everything that is none.

use proptest::prelude::*;
use std::time::{Duration, Instant};
use valet_key::{
    azure::{KeyRequest, Sas, Service, UserDelegationKey},
    clock::Timestamp,
    error::KeyError,
};

const VALUE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OID: &str = "11111111-1111-1111-1111-111111111111";
const TID: &str = "22222222-2222-2222-2222-222222222222";
const USERS: &str = "33333333-3333-3333-3333-333333333333";

const GOOD: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?><UserDelegationKey>\
    <SignedOid>11111111-1111-1111-1111-111111111111</SignedOid><SignedTid>22222222-2222-2222-2222-222222222222</SignedTid>\
    <SignedStart>2026-11-22T00:00:00Z</SignedStart><SignedExpiry>2026-11-23T00:00:00Z</SignedExpiry>\
    <SignedService>b</SignedService><SignedVersion>2026-10-06</SignedVersion>\
    <Value>AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=</Value></UserDelegationKey>";

fn at(text: &str) -> Timestamp {
    Timestamp::parse_iso_basic(text).unwrap()
}

fn call() -> KeyRequest {
    KeyRequest::new("myaccount", Service::Blob, at("20261122T000000Z"), at("20261123T000000Z")).unwrap()
}

fn read(answer: &str) -> Result<UserDelegationKey, KeyError> {
    call().read_answer(answer)
}

#[track_caller]
fn is_refused(answer: &str) {
    match read(answer) {
        Ok(_) => panic!("accepted: {answer}"),
        Err(error) => {
            let text = format!("{error} {error:?}");
            assert!(matches!(error, KeyError::Holder(_)) && text.len() < 250, "{text}");
            for secret in [VALUE, &VALUE[..12], OID, TID, "PLANTED"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
    }
}

#[test]
fn the_right_answer_is_read() {
    let with_users =
        GOOD.replace("<Value>", &format!("<SignedDelegatedUserTid>{USERS}</SignedDelegatedUserTid><Value>"));
    for answer in [
        GOOD.to_owned(),
        format!("\u{feff}{GOOD}"),
        format!("{GOOD}\n"),
        GOOD.replace("><Signed", ">\r\n  <Signed"),
        GOOD.replace("<?xml version=\"1.0\" encoding=\"utf-8\"?>", ""),
        GOOD.replace("<Value>", "<!-- a note --><Value>"),
        GOOD.replace("<Value>", "<SignedSomethingNew a=\"b\"><Value>x</Value></SignedSomethingNew><Value>"),
        GOOD.replace("2026-11-23T00:00:00Z", "2026-11-22T23:00:00.0000000Z"),
        GOOD.replace(VALUE, "AA=="),
        GOOD.replace(VALUE, &format!("{}A==", "A".repeat(85))),
    ] {
        let key = read(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
        let credential = key.credential();
        let delegation = credential.delegation().unwrap();
        assert_eq!(credential.account_name(), "myaccount");
        assert_eq!((delegation.object_id(), delegation.tenant_id()), (OID, TID));
        assert_eq!(delegation.starts_at(), at("20261122T000000Z"));
    }
    // A tenant of users is there if and only if it was asked for.
    is_refused(&with_users);
    let tied = call().for_users_of(&USERS.to_ascii_uppercase()).unwrap();
    assert!(tied.read_answer(&with_users).is_ok());
    assert!(tied.read_answer(GOOD).is_err());
    assert!(tied.read_answer(&with_users.replace(USERS, OID)).is_err());
}

#[test]
fn malformed_answers_are_refused() {
    for answer in [
        "",
        "PLANTED",
        "{}",
        "<UserDelegationKey/>",
        "<Error><Code>AuthenticationFailed</Code><Message>PLANTED</Message></Error>",
        "<UserDelegationKey></UserDelegationKey><UserDelegationKey></UserDelegationKey>",
    ] {
        is_refused(answer);
    }
    for (from, to) in [
        ("UserDelegationKey>", "userdelegationkey>"),
        ("<UserDelegationKey>", "<UserDelegationKey xmlns=\"urn:PLANTED\">"),
        ("<UserDelegationKey>", "<UserDelegationKey a=\"PLANTED\">"),
        ("<UserDelegationKey>", "<UserDelegationKey>PLANTED"),
        ("<UserDelegationKey>", "<x><UserDelegationKey>"),
        ("<Value>", "<Value a=\"PLANTED\">"),
        ("<Value>", "<Value xmlns=\"urn:PLANTED\">"),
        ("<Value>", "<Value>  "),
        ("<Value>", "<Value><b/>"),
        ("<Value>", "<Value><!-- -->"),
        ("<Value>", "<Value><?a b?>"),
        ("<Value>AAEC", "<Value><![CDATA[AAEC]]>"),
        ("<Value>AAEC", "<Value>&#65;AEC"),
        ("<Value>AAEC", "<Value>&PLANTED;AAEC"),
        ("<Value>AAEC", "<Value>A\nAEC"),
        ("<Value>", "<value>"),
        (VALUE, ""),
        (VALUE, "AAE"),
        (VALUE, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
        (VALUE, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9="),
        (VALUE, "--ECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
        (OID, "PLANTED"),
        (OID, ""),
        (TID, "2222"),
        ("2026-11-22T00:00:00Z", "PLANTED"),
        ("2026-11-22T00:00:00Z", "2026-11-24T00:00:00Z"),
        ("2026-11-22T00:00:00Z", "2026-11-01T00:00:00Z"),
        ("2026-11-23T00:00:00Z", "2026-11-22T00:00:00Z"),
        ("2026-11-23T00:00:00Z", "2026-11-23T00:00:01Z"),
        ("2026-11-23T00:00:00Z", "2026-11-23T00:00:00.0000001Z"),
        ("<SignedService>b", "<SignedService>q"),
        ("<SignedService>b", "<SignedService>B"),
        ("<SignedService>b", "<SignedService>"),
        ("2026-10-06", "2026-10-07"),
        ("2026-10-06", "2015-04-05"),
        ("utf-8", "utf-8\" a=\"b"),
        ("</UserDelegationKey>", "</UserDelegationKey>PLANTED"),
        ("</UserDelegationKey>", "</UserDelegationKey>\0"),
    ] {
        let answer = GOOD.replacen(from, to, 1);
        assert_ne!(answer, GOOD, "{from}");
        is_refused(&answer);
    }
    let queues = KeyRequest::new("myaccount", Service::Queue, at("20261122T000000Z"), at("20261123T000000Z")).unwrap();
    assert!(queues.read_answer(GOOD).is_err());
    assert!(queues.read_answer(&GOOD.replace("<SignedService>b", "<SignedService>q")).is_ok());
}

#[test]
fn every_element_is_there_once() {
    for name in ["SignedOid", "SignedTid", "SignedStart", "SignedExpiry", "SignedService", "SignedVersion", "Value"] {
        let start = GOOD.find(&format!("<{name}>")).unwrap();
        let end_tag = format!("</{name}>");
        let end = GOOD.find(&end_tag).unwrap() + end_tag.len();
        let element = &GOOD[start..end];
        is_refused(&GOOD.replace(element, ""));
        is_refused(&GOOD.replace(element, &element.repeat(2)));
        is_refused(&GOOD.replace(element, &format!("<x>{element}</x>")));
        is_refused(&GOOD.replace(element, &format!("{element}<{name}/>")));
        is_refused(&GOOD.replace(element, &format!("<{name}/>{element}")));
    }
}

#[test]
fn a_truncated_answer_is_refused_at_every_byte() {
    for end in 0..GOOD.len() {
        is_refused(&GOOD[..end]);
    }
    assert!(read(GOOD).is_ok());
}

#[test]
fn document_types_and_entities_are_refused() {
    let head = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";
    let mut laughs = String::from("<!DOCTYPE x [<!ENTITY a0 \"lol\">");
    for at in 1..10 {
        let inner = format!("&a{};", at - 1).repeat(10);
        laughs.extend(["<!ENTITY a", &at.to_string(), " \"", &inner, "\">"]);
    }
    laughs.push_str("]>");
    for doctype in [
        "<!DOCTYPE UserDelegationKey>",
        "<!DOCTYPE UserDelegationKey SYSTEM \"file:///etc/passwd\">",
        "<!DOCTYPE x [<!ENTITY v SYSTEM \"http://192.0.2.1/PLANTED\">]>",
        "<!DOCTYPE x [<!ENTITY v \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\">]>",
        laughs.as_str(),
    ] {
        let answer = GOOD.replace(head, &format!("{head}{doctype}"));
        is_refused(&answer);
        is_refused(&answer.replace(VALUE, "&v;"));
        is_refused(&answer.replace(VALUE, "&a9;"));
    }
}

#[test]
fn the_largest_answers_cost_little() {
    let began = Instant::now();
    let fill = |piece: &dyn Fn(usize) -> String, most: usize| {
        let mut filling = String::new();
        for next in (0..).map(piece) {
            if filling.len() + next.len() > most {
                break;
            }
            filling.push_str(&next);
        }
        filling
    };
    let most = (16 << 10) - GOOD.len() - 20;
    for filling in [
        format!("<x {}/>", fill(&|at| format!("a{at:x}='' "), most)),
        format!("<x {}/>", fill(&|at| format!("xmlns:a{at:x}='u{at}' "), most)),
        fill(&|_| "<x>".to_owned(), most),
        fill(&|_| "<x/>".to_owned(), most),
        fill(&|_| "<!-- -->".to_owned(), most),
        fill(&|_| "&#65;".to_owned(), most),
    ] {
        // Some are refused and some are passed over.
        drop(read(&GOOD.replace("<Value>", &format!("{filling}<Value>"))));
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    is_refused(&GOOD.replace("<Value>", &format!("<!--{}--><Value>", " ".repeat(17 << 10))));
    is_refused(&GOOD.replace("<Value>", &format!("{}<Value>", "<x/>".repeat(128))));
    is_refused(&GOOD.replace(VALUE, &"AAAA".repeat(22)));
}

proptest! {
    #[test]
    fn nothing_that_is_answered_makes_it_panic(
        at in any::<proptest::sample::Index>(), with in "\\PC{0,6}", length in 0usize..30,
    ) {
        let mut answer: Vec<char> = GOOD.chars().collect();
        let start = at.index(answer.len());
        let end = (start + length).min(answer.len());
        answer.splice(start..end, with.chars());
        let answer: String = answer.into_iter().collect();
        if let Err(error) = read(&answer) {
            prop_assert!(error.to_string().starts_with("the key holder failed: the answer of Get User Delegation Key "));
        }
    }
}

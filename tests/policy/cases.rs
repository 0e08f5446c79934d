//! Single grants on both sides of each limit.

use crate::{minutes, why};
use valet_key::{
    error::IssueError,
    grant::{Action, Actions, Classification, Constraint, CopySource, Grant, Lifetime},
    policy::{Bounds, Broad, Decision, Pattern, Refusal},
};

fn photos() -> Bounds {
    Bounds::new().under("photos", "42/", Actions::READ | Actions::UPLOAD | Actions::LIST).unwrap()
}

fn code(bounds: &Bounds, grant: &Grant) -> &'static str {
    bounds.permits(grant).code()
}

fn upload() -> Grant {
    Grant::upload("photos", "42/a").content_type("image/png").exact_size(9)
}

/// R40
#[test]
fn a_prefix_ends_where_its_segment_does() {
    let bounds = photos();
    for (name, expected) in [
        ("42/a", "allowed"),
        ("42/", "allowed"),
        ("42/a/b", "allowed"),
        ("42//a", "allowed"),
        ("421/a", "bounds_name"),
        ("42", "bounds_name"),
        ("4", "bounds_name"),
        ("/42/a", "bounds_name"),
        ("", "bounds_name"),
        ("42%2Fa", "bounds_name"),
        ("42\\a", "bounds_name"),
        ("42/../43/a", "bounds_dot_segments"),
        ("42/.", "bounds_dot_segments"),
        ("42/..", "bounds_dot_segments"),
        ("42/..\\43", "bounds_dot_segments"),
        ("42/a..b/...", "allowed"),
        ("42/%2e%2e/43", "allowed"),
    ] {
        assert_eq!(code(&bounds, &Grant::read("photos", name)), expected, "{name}");
        let under = Grant::under("photos", name, Action::Read).because(why()).allow_open_prefix();
        assert_eq!(code(&bounds, &under), expected, "{name}");
    }
    for container in ["photo", "photos2", "Photos", "", "photos/42"] {
        assert_eq!(code(&bounds, &Grant::read(container, "42/a")), "bounds_container", "{container}");
    }
}

#[test]
fn one_object_is_one_object() {
    let bounds = Bounds::new().object("photos", "42/a", Actions::READ).unwrap();
    assert_eq!(code(&bounds, &Grant::read("photos", "42/a")), "allowed");
    for grant in
        [Grant::read("photos", "42/a/b"), Grant::read("photos", "42/ab"), Grant::list("photos", "42/a").because(why())]
    {
        assert_eq!(code(&bounds, &grant), "bounds_name", "{grant:?}");
    }
}

#[test]
fn a_whole_container_reaches_all_that_it_holds() {
    let bounds = Bounds::new().container("photos", Actions::READ).container("jobs", Action::Send);
    assert_eq!(code(&bounds, &Grant::read("photos", "a")), "allowed");
    assert_eq!(code(&bounds, &Grant::send("jobs")), "allowed");
    assert_eq!(code(&bounds, &Grant::receive("jobs")), "bounds_action");
    assert_eq!(code(&bounds, &Grant::read("jobs", "a")), "bounds_action");
    assert_eq!(code(&photos(), &Grant::send("photos")), "bounds_name", "a queue has no parts");
}

#[test]
fn each_action_must_be_allowed_on_all_of_the_names() {
    let bounds = photos().under("photos", "42/drafts/", Actions::DELETE).unwrap();
    let under = |prefix: &str, actions: Actions| Grant::under("photos", prefix, actions).because(why());
    assert_eq!(code(&bounds, &under("42/drafts/", Actions::READ | Actions::DELETE)), "allowed");
    let refused = bounds.permits(&under("42/", Actions::READ | Actions::DELETE));
    let allowed = Actions::READ | Actions::UPLOAD | Actions::LIST;
    assert_eq!(refused, Decision::Refused(Refusal::Action { asked: Action::Delete, allowed }));
    assert_eq!(refused.into_result().unwrap_err().to_string(), "to delete was asked for, allowed read, upload, list");
}

#[test]
fn a_copy_reads_within_bounds_too() {
    let bounds = photos().under("photos", "42/", Action::Copy).unwrap().under("scans", "ok/", Actions::READ).unwrap();
    let copy =
        |container: &str, name: &str| Grant::copy(CopySource::new(container, name), "photos", "42/a").because(why());
    assert_eq!(code(&bounds, &copy("scans", "ok/a")), "allowed");
    assert_eq!(code(&bounds, &copy("photos", "42/b")), "allowed");
    let Decision::Refused(Refusal::Source(inner)) = bounds.permits(&copy("scans", "bad/a")) else { panic!() };
    assert_eq!(inner.code(), "bounds_name");
    for (container, name) in [("photos", "43/b"), ("mail", "ok/a"), ("scans", "ok/../bad/a")] {
        assert_eq!(code(&bounds, &copy(container, name)), "bounds_source", "{name}");
    }
}

#[test]
fn dot_segments_need_a_word_of_both() {
    let dots = Grant::read("photos", "42/../43/a");
    let open = photos().allow_dot_segments(why());
    for (bounds, grant, expected) in [
        (&open, dots.clone().allow_dot_segments(), "allowed"),
        (&open, dots.clone(), "bounds_dot_segments"),
        (&photos(), dots.clone().allow_dot_segments(), "bounds_dot_segments"),
        (&open.narrow(&photos()), dots.allow_dot_segments(), "bounds_dot_segments"),
    ] {
        assert_eq!(code(bounds, &grant), expected);
    }
    for prefix in ["42", "", "42/../", "./", "a\\..\\/"] {
        assert!(
            matches!(Bounds::new().under("photos", prefix, Actions::READ), Err(IssueError::Invalid { .. })),
            "{prefix}"
        );
    }
    for name in ["", "..", "a/./b"] {
        assert!(Bounds::new().object("photos", name, Actions::READ).is_err(), "{name}");
    }
}

#[test]
fn each_class_has_a_cap_to_the_second() {
    for (class, cap) in [
        (Classification::Public, 3600),
        (Classification::Internal, 1800),
        (Classification::Confidential, 900),
        (Classification::Pii, 300),
    ] {
        let grant = |seconds| {
            let lifetime = Lifetime::from_seconds(seconds).unwrap();
            Grant::read("photos", "42/a").classified(class).lives(lifetime).because(why())
        };
        let limit = Lifetime::from_seconds(cap).unwrap();
        assert_eq!(photos().longest(class), limit);
        assert_eq!(code(&photos(), &grant(cap)), "allowed");
        let asked = Lifetime::from_seconds(cap + 1).unwrap();
        let refused = photos().permits(&grant(cap + 1));
        assert_eq!(refused, Decision::Refused(Refusal::Lifetime { asked, classification: class, limit }));

        let shorter = photos().cap(class, minutes(2));
        assert_eq!((code(&shorter, &grant(120)), code(&shorter, &grant(121))), ("allowed", "bounds_lifetime"));
        assert_eq!(shorter.clone().cap(class, minutes(90)), shorter, "only downward");
        // The reason for a longer limit stays for as long as the limit needs one.
        let explained = |seconds| photos().cap_because(class, Lifetime::from_seconds(seconds).unwrap(), why());
        assert_eq!(explained(cap + 2).cap(class, asked), explained(cap + 1));
        assert_eq!(explained(cap + 2).cap(class, limit), photos());
        assert_eq!(explained(cap + 2).cap(class, minutes(2)), shorter);
        assert_eq!(explained(120).cap(class, minutes(2)), explained(120), "it is no shorter");
        let longer = photos().cap_because(class, minutes(90), why());
        assert_eq!((code(&longer, &grant(5400)), code(&longer, &grant(5401))), ("allowed", "bounds_lifetime"));
        let plain = Grant::read("photos", "42/a").classified(class).lives(minutes(90));
        let refused = longer.permits(&plain);
        assert_eq!(refused, Decision::Refused(Refusal::Unjustified { what: Broad::LongLifetime }));
        assert_eq!(longer.narrow(&shorter).longest(class), minutes(2));
    }
}

#[test]
fn data_is_not_taken_for_less_sensitive_than_it_is() {
    let bounds = photos().at_least(Classification::Internal).at_least(Classification::Public);
    let read = |class| Grant::read("photos", "42/a").classified(class).lives(minutes(5));
    assert_eq!(code(&bounds, &read(Classification::Public)), "bounds_classification");
    for class in [Classification::Internal, Classification::Confidential, Classification::Pii] {
        assert_eq!(code(&bounds, &read(class)), "allowed");
    }
}

#[test]
fn a_grant_for_any_address_is_broader_than_one_for_some() {
    let bounds = photos().client_address("198.51.100.0/24").unwrap().client_address("2001:db8::/32").unwrap();
    let read = |address: &str| Grant::read("photos", "42/a").client_address(address);
    for address in ["198.51.100.0", "198.51.100.255", "198.51.100.0/24", "198.51.100.7-198.51.100.9", "2001:db8:1::/48"]
    {
        assert_eq!(code(&bounds, &read(address)), "allowed", "{address}");
    }
    for address in
        ["198.51.101.0", "198.51.100.0/23", "198.51.99.255-198.51.100.1", "2001:db9::1", "", "*", "0.0.0.0/0"]
    {
        assert_eq!(code(&bounds, &read(address)), "bounds_client_address", "{address}");
    }
    let why = bounds.permits(&Grant::read("photos", "42/a")).into_result().unwrap_err();
    assert_eq!(
        why.to_string(),
        "a client from any address was asked for, allowed the client addresses \"198.51.100.0/24\", \"2001:db8::/32\""
    );
    let other = photos().client_address("203.0.113.0/24").unwrap();
    assert_eq!(code(&bounds.narrow(&other), &read("198.51.100.7")), "bounds_client_address");
    for text in ["", "*", "0.0.0.0/0", "::/0", "10.0.0.1/8"] {
        assert!(photos().client_address(text).is_err(), "{text}");
    }
}

#[test]
fn what_an_upload_leaves_open_is_broader_than_a_limit() {
    let bounds = photos().largest_upload(9).content_type_prefix("image/").content_type("text/plain");
    for (grant, expected) in [
        (upload(), "allowed"),
        (upload().size(0..=9), "allowed"),
        (upload().content_type("text/plain"), "allowed"),
        (upload().content_type_prefix("image/"), "allowed"),
        (upload().content_type_prefix("image/p"), "allowed"),
        (upload().exact_size(10), "bounds_size"),
        (upload().size(0..=10), "bounds_size"),
        (upload().any_size(), "bounds_size"),
        (Grant::upload("photos", "42/a").content_type("image/png"), "bounds_size"),
        (upload().any_content_type(), "bounds_content_type"),
        (upload().content_type_prefix("text/plain"), "bounds_content_type"),
        (upload().content_type_prefix("im"), "bounds_content_type"),
        (upload().content_type("Image/png"), "bounds_content_type"),
        (upload().content_type("text/html"), "bounds_content_type"),
        (Grant::upload("photos", "42/a").exact_size(1), "bounds_content_type"),
        // Not about uploads.
        (Grant::read("photos", "42/a"), "allowed"),
        (Grant::list("photos", "42/").because(why()), "allowed"),
    ] {
        assert_eq!(code(&bounds, &grant), expected, "{grant:?}");
    }
    assert_eq!(photos().largest_upload(9).largest_upload(99), photos().largest_upload(9));
    let parts =
        photos().under("photos", "42/", Actions::from(Action::UploadPart) | Action::StartMultipart.into()).unwrap();
    let part = Grant::upload_part("photos", "42/a", "u", 1);
    let bounds = parts.largest_upload(9).content_type("image/png");
    assert_eq!(code(&bounds, &part.clone().exact_size(9)), "allowed");
    assert_eq!(code(&bounds, &part.any_size()), "bounds_size");
    assert_eq!(code(&bounds, &Grant::start_multipart("photos", "42/a").content_type("image/png")), "allowed");
    assert_eq!(code(&bounds, &Grant::start_multipart("photos", "42/a").any_content_type()), "bounds_content_type");
}

#[test]
fn rules_say_what_needs_a_justification() {
    for (what, grant) in [
        (Broad::AnyAddress, Grant::read("photos", "42/a")),
        (Broad::AnySize, upload().any_size()),
        (Broad::AnyContentType, upload().any_content_type()),
        (Broad::Overwrite, upload()),
    ] {
        assert_eq!(code(&photos(), &grant), "allowed");
        let bounds = photos().justify(what);
        assert_eq!(bounds.permits(&grant), Decision::Refused(Refusal::Unjustified { what }));
        assert_eq!(code(&bounds, &grant.because(why())), "allowed");
        assert_eq!(photos().narrow(&bounds), bounds);
    }
    // Sizes and types are those of uploads, and what is said of them is not any.
    let strict = photos().justify(Broad::AnySize).justify(Broad::AnyContentType);
    assert_eq!(code(&strict, &Grant::read("photos", "42/a")), "allowed");
    assert_eq!(code(&strict, &upload()), "allowed");
    assert_eq!(code(&strict, &upload().content_type_prefix("image/").size(1..=9)), "allowed");
    let deleting = Bounds::new().container("photos", Actions::DELETE).justify(Broad::Delete);
    assert_eq!(code(&deleting, &Grant::delete("photos", "42/a")), "bounds_unjustified");
}

#[test]
fn plain_http_is_not_allowed_unless_somebody_said_why() {
    assert_eq!(photos().permits_plain_http(), Decision::Refused(Refusal::PlainHttp));
    let open = photos().allow_plain_http(why());
    assert!(open.permits_plain_http().is_allowed() && !open.requires_https());
    assert!(photos().narrow(&open).requires_https() && open.narrow(&photos()).requires_https());
}

#[test]
fn a_refusal_says_what_was_asked_and_what_the_limit_is() {
    let bounds = photos().largest_upload(9).content_type("image/png");
    for (grant, text) in [
        (Grant::read("mail\n", "a"), "container \"mail\\n\" was asked for, allowed \"photos\""),
        (Grant::read("photos", "4\""), "\"4\\\"\" in container \"photos\" was asked for, allowed \"42/\"*"),
        (Grant::read("photos", "42/.."), "\"42/..\" has a segment that is `.` or `..`, which the bounds do not allow"),
        (
            Grant::read("photos", "42/a").lives(minutes(16)),
            "a lifetime of 960 s was asked for, the limit for the class Confidential is 900 s",
        ),
        (upload().size(3..=10), "an upload of 3 to 10 bytes was asked for, the limit is 9 bytes"),
        (upload().any_size(), "an upload of any size was asked for, the limit is 9 bytes"),
        (
            upload().content_type_prefix("image/"),
            "a content type that begins with \"image/\" was asked for, allowed the content types \"image/png\"",
        ),
    ] {
        assert_eq!(bounds.permits(&grant).into_result().unwrap_err().to_string(), text);
    }
    let nothing = Bounds::new().permits(&Grant::read("a", "b")).into_result().unwrap_err();
    assert_eq!(nothing.to_string(), "container \"a\" was asked for, allowed nothing");
    let names = Refusal::Name { container: "a".into(), asked: Pattern::Exact("b".into()), allowed: vec![] };
    assert!(names.to_string().ends_with("allowed nothing"));
}

#[test]
fn what_is_broad_has_a_name() {
    for (what, name) in [
        (Broad::ManyObjects, "more than one object"),
        (Broad::AnyAddress, "a client from any address"),
        (Broad::Delete, "deleting"),
    ] {
        assert_eq!(what.to_string(), name);
        assert!(Refusal::Unjustified { what }.to_string().contains(name));
    }
}

#[test]
fn what_is_given_up_is_not_within_a_limit() {
    let bounds = photos().largest_upload(9).client_address("198.51.100.0/24").unwrap();
    let grant = upload().size(1..=9).client_address("198.51.100.7");
    assert_eq!(code(&bounds, &grant), "allowed");
    for (constraint, refusal) in [
        (Constraint::Size, "bounds_size"),
        (Constraint::ClientAddress, "bounds_client_address"),
        (Constraint::StorageClass, "allowed"),
    ] {
        assert_eq!(code(&bounds, &grant.clone().unenforced(constraint, why()).unwrap()), refusal);
    }
}

//! Several grants in one, or why not.

use crate::{
    some::{bounds, grants},
    why,
};
use proptest::{collection::vec, prelude::*};
use valet_key::{
    clock::Timestamp,
    error::IssueError,
    grant::{
        Action, Actions, Classification, Constraint, CopySource, Encryption, Grant, Lifetime, Listing, ResponseHeader,
    },
};

fn read() -> Grant {
    Grant::read("drafts", "42/a")
}

fn upload() -> Grant {
    Grant::upload("drafts", "42/a")
}

fn together(grants: &[Grant]) -> Result<Grant, IssueError> {
    Grant::together(grants).map(|grant| grant.because(why()))
}

#[test]
fn actions_on_one_resource_are_one_grant() {
    let typed = upload().exact_size(9).content_type("text/plain");
    for grants in [
        [read(), typed.clone(), Grant::delete("drafts", "42/a")],
        [typed.clone(), Grant::delete("drafts", "42/a"), read()],
        [read(), read(), typed.clone()],
    ] {
        let one = together(&grants).unwrap();
        let actions = grants.iter().map(Grant::actions).reduce(|all, one| all | one).unwrap();
        assert_eq!(one.actions(), actions);
        let alone = format!("{typed:?}").replace("{Upload}", &format!("{actions:?}"));
        assert_eq!(
            format!("{one:?}"),
            alone.replace("justification: None", &format!("justification: {:?}", Some(why())))
        );
    }
    assert!(together(&[upload(), upload().any_size()]).is_err(), "one waives what the other leaves open");
    assert!(matches!(together(&[]), Err(IssueError::Invalid { .. })));
}

#[test]
fn what_differs_in_more_than_its_actions_stays_apart() {
    let minutes = |count| Lifetime::minutes(count).unwrap();
    for (other, constraint) in [
        (Grant::delete("drafts", "42/b"), Constraint::Resource),
        (Grant::delete("draft", "42/a"), Constraint::Resource),
        (Grant::under("drafts", "42/", Actions::DELETE).because(why()), Constraint::Resource),
        (Grant::delete("drafts", "42/a").version("v"), Constraint::Resource),
        (read().allow_dot_segments(), Constraint::Resource),
        (Grant::copy(CopySource::new("a", "b"), "drafts", "42/a").because(why()), Constraint::Action),
        (upload().lives(minutes(5)), Constraint::Lifetime),
        (upload().classified(Classification::Pii), Constraint::Lifetime),
        (upload().client_address("198.51.100.7"), Constraint::ClientAddress),
        (upload().not_before(Timestamp::from_unix(1).unwrap()), Constraint::NotBefore),
        (upload().sha256([0; 32]), Constraint::Checksum),
        (upload().encrypted(Encryption::Provider), Constraint::Encryption),
        (upload().storage_class("COLD"), Constraint::StorageClass),
        (upload().metadata("a", "b"), Constraint::Metadata),
        (read().response_header(ResponseHeader::CacheControl, "no-store"), Constraint::ResponseHeaders),
        (upload().single_use(), Constraint::SingleUse),
        (upload().request_id("r"), Constraint::RequestId),
        (read().listing(Listing::new()), Constraint::Listing),
    ] {
        for grants in [[read(), other.clone()], [other.clone(), read()]] {
            let Err(IssueError::NotEnforceable { constraint: found, form, instead }) = together(&grants) else {
                panic!("{grants:?}");
            };
            assert_eq!((found, form), (constraint, "one token"), "{other:?}");
            assert!(instead.contains("session policy"));
        }
    }
    for (one, other, constraint) in [
        (upload().exact_size(9), Grant::create("drafts", "42/a"), Constraint::Size),
        (upload().exact_size(9), Grant::create("drafts", "42/a").any_size(), Constraint::Size),
        (upload().content_type("a/b"), Grant::start_multipart("drafts", "42/a"), Constraint::ContentType),
    ] {
        let refused = together(&[read(), one, other]);
        assert!(matches!(refused, Err(IssueError::NotEnforceable { constraint: found, .. }) if found == constraint));
    }
    let copy = || Grant::copy(CopySource::new("a", "b"), "drafts", "42/a").because(why());
    let copies = together(&[copy(), copy()]);
    assert!(matches!(copies, Err(IssueError::NotEnforceable { constraint: Constraint::Action, .. })));
}

#[test]
fn what_one_insists_on_is_not_given_up_for_both() {
    let bound = || read().client_address("198.51.100.7");
    let gives_up = |grant: Grant, constraint| grant.unenforced(constraint, why()).unwrap();
    for grants in [
        [bound(), gives_up(bound(), Constraint::ClientAddress)],
        [gives_up(bound(), Constraint::ClientAddress), bound()],
    ] {
        let refused = together(&grants).unwrap_err();
        assert!(matches!(refused, IssueError::NotEnforceable { constraint: Constraint::ClientAddress, .. }));
    }
    let both = together(&[read(), gives_up(upload().exact_size(9), Constraint::Size)]).unwrap();
    assert_eq!(both.given_up().map(|(constraint, _)| constraint).collect::<Vec<_>>(), [Constraint::Size]);
}

#[test]
#[cfg(all(feature = "aws", feature = "azure", feature = "gcs"))]
fn one_token_of_each_form_carries_them_or_says_why_not() {
    use valet_key::{
        aws::{self, Region, policy::SessionGrants},
        azure, gcs,
    };
    let now = Timestamp::from_unix(1_700_000_000).unwrap();
    let draft = [read(), Grant::create("drafts", "42/a").any_size().any_content_type()];
    let one = together(&draft).unwrap();
    assert_eq!(one.actions(), Actions::READ | Action::Create.into());
    assert!(azure::UrlRequest::storage(&one).is_ok());
    for refused in [
        aws::UrlRequest::s3(&one, "eu-west-1").err(),
        aws::PostPolicy::at(&aws::Endpoint::aws(Region::new("eu-west-1").unwrap()), &one).err(),
        gcs::UrlRequest::storage(&one).err(),
    ] {
        assert!(
            matches!(refused, Some(IssueError::NotEnforceable { constraint: Constraint::Action, .. })),
            "{refused:?}"
        );
    }
    // The same as each for itself.
    let session = |grants: &[Grant]| {
        let region = Region::new("eu-west-1").unwrap();
        let all = grants.iter().cloned().fold(SessionGrants::new(region, Lifetime::DEFAULT), SessionGrants::grant);
        all.to_policy(now).unwrap()
    };
    assert_eq!(session(&draft), session(std::slice::from_ref(&one)));
    let boundary = |grants: &[Grant]| gcs::AccessBoundary::new(grants, now, now).unwrap().to_json();
    assert_eq!(boundary(&draft), boundary(std::slice::from_ref(&one)));
}

proptest! {
    #[test]
    fn bounds_permit_what_is_together_if_they_permit_each(grant in grants(), bounds in bounds(), kinds in vec(0..3u8, 1..4)) {
        let name = "42/a";
        let of = |kind: &u8| {
            let one = match kind {
                0 => Grant::read("photos", name),
                1 => Grant::delete("photos", name),
                _ => Grant::read_tags("photos", name),
            };
            one.lives(grant.lifetime()).because(why())
        };
        let grants: Vec<Grant> = kinds.iter().map(of).collect();
        let one = together(&grants).unwrap();
        let each = grants.iter().all(|grant| bounds.permits(grant).is_allowed());
        prop_assert_eq!(bounds.permits(&one).is_allowed(), each);
    }
}

//! What holds for every grant, name and id.

use crate::{BUCKET, REGION, Sent, endpoint, issue, key, now, why};
use proptest::prelude::*;
use std::ops::RangeInclusive;
use valet_key::{
    aws::{Expect, PartUrls, Presigner, SigV4, UrlRequest},
    error::VerifyError,
    grant::{Action, CopySource, Grant, Listing},
};

/// A grant of any kind, with the operation that it comes to.
fn grants() -> impl Strategy<Value = (Grant, &'static str)> {
    let name = "\\PC{1,30}";
    let id = "\\PC{1,20}";
    (name, id, 1..=10_000u16, 0..16usize, proptest::option::of(id), name).prop_map(
        |(name, id, number, kind, version, other)| {
            let versioned = |grant: Grant| match &version {
                Some(version) => grant.version(version),
                None => grant,
            };
            let source = || {
                let source = CopySource::new("src-bucket", &other);
                version.iter().fold(source, CopySource::version)
            };
            let prefix = format!("{name}/");
            let (grant, operation) = match kind {
                0 => (versioned(Grant::read(BUCKET, name)), "GetObject"),
                1 => (versioned(Grant::head(BUCKET, name)), "HeadObject"),
                2 => (versioned(Grant::delete(BUCKET, name)), "DeleteObject"),
                3 => (versioned(Grant::read_tags(BUCKET, name)), "GetObjectTagging"),
                4 => (versioned(Grant::write_tags(BUCKET, name)), "PutObjectTagging"),
                5 => (versioned(Grant::delete_tags(BUCKET, name)), "DeleteObjectTagging"),
                6 => (Grant::upload(BUCKET, name).exact_size(5).any_content_type(), "PutObject"),
                7 => (Grant::start_multipart(BUCKET, name).content_type("a/b"), "CreateMultipartUpload"),
                8 => (Grant::upload_part(BUCKET, name, id, number).any_size(), "UploadPart"),
                9 => (Grant::complete_multipart(BUCKET, name, id).exact_size(9), "CompleteMultipartUpload"),
                10 => (Grant::abort(BUCKET, name, id), "AbortMultipartUpload"),
                11 => (Grant::list_parts(BUCKET, name, id).listing(Listing::new().after_part(number)), "ListParts"),
                12 => (Grant::copy(source(), BUCKET, name).because(why()), "CopyObject"),
                13 => {
                    let source = source().bytes(0..=number.into());
                    (Grant::copy_part(source, BUCKET, name, id, number).because(why()), "UploadPartCopy")
                }
                14 => {
                    let page = Listing::new().delimiter(&other).at_most(number % 1000 + 1).after(id);
                    (Grant::list(BUCKET, prefix).because(why()).listing(page), "ListObjectsV2")
                }
                _ => (Grant::list_versions(BUCKET, prefix).because(why()), "ListObjectVersions"),
            };
            (grant.allow_dot_segments(), operation)
        },
    )
}

fn expect() -> Expect {
    Expect::new(REGION, "s3").allow_dot_segments()
}

fn read(sent: &Sent, grant: &Grant, after: u32) -> Result<(&'static str, bool), VerifyError> {
    sent.read_at(&endpoint(), &expect(), now().saturating_add(after), |request| {
        (request.operation().name(), request.covered_by(grant).is_ok())
    })
}

proptest! {
    #[test]
    fn what_is_issued_is_that_operation_for_its_time_and_covered_by_its_grant((grant, operation) in grants()) {
        let sent = Sent::with(&issue(&grant));
        prop_assert_eq!(read(&sent, &grant, 0), Ok((operation, true)));
        prop_assert_eq!(read(&sent, &grant, 900), Ok((operation, true)));
        prop_assert!(matches!(read(&sent, &grant, 901), Err(VerifyError::Expired { .. })), "good for too long");
    }

    #[test]
    fn one_changed_byte_is_refused((grant, _) in grants(), at in any::<prop::sample::Index>(), byte in b'0'..=b'z') {
        let sent = Sent::with(&issue(&grant));
        let mut changed = sent.clone();
        let mut target = changed.target.into_bytes();
        let at = at.index(target.len());
        prop_assume!(!target[at].eq_ignore_ascii_case(&byte) && byte != b'%' && target[at] != b'%');
        target[at] = byte;
        changed.target = String::from_utf8(target).unwrap();
        let read = read(&changed, &grant, 0);
        prop_assert!(read.is_err(), "{} {}", sent.target, changed.target);
        for line in 0..sent.headers.len() {
            let mut changed = sent.clone();
            changed.headers[line].1.push(byte);
            prop_assert!(self::read(&changed, &grant, 0).is_err(), "{:?}", changed.headers[line].0);
        }
    }

    #[test]
    fn a_grant_of_another_kind_covers_nothing_of_it((ours, _) in grants(), (theirs, operation) in grants()) {
        let sent = Sent::with(&issue(&ours));
        let (found, covered) = read(&sent, &theirs, 0).unwrap();
        if covered {
            prop_assert_eq!(found, operation);
            prop_assert!(ours.resource() == theirs.resource() && ours.source() == theirs.source(), "{:?}", theirs);
        }
    }

    #[test]
    fn a_prefix_covers_what_begins_with_it_and_nothing_else(name in "[ab/]{1,6}", prefix in "[ab/]{1,4}") {
        let grant = Grant::under(BUCKET, &*prefix, Action::Read).because(why());
        let sent = Sent::with(&issue(&Grant::read(BUCKET, &*name)));
        let covered = |grant: &Grant| read(&sent, grant, 0).unwrap().1;
        prop_assert_eq!(covered(&grant), prefix.ends_with('/') && name.starts_with(&prefix));
        prop_assert_eq!(covered(&grant.allow_open_prefix()), name.starts_with(&prefix));
    }

    #[test]
    fn part_urls_are_those_of_one_part_at_a_time(
        name in "\\PC{1,30}",
        ids in prop::collection::vec("\\PC{1,20}", 1..3),
        first in 1..=10_000u16,
        count in 0..4u16,
        size in proptest::option::of(1..=u64::MAX),
    ) {
        let part = |id: &str, number| {
            let grant = Grant::upload_part(BUCKET, &*name, id, number).allow_dot_segments();
            size.map_or_else(|| grant.clone().any_size(), |bytes| grant.clone().exact_size(bytes))
        };
        let mut presigner = Presigner::new(key(), &endpoint(), &part("any", 1)).unwrap();
        let last = first.saturating_add(count).min(10_000);
        for (second, id) in ids.iter().enumerate() {
            let now = now().saturating_add(u32::try_from(second).unwrap());
            let urls = presigner.part_urls(&name, id, first..=last, now).unwrap();
            prop_assert_eq!(urls.len(), usize::from(last - first) + 1);
            prop_assert_eq!(urls.expires_at(), now.saturating_add(900));
            for (number, url) in (first..=last).zip(urls) {
                let url = url.unwrap();
                let one = key().presign(&UrlRequest::at(&endpoint(), &part(id, number)).unwrap(), now).unwrap();
                prop_assert_eq!(url.expose(), one.expose());
                prop_assert_eq!(url.method(), one.method());
                prop_assert_eq!(url.required_headers(), one.required_headers());
                prop_assert_eq!(url.expires_at(), one.expires_at());
            }
        }
    }
}

#[test]
fn part_urls_are_for_parts_in_range_and_objects_for_the_rest() {
    let parts = Grant::upload_part(BUCKET, "any", "any", 1).any_size();
    let mut presigner = Presigner::new(key(), &endpoint(), &parts).unwrap();
    let mut urls = |name: &str, id: &str, range: RangeInclusive<u16>| {
        presigner.part_urls(name, id, range, now()).map(PartUrls::count).map_err(|error| error.code())
    };
    assert_eq!(urls("a", "u", 1..=10_000), Ok(10_000));
    assert_eq!(urls("a", "u", 10_000..=10_000), Ok(1));
    for range in [0..=1, 1..=10_001, RangeInclusive::new(1, 0), RangeInclusive::new(5, 4)] {
        assert_eq!(urls("a", "u", range.clone()), Err("invalid"), "{range:?}");
    }
    for (name, id) in [("", "u"), ("a/../b", "u"), ("a", ""), ("a", "\n")] {
        assert_eq!(urls(name, id, 1..=1), Err("invalid"), "{name} {id}");
    }
    // A failed call leaves nothing behind.
    assert_eq!(urls("a", "u", 1..=1), Ok(1));
    assert_eq!(presigner.presign("a", now()).map_err(|error| error.code()).err(), Some("invalid"));
    let mut objects = Presigner::new(key(), &endpoint(), &Grant::read(BUCKET, "any")).unwrap();
    assert!(objects.part_urls("a", "u", 1..=1, now()).is_err());
    let one = Grant::upload_part(BUCKET, "any", "any", 1).any_size().sha256([0; 32]);
    assert!(Presigner::new(key(), &endpoint(), &one).is_err(), "no two parts share a digest");
    assert!(Presigner::new(key(), &endpoint(), &Grant::abort(BUCKET, "any", "any")).is_err());
}

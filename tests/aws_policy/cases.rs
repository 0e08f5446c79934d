//! Single policies: their text, and what is refused.

use crate::{
    evaluate::{Asked, allows},
    now, policy, region, session, why,
};
use valet_key::{
    aws::policy::SessionGrants,
    error::IssueError,
    grant::{
        Action, Actions, Constraint, ContentDisposition, CopySource, Encryption, Grant, Lifetime, Listing,
        OnShortCredential,
    },
};

/// What every grant of 15 minutes carries.
const TLS: &str = "\"Condition\":{\"Bool\":{\"aws:SecureTransport\":\"true\"},\
                   \"DateLessThanEquals\":{\"aws:CurrentTime\":\"2026-11-24T12:15:00Z\"}}";

fn text(grants: impl IntoIterator<Item = Grant>) -> String {
    policy(grants).unwrap().as_str().to_owned()
}

fn upload(name: &str) -> Grant {
    Grant::upload("photos", name).any_size().any_content_type()
}

fn under(actions: impl Into<Actions>) -> Grant {
    Grant::under("photos", "42/", actions).because(why()).any_size().any_content_type()
}

/// R46
#[test]
fn what_iam_gives_a_meaning_to_is_escaped() {
    assert_eq!(
        text([Grant::read("bkt", "a*b?c$d")]),
        format!(
            "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\
             \"Resource\":\"arn:aws:s3:::bkt/a${{*}}b${{?}}c${{$}}d\",{TLS}}}]}}"
        )
    );
    assert!(text([Grant::read("bkt", "\u{e9}\u{1f512}\"\\")]).contains("bkt/\\u00e9\\ud83d\\udd12\\\"\\\\\","));
    assert!(text([Grant::read("bkt", "${aws:username}")]).contains("bkt/${$}{aws:username}\","));
}

/// R47
#[test]
fn bucket_actions_are_on_the_bucket_and_object_actions_on_objects() {
    let both = text([under(Actions::READ | Actions::LIST)]);
    for (action, arn, expected) in [
        ("s3:GetObject", "arn:aws:s3:::photos/42/a", true),
        ("s3:GetObject", "arn:aws:s3:::photos", false),
        ("s3:ListBucket", "arn:aws:s3:::photos", true),
        ("s3:ListBucket", "arn:aws:s3:::photos/42/a", false),
    ] {
        assert_eq!(allows(&both, &Asked::new(action, arn).with("s3:prefix", "42/")), expected, "{action} {arn}");
    }
    // A listing that says no prefix, and asking whether there is such a bucket, have no such key.
    assert!(!allows(&both, &Asked::new("s3:ListBucket", "arn:aws:s3:::photos")));
}

#[test]
fn partitions_and_access_points_have_arns_of_their_own() {
    let arn = |region_name: &str, bucket: &str| {
        let grants = SessionGrants::new(region(region_name), Lifetime::DEFAULT);
        let both = Grant::under(bucket, "42/", Actions::READ | Actions::LIST).because(why());
        let policy = grants.grant(both).to_policy(now())?;
        let found: Vec<_> =
            policy.as_str().split("\"Resource\":\"").skip(1).map(|rest| rest.split('"').next()).collect();
        Ok::<_, IssueError>(found.into_iter().flatten().collect::<Vec<_>>().join(" "))
    };
    assert_eq!(arn("cn-north-1", "photos").unwrap(), "arn:aws-cn:s3:::photos/42/* arn:aws-cn:s3:::photos");
    assert_eq!(arn("us-gov-west-1", "photos").unwrap(), "arn:aws-us-gov:s3:::photos/42/* arn:aws-us-gov:s3:::photos");
    let point = "arn:aws:s3:eu-west-1:123456789012:accesspoint/reader";
    assert_eq!(arn("eu-west-1", point).unwrap(), format!("{point}/object/42/* {point}"));
    assert_eq!(arn("eu-west-1", &point.replace("t/r", "t:r")).unwrap(), format!("{point}/object/42/* {point}"));
    for (region, bucket) in [("eu-west-2", point), ("eu-west-1", "ph*tos"), ("eu-west-1", "a"), ("eu-west-1", "*")] {
        assert!(matches!(arn(region, bucket), Err(IssueError::Invalid { .. })), "{bucket}");
    }
    let directory = arn("us-west-2", "photos--usw2-az1--x-s3");
    assert!(matches!(directory, Err(IssueError::NotEnforceable { constraint: Constraint::Resource, .. })));
}

#[test]
fn conditions_of_an_upload_are_held_to() {
    let object = "arn:aws:s3:::photos/a";
    let put = || Asked::new("s3:PutObject", object);
    let create = text([Grant::create("photos", "a").any_size().any_content_type()]);
    assert!(allows(&create, &put().with("s3:if-none-match", "*")) && !allows(&create, &put()));
    let stored = text([upload("a").encrypted(Encryption::Provider).storage_class("STANDARD_IA")]);
    let right = put().with("s3:x-amz-server-side-encryption", "AES256").with("s3:x-amz-storage-class", "STANDARD_IA");
    assert!(allows(&stored, &right));
    for wrong in [
        right.clone().without("s3:x-amz-storage-class"),
        right.clone().with("s3:x-amz-storage-class", "STANDARD"),
        right.clone().without("s3:x-amz-server-side-encryption"),
        right.with("s3:x-amz-server-side-encryption", "aws:kms"),
    ] {
        assert!(!allows(&stored, &wrong), "{wrong:?}");
    }
    let parts = Actions::UPLOAD | Action::StartMultipart.into() | Action::UploadPart.into() | Action::Abort.into();
    let parts = text([under(parts)]);
    let on = |action| Asked::new(action, "arn:aws:s3:::photos/42/a");
    assert!(allows(&parts, &on("s3:PutObject")) && allows(&parts, &on("s3:AbortMultipartUpload")));
    assert!(!allows(&parts, &on("s3:DeleteObject")) && !allows(&parts, &on("s3:PutObjectAcl")));
}

#[test]
fn each_action_on_an_object_has_its_own_word() {
    let words = [
        (Actions::READ, "s3:GetObject"),
        (Actions::READ | Action::Head.into(), "s3:GetObject"),
        (Action::ListParts.into(), "s3:ListMultipartUploadParts"),
        (Action::ReadTags.into(), "s3:GetObjectTagging"),
        (Action::WriteTags.into(), "s3:PutObjectTagging"),
        (Action::DeleteTags.into(), "s3:DeleteObjectTagging"),
        (Actions::DELETE, "s3:DeleteObject"),
    ];
    for (actions, word) in words {
        let found = text([under(actions)]);
        for (_, other) in words {
            let asked = Asked::new(other, "arn:aws:s3:::photos/42/a");
            assert_eq!(allows(&found, &asked), word == other, "{word} {other}");
        }
    }
}

#[test]
fn a_listing_is_confined_to_what_was_asked() {
    let listing = Listing::new().delimiter("/").at_most(100);
    let page = text([Grant::list("photos", "42/").because(why()).listing(listing)]);
    let right = Asked::new("s3:ListBucket", "arn:aws:s3:::photos")
        .with("s3:prefix", "42/b")
        .with("s3:delimiter", "/")
        .with("s3:max-keys", "100");
    assert!(allows(&page, &right) && allows(&page, &right.clone().with("s3:max-keys", "9")));
    for wrong in [
        right.clone().with("s3:max-keys", "101"),
        right.clone().without("s3:max-keys"),
        right.clone().with("s3:delimiter", "-"),
        right.clone().without("s3:delimiter"),
        right.clone().with("s3:prefix", "4"),
        right.clone().with("s3:prefix", ""),
    ] {
        assert!(!allows(&page, &wrong), "{wrong:?}");
    }
}

#[test]
fn a_grant_begins_and_ends_within_its_session() {
    let early = Grant::read("photos", "a").lives(Lifetime::minutes(5).unwrap()).not_before(now().saturating_add(60));
    let timed = text([early]);
    for (time, expected) in [("12:00:59", false), ("12:01:00", true), ("12:05:00", true), ("12:05:01", false)] {
        let asked = Asked::new("s3:GetObject", "arn:aws:s3:::photos/a");
        let asked = asked.with("aws:CurrentTime", format!("2026-11-24T{time}Z"));
        assert_eq!(allows(&timed, &asked), expected, "{time}");
    }
    // A session of as many minutes begins when STS is asked, which may be later.
    let same = text([Grant::read("photos", "a")]);
    let asked = |time: &str| Asked::new("s3:GetObject", "arn:aws:s3:::photos/a").with("aws:CurrentTime", time);
    assert!(allows(&same, &asked("2026-11-24T12:15:00Z")) && !allows(&same, &asked("2026-11-24T12:15:01Z")));
    let long = Grant::read("photos", "a").lives(Lifetime::minutes(16).unwrap());
    assert!(matches!(policy([long.clone()]), Err(IssueError::Unjustified { .. })));
    let long = long.because(why());
    let (token_ends, credential_ends) = (now().saturating_add(960), now().saturating_add(900));
    assert_eq!(policy([long.clone()]), Err(IssueError::OutlivesCredential { token_ends, credential_ends }));
    let clamped = session([long]).on_short_session(OnShortCredential::Clamp).to_policy(now()).unwrap();
    assert!(clamped.as_str().contains("{\"aws:CurrentTime\":\"2026-11-24T12:16:00Z\"}"));
}

#[test]
fn requests_without_tls_need_a_reason() {
    let plain = Asked::new("s3:GetObject", "arn:aws:s3:::photos/a").with("aws:SecureTransport", "false");
    let grants = || session([Grant::read("photos", "a")]);
    assert!(!allows(grants().to_policy(now()).unwrap().as_str(), &plain));
    let open = grants().allow_plain_http(why());
    assert!(allows(open.to_policy(now()).unwrap().as_str(), &plain));
    assert_eq!(open.plain_http(), Some(&why()));
}

#[test]
fn queues_are_sent_to_or_received_from() {
    let arn = "arn:aws:sqs:eu-west-1:123456789012:jobs";
    let send = text([Grant::send("123456789012/jobs").client_address("198.51.100.7")]);
    assert_eq!(send, text([Grant::send(arn).client_address("198.51.100.7/32")]));
    assert!(allows(&send, &Asked::new("sqs:SendMessage", arn)));
    for wrong in [
        Asked::new("sqs:ReceiveMessage", arn),
        Asked::new("sqs:SendMessage", format!("{arn}-2")),
        Asked::new("sqs:SendMessage", arn.replace("eu-west-1", "eu-west-2")),
        Asked::new("sqs:SendMessage", arn).with("aws:SourceIp", "198.51.100.8"),
    ] {
        assert!(!allows(&send, &wrong), "{wrong:?}");
    }
    let both = text([Grant::send(arn), Grant::receive(arn)]);
    assert!(both.contains("\"Action\":[\"sqs:ReceiveMessage\",\"sqs:SendMessage\"]"), "{both}");
    for wrong in [
        "arn:aws:sqs:eu-west-2:123456789012:jobs",
        "jobs",
        "123456789012/j*",
        "arn:aws-cn:sqs:eu-west-1:123456789012:jobs",
    ] {
        assert!(matches!(policy([Grant::send(wrong)]), Err(IssueError::Invalid { .. })), "{wrong}");
    }
    let aged = session([Grant::send(arn)]).signed_within(Lifetime::DEFAULT).to_policy(now());
    assert!(matches!(aged, Err(IssueError::NotEnforceable { constraint: Constraint::Lifetime, .. })));
}

#[test]
fn statements_are_merged_where_that_allows_no_more() {
    let statements = |grants: Vec<Grant>| text(grants).matches("\"Effect\"").count();
    let read = |name: &str| Grant::read("photos", name);
    assert_eq!(statements(vec![read("a"), read("b"), upload("a"), upload("b"), read("a")]), 1);
    // The first would allow to write `a`.
    assert_eq!(statements(vec![read("a"), read("b"), upload("b")]), 2);
    assert_eq!(statements(vec![read("a"), read("b").client_address("198.51.100.7")]), 2);
    let wide = || Grant::under("photos", "42/", Actions::READ | Actions::LIST).because(why());
    let narrow = || Grant::under("photos", "42/a/", Actions::READ | Actions::LIST).because(why());
    assert_eq!(text([wide(), narrow(), read("42/b")]), text([wide()]));
    let two = text([Grant::list("photos", "a/").because(why()), Grant::list("photos", "b/").because(why())]);
    assert!(two.contains("{\"s3:prefix\":[\"a/*\",\"b/*\"]}"), "{two}");
}

#[test]
fn the_characters_of_a_policy_are_counted() {
    let named = |first: &str, length| Grant::read("photos", format!("{first}{}", "x".repeat(length)));
    let grants = |last| [named("a", 800), named("b", 800), named("c", last)];
    let base = match policy(grants(1000)) {
        Err(IssueError::TooLong { found, limit: 2048, .. }) => found,
        other => panic!("{other:?}"),
    };
    let fits = 2048 - (base - 1000);
    assert_eq!(text(grants(fits)).len(), 2048);
    let over = policy(grants(fits + 1));
    assert_eq!(over, Err(IssueError::TooLong { what: "session policy", found: 2049, limit: 2048 }));
}

/// R45
#[test]
fn prefixes_and_names_are_exact() {
    let prefix = |prefix: &str| Grant::under("photos", prefix, Action::Read).because(why());
    for refused in [
        prefix(""),
        prefix("42"),
        prefix("a/../"),
        Grant::read("photos", ""),
        Grant::read("photos", "../a"),
        Grant::read("photos", "a\0"),
        Grant::read("photos", "x".repeat(1025)),
        Grant::read("photos", "a").version(""),
        Grant::read("photos", "a").client_address("0.0.0.0/0"),
        Grant::read("photos", "a").client_address("*"),
    ] {
        assert!(matches!(policy([refused.clone()]), Err(IssueError::Invalid { .. })), "{refused:?}");
    }
    assert!(policy([prefix("42").allow_open_prefix(), Grant::read("photos", "../a").allow_dot_segments()]).is_ok());
    assert!(matches!(policy([] as [Grant; 0]), Err(IssueError::Invalid { .. })));
    assert!(matches!(
        policy([upload("a"), Grant::upload("photos", "b").any_size()]),
        Err(IssueError::Unbounded { .. })
    ));
    let week = session([upload("a")]).signed_within(Lifetime::from_seconds(604_801).unwrap()).to_policy(now());
    assert!(matches!(week, Err(IssueError::LifetimeTooLong { maximum: 604_800, .. })));
}

#[test]
fn what_a_policy_cannot_carry_is_refused_with_what_can() {
    let read = || Grant::read("photos", "a");
    let source = || CopySource::new("photos", "b");
    for (grant, constraint, instead) in vec![
        (Grant::upload("photos", "a").size(1..=9).any_content_type(), Constraint::Size, "POST policy"),
        (Grant::upload("photos", "a").any_size().content_type("a/b"), Constraint::ContentType, "presigned URL"),
        (Grant::upload("photos", "a").any_size().content_type_prefix("a/"), Constraint::ContentType, "POST policy"),
        (upload("a").sha256([0; 32]), Constraint::Checksum, "presigned URL"),
        (upload("a").metadata("a", "b"), Constraint::Metadata, "presigned URL"),
        (upload("a").encrypted(Encryption::ManagedKey("k".into())), Constraint::Encryption, "presigned URL"),
        (upload("a").version("1"), Constraint::Resource, "version of its own"),
        (read().encrypted(Encryption::Provider), Constraint::Encryption, "uploads only"),
        (read().storage_class("STANDARD"), Constraint::StorageClass, "uploads only"),
        (
            under(Actions::UPLOAD | Action::UploadPart.into()).encrypted(Encryption::Provider),
            Constraint::Encryption,
            "presigned URL",
        ),
        (read().exact_size(1), Constraint::Size, "uploads only"),
        (read().content_type("a/b"), Constraint::ContentType, "uploads only"),
        (read().disposition(&ContentDisposition::attachment("a")), Constraint::ResponseHeaders, "presigned URL"),
        (read().single_use(), Constraint::SingleUse, "gateway"),
        (read().request_id("r"), Constraint::RequestId, "presigned URL"),
        (read().listing(Listing::new()), Constraint::Listing, "listing"),
        (under(Action::Read).version("1"), Constraint::Resource, "one object"),
        (
            Grant::list("photos", "a/").because(why()).listing(Listing::new().after("b")),
            Constraint::Listing,
            "presigned URL",
        ),
        (Grant::head("photos", "a"), Constraint::Action, "presigned URL"),
        (Grant::start_multipart("photos", "a").any_content_type(), Constraint::Action, "presigned URL"),
        (under(Action::UploadPart), Constraint::Action, "presigned URL"),
        (under(Action::ListUploads), Constraint::Action, "presigned URL"),
        (under(Action::Append), Constraint::Action, "S3 has no such action"),
        (under(Action::Send), Constraint::Action, "S3 has no such action"),
        (Grant::copy(source(), "photos", "a").because(why()), Constraint::Action, "presigned URL"),
        (Grant::upload_part("photos", "a", "u", 1).any_size(), Constraint::Resource, "presigned URL"),
        (Grant::abort("photos", "a", "u"), Constraint::Resource, "presigned URL"),
        (Grant::list_parts("photos", "a", "u"), Constraint::Resource, "presigned URL"),
        (Grant::send("123456789012/jobs").size(1..=9), Constraint::Size, "signed request"),
        (Grant::send("123456789012/jobs").sha256([0; 32]), Constraint::Checksum, "signed request"),
        (Grant::send("123456789012/jobs").content_type("a/b"), Constraint::ContentType, "objects only"),
    ] {
        // Not dropped when others are there, either.
        for grants in [vec![grant.clone()], vec![read(), grant.clone()]] {
            let Err(IssueError::NotEnforceable { constraint: found, form, instead: said }) = policy(grants) else {
                panic!("{grant:?}");
            };
            assert_eq!((found, form), (constraint, "a session policy"), "{grant:?}");
            assert!(said.contains(instead), "{said}");
        }
    }
}

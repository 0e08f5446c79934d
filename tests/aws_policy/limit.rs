//! Bounds in the words of IAM: the policy allows what the bounds permit, and nothing else.

use crate::{
    evaluate::{Asked, allows},
    region, why,
};
use proptest::{collection::vec, prelude::*, sample::select};
use valet_key::{
    aws::policy::SessionBounds,
    error::IssueError,
    grant::{Action, Actions, Classification, Constraint, Grant, Lifetime},
    policy::Bounds,
};

const BUCKETS: [&str; 3] = ["photos", "photo", "photos-2"];
const ACTIONS: [Action; 5] = [Action::Read, Action::Upload, Action::Delete, Action::List, Action::ListVersions];
const QUEUE: &str = "123456789012/jobs";

fn text(bounds: &Bounds) -> Result<String, IssueError> {
    SessionBounds::new(bounds, region("eu-west-1")).to_policy().map(|policy| policy.as_str().to_owned())
}

fn names() -> impl Strategy<Value = String> {
    let pieces = ["a", "b", "/", "*", "?", "$", "${aws:username}", "${*}", "\u{e9}"];
    vec(select(pieces.to_vec()), 1..5).prop_map(|pieces| pieces.concat())
}

fn bounds() -> impl Strategy<Value = (Bounds, Vec<String>)> {
    let actions = vec(select(ACTIONS.to_vec()), 1..4);
    let area = (0..4u8, select(BUCKETS.to_vec()), names(), actions);
    let addresses = vec(select(vec!["198.51.100.0/24", "198.51.100.5-198.51.101.1", "2001:db8::/32"]), 0..3);
    (vec(area, 1..4), addresses, any::<bool>()).prop_map(|(areas, addresses, plain)| {
        let (mut bounds, mut seen) = (Bounds::new(), Vec::new());
        for (kind, bucket, name, actions) in areas {
            let actions = actions.into_iter().map(Actions::from).reduce(|all, one| all | one).unwrap();
            bounds = match kind {
                0 => bounds.container(bucket, actions),
                1 => bounds.object(bucket, name.clone(), Actions::READ | Actions::UPLOAD).unwrap(),
                _ => bounds.under(bucket, format!("{name}/"), actions).unwrap(),
            };
            seen.push(name);
        }
        let bounds = addresses.into_iter().fold(bounds, |bounds, one| bounds.client_address(one).unwrap());
        (if plain { bounds.allow_plain_http(why()) } else { bounds }, seen)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn a_policy_allows_what_the_bounds_permit_and_nothing_else(
        (bounds, seen) in bounds(),
        at in any::<proptest::sample::Index>(),
        action in select(ACTIONS.to_vec()),
        bucket in select(BUCKETS.to_vec()),
        how in 0..5u8,
        other in names(),
        address in select(vec!["198.51.100.7", "198.51.101.1", "198.51.101.2", "2001:db8::9", "2001:db9::9"]),
        https in any::<bool>(),
    ) {
        let policy = match text(&bounds) {
            Ok(policy) => policy,
            Err(IssueError::TooLong { limit: 2048, .. }) => return Ok(()),
            Err(error) => panic!("{error}"),
        };
        let name = match how {
            0 => at.get(&seen).clone(),
            1 => format!("{}/{other}", at.get(&seen)),
            2 => format!("{}/", at.get(&seen)),
            3 => format!("{}{other}", at.get(&seen)),
            _ => other,
        };
        let (word, grant) = match action {
            Action::Read => ("s3:GetObject", Grant::read(bucket, &name)),
            Action::Upload => ("s3:PutObject", Grant::upload(bucket, &name)),
            Action::Delete => ("s3:DeleteObject", Grant::delete(bucket, &name)),
            Action::List => ("s3:ListBucket", Grant::list(bucket, &name).because(why())),
            _ => ("s3:ListBucketVersions", Grant::list_versions(bucket, &name).because(why())),
        };
        let lists = matches!(action, Action::List | Action::ListVersions);
        let arn = if lists { format!("arn:aws:s3:::{bucket}") } else { format!("arn:aws:s3:::{bucket}/{name}") };
        let asked = Asked::new(word, arn).with("aws:SourceIp", address).with("aws:SecureTransport", https.to_string());
        let asked = if lists { asked.with("s3:prefix", &name) } else { asked };
        let permitted = bounds.permits(&grant.client_address(address).lives(Lifetime::minutes(5).unwrap())).is_allowed()
            && (https || bounds.permits_plain_http().is_allowed());
        prop_assert_eq!(allows(&policy, &asked), permitted, "{} {:?}", policy, asked);
    }
}

#[test]
fn a_whole_bucket_is_listed_without_a_prefix_too() {
    let list = |bounds: Bounds| bounds.container("photos", Actions::LIST);
    let all = text(&list(Bounds::new())).unwrap();
    let asked = Asked::new("s3:ListBucket", "arn:aws:s3:::photos");
    assert!(allows(&all, &asked) && allows(&all, &asked.clone().with("s3:prefix", "42/")));
    // A prefix beside it takes nothing away.
    let both = text(&list(Bounds::new().under("photos", "42/", Actions::LIST).unwrap())).unwrap();
    assert_eq!(both, all);
    assert!(!allows(&all, &Asked::new("s3:GetObject", "arn:aws:s3:::photos/42/a")));
}

#[test]
fn urls_are_no_older_than_the_longest_cap() {
    let read = Bounds::new().container("photos", Actions::READ);
    let age = |bounds: &Bounds, milliseconds: u64| {
        let asked = Asked::new("s3:GetObject", "arn:aws:s3:::photos/a");
        allows(&text(bounds).unwrap(), &asked.with("s3:signatureAge", milliseconds.to_string()))
    };
    for (bounds, seconds) in [
        (read.clone(), 3600),
        (read.clone().at_least(Classification::Confidential), 900),
        (read.clone().cap(Classification::Public, Lifetime::minutes(20).unwrap()), 1800),
        (read.cap_because(Classification::Pii, Lifetime::from_seconds(900_000).unwrap(), why()), 604_800),
    ] {
        assert!(age(&bounds, seconds * 1000) && !age(&bounds, seconds * 1000 + 1), "{seconds}");
    }
}

#[test]
fn a_limit_without_words_is_refused_or_given_up_with_a_reason() {
    let photos = |actions: Actions| Bounds::new().container("photos", actions);
    let queue = Bounds::new().container(QUEUE, Action::Send);
    for (bounds, constraint) in [
        (photos(Actions::UPLOAD).largest_upload(9), Constraint::Size),
        (photos(Actions::UPLOAD).content_type("image/png"), Constraint::ContentType),
        (queue.clone(), Constraint::Lifetime),
    ] {
        let refused = text(&bounds).unwrap_err();
        assert!(
            matches!(refused, IssueError::NotEnforceable { constraint: found, .. } if found == constraint),
            "{refused}"
        );
        let given_up = SessionBounds::new(&bounds, region("eu-west-1")).unenforced(constraint, why());
        assert!(given_up.to_policy().is_ok());
        assert_eq!(given_up.given_up(), [(constraint, why())]);
        let other = SessionBounds::new(&bounds, region("eu-west-1")).unenforced(Constraint::Checksum, why());
        assert!(other.to_policy().is_err());
    }
    assert!(
        text(&photos(Actions::READ).largest_upload(9).content_type("image/png")).is_ok(),
        "it is not about reading"
    );
    assert!(matches!(text(&photos(Action::Append.into())), Err(IssueError::NotEnforceable { .. })));
    let open = SessionBounds::new(&queue, region("eu-west-1")).unenforced(Constraint::Lifetime, why());
    let open = open.to_policy().unwrap();
    let arn = "arn:aws:sqs:eu-west-1:123456789012:jobs";
    assert!(allows(open.as_str(), &Asked::new("sqs:SendMessage", arn)));
    assert!(!allows(open.as_str(), &Asked::new("sqs:ReceiveMessage", arn)));
    assert!(!open.as_str().contains("Deny"), "nothing of S3 has an age here");
    // What is given up for a queue still holds for the objects beside it.
    let both = queue.container("photos", Actions::READ).at_least(Classification::Pii);
    let both = SessionBounds::new(&both, region("eu-west-1")).unenforced(Constraint::Lifetime, why()).to_policy();
    let both = both.unwrap();
    let object = |age| {
        let asked = Asked::new("s3:GetObject", "arn:aws:s3:::photos/a").with("s3:signatureAge", age);
        allows(both.as_str(), &asked)
    };
    assert!(object("300000") && !object("300001"));
    assert!(allows(both.as_str(), &Asked::new("sqs:SendMessage", arn)));
    let far = photos(Actions::READ).client_address("10.0.0.0/8").unwrap();
    for nothing in [Bounds::new(), far.narrow(&photos(Actions::READ).client_address("192.0.2.1").unwrap())] {
        assert!(matches!(text(&nothing), Err(IssueError::Invalid { .. })));
    }
}

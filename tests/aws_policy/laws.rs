//! What holds for all grants: the policy allows what they say, and nothing else.

use crate::{
    evaluate::{Asked, allows},
    policy, session, why,
};
use proptest::prelude::*;
use valet_key::{
    error::IssueError,
    grant::{Action, Actions, Grant, Lifetime},
};

/// A grant in words that a test can decide by.
#[derive(Clone, Debug)]
struct Wish {
    action: Action,
    bucket: &'static str,
    /// Of an object, or a prefix without its `/`.
    name: String,
    is_prefix: bool,
    version: Option<String>,
    network: Option<&'static str>,
    minutes: u16,
}

const ACTIONS: [Action; 8] = [
    Action::Read,
    Action::Upload,
    Action::Create,
    Action::Delete,
    Action::ReadTags,
    Action::WriteTags,
    Action::List,
    Action::ListVersions,
];
const BUCKETS: [&str; 3] = ["photos", "photo", "photos-2"];

impl Wish {
    fn lists(&self) -> bool {
        matches!(self.action, Action::List | Action::ListVersions)
    }

    fn grant(&self) -> Grant {
        let (bucket, name) = (self.bucket, self.name.as_str());
        let grant = if self.is_prefix {
            Grant::under(bucket, format!("{name}/"), Actions::from(self.action)).because(why())
        } else {
            let grant = match self.action {
                Action::Read => Grant::read(bucket, name),
                Action::Upload => Grant::upload(bucket, name),
                Action::Create => Grant::create(bucket, name),
                Action::Delete => Grant::delete(bucket, name),
                Action::ReadTags => Grant::read_tags(bucket, name),
                _ => Grant::write_tags(bucket, name),
            };
            self.version.iter().fold(grant, Grant::version)
        };
        let grant = grant.any_size().any_content_type().lives(Lifetime::minutes(self.minutes).unwrap());
        self.network.into_iter().fold(grant, Grant::client_address)
    }

    /// Whether the grant is for this request.
    fn covers(&self, request: &Sent) -> bool {
        let named = if self.is_prefix {
            request.name.strip_prefix(self.name.as_str()).is_some_and(|rest| rest.starts_with('/'))
        } else {
            request.name == self.name
        };
        let action = match (self.action, request.action) {
            (Action::Upload, Action::Create) => true,
            (granted, sent) => granted == sent,
        };
        let address = match self.network {
            None => true,
            Some("198.51.100.0/24") => request.address.starts_with("198.51.100."),
            Some("2001:db8::/32") => request.address.starts_with("2001:db8:"),
            Some(other) => panic!("{other}"),
        };
        let in_time = request.minute <= self.minutes;
        action
            && named
            && address
            && in_time
            && request.https
            && self.bucket == request.bucket
            && (self.lists() || self.version == request.version)
    }
}

/// A request as a client sends it; a listing has its prefix for a name.
#[derive(Clone, Debug)]
struct Sent {
    action: Action,
    bucket: &'static str,
    name: String,
    version: Option<String>,
    address: &'static str,
    https: bool,
    minute: u16,
}

impl Sent {
    /// In the words of the Service Authorization Reference.
    fn asked(&self) -> Asked {
        let versioned = self.version.is_some();
        let action = match (self.action, versioned) {
            (Action::Read, false) => "s3:GetObject",
            (Action::Read, true) => "s3:GetObjectVersion",
            (Action::Upload | Action::Create, _) => "s3:PutObject",
            (Action::Delete, false) => "s3:DeleteObject",
            (Action::Delete, true) => "s3:DeleteObjectVersion",
            (Action::ReadTags, false) => "s3:GetObjectTagging",
            (Action::ReadTags, true) => "s3:GetObjectVersionTagging",
            (Action::WriteTags, false) => "s3:PutObjectTagging",
            (Action::WriteTags, true) => "s3:PutObjectVersionTagging",
            (Action::List, _) => "s3:ListBucket",
            (Action::ListVersions, _) => "s3:ListBucketVersions",
            (other, _) => panic!("{other}"),
        };
        let lists = matches!(self.action, Action::List | Action::ListVersions);
        let object = if lists { String::new() } else { format!("/{}", self.name) };
        let asked = Asked::new(action, format!("arn:aws:s3:::{}{object}", self.bucket))
            .with("aws:SecureTransport", self.https.to_string())
            .with("aws:SourceIp", self.address)
            .with("aws:CurrentTime", format!("2026-11-24T12:{:02}:00Z", self.minute));
        let asked = if lists { asked.with("s3:prefix", &self.name) } else { asked };
        let asked = self.version.iter().fold(asked, |asked, id| asked.with("s3:versionid", id));
        if self.action == Action::Create { asked.with("s3:if-none-match", "*") } else { asked }
    }
}

/// Text in which what IAM gives a meaning to is frequent.
fn names() -> impl Strategy<Value = String> {
    let pieces = [
        "a",
        "b",
        "/",
        "*",
        "?",
        "$",
        "{",
        "}",
        "${aws:username}",
        "${*}",
        "${",
        "\u{e9}",
        "\u{1f512}",
        "\"",
        "\\",
        ":",
        "\u{7}",
        " ",
        "%2F",
    ];
    proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 1..5).prop_map(|pieces| pieces.concat())
}

fn wishes() -> impl Strategy<Value = Wish> {
    let version = proptest::option::weighted(0.3, names().prop_filter("an id is visible", |id| !id.contains('\u{7}')));
    let network = proptest::option::of(proptest::sample::select(vec!["198.51.100.0/24", "2001:db8::/32"]));
    let (action, bucket) = (proptest::sample::select(ACTIONS.to_vec()), proptest::sample::select(BUCKETS.to_vec()));
    (action, bucket, names(), any::<bool>(), version, network, 1..=15u16).prop_map(
        |(action, bucket, name, is_prefix, version, network, minutes)| {
            let is_prefix = is_prefix || matches!(action, Action::List | Action::ListVersions);
            let names_one = !(is_prefix || matches!(action, Action::Upload | Action::Create));
            Wish { action, bucket, name, is_prefix, version: version.filter(|_| names_one), network, minutes }
        },
    )
}

/// How a request differs from what was granted; most of the time in one thing or not at all.
fn near(wish: &Wish, how: usize, other: &Wish, text: &str) -> Sent {
    let name = if wish.is_prefix { format!("{}/{text}", wish.name) } else { wish.name.clone() };
    let mut sent = Sent {
        action: wish.action,
        bucket: wish.bucket,
        name,
        version: wish.version.clone(),
        address: if wish.network == Some("2001:db8::/32") { "2001:db8::7" } else { "198.51.100.7" },
        https: true,
        minute: wish.minutes,
    };
    match how {
        0 => sent.action = other.action,
        1 => sent.bucket = other.bucket,
        2 => sent.name.clone_from(&other.name),
        3 => sent.name.push_str(text),
        4 => text.clone_into(&mut sent.name),
        // What an unescaped name would match.
        5 => sent.name = sent.name.replace('*', text),
        6 => sent.name = sent.name.replace('?', "b"),
        7 => sent.name = sent.name.replace("${aws:username}", "a"),
        8 => sent.name = sent.name.replace("${*}", "*").replace("${$}", "$"),
        9 => sent.version.clone_from(&other.version),
        10 => sent.address = "203.0.113.7",
        11 => sent.address = "2001:db9::7",
        12 => sent.https = false,
        13 => sent.minute += 1,
        14 => sent.name.clone_from(&wish.name),
        _ => {}
    }
    if matches!(sent.action, Action::Upload | Action::Create | Action::List | Action::ListVersions) {
        sent.version = None;
    }
    sent
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_policy_allows_its_grants_and_nothing_else(
        wishes in proptest::collection::vec(wishes(), 1..5),
        how in 0..20usize,
        of in any::<proptest::sample::Index>(),
        other in wishes(),
        text in names(),
    ) {
        match policy(wishes.iter().map(Wish::grant)) {
            Ok(policy) => {
                let sent = near(of.get(&wishes), how, &other, &text);
                let covered = wishes.iter().any(|wish| wish.covers(&sent));
                prop_assert!(covered || how < 15, "it is what was granted");
                prop_assert_eq!(allows(policy.as_str(), &sent.asked()), covered, "{} {:?}", policy.as_str(), sent);
            }
            Err(IssueError::TooLong { found, limit, .. }) => prop_assert!(found > limit && limit == 2048),
            Err(error) => prop_assert!(false, "{}", error),
        }
    }

    #[test]
    fn the_order_and_number_of_grants_does_not_matter(wishes in proptest::collection::vec(wishes(), 1..5)) {
        let forth = policy(wishes.iter().map(Wish::grant));
        let back = policy(wishes.iter().rev().chain(&wishes).map(Wish::grant));
        prop_assert_eq!(forth, back);
    }

    #[test]
    fn a_guard_of_signatures_narrows_only(wish in wishes(), how in 0..20usize, other in wishes(), age in 0..1_200_000u64) {
        let open = policy([wish.grant()]).unwrap();
        let guarded = session([wish.grant()]).signed_within(Lifetime::minutes(10).unwrap());
        let guarded = guarded.to_policy(crate::now()).unwrap();
        let asked = near(&wish, how, &other, "x").asked();
        let signed = asked.clone().with("s3:signatureAge", age.to_string());
        let was = allows(open.as_str(), &asked);
        prop_assert_eq!(allows(guarded.as_str(), &asked), was, "a request that is signed in its headers has no age");
        prop_assert_eq!(allows(guarded.as_str(), &signed), was && age <= 600_000);
    }
}

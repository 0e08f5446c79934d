#![cfg(feature = "gcs")]
//! Credential access boundaries from grants, held against a reader of their conditions that shares no code with their writer.

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::Value;
use valet_key::{
    clock::Timestamp,
    error::IssueError,
    gcs::AccessBoundary,
    grant::{Action, Actions, Classification, Constraint, Grant, Justification, Lifetime},
    policy::Bounds,
};

fn boundary(grants: &[Grant]) -> Result<String, IssueError> {
    let now = Timestamp::from_unix(1_700_000_000).unwrap();
    AccessBoundary::new(grants, now, now.saturating_add(900)).map(|boundary| boundary.to_json())
}

/// What Cloud Storage looks at.
struct Asked {
    bucket: &'static str,
    permission: &'static str,
    /// Of an object; a listing is of the bucket.
    name: Option<String>,
    list_prefix: String,
}

/// Reads one CEL text in single quotes from the start, and what stands behind it.
fn text(rest: &str) -> (String, &str) {
    let mut chars = rest.strip_prefix('\'').expect("a text").char_indices();
    let mut text = String::new();
    while let Some((at, c)) = chars.next() {
        match c {
            '\'' => return (text, &rest[at + 2..]),
            '\\' => match chars.next().expect("an escape").1 {
                'u' => {
                    let code: String = chars.by_ref().take(4).map(|(_, digit)| digit).collect();
                    text.push(char::from_u32(u32::from_str_radix(&code, 16).unwrap()).unwrap());
                }
                c @ ('\'' | '\\') => text.push(c),
                other => panic!("unknown escape {other}"),
            },
            c => text.push(c),
        }
    }
    panic!("the text does not end: {rest}")
}

fn holds(expression: &str, asked: &Asked) -> bool {
    let resource = match &asked.name {
        Some(name) => format!("projects/_/buckets/{}/objects/{name}", asked.bucket),
        None => format!("projects/_/buckets/{}", asked.bucket),
    };
    let (mut rest, mut any) = (expression, false);
    loop {
        let (test, wanted, behind): (&dyn Fn(&str) -> bool, _, _) =
            if let Some(equal) = rest.strip_prefix("resource.name == ") {
                let (wanted, behind) = text(equal);
                (&|wanted| resource == wanted, wanted, behind)
            } else if let Some(start) = rest.strip_prefix("resource.name.startsWith(") {
                let (wanted, behind) = text(start);
                (&|wanted| resource.starts_with(wanted), wanted, behind.strip_prefix(')').unwrap())
            } else {
                let listed = "api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith(";
                let (wanted, behind) = text(rest.strip_prefix(listed).expect("a known condition"));
                (&|wanted| asked.list_prefix.starts_with(wanted), wanted, behind.strip_prefix(')').unwrap())
            };
        any |= test(&wanted);
        match behind.strip_prefix(" || ") {
            Some(next) => rest = next,
            None if behind.is_empty() => return any,
            None => panic!("something behind a condition: {behind}"),
        }
    }
}

/// Whether a token with this boundary may do that, if its source may.
fn allows(json: &str, asked: &Asked) -> bool {
    let json: Value = serde_json::from_str(json).unwrap();
    let rules = json["accessBoundary"]["accessBoundaryRules"].as_array().unwrap();
    assert!((1..=10).contains(&rules.len()));
    rules.iter().any(|rule| {
        let expression = rule["availabilityCondition"]["expression"].as_str().unwrap();
        let gives = rule["availablePermissions"].as_array().unwrap().iter().any(|role| match role.as_str().unwrap() {
            "inRole:roles/storage.objectViewer" => ["get", "list"].contains(&asked.permission),
            "inRole:roles/storage.objectCreator" => asked.permission == "create",
            other => panic!("unknown role {other}"),
        });
        let bucket = format!("//storage.googleapis.com/projects/_/buckets/{}", asked.bucket);
        gives && rule["availableResource"] == bucket && holds(expression, asked)
    })
}

const BUCKETS: [&str; 3] = ["photos", "photo", "photos-2"];

#[derive(Clone, Debug)]
struct Wish {
    bucket: &'static str,
    name: String,
    is_prefix: bool,
    actions: Vec<Action>,
}

impl Wish {
    fn grant(&self) -> Grant {
        let grant = if self.is_prefix {
            let all = self.actions.iter().map(|action| Actions::from(*action)).reduce(|all, one| all | one).unwrap();
            Grant::under(self.bucket, format!("{}/", self.name), all).because(Justification::new("a test").unwrap())
        } else if self.actions[0] == Action::Create {
            Grant::create(self.bucket, &self.name)
        } else {
            Grant::read(self.bucket, &self.name)
        };
        grant.any_size().any_content_type()
    }

    fn does(&self, action: Action) -> bool {
        if self.is_prefix {
            return self.actions.contains(&action);
        }
        if self.actions[0] == Action::Create { action == Action::Create } else { action == Action::Read }
    }

    fn covers(&self, asked: &Asked) -> bool {
        let (action, name) = match asked.permission {
            "get" => (Action::Read, asked.name.as_deref().unwrap()),
            "create" => (Action::Create, asked.name.as_deref().unwrap()),
            _ => (Action::List, asked.list_prefix.as_str()),
        };
        let named = if self.is_prefix {
            name.strip_prefix(self.name.as_str()).is_some_and(|rest| rest.starts_with('/'))
        } else {
            name == self.name
        };
        self.does(action) && named && self.bucket == asked.bucket
    }
}

fn names() -> impl Strategy<Value = String> {
    let pieces = ["a", "b", "/", "'", "\\", "') || ('", " || ", "\u{7}", "\u{e9}", "objects/", "${a}", "*"];
    vec(select(pieces.to_vec()), 1..4).prop_map(|pieces| pieces.concat())
}

fn wishes() -> impl Strategy<Value = Wish> {
    let actions = vec(select(vec![Action::Read, Action::Create, Action::List]), 1..3);
    (select(BUCKETS.to_vec()), names(), any::<bool>(), actions).prop_map(|(bucket, name, is_prefix, actions)| Wish {
        bucket,
        name,
        is_prefix,
        actions,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn a_boundary_allows_its_grants_and_nothing_else(
        wishes in vec(wishes(), 1..20),
        of in any::<proptest::sample::Index>(),
        permission in select(vec!["get", "create", "list"]),
        bucket in select(BUCKETS.to_vec()),
        own_bucket in any::<bool>(),
        how in 0..4u8,
        other in names(),
    ) {
        let grants: Vec<Grant> = wishes.iter().map(Wish::grant).collect();
        let json = boundary(&grants).unwrap();
        let wish = of.get(&wishes);
        let name = match how {
            0 => wish.name.clone(),
            1 => format!("{}/{other}", wish.name),
            2 => format!("{}{other}", wish.name),
            _ => other,
        };
        let is_list = permission == "list";
        let asked = Asked {
            bucket: if own_bucket { wish.bucket } else { bucket },
            permission,
            name: (!is_list).then(|| name.clone()),
            list_prefix: if is_list { name } else { String::new() },
        };
        let covered = wishes.iter().any(|wish| wish.covers(&asked));
        prop_assert_eq!(allows(&json, &asked), covered, "{}", json);
    }
}

fn within(bounds: &Bounds) -> Result<String, IssueError> {
    let now = Timestamp::from_unix(1_700_000_000).unwrap();
    AccessBoundary::within(bounds, now, now.saturating_add(3600)).map(|boundary| boundary.to_json())
}

fn areas() -> impl Strategy<Value = Bounds> {
    let actions = vec(select(vec![Action::Read, Action::Create, Action::List]), 1..3);
    vec((0..4u8, select(BUCKETS.to_vec()), names(), actions), 1..8).prop_map(|areas| {
        areas.into_iter().fold(Bounds::new(), |bounds, (kind, bucket, name, actions)| {
            let actions = actions.into_iter().map(Actions::from).reduce(|all, one| all | one).unwrap();
            match kind {
                0 => bounds.container(bucket, Actions::READ | actions),
                1 => bounds.object(bucket, name, Actions::READ | Actions::from(Action::Create)).unwrap(),
                _ => bounds.under(bucket, format!("{name}/"), actions).unwrap(),
            }
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_boundary_allows_what_the_bounds_permit_and_nothing_else(
        bounds in areas(),
        permission in select(vec!["get", "create", "list"]),
        bucket in select(BUCKETS.to_vec()),
        name in names(),
        tail in names(),
    ) {
        let json = within(&bounds).unwrap();
        for name in [name.clone(), format!("{name}/"), format!("{name}/{tail}"), format!("{name}{tail}")] {
            let is_list = permission == "list";
            let grant = match permission {
                "get" => Grant::read(bucket, &name),
                "create" => Grant::create(bucket, &name),
                _ => Grant::list(bucket, &name).because(Justification::new("a test").unwrap()),
            };
            let asked = Asked {
                bucket,
                permission,
                name: (!is_list).then(|| name.clone()),
                list_prefix: if is_list { name } else { String::new() },
            };
            prop_assert_eq!(allows(&json, &asked), bounds.permits(&grant).is_allowed(), "{} {:?}", json, grant);
        }
    }
}

#[test]
fn a_limit_of_the_bounds_that_no_boundary_has_is_refused() {
    let read = || Bounds::new().container("photos", Actions::READ);
    let create = || Bounds::new().container("photos", Action::Create);
    for (bounds, constraint) in [
        (create().largest_upload(9), Constraint::Size),
        (create().content_type("image/png"), Constraint::ContentType),
        (read().client_address("198.51.100.7").unwrap(), Constraint::ClientAddress),
        (read().at_least(Classification::Internal), Constraint::Lifetime),
        (read().cap(Classification::Public, Lifetime::minutes(5).unwrap()), Constraint::Lifetime),
        (read().container("photos", Action::Delete), Constraint::Action),
        (Bounds::new().container("photos", Actions::LIST), Constraint::Resource),
        (Bounds::new().object("photos", "a", Actions::LIST).unwrap(), Constraint::Resource),
    ] {
        let refused = within(&bounds).unwrap_err();
        assert!(
            matches!(refused, IssueError::NotEnforceable { constraint: found, .. } if found == constraint),
            "{refused}"
        );
    }
    assert!(within(&read().largest_upload(9).content_type("image/png")).is_ok(), "it is not about reading");
    for bounds in [Bounds::new(), Bounds::new().container("Photos", Actions::READ)] {
        assert!(matches!(within(&bounds), Err(IssueError::Invalid { .. })));
    }
}

#[test]
fn grants_for_one_bucket_share_rules() {
    let count = |grants: &[Grant]| boundary(grants).unwrap().matches("availableResource").count();
    let read = |at: usize| Grant::read("photos", format!("{at}"));
    let reads = |many: usize| (0..many).map(read).collect::<Vec<_>>();
    assert_eq!((count(&reads(13)), count(&reads(14)), count(&reads(130))), (1, 2, 10));
    let over = boundary(&reads(131)).unwrap_err();
    assert_eq!(over, IssueError::TooLong { what: "the rules of an access boundary", found: 11, limit: 10 });
    let create = |at: usize| Grant::create("photos", format!("{at}")).any_size().any_content_type();
    assert_eq!(count(&[read(1), create(1), read(1)]), 1);
    // One rule would allow to create what is only read.
    assert_eq!(count(&[read(1), create(1), read(2)]), 2);
}

#[test]
fn what_only_lists_reads_nothing() {
    let list = boundary(&[Grant::list("photos", "42/").because(Justification::new("a test").unwrap())]).unwrap();
    let asked = |permission, name: Option<&str>, prefix: &str| Asked {
        bucket: "photos",
        permission,
        name: name.map(str::to_owned),
        list_prefix: prefix.to_owned(),
    };
    assert!(allows(&list, &asked("list", None, "42/")) && allows(&list, &asked("list", None, "42/a")));
    assert!(!allows(&list, &asked("list", None, "")) && !allows(&list, &asked("list", None, "421/")));
    assert!(!allows(&list, &asked("get", Some("42/a"), "")));
}

//! A plan and issuing agree: cell by cell, and for any grant.

use crate::{
    issue::{Token, issue},
    why,
    wish::{ABOUT, ASKS, About, Ask, Wish, any_wish},
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use valet_key::{
    error::IssueError,
    grant::{
        Classification, Constraint, Encryption, Grant, Lifetime, ResponseHeader,
        plan::{Enforcement, Form, Plan, Provider, Row},
    },
};

/// Parameters that belong to the signature and to the key, and that no grant asks for.
const OF_THE_SIGNER: [&str; 27] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Region-Set",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Goog-Algorithm",
    "X-Goog-Credential",
    "X-Goog-SignedHeaders",
    "X-Goog-Signature",
    "X-Goog-Date",
    "sv",
    "sig",
    "skn",
    "skoid",
    "sktid",
    "skt",
    "ske",
    "sks",
    "skv",
    "srh",
    // What sending or receiving a message consists of.
    "Version",
    "Action",
    "MessageBody",
    // How Data Lake Storage lists a directory, whose name is signed with the token.
    "directory",
    "resource",
];
const MORE: [&str; 2] = ["recursive", "versionid"];

/// Why the two differ, if they do.
fn difference(form: Form, wish: &Wish) -> Result<(), String> {
    let grant = wish.grant(form);
    let plan = grant.plan(form);
    let differs = |what: String| Err(format!("{form}, {wish:?}: {what}\n{plan}"));
    match issue(form, wish.about, &grant) {
        Ok(token) if plan.is_enforceable() => missing(&plan, &token).map_or(Ok(()), differs),
        Ok(_) => differs("issued, and the plan refuses it".to_owned()),
        Err(IssueError::NotEnforceable { constraint, instead, form: named }) => {
            if *plan.row(constraint).enforcement() != (Enforcement::Cannot { instead }) {
                return differs(format!("{named} cannot enforce {constraint}, {instead}"));
            }
            // What signs with SigV4a or which key of Azure signs is not known when a grant is lowered.
            let shared = ["an S3 presigned URL", "a shared access signature"];
            if named != form.name() && !(shared.contains(&named)) {
                return differs(format!("the error names {named}"));
            }
            Ok(())
        }
        // How long each service allows is no matter of its form.
        Err(IssueError::LifetimeTooLong { .. }) if form == Form::SqsRequest && wish.has(Ask::OneHour) => Ok(()),
        Err(error) => differs(format!("failed with {error}")),
    }
}

/// What the plan says of a token and is not there, or what is there and the plan does not say.
fn missing(plan: &Plan, token: &Token) -> Option<String> {
    let (headers, params, policy) = (token.headers(), token.params(), token.policy());
    for row in plan.rows() {
        for name in row.wire_names() {
            let found = match row.enforcement() {
                Enforcement::SignedHeader => headers.iter().any(|header| header == name),
                Enforcement::SignedParameter => params.iter().any(|param| param == name),
                Enforcement::PolicyCondition | Enforcement::SessionPolicy => {
                    // A policy of a session says when it ends only if that is sooner than the session does.
                    policy.contains(name) || row.constraint() == Constraint::Lifetime
                }
                Enforcement::SignedPermission => policy.contains(name) || params.iter().any(|param| param == name),
                Enforcement::SignedRequest => true,
                other => return Some(format!("{other} has a name on the wire: {name}")),
            };
            if !found {
                return Some(format!("{} says `{name}`, which is not there", row.constraint()));
            }
        }
    }
    let said: BTreeSet<String> = plan.rows().flat_map(Row::wire_names).map(str::to_ascii_lowercase).collect();
    let own = ["x-amz-date", "x-amz-content-sha256", "authorization", "x-ms-blob-type"];
    let stray = headers.iter().find(|name| !own.contains(&name.as_str()) && !said.contains(*name));
    let known = |name: &&String| OF_THE_SIGNER.contains(&name.as_str()) || MORE.contains(&name.as_str());
    let stray = stray.or(params.iter().find(|name| !known(name) && !said.contains(&name.to_ascii_lowercase())));
    stray.map(|name| format!("`{name}` is there, and no row says so"))
}

#[test]
fn each_cell_is_what_issuing_does() {
    let (mut differences, mut cells, mut refused) = (Vec::new(), 0, 0);
    for form in Form::ALL {
        for about in ABOUT {
            let mut check = |wish: &Wish| {
                cells += 1;
                refused += usize::from(!wish.grant(*form).plan(*form).is_enforceable());
                differences.extend(difference(*form, wish).err());
            };
            check(&Wish::new(about, &[]));
            for ask in ASKS {
                check(&Wish::new(about, &[ask]));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
    // Neither side of it is empty.
    assert!(refused > 100 && cells - refused > 100, "{refused} of {cells}");
}

#[test]
fn nothing_asked_for_is_left_to_chance() {
    // What stands beside a token is named here, so that a constraint that is dropped by mistake is not taken for it.
    let mut beside = BTreeSet::new();
    for form in Form::ALL {
        for about in ABOUT {
            for ask in ASKS {
                for row in Wish::new(about, &[ask]).grant(*form).plan(*form).rows() {
                    if matches!(row.enforcement(), Enforcement::Beside(_)) {
                        beside.insert((form.provider(), row.constraint(), *form));
                    }
                    let empty =
                        matches!(row.enforcement(), Enforcement::Cannot { instead } if instead.contains("no mark"));
                    assert!(!empty, "{form}, {about:?}, {ask:?}: {row}");
                }
            }
        }
    }
    let expected = [
        (Provider::Aws, Constraint::Action, Form::CloudFrontPolicy),
        (Provider::Aws, Constraint::HttpsOnly, Form::S3PresignedUrl),
        (Provider::Aws, Constraint::HttpsOnly, Form::S3SignedHeaders),
        (Provider::Aws, Constraint::HttpsOnly, Form::S3SigV4aUrl),
        (Provider::Aws, Constraint::HttpsOnly, Form::S3PostPolicy),
        (Provider::Aws, Constraint::HttpsOnly, Form::SqsRequest),
        (Provider::Gcs, Constraint::Encryption, Form::GcsSignedUrl),
        (Provider::Gcs, Constraint::Encryption, Form::GcsResumableStart),
        (Provider::Gcs, Constraint::Encryption, Form::GcsPostPolicy),
        (Provider::Gcs, Constraint::HttpsOnly, Form::GcsSignedUrl),
        (Provider::Gcs, Constraint::HttpsOnly, Form::GcsResumableStart),
        (Provider::Gcs, Constraint::HttpsOnly, Form::GcsPostPolicy),
        (Provider::Gcs, Constraint::HttpsOnly, Form::GcsAccessBoundary),
        (Provider::Gcs, Constraint::Lifetime, Form::GcsAccessBoundary),
        (Provider::Azure, Constraint::Action, Form::AzureMessagingToken),
        (Provider::Azure, Constraint::Encryption, Form::AzureServiceSas),
        (Provider::Azure, Constraint::Encryption, Form::AzureDelegationSas),
        (Provider::Azure, Constraint::HttpsOnly, Form::AzureMessagingToken),
    ];
    assert_eq!(beside, expected.into());
}

/// Which forms a text names.
fn named(instead: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    for (words, named) in [
        ("presigned URL", &[Form::S3PresignedUrl, Form::S3SignedHeaders, Form::S3SigV4aUrl][..]),
        ("URL binds", &[Form::S3PresignedUrl]),
        ("S3 POST policy", &[Form::S3PostPolicy]),
        ("a POST policy", &[Form::S3PostPolicy, Form::GcsPostPolicy]),
        ("session policy", &[Form::SessionPolicy]),
        ("signed request", &[Form::SqsRequest]),
        ("a signed URL", &[Form::GcsSignedUrl]),
        ("downscoped token", &[Form::GcsAccessBoundary]),
        ("user delegation SAS", &[Form::AzureDelegationSas]),
        ("UrlRequest::resumable", &[Form::GcsResumableStart]),
    ] {
        if instead.contains(words) {
            forms.extend(named);
        }
    }
    forms
}

/// Whether a form leaves the constraint to something beside the token, for all that it is about.
pub(crate) fn stands_beside(form: Form, constraint: Constraint) -> bool {
    let wishes = ABOUT.iter().flat_map(|about| ASKS.iter().map(|ask| Wish::new(*about, &[*ask])));
    let plans = wishes.map(|wish| wish.grant(form).plan(form)).filter(Plan::is_enforceable);
    let how: BTreeSet<Enforcement> = plans.map(|plan| plan.row(constraint).enforcement().clone()).collect();
    how.iter().all(|how| matches!(how, Enforcement::Beside(_) | Enforcement::NotAsked))
}

/// The constraints that a form carries for any action.
pub(crate) fn carried(form: Form) -> BTreeSet<Constraint> {
    let wishes = ABOUT.iter().flat_map(|about| ASKS.iter().map(|ask| Wish::new(*about, &[*ask])));
    let plans = wishes.map(|wish| wish.grant(form).plan(form));
    let rows = plans.flat_map(|plan| plan.rows().cloned().collect::<Vec<_>>());
    let carries = |how: &Enforcement| !how.is_refusal() && *how != Enforcement::NotAsked;
    rows.filter(|row| carries(row.enforcement())).map(|row| row.constraint()).collect()
}

#[test]
fn what_an_error_recommends_can_do_it() {
    let carried: BTreeMap<Form, BTreeSet<Constraint>> = Form::ALL.iter().map(|form| (*form, carried(*form))).collect();
    let (mut surprises, mut recommended) = (BTreeSet::new(), BTreeSet::new());
    for form in Form::ALL {
        let of_provider = |other: &Form| other.provider() == form.provider();
        for wish in ABOUT.iter().flat_map(|about| ASKS.iter().map(|ask| Wish::new(*about, &[*ask]))) {
            let grant = wish.grant(*form);
            for row in grant.plan(*form).refusals() {
                let Enforcement::Cannot { instead } = row.enforcement() else { continue };
                let named: Vec<Form> = named(instead).into_iter().filter(of_provider).collect();
                if !named.is_empty() && !named.iter().any(|it| carried[it].contains(&row.constraint())) {
                    surprises.insert(format!("{form}: {row}: none of {named:?} can"));
                }
                let works: Vec<Form> = grant.forms_that_carry(row.constraint()).filter(of_provider).collect();
                if instead.contains("gateway") && named.is_empty() && !works.is_empty() {
                    surprises.insert(format!("{form}, {wish:?}: {row}: {works:?} can"));
                }
                recommended.extend(named);
            }
        }
    }
    let surprises: Vec<String> = surprises.into_iter().collect();
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    assert!(recommended.len() >= 8, "{recommended:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_plan_and_issuing_agree(wish in any_wish()) {
        for form in Form::ALL {
            prop_assert_eq!(difference(*form, &wish), Ok(()));
            // And where everything fits, for as long as something is left of it.
            prop_assert_eq!(difference(*form, &wish.clone().fitted(*form)), Ok(()));
        }
    }
}

#[test]
fn an_upload_says_how_it_is_bound() {
    let wish = Wish::new(About::Upload, &[Ask::ExactType, Ask::SizeRange]);
    let plan = wish.grant(Form::S3PostPolicy).plan(Form::S3PostPolicy);
    let shown = plan.to_string();
    assert_eq!(
        shown,
        "an S3 POST policy\n  \
           action            signed request `POST`\n  \
           resource          policy condition `bucket`, `key`\n  \
           content type      policy condition `Content-Type`\n  \
           size              policy condition `content-length-range`\n  \
           https only        beside the token: the URL is of HTTPS, which no signature covers\n  \
           lifetime          policy condition `expiration`"
    );
}

#[test]
fn an_empty_text_binds_nothing_and_is_refused() {
    let upload = || Grant::upload("media-uploads", "a").any_size().any_content_type().because(why());
    let read = || Grant::read("media-uploads", "a").because(why());
    for (empty, filled) in [
        (upload().content_type(""), upload().content_type("image/png")),
        (upload().content_type_prefix(""), upload().content_type_prefix("image/")),
        (
            upload().encrypted(Encryption::ManagedKey(String::new())),
            upload().encrypted(Encryption::ManagedKey("k".into())),
        ),
        (upload().storage_class(""), upload().storage_class("COOL")),
        (upload().request_id(""), upload().request_id(crate::wish::ID)),
        (
            read().response_header(ResponseHeader::CacheControl, ""),
            read().response_header(ResponseHeader::CacheControl, "no-store"),
        ),
    ] {
        let mut accepted = 0;
        for form in Form::ALL {
            let refused = issue(*form, About::Upload, &empty);
            assert!(refused.is_err(), "{form}, {empty:?}");
            accepted += usize::from(issue(*form, About::Upload, &filled).is_ok());
        }
        assert!(accepted > 0, "{filled:?}");
    }
}

#[test]
fn signed_headers_live_for_fifteen_minutes_and_no_grant_for_less_gets_them() {
    let read = || Grant::read("media-uploads", "a");
    let issued = |grant: &Grant| issue(Form::S3SignedHeaders, About::Read, grant).map(drop);
    let five = Lifetime::minutes(5).unwrap();
    let refused = issued(&read().lives(five)).unwrap_err();
    assert!(matches!(refused, IssueError::NotEnforceable { constraint: Constraint::Lifetime, .. }), "{refused}");
    let personal = issued(&read().classified(Classification::Pii)).unwrap_err();
    assert!(matches!(personal, IssueError::Unjustified { .. }), "{personal}");
    assert_eq!(issued(&read()), Ok(()));
    assert_eq!(issued(&read().classified(Classification::Pii).because(why())), Ok(()));
    // A URL says how long it lives.
    assert!(issue(Form::S3PresignedUrl, About::Read, &read().classified(Classification::Pii).lives(five)).is_ok());
}

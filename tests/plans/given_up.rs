//! What a caller gives up by name: left out by forms that cannot carry it, and by no others.

use crate::{
    at,
    issue::{REGION, Token, aws_key, issue},
    why,
    wish::{ABOUT, ASKS, About, Ask, Wish},
};
use valet_key::{
    error::{GrantError, IssueError},
    grant::{
        Action, Constraint, Grant, Justification,
        plan::{Enforcement, Form},
    },
    multi::Cloud,
    policy::Bounds,
};

#[test]
fn what_a_token_is_for_is_never_given_up() {
    for constraint in Constraint::ALL {
        let every = [Constraint::Action, Constraint::Resource, Constraint::Lifetime, Constraint::HttpsOnly];
        let given_up = Grant::read("photos", "cat.jpg").unenforced(*constraint, why());
        match given_up {
            Ok(grant) => {
                assert!(!every.contains(constraint), "{constraint}");
                let kept: Vec<_> = grant.given_up().collect();
                assert_eq!(kept, [(*constraint, &why())]);
            }
            Err(error) => {
                assert!(every.contains(constraint), "{constraint}");
                assert_eq!(error, GrantError::NeverGivenUp { constraint: *constraint });
                assert_eq!(error.to_string(), format!("the {constraint} of a grant is never given up"));
            }
        }
    }
}

#[test]
fn what_is_given_up_is_left_out_where_it_cannot_be_carried_and_nowhere_else() {
    let (mut left_out, mut carried) = (0, 0);
    let can = |ask: &Ask| Grant::read("a", "b").unenforced(ask.constraint(), why()).is_ok();
    for form in Form::ALL {
        for about in ABOUT {
            let nothing = Wish::new(about, &[]);
            let Ok(without) = issue(*form, about, &nothing.grant(*form)) else { continue };
            for ask in ASKS.into_iter().filter(can) {
                let asked = Wish::new(about, &[ask]);
                let given_up = Wish { given_up: vec![ask.constraint()], ..asked.clone() };
                let grant = given_up.grant(*form);
                let token = issue(*form, about, &grant).unwrap_or_else(|error| panic!("{form}, {asked:?}: {error}"));
                let plan = grant.plan(*form);
                let row = plan.row(ask.constraint());
                match issue(*form, about, &asked.grant(*form)) {
                    // As if it had not been asked for.
                    Err(IssueError::NotEnforceable { constraint, .. }) if constraint == ask.constraint() => {
                        assert_eq!(row.enforcement(), &Enforcement::GivenUp, "{form}, {asked:?}");
                        assert_eq!(text(&token), text(&without), "{form}, {asked:?}");
                        left_out += 1;
                    }
                    // As if it had not been given up.
                    Ok(held) => {
                        assert!(!row.enforcement().is_refusal(), "{form}, {asked:?}");
                        assert_ne!(row.enforcement(), &Enforcement::GivenUp, "{form}, {asked:?}");
                        assert_eq!(text(&token), text(&held), "{form}, {asked:?}");
                        carried += 1;
                    }
                    Err(error) => panic!("{form}, {asked:?}: {error}"),
                }
            }
        }
    }
    assert!(left_out > 100 && carried > 50, "{left_out}, {carried}");
}

/// What of a token is the same each time. ECDSA signatures of this crate are, too.
fn text(token: &Token) -> String {
    match token {
        Token::Url(url) => format!("{} {:?}", url.expose(), url.required_headers()),
        Token::Headers(method, target, lines) => format!("{method} {target} {lines:?}"),
        Token::Form(form) => format!("{:?}", form.fields().collect::<Vec<_>>()),
        Token::Session(policy) | Token::Boundary(policy) => policy.clone(),
        Token::Distribution(policy, signed) => format!("{policy} {}", signed.resource()),
        Token::Messaging(token) => token.expose().to_owned(),
    }
}

#[test]
fn one_thing_given_up_is_no_other() {
    let grant = Grant::upload("media", "cat.jpg").content_type("image/png").size(1..=10).single_use();
    let grant = grant.unenforced(Constraint::Size, Justification::new("ticket 4711").unwrap()).unwrap();
    let refused = issue(Form::S3PresignedUrl, About::Upload, &grant).err().unwrap();
    assert!(matches!(refused, IssueError::NotEnforceable { constraint: Constraint::SingleUse, .. }), "{refused}");
    let grant = grant.unenforced(Constraint::SingleUse, why()).unwrap();
    let Token::Url(url) = issue(Form::S3PresignedUrl, About::Upload, &grant).unwrap() else { panic!() };
    assert_eq!(url.required_headers(), [("content-type".to_owned(), b"image/png".to_vec())]);
    // Both are kept for who reads it later, in the form that needed it and in one that did not.
    let shown: Vec<String> = grant.given_up().map(|(what, why)| format!("{what}: {}", why.as_str())).collect();
    assert_eq!(shown, ["size: ticket 4711", "single use: a test"]);
    let plan = grant.plan(Form::S3PostPolicy);
    assert_eq!(plan.row(Constraint::Size).enforcement(), &Enforcement::PolicyCondition);
    assert_eq!(plan.row(Constraint::SingleUse).enforcement(), &Enforcement::GivenUp);
}

#[test]
fn what_is_given_up_is_within_no_limit_on_it() {
    let upload = || {
        let grant = Grant::upload("media", "42/cat.jpg").content_type("image/png").size(1..=10);
        grant.client_address("192.0.2.7").because(why())
    };
    let limited = |bounds: Bounds| bounds.under("media", "42/", Action::Upload).unwrap();
    let limits = [
        (Constraint::Size, limited(Bounds::new().largest_upload(10))),
        (Constraint::ContentType, limited(Bounds::new().content_type_prefix("image/"))),
        (Constraint::ClientAddress, limited(Bounds::new().client_address("192.0.2.0/24").unwrap())),
    ];
    for (limit, bounds) in &limits {
        assert!(bounds.permits(&upload()).is_allowed(), "{limit}");
        for (given_up, _) in &limits {
            let decision = bounds.permits(&upload().unenforced(*given_up, why()).unwrap());
            assert_eq!(decision.is_allowed(), given_up != limit, "{given_up}, {limit}");
        }
    }
}

#[test]
fn a_cloud_takes_the_form_that_leaves_out_less() {
    let aws = Cloud::aws(aws_key(), REGION).unwrap();
    let form = |grant: &Grant| aws.issue(grant, at(0)).map(|token| token.form());
    let give_up = |grant: Grant, constraint| grant.unenforced(constraint, why()).unwrap();
    let upload = || Grant::upload("media", "cat.jpg").content_type("image/png");
    // A URL could leave the range out, and a form need not.
    assert_eq!(form(&give_up(upload().size(1..=10), Constraint::Size)), Ok(Form::S3PostPolicy));
    let both = give_up(upload().size(1..=10).single_use(), Constraint::Size);
    assert!(matches!(form(&both), Err(IssueError::NotEnforceable { constraint: Constraint::SingleUse, .. })));
    assert_eq!(form(&give_up(both, Constraint::SingleUse)), Ok(Form::S3PostPolicy));
    // A URL carries all that there is.
    assert_eq!(form(&give_up(upload().exact_size(5).single_use(), Constraint::SingleUse)), Ok(Form::S3PresignedUrl));
    // Only a URL logs an id, and only a form has the range: each leaves out one thing.
    let either = give_up(upload().size(1..=10).request_id("r"), Constraint::Size);
    assert_eq!(form(&give_up(either, Constraint::RequestId)), Ok(Form::S3PresignedUrl));
}

//! What the lowering of a grant leaves behind in a token of Cloud Storage, for plans.

use super::{AccessBoundary, Endpoint, PostPolicy, UrlRequest};
use crate::{
    clock::Timestamp,
    error::IssueError,
    grant::{
        Constraint, Encryption, Grant,
        plan::{Enforcement, Form, Mark},
    },
};
use alloc::{borrow::ToOwned, vec::Vec};

/// Lowers a grant to this form, and tells what that put into the token.
pub(crate) fn marks(form: Form, grant: &Grant) -> Result<Vec<Mark>, IssueError> {
    let endpoint = Endpoint::google();
    let mut marks = match form {
        Form::GcsPostPolicy => of_form(&PostPolicy::at(&endpoint, grant)?),
        Form::GcsAccessBoundary => return of_boundary(grant),
        Form::GcsResumableStart => of_request(&UrlRequest::resumable(&endpoint, grant)?),
        _ => of_request(&UrlRequest::at(&endpoint, grant)?),
    };
    marks.push(Mark::new(
        Constraint::HttpsOnly,
        Enforcement::Beside("the URL is of HTTPS, which no signature covers"),
        "",
    ));
    if grant.encryption == Some(Encryption::Provider) {
        let by = "the service encrypts whatever it stores";
        marks.push(Mark::new(Constraint::Encryption, Enforcement::Beside(by), ""));
    }
    Ok(marks)
}

fn of_request(request: &UrlRequest) -> Vec<Mark> {
    let mut marks = alloc::vec![
        Mark::new(Constraint::Action, Enforcement::SignedRequest, request.method.clone()),
        Mark::new(Constraint::Resource, Enforcement::SignedRequest, "path"),
        Mark::new(Constraint::Lifetime, Enforcement::SignedParameter, "X-Goog-Expires"),
    ];
    marks.extend(request.headers.iter().map(|(name, _)| Mark::header(name)));
    marks.extend(request.query.iter().map(|(name, _)| Mark::param(name)));
    marks
}

fn of_form(form: &PostPolicy) -> Vec<Mark> {
    let mut marks = alloc::vec![
        Mark::new(Constraint::Action, Enforcement::SignedRequest, "POST"),
        Mark::new(Constraint::Resource, Enforcement::PolicyCondition, "bucket"),
        Mark::new(Constraint::Resource, Enforcement::PolicyCondition, "key"),
        Mark::new(Constraint::Lifetime, Enforcement::PolicyCondition, "expiration"),
    ];
    marks.extend(form.bound().map(Mark::condition));
    marks
}

fn of_boundary(grant: &Grant) -> Result<Vec<Mark>, IssueError> {
    let boundary = AccessBoundary::new(core::slice::from_ref(grant), Timestamp::EPOCH, Timestamp::EPOCH)?;
    let mut marks = alloc::vec![
        Mark::new(Constraint::Lifetime, Enforcement::Beside("the token that is exchanged, which ends in time"), ""),
        Mark::new(Constraint::HttpsOnly, Enforcement::Beside("the service takes no OAuth token without TLS"), ""),
    ];
    let roles =
        boundary.roles().map(|role| Mark::new(Constraint::Action, Enforcement::SignedPermission, role.to_owned()));
    marks.extend(roles);
    let named = ["resource.name", "objectListPrefix"].into_iter().filter(|name| boundary.tests(name));
    marks.extend(named.map(|name| Mark::new(Constraint::Resource, Enforcement::PolicyCondition, name)));
    Ok(marks)
}

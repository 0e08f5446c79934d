//! What the lowering of a grant leaves behind in a token of AWS, for plans.

use super::{
    Endpoint, PostPolicy, Region, Request,
    cloudfront::{Distribution, PolicyRequest},
    copy_source::COPY_SOURCE,
    policy::SessionGrants,
    s3::{self, refuse_short_life},
    sqs::MessageRequest,
};
use crate::{
    error::IssueError,
    grant::{
        Action, Constraint, Grant,
        plan::{Enforcement, Form, MESSAGE, Mark},
    },
};
use alloc::{borrow::ToOwned, vec::Vec};

const REGION: &str = "us-east-1";
const URL_OF_HTTPS: Enforcement = Enforcement::Beside("the URL is of HTTPS, which no signature covers");

/// Lowers a grant to this form, and tells what that put into the token.
pub(crate) fn marks(form: Form, grant: &Grant) -> Result<Vec<Mark>, IssueError> {
    let endpoint = Endpoint::aws(Region::new(REGION)?);
    let mut marks = match form {
        Form::S3PostPolicy => of_form(&PostPolicy::at(&endpoint, grant)?),
        Form::SessionPolicy => return SessionGrants::marks(grant, endpoint.region()),
        Form::CloudFrontPolicy => return of_distribution(grant),
        Form::SqsRequest => of_queue(grant)?,
        Form::S3SignedHeaders => {
            refuse_short_life(grant)?;
            let mut marks = of_request(&s3::lower(&endpoint, grant)?);
            marks.push(Mark::new(Constraint::Lifetime, Enforcement::SignedHeader, "x-amz-date"));
            marks
        }
        _ => {
            let mut marks = of_request(&s3::lower(&endpoint, grant)?);
            marks.push(Mark::new(Constraint::Lifetime, Enforcement::SignedParameter, "X-Amz-Expires"));
            marks
        }
    };
    marks.push(Mark::new(Constraint::HttpsOnly, URL_OF_HTTPS, ""));
    Ok(marks)
}

fn of_request(request: &Request) -> Vec<Mark> {
    let mut marks = alloc::vec![
        Mark::new(Constraint::Action, Enforcement::SignedRequest, request.method.clone()),
        Mark::new(Constraint::Resource, Enforcement::SignedRequest, "path"),
    ];
    marks.extend(request.headers.iter().map(|(name, _)| match name.as_str() {
        name if name.starts_with(COPY_SOURCE) => {
            Mark::new(Constraint::Resource, Enforcement::SignedHeader, name.to_owned())
        }
        name => Mark::header(name),
    }));
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

fn of_distribution(grant: &Grant) -> Result<Vec<Mark>, IssueError> {
    let cdn = Distribution::new("https://cdn.example.com")?.serving(grant.container());
    let policy = PolicyRequest::at(&cdn, grant)?;
    let reads = Enforcement::Beside("the behaviours of the distribution: they should allow `GET` and `HEAD` alone");
    let mut marks = alloc::vec![
        Mark::new(Constraint::Action, reads, ""),
        Mark::new(Constraint::Resource, Enforcement::PolicyCondition, "Resource"),
        Mark::new(Constraint::HttpsOnly, Enforcement::PolicyCondition, "Resource"),
        Mark::new(Constraint::Lifetime, Enforcement::PolicyCondition, "DateLessThan"),
    ];
    marks.extend(policy.custom_conditions().map(Mark::condition));
    Ok(marks)
}

fn of_queue(grant: &Grant) -> Result<Vec<Mark>, IssueError> {
    if grant.actions().only() == Some(Action::Receive) {
        MessageRequest::receive_as(grant, REGION)?;
    } else {
        MessageRequest::send_as(grant, REGION, MESSAGE)?;
    }
    let mut marks = alloc::vec![
        Mark::new(Constraint::Action, Enforcement::SignedParameter, "Action"),
        Mark::new(Constraint::Resource, Enforcement::SignedRequest, "path"),
        Mark::new(Constraint::Lifetime, Enforcement::SignedParameter, "X-Amz-Date"),
    ];
    // What was held against the grant is the message that is signed.
    let of_message = [Constraint::Size, Constraint::Checksum].into_iter().filter(|it| grant.asks_for(*it));
    marks.extend(of_message.map(|it| Mark::new(it, Enforcement::SignedParameter, "MessageBody")));
    Ok(marks)
}

//! What the lowering of a grant leaves behind in a token of Azure, for plans.

use super::{Endpoint, MessagingEntity, TokenRequest, UrlRequest, canonical::Field};
use crate::{
    error::IssueError,
    grant::{
        Constraint, Encryption, Grant,
        plan::{Enforcement, Form, Mark},
    },
};
use alloc::{vec, vec::Vec};

/// Lowers a grant to this form, and tells what that put into the token.
pub(crate) fn marks(form: Form, grant: &Grant) -> Result<Vec<Mark>, IssueError> {
    match form {
        Form::AzureMessagingToken => of_messaging(grant),
        _ => of_sas(grant, form == Form::AzureDelegationSas),
    }
}

fn of_sas(grant: &Grant, is_delegated: bool) -> Result<Vec<Mark>, IssueError> {
    let request = UrlRequest::at(&Endpoint::azure(), grant)?;
    let (fields, headers) = request.carried(is_delegated)?;
    let every = [
        (Constraint::Action, Enforcement::SignedPermission, Field::Permissions),
        (Constraint::Lifetime, Enforcement::SignedParameter, Field::Expiry),
        (Constraint::HttpsOnly, Enforcement::SignedParameter, Field::Protocol),
    ];
    let mut marks: Vec<Mark> = every.map(|(of, how, field)| Mark::new(of, how, field.name())).into();
    // What stands for its path is signed, and for a queue no parameter says so.
    marks.push(Mark::new(Constraint::Resource, Enforcement::SignedRequest, "path"));
    let resource = &request.resource;
    let said = [resource.kind.sr().map(|_| Field::Resource), resource.depth().map(|_| Field::Depth)];
    marks.extend(said.into_iter().flatten().map(|field| Mark::param(field.name())));
    marks.extend(fields.into_iter().map(|field| Mark::param(field.name())));
    marks.extend(headers.into_iter().map(Mark::header));
    if grant.encryption == Some(Encryption::Provider) {
        let by = "the service encrypts whatever it stores";
        marks.push(Mark::new(Constraint::Encryption, Enforcement::Beside(by), ""));
    }
    Ok(marks)
}

fn of_messaging(grant: &Grant) -> Result<Vec<Mark>, IssueError> {
    let namespace = MessagingEntity::namespace("contoso.servicebus.windows.net")?;
    TokenRequest::at(&namespace, grant)?;
    Ok(vec![
        Mark::new(
            Constraint::Action,
            Enforcement::Beside("the rights of the rule that signs, which a token does not repeat"),
            "",
        ),
        Mark::new(Constraint::Resource, Enforcement::SignedParameter, "sr"),
        Mark::new(Constraint::Lifetime, Enforcement::SignedParameter, "se"),
        Mark::new(Constraint::HttpsOnly, Enforcement::Beside("the service takes connections with TLS alone"), ""),
    ])
}

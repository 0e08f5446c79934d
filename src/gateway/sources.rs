//! From each provider's verified request to the common facts, and to what its body is held to.

use super::{Provider, admission::BodyCheck, facts::Facts};
use crate::{clock::Timestamp, error::VerifyError, policy::Brings, token::Verified, view::RequestView};
#[cfg(any(feature = "aws", feature = "gcs"))]
use crate::{
    head::trimmed,
    v4::single_use::{ONCE, USE},
};
#[cfg(any(feature = "aws", feature = "gcs"))]
use std::string::String;
use std::{borrow::ToOwned, vec::Vec};

/// The signed parameter that says for whom a token is.
const USER: &str = "x-user";

/// A verifier, and what tells how its requests are read.
#[derive(Debug)]
pub(super) enum Source {
    #[cfg(feature = "aws")]
    Aws(crate::aws::Verifier, crate::aws::Endpoint),
    #[cfg(feature = "gcs")]
    Gcs(crate::gcs::Verifier, crate::gcs::Endpoint),
    #[cfg(feature = "azure")]
    Azure(crate::azure::Verifier),
}

impl Source {
    pub(super) const fn provider(&self) -> Provider {
        match self {
            #[cfg(feature = "aws")]
            Self::Aws(..) => Provider::Aws,
            #[cfg(feature = "gcs")]
            Self::Gcs(..) => Provider::Gcs,
            #[cfg(feature = "azure")]
            Self::Azure(_) => Provider::Azure,
        }
    }

    /// Everything up to the signature, and then what the signature covers.
    pub(super) fn verify(&self, view: &RequestView<'_>, now: Timestamp) -> Result<(Facts, BodyCheck), VerifyError> {
        match self {
            #[cfg(feature = "aws")]
            Self::Aws(verifier, endpoint) => aws(&verifier.verify(view, now)?, endpoint, view),
            #[cfg(feature = "gcs")]
            Self::Gcs(verifier, endpoint) => gcs(&verifier.verify(view, now)?, endpoint, view),
            #[cfg(feature = "azure")]
            Self::Azure(verifier) => azure(&verifier.verify(view, now)?, verifier.account(), view),
        }
    }
}

/// What a signed parameter of the application says. The parameters are there once each.
#[cfg(any(feature = "aws", feature = "gcs"))]
fn said(params: &[(String, String)], wanted: &str) -> Result<Option<String>, VerifyError> {
    // Another spelling of the name would say it to some readers and not to others.
    let mut all = params.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some((name, value)), None) if name == wanted && !value.is_empty() => Ok(Some(value.clone())),
        _ => Err(VerifyError::Operation {
            why: "a parameter of the gateway is empty, repeated or spelt in another case",
        }),
    }
}

#[cfg(any(feature = "aws", feature = "gcs"))]
fn is_single_use(params: &[(String, String)]) -> Result<bool, VerifyError> {
    match said(params, USE)?.as_deref() {
        None => Ok(false),
        Some(ONCE) => Ok(true),
        // Whatever it restricts is not known here, so that it cannot be enforced.
        Some(_) => Err(VerifyError::Operation { why: "`x-use` says something else than `once`" }),
    }
}

/// The lines of those headers that are signed.
#[cfg(any(feature = "aws", feature = "gcs"))]
fn signed(view: &RequestView<'_>, is_signed: impl Fn(&str) -> bool) -> Vec<(String, Vec<u8>)> {
    // A session token is a part of the permission, and nothing that a server acts on.
    const TOKENS: [&str; 2] = ["x-amz-security-token", "x-amz-s3session-token"];
    let is_token = |name: &str| TOKENS.iter().any(|token| name.eq_ignore_ascii_case(token));
    let wanted = |name: &str| !is_token(name) && is_signed(name);
    let lines = view.headers().iter().filter(|(name, _)| wanted(name));
    lines.map(|(name, value)| ((*name).to_owned(), trimmed(value).to_vec())).collect()
}

/// What the parameters `response-content-type` and such say.
#[cfg(any(feature = "aws", feature = "gcs"))]
fn answered(params: &[(String, String)]) -> Vec<(String, String)> {
    const HEADERS: [&str; 6] =
        ["cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires"];
    let named = params.iter().filter_map(|(name, value)| Some((name.strip_prefix("response-")?, value)));
    named.filter(|(name, _)| HEADERS.contains(name)).map(|(name, value)| (name.to_owned(), value.clone())).collect()
}

#[cfg(feature = "aws")]
fn aws(
    request: &Verified<crate::aws::SignedRequest<'_>>,
    endpoint: &crate::aws::Endpoint,
    view: &RequestView<'_>,
) -> Result<(Facts, BodyCheck), VerifyError> {
    let s3 = request.s3_request(endpoint)?;
    let params: Vec<(String, String)> = request.params().collect::<Result<_, _>>()?;
    // What headers ask for beside the operation.
    let (mut action, mut sets_tags) = (s3.operation().action(), false);
    for permission in s3.permissions().into_iter().skip(1) {
        match permission {
            "s3:PutObjectTagging" => sets_tags = true,
            _ => action = None,
        }
    }
    let facts = Facts {
        provider: Provider::Aws,
        method: request.method().to_owned(),
        operation: s3.operation().name().to_owned(),
        action,
        sets_tags,
        container: s3.bucket().unwrap_or_default().to_owned(),
        object: s3.key().map(ToOwned::to_owned),
        prefix: s3.prefix().map(ToOwned::to_owned),
        source: s3.source().cloned(),
        key_id: request.access_key_id().to_owned(),
        subject: said(&params, USER)?,
        correlation_id: said(&params, "x-request-id")?,
        issued_at: Some(request.signed_at()),
        expires_at: request.expires_at(),
        fingerprint: request.fingerprint(),
        replay_key: request.replay_key(),
        marked_single_use: is_single_use(&params)?,
        must_not_overwrite: request.header("if-none-match").any(|value| value == b"*"),
        brings: Brings::Body,
        stores_own_type: false,
        headers: signed(view, |name| request.header(name).next().is_some()),
        response_headers: answered(&params),
        params,
    };
    let body = match request.chunks() {
        Some(chunks) => BodyCheck::chunks(chunks),
        None => BodyCheck::whole(request.payload_check()),
    };
    Ok((facts, body))
}

#[cfg(feature = "gcs")]
fn gcs(
    request: &Verified<crate::gcs::SignedRequest<'_>>,
    endpoint: &crate::gcs::Endpoint,
    view: &RequestView<'_>,
) -> Result<(Facts, BodyCheck), VerifyError> {
    const AUDIT_ID: &str = "x-goog-custom-audit-request-id";
    const MORE_THAN_A_GRANT: [&str; 4] = [
        "x-goog-acl",
        "x-goog-bypass-governance-retention",
        "x-goog-object-lock-mode",
        "x-goog-object-lock-retain-until-date",
    ];
    let storage = request.storage_request(endpoint)?;
    let params: Vec<(String, String)> = request.params().collect::<Result<_, _>>()?;
    let mut ids = request.header(AUDIT_ID);
    let correlation_id = match (ids.next(), ids.next()) {
        (None, _) => None,
        (Some(id), None) => Some(
            core::str::from_utf8(id)
                .map_err(|_| VerifyError::FieldForm { field: AUDIT_ID, expected: "UTF-8" })?
                .to_owned(),
        ),
        _ => return Err(VerifyError::FieldCount { field: AUDIT_ID, found: request.header(AUDIT_ID).count() }),
    };
    let facts = Facts {
        provider: Provider::Gcs,
        method: request.method().to_owned(),
        operation: request.method().to_owned(),
        // No grant is for what these ask beside the operation.
        action: storage.action().filter(|_| MORE_THAN_A_GRANT.iter().all(|name| request.header(name).next().is_none())),
        sets_tags: false,
        container: storage.bucket().to_owned(),
        object: storage.object().map(ToOwned::to_owned),
        prefix: storage.prefix().map(ToOwned::to_owned),
        source: storage.source().cloned(),
        key_id: request.id().to_owned(),
        subject: said(&params, USER)?,
        correlation_id,
        issued_at: Some(request.signed_at()),
        expires_at: request.expires_at(),
        fingerprint: request.fingerprint(),
        // HMAC and RSA make one signature of a text.
        replay_key: *request.fingerprint().as_bytes(),
        marked_single_use: is_single_use(&params)?,
        must_not_overwrite: storage.must_not_overwrite(),
        brings: match request.size() {
            _ if !request.starts_resumable() => Brings::Body,
            Some(bytes) => Brings::AtMost(*bytes.end()),
            None => Brings::Unknown,
        },
        stores_own_type: false,
        headers: signed(view, |name| request.header(name).next().is_some()),
        response_headers: answered(&params),
        params,
    };
    Ok((facts, BodyCheck::whole(request.payload_check())))
}

#[cfg(feature = "azure")]
fn azure(
    request: &Verified<crate::azure::SignedRequest<'_>>,
    account: &str,
    view: &RequestView<'_>,
) -> Result<(Facts, BodyCheck), VerifyError> {
    let subject = match request.authorized_agent()? {
        Some(agent) => Some(agent),
        None => request.unauthorized_agent()?.or(request.delegated_user()?),
    };
    let operation = match request.operation() {
        "" => request.method().to_owned(),
        comp => std::format!("{} {comp}", request.method()),
    };
    let fingerprint = request.fingerprint();
    let facts = Facts {
        provider: Provider::Azure,
        method: request.method().to_owned(),
        operation,
        action: request.action(),
        sets_tags: request.sets_tags(),
        container: request.container()?,
        object: Some(request.name()?).filter(|name| !name.is_empty()),
        prefix: None,
        source: None,
        params: Vec::new(),
        headers: Vec::new(),
        response_headers: request
            .response_headers()
            .map(|header| header.map(|(name, value)| (name.to_ascii_lowercase(), value)))
            .collect::<Result<_, _>>()?,
        key_id: request.delegator()?.unwrap_or_else(|| account.to_owned()),
        subject,
        correlation_id: request.correlation_id()?,
        issued_at: request.starts_at(),
        expires_at: request.expires_at(),
        fingerprint,
        // An HMAC is the only signature of its text under its key.
        replay_key: *fingerprint.as_bytes(),
        marked_single_use: false,
        must_not_overwrite: request.must_not_overwrite(),
        brings: declared(view),
        stores_own_type: matches!(request.service(), crate::azure::Service::DataLake | crate::azure::Service::File),
    };
    Ok((facts, BodyCheck::free()))
}

/// How large a page blob or a file is made, which is without its content.
#[cfg(feature = "azure")]
fn declared(view: &RequestView<'_>) -> Brings {
    const SIZES: [&str; 2] = ["x-ms-blob-content-length", "x-ms-content-length"];
    let is_size = |name: &str| SIZES.iter().any(|size| name.eq_ignore_ascii_case(size));
    let mut sizes = view.headers().iter().filter(|(name, _)| is_size(name)).map(|(_, value)| *value);
    match (sizes.next(), sizes.next()) {
        (None, _) => Brings::Body,
        (Some(size), None) => {
            let digits = core::str::from_utf8(size).ok().map(str::trim);
            // The parser of numbers would take a sign.
            let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
            digits.and_then(|digits| digits.parse().ok()).map_or(Brings::Unknown, Brings::AtMost)
        }
        _ => Brings::Unknown,
    }
}

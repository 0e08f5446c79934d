//! Uploads by form, as a browser posts them: S3's POST policies.

use crate::{
    cloud,
    gateway::{BODY_LIMIT, PATIENCE, Refusal},
    options::Options,
    s3::{self, escaped_component},
    store::{Object, Store},
};
use axum::{
    body::{Body, Bytes},
    http::{StatusCode, header, request::Parts},
    response::Response,
};
use multer::{Constraints, Field, Multipart, SizeLimit};
use std::future::Future;
use valet_key::{
    aws::{ExpectForm, FormView, KeyRing, PresentedForm, SignedForm},
    clock::{Clock, SystemClock},
    gateway::{GateError, Revocation, RevocationList, RevocationStore},
};

/// What S3 takes before the file.
const FIELDS_LIMIT: usize = 20_480;

/// Whether the request is a form rather than one that is signed in its head.
pub(crate) fn is_form(parts: &Parts) -> bool {
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    parts.method == "POST" && content_type.is_some_and(|text| text.starts_with("multipart/form-data"))
}

fn malformed(_: multer::Error) -> Refusal {
    Refusal::new(400, "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")
}

/// Waits for a client, but not for ever.
async fn patiently<T>(what: impl Future<Output = Result<T, multer::Error>>) -> Result<T, Refusal> {
    match tokio::time::timeout(PATIENCE, what).await {
        Ok(found) => found.map_err(malformed),
        Err(_) => Err(Refusal::new(400, "RequestTimeout", "The client sent nothing for too long.")),
    }
}

/// What forms are checked with.
pub(crate) struct Forms {
    ring: KeyRing,
    expect: ExpectForm,
}

impl Forms {
    pub(crate) fn new(options: &Options) -> Result<Self, String> {
        let expect = ExpectForm::new(&options.region).max_size(BODY_LIMIT as u64);
        Ok(Self { ring: cloud::ring(options)?, expect })
    }
}

pub(crate) async fn serve(
    store: &Store,
    forms: &Forms,
    revoked: &RevocationList,
    parts: &Parts,
    body: Body,
) -> Result<Response, Refusal> {
    // The URL says which bucket it is, and no field does.
    let bucket = parts.uri.path().trim_matches('/');
    if !store.has_bucket(bucket) {
        return Err(Refusal::new(404, "NoSuchBucket", "The bucket is not here."));
    }
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let boundary = multer::parse_boundary(content_type.unwrap_or_default()).map_err(malformed)?;
    let limits = SizeLimit::new().whole_stream((BODY_LIMIT + FIELDS_LIMIT) as u64);
    let mut form =
        Multipart::with_constraints(body.into_data_stream(), boundary, Constraints::new().size_limit(limits));

    let (mut fields, mut left): (Vec<(String, String)>, _) = (Vec::new(), FIELDS_LIMIT);
    let file = loop {
        let Some(mut field) = patiently(form.next_field()).await? else {
            return Err(Refusal::new(400, "InvalidArgument", "POST requires exactly one file upload per request."));
        };
        let name = field.name().unwrap_or_default().to_owned();
        if name.eq_ignore_ascii_case("file") {
            break field;
        }
        let mut value = Vec::new();
        while let Some(piece) = patiently(field.chunk()).await? {
            left = left.checked_sub(piece.len()).ok_or(Refusal::new(
                400,
                "MaxPostPreDataLengthExceeded",
                "Your POST request fields preceding the upload file were too large.",
            ))?;
            value.extend_from_slice(&piece);
        }
        let value = String::from_utf8(value);
        fields.push((name, value.map_err(|_| Refusal::new(400, "InvalidArgument", "A field is not UTF-8."))?));
    };

    let view: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut view = FormView::new(bucket, &view);
    let file_name = file.file_name().map(ToOwned::to_owned);
    if let Some(name) = &file_name {
        view = view.file_name(name);
    }
    let now = SystemClock.now();
    let verified = forms.ring.verify_form(PresentedForm::parse(&view)?, &forms.expect, now)?;
    let token = *Revocation::fingerprint(&verified.fingerprint()).store_key();
    match revoked.watermark(&[token], now) {
        Ok(None) => {}
        Ok(Some(_)) => return Err(Refusal::AtTheGate(GateError::Revoked, None)),
        Err(lost) => return Err(Refusal::AtTheGate(GateError::Store(lost), None)),
    }

    // From here on only what was verified counts.
    let (object, etag) = take(&verified, file).await?;
    while let Some(behind) = patiently(form.next_field()).await? {
        if behind.name().is_some_and(|name| name.eq_ignore_ascii_case("file")) {
            return Err(Refusal::new(400, "InvalidArgument", "POST requires exactly one file upload per request."));
        }
    }
    s3::keep(store, (bucket, verified.key()), object, false)?;
    Ok(answer(&verified, bucket, &etag))
}

/// Takes the file in as far as the policy allows.
async fn take(verified: &SignedForm<'_>, mut file: Field<'_>) -> Result<(Object, String), Refusal> {
    let another = |name: &str| name.eq_ignore_ascii_case("tagging") || name.starts_with("x-amz-server-side");
    if verified.fields().any(|(name, _)| another(name)) {
        return Err(Refusal::new(501, "NotImplemented", "This gateway has neither tags nor encryption."));
    }
    let (mut check, mut bytes) = (verified.payload_check(), Vec::new());
    while let Some(piece) = patiently(file.chunk()).await? {
        let piece: Bytes = piece;
        check.update(&piece);
        if check.is_too_long() {
            break;
        }
        bytes.extend_from_slice(&piece);
    }
    check.finish()?;
    let content_type = verified.field("Content-Type").unwrap_or("application/octet-stream").to_owned();
    let metadata = verified.fields().filter(|(name, _)| name.starts_with("x-amz-meta-"));
    let metadata = metadata.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let object = Object { bytes, content_type, metadata };
    let etag = object.etag();
    Ok((object, etag))
}

/// What the form asks to be answered.
fn answer(verified: &SignedForm<'_>, bucket: &str, etag: &str) -> Response {
    let key = verified.key();
    let mut response = match verified.field("success_action_status") {
        Some("200") => s3::empty(StatusCode::OK),
        Some("201") => {
            let mut response = crate::gateway::xml_response(&format!(
                "<PostResponse><Bucket>{}</Bucket><Key>{}</Key><ETag>{}</ETag></PostResponse>",
                crate::gateway::escaped(bucket),
                crate::gateway::escaped(key),
                crate::gateway::escaped(etag)
            ));
            *response.status_mut() = StatusCode::CREATED;
            response
        }
        _ => s3::empty(StatusCode::NO_CONTENT),
    };
    let redirect = verified.field("success_action_redirect").or_else(|| verified.field("redirect"));
    if let Some(to) = redirect.filter(|to| to.starts_with("http://") || to.starts_with("https://")) {
        let separator = if to.contains('?') { '&' } else { '?' };
        let facts = [("bucket", bucket), ("key", key), ("etag", etag)]
            .map(|(name, value)| format!("{name}={}", escaped_component(value)));
        response = s3::empty(StatusCode::SEE_OTHER);
        s3::set(&mut response, "location", &format!("{to}{separator}{}", facts.join("&")));
    }
    s3::set(&mut response, "etag", etag);
    response
}

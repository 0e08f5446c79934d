//! Verifying what was signed for AWS.

use crate::{
    Operation,
    aws::{self, EMPTY, SENT, key, push_hex, put},
    work::{AMZ_DATE, HOST, ID, PATH, REGION, SECONDS, SECRET, now},
};
use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;
use pollster::block_on;
use s3s_sigv4::{AmzDate, AuthorizationV4, Payload as S3sPayload, PresignedUrlV4};
use scratchstack_aws_principal::{Principal, User};
use scratchstack_aws_signature::{
    GetSigningKeyRequest, GetSigningKeyResponse, IntoRequestBytes, KSecretKey, NO_ADDITIONAL_SIGNED_HEADERS,
    SignatureOptions, service_for_signing_key_fn, sigv4_validate_request,
};
use std::{
    borrow::Cow,
    future::{Ready, ready},
    hint::black_box,
    str::FromStr as _,
};
use subtle::ConstantTimeEq as _;
use tower::BoxError;
use valet_key::{
    aws::{Expect, KeyRing, Verifier},
    view::RequestView,
};

fn verifier() -> Verifier {
    Verifier::new(KeyRing::new().with(key()), Expect::new(REGION, "s3"))
}

/// The target with one byte changed.
fn forged(target: &str) -> String {
    target.replace("cat-1", "cat-2")
}

/// A presigned GET of S3.
///
/// # Panics
/// If a peer does not accept what we accept, or accepts it with one byte changed.
#[must_use]
pub fn presigned() -> Operation {
    let url = aws::url_at(now());
    let target: &'static str = url.strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned().leak();
    let mut operation = Operation::hashing("S3 presigned URL verified", aws::blocks(false));

    let ours = verifier();
    let verify =
        move |target: &str| ours.verify(&RequestView::new("GET", target, &[("host", HOST.as_bytes())]), now()).is_ok();
    assert!(verify(target) && !verify(&forged(target)));
    operation = operation.with("valet-key", move || {
        black_box(verify(black_box(target)));
    });

    let signing_key = s3s_sigv4::derive_signing_key(SECRET, &AmzDate::parse(AMZ_DATE).unwrap(), REGION, "s3");
    assert!(s3s_presigned(target, &signing_key, SECONDS) && !s3s_presigned(&forged(target), &signing_key, SECONDS));
    operation.with("s3s-sigv4, its pieces put together", move || {
        black_box(s3s_presigned(black_box(target), &signing_key, SECONDS));
    })
}

/// The upload with eight signed lines.
///
/// # Panics
/// If a peer does not accept what we accept, or accepts it with one byte changed.
#[must_use]
pub fn headers() -> Operation {
    let (authorization, blocks) = put(now());
    let authorization = authorization.leak();
    let mut operation = Operation::hashing("S3 header signature verified, 8 lines", blocks);
    let sent = sent(authorization);
    let lines: Vec<(&str, &[u8])> = sent.iter().map(|(name, value)| (*name, value.as_bytes())).collect();

    let ours = verifier();
    let verify = move |target: &str| ours.verify(&RequestView::new("PUT", target, &lines), now()).is_ok();
    assert!(verify(PATH) && !verify(&forged(PATH)));
    operation = operation.with("valet-key", move || {
        black_box(verify(black_box(PATH)));
    });

    let keys = Keys::kept();
    let (honest, changed) = (request(PATH, &sent), request(&forged(PATH), &sent));
    assert!(keys.accepts(&honest) && !keys.accepts(&changed));
    operation = operation.with("scratchstack-aws-signature, key kept", move || {
        black_box(keys.accepts(black_box(&honest)));
    });
    let honest = request(PATH, &sent);
    let keys = Keys::derived();
    assert!(keys.accepts(&honest));
    operation = operation.with("scratchstack-aws-signature, key derived each time", move || {
        black_box(keys.accepts(black_box(&honest)));
    });

    let signing_key = s3s_sigv4::derive_signing_key(SECRET, &AmzDate::parse(AMZ_DATE).unwrap(), REGION, "s3");
    assert!(s3s_headers(PATH, &sent, &signing_key) && !s3s_headers(&forged(PATH), &sent, &signing_key));
    operation.with("s3s-sigv4, its pieces put together", move || {
        black_box(s3s_headers(black_box(PATH), &sent, &signing_key));
    })
}

/// The header lines of the upload.
#[must_use]
pub fn sent(authorization: &str) -> Vec<(&str, &str)> {
    let mut sent = vec![("host", HOST), ("x-amz-date", AMZ_DATE), ("x-amz-content-sha256", EMPTY)];
    sent.extend(SENT);
    sent.push(("authorization", authorization));
    sent
}

/// The upload for scratchstack-aws-signature.
///
/// # Panics
/// If a line is none.
#[must_use]
pub fn request(target: &str, lines: &[(&str, &str)]) -> http::Request<()> {
    let mut request = http::Request::put(target);
    for (name, value) in lines {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

/// Verifies a presigned GET with what s3s-sigv4 has, and with what it leaves to its caller: decoding, the time, the
/// comparison.
///
/// # Panics
/// Never.
#[must_use]
pub fn s3s_presigned(target: &str, signing_key: &[u8; 32], seconds: i64) -> bool {
    let decoded = |text| percent_decode_str(text).decode_utf8().ok();
    let Some((path, query)) = target.split_once('?') else { return false };
    let pairs: Option<Vec<(Cow<'_, str>, Cow<'_, str>)>> = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| Some((decoded(name)?, decoded(value)?)))
        .collect();
    let (Some(path), Some(pairs)) = (decoded(path), pairs) else { return false };
    let Ok(url) = PresignedUrlV4::parse(&pairs, 604_800) else { return false };
    let Some(signed) = url.amz_date.to_time() else { return false };
    let age = seconds - signed.as_second();
    if age < -900 || age > url.expires.as_secs() || url.signed_headers.as_slice() != ["host"] {
        return false;
    }
    if url.algorithm != "AWS4-HMAC-SHA256"
        || (url.credential.access_key_id, url.credential.aws_region, url.credential.aws_service) != (ID, REGION, "s3")
    {
        return false;
    }
    let canonical = s3s_sigv4::create_presigned_canonical_request("GET", &path, &pairs, [("host", HOST)].as_slice());
    let string_to_sign = s3s_sigv4::create_string_to_sign(&canonical, &url.amz_date, REGION, "s3");
    is_signature(&s3s_sigv4::calculate_signature_with_key(&string_to_sign, signing_key), url.signature)
}

fn s3s_headers(path: &str, sent: &[(&str, &str)], signing_key: &[u8; 32]) -> bool {
    let value = |name: &str| sent.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
    let Some(authorization) = value("authorization").and_then(|text| AuthorizationV4::parse(text).ok()) else {
        return false;
    };
    let Some(date) = value("x-amz-date").and_then(|text| AmzDate::parse(text).ok()) else { return false };
    let Some(signed) = date.to_time() else { return false };
    let credential = &authorization.credential;
    if (SECONDS - signed.as_second()).abs() > 900
        || (credential.access_key_id, credential.aws_region, credential.aws_service) != (ID, REGION, "s3")
    {
        return false;
    }
    let lines: Option<Vec<(&str, &str)>> =
        authorization.signed_headers.iter().map(|name| Some((*name, value(name)?))).collect();
    let (Some(lines), Some(payload)) = (lines, value("x-amz-content-sha256")) else { return false };
    let none: [(&str, &str); 0] = [];
    let payload = S3sPayload::SingleChunk(payload);
    let canonical = s3s_sigv4::create_canonical_request("PUT", path, &none, lines.as_slice(), payload);
    let string_to_sign = s3s_sigv4::create_string_to_sign(&canonical, &date, REGION, "s3");
    is_signature(&s3s_sigv4::calculate_signature_with_key(&string_to_sign, signing_key), authorization.signature)
}

fn is_signature(expected: &[u8; 32], given: &str) -> bool {
    let mut hex = String::with_capacity(64);
    push_hex(&mut hex, expected);
    hex.as_bytes().ct_eq(given.as_bytes()).into()
}

/// scratchstack-aws-signature, and the service that hands it keys.
pub struct Keys {
    kept: Option<GetSigningKeyResponse>,
    at: DateTime<Utc>,
}

impl Keys {
    /// With the derived key kept by whoever hands out keys.
    #[must_use]
    pub fn kept() -> Self {
        let keys = Self::derived();
        Self { kept: Some(response(keys.at)), ..keys }
    }

    /// With a key that is derived for each request.
    #[must_use]
    pub fn derived() -> Self {
        Self { kept: None, at: DateTime::from_timestamp(SECONDS, 0).unwrap_or_default() }
    }

    /// At another time of the server.
    #[must_use]
    pub fn at(self, seconds: i64) -> Self {
        Self { at: DateTime::from_timestamp(seconds, 0).unwrap_or_default(), ..self }
    }

    /// Whether it accepts a request without a body.
    #[must_use]
    pub fn accepts(&self, request: &http::Request<()>) -> bool {
        self.check(request.clone(), SignatureOptions::S3).is_ok()
    }

    /// What it says to a request.
    ///
    /// # Errors
    /// What it refuses.
    pub fn check<B: IntoRequestBytes>(
        &self,
        request: http::Request<B>,
        options: SignatureOptions,
    ) -> Result<(), BoxError> {
        let mut kept = self.kept.clone();
        let hand_out = move |asked: GetSigningKeyRequest| -> Ready<Result<GetSigningKeyResponse, BoxError>> {
            assert_eq!((asked.access_key(), asked.region(), asked.service()), (ID, REGION, "s3"));
            ready(Ok(kept
                .take()
                .unwrap_or_else(|| response(asked.request_date().and_hms_opt(0, 0, 0).unwrap_or_default().and_utc()))))
        };
        let mut keys = service_for_signing_key_fn(hand_out);
        let validated =
            sigv4_validate_request(request, REGION, "s3", &mut keys, self.at, &NO_ADDITIONAL_SIGNED_HEADERS, options);
        block_on(validated).map(|_| ())
    }
}

fn response(at: DateTime<Utc>) -> GetSigningKeyResponse {
    let secret = KSecretKey::<44>::from_str(SECRET).unwrap();
    let user = User::new("aws", "123456789012", "/", "test").unwrap();
    GetSigningKeyResponse::builder()
        .principal(Principal::from(vec![user.into()]))
        .signing_key(secret.to_ksigning(at.date_naive(), REGION, "s3"))
        .build()
        .unwrap()
}

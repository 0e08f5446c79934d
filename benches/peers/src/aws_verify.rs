//! Verifying what was signed for AWS.

use crate::{
    Operation,
    aws::{self, EMPTY, SENT, key, push_hex, put},
    floor,
    work::{AMZ_DATE, HOST, ID, PATH, REGION, SECONDS, SECRET, now},
};
use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;
use pollster::block_on;
use s3s_sigv4::{AmzDate, AuthorizationV4, Payload as S3sPayload, PresignedUrlV4};
use scratchstack_aws_principal::{Principal, User};
use scratchstack_aws_signature::{
    GetSigningKeyRequest, GetSigningKeyResponse, KSecretKey, NO_ADDITIONAL_SIGNED_HEADERS, SignatureOptions,
    service_for_signing_key_fn, sigv4_validate_request,
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
    aws::{Expect, KeyRing, Request, SigV4 as _, UrlRequest, Verifier},
    view::RequestView,
};

/// A service that hashes the payload of a presigned URL, which S3 does not.
pub const SERVICE: &str = "execute-api";

fn verifier(service: &str) -> Verifier {
    Verifier::new(KeyRing::new().with(key()), Expect::new(REGION, service))
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

    let ours = verifier("s3");
    let verify = move |target: &str| ours.verify(&RequestView::new("GET", target, &[("host", HOST.as_bytes())]), now()).is_ok();
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

/// A presigned GET of another service, with the hash of an empty payload signed.
///
/// # Panics
/// If a peer does not accept what we accept, or accepts it with one byte changed.
#[must_use]
pub fn presigned_with_empty_body() -> Operation {
    let request = UrlRequest::new(Request::new("GET", &format!("https://{HOST}"), REGION, SERVICE).unwrap().path(PATH));
    let prepared = request.prepare(key().credential(), now()).unwrap();
    let blocks =
        floor::compressions(prepared.canonical_request().len(), prepared.string_to_sign().as_bytes().len(), false);
    let url = key().presign(&request, now()).unwrap();
    let target = url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned();
    let target: &'static str = target.leak();
    let mut operation = Operation::hashing("presigned URL of another service verified", blocks);

    let ours = verifier(SERVICE);
    let verify = move |target: &str| ours.verify(&RequestView::new("GET", target, &[("host", HOST.as_bytes())]), now()).is_ok();
    assert!(verify(target) && !verify(&forged(target)));
    operation = operation.with("valet-key", move || {
        black_box(verify(black_box(target)));
    });

    let request = |target: &str| http::Request::get(target).header("host", HOST).body(()).unwrap();
    let keys = Keys::kept(SERVICE);
    let (honest, changed) = (request(target), request(&forged(target)));
    assert!(keys.accepts(&honest) && !keys.accepts(&changed));
    operation = operation.with("scratchstack-aws-signature, key kept", move || {
        black_box(keys.accepts(black_box(&honest)));
    });
    let honest = request(target);
    let keys = Keys::derived(SERVICE);
    assert!(keys.accepts(&honest));
    operation.with("scratchstack-aws-signature, key derived each time", move || {
        black_box(keys.accepts(black_box(&honest)));
    })
}

/// The upload with eight signed lines.
///
/// # Panics
/// If a peer does not accept what we accept, or accepts it with one byte changed.
#[must_use]
pub fn headers() -> Operation {
    let (authorization, blocks) = put(now());
    let authorization: &'static str = authorization.leak();
    let mut operation = Operation::hashing("S3 header signature verified, 8 lines", blocks);
    let mut sent: Vec<(&'static str, &'static str)> =
        vec![("host", HOST), ("x-amz-date", AMZ_DATE), ("x-amz-content-sha256", EMPTY)];
    sent.extend(SENT);
    sent.push(("authorization", authorization));
    let lines: Vec<(&str, &[u8])> = sent.iter().map(|(name, value)| (*name, value.as_bytes())).collect();

    let ours = verifier("s3");
    let verify = move |target: &str| ours.verify(&RequestView::new("PUT", target, &lines), now()).is_ok();
    assert!(verify(PATH) && !verify(&forged(PATH)));
    operation = operation.with("valet-key", move || {
        black_box(verify(black_box(PATH)));
    });

    let request = |target: &str| {
        let mut request = http::Request::put(target);
        for (name, value) in &sent {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    };
    let keys = Keys::kept("s3");
    let (honest, changed) = (request(PATH), request(&forged(PATH)));
    assert!(keys.accepts(&honest) && !keys.accepts(&changed));
    operation = operation.with("scratchstack-aws-signature, key kept", move || {
        black_box(keys.accepts(black_box(&honest)));
    });
    let honest = request(PATH);
    let keys = Keys::derived("s3");
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
    let canonical =
        s3s_sigv4::create_presigned_canonical_request("GET", &path, &pairs, [("host", HOST)].as_slice());
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
    service: &'static str,
    kept: Option<GetSigningKeyResponse>,
    at: DateTime<Utc>,
}

impl Keys {
    /// With the derived key kept by whoever hands out keys.
    #[must_use]
    pub fn kept(service: &'static str) -> Self {
        let kept = response(service, DateTime::from_timestamp(SECONDS, 0).unwrap_or_default());
        Self { kept: Some(kept), ..Self::derived(service) }
    }

    /// With a key that is derived for each request.
    #[must_use]
    pub fn derived(service: &'static str) -> Self {
        Self { service, kept: None, at: DateTime::from_timestamp(SECONDS, 0).unwrap_or_default() }
    }

    /// At another time of the server.
    #[must_use]
    pub fn at(self, seconds: i64) -> Self {
        Self { at: DateTime::from_timestamp(seconds, 0).unwrap_or_default(), ..self }
    }

    /// Whether it accepts a request without a body.
    #[must_use]
    pub fn accepts(&self, request: &http::Request<()>) -> bool {
        self.check(request).is_ok()
    }

    /// What it says to a request without a body.
    ///
    /// # Errors
    /// What it refuses.
    pub fn check(&self, request: &http::Request<()>) -> Result<(), BoxError> {
        let (service, mut kept) = (self.service, self.kept.clone());
        let hand_out = move |asked: GetSigningKeyRequest| -> Ready<Result<GetSigningKeyResponse, BoxError>> {
            assert_eq!((asked.access_key(), asked.region(), asked.service()), (ID, REGION, service));
            ready(Ok(kept.take().unwrap_or_else(|| {
                let at = asked.request_date().and_hms_opt(0, 0, 0).unwrap_or_default().and_utc();
                response(service, at)
            })))
        };
        block_on(sigv4_validate_request(
            request.clone(),
            REGION,
            self.service,
            &mut service_for_signing_key_fn(hand_out),
            self.at,
            &NO_ADDITIONAL_SIGNED_HEADERS,
            if self.service == "s3" { SignatureOptions::S3 } else { SignatureOptions::default() },
        ))
        .map(|_| ())
    }
}

fn response(service: &str, at: DateTime<Utc>) -> GetSigningKeyResponse {
    let secret = KSecretKey::<44>::from_str(SECRET).unwrap();
    let user = User::new("aws", "123456789012", "/", "test").unwrap();
    GetSigningKeyResponse::builder()
        .principal(Principal::from(vec![user.into()]))
        .signing_key(secret.to_ksigning(at.date_naive(), REGION, service))
        .build()
        .unwrap()
}

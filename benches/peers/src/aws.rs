//! Signing for S3.

use crate::{
    Operation, agree, floor,
    http::Answer,
    work::{AMZ_DATE, BUCKET, HOST, ID, LIFE, OBJECT, PATH, REGION, SECONDS, SECRET, URL, now},
};
use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningParams,
        SigningSettings, UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use aws_smithy_runtime_api::client::identity::Identity;
use http::Method;
use object_store::{
    aws::{AmazonS3, AmazonS3Builder, AwsAuthorizer, AwsCredential},
    client::{HttpRequest, HttpRequestBody},
    path::Path,
    signer::Signer as _,
};
use pollster::block_on;
use reqsign_aws_v4::{Credential, RequestSigner};
use reqsign_core::{Context, SignRequest as _};
use rusty_s3::{Bucket, Credentials as RustyCredentials, S3Action as _, UrlStyle};
use s3s_sigv4::{AmzDate, Payload as S3sPayload};
use std::{
    fmt::Write as _,
    hint::black_box,
    time::{Duration, SystemTime},
};
use url::Url;
use valet_key::{
    aws::{Endpoint, HeaderSigner, Payload, Presigner, Region, Request, SigV4 as _, StaticKey, UrlRequest},
    clock::Timestamp,
    grant::Grant,
};

/// SHA-256 of nothing.
pub const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

pub(crate) fn key() -> StaticKey {
    StaticKey::new(ID, SECRET).unwrap()
}

fn endpoint() -> Endpoint {
    Endpoint::aws(Region::new(REGION).unwrap())
}

/// Our URL, as the plain way to it makes it.
///
/// # Panics
/// Never.
#[must_use]
pub fn url_at(at: Timestamp) -> String {
    key().presign(&UrlRequest::at(&endpoint(), &Grant::read(BUCKET, OBJECT)).unwrap(), at).unwrap().expose().to_owned()
}

/// In what a URL of a peer that asks the clock differs from ours of the same time.
fn on_time_of(url: &str) -> &'static str {
    agree::on_url(&url_at(Timestamp::parse_iso_basic(&agree::param(url, "X-Amz-Date")).unwrap()), url)
}

pub(crate) fn blocks(derive: bool) -> usize {
    let request = UrlRequest::at(&endpoint(), &Grant::read(BUCKET, OBJECT)).unwrap();
    let prepared = request.prepare(key().credential(), now()).unwrap();
    floor::compressions(prepared.canonical_request().len(), prepared.string_to_sign().as_bytes().len(), derive)
}

/// The holder exists, and the key was derived where there is a place to keep it.
///
/// # Panics
/// If a peer's output is not ours.
#[must_use]
pub fn presign_warm() -> Operation {
    let ours = url_at(now());
    let mut operation = Operation::hashing("S3 presigned URL, warm", blocks(false));

    let presigner = || Presigner::new(key(), &endpoint(), &Grant::read(BUCKET, OBJECT)).unwrap();
    let (mut signer, mut other) = (presigner(), presigner());
    let mut out = String::with_capacity(1024);
    signer.presign_into(OBJECT, now(), &mut out).unwrap();
    assert_eq!(out, ours);
    operation = operation.with("valet-key, into one buffer", move || {
        signer.presign_into(black_box(OBJECT), now(), &mut out).unwrap();
        black_box(&out);
    });
    let mut second = 0;
    let mut out = String::with_capacity(1024);
    operation = operation.with("valet-key, another second each time", move || {
        second = (second + 1) % 3600;
        other.presign_into(black_box(OBJECT), now().saturating_add(second), &mut out).unwrap();
        black_box(&out);
    });

    let identity = aws_identity();
    let differs = agree::on_url(&ours, &aws_presign(&aws_params(&identity)).to_string());
    let identity: &'static Identity = Box::leak(Box::new(identity));
    let params = aws_params(identity);
    operation = operation.differing("aws-sigv4", differs, move || {
        black_box(aws_presign(black_box(&params)));
    });

    let (signer, context, credential, parts) = (reqsign(), Context::new(), reqsign_credential(), reqsign_parts());
    let sign = move || {
        let mut parts = parts.clone();
        block_on(signer.sign_request(&context, &mut parts, Some(&credential), Some(LIFE))).unwrap();
        parts.uri
    };
    operation = operation.differing("reqsign-aws-v4", on_time_of(&sign().to_string()), move || {
        black_box(sign());
    });

    let (bucket, credentials) = (rusty_bucket(), RustyCredentials::new(ID, SECRET));
    let at = jiff::Timestamp::from_second(SECONDS).unwrap();
    let differs = agree::on_url(&ours, rusty_presign(&bucket, &credentials, &at).as_str());
    operation = operation.differing("rusty-s3", differs, move || {
        black_box(rusty_presign(&bucket, &credentials, &at));
    });

    let (store, path) = (object_store(), Path::from(OBJECT));
    let sign = move || block_on(store.signed_url(Method::GET, &path, LIFE)).unwrap();
    operation = operation.differing("object_store", on_time_of(sign().as_str()), move || {
        black_box(sign());
    });

    let date = AmzDate::parse(AMZ_DATE).unwrap();
    let signing_key = s3s_sigv4::derive_signing_key(SECRET, &date, REGION, "s3");
    let differs = agree::on_url(&ours, &s3s_presign(&date, &signing_key));
    operation.differing("s3s-sigv4, its pieces put together", differs, move || {
        black_box(s3s_presign(black_box(&date), &signing_key));
    })
}

/// From the strings on: no holder, no derived key.
///
/// # Panics
/// If a peer's output is not ours.
#[must_use]
pub fn presign_cold() -> Operation {
    let ours = url_at(now());
    let mut operation = Operation::hashing("S3 presigned URL, cold", blocks(true))
        .with("valet-key, from the strings", || {
            let request = UrlRequest::at(&endpoint(), &Grant::read(BUCKET, black_box(OBJECT))).unwrap();
            black_box(key().presign(&request, now()).unwrap());
        })
        .with("valet-key, a new presigner", || {
            let mut signer = Presigner::new(key(), &endpoint(), &Grant::read(BUCKET, OBJECT)).unwrap();
            black_box(signer.presign(black_box(OBJECT), now()).unwrap());
        });
    let mut signer = Presigner::new(key(), &endpoint(), &Grant::read(BUCKET, OBJECT)).unwrap();
    let mut days = [now(), now().saturating_add(86_400)];
    let mut out = String::with_capacity(1024);
    operation = operation.with("valet-key, a presigner on another day each time", move || {
        days.swap(0, 1);
        signer.presign_into(black_box(OBJECT), days[0], &mut out).unwrap();
        black_box(&out);
    });

    let differs = agree::on_url(&ours, &aws_presign(&aws_params(&aws_identity())).to_string());
    operation = operation.differing("aws-sigv4", differs, || {
        black_box(aws_presign(&aws_params(&aws_identity())));
    });

    let sign = || {
        let mut parts = reqsign_parts();
        let credential = reqsign_credential();
        block_on(reqsign().sign_request(&Context::new(), &mut parts, Some(&credential), Some(LIFE))).unwrap();
        parts.uri
    };
    operation = operation.differing("reqsign-aws-v4", on_time_of(&sign().to_string()), move || {
        black_box(sign());
    });

    let at = jiff::Timestamp::from_second(SECONDS).unwrap();
    let sign = move || rusty_presign(&rusty_bucket(), &RustyCredentials::new(ID, SECRET), &at);
    operation = operation.differing("rusty-s3", agree::on_url(&ours, sign().as_str()), move || {
        black_box(sign());
    });

    let sign = || block_on(object_store().signed_url(Method::GET, &Path::from(OBJECT), LIFE)).unwrap();
    operation = operation.differing("object_store", on_time_of(sign().as_str()), move || {
        black_box(sign());
    });

    let sign = || {
        let date = AmzDate::parse(AMZ_DATE).unwrap();
        s3s_presign(&date, &s3s_sigv4::derive_signing_key(SECRET, &date, REGION, "s3"))
    };
    operation.differing("s3s-sigv4, its pieces put together", agree::on_url(&ours, &sign()), move || {
        black_box(sign());
    })
}

/// An upload with eight signed header lines, those of the signer among them. None of them is one that a peer leaves out.
pub const SENT: [(&str, &str); 5] = [
    ("cache-control", "max-age=3600"),
    ("content-type", "image/jpeg"),
    ("x-amz-meta-album", "summer"),
    ("x-amz-meta-user", "42"),
    ("x-amz-storage-class", "STANDARD"),
];

/// Our `Authorization` for that upload with an empty body, and the compressions that it needs.
///
/// # Panics
/// Never.
#[must_use]
pub fn put(at: Timestamp) -> (String, usize) {
    let mut request = Request::new("PUT", &format!("https://{HOST}"), REGION, "s3").unwrap().path(PATH);
    for (name, value) in SENT {
        request = request.header(name, value);
    }
    let request = request.payload(Payload::Empty);
    let prepared = request.prepare_headers(key().credential(), at).unwrap();
    let blocks =
        floor::compressions(prepared.canonical_request().len(), prepared.string_to_sign().as_bytes().len(), false);
    (key().sign_headers(&request, at).unwrap().authorization().to_owned(), blocks)
}

/// The value of `Authorization`.
///
/// # Panics
/// If a peer's output is not ours.
#[must_use]
pub fn sign_headers() -> Operation {
    let (ours, blocks) = put(now());
    let mut operation = Operation::hashing("S3 header signing, 8 lines", blocks);

    let mut signer = HeaderSigner::new(key(), REGION, "s3").unwrap();
    let mut lines: Vec<(&str, &[u8])> = vec![("host", HOST.as_bytes())];
    lines.extend(SENT.iter().map(|(name, value)| (*name, value.as_bytes())));
    let mut out = String::with_capacity(1024);
    let mut sign_ours = move || {
        signer.sign_into("PUT", black_box(PATH), &lines, Payload::Empty, now(), &mut out).unwrap();
        out.len()
    };
    assert_eq!(sign_ours(), ours.len());
    operation = operation.with("valet-key, into one buffer", move || {
        black_box(sign_ours());
    });

    let identity: &'static Identity = Box::leak(Box::new(aws_identity()));
    let mut settings = aws_settings();
    settings.signature_location = SignatureLocation::Headers;
    settings.expires_in = None;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let params = aws_params_of(identity, settings);
    let sign_it = move || {
        let body = SignableBody::Precomputed(EMPTY.to_owned());
        let request = SignableRequest::new("PUT", black_box(URL), SENT.into_iter(), body).unwrap();
        sign(request, &params).unwrap().into_parts().0
    };
    let made = sign_it();
    let authorization = made.headers().find(|(name, _)| *name == "authorization").unwrap().1;
    assert_eq!(authorization, ours);
    operation = operation.with("aws-sigv4", move || {
        black_box(sign_it());
    });

    let (signer, context, credential) = (reqsign(), Context::new(), reqsign_credential());
    let mut request = http::Request::builder().method("PUT").uri(URL);
    for (name, value) in SENT.into_iter().chain([("x-amz-content-sha256", EMPTY)]) {
        request = request.header(name, value);
    }
    let parts = request.body(()).unwrap().into_parts().0;
    let sign_it = move || {
        let mut parts = parts.clone();
        block_on(signer.sign_request(&context, &mut parts, Some(&credential), None)).unwrap();
        parts
    };
    on_headers(&sign_it().headers);
    operation = operation.with("reqsign-aws-v4", move || {
        black_box(sign_it());
    });

    let credential: &'static AwsCredential =
        Box::leak(Box::new(AwsCredential { key_id: ID.to_owned(), secret_key: SECRET.to_owned(), token: None }));
    let authorizer = AwsAuthorizer::new(credential, "s3", REGION);
    let mut request = http::Request::builder().method("PUT").uri(URL);
    for (name, value) in SENT {
        request = request.header(name, value);
    }
    let request: HttpRequest = request.body(HttpRequestBody::empty()).unwrap();
    let sign_it = move || {
        let mut request = request.clone();
        authorizer.try_authorize(&mut request, None).unwrap();
        request
    };
    on_headers(sign_it().headers());
    operation = operation.with("object_store", move || {
        black_box(sign_it());
    });

    let date = AmzDate::parse(AMZ_DATE).unwrap();
    let signing_key = s3s_sigv4::derive_signing_key(SECRET, &date, REGION, "s3");
    assert_eq!(s3s_sign_headers(&date, &signing_key), ours);
    operation.with("s3s-sigv4, its pieces put together", move || {
        black_box(s3s_sign_headers(black_box(&date), &signing_key));
    })
}

/// Compares the `Authorization` of a peer that asks the clock.
fn on_headers(headers: &http::HeaderMap) {
    let at = Timestamp::parse_iso_basic(headers["x-amz-date"].to_str().unwrap()).unwrap();
    assert_eq!(headers["authorization"].to_str().unwrap(), put(at).0);
}

fn aws_identity() -> Identity {
    Credentials::new(ID, SECRET, None, None, "peers").into()
}

fn aws_settings() -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
    settings.signature_location = SignatureLocation::QueryParams;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.expires_in = Some(LIFE);
    settings
}

fn aws_params(identity: &Identity) -> SigningParams<'_> {
    aws_params_of(identity, aws_settings())
}

fn aws_params_of(identity: &Identity, settings: SigningSettings) -> SigningParams<'_> {
    v4::SigningParams::builder()
        .identity(identity)
        .region(REGION)
        .name("s3")
        .time(SystemTime::UNIX_EPOCH + Duration::from_secs(now().unix().cast_unsigned()))
        .settings(settings)
        .build()
        .unwrap()
        .into()
}

fn aws_presign(params: &SigningParams<'_>) -> http::Uri {
    let request = SignableRequest::new("GET", black_box(URL), std::iter::empty(), SignableBody::UnsignedPayload);
    let (instructions, _) = sign(request.unwrap(), params).unwrap().into_parts();
    let mut request = http::Request::new(());
    *request.uri_mut() = http::Uri::from_static(URL);
    instructions.apply_to_request_http1x(&mut request);
    request.into_parts().0.uri
}

fn reqsign() -> RequestSigner {
    RequestSigner::new("s3", REGION)
}

fn reqsign_credential() -> Credential {
    Credential {
        access_key_id: ID.to_owned(),
        secret_access_key: SECRET.to_owned(),
        session_token: None,
        expires_in: None,
    }
}

fn reqsign_parts() -> http::request::Parts {
    http::Request::get(http::Uri::from_static(URL)).body(()).unwrap().into_parts().0
}

/// One bucket of rusty-s3.
///
/// # Panics
/// Never.
#[must_use]
pub fn rusty_bucket() -> Bucket {
    Bucket::new("https://s3.us-east-1.amazonaws.com".parse().unwrap(), UrlStyle::VirtualHost, BUCKET, REGION).unwrap()
}

fn rusty_presign(bucket: &Bucket, credentials: &RustyCredentials, at: &jiff::Timestamp) -> Url {
    bucket.get_object(Some(credentials), black_box(OBJECT)).sign_with_time(LIFE, at)
}

/// One store on S3.
///
/// # Panics
/// Never.
#[must_use]
pub fn object_store() -> AmazonS3 {
    AmazonS3Builder::new()
        .with_region(REGION)
        .with_bucket_name(BUCKET)
        .with_access_key_id(ID)
        .with_secret_access_key(SECRET)
        .with_virtual_hosted_style_request(true)
        .with_http_connector(Answer(String::new()))
        .build()
        .unwrap()
}

/// What its documentation shows, with the URL written by the caller.
fn s3s_presign(date: &AmzDate, signing_key: &[u8; 32]) -> String {
    let credential = format!("{ID}/{}/{REGION}/s3/aws4_request", date.fmt_date());
    let stamp = date.fmt_iso8601();
    let pairs = [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", &credential),
        ("X-Amz-Date", stamp.as_str()),
        ("X-Amz-Expires", "900"),
        ("X-Amz-SignedHeaders", "host"),
    ];
    let canonical =
        s3s_sigv4::create_presigned_canonical_request("GET", black_box(PATH), &pairs, [("host", HOST)].as_slice());
    let string_to_sign = s3s_sigv4::create_string_to_sign(&canonical, date, REGION, "s3");
    let signature = s3s_sigv4::calculate_signature_with_key(&string_to_sign, signing_key);
    // Its second-but-one line of the canonical request is the query, encoded.
    let query = canonical.lines().nth(2).unwrap();
    let mut url = String::with_capacity(512);
    write!(url, "{URL}?{query}&X-Amz-Signature=").unwrap();
    push_hex(&mut url, &signature);
    url
}

fn s3s_sign_headers(date: &AmzDate, signing_key: &[u8; 32]) -> String {
    let stamp = date.fmt_iso8601();
    let lines = [
        SENT[0],
        SENT[1],
        ("host", HOST),
        ("x-amz-content-sha256", EMPTY),
        ("x-amz-date", stamp.as_str()),
        SENT[2],
        SENT[3],
        SENT[4],
    ];
    let none: [(&str, &str); 0] = [];
    let canonical = s3s_sigv4::create_canonical_request(
        "PUT",
        black_box(PATH),
        &none,
        lines.as_slice(),
        S3sPayload::SingleChunk(EMPTY),
    );
    let string_to_sign = s3s_sigv4::create_string_to_sign(&canonical, date, REGION, "s3");
    let signature = s3s_sigv4::calculate_signature_with_key(&string_to_sign, signing_key);
    let names = lines.map(|(name, _)| name).join(";");
    let mut out = String::with_capacity(512);
    let date = date.fmt_date();
    write!(out, "AWS4-HMAC-SHA256 Credential={ID}/{date}/{REGION}/s3/aws4_request, SignedHeaders={names}, Signature=")
        .unwrap();
    push_hex(&mut out, &signature);
    out
}

pub(crate) fn push_hex(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

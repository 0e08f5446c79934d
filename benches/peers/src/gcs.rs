//! Signed URLs of Google Cloud Storage.

use crate::{
    Operation, agree, floor,
    http::Answer,
    work::{BUCKET, KEY_FILE, LIFE, OBJECT, SECRET, now},
};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use http::Method;
use object_store::{gcp::GoogleCloudStorageBuilder, path::Path, signer::Signer as _};
use pollster::block_on;
use reqsign_core::{Context, SignRequest as _};
use reqsign_google::{Credential, RequestSigner, ServiceAccount};
use rsa::{
    PrivateKey,
    pkcs1v15::Pkcs1v15Sign,
    pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _},
};
use sha2::Digest as _;
use std::hint::black_box;
use valet_key::{
    clock::Timestamp,
    gcs::{
        Credential as OurCredential, Endpoint, GoogV4 as _, HmacKey, Presigner, ServiceAccountKey, Signature,
        UrlRequest,
    },
    grant::Grant,
};

const URL: &str = "https://storage.googleapis.com/examplebucket/photos/2026/11/cat-1.jpg";

fn request() -> UrlRequest {
    UrlRequest::storage(&Grant::read(BUCKET, OBJECT)).unwrap()
}

fn account() -> ServiceAccountKey {
    ServiceAccountKey::from_json(KEY_FILE).unwrap()
}

/// A field of the key file.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn key_field(name: &str) -> String {
    serde_json::from_str::<serde_json::Value>(KEY_FILE).unwrap()[name].as_str().unwrap().to_owned()
}

/// The key file with a field more, which object_store wants and nobody signs.
///
/// # Panics
/// Never.
#[must_use]
pub fn longer_key_file() -> String {
    let mut file = serde_json::from_str::<serde_json::Value>(KEY_FILE).unwrap();
    file["private_key_id"] = "1".into();
    file.to_string()
}

/// # Panics
/// If we differ from ourselves.
#[must_use]
pub fn hmac() -> Operation {
    let key = || HmacKey::new("GOOG1EXAMPLE", SECRET).unwrap();
    let prepared = request().prepare(key().credential(), now()).unwrap();
    let (canonical, string_to_sign) = (prepared.canonical_request().len(), prepared.string_to_sign().as_bytes().len());
    let mut signer = Presigner::new(key(), &Endpoint::google(), &Grant::read(BUCKET, OBJECT)).unwrap();
    let mut out = String::with_capacity(1024);
    signer.presign_into(OBJECT, now(), &mut out).unwrap();
    assert_eq!(out, key().signed_url(&request(), now()).unwrap().expose());
    Operation::hashing("GCS signed URL, HMAC", floor::compressions(canonical, string_to_sign, false)).with(
        "valet-key, into one buffer",
        move || {
            signer.presign_into(black_box(OBJECT), now(), &mut out).unwrap();
            black_box(&out);
        },
    )
}

/// In what a URL of a peer that asks the clock differs from ours of the same time.
fn on_time_of(url: &str) -> &'static str {
    let at = Timestamp::parse_iso_basic(&agree::param(url, "X-Goog-Date")).unwrap();
    agree::on_url(account().signed_url(&request(), at).unwrap().expose(), url)
}

/// # Panics
/// If a peer's output is not ours.
#[must_use]
pub fn rsa() -> Operation {
    let pem = key_field("private_key");
    let raw = PrivateKey::from_pkcs8_pem(&pem).unwrap();
    let digest = sha2::Sha256::digest(b"a string to sign");
    let der = raw.to_pkcs8_der().unwrap();
    let mut operation = Operation::above(
        "GCS signed URL, RSA of 2048 bits",
        "the signature alone, by the crate `rsa`".to_owned(),
        move || {
            black_box(raw.sign(Pkcs1v15Sign::new::<sha2::Sha256>(), black_box(&digest)).unwrap());
        },
    );

    let mut signer = Presigner::new(account(), &Endpoint::google(), &Grant::read(BUCKET, OBJECT)).unwrap();
    let mut out = String::with_capacity(1024);
    signer.presign_into(OBJECT, now(), &mut out).unwrap();
    let ours = account().signed_url(&request(), now()).unwrap().expose().to_owned();
    assert_eq!(out, ours);
    operation = operation.with("valet-key, into one buffer", move || {
        signer.presign_into(black_box(OBJECT), now(), &mut out).unwrap();
        black_box(&out);
    });
    // The two steps around any key holder, here with the library that object_store uses.
    let pair = RsaKeyPair::from_pkcs8(der.as_bytes()).unwrap();
    let credential = OurCredential::service_account(key_field("client_email")).unwrap();
    let kept = request();
    let sign = move || {
        let prepared = black_box(&kept).prepare(&credential, now()).unwrap();
        let mut signature = vec![0; pair.public_modulus_len()];
        let message = prepared.string_to_sign().as_bytes();
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
        prepared.finish(&Signature::rsa(signature).unwrap()).unwrap()
    };
    assert_eq!(sign().expose(), ours);
    operation = operation.with("valet-key, signature by aws-lc-rs", move || {
        black_box(sign());
    });

    let signer = RequestSigner::new("storage");
    let context = Context::new();
    let account = ServiceAccount { private_key: pem, client_email: key_field("client_email") };
    let credential = Credential::with_service_account(account);
    let parts = http::Request::get(URL).body(()).unwrap().into_parts().0;
    let sign = move || {
        let mut parts = parts.clone();
        block_on(signer.sign_request(&context, &mut parts, Some(&credential), Some(LIFE))).unwrap();
        parts.uri
    };
    operation = operation.differing("reqsign-google", on_time_of(&sign().to_string()), move || {
        black_box(sign());
    });

    let store = GoogleCloudStorageBuilder::new()
        .with_bucket_name(BUCKET)
        .with_service_account_key(longer_key_file())
        .with_http_connector(Answer(String::new()))
        .build()
        .unwrap();
    let path = Path::from(OBJECT);
    let sign = move || block_on(store.signed_url(Method::GET, &path, LIFE)).unwrap();
    operation.differing("object_store", on_time_of(sign().as_str()), move || {
        black_box(sign());
    })
}

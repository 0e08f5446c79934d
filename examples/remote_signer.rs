//! Signing where there is no private key: URLs for Cloud Storage, signed by IAM's `signBlob` over HTTP.
//!
//! ```text
//! this program   prepare ──▶ string to sign ──POST signBlob──▶ whoever holds the key
//!                finish  ◀── signature      ◀──────────────────
//! ```
//!
//! A local stand-in answers like IAM does, with a published dummy key, so that this runs without an account.
//! In production the address is `SignBlob::url()`, and the bearer token comes from the metadata server.
//!
//! `cargo run --example remote_signer --features rsa`

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use base64ct::{Base64, Encoding};
use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes};
use hyper_util::rt::TokioIo;
use rsa::{PrivateKey, pkcs1v15::Pkcs1v15Sign, pkcs8::DecodePrivateKey};
use serde_json::{Value, json};
use sha2::Digest;
use std::{error::Error, sync::Arc};
use tokio::net::{TcpListener, TcpStream};
use valet_key::{
    clock::{Clock, SystemClock},
    error::{KeyError, VerifyError},
    gcs::{Credential, Expect, KeyRing, ServiceAccountKey, SignBlob, Signature, StringToSign, UrlRequest, Verifier},
    grant::{ContentDisposition, Grant},
    view::RequestView,
};

/// A key that is published and was never active.
const KEY_FILE: &str = include_str!("../tests/vectors/gcs/keys/dummy-service-account.json");
/// What the metadata server would hand out.
const BEARER: &str = "a-token-of-the-workload";

type Fallible<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Fallible<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let iam = stand_in()?;
    tokio::spawn(async move { axum::serve(listener, iam).await });
    println!("signBlob stand-in  http://{address}");

    let account = Credential::service_account(account_email()?)?;
    let remote = RemoteSigner { call: SignBlob::new(&account)?, address, bearer: BEARER };

    let grant =
        Grant::read("media-uploads", "users/42/cat.jpg").disposition(&ContentDisposition::attachment("cat.jpg"));
    let now = SystemClock.now();
    let prepared = UrlRequest::storage(&grant)?.prepare(&account, now)?;
    let signature = remote.sign(prepared.string_to_sign()).await?;
    let url = prepared.finish(&signature)?;
    println!("issued             {url:?}");

    // Whoever has the account's certificates can check it.
    let mut ring = KeyRing::new();
    ring.set_account(account.clone(), [ServiceAccountKey::from_json(KEY_FILE)?.public_key()])?;
    let verifier = Verifier::new(ring, Expect::new().host("storage.googleapis.com"));
    let headers: [(&str, &[u8]); 1] = [("host", b"storage.googleapis.com")];
    let target = url.expose().strip_prefix("https://storage.googleapis.com").ok_or("another host")?;
    let facts = verifier.verify(&RequestView::new("GET", target, &headers), now)?;
    println!("verified           {} by {}", facts.decoded_path()?, facts.id());
    let stolen = target.replacen("cat.jpg", "dog.jpg", 1);
    let refused = verifier.verify(&RequestView::new("GET", &stolen, &headers), now).map(|_| ());
    println!("another object     {refused:?}");
    if refused != Err(VerifyError::SignatureMismatch) {
        return Err("another object was not refused".into());
    }

    // A workload that may not sign gets no token, and the error says so.
    let stranger = RemoteSigner { bearer: "a-token-of-somebody-else", ..remote };
    let prepared = UrlRequest::storage(&grant)?.prepare(&account, now)?;
    match stranger.sign(prepared.string_to_sign()).await {
        Err(error) => println!("a stranger         {error}"),
        Ok(_) => return Err("a stranger could sign".into()),
    }
    Ok(())
}

/// A key that lives behind an HTTP call. It is no holder in the sense of the crate's trait, because that is not
/// asynchronous: the two halves, `prepare` and `finish`, are all that it needs.
struct RemoteSigner {
    call: SignBlob,
    address: String,
    bearer: &'static str,
}

impl RemoteSigner {
    async fn sign(&self, message: &StringToSign) -> Result<Signature, KeyError> {
        let failed = |error: &dyn std::fmt::Display| KeyError::Holder(format!("signBlob: {error}"));
        let url = self.call.url();
        let path = url.splitn(4, '/').nth(3).unwrap_or_default();
        let answer = self.post(&format!("/{path}"), self.call.body(message)).await.map_err(|error| failed(&error))?;
        self.call.read_answer(&answer)
    }

    /// One POST over a fresh connection. A service would keep a client of its choice.
    async fn post(&self, path: &str, body: String) -> Result<String, Box<dyn Error + Send + Sync>> {
        let stream = TcpStream::connect(&self.address).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let request = Request::post(path)
            .header("host", &self.address)
            .header("authorization", format!("Bearer {}", self.bearer))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let bytes = response.into_body().collect().await?.to_bytes();
        if status != StatusCode::OK {
            return Err(format!("the answer is {status}").into());
        }
        Ok(String::from_utf8(bytes.into())?)
    }
}

fn account_email() -> Fallible<String> {
    let file: Value = serde_json::from_str(KEY_FILE)?;
    Ok(file["client_email"].as_str().ok_or("no client_email")?.to_owned())
}

/// IAM, as far as `signBlob` goes: one account, one workload that may use it.
fn stand_in() -> Fallible<Router> {
    let file: Value = serde_json::from_str(KEY_FILE)?;
    let key = PrivateKey::from_pkcs8_pem(file["private_key"].as_str().ok_or("no private_key")?)?;
    let state = Arc::new((account_email()?, key));
    Ok(Router::new().route("/v1/projects/-/serviceAccounts/{call}", post(sign_blob)).with_state(state))
}

async fn sign_blob(
    State(state): State<Arc<(String, PrivateKey)>>,
    Path(call): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> (StatusCode, Json<Value>) {
    let refuse = |status, why: &str| (status, Json(json!({ "error": { "message": why } })));
    let (email, key) = &*state;
    if call != format!("{email}:signBlob") {
        return refuse(StatusCode::NOT_FOUND, "no such account or method");
    }
    if headers.get("authorization").is_none_or(|value| value != format!("Bearer {BEARER}").as_str()) {
        return refuse(StatusCode::FORBIDDEN, "Permission 'iam.serviceAccounts.signBlob' denied");
    }
    let Some(payload) = body["payload"].as_str().and_then(|text| Base64::decode_vec(text).ok()) else {
        return refuse(StatusCode::BAD_REQUEST, "payload must be base64");
    };
    let digest = sha2::Sha256::digest(&payload);
    match key.sign(Pkcs1v15Sign::new::<sha2::Sha256>(), &digest) {
        Ok(blob) => (StatusCode::OK, Json(json!({ "keyId": "stand-in", "signedBlob": Base64::encode_string(&blob) }))),
        Err(_) => refuse(StatusCode::INTERNAL_SERVER_ERROR, "signing failed"),
    }
}

//! Shared access signatures.

use crate::{
    Operation, agree, floor,
    http::Answer,
    work::{ACCOUNT, ACCOUNT_KEY, BLOB_URL, BUCKET, LIFE, OBJECT, SECONDS, clock, from_iso, iso, now},
};
use azure_storage_common::models::UserDelegationKey as AzureKey;
use azure_storage_sas::{SasBuilder, SasProtocol as AzureProtocol};
use http::Method;
use object_store::{
    azure::{MicrosoftAzure, MicrosoftAzureBuilder},
    path::Path,
    signer::Signer as _,
};
use pollster::block_on;
use reqsign_azure_storage::{
    Credential, RequestSigner, ServiceSasResource, ServiceSharedAccessSignature, UserDelegationSasGrant,
    UserDelegationSasGranter, UserDelegationSasPermissions,
};
use reqsign_core::{Context, GrantCredential as _, SignRequest as _, time::Timestamp as ReqsignTimestamp};
use std::hint::black_box;
use valet_key::{
    azure::{
        AccountKey, BlobPermissions, Delegation, Endpoint, Inline, Presigner, Protocol, Sas, UrlRequest,
        UserDelegationKey, Version,
    },
    clock::Timestamp,
    grant::{Grant, Justification},
};

const IDS: [&str; 2] = ["11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"];
const VALUE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// The version that Microsoft's crate signs with.
const NEW: &str = "2026-04-06";
/// The version that object_store signs with.
const OBJECT_STORES: &str = "2023-11-03";

fn account_key() -> AccountKey {
    AccountKey::new(ACCOUNT, ACCOUNT_KEY).unwrap()
}

/// A delegation key good from a day before to five days after.
fn delegation_key(at: Timestamp, version: &str) -> UserDelegationKey {
    let window = window(at);
    let delegation = Delegation::new(IDS, [&window[0], &window[1]], "b", version).unwrap();
    UserDelegationKey::new(ACCOUNT, delegation, VALUE).unwrap()
}

fn window(at: Timestamp) -> [String; 2] {
    [iso(at.saturating_sub(86_400)), iso(at.saturating_add(5 * 86_400))]
}

/// The answer to whoever asks for that key.
fn answer(at: Timestamp, version: &str) -> Answer {
    let [start, expiry] = window(at);
    let [oid, tid] = IDS;
    Answer(format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><UserDelegationKey><SignedOid>{oid}</SignedOid>\
         <SignedTid>{tid}</SignedTid><SignedStart>{start}</SignedStart><SignedExpiry>{expiry}</SignedExpiry>\
         <SignedService>b</SignedService><SignedVersion>{version}</SignedVersion><Value>{VALUE}</Value>\
         </UserDelegationKey>"
    ))
}

fn request() -> UrlRequest {
    UrlRequest::storage(&Grant::read(BUCKET, OBJECT)).unwrap()
}

/// With a start and without a protocol, which we want to be told the reason of.
fn request_from(start: Timestamp) -> UrlRequest {
    UrlRequest::blob(BUCKET, OBJECT, Inline::new(BlobPermissions::READ).start(start))
        .unwrap()
        .version(Version::parse(OBJECT_STORES).unwrap())
        .protocol(Protocol::Unstated)
        .because(Justification::new("as object_store does it").unwrap())
}

fn blocks(key: &dyn Sas, request: &UrlRequest) -> usize {
    floor::mac_compressions(request.prepare(key.credential(), now()).unwrap().string_to_sign().as_bytes().len())
}

fn ours(key: &dyn Sas, request: &UrlRequest, at: Timestamp) -> String {
    key.issue(request, at).unwrap().expose().to_owned()
}

/// When a URL was made that lives as long as all of them.
fn made_at(url: &str) -> Timestamp {
    from_iso(&agree::param(url, "se")).saturating_sub(900)
}

/// # Panics
/// If a peer's output is not ours.
#[must_use]
pub fn service() -> Operation {
    let mut operation = Operation::hashing("Azure service SAS", blocks(&account_key(), &request()));
    let expected = ours(&account_key(), &request(), now());
    let mut signer = Presigner::new(account_key(), &Endpoint::azure(), &Grant::read(BUCKET, OBJECT)).unwrap();
    let mut out = String::with_capacity(1024);
    signer.presign_into(OBJECT, now(), &mut out).unwrap();
    assert_eq!(out, expected);
    operation = operation.with("valet-key, into one buffer", move || {
        signer.presign_into(black_box(OBJECT), now(), &mut out).unwrap();
        black_box(&out);
    });
    operation = operation.with("valet-key, from the strings", || {
        let request = UrlRequest::storage(&Grant::read(BUCKET, black_box(OBJECT))).unwrap();
        black_box(account_key().issue(&request, now()).unwrap());
    });

    let signer = RequestSigner::new()
        .with_service_sas_permissions("r")
        .with_service_sas_protocol("https")
        .with_service_sas_version("2020-12-06");
    let (context, credential) = (Context::new(), Credential::with_shared_key(ACCOUNT, ACCOUNT_KEY));
    let parts = http::Request::get(BLOB_URL).body(()).unwrap().into_parts().0;
    let sign = move || {
        let mut parts = parts.clone();
        block_on(signer.sign_request(&context, &mut parts, Some(&credential), Some(LIFE))).unwrap();
        parts.uri
    };
    let url = sign().to_string();
    let differs = agree::on_url(&ours(&account_key(), &request(), made_at(&url)), &url);
    operation = operation.differing("reqsign-azure-storage", differs, move || {
        black_box(sign());
    });

    let expiry = ReqsignTimestamp::from_second(SECONDS + 900).unwrap();
    let pairs = move || {
        let resource = ServiceSasResource::Blob { container: BUCKET.to_owned(), blob: black_box(OBJECT).to_owned() };
        ServiceSharedAccessSignature::new(ACCOUNT.to_owned(), ACCOUNT_KEY.to_owned(), resource, "r".to_owned(), expiry)
            .with_protocol("https")
            .with_version("2020-12-06")
            .token()
            .unwrap()
    };
    let made: Vec<String> = pairs()
        .iter()
        .map(|(name, value)| format!("{name}={}", value.replace('+', "%2B").replace('=', "%3D")))
        .collect();
    let _ = agree::on_query(expected.split_once('?').unwrap().1, &made.join("&"));
    operation.differing("reqsign-azure-storage, pairs only", "pairs, not encoded, no URL", move || {
        black_box(pairs());
    })
}

/// # Panics
/// If a peer's output is not ours.
#[must_use]
pub fn service_with_start() -> Operation {
    let key = account_key();
    let request = request_from(now());
    let mut operation = Operation::hashing("Azure service SAS with a start, no protocol", blocks(&key, &request)).with(
        "valet-key, one request kept",
        move || {
            black_box(key.issue(black_box(&request), now()).unwrap());
        },
    );
    let store = store(MicrosoftAzureBuilder::new().with_access_key(ACCOUNT_KEY), Answer(String::new()));
    let (sign, differs) = object_store(store, &account_key());
    operation = operation.differing("object_store", differs, sign);
    operation
}

/// # Panics
/// If a peer's output is not ours.
#[must_use]
pub fn delegation() -> Operation {
    let mut operation =
        Operation::hashing("Azure user delegation SAS", blocks(&delegation_key(now(), "2020-12-06"), &request()));
    let mut signer =
        Presigner::new(delegation_key(now(), "2020-12-06"), &Endpoint::azure(), &Grant::read(BUCKET, OBJECT)).unwrap();
    let mut out = String::with_capacity(1024);
    signer.presign_into(OBJECT, now(), &mut out).unwrap();
    assert_eq!(out, ours(&delegation_key(now(), "2020-12-06"), &request(), now()));
    operation = operation.with("valet-key, into one buffer", move || {
        signer.presign_into(black_box(OBJECT), now(), &mut out).unwrap();
        black_box(&out);
    });

    let at = clock();
    let granter = UserDelegationSasGranter::new(
        ACCOUNT,
        UserDelegationSasGrant::for_blob(BUCKET, OBJECT, UserDelegationSasPermissions::READ),
    );
    let context = Context::new().with_http_send(answer(at, "2020-12-06"));
    let credential = Credential::with_bearer_token("bearer", None);
    let sign = move || block_on(granter.grant_credential(&context, &credential, Some(LIFE))).unwrap();
    let Credential::SasToken { token, .. } = sign() else { unreachable!("it grants tokens") };
    let expected = ours(&delegation_key(at, "2020-12-06"), &request(), made_at(&format!("?{token}")));
    let differs = without_url(agree::on_query(expected.split_once('?').unwrap().1, &token));
    operation.differing("reqsign-azure-storage, key kept", differs, move || {
        black_box(sign());
    })
}

fn without_url(differs: &'static str) -> &'static str {
    match differs {
        "" => "no URL",
        "order" => "order, no URL",
        _ => "order, escapes, no URL",
    }
}

/// # Panics
/// If a peer's output is not ours.
#[must_use]
pub fn delegation_of_2026() -> Operation {
    let request = request().version(Version::parse(NEW).unwrap());
    let key = delegation_key(now(), NEW);
    let expected = ours(&key, &request, now());
    let operation = Operation::hashing("Azure user delegation SAS of 2026-04-06", blocks(&key, &request)).with(
        "valet-key, one request kept",
        move || {
            black_box(key.issue(black_box(&request), now()).unwrap());
        },
    );
    let at = |seconds| time::OffsetDateTime::from_unix_timestamp(seconds).unwrap();
    let key = AzureKey {
        signed_delegated_user_tid: None,
        signed_expiry: Some(at(SECONDS + 5 * 86_400)),
        signed_oid: Some(IDS[0].to_owned()),
        signed_service: Some("b".to_owned()),
        signed_start: Some(at(SECONDS - 86_400)),
        signed_tid: Some(IDS[1].to_owned()),
        signed_version: Some(NEW.to_owned()),
        value: Some((0..32).collect()),
    };
    let sign = move || {
        SasBuilder::new(ACCOUNT, &key, at(SECONDS + 900))
            .unwrap()
            .protocol(AzureProtocol::Https)
            .blob(BUCKET, black_box(OBJECT))
            .read()
            .build()
    };
    let differs = without_url(agree::on_query(expected.split_once('?').unwrap().1, &sign()));
    operation.differing("azure_storage_sas", differs, move || {
        black_box(sign());
    })
}

/// # Panics
/// If a peer's output is not ours.
#[must_use]
pub fn delegation_with_start() -> Operation {
    let key = delegation_key(now(), OBJECT_STORES);
    let request = request_from(now());
    let mut operation = Operation::hashing(
        "Azure user delegation SAS with a start, no protocol",
        blocks(&key, &request),
    )
    .with("valet-key, one request kept", move || {
        black_box(key.issue(black_box(&request), now()).unwrap());
    });
    let at = clock();
    let builder = MicrosoftAzureBuilder::new().with_bearer_token_authorization("bearer");
    let (sign, differs) = object_store(store(builder, answer(at, OBJECT_STORES)), &delegation_key(at, OBJECT_STORES));
    operation = operation.differing("object_store, key kept", differs, sign);
    operation
}

fn store(builder: MicrosoftAzureBuilder, answer: Answer) -> MicrosoftAzure {
    builder.with_account(ACCOUNT).with_container_name(BUCKET).with_http_connector(answer).build().unwrap()
}

fn object_store(store: MicrosoftAzure, key: &dyn Sas) -> (impl FnMut() + 'static, &'static str) {
    let path = Path::from(OBJECT);
    let sign = move || block_on(store.signed_url(Method::GET, &path, LIFE)).unwrap();
    let url = sign().to_string();
    let at = made_at(&url);
    assert_eq!(agree::param(&url, "st"), iso(at));
    let differs = agree::on_url(&ours(key, &request_from(at), at), &url);
    let run = move || {
        black_box(sign());
    };
    (run, differs)
}

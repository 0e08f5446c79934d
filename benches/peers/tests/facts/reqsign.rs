use crate::WEEK;
use pollster::block_on;
use reqsign_aws_v4::{Credential as AwsCredential, RequestSigner as AwsSigner};
use reqsign_azure_storage::{Credential as AzureCredential, RequestSigner as AzureSigner};
use reqsign_core::{Context, SignRequest, time::Timestamp};
use reqsign_google::{Credential as GoogleCredential, RequestSigner as GoogleSigner, ServiceAccount};
use std::time::Duration;
use valet_key::{
    azure::{AccountKey, Sas as _, UrlRequest as AzureRequest},
    gcs::{Endpoint, Presigner, ServiceAccountKey},
    grant::{Grant, Justification, Lifetime},
};
use valet_key_peers::{
    agree::param,
    gcs::key_field,
    work::{ACCOUNT, ACCOUNT_KEY, BLOB_URL, BUCKET, ID, KEY_FILE, LIFE, OBJECT, REGION, SECRET, URL, now},
};

fn signed<S: SignRequest>(
    signer: &S,
    credential: &S::Credential,
    url: &str,
    life: Duration,
) -> reqsign_core::Result<String> {
    let mut parts = http::Request::get(url).body(()).unwrap().into_parts().0;
    block_on(signer.sign_request(&Context::new(), &mut parts, Some(credential), Some(life)))?;
    Ok(parts.uri.to_string())
}

fn aws_credential(expires_in: Option<Timestamp>) -> AwsCredential {
    AwsCredential {
        access_key_id: ID.to_owned(),
        secret_access_key: SECRET.to_owned(),
        session_token: None,
        expires_in,
    }
}

fn service_account(private_key: String) -> GoogleCredential {
    GoogleCredential::with_service_account(ServiceAccount { private_key, client_email: key_field("client_email") })
}

const GCS_URL: &str = "https://storage.googleapis.com/examplebucket/photos/2026/11/cat-1.jpg";

#[test]
fn reqsign_google_reads_the_key_for_each_url() {
    // A key that is none is found out by the first URL and not before.
    let broken = service_account("no key".to_owned());
    assert!(signed(&GoogleSigner::new("storage"), &broken, GCS_URL, LIFE).is_err());
    assert!(ServiceAccountKey::from_json("{\"client_email\": \"a@b.example\", \"private_key\": \"no key\"}").is_err());

    // Nor is anything of it kept: the third URL allocates what the second did, but for the random numbers of blinding.
    let (signer, credential) = (GoogleSigner::new("storage"), service_account(key_field("private_key")));
    let allocations = |count: &dyn Fn()| allocation_counter::measure(count).count_total;
    let theirs = || drop(signed(&signer, &credential, GCS_URL, LIFE).unwrap());
    theirs();
    let (second, third) = (allocations(&theirs), allocations(&theirs));
    assert!(third * 10 > second * 9, "{second} and then {third}");
    let mut ours = Presigner::new(
        ServiceAccountKey::from_json(KEY_FILE).unwrap(),
        &Endpoint::google(),
        &Grant::read(BUCKET, OBJECT),
    )
    .unwrap();
    let mut out = String::with_capacity(2048);
    ours.presign_into(OBJECT, now(), &mut out).unwrap();
    let of_ours = allocation_counter::measure(|| drop(ours.presign_into(OBJECT, now(), &mut out))).count_total;
    assert!(second > of_ours, "{second} against {of_ours}");
}

#[test]
fn reqsign_google_writes_the_signature_in_upper_case() {
    let signature = param(
        &signed(&GoogleSigner::new("storage"), &service_account(key_field("private_key")), GCS_URL, LIFE).unwrap(),
        "X-Goog-Signature",
    );
    assert_eq!(signature, signature.to_ascii_uppercase());
}

#[test]
fn reqsign_aws_refuses_a_url_that_outlives_its_credential() {
    let soon = Timestamp::now() + Duration::from_secs(600);
    let signer = AwsSigner::new("s3", REGION);
    assert!(signed(&signer, &aws_credential(Some(soon)), URL, LIFE).is_err());
    assert!(signed(&signer, &aws_credential(Some(soon)), URL, Duration::from_secs(300)).is_ok());
}

#[test]
fn reqsign_aws_signs_lifetimes_that_s3_refuses() {
    for life in [0, WEEK + 1] {
        let url = signed(&AwsSigner::new("s3", REGION), &aws_credential(None), URL, Duration::from_secs(life)).unwrap();
        assert_eq!(param(&url, "X-Amz-Expires"), life.to_string());
    }
}

#[test]
fn reqsign_hides_secrets_in_the_debug_of_credentials() {
    assert!(!format!("{:?}", aws_credential(None)).contains(SECRET));
    assert!(!format!("{:?}", AzureCredential::with_shared_key(ACCOUNT, ACCOUNT_KEY)).contains(ACCOUNT_KEY));
    assert!(!format!("{:?}", service_account(key_field("private_key"))).contains("PRIVATE KEY"));
}

#[test]
fn reqsign_aws_returns_a_uri_that_shows_its_signature_in_debug() {
    let mut parts = http::Request::get(URL).body(()).unwrap().into_parts().0;
    let (signer, credential) = (AwsSigner::new("s3", REGION), aws_credential(None));
    block_on(signer.sign_request(&Context::new(), &mut parts, Some(&credential), Some(LIFE))).unwrap();
    assert!(format!("{parts:?}").contains(&param(&parts.uri.to_string(), "X-Amz-Signature")));
}

#[test]
fn reqsign_azure_signs_permissions_that_are_none() {
    let signer = AzureSigner::new().with_service_sas_permissions("everything");
    let url = signed(&signer, &AzureCredential::with_shared_key(ACCOUNT, ACCOUNT_KEY), BLOB_URL, LIFE).unwrap();
    assert_eq!(param(&url, "sp"), "everything");
}

#[test]
fn reqsign_azure_leaves_the_protocol_open_unless_told() {
    let signer = AzureSigner::new().with_service_sas_permissions("r");
    let url = signed(&signer, &AzureCredential::with_shared_key(ACCOUNT, ACCOUNT_KEY), BLOB_URL, LIFE).unwrap();
    assert!(!url.contains("spr="));
    let ours = AccountKey::new(ACCOUNT, ACCOUNT_KEY).unwrap();
    let ours = ours.issue(&AzureRequest::storage(&Grant::read(BUCKET, OBJECT)).unwrap(), now()).unwrap();
    assert_eq!(param(ours.expose(), "spr"), "https");
}

#[test]
fn reqsign_azure_signs_for_ten_years() {
    let signer = AzureSigner::new().with_service_sas_permissions("r");
    let life = Duration::from_secs(10 * 365 * 86_400);
    assert!(signed(&signer, &AzureCredential::with_shared_key(ACCOUNT, ACCOUNT_KEY), BLOB_URL, life).is_ok());
    // A week without a word on why is refused.
    let week = Lifetime::from_seconds(604_800).unwrap();
    let key = AccountKey::new(ACCOUNT, ACCOUNT_KEY).unwrap();
    let grant = || Grant::read(BUCKET, OBJECT).lives(week);
    assert!(key.issue(&AzureRequest::storage(&grant()).unwrap(), now()).is_err());
    let justified = grant().because(Justification::new("a partner polls once a week").unwrap());
    assert!(key.issue(&AzureRequest::storage(&justified).unwrap(), now()).is_ok());
}

use crate::WEEK;
use ::aws_sigv4::{
    http_request::{
        PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningInstructions, SigningParams,
        SigningSettings, UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::identity::Identity;
use std::time::{Duration, SystemTime};
use valet_key_peers::work::{HOST, ID, REGION, SECONDS, SECRET};

const TOKEN: &str = "a-session-token-that-nobody-should-see";

fn identity() -> Identity {
    Credentials::new(ID, SECRET, Some(TOKEN.to_owned()), None, "facts").into()
}

fn params(identity: &Identity, life: u64) -> SigningParams<'_> {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.signature_location = SignatureLocation::QueryParams;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.expires_in = Some(Duration::from_secs(life));
    v4::SigningParams::builder()
        .identity(identity)
        .region(REGION)
        .name("s3")
        .time(SystemTime::UNIX_EPOCH + Duration::from_secs(SECONDS.cast_unsigned()))
        .settings(settings)
        .build()
        .unwrap()
        .into()
}

fn signed(path: &str, life: u64) -> (SigningInstructions, String) {
    let identity = identity();
    let url = format!("https://{HOST}{path}");
    let request = SignableRequest::new("GET", url, std::iter::empty(), SignableBody::UnsignedPayload).unwrap();
    sign(request, &params(&identity, life)).unwrap().into_parts()
}

#[test]
fn aws_sigv4_hides_the_secret_in_the_debug_of_its_parameters() {
    let identity = identity();
    let text = format!("{:?}", params(&identity, 900));
    assert!(!text.contains(SECRET) && !text.contains(TOKEN));
}

#[test]
fn aws_sigv4_shows_signature_and_session_token_in_the_debug_of_a_presigned_query() {
    let (instructions, signature) = signed("/a", 900);
    let text = format!("{instructions:?}");
    assert!(text.contains(&signature) && text.contains(TOKEN));
}

#[test]
fn aws_sigv4_signs_lifetimes_that_s3_refuses() {
    for life in [0, WEEK + 1] {
        let (instructions, _) = signed("/a", life);
        let expires = instructions.params().iter().find(|(name, _)| *name == "X-Amz-Expires").unwrap();
        assert_eq!(expires.1, life.to_string());
    }
}

#[test]
fn aws_sigv4_signs_dot_segments_when_told_what_s3_needs() {
    let (dots, folded) = (signed("/users/1/../2", 900), signed("/users/2", 900));
    // Its own path is what it signs, and clients fold it: the signature is then wrong.
    assert_ne!(dots.1, folded.1);
}

#[test]
fn aws_sigv4_refuses_a_url_that_is_not_encoded() {
    let url = format!("https://{HOST}/a b");
    assert!(SignableRequest::new("GET", url, std::iter::empty(), SignableBody::UnsignedPayload).is_err());
}

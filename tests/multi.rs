//! One grant, several clouds: which form carries it, what it is called, and that nothing of the grant is dropped.
#![cfg(all(feature = "aws", feature = "azure", feature = "gcs"))]

use proptest::prelude::*;
use std::{fmt::Write, sync::Arc};
use valet_key::aws::{self, SigV4};
use valet_key::azure::{self, Sas};
use valet_key::clock::Timestamp;
use valet_key::error::{IssueError, KeyError, VerifyError};
use valet_key::gcs::{self, GoogV4};
use valet_key::grant::{Actions, Constraint, Grant, Justification, Lifetime};
use valet_key::multi::{Account, Cloud, Form, Signature, ToSign, Token, Verifiers};
use valet_key::token::Fingerprint;
use valet_key::view::RequestView;

const SECRET: &str = "PLANTEDsecretPLANTEDsecretPLANTEDsecret0";
/// The same for Azure, whose keys are base64.
const SECRET_BASE64: &str = "UExBTlRFRHNlY3JldFBMQU5URURzZWNyZXRQTEFOVEU=";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn aws_key() -> aws::StaticKey {
    aws::StaticKey::new("AKIAIOSFODNN7EXAMPLE", SECRET).unwrap()
}

fn gcs_key() -> gcs::HmacKey {
    gcs::HmacKey::new("GOOG1EXAMPLE", SECRET).unwrap()
}

fn azure_key() -> azure::AccountKey {
    azure::AccountKey::new("account", SECRET_BASE64).unwrap()
}

fn delegated_key() -> azure::UserDelegationKey {
    let delegation = azure::Delegation::new(
        ["11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"],
        ["2023-11-14T22:00:00Z", "2023-11-15T22:00:00Z"],
        "b",
        "2026-02-06",
    );
    azure::UserDelegationKey::new("account", delegation.unwrap(), SECRET_BASE64).unwrap()
}

fn clouds() -> [Cloud<'static>; 4] {
    [
        Cloud::aws(aws_key(), "eu-west-1").unwrap(),
        Cloud::gcs(gcs_key()),
        Cloud::azure(azure_key()),
        Cloud::azure(delegated_key()),
    ]
}

fn why() -> Justification {
    Justification::new("a test of everything").unwrap()
}

fn upload() -> Grant {
    Grant::upload("photos", "42/cat.jpg").content_type("image/jpeg")
}

#[test]
fn the_narrowest_form_that_carries_everything_is_chosen() {
    use Constraint as C;
    use Form as F;
    let uploads = Grant::under("photos", "42/", Actions::UPLOAD).because(why());
    // For S3, Cloud Storage, and Azure with an account key and a user delegation key.
    let cases: [(Grant, [Result<Form, Constraint>; 4]); 12] = [
        (
            Grant::read("photos", "42/cat.jpg"),
            [Ok(F::S3PresignedUrl), Ok(F::GcsSignedUrl), Ok(F::AzureServiceSas), Ok(F::AzureDelegationSas)],
        ),
        (upload().exact_size(7), [Ok(F::S3PresignedUrl), Ok(F::GcsSignedUrl), Err(C::Size), Err(C::Size)]),
        (upload().size(1..=7), [Ok(F::S3PostPolicy), Ok(F::GcsSignedUrl), Err(C::Size), Err(C::Size)]),
        (
            upload().any_size(),
            [Ok(F::S3PresignedUrl), Ok(F::GcsSignedUrl), Err(C::ContentType), Ok(F::AzureDelegationSas)],
        ),
        (
            upload().content_type_prefix("image/").size(1..=7),
            [Ok(F::S3PostPolicy), Ok(F::GcsPostPolicy), Err(C::Size), Err(C::Size)],
        ),
        (
            upload().content_type_prefix("image/").any_size().because(why()),
            [Ok(F::S3PostPolicy), Ok(F::GcsPostPolicy), Err(C::ContentType), Err(C::ContentType)],
        ),
        (
            uploads.clone().content_type_prefix("image/").size(1..=7),
            [Ok(F::S3PostPolicy), Ok(F::GcsPostPolicy), Err(C::Size), Err(C::Size)],
        ),
        (
            uploads.any_content_type().any_size(),
            [Ok(F::S3PostPolicy), Ok(F::GcsPostPolicy), Ok(F::AzureServiceSas), Ok(F::AzureDelegationSas)],
        ),
        // A form creates or overwrites, a URL creates only.
        (
            Grant::create("photos", "cat.jpg").content_type("image/jpeg").size(1..=7),
            [Err(C::Action), Ok(F::GcsSignedUrl), Err(C::Size), Err(C::Size)],
        ),
        // A form does not carry what the other provider's does.
        (
            upload().size(1..=7).request_id("req-1"),
            [Err(C::RequestId), Ok(F::GcsSignedUrl), Err(C::Size), Err(C::Size)],
        ),
        (
            upload().content_type_prefix("image/").size(1..=7).sha256([7; 32]),
            [Ok(F::S3PostPolicy), Err(C::Checksum), Err(C::Size), Err(C::Size)],
        ),
        (
            Grant::read("photos", "cat.jpg").client_address("198.51.100.7"),
            [Err(C::ClientAddress), Err(C::ClientAddress), Ok(F::AzureServiceSas), Ok(F::AzureDelegationSas)],
        ),
    ];
    for (grant, expected) in cases {
        let found = clouds().map(|cloud| match cloud.issue(&grant, now()) {
            Ok(token) => Ok(token.form()),
            Err(IssueError::NotEnforceable { constraint, .. }) => Err(constraint),
            Err(other) => panic!("{grant:?}: {other}"),
        });
        assert_eq!(found, expected, "{grant:?}");
    }
}

#[test]
fn what_no_form_carries_names_what_could() {
    let [s3, gcs, azure, _] = clouds();
    for (cloud, grant, expected) in [
        (&s3, Grant::read("photos", "a").client_address("198.51.100.7"), "a session policy with `aws:SourceIp` can"),
        (
            &s3,
            Grant::create("photos", "a").content_type("a/b").size(1..=7),
            "an S3 POST policy cannot enforce action; a signed URL can, but binds an exact size alone",
        ),
        (&s3, Grant::read("photos", "a").exact_size(7), "it applies to uploads only"),
        (
            &gcs,
            Grant::create("photos", "a").content_type_prefix("a/").size(1..=7),
            "a signed URL can, but binds an exact media type alone",
        ),
        (&gcs, Grant::read("photos", "a").single_use(), "see `Endpoint::behind_gate`"),
        (&azure, upload().size(1..=7), "nothing of Azure can but a gateway"),
    ] {
        let error = cloud.issue(&grant, now()).unwrap_err();
        assert_eq!(error.code(), "not_enforceable");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn other_refusals_do_not_go_to_another_form() {
    let [s3, gcs, ..] = clouds();
    let long = upload().exact_size(7).lives(Lifetime::minutes(16).unwrap());
    for cloud in [s3, gcs] {
        assert!(matches!(cloud.issue(&long, now()), Err(IssueError::Unjustified { .. })));
        assert!(matches!(cloud.issue(&Grant::upload("photos", "a"), now()), Err(IssueError::Unbounded { .. })));
        assert!(matches!(cloud.issue(&Grant::read("x", "a"), now()), Err(IssueError::Invalid { .. })));
    }
}

/// The name by which the provider's own verifier knows the token.
fn found_by_verifier(token: &Token) -> Fingerprint {
    if let Some(form) = token.post_form() {
        let fields: Vec<(&str, &str)> = form.fields().collect();
        let content_type = [("Content-Type", "image/png")];
        let without = fields.iter().all(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        let fields = if without { [&content_type[..], &fields].concat() } else { fields };
        let named = |(name, value): &(&str, &str)| (name.to_string(), value.replace("${filename}", "a.png"));
        let owned: Vec<(String, String)> = fields.iter().map(named).collect();
        let fields: Vec<(&str, &str)> = owned.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if token.form() == Form::S3PostPolicy {
            let presented = aws::PresentedForm::parse(&aws::FormView::new("photos", &fields)).unwrap();
            return aws_key().verify_form(presented, &aws::ExpectForm::new("eu-west-1"), now()).unwrap().fingerprint();
        }
        let ring = gcs::KeyRing::new().with(gcs_key());
        let presented = gcs::PresentedForm::parse(&gcs::FormView::new("photos", &fields)).unwrap();
        return ring.verify_form(presented, &gcs::ExpectForm::new(), now()).unwrap().fingerprint();
    }
    let (host, target) = token.expose_url().strip_prefix("https://").unwrap().split_once('/').unwrap();
    let target = format!("/{target}");
    let mut headers = vec![("host", host.as_bytes())];
    headers.extend(token.required_headers().iter().map(|(name, value)| (name.as_str(), value.as_slice())));
    let view = RequestView::new(token.method(), &target, &headers).over_https();
    match token.form() {
        Form::S3PresignedUrl => {
            let expect = aws::Expect::new("eu-west-1", "s3");
            aws_key().verify(aws::Presented::parse(&view).unwrap(), &expect, now()).unwrap().fingerprint()
        }
        Form::GcsSignedUrl => {
            let expect = gcs::Expect::new().host(host);
            gcs_key().verify(gcs::Presented::parse(&view).unwrap(), &expect, now()).unwrap().fingerprint()
        }
        form => {
            let expect = azure::Expect::new("account", azure::Service::Blob).unwrap();
            let presented = azure::Presented::parse(&view).unwrap();
            let verified = if form == Form::AzureServiceSas {
                azure_key().verify(presented, &expect, now())
            } else {
                delegated_key().verify(presented, &expect, now())
            };
            verified.unwrap().fingerprint()
        }
    }
}

#[test]
fn the_fingerprint_is_what_the_verifier_calls_the_token() {
    let read = Grant::read("photos", "42/cat.jpg");
    let form = upload().content_type_prefix("image/").size(1..=7);
    let many = Grant::under("photos", "42/", Actions::UPLOAD).because(why()).any_content_type().size(1..=7);
    let [s3, gcs, azure, delegated] = clouds();
    let mut seen = Vec::new();
    for (cloud, grant, expected) in [
        (&s3, &read, Form::S3PresignedUrl),
        (&s3, &form, Form::S3PostPolicy),
        (&s3, &many, Form::S3PostPolicy),
        (&gcs, &read, Form::GcsSignedUrl),
        (&gcs, &form, Form::GcsPostPolicy),
        (&gcs, &many, Form::GcsPostPolicy),
        (&azure, &read, Form::AzureServiceSas),
        (&delegated, &read, Form::AzureDelegationSas),
    ] {
        let token = cloud.issue(grant, now()).unwrap();
        assert_eq!(token.form(), expected);
        assert_eq!(token.fingerprint(), found_by_verifier(&token), "{expected}");
        // The same for the same token, and for no other.
        assert_eq!(token.fingerprint(), cloud.issue(grant, now()).unwrap().fingerprint());
        let later = cloud.issue(grant, now().saturating_add(1)).unwrap();
        assert_ne!(token.fingerprint(), later.fingerprint());
        assert!(!seen.contains(&token.fingerprint()));
        seen.push(token.fingerprint());
    }
}

#[test]
fn a_token_tells_its_user_what_to_send_and_when_to_ask_again() {
    let [s3, ..] = clouds();
    let url = s3.issue(&upload().exact_size(7), now()).unwrap();
    let names: Vec<&str> = url.required_headers().iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((url.method(), names), ("PUT", vec!["content-length", "content-type"]));
    assert_eq!((url.cors().method, url.cors().headers), ("PUT", vec!["content-length", "content-type"]));
    assert_eq!((url.expose_fields().count(), url.bearer_url().is_some(), url.post_form().is_some()), (0, true, false));

    let form = s3.issue(&upload().size(1..=7), now()).unwrap();
    assert_eq!((form.method(), form.required_headers().len()), ("POST", 0));
    assert_eq!((form.cors().method, form.cors().headers.len()), ("POST", 0));
    assert!(form.expose_fields().any(|field| field == ("key", "42/cat.jpg")));
    assert_eq!(form.expose_url(), "https://photos.s3.eu-west-1.amazonaws.com/");

    for (seconds, after) in [(900, 720), (300, 240), (1, 0), (604_800, 483_840), (7, 5)] {
        let grant = Grant::read("photos", "a").lives(Lifetime::from_seconds(seconds).unwrap()).because(why());
        let token = s3.issue(&grant, now()).unwrap();
        assert_eq!(token.issued_at(), now());
        assert_eq!(token.expires_at().seconds_since(now()), i64::from(seconds));
        assert_eq!(token.refresh_at().seconds_since(now()), after);
    }
}

#[test]
fn a_key_that_lives_elsewhere_makes_the_same_token() {
    let grants = [Grant::read("photos", "a"), upload().content_type_prefix("image/").size(1..=7)];
    for cloud in clouds() {
        for grant in &grants {
            let Ok(at_once) = cloud.issue(grant, now()) else { continue };
            let prepared = cloud.account().prepare(grant, now()).unwrap();
            assert_eq!(prepared.form(), at_once.form());
            let signature = match prepared.to_sign() {
                ToSign::Aws { scope, message } => Signature::Aws(aws_key().sign(scope, message).unwrap()),
                ToSign::Gcs { scope, message } => Signature::Gcs(gcs_key().sign(scope, message).unwrap()),
                ToSign::Azure { message } => Signature::Azure(azure_key().sign(message).unwrap()),
                other => panic!("{other:?}"),
            };
            let token = prepared.finish(&signature).unwrap();
            assert_eq!(token.expose_url(), at_once.expose_url());
            assert!(token.expose_fields().eq(at_once.expose_fields()));
            assert_eq!(token.fingerprint(), at_once.fingerprint());
        }
    }
}

#[test]
fn a_signature_of_another_provider_is_refused() {
    let grant = Grant::read("photos", "a");
    let [s3, gcs, azure, _] = clouds();
    let foreign = Signature::Azure(azure::Signature::new([7; 32]));
    for cloud in [&s3, &gcs] {
        let refused = cloud.account().prepare(&grant, now()).unwrap().finish(&foreign);
        assert!(matches!(refused, Err(KeyError::Invalid { what: "signature", .. })));
    }
    assert!(azure.account().prepare(&grant, now()).unwrap().finish(&foreign).is_ok());
    // Within a provider, one of another algorithm.
    let account = gcs::Credential::service_account("a@b").unwrap();
    let account = Account::Gcs { credential: &account, endpoint: &gcs::Endpoint::google() };
    let prepared = account.prepare(&grant, now()).unwrap();
    let ToSign::Gcs { scope, message } = prepared.to_sign() else { panic!() };
    let hmac = Signature::Gcs(gcs_key().sign(scope, message).unwrap());
    assert!(matches!(prepared.finish(&hmac), Err(KeyError::Invalid { .. })));
}

#[test]
fn holders_are_owned_shared_or_borrowed() {
    let key = aws_key();
    let shared: Arc<dyn SigV4> = Arc::new(aws_key());
    let boxed: Box<dyn SigV4> = Box::new(aws_key());
    let grant = Grant::read("photos", "a");
    let clouds = [
        Cloud::aws(&key, "eu-west-1").unwrap(),
        Cloud::aws(Arc::clone(&shared), "eu-west-1").unwrap(),
        Cloud::aws(boxed, "eu-west-1").unwrap(),
        Cloud::Aws { key: shared, endpoint: aws::Endpoint::aws(aws::Region::new("eu-west-1").unwrap()) },
    ];
    let url = key.presign(&aws::UrlRequest::s3(&grant, "eu-west-1").unwrap(), now()).unwrap();
    for cloud in clouds {
        assert_eq!(cloud.issue(&grant, now()).unwrap().expose_url(), url.expose());
    }
}

#[test]
fn no_secret_shows() {
    let grants = [
        Grant::read("photos", "a"),
        upload().content_type_prefix("image/").size(1..=7),
        Grant::read("photos", "a").single_use(),
    ];
    for cloud in clouds() {
        let mut planted = vec![SECRET.to_owned(), SECRET_BASE64.to_owned()];
        let mut shown = format!("{cloud:?} {cloud:#?} {:?}", cloud.account());
        for grant in &grants {
            match cloud.issue(grant, now()) {
                Ok(token) => {
                    let query = token.expose_url().split_once('?').map(|(_, query)| query.to_owned());
                    let secret =
                        |(name, _): &(&str, &str)| ["policy", "x-amz-signature", "x-goog-signature"].contains(name);
                    planted.extend(query);
                    planted.extend(token.expose_fields().filter(secret).map(|(_, value)| value.to_owned()));
                    write!(shown, "{token:?} {token:#?}").unwrap();
                    let prepared = cloud.account().prepare(grant, now()).unwrap();
                    write!(shown, "{prepared:?} {prepared:#?} {:?}", prepared.to_sign()).unwrap();
                }
                Err(error) => write!(shown, "{error:?} {error}").unwrap(),
            }
        }
        assert!(planted.len() > 2);
        for secret in planted {
            let pieces = [&secret[..16], &secret[secret.len() - 16..]];
            assert!(pieces.iter().all(|piece| !shown.contains(piece)), "{secret} shows in {shown}");
        }
    }
}

fn verifiers() -> Verifiers {
    let mut azure = azure::KeyRing::new();
    azure.insert(azure_key()).unwrap();
    Verifiers::new()
        .aws(aws::Verifier::new(aws::KeyRing::new().with(aws_key()), aws::Expect::new("eu-west-1", "s3")))
        .gcs(gcs::Verifier::new(gcs::KeyRing::new().with(gcs_key()), gcs::Expect::new()))
        .azure(azure::Verifier::new(azure, azure::Expect::new("account", azure::Service::Blob).unwrap()))
}

/// What the verifiers say to a request for this URL, with one more parameter and header line.
fn said_to(
    verifiers: &Verifiers,
    url: &str,
    param: &str,
    line: Option<(&str, &[u8])>,
) -> Result<Fingerprint, VerifyError> {
    let (host, target) = url.strip_prefix("https://").unwrap().split_once('/').unwrap();
    let target = format!("/{target}{param}");
    let headers: Vec<(&str, &[u8])> = [("host", host.as_bytes())].into_iter().chain(line).collect();
    let view = RequestView::new("GET", &target, &headers).over_https();
    verifiers.verify(&view, now()).map(|verified| verified.fingerprint())
}

#[test]
fn a_request_goes_to_the_verifier_of_its_provider() {
    let verifiers = verifiers();
    let tokens = clouds().map(|cloud| cloud.issue(&Grant::read("photos", "42/cat.jpg"), now()).unwrap());
    for token in &tokens[..3] {
        let said = |param: &str| said_to(&verifiers, token.expose_url(), param, None);
        assert_eq!(said(""), Ok(token.fingerprint()), "{}", token.form());
        // The verifier's own words.
        let changed = token.expose_url().replace("cat.jpg", "dog.jpg");
        let refused = said_to(&verifiers, &changed, "", None);
        assert_eq!(refused, Err(VerifyError::SignatureMismatch), "{}", token.form());
        // Nobody here verifies for that provider.
        let nobody = said_to(&Verifiers::new(), token.expose_url(), "", None);
        assert_eq!(nobody, Err(VerifyError::UnknownKey));
    }
    let plain = "https://photos.s3.eu-west-1.amazonaws.com/cat.jpg";
    for param in ["", "?versionId=1", "?signature=1", "?sigs=1&xx-amz-date=1"] {
        assert_eq!(said_to(&verifiers, plain, param, None), Err(VerifyError::NotSigned), "{param}");
    }
    let long = said_to(&verifiers, plain, &format!("?{}", "a".repeat(60 << 10)), None);
    assert!(matches!(long, Err(VerifyError::TooLarge { what: "request target", limit: 61_440, .. })));
}

#[test]
fn r01_tokens_of_two_providers_in_one_request_are_refused() {
    let verifiers = verifiers();
    let tokens = clouds().map(|cloud| cloud.issue(&Grant::read("photos", "42/cat.jpg"), now()).unwrap());
    let params = [
        ["&X-Amz-Signature=0", "&x-amz-date=0", "&%58-Amz-Signature=0"],
        ["&X-Goog-Signature=0", "&x-goog-date=0", "&X%2dGoog-Signature=0"],
        ["&sig=0", "&SIG=0", "&s%69g=0"],
    ];
    for (of, token) in tokens[..3].iter().enumerate() {
        for param in (0..3).filter(|other| *other != of).flat_map(|other| params[other]) {
            match said_to(&verifiers, token.expose_url(), param, None) {
                Err(VerifyError::TwoMechanisms { first, second }) => assert_ne!(first, second),
                other => panic!("{} and {param}: {other:?}", token.form()),
            }
        }
        let headers = [("Authorization", "AWS4-HMAC-SHA256 x"), ("authorization", "GOOG4-RSA-SHA256 x")];
        for (at, (name, value)) in headers.into_iter().enumerate() {
            let said = said_to(&verifiers, token.expose_url(), "", Some((name, value.as_bytes())));
            assert!(
                matches!(said, Err(VerifyError::TwoMechanisms { .. })),
                "{} and {value} ({at}): {said:?}",
                token.form()
            );
        }
    }
}

/// Grants of all kinds, many of which no form carries.
fn any_grant() -> impl Strategy<Value = Grant> {
    let kind = prop_oneof![
        Just(Grant::read("photos", "42/cat.jpg")),
        Just(Grant::head("photos", "42/cat.jpg")),
        Just(Grant::delete("photos", "42/cat.jpg")),
        Just(Grant::upload("photos", "42/cat.jpg")),
        Just(Grant::create("photos", "42/cat.jpg")),
        Just(Grant::upload_part("photos", "42/cat.jpg", "u-1", 3)),
        Just(Grant::under("photos", "42/", Actions::UPLOAD).because(why())),
        Just(Grant::under("photos", "42/", Actions::READ | Actions::LIST).because(why())),
        Just(Grant::list("photos", "42/").because(why())),
    ];
    let size = prop_oneof![Just(None), Just(Some(7..=7)), Just(Some(1..=7))];
    (kind, size, 0u8..4, any::<[bool; 7]>()).prop_map(|(mut grant, size, content_type, more)| {
        grant = match size {
            Some(size) => grant.size(size),
            None if more[0] => grant.any_size(),
            None => grant,
        };
        grant = match content_type {
            0 => grant,
            1 => grant.content_type("image/png"),
            2 => grant.content_type_prefix("image/"),
            _ => grant.any_content_type(),
        };
        for (said, add) in more.into_iter().zip([
            |grant: Grant| grant.because(why()),
            |grant: Grant| grant.sha256([7; 32]),
            |grant: Grant| grant.metadata("a", "b"),
            |grant: Grant| grant.client_address("198.51.100.7"),
            |grant: Grant| grant.single_use(),
            |grant: Grant| grant.request_id("11111111-1111-1111-1111-111111111111"),
            |grant: Grant| grant.not_before(Timestamp::from_unix(1_700_000_000).unwrap()),
        ] as [fn(Grant) -> Grant; 7])
        {
            // Seldom, so that most grants can be carried.
            grant = if said && more[1] == more[2] { add(grant) } else { grant };
        }
        grant
    })
}

proptest! {
    /// Either nothing is issued, or what one form of the provider makes of the whole grant: there is no other lowering.
    #[test]
    fn a_token_is_what_its_form_makes_of_the_whole_grant(grant in any_grant()) {
        let (google, microsoft) = (gcs::Endpoint::google(), azure::Endpoint::azure());
        let amazon = aws::Endpoint::aws(aws::Region::new("eu-west-1").unwrap());
        for cloud in clouds() {
            let Ok(token) = cloud.issue(&grant, now()) else { continue };
            match token.form() {
                Form::S3PresignedUrl => {
                    let url = aws_key().presign(&aws::UrlRequest::at(&amazon, &grant).unwrap(), now()).unwrap();
                    prop_assert_eq!(token.expose_url(), url.expose());
                }
                Form::GcsSignedUrl => {
                    let url = gcs_key().signed_url(&gcs::UrlRequest::at(&google, &grant).unwrap(), now()).unwrap();
                    prop_assert_eq!(token.expose_url(), url.expose());
                }
                Form::AzureServiceSas => {
                    let url = azure_key().issue(&azure::UrlRequest::at(&microsoft, &grant).unwrap(), now()).unwrap();
                    prop_assert_eq!(token.expose_url(), url.expose());
                }
                Form::AzureDelegationSas => {
                    let request = azure::UrlRequest::at(&microsoft, &grant).unwrap();
                    let url = delegated_key().issue(&request, now()).unwrap();
                    prop_assert_eq!(token.expose_url(), url.expose());
                }
                Form::S3PostPolicy => {
                    prop_assert!(aws::UrlRequest::at(&amazon, &grant).is_err());
                    let form = aws::PostPolicy::at(&amazon, &grant).unwrap().sign(&aws_key(), now()).unwrap();
                    prop_assert!(token.expose_fields().eq(form.fields()));
                }
                _ => {
                    prop_assert!(gcs::UrlRequest::at(&google, &grant).is_err());
                    let form = gcs::PostPolicy::at(&google, &grant).unwrap().sign(&gcs_key(), now()).unwrap();
                    prop_assert!(token.expose_fields().eq(form.fields()));
                }
            }
        }
    }
}

#[test]
fn a_token_for_an_endpoint_without_tls_is_good_there_and_needs_a_reason() {
    let endpoint = azure::Endpoint::emulator("http://127.0.0.1:10000").unwrap();
    let cloud = Cloud::azure_at(azure_key(), endpoint);
    let grant = Grant::read("photos", "42/cat.jpg");
    assert_eq!(cloud.issue(&grant, now()).err(), Some(IssueError::Unjustified { what: "plain HTTP" }));
    let token = cloud.issue(&grant.clone().because(why()), now()).unwrap();
    assert!(token.expose_url().contains("spr=https%2Chttp"));
    // Elsewhere a reason for something else does not do away with TLS.
    let token = Cloud::azure(azure_key()).issue(&grant.because(why()), now()).unwrap();
    assert!(token.expose_url().contains("spr=https&"));
}

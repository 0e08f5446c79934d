//! No secret, private key, session token or signature shows in any `Debug`, `Display` or error.

use super::{Arriving, ID, expect, later, now};
use valet_key::aws::{Credential, RegionSet, Request, S3Error, UrlRequest, v4a};
use valet_key::error::VerifyError;
use valet_key::grant::Grant;

const SECRET: &str = "PLANTEDsecretPLANTEDsecretPLANTEDsecret0";
const TOKEN: &str = "PLANTEDtoken/PLANTEDtoken+PLANTEDtoken=";
/// The private key derived from them, by another program.
const PRIVATE: &str = "cddfe40a6eb0b31a4aa4f9df51ea554d66f64d0c7be530be60fceed26e2ddc2b";

fn key() -> v4a::StaticKey {
    let credential = Credential::new(ID).unwrap().with_session_token(TOKEN).unwrap();
    v4a::StaticKey::from_credential(credential, SECRET).unwrap()
}

/// A text in the spellings that it could leak in, lower-case.
fn spellings(text: &str, bytes: &[u8]) -> Vec<String> {
    let numbers = format!("{bytes:?}");
    let numbers = numbers.trim_matches(['[', ']']);
    let mut all = vec![text.to_owned(), text[..16].to_owned(), hex::encode(bytes), numbers.to_owned()];
    all.push(text.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D"));
    all.iter().map(|text| text.to_ascii_lowercase()).collect()
}

fn planted(signature: &str) -> Vec<String> {
    let mut all = spellings(SECRET, SECRET.as_bytes());
    all.extend(spellings(TOKEN, TOKEN.as_bytes()));
    for hex_digits in [PRIVATE, signature] {
        all.extend(spellings(hex_digits, &hex::decode(hex_digits).unwrap()));
    }
    all
}

#[track_caller]
fn hides(planted: &[String], texts: &[String]) {
    for text in texts {
        let text = text.to_ascii_lowercase();
        let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for planted in planted {
            assert!(!text.contains(planted) && !one_line.contains(planted), "{planted} shows in {text}");
        }
    }
}

fn shown(value: &impl std::fmt::Debug) -> [String; 2] {
    [format!("{value:?}"), format!("{value:#?}")]
}

#[test]
fn debug_of_every_type_hides_what_is_planted() {
    let (key, regions) = (key(), RegionSet::everywhere());
    let request = UrlRequest::s3(&Grant::read("photos", "cat.jpg"), super::REGION).unwrap().region_set(regions.clone());
    let headers = Request::new("GET", super::ORIGIN, super::REGION, "s3").unwrap().path("/cat.jpg").region_set(regions);
    let prepared = request.prepare_v4a(key.credential(), now()).unwrap();
    let prepared_headers = headers.prepare_headers_v4a(key.credential(), now()).unwrap();
    let signature = key.sign(prepared.string_to_sign()).unwrap();
    let url = prepared.clone().finish(&signature);
    let hex_digits = url.expose().rsplit('=').next().unwrap().to_owned();
    let planted = planted(&hex_digits);
    let signed = prepared_headers.clone().finish(&key.sign(prepared_headers.string_to_sign()).unwrap());
    let ring = v4a::KeyRing::new().with(key.credential().clone(), key.public_key());
    let mut texts: Vec<String> = [
        shown(&key),
        shown(&key.public_key()),
        shown(&ring),
        shown(&request),
        shown(&prepared),
        shown(prepared.string_to_sign()),
        shown(&prepared_headers),
        shown(&signature),
        shown(&url),
        shown(&signed),
    ]
    .concat();
    Arriving::presigned_by(&key, "*").with_view(|view| {
        let presented = v4a::Presented::parse(view).unwrap();
        texts.extend(shown(view));
        texts.extend(shown(&presented));
        let pending = presented.check(key.credential(), &expect(), now()).unwrap();
        texts.extend(shown(&pending));
        texts.extend(shown(&pending.accept_public(&key.public_key()).unwrap()));
    });
    hides(&planted, &texts);
    // The search finds what is not hidden.
    assert!(planted.iter().any(|text| url.expose().to_ascii_lowercase().contains(text)));
}

#[test]
fn every_error_hides_what_is_planted() {
    let key = key();
    let other = v4a::StaticKey::new(ID, "another secret").unwrap();
    let mut found = 0;
    for sent in [Arriving::presigned_by(&key, "*"), Arriving::header_signed_by(&key, "*")] {
        let planted = planted(sent.signature());
        let half = &sent.signature()[..sent.signature().len() - 2];
        let changes = [
            sent.with_signature(half),
            sent.with_signature(&sent.signature().to_ascii_uppercase()),
            sent.clone().header("x-amz-security-token", TOKEN),
            sent.clone().header("x-amz-region-set", SECRET),
            sent.clone().header("authorization", &format!("Bearer {SECRET}")),
            Arriving { method: "PUT", ..sent.clone() },
        ];
        let mut errors: Vec<VerifyError> =
            changes.iter().filter_map(|sent| sent.verify_as(&key, &expect(), now()).err()).collect();
        errors.extend(sent.verify_as(&other, &expect(), now()).err());
        errors.extend(sent.verify_as(&key, &expect(), later(10_000)).err());
        errors.extend(sent.verify_as(&key, &valet_key::aws::Expect::new("us-east-1", "sqs"), now()).err());
        for error in &errors {
            found += 1;
            let answer = S3Error::detailed(error);
            hides(&planted, &[format!("{error}"), format!("{error:?}"), format!("{answer:?}"), answer.to_xml("req-1")]);
        }
    }
    assert!(found >= 14, "only {found} errors");
    for error in [
        v4a::StaticKey::new(ID, "").unwrap_err(),
        v4a::StaticKey::new(SECRET.to_owned() + "/", SECRET).unwrap_err(),
        v4a::Signature::from_der(SECRET.as_bytes()).unwrap_err(),
        v4a::PublicKey::from_sec1(SECRET.as_bytes()).unwrap_err(),
    ] {
        hides(&planted(&"00".repeat(32)), &[format!("{error}"), format!("{error:?}")]);
    }
}

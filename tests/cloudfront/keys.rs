//! Keys in every form that they come in, and in forms that are none.

use crate::{HOST, ID, at, ec_key, key_file, rsa_key};
use valet_key::{
    aws::cloudfront::{Credential, KeyKind, PolicyRequest, PublicKey, SigningKey},
    error::KeyError,
};

fn rsa() -> Credential {
    Credential::rsa(ID).unwrap()
}

fn ecdsa() -> Credential {
    Credential::ecdsa(ID).unwrap()
}

#[test]
fn a_private_key_signs_the_same_in_either_form() {
    let request = PolicyRequest::for_url(&format!("https://{HOST}/x")).unwrap();
    let url = |key: &SigningKey| key.signed_url(&request, at(0)).unwrap().expose().to_owned();
    let pkcs1 = SigningKey::from_rsa_pem(rsa(), &key_file("cloudfront-rsa-pkcs1.pem")).unwrap();
    assert_eq!(url(&pkcs1), url(&rsa_key()));
    // Deterministic, though ECDSA need not be.
    let sec1 = SigningKey::from_ec_pem(ecdsa(), &key_file("cloudfront-ec-sec1.pem")).unwrap();
    assert_eq!(url(&sec1), url(&ec_key()));
    assert_eq!((pkcs1.public_key().kind(), sec1.public_key().kind()), (KeyKind::Rsa2048, KeyKind::EcdsaP256));
}

#[test]
fn what_is_no_key_of_cloudfronts_is_refused_without_being_quoted() {
    let refused = |error: KeyError, pem: &str| {
        assert!(matches!(error, KeyError::Invalid { .. }), "{error}");
        let shown = format!("{error} {error:?}");
        let inside = pem.lines().find(|line| line.len() > 40 && !line.starts_with('-'));
        assert!(inside.is_none_or(|inside| !shown.contains(inside)), "{shown}");
    };
    let junk = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----";
    for name in ["rsa-3072.pem", "p384.pem", "cloudfront-ec.pem", "cloudfront-rsa-public.pem"] {
        let pem = key_file(name);
        refused(SigningKey::from_rsa_pem(rsa(), &pem).unwrap_err(), &pem);
    }
    for name in ["rsa-3072.pem", "p384.pem", "cloudfront-rsa.pem", "cloudfront-ec-public.pem"] {
        let pem = key_file(name);
        refused(SigningKey::from_ec_pem(ecdsa(), &pem).unwrap_err(), &pem);
    }
    for name in ["rsa-3072-public.pem", "p384-public.pem", "cloudfront-ec-public.pem", "cloudfront-rsa.pem"] {
        let pem = key_file(name);
        refused(PublicKey::from_rsa_pem(&pem).unwrap_err(), &pem);
    }
    for name in ["rsa-3072-public.pem", "p384-public.pem", "cloudfront-rsa-public.pem", "cloudfront-ec.pem"] {
        let pem = key_file(name);
        refused(PublicKey::from_ec_pem(&pem).unwrap_err(), &pem);
    }
    let long = format!("{}{}", key_file("cloudfront-ec.pem"), " ".repeat(64 << 10));
    for pem in ["", "x", junk, &long] {
        refused(SigningKey::from_rsa_pem(rsa(), pem).unwrap_err(), pem);
        refused(SigningKey::from_ec_pem(ecdsa(), pem).unwrap_err(), pem);
        refused(PublicKey::from_rsa_pem(pem).unwrap_err(), pem);
        refused(PublicKey::from_ec_pem(pem).unwrap_err(), pem);
    }
    // As much as is read of a file, and one byte more.
    for (most, reads) in [(64 << 10, true), ((64 << 10) + 1, false)] {
        let padded = |name: &str| {
            let pem = key_file(name);
            " ".repeat(most - pem.len()) + &pem
        };
        assert_eq!(SigningKey::from_ec_pem(ecdsa(), &padded("cloudfront-ec.pem")).is_ok(), reads);
        assert_eq!(PublicKey::from_ec_pem(&padded("cloudfront-ec-public.pem")).is_ok(), reads);
        assert_eq!(SigningKey::from_rsa_pem(rsa(), &padded("cloudfront-rsa.pem")).is_ok(), reads);
        assert_eq!(PublicKey::from_rsa_pem(&padded("cloudfront-rsa-public.pem")).is_ok(), reads);
    }
    // A credential of the other kind.
    assert!(SigningKey::from_rsa_pem(ecdsa(), &key_file("cloudfront-rsa.pem")).is_err());
    assert!(SigningKey::from_ec_pem(rsa(), &key_file("cloudfront-ec.pem")).is_err());
}

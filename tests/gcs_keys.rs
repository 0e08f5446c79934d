//! Keys of Cloud Storage in every form that they come in, and in forms that are none.

#![cfg(feature = "rsa")]

use valet_key::clock::Timestamp;
use valet_key::error::KeyError;
use valet_key::gcs::{
    Credential, Expect, GoogV4, KeyRing, Presented, PublicKey, ServiceAccountKey, SignBlob, Signature, UrlRequest,
};
use valet_key::grant::Grant;
use valet_key::view::RequestView;

fn file(name: &str) -> String {
    std::fs::read_to_string(format!("{}/tests/vectors/gcs/keys/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn account_file() -> serde_json::Value {
    serde_json::from_str(&file("dummy-service-account.json")).unwrap()
}

fn key() -> ServiceAccountKey {
    ServiceAccountKey::from_json(&file("dummy-service-account.json")).unwrap()
}

fn account() -> Credential {
    key().credential().clone()
}

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn signed() -> String {
    let request = UrlRequest::storage(&Grant::read("photos", "cat.jpg")).unwrap();
    let url = key().signed_url(&request, now()).unwrap();
    url.expose().strip_prefix("https://storage.googleapis.com").unwrap().to_owned()
}

#[test]
fn a_private_key_signs_the_same_in_either_form() {
    let pkcs8 = account_file()["private_key"].as_str().unwrap().to_owned();
    let request = UrlRequest::storage(&Grant::read("photos", "cat.jpg")).unwrap();
    for pem in [pkcs8, file("dummy-pkcs1.pem")] {
        let key = ServiceAccountKey::from_pem(account(), &pem).unwrap();
        assert!(key.signed_url(&request, now()).unwrap().expose().ends_with(&signed()));
    }
}

#[test]
fn a_public_key_verifies_in_every_form() {
    let target = signed();
    let headers: [(&str, &[u8]); 1] = [("host", b"storage.googleapis.com")];
    let view = RequestView::new("GET", &target, &headers);
    let check = |keys: Vec<PublicKey>| {
        let mut ring = KeyRing::new();
        ring.set_account(account(), keys).unwrap();
        ring.verify(Presented::parse(&view).unwrap(), &Expect::new(), now()).is_ok()
    };
    for name in ["dummy-certificate.pem", "dummy-public.pem", "dummy-public-pkcs1.pem"] {
        assert!(check(vec![PublicKey::from_pem(&file(name)).unwrap()]), "{name}");
    }
    assert!(!check(vec![PublicKey::from_pem(&file("other-certificate.pem")).unwrap()]));
    // As Google publishes them, several at once: a URL does not name its key.
    let published = serde_json::json!({
        "one": file("other-certificate.pem"), "two": file("dummy-certificate.pem"),
    });
    let keys = PublicKey::from_certificates_json(&published.to_string()).unwrap();
    assert_eq!(keys.len(), 2);
    assert!(check(keys));
}

#[test]
fn a_ring_takes_one_to_sixteen_keys_of_an_account() {
    let key = PublicKey::from_pem(&file("dummy-public.pem")).unwrap();
    let mut ring = KeyRing::new();
    assert!(ring.set_account(account(), vec![]).is_err());
    assert!(ring.set_account(account(), vec![key.clone(); 17]).is_err());
    assert!(ring.is_empty());
    ring.set_account(account(), vec![key.clone(); 16]).unwrap();
    // Setting replaces: a key that Google withdrew is gone.
    ring.set_account(account(), vec![key]).unwrap();
    assert_eq!(ring.len(), 1);
    assert_eq!(ring.remove(account().id()), 1);
    assert!(ring.is_empty());
    let many: serde_json::Map<String, serde_json::Value> =
        (0..17).map(|at| (at.to_string(), file("dummy-certificate.pem").into())).collect();
    assert!(PublicKey::from_certificates_json(&serde_json::Value::Object(many).to_string()).is_err());
}

/// What must not show in an error: any eight letters in a row of the key.
fn quotes(text: &str, secret: &str) -> bool {
    let secret: Vec<char> = secret.lines().filter(|line| !line.starts_with("-----")).flat_map(str::chars).collect();
    secret.windows(8).any(|window| text.contains(&window.iter().collect::<String>()))
}

#[test]
fn what_is_no_key_is_refused_without_being_quoted() {
    let good = account_file();
    let pem = good["private_key"].as_str().unwrap().to_owned();
    let with = |field: &str, value: serde_json::Value| {
        let mut changed = good.clone();
        changed[field] = value;
        changed.to_string()
    };
    let whole = good.to_string();
    let mut cases = vec![
        String::new(),
        "{}".to_owned(),
        "[]".to_owned(),
        format!("{whole}{whole}"),
        whole[..whole.len() - 1].to_owned(),
        whole.replacen('{', "{\"private_key\":\"x\",", 1),
        with("type", "authorized_user".into()),
        with("client_email", "not an address".into()),
        with("client_email", "a/b@c".into()),
        with("private_key", 1.into()),
        with("private_key", serde_json::Value::Null),
        " ".repeat(70_000),
    ];
    let body_at = pem.find('\n').unwrap() + 1;
    for damaged in [
        pem.replacen("PRIVATE", "ENCRYPTED PRIVATE", 2),
        pem.replace("BEGIN PRIVATE KEY", "BEGIN RSA PRIVATE KEY"),
        pem[..pem.len() / 2].to_owned(),
        pem[body_at..].to_owned(),
        format!("{}!{}", &pem[..body_at + 10], &pem[body_at + 11..]),
        format!("{}A{}", &pem[..body_at + 100], &pem[body_at + 101..]),
        file("ec.pem"),
        file("small-1024.pem"),
        file("dummy-certificate.pem"),
        String::new(),
    ] {
        let error = ServiceAccountKey::from_pem(account(), &damaged).unwrap_err();
        assert!(matches!(error, KeyError::Invalid { what: "private key", .. }), "{error:?}");
        assert!(!quotes(&format!("{error} {error:?}"), &pem), "{error}");
        cases.push(with("private_key", damaged.into()));
    }
    for case in cases {
        let error = ServiceAccountKey::from_json(&case).unwrap_err();
        assert_eq!(error.code(), "key_invalid");
        assert!(!quotes(&format!("{error} {error:?}"), &pem), "{error}");
    }
    for damaged in [
        file("ec.pem"),
        pem,
        String::new(),
        file("dummy-certificate.pem").replace("CERTIFICATE", "PUBLIC KEY"),
        file("dummy-public.pem")[..200].to_owned(),
        "-".repeat(70_000),
    ] {
        let error = PublicKey::from_pem(&damaged).unwrap_err();
        assert!(matches!(error, KeyError::Invalid { what: "public key", .. }), "{error:?}");
    }
    let hmac = Credential::hmac_key("GOOG1").unwrap();
    assert!(ServiceAccountKey::from_pem(hmac, &file("dummy-pkcs1.pem")).is_err());
}

#[test]
fn a_signature_of_sign_blob_finishes_what_was_prepared() {
    use base64ct::Encoding;
    let request = UrlRequest::storage(&Grant::read("photos", "cat.jpg")).unwrap();
    let prepared = request.prepare(&account(), now()).unwrap();
    let hex = signed().rsplit('=').next().unwrap().to_owned();
    let bytes = hex::decode(&hex).unwrap();
    let call = SignBlob::new(&account()).unwrap();
    let sent: serde_json::Value = serde_json::from_str(&call.body(prepared.string_to_sign())).unwrap();
    let payload = base64ct::Base64::decode_vec(sent["payload"].as_str().unwrap()).unwrap();
    assert_eq!(payload, prepared.string_to_sign().as_bytes());
    let answer = format!("{{\"keyId\":\"1\",\"signedBlob\":\"{}\"}}", base64ct::Base64::encode_string(&bytes));
    let url = prepared.clone().finish(&call.read_answer(&answer).unwrap()).unwrap();
    assert!(url.expose().ends_with(&signed()));
    assert!(prepared.finish(&Signature::rsa(bytes).unwrap()).unwrap().expose().ends_with(&signed()));
    for length in [0, 32, 64, 255, 513, 1024] {
        assert!(Signature::rsa(vec![0; length]).is_err(), "{length}");
    }
}

#[test]
fn whoever_checks_alone_accepts_with_the_public_key_of_the_signer() {
    let target = signed();
    let headers: [(&str, &[u8]); 1] = [("host", b"storage.googleapis.com")];
    let pending = || {
        let presented = Presented::parse(&RequestView::new("GET", &target, &headers)).unwrap();
        presented.check(&account(), &Expect::new(), now()).unwrap()
    };
    assert!(pending().accept_public(&PublicKey::from_pem(&file("dummy-public.pem")).unwrap()).is_ok());
    assert!(pending().accept_public(&PublicKey::from_pem(&file("other-certificate.pem")).unwrap()).is_err());
}

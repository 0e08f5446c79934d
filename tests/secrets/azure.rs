//! No key, signature or token in what is printed.

use crate::planted::Planted;
use base64ct::Encoding;
use valet_key::azure::{
    AccountKey, AccountKeys, AccountPermissions, AccountRequest, BlobPermissions, Delegation, Endpoint, Expect, Inline,
    KeyRing, Presented, Presigner, ResourceTypes, Sas, Service, Services, StorageError, UrlRequest, UserDelegationKey,
    Verifier,
};
use valet_key::clock::Timestamp;
use valet_key::grant::{Grant, Justification};
use valet_key::view::RequestView;

const KEY: &str = "cGxhbnRlZC1rZXktMTIzNDU2Nzg5MA==";
const HOST: &str = "myaccount.blob.core.windows.net";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

/// The key, and the signature of a URL.
fn planted(url: &str) -> Planted {
    let escaped = url.split("sig=").nth(1).unwrap().split('&').next().unwrap();
    let signature = escaped.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
    let bytes = base64ct::Base64::decode_vec(&signature).unwrap();
    Planted::new(&[KEY, "planted-key-1234567890", &signature]).and_bytes(&bytes)
}

fn key() -> AccountKey {
    AccountKey::new("myaccount", KEY).unwrap()
}

fn delegated() -> UserDelegationKey {
    let ids = ["11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"];
    let window = ["2023-11-14T22:00:00Z", "2023-11-14T23:00:00Z"];
    UserDelegationKey::new("myaccount", Delegation::new(ids, window, "b", "2020-12-06").unwrap(), KEY).unwrap()
}

#[test]
fn nothing_that_is_printed_holds_a_key_or_a_signature() {
    for holder in [&key() as &dyn Sas, &delegated()] {
        let request = UrlRequest::blob("photos", "cat.jpg", Inline::new(BlobPermissions::READ)).unwrap();
        let url = holder.issue(&request, now()).unwrap();
        let planted = planted(url.expose());
        let prepared = request.prepare(holder.credential(), now()).unwrap();
        let signature = holder.sign(prepared.string_to_sign()).unwrap();
        planted.is_hidden_by(&holder);
        planted.is_hidden_by(&holder.prepared_key());
        planted.is_hidden_by(&holder.credential());
        planted.is_hidden_by(&request);
        planted.is_hidden_by(&prepared);
        planted.is_hidden_by(&prepared.string_to_sign());
        planted.is_hidden_by(&signature);
        planted.is_hidden_by(&url);
        planted.is_hidden_by(&Presigner::new(holder, &Endpoint::azure(), &Grant::read("photos", "any")).unwrap());
        let headers: [(&str, &[u8]); 1] = [("host", HOST.as_bytes())];
        let target = url.expose().strip_prefix("https://myaccount.blob.core.windows.net").unwrap();
        let view = RequestView::new("GET", target, &headers).over_https();
        let expect = Expect::new("myaccount", Service::Blob).unwrap();
        let presented = Presented::parse(&view).unwrap();
        planted.is_hidden_by(&view);
        planted.is_hidden_by(&presented);
        let pending = presented.clone().check(holder.credential(), &expect, now()).unwrap();
        planted.is_hidden_by(&pending);
        planted.is_hidden_by(&holder.verify(presented, &expect, now()).unwrap());
    }
    let account = AccountRequest::new(
        Services::BLOB,
        ResourceTypes::OBJECT,
        AccountPermissions::READ,
        Justification::new("a test").unwrap(),
    );
    let token = account.issue(&key(), now()).unwrap();
    let planted = planted(token.expose());
    planted.is_hidden_by(&token);
    planted.is_hidden_by(&account.prepare(key().credential(), now()).unwrap());
    planted.is_hidden_by(&AccountKeys::new(key(), key()).unwrap());
}

#[test]
fn no_error_quotes_a_key_or_a_signature() {
    let url = key().issue(&UrlRequest::storage(&Grant::read("photos", "cat.jpg")).unwrap(), now()).unwrap();
    let planted = planted(url.expose());
    let target = url.expose().strip_prefix("https://myaccount.blob.core.windows.net").unwrap();
    let (path, query) = target.split_once('?').unwrap();
    let signature = query.split("sig=").nth(1).unwrap();
    let mut ring = KeyRing::new();
    ring.insert(key()).unwrap();
    let verifier = Verifier::new(ring, Expect::new("myaccount", Service::Blob).unwrap());
    planted.is_hidden_by(&verifier);
    let mut codes = std::collections::BTreeSet::new();
    // The signature in every place where an error could quote what it found.
    let fields =
        ["sv", "sp", "se", "st", "sr", "spr", "sip", "si", "skoid", "srh", "comp", "restype", "tn", "sdd", "ses"];
    let mut targets: Vec<String> = fields.iter().map(|field| format!("{path}?{field}={signature}&{query}")).collect();
    targets.extend(fields.iter().map(|field| {
        let kept: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with(&format!("{field}="))).collect();
        format!("{path}?{field}={signature}&{}", kept.join("&"))
    }));
    targets.extend([
        format!("{path}/{signature}?{query}"),
        format!("/{signature}?{query}"),
        format!("{path}?{query}&{query}"),
        format!("{path}?{query}0"),
        query.to_owned(),
        target.replace("cat", "dog"),
        target.to_owned(),
    ]);
    for target in &targets {
        for method in ["GET", "PUT", "DELETE"] {
            let headers: [(&str, &[u8]); 1] = [("host", HOST.as_bytes())];
            if let Err(error) = verifier.verify(&RequestView::new(method, target, &headers).over_https(), now()) {
                planted.is_not_in(&format!("{error} {error:?} {error:#?} {}", StorageError::from(&error).to_xml("id")));
                codes.insert(error.code());
            }
        }
    }
    assert!(codes.len() >= 6, "{codes:?}");
}

#[test]
fn keys_that_are_refused_are_not_quoted() {
    for text in ["planted-key", "planted-key-1234567890==", &KEY[..KEY.len() - 1]] {
        let error = AccountKey::new("myaccount", text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("planted") && !format!("{error}").contains(text), "{error}");
    }
    let error = AccountKey::new("planted key", KEY).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(KEY));
}

/// Every search of this file, for the list of what was searched.
#[cfg(all(feature = "rsa", feature = "ecdsa", feature = "legacy", feature = "sigv4a", feature = "tower"))]
pub(crate) fn search_everything() {
    nothing_that_is_printed_holds_a_key_or_a_signature();
    no_error_quotes_a_key_or_a_signature();
    keys_that_are_refused_are_not_quoted();
}

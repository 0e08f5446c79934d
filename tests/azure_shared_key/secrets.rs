//! No key, signature or `Value` shows in any `Debug` or error.

use crate::{Arriving, now};
use std::fmt::Debug;
use valet_key::{
    azure::{
        AccountKey, AccountKeys, DelegationKeyCache, ExpectSharedKey, KeyRequest, Sas, Service, SharedKeyRequest,
        Signature, UserDelegationKey,
    },
    error::VerifyError,
    grant::Lifetime,
};

/// Base64 of [`DECODED`].
const SECRET: &str = "UExBTlRFRHNlY3JldFBMQU5URURzZWNyZXRQTEFOVEVE";
const DECODED: &str = "PLANTEDsecretPLANTEDsecretPLANTED";
const META: &str = "PLANTED-metadata-value";
const PARAM: &str = "PLANTED-popreceipt-value";

/// Looks for a secret whole, by its ends, in hex, and as the numbers of its bytes.
#[track_caller]
fn is_not_in(text: &str, secrets: &[&str]) {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    for secret in secrets {
        assert!(secret.len() >= 16, "too short to be looked for");
        let numbers = format!("{:?}", &secret.as_bytes()[..8]).trim_matches(['[', ']']).to_owned();
        for part in [&secret[..16], &secret[secret.len() - 16..], &hex::encode(&secret[..8]), &numbers] {
            assert!(!text.contains(&part.to_ascii_lowercase()), "{part} shows in {text}");
        }
    }
}

#[track_caller]
fn is_hidden_by(value: &dyn Debug, secrets: &[&str]) {
    is_not_in(&format!("{value:?} {value:#?}"), secrets);
}

fn key() -> AccountKey {
    AccountKey::new("myaccount", SECRET).unwrap()
}

fn request() -> SharedKeyRequest {
    SharedKeyRequest::new("PUT", Service::Blob, "/photos/a")
        .unwrap()
        .query("popreceipt", PARAM)
        .header("x-ms-meta-a", META)
}

fn expect() -> ExpectSharedKey {
    ExpectSharedKey::new("myaccount", Service::Blob).unwrap()
}

#[test]
fn shared_key_shows_neither_key_nor_signature() {
    let signed = key().authorize(&request(), now()).unwrap();
    let signature = signed.expose_authorization().split_once(':').unwrap().1.to_owned();
    let secrets = [SECRET, DECODED, META, PARAM, &signature];
    is_hidden_by(&key(), &secrets);
    is_hidden_by(&AccountKeys::new(key(), key()).unwrap(), &secrets);
    is_hidden_by(&request(), &secrets);
    is_hidden_by(&expect(), &secrets);
    let prepared = request().prepare(key().credential(), now()).unwrap();
    is_hidden_by(&prepared, &secrets);
    is_hidden_by(prepared.string_to_sign(), &secrets);
    is_hidden_by(&prepared.clone().finish(&Signature::new(*b"PLANTEDsecretPLANTEDsecretPLANTE")), &secrets);
    is_hidden_by(&signed, &secrets);

    let arriving = Arriving::of(&signed);
    arriving
        .see(|presented| {
            is_hidden_by(&presented, &secrets);
            let pending = presented.clone().check(key().credential(), &expect(), now())?;
            is_hidden_by(&pending, &secrets);
            let verified = key().verify_request(presented, &expect(), now())?;
            is_hidden_by(&verified, &secrets);
            is_hidden_by(&verified.into_inner(), &secrets);
            Ok(())
        })
        .unwrap();
}

#[test]
fn errors_of_shared_key_quote_nothing() {
    let signed = key().authorize(&request(), now()).unwrap();
    let signature = signed.expose_authorization().split_once(':').unwrap().1.to_owned();
    let secrets = [SECRET, DECODED, META, PARAM, &signature];
    let arriving = Arriving::of(&signed);
    let mut seen = std::collections::BTreeSet::new();
    let changes: [&dyn Fn(&mut Arriving); 14] = [
        &|it| it.method = "GET".into(),
        &|it| it.target.push_str(PARAM),
        &|it| it.target.push_str("&sig=PLANTED-popreceipt-value"),
        &|it| it.target.push_str("&popreceipt=PLANTED-popreceipt-value"),
        &|it| it.target.push_str("&x=PLANTED-popreceipt-value%FF"),
        &|it| it.target.push_str("&x=PLANTED-popreceipt-value+"),
        &|it| it.target = format!("/../{PARAM}"),
        &|it| it.target = format!("{PARAM}%"),
        &|it| it.set("x-ms-meta-a", &format!("{META}  x")),
        &|it| it.set("x-ms-date", META),
        &|it| it.set("x-ms-version", META),
        &|it| it.set("content-md5", META),
        &|it| it.set("Authorization", &format!("SharedKeyLite myaccount:{SECRET}")),
        &|it| it.set("Authorization", &format!("SharedKey otheraccount:{signature}")),
    ];
    for change in changes {
        let other = arriving.with(|it| change(it));
        let error: VerifyError =
            other.see(|presented| key().verify_request(presented, &expect(), now()).map(drop)).unwrap_err();
        is_not_in(&format!("{error} {error:?} {error:#?}"), &secrets);
        seen.insert(error.code());
    }
    assert!(seen.len() >= 6, "{seen:?}");

    for bad in [
        request().header("accept", META),
        request().header("x-ms-meta-b", format!("{META}\n")),
        request().query("a", format!("{PARAM}\n")),
        request().query("popreceipt", PARAM),
        request().header("content-md5", META),
    ] {
        let error = key().authorize(&bad, now()).unwrap_err();
        is_not_in(&format!("{error} {error:?}"), &secrets);
    }
    let error = AccountKey::new("myaccount", "UExBTlRFRHNlY3JldFBMQU5URURzZWNyZXRQTEFOVEVE=").unwrap_err();
    is_not_in(&format!("{error} {error:?}"), &secrets);
}

#[test]
fn delegation_keys_show_no_value() {
    let call = KeyRequest::new("myaccount", Service::Blob, now(), now().saturating_add(86_400)).unwrap();
    let answer = |value: &str| {
        format!(
            "<UserDelegationKey><SignedOid>11111111-1111-1111-1111-111111111111</SignedOid>\
             <SignedTid>22222222-2222-2222-2222-222222222222</SignedTid><SignedStart>{}</SignedStart>\
             <SignedExpiry>{}</SignedExpiry><SignedService>b</SignedService><SignedVersion>2020-12-06</SignedVersion>\
             <Value>{value}</Value></UserDelegationKey>",
            now(),
            now().saturating_add(86_400)
        )
    };
    let key: UserDelegationKey = call.read_answer(&answer(SECRET)).unwrap();
    let secrets = [SECRET, DECODED];
    is_hidden_by(&call, &secrets);
    is_hidden_by(&key, &secrets);
    let mut cache = DelegationKeyCache::new("myaccount", Service::Blob, Lifetime::minutes(15).unwrap()).unwrap();
    cache.keep(key, now()).unwrap();
    is_hidden_by(&cache, &secrets);
    for bad in
        [format!("{SECRET}="), format!("{SECRET}<b/>"), format!("&{SECRET};"), format!("{SECRET}</Value><Value>")]
    {
        let error = call.read_answer(&answer(&bad)).unwrap_err();
        is_not_in(&format!("{error} {error:?}"), &secrets);
    }
    let foreign = call.read_answer(&answer(SECRET)).unwrap();
    let mut other = DelegationKeyCache::new("otheraccount", Service::Blob, Lifetime::DEFAULT).unwrap();
    let error = other.keep(foreign, now()).unwrap_err();
    is_not_in(&format!("{error} {error:?}"), &secrets);
}

//! What Azurite says of our tokens and signed requests: accepted for what they grant, refused for the rest.
//!
//! `tests/interop/azurite.sh` starts it and runs this; without it nothing is checked here. Each case is one request, and
//! a refusal counts only with the status and the error code that belong to its reason: a token that is good for one
//! request and refused for the next is refused for what it lacks, and not for its signature.
//!
//! What Azurite reads otherwise than the service is asked, not counted, and fails once Azurite reads it as the service:
//!
//! - It does not check the address of a client, or the range of keys of a table.
//! - Of a token with a stored policy it reads start, expiry and permissions in the policy alone, so that a case whose terms
//!   are split shows nothing but that the signature is right.
//! - It signs empty lines where a user delegation token has `saoid`, `suoid` and `scid`.
//! - It answers 400 to a stored policy that says nothing.
//! - It knows neither `sr=d` nor `ses`, and no user delegation since 2026-04-06.

#![cfg(feature = "azure")]

mod blobs;
mod delegation;
mod emulator;
mod policies;
mod queues_and_tables;
mod shared_key;

use emulator::{Azurite, BLOCK_BLOB, Want, at, blob, now};
use queues_and_tables::table;
use valet_key::azure::{
    AddressRange, DirectoryPermissions, Inline, KeyRange, Service, StoredPolicies, StoredPolicy, UrlRequest,
};

#[test]
fn azurite_accepts_what_is_granted_and_refuses_the_rest() {
    let Some(mut azurite) = Azurite::from_env() else {
        println!("VALET_KEY_AZURITE_BLOB and the like are not set: skipped, see tests/interop/azurite.sh");
        return;
    };
    let a = &mut azurite;
    account_sas(a);
    blobs::all(a);
    queues_and_tables::queues(a);
    queues_and_tables::tables(a);
    policies::stored_policies(a);
    delegation::user_delegation(a);
    shared_key::shared_key(a);
    not_counted(a);
    println!("{} of {} as expected", a.cases - a.failed.len(), a.cases);
    assert!(a.failed.is_empty() && a.cases >= 250, "{} cases, {:#?}", a.cases, a.failed);
}

fn account_sas(a: &mut Azurite) {
    for name in ["first", "second"] {
        let url = a.account_url(Service::Blob, "c", "c", &format!("/{name}?restype=container"));
        let answer = a.send("PUT", &url, &[], "");
        a.case(&format!("account SAS b/c/c: create container {name}"), Want::Yes, answer);
    }
    let list = a.account_url(Service::Blob, "c", "c", "/?comp=list");
    let answer = a.send("GET", &list, &[], "");
    a.case("account SAS b/c/c: list containers", Want::Beyond, answer);
    let list = a.account_url(Service::Blob, "c", "c", "/first?restype=container&comp=list");
    let answer = a.send("GET", &list, &[], "");
    a.case("account SAS b/c/c: list blobs", Want::Beyond, answer);
    let list = a.account_url(Service::Blob, "s", "l", "/?comp=list");
    let answer = a.send("GET", &list, &[], "");
    a.case("account SAS b/s/l: list containers", Want::Body("<Name>first</Name>"), answer);
    let put = a.account_url(Service::Blob, "o", "cw", "/first/by-account");
    let answer = a.send("PUT", &put, &[BLOCK_BLOB], "by account");
    a.case("account SAS b/o/cw: upload", Want::Yes, answer);
    let answer = a.send("GET", &put, &[], "");
    a.case("account SAS b/o/cw: read", Want::Beyond, answer);
    let read = a.account_url(Service::Blob, "o", "r", "/first/by-account");
    let answer = a.send("GET", &read, &[], "");
    a.case("account SAS b/o/r: read", Want::Body("by account"), answer);
    let answer = a.send("GET", &read.replace("sp=r", "sp=rw"), &[], "");
    a.case("account SAS with another sp", Want::BadToken, answer);
    for (service, path, headers, body) in [
        (Service::Queue, "/first", &[][..], ""),
        (Service::Queue, "/second", &[][..], ""),
        (
            Service::Table,
            "/Tables",
            &[("content-type", "application/json"), ("accept", "application/json;odata=nometadata")][..],
            r#"{"TableName":"First"}"#,
        ),
        (
            Service::Table,
            "/Tables",
            &[("content-type", "application/json"), ("accept", "application/json;odata=nometadata")][..],
            r#"{"TableName":"Second"}"#,
        ),
    ] {
        let method = if service == Service::Queue { "PUT" } else { "POST" };
        let url = a.account_url(service, "c", "c", path);
        let answer = a.send(method, &url, headers, body);
        a.case(&format!("account SAS {}/c/c: create {path} {body}", service.label()), Want::Yes, answer);
        let blob_token = a.account_url(Service::Blob, "c", "c", "/first");
        let foreign = format!("{}?{}", url.split('?').next().unwrap(), blob_token.split_once('?').unwrap().1);
        let answer = a.send(method, &foreign, headers, body);
        a.case(&format!("account SAS of blobs: create in the {} service", service.label()), Want::Beyond, answer);
    }
}

/// What Azurite is known not to check, so that its word says nothing about us.
fn not_counted(a: &mut Azurite) {
    let here = AddressRange::parse("127.0.0.1").unwrap();
    let url = a.url(&a.key, &blob("first", "dir/cat.txt", "r").address(here));
    let answer = a.send("GET", &url, &[], "");
    a.case("blob r: from our address", Want::Body("changed"), answer);
    let elsewhere = AddressRange::parse("192.0.2.1").unwrap();
    let url = a.url(&a.key, &blob("first", "dir/cat.txt", "r").address(elsewhere));
    let answer = a.send("GET", &url, &[], "");
    a.overlooks("an address outside of `sip`, which Azurite does not check", "200", &answer);
    let range = KeyRange::partition("other");
    let url = Azurite::issue(&a.key, &a.table, &table(range, "r"), now());
    let url = at(&url, |path| format!("{path}(PartitionKey='p',RowKey='1')"), "");
    let answer = a.send("GET", &url, &[("accept", "application/json;odata=nometadata")], "");
    a.overlooks("a row outside of the range of keys, which Azurite does not check", "200", &answer);
    let mut nothing = StoredPolicies::new();
    nothing.set(StoredPolicy::new("nothing").unwrap()).unwrap();
    let headers = [("content-type", "application/xml")];
    let answer = a.shared_key(&a.key, "PUT", "/first?restype=container&comp=acl", &nothing.to_xml(), &headers);
    a.overlooks("a stored access policy that says nothing, which Azurite does not take", "400", &answer);
    let terms = Inline::new(DirectoryPermissions::READ);
    let directory = UrlRequest::directory("first", "dir", terms).unwrap();
    let url = at(&a.url(&a.key, &directory), |path| format!("{path}/cat.txt"), "");
    let answer = a.send("GET", &url, &[], "");
    a.overlooks("a token for a directory (`sr=d`), which Azurite does not know", "403 AuthorizationFailure", &answer);
    let url = a.url(&a.key, &blob("first", "dir/cat.txt", "r").encryption_scope("scope"));
    let answer = a.send("GET", &url, &[], "");
    a.overlooks("an encryption scope (`ses`), which Azurite does not know", "500 FeatureNotSupported", &answer);
}

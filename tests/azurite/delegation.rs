//! User delegation keys, and the tokens that are made with one.

use crate::emulator::{ACCOUNT, Azurite, BLOCK_BLOB, Want, at, blob, container, now, swap, with};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use std::fmt::Write as _;
use valet_key::{
    azure::{KeyRequest, Sas, Service, UserDelegationKey, Version},
    grant::ContentDisposition,
};

/// A bearer token of Entra ID with a signature that nobody checks.
pub(crate) fn bearer() -> String {
    let base64url = |text: &str| Base64UrlUnpadded::encode_string(text.as_bytes());
    let now = now().unix();
    let mut claims = String::new();
    write!(
        claims,
        "{{\"aud\":\"https://storage.azure.com\",\"iss\":\"https://sts.windows.net/{TENANT}/\",\"iat\":{now},\"nbf\":{},\
         \"exp\":{},\"oid\":\"{USER}\",\"sub\":\"{USER}\",\"tid\":\"{TENANT}\",\"ver\":\"1.0\"}}",
        now - 60,
        now + 3600
    )
    .unwrap();
    format!("Bearer {}.{}.c2ln", base64url("{\"alg\":\"RS256\",\"typ\":\"JWT\"}"), base64url(&claims))
}

pub(crate) const TENANT: &str = "22222222-2222-4222-8222-222222222222";
pub(crate) const USER: &str = "11111111-1111-4111-8111-111111111111";

pub(crate) fn delegation_key(a: &mut Azurite) -> Option<UserDelegationKey> {
    let (start, end) = (now().saturating_sub(900), now().saturating_add(3600));
    let call = KeyRequest::new(ACCOUNT, Service::Blob, start, end).unwrap().endpoint(&a.blob).unwrap();
    let bearer = bearer();
    let mut headers = call.headers().to_vec();
    let answer = a.send(call.method(), &call.url(), &headers, &call.body());
    a.holds("delegation: ask without a bearer token", matches!(answer.status, 401 | 403), &answer.code);
    headers.push(("authorization", &bearer));
    let answer = a.send(call.method(), &call.url(), &headers, &call.body());
    let answer = a.case("delegation: ask for a key", Want::Body("<Value>"), answer);
    let key = call.read_answer(&answer.body);
    a.holds("delegation: read the answer", key.is_ok(), &format!("{:?}", key.as_ref().err()));
    let key = key.ok()?;
    let delegation = key.credential().delegation().unwrap();
    let is_asked = delegation.object_id() == USER && delegation.tenant_id() == TENANT && delegation.expires_at() == end;
    a.holds("delegation: the key is of the user who asked", is_asked, "");
    Some(key)
}

pub(crate) fn user_delegation(a: &mut Azurite) {
    let Some(key) = delegation_key(a) else { return };
    let name = "dir/delegated ä.txt";
    for version in ["2018-11-09", "2020-02-10", "2020-12-06", "2024-11-04", "2025-07-05", "2025-11-05", "2026-02-06"] {
        let request = |letters| blob("first", name, letters).version(Version::parse(version).unwrap());
        let (upload, read) = (a.url(&key, &request("cw")), a.url(&key, &request("r")));
        let answer = a.send("PUT", &upload, &[BLOCK_BLOB], version);
        a.case(&format!("delegation, sv={version}, blob cw: upload"), Want::Yes, answer);
        let answer = a.send("GET", &upload, &[], "");
        a.case(&format!("delegation, sv={version}, blob cw: read"), Want::Beyond, answer);
        let answer = a.send("GET", &read, &[], "");
        let is_same = answer.is(Want::Yes) && answer.body == version;
        a.holds(
            &format!("delegation, sv={version}, blob r: read"),
            is_same,
            &format!("{} {}", answer.status, answer.code),
        );
        let answer = a.send("DELETE", &read, &[], "");
        a.case(&format!("delegation, sv={version}, blob r: delete"), Want::Beyond, answer);
    }
    let request = blob("first", name, "r");
    let read = a.url(&key, &request);
    let mut other = read.clone();
    other = other.replace(USER, "33333333-3333-4333-8333-333333333333");
    for (text, url) in [
        ("another user", other),
        ("another blob", swap(&read, "/delegated", "/cat")),
        ("sp widened", read.replace("sp=r&", "sp=rd&")),
        ("expired", a.url_at(&key, &request, now().saturating_sub(3600))),
        ("without the fields of its key", {
            let (before, query) = read.split_once('?').unwrap();
            let kept: Vec<_> = query.split('&').filter(|pair| !pair.starts_with("sk")).collect();
            format!("{before}?{}", kept.join("&"))
        }),
    ] {
        assert_ne!(url, read, "{text}");
        let answer = a.send("GET", &url, &[], "");
        a.case(&format!("delegation, blob r: {text}"), Want::BadToken, answer);
    }
    let disposition = ContentDisposition::attachment("Übersicht.pdf");
    let url = a.url(&key, &blob("first", name, "r").content_disposition(disposition.as_str()));
    let answer = a.send("GET", &url, &[], "");
    let is_same = answer.is(Want::Yes) && answer.header("content-disposition") == disposition.as_str();
    a.holds("delegation, blob r: the file name comes back", is_same, answer.header("content-disposition"));
    let id = "44444444-4444-4444-8444-444444444444";
    for (text, request) in [
        ("a correlation id, where Azurite signs an empty line", blob("first", name, "r").correlation_id(id)),
        ("an authorized agent, where Azurite signs an empty line", blob("first", name, "r").authorized_agent(id)),
        ("an unauthorized agent, where Azurite signs an empty line", blob("first", name, "r").unauthorized_agent(id)),
    ] {
        let answer = a.send("GET", &a.url(&key, &request), &[], "");
        a.overlooks(text, "403 AuthorizationFailure", &answer);
    }
    let later = blob("first", name, "r").version(Version::parse("2026-04-06").unwrap());
    let answer = a.send("GET", &a.url(&key, &later), &[], "");
    a.overlooks("user delegation since 2026-04-06, which Azurite does not know", "403 AuthorizationFailure", &answer);
    let all = a.url(&key, &container("first", "rl"));
    let list = with(&all, "restype=container&comp=list&");
    for (text, method, url, want) in [
        ("list", "GET", list.clone(), Want::Body("<Name>dir/cat.txt</Name>")),
        ("read", "GET", at(&all, |path| format!("{path}/dir/cat.txt"), ""), Want::Body("changed")),
        ("delete", "DELETE", at(&all, |path| format!("{path}/dir/cat.txt"), ""), Want::Beyond),
        ("list another", "GET", swap(&list, "/first", "/second"), Want::BadToken),
    ] {
        let answer = a.send(method, &url, &[], "");
        a.case(&format!("delegation, container rl: {text}"), want, answer);
    }
}

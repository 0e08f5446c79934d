//! Shared access signatures and Shared Key of Azure Storage.

use super::{escaped, is_cause, refusal};
use valet_key::{
    azure::{
        AccountKey, AccountPermissions, AccountRequest, BlobPermissions, ContainerPermissions, Expect, ExpectSharedKey,
        Inline, KeyRange, Plus, Presented, PresentedRequest, ResourceTypes, Sas, Service, Services, SharedKeyRequest,
        StorageError, TablePermissions, UrlRequest, Version,
    },
    clock::Timestamp,
    error::VerifyError,
    explain::{Answer, Cause, Signed, explain},
    grant::Justification,
    view::RequestView,
};

/// Header lines.
type Lines = Vec<(String, String)>;

const ACCOUNT: &str = "myaccount";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn key() -> AccountKey {
    AccountKey::new(ACCOUNT, "c2VjcmV0").unwrap()
}

fn blob(name: &str) -> UrlRequest {
    let terms = Inline::new(BlobPermissions::parse("rcw").unwrap());
    UrlRequest::blob("photos", name, terms).unwrap().because(Justification::new("a test").unwrap())
}

/// The error document that quotes the string to sign.
fn mismatch(string_to_sign: &str) -> Answer {
    let document = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>AuthenticationFailed</Code><Message>Server failed to \
         authenticate the request.\nRequestId:1\nTime:2023-11-14T22:13:20Z</Message><AuthenticationErrorDetail>Signature did \
         not match. String to sign used was {}</AuthenticationErrorDetail></Error>",
        escaped(string_to_sign)
    );
    Answer::parse(&document).unwrap()
}

/// A URL that was issued, changed on its way, and what the server signs for it.
#[track_caller]
fn serve(url: &str, service: Service, expect: &Expect) -> String {
    let (host, target) = url.split_once("://").unwrap().1.split_once('/').unwrap();
    assert!(host.contains(service.label()));
    let (target, headers) = (format!("/{target}"), [("host", host.as_bytes())]);
    let view = RequestView::new("GET", &target, &headers).over_https();
    Presented::parse(&view).unwrap().string_to_sign(expect).unwrap().to_text()
}

#[track_caller]
fn changed(request: &UrlRequest, service: Service, from: &str, to: &str, cause: Cause) {
    let url = key().issue(request, now()).unwrap();
    let prepared = request.prepare(key().credential(), now()).unwrap();
    let sent = url.expose().replacen(from, to, 1);
    assert_ne!(sent, url.expose());
    let theirs = serve(&sent, service, &Expect::new(ACCOUNT, service).unwrap().plus(Plus::Blank));
    let explanation = is_cause(&Signed::from(&prepared), &mismatch(&theirs), cause);
    let signature = url.expose().split("sig=").nth(1).unwrap();
    assert!(!explanation.to_string().contains(signature));
    assert!(explanation.difference().is_some());
}

#[test]
fn changed_tokens() {
    let terms = Inline::new(ContainerPermissions::parse("rl").unwrap());
    let container = UrlRequest::container("photos", terms).unwrap().because(Justification::new("a test").unwrap());
    changed(&blob("a"), Service::Blob, "sp=rcw", "sp=rwc", Cause::PermissionOrder);
    changed(&blob("a"), Service::Blob, "sp=rcw", "sp=r", Cause::Field);
    changed(&blob("a"), Service::Blob, "/photos/a?", "/photos/b?", Cause::Resource);
    changed(&blob("a b"), Service::Blob, "a%20b", "a%2520b", Cause::ResourceEncoded);
    changed(&blob("a"), Service::Blob, "sr=b", "sr=c", Cause::ResourceKind);
    changed(&container, Service::Blob, "sr=c", "sr=b", Cause::ResourceKind);
    changed(
        &blob("a").version(Version::V2020_12_06),
        Service::Blob,
        "sv=2020-12-06",
        "sv=2018-11-09",
        Cause::VersionDrift,
    );
    let disposition = blob("a").content_disposition("a b");
    changed(&disposition, Service::Blob, "a%20b", "a%2520b", Cause::EncodedTwice);
    changed(&disposition, Service::Blob, "a%20b", "a%2Bb", Cause::PlusForBlank);
    // The same minute, written without its seconds.
    let expiry = blob("a").prepare(key().credential(), Timestamp::from_unix(1_700_000_040).unwrap()).unwrap();
    let text = expiry.string_to_sign().to_text();
    let other = text.replacen(":00Z", "Z", 1);
    assert_ne!(text, other);
    is_cause(&Signed::from(&expiry), &mismatch(&other), Cause::TimeSpelling);
}

#[test]
fn texts_of_other_signers() {
    let prepared = blob("a/b.jpg").prepare(key().credential(), now()).unwrap();
    let text = prepared.string_to_sign().to_text();
    let theirs = serve(
        key().issue(&blob("a/b.jpg"), now()).unwrap().expose(),
        Service::Blob,
        &Expect::new(ACCOUNT, Service::Blob).unwrap(),
    );
    is_cause(&Signed::from(&prepared), &mismatch(&theirs), Cause::Secret);
    for (from, to, cause) in [
        ("/blob/myaccount/photos", "/myaccount/photos", Cause::ResourceIncomplete),
        ("/blob/myaccount/photos", "/blob/photos", Cause::ResourceIncomplete),
        ("/blob/myaccount/photos/", "/blob/myaccount/", Cause::ResourceIncomplete),
        ("a/b.jpg", "a%2Fb.jpg", Cause::ResourceEncoded),
        ("\nb\n", "\n", Cause::MissingLine),
        ("https\n", "\n", Cause::Field),
    ] {
        let ours = text.replacen(from, to, 1);
        assert_ne!(ours, text);
        is_cause(&Signed::lines(ours.as_bytes()), &mismatch(&theirs), cause);
    }
    let terms = Inline::new(TablePermissions::parse("r").unwrap());
    let table = UrlRequest::table("MyTable", KeyRange::default(), terms)
        .unwrap()
        .because(Justification::new("a test").unwrap());
    let theirs = serve(
        key().issue(&table, now()).unwrap().expose(),
        Service::Table,
        &Expect::new(ACCOUNT, Service::Table).unwrap(),
    );
    let ours = theirs.replace("mytable", "MyTable");
    assert_ne!(ours, theirs);
    is_cause(&Signed::lines(ours.as_bytes()), &mismatch(&theirs), Cause::TableNameCase);

    // An account token without the line feed at its end.
    let account = AccountRequest::new(
        Services::parse("b").unwrap(),
        ResourceTypes::parse("o").unwrap(),
        AccountPermissions::parse("r").unwrap(),
        Justification::new("a test").unwrap(),
    )
    .prepare(key().credential(), now())
    .unwrap();
    let theirs = account.string_to_sign().to_text();
    is_cause(&Signed::from(&account), &mismatch(&theirs), Cause::Secret);
    is_cause(&Signed::lines(theirs.trim_end().as_bytes()), &mismatch(&theirs), Cause::MissingLine);
    is_cause(&Signed::lines(theirs.replace("\nb\n", "\nq\n").as_bytes()), &mismatch(&theirs), Cause::Field);
}

#[test]
fn urls_alone() {
    let url = key().issue(&blob("a"), now()).unwrap().expose().to_owned();
    let theirs = serve(&url, Service::Blob, &Expect::new(ACCOUNT, Service::Blob).unwrap());
    is_cause(&Signed::url("GET", &url), &mismatch(&theirs), Cause::Secret);
    for name in ["b", "a/b", "A"] {
        let other = url.replacen("/a?", &format!("/{name}?"), 1);
        assert_ne!(other, url);
        let theirs = serve(&other, Service::Blob, &Expect::new(ACCOUNT, Service::Blob).unwrap());
        let explanation = is_cause(&Signed::url("GET", &url), &mismatch(&theirs), Cause::Resource);
        assert_eq!(explanation.difference().unwrap().field(), "canonicalized resource");
    }
    let sorted = url.replace("sp=rcw", "sp=wcr");
    is_cause(&Signed::url("GET", &sorted), &mismatch(&theirs), Cause::PermissionOrder);
    let (head, _) = url.split_once("sig=").unwrap();
    let plus = format!("{head}sig=a+b/cdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP=");
    is_cause(&Signed::url("GET", &plus), &mismatch(&theirs), Cause::PlusInSignature);
    is_cause(&Signed::url("GET", &url[..url.len() - 4]), &mismatch(&theirs), Cause::SignatureCut);
    let html = url.replace('&', "&amp;");
    is_cause(&Signed::url("GET", &html), &Answer::code("AuthenticationFailed"), Cause::AmpersandEscaped);
}

#[test]
fn what_azure_says_outright() {
    let prepared = blob("a").prepare(key().credential(), now()).unwrap();
    let frame = |current: &str| {
        let detail = format!(
            "Signature not valid in the specified time frame: Start [Tue, 14 Nov 2023 22:13:20 GMT] - Expiry [Tue, 14 Nov 2023 \
             22:28:20 GMT] - Current [{current}]"
        );
        refusal(
            "AuthenticationFailed",
            "No.",
            &format!("<AuthenticationErrorDetail>{detail}</AuthenticationErrorDetail>"),
        )
    };
    is_cause(&Signed::from(&prepared), &frame("Tue, 14 Nov 2023 22:28:21 GMT"), Cause::Expired);
    is_cause(&Signed::from(&prepared), &frame("Tue, 14 Nov 2023 22:13:19 GMT"), Cause::NotYetValid);
    for (error, cause) in [
        (VerifyError::PlainHttp, Cause::PlainHttp),
        (VerifyError::Expired { expired_at: now(), now: now() }, Cause::Expired),
    ] {
        let answer = Answer::parse(&StorageError::from(&error).to_xml("1")).unwrap();
        is_cause(&Signed::from(&prepared), &answer, cause);
    }
    for (code, cause) in [
        ("AuthorizationPermissionMismatch", Cause::Permission),
        ("AuthorizationSourceIPMismatch", Cause::SourceAddress),
        ("AuthorizationProtocolMismatch", Cause::PlainHttp),
        ("AuthorizationResourceTypeMismatch", Cause::Reach),
        ("AuthorizationServiceMismatch", Cause::Reach),
        ("AuthorizationFailure", Cause::Denied),
    ] {
        is_cause(&Signed::from(&prepared), &Answer::code(code), cause);
    }
}

#[test]
fn shared_key() {
    let request = || {
        SharedKeyRequest::new("PUT", Service::Blob, "/photos/a")
            .unwrap()
            .query("comp", "metadata")
            .header("content-type", "image/png")
            .header("x-ms-meta-a", "one")
            .content_length(5)
    };
    let prepared = request().prepare(key().credential(), now()).unwrap();
    let serve = |change: &dyn Fn(&mut Lines), target: &dyn Fn(String) -> String| {
        let sent = key().authorize(&request(), now()).unwrap();
        let (host, path) = sent.url().split_once("://").unwrap().1.split_once('/').unwrap();
        let mut headers: Lines = sent.headers().to_vec();
        headers.retain(|(name, _)| name != "host" && name != "authorization" && name != "content-length");
        headers.push(("host".into(), host.into()));
        headers.push(("content-length".into(), "5".into()));
        headers.push(("authorization".into(), sent.expose_authorization().into()));
        change(&mut headers);
        let lines: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (&**name, value.as_bytes())).collect();
        let target = target(format!("/{path}"));
        let view = RequestView::new("PUT", &target, &lines).over_https();
        let expect = ExpectSharedKey::new(ACCOUNT, Service::Blob).unwrap();
        PresentedRequest::parse(&view).unwrap().string_to_sign(&expect).unwrap().to_text()
    };
    let same = |target: String| target;
    let detail = |text: &str| {
        let detail = format!(
            "The MAC signature found in the HTTP request is not the same as any computed signature. Server used following \
             string to sign: '{}'.",
            escaped(text)
        );
        refusal(
            "AuthenticationFailed",
            "No.",
            &format!("<AuthenticationErrorDetail>{detail}</AuthenticationErrorDetail>"),
        )
    };
    let set = |name: &'static str, value: &'static str| {
        move |headers: &mut Lines| {
            headers.retain(|(known, _)| known != name);
            headers.push((name.into(), value.into()));
        }
    };
    let without = |name: &'static str| move |headers: &mut Lines| headers.retain(|(known, _)| known != name);
    is_cause(&Signed::from(&prepared), &detail(&serve(&|_| {}, &same)), Cause::Secret);
    let check = |theirs: String, cause: Cause| is_cause(&Signed::from(&prepared), &detail(&theirs), cause);
    check(serve(&set("content-type", "image/jpeg"), &same), Cause::ContentType);
    check(serve(&set("content-length", "6"), &same), Cause::ContentLength);
    check(serve(&set("x-ms-meta-a", "two"), &same), Cause::HeaderChanged);
    check(serve(&set("x-ms-meta-b", "two"), &same), Cause::HeaderAdded);
    check(serve(&without("x-ms-meta-a"), &same), Cause::HeaderNotSent);
    check(serve(&set("x-ms-date", "Tue, 14 Nov 2023 22:13:21 GMT"), &same), Cause::DateChanged);
    check(serve(&|_| {}, &|target| target.replace("/photos/a", "/photos/b")), Cause::Resource);
    check(serve(&|_| {}, &|target| target + "&timeout=20"), Cause::ParameterAdded);
    check(serve(&|_| {}, &|target| target.replace("?comp=metadata", "")), Cause::ParameterDropped);
    let explanation = explain(&Signed::from(&prepared), &detail(&serve(&set("content-length", "6"), &same))).unwrap();
    assert_eq!(explanation.difference().unwrap().line(), 4);
    assert_eq!(explanation.difference().unwrap().field(), "content-length");
}

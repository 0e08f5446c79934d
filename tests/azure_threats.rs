//! The rules that a verifier of Azure Storage tokens keeps, each under its number, with the answer that the peer gets. The
//! numbers are those of `threats.rs`.

#![cfg(feature = "azure")]

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use std::collections::BTreeMap;
use std::net::IpAddr;
use valet_key::azure::{
    AccountKey, AccountPermissions, AccountRequest, AddressRange, BlobPermissions, ContainerPermissions, Delegation,
    DirectoryPermissions, Endpoint, Expect, FilePermissions, Inline, KeyRange, KeyRing, Plus, Presented, Protocol,
    QueuePermissions, ResourceTypes, Sas, Service, Services, SignedRequest, Split, StorageError, Stored,
    StoredPolicies, StoredPolicy, TablePermissions, UrlRequest, UserDelegationKey, Verifier, Version,
};
use valet_key::clock::Timestamp;
use valet_key::error::{IssueError, VerifyError};
use valet_key::grant::{Action, Constraint, CopySource, Grant, Justification, Lifetime, Listing, ResponseHeader};
use valet_key::token::Verified;
use valet_key::view::{Limits, RequestView};

const ACCOUNT: &str = "myaccount";
const PRIMARY: &[u8] = b"the first key of the account";
const SECONDARY: &[u8] = b"the second key of the account";
const DELEGATED: &[u8] = b"the value of a user delegation key";
const OID: &str = "11111111-1111-1111-1111-111111111111";
const TID: &str = "22222222-2222-2222-2222-222222222222";
const FAILED: (u16, &str) = (403, "AuthenticationFailed");
const URI: (u16, &str) = (400, "InvalidUri");
const PERMISSION: (u16, &str) = (403, "AuthorizationPermissionMismatch");
const DENIED: (u16, &str) = (403, "AuthorizationFailure");

/// 2023-11-14T22:13:20Z
fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_unix(now().unix() + seconds).unwrap()
}

fn key_of(secret: &[u8]) -> AccountKey {
    AccountKey::new(ACCOUNT, Base64::encode_string(secret)).unwrap()
}

fn key() -> AccountKey {
    key_of(PRIMARY)
}

fn delegated_for(service: &str) -> UserDelegationKey {
    let window = ["2023-11-14T22:00:00Z", "2023-11-14T23:00:00Z"];
    let delegation = Delegation::new([OID, TID], window, service, "2026-04-06").unwrap();
    UserDelegationKey::new(ACCOUNT, delegation, Base64::encode_string(DELEGATED)).unwrap()
}

fn delegated() -> UserDelegationKey {
    delegated_for("b")
}

fn why() -> Justification {
    Justification::new("a test").unwrap()
}

fn hmac(secret: &[u8], message: &[u8]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret).unwrap();
    mac.update(message);
    Base64::encode_string(&mac.finalize().into_bytes())
}

fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('+', "%2B").replace('/', "%2F").replace('=', "%3D").replace(':', "%3A")
}

fn expect(service: Service) -> Expect {
    Expect::new(ACCOUNT, service).unwrap()
}

fn verifier(expect: Expect) -> Verifier {
    let mut ring = KeyRing::new();
    ring.insert(key_of(SECONDARY)).unwrap();
    ring.insert(key()).unwrap();
    for service in ["b", "q", "f"] {
        ring.insert_delegated(delegated_for(service), now()).unwrap();
    }
    Verifier::new(ring, expect)
}

#[derive(Clone, Debug)]
struct Sent {
    service: Service,
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    address: Option<IpAddr>,
    is_https: bool,
}

impl Sent {
    fn new(service: Service, method: &str, target: &str) -> Self {
        let host = format!("{ACCOUNT}.{}.core.windows.net", service.label());
        Self {
            service,
            method: method.into(),
            target: target.into(),
            headers: vec![("host".into(), host.into_bytes())],
            address: None,
            is_https: true,
        }
    }

    fn by(holder: &impl Sas, request: &UrlRequest) -> Self {
        let url = holder.issue(request, now()).unwrap();
        let (host, target) = url.expose().split_once("://").unwrap().1.split_once('/').unwrap();
        let service = [Service::Blob, Service::DataLake, Service::File, Service::Queue, Service::Table]
            .into_iter()
            .find(|service| host.split('.').nth(1) == Some(service.label()))
            .unwrap();
        let mut sent = Self::new(service, url.method(), &format!("/{target}"));
        sent.headers.extend(url.required_headers().iter().cloned());
        sent
    }

    fn of(request: &UrlRequest) -> Self {
        Self::by(&key(), request)
    }

    fn with(&self, name: &str, value: &str) -> Self {
        let mut sent = self.clone();
        sent.headers.push((name.into(), value.into()));
        sent
    }

    fn without(&self, name: &str) -> Self {
        let mut sent = self.clone();
        sent.headers.retain(|(known, _)| known != name);
        sent
    }

    fn more(&self, text: &str) -> Self {
        Self { target: format!("{}{text}", self.target), ..self.clone() }
    }

    #[track_caller]
    fn replace(&self, from: &str, to: &str) -> Self {
        assert!(self.target.contains(from), "{from} is not in {}", self.target);
        Self { target: self.target.replacen(from, to, 1), ..self.clone() }
    }

    fn path(&self, path: &str) -> Self {
        let (_, query) = self.target.split_once('?').unwrap();
        Self { target: format!("{path}?{query}"), ..self.clone() }
    }

    fn method(&self, method: &str) -> Self {
        Self { method: method.into(), ..self.clone() }
    }

    fn from(&self, address: &str) -> Self {
        Self { address: Some(address.parse().unwrap()), ..self.clone() }
    }

    fn over_http(&self) -> Self {
        Self { is_https: false, ..self.clone() }
    }

    fn see<T>(&self, f: impl FnOnce(&RequestView<'_>) -> T) -> T {
        let lines: Vec<(&str, &[u8])> = self.headers.iter().map(|(name, value)| (name.as_str(), &value[..])).collect();
        let mut view = RequestView::new(&self.method, &self.target, &lines);
        if self.is_https {
            view = view.over_https();
        }
        if let Some(address) = self.address {
            view = view.from_address(address);
        }
        f(&view)
    }

    /// With the right signature for what it says now, as the holder of the key would sign it.
    #[track_caller]
    fn signed_as(&self, expect: &Expect) -> Self {
        let secret = if self.target.contains("skoid=") { DELEGATED } else { PRIMARY };
        let text = self.see(|view| Presented::parse(view).unwrap().string_to_sign(expect).unwrap());
        let at = self.target.find("sig=").unwrap();
        let rest = self.target[at..].split_once('&').map_or(String::new(), |(_, rest)| format!("&{rest}"));
        let signature = escape(&hmac(secret, text.as_bytes()));
        Self { target: format!("{}sig={signature}{rest}", &self.target[..at]), ..self.clone() }
    }

    #[track_caller]
    fn signed(&self) -> Self {
        self.signed_as(&expect(self.service))
    }

    fn check_with(&self, verifier: &Verifier, at: Timestamp) -> Result<(), VerifyError> {
        self.see(|view| verifier.verify(view, at).map(|_| ()))
    }

    fn check_as(&self, expect: Expect) -> Result<(), VerifyError> {
        self.check_with(&verifier(expect), now())
    }

    fn check(&self) -> Result<(), VerifyError> {
        self.check_as(expect(self.service))
    }

    #[track_caller]
    fn is_refused(&self, code: &str, told: (u16, &str)) {
        let error = self.check().expect_err("it was accepted");
        assert_eq!(error.code(), code, "{error}");
        let answer = StorageError::from(&error);
        assert_eq!((answer.status, answer.code), told, "{error}");
    }

    #[track_caller]
    fn is_accepted(&self) {
        assert_eq!(self.check(), Ok(()), "{} {}", self.method, self.target);
    }
}

fn blob(letters: &str) -> UrlRequest {
    let terms = Inline::new(BlobPermissions::parse(letters).unwrap());
    UrlRequest::blob("photos", "2026/cat.jpg", terms).unwrap().because(why())
}

fn get() -> Sent {
    Sent::of(&UrlRequest::storage(&Grant::read("photos", "2026/cat.jpg")).unwrap())
}

fn container(letters: &str) -> Sent {
    let terms = Inline::new(ContainerPermissions::parse(letters).unwrap());
    Sent::of(&UrlRequest::container("photos", terms).unwrap().because(why())).path("/photos/2026/cat.jpg")
}

fn directory(path: &str, letters: &str) -> Sent {
    let terms = Inline::new(DirectoryPermissions::parse(letters).unwrap());
    Sent::of(&UrlRequest::directory("photos", path, terms).unwrap().because(why()))
}

fn queue(letters: &str) -> Sent {
    Sent::of(&UrlRequest::queue("jobs", Inline::new(QueuePermissions::parse(letters).unwrap())).unwrap().because(why()))
}

fn table(range: KeyRange, letters: &str) -> Sent {
    let terms = Inline::new(TablePermissions::parse(letters).unwrap());
    Sent::of(&UrlRequest::table("Users", range, terms).unwrap().because(why()))
}

fn file(letters: &str) -> Sent {
    let terms = Inline::new(FilePermissions::parse(letters).unwrap());
    Sent::of(&UrlRequest::file("share", "d/a.txt", terms).unwrap().because(why()))
}

fn by_user() -> Sent {
    Sent::by(&delegated(), &blob("r"))
}

fn account_sas(services: Services, types: ResourceTypes, letters: &str) -> String {
    let request = AccountRequest::new(services, types, AccountPermissions::parse(letters).unwrap(), why());
    request.issue(&key(), now()).unwrap().expose().to_owned()
}

#[test]
fn r01_there_is_one_mechanism() {
    get().is_accepted();
    let told = (400, "InvalidAuthenticationInfo");
    get().with("authorization", "SharedKey myaccount:x").is_refused("two_mechanisms", told);
    for param in ["&AWSAccessKeyId=a", "&googleaccessid=a", "&Signature=a"] {
        get().more(param).is_refused("two_mechanisms", told);
    }
    for param in ["&X-Amz-Signature=1", "&x-amz-date=1", "&X-Goog-Signature=1", "&x-go%6Fg-date=1"] {
        let sent = get().more(param);
        if param.contains('%') {
            // Nobody reads this as a parameter of another provider but who decodes names.
            assert!(sent.check().is_ok() || sent.check().unwrap_err().code() == "two_mechanisms");
        } else {
            sent.is_refused("two_mechanisms", told);
        }
    }
    get().with("X-Amz-Date", "1").is_refused("two_mechanisms", told);
    for target in ["/photos/cat.jpg", "/photos/cat.jpg?comp=metadata"] {
        Sent::new(Service::Blob, "GET", target).is_refused("not_signed", (401, "NoAuthenticationInformation"));
    }
}

#[test]
fn r02_a_field_is_there_once_and_spelled_in_one_way() {
    for name in ["sv", "se", "sr", "sp", "spr", "sig"] {
        get().more(&format!("&{name}=1")).is_refused("field_count", FAILED);
        get().more(&format!("&{}=1", name.to_uppercase())).is_refused("field_form", FAILED);
        let escaped = format!("%{:02x}{}", name.as_bytes()[0], &name[1..]);
        get().more(&format!("&{escaped}=1")).is_refused("field_form", FAILED);
        get().replace(&format!("{name}="), &format!("{escaped}=")).is_refused("field_form", FAILED);
    }
    let list = container("l").path("/photos").more("&restype=container&comp=list");
    list.is_accepted();
    list.more("&comp=acl").is_refused("field_count", FAILED);
    list.more("&Comp=acl").is_refused("field_form", FAILED);
    list.more("&restyp%65=x").is_refused("field_form", FAILED);
    get().more("&other=1&other=2").is_accepted();
}

#[test]
fn r03_r04_the_query_is_split_at_ampersands_and_decoded_once() {
    get().more("&x=1;comp=tags").is_accepted();
    get().more("&x=1&comp=tags").is_refused("permission", PERMISSION);
    for param in ["&a=%", "&a=%4", "&a=%zz", "&a=\u{e9}", "&a= b", "&a=#b"] {
        get().more(param).is_refused("malformed", URI);
    }
    get().replace("cat", "%FF").is_refused("malformed", URI);
    let typed = Sent::of(&blob("r").content_type("text/x%41"));
    typed.is_accepted();
    typed.replace("x%2541", "x%41").is_refused("signature_mismatch", FAILED);
    typed.replace("x%2541", "x%FF").is_refused("field_form", FAILED);
}

#[test]
fn r05_two_paths_never_share_a_signature() {
    for (from, to) in [("/2026/", "//2026/"), ("cat.jpg", "cat.jpg/"), ("cat", "Cat"), ("cat.jpg", "cat.jpg;a=1")] {
        get().replace(from, to).is_refused("signature_mismatch", FAILED);
    }
    for (from, to) in [
        ("/2026/", "/2026%2F"),
        ("/2026/", "/2026%2f"),
        ("/2026/", "\\2026/"),
        ("/2026/", "%5C2026/"),
        ("/2026/", "/./2026/"),
        ("/2026/", "/x/../2026/"),
        ("/2026/", "/x/%2e%2E/2026/"),
    ] {
        get().replace(from, to).is_refused("ambiguous_path", URI);
    }
    // An escape of anything else is the same name.
    get().replace("cat", "%63at").is_accepted();
    let lenient = || expect(Service::Blob).escaped_slashes();
    assert_eq!(get().replace("/2026/", "/2026%2F").check_as(lenient()), Ok(()));
    for (from, to) in [("/2026/", "%2F2026/"), ("/2026/", "/%5C2026/"), ("/2026/", "/x%2F..%2F2026/")] {
        assert_eq!(get().replace(from, to).check_as(lenient()).unwrap_err().code(), "ambiguous_path", "{to}");
    }
    assert!(matches!(
        key().issue(&UrlRequest::storage(&Grant::read("photos", "a/../b")).unwrap(), now()),
        Err(IssueError::Invalid { .. })
    ));
    let dots = Sent::of(&UrlRequest::storage(&Grant::read("photos", "a/../b").allow_dot_segments()).unwrap());
    dots.is_refused("ambiguous_path", URI);
    assert_eq!(dots.check_as(expect(Service::Blob).allow_dot_segments()), Ok(()));
}

/// A token for one file signs the same lines as one for a share of that name, if a share could hold a slash.
#[test]
fn r05_an_escaped_slash_never_ends_a_container() {
    let lenient = || expect(Service::File).escaped_slashes();
    let own = file("r");
    assert_eq!(own.check_as(lenient()), Ok(()));
    assert_eq!(own.replace("d/a.txt", "d%2Fa.txt").check_as(lenient()), Ok(()));
    let widened = own.replace("sr=f", "sr=s").path("/share%2Fd%2Fa.txt/other");
    assert_eq!(widened.check_as(lenient()).unwrap_err().code(), "ambiguous_path");
}

#[test]
fn r06_no_line_feed_gets_into_what_is_signed() {
    let sent = Sent::of(&blob("r").content_type("a/b").content_disposition("inline"));
    sent.is_accepted();
    for field in ["sp=r", "se=", "spr=https", "rsct=a", "rscd=inline"] {
        for escape in ["%0A", "%0D", "%00", "%7F"] {
            sent.replace(field, &format!("{field}{escape}")).is_refused("field_form", FAILED);
        }
    }
    get().replace("cat", "c%0At").is_refused("field_form", FAILED);
    get().replace("photos", "pho%0Atos").is_refused("field_form", FAILED);
    get().with("x-other", "a\r\nx: y").is_refused("malformed", URI);
    for value in ["a\nb", "a\rb", "a\0b"] {
        assert!(UrlRequest::blob("photos", value, Inline::new(BlobPermissions::READ)).is_err());
        assert!(matches!(key().issue(&blob("r").content_type(value), now()), Err(IssueError::Invalid { .. })));
        let bound = blob("r").version(Version::NEWEST).required_header("x-a", value);
        assert!(matches!(delegated().issue(&bound, now()), Err(IssueError::Invalid { .. })));
    }
}

#[test]
fn r07_there_is_one_host_and_it_is_the_one_addressed() {
    let host = "myaccount.blob.core.windows.net";
    get().with("Host", host).is_refused("field_count", FAILED);
    get().without("host").is_refused("field_count", FAILED);
    get().without("host").with("host", "a b").is_refused("field_form", FAILED);
    let absolute = Sent { target: format!("https://{host}{}", get().target), ..get() };
    absolute.is_accepted();
    absolute.replace(host, "elsewhere.example").is_refused("malformed", URI);
    let pinned = || expect(Service::Blob).host(host);
    assert_eq!(get().check_as(pinned()), Ok(()));
    assert_eq!(get().without("host").with("HOST", "MyAccount.blob.core.windows.net").check_as(pinned()), Ok(()));
    let other = get().without("host").with("host", "other.blob.core.windows.net");
    assert_eq!(other.check_as(pinned()), Err(VerifyError::Host));
    assert_eq!(StorageError::from(&VerifyError::Host).code, DENIED.1);
}

#[test]
fn r15_r16_times_are_there_and_whole() {
    let end = "se=2023-11-14T22%3A28%3A20Z";
    get().replace(&format!("&{end}"), "").is_refused("field_count", FAILED);
    for time in
        ["2023-13-14", "2023-02-30", "2023-11-14T22%3A28%3A60Z", "2023-11-14T22%3A28%3A20Zx", "", "20231114", "1"]
    {
        get().replace(end, &format!("se={time}")).is_refused("field_form", FAILED);
        get().more(&format!("&st={time}")).is_refused("field_form", FAILED);
    }
    for time in ["2023-11-15", "2023-11-14T22%3A28Z", "9999-12-31T23%3A59%3A59Z"] {
        get().replace(end, &format!("se={time}")).signed().is_accepted();
    }
    let request = UrlRequest::storage(&Grant::read("photos", "a")).unwrap();
    let end_of_time = Timestamp::parse_iso_basic("99991231T235959Z").unwrap();
    assert!(matches!(key().issue(&request, end_of_time), Err(IssueError::TimeOverflow)));
}

#[test]
fn r18_skew_lets_a_token_begin_early_and_never_end_late() {
    let judge = verifier(expect(Service::Blob).skew(300));
    assert_eq!(get().check_with(&judge, later(900)), Ok(()));
    assert!(matches!(get().check_with(&judge, later(901)), Err(VerifyError::Expired { .. })));
    let terms = Inline::new(BlobPermissions::READ).start(later(600));
    let future = Sent::of(&UrlRequest::blob("photos", "a", terms).unwrap());
    future.is_refused("not_yet_valid", FAILED);
    assert_eq!(future.check_with(&judge, later(300)), Ok(()));
    assert!(matches!(future.check_with(&judge, later(299)), Err(VerifyError::NotYetValid { .. })));
    // No skew is ever more than 15 minutes.
    assert!(future.check_with(&verifier(expect(Service::Blob).skew(9999)), later(-301)).is_err());
    let short = expect(Service::Blob).max_lifetime(Lifetime::minutes(5).unwrap());
    assert!(matches!(get().check_as(short.clone()), Err(VerifyError::Lifetime { maximum: 300, .. })));
    assert_eq!(get().check_with(&verifier(short), later(600)), Ok(()));
}

#[test]
fn r20_no_token_outlives_its_key() {
    let long =
        UrlRequest::blob("photos", "a", Inline::new(BlobPermissions::READ).lives(Lifetime::minutes(59).unwrap()))
            .unwrap()
            .because(why());
    assert!(matches!(delegated().issue(&long, now()), Err(IssueError::OutlivesCredential { .. })));
    // 22:13:20 to 23:00:00
    let clamped = Sent::by(&delegated(), &long.clone().on_short_credential(valet_key::azure::OnShortCredential::Clamp));
    assert!(clamped.target.contains("se=2023-11-14T23%3A00%3A00Z"));
    clamped.is_accepted();
    // Whoever signs without this crate may write a later end.
    let later_end = clamped.replace("se=2023-11-14T23", "se=2023-11-15T23").signed();
    assert_eq!(later_end.check_with(&verifier(expect(Service::Blob)), later(2800)), Ok(()));
    let over = later_end.check_with(&verifier(expect(Service::Blob)), later(2801));
    assert!(matches!(over, Err(VerifyError::Expired { .. } | VerifyError::UnknownKey)), "{over:?}");
    let early = later_end.check_with(&verifier(expect(Service::Blob)), later(-801));
    assert!(matches!(early, Err(VerifyError::NotYetValid { .. })), "{early:?}");
    let week = by_user().replace("ske=2023-11-14", "ske=2023-11-24");
    week.is_refused("field_form", FAILED);
    by_user().replace("ske=2023-11-14", "ske=2023-11-15").is_refused("unknown_key", FAILED);
}

#[test]
fn r21_r36_only_known_layouts_and_letters_are_read() {
    for version in ["2020-12-07", "2014-02-14", "2020-12-6", "", "2099-01-01"] {
        get().replace("sv=2020-12-06", &format!("sv={version}")).is_refused("field_form", FAILED);
    }
    get().replace("sv=2020-12-06&", "").is_refused("field_count", FAILED);
    for sr in ["x", "B", "bb", ""] {
        get().replace("sr=b", &format!("sr={sr}")).is_refused("field_form", FAILED);
    }
    get().replace("sr=b&", "").is_refused("not_covered", DENIED);
    for letters in ["rr", "wr", "rz", "R", "lr", "rf"] {
        get().replace("sp=r", &format!("sp={letters}")).signed().is_refused("field_form", FAILED);
    }
    for letters in ["r", "rw", "racwd", "rcwdxyltmeopi"] {
        get().replace("sp=r", &format!("sp={letters}")).signed().is_accepted();
    }
    // Versions know their letters.
    get().replace("2020-12-06", "2018-11-09").signed().is_accepted();
    get().replace("2020-12-06", "2018-11-09").replace("sp=r", "sp=rt").signed().is_refused("field_form", FAILED);
    get().replace("2020-12-06", "2018-03-28").is_refused("field_form", FAILED);
    let old = expect(Service::Blob).oldest(Version::V2015_04_05);
    assert_eq!(get().replace("2020-12-06", "2018-03-28").signed_as(&old).check_as(old), Ok(()));
    let new = expect(Service::Blob).oldest(Version::V2025_07_05);
    assert_eq!(get().check_as(new.clone()).unwrap_err().code(), "field_form");
    assert_eq!(get().replace("2020-12-06", "2025-07-05").signed_as(&new).check_as(new), Ok(()));

    let sas = account_sas(Services::BLOB | Services::QUEUE, ResourceTypes::OBJECT, "rw");
    let sent = Sent::new(Service::Blob, "GET", &format!("/photos/a?{sas}"));
    sent.is_accepted();
    for (from, to) in
        [("ss=bq", "ss=bx"), ("ss=bq", "ss=bb"), ("srt=o", "srt=oo"), ("srt=o", "srt=x"), ("sp=rw", "sp=rrw")]
    {
        sent.replace(from, to).signed().is_refused("field_form", FAILED);
    }
    sent.replace("ss=bq", "ss=qb").signed().is_accepted();
    sent.replace("ss=bq", "ss=").is_refused("field_form", FAILED);
    sent.replace("srt=o&", "").is_refused("field_count", FAILED);
    sent.replace("ss=bq", "ss=q").signed().is_refused("not_covered", (403, "AuthorizationServiceMismatch"));
    sent.replace("srt=o", "srt=c").signed().is_refused("not_covered", (403, "AuthorizationResourceTypeMismatch"));
}

#[test]
fn r23_a_signature_has_one_spelling() {
    let sent = get();
    let (head, signature) = sent.target.split_once("&sig=").unwrap();
    let plain = signature.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
    assert_eq!(plain.len(), 44);
    let other_bits = {
        let last = plain.as_bytes()[42];
        let next = if last == b'8' { '9' } else { char::from(last + 1) };
        format!("{}{next}=", &plain[..42])
    };
    for other in [
        plain[..43].to_owned(),
        plain[..40].to_owned(),
        format!("AAAA{plain}"),
        format!("{plain}="),
        format!("-{}", &plain[1..]),
        format!("_{}", &plain[1..]),
        format!(" {}", &plain[1..]),
        other_bits,
        String::new(),
    ] {
        let changed = Sent { target: format!("{head}&sig={}", escape(&other).replace(' ', "%20")), ..sent.clone() };
        changed.is_refused("field_form", FAILED);
    }
    let forged = Sent { target: format!("{head}&sig={}", escape(&Base64::encode_string(&[0; 32]))), ..sent.clone() };
    forged.is_refused("signature_mismatch", FAILED);
    // Escaped or not, it is the same text.
    let bare = format!("{head}&sig={}", plain.replace('+', "%2B"));
    Sent { target: bare, ..sent }.is_accepted();
}

/// Azure has no session token. What is temporary is a user delegation key, and what proves it is its public half: six fields
/// that stand in the token, are part of what is signed, and have to be those of the key itself.
#[test]
fn r24_a_temporary_key_comes_with_its_public_half_and_no_other_does() {
    const FIELDS: [&str; 6] = ["skoid", "sktid", "skt", "ske", "sks", "skv"];
    let sent = by_user();
    sent.is_accepted();
    let part = |name: &str| {
        let pair = sent.target.split(['?', '&']).find(|pair| pair.starts_with(&format!("{name}="))).unwrap();
        pair.to_owned()
    };
    for name in FIELDS {
        sent.replace(&format!("&{}", part(name)), "").is_refused("field_count", FAILED);
        sent.replace(&part(name), &format!("{name}=")).check().expect_err(name);
        get().more(&format!("&{}", part(name))).check().expect_err(name);
    }
    // The value of the key without its public half, and the public half with the value of an account key.
    Sent::by(&key_of(DELEGATED), &blob("r")).is_refused("signature_mismatch", FAILED);
    let public = |key: &UserDelegationKey| key.credential().delegation().unwrap().clone();
    let borrowed = UserDelegationKey::new(ACCOUNT, public(&delegated()), Base64::encode_string(PRIMARY)).unwrap();
    Sent::by(&borrowed, &blob("r")).is_refused("signature_mismatch", FAILED);
    let all = FIELDS.iter().fold(get(), |sent, name| sent.more(&format!("&{}", part(name))));
    all.is_refused("signature_mismatch", FAILED);

    // The same value under another public half is another key, which nobody gave out.
    let given = ["2023-11-14T22:00:00Z", "2023-11-14T23:00:00Z"];
    for (ids, window, version) in [
        ([TID, TID], given, "2026-04-06"),
        ([OID, OID], given, "2026-04-06"),
        ([OID, TID], ["2023-11-14T21:59:59Z", given[1]], "2026-04-06"),
        ([OID, TID], [given[0], "2023-11-14T23:00:01Z"], "2026-04-06"),
        ([OID, TID], given, "2025-11-05"),
    ] {
        let delegation = Delegation::new(ids, window, "b", version).unwrap();
        let other = UserDelegationKey::new(ACCOUNT, delegation, Base64::encode_string(DELEGATED)).unwrap();
        Sent::by(&other, &blob("r")).is_refused("unknown_key", FAILED);
        let told = Sent::by(&other, &blob("r")).see(|view| {
            let presented = Presented::parse(view).unwrap();
            presented.check(delegated().credential(), &expect(Service::Blob), now()).map(|_| ())
        });
        assert_eq!(told, Err(VerifyError::OtherKey));
    }
    let tied = public(&delegated()).for_users_of(OID).unwrap();
    let tied = UserDelegationKey::new(ACCOUNT, tied, Base64::encode_string(DELEGATED)).unwrap();
    Sent::by(&tied, &blob("r")).is_refused("unknown_key", FAILED);

    // Each kind of key is asked about its own tokens only.
    for (sent, other) in [(by_user(), key().credential().clone()), (get(), delegated().credential().clone())] {
        let told = sent.see(|view| {
            let presented = Presented::parse(view).unwrap();
            presented.check(&other, &expect(Service::Blob), now()).map(|_| ())
        });
        assert_eq!(told, Err(VerifyError::OtherKey));
    }
}

#[test]
fn r24_a_key_is_of_the_account_that_is_served() {
    let check = |key: &AccountKey, expect: &Expect| {
        get().see(|view| Presented::parse(view).unwrap().check(key.credential(), expect, now()).map(|_| ()))
    };
    assert_eq!(check(&key(), &expect(Service::Blob)), Ok(()));
    let other = AccountKey::new("otheraccount", Base64::encode_string(PRIMARY)).unwrap();
    assert_eq!(check(&other, &expect(Service::Blob)), Err(VerifyError::OtherKey));
}

#[test]
fn what_a_token_names_is_told_before_any_key_is_there() {
    let told = |sent: &Sent| {
        sent.see(|view| {
            let presented = Presented::parse(view).unwrap();
            let place = presented.policy_container(&expect(sent.service)).unwrap();
            (presented.delegation().unwrap(), presented.policy_id().unwrap(), place)
        })
    };
    assert_eq!(told(&get()), (None, None, "/blob/myaccount/photos".to_owned()));
    let (delegation, policy, _) = told(&by_user());
    assert_eq!((delegation.as_ref(), policy), (delegated().credential().delegation(), None));
    let terms = Stored(StoredPolicy::new("readers").unwrap().permissions(ContainerPermissions::READ).expiry(later(60)));
    let request = UrlRequest::container("photos", terms).unwrap().because(why());
    let (delegation, policy, place) = told(&Sent::of(&request).path("/photos/a"));
    assert_eq!((delegation, policy.as_deref(), place.as_str()), (None, Some("readers"), "/blob/myaccount/photos"));
    assert_eq!(told(&table(KeyRange::new(), "r")).2, "/table/myaccount/users");
}

#[test]
fn a_text_longer_than_any_buffer_is_signed_in_the_same_way() {
    let long = UrlRequest::blob("photos", &"n".repeat(1000), Inline::new(BlobPermissions::READ)).unwrap();
    Sent::of(&long).is_accepted();
    Sent::of(&long).replace("nnn?", "nno?").is_refused("signature_mismatch", FAILED);
}

/// A user delegation key is for one service, which it says in `sks`.
#[test]
fn r24_a_key_of_one_service_is_good_for_no_other() {
    let queue = UrlRequest::queue("jobs", Inline::new(QueuePermissions::ADD)).unwrap().because(why());
    let file = UrlRequest::file("share", "d/a.txt", Inline::new(FilePermissions::READ)).unwrap().because(why());
    let directory = UrlRequest::directory("photos", "2026", Inline::new(DirectoryPermissions::READ)).unwrap();
    let directory = directory.because(why());
    let all = [("b", blob("r")), ("b", directory), ("q", queue), ("f", file)];
    for (own, request) in &all {
        for service in ["b", "q", "f", "t"] {
            let issued = delegated_for(service).issue(request, now());
            assert_eq!(issued.is_ok(), service == *own, "{service} {request:?}");
            assert!(matches!(issued, Ok(_) | Err(IssueError::Invalid { what: "user delegation key", .. })));
        }
        let sent = Sent::by(&delegated_for(own), request);
        let sent = if sent.service == Service::DataLake { sent.path("/photos/2026") } else { sent };
        sent.is_accepted();
        // Whoever has a key of another service signs with it all the same.
        for other in ["b", "q", "f", "t"].into_iter().filter(|other| other != own) {
            let text = sent.see(|view| Presented::parse(view).unwrap().string_to_sign(&expect(sent.service)).unwrap());
            let text = String::from_utf8(text.as_bytes().to_vec()).unwrap();
            let (from, to) = (format!("\n{own}\n2026-04-06\n"), format!("\n{other}\n2026-04-06\n"));
            assert_eq!(text.matches(&from).count(), 1);
            let signature = escape(&hmac(DELEGATED, text.replace(&from, &to).as_bytes()));
            let (unsigned, _) = sent.target.split_once("&sig=").unwrap();
            let foreign = Sent { target: format!("{unsigned}&sig={signature}"), ..sent.clone() };
            let foreign = foreign.replace(&format!("sks={own}&"), &format!("sks={other}&"));
            foreign.is_refused("not_covered", (403, "AuthorizationServiceMismatch"));
        }
        sent.replace(&format!("sks={own}&"), "sks=x&").check().expect_err("no such service");
    }
    // A ring that knows the key of one service only.
    let mut ring = KeyRing::new();
    ring.insert_delegated(delegated_for("b"), now()).unwrap();
    let verifier = Verifier::new(ring, expect(Service::Queue));
    let sent = Sent::by(&delegated_for("q"), &all[2].1);
    assert_eq!(sent.check_with(&verifier, now()), Err(VerifyError::UnknownKey));
}

#[test]
fn r25_an_unknown_key_and_a_wrong_signature_get_one_answer() {
    let wrong = get().replace("cat", "dog").check().unwrap_err();
    let unknown = by_user().replace(OID, TID).check().unwrap_err();
    assert_eq!((unknown.code(), wrong.code()), ("unknown_key", "signature_mismatch"));
    assert_eq!(StorageError::from(&unknown), StorageError::from(&wrong));
    assert_eq!(StorageError::from(&unknown).to_xml("1"), StorageError::from(&wrong).to_xml("1"));
    by_user().is_accepted();
    let empty = Verifier::new(KeyRing::new(), expect(Service::Blob));
    assert_eq!(get().check_with(&empty, now()), Err(VerifyError::UnknownKey));
}

/// That nobody acts on what was not verified is a matter of types: the facts of a request come in a `Verified`, which
/// nothing but an accepted signature makes (the documentation of that type has code that does not compile). What can be
/// shown here is that no way of writing a request goes around the signature.
#[test]
fn r26_nothing_is_served_without_its_signature() {
    fn serve(request: &Verified<SignedRequest<'_>>) -> String {
        [request.method(), " ", &request.name().unwrap()].concat()
    }
    let verifier = verifier(expect(Service::Blob));
    assert_eq!(
        get().see(|view| verifier.verify(view, now()).map(|request| serve(&request))),
        Ok("GET 2026/cat.jpg".to_owned())
    );

    // No credentials are no credentials, and those of another scheme are none here.
    let none = Sent::new(Service::Blob, "GET", "/photos/2026/cat.jpg");
    let told = (401, "NoAuthenticationInformation");
    none.is_refused("not_signed", told);
    for header in ["SharedKey myaccount:AAAA", "SharedKeyLite myaccount:AAAA", "Bearer a.b.c", "Basic YTpi", ""] {
        none.with("authorization", header).is_refused("not_signed", told);
    }
    // Any one field of a token is a token, which then lacks the rest.
    let good = get();
    let (_, query) = good.target.split_once('?').unwrap();
    for pair in query.split('&') {
        none.more(&format!("?{pair}")).is_refused("field_count", FAILED);
        let rest = query.split('&').filter(|other| *other != pair).collect::<Vec<_>>().join("&");
        none.more(&format!("?{rest}")).check().expect_err(pair);
    }
    let (unsigned, _) = good.target.split_once("&sig=").unwrap();
    for sig in ["", "AAAA", &"A".repeat(44)] {
        Sent { target: format!("{unsigned}&sig={sig}"), ..get() }.is_refused("field_form", FAILED);
    }
    let zeros = format!("{unsigned}&sig={}%3D", "A".repeat(43));
    Sent { target: zeros, ..get() }.is_refused("signature_mismatch", FAILED);

    // Whatever a request does, and however it brings its body.
    let all = Sent::of(&blob("racwdt"));
    for (method, more, headers) in [
        ("GET", "", &[][..]),
        ("HEAD", "", &[]),
        ("DELETE", "", &[]),
        ("GET", "&comp=tags", &[]),
        ("PUT", "", &[("x-ms-blob-type", "BlockBlob")]),
        ("PUT", "", &[("x-ms-blob-type", "BlockBlob"), ("transfer-encoding", "chunked")]),
        ("PUT", "", &[("x-ms-blob-type", "BlockBlob"), ("x-ms-structured-body", "XSM/1.0; properties=crc64")]),
        ("PUT", "&comp=block&blockid=QQ%3D%3D", &[]),
        ("PUT", "&comp=blocklist", &[]),
        ("PUT", "&comp=appendblock", &[]),
        ("PUT", "&comp=metadata", &[]),
        ("PUT", "&comp=snapshot", &[]),
    ] {
        let sent = headers.iter().fold(all.method(method).more(more), |sent, (name, value)| sent.with(name, value));
        sent.is_accepted();
        let (before, behind) = sent.target.split_once("sig=").unwrap();
        let rest = behind.split_once('&').map_or(String::new(), |(_, rest)| format!("&{rest}"));
        let forged = Sent { target: format!("{before}sig={}%3D{rest}", "A".repeat(43)), ..sent.clone() };
        forged.is_refused("signature_mismatch", FAILED);
        Sent { target: format!("{before}{}", rest.trim_start_matches('&')), ..sent }.is_refused("field_count", FAILED);
    }
}

#[test]
fn r37_a_field_that_is_not_signed_is_refused() {
    for (sent, field) in [
        (by_user(), "si=readers"),
        (get(), "saoid=11111111-1111-1111-1111-111111111111"),
        (get(), "srh=x-a"),
        (get(), "srq=x"),
        (get(), "spk=a"),
        (get(), "tn=users"),
        (get(), "sdd=1"),
        (get().replace("2020-12-06", "2019-12-12"), "ses=scope"),
        (by_user(), "srh=x-a"),
        (by_user(), "skdutid=22222222-2222-2222-2222-222222222222"),
        (queue("r"), "rsct=a"),
        (file("r"), "ses=scope"),
        (table(KeyRange::new(), "r"), "rsct=a"),
    ] {
        let error = sent.more(&format!("&{field}")).check().expect_err(field);
        assert!(matches!(error, VerifyError::FieldForm { .. } | VerifyError::UnknownKey), "{field}: {error}");
        assert_eq!(StorageError::from(&error).code, FAILED.1);
    }
    get().more("&ses=scope").signed().is_accepted();
    let scoped = get().more("&ses=scope").signed();
    scoped.with("x-ms-encryption-scope", "scope").is_accepted();
    scoped.with("x-ms-encryption-scope", "other").is_refused("field_form", (400, "InvalidHeaderValue"));
}

#[test]
fn r38_a_stored_policy_completes_a_token_and_never_repeats_it() {
    let readers = || StoredPolicy::new("readers").unwrap();
    let read = ContainerPermissions::READ;
    let judge = |policy: Option<StoredPolicy>| {
        let mut policies = StoredPolicies::new();
        if let Some(policy) = policy {
            policies.set(policy).unwrap();
        }
        verifier(expect(Service::Blob)).policies(BTreeMap::from([("/blob/myaccount/photos".to_owned(), policies)]))
    };
    let full = || readers().permissions(read).expiry(later(60));
    let issue = |terms: valet_key::azure::Terms<ContainerPermissions>| {
        let request = UrlRequest::container("photos", terms).unwrap().because(why());
        Sent::of(&request).path("/photos/a")
    };
    let stored = issue(Stored(full()).into());
    let split = issue(Split::new(readers().permissions(read)).lives(Lifetime::minutes(1).unwrap()).into());
    let other_split = issue(Split::new(readers().expiry(later(60))).permissions(read).into());
    assert_eq!(stored.check_with(&judge(Some(full())), now()), Ok(()));
    assert_eq!(split.check_with(&judge(Some(readers().permissions(read))), now()), Ok(()));
    assert_eq!(other_split.check_with(&judge(Some(readers().expiry(later(60)))), now()), Ok(()));
    for (sent, policy) in [
        (&stored, None),
        (&stored, Some(StoredPolicy::new("Readers").unwrap().permissions(read).expiry(later(60)))),
        (&stored, Some(readers().permissions(read))),
        (&stored, Some(readers().expiry(later(60)))),
        (&split, Some(full())),
        (&other_split, Some(full())),
        (&stored, Some(readers().permissions(AccountPermissions::UPDATE).expiry(later(60)))),
    ] {
        let error = sent.check_with(&judge(policy), now()).unwrap_err();
        assert_eq!(error.code(), "stored_policy");
        assert_eq!(StorageError::from(&error).code, FAILED.1);
    }
    assert!(matches!(stored.check_with(&judge(Some(full())), later(61)), Err(VerifyError::Expired { .. })));
    assert!(matches!(stored.check_with(&judge(Some(full().revoked(now()))), now()), Err(VerifyError::Expired { .. })));
    let begins = full().start(later(30));
    assert!(matches!(stored.check_with(&judge(Some(begins.clone())), now()), Err(VerifyError::NotYetValid { .. })));
    assert_eq!(stored.check_with(&judge(Some(begins)), later(30)), Ok(()));
    // Without its policy nothing is told to who cannot sign.
    let forged = stored.replace("si=readers", "si=writers");
    assert_eq!(forged.check_with(&judge(Some(full())), now()), Err(VerifyError::SignatureMismatch));
    let asked = UrlRequest::container("photos", Split::new(full()).permissions(read)).unwrap().because(why());
    assert!(key().issue(&asked, now()).is_err());
}

#[test]
fn r38_a_plus_never_leads_from_one_policy_to_another() {
    let (few, all) = (ContainerPermissions::READ, ContainerPermissions::READ | ContainerPermissions::DELETE);
    let policy = |id: &str, letters| StoredPolicy::new(id).unwrap().permissions(letters).expiry(later(900));
    let mut policies = StoredPolicies::new();
    policies.set(policy("a b", few)).unwrap();
    policies.set(policy("a+b", all)).unwrap();
    let request = UrlRequest::container("photos", Stored(policy("a b", few))).unwrap().because(why());
    let sent = Sent::of(&request).path("/photos/cat.jpg").method("DELETE");
    let check = |sent: &Sent, plus| {
        let container = "/blob/myaccount/photos".to_owned();
        let verifier = verifier(expect(Service::Blob).plus(plus));
        sent.check_with(&verifier.policies(BTreeMap::from([(container, policies.clone())])), now())
    };
    assert_eq!(check(&sent.method("GET"), Plus::Blank), Ok(()));
    assert_eq!(check(&sent, Plus::Blank).unwrap_err().code(), "permission");
    // As a blank it is signed as the one, and would be looked up as the other.
    let plus = sent.replace("si=a%20b", "si=a+b");
    for plus_sign in [Plus::Refuse, Plus::Blank] {
        assert_eq!(check(&plus, plus_sign), Err(VerifyError::AmbiguousPlus));
    }
    assert_eq!(check(&plus, Plus::Literal), Err(VerifyError::SignatureMismatch));
    // The same for a time, a signature, and a directory that is listed; a header of the answer is text.
    let blank = || expect(Service::Blob).plus(Plus::Blank);
    let offset = get().replace("se=2023-11-14T22%3A28%3A20Z", "se=2023-11-14T23:28:20+01:00");
    assert_eq!(
        offset.signed_as(&expect(Service::Blob).plus(Plus::Literal)).check_as(blank()),
        Err(VerifyError::AmbiguousPlus)
    );
    let text = Sent::of(&blob("r").content_disposition("attachment; filename=a"));
    let text = text.replace("attachment%3B%20", "attachment%3B+");
    assert_eq!(text.check_as(blank()), Ok(()));
}

#[test]
fn r39_address_protocol_and_both_keys() {
    let ranged = Sent::of(&blob("r").address(AddressRange::parse("192.0.2.10-192.0.2.20").unwrap()));
    for good in ["192.0.2.10", "192.0.2.20", "192.0.2.15", "::ffff:192.0.2.15"] {
        ranged.from(good).is_accepted();
    }
    let told = (403, "AuthorizationSourceIPMismatch");
    for bad in ["192.0.2.9", "192.0.2.21", "2001:db8::1", "::192.0.2.15"] {
        ranged.from(bad).is_refused("client_address", told);
    }
    ranged.is_refused("client_address", told);
    for sip in ["192.0.2.20-192.0.2.10", "192.0.2.1-192.0.2.1", "192.0.2.1-", "192.0.2.1/24", "::1", "192.0.2.01", "1"]
    {
        let sent = ranged.from("192.0.2.1").replace("192.0.2.10-192.0.2.20", &escape(sip)).signed();
        sent.is_refused("field_form", FAILED);
    }
    get().over_http().is_refused("plain_http", (403, "AuthorizationProtocolMismatch"));
    for protocol in [Protocol::HttpsOrHttp, Protocol::Unstated] {
        let open = Sent::of(&blob("r").protocol(protocol));
        open.is_accepted();
        open.over_http().is_accepted();
    }
    for spr in ["http", "http,https", "HTTPS", "https,http,"] {
        get().replace("spr=https", &format!("spr={spr}")).signed().is_refused("field_form", FAILED);
    }
    for secret in [PRIMARY, SECONDARY] {
        Sent::by(&key_of(secret), &blob("r")).is_accepted();
    }
    Sent::by(&key_of(b"a third key"), &blob("r")).is_refused("signature_mismatch", FAILED);
}

#[test]
fn r40_a_token_reaches_its_resource_and_nothing_beside_it() {
    let below = directory("a", "rl");
    for path in ["/photos/a", "/photos/a/", "/photos/a/b", "/photos/a/b/c"] {
        below.path(path).method("GET").is_accepted();
    }
    for path in ["/photos/ab", "/photos/b/a", "/photos/A", "/other/a/b"] {
        below.path(path).method("GET").is_refused("signature_mismatch", FAILED);
    }
    below.path("/photos/a/../b").is_refused("ambiguous_path", URI);
    below.path("/photos//a").is_refused("not_covered", DENIED);
    directory("a/b", "r").path("/photos/a").is_refused("not_covered", DENIED);
    directory("a/b", "r").path("/photos/a/c").is_refused("signature_mismatch", FAILED);
    below.replace("sdd=1", "sdd=2").path("/photos/a/b").is_refused("signature_mismatch", FAILED);
    for depth in ["0", "01", "%2B1", "100", ""] {
        below.replace("sdd=1", &format!("sdd={depth}")).is_refused("field_form", FAILED);
    }

    container("r").is_accepted();
    container("r").path("/other/cat.jpg").is_refused("signature_mismatch", FAILED);
    let list = "&restype=container&comp=list";
    get().path("/photos").more(list).is_refused("signature_mismatch", FAILED);
    get().replace("sr=b", "sr=c").is_refused("signature_mismatch", FAILED);
    get().more("&snapshot=2023-11-14T22:00:00.0000000Z").is_refused("not_covered", DENIED);
    container("r").more("&snapshot=2023-11-14T22:00:00.0000000Z").is_accepted();
    let version = "2023-11-14T22:00:00.0000000Z";
    let terms = || Inline::new(BlobPermissions::READ);
    let one = Sent::of(&UrlRequest::blob_version("photos", "a", version, terms()).unwrap());
    one.is_accepted();
    one.replace("22%3A00%3A00", "22%3A00%3A01").is_refused("signature_mismatch", FAILED);

    let range = KeyRange::new().from("b").from_row("1").to("d").to_row("5");
    let entities = table(range, "r");
    let at = |partition: &str, row: &str| {
        entities.path(&format!("/Users(PartitionKey='{partition}',RowKey='{row}')")).method("GET")
    };
    for (partition, row) in [("b", "1"), ("c", "9"), ("d", "5")] {
        at(partition, row).is_accepted();
    }
    for (partition, row) in [("a", "9"), ("b", "0"), ("d", "6"), ("e", "1")] {
        at(partition, row).is_refused("not_covered", DENIED);
    }
    entities.path("/Others()").is_refused("signature_mismatch", FAILED);
    entities.path("/users()").is_accepted();
    entities.replace("tn=Users", "tn=Others").is_refused("not_covered", DENIED);
    entities.path("/Users('a')").is_refused("malformed", URI);
}

/// What a directory listing names in its query is held to the path rules too.
#[test]
fn r40_a_part_of_a_blob_has_a_name() {
    let id = "2023-11-14T00:00:00.0000000Z";
    let terms = || Inline::new(BlobPermissions::READ);
    let snapshot = Sent::of(&UrlRequest::snapshot("photos", "cat.jpg", id, terms()).unwrap());
    let version = Sent::of(&UrlRequest::blob_version("photos", "cat.jpg", id, terms()).unwrap());
    let escaped = escape(id);
    for (sent, param) in [(snapshot, "snapshot"), (version, "versionid")] {
        sent.is_accepted();
        let nameless = sent.replace(&format!("{param}={escaped}"), &format!("{param}="));
        nameless.signed().is_refused("not_covered", DENIED);
    }
}

#[test]
fn r40_a_listing_stays_in_its_directory() {
    let list = directory("a", "l").path("/photos").method("GET").more("&resource=filesystem&recursive=true");
    for inside in ["a", "a%2Fb", "a/b", "a/...b"] {
        list.more(&format!("&directory={inside}")).is_accepted();
    }
    for outside in ["a/../b", "a%2F..%2Fb", "a/..", "a/%2E%2e/b", "a%5C..%5Cb", "a/b%0A"] {
        list.more(&format!("&directory={outside}")).is_refused("ambiguous_path", URI);
    }
    for other in ["ab", "b", "A"] {
        list.more(&format!("&directory={other}")).is_refused("signature_mismatch", FAILED);
    }
    for none in ["", "&directory=", "&directory=/a"] {
        list.more(none).is_refused("not_covered", DENIED);
    }
    let lenient = expect(Service::DataLake).escaped_slashes();
    let below = directory("a", "r").method("GET");
    assert_eq!(below.path("/photos/a%2Fb").check_as(lenient.clone()), Ok(()));
    assert_eq!(below.path("/photos/a%2F..%2Fb").check_as(lenient).unwrap_err().code(), "ambiguous_path");
}

#[test]
fn r40_what_decides_on_a_permission_is_written_in_one_way() {
    let version = || {
        let terms = Inline::new(BlobPermissions::parse("x").unwrap());
        let request = UrlRequest::blob_version("photos", "cat.jpg", "2023-11-14T00:00:00.0000000Z", terms).unwrap();
        Sent::of(&request).method("DELETE")
    };
    version().is_accepted();
    // To delete for good needs `y`, however it is written.
    version().more("&deletetype=permanent").is_refused("permission", PERMISSION);
    for value in ["perm%61nent", "Permanent", "%70ermanent", "other", ""] {
        version().more(&format!("&deletetype={value}")).is_refused("field_form", FAILED);
    }
    let messages = |letters: &str| queue(letters).method("GET");
    messages("p").is_accepted();
    messages("p").more("&peekonly=false").is_accepted();
    messages("r").more("&peekonly=true").is_accepted();
    messages("p").more("&peekonly=true").is_refused("permission", PERMISSION);
    for value in ["%74rue", "True", "1", ""] {
        messages("p").more(&format!("&peekonly={value}")).is_refused("field_form", FAILED);
    }
}

#[test]
fn r40_permissions_are_held_against_the_operation() {
    let one = |letters: &str| Sent::of(&blob(letters));
    for (sent, method, query, header, accepted, refused) in [
        (&one("r"), "GET", "", "", true, ""),
        (&one("r"), "HEAD", "&comp=metadata", "", true, ""),
        (&one("r"), "PUT", "", "", false, "permission"),
        (&one("r"), "DELETE", "", "", false, "permission"),
        (&one("r"), "GET", "&comp=tags", "", false, "permission"),
        (&one("r"), "PUT", "&comp=acl", "", false, "operation"),
        (&one("r"), "POST", "&comp=batch", "", false, "operation"),
        (&one("w"), "PUT", "", "", true, ""),
        (&one("w"), "GET", "", "", false, "permission"),
        (&one("w"), "PUT", "&comp=block", "", true, ""),
        (&one("c"), "PUT", "", "", true, ""),
        (&one("c"), "PUT", "&comp=block", "", false, "permission"),
        (&one("c"), "PUT", "", "x-ms-tags", false, "permission"),
        (&one("ct"), "PUT", "", "x-ms-tags", true, ""),
        (&one("c"), "PUT", "", "x-ms-legal-hold", false, "permission"),
        (&one("a"), "PUT", "&comp=appendblock", "", true, ""),
        (&one("a"), "PUT", "", "", false, "permission"),
        (&one("t"), "PUT", "&comp=tags", "", true, ""),
        (&one("d"), "DELETE", "", "", true, ""),
        (&one("d"), "DELETE", "&deletetype=permanent", "", false, "permission"),
        (&container("d"), "DELETE", "&versionid=2023-11-14", "", false, "permission"),
        (&container("x"), "DELETE", "&versionid=2023-11-14", "", true, ""),
        (&container("w"), "PUT", "&versionid=2023-11-14", "", false, "operation"),
        (&queue("a"), "POST", "", "", true, ""),
        (&queue("a"), "GET", "", "", false, "permission"),
        (&queue("p"), "GET", "", "", true, ""),
        (&queue("p"), "GET", "&peekonly=true", "", false, "permission"),
        (&queue("r"), "GET", "&peekonly=true", "", true, ""),
        (&queue("p"), "DELETE", "", "", false, "not_covered"),
        (&queue("p").path("/jobs/messages/1"), "DELETE", "&popreceipt=x", "", true, ""),
        (&queue("u").path("/jobs/messages/1"), "PUT", "&popreceipt=x", "", true, ""),
        (&queue("a").path("/jobs/messages/1"), "PUT", "&popreceipt=x", "", false, "permission"),
        (&file("r"), "GET", "", "", true, ""),
        (&file("r"), "PUT", "&comp=range", "", false, "permission"),
        (&file("w"), "PUT", "&comp=range", "", true, ""),
        (&table(KeyRange::new(), "a").path("/Users"), "POST", "", "", true, ""),
        (&table(KeyRange::new(), "r").path("/Users"), "POST", "", "", false, "permission"),
        (&table(KeyRange::new(), "u").path("/Users(PartitionKey='a',RowKey='b')"), "PUT", "", "", false, "permission"),
        (&table(KeyRange::new(), "u").path("/Users(PartitionKey='a',RowKey='b')"), "PUT", "", "if-match", true, ""),
        (&table(KeyRange::new(), "au").path("/Users(PartitionKey='a',RowKey='b')"), "PUT", "", "", true, ""),
    ] {
        let mut used = sent.method(method).more(query);
        if !header.is_empty() {
            used = used.with(header, "1");
        }
        let verdict = used.check();
        assert_eq!(verdict.is_ok(), accepted, "{method} {} {header}: {verdict:?}", used.target);
        assert_eq!(verdict.err().map_or("", |error| error.code()), refused, "{method} {} {header}", used.target);
    }
    let see = |sent: &Sent| {
        sent.see(|view| verifier(expect(Service::Blob)).verify(view, now()).unwrap().must_not_overwrite())
    };
    assert!(see(&one("c").method("PUT")));
    assert!(!see(&one("cw").method("PUT")) && !see(&one("w").method("PUT")) && !see(&one("r")));
}

#[test]
fn r40_a_header_that_decides_on_a_permission_is_there_once() {
    let lease = || Sent::of(&blob("d")).method("PUT").more("&comp=lease");
    lease().with("x-ms-lease-action", "break").is_accepted();
    lease().with("x-ms-lease-action", "acquire").is_refused("permission", PERMISSION);
    for other in ["acquire", "break"] {
        let sent = lease().with("x-ms-lease-action", "break").with("X-MS-Lease-Action", other);
        sent.is_refused("field_count", FAILED);
    }
    let update = || table(KeyRange::new(), "u").method("MERGE").path("/Users(PartitionKey='a',RowKey='b')");
    update().with("If-Match", "*").is_accepted();
    for nothing in ["", " "] {
        update().with("If-Match", nothing).is_refused("permission", PERMISSION);
    }
    update().with("If-Match", "*").with("if-match", "").is_refused("field_count", FAILED);
    update().with("If-Match", "").with("if-match", "*").is_refused("field_count", FAILED);
}

#[test]
fn r41_what_is_broad_needs_a_reason() {
    let read = || Inline::new(BlobPermissions::READ);
    let long = read().lives(Lifetime::minutes(16).unwrap());
    let two = Inline::new(BlobPermissions::READ | BlobPermissions::DELETE);
    let (all, under) = (Inline::new(ContainerPermissions::READ), Inline::new(DirectoryPermissions::READ));
    let http = Endpoint::bound("http://localhost:10000").unwrap();
    for request in [
        UrlRequest::container("photos", all).unwrap(),
        UrlRequest::directory("photos", "a", under).unwrap(),
        UrlRequest::blob("photos", "a", two).unwrap(),
        UrlRequest::blob("photos", "a", long).unwrap(),
        UrlRequest::blob("photos", "a", read()).unwrap().protocol(Protocol::HttpsOrHttp),
        UrlRequest::blob("photos", "a", read()).unwrap().protocol(Protocol::Unstated),
        UrlRequest::blob("photos", "a", read()).unwrap().endpoint(&http),
    ] {
        assert!(matches!(key().issue(&request, now()), Err(IssueError::Unjustified { .. })), "{request:?}");
        assert!(key().issue(&request.because(why()), now()).is_ok());
    }
    assert!(key().issue(&UrlRequest::blob("photos", "a", read()).unwrap(), now()).is_ok());
    assert!(
        AccountRequest::new(Services::BLOB, ResourceTypes::OBJECT, AccountPermissions::READ, why())
            .issue(&delegated(), now())
            .is_err()
    );
}

#[test]
fn r45_r48_a_grant_becomes_what_it_says_or_an_error() {
    let storage = |grant: &Grant| UrlRequest::storage(grant);
    let refused = |grant: &Grant, what: Constraint| {
        let error = storage(grant).and_then(|request| key().issue(&request, now())).unwrap_err();
        assert!(matches!(error, IssueError::NotEnforceable { constraint, .. } if constraint == what), "{error}");
    };
    let upload = || Grant::upload("photos", "a");
    refused(&upload().size(1..=9).any_content_type(), Constraint::Size);
    refused(&upload().any_size().content_type("image/png"), Constraint::ContentType);
    refused(&upload().any_size().content_type_prefix("image/"), Constraint::ContentType);
    refused(&upload().any_size().any_content_type().single_use(), Constraint::SingleUse);
    assert!(matches!(storage(&upload()), Err(IssueError::Unbounded { constraint: Constraint::Size })));
    assert!(matches!(
        storage(&upload().any_size()),
        Err(IssueError::Unbounded { constraint: Constraint::ContentType })
    ));
    assert!(key().issue(&storage(&upload().any_size().any_content_type()).unwrap(), now()).is_ok());
    let typed = Sent::by(&delegated(), &storage(&upload().any_size().content_type("image/png")).unwrap());
    typed.is_accepted();
    let header = "x-ms-blob-content-type";
    typed.without(header).is_refused("signed_header_missing", FAILED);
    typed.without(header).with(header, "text/html").is_refused("signature_mismatch", FAILED);

    let shown = storage(&Grant::read("photos", "a").response_header(ResponseHeader::ContentType, "text/html")).unwrap();
    assert!(Sent::of(&shown).target.contains("rscd=attachment"));
    assert!(!get().target.contains("rscd"));
    refused(&Grant::list("photos", "a").because(why()), Constraint::Resource);
    assert!(storage(&Grant::under("photos", "a/", Action::Read).because(why())).is_ok());
}

#[test]
fn r53_limits_come_first() {
    let told = (400, "RequestUrlFailedToParse");
    get().more(&format!("&x={}", "a".repeat(17_000))).is_refused("too_large", told);
    get().more(&"&x=1".repeat(256)).is_refused("too_large", told);
    get().more(&"&x=1".repeat(200)).is_accepted();
    let mut many = get();
    many.headers.extend((0..128).map(|at| (format!("x-{at}"), vec![])));
    many.is_refused("too_large", told);
    get().with("x-long", &"a".repeat(17_000)).is_refused("too_large", told);
    let small = verifier(expect(Service::Blob)).limits(Limits::DEFAULT.params(3));
    assert_eq!(get().check_with(&small, now()).unwrap_err().code(), "too_large");
}

#[test]
fn required_headers_and_parameters_are_there_once_and_unchanged() {
    let sent = Sent::by(&delegated(), &blob("r").required_header("x-a", "one").required_query("tier", "x:y"));
    assert!(
        sent.target.contains("sv=2026-04-06") && sent.target.contains("srh=x-a") && sent.target.contains("srq=tier")
    );
    sent.is_accepted();
    sent.without("x-a").is_refused("signed_header_missing", FAILED);
    sent.without("x-a").with("X-A", " one ").is_accepted();
    sent.without("x-a").with("x-a", "two").is_refused("signature_mismatch", FAILED);
    sent.with("X-A", "one").is_refused("field_form", FAILED);
    sent.replace("tier=x%3Ay", "tier=z").is_refused("signature_mismatch", FAILED);
    sent.replace("tier=x%3Ay&", "").more("&other=1").check().expect_err("the parameter is gone");
    for other in ["tier=x%3Ay", "Tier=x%3Ay", "TIER=z", "%74ier=z"] {
        sent.more(&format!("&{other}")).is_refused("field_form", FAILED);
    }
    sent.replace("tier=x", "tier=%FF").is_refused("field_form", FAILED);
    let mut latin = sent.without("x-a");
    latin.headers.push(("x-a".into(), vec![b'o', 0xe9]));
    latin.is_refused("field_form", FAILED);
    sent.replace("tier=x", "Tier=x").is_refused("field_form", FAILED);
    for names in ["", "x-a%2Cx-a", "x-a%2C", "sig", "x-a%2CX-A"] {
        sent.replace("srh=x-a", &format!("srh={names}")).check().expect_err(names);
    }
    // The same line, cut elsewhere: the parameter that was required would be another one.
    let recut = sent.replace("srq=tier", "srq=tier%3Ax").replace("tier=x%3Ay", "tier%3Ax=y");
    recut.is_refused("field_form", FAILED);
}

#[test]
fn every_refusal_has_an_answer_of_the_service() {
    use VerifyError as E;
    let authentication = |error: &E| {
        let answer = StorageError::from(error);
        assert_eq!((answer.status, answer.code), FAILED, "{error}");
        assert!(answer.detail.is_some() && answer.to_xml("a<b").contains("RequestId:a&lt;b"), "{error}");
    };
    for error in [
        E::UnknownKey,
        E::OtherKey,
        E::SignatureMismatch,
        E::Expired { expired_at: now(), now: now() },
        E::NotYetValid { valid_from: now(), now: now() },
        E::Lifetime { found: 2, maximum: 1 },
        E::CredentialExpired { ended_at: now(), now: now() },
        E::Skewed { signed_at: now(), now: now(), allowed: 900 },
        E::FieldCount { field: "sv", found: 2 },
        E::FieldForm { field: "sv", expected: "x" },
        E::StoredPolicy { problem: "is not there" },
        E::SignedHeaderMissing { name: "x-a".into() },
    ] {
        authentication(&error);
    }
    for (error, told) in [
        (E::NotSigned, (401, "NoAuthenticationInformation")),
        (E::TwoMechanisms { first: "a", second: "b" }, (400, "InvalidAuthenticationInfo")),
        (E::ClientAddress { problem: "is unknown" }, (403, "AuthorizationSourceIPMismatch")),
        (E::PlainHttp, (403, "AuthorizationProtocolMismatch")),
        (E::Permission { field: "sp", needed: "r" }, PERMISSION),
        (E::NotCovered { field: "ss", what: "service" }, (403, "AuthorizationServiceMismatch")),
        (E::NotCovered { field: "sks", what: "service" }, (403, "AuthorizationServiceMismatch")),
        (E::NotCovered { field: "srt", what: "kind" }, (403, "AuthorizationResourceTypeMismatch")),
        (E::NotCovered { field: "sr", what: "resource" }, DENIED),
        (E::Operation { why: "unknown" }, DENIED),
        (E::Host, DENIED),
        (E::AmbiguousPath { why: "dots" }, URI),
        (E::AmbiguousPlus, URI),
        (E::Malformed { what: "path", why: "it is not UTF-8" }, URI),
        (E::TooLarge { what: "target", found: 2, limit: 1 }, (400, "RequestUrlFailedToParse")),
        (E::FieldForm { field: "x-ms-encryption-scope", expected: "absent" }, (400, "InvalidHeaderValue")),
    ] {
        let answer = StorageError::from(&error);
        assert_eq!((answer.status, answer.code), told, "{error}");
    }
    get().more("&x=a+b").is_refused("ambiguous_plus", URI);
    assert_eq!(get().more("&x=a+b").check_as(expect(Service::Blob).plus(valet_key::azure::Plus::Literal)), Ok(()));
}

#[test]
fn tokens_tied_to_a_user_need_a_verifier_that_knows_users() {
    let tied = Sent::by(&delegated(), &blob("r").delegated_user(OID));
    tied.is_refused("not_covered", DENIED);
    let knows = || expect(Service::Blob).identities_are_checked();
    assert_eq!(tied.check_as(knows()), Ok(()));
    assert_eq!(tied.with("authorization", "Bearer x").check_as(knows()), Ok(()));
    assert!(by_user().with("authorization", "Bearer x").check_as(knows()).is_err());
    Sent::by(&delegated(), &blob("r").authorized_agent(OID)).is_accepted();
    Sent::by(&delegated(), &blob("r").unauthorized_agent(OID)).is_refused("not_covered", DENIED);
}

#[test]
fn what_azure_has_no_token_for_is_refused_by_name() {
    let constraint = |grant: &Grant| match UrlRequest::storage(grant).map(|_| ()) {
        Err(IssueError::NotEnforceable { constraint, .. }) => Some(constraint),
        Ok(()) => None,
        Err(other) => panic!("{other:?}"),
    };
    for (grant, expected) in [
        (Grant::write_tags("photos", "a"), None),
        (Grant::delete_tags("photos", "a"), Some(Constraint::Action)),
        (Grant::start_multipart("photos", "a"), Some(Constraint::Action)),
        (Grant::complete_multipart("photos", "a", "u"), Some(Constraint::Resource)),
        (Grant::list_parts("photos", "a", "u"), Some(Constraint::Resource)),
        (Grant::copy(CopySource::new("other", "a"), "photos", "b").because(why()), Some(Constraint::Action)),
        (Grant::list_versions("photos", "42/").because(why()), Some(Constraint::Action)),
        (Grant::list("photos", "42/").because(why()), None),
        (Grant::list("photos", "42/").because(why()).listing(Listing::new().at_most(5)), Some(Constraint::Listing)),
        (Grant::list("photos", "42/").because(why()).version("1"), Some(Constraint::Resource)),
    ] {
        assert_eq!(constraint(&grant), expected, "{grant:?}");
    }
}

#[test]
fn r38_a_policy_that_the_caller_looks_up_is_the_one_that_the_token_names() {
    let policy = |id: &str| StoredPolicy::new(id).unwrap().permissions(ContainerPermissions::READ).expiry(later(60));
    let stored = UrlRequest::container("photos", Stored(policy("readers"))).unwrap().because(why());
    let stored = Sent::of(&stored).path("/photos/a");
    let verify = |sent: &Sent, policy: Option<StoredPolicy>| {
        sent.see(|view| {
            let presented = Presented::parse(view).unwrap().with_policy(policy);
            key().verify(presented, &expect(Service::Blob), now()).map(|_| ())
        })
    };
    assert_eq!(verify(&stored, Some(policy("readers"))), Ok(()));
    assert_eq!(verify(&get(), None), Ok(()));
    for (sent, policy) in [(&stored, Some(policy("writers"))), (&stored, None), (&get(), Some(policy("readers")))] {
        assert!(matches!(verify(sent, policy), Err(VerifyError::StoredPolicy { .. })));
    }
    // Token and policy do not both say when it begins.
    let begins = stored.more("&st=2023-11-14T22:00:00Z").signed();
    assert_eq!(verify(&begins, Some(policy("readers"))), Ok(()));
    let twice = verify(&begins, Some(policy("readers").start(later(-60))));
    assert!(matches!(twice, Err(VerifyError::StoredPolicy { .. })));
}

#[test]
fn r24_a_signature_of_another_key_is_not_accepted_from_whoever_holds_it() {
    let sent = get();
    sent.see(|view| {
        let pending =
            || Presented::parse(view).unwrap().check(key().credential(), &expect(Service::Blob), now()).unwrap();
        let sign = |key: AccountKey| key.sign(pending().string_to_sign()).unwrap();
        assert!(pending().accept(&sign(key())).is_ok());
        assert_eq!(pending().accept(&sign(key_of(SECONDARY))).err(), Some(VerifyError::SignatureMismatch));
    });
}

#[test]
fn r25_a_ring_holds_no_more_keys_than_an_account_has() {
    let mut ring = KeyRing::new();
    for _ in 0..2 {
        ring.insert(key()).unwrap();
    }
    ring.insert(key()).unwrap_err();
    for _ in 0..64 {
        ring.insert_delegated(delegated(), now()).unwrap();
    }
    ring.insert_delegated(delegated(), now()).unwrap_err();
    // Those that ended leave room.
    ring.insert_delegated(delegated(), later(7200)).unwrap();
}

#[test]
fn r36_fields_that_need_each_other_or_a_version_are_held_to_it() {
    by_user().is_accepted();
    by_user().replace("skv=2026-04-06", "skv=2015-04-05").is_refused("field_form", FAILED);
    let checked = expect(Service::Blob).identities_are_checked();
    let user = |names: &[&str]| {
        let fields: String = names.iter().flat_map(|name| ["&", *name, "=", OID]).collect();
        by_user().more(&fields).signed_as(&checked).check_as(checked.clone()).map_err(|error| error.code())
    };
    assert_eq!(user(&["saoid"]), Ok(()));
    assert_eq!(user(&["suoid"]), Ok(()));
    by_user().more(&format!("&saoid={OID}&suoid={OID}")).is_refused("field_form", FAILED);
    let sent = directory("a", "r").method("GET");
    sent.is_accepted();
    sent.replace("sdd=1", "x=1").is_refused("field_count", FAILED);
    sent.replace("sv=2020-12-06", "sv=2018-11-09").is_refused("field_form", FAILED);
}

#[test]
fn r37_sixty_four_names_are_signed_and_no_more() {
    let names = |count: usize| (0..count).map(|at| format!("h{at}")).collect::<Vec<_>>();
    let with = |count: usize| {
        let sent = by_user().replace("sv=2020-12-06", "sv=2026-04-06");
        let mut sent = sent.more(&format!("&srh={}", names(count).join(",")));
        sent.headers.extend(names(count).into_iter().map(|name| (name, b"1".to_vec())));
        sent
    };
    with(64).signed().is_accepted();
    with(65).is_refused("field_form", FAILED);
}

#[test]
fn r04_long_values_and_names_of_any_bytes_are_decoded_once() {
    let long = get().more(&format!("&rscd={}", "a%25".repeat(100)));
    let text = long.see(|view| Presented::parse(view).unwrap().string_to_sign(&expect(Service::Blob)).unwrap());
    let text = String::from_utf8(text.as_bytes().to_vec()).unwrap();
    assert!(text.contains(&format!("\n{}\n", "a%".repeat(100))), "{text}");
    long.signed().is_accepted();
    long.is_refused("signature_mismatch", FAILED);
    // A name that is no text is no name of a field.
    get().more("&%FFsv=1").is_accepted();
    get().more("&%73v=1").is_refused("field_form", FAILED);
}

#[test]
fn r40_immutability_needs_its_letter() {
    for (letters, accepted) in [("c", false), ("ci", true)] {
        let sent = Sent::of(&blob(letters)).method("PUT").with("x-ms-immutability-policy-mode", "unlocked");
        assert_eq!(sent.check().is_ok(), accepted, "{letters}");
        Sent::of(&blob(letters)).method("PUT").is_accepted();
    }
}

#[test]
fn r40_a_listing_is_of_a_directory_with_a_name_that_is_text() {
    let list = directory("a", "l").path("/photos").method("GET").more("&resource=filesystem&recursive=true");
    list.more("&directory=a/b%C3%A9").is_accepted();
    list.more("&directory=a/b%FF").is_refused("field_form", FAILED);
    let dots = || expect(Service::DataLake).allow_dot_segments();
    assert_eq!(list.more("&directory=a/../b").check_as(dots()), Ok(()));
    assert_eq!(list.more("&directory=a%5C..%5Cb").check_as(dots()).unwrap_err().code(), "ambiguous_path");
}

#[test]
fn r40_a_file_is_no_share() {
    file("r").method("GET").is_accepted();
    file("r").method("GET").path("/share").is_refused("malformed", URI);
    // Neither is a container the account that holds it.
    let list = container("l").method("GET");
    list.path("/photos").more("&restype=container&comp=list").is_accepted();
    list.path("/").more("&comp=list").signed().is_refused("not_covered", DENIED);
    get().path("/photos").more("&restype=container").signed().is_refused("not_covered", DENIED);
}

#[test]
fn r05_the_account_of_an_emulator_is_a_whole_segment() {
    let sas = account_sas(Services::BLOB, ResourceTypes::SERVICE, "l");
    let list = |path: &str| {
        let sent = Sent::new(Service::Blob, "GET", &format!("{path}?{sas}&comp=list"));
        sent.check_as(expect(Service::Blob).account_in_path()).map_err(|error| error.code())
    };
    assert_eq!(list("/myaccount"), Ok(()));
    assert_eq!(list("/myaccount/"), Ok(()));
    assert_eq!(list("/myaccounts"), Err("malformed"));
}

#[test]
fn r37_a_plus_in_the_name_of_a_signed_parameter_is_read_as_the_verifier_is_told() {
    let sent = by_user().replace("sv=2020-12-06", "sv=2026-04-06").more("&srq=a%20b&a+b=1");
    let blank = expect(Service::Blob).plus(Plus::Blank);
    let signed = sent.signed_as(&blank);
    assert_eq!(signed.check_as(blank), Ok(()));
    let literal = signed.check_as(expect(Service::Blob).plus(Plus::Literal));
    assert!(matches!(literal, Err(VerifyError::FieldForm { field: "srq", .. })), "{literal:?}");
    assert_eq!(signed.check(), Err(VerifyError::AmbiguousPlus));
}

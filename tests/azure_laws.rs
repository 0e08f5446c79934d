//! What holds for every input to Azure Storage: what is signed is accepted, and nothing else is.

#![cfg(feature = "azure")]

use proptest::{prelude::*, sample::Index};
use std::net::{IpAddr, Ipv4Addr};
use valet_key::azure::{
    AccountKey, AddressRange, BlobPermissions, ContainerPermissions, DirectoryPermissions, Endpoint, Expect,
    FilePermissions, Inline, KeyRange, KeyRing, Presigner, QueuePermissions, Sas, Service, TablePermissions,
    UrlRequest, Verifier,
};
use valet_key::clock::Timestamp;
use valet_key::error::{IssueError, VerifyError};
use valet_key::grant::{Grant, Justification, Lifetime};
use valet_key::view::RequestView;

const ACCOUNT: &str = "myaccount";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn key() -> AccountKey {
    AccountKey::new(ACCOUNT, "c2VjcmV0").unwrap()
}

fn why() -> Justification {
    Justification::new("a law").unwrap()
}

/// What a verified request is about.
#[derive(Debug, PartialEq, Eq)]
struct Facts {
    method: String,
    container: String,
    name: String,
    permissions: String,
    expires_at: Timestamp,
}

fn verify_with(expect: Expect, method: &str, target: &str, at: Timestamp) -> Result<Facts, VerifyError> {
    let mut ring = KeyRing::new();
    ring.insert(key()).unwrap();
    let verifier = Verifier::new(ring, expect);
    let headers: [(&str, &[u8]); 1] = [("host", b"any.example")];
    let request = verifier.verify(&RequestView::new(method, target, &headers).over_https(), at)?;
    Ok(Facts {
        method: request.method().to_owned(),
        container: request.container()?,
        name: request.name()?,
        permissions: request.permissions(),
        expires_at: request.expires_at(),
    })
}

fn verify(service: Service, method: &str, target: &str, at: Timestamp) -> Result<Facts, VerifyError> {
    verify_with(Expect::new(ACCOUNT, service).unwrap(), method, target, at)
}

/// Method and target of a token in use.
fn signed(request: &UrlRequest) -> (String, String) {
    let url = key().issue(request, now()).unwrap();
    let (_, target) = url.expose().split_once("://").unwrap().1.split_once('/').unwrap();
    (url.method().to_owned(), format!("/{target}"))
}

fn at_path(target: &str, path: &str) -> String {
    format!("{path}?{}", target.split_once('?').unwrap().1)
}

/// The path of a name, written by another encoder: everything but letters is escaped, slashes are not.
fn escaped(name: &str) -> String {
    let one = |byte: u8| {
        if byte.is_ascii_alphabetic() || byte == b'/' { char::from(byte).to_string() } else { format!("%{byte:02x}") }
    };
    name.bytes().map(one).collect()
}

/// Any name that the service takes and no client folds.
fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9/._~-]{1,40}",
        "[ -\\[\\]-~]{1,40}",
        "\\PC{1,20}",
        "[%+&=;?# ]{1,12}",
        "[a-c/]{0,5}/%2[ef]/[é日😀]{1,3}"
    ]
    .prop_filter("clients fold these, and the service takes no backslash", |name| {
        !name.contains('\\') && !name.split('/').any(|segment| matches!(segment, "." | ".."))
    })
}

fn any_directory() -> impl Strategy<Value = String> {
    "[a-zé +%]{1,6}(/[a-z0-9 &]{1,6}){0,4}"
}

fn blob(name: &str) -> UrlRequest {
    UrlRequest::blob("photos", name, Inline::new(BlobPermissions::READ)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_signed_is_accepted_and_named_as_it_was(name in any_name(), other in any_name()) {
        let (method, target) = signed(&blob(&name));
        let facts = verify(Service::Blob, &method, &target, now()).unwrap();
        prop_assert_eq!((facts.container.as_str(), facts.name.as_str()), ("photos", name.as_str()));
        prop_assert_eq!((facts.permissions.as_str(), facts.method.as_str()), ("r", "GET"));
        // In any spelling of its path, and under no other name.
        let respelled = at_path(&target, &format!("/photos/{}", escaped(&name)));
        let again = verify(Service::Blob, "GET", &respelled, now());
        prop_assert_eq!(again.as_ref(), Ok(&facts));
        let elsewhere = verify(Service::Blob, "GET", &at_path(&target, &format!("/photos/{}", escaped(&other))), now());
        prop_assert_eq!(elsewhere.is_ok(), name == other);

        let all = UrlRequest::container("photos", Inline::new(ContainerPermissions::READ)).unwrap().because(why());
        let used = at_path(&signed(&all).1, &format!("/photos/{}", escaped(&name)));
        prop_assert_eq!(verify(Service::Blob, "GET", &used, now()).unwrap().name, name.clone());

        let file = UrlRequest::file("share", &name, Inline::new(FilePermissions::READ)).unwrap();
        let (method, target) = signed(&file);
        prop_assert_eq!(verify(Service::File, &method, &target, now()).unwrap().name, name);
    }

    #[test]
    fn a_directory_covers_itself_and_what_is_below(directory in any_directory(), below in "[a-z%/]{0,8}", beside in "[a-z%]{1,4}", other in any_directory()) {
        let terms = Inline::new(DirectoryPermissions::READ);
        let (method, target) = signed(&UrlRequest::directory("photos", &directory, terms).unwrap().because(why()));
        let check = |name: &str| {
            verify(Service::DataLake, &method, &at_path(&target, &format!("/photos/{}", escaped(name))), now())
        };
        prop_assert!(check(&directory).is_ok());
        prop_assert_eq!(check(&format!("{directory}/{below}")).unwrap().name, format!("{directory}/{below}"));
        let (sibling, elsewhere) = (format!("{directory}{beside}"), format!("{beside}/{directory}"));
        prop_assert!(check(&sibling).is_err());
        let is_inside = elsewhere.starts_with(&format!("{directory}/"));
        prop_assert_eq!(check(&elsewhere).is_ok(), is_inside);
        let is_inside = other == directory || other.starts_with(&format!("{directory}/"));
        prop_assert_eq!(check(&other).is_ok(), is_inside);
        if let Some((parent, _)) = directory.rsplit_once('/') {
            prop_assert!(check(parent).is_err());
        }
    }

    #[test]
    fn a_table_token_reaches_the_entities_of_its_range(start in "[a-d]{1,2}", end in "[a-d]{1,2}", partition in "[a-e]{1,2}", row in "[ -&(-.0-\\[\\]-~]{0,4}") {
        let range = KeyRange::new().from(&start).to(&end);
        let request = UrlRequest::table("Users", range.clone(), Inline::new(TablePermissions::READ));
        prop_assert_eq!(request.is_ok(), start <= end);
        let Ok(request) = request else { return Ok(()) };
        let (method, target) = signed(&request);
        let row = row.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02X}"));
        let path = format!("/Users(PartitionKey='{partition}',RowKey='{row}')");
        let is_inside = start <= partition && partition <= end;
        prop_assert_eq!(range.contains(&partition, "x"), is_inside);
        prop_assert_eq!(verify(Service::Table, &method, &at_path(&target, &path), now()).is_ok(), is_inside);
    }

    /// One changed byte is a refusal, or it leaves everything that the token says and everything that the request is
    /// about as it was: another letter case of a hexadecimal digit in an escape, or of a letter in the name of a table.
    #[test]
    fn no_byte_can_be_changed_to_another_effect(name in any_name(), kind in 0..5, at in any::<Index>(), byte in 0x21u8..0x7f) {
        let (service, request) = match kind {
            0 => (Service::Blob, blob(&name)),
            1 => (Service::File, UrlRequest::file("share", &name, Inline::new(FilePermissions::READ)).unwrap()),
            2 => (Service::Queue, UrlRequest::queue("jobs", Inline::new(QueuePermissions::ADD)).unwrap()),
            3 => {
                let range = KeyRange::new().from("b").to("d");
                (Service::Table, UrlRequest::table("users", range, Inline::new(TablePermissions::READ)).unwrap())
            }
            _ => {
                let terms = Inline::new(ContainerPermissions::LIST);
                (Service::Blob, UrlRequest::container("photos", terms).unwrap().because(why()))
            }
        };
        let (method, mut target) = signed(&request);
        if kind == 4 {
            target.push_str("&restype=container&comp=list");
        }
        let facts = verify(service, &method, &target, now()).unwrap();
        let mut bytes = target.clone().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        let changed = String::from_utf8(bytes).unwrap();
        if let Ok(found) = verify(service, &method, &changed, now()) {
            let is_escape = target[..at].bytes().rev().take(2).any(|byte| byte == b'%');
            let is_table = kind == 3 && target.match_indices("users").any(|(from, word)| (from..from + word.len()).contains(&at));
            prop_assert!(is_table || is_escape, "{} {}", changed, target);
            prop_assert!(changed.eq_ignore_ascii_case(&target), "{} {}", changed, target);
            prop_assert_eq!(found.container.to_lowercase(), facts.container.to_lowercase());
            prop_assert!(is_table || found.container == facts.container);
            prop_assert_eq!((found.name, found.permissions), (facts.name, facts.permissions));
            prop_assert_eq!((found.method, found.expires_at), (facts.method, facts.expires_at));
        }
        for other in ["PUT", "DELETE", "PATCH", "HEAD", "POST", "GET"] {
            let is_read = matches!(other, "GET" | "HEAD") && matches!(kind, 0 | 1);
            let accepted = verify(service, other, &target, now()).is_ok();
            prop_assert!(accepted == (other == method || is_read), "{} {}", other, method);
        }
    }

    #[test]
    fn a_token_is_good_to_the_second(seconds in 1u32..900, offset in -1000i64..1000) {
        let terms = Inline::new(BlobPermissions::READ).lives(Lifetime::from_seconds(seconds).unwrap()).start(now());
        let (method, target) = signed(&UrlRequest::blob("photos", "a", terms).unwrap());
        let at = Timestamp::from_unix(now().unix() + offset).unwrap();
        let expected = (0..=i64::from(seconds)).contains(&offset);
        prop_assert_eq!(verify(Service::Blob, &method, &target, at).is_ok(), expected);
    }

    #[test]
    fn a_presigner_makes_what_a_request_makes(name in any_name(), seconds in 1u16..15, shift in 0u32..100_000) {
        let lifetime = Lifetime::minutes(seconds).unwrap();
        let grant = |name: &str| Grant::read("photos", name).lives(lifetime);
        let mut presigner = Presigner::new(key(), &Endpoint::azure(), &grant("any")).unwrap();
        let mut url = String::from("what was there before");
        for at in [now(), now().saturating_add(shift)] {
            let ends = presigner.presign_into(&name, at, &mut url).unwrap();
            let one = key().issue(&UrlRequest::storage(&grant(&name)).unwrap(), at).unwrap();
            prop_assert_eq!(&url, one.expose());
            prop_assert_eq!(ends, one.expires_at());
        }
    }

    #[test]
    fn a_range_of_addresses_holds_what_lies_between(a in any::<u32>(), b in any::<u32>(), asked in any::<u32>(), near in 0u32..3) {
        let ip = Ipv4Addr::from_bits;
        let range = AddressRange::parse(&format!("{}-{}", ip(a), ip(b)));
        prop_assert_eq!(range.is_ok(), a < b);
        let Ok(range) = range else { return Ok(()) };
        for asked in [asked, a.wrapping_sub(near), a.wrapping_add(near), b.wrapping_sub(near), b.wrapping_add(near)] {
            let expected = a <= asked && asked <= b;
            prop_assert_eq!(range.contains(IpAddr::V4(ip(asked))), expected);
            prop_assert_eq!(range.contains(IpAddr::V6(ip(asked).to_ipv6_mapped())), expected);
            let request = blob("a").address(range);
            let (_, target) = signed(&request);
            let mut ring = KeyRing::new();
            ring.insert(key()).unwrap();
            let headers: [(&str, &[u8]); 1] = [("host", b"any.example")];
            let view = RequestView::new("GET", &target, &headers).over_https().from_address(IpAddr::V4(ip(asked)));
            let verifier = Verifier::new(ring, Expect::new(ACCOUNT, Service::Blob).unwrap());
            prop_assert_eq!(verifier.verify(&view, now()).is_ok(), expected);
        }
        prop_assert_eq!(AddressRange::parse(&range.to_string()), Ok(range));
    }

    /// Whatever a verifier requires beyond the default takes requests away and adds none.
    #[test]
    fn a_narrower_verifier_accepts_no_more(name in any_name(), minutes in 1u16..30, limit in 1u16..30, offset in 0i64..2000) {
        let terms = Inline::new(BlobPermissions::READ).lives(Lifetime::minutes(minutes).unwrap());
        let request = UrlRequest::blob("photos", &name, terms).unwrap();
        let unjustified = key().issue(&request, now());
        prop_assert_eq!(matches!(unjustified, Err(IssueError::Unjustified { .. })), minutes > 15);
        let (method, target) = signed(&request.because(why()));
        let at = Timestamp::from_unix(now().unix() + offset).unwrap();
        let wide = verify(Service::Blob, &method, &target, at);
        let expect = || Expect::new(ACCOUNT, Service::Blob).unwrap();
        for narrow in [expect().host("any.example"), expect().max_lifetime(Lifetime::minutes(limit).unwrap())] {
            if let Ok(facts) = verify_with(narrow, &method, &target, at) {
                prop_assert_eq!(Ok(facts), verify(Service::Blob, &method, &target, at));
            }
        }
        prop_assert!(verify_with(expect().host("other.example"), &method, &target, at).is_err());
        prop_assert_eq!(wide.is_ok(), offset <= i64::from(minutes) * 60);
    }
}

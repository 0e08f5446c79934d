//! URLs for many names at one time are those that are made one at a time.

use proptest::{collection::vec, prelude::*};
use valet_key::aws::{self, Presigner, SigV4, StaticKey};
use valet_key::clock::Timestamp;
use valet_key::error::{IssueError, KeyError};
use valet_key::gcs::{self, GoogV4};
use valet_key::grant::Grant;
use valet_key::token::BearerUrl;
use valet_key::view::RequestView;

const REGION: &str = "eu-west-1";
const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "PLANTEDsecretPLANTEDsecretPLANTEDsecret0";
const TOKEN: &str = "PLANTEDtokenPLANTEDtoken";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn key() -> StaticKey {
    let credential = aws::Credential::new(ID).unwrap().with_session_token(TOKEN).unwrap();
    StaticKey::from_credential(credential, SECRET).unwrap()
}

fn hmac() -> gcs::HmacKey {
    gcs::HmacKey::new("GOOG1EXAMPLE", SECRET).unwrap()
}

fn endpoint() -> aws::Endpoint {
    aws::Endpoint::aws(aws::Region::new(REGION).unwrap())
}

fn s3(grant: &Grant) -> Presigner<StaticKey> {
    Presigner::new(key(), &endpoint(), grant).unwrap()
}

fn storage(grant: &Grant) -> gcs::Presigner<gcs::HmacKey> {
    gcs::Presigner::new(hmac(), &gcs::Endpoint::google(), grant).unwrap()
}

/// Good names and bad ones.
fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[a-zA-Z0-9/._~-]{1,40}",
        4 => "\\PC{1,20}",
        4 => "[%+&=;?#/\\\\]{1,12}",
        2 => "[./]{0,4}",
        1 => "[a\\x00\r\n]{1,3}",
        1 => Just("a".repeat(1025)),
        1 => Just(".well-known/acme-challenge/a".to_owned()),
    ]
}

fn any_directory() -> impl Strategy<Value = String> {
    prop_oneof![3 => Just(String::new()), 3 => "[a-z ]{1,70}/", 2 => "[a./%é]{0,8}", 1 => "[b/]{1000,1024}"]
}

type Made = Result<String, IssueError>;
type Many = Result<Vec<(String, Made)>, IssueError>;

/// What each of the names gives: lent, as tokens of their own, and one at a time.
macro_rules! three_ways {
    ($presigner:expr, $one:expr, $directory:expr, $names:expr) => {{
        let (mut presigner, directory, names): (_, &str, &[String]) = ($presigner, $directory, $names);
        let one: Vec<Made> = names.iter().map(|name| $one(format!("{directory}{name}"))).collect();
        let many = presigner.presign_many_under(directory, names, now()).map(|mut urls| {
            let mut lent: Vec<(String, Made)> = Vec::new();
            while let Some((name, url)) = urls.next_url() {
                lent.push((name.clone(), url.map(str::to_owned)));
            }
            lent
        });
        let owned = presigner.presign_many_under(directory, names, now()).map(|urls| {
            assert_eq!(urls.len(), names.len());
            urls.map(|(name, url)| (name.clone(), url.map(|url| url.expose().to_owned()))).collect()
        });
        (one, many, owned)
    }};
}

fn same(directory: &str, names: &[String], (one, many, owned): (Vec<Made>, Many, Many)) -> Result<(), TestCaseError> {
    prop_assert_eq!(&many, &owned);
    match many {
        Ok(many) => {
            let expected: Vec<(String, Made)> = names.iter().cloned().zip(one).collect();
            prop_assert_eq!(many, expected, "under {:?}", directory);
        }
        // A directory that is refused, so that no name under it is good.
        Err(_) => prop_assert!(one.iter().all(Result::is_err), "{:?}", directory),
    }
    Ok(())
}

proptest! {
    #[test]
    fn urls_for_many_names_are_those_of_one_at_a_time(
        directory in any_directory(), names in vec(any_name(), 0..6), dots: bool, method in 0..3usize,
    ) {
        let grant = |name: &str| {
            let grant = match method {
                0 => Grant::read("photos", name),
                1 => Grant::upload("photos", name).content_type("image/png").exact_size(5),
                _ => Grant::read("my.photos", name),
            };
            if dots { grant.allow_dot_segments() } else { grant }
        };
        let exposed = |made: Result<BearerUrl, IssueError>| made.map(|url| url.expose().to_owned());
        let one = |name: String| {
            exposed(aws::UrlRequest::at(&endpoint(), &grant(&name)).and_then(|request| key().presign(&request, now())))
        };
        same(&directory, &names, three_ways!(s3(&grant("any")), one, &directory, &names))?;
        let one = |name: String| {
            exposed(gcs::UrlRequest::storage(&grant(&name)).and_then(|request| hmac().signed_url(&request, now())))
        };
        same(&directory, &names, three_ways!(storage(&grant("any")), one, &directory, &names))?;
    }

    #[test]
    fn each_of_many_urls_is_accepted(names in vec("[a-z%é ]{1,20}", 1..6)) {
        let verifier = aws::Verifier::new(aws::KeyRing::new().with(key()), aws::Expect::new(REGION, "s3"));
        let headers: [(&str, &[u8]); 1] = [("host", b"photos.s3.eu-west-1.amazonaws.com")];
        let mut presigner = s3(&Grant::read("photos", "any"));
        let mut urls = presigner.presign_many(&names, now()).unwrap();
        prop_assert_eq!(urls.expires_at(), now().saturating_add(900));
        let mut count = 0;
        while let Some((name, url)) = urls.next_url() {
            let target = url.unwrap().strip_prefix("https://photos.s3.eu-west-1.amazonaws.com").unwrap();
            let verified = verifier.verify(&RequestView::new("GET", target, &headers), now()).unwrap();
            prop_assert_eq!(verified.decoded_path().unwrap(), format!("/{name}"));
            count += 1;
        }
        prop_assert_eq!(count, names.len());

        let verifier = gcs::Verifier::new(gcs::KeyRing::new().with(hmac()), gcs::Expect::new());
        let headers: [(&str, &[u8]); 1] = [("host", b"storage.googleapis.com")];
        let mut presigner = storage(&Grant::read("photos", "any"));
        let mut urls = presigner.presign_many(&names, now()).unwrap();
        prop_assert_eq!(urls.expires_at(), now().saturating_add(900));
        while let Some((name, url)) = urls.next_url() {
            let target = url.unwrap().strip_prefix("https://storage.googleapis.com").unwrap();
            let verified = verifier.verify(&RequestView::new("GET", target, &headers), now()).unwrap();
            prop_assert_eq!(verified.decoded_path().unwrap(), format!("/photos/{name}"));
        }
    }
}

#[test]
fn a_bad_name_in_the_middle_fails_alone_and_is_told() {
    let names = ["a.ts", "", "b/../c.ts", "nul\0.ts", "b.ts"];
    let mut presigner = s3(&Grant::read("photos", "any"));
    let mut urls = presigner.presign_many(names, now()).unwrap();
    let mut told = Vec::new();
    while let Some((name, url)) = urls.next_url() {
        told.push((name, url.map(|url| url.contains(name)).map_err(|error| error.code())));
    }
    let refused = Err("invalid");
    let expected = [Ok(true), refused, refused, refused, Ok(true)];
    assert_eq!(told, names.into_iter().zip(expected).collect::<Vec<_>>());
}

#[test]
fn a_name_goes_on_with_the_last_segment_of_its_directory() {
    let mut presigner = s3(&Grant::read("photos", "any"));
    let mut made = |directory: &str, name: &str| {
        let urls = presigner.presign_many_under(directory, [name], now());
        urls.and_then(|mut urls| urls.next().unwrap().1).map(|url| url.expose().split('?').next().unwrap().len())
    };
    let host = "https://photos.s3.eu-west-1.amazonaws.com/".len();
    assert_eq!(made("a/.", "b"), Ok(host + 4), "`.b` is a name like others");
    assert_eq!(made("a/", ""), Ok(host + 2), "an object may be called like a directory");
    for (directory, name) in
        [("a/.", ""), ("a/.", "."), ("a/.", "/b"), ("a/", "../b"), ("../", "b"), ("a/../", "b"), ("", "..")]
    {
        assert!(made(directory, name).is_err(), "{directory} {name}");
    }
    assert!(made(&"a".repeat(1000), &"b".repeat(24)).is_ok());
    assert!(made(&"a".repeat(1000), &"b".repeat(25)).is_err());
}

#[test]
fn what_ends_or_is_for_something_else_makes_no_url_at_all() {
    let soon = aws::Credential::new(ID).unwrap().expiring(now().saturating_add(60));
    let ends = StaticKey::from_credential(soon, SECRET).unwrap();
    let mut presigner = Presigner::new(ends, &endpoint(), &Grant::read("photos", "any")).unwrap();
    let refused = presigner.presign_many(["a"], now()).map(|_| ()).unwrap_err();
    assert_eq!(refused.code(), "outlives_credential");
    let mut parts = s3(&Grant::upload_part("photos", "any", "any", 1).any_size());
    assert_eq!(parts.presign_many(["a"], now()).map(|_| ()).unwrap_err().code(), "invalid");
    let soon = gcs::Credential::hmac_key("GOOG1EXAMPLE").unwrap().expiring(now().saturating_add(60));
    let ends = gcs::HmacKey::from_credential(soon, SECRET).unwrap();
    let mut presigner = gcs::Presigner::new(ends, &gcs::Endpoint::google(), &Grant::read("photos", "any")).unwrap();
    assert_eq!(presigner.presign_many(["a"], now()).map(|_| ()).unwrap_err().code(), "outlives_credential");
}

/// Signs elsewhere, and not for every name: it gives no key out.
#[derive(Debug)]
struct Remote(StaticKey, std::sync::atomic::AtomicUsize);

impl SigV4 for Remote {
    fn credential(&self) -> &aws::Credential {
        self.0.credential()
    }

    fn sign(&self, scope: &aws::Scope, message: &aws::StringToSign) -> Result<aws::Signature, KeyError> {
        if self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 1 {
            return Err(KeyError::Holder("busy".into()));
        }
        self.0.sign(scope, message)
    }
}

#[test]
fn a_holder_that_keeps_its_key_is_asked_for_each_url_and_fails_for_one_alone() {
    let mut presigner = Presigner::new(Remote(key(), 0.into()), &endpoint(), &Grant::read("photos", "any")).unwrap();
    let urls: Vec<_> = presigner.presign_many(["a", "b", "c"], now()).unwrap().collect();
    assert_eq!(urls[1].1.as_ref().unwrap_err(), &IssueError::Key(KeyError::Holder("busy".into())));
    let mut local = s3(&Grant::read("photos", "any"));
    for (name, url) in [&urls[0], &urls[2]] {
        assert_eq!(url.as_ref().unwrap().expose(), local.presign(name, now()).unwrap().expose());
    }
}

#[cfg(feature = "rsa")]
#[test]
fn a_service_account_signs_for_many_names() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/gcs/keys/dummy-service-account.json");
    let account = gcs::ServiceAccountKey::from_json(&std::fs::read_to_string(file).unwrap()).unwrap();
    let grant = |name: &str| Grant::read("photos", name);
    let mut presigner = gcs::Presigner::new(&account, &gcs::Endpoint::google(), &grant("any")).unwrap();
    let mut urls = presigner.presign_many_under("42/", ["a.ts", "..", "b.ts"], now()).unwrap();
    let mut made = 0;
    while let Some((name, url)) = urls.next_url() {
        let request = gcs::UrlRequest::storage(&grant(&format!("42/{name}")));
        let one = request.and_then(|request| account.signed_url(&request, now()));
        assert_eq!(url.ok(), one.as_ref().ok().map(BearerUrl::expose), "{name}");
        made += usize::from(one.is_ok());
    }
    assert_eq!(made, 2);
}

#[test]
fn neither_the_secret_nor_a_signature_shows() {
    let (mut aws, mut gcs) = (s3(&Grant::read("photos", "any")), storage(&Grant::read("photos", "any")));
    let mut shown = Vec::new();
    let mut planted = vec![SECRET.to_owned(), TOKEN.to_owned()];
    let mut urls = aws.presign_many_under("42/", ["a", "..", "b"], now()).unwrap();
    while let Some((_, url)) = urls.next_url() {
        match url {
            Ok(url) => planted.push(url[url.len() - 64..].to_owned()),
            Err(error) => shown.push(format!("{error} {error:?}")),
        }
    }
    shown.push(format!("{urls:?} {urls:#?}"));
    shown.push(format!("{aws:?} {:?}", aws.presign("a", now()).unwrap()));
    let mut urls = gcs.presign_many_under("42/", ["a", "..", "b"], now()).unwrap();
    while let Some((_, url)) = urls.next_url() {
        match url {
            Ok(url) => planted.push(url[url.len() - 64..].to_owned()),
            Err(error) => shown.push(format!("{error} {error:?}")),
        }
    }
    shown.push(format!("{urls:?} {urls:#?}"));
    shown.push(format!("{gcs:?}"));
    let shown = shown.concat();
    assert_eq!(planted.len(), 6);
    assert!(shown.contains("42/") && shown.contains("clients fold"), "{shown}");
    for planted in planted {
        assert!(!shown.contains(&planted), "{planted} in {shown}");
    }
}

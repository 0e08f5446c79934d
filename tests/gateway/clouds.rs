//! The same gate in front of each of the three clouds.

use valet_key::aws::{self, SigV4};
use valet_key::azure::{self, Sas};
use valet_key::clock::Timestamp;
use valet_key::gateway::{Admitted, Gate, GateError, Provider};
use valet_key::gcs::{self, GoogV4};
use valet_key::grant::{Action, ContentDisposition, Grant, Justification};
use valet_key::view::RequestView;

pub(crate) const CLOUDS: [Provider; 3] = [Provider::Aws, Provider::Gcs, Provider::Azure];
pub(crate) const SECRET: &str = "PLANTEDsecretPLANTEDsecretPLANTEDsecret0";
pub(crate) const AZURE_SECRET: &str = "UExBTlRFRHNlY3JldFBMQU5URURzZWNyZXQ=";

pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(now().unix() + seconds).unwrap()
}

pub(crate) fn aws_key() -> aws::StaticKey {
    aws::StaticKey::new("AKIAIOSFODNN7EXAMPLE", SECRET).unwrap()
}

pub(crate) fn endpoint() -> aws::Endpoint {
    aws::Endpoint::aws(aws::Region::new("eu-west-1").unwrap())
}

pub(crate) fn gcs_key() -> gcs::HmacKey {
    gcs::HmacKey::new("GOOG1EXAMPLE", SECRET).unwrap()
}

pub(crate) fn azure_key() -> azure::AccountKey {
    azure::AccountKey::new("myaccount", AZURE_SECRET).unwrap()
}

pub(crate) fn gate(cloud: Provider) -> Gate {
    match cloud {
        Provider::Aws => {
            let expect = aws::Expect::new("eu-west-1", "s3").allow_streams();
            Gate::aws(aws::Verifier::new(aws::KeyRing::new().with(aws_key()), expect), endpoint())
        }
        Provider::Gcs => {
            let ring = gcs::KeyRing::new().with(gcs_key());
            Gate::gcs(gcs::Verifier::new(ring, gcs::Expect::new()), gcs::Endpoint::google())
        }
        _ => {
            let mut ring = azure::KeyRing::new();
            ring.insert(azure_key()).unwrap();
            let expect = azure::Expect::new("myaccount", azure::Service::Blob).unwrap();
            Gate::azure(azure::Verifier::new(ring, expect))
        }
    }
}

/// A request as it goes over the wire.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
}

impl Wire {
    pub(crate) fn of(url: &valet_key::token::BearerUrl) -> Self {
        let exposed = url.expose();
        let host = exposed.strip_prefix("https://").unwrap().split('/').next().unwrap();
        let mut headers = vec![("host".to_owned(), host.as_bytes().to_vec())];
        headers.extend(url.required_headers().iter().cloned());
        Self { method: url.method().to_owned(), url: exposed.to_owned(), headers }
    }

    pub(crate) fn target(&self) -> &str {
        let rest = self.url.strip_prefix("https://").unwrap();
        &rest[rest.find('/').unwrap()..]
    }

    pub(crate) fn with<T>(&self, act: impl FnOnce(&RequestView<'_>) -> T) -> T {
        let lines: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        act(&RequestView::new(&self.method, self.target(), &lines).over_https())
    }

    pub(crate) fn admit(&self, gate: &Gate, now: Timestamp) -> Result<Admitted, GateError> {
        self.with(|view| gate.admit(view, now))
    }
}

/// A URL for that grant, made at that time.
pub(crate) fn issue_at(cloud: Provider, grant: &Grant, now: Timestamp) -> Wire {
    Wire::of(&match cloud {
        Provider::Aws => aws_key().presign(&aws::UrlRequest::at(&endpoint(), grant).unwrap(), now).unwrap(),
        Provider::Gcs => gcs_key().signed_url(&gcs::UrlRequest::storage(grant).unwrap(), now).unwrap(),
        _ => azure_key().issue(&azure::UrlRequest::storage(grant).unwrap(), now).unwrap(),
    })
}

pub(crate) fn issue(cloud: Provider, grant: &Grant) -> Wire {
    issue_at(cloud, grant, now())
}

/// One with parameters of the application, which only two of the clouds sign.
pub(crate) fn issue_with(cloud: Provider, grant: &Grant, params: &[(&str, &str)]) -> Wire {
    Wire::of(&if cloud == Provider::Aws {
        let mut request = aws::Request::at(&endpoint(), grant, aws::Payload::Unsigned).unwrap();
        for (name, value) in params {
            request = request.query(*name, *value);
        }
        aws_key().presign(&aws::UrlRequest::new(request), now()).unwrap()
    } else {
        let mut request = gcs::UrlRequest::storage(grant).unwrap();
        for (name, value) in params {
            request = request.query(*name, *value);
        }
        gcs_key().signed_url(&request, now()).unwrap()
    })
}

#[test]
fn one_shape_tells_what_a_request_is_about() {
    for cloud in CLOUDS {
        let gate = gate(cloud);
        assert_eq!(gate.provider(), cloud);
        let read = Grant::read("photos", "42/a b+%41\u{e9}.jpg");
        let upload = Grant::upload("photos", "42/new.jpg").any_size().any_content_type();
        for (grant, action, object) in [
            (read, Action::Read, "42/a b+%41\u{e9}.jpg"),
            (upload, Action::Upload, "42/new.jpg"),
            (Grant::delete("photos", "42/old.jpg"), Action::Delete, "42/old.jpg"),
        ] {
            let admitted = issue(cloud, &grant).admit(&gate, at(5)).unwrap();
            let facts = admitted.facts();
            assert_eq!(facts.provider(), cloud);
            assert_eq!(facts.action(), Some(action), "{cloud:?}");
            assert_eq!((facts.container(), facts.object()), ("photos", Some(object)), "{cloud:?}");
            assert_eq!(facts.expires_at(), at(900), "{cloud:?}");
            assert_eq!(facts.subject(), None);
            let key_id = match cloud {
                Provider::Aws => "AKIAIOSFODNN7EXAMPLE",
                Provider::Gcs => "GOOG1EXAMPLE",
                _ => "myaccount",
            };
            assert_eq!(facts.key_id(), key_id);
            if cloud != Provider::Azure {
                assert_eq!(facts.issued_at(), Some(now()));
            }
        }
    }
}

#[test]
fn headers_are_told_if_they_are_signed() {
    let upload = Grant::upload("photos", "42/new.jpg").any_size().content_type("image/jpeg");
    let open = Grant::upload("photos", "42/new.jpg").any_size().any_content_type();
    for cloud in [Provider::Aws, Provider::Gcs] {
        let gate = gate(cloud);
        let admitted = issue(cloud, &upload).admit(&gate, now()).unwrap();
        let lines = |name: &str| admitted.facts().header(name).map(<[u8]>::to_vec).collect::<Vec<_>>();
        assert_eq!(lines("Content-Type"), [b"image/jpeg"], "{cloud:?}");
        assert_eq!(lines("x-other"), Vec::<Vec<u8>>::new());
        // Whoever uses the token may say of it what he likes, so that nobody hears it.
        let mut said = issue(cloud, &open);
        said.headers.push(("content-type".into(), b"text/html".to_vec()));
        assert_eq!(said.admit(&gate, now()).unwrap().facts().header("content-type").count(), 0, "{cloud:?}");
    }
    // Metadata is told whatever it is called.
    let tokened = upload.metadata("csrf-token", "7");
    let admitted = issue(Provider::Aws, &tokened).admit(&gate(Provider::Aws), now()).unwrap();
    assert_eq!(admitted.facts().header("x-amz-meta-csrf-token").collect::<Vec<_>>(), [b"7"]);

    let mut said = issue(Provider::Azure, &open);
    said.headers.push(("content-type".into(), b"text/html".to_vec()));
    assert_eq!(said.admit(&gate(Provider::Azure), now()).unwrap().facts().header("content-type").count(), 0);

    let link = Grant::read("photos", "cat.jpg").disposition(&ContentDisposition::attachment("a cat.jpg"));
    for cloud in CLOUDS {
        let admitted = issue(cloud, &link).admit(&gate(cloud), now()).unwrap();
        let told: Vec<_> = admitted.facts().response_headers().collect();
        assert_eq!(told, [("content-disposition", ContentDisposition::attachment("a cat.jpg").as_str())], "{cloud:?}");
    }
}

#[test]
fn a_fingerprint_is_the_hash_of_the_signature() {
    use sha2::{Digest, Sha256};
    for cloud in CLOUDS {
        let wire = issue(cloud, &Grant::read("photos", "cat.jpg"));
        let query = wire.target().split_once('?').unwrap().1.to_owned();
        let signature = match cloud {
            Provider::Azure => {
                let value = query.split('&').find_map(|pair| pair.strip_prefix("sig=")).unwrap();
                let value = value.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
                let mut bytes = [0; 32];
                <base64ct::Base64 as base64ct::Encoding>::decode(&value, &mut bytes).unwrap();
                bytes.to_vec()
            }
            _ => hex::decode(query.split('&').find_map(|pair| pair.split_once("-Signature=")).unwrap().1).unwrap(),
        };
        let expected = hex::encode(Sha256::digest(&signature));
        let admitted = wire.admit(&gate(cloud), now()).unwrap();
        assert_eq!(admitted.facts().fingerprint().to_string(), expected, "{cloud:?}");
        assert_eq!(Some(*admitted.facts().fingerprint()), valet_key::token::Fingerprint::of(&wire.url));
        assert_ne!(admitted.facts().fingerprint().to_string(), hex::encode(&signature));
    }
}

#[test]
fn signed_parameters_tell_the_subject_and_the_use() {
    let read = Grant::read("photos", "cat.jpg");
    for cloud in [Provider::Aws, Provider::Gcs] {
        let gate = gate(cloud);
        let admitted = issue_with(cloud, &read, &[("x-user", "42"), ("x-use", "once")]).admit(&gate, now()).unwrap();
        assert_eq!(admitted.facts().subject(), Some("42"));
        assert!(admitted.facts().is_marked_single_use());
        let plain = issue(cloud, &read).admit(&gate, now()).unwrap();
        assert!(!plain.facts().is_marked_single_use());
        for params in [
            &[("x-use", "twice")][..],
            &[("x-use", "")],
            &[("X-Use", "once")],
            &[("x-use", "once"), ("X-USE", "twice")],
            &[("x-user", "42"), ("X-User", "43")],
            &[("x-user", "")],
        ] {
            let refused = issue_with(cloud, &read, params).admit(&gate, now()).unwrap_err();
            assert_eq!(refused.code(), "operation", "{params:?}");
        }
    }
    let tagged = Grant::read("photos", "cat.jpg").request_id("0a8f2c11-2f5e-4f7c-9a44-5f0e6f6a1b2c");
    for cloud in [Provider::Aws, Provider::Gcs] {
        let admitted = issue(cloud, &tagged).admit(&gate(cloud), now()).unwrap();
        assert_eq!(admitted.facts().correlation_id(), Some("0a8f2c11-2f5e-4f7c-9a44-5f0e6f6a1b2c"), "{cloud:?}");
    }
}

#[test]
fn listings_and_copies_tell_what_they_reach() {
    let why = || Justification::new("a test of listings").unwrap();
    let list = Grant::list("photos", "42/").because(why());
    for (cloud, prefix) in [(Provider::Aws, Some("42/")), (Provider::Gcs, Some("42/"))] {
        let admitted = issue(cloud, &list).admit(&gate(cloud), now()).unwrap();
        let facts = admitted.facts();
        assert_eq!((facts.action(), facts.object(), facts.prefix()), (Some(Action::List), None, prefix), "{cloud:?}");
    }
    let source = valet_key::grant::CopySource::new("scans", "7/x y.pdf");
    let copy = Grant::copy(source, "photos", "42/y.pdf").because(why());
    let admitted = issue(Provider::Aws, &copy).admit(&gate(Provider::Aws), now()).unwrap();
    let source = admitted.facts().source().unwrap();
    assert_eq!((source.container(), source.name()), ("scans", "7/x y.pdf"));
}

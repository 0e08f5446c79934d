//! Google Cloud Storage: HMAC keys, service-account keys, and the tokens of an exchange.

use crate::{
    Operation,
    needles::{Kind, Needles, from_base64},
    now,
};
use valet_key::clock::Timestamp;
use valet_key::gcs::{
    AccessBoundary, Credential, DownscopedToken, Endpoint, Expect, ExpectForm, FormView, GoogV4, HmacKey, KeyRing,
    LegacyUrlRequest, PostPolicy, Presented, PresentedForm, Presigner, ResumableSession, ServiceAccountKey, SignBlob,
    UrlRequest, Verifier,
};
use valet_key::grant::{Grant, Justification};
use valet_key::secret::Secret;
use valet_key::view::RequestView;

const SECRET: &str = "PLANTEDsecretPLANTEDsecretPLANTEDsecret0";
const TOKEN: &str = "ya29.OAuthTokenOAuthTokenOAuthTokenOAuthToken";
const HOST: &str = "storage.googleapis.com";
const DAYS: u32 = 12;
const FILE: &str = include_str!("../../vectors/gcs/keys/dummy-service-account.json");

fn key() -> HmacKey {
    HmacKey::new("GOOG1EXAMPLE", SECRET).unwrap()
}

fn day(number: u32) -> Timestamp {
    now().saturating_add(number * 86_400)
}

fn needles() -> Needles {
    (0..DAYS).fold(Needles::new(), |needles, number| {
        let date = day(number).to_string().replace('-', "");
        needles.with_chain("GOOG4", SECRET, &[&date[..8], "auto", "storage", "goog4_request"])
    })
}

fn cat() -> UrlRequest {
    UrlRequest::storage(&Grant::read("photos", "cat.jpg")).unwrap()
}

fn target(url: &str) -> String {
    url.strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned()
}

/// The numbers behind the modulus, and the text of them in the file.
fn account_needles() -> Needles {
    let (_, key) = FILE.split_once("-----BEGIN PRIVATE KEY-----\\n").unwrap();
    let (text, _) = key.split_once("\\n-----END").unwrap();
    let text = text.replace("\\n", "\n");
    Needles::new().with_number(&from_base64(&text)[320..]).with(Kind::Key, &text.as_bytes()[450..])
}

pub(crate) fn operations() -> Vec<Operation> {
    let url = key().signed_url(&cat(), now()).unwrap();
    let signed = needles().with(Kind::Signature, url.expose().rsplit('=').next().unwrap().as_bytes());
    let targets: Vec<(Timestamp, String)> = (0..DAYS)
        .map(|number| (day(number), target(key().signed_url(&cat(), day(number)).unwrap().expose())))
        .collect();
    let tokens = Needles::new().with(Kind::Token, TOKEN.as_bytes());
    vec![
        Operation::new("gcs: keys made, refused and dropped", &signed, || {
            drop(key());
            assert!(HmacKey::new("", SECRET).is_err());
            assert!(HmacKey::new("GOOG1", SECRET.repeat(30)).is_err());
        }),
        Operation::new("gcs: a URL on each of twelve days", &signed, || {
            let key = key();
            (0..DAYS).for_each(|number| drop(key.signed_url(&cat(), day(number)).unwrap()));
        }),
        Operation::new("gcs: a presigner over twelve days", &signed, || {
            let mut presigner = Presigner::new(key(), &Endpoint::google(), &Grant::read("photos", "any")).unwrap();
            let mut url = String::with_capacity(1024);
            for number in 0..DAYS {
                presigner.presign_into("cat.jpg", day(number), &mut url).unwrap();
            }
            drop(Secret::new(url));
        }),
        Operation::new("gcs: verdicts on twelve days", &needles(), move || {
            let mut ring = KeyRing::new();
            for _ in 0..5 {
                let key = key();
                drop(key.signed_url(&cat(), now()).unwrap());
                ring.insert(key);
            }
            let judge = Verifier::new(ring, Expect::new().host(HOST));
            let host: [(&str, &[u8]); 1] = [("host", HOST.as_bytes())];
            for (at, target) in &targets {
                judge.verify(&RequestView::new("GET", target, &host), *at).unwrap();
                assert!(judge.verify(&RequestView::new("PUT", target, &host), *at).is_err());
                let presented = Presented::parse(&RequestView::new("GET", target, &host)).unwrap();
                key().verify(presented, &Expect::new(), *at).unwrap();
            }
        }),
        Operation::new("gcs: a form and a verdict on it", &needles(), || {
            let policy = PostPolicy::new(&Endpoint::google(), "photos", "cat.jpg").unwrap().size(0..=9);
            let form = policy.sign(&key(), now()).unwrap();
            let fields: Vec<(&str, &str)> = form.fields().collect();
            let view = FormView::new("photos", &fields);
            let ring = KeyRing::new().with(key());
            ring.verify_form(PresentedForm::parse(&view).unwrap(), &ExpectForm::new(), now()).unwrap();
        }),
        Operation::new("gcs: version 2", &needles(), || {
            let request = LegacyUrlRequest::new("GET", &Endpoint::google(), "photos", "cat.jpg").unwrap();
            drop(key().legacy_signed_url(&request.because(Justification::new("a test").unwrap()), now()).unwrap());
        }),
        Operation::new("gcs: a service account's file read", &account_needles(), || {
            drop(ServiceAccountKey::from_json(FILE).unwrap());
        }),
        Operation::new("gcs: files that are refused", &account_needles(), || {
            // The copies that are made here are wiped here, and do not grow.
            let refused = |pieces: &[&str]| {
                let mut file = String::with_capacity(1 << 14);
                pieces.iter().for_each(|piece| file.push_str(piece));
                let file = Secret::new(file);
                assert!(ServiceAccountKey::from_json(file.expose()).is_err());
            };
            let changed = |from: &str, to: &str| {
                let (before, behind) = FILE.split_once(from).unwrap();
                refused(&[before, to, behind]);
            };
            changed("\"client_email\"", "\"e-mail\"");
            changed("\"service_account\"", "\"user\"");
            changed("dummy-project", "dummy project");
            changed("\\n-----END", "\\n-----END\\u0000");
            changed("\\n-----END", "\\q-----END");
            let open = FILE.trim_end().trim_end_matches('}');
            refused(&[open, ", \"x\": {}, \"x\": 1}"]);
            refused(&[open, ", \"private_key\": \"\"}"]);
            refused(&[open]);
        }),
        Operation::new("gcs: a URL signed with RSA", &account_needles(), || {
            drop(ServiceAccountKey::from_json(FILE).unwrap().signed_url(&cat(), now()).unwrap());
        }),
        Operation::new("gcs: the exchange of a token", &tokens, || {
            let boundary = AccessBoundary::new(&[Grant::read("photos", "a")], now(), now()).unwrap();
            drop(boundary.exchange_body(&Secret::from(TOKEN)));
        }),
        Operation::new("gcs: the answer to an exchange", &tokens, || {
            for answer in [
                concat!("{\"access_token\":\"ya29.OAuthTokenOAuthTokenOAuthTokenOAuthToken\",\"expires_in\":60}"),
                concat!("{\"access_token\":\"ya29.OAuthTokenOAuthTokenOAuthTokenOAuthToken\",\"expires_in\":-60}"),
                concat!("{\"expires_in\":-60,\"access_token\":\"ya29.OAuthTokenOAuthTokenOAuthTokenOAuthToken\"}"),
                concat!("{\"access_token\":\"ya29.OAuthTokenOAuthTokenOAuthTokenOAuthToken\","),
            ] {
                drop(DownscopedToken::read_answer(answer, now(), now()));
                let call = SignBlob::new(&Credential::service_account("a@b.example").unwrap()).unwrap();
                assert!(call.read_answer(answer).is_err());
            }
        }),
        Operation::new("gcs: a resumable session", &tokens, || {
            const LOCATION: &str = concat!(
                "https://storage.googleapis.com/upload/storage/v1/b/photos/o?uploadType=resumable&upload_id=",
                "ya29.OAuthTokenOAuthTokenOAuthTokenOAuthToken"
            );
            drop(ResumableSession::from_location(LOCATION, now()));
        }),
    ]
}

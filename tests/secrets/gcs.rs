//! No secret, signature, session URI or token of Cloud Storage shows in any `Debug` or error.

use crate::planted::Planted;
use valet_key::clock::Timestamp;
use valet_key::gcs::{
    AccessBoundary, Credential, DownscopedToken, Endpoint, Expect, ExpectForm, FormView, GoogV4, HmacKey, KeyRing,
    PostPolicy, Presented, PresentedForm, Presigner, PublicKey, ResumableSession, ServiceAccountKey, SignBlob,
    Signature, StorageError, UrlRequest, Verifier,
};
use valet_key::grant::Grant;
use valet_key::secret::Secret;
use valet_key::view::RequestView;

const SECRET: &str = "PLANTEDsecretPLANTEDsecretPLANTEDsecret0";
const HOST: &str = "storage.googleapis.com";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn hmac() -> HmacKey {
    HmacKey::new("GOOG1EXAMPLE", SECRET).unwrap()
}

fn account() -> ServiceAccountKey {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/gcs/keys/dummy-service-account.json");
    ServiceAccountKey::from_json(&std::fs::read_to_string(file).unwrap()).unwrap()
}

#[test]
fn the_search_finds_what_is_planted() {
    let planted = Planted::new(&[SECRET]);
    for text in
        [format!("a{SECRET}b"), hex::encode(SECRET), format!("{:?}", SECRET.as_bytes()), SECRET[24..].to_owned()]
    {
        assert!(std::panic::catch_unwind(|| planted.is_not_in(&text)).is_err(), "{text}");
    }
}

#[test]
fn nothing_on_the_way_to_a_url_or_past_it_shows_its_signature() {
    for holder in [&hmac() as &dyn GoogV4, &account()] {
        let request = UrlRequest::storage(&Grant::read("photos", "cat.jpg")).unwrap();
        let prepared = request.prepare(holder.credential(), now()).unwrap();
        let signature = holder.sign(prepared.scope(), prepared.string_to_sign()).unwrap();
        let url = prepared.clone().finish(&signature).unwrap();
        let target = url.expose().strip_prefix("https://storage.googleapis.com").unwrap().to_owned();
        let planted = Planted::new(&[SECRET, target.rsplit('=').next().unwrap()]);
        planted.is_hidden_by(&holder);
        planted.is_hidden_by(&request);
        planted.is_hidden_by(&prepared);
        planted.is_hidden_by(&prepared.string_to_sign());
        planted.is_hidden_by(&signature);
        planted.is_hidden_by(&url);
        let mut presigner = Presigner::new(holder, &Endpoint::google(), &Grant::read("photos", "any")).unwrap();
        presigner.presign("cat.jpg", now()).unwrap();
        planted.is_hidden_by(&presigner);

        let headers: [(&str, &[u8]); 1] = [("host", HOST.as_bytes())];
        let view = RequestView::new("GET", &target, &headers);
        planted.is_hidden_by(&view);
        let presented = Presented::parse(&view).unwrap();
        planted.is_hidden_by(&presented);
        let pending = presented.clone().check(holder.credential(), &Expect::new(), now()).unwrap();
        planted.is_hidden_by(&pending);
        let verified = pending.accept(&signature).unwrap();
        planted.is_hidden_by(&verified);
        planted.is_hidden_by(&verified.payload_check());

        let mut ring = KeyRing::new().with(hmac());
        ring.set_account(account().credential().clone(), [account().public_key()]).unwrap();
        let judge = Verifier::new(ring, Expect::new());
        planted.is_hidden_by(&judge);
        // Every refusal, of a request that all but has the right signature.
        for (from, to) in [
            ("X-Goog-Signature=", "X-Goog-Signature=0"),
            ("X-Goog-Signature=", "x-goog-signature="),
            ("X-Goog-Signature=", "X-Goog-Signature=1&X-Goog-Signature="),
            ("X-Goog-Signature=", "X-Goog-Expires="),
            ("X-Goog-Expires=900", "X-Goog-Expires=0"),
            ("%2Fauto%2F", "%2F"),
            ("cat.jpg?", "cat.jpg&"),
            ("cat.jpg?", "dog.jpg?"),
            ("cat.jpg", "../cat.jpg"),
            ("GOOG4-", "AWS4-"),
        ] {
            let changed = target.replacen(from, to, 1);
            assert_ne!(changed, target);
            let view = RequestView::new("GET", &changed, &headers);
            planted.is_hidden_by(&view);
            let error = judge.verify(&view, now()).unwrap_err();
            planted.is_hidden_by_error(&error);
            planted.is_not_in(&StorageError::from(&error).to_xml());
            planted.is_not_in(&StorageError::detailed(&error).to_xml());
        }
    }
}

#[test]
fn no_form_shows_its_signature_or_a_key_among_its_fields() {
    const CUSTOMER_KEY: &str = "PLANTEDcustomerkeyPLANTEDcustomerkey";
    let policy = PostPolicy::new(&Endpoint::google(), "photos", "cat.jpg")
        .unwrap()
        .field("x-goog-encryption-key", CUSTOMER_KEY)
        .starts_with("content-type", "")
        .size(0..=9);
    let prepared = policy.prepare(hmac().credential(), now()).unwrap();
    let form = policy.sign(&hmac(), now()).unwrap();
    let fields: Vec<(&str, &str)> = form.fields().chain([("Content-Type", "image/png")]).collect();
    let signature = fields.iter().find(|(name, _)| *name == "x-goog-signature").unwrap().1;
    let planted = Planted::new(&[SECRET, CUSTOMER_KEY, signature]);
    planted.is_hidden_by(&policy);
    planted.is_hidden_by(&prepared);
    planted.is_hidden_by(&form);
    let view = FormView::new("photos", &fields);
    planted.is_hidden_by(&view);
    let presented = PresentedForm::parse(&view).unwrap();
    planted.is_hidden_by(&presented);
    let pending = presented.clone().check(hmac().credential(), &ExpectForm::new(), now()).unwrap();
    planted.is_hidden_by(&pending);
    let expected = hmac().sign(pending.scope(), pending.string_to_sign()).unwrap();
    planted.is_hidden_by(&pending.accept(&expected).unwrap());
    for at in 0..fields.len() {
        let mut changed = fields.clone();
        changed[at].1 = "x";
        let view = FormView::new("photos", &changed);
        let verdict = PresentedForm::parse(&view)
            .and_then(|presented| KeyRing::new().with(hmac()).verify_form(presented, &ExpectForm::new(), now()));
        match verdict {
            Ok(_) => assert_eq!(changed[at].0, "Content-Type"),
            Err(error) => {
                planted.is_hidden_by_error(&error);
                planted.is_not_in(&StorageError::from(&error).to_xml());
            }
        }
    }
    let request = UrlRequest::new("PUT", &Endpoint::google(), "photos", "a").unwrap();
    planted.is_hidden_by(&request.header("x-goog-encryption-key", CUSTOMER_KEY));
}

#[test]
fn what_comes_back_from_google_is_not_repeated() {
    const TOKEN: &str = "ya29.PLANTEDtokenPLANTEDtoken";
    const UPLOAD: &str = "PLANTEDuploadidPLANTEDuploadid";
    let planted = Planted::new(&[TOKEN, UPLOAD]);
    let location = format!("https://{HOST}/photos/a?upload_id={UPLOAD}");
    planted.is_hidden_by(&ResumableSession::from_location(&location, now()).unwrap());
    for bad in [format!("/{location}"), format!("{location}&upload_id=1"), format!("{location} ")] {
        planted.is_hidden_by_error(&ResumableSession::from_location(&bad, now()).unwrap_err());
    }
    let boundary = AccessBoundary::new(&[Grant::read("photos", "a")], now(), now()).unwrap();
    planted.is_hidden_by(&boundary);
    planted.is_hidden_by(&boundary.exchange_body(&Secret::from(TOKEN)));
    let answer = format!("{{\"access_token\":\"{TOKEN}\",\"expires_in\":60}}");
    let read = |answer: &str| DownscopedToken::read_answer(answer, now(), now());
    planted.is_hidden_by(&read(&answer).unwrap());
    for bad in [answer.replace("60", "-1"), answer.replace("\",", " \",\"a\":\"\\x\","), answer[1..].to_owned()] {
        planted.is_hidden_by_error(&read(&bad).unwrap_err());
    }
    let call = SignBlob::new(&Credential::service_account("a@b.example").unwrap()).unwrap();
    for bad in [TOKEN.to_owned(), format!("{{\"keyId\":\"1\",\"signedBlob\":\"{TOKEN}\"}}"), answer] {
        planted.is_hidden_by_error(&call.read_answer(&bad).unwrap_err());
    }
    planted.is_hidden_by_error(&PublicKey::from_pem(TOKEN).unwrap_err());
    planted.is_hidden_by_error(&HmacKey::new(TOKEN, SECRET).unwrap_err());
    let secret = Planted::new(&[SECRET]);
    secret.is_hidden_by_error(&HmacKey::new("GOOG1", SECRET.repeat(30)).unwrap_err());
    secret.is_hidden_by_error(&Signature::rsa(SECRET.as_bytes()).unwrap_err());
}

#[cfg(feature = "legacy")]
#[test]
fn no_legacy_url_shows_its_signature() {
    use valet_key::gcs::{LegacyExpect, LegacyPresented, LegacyUrlRequest};
    let request = LegacyUrlRequest::new("GET", &Endpoint::google(), "photos", "cat.jpg").unwrap();
    let prepared = request.prepare(account().credential(), now()).unwrap();
    let url = account().legacy_signed_url(&request, now()).unwrap();
    let target = url.expose().strip_prefix("https://storage.googleapis.com").unwrap();
    let planted = Planted::new(&[target.rsplit('=').next().unwrap().trim_end_matches("%3D")]);
    planted.is_hidden_by(&request);
    planted.is_hidden_by(&prepared);
    planted.is_hidden_by(&url);
    let headers: [(&str, &[u8]); 1] = [("host", HOST.as_bytes())];
    let presented = LegacyPresented::parse(&RequestView::new("GET", target, &headers)).unwrap();
    planted.is_hidden_by(&presented);
    let pending = presented.check(account().credential(), &LegacyExpect::new(HOST), now()).unwrap();
    planted.is_hidden_by(&pending);
    planted.is_hidden_by(&pending.clone().accept_public(&account().public_key()).unwrap());
    let other = target.replacen("Expires=1", "Expires=2", 1);
    let presented = LegacyPresented::parse(&RequestView::new("GET", &other, &headers)).unwrap();
    planted.is_hidden_by_error(&presented.check(account().credential(), &LegacyExpect::new(HOST), now()).unwrap_err());
}

/// Every search of this file, for the list of what was searched.
#[cfg(all(feature = "rsa", feature = "ecdsa", feature = "legacy", feature = "sigv4a", feature = "tower"))]
pub(crate) fn search_everything() {
    nothing_on_the_way_to_a_url_or_past_it_shows_its_signature();
    no_form_shows_its_signature_or_a_key_among_its_fields();
    what_comes_back_from_google_is_not_repeated();
    #[cfg(feature = "legacy")]
    no_legacy_url_shows_its_signature();
}

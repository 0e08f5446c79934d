//! What other folders of tests look at more closely, once each: streams, `SigV4a`, version 2, sessions, the keys and policies of
//! `CloudFront`, Shared Key, delegation, tickets, several clouds, redaction and explanations.

use crate::planted::Planted;
use std::slice;
use valet_key::aws::cloudfront::{self, CloudFrontError, PolicyDocument, PolicyRequest, SigningKey};
use valet_key::aws::sts::{SessionRequest, StsEndpoint};
use valet_key::aws::{
    self, Checksum, ChunkStep, Credential, LegacyExpect, LegacyPresented, LegacyUrlRequest, Region, Request, SigV4,
    StaticKey, Stream, UrlRequest, v4a,
};
use valet_key::azure::{
    self, AccountKey, Delegation, DelegationKeyCache, ExpectSharedKey, KeyRequest, PresentedRequest, Service,
    SharedKeyRequest, UserDelegationKey,
};
use valet_key::clock::Timestamp;
use valet_key::explain::{Answer, Signed, explain};
use valet_key::grant::{Actions, Grant, Justification, Lifetime};
use valet_key::multi::{Cloud, Failover, Site, Verifiers};
use valet_key::redact::{Redacted, Redactor};
use valet_key::secret::Secret;
use valet_key::ticket::{Caveat, CheckRequest, TicketKey, TicketKeys, TicketRequest};
use valet_key::view::RequestView;

const SECRET: &str = "PLANTEDsecretPLANTEDsecretPLANTEDsecret0";
const TOKEN: &str = "PLANTEDtoken/PLANTEDtoken+PLANTEDtoken=";
/// `PLANTEDsecretPLANTEDsecretPLANTE` in base64.
const ACCOUNT_KEY: &str = "UExBTlRFRHNlY3JldFBMQU5URURzZWNyZXRQTEFOVEU=";
const REGION: &str = "eu-west-1";
const HOST: &str = "photos.s3.eu-west-1.amazonaws.com";
const ORIGIN: &str = "https://photos.s3.eu-west-1.amazonaws.com";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn key() -> StaticKey {
    let credential = Credential::new("AKIAIOSFODNN7EXAMPLE").unwrap().with_session_token(TOKEN).unwrap();
    StaticKey::from_credential(credential, SECRET).unwrap()
}

fn cat() -> Grant {
    Grant::read("photos", "cat.jpg")
}

fn why() -> Justification {
    Justification::new("a test").unwrap()
}

fn target(url: &str) -> &str {
    url.strip_prefix(ORIGIN).unwrap()
}

fn last(text: &str) -> &str {
    text.rsplit('=').next().unwrap()
}

#[test]
fn chunks_hide_their_signatures() {
    let stream = Stream::signed(20_000).trailer(Checksum::Sha256).chunk_size(8192).unwrap();
    let request = Request::new("PUT", ORIGIN, REGION, "s3").unwrap().path("/k").stream(stream);
    let signed = key().sign_headers(&request, now()).unwrap();
    let mut chunks = signed.chunk_signer().unwrap();
    let planted = Planted::new(&[SECRET, TOKEN, last(signed.authorization())]);
    planted.is_hidden_by(&stream);
    planted.is_hidden_by(&chunks);
    let prepared = chunks.prepare(&[b'a'; 8192]).unwrap();
    planted.is_hidden_by(&prepared);
    let signature = key().sign(prepared.scope(), prepared.string_to_sign()).unwrap();
    let frame = prepared.finish(&signature);
    let head = String::from_utf8(frame.before().to_vec()).unwrap();
    let of_chunk = head.trim_end().rsplit('=').next().unwrap().to_owned();
    let planted = planted.and(&of_chunk);
    planted.is_hidden_by(&frame);
    planted.is_hidden_by(&chunks);
    for length in [8192, 20_000 - 2 * 8192] {
        chunks.chunk(&key(), &vec![b'a'; length]).unwrap();
    }
    let end = chunks.prepare(&[]).unwrap();
    let of_end = key().sign(end.scope(), end.string_to_sign()).unwrap();
    drop(end.finish(&of_end));
    planted.is_hidden_by(&chunks.prepare_trailer().unwrap());

    let mut lines: Vec<(&str, &[u8])> = vec![("host", HOST.as_bytes())];
    lines.extend(signed.expose().map(|(name, value)| (name, value.as_bytes())));
    let judge = aws::Verifier::new(aws::KeyRing::new().with(key()), aws::Expect::new(REGION, "s3").allow_streams());
    let verified = judge.verify(&RequestView::new("PUT", signed.target(), &lines), now()).unwrap();
    let mut reader = verified.chunks().unwrap();
    planted.is_hidden_by(&reader);
    let body = [head.as_bytes(), &[b'a'; 8192], b"\r\n"].concat();
    let mut rest = &body[..];
    while let Ok(step) = reader.step(&mut rest) {
        planted.is_hidden_by(&step);
        match step {
            ChunkStep::Sign(pending) => {
                planted.is_hidden_by(&pending);
                pending.accept(&signature).unwrap();
            }
            _ if rest.is_empty() => break,
            _ => {}
        }
    }
    planted.is_hidden_by(&reader);
}

#[test]
fn sigv4a_hides_its_keys_and_signatures() {
    let key = v4a::StaticKey::new("AKIAIOSFODNN7EXAMPLE", SECRET).unwrap();
    let request = UrlRequest::s3(&cat(), REGION).unwrap();
    let prepared = request.prepare_v4a(key.credential(), now()).unwrap();
    let signature = key.sign(prepared.string_to_sign()).unwrap();
    let url = prepared.clone().finish(&signature);
    let planted = Planted::new(&[SECRET, last(url.expose())]);
    planted.is_hidden_by(&(&key, key.public_key(), &prepared, &signature, &url));
    let of_headers = Request::new("GET", ORIGIN, REGION, "s3").unwrap().path("/k");
    let of_headers = of_headers.prepare_headers_v4a(key.credential(), now()).unwrap();
    planted.is_hidden_by(&of_headers);
    let ring = v4a::KeyRing::new().with(key.credential().clone(), key.public_key());
    planted.is_hidden_by(&ring);
    let host = [("host", HOST.as_bytes())];
    let presented = v4a::Presented::parse(&RequestView::new("GET", target(url.expose()), &host)).unwrap();
    planted.is_hidden_by(&presented);
    planted.is_hidden_by(&presented.check(key.credential(), &aws::Expect::new(REGION, "s3"), now()).unwrap());
}

#[test]
fn version_2_hides_its_signatures() {
    let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", SECRET).unwrap();
    let endpoint = aws::Endpoint::aws(Region::new(REGION).unwrap());
    let request = LegacyUrlRequest::new("GET", &endpoint, "photos", "cat.jpg").unwrap();
    let prepared = request.prepare(key.credential(), now()).unwrap();
    let url = key.legacy_presign(&request, now()).unwrap();
    let planted =
        Planted::new(&[SECRET, url.expose().split("Signature=").nth(1).unwrap().split("%3D").next().unwrap()]);
    planted.is_hidden_by(&(&request, &prepared, prepared.string_to_sign(), &url));
    planted.is_hidden_by(&aws::LegacySignature::from_bytes(*b"PLANTEDsecretPLANTED"));
    let host = [("host", HOST.as_bytes())];
    let presented = LegacyPresented::parse(&RequestView::new("GET", target(url.expose()), &host)).unwrap();
    planted.is_hidden_by(&presented);
    let expect = LegacyExpect::new(HOST).bucket_in_host("photos");
    planted.is_hidden_by(&expect);
    planted.is_hidden_by(&presented.clone().check(key.credential(), &expect, now()).unwrap());
    planted.is_hidden_by(&key.legacy_verify(presented, &expect, now()).unwrap());
}

#[test]
fn a_session_hides_its_key() {
    let answer = format!(
        "<GetSessionTokenResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetSessionTokenResult><Credentials>\
         <AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey><SessionToken>{TOKEN}</SessionToken>\
         <Expiration>2023-11-14T22:28:20Z</Expiration></Credentials></GetSessionTokenResult></GetSessionTokenResponse>"
    );
    let planted = Planted::new(&[SECRET, TOKEN]);
    let request = SessionRequest::session_token();
    planted.is_hidden_by(&request.read_answer(&answer, now()).unwrap());
    for at in (0..answer.len()).step_by(3) {
        if let Err(error) = request.read_answer(&answer.replacen(&answer[at..=at], "\u{fc}", 1), now()) {
            planted.is_hidden_by_error(&error);
        }
    }
    let endpoint = StsEndpoint::regional(Region::new(REGION).unwrap());
    let web = SessionRequest::web_identity("arn:aws:iam::123456789012:role/reader", "me", TOKEN);
    planted.is_hidden_by(&(&web, web.unsigned(&endpoint).unwrap()));
    planted.is_hidden_by(&request.as_form(&endpoint).unwrap());
}

#[test]
fn cloudfront_hides_its_keys_and_tokens() {
    const DOMAIN: &str = "d111111abcdef8.cloudfront.net";
    const EC: &str = include_str!("../vectors/aws/keys/cloudfront-ec.pem");
    let key = SigningKey::from_ec_pem(cloudfront::Credential::ecdsa("K2JCJMDEHXQW5F").unwrap(), EC).unwrap();
    let request = PolicyRequest::new(&Grant::read(DOMAIN, "images/cat.jpg")).unwrap();
    let prepared = request.prepare(key.credential(), now()).unwrap();
    let signature = key.sign(prepared.string_to_sign()).unwrap();
    let signed = prepared.clone().finish(&signature).unwrap();
    let url = signed.signed_url().unwrap();
    let text = url.expose().split("Signature=").nth(1).unwrap().split('&').next().unwrap();
    let planted = Planted::new(&[text, EC.lines().nth(1).unwrap()]);
    planted.is_hidden_by(&(&key, key.public_key(), key.credential(), &request, &prepared));
    planted.is_hidden_by(&(prepared.string_to_sign(), &signature, &signed, signed.cookies()));
    planted.is_hidden_by(&PolicyDocument::parse(prepared.string_to_sign().as_str()).map_err(|error| error.code()));
    let ring = cloudfront::KeyRing::new().with(key.credential().clone(), key.public_key()).unwrap();
    let host = [("host", DOMAIN.as_bytes())];
    let target = url.expose().split_once(DOMAIN).unwrap().1;
    let view = RequestView::new("GET", target, &host).over_https();
    let expect = cloudfront::Expect::new(DOMAIN);
    planted.is_hidden_by(&(&ring, &expect, &view));
    let presented = cloudfront::Presented::parse(&view).unwrap();
    planted.is_hidden_by(&presented);
    let pending = presented.clone().check(key.credential(), &expect, now()).unwrap();
    planted.is_hidden_by(&pending);
    planted.is_hidden_by(&pending.accept_public(&key.public_key()).unwrap());
    let error = ring.verify(presented, &expect, now().saturating_add(86_400)).unwrap_err();
    planted.is_hidden_by_error(&error);
    planted.is_hidden_by(&CloudFrontError::from(&error));
    planted.is_hidden_by(&cloudfront::Verifier::new(ring, expect));
}

#[test]
fn shared_key_and_delegation_hide_their_keys() {
    let key = AccountKey::new("myaccount", ACCOUNT_KEY).unwrap();
    let request = SharedKeyRequest::new("GET", Service::Blob, "/photos/cat.jpg").unwrap().because(why());
    let prepared = request.prepare(azure::Sas::credential(&key), now()).unwrap();
    let signed = key.authorize(&request, now()).unwrap();
    let signature = signed.expose_authorization().split_once(':').unwrap().1.to_owned();
    let planted = Planted::new(&[ACCOUNT_KEY, "PLANTEDsecretPLANTEDsecretPLANTE", &signature]);
    planted.is_hidden_by(&(&request, &prepared, &signed));
    planted.is_hidden_by(&azure::Sas::prepared_key(&key));
    let mut lines: Vec<(&str, &[u8])> = vec![("host", b"myaccount.blob.core.windows.net")];
    lines.extend(signed.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
    lines.push(("authorization", signed.expose_authorization().as_bytes()));
    let view = RequestView::new("GET", "/photos/cat.jpg", &lines).over_https();
    let expect = ExpectSharedKey::new("myaccount", Service::Blob).unwrap();
    let presented = PresentedRequest::parse(&view).unwrap();
    planted.is_hidden_by(&(&expect, &presented));
    planted.is_hidden_by(&presented.clone().check(azure::Sas::credential(&key), &expect, now()).unwrap());
    planted.is_hidden_by(&key.verify_request(presented, &expect, now()).unwrap());

    let ids = ["11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"];
    let delegation = Delegation::new(ids, ["2023-11-14T22:00:00Z", "2023-11-15T22:30:00Z"], "b", "2020-12-06").unwrap();
    let key = UserDelegationKey::new("myaccount", delegation, ACCOUNT_KEY).unwrap();
    let call = KeyRequest::new("myaccount", Service::Blob, now(), now().saturating_add(3600)).unwrap();
    planted.is_hidden_by(&(&key, &call));
    planted.is_hidden_by_error(&call.read_answer(&format!("<Value>{ACCOUNT_KEY}</Value>")).unwrap_err());
    let mut cache = DelegationKeyCache::new("myaccount", Service::Blob, Lifetime::DEFAULT).unwrap();
    planted.is_hidden_by(&cache.keep(key, now()));
    planted.is_hidden_by(&cache);
}

#[test]
fn tickets_hide_their_keys_and_texts() {
    let key = || TicketKey::new("k1", &Secret::new(*b"PLANTEDsecretPLANTEDsecretPLANTE")).unwrap();
    let request = TicketRequest::new(&cat(), "user-42").step_up(Actions::UPLOAD);
    let ticket = request.issue(&key(), [1; 16], now()).unwrap().narrow(Caveat::Once).unwrap();
    let keys = TicketKeys::new(key());
    let redeemed = keys.redeem(ticket.expose(), now()).unwrap();
    let asked = CheckRequest::new(&redeemed, "cat.jpg", Actions::UPLOAD, why()).unwrap();
    let check = asked.issue(&key(), [2; 16], now()).unwrap();
    let passed = keys.second_check(check.expose(), now()).unwrap();
    let (text, of_check) = (ticket.expose(), check.expose());
    let planted =
        Planted::new(&["PLANTEDsecretPLANTEDsecretPLANTE", &text[text.len() - 40..], &of_check[of_check.len() - 40..]]);
    planted.is_hidden_by(&(key(), &keys, &request, &ticket, &redeemed, &asked, &check, &passed));
    planted.is_hidden_by(&(redeemed.once(), passed.once()));
    for at in 0..text.len() {
        let changed = format!("{}{}", &text[..at], &text[at + 1..]);
        planted.is_hidden_by_error(&keys.redeem(&changed, now()).unwrap_err());
    }
    planted.is_hidden_by_error(&redeemed.grant(Grant::delete("photos", "cat.jpg")).unwrap_err());
}

#[test]
fn several_clouds_hide_what_each_hides() {
    let cloud = Cloud::aws(key(), REGION).unwrap();
    let account = cloud.account();
    let prepared = account.prepare(&cat(), now()).unwrap();
    let token = cloud.issue(&cat(), now()).unwrap();
    let planted = Planted::new(&[SECRET, TOKEN, last(token.expose_url())]);
    planted.is_hidden_by(&(&cloud, &account, &token));
    planted.is_hidden_by(&(&prepared, prepared.to_sign()));
    let signature = aws::Signature::from_hex(last(token.expose_url())).unwrap();
    planted.is_hidden_by(&valet_key::multi::Signature::Aws(signature));
    let site = Site::new("amazon", Cloud::aws(key(), REGION).unwrap());
    planted.is_hidden_by(&site);
    let mut clouds = Failover::new(site);
    planted.is_hidden_by(&clouds.issue(&cat(), now()).unwrap());
    planted.is_hidden_by(&clouds);
    // The only holder has ended, so there is no token.
    let ended = key().credential().clone().expiring(now().saturating_sub(1));
    let ended = StaticKey::from_credential(ended, SECRET).unwrap();
    let mut clouds = Failover::new(Site::new("amazon", Cloud::aws(ended, REGION).unwrap()));
    let error = clouds.issue(&cat(), now()).unwrap_err();
    planted.is_hidden_by_error(&error);
    let judge = aws::Verifier::new(aws::KeyRing::new().with(key()), aws::Expect::new(REGION, "s3"));
    let judges = Verifiers::new().aws(judge);
    let host = [("host", HOST.as_bytes())];
    let view = RequestView::new("GET", target(token.expose_url()), &host).over_https();
    planted.is_hidden_by(&(&judges, &judges.verify(&view, now()).unwrap()));
}

#[test]
fn what_redacts_and_explains_hides_what_it_reads() {
    let line = format!("GET /k?X-Amz-Security-Token={SECRET}&X-Amz-Signature={SECRET}");
    let planted = Planted::new(&[SECRET]);
    planted.is_hidden_by(&Redacted(&line));
    planted.is_not_in(&Redacted(&line).to_string());
    let (mut redactor, mut shown) = (Redactor::new(), Vec::new());
    for byte in line.as_bytes() {
        redactor.push(slice::from_ref(byte), &mut shown);
        planted.is_hidden_by(&redactor);
    }
    let ours = format!(
        "GET\n/k\nX-Amz-Security-Token={SECRET}\nhost:a\nx-amz-security-token:{SECRET}\n\nhost\nUNSIGNED-PAYLOAD"
    );
    let theirs = ours.replace("/k", "/l");
    let to_sign = "AWS4-HMAC-SHA256\n20231114T221320Z\n20231114/eu-west-1/s3/aws4_request\nabc";
    let answer = Answer::forms(theirs.as_bytes(), to_sign.as_bytes()).unwrap();
    let signed = Signed::request(ours.as_bytes(), to_sign.as_bytes());
    planted.is_hidden_by(&(&answer, &signed));
    let explanation = explain(&signed, &answer).unwrap();
    planted.is_hidden_by(&(&explanation, explanation.findings(), explanation.difference()));
    planted.is_not_in(&explanation.to_string());
    planted.is_hidden_by_error(&Answer::parse(SECRET).unwrap_err());
}

/// What stands inside of a verifier, or behind a trait, and by itself too.
#[test]
fn holders_and_rings_hide_their_keys() {
    use valet_key::azure::{AccountPermissions, AccountRequest, ResourceTypes, Services};
    use valet_key::error::VerifyError;
    use valet_key::gcs::{self, GoogV4};
    let account = || AccountKey::new("myaccount", ACCOUNT_KEY).unwrap();
    let file = include_str!("../vectors/gcs/keys/dummy-service-account.json");
    let planted = Planted::new(&[SECRET, ACCOUNT_KEY, "PLANTEDsecretPLANTEDsecretPLANTE", &file[1000..1040]]);
    let mut ring = azure::KeyRing::new();
    ring.insert(account()).unwrap();
    let request = AccountRequest::new(Services::BLOB, ResourceTypes::OBJECT, AccountPermissions::READ, why());
    planted.is_hidden_by(&(account(), &ring, &request, azure::Expect::new("myaccount", Service::Blob).unwrap()));
    planted.is_hidden_by(&azure::StorageError::from(&VerifyError::SignatureMismatch));

    let key = gcs::HmacKey::new("GOOG1EXAMPLE", SECRET).unwrap();
    let scope = *gcs::UrlRequest::storage(&cat()).unwrap().prepare(key.credential(), now()).unwrap().scope();
    planted.is_hidden_by(&(&key, key.credential(), &scope, key.scoped(&scope).unwrap()));
    planted.is_hidden_by(&gcs::KeyRing::new().with(key));
    let key = gcs::ServiceAccountKey::from_json(file).unwrap();
    planted.is_hidden_by(&(&key, key.public_key(), gcs::SignBlob::new(key.credential()).unwrap()));
    planted.is_hidden_by(&gcs::StorageError::from(&VerifyError::SignatureMismatch));
    planted.is_hidden_by(&valet_key::token::Fingerprint::of(&format!("/k?X-Amz-Signature={}", "0".repeat(64))));
}

/// Every search of this file, for the list of what was searched.
pub(crate) fn search_everything() {
    chunks_hide_their_signatures();
    sigv4a_hides_its_keys_and_signatures();
    version_2_hides_its_signatures();
    a_session_hides_its_key();
    cloudfront_hides_its_keys_and_tokens();
    shared_key_and_delegation_hide_their_keys();
    tickets_hide_their_keys_and_texts();
    several_clouds_hide_what_each_hides();
    what_redacts_and_explains_hides_what_it_reads();
    holders_and_rings_hide_their_keys();
}

//! AWS: secret access keys, what is derived from them for a day, and the private keys of `CloudFront` and `SigV4a`.

use crate::{
    Operation,
    needles::{Kind, Needles, hmac},
    now,
};
use valet_key::aws::cloudfront::{self, PolicyRequest, SigningKey};
use valet_key::aws::sts::SessionRequest;
use valet_key::aws::{
    Credential, Endpoint, Expect, ExpectForm, FormView, HeaderSigner, KeyRing, LegacyUrlRequest, Payload, PostPolicy,
    Presented, PresentedForm, Presigner, Region, Request, Scope, ScopedKey, SigV4, StaticKey, Stream, UrlRequest,
    Verifier, auth_token::Login, v4a,
};
use valet_key::clock::Timestamp;
use valet_key::grant::{Grant, Justification};
use valet_key::secret::Secret;
use valet_key::view::RequestView;

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "PLANTEDsecretPLANTEDsecretPLANTEDsecret0";
const TOKEN: &str = "SessionTokenSessionTokenSessionToken+/=0";
const REGION: &str = "eu-west-1";
const HOST: &str = "photos.s3.eu-west-1.amazonaws.com";
const DAYS: u32 = 12;

fn key() -> StaticKey {
    let credential = Credential::new(ID).unwrap().with_session_token(TOKEN).unwrap();
    StaticKey::from_credential(credential, SECRET).unwrap()
}

fn day(number: u32) -> Timestamp {
    now().saturating_add(number * 86_400)
}

fn scope() -> Scope {
    Scope::new(now(), REGION, "s3").unwrap()
}

/// The secret, the key of every day, and the session token.
fn needles() -> Needles {
    (0..DAYS).fold(Needles::new().with(Kind::Token, TOKEN.as_bytes()), |needles, number| {
        let scope = Scope::new(day(number), REGION, "s3").unwrap();
        needles.with_chain("AWS4", SECRET, &[scope.date(), REGION, "s3", "aws4_request"])
    })
}

/// The key of the first day, kept where it is wiped.
fn signing_key() -> Secret<[u8; 32]> {
    let first = Secret::new(["AWS4", SECRET].concat());
    let key = Secret::new(hmac(first.expose().as_bytes(), scope().date().as_bytes()));
    ["eu-west-1", "s3", "aws4_request"].iter().fold(key, |key, part| Secret::new(hmac(key.expose(), part.as_bytes())))
}

fn cat() -> UrlRequest {
    UrlRequest::s3(&Grant::read("photos", "cat.jpg"), REGION).unwrap()
}

fn target(url: &str) -> String {
    url.strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned()
}

fn login() -> Login {
    Login::rds("db.abc.eu-west-1.rds.amazonaws.com", 5432, "me", REGION).unwrap()
}

const STS: &str = concat!(
    "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><AssumedRoleUser>",
    "<AssumedRoleId>AROAEXAMPLE:me</AssumedRoleId><Arn>arn:aws:sts::123456789012:assumed-role/reader/me</Arn>",
    "</AssumedRoleUser><Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId>",
    "<SecretAccessKey>PLANTEDsecretPLANTEDsecretPLANTEDsecret0</SecretAccessKey>",
    "<SessionToken>SessionTokenSessionTokenSessionToken+/=0</SessionToken>",
    "<Expiration>2023-11-14T22:28:20Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
);

pub(crate) fn operations() -> Vec<Operation> {
    let url = key().presign(&cat(), now()).unwrap();
    let signature = url.expose().rsplit('=').next().unwrap().to_owned();
    let signed = needles().with(Kind::Signature, signature.as_bytes());
    let mut all = vec![
        Operation::new("aws: a key made and dropped", &signed, || drop(key())),
        Operation::new("aws: a key cloned for a scope", &signed, || {
            let edge = key().derive_scoped(&scope());
            drop(edge.clone());
            let told = ScopedKey::from_signing_key(key().credential().clone(), scope(), &signing_key());
            assert_eq!(told.presign(&cat(), now()).unwrap().expose(), edge.presign(&cat(), now()).unwrap().expose());
        }),
        Operation::new("aws: keys that are refused", &signed, || {
            assert!(StaticKey::new("", SECRET).is_err());
            assert!(StaticKey::new(ID, SECRET.repeat(40)).is_err());
            assert!(Credential::new(ID).unwrap().with_session_token(format!("{TOKEN}\n")).is_err());
        }),
        Operation::new("aws: a URL", &signed, || drop(key().presign(&cat(), now()).unwrap())),
        Operation::new("aws: a URL on each of twelve days", &signed, || {
            let key = key();
            (0..DAYS).for_each(|number| drop(key.presign(&cat(), day(number)).unwrap()));
        }),
        Operation::new("aws: a presigner over twelve days", &signed, || {
            let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
            let mut presigner = Presigner::new(key(), &endpoint, &Grant::read("photos", "any")).unwrap();
            let mut url = String::with_capacity(1024);
            for number in 0..DAYS {
                presigner.presign_into("cat.jpg", day(number), &mut url).unwrap();
            }
            // The buffer is the caller's.
            drop(Secret::new(url));
        }),
        Operation::new("aws: headers", &needles(), || {
            let request = Request::new("GET", &format!("https://{HOST}"), REGION, "s3").unwrap().path("/cat.jpg");
            drop(key().sign_headers(&request, now()).unwrap());
            let mut signer = HeaderSigner::new(key(), REGION, "s3").unwrap();
            let lines: [(&str, &[u8]); 2] = [("host", HOST.as_bytes()), ("x-amz-security-token", TOKEN.as_bytes())];
            let mut authorization = String::with_capacity(1024);
            drop(signer.sign_into("GET", "/cat.jpg", &lines, Payload::Empty, now(), &mut authorization));
            drop(Secret::new(authorization));
        }),
        Operation::new("aws: a stream of chunks", &needles(), || {
            let request = Request::new("PUT", &format!("https://{HOST}"), REGION, "s3").unwrap().path("/cat.jpg");
            let request = request.stream(Stream::signed(1 << 17));
            let signed = key().sign_headers(&request, now()).unwrap();
            let (holder, mut chunks, mut body) = (key(), signed.chunk_signer().unwrap(), Vec::new());
            while chunks.next_length() > 0 {
                let data = vec![7; chunks.next_length()];
                let frame = chunks.chunk(&holder, &data).unwrap();
                body.extend([frame.before(), &data, frame.after()].concat());
            }
            body.extend(chunks.finish(&holder).unwrap());
            let judge = Verifier::new(KeyRing::new().with(key()), Expect::new(REGION, "s3").allow_streams());
            let mut lines: Vec<(&str, &[u8])> = vec![("host", HOST.as_bytes())];
            lines.extend(signed.expose().map(|(name, value)| (name, value.as_bytes())));
            let verified = judge.verify(&RequestView::new("PUT", signed.target(), &lines), now()).unwrap();
            let (mut reader, mut rest) = (verified.chunks().unwrap(), &body[..]);
            while reader.next(&mut rest).unwrap().is_some() {}
            reader.finish().unwrap();
        }),
        Operation::new("aws: a form and a verdict on it", &needles(), || {
            let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
            let policy = PostPolicy::new(&endpoint, "photos", "cat.jpg").unwrap().size(0..=9);
            let form = policy.sign(&key(), now()).unwrap();
            let fields: Vec<(&str, &str)> = form.fields().collect();
            let view = FormView::new("photos", &fields);
            let ring = KeyRing::new().with(key());
            ring.verify_form(PresentedForm::parse(&view).unwrap(), &ExpectForm::new(REGION), now()).unwrap();
        }),
        Operation::new("aws: a login of a database", &needles(), || {
            let login = login();
            let token = login.issue(&key(), now()).unwrap();
            drop(login.verify(token.expose(), &key(), now()).unwrap());
        }),
        Operation::new("aws: a session from STS", &needles(), || {
            let request = SessionRequest::assume_role("arn:aws:iam::123456789012:role/reader", "me");
            drop(request.read_answer(STS, now()).unwrap());
            assert!(request.read_answer(STS, now().saturating_add(86_400)).is_err());
            assert!(request.read_answer(&STS.replace("ASIAEXAMPLE", "ASIA EXAMPLE").leak(), now()).is_err());
        }),
        Operation::new("aws: version 2", &needles(), || {
            let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
            let request = LegacyUrlRequest::new("GET", &endpoint, "photos", "cat.jpg").unwrap();
            drop(key().legacy_presign(&request.because(Justification::new("a test").unwrap()), now()).unwrap());
        }),
    ];
    let targets: Vec<(Timestamp, String)> =
        (0..DAYS).map(|number| (day(number), target(key().presign(&cat(), day(number)).unwrap().expose()))).collect();
    all.push(Operation::new("aws: verdicts on twelve days", &needles(), move || {
        let mut ring = KeyRing::new();
        for id in ["AKIAONE", ID, "AKIATWO"] {
            // A list that grows, of keys that have some keys of days already.
            for _ in 0..5 {
                let credential = Credential::new(id).unwrap().with_session_token(TOKEN).unwrap();
                let key = StaticKey::from_credential(credential, SECRET).unwrap();
                drop(key.presign(&cat(), now()).unwrap());
                ring.insert(key);
            }
        }
        let judge = Verifier::new(ring, Expect::new(REGION, "s3"));
        let host: [(&str, &[u8]); 1] = [("host", HOST.as_bytes())];
        for (at, target) in &targets {
            judge.verify(&RequestView::new("GET", target, &host), *at).unwrap();
            assert!(judge.verify(&RequestView::new("PUT", target, &host), *at).is_err());
            let presented = Presented::parse(&RequestView::new("GET", target, &host)).unwrap();
            key().verify(presented, &Expect::new(REGION, "s3"), *at).unwrap();
        }
    }));
    all.extend(public_keys());
    all
}

/// The private parts of a key file, from its base64.
fn private_numbers(pem: &str) -> Vec<u8> {
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    crate::needles::from_base64(&text)
}

fn public_keys() -> Vec<Operation> {
    const RSA: &str = include_str!("../../vectors/aws/keys/cloudfront-rsa.pem");
    const EC: &str = include_str!("../../vectors/aws/keys/cloudfront-ec.pem");
    const SEC1: &str = include_str!("../../vectors/aws/keys/cloudfront-ec-sec1.pem");
    let request = || {
        let grant = Grant::read("d111111abcdef8.cloudfront.net", "images/cat.jpg");
        PolicyRequest::new(&grant).unwrap()
    };
    // Behind the header, version and modulus of 2,048 bits.
    let rsa = Needles::new().with_number(&private_numbers(RSA)[320..]);
    let ec_bytes = private_numbers(EC);
    let ec = Needles::new().with_number(&ec_bytes[36..68]);
    let of_v4a = {
        let derived = Needles::new().with_hmac_key(format!("AWS4A{SECRET}").as_bytes());
        derived.with_number(&crate::needles::v4a_scalar(ID, SECRET))
    };
    vec![
        Operation::new("cloudfront: an RSA key read", &rsa, || {
            drop(SigningKey::from_rsa_pem(cloudfront::Credential::rsa("K2JCJMDEHXQW5F").unwrap(), RSA).unwrap());
            assert!(
                SigningKey::from_rsa_pem(cloudfront::Credential::rsa("K2").unwrap(), &RSA[..RSA.len() - 60]).is_err()
            );
        }),
        Operation::new("cloudfront: a policy signed with RSA", &rsa, move || {
            let credential = cloudfront::Credential::rsa("K2JCJMDEHXQW5F").unwrap();
            let key = SigningKey::from_rsa_pem(credential, RSA).unwrap();
            drop(key.signed_cookies(&request(), now()).unwrap());
        }),
        Operation::new("cloudfront: an ECDSA key read", &ec, || {
            for pem in [EC, SEC1] {
                drop(SigningKey::from_ec_pem(cloudfront::Credential::ecdsa("K2JCJMDEHXQW5F").unwrap(), pem).unwrap());
            }
        }),
        Operation::new("cloudfront: a policy signed with ECDSA", &ec, move || {
            let credential = cloudfront::Credential::ecdsa("K2JCJMDEHXQW5F").unwrap();
            let key = SigningKey::from_ec_pem(credential, EC).unwrap();
            drop(key.signed_cookies(&request(), now()).unwrap());
        }),
        Operation::new("sigv4a: a URL", &of_v4a, || {
            let key = v4a::StaticKey::new(ID, SECRET).unwrap();
            drop(key.presign(&cat(), now()).unwrap());
            drop(key.clone());
        }),
    ]
}

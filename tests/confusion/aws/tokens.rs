//! The tokens, each with the verifiers that are its own.

use super::*;
use base64ct::{Base64UrlUnpadded, Encoding};
use valet_key::{
    aws::{Checksum, Payload, SigV4, Stream, sqs::MessageRequest, sts::SessionRequest},
    grant::Grant,
    token::BearerUrl,
};

pub(super) fn long_term() -> StaticKey {
    StaticKey::new(ID, SECRET).unwrap()
}

/// The same secret, with a token of the Security Token Service.
pub(super) fn temporary(token: &str) -> StaticKey {
    let credential = Credential::new(ID).unwrap().with_session_token(token).unwrap();
    StaticKey::from_credential(credential, SECRET).unwrap()
}

/// The same secret, with a token of S3 Express One Zone.
pub(super) fn zonal(token: &str) -> StaticKey {
    let credential = Credential::new(ID).unwrap().with_s3_session_token(token).unwrap();
    StaticKey::from_credential(credential, SECRET).unwrap()
}

pub(super) fn why() -> Justification {
    Justification::new("a test").unwrap()
}

pub(super) fn endpoint() -> Endpoint {
    Endpoint::aws(Region::new(REGION).unwrap())
}

pub(super) fn sts() -> StsEndpoint {
    StsEndpoint::regional(Region::new(REGION).unwrap())
}

pub(super) fn queue() -> Queue {
    Queue::new(ACCOUNT, "photos", REGION).unwrap()
}

pub(super) fn key_file(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/aws/keys").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// A request that is the same whatever it is signed for.
pub(super) fn get(region: &str, service: &str) -> Request {
    Request::new("GET", &format!("https://{S3_HOST}"), region, service).unwrap().path(CAT)
}

/// A request to say who one is, which only its host and headers tell from a login to a cluster.
fn who_am_i() -> Request {
    let request = Request::new("GET", &format!("https://{}", sts().host()), REGION, "sts").unwrap();
    request.path("/").query("Action", "GetCallerIdentity").query("Version", "2011-06-15")
}

fn sent(name: &str, url: &BearerUrl, own: &[&str]) -> Token {
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
    let headers = url.required_headers().iter().map(|(name, value)| (name.clone(), text(value)));
    Token::from_url(name, url.method(), url.expose(), own).with_headers(headers)
}

fn presigned(name: &str, key: &StaticKey, request: &UrlRequest, own: &[&str]) -> Token {
    sent(name, &key.presign(request, now()).unwrap(), own)
}

fn in_headers(name: &str, method: &str, host: &str, signed: &valet_key::aws::SignedHeaders, own: &[&str]) -> Token {
    let url = format!("https://{host}{}", signed.target());
    Token::from_url(name, method, &url, own).with_headers(signed.expose())
}

pub(super) fn tokens() -> Vec<Token> {
    let mut tokens = of_s3();
    tokens.extend(of_every_service());
    tokens.extend(of_streams());
    tokens.extend(of_express());
    tokens.extend(of_version_2());
    tokens.extend(of_cloudfront());
    tokens.extend(of_logins());
    tokens.extend(of_queues());
    tokens.extend(of_sts());
    #[cfg(feature = "sigv4a")]
    tokens.extend(of_v4a());
    tokens
}

const S3: &[&str] = &["s3", "s3, streams", "s3, every option"];
/// An option says that a path may be spelled in more ways than one.
const RESPELLED: &[Cells] = &[(&["s3, every option"], &["GET"], &[CAT_ESCAPED])];

fn of_s3() -> Vec<Token> {
    let url = |grant: &Grant| UrlRequest::at(&endpoint(), grant).unwrap();
    let (read, upload) = (url(&super::super::read()), url(&super::super::upload()));
    let headers = |key: &StaticKey| key.sign_headers(&get(REGION, "s3").payload(Payload::Empty), now()).unwrap();
    let other_id = StaticKey::new(OTHER_ID, SECRET).unwrap();
    let other_secret = StaticKey::new(ID, OTHER_SECRET).unwrap();
    let upload_respelled: &[Cells] = &[(&["s3, every option"], &["PUT"], &[CAT_ESCAPED])];
    vec![
        presigned("S3 read", &long_term(), &read, S3).and(RESPELLED),
        presigned("S3 upload", &long_term(), &upload, S3).and(upload_respelled),
        in_headers("S3 in headers", "GET", S3_HOST, &headers(&long_term()), S3).and(RESPELLED),
        presigned("S3 read by a session", &temporary(SESSION), &read, &["s3, session"]),
        in_headers("S3 in headers by a session", "GET", S3_HOST, &headers(&temporary(SESSION)), &["s3, session"]),
        presigned("S3 read by another session", &temporary("other"), &read, &["s3, another session"]),
        presigned("S3 read by another id", &other_id, &read, &["s3, another id"]),
        in_headers("S3 in headers by another id", "GET", S3_HOST, &headers(&other_id), &["s3, another id"]),
        presigned("S3 read by another secret", &other_secret, &read, &["s3, another secret"]),
    ]
}

/// The same request, of which the scope alone says whom it is for.
fn of_every_service() -> Vec<Token> {
    let of = |region: &str, service: &str, own: &[&str]| {
        let request = UrlRequest::new(get(region, service));
        presigned(&format!("GET for {service} in {region}"), &long_term(), &request, own)
    };
    let own = |service| if service == "s3" { S3.to_vec() } else { vec![service] };
    let mut tokens: Vec<Token> =
        verifiers::SERVICES.into_iter().map(|service| of(REGION, service, &own(service))).collect();
    tokens[0].more.extend(RESPELLED);
    tokens.push(of(ELSEWHERE, "s3", &["s3, us-east-1"]));
    tokens.push(of(ELSEWHERE, "sts", &["sts, us-east-1"]));
    tokens.push(of(ELSEWHERE, "rds-db", &["rds-db, us-east-1"]));
    tokens
}

fn of_streams() -> Vec<Token> {
    let origin = format!("https://{S3_HOST}");
    let put = |stream| Request::new("PUT", &origin, REGION, "s3").unwrap().path(CAT).stream(stream);
    let of = |name, request: &Request, own: &[&str]| {
        in_headers(name, "PUT", S3_HOST, &long_term().sign_headers(request, now()).unwrap(), own)
    };
    let respelled: &[Cells] = &[(&["s3, every option"], &["PUT"], &[CAT_ESCAPED])];
    vec![
        of("stream", &put(Stream::signed(9)), &["s3, streams", "s3, every option"]).and(respelled),
        of(
            "stream with a trailer",
            &put(Stream::signed(9).trailer(Checksum::Sha256)),
            &["s3, streams", "s3, every option"],
        )
        .and(respelled),
        of("stream without signatures", &put(Stream::unsigned(9, Checksum::Sha256)), &["s3, every option"])
            .and(respelled),
    ]
}

fn of_express() -> Vec<Token> {
    let grant = Grant::read(ZONAL_BUCKET, "cat.jpg");
    let read = UrlRequest::at(&endpoint(), &grant).unwrap();
    let request = Request::new("GET", &format!("https://{ZONAL_HOST}"), REGION, "s3express").unwrap().path(CAT);
    let headers = |key: &StaticKey| key.sign_headers(&request, now()).unwrap();
    vec![
        presigned("S3 Express read", &zonal(SESSION), &read, &["s3express, zonal session"]),
        in_headers(
            "S3 Express in headers",
            "GET",
            ZONAL_HOST,
            &headers(&zonal(SESSION)),
            &["s3express, zonal session"],
        ),
        presigned("S3 Express read by a session", &temporary(SESSION), &read, &["s3express, session"]),
        in_headers(
            "S3 Express in headers by a session",
            "GET",
            ZONAL_HOST,
            &headers(&temporary(SESSION)),
            &["s3express, session"],
        ),
        presigned("S3 Express read by a long-term key", &long_term(), &read, &["s3express"]),
    ]
}

fn of_version_2() -> Vec<Token> {
    let request = |method| LegacyUrlRequest::new(method, &endpoint(), "photos", "cat.jpg").unwrap();
    let of = |name, key: &StaticKey, request: &LegacyUrlRequest, own: &[&str]| {
        sent(name, &key.legacy_presign(request, now()).unwrap(), own)
    };
    let own = &["Version 2", "Version 2 at another host"];
    vec![
        of("Version 2 read", &long_term(), &request("GET"), own),
        of("Version 2 delete", &long_term(), &request("DELETE"), own),
        of("Version 2 read of an ACL", &long_term(), &request("GET").sub_resource("acl"), own),
        of("Version 2 read by a session", &temporary(SESSION), &request("GET"), &["Version 2, session"]),
    ]
}

const RSA: &[&str] = &["CloudFront, RSA"];
const SHA1: &[&str] = &["CloudFront, RSA and SHA-1"];
#[cfg(feature = "ecdsa")]
const ECDSA: &[&str] = &["CloudFront, ECDSA"];

fn of_cloudfront() -> Vec<Token> {
    use cloudfront::{Pattern, PolicyRequest, SigningKey};
    let rsa = || cloudfront::Credential::rsa(ID).unwrap();
    let rsa_key = SigningKey::from_rsa_pem(rsa(), &key_file("cloudfront-rsa.pem")).unwrap();
    let sha1_key = SigningKey::from_rsa_pem(rsa().legacy_sha1(), &key_file("cloudfront-rsa.pem")).unwrap();
    let canned = PolicyRequest::for_url(&format!("https://{CDN}{PHOTOS_CAT}")).unwrap();
    let pattern = Pattern::parse(&format!("https://{CDN}/photos/*")).unwrap();
    let custom = PolicyRequest::for_pattern(pattern).because(why());
    let url = |name, key: &SigningKey, request: &PolicyRequest, own: &[&str]| {
        let policy = key.signed_policy(request, now()).unwrap();
        let url = policy.signed_url_for(&format!("https://{CDN}{PHOTOS_CAT}")).unwrap();
        Token::from_url(name, "GET", url.expose(), own)
    };
    let cookies = |name, key: &SigningKey, request: &PolicyRequest, own: &[&str]| {
        let cookies = key.signed_cookies(request, now()).unwrap();
        let line: Vec<String> = cookies.expose().map(|(name, value)| format!("{name}={value}")).collect();
        let url = format!("https://{CDN}{PHOTOS_CAT}");
        Token::from_url(name, "GET", &url, own).with_headers([("cookie", line.join("; "))])
    };
    // It says nothing of methods; `Expect` says that it is for reading.
    let one = |own| [(own, READ, &[PHOTOS_CAT][..])];
    let all = |own| [(own, READ, &[PHOTOS_CAT, PHOTOS_CAT_LARGE, PHOTOS_DOG][..])];
    #[cfg_attr(not(feature = "ecdsa"), expect(unused_mut, reason = "there are no more without ECDSA"))]
    let mut tokens = vec![
        url("CloudFront URL", &rsa_key, &canned, &[]).and(&one(RSA)),
        url("CloudFront URL for many", &rsa_key, &custom, &[]).and(&all(RSA)),
        cookies("CloudFront cookies", &rsa_key, &canned, &[]).and(&one(RSA)),
        cookies("CloudFront cookies for many", &rsa_key, &custom, &[]).and(&all(RSA)),
        url("CloudFront URL with SHA-1", &sha1_key, &canned, &[]).and(&one(SHA1)),
        cookies("CloudFront cookies with SHA-1", &sha1_key, &custom, &[]).and(&all(SHA1)),
    ];
    #[cfg(feature = "ecdsa")]
    {
        let credential = cloudfront::Credential::ecdsa(ID).unwrap();
        let key = SigningKey::from_ec_pem(credential, &key_file("cloudfront-ec.pem")).unwrap();
        tokens.push(url("CloudFront URL with ECDSA", &key, &canned, &[]).and(&one(ECDSA)));
        tokens.push(cookies("CloudFront cookies with ECDSA", &key, &custom, &[]).and(&all(ECDSA)));
    }
    tokens
}

/// The request in a token, whatever carries it.
pub(super) fn of_login(name: &str, login: &Login, key: &StaticKey, own: &[&str]) -> Token {
    let text = login.issue(key, now()).unwrap().expose().to_owned();
    let unpacked = text.strip_prefix("k8s-aws-v1.").unwrap_or(&text);
    let url = match Base64UrlUnpadded::decode_vec(unpacked) {
        Ok(url) => String::from_utf8(url).unwrap(),
        Err(_) if text.starts_with('{') => verifiers::url_of_json(&text),
        Err(_) if text.starts_with("wss://") => text,
        Err(_) => format!("https://{text}"),
    };
    let url = url.split("&User-Agent=").next().unwrap();
    Token::from_url(name, "GET", url, own)
}

fn of_logins() -> Vec<Token> {
    let key = long_term();
    // A server that saw the request itself would accept it as well, since nothing else does its service have.
    let mut tokens: Vec<Token> = every_login()
        .into_iter()
        .filter_map(|(verifier, login, services)| {
            let own: Vec<&str> = [&[verifier][..], services].concat();
            (!services.is_empty()).then(|| of_login(&format!("token for {verifier}"), &login, &key, &own))
        })
        .collect();
    for token in &mut tokens {
        match token.name.as_str() {
            // The host of a region is a broker like any other, and the same request is written in two ways.
            "token for login, Kafka" => token.own.push("login, Kafka broker of that name".to_owned()),
            "token for login, EKS" => {
                // What a request to AWS has beside what the token has.
                token.headers.push(("x-k8s-aws-id".to_owned(), "photos".to_owned()));
                token.own.extend(["login, EKS unchecked".to_owned()]);
            }
            _ => {}
        }
    }
    let eks = Login::eks("photos", &sts()).unwrap();
    let rds = Login::rds(SERVER, 5432, USER, REGION).unwrap();
    let iot = Login::iot(SERVER, REGION).unwrap();
    let cluster = [("x-k8s-aws-id", "photos")];
    tokens.extend([
        of_login(
            "token for EKS by a session",
            &eks,
            &temporary(SESSION),
            &["login, EKS, session", "login, EKS unchecked", "sts, session"],
        )
        .with_headers(cluster),
        of_login("token for RDS by a session", &rds, &temporary(SESSION), &["login, RDS, session"]),
        of_login("token for IoT by a session", &iot, &temporary(SESSION), &["login, IoT, session"]),
        of_login(
            "token for RDS by another id",
            &rds,
            &StaticKey::new(OTHER_ID, SECRET).unwrap(),
            &["login, RDS, another id"],
        ),
    ]);
    tokens
}

fn of_call(name: &str, call: &valet_key::aws::Call, own: &[&str]) -> Token {
    let signed = call.sign(&long_term(), now()).unwrap();
    let token = Token::from_url(name, "POST", &call.url().unwrap(), own).with_headers(signed.expose());
    token.with_headers(call.headers()).with_body(call.expose_body())
}

fn of_queues() -> Vec<Token> {
    let (send, receive) = (MessageRequest::send(&queue(), "hello"), MessageRequest::receive(&queue()));
    let own = &["sqs", "queue"][..];
    vec![
        presigned("SQS send", &long_term(), &send.in_url().unwrap(), own),
        presigned("SQS receive", &long_term(), &receive.in_url().unwrap(), own),
        of_call("SQS send as a form", &send.as_form().unwrap(), own),
        of_call("SQS send as JSON", &send.as_json().unwrap(), own),
    ]
}

fn of_sts() -> Vec<Token> {
    let role = SessionRequest::assume_role("arn:aws:iam::123456789012:role/uploader", "user-42");
    let signed = long_term().sign_headers(&who_am_i(), now()).unwrap();
    let cluster = who_am_i().header("x-k8s-aws-id", "invoices");
    vec![
        presigned("STS role", &long_term(), &role.in_url(&sts()).unwrap(), &["sts"]),
        of_call("STS role as a form", &role.as_form(&sts()).unwrap(), &["sts"]),
        presigned("STS identity", &long_term(), &UrlRequest::new(who_am_i()), &["sts"]),
        in_headers("STS identity in headers", "GET", sts().host(), &signed, &["sts"]),
        presigned(
            "STS identity for another cluster",
            &long_term(),
            &UrlRequest::new(cluster),
            &[
                "sts",
                "login, EKS, another cluster",
                // Which cluster it is for is in no token: AWS is asked with the header of the one that asks.
                "login, EKS unchecked",
            ],
        ),
    ]
}

#[cfg(feature = "sigv4a")]
fn of_v4a() -> Vec<Token> {
    use valet_key::aws::{RegionSet, v4a};
    let key = v4a::StaticKey::new(ID, SECRET).unwrap();
    let two = || RegionSet::new("eu-west-1,eu-central-1").unwrap();
    let read = UrlRequest::at(&endpoint(), &super::super::read()).unwrap();
    let url = |request: &UrlRequest| key.presign(request, now()).unwrap();
    let signed = key.sign_headers(&get(REGION, "s3").region_set(two()), now()).unwrap();
    let here = &["SigV4a"][..];
    let both = &["SigV4a", "SigV4a, eu-central-1"][..];
    let queue = UrlRequest::new(get(REGION, "sqs").region_set(RegionSet::everywhere()));
    vec![
        sent("SigV4a read", &url(&read), here),
        sent("SigV4a read in two regions", &url(&read.clone().region_set(two())), both),
        in_headers("SigV4a in headers", "GET", S3_HOST, &signed, both),
        sent("SigV4a for SQS", &url(&queue), &["SigV4a, SQS"]),
    ]
}

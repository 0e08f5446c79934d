//! One object by URL and by header.

use crate::server::{Check, Server, now};
use valet_key::aws::{Endpoint, Payload, Region, Request, SigV4, UrlRequest};
use valet_key::clock::Timestamp;
use valet_key::grant::{Grant, Justification, Lifetime};

/// Names that go wrong easily. None of them is a folder that another one is a file of.
const NAMES: [&str; 6] = [
    "plain.txt",
    "with blank/and+plus.txt",
    "percent/100%25 %41.txt",
    "signs/~-_.!*'();:@&=$,.txt",
    "m\u{fc}nchen/\u{1f600}.txt",
    "deep/a/b/c/d/e.txt",
];

/// The servers have no certificate.
pub(crate) fn why() -> Justification {
    Justification::new("a test on loopback").unwrap()
}

pub(crate) fn plain(grant: Grant) -> Grant {
    grant.because(why())
}

pub(crate) fn url(server: &Server, grant: &Grant, at: Timestamp) -> valet_key::token::BearerUrl {
    server.key().presign(&UrlRequest::at(&server.endpoint(), grant).unwrap(), at).unwrap()
}

pub(crate) fn presigned(server: &mut Server) {
    for name in NAMES {
        let content = format!("the content of {name}");
        let upload = plain(
            Grant::upload(server.bucket.clone(), name)
                .content_type("text/plain")
                .exact_size(content.len().try_into().unwrap()),
        );
        let put = url(server, &upload, now());
        let answer = server.send("PUT", put.expose(), put.required_headers(), content.as_bytes());
        server.case(&format!("PUT {name} by URL"), true, &answer);
        let get = url(server, &plain(Grant::read(server.bucket.clone(), name)), now());
        let answer = server.send("GET", get.expose(), &[], b"");
        server.holds(&format!("GET {name} by URL"), &content, &answer);
        let head = url(server, &plain(Grant::head(server.bucket.clone(), name)), now());
        let answer = server.send("HEAD", head.expose(), &[], b"");
        server.case(&format!("HEAD {name} by URL"), true, &answer);

        let answer = server.send("DELETE", get.expose(), &[], b"");
        server.case(&format!("DELETE {name} with a URL to read"), false, &answer);
        let other = get.expose().replacen(".txt?", ".txu?", 1);
        let answer = server.send("GET", &other, &[], b"");
        server.case(&format!("another name than {name}"), false, &answer);
        let other = server.other_key().presign(
            &UrlRequest::at(&server.endpoint(), &plain(Grant::read(server.bucket.clone(), name))).unwrap(),
            now(),
        );
        let answer = server.send("GET", other.unwrap().expose(), &[], b"");
        server.case(&format!("{name} with another secret"), false, &answer);
    }
    changed_urls(server);
    for name in NAMES {
        let delete = url(server, &plain(Grant::delete(server.bucket.clone(), name)), now());
        let answer = server.send("DELETE", delete.expose(), &[], b"");
        server.case(&format!("DELETE {name} by URL"), true, &answer);
    }
}

fn changed_urls(server: &mut Server) {
    let read = plain(Grant::read(server.bucket.clone(), NAMES[0]));
    let get = url(server, &read, now()).expose().to_owned();
    for (what, from, to) in [
        ("a longer life", "X-Amz-Expires=900", "X-Amz-Expires=9000"),
        ("another access key", "X-Amz-Credential=", "X-Amz-Credential=X"),
        ("another service", "%2Fs3%2F", "%2Fs4%2F"),
        ("another list of signed headers", "SignedHeaders=host", "SignedHeaders=host%3Bx-amz-date"),
    ] {
        assert!(get.contains(from), "{what}");
        let answer = server.send("GET", &get.replacen(from, to, 1), &[], b"");
        server.case(what, false, &answer);
    }
    let answer = server.send("GET", &format!("{get}&response-content-type=text/html"), &[], b"");
    server.case("a further parameter", false, &answer);
    let last = get.chars().last().unwrap();
    let forged = format!("{}{}", &get[..get.len() - 1], if last == '0' { '1' } else { '0' });
    let answer = server.send("GET", &forged, &[], b"");
    server.case("another signature", false, &answer);

    let old = url(server, &read.clone().lives(Lifetime::from_seconds(60).unwrap()), now().saturating_sub(62));
    let answer = server.send("GET", old.expose(), &[], b"");
    server.case("a URL that is over", false, &answer);
    let early = url(server, &read.clone().lives(Lifetime::minutes(60).unwrap()), now().saturating_add(1800));
    if server.looks_at(Check::FutureDate) {
        let answer = server.send("GET", early.expose(), &[], b"");
        server.case("a URL from half an hour ahead", false, &answer);
    }
    let elsewhere = Endpoint::custom(&server.origin, Region::new("eu-west-3").unwrap()).unwrap();
    let elsewhere = server.key().presign(&UrlRequest::at(&elsewhere, &read).unwrap(), now()).unwrap();
    if server.looks_at(Check::Region) {
        let answer = server.send("GET", elsewhere.expose(), &[], b"");
        // One of them sends the client to its own region.
        server.case("another region", false, &if answer.status == 301 { refused() } else { answer });
    }
    let upload = plain(Grant::upload(server.bucket.clone(), NAMES[0]).content_type("text/plain").exact_size(3));
    let put = url(server, &upload, now());
    let mut headers = put.required_headers().to_vec();
    for (name, value) in &mut headers {
        if name.eq_ignore_ascii_case("content-type") {
            *value = b"text/html".to_vec();
        }
    }
    let answer = server.send("PUT", put.expose(), &headers, b"abc");
    server.case("another content type than the signed one", false, &answer);
    // curl writes the true length when it is not told one.
    let mut headers = put.required_headers().to_vec();
    headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
    let answer = server.send("PUT", put.expose(), &headers, b"four");
    server.case("another size than the signed one", false, &answer);
}

fn refused() -> crate::server::Answer {
    crate::server::Answer { status: 403, body: String::new() }
}

/// Sends a request that is signed in its headers.
fn by_header(
    server: &Server,
    method: &str,
    request: &Request,
    extra: &[(&str, &str)],
    body: &[u8],
) -> crate::server::Answer {
    let signed = server.key().sign_headers(request, now()).unwrap();
    let mut headers: Vec<(String, Vec<u8>)> =
        signed.expose().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect();
    headers.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())));
    server.send(method, &format!("{}{}", server.origin, signed.target()), &headers, body)
}

pub(crate) fn signed_headers(server: &mut Server) {
    for name in NAMES {
        let content = format!("sent with headers to {name}");
        let digest = sha2_digest(content.as_bytes());
        let upload = plain(Grant::upload(server.bucket.clone(), name).content_type("text/plain").any_size());
        let put = Request::at(&server.endpoint(), &upload, Payload::Sha256(digest)).unwrap();
        let typed = [("content-type", "text/plain")];
        let answer = by_header(server, "PUT", &put, &typed, content.as_bytes());
        server.case(&format!("PUT {name} with its hash"), true, &answer);
        let read = plain(Grant::read(server.bucket.clone(), name));
        let get = Request::at(&server.endpoint(), &read, Payload::Empty).unwrap();
        let answer = by_header(server, "GET", &get, &[], b"");
        server.holds(&format!("GET {name} by header"), &content, &answer);
        if server.looks_at(Check::BodyHash) {
            let answer = by_header(server, "PUT", &put, &typed, b"another body");
            server.case(&format!("PUT {name} with the hash of another body"), false, &answer);
        }
        let unsigned = Request::at(&server.endpoint(), &upload, Payload::Unsigned).unwrap();
        let answer = by_header(server, "PUT", &unsigned, &typed, content.as_bytes());
        server.case(&format!("PUT {name} with its body unsigned"), true, &answer);
    }
    let read = plain(Grant::read(server.bucket.clone(), NAMES[0]));
    let get = Request::at(&server.endpoint(), &read, Payload::Empty).unwrap();
    let wrong = server.other_key().sign_headers(&get, now()).unwrap();
    let headers: Vec<(String, Vec<u8>)> =
        wrong.expose().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect();
    let answer = server.send("GET", &format!("{}{}", server.origin, wrong.target()), &headers, b"");
    server.case("another secret in a header", false, &answer);
    let right = server.key().sign_headers(&get, now()).unwrap();
    let headers: Vec<(String, Vec<u8>)> =
        right.expose().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect();
    let answer = server.send("DELETE", &format!("{}{}", server.origin, right.target()), &headers, b"");
    server.case("another method than the signed one", false, &answer);
    let answer = server.send("GET", &format!("{}{}x", server.origin, right.target()), &headers, b"");
    server.case("another name than the signed one", false, &answer);
    let old = server.key().sign_headers(&get, now().saturating_sub(1800)).unwrap();
    let headers: Vec<(String, Vec<u8>)> =
        old.expose().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect();
    let answer = server.send("GET", &format!("{}{}", server.origin, old.target()), &headers, b"");
    server.case("a request of half an hour ago", false, &answer);
    if server.looks_at(Check::UnsignedHeader) {
        let upload = plain(Grant::upload(server.bucket.clone(), NAMES[0]).content_type("text/plain").any_size());
        let put = Request::at(&server.endpoint(), &upload, Payload::Unsigned).unwrap();
        let extra = [("content-type", "text/plain"), ("x-amz-meta-mine", "1")];
        let answer = by_header(server, "PUT", &put, &extra, b"abc");
        server.case("a header beginning with x-amz- that nobody signed", false, &answer);
    }
}

fn sha2_digest(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}

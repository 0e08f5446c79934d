//! URLs by Signature Version 2, which some servers still take.

use crate::objects::plain;
use crate::server::{Server, now};
use valet_key::aws::{LegacyUrlRequest, SigV4, UrlRequest};
use valet_key::grant::{Grant, Justification};

pub(crate) fn presigned(server: &mut Server) {
    let name = "old/a b+c \u{fc}.txt";
    let upload = plain(Grant::upload(server.bucket.clone(), name).any_content_type().any_size());
    let put = server.key().presign(&UrlRequest::at(&server.endpoint(), &upload).unwrap(), now()).unwrap();
    let answer = server.send("PUT", put.expose(), put.required_headers(), b"read by an old URL");
    server.case("PUT for an old URL", true, &answer);
    let request = LegacyUrlRequest::new("GET", &server.endpoint(), &server.bucket, name).unwrap();
    let request = request.because(Justification::new("a test on loopback").unwrap());
    let url = server.key().legacy_presign(&request, now()).unwrap();
    let answer = server.send("GET", url.expose(), &[], b"");
    server.holds("GET by an old URL", "read by an old URL", &answer);
    let answer = server.send("DELETE", url.expose(), &[], b"");
    server.case("DELETE by an old URL to read", false, &answer);
    let answer = server.send("GET", &url.expose().replacen(".txt?", ".txu?", 1), &[], b"");
    server.case("another name than that of an old URL", false, &answer);
    let other = server.other_key().legacy_presign(&request, now()).unwrap();
    let answer = server.send("GET", other.expose(), &[], b"");
    server.case("an old URL with another secret", false, &answer);
    let old = server.key().legacy_presign(&request, now().saturating_sub(901)).unwrap();
    let answer = server.send("GET", old.expose(), &[], b"");
    server.case("an old URL that is over", false, &answer);
}

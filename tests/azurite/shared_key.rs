//! Requests that are signed whole.

use crate::emulator::{Azurite, BLOCK_BLOB, Want, now};
use valet_key::azure::{Service, SharedKeyRequest};

pub(crate) fn shared_key(a: &mut Azurite) {
    for (text, method, target, want) in [
        ("get the properties of a container", "GET", "/first?restype=container", Want::Yes),
        ("list containers", "GET", "/?comp=list", Want::Body("<Name>second</Name>")),
        (
            "list blobs with a prefix",
            "GET",
            "/first?restype=container&comp=list&prefix=a%20b",
            Want::Body("<Name>a b.txt</Name>"),
        ),
        ("read a blob", "GET", "/first/a%20b.txt", Want::Body("a b.txt")),
        ("read a blob with unicode", "GET", "/first/%C3%9Cbersicht%20%E2%82%AC/%F0%9F%98%80.pdf", Want::Yes),
    ] {
        let answer = a.shared_key(&a.key, method, target, "", &[]);
        a.case(&format!("Shared Key: {text}"), want, answer);
        let answer = a.shared_key(&a.wrong, method, target, "", &[]);
        a.case(&format!("Shared Key, wrong key: {text}"), Want::BadKey, answer);
    }
    let headers = [BLOCK_BLOB, ("x-ms-meta-owner", "me"), ("content-type", "text/plain; charset=utf-8")];
    let answer = a.shared_key(&a.key, "PUT", "/first/by-key", "by key", &headers);
    a.case("Shared Key: upload with metadata", Want::Yes, answer);
    let answer = a.shared_key(&a.key, "HEAD", "/first/by-key", "", &[]);
    a.holds("Shared Key: head", answer.is(Want::Yes) && answer.header("x-ms-meta-owner") == "me", &answer.code);
    let answer = a.shared_key(&a.key, "GET", "/first/by-key", "", &[("range", "bytes=3-5")]);
    a.holds("Shared Key: read a range", answer.status == 206 && answer.body == "key", &answer.code);
    let answer = a.shared_key(&a.key, "DELETE", "/first/by-key", "", &[]);
    a.case("Shared Key: delete", Want::Yes, answer);

    let signed = SharedKeyRequest::for_target("GET", Service::Blob, "/first?restype=container").unwrap();
    let signed = a.key.authorize(&signed.endpoint(&a.blob), now()).unwrap();
    let mut headers: Vec<_> = signed.headers().iter().map(|(name, value)| (&**name, &**value)).collect();
    headers.push(("authorization", signed.expose_authorization()));
    let answer = a.send("GET", &signed.url().replace("/first", "/second"), &headers, "");
    a.case("Shared Key: the path changed", Want::BadKey, answer);
    headers.push(("x-ms-meta-added", "1"));
    let answer = a.send("GET", signed.url(), &headers, "");
    a.case("Shared Key: a header added", Want::BadKey, answer);

    let queue = SharedKeyRequest::for_target("GET", Service::Queue, "/?comp=list").unwrap().endpoint(&a.queue);
    let signed = a.key.authorize(&queue, now()).unwrap();
    let answer = a.send_signed(&signed, "");
    a.case("Shared Key: list queues", Want::Body("<Name>first</Name>"), answer);
    let answer = a.send_signed(&a.wrong.authorize(&queue, now()).unwrap(), "");
    a.case("Shared Key, wrong key: list queues", Want::BadKey, answer);
    let tables = SharedKeyRequest::for_target("GET", Service::Table, "/Tables").unwrap().endpoint(&a.table);
    let answer = a.send_signed(&a.key.authorize(&tables, now()).unwrap(), "");
    a.case("Shared Key: list tables", Want::Body("First"), answer);
    let answer = a.send_signed(&a.wrong.authorize(&tables, now()).unwrap(), "");
    a.case("Shared Key, wrong key: list tables", Want::BadKey, answer);
}

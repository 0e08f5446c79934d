//! Bodies that are sent in chunks.

use crate::objects::plain;
use crate::server::{Answer, Check, Server, now};
use valet_key::aws::{Checksum, Payload, Request, SigV4, SignedHeaders, StaticKey, Stream, StreamMode};
use valet_key::grant::Grant;

/// Two chunks of the smallest size, and what is left.
const LENGTH: usize = 2 * 8192 + 100;

fn body() -> Vec<u8> {
    (0..LENGTH).map(|at| b"0123456789abcdef\n"[at % 17]).collect()
}

fn signed(server: &Server, key: &StaticKey, name: &str, stream: Stream) -> SignedHeaders {
    let upload = plain(Grant::upload(server.bucket.clone(), name).content_type("text/plain").any_size());
    let request = Request::at(&server.endpoint(), &upload, Payload::Unsigned).unwrap().stream(stream);
    key.sign_headers(&request, now()).unwrap()
}

/// The body as it goes over the wire.
fn framed(head: &SignedHeaders, key: &StaticKey, stream: Stream) -> Vec<u8> {
    let mut signer = head.chunk_signer().unwrap();
    let mut wire = Vec::new();
    let body = body();
    let mut rest = body.as_slice();
    while !rest.is_empty() {
        let (chunk, behind) = rest.split_at(signer.next_length());
        let frame =
            if stream.mode().is_signed() { signer.chunk(key, chunk) } else { signer.chunk_unsigned(chunk) }.unwrap();
        wire.extend([frame.before(), chunk, frame.after()].concat());
        rest = behind;
    }
    wire.extend(if stream.mode().is_signed() { signer.finish(key) } else { signer.finish_unsigned() }.unwrap());
    wire
}

fn send(server: &Server, head: &SignedHeaders, wire: &[u8]) -> Answer {
    let mut headers: Vec<(String, Vec<u8>)> =
        head.expose().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect();
    headers.push(("content-type".into(), b"text/plain".to_vec()));
    server.send("PUT", &format!("{}{}", server.origin, head.target()), &headers, wire)
}

pub(crate) fn in_chunks(server: &mut Server) {
    let length = LENGTH.try_into().unwrap();
    let small = |stream: Stream| stream.chunk_size(8192).unwrap();
    for (what, stream) in [
        ("signed chunks", small(Stream::signed(length))),
        ("signed chunks and trailer, SHA-256", small(Stream::signed(length)).trailer(Checksum::Sha256)),
        ("signed chunks and trailer, CRC-32", small(Stream::signed(length)).trailer(Checksum::Crc32)),
        ("an unsigned trailer, CRC-32", small(Stream::unsigned(length, Checksum::Crc32))),
        ("an unsigned trailer, SHA-256", small(Stream::unsigned(length, Checksum::Sha256))),
    ] {
        let understood = match stream.mode() {
            StreamMode::SignedTrailer => server.looks_at(Check::SignedTrailers),
            StreamMode::UnsignedTrailer => server.looks_at(Check::Trailers),
            _ => true,
        };
        if !understood {
            continue;
        }
        let name = format!("chunks/{what}.txt");
        let head = signed(server, &server.key(), &name, stream);
        let wire = framed(&head, &server.key(), stream);
        let answer = send(server, &head, &wire);
        server.case(&format!("PUT with {what}"), true, &answer);
        let read = plain(Grant::read(server.bucket.clone(), name.clone()));
        let get = crate::objects::url(server, &read, now());
        let answer = server.send("GET", get.expose(), &[], b"");
        server.holds(&format!("GET of {what}"), &String::from_utf8(body()).unwrap(), &answer);

        let head = signed(server, &server.other_key(), &name, stream);
        let answer = send(server, &head, &framed(&head, &server.other_key(), stream));
        server.case(&format!("{what} with another secret"), false, &answer);
        if stream.mode().is_signed() && server.looks_at(Check::Chunks) {
            let head = signed(server, &server.key(), &name, stream);
            let answer = send(server, &head, &framed(&head, &server.other_key(), stream));
            server.broken_off(&format!("{what}, the chunks with another secret"), &answer);
            let mut wire = framed(&head, &server.key(), stream);
            wire[8192] ^= 1;
            let answer = send(server, &head, &wire);
            server.broken_off(&format!("{what}, one byte of them changed"), &answer);
            let answer = server.send("GET", get.expose(), &[], b"");
            server.holds(&format!("GET of {what} after it"), &String::from_utf8(body()).unwrap(), &answer);
        }
    }
}

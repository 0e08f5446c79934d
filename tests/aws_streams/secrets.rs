//! No secret and no signature shows in a `Debug` or an error of a stream.

use crate::{Arriving, HOST, ORIGIN, REGION, SECRET, body, expect, key, lenient, now};
use std::fmt::Debug;
use valet_key::{
    aws::{Checksum, ChunkStep, Request, S3Error, SigV4, Stream},
    view::Limits,
};

/// What must not show.
struct Planted(Vec<String>);

impl Planted {
    /// The secret, and every signature of a request and its body.
    fn of(arriving: &Arriving) -> Self {
        let seed = arriving.get("authorization").rsplit('=').next().unwrap().to_owned();
        let text = String::from_utf8_lossy(&arriving.framed).into_owned();
        let behind = |mark: &'static str| {
            text.match_indices(mark).map(|(at, _)| text[at + mark.len()..][..64].to_owned()).collect::<Vec<_>>()
        };
        let mut planted = vec![SECRET.to_owned(), seed];
        planted.extend(behind(";chunk-signature="));
        planted.extend(behind("x-amz-trailer-signature:"));
        Self(planted)
    }

    #[track_caller]
    fn is_hidden_in(&self, shown: &str) {
        for planted in &self.0 {
            // A part is enough to tell it.
            assert!(!shown.contains(&planted[..16]), "{planted} shows in {shown}");
        }
    }

    #[track_caller]
    fn is_hidden_by(&self, value: &impl Debug) {
        self.is_hidden_in(&format!("{value:?} {value:#?}"));
        for planted in &self.0 {
            let bytes = format!("{:?}", planted.as_bytes());
            assert!(!format!("{value:?}").contains(&bytes[1..40]), "bytes of {planted} show");
        }
    }
}

#[test]
fn no_debug_of_a_stream_shows_a_signature() {
    let body = body(20_000);
    let stream = Stream::signed(20_000).trailer(Checksum::Sha256).chunk_size(8192).unwrap();
    let request = Request::new("PUT", ORIGIN, REGION, "s3").unwrap().path("/cat.jpg").stream(stream);
    let arriving = Arriving::new(&key(), &request, HOST, &body, now());
    let planted = Planted::of(&arriving);
    assert_eq!(planted.0.len(), 1 + 1 + 4 + 1);

    let prepared = request.prepare_headers(key().credential(), now()).unwrap();
    planted.is_hidden_by(&prepared);
    let signed = key().sign_headers(&request, now()).unwrap();
    planted.is_hidden_by(&signed);
    let mut chunks = signed.chunk_signer().unwrap();
    planted.is_hidden_by(&chunks);
    let mut rest = &body[..];
    loop {
        let (data, behind) = rest.split_at(chunks.next_length());
        rest = behind;
        let prepared = chunks.prepare(data).unwrap();
        planted.is_hidden_by(&prepared);
        planted.is_hidden_by(prepared.string_to_sign());
        let signature = key().sign(prepared.scope(), prepared.string_to_sign()).unwrap();
        let frame = prepared.finish(&signature);
        planted.is_hidden_by(&frame);
        planted.is_hidden_by(&chunks);
        if data.is_empty() {
            break;
        }
    }
    planted.is_hidden_by(&chunks.prepare_trailer().unwrap());

    let mut reader = arriving.chunks(&key(), &expect(), &Limits::DEFAULT, now()).unwrap().chunks;
    planted.is_hidden_by(&reader);
    for piece in arriving.framed.chunks(777) {
        let mut piece = piece;
        loop {
            match reader.step(&mut piece).unwrap() {
                ChunkStep::Sign(pending) => {
                    planted.is_hidden_by(&pending);
                    let signature = key().sign(pending.scope(), pending.string_to_sign()).unwrap();
                    pending.accept(&signature).unwrap();
                }
                step => {
                    planted.is_hidden_by(&step);
                    break;
                }
            }
        }
        planted.is_hidden_by(&reader);
    }
    reader.finish().unwrap();
}

#[test]
fn no_error_of_a_stream_tells_a_signature() {
    let body = body(9_000);
    let streams = [
        Stream::signed(9_000).trailer(Checksum::Sha256),
        Stream::signed(9_000),
        Stream::unsigned(9_000, Checksum::Sha256),
    ];
    let mut refused = 0;
    for stream in streams {
        let arriving = Arriving::of(stream.chunk_size(8192).unwrap(), &body);
        let planted = Planted::of(&arriving);
        let length = arriving.framed.len();
        for at in (0..100).chain(8_270..8_400).chain(length - 350..length) {
            let mut changed = arriving.framed.clone();
            changed[at] ^= 1;
            for framed in
                [changed, arriving.framed[..at].to_vec(), [&arriving.framed[..at], &arriving.framed[at + 1..]].concat()]
            {
                let error = arriving.clone().framed(framed).read_in(&lenient(), 4096).unwrap_err();
                planted.is_hidden_by(&error);
                planted.is_hidden_in(&error.to_string());
                planted.is_hidden_in(&S3Error::from(&error).to_xml("id"));
                refused += 1;
            }
        }
    }
    assert!(refused > 5_000, "only {refused} bodies were refused");
}

//! Bodies in chunks: every case at every stage, the rules of a verifier under their numbers, what holds for every body
//! and every split of it, and the secrets that must not show.
//!
//! The cases in `tests/vectors/aws/streams` always run; when `VALET_KEY_VECTORS` names a directory of published files,
//! those that concern streams run too. What is known not to match says why, and such a case that passes fails the run.

#![cfg(feature = "aws")]

mod case;
mod laws;
mod secrets;
mod threats;

use case::Case;
use std::{collections::BTreeSet, path::Path};
use valet_key::{
    aws::{Checksum, ChunkVerifier, Expect, Request, SigV4, StaticKey, Stream, Verifier},
    clock::Timestamp,
    error::VerifyError,
    view::{HeaderLine, Limits, RequestView},
};

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const REGION: &str = "eu-west-1";
const HOST: &str = "photos.s3.eu-west-1.amazonaws.com";
const ORIGIN: &str = "https://photos.s3.eu-west-1.amazonaws.com";

fn now() -> Timestamp {
    Timestamp::parse_iso_basic("20261124T120000Z").unwrap()
}

fn key() -> StaticKey {
    StaticKey::new(ID, SECRET).unwrap()
}

fn expect() -> Expect {
    Expect::new(REGION, "s3").allow_streams()
}

fn lenient() -> Expect {
    expect().allow_unsigned_trailers()
}

/// A body that does not repeat within a chunk.
fn body(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at * 7 + at / 251) % 256).unwrap()).collect()
}

/// A request with a framed body, as it arrives.
#[derive(Clone, Debug)]
struct Arriving {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    framed: Vec<u8>,
}

impl Arriving {
    /// What a client sends.
    fn new(key: &impl SigV4, request: &Request, host: &str, body: &[u8], at: Timestamp) -> Self {
        let signed = key.sign_headers(request, at).unwrap();
        let mut headers = vec![("host".to_owned(), host.as_bytes().to_vec())];
        headers.extend(signed.expose().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())));
        let mut chunks = signed.chunk_signer().unwrap();
        let (mut framed, mut rest) = (Vec::new(), body);
        while chunks.next_length() > 0 {
            let (data, behind) = rest.split_at(chunks.next_length());
            let frame = chunks.chunk(key, data).unwrap();
            framed.extend([frame.before(), data, frame.after()].concat());
            rest = behind;
        }
        assert!(rest.is_empty());
        framed.extend(chunks.finish(key).unwrap());
        Self { method: "PUT".to_owned(), target: signed.target().to_owned(), headers, framed }
    }

    fn of(stream: Stream, body: &[u8]) -> Self {
        let request = Request::new("PUT", ORIGIN, REGION, "s3").unwrap().path("/cat.jpg").stream(stream);
        Self::new(&key(), &request, HOST, body, now())
    }

    fn get(&self, name: &str) -> &str {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name).unwrap();
        std::str::from_utf8(value).unwrap()
    }

    fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    fn set(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.without(name).header(name, value)
    }

    fn framed(mut self, framed: impl Into<Vec<u8>>) -> Self {
        self.framed = framed.into();
        self
    }

    /// The reader of its body, for a head that is accepted.
    fn chunks(&self, key: &StaticKey, expect: &Expect, limits: &Limits, now: Timestamp) -> Result<Reader, VerifyError> {
        let lines: Vec<HeaderLine<'_>> = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        let presented =
            valet_key::aws::Presented::parse_within(&RequestView::new(&self.method, &self.target, &lines), limits)?;
        let verified = key.verify(presented, expect, now)?;
        // Whoever takes the frames for the body gets none of it.
        let mut check = verified.payload_check();
        check.update(&self.framed);
        assert!(check.finish().is_err());
        assert!(verified.payload().is_none());
        Ok(Reader { chunks: verified.chunks().unwrap(), read: Vec::new() })
    }

    fn read_in(&self, expect: &Expect, pieces: usize) -> Result<Vec<u8>, VerifyError> {
        self.chunks(&key(), expect, &Limits::DEFAULT, now())?.all(&self.framed, pieces)
    }

    fn read(&self) -> Result<Vec<u8>, VerifyError> {
        let whole = self.read_in(&lenient(), usize::MAX);
        // However the body arrives, the verdict is the same.
        for pieces in [1, 3, 4096, 8192] {
            assert_eq!(self.read_in(&lenient(), pieces), whole, "in pieces of {pieces}");
        }
        whole
    }

    #[track_caller]
    fn is_refused(&self, is: impl Fn(&VerifyError) -> bool) -> VerifyError {
        let error = self.read().expect_err("accepted");
        assert!(is(&error), "{error:?}");
        error
    }
}

/// A reader and what it handed out.
#[derive(Debug)]
struct Reader {
    chunks: ChunkVerifier,
    read: Vec<u8>,
}

impl Reader {
    fn take(&mut self, mut piece: &[u8]) -> Result<(), VerifyError> {
        while let Some(bytes) = self.chunks.next(&mut piece)? {
            self.read.extend_from_slice(bytes);
        }
        assert!(piece.is_empty(), "input was left though more was asked for");
        Ok(())
    }

    fn all(mut self, framed: &[u8], pieces: usize) -> Result<Vec<u8>, VerifyError> {
        framed.chunks(pieces).try_for_each(|piece| self.take(piece))?;
        self.chunks.finish().map(|()| self.read)
    }
}

/// The checksum of that name, if this build computes it.
fn checksum(name: &str) -> Option<Checksum> {
    match name {
        #[cfg(feature = "checksums")]
        "crc32" => Some(Checksum::Crc32),
        #[cfg(feature = "checksums")]
        "crc32c" => Some(Checksum::Crc32c),
        #[cfg(feature = "checksums")]
        "crc64nvme" => Some(Checksum::Crc64Nvme),
        #[cfg(feature = "legacy")]
        "sha1" => Some(Checksum::Sha1),
        "sha256" => Some(Checksum::Sha256),
        _ => None,
    }
}

fn run(source: &str, cases: &[Case], surprises: &mut Vec<String>) {
    if cases.is_empty() {
        surprises.push(format!("{source}: no cases"));
    }
    let (mut passed, mut quirks, mut names) = (0, 0, BTreeSet::new());
    for case in cases {
        if !names.insert(&case.name) {
            surprises.push(format!("{source}: {} is there twice", case.name));
        }
        match (case.run(), case.known()) {
            (Ok(()), None) => passed += 1,
            (Err(_), Some(reason)) => {
                quirks += 1;
                println!("  {}: known not to match: {reason}", case.name);
            }
            (Ok(()), Some(_)) => surprises.push(format!("{}: passes, though it is known not to match", case.name)),
            (Err(stage), None) => surprises.push(format!("{source}: {}: {stage}", case.name)),
        }
    }
    println!("{source}: {} cases, {passed} signed and verified, {quirks} known not to match", cases.len());
}

fn finish(surprises: &[String]) {
    assert!(surprises.is_empty(), "{} surprises\n{}", surprises.len(), surprises.join("\n"));
}

fn records(path: &Path) -> serde_json::Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn our_own_cases_match() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/aws/streams/cases.json");
    let cases: Vec<Case> = records(&path).as_array().unwrap().iter().map(Case::of_ours).collect();
    let mut surprises = Vec::new();
    run("streams/cases.json", &cases, &mut surprises);
    finish(&surprises);
}

/// The one published file that holds bodies in chunks.
const FILE: &str = "aws-docs/s3-and-sigv4-examples.json";

#[test]
fn published_cases_match() {
    let Some(folder) = std::env::var_os("VALET_KEY_VECTORS") else {
        println!("VALET_KEY_VECTORS is not set: only the cases in tests/vectors/aws/streams run");
        return;
    };
    let list = records(&Path::new(&folder).join(FILE));
    let cases: Vec<Case> = list["cases"].as_array().unwrap().iter().filter_map(Case::of_documentation).collect();
    let mut surprises = Vec::new();
    run(FILE, &cases, &mut surprises);
    finish(&surprises);
}

#[test]
fn a_verifier_with_a_ring_reads_the_chunks_with_the_key_that_signed_the_head() {
    use valet_key::aws::KeyRing;
    let body = body(20_000);
    let stream = Stream::signed(20_000).trailer(Checksum::Sha256).chunk_size(8192).unwrap();
    let arriving = Arriving::of(stream, &body);
    // Two keys of one id, as while one takes the place of the other.
    let other = || StaticKey::new(ID, "another secret").unwrap();
    for ring in [KeyRing::new().with(other()).with(key()), KeyRing::new().with(key()).with(other())] {
        let judge = Verifier::new(ring, expect());
        let lines: Vec<HeaderLine<'_>> = arriving.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        let verified = judge.verify(&RequestView::new("PUT", &arriving.target, &lines), now()).unwrap();
        let reader = Reader { chunks: verified.chunks().unwrap(), read: Vec::new() };
        assert_eq!(reader.all(&arriving.framed, 1000), Ok(body.clone()));
    }
}

#[test]
fn a_key_that_is_elsewhere_signs_and_verifies_each_step() {
    use valet_key::aws::{ChunkStep, Presented};
    let body = body(20_000);
    for trailer in [false, true] {
        let mut stream = Stream::signed(20_000).chunk_size(8192).unwrap();
        if trailer {
            stream = stream.trailer(Checksum::Sha256);
        }
        let request = Request::new("PUT", ORIGIN, REGION, "s3").unwrap().path("/cat.jpg").stream(stream);
        let remote = key();
        let prepared = request.prepare_headers(remote.credential(), now()).unwrap();
        let signature = remote.sign(prepared.scope(), prepared.string_to_sign()).unwrap();
        let mut chunks = prepared.finish(&signature).chunk_signer().unwrap();
        let mut framed = Vec::new();
        let mut rest = &body[..];
        loop {
            let (data, behind) = rest.split_at(chunks.next_length());
            let prepared = chunks.prepare(data).unwrap();
            let signature = remote.sign(prepared.scope(), prepared.string_to_sign()).unwrap();
            let frame = prepared.finish(&signature);
            framed.extend([frame.before(), data, frame.after()].concat());
            rest = behind;
            if data.is_empty() {
                break;
            }
        }
        assert!(chunks.prepare(&[]).is_err(), "the last chunk was framed twice");
        if trailer {
            let prepared = chunks.prepare_trailer().unwrap();
            let signature = remote.sign(prepared.scope(), prepared.string_to_sign()).unwrap();
            framed.extend(prepared.finish(&signature));
        } else {
            assert!(chunks.prepare_trailer().is_err());
        }
        let arriving = Arriving::of(stream, &body);
        assert_eq!(framed, arriving.framed);

        let lines: Vec<HeaderLine<'_>> = arriving.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        let presented = Presented::parse(&RequestView::new("PUT", &arriving.target, &lines)).unwrap();
        let pending = presented.check(remote.credential(), &expect(), now()).unwrap();
        let signature = remote.sign(pending.scope(), pending.string_to_sign()).unwrap();
        let verified = pending.accept(&signature).unwrap();
        for pieces in [1000, usize::MAX] {
            let mut chunks = verified.chunks().unwrap();
            let mut read = Vec::new();
            for piece in framed.chunks(pieces) {
                let mut piece = piece;
                loop {
                    match chunks.step(&mut piece).unwrap() {
                        ChunkStep::More => break,
                        ChunkStep::Sign(pending) => {
                            let signature = remote.sign(pending.scope(), pending.string_to_sign()).unwrap();
                            read.extend_from_slice(pending.accept(&signature).unwrap());
                        }
                        ChunkStep::Data(_) => panic!("bytes of a signed stream without a signature"),
                    }
                }
            }
            chunks.finish().unwrap();
            assert_eq!(read, body);
        }
        // Without the key it says that it has none, and a step that nobody settles is the last one.
        let mut chunks = verified.chunks().unwrap();
        assert!(matches!(chunks.next(&mut &framed[..]), Err(VerifyError::Key(_))));
        let mut chunks = verified.chunks().unwrap();
        let mut rest = &framed[..];
        assert!(matches!(chunks.step(&mut rest), Ok(ChunkStep::Sign(_))));
        assert_eq!(chunks.step(&mut rest).map(|_| ()), Err(VerifyError::SignatureMismatch));
        assert!(chunks.finish().is_err());
    }
}

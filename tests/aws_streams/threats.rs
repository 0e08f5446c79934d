//! The rules of a verifier that concern bodies in chunks: what is refused, and the neighbour that is accepted.

use crate::{Arriving, HOST, ID, ORIGIN, REGION, Reader, SECRET, body, expect, key, lenient, now};
use valet_key::{
    aws::{Checksum, ChunkStep, Expect, Presented, Request, S3Error, SigV4, StaticKey, Stream, StreamMode, UrlRequest},
    error::{IssueError, VerifyError},
    view::{HeaderLine, Limits, RequestView},
};

const CONTENT: &str = "x-amz-content-sha256";
const LENGTH: &str = "x-amz-decoded-content-length";
const TRAILER: &str = "x-amz-trailer";

fn small() -> Stream {
    Stream::signed(20_000).chunk_size(8192).unwrap()
}

/// Three chunks, each of them signed.
fn signed() -> Arriving {
    Arriving::of(small(), &body(20_000))
}

fn with_trailer() -> Arriving {
    Arriving::of(small().trailer(Checksum::Sha256), &body(20_000))
}

fn unsigned() -> Arriving {
    Arriving::of(Stream::unsigned(20_000, Checksum::Sha256).chunk_size(8192).unwrap(), &body(20_000))
}

/// The end of the line that begins there, line end included.
fn line_end(framed: &[u8], from: usize) -> usize {
    from + framed[from..].iter().position(|&byte| byte == b'\n').unwrap() + 1
}

/// The parts of a framed body: every line and every piece of data with what ends it.
fn parts(framed: &[u8]) -> Vec<Vec<u8>> {
    let (mut at, mut parts) = (0, Vec::new());
    loop {
        let end = line_end(framed, at);
        let line = &framed[at..end];
        parts.push(line.to_vec());
        let digits = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&line[..digits]).unwrap(), 16).unwrap();
        at = end;
        if size == 0 {
            break;
        }
        parts.push(framed[at..at + size + 2].to_vec());
        at += size + 2;
    }
    while at < framed.len() {
        let end = line_end(framed, at);
        parts.push(framed[at..end].to_vec());
        at = end;
    }
    parts
}

impl Arriving {
    fn parts(self, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Self {
        let mut parts = parts(&self.framed);
        change(&mut parts);
        self.framed(parts.concat())
    }

    /// Another line in the place of one.
    fn line(self, at: usize, change: impl FnOnce(&str) -> String) -> Self {
        self.parts(|parts| parts[at] = change(std::str::from_utf8(&parts[at]).unwrap()).into_bytes())
    }

    fn head(&self, expect: &Expect) -> Result<Reader, VerifyError> {
        self.chunks(&key(), expect, &Limits::DEFAULT, now())
    }

    /// Signed again, with other headers: what whoever has the key may announce.
    fn announcing(mode: StreamMode, headers: &[(&str, &str)]) -> Self {
        let date = now().amz_date();
        let mut lines: Vec<(&str, &str)> =
            vec![("host", HOST), ("x-amz-content-sha256", mode.literal()), ("x-amz-date", &date)];
        lines.extend(headers);
        lines.sort_by_key(|(name, _)| *name);
        let mut names: Vec<&str> = lines.iter().map(|(name, _)| *name).collect();
        names.dedup();
        let names = names.join(";");
        let headers = lines.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        let scope = format!("{}/{REGION}/s3/aws4_request", &date[..8]);
        let authorization = |signature: &str| {
            format!("AWS4-HMAC-SHA256 Credential={ID}/{scope}, SignedHeaders={names}, Signature={signature}")
        };
        let arriving = Self { method: "PUT".into(), target: "/cat.jpg".into(), headers, framed: Vec::new() };
        // The verifier itself says what is signed; nothing here depends on a second spelling of it.
        let unsigned = arriving.clone().header("authorization", authorization(&"0".repeat(64)));
        let lines: Vec<HeaderLine<'_>> = unsigned.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        let presented = Presented::parse(&RequestView::new("PUT", "/cat.jpg", &lines)).unwrap();
        let Ok(pending) = presented.check(key().credential(), &lenient(), now()) else { return unsigned };
        let request = pending.string_to_sign().as_str().to_owned();
        arriving.header("authorization", authorization(&hmac(&scope, &request)))
    }
}

/// The signature of a text, without the crate.
fn hmac(scope: &str, text: &str) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mac = |key: &[u8], message: &str| {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
        mac.update(message.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    let key = scope.split('/').fold(format!("AWS4{SECRET}").into_bytes(), |key, part| mac(&key, part));
    hex::encode(mac(&key, text))
}

fn is_mode(error: &VerifyError) -> bool {
    matches!(error, VerifyError::PayloadMode { .. })
}

fn is_mismatch(error: &VerifyError) -> bool {
    *error == VerifyError::SignatureMismatch
}

fn is_framing(error: &VerifyError) -> bool {
    matches!(error, VerifyError::Framing { .. })
}

fn is_trailer(error: &VerifyError) -> bool {
    matches!(error, VerifyError::Trailer { .. })
}

fn is_not(what: &'static str) -> impl Fn(&VerifyError) -> bool {
    move |error| *error == VerifyError::PayloadMismatch { what }
}

#[track_caller]
fn answers(error: &VerifyError, status: u16, code: &str) {
    let answer = S3Error::from(error);
    assert_eq!((answer.status, answer.code), (status, code), "{error:?}");
}

#[test]
fn r09_what_announces_a_stream_is_signed() {
    signed().head(&expect()).unwrap();
    for (arriving, name) in [(signed(), LENGTH), (with_trailer(), LENGTH), (with_trailer(), TRAILER)] {
        let authorization = arriving.get("authorization").replace(&format!(";{name}"), "");
        let unsigned = arriving.set("authorization", authorization);
        let error = unsigned.head(&expect()).unwrap_err();
        assert_eq!(error, VerifyError::UnsignedHeader { name: name.to_owned() });
        answers(&error, 403, "AccessDenied");
    }
}

#[test]
fn r27_a_body_in_chunks_is_held_to_a_signed_hash_as_well() {
    use base64ct::Encoding;
    use sha2::Digest;
    let right = base64ct::Base64::encode_string(&sha2::Sha256::digest(body(20_000)));
    let wrong = base64ct::Base64::encode_string(&sha2::Sha256::digest(body(19_999)));
    for (checksum, accepted) in [(right, true), (wrong, false)] {
        let request = Request::new("PUT", ORIGIN, REGION, "s3").unwrap().stream(small());
        let request = request.header("x-amz-checksum-sha256", checksum.as_str());
        let arriving = Arriving::new(&key(), &request, HOST, &body(20_000), now());
        let arriving = arriving.header("x-amz-checksum-sha256", checksum);
        if accepted {
            assert_eq!(arriving.read(), Ok(body(20_000)));
        } else {
            answers(&arriving.is_refused(is_not("x-amz-checksum-sha256")), 400, "BadDigest");
        }
    }
}

#[test]
fn r28_a_presigned_url_never_switches_to_a_stream() {
    let request = Request::new("PUT", ORIGIN, REGION, "s3").unwrap().path("/cat.jpg");
    let streamed = request.clone().stream(small());
    let error = key().presign(&UrlRequest::new(streamed), now()).unwrap_err();
    assert!(matches!(error, IssueError::Invalid { what: "stream", .. }), "{error}");

    let url = key().presign(&UrlRequest::new(request), now()).unwrap();
    let target = url.expose().strip_prefix(ORIGIN).unwrap();
    let check = |lines: &[HeaderLine<'_>]| {
        let presented = Presented::parse(&RequestView::new("PUT", target, lines)).unwrap();
        key().verify(presented, &lenient(), now()).map(|verified| verified.chunks().is_some())
    };
    let host = ("host", HOST.as_bytes());
    assert_eq!(check(&[host]), Ok(false));
    for mode in [StreamMode::Signed, StreamMode::SignedTrailer, StreamMode::UnsignedTrailer] {
        let error = check(&[host, (CONTENT, mode.literal().as_bytes())]).unwrap_err();
        assert_eq!(error, VerifyError::PayloadMode { mode: mode.literal() });
    }
    // Not even a signed header does: servers in the field differ on it.
    let signed = target.replace("SignedHeaders=host", "SignedHeaders=host%3Bx-amz-content-sha256");
    let lines: [HeaderLine<'_>; 2] = [host, (CONTENT, StreamMode::Signed.literal().as_bytes())];
    let presented = Presented::parse(&RequestView::new("PUT", &signed, &lines)).unwrap();
    assert!(is_mode(&key().verify(presented, &lenient(), now()).map(|_| ()).unwrap_err()));
}

#[test]
fn r28_the_mode_is_the_signed_one_and_only_where_it_was_allowed() {
    for (arriving, by_default, with_streams) in
        [(signed(), false, true), (with_trailer(), false, true), (unsigned(), false, false)]
    {
        let is_accepted = |expect: Expect| match arriving.head(&expect) {
            Ok(_) => true,
            Err(error) => {
                assert!(is_mode(&error), "{error:?}");
                answers(&error, 501, "NotImplemented");
                false
            }
        };
        assert_eq!(is_accepted(Expect::new(REGION, "s3")), by_default);
        assert_eq!(is_accepted(expect()), with_streams);
        assert!(is_accepted(lenient()) && is_accepted(lenient().allow_streams()));
    }
    // Another mode than the signed one breaks the signature, or lacks what it would need.
    for other in [StreamMode::Signed, StreamMode::UnsignedTrailer] {
        assert!(with_trailer().set(CONTENT, other.literal()).head(&lenient()).is_err());
    }
    assert_eq!(
        unsigned().set(CONTENT, StreamMode::SignedTrailer.literal()).head(&lenient()).map(|_| ()),
        Err(VerifyError::SignatureMismatch)
    );
    // A body that is sent as it is has no chunks, and one in chunks is no other service's.
    let plain = signed().set(CONTENT, "UNSIGNED-PAYLOAD");
    assert_eq!(plain.head(&lenient()).map(|_| ()), Err(VerifyError::SignatureMismatch));
    let sqs = signed();
    let error = sqs.set("authorization", signed().get("authorization").replace("/s3/", "/sqs/"));
    assert!(is_mode(&error.head(&Expect::new(REGION, "sqs").allow_unsigned_trailers()).unwrap_err()));
    for mode in ["STREAMING-AWS4-HMAC-SHA256-EVENTS", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "STREAMING-X"] {
        assert!(is_mode(&signed().set(CONTENT, mode).head(&lenient()).unwrap_err()), "{mode}");
    }
}

#[test]
fn r29_every_chunk_is_verified_before_it_is_handed_out() {
    assert_eq!(signed().read(), Ok(body(20_000)));
    for chunk in 0..3 {
        let forged = signed().parts(|parts| parts[2 * chunk + 1][100] ^= 1);
        answers(&forged.is_refused(is_mismatch), 403, "SignatureDoesNotMatch");
        let mut reader = forged.head(&expect()).unwrap();
        assert_eq!(reader.take(&forged.framed), Err(VerifyError::SignatureMismatch));
        assert_eq!(reader.read, body(20_000)[..chunk * 8192], "more than was verified");
        // And it stays refused, whatever comes.
        assert_eq!(reader.take(b"x"), Err(VerifyError::SignatureMismatch));
        assert_eq!(reader.chunks.finish(), Err(VerifyError::SignatureMismatch));
    }
    // A byte before the end of a chunk nothing of it was handed out.
    let whole = signed();
    let mut reader = whole.head(&expect()).unwrap();
    let end = line_end(&whole.framed, 0) + 8192;
    reader.take(&whole.framed[..end - 1]).unwrap();
    assert!(reader.read.is_empty());
    reader.take(&whole.framed[end - 1..end]).unwrap();
    assert_eq!(reader.read.len(), 8192);
}

#[test]
fn r29_the_last_chunk_is_verified_too() {
    let flipped = |line: &str| {
        let last = line.trim_end().chars().last().unwrap();
        let other = if last == '0' { '1' } else { '0' };
        format!("{}{other}\r\n", &line[..line.len() - 3])
    };
    signed().line(6, flipped).is_refused(is_mismatch);
    with_trailer().line(6, flipped).is_refused(is_mismatch);
    signed().line(6, |_| "0\r\n".into()).is_refused(is_framing);
}

#[test]
fn r29_chunks_stand_in_their_order_and_belong_to_their_request() {
    signed().parts(|parts| parts.swap(1, 3)).is_refused(is_mismatch);
    let swapped = signed().parts(|parts| {
        parts.swap(0, 2);
        parts.swap(1, 3);
    });
    swapped.is_refused(is_mismatch);
    signed().parts(|parts| drop(parts.drain(2..4))).is_refused(is_mismatch);
    // The same body of another request, a second later or another object.
    let request = Request::new("PUT", ORIGIN, REGION, "s3").unwrap().path("/dog.jpg").stream(small());
    let other = Arriving::new(&key(), &request, HOST, &body(20_000), now());
    signed().framed(other.framed).is_refused(is_mismatch);
    // And one that another key signed.
    let stranger = StaticKey::new(ID, "another secret").unwrap();
    let request = Request::new("PUT", ORIGIN, REGION, "s3").unwrap().path("/cat.jpg").stream(small());
    let other = Arriving::new(&stranger, &request, HOST, &body(20_000), now());
    signed().framed(other.framed).is_refused(is_mismatch);
}

#[test]
fn r29_the_sum_of_the_chunks_is_the_signed_length() {
    // Whoever has the key announces another length than they send: the frames say so before the data is read.
    for announced in [0, 19_999, 20_001, 8192] {
        let request = Request::new("PUT", ORIGIN, REGION, "s3").unwrap().path("/cat.jpg");
        let stream = Stream::signed(announced).chunk_size(8192).unwrap();
        let length = usize::try_from(announced).unwrap();
        let mut arriving = Arriving::new(&key(), &request.stream(stream), HOST, &body(length), now());
        let seed = arriving.get("authorization").rsplit('=').next().unwrap().to_owned();
        arriving.framed = chain(&seed, &body(20_000), 8192);
        answers(&arriving.is_refused(is_not(LENGTH)), 400, "IncompleteBody");
    }
    for bad in ["", "-1", "+20000", "020000", "20000.0", "0x4e20", "99999999999999999999", "20 000"] {
        let error = Arriving::announcing(StreamMode::Signed, &[(LENGTH, bad)]).head(&expect()).unwrap_err();
        assert!(matches!(error, VerifyError::FieldForm { field: LENGTH, .. }), "{bad}: {error:?}");
    }
    let good = Arriving::announcing(StreamMode::Signed, &[(LENGTH, "0")]);
    good.head(&expect()).unwrap();
    let error = Arriving::announcing(StreamMode::Signed, &[]).head(&expect()).unwrap_err();
    assert_eq!(error, VerifyError::FieldCount { field: LENGTH, found: 0 });
    answers(&error, 411, "MissingContentLength");
    let twice = Arriving::announcing(StreamMode::Signed, &[(LENGTH, "1"), (LENGTH, "1")]).head(&expect());
    assert_eq!(twice.unwrap_err(), VerifyError::FieldCount { field: LENGTH, found: 2 });
}

/// Signed chunks of that size, made without the crate.
fn chain(seed: &str, body: &[u8], size: usize) -> Vec<u8> {
    use sha2::Digest;
    let date = now().amz_date();
    let scope = format!("{}/{REGION}/s3/aws4_request", &date[..8]);
    let empty = hex::encode(sha2::Sha256::digest(b""));
    let (mut previous, mut framed) = (seed.to_owned(), Vec::new());
    for data in body.chunks(size).chain([&[][..]]) {
        let digest = hex::encode(sha2::Sha256::digest(data));
        previous = hmac(&scope, &format!("AWS4-HMAC-SHA256-PAYLOAD\n{date}\n{scope}\n{previous}\n{empty}\n{digest}"));
        framed.extend(format!("{:x};chunk-signature={previous}\r\n", data.len()).bytes());
        framed.extend([data, b"\r\n"].concat());
    }
    framed
}

#[test]
fn r29_the_end_of_the_input_is_not_the_end_of_the_body() {
    for whole in [signed(), with_trailer(), unsigned()] {
        assert_eq!(whole.read(), Ok(body(20_000)));
        let length = whole.framed.len();
        for end in (0..length).step_by(997).chain(length - 300..length) {
            let cut = whole.clone().framed(&whole.framed[..end]);
            let error = cut.read_in(&lenient(), usize::MAX).unwrap_err();
            assert!(is_framing(&error), "{error:?} at {end}");
            answers(&error, 400, "IncompleteBody");
        }
        for more in ["\r\n", "0", "x", "\0"] {
            whole.clone().framed([&whole.framed, more.as_bytes()].concat()).is_refused(is_framing);
        }
        // In a piece of its own as well.
        let mut reader = whole.head(&lenient()).unwrap();
        reader.take(&whole.framed).unwrap();
        assert!(is_framing(&reader.take(b"\n").unwrap_err()));
        assert!(reader.chunks.finish().is_err());
    }
    signed().framed("").is_refused(is_framing);
}

#[test]
fn r29_a_size_is_one_to_sixteen_hex_digits_and_bounded() {
    let resized = |size: &str| signed().line(0, |line| line.replacen("2000;", &format!("{size};"), 1));
    assert!(resized("2000").read().is_ok());
    for bad in ["", "02000", "0x2000", "+2000", " 2000", "2000 ", "-1", "2g00", "10000000000000000", "\u{0662}000"] {
        answers(&resized(bad).is_refused(is_framing), 400, "IncompleteBody");
    }
    for large in ["ffffffffffffffff", "7fffffffffffffff", "100000000"] {
        resized(large).is_refused(is_not(LENGTH));
    }
    for wrong in ["1fff", "2001"] {
        resized(wrong).is_refused(|error| is_mismatch(error) || is_framing(error));
    }
    // Digits of either case are the same number, and clients write both.
    let stream = Stream::signed(0xabcd).chunk_size(0xabcd).unwrap();
    let upper = Arriving::of(stream, &body(0xabcd)).line(0, |line| line.replacen("abcd", "ABCD", 1));
    assert_eq!(upper.read(), Ok(body(0xabcd)));
    // What is held in memory is bounded by whoever verifies.
    let large = Arriving::of(Stream::signed(200_000).chunk_size(100_000).unwrap(), &body(200_000));
    let within = |bytes: usize| {
        large.chunks(&key(), &expect(), &Limits::DEFAULT.chunk(bytes), now()).unwrap().all(&large.framed, 4096)
    };
    assert!(within(100_000).is_ok());
    let error = within(99_999).unwrap_err();
    assert_eq!(error, VerifyError::TooLarge { what: "chunk", found: 100_000, limit: 99_999 });
    answers(&error, 400, "EntityTooLarge");
    let most = Arriving::announcing(StreamMode::Signed, &[(LENGTH, "999999999")]);
    let line = format!("{:x};chunk-signature={}\r\n", (16 << 20) + 1, "0".repeat(64));
    most.framed(line).is_refused(|error| matches!(error, VerifyError::TooLarge { what: "chunk", .. }));
}

#[test]
fn r29_only_the_last_chunk_is_small() {
    for (size, accepted) in [(8192, true), (8191, false), (1, false)] {
        let request = Request::new("PUT", ORIGIN, REGION, "s3").unwrap().path("/cat.jpg").stream(small());
        let mut arriving = Arriving::new(&key(), &request, HOST, &body(20_000), now());
        let seed = arriving.get("authorization").rsplit('=').next().unwrap().to_owned();
        arriving.framed = chain(&seed, &body(20_000), size);
        if accepted {
            assert_eq!(arriving.read(), Ok(body(20_000)));
        } else {
            let expected = VerifyError::ChunkSize { chunk: 1, found: size as u64, least: 8192 };
            answers(&arriving.is_refused(|error| *error == expected), 400, "InvalidChunkSizeError");
        }
    }
    for bytes in [0, 1, 8191, (16 << 20) + 1] {
        assert!(Stream::signed(20_000).chunk_size(bytes).is_err(), "{bytes}");
    }
    assert!(Stream::signed(20_000).chunk_size(8192).is_ok());
}

#[test]
fn r29_a_line_has_one_extension_and_ends_with_cr_lf() {
    for at in [0, 2, 6] {
        for (from, to) in [
            (";chunk-signature=", ";Chunk-Signature="),
            (";chunk-signature=", "; chunk-signature="),
            (";chunk-signature=", ";chunk-signature ="),
            (";chunk-signature=", ";a=b;chunk-signature="),
            (";chunk-signature=", ";"),
            ("\r\n", ";a=b\r\n"),
            ("\r\n", " \r\n"),
            ("\r\n", "\n"),
            ("\r\n", "\r\r\n"),
            ("\r\n", "0\r\n"),
        ] {
            let changed = signed().line(at, |line| line.replacen(from, to, 1));
            answers(&changed.is_refused(is_framing), 400, "IncompleteBody");
        }
        signed().line(at, |line| format!("{}\r\n", line.split(';').next().unwrap())).is_refused(is_framing);
        signed()
            .line(at, |line| line.to_uppercase().replace("CHUNK-SIGNATURE", "chunk-signature"))
            .is_refused(is_framing);
        // A line that does not end is given up where no line that is accepted goes on.
        let endless = signed().line(at, |line| format!("{}{}", line.trim_end(), "0".repeat(10_000)));
        let error = endless.is_refused(|error| matches!(error, VerifyError::TooLarge { what: "chunk line", .. }));
        answers(&error, 400, "IncompleteBody");
    }
    for at in [1, 3, 5] {
        for end in [&b"\n"[..], b"", b"\r", b"\n\r", b"\r\r\n", b" \r\n"] {
            let changed = signed().parts(|parts| {
                let length = parts[at].len() - 2;
                parts[at].truncate(length);
                parts[at].extend(end);
            });
            changed.is_refused(is_framing);
        }
    }
    signed().line(7, |_| "\n".into()).is_refused(is_framing);
    signed().line(7, |_| "x\r\n".into()).is_refused(is_framing);
    signed().line(7, |_| "x-amz-checksum-sha256:AAAA\r\n\r\n".into()).is_refused(is_framing);
}

#[test]
fn r30_a_trailer_is_the_announced_checksum_once_and_nothing_else() {
    const NAME: &str = "x-amz-checksum-sha256:";
    for (whole, end) in [(with_trailer(), 9), (unsigned(), 8)] {
        assert_eq!(whole.read(), Ok(body(20_000)));
        let malformed = |arriving: Arriving| {
            answers(&arriving.is_refused(is_trailer), 400, "MalformedTrailerError");
        };
        // Missing, repeated, not announced, smuggled before, between and behind.
        malformed(whole.clone().parts(|parts| drop(parts.remove(7))));
        malformed(whole.clone().parts(|parts| parts.insert(7, parts[7].clone())));
        for line in [
            "x-amz-acl:public-read\r\n",
            "x-amz-checksum-crc32:AAAAAA==\r\n",
            " \r\n",
            ":\r\n",
            "x-amz-trailer-signature\r\n",
        ] {
            for at in 7..=end {
                malformed(whole.clone().parts(|parts| parts.insert(at, line.into())));
            }
        }
        // Another spelling of the same line.
        for (from, to) in [
            (NAME, "X-Amz-Checksum-Sha256:"),
            (NAME, "x-amz-checksum-sha256: "),
            (NAME, "x-amz-checksum-sha256 :"),
            (NAME, "x-amz-checksum-sha256="),
            ("=\r\n", "\r\n"),
            ("=\r\n", "==\r\n"),
            ("=\r\n", "= \r\n"),
        ] {
            malformed(whole.clone().line(7, |line| line.replacen(from, to, 1)));
        }
        malformed(whole.clone().line(7, |_| format!("{NAME}\r\n")));
        malformed(whole.clone().line(7, |_| format!("{NAME}AAAA\r\n")));
        let bare = whole.clone().line(7, |line| line.replace("\r\n", "\n\r\n"));
        bare.is_refused(is_framing);
    }
}

#[test]
fn r30_a_signed_trailer_needs_its_signature() {
    let flipped = |line: &str| {
        line.replace("\r\n", "")
            .chars()
            .rev()
            .enumerate()
            .map(|(at, c)| if at == 0 { if c == '0' { '1' } else { '0' } } else { c })
            .collect::<String>()
            .chars()
            .rev()
            .collect::<String>()
            + "\r\n"
    };
    answers(&with_trailer().line(8, flipped).is_refused(is_mismatch), 403, "SignatureDoesNotMatch");
    with_trailer().parts(|parts| drop(parts.remove(8))).is_refused(is_trailer);
    with_trailer().parts(|parts| parts.swap(7, 8)).is_refused(is_trailer);
    with_trailer().parts(|parts| parts.insert(8, parts[8].clone())).is_refused(is_trailer);
    for (from, to) in [("x-amz-trailer-signature:", "x-amz-trailer-signature: "), ("x-amz", "X-Amz"), ("\r\n", "0\r\n")]
    {
        with_trailer().line(8, |line| line.replacen(from, to, 1)).is_refused(is_trailer);
    }
    // The right checksum of another body, as the key's holder signed it for that one.
    let mut other = body(20_000);
    other[19_999] ^= 1;
    let request = Request::new("PUT", ORIGIN, REGION, "s3").unwrap().path("/cat.jpg");
    let other = Arriving::new(&key(), &request.stream(small().trailer(Checksum::Sha256)), HOST, &other, now());
    let theirs = parts(&other.framed);
    with_trailer().parts(|parts| parts.splice(7..9, theirs[7..9].to_vec()).for_each(drop)).is_refused(is_mismatch);
    // A trailer of an unsigned stream has none, and must not.
    let signature = parts(&with_trailer().framed)[8].clone();
    unsigned().parts(|parts| parts.insert(8, signature)).is_refused(is_trailer);
}

#[test]
fn r30_the_checksum_is_that_of_the_body() {
    use base64ct::Encoding;
    // Signed by whoever has the key, and wrong all the same.
    let zero = base64ct::Base64::encode_string(&[0; 32]);
    let wrong = with_trailer().parts(|parts| {
        use sha2::Digest;
        let date = now().amz_date();
        let scope = format!("{}/{REGION}/s3/aws4_request", &date[..8]);
        let line = format!("x-amz-checksum-sha256:{zero}");
        let previous = String::from_utf8(parts[6].clone()).unwrap();
        let previous = previous.trim_end().rsplit('=').next().unwrap().to_owned();
        let digest = hex::encode(sha2::Sha256::digest(format!("{line}\n")));
        let text = format!("AWS4-HMAC-SHA256-TRAILER\n{date}\n{scope}\n{previous}\n{digest}");
        parts[7] = format!("{line}\r\n").into_bytes();
        parts[8] = format!("x-amz-trailer-signature:{}\r\n", hmac(&scope, &text)).into_bytes();
    });
    answers(&wrong.is_refused(is_not("x-amz-checksum-sha256")), 400, "BadDigest");
    // Nothing else vouches for an unsigned body.
    let wrong = unsigned().line(7, |_| format!("x-amz-checksum-sha256:{zero}\r\n"));
    answers(&wrong.is_refused(is_not("x-amz-checksum-sha256")), 400, "BadDigest");
    for chunk in [1, 3, 5] {
        unsigned().parts(|parts| parts[chunk][5] ^= 1).is_refused(is_not("x-amz-checksum-sha256"));
    }
    unsigned().parts(|parts| parts.swap(1, 3)).is_refused(is_not("x-amz-checksum-sha256"));
    // Another cut of the same bytes is the same body: nothing signs the cut.
    let request = Request::new("PUT", ORIGIN, REGION, "s3").unwrap().path("/cat.jpg");
    let stream = Stream::unsigned(20_000, Checksum::Sha256);
    let other = Arriving::new(&key(), &request.stream(stream), HOST, &body(20_000), now());
    assert_eq!(unsigned().framed(other.framed).read(), Ok(body(20_000)));
}

#[test]
fn r30_what_is_announced_is_one_checksum_that_is_computed_here() {
    let announce = |mode, trailers: &[&str]| {
        let mut headers = vec![(LENGTH, "0")];
        headers.extend(trailers.iter().map(|name| (TRAILER, *name)));
        Arriving::announcing(mode, &headers).head(&lenient()).map(|_| ())
    };
    for mode in [StreamMode::SignedTrailer, StreamMode::UnsignedTrailer] {
        assert_eq!(announce(mode, &["x-amz-checksum-sha256"]), Ok(()));
        assert_eq!(announce(mode, &["X-Amz-Checksum-SHA256"]), Ok(()));
        assert_eq!(announce(mode, &[]), Err(VerifyError::FieldCount { field: TRAILER, found: 0 }));
        let twice = announce(mode, &["x-amz-checksum-sha256", "x-amz-checksum-sha256"]);
        assert_eq!(twice, Err(VerifyError::FieldCount { field: TRAILER, found: 2 }));
        for name in [
            "",
            "x-amz-acl",
            "x-amz-checksum-md5",
            "x-amz-checksum-sha256,x-amz-checksum-crc32",
            "x-amz-checksum-sha256,",
            "x-amz-trailer-signature",
        ] {
            assert!(is_mode(&announce(mode, &[name]).unwrap_err()), "{name}");
        }
        for (name, is_known) in [
            ("x-amz-checksum-crc32", cfg!(feature = "checksums")),
            ("x-amz-checksum-crc32c", cfg!(feature = "checksums")),
            ("x-amz-checksum-crc64nvme", cfg!(feature = "checksums")),
            ("x-amz-checksum-sha1", cfg!(feature = "legacy")),
        ] {
            assert_eq!(announce(mode, &[name]).is_ok(), is_known, "{name}");
        }
        // A second checksum beside the trailer would leave open which of the two is the body's.
        let beside = [(LENGTH, "0"), (TRAILER, "x-amz-checksum-sha256"), ("x-amz-checksum-crc32", "AAAAAA==")];
        let error = Arriving::announcing(mode, &beside).head(&lenient()).unwrap_err();
        assert!(matches!(error, VerifyError::FieldForm { field: TRAILER, .. }), "{error:?}");
        answers(&error, 400, "InvalidRequest");
    }
    // And nothing is announced where nothing follows.
    let error = announce(StreamMode::Signed, &["x-amz-checksum-sha256"]).unwrap_err();
    assert!(matches!(error, VerifyError::FieldForm { field: TRAILER, .. }), "{error:?}");
    assert_eq!(announce(StreamMode::Signed, &[]), Ok(()));
}

#[test]
fn r53_what_is_asked_for_is_checked_before_it_is_signed() {
    let request = || Request::new("PUT", ORIGIN, REGION, "s3").unwrap().path("/cat.jpg").stream(small());
    let sign = |request: Request| key().sign_headers(&request, now()).map(|_| ());
    assert_eq!(sign(request()), Ok(()));
    assert_eq!(sign(request().header("content-encoding", "gzip")), Ok(()));
    let framed = small().framed_length().to_string();
    assert_eq!(sign(request().header("content-length", framed.as_str())), Ok(()));
    assert!(sign(request().header("content-length", "20000")).is_err());
    assert!(sign(request().header("content-encoding", "aws-chunked")).is_err());
    // A hash of the whole body would be dropped; an unsigned one promises nothing.
    assert!(sign(request().payload(valet_key::aws::Payload::Empty)).is_err());
    assert!(sign(request().payload(valet_key::aws::Payload::Sha256([0; 32]))).is_err());
    assert_eq!(sign(request().payload(valet_key::aws::Payload::Unsigned)), Ok(()));
    assert!(sign(request().stream(Stream::signed(u64::MAX))).is_err());
    for name in [LENGTH, TRAILER] {
        assert_eq!(sign(request().header(name, "1")), Err(IssueError::Reserved { name: name.to_owned() }));
    }
    let sqs = Request::new("POST", ORIGIN, REGION, "sqs").unwrap().with_content_sha256().stream(small());
    assert!(matches!(sign(sqs), Err(IssueError::Invalid { what: "stream", .. })));
    // Chunks have the size that was announced, and the body the length.
    let body = body(20_000);
    let signer = || key().sign_headers(&request(), now()).unwrap().chunk_signer().unwrap();
    for wrong in [0, 1, 8191, 8193, 20_000] {
        assert!(signer().chunk(&key(), &body[..wrong]).is_err(), "{wrong}");
    }
    assert!(signer().finish(&key()).is_err());
    assert!(signer().chunk_unsigned(&body[..8192]).is_err());
    assert!(signer().finish_unsigned().is_err());
    let plain = Request::new("PUT", ORIGIN, REGION, "s3").unwrap();
    assert!(key().sign_headers(&plain, now()).unwrap().chunk_signer().is_none());
}

#[test]
fn r29_a_chunk_that_nobody_settled_ends_no_body() {
    let sent = signed();
    let mut reader = sent.head(&lenient()).unwrap();
    let mut rest = &sent.framed[..];
    assert!(matches!(reader.chunks.step(&mut rest), Ok(ChunkStep::Sign(_))));
    assert!(matches!(reader.chunks.finish(), Err(VerifyError::Framing { .. })));
}

#[test]
fn a_signer_of_chunks_keeps_to_its_mode_and_its_end() {
    let chunks = |stream: Stream| {
        let request = Request::new("PUT", ORIGIN, REGION, "s3").unwrap().path("/cat.jpg").stream(stream);
        key().sign_headers(&request, now()).unwrap().chunk_signer().unwrap()
    };
    assert!(chunks(small()).prepare(&body(8192)).is_ok());
    let unsigned = Stream::unsigned(20_000, Checksum::Sha256).chunk_size(8192).unwrap();
    assert!(chunks(unsigned).prepare(&body(8192)).is_err());
    assert!(chunks(small().trailer(Checksum::Sha256)).prepare_trailer().is_err());
}

#[test]
fn a_header_of_any_length_is_none_of_the_stream() {
    let (length, trailer) = ("a".repeat(LENGTH.len()), "b".repeat(TRAILER.len()));
    let sent = with_trailer().header(&length, "1").header(&trailer, "x-amz-checksum-crc32");
    assert_eq!(sent.read().as_deref(), Ok(&body(20_000)[..]));
}

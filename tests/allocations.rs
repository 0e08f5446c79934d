//! Warm signing and every verdict on a request that was signed locally run without an allocation.
//!
//! The counting allocator is that of the `allocation-counter` crate, since an allocator of our own would
//! need `unsafe`.

use allocation_counter::measure;
use std::hint::black_box;
use valet_key::aws::{
    Checksum, ChunkVerifier, Credential, Endpoint, Expect, ExpectForm, FormView, HeaderSigner, KeyRing, Payload, Plus,
    PostPolicy, Presented, PresentedForm, Presigner, Region, Request, Scope, SigV4, SignedHeaders, StaticKey, Stream,
    UrlRequest, Verifier,
};
use valet_key::clock::Timestamp;
use valet_key::error::VerifyError;
use valet_key::grant::Grant;
use valet_key::view::RequestView;

const REGION: &str = "eu-west-1";
const HOST: &str = "photos.s3.eu-west-1.amazonaws.com";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn key() -> StaticKey {
    StaticKey::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").unwrap()
}

fn verifier() -> Verifier {
    Verifier::new(KeyRing::new().with(key()), Expect::new(REGION, "s3"))
}

fn temporary() -> StaticKey {
    let credential = Credential::new("AKIAIOSFODNN7EXAMPLE").unwrap().with_session_token("t".repeat(1000)).unwrap();
    StaticKey::from_credential(credential, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").unwrap()
}

/// The signature of another request, in the right form.
fn forge(target: &str) -> String {
    format!("{}{}", &target[..target.len() - 1], u8::from(target.ends_with('0')))
}

#[track_caller]
fn allocates_nothing(what: &str, mut f: impl FnMut()) {
    let count = measure(&mut f).count_total;
    assert_eq!(count, 0, "{what}");
}

fn presigned(name: &str) -> String {
    let url = key().presign(&UrlRequest::s3(&Grant::read("photos", name), REGION).unwrap(), now()).unwrap();
    url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned()
}

#[test]
fn the_counter_counts() {
    assert!(measure(|| drop(black_box(vec![1u8; 10]))).count_total > 0);
}

#[test]
fn presigning_into_a_warm_buffer_allocates_nothing() {
    let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
    let mut presigner = Presigner::new(key(), &endpoint, &Grant::read("photos", "x")).unwrap();
    let mut url = String::new();
    presigner.presign_into("2026/a name with blanks.jpg", now(), &mut url).unwrap();
    allocates_nothing("the same second", || {
        presigner.presign_into("2026/cat.jpg", now(), &mut url).unwrap();
        presigner.presign_into("2026/b c.jpg", now(), &mut url).unwrap();
    });
    allocates_nothing("the next second", || {
        presigner.presign_into("2026/cat.jpg", now().saturating_add(1), &mut url).unwrap();
    });
    allocates_nothing("a thousand seconds", || {
        for second in 0..1000 {
            presigner.presign_into("2026/cat.jpg", now().saturating_add(second), &mut url).unwrap();
        }
    });
    allocates_nothing("an object that is refused", || {
        assert!(presigner.presign_into("a/../b", now(), &mut url).is_err());
    });
    let single = UrlRequest::at(&endpoint, &Grant::read("photos", "2026/cat.jpg")).unwrap();
    presigner.presign_into("2026/cat.jpg", now(), &mut url).unwrap();
    assert_eq!(url, key().presign(&single, now()).unwrap().expose());
}

#[test]
fn presigning_with_a_session_token_into_a_warm_buffer_allocates_nothing() {
    let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
    let mut presigner = Presigner::new(temporary(), &endpoint, &Grant::read("photos", "x")).unwrap();
    let mut url = String::new();
    presigner.presign_into("2026/cat.jpg", now(), &mut url).unwrap();
    allocates_nothing("this second and the next", || {
        for second in 0..2 {
            presigner.presign_into("2026/cat.jpg", now().saturating_add(second), &mut url).unwrap();
        }
    });
}

#[test]
fn part_urls_into_a_warm_buffer_allocate_nothing_from_one_part_to_the_next() {
    let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
    let part = |number| Grant::upload_part("photos", "2026/b c.mp4", "upload/1", number).exact_size(8 << 20);
    let mut presigner = Presigner::new(temporary(), &endpoint, &part(1)).unwrap();
    let mut urls = presigner.part_urls("2026/b c.mp4", "upload/1", 1..=10_000, now()).unwrap();
    // The first URL takes the buffer, of which five digits may need more than one.
    assert!((0..3).all(|_| measure(|| drop(urls.next_url())).count_total <= 1));
    let longest = measure(|| while urls.next_url().is_some_and(|(part, url)| url.is_ok() && part < 9_999) {});
    assert!(longest.count_total <= 1, "{longest:?}");
    let single = UrlRequest::at(&endpoint, &part(10_000)).unwrap();
    let single = temporary().presign(&single, now()).unwrap();
    allocates_nothing("the last part", || {
        let (part, url) = urls.next_url().unwrap();
        assert_eq!((part, url.unwrap()), (10_000, single.expose()));
        assert!(urls.next_url().is_none());
    });
}

#[test]
fn urls_for_many_names_allocate_one_buffer_for_all_of_them() {
    let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
    let mut presigner = Presigner::new(temporary(), &endpoint, &Grant::read("photos", "x")).unwrap();
    // Names of one length, one of which is refused.
    let names: Vec<String> = (0..1000).map(|n| format!("a b/{n:04}.ts")).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names[500] = "a b/../c.ts";
    let mut urls = presigner.presign_many_under("42/", names.iter(), now()).unwrap();
    assert!(urls.next_url().unwrap().1.is_ok(), "the buffer is there");
    let (mut made, mut refused) = (0, 0);
    allocates_nothing("every name", || {
        while let Some((_, url)) = urls.next_url() {
            *(if url.is_ok() { &mut made } else { &mut refused }) += 1;
        }
    });
    assert_eq!((made, refused), (998, 1));
}

#[test]
fn a_url_of_its_own_takes_one_allocation() {
    let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
    let mut presigner = Presigner::new(key(), &endpoint, &Grant::read("photos", "x")).unwrap();
    presigner.presign("2026/cat.jpg", now()).unwrap();
    let info = measure(|| drop(black_box(presigner.presign("2026/cat.jpg", now()).unwrap())));
    assert_eq!(info.count_total, 1, "{info:?}");
    let info = measure(|| {
        presigner.presign_into("2026/cat.jpg", now(), black_box(&mut String::new())).unwrap();
    });
    assert_eq!(info.count_total, 1, "{info:?}");
    let mut urls = presigner.presign_many(["2026/cat.jpg"; 9], now()).unwrap();
    urls.next();
    let info = measure(|| assert_eq!(urls.by_ref().filter(|(_, url)| url.is_ok()).count(), 8));
    assert_eq!(info.count_total, 8, "{info:?}");
}

#[test]
fn signing_headers_into_a_warm_buffer_allocates_nothing() {
    let mut signer = HeaderSigner::new(key(), REGION, "s3").unwrap();
    let lines: [(&str, &[u8]); 3] =
        [("host", HOST.as_bytes()), ("X-Amz-Meta-A", b" a  b "), ("content-type", b"image/png")];
    let mut authorization = String::new();
    let mut sign =
        |at| signer.sign_into("PUT", "/cat.jpg?a=1", &lines, Payload::Empty, at, &mut authorization).unwrap();
    sign(now());
    allocates_nothing("the same second", || sign(now()));
    allocates_nothing("the next second", || sign(now().saturating_add(1)));
    allocates_nothing("a thousand seconds", || (0..1000).for_each(|second| sign(now().saturating_add(second))));
}

#[test]
fn a_verdict_allocates_nothing() {
    let verifier = verifier();
    let host = [("host", HOST.as_bytes())];
    let target = presigned("2026/cat.jpg");
    let forged = forge(&target);
    // The same parameters in another order, so that they have to be sorted.
    let (path, query) = target.split_once('?').unwrap();
    let reversed = format!("{path}?{}", query.split('&').rev().collect::<Vec<_>>().join("&"));
    let check = |target: &str, at| verifier.verify(&RequestView::new("GET", target, &host), at).map(|_| ()).is_ok();
    // The first acceptance keeps the derived key.
    assert!(check(&target, now()));
    allocates_nothing("accepted", || assert!(check(&target, now())));
    allocates_nothing("accepted, unsorted", || assert!(check(&reversed, now())));
    allocates_nothing("wrong signature", || assert!(!check(&forged, now())));
    allocates_nothing("expired", || assert!(!check(&target, now().saturating_add(901))));
    allocates_nothing("not signed", || assert!(!check("/cat.jpg", now())));
}

/// What an unknown key costs must not tell which ids exist, neither in a ring that has just begun nor in
/// one that has accepted a request today. Allocations stand for the work: deriving a key makes one.
#[test]
fn r25_an_unknown_key_costs_what_a_wrong_signature_costs() {
    let host = [("host", HOST.as_bytes())];
    let target = presigned("2026/cat.jpg");
    let forged = forge(&target);
    let unknown = target.replace("AKIAIOSFODNN7EXAMPLE", "AKIAUNKNOWN");
    for empty in [KeyRing::new, KeyRing::default] {
        let judge = || Verifier::new(empty().with(key()), Expect::new(REGION, "s3"));
        let check =
            |judge: &Verifier, target: &str| judge.verify(&RequestView::new("GET", target, &host), now()).map(|_| ());
        let cost = |judge: &Verifier, target: &str| measure(|| assert!(check(judge, target).is_err())).count_total;
        let (cold, other) = (judge(), judge());
        assert_eq!(check(&judge(), &unknown), Err(VerifyError::UnknownKey));
        assert_eq!(cost(&cold, &unknown), cost(&other, &forged), "in a new ring");
        let warm = judge();
        assert_eq!(check(&warm, &target), Ok(()));
        // Whatever is made once is made by now.
        assert!(check(&warm, &forged).is_err() && check(&warm, &unknown).is_err());
        assert_eq!(cost(&warm, &unknown), cost(&warm, &forged), "after a request was accepted");
    }
}

#[test]
fn a_verdict_on_signed_headers_allocates_nothing() {
    let verifier = verifier();
    let request = Request::new("PUT", &format!("https://{HOST}"), REGION, "s3").unwrap().path("/cat.jpg");
    let signed = key().sign_headers(&request.header("x-amz-meta-a", "1"), now()).unwrap();
    let mut lines: Vec<(&str, &[u8])> = vec![("host", HOST.as_bytes()), ("x-amz-meta-a", b"1")];
    lines.extend(signed.expose().map(|(name, value)| (name, value.as_bytes())));
    let check =
        |method: &str| verifier.verify(&RequestView::new(method, "/cat.jpg", &lines), now()).map(|_| ()).is_ok();
    assert!(check("PUT"));
    allocates_nothing("accepted", || assert!(check("PUT")));
    allocates_nothing("wrong signature", || assert!(!check("POST")));
    let at = |at| verifier.verify(&RequestView::new("PUT", "/cat.jpg", &lines), at).map(|_| ());
    allocates_nothing("too old", || assert!(matches!(at(now().saturating_add(901)), Err(VerifyError::Skewed { .. }))));
    let unsigned = &lines[..2];
    allocates_nothing("not signed", || {
        let verdict = verifier.verify(&RequestView::new("PUT", "/cat.jpg?a=1", unsigned), now()).map(|_| ());
        assert_eq!(verdict, Err(VerifyError::NotSigned));
    });
    allocates_nothing("two mechanisms", || {
        let verdict = verifier.verify(&RequestView::new("PUT", "/cat.jpg?Signature=a", &lines), now()).map(|_| ());
        assert!(matches!(verdict, Err(VerifyError::TwoMechanisms { .. })));
    });
}

/// A session token in a query is decoded to be compared, once the signature was right.
#[test]
fn a_session_token_is_compared_within_twice_its_length() {
    let judge = Verifier::new(KeyRing::new().with(temporary()), Expect::new(REGION, "s3"));
    let host = [("host", HOST.as_bytes())];
    let request = UrlRequest::s3(&Grant::read("photos", "cat.jpg"), REGION).unwrap();
    let url = temporary().presign(&request, now()).unwrap();
    let target = url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned();
    let forged = forge(&target);
    let check = |target: &str| judge.verify(&RequestView::new("GET", target, &host), now()).is_ok();
    assert!(check(&target));
    allocates_nothing("wrong signature", || assert!(!check(&forged)));
    let info = measure(|| assert!(check(&target)));
    assert!(info.bytes_max <= 2 * 1024 + 1024 && info.count_current == 0, "{info:?}");
    let request = Request::new("GET", &format!("https://{HOST}"), REGION, "s3").unwrap();
    let signed = temporary().sign_headers(&request, now()).unwrap();
    let mut lines: Vec<(&str, &[u8])> = vec![("host", HOST.as_bytes())];
    lines.extend(signed.expose().map(|(name, value)| (name, value.as_bytes())));
    allocates_nothing("in a header", || {
        assert!(judge.verify(&RequestView::new("GET", "/", &lines), now()).is_ok());
    });
}

/// The keys derived from a secret are few, however many days are asked for.
#[test]
fn kept_keys_are_bounded() {
    // Less than 300 bytes for each of ten, in a deque that grows by doubling.
    const BOUND: i64 = 16 * 300;
    let host = [("host", HOST.as_bytes())];
    let request = UrlRequest::s3(&Grant::read("photos", "cat.jpg"), REGION).unwrap();
    let targets: Vec<(Timestamp, String)> = (0..200)
        .map(|day| {
            let at = now().saturating_add(day * 86_400);
            let url = key().presign(&request, at).unwrap();
            (at, url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned())
        })
        .collect();
    let forged: Vec<(Timestamp, String)> = targets.iter().map(|(at, target)| (*at, forge(target))).collect();
    for (targets, accepted) in [(&targets, true), (&forged, false)] {
        let judge = verifier();
        let info = measure(|| {
            for (at, target) in targets {
                assert_eq!(judge.verify(&RequestView::new("GET", target, &host), *at).is_ok(), accepted);
            }
        });
        // The key's and those of the decoy, which costs what the key costs.
        assert!(info.bytes_current <= 2 * BOUND, "verifying: {info:?}");
    }
    let holder = key();
    let info = measure(|| {
        for (at, _) in &targets {
            holder.presign(&request, *at).unwrap();
        }
    });
    assert!(info.bytes_current <= BOUND, "signing: {info:?}");
}

/// Every key of ten thousand days, regions and services is derived and used; the room is that of ten. A million are kept and
/// forgotten in the unit test of the cache itself.
#[test]
fn ten_thousand_scopes_take_no_more_room_than_ten() {
    let holder = key();
    let prepared = UrlRequest::s3(&Grant::read("photos", "cat.jpg"), REGION).unwrap();
    let prepared = prepared.prepare(holder.credential(), now()).unwrap();
    let info = measure(|| {
        for number in 0..10_000u32 {
            let at = now().saturating_add(number % 1000 * 86_400);
            let scope = Scope::new(at, &format!("region-{}", number % 97), &format!("service-{number}")).unwrap();
            holder.sign(&scope, prepared.string_to_sign()).unwrap();
        }
    });
    assert!(info.bytes_current <= 16 * 300 && info.bytes_max <= 16 * 300 + 512, "{info:?}");
}

#[test]
fn a_verdict_at_the_edge_allocates_nothing() {
    let edge = key().derive_scoped(&Scope::new(now(), REGION, "s3").unwrap());
    let expect = Expect::new(REGION, "s3");
    let target = presigned("2026/cat.jpg");
    let host = [("host", HOST.as_bytes())];
    allocates_nothing("accepted", || {
        let presented = Presented::parse(&RequestView::new("GET", &target, &host)).unwrap();
        assert!(edge.verify(presented, &expect, now()).is_ok());
    });
}

/// A presigned request with as many parameters and header lines as the limits allow, in the worst order and
/// spelling. What is appended stands before the signature, which is wrong.
fn hostile(more: &str) -> (String, Vec<(String, Vec<u8>)>) {
    let params: Vec<String> = (0..250).rev().map(|at| format!("%41{at}=%7e%7E{more}")).collect();
    let target = format!("{}&{}", params.join("&"), presigned("cat.jpg").split_once('?').unwrap().1);
    let names = (0..127).rev().map(|at| (format!("X-{at}"), b"  a  \t b  ".to_vec()));
    let lines = std::iter::once(("Host".to_owned(), HOST.into())).chain(names).collect();
    (format!("/cat.jpg?{}", forge(&target)), lines)
}

/// The bound: nothing for the request itself, two for a key that is derived for it, and for its refusal the names that
/// it tells, of which each is cut at 64 bytes.
#[test]
fn a_hostile_request_allocates_no_more_than_its_refusal_tells() {
    let judge = verifier();
    for (more, plus, expected) in [
        ("", Plus::Refuse, VerifyError::SignatureMismatch),
        ("+", Plus::Refuse, VerifyError::AmbiguousPlus),
        ("+", Plus::Literal, VerifyError::SignatureMismatch),
        ("+", Plus::Blank, VerifyError::SignatureMismatch),
    ] {
        let judge = Verifier::new(KeyRing::new().with(key()), Expect::new(REGION, "s3").plus(plus));
        let warm = presigned("cat.jpg");
        assert!(judge.verify(&RequestView::new("GET", &warm, &[("host", HOST.as_bytes())]), now()).is_ok());
        let (target, lines) = hostile(more);
        assert!(target.split('&').count() == 256 && lines.len() == 128);
        let lines: Vec<(&str, &[u8])> = lines.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let view = RequestView::new("GET", &target, &lines);
        allocates_nothing("with every limit reached", || {
            assert_eq!(judge.verify(black_box(&view), now()).map(|_| ()), Err(expected.clone()));
        });
    }
    let long = "a".repeat(16_000);
    let unsigned = format!("x-amz-{long}");
    let target = presigned("cat.jpg");
    for (target, line) in [
        (target.clone(), (unsigned.as_str(), "a")),
        (target.replace("SignedHeaders=host", &format!("SignedHeaders=host%3B{}", &long[..8_000])), ("x", "a")),
        (target.replace("eu-west-1", &"a".repeat(40)), ("x", "a")),
        (target.replace("=AKIA", &format!("=%41%4B{}", "I".repeat(80))), ("x", "a")),
        (format!("{target}&{}", long.get(..15_000).unwrap()), ("x", &long)),
        (format!("{target}&{}", "%41=%4".repeat(1000)), ("x", &long)),
    ] {
        let lines = [("host", HOST.as_bytes()), (line.0, line.1.as_bytes())];
        let view = RequestView::new("GET", &target, &lines);
        let info = measure(|| assert!(judge.verify(black_box(&view), now()).is_err()));
        assert!(info.count_total <= 7 && info.bytes_total <= 512 && info.count_current == 0, "{info:?}");
    }
}

/// The bound where the service normalises: one list of segments, which doubles as it grows, and one path.
#[test]
fn a_hostile_path_allocates_no_more_than_three_times_its_segments() {
    let judge = Verifier::new(KeyRing::new().with(key()), Expect::new(REGION, "execute-api").allow_dot_segments());
    let request = Request::new("GET", &format!("https://{HOST}"), REGION, "execute-api").unwrap().path("/cat.jpg");
    let url = key().presign(&UrlRequest::new(request), now()).unwrap();
    let target = url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap();
    let host = [("host", HOST.as_bytes())];
    assert!(judge.verify(&RequestView::new("GET", target, &host), now()).is_ok());
    for path in
        ["/a".repeat(7_000), "//./..".repeat(2_300), format!("{}/", "/%61/..".repeat(2_000)), "/".repeat(14_000)]
    {
        let hostile = target.replacen("/cat.jpg", &path, 1);
        let view = RequestView::new("GET", &hostile, &host);
        let info = measure(|| {
            assert_eq!(judge.verify(black_box(&view), now()).map(|_| ()), Err(VerifyError::SignatureMismatch));
        });
        let segments = path.split('/').count() * size_of::<&str>();
        assert!(info.bytes_total <= (3 * segments + path.len() + 128) as u64, "{info:?} for {} bytes", path.len());
        assert!(info.count_total <= 24 && info.count_current == 0, "{info:?}");
    }
}

/// A framed body, and a reader for it.
fn chunked(stream: Stream) -> (Vec<u8>, ChunkVerifier) {
    let request = Request::new("PUT", &format!("https://{HOST}"), REGION, "s3").unwrap().path("/k").stream(stream);
    let signed = key().sign_headers(&request, now()).unwrap();
    let data = vec![b'a'; 1 << 17];
    let (holder, mut chunks, mut framed) = (key(), signed.chunk_signer().unwrap(), Vec::new());
    while chunks.next_length() > 0 {
        let data = &data[..chunks.next_length()];
        let frame = chunks.chunk(&holder, data).unwrap();
        framed.extend([frame.before(), data, frame.after()].concat());
    }
    framed.extend(chunks.finish(&holder).unwrap());
    (framed, reader(&signed))
}

/// A reader for a body of that length, which nobody has sent yet.
fn announced(length: u64) -> ChunkVerifier {
    let stream = Stream::signed(length).chunk_size(16 << 20).unwrap();
    let request = Request::new("PUT", &format!("https://{HOST}"), REGION, "s3").unwrap().path("/k").stream(stream);
    reader(&key().sign_headers(&request, now()).unwrap())
}

fn reader(signed: &SignedHeaders) -> ChunkVerifier {
    let mut lines: Vec<(&str, &[u8])> = vec![("host", HOST.as_bytes())];
    lines.extend(signed.expose().map(|(name, value)| (name, value.as_bytes())));
    let judge = Verifier::new(KeyRing::new().with(key()), Expect::new(REGION, "s3").allow_streams());
    let verified = judge.verify(&RequestView::new("PUT", signed.target(), &lines), now()).unwrap();
    verified.chunks().unwrap()
}

#[test]
fn a_chunk_is_framed_without_an_allocation() {
    let stream = Stream::signed(1 << 20).trailer(Checksum::Sha256);
    let request = Request::new("PUT", &format!("https://{HOST}"), REGION, "s3").unwrap().path("/k").stream(stream);
    let mut chunks = key().sign_headers(&request, now()).unwrap().chunk_signer().unwrap();
    let holder = key();
    let data = vec![b'a'; chunks.next_length()];
    // The first one keeps the derived key.
    chunks.chunk(&holder, &data).unwrap();
    allocates_nothing("fifteen chunks", || {
        while chunks.next_length() > 0 {
            black_box(chunks.chunk(&holder, &data).unwrap());
        }
    });
    let info = measure(|| drop(black_box(chunks.finish(&holder).unwrap())));
    assert!(info.count_total <= 8 && info.bytes_total <= 2048, "{info:?}");
}

#[test]
fn chunks_that_arrive_whole_are_handed_out_where_they_stand() {
    let (framed, mut chunks) = chunked(Stream::signed(1 << 20));
    let mut rest = &framed[..];
    allocates_nothing("sixteen chunks", || {
        let mut bytes = 0;
        while let Some(data) = chunks.next(&mut rest).unwrap() {
            bytes += data.len();
        }
        assert_eq!(bytes, 1 << 20);
    });
    assert_eq!(chunks.finish(), Ok(()));
}

/// The bound: one chunk, whose room doubles as it arrives and is used again for the next.
#[test]
fn a_chunk_that_arrives_in_pieces_is_held_once() {
    let (framed, mut chunks) = chunked(Stream::signed(1 << 20));
    let mut take = |framed: &[u8]| {
        for piece in framed.chunks(1000) {
            let mut piece = piece;
            while chunks.next(&mut piece).unwrap().is_some() {}
        }
    };
    let first = framed.len() / 8;
    let info = measure(|| take(&framed[..first]));
    assert!(info.bytes_current <= 1 << 16 && info.bytes_max <= 2 << 16 && info.count_total <= 16, "{info:?}");
    allocates_nothing("every chunk behind it", || take(&framed[first..]));
    assert_eq!(chunks.finish(), Ok(()));
}

/// What a peer announces costs nothing before it arrives, and what it sends is bounded.
#[test]
fn a_hostile_body_allocates_no_more_than_has_arrived() {
    let chunks = announced(1 << 30);
    let head = format!("1000000;chunk-signature={}\r\n", "0".repeat(64));
    let mut announced = chunks.clone();
    allocates_nothing("16 MiB announced", || {
        assert!(matches!(announced.next(&mut head.as_bytes()), Ok(None)));
    });
    let info = measure(|| {
        for _ in 0..100 {
            assert!(matches!(announced.next(&mut &[b'a'; 1000][..]), Ok(None)));
        }
    });
    assert!(info.bytes_current <= 2 * 100_000, "{info:?}");
    let mut endless = chunks.clone();
    let line = vec![b'1'; 100_000];
    let info = measure(|| {
        assert!(matches!(endless.next(&mut &line[..]), Err(VerifyError::TooLarge { .. })));
        assert!(endless.next(&mut &line[..]).is_err());
    });
    assert!(info.bytes_total <= 512, "{info:?}");
}

/// The bound: its names in lower case with the list of them, and the policy to be signed. What the policy says is not
/// read before its signature is right.
#[test]
fn a_hostile_form_allocates_no_more_than_its_names_and_its_policy() {
    let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
    let form = PostPolicy::new(&endpoint, "photos", "cat.jpg").unwrap().size(0..=9).sign(&key(), now()).unwrap();
    let policy = "W1tb".repeat(3_000);
    let names: Vec<String> = (0..90).rev().map(|at| format!("x-ignore-{at}-{}", "a".repeat(30))).collect();
    let mut fields: Vec<(&str, &str)> = form.fields().filter(|(name, _)| *name != "policy").collect();
    fields.extend(names.iter().map(|name| (name.as_str(), "${filename}")));
    fields.push(("policy", &policy));
    let ring = KeyRing::new().with(key());
    let expect = ExpectForm::new(REGION);
    let check = || {
        let view = FormView::new("photos", black_box(&fields)).file_name("cat.jpg");
        ring.verify_form(PresentedForm::parse(&view)?, &expect, now()).map(|_| ())
    };
    assert_eq!(check(), Err(VerifyError::SignatureMismatch));
    let info = measure(|| drop(check()));
    let names: usize = fields.iter().map(|(name, _)| name.len() + size_of::<String>()).sum();
    // The list of names is grown once, and a key of the ring is lent its id and region.
    assert!(info.bytes_total <= (2 * names + policy.len() + 256) as u64, "{info:?}");
    assert!(info.count_total <= fields.len() as u64 + 16 && info.count_current == 0, "{info:?}");
}

#[cfg(feature = "gcs")]
mod gcs {
    use super::{allocates_nothing, now};
    use valet_key::error::VerifyError;
    use valet_key::gcs::{Endpoint, Expect, HmacKey, KeyRing, Presigner, Verifier};
    use valet_key::grant::Grant;
    use valet_key::view::RequestView;

    const HOST: &str = "storage.googleapis.com";

    fn key() -> HmacKey {
        HmacKey::new("GOOG1EXAMPLE", "secret").unwrap()
    }

    #[test]
    fn a_signed_url_in_a_used_buffer_allocates_nothing_and_neither_does_a_verdict_on_it() {
        let mut presigner = Presigner::new(key(), &Endpoint::google(), &Grant::read("photos", "any")).unwrap();
        let mut url = String::new();
        presigner.presign_into("2026/cat.jpg", now(), &mut url).unwrap();
        allocates_nothing("issue", || {
            presigner.presign_into("2026/dog.jpg", now(), &mut url).unwrap();
        });
        let info = allocation_counter::measure(|| drop(presigner.presign("2026/dog.jpg", now()).unwrap()));
        assert_eq!(info.count_total, 1, "{info:?}");
        let mut urls = presigner.presign_many(["2026/cat.jpg", "", "2026/dog.jpg"], now()).unwrap();
        urls.next_url();
        allocates_nothing("more names", || {
            assert!(urls.next_url().unwrap().1.is_err() && urls.next_url().unwrap().1.is_ok());
        });

        let target = url.strip_prefix("https://storage.googleapis.com").unwrap().to_owned();
        let verifier = Verifier::new(KeyRing::new().with(key()), Expect::new().host(HOST));
        let host = [("host", HOST.as_bytes())];
        let check =
            |method: &str, target: &str, at| verifier.verify(&RequestView::new(method, target, &host), at).map(|_| ());
        assert_eq!(check("GET", &target, now()), Ok(()));
        allocates_nothing("accepted", || assert_eq!(check("GET", &target, now()), Ok(())));
        allocates_nothing("another method", || {
            assert_eq!(check("PUT", &target, now()), Err(VerifyError::SignatureMismatch));
        });
        let unknown = target.replace("GOOG1EXAMPLE", "GOOG1UNKNOWN");
        assert_eq!(check("GET", &unknown, now()), Err(VerifyError::UnknownKey));
        allocates_nothing("unknown key", || {
            assert_eq!(check("GET", &unknown, now()), Err(VerifyError::UnknownKey));
        });
        let late = now().saturating_add(901);
        allocates_nothing("expired", || {
            assert!(matches!(check("GET", &target, late), Err(VerifyError::Expired { .. })));
        });
        let (path, query) = target.split_once('?').unwrap();
        let reversed: Vec<&str> = query.split('&').rev().collect();
        let reversed = format!("{path}?{}", reversed.join("&"));
        allocates_nothing("in another order", || assert_eq!(check("GET", &reversed, now()), Ok(())));
        allocates_nothing("not signed", || assert_eq!(check("GET", path, now()), Err(VerifyError::NotSigned)));
    }
}

#[cfg(feature = "azure")]
mod azure {
    use super::{allocates_nothing, measure, now};
    use std::collections::BTreeMap;
    use valet_key::azure::{
        AccessRule, AccountKey, AccountPermissions, AccountRequest, BlobPermissions, ContainerPermissions, Delegation,
        DirectoryPermissions, Endpoint, Expect, ExpectSharedKey, ExpectToken, FilePermissions, Inline, KeyRange,
        KeyRing, MessagingEntity, MessagingOperation, MessagingSas, PolicyLookup, Presented, PresentedRequest,
        PresentedToken, Presigner, QueuePermissions, ResourceTypes, Right, RuleRing, Sas, Service, ServiceBusKey,
        Services, SharedKeyRequest, Stored, StoredPolicies, StoredPolicy, TablePermissions, TokenRequest, UrlRequest,
        UserDelegationKey, Verifier,
    };
    use valet_key::clock::Timestamp;
    use valet_key::error::VerifyError;
    use valet_key::grant::{Grant, Justification};
    use valet_key::view::RequestView;

    const ACCOUNT: &str = "myaccount";
    const HOST: &str = "myaccount.example";

    fn key() -> AccountKey {
        AccountKey::new(ACCOUNT, "c2VjcmV0").unwrap()
    }

    fn delegated() -> UserDelegationKey {
        let ids = ["11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"];
        let window = ["2023-11-14T22:00:00Z", "2023-11-14T23:00:00Z"];
        let delegation = Delegation::new(ids, window, "b", "2026-04-06").unwrap();
        UserDelegationKey::new(ACCOUNT, delegation, "c2VjcmV0Mg==").unwrap()
    }

    fn why() -> Justification {
        Justification::new("a test").unwrap()
    }

    fn policy() -> StoredPolicy {
        StoredPolicy::new("readers").unwrap().permissions(ContainerPermissions::READ).expiry(now().saturating_add(900))
    }

    fn policies() -> impl PolicyLookup + 'static {
        let mut policies = StoredPolicies::new();
        policies.set(policy()).unwrap();
        BTreeMap::from([("/blob/myaccount/photos".to_owned(), policies)])
    }

    fn verifier(service: Service) -> Verifier {
        let mut ring = KeyRing::new();
        ring.insert(key()).unwrap();
        ring.insert(AccountKey::new(ACCOUNT, "c2Vjb25k").unwrap()).unwrap();
        ring.insert_delegated(delegated(), now()).unwrap();
        Verifier::new(ring, Expect::new(ACCOUNT, service).unwrap().host(HOST)).policies(policies())
    }

    fn target(url: &str) -> String {
        let (_, rest) = url.split_once("://").unwrap();
        rest[rest.find('/').unwrap()..].to_owned()
    }

    /// A request, with what its own token does not allow.
    struct Row {
        name: &'static str,
        service: Service,
        method: &'static str,
        target: String,
        forbidden: &'static str,
        headers: Vec<(String, Vec<u8>)>,
    }

    impl Row {
        fn new(name: &'static str, service: Service, holder: &impl Sas, request: UrlRequest) -> Self {
            let url = holder.issue(&request.because(why()), now()).unwrap();
            let method = match url.method() {
                "GET" => "GET",
                "PUT" => "PUT",
                _ => "POST",
            };
            let headers = url.required_headers().to_vec();
            Self { name, service, method, target: target(url.expose()), forbidden: "DELETE", headers }
        }

        fn at(self, from: &str, to: &str) -> Self {
            assert!(self.target.contains(from), "{from} is not in {}", self.target);
            Self { target: self.target.replacen(from, to, 1), ..self }
        }
    }

    fn rows() -> Vec<Row> {
        let read = || Inline::new(BlobPermissions::READ);
        let blob = || UrlRequest::blob("photos", "2026/a cat.jpg", read()).unwrap();
        let range = KeyRange::new().from("a").from_row("1").to("c").to_row("it's");
        let table = || UrlRequest::table("Users", range.clone(), Inline::new(TablePermissions::READ)).unwrap();
        let directory = UrlRequest::directory("photos", "a/b", Inline::new(DirectoryPermissions::READ)).unwrap();
        let queue = UrlRequest::queue("jobs", Inline::new(QueuePermissions::ADD)).unwrap();
        let file = UrlRequest::file("share", "d/a.txt", Inline::new(FilePermissions::READ)).unwrap();
        let container = UrlRequest::container("photos", Inline::new(ContainerPermissions::LIST)).unwrap();
        let stored = UrlRequest::container("photos", Stored(policy())).unwrap();
        let bound = blob().required_header("x-a", "one").required_header("X-B", "2").required_query("tier", "x:y");
        let account = AccountRequest::new(Services::BLOB, ResourceTypes::OBJECT, AccountPermissions::READ, why());
        let account = account.issue(&key(), now()).unwrap();
        let mut account = Row {
            target: format!("/photos/cat.jpg?{}", account.expose()),
            ..Row::new("account", Service::Blob, &key(), blob())
        };
        account.name = "account SAS";
        vec![
            Row::new("blob", Service::Blob, &key(), blob()),
            Row::new("blob with a header of the answer", Service::Blob, &key(), blob().content_type("text/x; a=b")),
            Row::new("container", Service::Blob, &key(), container)
                .at("/photos?", "/photos?restype=container&comp=list&"),
            Row::new("container with a policy", Service::Blob, &key(), stored).at("/photos?", "/photos/cat.jpg?"),
            Row::new("directory", Service::DataLake, &key(), directory).at("/a/b?", "/a/b/c?"),
            Row::new("file", Service::File, &key(), file),
            Row::new("queue", Service::Queue, &key(), queue),
            Row::new("table", Service::Table, &key(), table()).at("/Users?", "/Users()?"),
            Row::new("entity", Service::Table, &key(), table())
                .at("/Users?", "/users(PartitionKey='c',%20RowKey='it''s')?"),
            Row::new("user delegation", Service::Blob, &delegated(), blob()),
            Row::new("user delegation with what is required", Service::Blob, &delegated(), bound),
            account,
        ]
    }

    #[test]
    fn a_verdict_on_a_shared_access_signature_allocates_nothing() {
        for row in rows() {
            let verifier = verifier(row.service);
            let mut lines: Vec<(&str, &[u8])> = vec![("host", HOST.as_bytes())];
            lines.extend(row.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())));
            let check = |method: &str, target: &str, at| {
                verifier.verify(&RequestView::new(method, target, &lines).over_https(), at).map(|_| ())
            };
            let Row { name, method, target, forbidden, .. } = &row;
            assert_eq!(check(method, target, now()), Ok(()), "{name}");
            allocates_nothing(name, || assert!(check(method, target, now()).is_ok()));
            let forged = target.replace("sig=", "sig=AAAA");
            let signature = target.find("sig=").unwrap();
            let other = if target.as_bytes()[signature + 4] == b'A' { "sig=B" } else { "sig=A" };
            let wrong = format!("{}{other}{}", &target[..signature], &target[signature + 5..]);
            let (late, early) = (now().saturating_add(901), Timestamp::from_unix(1_600_000_000).unwrap());
            let plain = |target: &str| verifier.verify(&RequestView::new(method, target, &lines), now()).map(|_| ());
            allocates_nothing(name, || {
                assert_eq!(check(method, &wrong, now()), Err(VerifyError::SignatureMismatch), "{name}");
            });
            allocates_nothing(name, || assert!(check(method, &forged, now()).is_err()));
            allocates_nothing(name, || {
                let error = check(forbidden, target, now()).unwrap_err();
                assert!(["permission", "operation", "not_covered"].contains(&error.code()), "{error}");
            });
            allocates_nothing(name, || {
                assert!(matches!(check(method, target, late), Err(VerifyError::Expired { .. })), "{name}");
            });
            allocates_nothing(name, || assert!(check(method, target, early).is_ok() != name.starts_with("user")));
            allocates_nothing(name, || assert!(plain(target).is_err() || name.contains("policy")));
            allocates_nothing(name, || assert!(check("no method", target, now()).is_err()));
            let nobody = Verifier::new(KeyRing::new(), Expect::new(ACCOUNT, row.service).unwrap());
            let view = RequestView::new(method, target, &lines).over_https();
            allocates_nothing("an unknown key", || {
                assert!(matches!(nobody.verify(&view, now()), Err(VerifyError::UnknownKey)), "{name}");
            });
        }
    }

    #[test]
    fn what_a_table_does_not_reach_is_refused_without_an_allocation() {
        let rows = rows();
        let entity = rows.iter().find(|row| row.name == "entity").unwrap();
        let (verifier, lines) = (verifier(Service::Table), [("host", HOST.as_bytes())]);
        for keys in ["PartitionKey='d',RowKey=''", "PartitionKey='a',RowKey='0'", "RowKey='1'", "PartitionKey='%C3'"] {
            let target = entity.target.replace("PartitionKey='c',%20RowKey='it''s'", keys);
            allocates_nothing(keys, || {
                assert!(verifier.verify(&RequestView::new("GET", &target, &lines).over_https(), now()).is_err());
            });
        }
    }

    #[test]
    fn a_policy_that_is_not_there_is_refused_without_an_allocation() {
        let rows = rows();
        let stored = rows.iter().find(|row| row.name == "container with a policy").unwrap();
        let lines = [("host", HOST.as_bytes())];
        let mut ring = KeyRing::new();
        ring.insert(key()).unwrap();
        let none = Verifier::new(ring, Expect::new(ACCOUNT, Service::Blob).unwrap());
        let view = RequestView::new("GET", &stored.target, &lines).over_https();
        allocates_nothing("no policies", || {
            assert!(matches!(none.verify(&view, now()), Err(VerifyError::StoredPolicy { .. })));
        });
        let long = stored.target.replace("si=readers", &format!("si={}", "a".repeat(10_000)));
        let view = RequestView::new("GET", &long, &lines).over_https();
        let verifier = verifier(Service::Blob);
        allocates_nothing("a name that is too long", || {
            assert!(matches!(verifier.verify(&view, now()), Err(VerifyError::SignatureMismatch)));
        });
    }

    /// The bound: the missing name, cut at 64 bytes.
    #[test]
    fn a_refusal_allocates_no_more_than_it_tells() {
        let rows = rows();
        let bound = rows.iter().find(|row| row.name == "user delegation with what is required").unwrap();
        let (verifier, lines) = (verifier(Service::Blob), [("host", HOST.as_bytes())]);
        let target = bound.target.replace("srh=x-a", &format!("srh={}%2Cx-a", "a".repeat(900)));
        let info = measure(|| {
            let verdict = verifier.verify(&RequestView::new("GET", &target, &lines).over_https(), now()).map(|_| ());
            assert!(matches!(verdict, Err(VerifyError::SignedHeaderMissing { name }) if name.len() == 64));
        });
        assert!(info.count_total <= 5 && info.bytes_total <= 256 && info.count_current == 0, "{info:?}");
    }

    /// A remote holder needs the text to sign, which is the only thing that grows with the request.
    #[test]
    fn the_two_halves_of_a_verdict_allocate_what_they_hand_out() {
        let rows = rows();
        let (blob, lines) = (&rows[0], [("host", HOST.as_bytes())]);
        let (key, expect) = (key(), Expect::new(ACCOUNT, Service::Blob).unwrap());
        let view = RequestView::new(blob.method, &blob.target, &lines).over_https();
        allocates_nothing("the first look", || assert!(Presented::parse(&view).is_ok()));
        let presented = Presented::parse(&view).unwrap();
        let info = measure(|| {
            let pending = presented.clone().check(key.credential(), &expect, now()).unwrap();
            let expected = key.sign(pending.string_to_sign()).unwrap();
            assert!(pending.accept(&expected).is_ok());
        });
        let text = presented.string_to_sign(&expect).unwrap().as_bytes().len() as u64;
        assert!(info.bytes_total <= 4 * text + 128 && info.count_current == 0, "{info:?} for {text} bytes");
    }

    #[test]
    fn issuing_into_a_used_buffer_allocates_nothing_and_a_token_of_its_own_what_it_holds() {
        let mut presigner = Presigner::new(key(), &Endpoint::azure(), &Grant::read("photos", "any")).unwrap();
        let mut url = String::with_capacity(1024);
        presigner.presign_into("2026/cat.jpg", now(), &mut url).unwrap();
        allocates_nothing("into a buffer", || {
            presigner.presign_into("2026/a dog.jpg", now(), &mut url).unwrap();
        });
        allocates_nothing("a name that is refused", || {
            assert!(presigner.presign_into("a\\b", now(), &mut url).is_err());
        });
        // The text and the method; there are no headers that a client must send to read.
        let info = measure(|| assert!(presigner.presign("2026/cat.jpg", now()).unwrap().required_headers().is_empty()));
        assert_eq!(info.count_total, 2, "{info:?}");

        // Holding the signature back: what is prepared is all there is.
        let request = UrlRequest::storage(&Grant::read("photos", "2026/cat.jpg")).unwrap();
        let key = key();
        let prepared = request.prepare(key.credential(), now()).unwrap();
        let signature = key.sign(prepared.string_to_sign()).unwrap();
        allocates_nothing("signing", || assert!(key.sign(prepared.string_to_sign()).is_ok()));
        let mut prepared = Some(prepared);
        let info = measure(|| assert!(prepared.take().unwrap().finish(&signature).expose().contains("sig=")));
        assert!(info.count_total <= 1, "{info:?}");
    }

    /// Names are folded and sorted, so that there are copies: a few for each header and parameter, all of them given back
    /// when the request is refused.
    #[test]
    fn shared_key_allocates_a_few_times_for_each_header_and_parameter() {
        let key = key();
        let request = SharedKeyRequest::new("GET", Service::Blob, "/photos").unwrap();
        let request = request.query("restype", "container").query("comp", "list").because(why());
        let signed = key.authorize(&request, now()).unwrap();
        let target = target(signed.url());
        let mut lines: Vec<(&str, &[u8])> =
            vec![("host", HOST.as_bytes()), ("authorization", signed.expose_authorization().as_bytes())];
        lines.extend(signed.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
        let expect = ExpectSharedKey::new(ACCOUNT, Service::Blob).unwrap();
        let check = |method: &str| {
            let view = RequestView::new(method, &target, &lines).over_https();
            key.verify_request(PresentedRequest::parse(&view)?, &expect, now()).map(|_| ())
        };
        assert_eq!(check("GET"), Ok(()));
        for (method, verdict) in [("GET", Ok(())), ("PUT", Err(VerifyError::SignatureMismatch))] {
            let info = measure(|| assert_eq!(check(method), verdict));
            let parts = lines.len() + 2;
            assert!(info.count_total <= 4 * parts as u64 && info.count_current == 0, "{info:?}");
            assert!(info.bytes_max <= 2048, "{info:?}");
        }
    }

    /// A token of the messaging services says what it is for, which is kept as text of its own.
    #[test]
    fn a_messaging_token_allocates_the_text_of_its_resource_a_few_times() {
        let queue = MessagingEntity::namespace("contoso.servicebus.windows.net").unwrap().queue("orders").unwrap();
        let key =
            || ServiceBusKey::new(AccessRule::service_bus(&queue, "sender", Right::Send).unwrap(), "secret").unwrap();
        let token = key().token(&TokenRequest::new(&queue, Right::Send), now()).unwrap();
        let ring = RuleRing::new().with(key()).unwrap();
        let expect = ExpectToken::new(&queue, MessagingOperation::Send);
        let check = |text: &str, at| ring.verify(PresentedToken::service_bus(text)?, &expect, at).map(|_| ());
        assert_eq!(check(token.expose(), now()), Ok(()));
        let wrong = token.expose().replace("skn=sender", "skn=other");
        for (text, at) in [(token.expose(), now()), (&*wrong, now()), (token.expose(), now().saturating_add(90_000))] {
            let info = measure(|| drop(check(text, at)));
            assert!(info.count_total <= 16 && info.bytes_total <= 4 * text.len() as u64, "{info:?}");
            assert_eq!(info.count_current, 0);
        }
        for text in ["", "SharedAccessSignature ", "Bearer x"] {
            allocates_nothing(text, || assert!(check(text, now()).is_err()));
        }
    }
}

#[cfg(feature = "sigv4a")]
#[test]
fn every_verdict_of_a_public_key_runs_without_an_allocation() {
    use valet_key::aws::v4a;
    let key = v4a::StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret").unwrap();
    let url = key.presign(&UrlRequest::s3(&Grant::read("photos", "cat.jpg"), REGION).unwrap(), now()).unwrap();
    let target = url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap();
    let forged = target.replace("cat.jpg", "dog.jpg");
    let ring = v4a::KeyRing::new().with(key.credential().clone(), key.public_key());
    let host: [(&str, &[u8]); 1] = [("host", HOST.as_bytes())];
    let expect = Expect::new(REGION, "s3");
    let verify = |target: &str, at: Timestamp| {
        let presented = v4a::Presented::parse(&RequestView::new("GET", target, &host)).unwrap();
        ring.verify(presented, &expect, at).map(|verified| verified.expires_at())
    };
    allocates_nothing("accepted", || assert!(verify(target, now()).is_ok()));
    allocates_nothing("another object", || assert_eq!(verify(&forged, now()), Err(VerifyError::SignatureMismatch)));
    allocates_nothing("expired", || assert!(verify(target, now().saturating_add(901)).is_err()));
}

#[test]
fn a_text_without_a_secret_is_redacted_without_an_allocation() {
    let line = "GET /cat.jpg?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261124 403 signature: too short";
    allocates_nothing("borrowed", || assert_eq!(valet_key::redact::redact(line), line));
    allocates_nothing("shown", || {
        let mut shown = Counted(0);
        std::fmt::Write::write_fmt(&mut shown, format_args!("{}", valet_key::redact::Redacted("?sig=abcd"))).unwrap();
        assert_eq!(shown.0, "?sig=REDACTED".len());
    });
}

/// Takes text and keeps its length.
struct Counted(usize);

impl std::fmt::Write for Counted {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

//! What is no request: bodies in chunks, forms, logins as they are written, cookies, and what a key signs.

use super::{
    tokens::{endpoint, get, long_term, of_login, temporary, tokens as every_token, zonal},
    *,
};
use valet_key::{
    aws::{
        Checksum, ChunkVerifier, Expect, ExpectForm, FormView, Payload, PostPolicy, Presented, PresentedForm, SigV4,
        Stream,
    },
    gcs,
};

/// Three chunks.
const LENGTH: u64 = (2 << 13) + 100;

/// A body in its frames, and what verifies the body that its request announces.
struct Body {
    name: &'static str,
    frames: Vec<Vec<u8>>,
    verifier: ChunkVerifier,
}

impl Body {
    fn new(name: &'static str, key: &StaticKey, (region, path, at): (&str, &str, u32), stream: Stream, of: u8) -> Self {
        let at = now().saturating_add(at);
        let request = Request::new("PUT", &format!("https://{S3_HOST}"), region, "s3").unwrap().path(path);
        let signed = key.sign_headers(&request.stream(stream.chunk_size(1 << 13).unwrap()), at).unwrap();
        let mut chunks = signed.chunk_signer().unwrap();
        let mut frames = vec![];
        while chunks.next_length() > 0 {
            let data = vec![of; chunks.next_length()];
            let frame = chunks.chunk(key, &data).unwrap();
            frames.push([frame.before(), &data, frame.after()].concat());
        }
        frames.push(chunks.finish(key).unwrap());
        let mut lines: Vec<(&str, &[u8])> = vec![("host", S3_HOST.as_bytes())];
        lines.extend(signed.expose().map(|(name, value)| (name, value.as_bytes())));
        let expect = Expect::new(region, "s3").allow_unsigned_trailers();
        let presented = Presented::parse(&RequestView::new("PUT", signed.target(), &lines)).unwrap();
        let verified = key.verify(presented, &expect, at).unwrap();
        Self { name, frames, verifier: verified.chunks().unwrap() }
    }

    fn is_whole<'f>(&self, frames: impl IntoIterator<Item = &'f Vec<u8>>) -> bool {
        let mut verifier = self.verifier.clone();
        for frame in frames {
            let mut input = frame.as_slice();
            loop {
                match verifier.next(&mut input) {
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(_) => return false,
                }
            }
        }
        verifier.finish().is_ok()
    }
}

fn bodies() -> Vec<Body> {
    let (ours, other) = (long_term(), StaticKey::new(ID, OTHER_SECRET).unwrap());
    let other_id = StaticKey::new(OTHER_ID, SECRET).unwrap();
    let (here, signed) = ((REGION, CAT, 0), Stream::signed(LENGTH));
    let unsigned = Stream::unsigned(LENGTH, Checksum::Sha256);
    let photo = b'p';
    vec![
        Body::new("photo", &ours, here, signed, photo),
        Body::new("photo at another path", &ours, (REGION, PHOTOS_DOG, 0), signed, photo),
        Body::new("photo in another region", &ours, (ELSEWHERE, CAT, 0), signed, photo),
        Body::new("photo a second later", &ours, (REGION, CAT, 1), signed, photo),
        Body::new("photo by a session", &temporary(SESSION), here, signed, photo),
        Body::new("photo by another id", &other_id, here, signed, photo),
        Body::new("photo by another secret", &other, here, signed, photo),
        Body::new("photo with a trailer", &ours, here, signed.trailer(Checksum::Sha256), photo),
        Body::new("unsigned photo", &ours, here, unsigned, photo),
        Body::new("unsigned photo at another path", &ours, (REGION, PHOTOS_DOG, 0), unsigned, photo),
        Body::new("unsigned dog", &ours, here, unsigned, b'd'),
    ]
}

/// Bodies that are the same to the last byte.
const SAME: [[&str; 2]; 2] = [
    ["unsigned photo", "unsigned photo at another path"],
    // A request that is signed in its headers does not sign the id of its key, and no two ids have one secret at AWS.
    ["photo", "photo by another id"],
];

#[test]
fn a_body_in_chunks_is_accepted_behind_its_own_request_alone() {
    let bodies = bodies();
    let mut accepted = 0;
    for head in &bodies {
        for body in &bodies {
            let same = head.name == body.name
                || SAME.iter().any(|same| same.contains(&head.name) && same.contains(&body.name));
            // Without signatures nothing ties a body to its request but its length, and what it says is its checksum.
            let is_whole = same || [head, body].iter().all(|body| body.name.starts_with("unsigned"));
            assert_eq!(head.is_whole(&body.frames), is_whole, "{} behind {}", body.name, head.name);
            accepted += usize::from(is_whole);
            for cut in 1..head.frames.len() {
                let spliced = head.frames[..cut].iter().chain(&body.frames[cut..]);
                assert_eq!(head.is_whole(spliced), same, "{} after {cut} chunks of {}", body.name, head.name);
                let skipped = head.frames[..cut - 1].iter().chain(&body.frames[cut..]);
                assert!(!head.is_whole(skipped), "{} after a chunk less of {}", body.name, head.name);
            }
        }
    }
    assert_eq!((accepted, bodies.len()), (19, 11));
}

/// A form with the holder, the region and the bucket that it is for.
struct Form {
    holder: &'static str,
    region: &'static str,
    bucket: &'static str,
    fields: Vec<(String, String)>,
}

impl Form {
    fn new(holder: &'static str, key: &StaticKey, region: &'static str, bucket: &'static str) -> Self {
        let endpoint = Endpoint::aws(Region::new(region).unwrap());
        let form = PostPolicy::new(&endpoint, bucket, "cat.jpg").unwrap().size(1..=9).sign(key, now()).unwrap();
        let fields = form.fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { holder, region, bucket, fields }
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn with_key<'f>(&'f self, key: &'f str) -> Vec<(&'f str, &'f str)> {
        let fields = self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        fields.map(|(name, value)| (name, if name == "key" { key } else { value })).collect()
    }
}

fn holders() -> [(&'static str, StaticKey); 6] {
    [
        ("ours", long_term()),
        ("session", temporary(SESSION)),
        ("another session", temporary("other")),
        ("another id", StaticKey::new(OTHER_ID, SECRET).unwrap()),
        ("another secret", StaticKey::new(ID, OTHER_SECRET).unwrap()),
        ("zonal session", zonal(SESSION)),
    ]
}

fn forms() -> Vec<Form> {
    // S3 Express takes no forms.
    let holders = holders().into_iter().filter(|(name, _)| *name != "zonal session");
    let places = [(REGION, "photos"), (REGION, "invoices"), (ELSEWHERE, "photos")];
    holders.flat_map(|(name, key)| places.map(|(region, bucket)| Form::new(name, &key, region, bucket))).collect()
}

fn takes(key: &StaticKey, region: &str, bucket: &str, fields: &[(&str, &str)]) -> bool {
    let presented = PresentedForm::parse(&FormView::new(bucket, fields).file_name("cat.jpg"));
    presented.and_then(|presented| key.verify_form(presented, &ExpectForm::new(region), now())).is_ok()
}

#[test]
fn a_form_of_aws_is_accepted_by_its_own_verifier_for_its_own_object_alone() {
    let mut accepted = 0;
    for form in forms() {
        for (holder, key) in holders() {
            for region in [REGION, ELSEWHERE] {
                for bucket in ["photos", "invoices"] {
                    for name in ["cat.jpg", "dog.jpg"] {
                        let is_own = (holder, region, bucket) == (form.holder, form.region, form.bucket);
                        let expected = is_own && name == "cat.jpg";
                        let about = format!("{} of {} in {}", form.bucket, form.holder, form.region);
                        let found = takes(&key, region, bucket, &form.with_key(name));
                        assert_eq!(found, expected, "{about}: {holder} in {region}, {bucket}/{name}");
                        accepted += usize::from(expected);
                    }
                }
            }
        }
    }
    assert_eq!(accepted, forms().len());
}

#[test]
fn the_signature_of_a_form_is_none_of_a_request() {
    let verifiers = verifiers();
    let url = format!("https://{S3_HOST}{CAT}");
    for form in forms().iter().filter(|form| form.bucket == "photos") {
        let field = |name: &str| form.field(name).unwrap();
        let (credential, date) = (field("x-amz-credential"), field("x-amz-date"));
        let signature = field("x-amz-signature");
        let token = form.field("x-amz-security-token");
        let token_param = token.map(|token| format!("&X-Amz-Security-Token={}", verifiers::component(token)));
        let query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}&X-Amz-Date={date}&X-Amz-Expires=900\
             &X-Amz-SignedHeaders=host&X-Amz-Signature={signature}{}",
            verifiers::component(credential),
            token_param.unwrap_or_default(),
        );
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, \
             Signature={signature}"
        );
        let lines =
            [("authorization", &*authorization), ("x-amz-date", date), ("x-amz-content-sha256", "UNSIGNED-PAYLOAD")];
        // The form itself may stand in the place of a query or of headers as well.
        let pairs = form.fields.iter().map(|(name, value)| format!("{name}={}", verifiers::component(value)));
        let pairs = pairs.collect::<Vec<_>>().join("&");
        for (used, query, lines) in [
            ("in a URL", query.as_str(), vec![]),
            ("in headers", "", lines.to_vec()),
            ("as a query", pairs.as_str(), vec![]),
            ("as headers", "", form.with_key("cat.jpg")),
        ] {
            let token = Token::from_url(used, "GET", &format!("{url}?{query}"), &[]).with_headers(lines);
            for method in METHODS {
                arrives(&token, method, S3_HOST, &token.target(CAT), |arrival| {
                    for (verifier, look) in &verifiers {
                        assert!(!look(arrival), "a form of {} {used} at {verifier}: {method}", form.holder);
                    }
                });
            }
        }
    }
}

/// What stands behind a mark.
fn behind<'t>(text: &'t str, mark: &str) -> &'t str {
    &text.split_once(mark).unwrap().1[..64]
}

#[test]
fn the_signature_of_anything_else_is_none_of_a_form() {
    let key = long_term();
    let credential = SigV4::credential(&key);
    let text = |message: &valet_key::aws::StringToSign| String::from_utf8(message.as_bytes().to_vec()).unwrap();
    // Whoever holds a token knows the text that was signed for it. A form signs its policy alone, with the same key.
    let request = UrlRequest::new(get(REGION, "s3"));
    let prepared = request.prepare(credential, now()).unwrap();
    let (scope, of_url) = (*prepared.scope(), text(prepared.string_to_sign()));
    let url = key.presign(&request, now()).unwrap();
    let request = get(REGION, "s3").payload(Payload::Empty);
    let of_headers = text(request.prepare_headers(credential, now()).unwrap().string_to_sign());
    let headers = key.sign_headers(&request, now()).unwrap();
    let stream = Request::new("PUT", &format!("https://{S3_HOST}"), REGION, "s3").unwrap().path(CAT);
    let stream = stream.stream(Stream::signed(3).trailer(Checksum::Sha256));
    let mut signer = key.sign_headers(&stream, now()).unwrap().chunk_signer().unwrap();
    let of_chunk = text(signer.clone().prepare(b"cat").unwrap().string_to_sign());
    let chunk = String::from_utf8(signer.chunk(&key, b"cat").unwrap().before().to_vec()).unwrap();
    let end = String::from_utf8(signer.clone().finish(&key).unwrap()).unwrap();
    let last = signer.prepare(&[]).unwrap();
    let signature = key.sign(last.scope(), last.string_to_sign()).unwrap();
    drop(last.finish(&signature));
    let of_trailer = text(signer.prepare_trailer().unwrap().string_to_sign());
    let form = Form::new("ours", &key, REGION, "photos");
    let of_form = form.field("policy").unwrap();
    let named = format!("{ID}/{scope}");
    for (name, text, signature) in [
        ("a URL", of_url.as_str(), behind(url.expose(), "X-Amz-Signature=")),
        ("headers", &of_headers, behind(headers.authorization(), "Signature=")),
        ("a chunk", &of_chunk, behind(&chunk, "chunk-signature=")),
        ("a trailer", &of_trailer, behind(&end, "x-amz-trailer-signature:")),
        ("a form", of_form, form.field("x-amz-signature").unwrap()),
    ] {
        let fields = [
            ("key", "cat.jpg"),
            ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
            ("x-amz-credential", &named),
            ("x-amz-date", form.field("x-amz-date").unwrap()),
            ("policy", text),
            ("x-amz-signature", signature),
        ];
        // Its signature is right in every case, and what it signs is a policy in one.
        assert_eq!(takes(&key, REGION, "photos", &fields), name == "a form", "{name}");
    }
}

#[test]
fn a_form_of_one_cloud_is_none_of_another() {
    let (ours, theirs) = (long_term(), gcs::HmacKey::new(ID, SECRET).unwrap());
    let grant = valet_key::grant::Grant::upload("photos", "cat.jpg").size(1..=9).content_type("image/jpeg");
    let google = gcs::PostPolicy::at(&gcs::Endpoint::google(), &grant).unwrap().sign(&theirs, now()).unwrap();
    let amazon = Form::new("ours", &ours, REGION, "photos");
    // As they are, and in the words of the other cloud.
    let google: Vec<(String, String)> = google.fields().map(|(name, value)| (name.into(), value.into())).collect();
    for (from, to) in [("", ""), ("x-goog-", "x-amz-")] {
        let words = |text: &str| {
            let text = text.replace(from, to);
            if from.is_empty() { text } else { text.replace("GOOG4", "AWS4").replace("goog4_request", "aws4_request") }
        };
        let fields: Vec<(String, String)> = google.iter().map(|(name, value)| (words(name), words(value))).collect();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        for region in [REGION, ELSEWHERE, "auto"] {
            assert!(!takes(&ours, region, "photos", &fields), "{region}");
        }
    }
    for (from, to) in [("", ""), ("x-amz-", "x-goog-")] {
        let words = |text: &str| {
            let text = text.replace(from, to);
            if from.is_empty() { text } else { text.replace("AWS4", "GOOG4").replace("aws4_request", "goog4_request") }
        };
        let fields: Vec<(String, String)> =
            amazon.fields.iter().map(|(name, value)| (words(name), words(value))).collect();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let ring = gcs::KeyRing::new().with(gcs::HmacKey::new(ID, SECRET).unwrap());
        let presented = gcs::PresentedForm::parse(&gcs::FormView::new("photos", &fields));
        assert!(presented.and_then(|form| ring.verify_form(form, &gcs::ExpectForm::new(), now())).is_err(), "{to}");
    }
}

#[test]
fn a_login_takes_its_own_writing_alone() {
    let key = long_term();
    let logins = every_login();
    for (name, login, _) in &logins {
        let issued = login.issue(&key, now()).unwrap();
        let writing = Writing::of(login);
        let token = of_login(name, login, &key, &[]);
        for (verifier, other, _) in &logins {
            let is_own = name == verifier;
            // The broker has the name of the region's host, and the request is the same; its writing is not.
            assert_eq!(other.verify(issued.expose(), &key, now()).is_ok(), is_own, "{name} at {verifier}");
            arrives(&token, "GET", &token.host, &token.target(&token.path), |arrival| {
                for rewritten in Writing::ALL {
                    let is_same = is_own || [*name, *verifier] == ["login, Kafka", "login, Kafka broker of that name"];
                    let is_back = [*name, *verifier] == ["login, Kafka broker of that name", "login, Kafka"];
                    let expected = (is_same || is_back) && rewritten == Writing::of(other);
                    let found = other.verify(arrival.text(rewritten), &key, now()).is_ok();
                    assert_eq!(found, expected, "{name} as {rewritten:?} at {verifier}");
                }
                if !matches!(writing, Writing::Kafka | Writing::Json) {
                    assert_eq!(arrival.text(writing), issued.expose(), "{name}");
                }
            });
        }
    }
}

#[test]
fn a_cookie_is_no_parameter_and_a_parameter_no_cookie() {
    let (tokens, verifiers) = (every_token(), verifiers());
    let of_cloudfront = tokens.iter().filter(|token| token.name.starts_with("CloudFront"));
    for token in of_cloudfront {
        let own = |token: &Token| {
            arrives(token, "GET", CDN, &token.target(PHOTOS_CAT), |arrival| {
                verifiers.iter().filter(|(_, look)| look(arrival)).map(|(name, _)| name.clone()).collect::<Vec<_>>()
            })
        };
        let mut moved = token.clone();
        let (cookies, query) = (token.headers.first().map(|(_, line)| line.replace("; ", "&")), token.query.as_str());
        moved.query = cookies.clone().unwrap_or_default();
        moved.headers.clear();
        if !query.is_empty() {
            moved = moved.with_headers([("cookie", query.replace('&', "; "))]);
        }
        assert_eq!(own(&moved), Vec::<String>::new(), "{} by the names that it has", token.name);
        // The policy is the same in both places, and so is its signature: by the other names it is the other token.
        let rename = |text: &str| match cookies {
            Some(_) => text.replace("CloudFront-", ""),
            None => text.split("; ").map(|pair| format!("CloudFront-{pair}")).collect::<Vec<_>>().join("; "),
        };
        moved.query = rename(&moved.query);
        for (_, line) in &mut moved.headers {
            *line = rename(line);
        }
        if cookies.is_none() {
            moved.query.clear();
        }
        assert_eq!(own(&moved), own(token), "{} by other names", token.name);
    }
}

#[test]
fn a_call_is_accepted_with_its_own_body_alone() {
    let (tokens, verifiers) = (every_token(), verifiers());
    let calls = || tokens.iter().filter(|token| !token.body.is_empty());
    assert_eq!(calls().count(), 3);
    for call in calls() {
        let bodies = calls().map(|other| other.body.clone()).chain([vec![], call.body[1..].to_vec()]);
        for body in bodies {
            let used = Token { body, ..call.clone() };
            arrives(&used, &used.method, &used.host, &used.target(&used.path), |arrival| {
                for (verifier, look) in &verifiers {
                    let expected = used.body == call.body && used.own.contains(verifier);
                    assert_eq!(look(arrival), expected, "{} at {verifier} with another body", used.name);
                }
            });
        }
    }
}

#[test]
fn no_key_of_aws_signs_what_is_for_one_of_another_kind() {
    let key = long_term();
    let prepare = |service| UrlRequest::new(get(REGION, service)).prepare(SigV4::credential(&key), now()).unwrap();
    let (s3, sts) = (prepare("s3"), prepare("sts"));
    let scoped = key.derive_scoped(s3.scope());
    assert!(scoped.sign(s3.scope(), s3.string_to_sign()).is_ok());
    assert!(scoped.sign(sts.scope(), sts.string_to_sign()).is_err());
    // The session of a directory bucket signs for no other service, in no other form, and not in Version 2.
    let session = zonal(SESSION);
    assert!(session.presign(&UrlRequest::new(get(REGION, "s3express")), now()).is_ok());
    assert!(session.presign(&UrlRequest::new(get(REGION, "s3")), now()).is_err());
    assert!(session.sign_headers(&get(REGION, "sts"), now()).is_err());
    assert!(PostPolicy::new(&endpoint(), "photos", "cat.jpg").unwrap().size(1..=9).sign(&session, now()).is_err());
    let legacy = LegacyUrlRequest::new("GET", &endpoint(), "photos", "cat.jpg").unwrap();
    assert!(long_term().legacy_presign(&legacy, now()).is_ok());
    assert!(session.legacy_presign(&legacy, now()).is_err());
    assert!(Login::rds(SERVER, 5432, USER, REGION).unwrap().issue(&session, now()).is_err());
    // The key of a service account is of the size that CloudFront wants, and yet a signature is of one kind.
    assert!(cloudfront::Signature::rsa([0; 64].to_vec()).is_err());
    assert!(cloudfront::Signature::ecdsa([0; 256].to_vec()).is_err());
    #[cfg(feature = "sigv4a")]
    {
        use valet_key::aws::v4a;
        let asymmetric = v4a::StaticKey::new(ID, SECRET).unwrap();
        let request = UrlRequest::new(get(REGION, "s3")).prepare_v4a(asymmetric.credential(), now()).unwrap();
        assert!(asymmetric.sign(request.string_to_sign()).is_ok());
        assert!(asymmetric.sign(s3.string_to_sign()).is_err());
        assert!(key.sign(request.scope(), request.string_to_sign()).is_err());
        assert!(scoped.sign(request.scope(), request.string_to_sign()).is_err());
    }
}

//! Signature Version 4, its forms and streams, version 2, the logins, and the policies and cookies of `CloudFront`.

use super::{Fields, Input, Lines, Row, joined, now, widest};
use valet_key::aws::cloudfront::{self, Pattern, PolicyDocument};
use valet_key::aws::sts::{SessionPolicy, SessionRequest};
use valet_key::aws::{
    Endpoint, Expect, ExpectForm, FormView, KeyRing, LegacyExpect, LegacyPresented, LegacyUrlRequest, PostPolicy,
    PresentedForm, Region, Request, SigV4, StaticKey, Stream, Verifier, auth_token::Login, v4a,
};
use valet_key::error::VerifyError;
use valet_key::view::RequestView;

pub(crate) const ROWS: &[Row] = &[
    ("aws parameters in reverse", 250, |n| query("s3", &joined(n, |at| format!("{:03}=1", n - at)), "/k")),
    ("aws parameters of one name", 250, |n| query("s3", &joined(n, |at| format!("a={:03}", n - at)), "/k")),
    ("aws parameters that are equal", 250, |n| query("s3", &joined(n, |_| "a=1".to_owned()), "/k")),
    ("aws parameters with a common beginning", 250, |n| {
        query("s3", &joined(n, |at| format!("{}{}=", "a".repeat(60), n - at)), "/k")
    }),
    ("aws one long parameter of escapes", 4_000, |n| query("s3", &format!("a={}", "%7e".repeat(n)), "/k")),
    ("aws many escapes in a path", 4_000, |n| query("s3", "a=1", &format!("/{}", "%C3%A9".repeat(n)))),
    ("aws a path of slashes", 8_000, |n| query("execute-api", "a=1", &"/".repeat(n))),
    ("aws a path of dot segments", 2_500, |n| query("execute-api", "a=1", &format!("{}k", "/a/./..".repeat(n)))),
    ("aws a path that climbs", 2_500, |n| {
        query("execute-api", "a=1", &format!("{}{}", "/a".repeat(n), "/..".repeat(n)))
    }),
    ("aws header lines in reverse", 100, |n| {
        headers((0..n).rev().map(|at| (format!("X-Amz-Meta-{at:03}"), b"  a \t b  ".to_vec())).collect())
    }),
    ("aws header lines of one name", 100, |n| {
        headers((0..n).map(|at| ("x-amz-meta-a".to_owned(), format!("{at}").into_bytes())).collect())
    }),
    ("aws a header of blanks", 8_000, |n| {
        headers(vec![("x-amz-meta-a".to_owned(), [b"a", &b" \t".repeat(n)[..], b"b"].concat())])
    }),
    ("aws unsigned header lines", 100, |n| {
        unsigned((0..n).map(|at| (format!("X-Other-{at}"), vec![b'a'; 100])).collect())
    }),
    ("aws an authorization of many names", 1_500, |n| {
        let lines = Lines::new(
            HOST,
            [
                ("x-amz-date".to_owned(), DATE.into()),
                ("authorization".to_owned(), authorization(&vec!["a"; n].join(";")).into_bytes()),
            ],
        );
        let judge = judge("s3");
        Input::new(lines.bytes(), move || {
            let lines = lines.borrowed();
            let verdict = judge.verify(&RequestView::new("GET", "/k", &lines), now()).map(|_| ());
            assert!(
                matches!(verdict, Err(VerifyError::TooLarge { .. } | VerifyError::FieldForm { .. })),
                "{verdict:?}"
            );
        })
    }),
    ("sigv4a parameters in reverse", 250, |n| {
        let target =
            format!("/k?{}&{}", joined(n, |at| format!("{:03}=1", n - at)), fields("s3").replace("HMAC", "ECDSA-P256"));
        let lines = Lines::new(HOST, []);
        let bytes = target.len() + lines.bytes();
        Input::new(bytes, move || {
            // Everything before the signature, which a public key decides.
            let lines = lines.borrowed();
            drop(v4a::Presented::parse_within(&RequestView::new("GET", &target, &lines), &widest()));
        })
    }),
    ("aws many chunks", 4, chunks),
    ("aws a body in pieces of one byte", 20_000, pieces),
    ("aws a form of many fields", 44, form),
    ("aws a form with a long policy", 1_000, |n| {
        let policy = "W1tb".repeat(n);
        let name = "x".repeat(4 * n);
        let fields = Fields::new([("key", "k"), ("policy", &*policy), ("x-ignore-a", &name)].into_iter());
        Input::new(fields.bytes(), move || {
            let fields = fields.borrowed();
            assert!(PresentedForm::parse(&FormView::new("photos", &fields)).is_err());
        })
    }),
    ("aws a form with many conditions", 44, conditions),
    ("aws version 2 parameters and lines", 60, version_2),
    ("aws a login with a long user", 1_000, |n| {
        let login = Login::rds("db.abc.eu-west-1.rds.amazonaws.com", 5432, "me", REGION).unwrap();
        let token = login.issue(&key(), now()).unwrap();
        let long = token.expose().replacen("DBUser=me", &format!("DBUser={}", "%C3%A9".repeat(n)), 1);
        Input::new(long.len(), move || assert!(login.verify(&long, &key(), now()).is_err()))
    }),
    ("aws an answer of STS", 100, |n| {
        let request = SessionRequest::assume_role("arn:aws:iam::123456789012:role/reader", "me");
        let answer = format!(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>{}</AssumeRoleResult></AssumeRoleResponse>",
            format!("<a>{}</a>", "b".repeat(200)).repeat(n)
        );
        Input::new(answer.len(), move || assert!(request.read_answer(&answer, now()).is_err()))
    }),
    ("aws an answer of STS full of attributes", 120, |n| {
        let request = SessionRequest::assume_role("arn:aws:iam::123456789012:role/reader", "me");
        let attributes: String = (0..n).map(|at| format!(" a{at}=\"{}\"", "b".repeat(200))).collect();
        let answer = format!("<AssumeRoleResponse{attributes}/>");
        Input::new(answer.len(), move || assert!(request.read_answer(&answer, now()).is_err()))
    }),
    ("aws a session policy", 450, |n| {
        let policy = format!("{{\"a\":[{}1]}}", "1,".repeat(n));
        Input::json(policy.len(), move || drop(SessionPolicy::new(&*policy).unwrap()))
    }),
    ("cloudfront a pattern of wildcards", 1_000, |n| {
        let pattern = Pattern::parse(&format!("https://cdn.example/{}", "*?".repeat(n))).unwrap();
        let url = format!("https://cdn.example/{}", "a".repeat(2 * n));
        Input::new(url.len(), move || assert!(pattern.matches(&url)))
    }),
    ("cloudfront a url against wildcards", 3_000, |n| {
        let pattern = Pattern::parse(&format!("https://cdn.example/{}b", "*aaaa".repeat(20))).unwrap();
        let url = format!("https://cdn.example/{}", "a".repeat(n));
        Input::new(url.len(), move || assert!(!pattern.matches(&url)))
    }),
    ("cloudfront a policy of lists", 900, |n| {
        let policy = format!("{{\"Statement\":[{}{{}}]}}", "{},".repeat(n));
        Input::json(policy.len(), move || assert!(PolicyDocument::parse(&policy).is_err()))
    }),
    ("cloudfront many cookies", 250, |n| {
        let jar: Vec<String> = (0..n).map(|at| format!("CloudFront-Other-{at}={}", "a".repeat(8))).collect();
        let lines = Lines::new(HOST, [("cookie".to_owned(), jar.join("; ").into_bytes())]);
        Input::new(lines.bytes(), move || {
            let lines = lines.borrowed();
            let parsed = cloudfront::Presented::parse(&RequestView::new("GET", "/k", &lines).over_https());
            assert_eq!(parsed.map(|_| ()), Err(VerifyError::NotSigned));
        })
    }),
    ("cloudfront many parameters", 250, |n| {
        let target = format!(
            "/k?{}&Expires=1700000900&Signature=AAAA&Key-Pair-Id=K1",
            joined(n, |at| format!("{:03}=1", n - at))
        );
        let lines = Lines::new(HOST, []);
        let bytes = target.len() + lines.bytes();
        Input::new(bytes, move || {
            let lines = lines.borrowed();
            let view = RequestView::new("GET", &target, &lines).over_https();
            let expect = cloudfront::Expect::new(HOST);
            let parsed = cloudfront::Presented::parse_within(&view, &widest());
            drop(parsed.unwrap().check(&cloudfront::Credential::rsa("K1").unwrap(), &expect, now()));
        })
    }),
];

const REGION: &str = "eu-west-1";
const HOST: &str = "photos.s3.eu-west-1.amazonaws.com";
const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const DATE: &str = "20231114T221320Z";

fn key() -> StaticKey {
    StaticKey::new(ID, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").unwrap()
}

/// The fields of a signature that is wrong.
fn fields(service: &str) -> String {
    format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={ID}%2F{}%2F{REGION}%2F{service}%2Faws4_request&X-Amz-Date={DATE}&\
         X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature={}",
        &DATE[..8],
        "0".repeat(64)
    )
}

fn judge(service: &str) -> Verifier {
    let expect = Expect::new(REGION, service).allow_dot_segments().allow_unsigned_payload();
    Verifier::new(KeyRing::new().with(key()), expect).limits(widest().header_value(usize::MAX))
}

#[track_caller]
fn mismatch(judge: &Verifier, target: &str, lines: &Lines) {
    let lines = lines.borrowed();
    let verdict = judge.verify(&RequestView::new("GET", target, &lines), now()).map(|_| ());
    assert_eq!(verdict, Err(VerifyError::SignatureMismatch));
}

fn query(service: &str, params: &str, path: &str) -> Input {
    let (judge, lines) = (judge(service), Lines::new(HOST, []));
    let target = format!("{path}?{params}&{}", fields(service));
    Input::new(target.len() + lines.bytes(), move || mismatch(&judge, &target, &lines))
}

fn authorization(names: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={ID}/{}/{REGION}/s3/aws4_request, SignedHeaders={names}, Signature={}",
        &DATE[..8],
        "0".repeat(64)
    )
}

/// All of them signed.
fn headers(mut more: Vec<(String, Vec<u8>)>) -> Input {
    more.push(("x-amz-date".to_owned(), DATE.into()));
    more.push(("x-amz-content-sha256".to_owned(), b"UNSIGNED-PAYLOAD".to_vec()));
    let mut names: Vec<String> =
        more.iter().map(|(name, _)| name.to_ascii_lowercase()).chain(["host".into()]).collect();
    names.sort();
    names.dedup();
    more.push(("authorization".to_owned(), authorization(&names.join(";")).into_bytes()));
    let (judge, lines) = (judge("s3"), Lines::new(HOST, more));
    Input::new(lines.bytes(), move || mismatch(&judge, "/k", &lines))
}

fn unsigned(more: Vec<(String, Vec<u8>)>) -> Input {
    let (judge, lines) = (judge("s3"), Lines::new(HOST, more));
    let target = format!("/k?{}", fields("s3"));
    Input::new(target.len() + lines.bytes(), move || mismatch(&judge, &target, &lines))
}

/// A framed body, and a reader for it.
fn framed(stream: Stream) -> (Vec<u8>, valet_key::aws::ChunkVerifier) {
    let request = Request::new("PUT", &format!("https://{HOST}"), REGION, "s3").unwrap().path("/k").stream(stream);
    let signed = key().sign_headers(&request, now()).unwrap();
    let (holder, mut chunks, mut body) = (key(), signed.chunk_signer().unwrap(), Vec::new());
    while chunks.next_length() > 0 {
        let data = vec![b'a'; chunks.next_length()];
        let frame = chunks.chunk(&holder, &data).unwrap();
        body.extend([frame.before(), &data, frame.after()].concat());
    }
    body.extend(chunks.finish(&holder).unwrap());
    let mut lines: Vec<(&str, &[u8])> = vec![("host", HOST.as_bytes())];
    lines.extend(signed.expose().map(|(name, value)| (name, value.as_bytes())));
    let judge = Verifier::new(KeyRing::new().with(key()), Expect::new(REGION, "s3").allow_streams());
    let verified = judge.verify(&RequestView::new("PUT", signed.target(), &lines), now()).unwrap();
    (body, verified.chunks().unwrap())
}

/// Chunks as small as they are signed.
fn chunks(count: usize) -> Input {
    let (body, reader) = framed(Stream::signed((count as u64) << 13).chunk_size(8 << 10).unwrap());
    Input::new(body.len(), move || {
        let (mut reader, mut rest, mut read) = (reader.clone(), &body[..], 0);
        while let Some(data) = reader.next(&mut rest).unwrap() {
            read += data.len();
        }
        assert_eq!(read, count << 13);
    })
}

fn pieces(count: usize) -> Input {
    let (body, reader) = framed(Stream::signed(1 << 16));
    Input::new(count, move || {
        let mut reader = reader.clone();
        for byte in body[..count].chunks(1) {
            let mut byte = byte;
            while reader.next(&mut byte).unwrap().is_some() {}
        }
    })
}

fn form(count: usize) -> Input {
    let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
    let form = PostPolicy::new(&endpoint, "photos", "cat.jpg").unwrap().size(0..=9).sign(&key(), now()).unwrap();
    let fields = Fields::new(form.fields()).forged("x-amz-signature", count);
    let ring = KeyRing::new().with(key());
    Input::new(fields.bytes(), move || {
        let fields = fields.borrowed();
        let view = FormView::new("photos", &fields).file_name("cat.jpg");
        let verdict = ring.verify_form(PresentedForm::parse(&view).unwrap(), &ExpectForm::new(REGION), now());
        assert_eq!(verdict.map(|_| ()), Err(VerifyError::SignatureMismatch));
    })
}

/// As many conditions as there are fields of one kind, all of which hold.
fn conditions(count: usize) -> Input {
    let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
    let policy = PostPolicy::new(&endpoint, "photos", "cat.jpg").unwrap().size(0..=9);
    let policy = (0..count).fold(policy, |policy, at| policy.field(format!("x-amz-meta-{at:03}"), "v"));
    let form = policy.sign(&key(), now()).unwrap();
    let fields = Fields::new(form.fields());
    let ring = KeyRing::new().with(key());
    Input::new(fields.bytes(), move || {
        let fields = fields.borrowed();
        let presented = PresentedForm::parse(&FormView::new("photos", &fields)).unwrap();
        assert!(ring.verify_form(presented, &ExpectForm::new(REGION), now()).is_ok());
    })
}

fn version_2(count: usize) -> Input {
    let endpoint = Endpoint::custom(&format!("https://{HOST}"), Region::new(REGION).unwrap()).unwrap();
    let url = key().legacy_presign(&LegacyUrlRequest::new("GET", &endpoint, "photos", "k").unwrap(), now()).unwrap();
    let target = url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().replacen("/k?", "/x?", 1);
    let params: String = (0..count).rev().map(|at| format!("response-content-type={at}&")).collect();
    let long = target.replacen('?', &format!("?{params}"), 1);
    let lines = Lines::new(HOST, (0..count).rev().map(|at| (format!("X-Amz-Meta-{at:03}"), b"a b".to_vec())));
    let (key, expect) = (key(), LegacyExpect::new(HOST));
    Input::new(long.len() + lines.bytes(), move || {
        let lines = lines.borrowed();
        // The lines are signed; the same parameter twice is refused.
        let presented = LegacyPresented::parse(&RequestView::new("GET", &target, &lines)).unwrap();
        let verdict = key.legacy_verify(presented, &expect, now()).map(|_| ());
        assert_eq!(verdict, Err(VerifyError::SignatureMismatch));
        let presented = LegacyPresented::parse(&RequestView::new("GET", &long, &lines));
        assert!(presented.and_then(|presented| key.legacy_verify(presented, &expect, now())).is_err());
    })
}

//! Google Cloud Storage: V4, forms, version 2, and the answers of Google's services.

use super::{Fields, Input, Lines, Row, joined, now, widest};
use valet_key::error::VerifyError;
use valet_key::gcs::{
    Credential, DownscopedToken, Endpoint, Expect, ExpectForm, FormView, HmacKey, KeyRing, LegacyExpect,
    LegacyPresented, PostPolicy, PresentedForm, PublicKey, ResumableSession, ServiceAccountKey, SignBlob, Verifier,
};
use valet_key::view::RequestView;

pub(crate) const ROWS: &[Row] = &[
    ("gcs parameters in reverse", 250, |n| query(&joined(n, |at| format!("{:03}=1", n - at)), "/photos/k")),
    ("gcs parameters of one name", 250, |n| query(&joined(n, |at| format!("a={:03}", n - at)), "/photos/k")),
    ("gcs many escapes in a path", 4_000, |n| query("a=1", &format!("/photos/{}", "%C3%A9".repeat(n)))),
    ("gcs header lines in reverse", 100, |n| {
        headers((0..n).rev().map(|at| (format!("X-Goog-Meta-{at:03}"), b"  a \t b  ".to_vec())).collect())
    }),
    ("gcs header lines of one name", 100, |n| {
        headers((0..n).map(|at| ("x-goog-meta-a".to_owned(), format!("{at}").into_bytes())).collect())
    }),
    ("gcs a form of many fields", 44, form),
    ("gcs version 2 lines", 60, version_2),
    ("gcs an answer of many members", 1_000, |n| {
        let members: String = (0..n).rev().map(|at| format!("\"a{at}\":{at},")).collect();
        answer(format!("{{{members}\"access_token\":\"t t\"}}"))
    }),
    ("gcs an answer of escapes", 4_000, |n| answer(format!("{{\"access_token\":\"{}\"}}", "\\u0020".repeat(n)))),
    ("gcs an answer of lists", 10_000, |n| answer(format!("{{\"a\":[{}1]}}", "1,".repeat(n)))),
    ("gcs an answer that is nested", 10_000, |n| answer("[".repeat(n))),
    ("gcs a signature in an answer", 5_000, |n| {
        let call = SignBlob::new(&Credential::service_account("a@b.example").unwrap()).unwrap();
        let answer = format!("{{\"keyId\":\"1\",\"signedBlob\":\"{}\"}}", "AAAA".repeat(n));
        Input::new(answer.len(), move || assert!(call.read_answer(&answer).is_err()))
    }),
    ("gcs a key file", 10_000, |n| {
        let file = format!(
            "{{\"type\":\"service_account\",\"client_email\":\"a@b.iam.gserviceaccount.com\",\"private_key\":\"-----BEGIN PRIVATE \
             KEY-----\\n{}\\n-----END PRIVATE KEY-----\\n\"}}",
            "AAAA".repeat(n / 4)
        );
        Input::new(file.len(), move || assert!(ServiceAccountKey::from_json(&file).is_err()))
    }),
    ("gcs a file of certificates", 10_000, |n| {
        let file = format!("{{\"a\":\"{}\"}}", "b".repeat(n));
        Input::new(file.len(), move || assert!(PublicKey::from_certificates_json(&file).is_err()))
    }),
    ("gcs a session's address", 4_000, |n| {
        let address = format!("https://storage.googleapis.com/photos/a?{}upload_id=", "a&".repeat(n));
        Input::new(address.len(), move || drop(ResumableSession::from_location(&address, now())))
    }),
];

const HOST: &str = "storage.googleapis.com";
const ID: &str = "GOOG1EXAMPLE";
const DATE: &str = "20231114T221320Z";

fn key() -> HmacKey {
    HmacKey::new(ID, "secret").unwrap()
}

/// The fields of a signature that is wrong.
fn fields(names: &str) -> String {
    format!(
        "X-Goog-Algorithm=GOOG4-HMAC-SHA256&X-Goog-Credential={ID}%2F{}%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Date={DATE}&\
         X-Goog-Expires=900&X-Goog-SignedHeaders={names}&X-Goog-Signature={}",
        &DATE[..8],
        "0".repeat(64)
    )
}

fn mismatch(target: String, lines: Lines) -> Input {
    let judge = Verifier::new(KeyRing::new().with(key()), Expect::new().host(HOST)).limits(widest());
    Input::new(target.len() + lines.bytes(), move || {
        let lines = lines.borrowed();
        let verdict = judge.verify(&RequestView::new("GET", &target, &lines), now()).map(|_| ());
        assert_eq!(verdict, Err(VerifyError::SignatureMismatch));
    })
}

fn query(params: &str, path: &str) -> Input {
    mismatch(format!("{path}?{params}&{}", fields("host")), Lines::new(HOST, []))
}

/// All of them signed.
fn headers(more: Vec<(String, Vec<u8>)>) -> Input {
    let mut names: Vec<String> =
        more.iter().map(|(name, _)| name.to_ascii_lowercase()).chain(["host".into()]).collect();
    names.sort();
    names.dedup();
    mismatch(format!("/photos/k?{}", fields(&names.join("%3B"))), Lines::new(HOST, more))
}

fn form(count: usize) -> Input {
    let form =
        PostPolicy::new(&Endpoint::google(), "photos", "cat.jpg").unwrap().size(0..=9).sign(&key(), now()).unwrap();
    let fields = Fields::new(form.fields()).forged("x-goog-signature", count);
    let ring = KeyRing::new().with(key());
    Input::new(fields.bytes(), move || {
        let fields = fields.borrowed();
        let view = FormView::new("photos", &fields).file_name("cat.jpg");
        let verdict = PresentedForm::parse(&view).and_then(|form| ring.verify_form(form, &ExpectForm::new(), now()));
        assert_eq!(verdict.map(|_| ()), Err(VerifyError::SignatureMismatch));
    })
}

fn version_2(count: usize) -> Input {
    let target = format!("/photos/k?GoogleAccessId={ID}&Expires=1700000900&Signature={}%3D", "A".repeat(27));
    let lines = Lines::new(HOST, (0..count).rev().map(|at| (format!("X-Goog-Meta-{at:03}"), b"a b".to_vec())));
    let key = key();
    Input::new(target.len() + lines.bytes(), move || {
        let lines = lines.borrowed();
        let presented = LegacyPresented::parse(&RequestView::new("GET", &target, &lines)).unwrap();
        let verdict = key.legacy_verify(presented, &LegacyExpect::new(HOST), now()).map(|_| ());
        assert_eq!(verdict, Err(VerifyError::SignatureMismatch));
    })
}

fn answer(text: String) -> Input {
    Input::json(text.len(), move || assert!(DownscopedToken::read_answer(&text, now(), now()).is_err()))
}

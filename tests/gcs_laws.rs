//! What holds for every input to Cloud Storage: what is signed is accepted, and nothing else is.

#![cfg(feature = "gcs")]

use proptest::{collection::vec, prelude::*, sample::Index};
use std::collections::BTreeMap;
use valet_key::clock::Timestamp;
use valet_key::error::{IssueError, VerifyError};
use valet_key::gcs::{
    Credential, Endpoint, Expect, ExpectForm, FormView, GoogV4, HmacKey, KeyRing, OnShortCredential, PostPolicy,
    Presented, PresentedForm, Presigner, UrlRequest, Verifier,
};
use valet_key::grant::{Grant, Justification, Lifetime};
use valet_key::view::RequestView;

const ORIGIN: &str = "https://storage.googleapis.com";
const HOST: &str = "storage.googleapis.com";
const SECRET: &str = "bGoa+V7g/yqDXvKRqq+JTFn4uQZbPiQJo4pf9RzJ";

type Lines = Vec<(String, Vec<u8>)>;

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_unix(now().unix() + seconds).unwrap()
}

fn key() -> HmacKey {
    HmacKey::new("GOOG1EXAMPLE", SECRET).unwrap()
}

fn verify(method: &str, target: &str, headers: &Lines, now: Timestamp) -> Result<(), VerifyError> {
    let lines: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let verifier = Verifier::new(KeyRing::new().with(key()), Expect::new());
    verifier.verify(&RequestView::new(method, target, &lines), now).map(|_| ())
}

/// Any name that Cloud Storage takes and no client folds.
fn any_object_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9/._~-]{1,40}",
        "[ -~]{1,40}",
        "\\PC{1,20}",
        "[%+&=;?#/\\\\]{1,12}",
        "[a-c/]{0,5}/%2[ef]/[é日😀]{1,3}"
    ]
    .prop_filter("clients fold these", |name| !name.split('/').any(|segment| matches!(segment, "." | "..")))
}

/// Parameters, each name once.
fn any_params() -> impl Strategy<Value = BTreeMap<String, String>> {
    let names = prop_oneof!["[a-zA-Z0-9_.é-]{1,8}", "X-Goog-[a-z]{1,4}", "[a-b]{1,2}-?"];
    vec((names, "\\PC{0,12}"), 0..6).prop_map(|params| params.into_iter().collect()).prop_filter(
        "these belong to a scheme",
        |params: &BTreeMap<String, String>| {
            let reserved = ["signature", "x-goog-date"];
            params.keys().all(|name| !reserved.contains(&name.to_ascii_lowercase().as_str()))
        },
    )
}

fn any_headers() -> impl Strategy<Value = Lines> {
    let value = vec(prop_oneof![0x20u8..0x7f, 0x80u8..=0xff, Just(b'\t'), Just(b' ')], 0..24);
    vec((prop_oneof!["x-[a-d]{1,2}", "X-Goog-Meta-[A-D]{1,2}", "range", "content-type", "a/b"], value), 0..6)
}

fn request(name: &str, params: &BTreeMap<String, String>, headers: &Lines) -> UrlRequest {
    let mut request = UrlRequest::new("GET", &Endpoint::google(), "photos", name).unwrap();
    for (name, value) in params {
        request = request.query(name, value);
    }
    for (name, value) in headers {
        request = request.header(name, value.as_slice());
    }
    request
}

/// A signed URL as it is used.
fn signed(request: &UrlRequest) -> (String, Lines) {
    let url = key().signed_url(request, now()).unwrap();
    let mut headers = vec![("host".to_owned(), HOST.as_bytes().to_vec())];
    headers.extend(url.required_headers().iter().cloned());
    (url.expose().strip_prefix(ORIGIN).unwrap().to_owned(), headers)
}

/// Every escape of the query in lower case, which is the one change that a proxy may make to it.
fn fold_escapes_of_query(target: &str) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut bytes = query.as_bytes().to_vec();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            let end = (at + 3).min(bytes.len());
            bytes[at..end].make_ascii_lowercase();
            at = end;
        } else {
            at += 1;
        }
    }
    format!("{path}?{}", String::from_utf8_lossy(&bytes))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_signed_is_accepted(name in any_object_name(), params in any_params(), headers in any_headers()) {
        let (target, lines) = signed(&request(&name, &params, &headers));
        prop_assert_eq!(verify("GET", &target, &lines, now()), Ok(()));
        let lines: Vec<(&str, &[u8])> = lines.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let presented = Presented::parse(&RequestView::new("GET", &target, &lines)).unwrap();
        let verified = key().verify(presented, &Expect::new().host(HOST), now()).unwrap();
        prop_assert_eq!(verified.decoded_path().unwrap(), format!("/photos/{name}"));
        let found: BTreeMap<String, String> = verified.params().map(Result::unwrap).collect();
        prop_assert_eq!(found, params);
    }

    #[test]
    fn one_changed_byte_is_refused(
        name in any_object_name(), params in any_params(), at in any::<Index>(), with in 0x21u8..0x7f,
    ) {
        let (target, lines) = signed(&request(&name, &params, &Vec::new()));
        let mut bytes = target.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = with;
        let changed = String::from_utf8(bytes).unwrap();
        prop_assume!(fold_escapes_of_query(&changed) != fold_escapes_of_query(&target));
        prop_assert!(verify("GET", &changed, &lines, now()).is_err(), "{}", changed);
    }

    #[test]
    fn one_byte_more_or_less_is_refused(name in any_object_name(), at in any::<Index>(), with in 0x21u8..0x7f) {
        let (target, lines) = signed(&request(&name, &BTreeMap::new(), &Vec::new()));
        let at = at.index(target.len());
        let (head, tail) = target.split_at(at);
        let more = format!("{head}{}{tail}", char::from(with));
        prop_assert!(verify("GET", &more, &lines, now()).is_err(), "{}", more);
        let less = format!("{head}{}", &tail[1..]);
        prop_assert!(verify("GET", &less, &lines, now()).is_err(), "{}", less);
    }

    #[test]
    fn another_header_is_refused(headers in any_headers(), at in any::<Index>(), extra in "x-goog-[a-z]{1,8}") {
        let (target, lines) = signed(&request("cat.jpg", &BTreeMap::new(), &headers));
        let mut more = lines.clone();
        more.push((extra, b"1".to_vec()));
        prop_assert!(verify("GET", &target, &more, now()).is_err());
        let at = at.index(lines.len());
        let mut other = lines.clone();
        other[at].1.insert(0, b'x');
        prop_assert!(verify("GET", &target, &other, now()).is_err());
    }

    #[test]
    fn a_token_ends_to_the_second(seconds in 1u32..=900) {
        let (target, lines) = signed(
            &request("cat.jpg", &BTreeMap::new(), &Vec::new()).lives(Lifetime::from_seconds(seconds).unwrap()),
        );
        for (at, accepted) in [
            (-901, false), (-900, true), (0, true), (i64::from(seconds), true), (i64::from(seconds) + 1, false),
        ] {
            prop_assert_eq!(verify("GET", &target, &lines, later(at)).is_ok(), accepted, "at {}", at);
        }
    }

    #[test]
    fn no_token_outlives_its_key(asked in 1u32..=900, left in -10i64..1000, clamp in any::<bool>()) {
        let credential = Credential::hmac_key("GOOG1EXAMPLE").unwrap().expiring(later(left));
        let key = HmacKey::from_credential(credential, SECRET).unwrap();
        let choice = if clamp { OnShortCredential::Clamp } else { OnShortCredential::Refuse };
        let request = UrlRequest::new("GET", &Endpoint::google(), "photos", "a").unwrap()
            .lives(Lifetime::from_seconds(asked).unwrap())
            .on_short_credential(choice);
        match key.signed_url(&request, now()) {
            Ok(url) => {
                prop_assert!(url.expires_at() <= later(left) && url.expires_at() <= later(i64::from(asked)));
                prop_assert!(clamp || i64::from(asked) <= left);
            }
            Err(error) => {
                let outlives = matches!(error, IssueError::OutlivesCredential { .. });
                prop_assert!(outlives, "{}", error);
                prop_assert!(left < i64::from(asked) && (!clamp || left < 1));
            }
        }
    }

    #[test]
    fn a_presigner_gives_what_the_trait_gives(names in vec(any_object_name(), 1..4), days in vec(0i64..3, 1..4)) {
        let grant = Grant::read("photos", "any");
        let key = key();
        let mut presigner = Presigner::new(&key, &Endpoint::google(), &grant).unwrap();
        let mut url = String::new();
        for day in days {
            for name in &names {
                let at = later(day * 86_400);
                let expires_at = presigner.presign_into(name, at, &mut url).unwrap();
                let one = key.signed_url(&UrlRequest::storage(&Grant::read("photos", name)).unwrap(), at).unwrap();
                prop_assert_eq!((url.as_str(), expires_at), (one.expose(), one.expires_at()));
            }
        }
    }

    /// A size that was asked for is held to, whatever the client sends.
    #[test]
    fn an_upload_of_another_size_is_refused(least in 0u64..200, room in 0u64..100, length in 0usize..400) {
        let grant = Grant::upload("photos", "a").size(least..=least + room).any_content_type();
        let (target, lines) = signed(&UrlRequest::storage(&grant).unwrap());
        let lines: Vec<(&str, &[u8])> = lines.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let presented = Presented::parse(&RequestView::new("PUT", &target, &lines)).unwrap();
        let verified = key().verify(presented, &Expect::new(), now()).unwrap();
        let mut check = verified.payload_check();
        check.update(&vec![0; length]);
        prop_assert_eq!(check.finish().is_ok(), (least..=least + room).contains(&(length as u64)));
    }

    #[test]
    fn a_form_is_accepted_as_it_was_signed_and_in_no_other_way(
        name in any_object_name(), value in "\\PC{0,20}", prefix in "[a-z]{0,4}/?", at in any::<Index>(), with in "[ -~]",
    ) {
        prop_assume!(!name.contains("${filename}"));
        let policy = PostPolicy::new(&Endpoint::google(), "photos", &name).unwrap()
            .field("x-goog-meta-note", value)
            .starts_with("Content-Type", prefix.as_str())
            .size(0..=5);
        let form = policy.sign(&key(), now()).unwrap();
        let mut fields: Vec<(String, String)> =
            form.fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        fields.push(("content-type".to_owned(), format!("{prefix}png")));
        let check = |fields: &[(String, String)]| {
            let fields: Vec<(&str, &str)> =
                fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let pending = PresentedForm::parse(&FormView::new("photos", &fields))?
                .check(key().credential(), &ExpectForm::new(), now())?;
            let expected = key().sign(pending.scope(), pending.string_to_sign()).unwrap();
            pending.accept(&expected).map(|form| form.key().to_owned())
        };
        prop_assert_eq!(check(&fields), Ok(name));
        let at = at.index(fields.len() - 1);
        let mut changed = fields.clone();
        changed[at].1.push_str(&with);
        prop_assert!(check(&changed).is_err(), "{}", changed[at].0);
        let mut renamed = fields.clone();
        renamed[at].0.push('x');
        prop_assert!(check(&renamed).is_err(), "{}", renamed[at].0);
        let mut missing = fields;
        missing.remove(at);
        prop_assert!(check(&missing).is_err());
    }

    #[test]
    fn nothing_made_up_is_accepted(method in "[A-Z]{1,7}", target in "/[!-~]{0,80}", value in "[ -~]{0,120}") {
        let lines: Lines = vec![
            ("host".to_owned(), HOST.as_bytes().to_vec()),
            ("authorization".to_owned(), value.clone().into_bytes()),
        ];
        prop_assert!(verify(&method, &target, &lines, now()).is_err());
        prop_assert!(verify(&method, &target, &lines[..1].to_vec(), now()).is_err());
        let query = format!("/a?X-Goog-Signature={}", value.replace(' ', "%20"));
        prop_assert!(verify(&method, &query, &lines[..1].to_vec(), now()).is_err());
    }

    /// What starts a resumable upload has no body of its own.
    #[test]
    fn the_start_of_a_resumable_upload_is_empty(length in 0usize..4) {
        let grant = Grant::create("photos", "a").size(1..=3).content_type("image/png");
        let (target, lines) = signed(&UrlRequest::resumable(&Endpoint::google(), &grant).unwrap());
        let lines: Vec<(&str, &[u8])> = lines.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let presented = Presented::parse(&RequestView::new("POST", &target, &lines)).unwrap();
        let verified = key().verify(presented, &Expect::new(), now()).unwrap();
        prop_assert!(verified.starts_resumable());
        prop_assert_eq!(verified.size(), Some(&(1..=3)));
        let mut check = verified.payload_check();
        check.update(&vec![0; length]);
        prop_assert_eq!(check.finish().is_ok(), length == 0);
    }

    /// Broader than the default needs a reason, in every form.
    #[test]
    fn whatever_is_broader_needs_a_justification(seconds in 901u32..=604_800, http in any::<bool>()) {
        let endpoint = Endpoint::custom(if http { "http://localhost:1" } else { ORIGIN }).unwrap();
        let lifetime = Lifetime::from_seconds(seconds).unwrap();
        let url = UrlRequest::new("GET", &endpoint, "photos", "a").unwrap().lives(lifetime);
        let refused = matches!(key().signed_url(&url, now()), Err(IssueError::Unjustified { .. }));
        prop_assert!(refused);
        let form = PostPolicy::new(&endpoint, "photos", "a").unwrap().size(0..=9).lives(lifetime);
        let refused = matches!(form.sign(&key(), now()), Err(IssueError::Unjustified { .. }));
        prop_assert!(refused);
        let why = || Justification::new("test").unwrap();
        prop_assert!(key().signed_url(&url.because(why()), now()).is_ok());
        prop_assert!(form.because(why()).sign(&key(), now()).is_ok());
    }
}

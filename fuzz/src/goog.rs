//! Cloud Storage: signed URLs against a slow reading, and forms against their own policies.

use std::sync::LazyLock;
use valet_key::{
    clock::Timestamp,
    gcs::{Credential, Expect, ExpectForm, FormView, GoogV4, HmacKey, KeyRing, Presented, PresentedForm, StorageError},
    view::{HeaderLine, RequestView},
};

const ID: &str = "GOOG1EXAMPLE";
const SCOPE: &str = "20260102/auto/storage/goog4_request";
const HOST: &str = "storage.googleapis.com";

fn key() -> HmacKey {
    HmacKey::new(ID, "bGoa+V7g/yqDXvKRqq+JTFn4uQZbPiQJo4pf9RzJ").unwrap()
}

static KEY: LazyLock<HmacKey> = LazyLock::new(key);
static RING: LazyLock<KeyRing> = LazyLock::new(|| KeyRing::new().with(key()));

fn now() -> Timestamp {
    Timestamp::parse_iso_basic(super::DATE).unwrap()
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Decodes every escape once, and encodes whatever is not unreserved.
fn respelled(text: &str) -> String {
    let mut decoded = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first == b'%' {
            let digits = std::str::from_utf8(&rest[..2]).unwrap();
            decoded.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &rest[2..];
        } else {
            decoded.push(first);
        }
    }
    let encode = |byte: u8| if is_unreserved(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    decoded.into_iter().map(encode).collect()
}

/// The canonical request, read slowly.
fn canonical(method: &str, target: &str, lines: &[HeaderLine<'_>], names: &[String]) -> Vec<u8> {
    let (path, query) = target.split_once('?').unwrap();
    let mut params: Vec<(String, String)> = query
        .split('&')
        .map(|param| param.split_once('=').unwrap_or((param, "")))
        .filter(|(name, _)| *name != "X-Goog-Signature")
        .map(|(name, value)| (respelled(name), respelled(value)))
        .collect();
    params.sort();
    let params: Vec<String> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut text = format!("{method}\n{path}\n{}\n", params.join("&")).into_bytes();
    let mut payload = b"UNSIGNED-PAYLOAD".to_vec();
    for name in names {
        let values: Vec<Vec<u8>> = lines
            .iter()
            .filter(|(line, _)| line.to_ascii_lowercase() == *name)
            .map(|(_, value)| {
                let words: Vec<&[u8]> =
                    value.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty()).collect();
                words.join(&b' ')
            })
            .collect();
        text.extend_from_slice(format!("{name}:").as_bytes());
        text.extend_from_slice(&values.join(&b','));
        text.push(b'\n');
        if name == "x-goog-content-sha256" {
            // One line, or it is refused; without the blanks around it.
            let line = lines.iter().find(|(line, _)| line.eq_ignore_ascii_case(name)).unwrap().1;
            let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
            let end = line.len() - line.iter().rev().take_while(|byte| is_blank(byte)).count();
            payload = line[..end].iter().copied().skip_while(is_blank).collect();
        }
    }
    text.extend_from_slice(format!("\n{}\n", names.join(";")).as_bytes());
    text.extend_from_slice(&payload);
    text
}

/// A signed URL of any shape: method, path with query, and header lines, one on each line of the input.
///
/// Whatever passes the check without a key has the canonical request of the slow reading, is accepted once it is
/// signed, and is refused after a change of one byte of its target.
///
/// # Panics
/// If it does not hold.
pub fn goog4_verify(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut input = text.split('\n');
    let method = input.next().unwrap_or_default();
    let target = input.next().unwrap_or_default();
    let change = input
        .next()
        .unwrap_or_default()
        .bytes()
        .fold(0usize, |at, byte| at.wrapping_mul(31).wrapping_add(usize::from(byte)));
    let mut lines: Vec<HeaderLine<'_>> = vec![("host", HOST.as_bytes())];
    lines.extend(input.filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.as_bytes())));
    let mut names: Vec<String> = lines.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    names.dedup();
    let credential = format!("{ID}/{SCOPE}").replace('/', "%2F");
    let signed_headers = names.join("%3B").replace('/', "%2F");
    let separator = if target.contains('?') { '&' } else { '?' };
    let mut target = format!(
        "{target}{separator}X-Goog-Algorithm=GOOG4-HMAC-SHA256&X-Goog-Credential={credential}&X-Goog-Date={}\
         &X-Goog-Expires=900&X-Goog-SignedHeaders={signed_headers}&X-Goog-Signature=",
        super::DATE
    );
    let unsigned = format!("{target}{}", "0".repeat(64));
    let known = Credential::hmac_key(ID).unwrap();
    let presented = Presented::parse(&RequestView::new(method, &unsigned, &lines));
    let pending = match presented.and_then(|presented| presented.check(&known, &Expect::new(), now())) {
        Ok(pending) => pending,
        Err(error) => {
            assert!(StorageError::from(&error).status >= 400);
            return;
        }
    };
    let (found, expected) = (pending.canonical_request(), canonical(method, &unsigned, &lines, &names));
    assert_eq!(String::from_utf8_lossy(&found), String::from_utf8_lossy(&expected));
    assert!(found == expected, "they differ in bytes that are not UTF-8");

    // With the signature of what was checked in its place, it must be accepted.
    target.push_str(&signature_hex(pending.string_to_sign().as_bytes()));
    let view = RequestView::new(method, &target, &lines);
    let verified = RING.verify(Presented::parse(&view).unwrap(), &Expect::new(), now()).unwrap();
    assert_eq!(verified.path(), target.split('?').next().unwrap());
    let mut bytes = target.clone().into_bytes();
    let at = change % bytes.len();
    bytes[at] = if bytes[at] == b'~' { b'!' } else { bytes[at] + 1 };
    let changed = String::from_utf8_lossy(&bytes).into_owned();
    let folded = |target: &str| {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        (path.to_owned(), query.to_ascii_lowercase())
    };
    if folded(&changed) != folded(&target) {
        let view = RequestView::new(method, &changed, &lines);
        let again = Presented::parse(&view).and_then(|presented| RING.verify(presented, &Expect::new(), now()));
        assert!(again.is_err(), "accepted after a change at {at}");
    }
}

fn signature_hex(message: &[u8]) -> String {
    let scope = ["20260102", "auto", "storage", "goog4_request"];
    super::signature_hex(b"GOOG4bGoa+V7g/yqDXvKRqq+JTFn4uQZbPiQJo4pf9RzJ", scope, message)
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}

/// A form of any shape: the bucket, the name of the file and the policy, each on a line, then `name=value`
/// fields.
///
/// Whatever is accepted is an object of that bucket, and every field of it is one that the policy names.
///
/// # Panics
/// If it does not hold.
pub fn post_form(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut input = text.split('\n');
    let bucket = input.next().unwrap_or_default();
    let file_name = input.next().unwrap_or_default();
    let policy = input.next().unwrap_or_default();
    let base64 = base64(policy.as_bytes());
    // What is signed is the policy as it was sent.
    let (credential, signature) = (format!("{ID}/{SCOPE}"), signature_hex(base64.as_bytes()));
    let mut fields: Vec<(&str, &str)> = vec![
        ("x-goog-algorithm", "GOOG4-HMAC-SHA256"),
        ("x-goog-credential", &credential),
        ("x-goog-date", super::DATE),
        ("policy", &base64),
        ("x-goog-signature", &signature),
    ];
    fields.extend(input.filter_map(|line| line.split_once('=')));
    let view = FormView::new(bucket, &fields).file_name(file_name);
    let known = Credential::hmac_key(ID).unwrap();
    let presented = PresentedForm::parse(&view);
    let pending = match presented.and_then(|presented| presented.check(&known, &ExpectForm::new(), now())) {
        Ok(pending) => pending,
        Err(error) => {
            assert!(StorageError::from(&error).status >= 400);
            return;
        }
    };
    let right = KEY.sign(pending.scope(), pending.string_to_sign()).unwrap();
    let form = match pending.accept(&right) {
        Ok(form) => form,
        Err(error) => return assert_eq!(error.code(), "policy"),
    };
    assert_eq!(form.bucket(), bucket);
    assert!(!form.key().is_empty() && form.expires_at() >= now());
    assert!(
        policy.to_ascii_lowercase().contains("bucket") || policy.contains("\\u"),
        "a policy that leaves the bucket open was accepted"
    );
    let lower = policy.to_ascii_lowercase();
    for (name, _) in &fields {
        let name = name.to_ascii_lowercase();
        let exempt = name == "policy" || name == "x-goog-signature" || name.starts_with("x-ignore-");
        // A name may be written with escapes in the policy.
        assert!(exempt || lower.contains(&name) || lower.contains("\\u"), "{name} is not covered");
    }
}

pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let three = [chunk[0], *chunk.get(1).unwrap_or(&0), *chunk.get(2).unwrap_or(&0)];
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let letter = char::from(ALPHABET[(bits >> shift & 63) as usize]);
            text.push(if at <= chunk.len() { letter } else { '=' });
        }
    }
    text
}

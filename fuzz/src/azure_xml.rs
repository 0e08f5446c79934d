//! Answers of Get User Delegation Key.

use valet_key::{
    azure::{KeyRequest, Sas, Service, UrlRequest},
    clock::Timestamp,
    error::KeyError,
    grant::Grant,
};

/// The elements of an answer that have to be there.
const ELEMENTS: [&str; 7] =
    ["SignedOid", "SignedTid", "SignedStart", "SignedExpiry", "SignedService", "SignedVersion", "Value"];

fn call() -> KeyRequest {
    let start = Timestamp::parse_iso_basic("20261122T000000Z").unwrap();
    KeyRequest::new("myaccount", Service::Blob, start, start.saturating_add(7 * 86_400)).unwrap()
}

/// The texts that an element of this name has anywhere.
fn texts<'a>(answer: &'a str, name: &str) -> Vec<&'a str> {
    let close = format!("</{name}");
    let open = format!("<{name}");
    let behind = |piece: &'a str| piece.trim_start_matches([' ', '\t', '\r', '\n']).strip_prefix('>');
    answer.split(open.as_str()).skip(1).filter_map(|rest| behind(rest.split_once(close.as_str())?.0)).collect()
}

/// An answer of any shape.
///
/// What is accepted has every element, holds no document type, and says the same when its fields are written down again in
/// the plainest form: the key that is read from that signs alike. A byte less at its end is no answer. What is refused is
/// refused in the crate's own words.
///
/// # Panics
/// If it does not hold.
pub fn delegation_key(data: &[u8]) {
    let answer = String::from_utf8_lossy(data);
    let key = match call().read_answer(&answer) {
        Ok(key) => key,
        Err(error) => {
            let text = error.to_string();
            assert!(matches!(error, KeyError::Holder(_)) && text.len() < 200, "{text}");
            return assert!(text.starts_with("the key holder failed: the answer of Get User Delegation Key "));
        }
    };
    assert!(answer.len() <= 16 << 10);
    // A comment, a section of characters and an instruction may hold anything.
    let document = answer.trim_start_matches('\u{feff}');
    let document = document.strip_prefix("<?xml").unwrap_or(document);
    let is_quoted = ["<!--", "<![CDATA[", "<?"].iter().any(|quote| document.contains(quote));
    assert!(is_quoted || !answer.contains("<!DOCTYPE"));
    let trimmed = answer.trim_end_matches([' ', '\t', '\r', '\n']);
    if trimmed.ends_with("</UserDelegationKey>") {
        assert!(call().read_answer(&trimmed[..trimmed.len() - 1]).is_err(), "accepted without its end");
    }
    let credential = key.credential();
    let delegation = credential.delegation().unwrap();
    assert_eq!(credential.account_name(), "myaccount");
    assert!((1..=7 * 86_400).contains(&delegation.expires_at().seconds_since(delegation.starts_at())));

    // An element that is passed over may hold others of the same names.
    let found: Vec<Vec<&str>> = ELEMENTS.iter().map(|name| texts(&answer, name)).collect();
    assert!(found.iter().all(|texts| !texts.is_empty()), "an element is missing");
    if is_quoted || found.iter().any(|texts| texts.len() != 1) {
        return;
    }
    let plain: String =
        ELEMENTS.iter().zip(&found).flat_map(|(name, texts)| ["<", name, ">", texts[0], "</", name, ">"]).collect();
    let again = call().read_answer(&format!("<UserDelegationKey>{plain}</UserDelegationKey>")).unwrap();
    assert_eq!(again.credential(), credential);
    let request = UrlRequest::storage(&Grant::read("photos", "cat.jpg")).unwrap();
    let issue = |key: &dyn Sas| key.issue(&request, delegation.starts_at()).map(|url| url.expose().to_owned());
    assert_eq!(issue(&again), issue(&key));
}

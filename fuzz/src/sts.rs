//! Answers of STS.

use valet_key::{
    aws::{
        Region, SigV4,
        sts::{SessionRequest, StsEndpoint, StsError},
    },
    clock::Timestamp,
};

fn now() -> Timestamp {
    Timestamp::parse_iso_basic("20261124T120000Z").unwrap()
}

fn request(choice: u8) -> SessionRequest {
    const ROLE: &str = "arn:aws:iam::123456789012:role/team/uploader";
    match choice % 4 {
        0 => SessionRequest::assume_role(ROLE, "user-42"),
        1 => SessionRequest::web_identity(ROLE, "user-42", "token"),
        2 => SessionRequest::federation_token("jane"),
        _ => SessionRequest::session_token(),
    }
}

/// The texts that an element of this name has anywhere.
fn texts<'a>(answer: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}"), format!("</{name}"));
    let behind = |piece: &'a str| piece.trim_start_matches([' ', '\t', '\r', '\n']).strip_prefix('>');
    answer.split(open.as_str()).skip(1).filter_map(|rest| behind(rest.split_once(close.as_str())?.0)).collect()
}

/// A choice of action, then the answer.
///
/// What is accepted holds each part of a credential, no document type, an end that is to come and not later than was asked
/// for; what is read from it is what is read from the same texts in the plainest form; and the key that comes out is good
/// until that end and no second longer. A byte less at its end is no answer. What is refused is refused in the crate's own
/// words or with a code of plain letters.
///
/// # Panics
/// If it does not hold.
pub fn sts_answer(data: &[u8]) {
    let Some((&choice, answer)) = data.split_first() else { return };
    let answer = String::from_utf8_lossy(answer);
    let request = request(choice);
    let session = match request.read_answer(&answer, now()) {
        Ok(session) => session,
        Err(StsError::Refused { code }) => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
            return assert!((1..=64).contains(&code.as_str().len()) && code.as_str().bytes().all(plain));
        }
        Err(error) => return assert!(error.to_string().len() < 200, "{error}"),
    };
    assert!(answer.len() <= 64 << 10);
    let document = answer.trim_start_matches('\u{feff}');
    let document = document.strip_prefix("<?xml").unwrap_or(document);
    let is_quoted = ["<!--", "<![CDATA[", "<?"].iter().any(|quote| document.contains(quote));
    assert!(is_quoted || !answer.contains("<!DOCTYPE"));
    let trimmed = answer.trim_end_matches([' ', '\t', '\r', '\n']);
    if trimmed.ends_with('>') && !is_quoted {
        assert!(request.read_answer(&trimmed[..trimmed.len() - 1], now()).is_err(), "accepted without its end");
    }
    let (end, credential) = (session.expires_at(), session.key().credential());
    assert_eq!(credential.expires_at(), Some(end));
    assert!((1..=129_600 + 900).contains(&end.seconds_since(now())));

    // The key signs until its end.
    let endpoint = StsEndpoint::regional(Region::new("eu-west-1").unwrap());
    let call = SessionRequest::session_token().as_form(&endpoint).unwrap();
    assert!(call.sign(session.key(), end).is_ok());
    assert!(end.checked_add(1).is_none_or(|late| call.sign(session.key(), late).is_err()));

    let parts = ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"];
    let found: Vec<Vec<&str>> = parts.iter().map(|name| texts(&answer, name)).collect();
    let arn = session.arn().unwrap_or_default();
    // With a prefix of its own an element has another name in the text.
    if is_quoted || answer.contains("xmlns:") || found.iter().any(|texts| texts.len() != 1) {
        return;
    }
    let plain: String =
        parts.iter().zip(&found).flat_map(|(name, texts)| ["<", name, ">", texts[0], "</", name, ">"]).collect();
    let user = if choice % 4 == 2 { "FederatedUser" } else { "AssumedRoleUser" };
    let user = format!("<{user}><Arn>{arn}</Arn></{user}>");
    let action = request.action();
    let again = format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>\
         <Credentials>{plain}</Credentials>{}</{action}Result></{action}Response>",
        if arn.is_empty() { "" } else { &user }
    );
    let again = request.read_answer(&again, now()).unwrap();
    assert_eq!(again.expires_at(), end);
    let sign = |key: &valet_key::aws::StaticKey| call.sign(key, now()).unwrap().authorization().to_owned();
    assert_eq!(sign(again.key()), sign(session.key()));
}

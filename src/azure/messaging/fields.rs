//! Reading the text of a token: its parameters, each once, and nothing else.

use super::{MessagingFamily, canonical::PREFIX, expiry};
use crate::{
    clock::Timestamp,
    encode::{self, Inline},
    error::VerifyError,
    scan::{self, Marks},
    secret::Secret,
};
use alloc::borrow::{Cow, ToOwned};

/// The longest token that is written or read, in bytes.
pub(super) const MAX_TOKEN: usize = 4096;
/// The longest name of a rule, in bytes.
pub(super) const MAX_RULE_NAME: usize = 256;

/// The parameters of a token as they stand in it.
pub(super) struct Fields<'t> {
    pub(super) resource: &'t str,
    pub(super) signature: &'t str,
    pub(super) expiry: &'t str,
    pub(super) rule: Option<&'t str>,
}

/// How a family calls its parameters: resource, signature, expiry and rule.
struct Names {
    required: [&'static str; 3],
    rule: Option<&'static str>,
    is_rule_required: bool,
}

const fn names(family: MessagingFamily) -> Names {
    let required = match family {
        MessagingFamily::ServiceBus | MessagingFamily::IotHub => ["sr", "sig", "se"],
        MessagingFamily::EventGrid => ["r", "s", "e"],
    };
    Names {
        required,
        rule: if matches!(family, MessagingFamily::EventGrid) { None } else { Some("skn") },
        is_rule_required: matches!(family, MessagingFamily::ServiceBus),
    }
}

/// Takes the scheme off the value of an `Authorization` header: one word and one blank.
pub(super) fn without_prefix(text: &str) -> Result<&str, VerifyError> {
    if text.is_empty() {
        return Err(VerifyError::NotSigned);
    }
    let expected = "SharedAccessSignature";
    text.strip_prefix(PREFIX).ok_or(VerifyError::Algorithm { field: "token", expected })
}

/// Splits the parameters. Any order will do.
pub(super) fn split(family: MessagingFamily, text: &str) -> Result<Fields<'_>, VerifyError> {
    let Names { required: [resource, signature, expiry], rule, is_rule_required } = names(family);
    let malformed = |why| VerifyError::Malformed { what: "token", why };
    let mut found = [(resource, None, 0usize), (signature, None, 0), (expiry, None, 0), (rule.unwrap_or(""), None, 0)];
    let mut rest = Some(text);
    while let Some(text) = rest {
        let (parameter, behind) =
            scan::split_once(text, b'&').map_or((text, None), |(parameter, behind)| (parameter, Some(behind)));
        let (name, value) = scan::split_once(parameter, b'=').ok_or(malformed("a parameter has no value"))?;
        let slot = found.iter_mut().find(|(known, ..)| *known == name && !name.is_empty());
        let (_, first, count) = slot.ok_or(malformed("a parameter is unknown"))?;
        *first = Some(value);
        *count += 1;
        rest = behind;
    }
    if let Some((field, _, found)) = found.iter().copied().find(|(.., count)| *count > 1) {
        return Err(VerifyError::FieldCount { field, found });
    }
    let [resource, signature, expiry, rule] = found;
    let once =
        |(field, value, found): (&'static str, Option<_>, usize)| value.ok_or(VerifyError::FieldCount { field, found });
    Ok(Fields {
        resource: once(resource)?,
        signature: once(signature)?,
        expiry: once(expiry)?,
        rule: if is_rule_required { Some(once(rule)?) } else { rule.1 },
    })
}

/// Decodes one field, once, if it has at most `N` bytes then. Everything but letters, digits and `-._~` must be an escape, in
/// upper or lower case, and none of these may be one, so that a value has no third spelling.
pub(super) fn decoded<const N: usize>(text: &str) -> Option<Inline<N>> {
    let (mut decoded, mut start, text) = (Inline::new(), 0, text.as_bytes());
    for (at, byte) in Marks::of(text, 0, scan::unusual) {
        if byte == b'%' {
            decoded.push(text.get(start..at)?)?;
            decoded.push(&[written_out(text, at)?])?;
            start = at + 3;
        } else if !scan::is_unreserved(byte) {
            return None;
        }
    }
    decoded.push(text.get(start..)?)?;
    Some(decoded)
}

/// What the escape stands for that begins there, if it is one that has to be.
fn written_out(text: &[u8], at: usize) -> Option<u8> {
    scan::escaped(text.get(at + 1..)?).filter(|byte| !scan::is_unreserved(*byte))
}

fn is_written_out(text: &str) -> bool {
    let text = text.as_bytes();
    Marks::of(text, 0, scan::unusual)
        .all(|(at, byte)| if byte == b'%' { written_out(text, at).is_some() } else { scan::is_unreserved(byte) })
}

/// The signature: 32 bytes in base64 with padding, percent-encoded.
pub(super) fn signature(field: &'static str, text: &str) -> Result<Secret<[u8; 32]>, VerifyError> {
    let expected = "32 bytes in base64 with padding, percent-encoded";
    let read = || encode::digest_from_base64(text).filter(|_| is_written_out(text));
    read().map(Secret::new).ok_or(VerifyError::FieldForm { field, expected })
}

/// When the token ends.
pub(super) fn expiry(family: MessagingFamily, text: &str) -> Result<Timestamp, VerifyError> {
    if family == MessagingFamily::EventGrid {
        // A blank may be a `+`: .NET writes it so, and none of the forms has another use for one.
        let read = || expiry::read(decoded::<{ expiry::LONGEST }>(&text.replace('+', "%20"))?.as_str()?);
        let expected = "`M/D/YYYY h:mm:ss AM`, `YYYY-MM-DD HH:MM:SS+00:00` or `YYYY-MM-DDTHH:MM:SSZ`";
        return read().ok_or(VerifyError::FieldForm { field: "e", expected });
    }
    let digits = (1..=13).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let read = || Timestamp::from_unix(text.parse().ok()?).ok();
    let expected = "seconds since 1970 in digits, not after the year 9999";
    digits.then(read).flatten().ok_or(VerifyError::FieldForm { field: "se", expected })
}

/// The name of the rule, which most write without an escape.
pub(super) fn rule_name(text: &str) -> Result<Cow<'_, str>, VerifyError> {
    let expected = "1 to 256 visible ASCII characters, percent-encoded";
    let read = || {
        let name = decoded::<MAX_RULE_NAME>(text)?;
        let name = name.as_str().filter(|name| is_rule_name(name))?;
        Some(if name == text { Cow::Borrowed(text) } else { Cow::Owned(name.to_owned()) })
    };
    read().ok_or(VerifyError::FieldForm { field: "skn", expected })
}

pub(super) fn is_rule_name(name: &str) -> bool {
    (1..=MAX_RULE_NAME).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What the parameter that holds the resource, and the one that holds the signature, is called.
pub(super) const fn field_names(family: MessagingFamily) -> (&'static str, &'static str) {
    let [resource, signature, _] = names(family).required;
    (resource, signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_two_spellings_and_no_third() {
        let decoded = |text| decoded::<16>(text).and_then(|decoded| decoded.as_str().map(ToOwned::to_owned));
        assert_eq!(decoded("a%2Fb%3d").as_deref(), Some("a/b="));
        for text in ["a/b", "a+b", "%41", "%", "%2", "%2G", "a b", "%FF", "\u{fc}", "a=b", "a*"] {
            assert_eq!(decoded(text), None, "{text}");
        }
        assert_eq!(decoded("%2520").as_deref(), Some("%20"));
    }

    #[test]
    fn parameters_are_there_once_in_any_order() {
        let fields = split(MessagingFamily::ServiceBus, "sig=S&se=1&skn=N&sr=R").unwrap();
        assert_eq!((fields.resource, fields.signature, fields.expiry, fields.rule), ("R", "S", "1", Some("N")));
        assert_eq!(split(MessagingFamily::IotHub, "sr=R&sig=S&se=1").unwrap().rule, None);
        assert!(split(MessagingFamily::EventGrid, "r=R&e=1&s=S").is_ok());
        for text in [
            "",
            "sr=R",
            "sr=R&sig=S&se=1",
            "sr=R&sig=S&se=1&skn=N&",
            "sr=R&&sig=S&se=1&skn=N",
            "sr=R&sig=S&se=1&skn=N&x=1",
            "sr=R&sig=S&se=1&skn=N&se=1",
            "sr=R&sig=S&se=1&skn=N&skn=N",
            "SR=R&sig=S&se=1&skn=N",
            "sr=R;sig=S;se=1;skn=N",
            "sr=R&sig=S&se=1&skn=N&=",
            "sr=R&sig=S&se=1&skn",
            " sr=R&sig=S&se=1&skn=N",
        ] {
            assert!(split(MessagingFamily::ServiceBus, text).is_err(), "{text}");
        }
        assert!(split(MessagingFamily::EventGrid, "r=R&e=1&s=S&=").is_err());
        assert!(split(MessagingFamily::EventGrid, "r=R&e=1&s=S&skn=N").is_err());
    }

    #[test]
    fn an_expiry_is_digits() {
        assert_eq!(expiry(MessagingFamily::ServiceBus, "1795305600").unwrap().unix(), 1_795_305_600);
        for text in ["", "+1", "-1", " 1", "1 ", "1.0", "1e9", "0x1", "253402300800", "99999999999999", "\u{661}"] {
            assert!(expiry(MessagingFamily::IotHub, text).is_err(), "{text}");
        }
        assert!(expiry(MessagingFamily::EventGrid, "6%2f15%2f2017+6%3a20%3a15+PM").is_ok());
        assert!(expiry(MessagingFamily::EventGrid, "2017-06-15%2018%3A20%3A15%2B00%3A00").is_ok());
        assert!(expiry(MessagingFamily::EventGrid, "1795305600").is_err());
    }
}

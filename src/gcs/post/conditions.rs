//! A policy as its server reads it: strictly, and every condition.

use crate::{clock::Timestamp, error::VerifyError, json::Value};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::ops::RangeInclusive;

/// The most conditions that are read.
const MAX_CONDITIONS: usize = 128;

/// A policy that was read.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) expires_at: Timestamp,
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq)]
enum Condition {
    Equals(String, String),
    StartsWith(String, String),
    Size(RangeInclusive<u64>),
}

fn refused(why: impl Into<String>) -> VerifyError {
    VerifyError::Policy { why: why.into() }
}

/// A field name for an error.
pub(super) fn shown(name: &str) -> String {
    name.chars().take(64).map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}

impl Policy {
    pub(super) fn parse(json: &str) -> Result<Self, VerifyError> {
        let document = Value::parse(json).ok().and_then(Value::into_object);
        let members = document.ok_or_else(|| refused("the document is not one JSON object whose names are unique"))?;
        let (mut expiration, mut list) = (None, None);
        for (name, value) in members {
            match (name.as_str(), value) {
                ("expiration", Value::Text(text)) => expiration = Some(text),
                ("conditions", Value::List(conditions)) => list = Some(conditions),
                _ => return Err(refused("a document has `expiration` and `conditions`, and nothing else")),
            }
        }
        let expires_at = expiration.as_deref().and_then(read_expiration);
        let expires_at = expires_at.ok_or_else(|| refused("`expiration` must be `YYYY-MM-DDTHH:MM:SSZ`"))?;
        let list = list.ok_or_else(|| refused("`conditions` must be a list"))?;
        if list.len() > MAX_CONDITIONS {
            return Err(VerifyError::TooLarge { what: "policy conditions", found: list.len(), limit: MAX_CONDITIONS });
        }
        let read = |value| Condition::read(value).ok_or_else(|| refused("a condition is none that is known"));
        let conditions: Vec<Condition> = list.into_iter().map(read).collect::<Result<_, _>>()?;
        if conditions.iter().filter(|condition| matches!(condition, Condition::Size(_))).count() > 1 {
            return Err(refused("`content-length-range` is there more than once"));
        }
        Ok(Self { expires_at, conditions })
    }

    /// Holds the fields of a form to every condition. `value` tells the value of a field, by its name in any
    /// letter case.
    pub(super) fn evaluate<'f>(&self, value: impl Fn(&str) -> Option<&'f str>) -> Result<(), VerifyError> {
        for condition in &self.conditions {
            let (name, met) = match condition {
                Condition::Equals(name, expected) => (name, value(name) == Some(expected.as_str())),
                Condition::StartsWith(name, prefix) => {
                    let found = value(name).unwrap_or_default();
                    // A list of media types is held to the prefix as a whole, so no other type hides in it.
                    let met = if name.eq_ignore_ascii_case("content-type") {
                        found.split(',').all(|part| part.trim_start_matches(' ').starts_with(prefix.as_str()))
                    } else {
                        found.starts_with(prefix.as_str())
                    };
                    (name, met)
                }
                Condition::Size(_) => continue,
            };
            if !met {
                return Err(refused(format!("on `{}`", shown(name))));
            }
        }
        Ok(())
    }

    /// Whether a condition says something about that field.
    pub(super) fn covers(&self, field: &str) -> bool {
        self.conditions.iter().any(|condition| match condition {
            Condition::Equals(name, _) | Condition::StartsWith(name, _) => name.eq_ignore_ascii_case(field),
            Condition::Size(_) => false,
        })
    }

    /// Whether a condition fixes the value of that field.
    pub(super) fn fixes(&self, field: &str) -> bool {
        self.conditions
            .iter()
            .any(|condition| matches!(condition, Condition::Equals(name, _) if name.eq_ignore_ascii_case(field)))
    }

    /// The sizes that are allowed.
    pub(super) fn size(&self) -> Option<RangeInclusive<u64>> {
        self.conditions.iter().find_map(|condition| match condition {
            Condition::Size(bytes) => Some(bytes.clone()),
            _ => None,
        })
    }
}

impl Condition {
    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Object(members) => {
                let [(name, Value::Text(value))] = <[_; 1]>::try_from(members).ok()? else { return None };
                is_field(&name).then_some(Self::Equals(name, value))
            }
            Value::List(parts) => {
                let [operator, first, second] = <[_; 3]>::try_from(parts).ok()?;
                match (operator.into_text()?.as_str(), first, second) {
                    ("content-length-range", least, most) => {
                        let (least, most) = (read_number(least)?, read_number(most)?);
                        (least <= most).then_some(Self::Size(least..=most))
                    }
                    (operator, Value::Text(field), Value::Text(value)) => {
                        let name = field.strip_prefix('$').filter(|name| is_field(name))?.to_string();
                        match operator {
                            "eq" => Some(Self::Equals(name, value)),
                            "starts-with" => Some(Self::StartsWith(name, value)),
                            _ => None,
                        }
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// Whether a form can have a field of this name, beside the file, the policy and its signature.
///
/// Source: Cloud Storage documentation, "POST object", form fields.
pub(super) fn is_field(name: &str) -> bool {
    const FIELDS: [&str; 12] = [
        "acl",
        "bucket",
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-md5",
        "content-type",
        "expires",
        "key",
        "success_action_redirect",
        "success_action_status",
    ];
    let goog = name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("x-goog-")) && name.len() > 7;
    (goog && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')))
        || FIELDS.iter().any(|field| name.eq_ignore_ascii_case(field))
}

fn read_number(value: Value) -> Option<u64> {
    let (Value::Number(digits) | Value::Text(digits)) = value else { return None };
    let plain = (1..=19).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// Reads `2020-01-23T04:35:40Z`. A fraction of a second, which Google's Python library writes, is dropped: the
/// policy then ends within that second.
fn read_expiration(text: &str) -> Option<Timestamp> {
    let text = text.strip_suffix('Z')?;
    let (text, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if !(1..=9).contains(&fraction.len()) || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let shape = text.len() == 19
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            10 => byte == b'T',
            13 | 16 => byte == b':',
            _ => byte.is_ascii_digit(),
        });
    let basic: String = text.chars().filter(|c| !matches!(c, '-' | ':')).chain(['Z']).collect();
    Timestamp::parse_iso_basic(&basic).ok().filter(|_| shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(conditions: &str) -> Result<Policy, VerifyError> {
        Policy::parse(&format!("{{\"expiration\":\"2020-01-23T04:35:40Z\",\"conditions\":[{conditions}]}}"))
    }

    #[test]
    fn a_condition_that_is_not_known_refuses_the_policy() {
        for good in [
            "",
            "{\"acl\":\"a\"}",
            "[\"eq\",\"$acl\",\"a\"]",
            "[\"starts-with\",\"$acl\",\"\"]",
            "[\"content-length-range\",0,5]",
            "[\"content-length-range\",\"0\",\"5\"]",
        ] {
            assert!(policy(good).is_ok(), "{good}");
        }
        for bad in [
            "{}",
            "{\"a\":\"1\",\"b\":\"2\"}",
            "{\"a\":1}",
            "{\"a\":null}",
            "{\"$a\":\"1\"}",
            "[\"eq\",\"acl\",\"a\"]",
            "[\"EQ\",\"$acl\",\"a\"]",
            "[\"ends-with\",\"$acl\",\"a\"]",
            "[\"eq\",\"$acl\"]",
            "[\"eq\",\"$\",\"a\"]",
            "[\"content-length-range\",5,0]",
            "[\"content-length-range\",-1,5]",
            "[\"content-length-range\",0,1e3]",
            "[\"content-length-range\",0]",
            "\"eq\"",
            "null",
            "[]",
        ] {
            assert!(matches!(policy(bad), Err(VerifyError::Policy { .. })), "{bad}");
        }
        for document in [
            "[]",
            "{}",
            "{\"conditions\":[]}",
            "{\"expiration\":\"2020-01-23T04:35:40Z\"}",
            "{\"expiration\":\"2020-01-23T04:35:40Z\",\"conditions\":[],\"more\":1}",
            "{\"expiration\":\"2020-01-23T04:35:40Z\",\"conditions\":[],\"conditions\":[]}",
            "{\"expiration\":\"2020-01-23 04:35:40Z\",\"conditions\":[]}",
            "{\"expiration\":\"2020-01-23T04:35:40+00:00\",\"conditions\":[]}",
            "{\"expiration\":\"20200123T043540Z\",\"conditions\":[]}",
        ] {
            assert!(Policy::parse(document).is_err(), "{document}");
        }
    }

    #[test]
    fn an_expiration_is_read_to_the_second() {
        let seconds = |text: &str| read_expiration(text).map(Timestamp::unix);
        let whole = seconds("2020-01-23T04:35:40Z");
        assert!(whole.is_some());
        for text in ["2020-01-23T04:35:40.000Z", "2020-01-23T04:35:40.518042Z", "2020-01-23T04:35:40.999999999Z"] {
            assert_eq!(seconds(text), whole, "{text}");
        }
        for text in [
            "2020-01-23T04:35:40.Z",
            "2020-01-23T04:35:40.1234567890Z",
            "2020-01-23T04:35:40.1.2Z",
            "2020-01-23T04:35:40,5Z",
            "2020-01-23T04:35:40.5",
            "2020-01-23T04:35Z",
            "2020-02-30T04:35:40Z",
            "2020-01-23T24:35:40Z",
            "2020-1-23T04:35:40Z",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn every_condition_counts() {
        let policy = policy(
            "{\"acl\":\"public\"},[\"starts-with\",\"$Content-Type\",\"image/\"],[\"starts-with\",\"$x-goog-meta-note\",\"\"],\
             [\"content-length-range\",3,9]",
        )
        .unwrap();
        let check = |acl: Option<&'static str>, kind: &'static str| {
            policy.evaluate(move |name| match name.to_ascii_lowercase().as_str() {
                "acl" => acl,
                "content-type" => Some(kind),
                _ => None,
            })
        };
        assert_eq!(check(Some("public"), "image/png"), Ok(()));
        assert_eq!(check(Some("public"), "image/png, image/gif"), Ok(()));
        assert!(check(Some("private"), "image/png").is_err());
        assert!(check(None, "image/png").is_err());
        assert!(check(Some("public"), "text/html").is_err());
        assert!(check(Some("public"), "image/png,text/html").is_err());
        assert_eq!(policy.size(), Some(3..=9));
        assert!(policy.covers("ACL") && policy.fixes("acl") && policy.covers("content-type") && !policy.covers("x"));
        assert!(!policy.fixes("content-type"));
    }
}

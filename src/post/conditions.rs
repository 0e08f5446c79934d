//! A policy as its server reads it: strictly, and every condition.

use super::{Rules, shown};
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
#[derive(Clone)]
pub(crate) struct Policy {
    pub(crate) expires_at: Timestamp,
    conditions: Vec<Condition>,
    rules: &'static Rules,
}

#[derive(Clone)]
enum Condition {
    Equals(String, String),
    StartsWith(String, String),
    Size(RangeInclusive<u64>),
    /// What its server reads, and never finds met.
    Never(String),
}

const fn refused(why: &'static str) -> VerifyError {
    VerifyError::PolicyDocument { why }
}

impl Policy {
    pub(crate) fn parse(json: &str, rules: &'static Rules) -> Result<Self, VerifyError> {
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
        let expires_at = expiration.as_deref().and_then(|text| Timestamp::from_iso_extended(text, &rules.fraction));
        let expires_at = expires_at.ok_or_else(|| refused("`expiration` must be `YYYY-MM-DDTHH:MM:SSZ`"))?;
        let list = list.ok_or_else(|| refused("`conditions` must be a list"))?;
        if list.len() > MAX_CONDITIONS {
            return Err(VerifyError::TooLarge { what: "policy conditions", found: list.len(), limit: MAX_CONDITIONS });
        }
        let read = |value| Condition::read(value, rules).ok_or_else(|| refused("a condition is none that is known"));
        let conditions: Vec<Condition> = list.into_iter().map(read).collect::<Result<_, _>>()?;
        if conditions.iter().filter(|condition| matches!(condition, Condition::Size(_))).count() > 1 {
            return Err(refused("`content-length-range` is there more than once"));
        }
        Ok(Self { expires_at, conditions, rules })
    }

    /// Holds the fields of a form to every condition. `value` tells the value of a field, by its name in any
    /// letter case.
    pub(crate) fn evaluate<'f>(&self, value: impl Fn(&str) -> Option<&'f str>) -> Result<(), VerifyError> {
        for condition in &self.conditions {
            let (name, met) = match condition {
                Condition::Equals(name, expected) => (name, value(name) == Some(expected.as_str())),
                Condition::StartsWith(name, prefix) => {
                    let absent = if self.rules.absent_is_empty { Some("") } else { None };
                    // Each media type of a list begins like that, so no other hides in it. Blanks count: no document says
                    // that a server passes over them.
                    let met = value(name).or(absent).is_some_and(|found| {
                        if name.eq_ignore_ascii_case("content-type") {
                            found.split(',').all(|part| part.starts_with(prefix.as_str()))
                        } else {
                            found.starts_with(prefix.as_str())
                        }
                    });
                    (name, met)
                }
                Condition::Never(name) => (name, false),
                Condition::Size(_) => continue,
            };
            if !met {
                return Err(VerifyError::Policy { why: format!("on `{}`", shown(name)) });
            }
        }
        Ok(())
    }

    /// Whether a condition says something about that field.
    pub(crate) fn covers(&self, field: &str) -> bool {
        self.conditions.iter().any(|condition| match condition {
            Condition::Equals(name, _) | Condition::StartsWith(name, _) => name.eq_ignore_ascii_case(field),
            Condition::Size(_) | Condition::Never(_) => false,
        })
    }

    /// Whether a condition fixes the value of that field.
    pub(crate) fn fixes(&self, field: &str) -> bool {
        self.conditions
            .iter()
            .any(|condition| matches!(condition, Condition::Equals(name, _) if name.eq_ignore_ascii_case(field)))
    }

    /// The sizes that are allowed.
    pub(crate) fn size(&self) -> Option<RangeInclusive<u64>> {
        self.conditions.iter().find_map(|condition| match condition {
            Condition::Size(bytes) => Some(bytes.clone()),
            _ => None,
        })
    }
}

impl Condition {
    fn read(value: Value, rules: &Rules) -> Option<Self> {
        let odd = |name: &str| rules.odd_is_unmet.then(|| Self::Never(name.to_string()));
        match value {
            Value::Object(members) => {
                let [(name, Value::Text(value))] = <[_; 1]>::try_from(members).ok()? else { return None };
                if (rules.is_field)(&name) { Some(Self::Equals(name, value.into_string())) } else { odd(&name) }
            }
            Value::List(parts) => {
                let [operator, first, second] = <[_; 3]>::try_from(parts).ok()?;
                match (operator.into_text()?.as_str(), first, second) {
                    ("content-length-range", least, most) => match (read_bound(least)?, read_bound(most)?) {
                        (Bound::Bytes(least), Bound::Bytes(most)) => {
                            (least <= most).then_some(Self::Size(least..=most))
                        }
                        _ => odd("content-length-range"),
                    },
                    (operator @ ("eq" | "starts-with"), Value::Text(field), Value::Text(value)) => {
                        let Some(name) = field.strip_prefix('$').filter(|name| (rules.is_field)(name)) else {
                            return odd(&field);
                        };
                        match operator {
                            "eq" => Some(Self::Equals(name.to_string(), value.into_string())),
                            _ if (rules.takes_prefix)(name) => {
                                Some(Self::StartsWith(name.to_string(), value.into_string()))
                            }
                            _ => odd(name),
                        }
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

enum Bound {
    Bytes(u64),
    /// Text that is no number.
    Odd,
}

/// Reads a bound of a size: digits, as a number or as text.
fn read_bound(value: Value) -> Option<Bound> {
    let (digits, is_text) = match value {
        Value::Number(digits) => (digits, false),
        Value::Text(digits) => (digits.into_string(), true),
        _ => return None,
    };
    if is_text && !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return Some(Bound::Odd);
    }
    let plain = (1..=19).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok().map(Bound::Bytes)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        is_field: |name| ["acl", "content-type", "x-a"].iter().any(|field| field.eq_ignore_ascii_case(name)),
        takes_prefix: |name| !name.eq_ignore_ascii_case("x-a"),
        absent_is_empty: false,
        odd_is_unmet: false,
        fraction: 1..=9,
    };
    const LAX: Rules = Rules { absent_is_empty: true, odd_is_unmet: true, fraction: 3..=3, ..RULES };

    fn read(document: &str) -> Result<Policy, VerifyError> {
        Policy::parse(document, &RULES)
    }

    fn document(conditions: &str) -> String {
        format!("{{\"expiration\":\"2020-01-23T04:35:40Z\",\"conditions\":[{conditions}]}}")
    }

    fn policy(conditions: &str) -> Result<Policy, VerifyError> {
        read(&document(conditions))
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
            "[\"content-length-range\",\"a\",5]",
            "[\"starts-with\",\"$x-a\",\"a\"]",
            "{\"x-b\":\"1\"}",
            "[\"content-length-range\",0,5],[\"content-length-range\",0,5]",
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
            assert!(matches!(policy(bad), Err(VerifyError::PolicyDocument { .. })), "{bad}");
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
            assert!(read(document).is_err(), "{document}");
        }
    }

    #[test]
    fn an_odd_condition_is_unreadable_or_never_met() {
        for odd in [
            "[\"starts-with\",\"acl\",\"a\"]",
            "[\"starts-with\",\"$x-a\",\"a\"]",
            "{\"x-b\":\"a\"}",
            "[\"content-length-range\",\"a\",5]",
        ] {
            assert!(matches!(policy(odd), Err(VerifyError::PolicyDocument { .. })), "{odd}");
            let read = Policy::parse(&document(odd), &LAX).unwrap();
            assert!(matches!(read.evaluate(|_| Some("a")), Err(VerifyError::Policy { .. })), "{odd}");
        }
        for bad in ["[\"content-length-range\",-1,5]", "[\"content-length-range\",\"-1\",5]", "[\"eq\",\"$acl\"]"] {
            assert!(matches!(Policy::parse(&document(bad), &LAX), Err(VerifyError::PolicyDocument { .. })), "{bad}");
        }
    }

    #[test]
    fn a_field_that_is_not_there_begins_with_nothing_or_fails() {
        let conditions = document("[\"starts-with\",\"$acl\",\"\"]");
        assert!(Policy::parse(&conditions, &LAX).unwrap().evaluate(|_| None).is_ok());
        assert!(Policy::parse(&conditions, &RULES).unwrap().evaluate(|_| None).is_err());
    }

    #[test]
    fn every_condition_counts() {
        let policy = policy(
            "{\"acl\":\"public\"},[\"starts-with\",\"$Content-Type\",\"image/\"],\
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
        assert_eq!(check(Some("public"), "image/png,image/gif"), Ok(()));
        assert!(check(Some("public"), " image/png").is_err());
        assert!(check(Some("private"), "image/png").is_err());
        assert!(check(None, "image/png").is_err());
        assert!(check(Some("public"), "text/html").is_err());
        assert!(check(Some("public"), "image/png,text/html").is_err());
        assert_eq!(policy.size(), Some(3..=9));
        assert!(policy.covers("ACL") && policy.fixes("acl") && policy.covers("content-type") && !policy.covers("x"));
        assert!(!policy.fixes("content-type"));
    }
}

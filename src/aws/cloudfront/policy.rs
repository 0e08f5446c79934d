//! A policy as an edge reads it: strictly, one statement, and every condition.
//!
//! Source: CloudFront Developer Guide, "Create a signed URL using a custom policy", values of a policy statement.

use super::{Network, Pattern};
use crate::{error::VerifyError, json::Value};
use alloc::{borrow::ToOwned, format, string::String};

/// The largest policy that is read, in bytes before it is decoded.
pub(super) const MAX_POLICY: usize = 8 << 10;
/// The longest URL that CloudFront takes, with its token.
///
/// Source: CloudFront Developer Guide, "Quotas": maximum length of a URL.
pub(super) const MAX_URL: usize = 8192;
/// The last second that CloudFront can read.
pub(super) const MAX_TIME: u32 = i32::MAX.unsigned_abs();

/// What a policy allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) resource: Pattern,
    /// The first second at which it is over.
    pub(super) until: u32,
    pub(super) from: Option<u32>,
    pub(super) network: Option<Network>,
}

fn refused(why: impl Into<String>) -> VerifyError {
    VerifyError::Policy { why: why.into() }
}

impl Statement {
    /// Reads a custom policy. Blanks between its parts are nothing, since they are signed as they are.
    ///
    /// A statement without a resource would be for every URL. Nobody says so by leaving something out, so that it is
    /// refused.
    pub(super) fn read(text: &str) -> Result<Self, VerifyError> {
        let not_strict = || refused("it is not one JSON object whose names are unique");
        let document = Value::parse(text).ok().and_then(Value::into_object).ok_or_else(not_strict)?;
        let [list] = members(document, ["Statement"], "a policy")?;
        let Some(Value::List(statements)) = list else { return Err(refused("`Statement` must be a list")) };
        let [statement] = <[Value; 1]>::try_from(statements)
            .map_err(|all| refused(format!("it must have exactly one statement, found {}", all.len())))?;
        let statement = statement.into_object().ok_or_else(|| refused("a statement must be an object"))?;
        let [resource, condition] = members(statement, ["Resource", "Condition"], "a statement")?;
        let Some(Value::Text(resource)) = resource else { return Err(refused("`Resource` must be there, as text")) };
        let resource = Pattern::parse(&resource).map_err(|error| refused(format!("{error}")))?;
        let condition = condition.and_then(Value::into_object);
        let condition = condition.ok_or_else(|| refused("`Condition` must be there, as an object"))?;
        let [until, from, network] =
            members(condition, ["DateLessThan", "DateGreaterThan", "IpAddress"], "a condition")?;
        let until = until.ok_or_else(|| refused("`DateLessThan` must be there"))?;
        Ok(Self {
            resource,
            until: time(until, "DateLessThan")?,
            from: from.map(|from| time(from, "DateGreaterThan")).transpose()?,
            network: network.map(read_network).transpose()?,
        })
    }
}

/// The values of these names; any other name is refused.
fn members<const N: usize>(
    object: alloc::vec::Vec<(String, Value)>,
    names: [&str; N],
    what: &str,
) -> Result<[Option<Value>; N], VerifyError> {
    let mut values = [const { None }; N];
    for (name, value) in object {
        let slot = names.iter().zip(&mut values).find(|(known, _)| **known == name);
        let (_, slot) = slot.ok_or_else(|| refused(format!("{what} has `{}` and nothing else", names.join("`, `"))))?;
        *slot = Some(value);
    }
    Ok(values)
}

/// The value of the only member of an object.
fn only(value: Value, name: &str) -> Option<Value> {
    let [(found, value)] = <[_; 1]>::try_from(value.into_object()?).ok()?;
    (found == name).then_some(value)
}

fn time(value: Value, condition: &str) -> Result<u32, VerifyError> {
    let seconds = match only(value, "AWS:EpochTime") {
        Some(Value::Number(digits)) => seconds(&digits),
        _ => None,
    };
    seconds.ok_or_else(|| {
        refused(format!("`{condition}` must be `AWS:EpochTime` with whole seconds since 1970, up to {MAX_TIME}"))
    })
}

/// Seconds since 1970 as CloudFront writes them: digits, not a zero before them.
pub(super) fn seconds(digits: &str) -> Option<u32> {
    let plain = (1..=10).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0');
    digits.parse().ok().filter(|seconds| plain && *seconds <= MAX_TIME)
}

fn read_network(value: Value) -> Result<Network, VerifyError> {
    let text = only(value, "AWS:SourceIp").and_then(Value::into_text);
    // Amazon's library for Python writes a bare address for a single one.
    let network = text.and_then(|text| text.parse().ok());
    network.ok_or_else(|| {
        refused("`IpAddress` must be `AWS:SourceIp` with one IPv4 network such as `192.0.2.0/24`".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{string::ToString, vec::Vec};

    const GOOD: &str = "{\"Statement\":[{\"Resource\":\"https://a.example/*\",\"Condition\":{\"DateLessThan\":{\"AWS:EpochTime\":1767290400},\
        \"IpAddress\":{\"AWS:SourceIp\":\"192.0.2.0/24\"},\"DateGreaterThan\":{\"AWS:EpochTime\":1767200000}}}]}";

    #[test]
    fn conditions_come_in_any_order_and_blanks_are_nothing() {
        let expected = Statement {
            resource: Pattern::parse("https://a.example/*").unwrap(),
            until: 1_767_290_400,
            from: Some(1_767_200_000),
            network: Some("192.0.2.0/24".parse().unwrap()),
        };
        assert_eq!(Statement::read(GOOD), Ok(expected.clone()));
        let blank =
            GOOD.replace(':', " :\t").replace(',', "\r\n, ").replace("https :\t", "https:").replace("AWS :\t", "AWS:");
        assert_eq!(Statement::read(&blank), Ok(expected));
    }

    #[test]
    fn a_time_has_one_spelling() {
        assert_eq!(seconds("1"), Some(1));
        assert_eq!(seconds("2147483647"), Some(MAX_TIME));
        for digits in ["", "0", "01", "+5", "-5", "5 ", "2147483648", "4294967297", "10000000000"] {
            assert_eq!(seconds(digits), None, "{digits}");
        }
    }

    #[test]
    fn what_two_readers_could_read_in_two_ways_is_refused() {
        let change = |from: &str, to: &str| {
            assert!(GOOD.contains(from), "{from}");
            GOOD.replacen(from, to, 1)
        };
        let two = GOOD.trim_start_matches("{\"Statement\":[").trim_end_matches("]}");
        let deep = change("1767290400", &("[".repeat(9) + &"]".repeat(9)));
        for text in [
            String::new(),
            "[]".to_string(),
            "{}".to_string(),
            "{\"Statement\":[]}".to_string(),
            "{\"Statement\":{}}".to_string(),
            change("[{", "[[{"),
            format!("{{\"Statement\":[{two},{two}]}}"),
            format!("{GOOD} x"),
            change("{\"Statement\"", "{\"Version\":\"2012-10-17\",\"Statement\""),
            change("{\"Statement\"", "{\"Statement\":[],\"Statement\""),
            change("\"Resource\"", "\"Effect\":\"Allow\",\"Resource\""),
            change("\"Resource\"", "\"Resource\":\"*\",\"Resource\""),
            change("\"Resource\"", "\"resource\""),
            change("\"Resource\":\"https://a.example/*\",", ""),
            change("\"https://a.example/*\"", "[\"https://a.example/*\"]"),
            change("https://a.example/*", "a.example/*"),
            change("https://a.example/*", "https://a.example/\\\\*"),
            change("https://a.example/*", "https://a.example/\\?"),
            change("https://a.example/*", "https://a.example/\\u0000"),
            change("\"DateLessThan\"", "\"DateLessThanEquals\""),
            change("\"DateLessThan\":{\"AWS:EpochTime\":1767290400},", ""),
            change("\"DateLessThan\"", "\"DateLessThan\":{\"AWS:EpochTime\":2147483647},\"DateLessThan\""),
            change("1767290400", "\"1767290400\""),
            change("1767290400", "1767290400.5"),
            change("1767290400", "1.7e9"),
            change("1767290400", "-1"),
            change("1767290400", "0"),
            change("1767290400", "01767290400"),
            change("1767290400", "2147483648"),
            change("1767290400", "1767290400000"),
            change("1767290400", "99999999999999999999"),
            change("1767290400", "null"),
            change("{\"AWS:EpochTime\":1767290400}", "1767290400"),
            change("{\"AWS:EpochTime\":1767290400}", "{}"),
            change("{\"AWS:EpochTime\":1767290400}", "{\"AWS:EpochTime\":1767290400,\"AWS:CurrentTime\":1}"),
            change("192.0.2.0/24", "2001:db8::/32"),
            change("192.0.2.0/24", "192.0.2.1/24"),
            change("192.0.2.0/24", "192.0.2.0/33"),
            change("\"192.0.2.0/24\"", "[\"192.0.2.0/24\"]"),
            change("\"192.0.2.0/24\"", "\"192.0.2.0/24,198.51.100.0/24\""),
            change("\"IpAddress\"", "\"NotIpAddress\""),
            deep,
        ] {
            assert!(matches!(Statement::read(&text), Err(VerifyError::Policy { .. })), "{text}");
        }
        for (from, to) in [
            ("1767290400", "2147483647"),
            ("192.0.2.0/24", "0.0.0.0/0"),
            ("192.0.2.0/24", "192.0.2.7"),
            ("https://a.example/*", "*"),
            ("https://a.example/*", "https:\\/\\/a.example\\u002f*"),
            ("https://a.example/*", "https://a.example/x\\\\?y=1"),
        ] {
            assert!(Statement::read(&change(from, to)).is_ok(), "{to}");
        }
    }

    #[test]
    fn an_error_never_quotes_the_policy() {
        let errors: Vec<String> = ["{\"Statement\":[{\"Resource\":\"PLANTED\",\"Condition\":{}}]}", "{\"PLANTED\":1}"]
            .iter()
            .map(|text| Statement::read(text).unwrap_err().to_string())
            .collect();
        assert!(errors.iter().all(|error| !error.contains("PLANTED")), "{errors:?}");
    }
}

//! JSON for documents that are signed or secret: a strict reader and an escaping writer.
//!
//! A policy that two readers understand in two ways is an attack, so the reader refuses what others
//! overlook: a name that is there twice, anything behind the document, lone surrogates, raw control
//! characters. Depth and size are bounded, and no error quotes what was read.
//!
//! Source: RFC 8259.

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use zeroize::Zeroize;

/// How deep a document may be nested.
const DEPTH: usize = 8;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// As it is written.
    Number(String),
    Text(Text),
    List(Vec<Value>),
    /// No two names are equal.
    Object(Vec<(String, Value)>),
}

/// A text of a document. It may be a secret, so it is wiped unless somebody takes it: also where the document is refused, or
/// nobody asked for this member.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text(String);

impl Text {
    pub(crate) fn into_string(mut self) -> String {
        core::mem::take(&mut self.0)
    }
}

impl core::ops::Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The text is not one JSON document, or one that could be read in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotStrict;

impl Value {
    pub(crate) fn parse(text: &str) -> Result<Self, NotStrict> {
        let mut reader = Reader { rest: text };
        let value = reader.value(DEPTH)?;
        reader.blanks();
        if reader.rest.is_empty() { Ok(value) } else { Err(NotStrict) }
    }

    /// The members of an object.
    pub(crate) fn into_object(self) -> Option<Vec<(String, Self)>> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    pub(crate) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.into_string()),
            _ => None,
        }
    }
}

/// The texts of these members of an object, in this order; whatever else it has is passed over.
pub(crate) fn members(text: &str, names: &[&str]) -> Result<Vec<Option<Text>>, NotStrict> {
    let mut object = Value::parse(text)?.into_object().ok_or(NotStrict)?;
    let take = |name: &&str| {
        let at = object.iter().position(|(other, _)| other == name)?;
        match object.swap_remove(at).1 {
            Value::Text(text) => Some(text),
            _ => None,
        }
    };
    Ok(names.iter().map(take).collect())
}

/// The members of an object that holds nothing but texts.
#[cfg(any(feature = "aws", feature = "rsa"))]
pub(crate) fn all_members(text: &str) -> Result<Vec<(String, Text)>, NotStrict> {
    let object = Value::parse(text)?.into_object().ok_or(NotStrict)?;
    let text = |(name, value)| if let Value::Text(text) = value { Ok((name, text)) } else { Err(NotStrict) };
    object.into_iter().map(text).collect()
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take(&mut self, token: &str) -> Result<(), NotStrict> {
        self.rest = self.rest.strip_prefix(token).ok_or(NotStrict)?;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Value, NotStrict> {
        let depth = depth.checked_sub(1).ok_or(NotStrict)?;
        self.blanks();
        match self.rest.bytes().next() {
            Some(b'n') => self.take("null").map(|()| Value::Null),
            Some(b't') => self.take("true").map(|()| Value::Bool(true)),
            Some(b'f') => self.take("false").map(|()| Value::Bool(false)),
            Some(b'"') => self.text().map(Value::Text),
            Some(b'[') => self.list(depth),
            Some(b'{') => self.object(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(NotStrict),
        }
    }

    /// Reads elements up to `end`, with a comma between each two.
    fn elements(
        &mut self,
        end: &str,
        mut element: impl FnMut(&mut Self) -> Result<(), NotStrict>,
    ) -> Result<(), NotStrict> {
        self.blanks();
        if self.take(end).is_ok() {
            return Ok(());
        }
        loop {
            element(self)?;
            self.blanks();
            if self.take(end).is_ok() {
                return Ok(());
            }
            self.take(",")?;
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, NotStrict> {
        self.take("[")?;
        let mut list = Vec::new();
        self.elements("]", |reader| {
            list.push(reader.value(depth)?);
            Ok(())
        })?;
        Ok(Value::List(list))
    }

    fn object(&mut self, depth: usize) -> Result<Value, NotStrict> {
        self.take("{")?;
        let mut members: Vec<(String, Value)> = Vec::new();
        self.elements("}", |reader| {
            reader.blanks();
            let name = reader.text()?.into_string();
            reader.blanks();
            reader.take(":")?;
            members.push((name, reader.value(depth)?));
            Ok(())
        })?;
        let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(NotStrict);
        }
        Ok(Value::Object(members))
    }

    fn number(&mut self) -> Result<Value, NotStrict> {
        let end = self.rest.find(|c: char| !matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9'));
        let (number, rest) = self.rest.split_at_checked(end.unwrap_or(self.rest.len())).ok_or(NotStrict)?;
        let unsigned = number.strip_prefix('-').unwrap_or(number);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
            None => (unsigned, None),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if leading_zero || !digits(whole) || !fraction.is_none_or(digits) || !exponent.is_none_or(digits) {
            return Err(NotStrict);
        }
        self.rest = rest;
        Ok(Value::Number(number.to_owned()))
    }

    fn text(&mut self) -> Result<Text, NotStrict> {
        self.take("\"")?;
        // The end first, so that one allocation suffices: a secret leaves no copy behind.
        let mut escaped = false;
        let end = self.rest.bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        let (raw, rest) = self.rest.split_at_checked(end.ok_or(NotStrict)?).ok_or(NotStrict)?;
        self.rest = rest;
        self.take("\"")?;
        let mut text = Text(String::with_capacity(raw.len()));
        let mut chars = raw.chars();
        while let Some(c) = chars.next() {
            text.0.push(match c {
                '\\' => escape(&mut chars)?,
                c if u32::from(c) < 0x20 => return Err(NotStrict),
                c => c,
            });
        }
        Ok(text)
    }
}

fn escape(chars: &mut core::str::Chars<'_>) -> Result<char, NotStrict> {
    Ok(match chars.next().ok_or(NotStrict)? {
        c @ ('"' | '\\' | '/') => c,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let high = unit(chars)?;
            if (0xd800..0xdc00).contains(&high) {
                if (chars.next(), chars.next()) != (Some('\\'), Some('u')) {
                    return Err(NotStrict);
                }
                let low = unit(chars)?;
                if !(0xdc00..0xe000).contains(&low) {
                    return Err(NotStrict);
                }
                char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)).ok_or(NotStrict)?
            } else {
                char::from_u32(high).ok_or(NotStrict)?
            }
        }
        _ => return Err(NotStrict),
    })
}

fn unit(chars: &mut core::str::Chars<'_>) -> Result<u32, NotStrict> {
    (0..4).try_fold(0, |unit, _| {
        let digit = chars.next().and_then(|c| c.to_digit(16)).ok_or(NotStrict)?;
        Ok(unit << 4 | digit)
    })
}

/// Appends a JSON text in visible ASCII: everything else as `\uXXXX` in lower case, as Google's Python library writes
/// it.
pub(crate) fn push_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str("\\u");
                    let [high, low] = unit.to_be_bytes();
                    out.push_str(&hex::encode([high, low]));
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn what_two_readers_could_understand_in_two_ways_is_refused() {
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{\"a\":1,\"a\":1}",
            "{\"a\":1,\"\\u0061\":1}",
            "[1] 2",
            "01",
            "+1",
            "1.",
            ".5",
            "1e",
            "--1",
            "nul",
            "'a'",
            "\"\n\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "\"\\udc00\"",
            "\"\\u00g0\"",
            "{a:1}",
            "[1 2]",
            "\u{feff}1",
            "/**/1",
            "NaN",
            "\"a",
            "\"\\\"",
        ] {
            assert_eq!(Value::parse(text), Err(NotStrict), "{text}");
        }
        assert_eq!(Value::parse(&"[".repeat(100_000)), Err(NotStrict));
        assert!(Value::parse(&alloc::format!("{}1{}", "[".repeat(7), "]".repeat(7))).is_ok());
        assert!(Value::parse(&alloc::format!("{}1{}", "[".repeat(8), "]".repeat(8))).is_err());
    }

    #[test]
    fn values_are_read_as_they_are() {
        let text = " { \"a\" : [ null , true , false , -1.5e+3 , \"\\u00e9\\ud83d\\ude00\\n\\/\" ] , \"b\" : { } } ";
        let expected = Value::Object(alloc::vec![
            (
                "a".to_string(),
                Value::List(alloc::vec![
                    Value::Null,
                    Value::Bool(true),
                    Value::Bool(false),
                    Value::Number("-1.5e+3".to_string()),
                    Value::Text(Text("\u{e9}\u{1f600}\n/".to_string())),
                ])
            ),
            ("b".to_string(), Value::Object(alloc::vec![])),
        ]);
        assert_eq!(Value::parse(text), Ok(expected));
        assert_eq!(
            members("{\"b\":\"2\",\"a\":\"1\",\"c\":3}", &["a", "c", "d"]),
            Ok(alloc::vec![Some(Text("1".to_string())), None, None])
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_ascii_and_reads_back(text in ".*") {
            let mut json = String::new();
            push_text(&mut json, &text);
            prop_assert!(json.is_ascii());
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text.clone());
            prop_assert_eq!(Value::parse(&json), Ok(Value::Text(Text(text))));
        }

        #[test]
        fn what_is_accepted_is_json(text in r#"[\[\]{}",:0-9a\\u.eE+\- ntrfls]{0,24}"#) {
            if Value::parse(&text).is_ok() {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
            }
        }
    }
}

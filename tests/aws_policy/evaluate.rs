//! What a policy allows, read from its text.

use serde_json::Value;
use std::{collections::BTreeMap, net::IpAddr};

/// What AWS looks at: the action, the ARN as raw text, and the keys that the request has.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) action: &'static str,
    pub(crate) arn: String,
    pub(crate) context: BTreeMap<&'static str, String>,
}

impl Asked {
    /// Over HTTPS, from one address, at one time, by a user whose name is `a`.
    pub(crate) fn new(action: &'static str, arn: impl Into<String>) -> Self {
        let context = [
            ("aws:SecureTransport", "true"),
            ("aws:SourceIp", "198.51.100.7"),
            ("aws:CurrentTime", "2026-11-24T12:00:00Z"),
            ("aws:username", "a"),
        ];
        let context = context.into_iter().map(|(key, value)| (key, value.to_owned())).collect();
        Self { action, arn: arn.into(), context }
    }

    pub(crate) fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.context.insert(key, value.into());
        self
    }

    pub(crate) fn without(mut self, key: &str) -> Self {
        self.context.remove(key);
        self
    }
}

/// A piece of a pattern.
#[derive(Clone, Copy, PartialEq)]
enum Piece {
    Any,
    One,
    Exactly(char),
}

/// Reads a pattern, or nothing if it has a variable that the request lacks: then it matches nothing.
fn pieces(text: &str, asked: &Asked) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some((name, behind)) = rest.strip_prefix("${").and_then(|inner| inner.split_once('}')) {
            match name {
                "*" | "?" | "$" => pieces.extend(name.chars().map(Piece::Exactly)),
                name => pieces.extend(asked.context.get(name)?.chars().map(Piece::Exactly)),
            }
            rest = behind;
            continue;
        }
        pieces.push(match first {
            '*' => Piece::Any,
            '?' => Piece::One,
            other => Piece::Exactly(other),
        });
        rest = &rest[first.len_utf8()..];
    }
    Some(pieces)
}

/// Whole-text match: which lengths of the text can the pieces so far have used up?
fn matches(pieces: &[Piece], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for piece in pieces {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            next[at] = match piece {
                Piece::Any => reached[..=at].contains(&true),
                Piece::One => at > 0 && reached[at - 1],
                Piece::Exactly(c) => at > 0 && reached[at - 1] && text[at - 1] == *c,
            };
        }
        reached = next;
    }
    reached[text.len()]
}

fn is_arn(pattern: &str, asked: &Asked) -> bool {
    if pattern == "*" {
        return true;
    }
    let Some(pieces) = pieces(pattern, asked) else { return false };
    // A wildcard stays within its segment, of which there are six.
    let segments: Vec<&[Piece]> = pieces.splitn(6, |piece| *piece == Piece::Exactly(':')).collect();
    let own: Vec<&str> = asked.arn.splitn(6, ':').collect();
    assert_eq!((segments.len(), own.len()), (6, 6), "{pattern} {}", asked.arn);
    segments.iter().zip(own).all(|(pieces, text)| matches(pieces, text))
}

fn values(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(all) if !all.is_empty() => all.iter().map(|value| value.as_str().unwrap()).collect(),
        other => panic!("a value is a text or a list of them: {other}"),
    }
}

fn in_network(network: &str, address: &str) -> bool {
    let (start, length) = network.split_once('/').unwrap();
    let (start, address): (IpAddr, IpAddr) = (start.parse().unwrap(), address.parse().unwrap());
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => (32, u128::from(address.to_bits())),
        IpAddr::V6(address) => (128, address.to_bits()),
    };
    let ((width, start), (other, address)) = (bits(start), bits(address));
    let behind: u32 = width - length.parse::<u32>().unwrap();
    width == other && start.checked_shr(behind).unwrap_or(0) == address.checked_shr(behind).unwrap_or(0)
}

fn meets(operator: &str, key: &str, wanted: &str, asked: &Asked) -> bool {
    let found = asked.context.get(key);
    if operator == "Null" {
        return found.is_none() == (wanted == "true");
    }
    let Some(found) = found else { return false };
    let number = |text: &str| text.parse::<u64>().unwrap();
    match operator {
        "StringEquals" => pieces(wanted, asked).is_some_and(|pieces| {
            // No wildcards here: they are characters like others.
            let text: String = pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Any => '*',
                    Piece::One => '?',
                    Piece::Exactly(c) => *c,
                })
                .collect();
            text == *found
        }),
        "StringLike" => pieces(wanted, asked).is_some_and(|pieces| matches(&pieces, found)),
        "NumericLessThanEquals" => number(found) <= number(wanted),
        "NumericGreaterThan" => number(found) > number(wanted),
        // The texts have one form, in which their order is that of time.
        "DateLessThanEquals" => found.as_str() <= wanted,
        "DateGreaterThanEquals" => found.as_str() >= wanted,
        "Bool" => found == wanted,
        "IpAddress" => in_network(wanted, found),
        other => panic!("unknown operator {other}"),
    }
}

fn applies(statement: &Value, asked: &Asked) -> bool {
    let members = statement.as_object().unwrap();
    assert!(members.keys().all(|name| ["Effect", "Action", "Resource", "Condition"].contains(&name.as_str())));
    let named = |pattern: &str| {
        let pieces = pieces(pattern, asked).unwrap();
        matches(&pieces, asked.action)
    };
    let conditions = members.get("Condition").map(|conditions| conditions.as_object().unwrap());
    values(&statement["Action"]).into_iter().any(named)
        && values(&statement["Resource"]).into_iter().any(|pattern| is_arn(pattern, asked))
        && conditions.into_iter().flatten().all(|(operator, keys)| {
            keys.as_object()
                .unwrap()
                .iter()
                .all(|(key, wanted)| values(wanted).into_iter().any(|wanted| meets(operator, key, wanted, asked)))
        })
}

/// Whether the policy lets the request pass.
pub(crate) fn allows(policy: &str, asked: &Asked) -> bool {
    let policy: Value = serde_json::from_str(policy).unwrap();
    assert_eq!(policy["Version"], "2012-10-17");
    let statements = policy["Statement"].as_array().unwrap();
    let any =
        |effect: &str| statements.iter().any(|statement| statement["Effect"] == effect && applies(statement, asked));
    assert!(statements.iter().all(|statement| statement["Effect"] == "Allow" || statement["Effect"] == "Deny"));
    any("Allow") && !any("Deny")
}

#[test]
fn the_reader_knows_wildcards_variables_and_escapes() {
    let allow = |resource: &str| {
        format!(
            "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\
             \"Resource\":\"arn:aws:s3:::b/{resource}\"}}]}}"
        )
    };
    for (resource, name, expected) in [
        ("k", "k", true),
        ("k", "kk", false),
        ("k*", "k/l/m", true),
        ("k*", "k", true),
        ("?", "\u{e9}", true),
        ("?", "", false),
        ("${aws:username}/k", "a/k", true),
        ("${aws:username}/k", "${aws:username}/k", false),
        ("${aws:unknown}", "", false),
        ("${*}${?}${$}", "*?$", true),
        ("${*}", "k", false),
        ("${$}{aws:username}", "${aws:username}", true),
    ] {
        let asked = Asked::new("s3:GetObject", format!("arn:aws:s3:::b/{name}"));
        assert_eq!(allows(&allow(resource), &asked), expected, "{resource} {name}");
        assert!(!allows(&allow(resource), &Asked { action: "s3:PutObject", ..asked }));
    }
    let deny_only = allow("*").replace("Allow", "Deny");
    assert!(!allows(&deny_only, &Asked::new("s3:GetObject", "arn:aws:s3:::other/k")));
}

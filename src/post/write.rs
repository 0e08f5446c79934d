//! One description of a form, written twice: as its fields and as the conditions of its policy.

use crate::{clock::Timestamp, error::IssueError, json::push_text};
use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::ops::RangeInclusive;

/// How a provider's libraries lay out a policy, so that the same description gives the same bytes.
pub(crate) struct Layout {
    pub(crate) comma: &'static str,
    pub(crate) colon: &'static str,
    /// Whether `expiration` stands before the conditions.
    pub(crate) expiration_first: bool,
    /// Whether a `$` in a value is written as an escape: some readers take it for the start of a name.
    pub(crate) escapes_dollar: bool,
}

/// What the policy says beside bucket, key and signer.
#[derive(Clone)]
pub(crate) enum Entry {
    /// A field of the form, and the condition that it has this value.
    Field(String, String),
    /// A condition on how a field begins, and the value that the form starts out with, if it has one.
    StartsWith(String, String, Option<String>),
    Size(RangeInclusive<u64>),
}

impl Entry {
    /// The name of what it is about, which is no secret.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Field(name, _) | Self::StartsWith(name, ..) => name,
            Self::Size(_) => "content-length-range",
        }
    }

    /// Whether it holds the client to anything: a text that begins with nothing is any text.
    pub(crate) fn binds(&self) -> bool {
        !matches!(self, Self::StartsWith(_, prefix, _) if prefix.is_empty())
    }
}

/// Holds a description to what every form obeys, and each field to what `check` says of it.
pub(crate) fn check_entries(entries: &[Entry], check: fn(&str) -> Result<(), IssueError>) -> Result<(), IssueError> {
    let invalid = |why| Err(IssueError::Invalid { what: "form field", why });
    let mut fields: Vec<&str> = Vec::new();
    let mut sizes = 0;
    for entry in entries {
        let value = match entry {
            Entry::Field(_, value) => Some(value),
            Entry::StartsWith(_, prefix, value) => {
                if value.as_ref().is_some_and(|value| !value.starts_with(prefix.as_str())) {
                    return invalid("its value does not begin as its own condition says");
                }
                value.as_ref()
            }
            Entry::Size(bytes) => {
                sizes += 1;
                if bytes.is_empty() || sizes > 1 {
                    return Err(IssueError::Invalid { what: "size", why: "it must be one range that is not empty" });
                }
                continue;
            }
        };
        check(entry.name())?;
        let Some(value) = value else { continue };
        if value.chars().any(|c| matches!(c, '\r' | '\n' | '\0')) {
            return invalid("its value holds CR, LF or NUL");
        }
        if fields.iter().any(|other| other.eq_ignore_ascii_case(entry.name())) {
            return invalid("a name is there twice");
        }
        fields.push(entry.name());
    }
    Ok(())
}

/// The fields of a form and its policy, while both are written.
pub(crate) struct Writer {
    layout: &'static Layout,
    conditions: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Writer {
    pub(crate) fn new(layout: &'static Layout) -> Self {
        Self { layout, conditions: String::new(), fields: Vec::new() }
    }

    pub(crate) fn entry(&mut self, entry: &Entry) {
        match entry {
            Entry::Field(name, value) => {
                self.exact(name, value);
                self.field(name, value);
            }
            Entry::StartsWith(name, prefix, value) => {
                self.starts_with(name, prefix);
                if let Some(value) = value {
                    self.field(name, value);
                }
            }
            Entry::Size(bytes) => {
                let (least, most) = (bytes.start().to_string(), bytes.end().to_string());
                let comma = self.layout.comma;
                self.conditions.extend(["[\"content-length-range\"", comma, &least, comma, &most, "]", comma]);
            }
        }
    }

    pub(crate) fn field(&mut self, name: &str, value: &str) {
        self.fields.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn exact(&mut self, name: &str, value: &str) {
        self.conditions.push('{');
        push_text(&mut self.conditions, name);
        self.conditions.push_str(self.layout.colon);
        self.value(value);
        self.conditions.extend(["}", self.layout.comma]);
    }

    pub(crate) fn starts_with(&mut self, name: &str, prefix: &str) {
        self.conditions.extend(["[\"starts-with\"", self.layout.comma]);
        push_text(&mut self.conditions, &format!("${name}"));
        self.conditions.push_str(self.layout.comma);
        self.value(prefix);
        self.conditions.extend(["]", self.layout.comma]);
    }

    fn value(&mut self, value: &str) {
        if !self.layout.escapes_dollar || !value.contains('$') {
            return push_text(&mut self.conditions, value);
        }
        let mut text = String::new();
        push_text(&mut text, value);
        self.conditions.push_str(&text.replace('$', "\\u0024"));
    }

    /// The policy of a form that lives until then. More fields may follow.
    pub(crate) fn policy(&self, expires_at: Timestamp) -> String {
        let Layout { comma, colon, expiration_first, .. } = *self.layout;
        let conditions = self.conditions.strip_suffix(comma).unwrap_or(&self.conditions);
        let conditions = format!("\"conditions\"{colon}[{conditions}]");
        // A time is digits and punctuation, so there is nothing to escape.
        let expiration = format!("\"expiration\"{colon}\"{expires_at}\"");
        let (first, second) = if expiration_first { (expiration, conditions) } else { (conditions, expiration) };
        format!("{{{first}{comma}{second}}}")
    }
}

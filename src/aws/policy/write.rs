//! The document: what is allowed, in the fewest statements, as JSON.

use super::lower::not_enforceable;
use crate::{
    error::IssueError,
    grant::{Constraint, Lifetime},
    json::push_text,
};
use alloc::{
    borrow::ToOwned,
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

/// One action on one ARN, or on all that begin like it. Their order is that of the statements.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Atom {
    pub(super) action: &'static str,
    pub(super) conditions: Conditions,
    /// What a listing is confined to, escaped; nothing for what is no listing, and for that of a whole bucket.
    pub(super) prefix: Option<String>,
    /// Escaped, without the wildcard.
    pub(super) arn: String,
    pub(super) is_closed: bool,
}

impl Atom {
    pub(super) fn is_of_s3(&self) -> bool {
        self.action.starts_with("s3:")
    }
}

/// Operators, their keys, and the values of which one must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Conditions(BTreeMap<&'static str, BTreeMap<&'static str, Vec<String>>>);

impl Conditions {
    /// Each pair of operator and key is added once: two of them would be alternatives.
    pub(super) fn add(&mut self, operator: &'static str, key: &'static str, values: Vec<String>) {
        self.0.entry(operator).or_default().insert(key, values);
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.0.values().flat_map(|keys| keys.keys().copied())
    }
}

/// Text that stands for itself in a policy: wildcards match, and `${...}` is a variable, unless they are escaped.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '*' => out.push_str("${*}"),
            '?' => out.push_str("${?}"),
            '$' => out.push_str("${$}"),
            c => out.push(c),
        }
    }
    out
}

/// What is refused whatever else is allowed: S3 requests with a signature of more than this age.
pub(super) struct Deny {
    milliseconds: u64,
}

impl Deny {
    pub(super) fn older_signatures(longest: Lifetime, allowed: &[Atom]) -> Result<Self, IssueError> {
        if longest > Lifetime::WEEK {
            return Err(IssueError::LifetimeTooLong {
                requested: longest.seconds(),
                maximum: Lifetime::WEEK.seconds(),
                service: "s3".to_owned(),
            });
        }
        if !allowed.iter().all(Atom::is_of_s3) {
            let why = "S3 alone tells the age of a signature: make a session of its own for the queue";
            return Err(not_enforceable(Constraint::Lifetime, why));
        }
        Ok(Self { milliseconds: u64::from(longest.seconds()) * 1000 })
    }
}

/// A statement: every action on every resource.
struct Statement {
    actions: Vec<&'static str>,
    resources: Vec<String>,
    conditions: Conditions,
}

/// The policy document, in visible ASCII without blanks between its parts.
pub(super) fn document(allowed: Vec<Atom>, older: Option<&Deny>) -> String {
    let mut text = String::from("{\"Version\":\"2012-10-17\",\"Statement\":[");
    for (at, statement) in merged(allowed).into_iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        push_statement(&mut text, "Allow", &statement);
    }
    if let Some(Deny { milliseconds }) = older {
        let mut conditions = Conditions::default();
        conditions.add("NumericGreaterThan", "s3:signatureAge", vec![milliseconds.to_string()]);
        let statement = Statement { actions: vec!["s3:*"], resources: vec!["*".to_owned()], conditions };
        text.push(',');
        push_statement(&mut text, "Deny", &statement);
    }
    text.push_str("]}");
    text
}

/// INVARIANT: a statement allows every one of its actions on every one of its resources under any one of its prefixes, so
/// that statements are merged along one of the three, when all else is equal.
fn merged(mut atoms: Vec<Atom>) -> Vec<Statement> {
    // What begins with the text of an open one then stands right behind it.
    atoms.sort_unstable();
    atoms.dedup_by(|next, kept| {
        let same = (next.action, &next.conditions, &next.prefix) == (kept.action, &kept.conditions, &kept.prefix);
        let covered = if kept.is_closed { next == kept } else { next.arn.starts_with(&kept.arn) };
        same && covered
    });
    let by_resource = grouped(atoms.into_iter().map(|Atom { action, conditions, prefix, arn, is_closed }| {
        let resource = if is_closed { arn } else { format!("{arn}*") };
        ((conditions, resource, prefix), action)
    }));
    let by_actions = grouped(
        by_resource
            .into_iter()
            .map(|((conditions, resource, prefix), actions)| ((conditions, resource, actions), prefix)),
    );
    let by_prefixes = grouped(by_actions.into_iter().map(|((conditions, resource, actions), mut prefixes)| {
        // They are sorted, so that one which begins with another stands behind it, and nothing, which confines to no prefix,
        // stands before all.
        prefixes.dedup_by(|next, kept| match (next, kept) {
            (_, None) => true,
            (Some(next), Some(kept)) => next.starts_with(kept.as_str()),
            (None, Some(_)) => false,
        });
        ((actions, conditions, prefixes), resource)
    }));
    let statement = |((actions, mut conditions, prefixes), resources): ((_, Conditions, Vec<Option<String>>), _)| {
        let patterns: Vec<String> = prefixes.into_iter().flatten().map(|prefix| format!("{prefix}*")).collect();
        if !patterns.is_empty() {
            conditions.add("StringLike", "s3:prefix", patterns);
        }
        Statement { actions, resources, conditions }
    };
    by_prefixes.into_iter().map(statement).collect()
}

/// The values of each key, in their order.
fn grouped<K: Ord, V>(pairs: impl Iterator<Item = (K, V)>) -> BTreeMap<K, Vec<V>> {
    let mut groups: BTreeMap<K, Vec<V>> = BTreeMap::new();
    for (key, value) in pairs {
        groups.entry(key).or_default().push(value);
    }
    groups
}

fn push_statement(text: &mut String, effect: &str, statement: &Statement) {
    text.extend(["{\"Effect\":\"", effect, "\",\"Action\":"]);
    push_values(text, &statement.actions);
    text.push_str(",\"Resource\":");
    push_values(text, &statement.resources);
    let operators = &statement.conditions.0;
    if !operators.is_empty() {
        text.push_str(",\"Condition\":{");
        for (at, (operator, keys)) in operators.iter().enumerate() {
            text.push_str(if at > 0 { ",\"" } else { "\"" });
            text.extend([*operator, "\":{"]);
            for (at, (key, values)) in keys.iter().enumerate() {
                text.push_str(if at > 0 { ",\"" } else { "\"" });
                text.extend([*key, "\":"]);
                push_values(text, values);
            }
            text.push('}');
        }
        text.push('}');
    }
    text.push('}');
}

/// One value stands for itself, several in a list.
fn push_values(text: &mut String, values: &[impl AsRef<str>]) {
    if let [value] = values {
        return push_text(text, value.as_ref());
    }
    text.push('[');
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        push_text(text, value.as_ref());
    }
    text.push(']');
}

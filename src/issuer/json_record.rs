//! Records as lines of JSON: how they are written, and a strict reader of what was written.

use super::{AuditRecord, Outcome, record::from_file};
use crate::{
    clock::Timestamp,
    json::{self, Value},
};
use alloc::{
    borrow::Cow,
    string::{String, ToString},
    vec::Vec,
};
use core::ops::RangeInclusive;

/// The longest line that is read, in bytes. No record makes a longer one.
const LONGEST: usize = 64 << 10;

/// The line is not one that this crate has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an audit record of schema {}: {why}", AuditRecord::SCHEMA)]
pub struct NotARecord {
    why: &'static str,
}

const fn not(why: &'static str) -> NotARecord {
    NotARecord { why }
}

/// The members of a record, in the order in which they are written.
struct Writer {
    line: String,
}

impl Writer {
    fn name(&mut self, name: &str) -> &mut String {
        self.line.push(if self.line.is_empty() { '{' } else { ',' });
        json::push_text(&mut self.line, name);
        self.line.push(':');
        &mut self.line
    }

    fn text(&mut self, name: &str, value: &str) {
        json::push_text(self.name(name), value);
    }

    fn some(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn number(&mut self, name: &str, value: u64) {
        self.name(name).push_str(&value.to_string());
    }
}

impl AuditRecord {
    /// The record as one line of JSON in visible ASCII, without a line break behind it.
    ///
    /// Members that say nothing are left out; `schema` is [`SCHEMA`](Self::SCHEMA), times are RFC 3339 in UTC.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.to_line(None)
    }

    /// The same, and what ties it to the line before.
    pub(super) fn to_line(&self, link: Option<(u64, &str)>) -> String {
        let mut json = Writer { line: String::with_capacity(512) };
        json.number("schema", u64::from(Self::SCHEMA));
        if let Some((sequence, previous)) = link {
            json.number("sequence", sequence);
            json.text("previous", previous);
        }
        json.text("at", &self.at.to_string());
        json.text("outcome", self.outcome.as_str());
        json.some("code", self.code.as_deref());
        json.some("reason", self.reason.as_deref());
        json.text("tenant", &self.tenant);
        json.text("user", &self.user);
        json.some("client_address", self.client_address.map(|address| address.to_string()).as_deref());
        json.some("session", self.session.as_deref());
        json.some("request_id", self.request_id.as_deref());
        let actions = json.name("actions");
        for (at, action) in self.actions.iter().enumerate() {
            actions.push(if at == 0 { '[' } else { ',' });
            json::push_text(actions, action);
        }
        actions.push_str(if self.actions.is_empty() { "[]" } else { "]" });
        json.text("container", &self.container);
        json.text("kind", &self.kind);
        json.text("name", &self.name);
        json.some("version", self.version.as_deref());
        if let Some(part) = self.part {
            json.number("part", part);
        }
        json.number("lifetime", self.lifetime);
        json.text("classification", &self.classification);
        json.some("justification", self.justification.as_deref());
        if !self.given_up.is_empty() {
            let pairs = json.name("given_up");
            for (at, (what, why)) in self.given_up.iter().enumerate() {
                pairs.push_str(if at == 0 { "[[" } else { ",[" });
                json::push_text(pairs, what);
                pairs.push(',');
                json::push_text(pairs, why);
                pairs.push(']');
            }
            pairs.push(']');
        }
        json.number("count", self.count);
        json.some("form", self.form.as_deref());
        json.some("key_id", self.key_id.as_deref());
        json.some("expires_at", self.expires_at.map(|at| at.to_string()).as_deref());
        json.some("fingerprint", self.fingerprint.map(|it| it.to_string()).as_deref());
        json.line.push('}');
        json.line
    }

    /// Reads a line that [`to_json`](Self::to_json) or a [`Chain`](super::Chain) has written.
    ///
    /// # Errors
    /// [`NotARecord`] for anything else: another schema, a member that is not known, is there twice or cannot be read, and more
    /// than 64 KiB.
    pub fn from_json(line: &str) -> Result<Self, NotARecord> {
        Members::read(line)?.into_record()
    }
}

/// What a line says, each member once.
pub(super) struct Members(Vec<(String, Value)>);

impl Members {
    pub(super) fn read(line: &str) -> Result<Self, NotARecord> {
        if line.len() > LONGEST {
            return Err(not("it is longer than 64 KiB"));
        }
        let value = Value::parse(line).map_err(|_| not("it is no strict JSON"))?;
        let mut members = Self(value.into_object().ok_or(not("it is no object"))?);
        if members.number("schema")? != Some(u64::from(AuditRecord::SCHEMA)) {
            return Err(not("`schema` is another"));
        }
        Ok(members)
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, NotARecord> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Text(text)) => from_file(&text).map(Some).ok_or(not("a text is too long")),
            Some(_) => Err(not("a member that must be a text is none")),
        }
    }

    pub(super) fn number(&mut self, name: &str) -> Result<Option<u64>, NotARecord> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Number(digits)) => {
                digits.parse().map(Some).map_err(|_| not("a number is no whole number from 0 on"))
            }
            Some(_) => Err(not("a member that must be a number is none")),
        }
    }

    fn required(&mut self, name: &str) -> Result<String, NotARecord> {
        self.text(name)?.ok_or(not("a member is missing"))
    }

    fn time(&mut self, name: &str) -> Result<Option<Timestamp>, NotARecord> {
        // No fraction of a second has any length that is in it.
        const NO_FRACTION: RangeInclusive<usize> = RangeInclusive::new(1, 0);
        let read = |text: String| Timestamp::from_iso_extended(&text, &NO_FRACTION).ok_or(not("a time cannot be read"));
        self.text(name)?.map(read).transpose()
    }

    fn actions(&mut self) -> Result<Vec<Cow<'static, str>>, NotARecord> {
        let Some(Value::List(actions)) = self.take("actions") else { return Err(not("`actions` is no list")) };
        let text = |value: Value| value.into_text().map(Cow::Owned).ok_or(not("an action is no text"));
        actions.into_iter().map(text).collect()
    }

    fn given_up(&mut self) -> Result<Vec<(Cow<'static, str>, String)>, NotARecord> {
        const FORM: &str = "`given_up` is no list of pairs of texts";
        let Some(pairs) = self.take("given_up") else { return Ok(Vec::new()) };
        let Value::List(pairs) = pairs else { return Err(not(FORM)) };
        let pair = |pair: Value| {
            let Value::List(pair) = pair else { return Err(not(FORM)) };
            let pair: [Value; 2] = pair.try_into().map_err(|_| not(FORM))?;
            let [what, why] = pair.map(Value::into_text);
            Ok((
                Cow::Owned(what.ok_or(not(FORM))?),
                from_file(&why.ok_or(not(FORM))?).ok_or(not("a text is too long"))?,
            ))
        };
        pairs.into_iter().map(pair).collect()
    }

    fn into_record(mut self) -> Result<AuditRecord, NotARecord> {
        // What ties the line to others is for the chain.
        self.number("sequence")?;
        self.text("previous")?;
        let outcome = self.required("outcome")?;
        let address = self.text("client_address")?.map(|text| text.parse()).transpose();
        let fingerprint = self.text("fingerprint")?.map(|text| text.parse()).transpose();
        let record = AuditRecord {
            at: self.time("at")?.ok_or(not("a member is missing"))?,
            outcome: Outcome::ALL.into_iter().find(|it| it.as_str() == outcome).ok_or(not("`outcome` is not known"))?,
            code: self.text("code")?.map(Cow::Owned),
            reason: self.text("reason")?,
            tenant: self.required("tenant")?,
            user: self.required("user")?,
            client_address: address.map_err(|_| not("an address cannot be read"))?,
            session: self.text("session")?,
            request_id: self.text("request_id")?,
            actions: self.actions()?,
            container: self.required("container")?,
            kind: Cow::Owned(self.required("kind")?),
            name: self.required("name")?,
            version: self.text("version")?,
            part: self.number("part")?,
            lifetime: self.number("lifetime")?.ok_or(not("a member is missing"))?,
            classification: Cow::Owned(self.required("classification")?),
            justification: self.text("justification")?,
            given_up: self.given_up()?,
            count: self.number("count")?.ok_or(not("a member is missing"))?,
            form: self.text("form")?.map(Cow::Owned),
            key_id: self.text("key_id")?,
            expires_at: self.time("expires_at")?,
            fingerprint: fingerprint.map_err(|_| not("a fingerprint cannot be read"))?,
        };
        if self.0.is_empty() { Ok(record) } else { Err(not("a member is not known")) }
    }
}

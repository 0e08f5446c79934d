//! One published POST policy: issued, verified, and refused after every change.

use crate::Vector;
use crate::case::{key, other_key, same};
use serde_json::{Value, json};
use valet_key::clock::Timestamp;
use valet_key::error::VerifyError;
use valet_key::gcs::{Endpoint, ExpectForm, FormView, GoogV4, PostPolicy, PresentedForm, PublicKey};
use valet_key::grant::{Justification, Lifetime};

/// Inputs and expected values, in our own form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PostCase {
    pub(crate) name: String,
    pub(crate) time: String,
    pub(crate) lifetime: u32,
    pub(crate) origin: String,
    pub(crate) style: String,
    pub(crate) bucket: String,
    pub(crate) object: String,
    /// `["field", name, value]`, `["starts-with", name, prefix]` or `["size", least, most]`
    pub(crate) entries: Vec<Value>,
    pub(crate) url: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) quirk: Option<String>,
    /// Its policy ends in a fraction of a second, which is not written here.
    pub(crate) only_verified: bool,
}

impl PostCase {
    pub(crate) fn from_json(value: &Value) -> Self {
        let text = |field: &str| value[field].as_str().unwrap_or_else(|| panic!("{field} in {value}")).to_owned();
        let fields = value["fields"].as_array().unwrap().iter();
        Self {
            name: text("name"),
            time: text("time"),
            lifetime: u32::try_from(value["lifetime"].as_u64().unwrap()).unwrap(),
            origin: text("origin"),
            style: text("style"),
            bucket: text("bucket"),
            object: text("object"),
            entries: value["entries"].as_array().cloned().unwrap_or_default(),
            url: text("url"),
            fields: fields
                .map(|pair| (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().to_owned()))
                .collect(),
            quirk: value["quirk"].as_str().map(ToOwned::to_owned),
            only_verified: false,
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut value = json!({
            "name": self.name, "time": self.time, "lifetime": self.lifetime, "origin": self.origin,
            "style": self.style, "bucket": self.bucket, "object": self.object, "entries": self.entries,
            "url": self.url, "fields": self.fields, "quirk": self.quirk,
        });
        let empty = |field: &Value| field.is_null() || field.as_array().is_some_and(Vec::is_empty);
        value.as_object_mut().unwrap().retain(|_, field| !empty(field));
        value
    }

    fn now(&self) -> Timestamp {
        Timestamp::parse_iso_basic(&self.time).unwrap()
    }

    /// Whether the name of the file stands in the key, and the policy names it as it is.
    fn is_template(&self) -> bool {
        self.object.contains("${filename}")
    }

    fn policy(&self) -> Result<PostPolicy, String> {
        let endpoint = match self.style.as_str() {
            "bound" => Endpoint::bound(&self.origin, &self.bucket),
            "virtual" => Endpoint::custom(&self.origin).map(Endpoint::virtual_hosted),
            _ => Endpoint::custom(&self.origin),
        };
        let endpoint = endpoint.map_err(|error| error.to_string())?;
        let make = if self.is_template() { PostPolicy::template } else { PostPolicy::new };
        let policy = make(&endpoint, &self.bucket, &self.object);
        let mut policy = policy.map_err(|error| error.to_string())?.allow_dot_segments();
        for entry in &self.entries {
            let (first, second) = (&entry[1], &entry[2]);
            policy = match entry[0].as_str().unwrap() {
                "field" => policy.field(first.as_str().unwrap(), second.as_str().unwrap()),
                "starts-with" => policy.starts_with(first.as_str().unwrap(), second.as_str().unwrap()),
                "size" => policy.size(first.as_u64().unwrap()..=second.as_u64().unwrap()),
                other => panic!("entry {other}"),
            };
        }
        if self.entries.iter().all(|entry| entry[0] != "size") {
            policy = policy.any_size();
        }
        let policy = policy.lives(Lifetime::from_seconds(self.lifetime).unwrap());
        Ok(policy.because(Justification::new("published case").unwrap()))
    }

    fn issue(&self) -> Result<(), String> {
        let form = self.policy()?.sign(key(), self.now()).map_err(|error| format!("issue: {error}"))?;
        same("issue: URL", Some(&self.url), form.url().as_bytes())?;
        let mut expected = self.fields.clone();
        let mut found: Vec<(String, String)> =
            form.fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        expected.sort();
        found.sort();
        for (expected, found) in expected.iter().zip(&found) {
            same(&format!("issue: field {}", expected.0), Some(&expected.1), found.1.as_bytes())?;
        }
        if expected == found { Ok(()) } else { Err("issue: other fields".to_owned()) }
    }

    /// What a client sends: the fields, and a value for each one that the policy leaves to it.
    fn sent(&self) -> Vec<(String, String)> {
        let mut sent = self.fields.clone();
        for entry in &self.entries {
            let name = entry[1].as_str().unwrap_or_default();
            let here = sent.iter().any(|(field, _)| field.eq_ignore_ascii_case(name));
            if entry[0] == "starts-with" && !here {
                sent.push((name.to_owned(), entry[2].as_str().unwrap().to_owned()));
            }
        }
        sent
    }

    fn check(
        &self,
        bucket: &str,
        sent: &[(String, String)],
        public: &PublicKey,
        now: Timestamp,
    ) -> Result<(), VerifyError> {
        let fields: Vec<(&str, &str)> = sent.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let presented = PresentedForm::parse(&FormView::new(bucket, &fields).file_name("cat.jpg"))?;
        let expect = ExpectForm::new().allow_dot_segments();
        let expect = if self.is_template() { expect.template_keys() } else { expect };
        let pending = presented.check(key().credential(), &expect, now)?;
        pending.accept_public(public).map(|_| ())
    }

    fn verify(&self) -> Result<(), String> {
        let (public, sent) = (key().public_key(), self.sent());
        let (now, end) = (self.now(), self.now().checked_add(self.lifetime).unwrap());
        for at in [now, now.saturating_sub(900), end] {
            self.check(&self.bucket, &sent, &public, at).map_err(|error| format!("verify at {at}: {error}"))?;
        }
        let refused =
            |what: &str, bucket: &str, sent: &[(String, String)], at| match self.check(bucket, sent, &public, at) {
                Ok(()) => Err(format!("verify: accepted with {what}")),
                Err(_) => Ok(()),
            };
        refused("a time before its time", &self.bucket, &sent, now.saturating_sub(901))?;
        refused("a time after its end", &self.bucket, &sent, end.checked_add(1).unwrap())?;
        refused("another bucket", "another-bucket", &sent, now)?;
        if self.check(&self.bucket, &sent, &other_key(), now) != Err(VerifyError::SignatureMismatch) {
            return Err("verify: accepted with another key".to_owned());
        }
        let mut extra = sent.clone();
        extra.push(("x-goog-meta-extra".to_owned(), "1".to_owned()));
        refused("an extra field", &self.bucket, &extra, now)?;
        "x-ignore-extra".clone_into(&mut extra.last_mut().unwrap().0);
        self.check(&self.bucket, &extra, &public, now).map_err(|error| format!("verify with x-ignore: {error}"))?;
        for (at, (name, _)) in sent.iter().enumerate() {
            let mut doubled = sent.clone();
            doubled.push((name.to_uppercase(), sent[at].1.clone()));
            refused(&format!("{name} twice"), &self.bucket, &doubled, now)?;
            let chosen = self.entries.iter().any(|entry| {
                entry[0] == "starts-with" && entry[1].as_str().is_some_and(|field| field.eq_ignore_ascii_case(name))
            });
            if chosen && !self.fields.iter().any(|(field, _)| field == name) {
                continue;
            }
            let mut changed = sent.clone();
            changed[at].1.insert(0, 'A');
            refused(&format!("another {name}"), &self.bucket, &changed, now)?;
            changed.remove(at);
            refused(&format!("no {name}"), &self.bucket, &changed, now)?;
        }
        Ok(())
    }
}

impl Vector for PostCase {
    fn name(&self) -> &str {
        &self.name
    }

    fn known(&self) -> Option<&'static str> {
        None
    }

    fn is_only_verified(&self) -> bool {
        self.only_verified
    }

    fn run(&self) -> Result<(), String> {
        if !self.only_verified {
            self.issue()?;
        }
        self.verify()
    }
}

//! One form: issued, verified, and refused after every change.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use valet_key::aws::{
    Credential, Endpoint, ExpectForm, FormView, KeyRing, PostPolicy, PresentedForm, Region, SigV4, StaticKey,
};
use valet_key::clock::Timestamp;
use valet_key::error::VerifyError;
use valet_key::grant::{Justification, Lifetime};

pub(crate) const FILE_NAME: &str = "${filename}";

/// Inputs and expected values, in our own form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
    pub(crate) region: String,
    pub(crate) time: String,
    pub(crate) lifetime: u32,
    /// Of a server that is not Amazon's.
    pub(crate) origin: Option<String>,
    /// `auto`, `path` or `virtual`
    pub(crate) style: String,
    pub(crate) bucket: String,
    pub(crate) key: String,
    /// `["field", name, value]`, `["starts-with", name, prefix]` with or without a value to start out with,
    /// `["size", least, most]` or `["tag", key, value]`
    pub(crate) entries: Vec<Value>,
    /// Where the form goes, unless that is a host that we do not name.
    pub(crate) url: Option<String>,
    pub(crate) policy: String,
    pub(crate) fields: Vec<(String, String)>,
    /// Whether its policy is written as ours, byte for byte; otherwise the documents say the same.
    pub(crate) same_bytes: bool,
    /// Whether it was given as a policy only, and not as the description of one.
    pub(crate) only_verified: bool,
}

type Fields = Vec<(String, String)>;

impl Case {
    pub(crate) fn from_json(value: &Value) -> Self {
        let text = |field: &str| value[field].as_str().unwrap_or_else(|| panic!("{field} in {value}")).to_owned();
        let maybe = |field: &str| value[field].as_str().map(ToOwned::to_owned);
        let fields = value["fields"].as_array().unwrap().iter();
        Self {
            name: text("name"),
            access_key_id: text("access_key_id"),
            secret: text("secret"),
            token: maybe("token"),
            region: text("region"),
            time: text("time"),
            lifetime: u32::try_from(value["lifetime"].as_u64().unwrap()).unwrap(),
            origin: maybe("origin"),
            style: text("style"),
            bucket: text("bucket"),
            key: text("key"),
            entries: value["entries"].as_array().unwrap().clone(),
            url: maybe("url"),
            policy: text("policy"),
            fields: fields
                .map(|pair| (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().to_owned()))
                .collect(),
            same_bytes: true,
            only_verified: false,
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut value = json!({
            "name": self.name, "access_key_id": self.access_key_id, "secret": self.secret, "token": self.token,
            "region": self.region, "time": self.time, "lifetime": self.lifetime, "origin": self.origin,
            "style": self.style, "bucket": self.bucket, "key": self.key, "entries": self.entries, "url": self.url,
            "policy": self.policy, "fields": self.fields,
        });
        value.as_object_mut().unwrap().retain(|_, field| !field.is_null());
        value
    }

    fn now(&self) -> Timestamp {
        Timestamp::parse_iso_basic(&self.time).unwrap()
    }

    fn holder(&self) -> StaticKey {
        let mut credential = Credential::new(self.access_key_id.as_str()).unwrap();
        if let Some(token) = &self.token {
            credential = credential.with_session_token(token.as_str()).unwrap();
        }
        StaticKey::from_credential(credential, self.secret.as_str()).unwrap()
    }

    fn description(&self) -> Result<PostPolicy, String> {
        let region = Region::new(&self.region).unwrap();
        let endpoint = match &self.origin {
            Some(origin) => Endpoint::custom(origin, region).map_err(|error| error.to_string())?,
            None => Endpoint::aws(region),
        };
        let endpoint = match self.style.as_str() {
            "path" => endpoint.path_style(),
            "virtual" => endpoint.virtual_hosted(),
            _ => endpoint,
        };
        let policy = match self.key.strip_suffix(FILE_NAME) {
            Some(prefix) => PostPolicy::under(&endpoint, &self.bucket, prefix),
            None => PostPolicy::new(&endpoint, &self.bucket, &self.key),
        };
        let mut policy = policy.map_err(|error| error.to_string())?.allow_dot_segments();
        for entry in &self.entries {
            let text = |at: usize| entry[at].as_str().unwrap();
            policy = match text(0) {
                "field" => policy.field(text(1), text(2)),
                "starts-with" if entry[3].is_string() => policy.prefilled(text(1), text(2), text(3)),
                "starts-with" => policy.starts_with(text(1), text(2)),
                "tag" => policy.tag(text(1), text(2)),
                "size" => policy.size(entry[1].as_u64().unwrap()..=entry[2].as_u64().unwrap()),
                other => panic!("entry {other}"),
            };
        }
        if !self.entries.iter().any(|entry| entry[0] == "size") {
            policy = policy.any_size();
        }
        let policy = policy.lives(Lifetime::from_seconds(self.lifetime).unwrap());
        Ok(policy.because(Justification::new("published case").unwrap()))
    }

    /// The signature by the definition of the scheme, for a policy of our own layout.
    fn signature(&self, message: &str) -> String {
        let mac = |key: &[u8], message: &str| {
            let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
            mac.update(message.as_bytes());
            mac.finalize().into_bytes().to_vec()
        };
        let parts = [&self.time[..8], &self.region, "s3", "aws4_request"];
        let key = parts.iter().fold(format!("AWS4{}", self.secret).into_bytes(), |key, part| mac(&key, part));
        hex::encode(mac(&key, message))
    }

    fn issue(&self) -> Result<(), String> {
        let (description, holder) = (self.description()?, self.holder());
        let prepared =
            description.prepare(holder.credential(), self.now()).map_err(|error| format!("prepare: {error}"))?;
        same("policy", &meaning(&self.policy), &meaning(prepared.expose_policy()))?;
        if self.same_bytes {
            same("policy text", &self.policy, prepared.expose_policy())?;
        } else if self.policy == prepared.expose_policy() {
            return Err("its policy is the same byte for byte, so it is not in another notation".to_owned());
        }
        let encoded = encode(prepared.expose_policy());
        same("string to sign", &encoded, prepared.string_to_sign().as_str())?;
        let form = description.sign(&holder, self.now()).map_err(|error| format!("sign: {error}"))?;
        if let Some(url) = &self.url {
            same("URL", url, form.url())?;
        }
        let mut expected: Fields = self.fields.clone();
        expected.retain(|(name, _)| !name.eq_ignore_ascii_case("bucket"));
        if !self.same_bytes {
            for (name, value) in &mut expected {
                match name.to_ascii_lowercase().as_str() {
                    "policy" => value.clone_from(&encoded),
                    "x-amz-signature" => *value = self.signature(&encoded),
                    _ => {}
                }
            }
        }
        let lower = |fields: Fields| {
            let mut fields: Fields =
                fields.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
            fields.sort();
            fields
        };
        let found = form.fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        same("fields", &format!("{:?}", lower(expected)), &format!("{:?}", lower(found)))
    }

    fn check(&self, bucket: &str, sent: &Fields, holder: &StaticKey, now: Timestamp) -> Result<String, VerifyError> {
        let fields: Vec<(&str, &str)> = sent.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let presented = PresentedForm::parse(&FormView::new(bucket, &fields).file_name("C:\\photos\\cat.jpg"))?;
        let expect = ExpectForm::new(&self.region).allow_dot_segments();
        let form = holder.verify_form(presented, &expect, now)?;
        let range = self.entries.iter().find(|entry| entry[0] == "size");
        let (least, most) =
            range.map_or((0, 5 << 30), |range| (range[1].as_u64().unwrap(), range[2].as_u64().unwrap()));
        assert_eq!(form.size(), &(least..=most), "{}", self.name);
        Ok(form.key().to_owned())
    }

    /// What a client sends: the fields, and a value for each one that the policy leaves to it.
    fn sent(&self) -> Fields {
        let mut sent = self.fields.clone();
        for entry in self.entries.iter().filter(|entry| entry[0] == "starts-with") {
            let name = entry[1].as_str().unwrap();
            if !sent.iter().any(|(field, _)| field.eq_ignore_ascii_case(name)) {
                sent.push((name.to_owned(), entry[2].as_str().unwrap().to_owned()));
            }
        }
        sent
    }

    fn verify(&self) -> Result<(), String> {
        let (holder, sent) = (self.holder(), self.sent());
        let (now, end) = (self.now(), self.now().checked_add(self.lifetime).unwrap());
        let expected_key = self.key.replace(FILE_NAME, "cat.jpg");
        for at in [now, now.saturating_sub(900), end] {
            let key =
                self.check(&self.bucket, &sent, &holder, at).map_err(|error| format!("verify at {at}: {error}"))?;
            same("verified key", &expected_key, &key)?;
        }
        let refused = |what: &str, bucket: &str, sent: &Fields, at| match self.check(bucket, sent, &holder, at) {
            Ok(_) => Err(format!("verify: accepted with {what}")),
            Err(error) => Ok(error),
        };
        refused("a time before its time", &self.bucket, &sent, now.saturating_sub(901))?;
        refused("a time after its end", &self.bucket, &sent, end.checked_add(1).unwrap())?;
        refused("another bucket", "another-bucket", &sent, now)?;
        let other = StaticKey::from_credential(holder.credential().clone(), "another secret").unwrap();
        same(
            "with another secret",
            &format!("{:?}", Err::<String, _>(VerifyError::SignatureMismatch)),
            &format!("{:?}", self.check(&self.bucket, &sent, &other, now)),
        )?;
        let mut extra = sent.clone();
        extra.push(("x-amz-meta-extra".to_owned(), "1".to_owned()));
        refused("an extra field", &self.bucket, &extra, now)?;
        "x-ignore-extra".clone_into(&mut extra.last_mut().unwrap().0);
        self.check(&self.bucket, &extra, &holder, now).map_err(|error| format!("verify with x-ignore: {error}"))?;
        for (at, (name, value)) in sent.iter().enumerate() {
            let mut doubled = sent.clone();
            doubled.push((name.to_uppercase(), value.clone()));
            refused(&format!("{name} twice"), &self.bucket, &doubled, now)?;
            let mut changed = sent.clone();
            changed[at].1.insert(0, 'A');
            // Any value will do, unless the policy also has an exact condition.
            let is_free = self.entries.iter().any(|entry| {
                entry[0] == "starts-with"
                    && entry[1].as_str().is_some_and(|field| field.eq_ignore_ascii_case(name))
                    && entry[2] == ""
            });
            let takes_any_key = name.eq_ignore_ascii_case("key") && self.key == FILE_NAME;
            if is_free || takes_any_key {
                self.check(&self.bucket, &changed, &holder, now)
                    .map_err(|error| format!("verify another {name}: {error}"))?;
            } else {
                refused(&format!("another {name}"), &self.bucket, &changed, now)?;
            }
            changed.remove(at);
            if name.eq_ignore_ascii_case("bucket") {
                self.check(&self.bucket, &changed, &holder, now)
                    .map_err(|error| format!("verify no bucket: {error}"))?;
            } else {
                refused(&format!("no {name}"), &self.bucket, &changed, now)?;
            }
        }
        // Whoever looks its keys up sees the same.
        let fields: Vec<(&str, &str)> = sent.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let view = FormView::new(&self.bucket, &fields).file_name("cat.jpg");
        let presented = PresentedForm::parse(&view).map_err(|error| error.to_string())?;
        let expect = ExpectForm::new(&self.region).allow_dot_segments();
        let verdict = KeyRing::new().with(holder).verify_form(presented, &expect, now);
        verdict.map(|_| ()).map_err(|error| format!("key ring: {error}"))
    }

    pub(crate) fn run(&self) -> Result<(), String> {
        if !self.only_verified {
            self.issue()?;
        }
        self.verify()
    }
}

fn same(stage: &str, expected: &str, found: &str) -> Result<(), String> {
    if expected == found { Ok(()) } else { Err(format!("{stage}\n  expected {expected}\n  found    {found}")) }
}

/// A policy as what it says: its end, and its conditions in any order and notation, each once.
fn meaning(policy: &str) -> String {
    let policy: Value = serde_json::from_str(policy).unwrap();
    let condition = |condition: &Value| match condition {
        Value::Object(members) => {
            let (name, value) = members.iter().next().unwrap();
            json!(["eq", format!("${}", name.to_ascii_lowercase()), value]).to_string()
        }
        list => {
            let mut list = list.clone();
            if let Some(name) = list[1].as_str() {
                list[1] = json!(name.to_ascii_lowercase());
            }
            list.to_string()
        }
    };
    let mut conditions: Vec<String> = policy["conditions"].as_array().unwrap().iter().map(condition).collect();
    conditions.sort();
    conditions.dedup();
    format!("until {} {}", policy["expiration"], conditions.join("\n"))
}

pub(crate) fn encode(policy: &str) -> String {
    <base64ct::Base64 as base64ct::Encoding>::encode_string(policy.as_bytes())
}

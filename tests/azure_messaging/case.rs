//! One published token, and the two things that are done with it: issue it, and verify it.

use crate::Vector;
use hmac::{KeyInit, Mac};
use serde_json::{Value, json};
use valet_key::azure::{
    AccessRule, EventGridKey, ExpectToken, IotHubKey, MessagingEntity, MessagingError, MessagingFamily,
    MessagingOperation, MessagingSas, PresentedToken, Right, RuleKey, RuleRing, ServiceBusKey, TokenRequest,
    TokenSignature,
};
use valet_key::clock::Timestamp;
use valet_key::error::VerifyError;
use valet_key::grant::{Justification, Lifetime};

/// Inputs and expected values, in our own form: `tests/vectors/azure/messaging.json` is a list of these.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// `service_bus`, `iot_hub` or `event_grid`
    pub(crate) family: String,
    pub(crate) uri: String,
    pub(crate) rule: Option<String>,
    /// As the portal shows it.
    pub(crate) key: String,
    /// In seconds since 1970.
    pub(crate) time: i64,
    /// In seconds.
    pub(crate) lifetime: u32,
    pub(crate) lower_case_escapes: bool,
    pub(crate) string_to_sign: String,
    /// In base64.
    pub(crate) signature: String,
    pub(crate) token: String,
}

type Stage = Result<(), String>;

impl Case {
    pub(crate) fn from_json(value: &Value) -> Self {
        let text = |field: &str| value[field].as_str().unwrap_or_else(|| panic!("{field} in {value}")).to_owned();
        Self {
            name: text("name"),
            family: text("family"),
            uri: text("uri"),
            rule: value["rule"].as_str().map(ToOwned::to_owned),
            key: text("key"),
            time: value["time"].as_i64().unwrap(),
            lifetime: u32::try_from(value["lifetime"].as_u64().unwrap()).unwrap(),
            lower_case_escapes: value["lower_case_escapes"].as_bool().unwrap_or(false),
            string_to_sign: text("string_to_sign"),
            signature: text("signature"),
            token: text("token"),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut value = json!({
            "name": self.name, "family": self.family, "uri": self.uri, "rule": self.rule, "key": self.key,
            "time": self.time, "lifetime": self.lifetime, "lower_case_escapes": self.lower_case_escapes,
            "string_to_sign": self.string_to_sign, "signature": self.signature, "token": self.token,
        });
        value.as_object_mut().unwrap().retain(|_, field| !field.is_null() && *field != json!(false));
        value
    }

    fn family(&self) -> MessagingFamily {
        match self.family.as_str() {
            "service_bus" => MessagingFamily::ServiceBus,
            "iot_hub" => MessagingFamily::IotHub,
            "event_grid" => MessagingFamily::EventGrid,
            other => panic!("{other} is no family"),
        }
    }

    fn entity(&self) -> MessagingEntity {
        MessagingEntity::from_uri(self.family(), &self.uri).unwrap()
    }

    fn operation(&self) -> MessagingOperation {
        match self.family() {
            MessagingFamily::IotHub if self.uri.contains("/devices/") => MessagingOperation::ActAsDevice,
            MessagingFamily::IotHub => MessagingOperation::CallService,
            MessagingFamily::EventGrid => MessagingOperation::PublishEvents,
            _ => MessagingOperation::Send,
        }
    }

    fn key(&self, key: &str) -> RuleKey {
        let right = Right::from(self.operation());
        match (self.family(), &self.rule) {
            (MessagingFamily::ServiceBus, Some(name)) => {
                let rule = AccessRule::service_bus(&self.entity(), name, right).unwrap();
                ServiceBusKey::new(rule, key).unwrap().into()
            }
            (MessagingFamily::IotHub, Some(name)) => {
                let hub = MessagingEntity::iot_hub(self.entity().host()).unwrap();
                IotHubKey::new(AccessRule::iot_hub_policy(&hub, name, right).unwrap(), key).unwrap().into()
            }
            (MessagingFamily::IotHub, None) => {
                IotHubKey::new(AccessRule::device(&self.entity()).unwrap(), key).unwrap().into()
            }
            _ => EventGridKey::new(AccessRule::event_grid(&self.entity()).unwrap(), key).unwrap().into(),
        }
    }

    fn ring(&self, key: &str) -> RuleRing {
        RuleRing::new().with(self.key(key)).unwrap()
    }

    fn at(&self, seconds: i64) -> Timestamp {
        Timestamp::from_unix(self.time + seconds).unwrap()
    }

    /// Issues the case and compares every stage.
    fn issue(&self) -> Stage {
        let mut request = TokenRequest::new(&self.entity(), self.operation())
            .lives(Lifetime::from_seconds(self.lifetime).unwrap())
            .because(Justification::new("published case").unwrap());
        if self.lower_case_escapes {
            request = request.lower_case_escapes();
        }
        let key = self.key(&self.key);
        let prepared = request.prepare(key.rule(), self.at(0)).map_err(|error| format!("issue: {error}"))?;
        same("issue: string to sign", self.string_to_sign.as_bytes(), prepared.string_to_sign().as_bytes())?;
        // The same in two steps, with a holder of the key that is not ours.
        let elsewhere = hmac(&self.key_bytes(), prepared.string_to_sign().as_bytes());
        same("issue: signature", self.signature.as_bytes(), base64(&elsewhere).as_bytes())?;
        let in_two_steps = prepared.finish(&TokenSignature::new(elsewhere));
        same("issue: token in two steps", self.token.as_bytes(), in_two_steps.expose().as_bytes())?;
        let token = key.token(&request, self.at(0)).map_err(|error| format!("issue: {error}"))?;
        same("issue: token", self.token.as_bytes(), token.expose().as_bytes())
    }

    /// What the key is by the rules of its family.
    fn key_bytes(&self) -> Vec<u8> {
        match self.family() {
            MessagingFamily::ServiceBus => self.key.as_bytes().to_vec(),
            _ => from_base64(&self.key).unwrap(),
        }
    }

    fn presented<'t>(&self, token: &'t str) -> Result<PresentedToken<'t>, VerifyError> {
        match self.family() {
            MessagingFamily::ServiceBus => PresentedToken::service_bus(token),
            MessagingFamily::IotHub => PresentedToken::iot_hub(token),
            _ => PresentedToken::event_grid(token),
        }
    }

    fn check(&self, token: &str, ring: &RuleRing, asked: &MessagingEntity, now: Timestamp) -> Result<(), VerifyError> {
        let expect = ExpectToken::new(asked, self.operation());
        ring.verify(self.presented(token)?, &expect, now).map(|_| ())
    }

    /// Accepts the case for as long as it is good, and refuses it after every change.
    fn verify(&self) -> Stage {
        let (ring, entity, now, end) = (self.ring(&self.key), self.entity(), self.at(0), self.at(self.lifetime.into()));
        for at in [now, end] {
            self.check(&self.token, &ring, &entity, at).map_err(|error| format!("verify at {at}: {error}"))?;
        }
        let refused = |what: &str, token: &str, ring: &RuleRing, asked: &MessagingEntity, at: Timestamp| match self
            .check(token, ring, asked, at)
        {
            Ok(()) => Err(format!("verify: accepted with {what}")),
            Err(error) => Ok(error),
        };
        refused("a time after its end", &self.token, &ring, &entity, end.checked_add(1).unwrap())?;

        let pending = self.presented(&self.token).unwrap();
        let (key, expect) = (self.key(&self.key), ExpectToken::new(&entity, self.operation()));
        let pending = pending.check(key.rule(), &expect, now).map_err(|error| format!("check: {error}"))?;
        same("verify: string to sign", self.string_to_sign.as_bytes(), pending.string_to_sign().as_bytes())?;

        let other_key = self.ring(&base64(b"another key"));
        let wrong = refused("another key", &self.token, &other_key, &entity, now)?;
        let unknown = refused("no key", &self.token, &RuleRing::new(), &entity, now)?;
        if (&wrong, &unknown) != (&VerifyError::SignatureMismatch, &VerifyError::UnknownKey) {
            return Err(format!("verify: {wrong} and {unknown} for another key and for none"));
        }
        if MessagingError::from(&wrong) != MessagingError::from(&unknown) {
            return Err("verify: the peer can tell an unknown key".to_owned());
        }
        for asked in self.elsewhere() {
            let error = refused(&format!("{asked:?}"), &self.token, &ring, &asked, now)?;
            if error != VerifyError::UnknownKey && MessagingError::from(&error).status != 403 {
                return Err(format!("verify: {error} for {asked:?}"));
            }
        }
        if let Some(other_way) = self.signed_with_the_key_read_the_other_way() {
            refused("the key read the other way", &other_way, &ring, &entity, now)?;
        }
        self.verify_every_change(&ring, &entity)
    }

    /// Entities that the token is not for.
    fn elsewhere(&self) -> Vec<MessagingEntity> {
        let trimmed = self.uri.split('?').next().unwrap().trim_end_matches('/');
        let mut others = vec![trimmed.replacen(self.entity().host(), "elsewhere.example", 1), format!("{trimmed}0")];
        if self.entity().path().is_empty() {
            others = vec![format!("{trimmed}0")];
        }
        others.retain(|other| other != trimmed);
        others.iter().map(|uri| MessagingEntity::from_uri(self.family(), uri).unwrap()).collect()
    }

    /// The classic mistake: the key decoded where its text counts, or its text where it is decoded.
    fn signed_with_the_key_read_the_other_way(&self) -> Option<String> {
        let bytes = match self.family() {
            MessagingFamily::ServiceBus => from_base64(&self.key)?,
            _ => self.key.as_bytes().to_vec(),
        };
        let signature = escaped(&base64(&hmac(&bytes, self.string_to_sign.as_bytes())));
        let before = escaped(&self.signature);
        let changed = self.token.replacen(&before, &signature, 1);
        (changed != self.token).then_some(changed)
    }

    /// Every character replaced by its neighbour, and by itself in the other case. Only a digit of an escape
    /// that is not signed may change its case.
    fn verify_every_change(&self, ring: &RuleRing, entity: &MessagingEntity) -> Stage {
        let bytes = self.token.as_bytes();
        for at in 0..bytes.len() {
            let with = |byte: u8| {
                let mut changed = bytes.to_vec();
                changed[at] = byte;
                String::from_utf8(changed).unwrap()
            };
            let next = if bytes[at] == b'~' { b'!' } else { bytes[at] + 1 };
            if self.check(&with(next), ring, entity, self.at(0)).is_ok() {
                return Err(format!("verify: accepted with another character at {at}"));
            }
            let other_case = bytes[at] ^ 0x20;
            if bytes[at].is_ascii_alphabetic() {
                let parameter = self.token[..at].rsplit(['&', ' ']).next().unwrap();
                let is_unsigned = ["sig=", "s=", "skn="].iter().any(|name| parameter.starts_with(name));
                let is_digit = is_unsigned && bytes[at.saturating_sub(2)..at].contains(&b'%');
                if self.check(&with(other_case), ring, entity, self.at(0)).is_ok() != is_digit {
                    return Err(format!("verify: the case of the character at {at} counts the wrong way"));
                }
            }
        }
        Ok(())
    }
}

impl Vector for Case {
    fn name(&self) -> &str {
        &self.name
    }

    fn known(&self) -> Option<&'static str> {
        None
    }

    /// A signature whose escapes are in lower case, and a time that is not in the form that we write.
    fn is_only_verified(&self) -> bool {
        let sig = self.token.split('&').find_map(|part| part.strip_prefix("sig=").or(part.strip_prefix("s=")));
        let lower = sig.is_some_and(|sig| sig.contains("%2b") || sig.contains("%2f") || sig.contains("%3d"));
        let time = self.token.split('&').find_map(|part| part.strip_prefix("e="));
        lower || time.is_some_and(|time| !time.ends_with("%20AM") && !time.ends_with("%20PM"))
    }

    fn run(&self) -> Stage {
        match (self.issue(), self.is_only_verified()) {
            (Err(stage), false) => return Err(stage),
            (Ok(()), true) => return Err("issue: it matches, though it is only verified".to_owned()),
            _ => {}
        }
        self.verify()
    }
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().into()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    use base64ct::Encoding;
    base64ct::Base64::encode_string(bytes)
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    use base64ct::Encoding;
    base64ct::Base64::decode_vec(text).ok()
}

pub(crate) fn escaped(base64: &str) -> String {
    base64.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

fn same(stage: &str, expected: &[u8], found: &[u8]) -> Stage {
    if expected == found {
        return Ok(());
    }
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Err(format!("{stage} differs\n expected {}\n found    {}", text(expected), text(found)))
}

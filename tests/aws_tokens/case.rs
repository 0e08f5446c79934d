//! One token, and the two things that are done with it: issue it, and verify it.

use serde_json::Value;
use valet_key::aws::auth_token::{DsqlRole, EksAuthenticator, Login};
use valet_key::aws::sts::StsEndpoint;
use valet_key::aws::{Credential, Region, SigV4, StaticKey};
use valet_key::clock::Timestamp;
use valet_key::error::{IssueError, VerifyError};
use valet_key::grant::{Justification, Lifetime};

pub(crate) const FAMILIES: [&str; 10] =
    ["dsql", "dsql-admin", "eks", "elasticache", "elasticache-serverless", "iot", "memorydb", "msk", "msk-iam", "rds"];

/// Inputs and expected values, in our own form.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) family: String,
    pub(crate) region: String,
    /// What stands before the region in the constructor of the family.
    pub(crate) args: Vec<String>,
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
    pub(crate) session_token: Option<String>,
    /// `YYYYMMDDTHHMMSSZ`
    pub(crate) time: String,
    /// What `X-Amz-Expires` says, in seconds.
    pub(crate) lifetime: u32,
    /// How long it lives, and how long the client is told that it does, in seconds.
    pub(crate) lives: u32,
    pub(crate) told: u32,
    pub(crate) user_agent: Option<String>,
    pub(crate) canonical_request: String,
    pub(crate) string_to_sign: String,
    pub(crate) signature: String,
    pub(crate) token: String,
    /// Whether the order of its parameters is ours, so that it is issued byte for byte.
    pub(crate) is_ours: bool,
}

type Stage = Result<(), String>;

impl Case {
    pub(crate) fn from_json(value: &Value) -> Self {
        let text = |field: &str| value[field].as_str().unwrap_or_else(|| panic!("{field} in {value}")).to_owned();
        let maybe = |field: &str| value[field].as_str().map(ToOwned::to_owned);
        let number = |field: &str| u32::try_from(value[field].as_u64().unwrap()).unwrap();
        Self {
            name: text("name"),
            family: text("family"),
            region: text("region"),
            args: value["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap().to_owned()).collect(),
            access_key_id: text("access_key_id"),
            secret: text("secret"),
            session_token: maybe("session_token"),
            time: text("time"),
            lifetime: number("lifetime"),
            lives: number("lives"),
            told: number("told"),
            user_agent: maybe("user_agent"),
            canonical_request: text("canonical_request"),
            string_to_sign: text("string_to_sign"),
            signature: text("signature"),
            token: text("token"),
            is_ours: true,
        }
    }

    /// Whether it says that it lives longer than its family allows.
    pub(crate) fn is_too_long(&self) -> bool {
        self.lifetime > if self.family.starts_with("dsql") { 604_800 } else { 900 }
    }

    fn now(&self) -> Timestamp {
        Timestamp::parse_iso_basic(&self.time).unwrap()
    }

    fn key(&self, secret: &str) -> StaticKey {
        let mut credential = Credential::new(self.access_key_id.as_str()).unwrap();
        if let Some(token) = &self.session_token {
            credential = credential.with_session_token(token.as_str()).unwrap();
        }
        StaticKey::from_credential(credential, secret).unwrap()
    }

    fn endpoint(region: &str) -> StsEndpoint {
        StsEndpoint::regional(Region::new(region).unwrap())
    }

    fn login(&self, region: &str) -> Result<Login, IssueError> {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        let login = match (self.family.as_str(), &args[..]) {
            ("rds", [host, port, user]) => Login::rds(host, port.parse().unwrap(), user, region),
            ("dsql", [host]) => Login::dsql(host, DsqlRole::Custom, region),
            ("dsql-admin", [host]) => Login::dsql(host, DsqlRole::Admin, region),
            ("elasticache", [name, user]) => Login::elasticache(name, user, region),
            ("elasticache-serverless", [name, user]) => Login::elasticache_serverless(name, user, region),
            ("memorydb", [name, user]) => Login::memorydb(name, user, region),
            ("eks", [cluster]) => Login::eks(cluster, &Self::endpoint(&self.region)),
            ("msk", []) => Login::msk(&self.region),
            ("msk-iam", [broker]) => Login::msk_iam(broker, region),
            ("iot", [endpoint]) => Login::iot(endpoint, region),
            (family, args) => panic!("{family} of {args:?}"),
        }?;
        let login = login.lives(Lifetime::from_seconds(self.lifetime).unwrap());
        let login = login.because(Justification::new("published case").unwrap());
        self.user_agent.as_ref().map_or(Ok(login.clone()), |name| login.user_agent(name))
    }

    fn issue(&self, login: &Login) -> Stage {
        let key = self.key(&self.secret);
        let prepared = login.prepare(key.credential(), self.now()).map_err(|error| error.to_string())?;
        let same = |stage: &str, expected: &str, found: &str| {
            if expected == found {
                return Ok(());
            }
            Err(format!("{stage} differs\nexpected: {expected}\nfound:    {found}"))
        };
        same("canonical request", &self.canonical_request, &String::from_utf8_lossy(prepared.canonical_request()))?;
        same("string to sign", &self.string_to_sign, prepared.string_to_sign().as_str())?;
        let signature = key.sign(prepared.scope(), prepared.string_to_sign()).unwrap();
        let token = prepared.finish(&signature);
        if self.is_ours {
            same("token", &self.token, token.expose())?;
        }
        same("parts of the token", &parts(&self.token), &parts(token.expose()))?;
        if !parts(token.expose()).contains(&self.signature) {
            return Err("the signature is not in the token".to_owned());
        }
        same("end", &self.now().saturating_add(self.told).to_string(), &token.expires_at().to_string())?;
        let whole = login.issue(&key, self.now()).unwrap();
        same("one step", token.expose(), whole.expose())
    }

    fn verify(&self, login: &Login, token: &str, secret: &str, now: Timestamp) -> Result<(), VerifyError> {
        let key = self.key(secret);
        let verified = login.verify(token, &key, now);
        // A remote holder's two halves say the same.
        let halves = login.parse(token).and_then(|presented| {
            let pending = presented.check(key.credential(), now)?;
            pending.clone().accept(&key.sign(pending.scope(), pending.string_to_sign()).unwrap())
        });
        assert_eq!(verified.as_ref().err(), halves.as_ref().err(), "{}", self.name);
        if self.family == "eks" {
            let endpoints = ["eu-central-1", &self.region].map(Self::endpoint);
            let authenticator = EksAuthenticator::new(&self.args[0], endpoints).unwrap();
            let second = authenticator.verify(token, &key, now);
            assert_eq!(verified.as_ref().err(), second.as_ref().err(), "{}", self.name);
            // Without the key nothing but whose it is can be left.
            match (authenticator.check(token, now), &verified) {
                (Ok(unverified), Ok(verified)) => assert_eq!(unverified.expires_at(), verified.expires_at()),
                (Ok(_), Err(VerifyError::SignatureMismatch | VerifyError::OtherKey)) => {}
                (Err(error), Err(other)) => assert_eq!(error, *other),
                (found, _) => panic!("{}: {found:?} without a key, {verified:?} with it", self.name),
            }
        }
        let verified = verified?;
        assert_eq!(verified.access_key_id(), self.access_key_id);
        assert_eq!(verified.signed_at(), self.now());
        assert_eq!(verified.expires_at(), self.now().saturating_add(self.lives));
        Ok(())
    }

    /// Issues the case, accepts it for as long as it is good, and refuses it after every change.
    pub(crate) fn run(&self) -> Stage {
        let login = self.login(&self.region).map_err(|error| error.to_string())?;
        let now = self.now();
        if self.is_too_long() {
            let issued = login.issue(&self.key(&self.secret), now);
            let verified = login.verify(&self.token, &self.key(&self.secret), now);
            return match (issued, verified) {
                (Err(IssueError::LifetimeTooLong { .. }), Err(VerifyError::Lifetime { .. })) => Ok(()),
                found => Err(format!("a life that is too long: {found:?}")),
            };
        }
        self.issue(&login)?;
        for (when, good) in [
            (now, true),
            (now.saturating_sub(900), true),
            (now.saturating_add(self.lives), true),
            (now.saturating_sub(901), false),
            (now.saturating_add(self.lives + 1), false),
        ] {
            match (self.verify(&login, &self.token, &self.secret, when), good) {
                (Err(error), true) => return Err(format!("verify at {when}: {error}")),
                (Ok(()), false) => return Err(format!("verify at {when}: accepted")),
                _ => {}
            }
        }
        if self.verify(&login, &self.token, "another secret", now) != Err(VerifyError::SignatureMismatch) {
            return Err("verify: another secret".to_owned());
        }
        let key = self.key(&self.secret);
        // Not every one: they are many, and the laws choose others each time.
        for (at, _) in self.token.char_indices().step_by(5) {
            let (head, tail) = self.token.split_at(at);
            let mut rest = tail.chars();
            let with = if rest.next() == Some('A') { 'B' } else { 'A' };
            let changed = format!("{head}{with}{}", rest.as_str());
            if login.verify(&changed, &key, now).is_ok() && !self.is_free(&changed) {
                return Err(format!("verify: accepted with another character at {at}"));
            }
        }
        Ok(())
    }

    /// Whether the token differs from this one in nothing but what the signature does not cover and nobody reads.
    fn is_free(&self, changed: &str) -> bool {
        match self.family.as_str() {
            "msk" => parts(changed).split("User-Agent").next() == parts(&self.token).split("User-Agent").next(),
            "msk-iam" => {
                let without = |token: &str| {
                    let mut value: Value = serde_json::from_str(token).unwrap();
                    value.as_object_mut().unwrap().remove("user-agent").map(|_| value)
                };
                without(changed) == without(&self.token)
            }
            _ => false,
        }
    }
}

/// The parts of a token in an order of their own.
fn parts(token: &str) -> String {
    let encoded = token.strip_prefix("k8s-aws-v1.").unwrap_or(token);
    let decoded = <base64ct::Base64UrlUnpadded as base64ct::Encoding>::decode_vec(encoded).ok();
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_else(|| token.to_owned());
    let (head, query) = text.split_once('?').unwrap_or((&text, ""));
    let mut params: Vec<&str> = query.split('&').collect();
    params.sort_unstable();
    format!("{head}?{}", params.join("&"))
}

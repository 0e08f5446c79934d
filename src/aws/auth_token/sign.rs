//! Issuing: the signed URL, written down as its family wants it.

use super::login::{Carrier, Login, MAX_TOKEN};
use crate::{
    aws::{Prepared, Scope, Signature, StringToSign, canonical::Amz},
    clock::Timestamp,
    encode,
    error::IssueError,
    json,
    secret::Secret,
    token::{BearerToken, BearerUrl},
    v4::{Dialect, canonical::params},
};
use alloc::{format, string::String};
use core::fmt;

/// The version that the JSON form names.
pub(super) const MSK_VERSION: &str = "2020_10_22";
pub(super) const MSK_ACTION: &str = "kafka-cluster:Connect";

/// A token that lacks only its signature.
#[derive(Clone)]
pub struct PreparedToken {
    url: Prepared,
    carrier: Carrier,
    host: String,
    user_agent: Option<String>,
    resource: String,
    told: Option<Timestamp>,
}

impl PreparedToken {
    pub(super) fn new(login: &Login, url: Prepared, told: Option<Timestamp>) -> Result<Self, IssueError> {
        let prepared = Self {
            url,
            carrier: login.carrier,
            host: login.host().into(),
            user_agent: login.user_agent.clone(),
            resource: match &login.user {
                Some(user) => format!("{} {} as {user}", login.service(), login.host()),
                None => format!("{} {}", login.service(), login.host()),
            },
            told,
        };
        let length = prepared.url.finished_length();
        let (length, limit) = match prepared.carrier {
            Carrier::Base64 { prefix, limit } => {
                let appended = prepared.user_agent.as_deref().map_or(0, |name| user_agent_param(name).len());
                (prefix.len() + (length + appended).div_ceil(3) * 4, limit)
            }
            Carrier::Password | Carrier::WebSocket | Carrier::Json => (length, MAX_TOKEN),
        };
        if length > limit {
            return Err(IssueError::Invalid {
                what: "token",
                why: "it would be longer than servers read: the session token is too long",
            });
        }
        Ok(prepared)
    }

    /// The scope that the signature belongs to.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        self.url.scope()
    }

    /// What to sign, with HMAC-SHA256 and the key derived for [`scope`](Self::scope).
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        self.url.string_to_sign()
    }

    /// The canonical request, to compare with what a server says it computed.
    #[must_use]
    pub fn canonical_request(&self) -> &[u8] {
        self.url.canonical_request()
    }

    /// Puts the signature in.
    #[must_use]
    pub fn finish(self, signature: &Signature) -> BearerToken {
        let url = self.url.finish(signature);
        let ends = url.expires_at();
        let text = match self.carrier {
            Carrier::Password => url.expose().strip_prefix("https://").unwrap_or_default().into(),
            Carrier::WebSocket => format!("wss{}", url.expose().strip_prefix("https").unwrap_or_default()),
            Carrier::Base64 { prefix, .. } => {
                let mut signed = Secret::new(String::from(url.expose()));
                if let Some(name) = &self.user_agent {
                    signed = Secret::new(format!("{}{}", signed.expose(), user_agent_param(name)));
                }
                format!("{prefix}{}", encode::base64url(signed.expose().as_bytes()))
            }
            Carrier::Json => to_json(&url, &self.host, self.user_agent.as_deref().unwrap_or_default()),
        };
        BearerToken::new(text, self.resource, self.told.map_or(ends, |told| told.min(ends)))
    }
}

impl fmt::Debug for PreparedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedToken")
            .field("resource", &self.resource)
            .field("scope", self.scope())
            .finish_non_exhaustive()
    }
}

fn user_agent_param(name: &str) -> String {
    format!("&User-Agent={}", encode::component(name.as_bytes()))
}

fn to_json(url: &BearerUrl, host: &str, user_agent: &str) -> String {
    let mut text = String::from("{");
    let mut member = |name: &str, value: &str| {
        if text.len() > 1 {
            text.push(',');
        }
        json::push_text(&mut text, name);
        text.push(':');
        json::push_text(&mut text, value);
    };
    member("version", MSK_VERSION);
    member("host", host);
    member("user-agent", user_agent);
    member("action", MSK_ACTION);
    for field in Amz::PARAMS {
        let value = params(url.expose_query()).find(|(name, _)| name == field);
        if let Some(value) = value.and_then(|(_, value)| encode::decode(value)) {
            member(&field.to_ascii_lowercase(), Secret::new(value).expose());
        }
    }
    text.push('}');
    text
}

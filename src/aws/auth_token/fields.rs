//! Reading a token: taken apart as its family writes it, and held to its login.
//!
//! What a token says stands in it once, in one spelling. Whatever is there twice, in other letters or without need is
//! refused, because the one who verifies and the one who acts would not read it alike.

use super::{
    login::{Carrier, Login, MAX_TOKEN},
    sign::{MSK_ACTION, MSK_VERSION},
    verify::SignedLogin,
};
use crate::{
    aws::{Presented, SignedRequest, canonical::Amz},
    encode::{self, Spelling},
    error::VerifyError,
    json,
    secret::Secret,
    token::Verified,
    v4::{Dialect, canonical::params},
    view::{Limits, RequestView},
};
use alloc::{borrow::ToOwned, format, string::String};

/// The signed request that a token stands for.
#[derive(Clone)]
pub(super) struct Proof {
    host: String,
    /// Path and query.
    target: Secret<String>,
}

const TOKEN: &str = "token";

fn malformed(why: &'static str) -> VerifyError {
    VerifyError::Malformed { what: TOKEN, why }
}

impl Proof {
    /// Takes a token apart and holds it to its login.
    pub(super) fn read(login: &Login, text: &str) -> Result<Self, VerifyError> {
        let proof = Self::take_apart(login, text)?;
        proof.check(login)?;
        Ok(proof)
    }

    /// Holds it to a login.
    pub(super) fn check(&self, login: &Login) -> Result<(), VerifyError> {
        if !self.is_for(login) {
            return Err(VerifyError::Host);
        }
        let query = self.target.expose().strip_prefix(login.path).and_then(|rest| rest.strip_prefix('?'));
        check_params(query.ok_or(malformed("its path is not that of the login"))?, login)
    }

    /// Whether its host is that of a login, letter for letter: the server signs its own name, which nobody sends it.
    pub(super) fn is_for(&self, login: &Login) -> bool {
        self.host == login.host()
    }

    /// Takes a token apart that is written like those of a login.
    pub(super) fn take_apart(login: &Login, text: &str) -> Result<Self, VerifyError> {
        let limit = match login.carrier {
            Carrier::Base64 { limit, .. } => limit,
            Carrier::Password | Carrier::WebSocket | Carrier::Json => MAX_TOKEN,
        };
        if text.len() > limit {
            return Err(VerifyError::TooLarge { what: TOKEN, found: text.len(), limit });
        }
        match login.carrier {
            Carrier::Password => Self::split(text),
            Carrier::WebSocket => {
                Self::split(text.strip_prefix("wss://").ok_or(malformed("it must begin with `wss://`"))?)
            }
            Carrier::Base64 { prefix, .. } => {
                let url = decode_base64(text, prefix)?;
                let url = url.expose();
                let signed = if login.user_agent.is_some() { without_user_agent(url)? } else { url };
                Self::split(signed.strip_prefix("https://").ok_or(malformed("it must hold a URL with `https://`"))?)
            }
            Carrier::Json => Self::from_json(text),
        }
    }

    fn split(address: &str) -> Result<Self, VerifyError> {
        let cut = address.find('/').and_then(|cut| address.split_at_checked(cut));
        let (host, target) = cut.ok_or(malformed("it must have a host and a path"))?;
        Ok(Self { host: host.to_owned(), target: Secret::new(target.to_owned()) })
    }

    fn from_json(text: &str) -> Result<Self, VerifyError> {
        let members = json::all_members(text).map_err(|_| malformed("it must be one JSON object of texts"))?;
        let mut members: alloc::vec::Vec<(String, Secret<String>)> =
            members.into_iter().map(|(name, value)| (name, Secret::new(value.into_string()))).collect();
        let mut take = |field: &'static str| {
            let at = members.iter().position(|(name, _)| name == field);
            at.map(|at| members.swap_remove(at).1).ok_or(VerifyError::FieldCount { field, found: 0 })
        };
        if take("version")?.expose() != MSK_VERSION {
            return Err(VerifyError::FieldForm { field: "version", expected: MSK_VERSION });
        }
        if take("action")?.expose() != MSK_ACTION {
            return Err(VerifyError::NotCovered { field: "action", what: "login" });
        }
        take("user-agent")?;
        let host = take("host")?;
        let mut target = format!("/?Action={}", encode::component(MSK_ACTION.as_bytes()));
        for (field, name) in JSON_FIELDS {
            let value = match take(field) {
                Ok(value) => value,
                Err(_) if *field == "x-amz-security-token" => continue,
                Err(error) => return Err(error),
            };
            target.extend(["&", name, "="]);
            target.extend(encode::component(value.expose().as_bytes()));
        }
        if !members.is_empty() {
            return Err(malformed(EXTRA));
        }
        Ok(Self { host: host.expose().clone(), target: Secret::new(target) })
    }

    /// Looks at the token as at the request that was signed.
    pub(super) fn presented<R>(
        &self,
        login: &Login,
        look: impl FnOnce(Presented<'_>) -> Result<R, VerifyError>,
    ) -> Result<R, VerifyError> {
        let host = ("host", self.host.as_bytes());
        let lines = match &login.header {
            Some((name, value)) => &[host, (*name, value.as_bytes())][..],
            None => &[host],
        };
        let view = RequestView::new("GET", self.target.expose(), lines);
        let presented = Presented::parse_within(&view, &Limits::DEFAULT)?;
        match &login.header {
            Some((name, _)) if !presented.signs(name) => Err(VerifyError::UnsignedHeader { name: (*name).into() }),
            _ => look(presented),
        }
    }

    /// Hands the request to something that verifies it.
    pub(super) fn verified(
        &self,
        login: &Login,
        verify: impl for<'r> FnOnce(Presented<'r>) -> Result<Verified<SignedRequest<'r>>, VerifyError>,
    ) -> Result<Verified<SignedLogin>, VerifyError> {
        self.presented(login, |presented| Ok(SignedLogin::new(login, &verify(presented)?)))
    }

    /// The address of the request.
    pub(super) fn url(&self) -> Secret<String> {
        Secret::new(format!("https://{}{}", self.host, self.target.expose()))
    }
}

const EXTRA: &str = "it has a parameter that does not belong to it";

/// The members of the JSON form that are parameters of the signed request, in canonical order.
const JSON_FIELDS: &[(&str, &str)] = &[
    ("x-amz-algorithm", "X-Amz-Algorithm"),
    ("x-amz-credential", "X-Amz-Credential"),
    ("x-amz-date", "X-Amz-Date"),
    ("x-amz-expires", "X-Amz-Expires"),
    ("x-amz-security-token", "X-Amz-Security-Token"),
    ("x-amz-signature", "X-Amz-Signature"),
    ("x-amz-signedheaders", "X-Amz-SignedHeaders"),
];

fn decode_base64(text: &str, prefix: &'static str) -> Result<Secret<String>, VerifyError> {
    let digits = text.strip_prefix(prefix).ok_or(malformed("it does not begin with the prefix of its kind"))?;
    let bytes = encode::from_base64url(digits).ok_or(malformed("it must be base64url without padding"))?;
    String::from_utf8(bytes).map(Secret::new).map_err(|_| malformed("it must hold a URL"))
}

/// Takes off what is appended after signing: last, and once.
fn without_user_agent(url: &str) -> Result<&str, VerifyError> {
    const FIELD: &str = "User-Agent";
    let (signed, last) = url.rsplit_once('&').ok_or(VerifyError::FieldCount { field: FIELD, found: 0 })?;
    match last.strip_prefix(FIELD).and_then(|rest| rest.strip_prefix('=')) {
        Some(value) if encode::spelling(value, None) != Spelling::Malformed => Ok(signed),
        Some(_) => Err(VerifyError::FieldForm { field: FIELD, expected: "percent-encoded" }),
        None => Err(VerifyError::FieldCount { field: FIELD, found: 0 }),
    }
}

/// Holds the parameters of a token to those of its login and of the signature: each once, and no other.
fn check_params(query: &str, login: &Login) -> Result<(), VerifyError> {
    let known = || login.params.iter().map(|(name, _)| *name).chain(Amz::PARAMS.iter().copied());
    // INVARIANT: a login has at most three parameters of its own.
    let mut seen = [0u8; 16];
    for (name, value) in params(query) {
        // Servers differ in whether the letter case of a name matters, so two that differ in it alone are one twice.
        let found = known().zip(&mut seen).find(|(known, _)| known.eq_ignore_ascii_case(name));
        let (field, count) = found.ok_or(malformed(EXTRA))?;
        *count = count.saturating_add(1);
        if *count > 1 {
            return Err(VerifyError::FieldCount { field, found: usize::from(*count) });
        }
        if field != name {
            return Err(malformed("it spells a parameter in other letters"));
        }
        // No proxy stands between the two who write and read a token, so that it has the spelling that was signed.
        if encode::spelling(value, None) != Spelling::Canonical {
            return Err(malformed("it is not percent-encoded as it is signed"));
        }
        let expected = login.params.iter().find(|(known, _)| *known == field);
        if let Some((_, expected)) = expected
            && encode::decode(value).as_ref() != Some(expected)
        {
            return Err(VerifyError::NotCovered { field, what: "login" });
        }
    }
    for ((field, _), count) in login.params.iter().zip(seen) {
        if count == 0 {
            return Err(VerifyError::FieldCount { field, found: 0 });
        }
    }
    Ok(())
}

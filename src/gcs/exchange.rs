//! The exchange of an OAuth token for one that a boundary confines.
//!
//! Source: Security Token Service API, "token".

use super::AccessBoundary;
use crate::{clock::Timestamp, encode, error::KeyError, json::Value, secret::Secret};
use alloc::{format, string::String};
use core::fmt;

impl AccessBoundary {
    /// The body of the token exchange, `application/x-www-form-urlencoded`, to post to
    /// [`EXCHANGE_URL`](Self::EXCHANGE_URL). It holds the source token: do not log it.
    #[must_use]
    pub fn exchange_body(&self, source_token: &Secret<String>) -> Secret<String> {
        let options = self.to_json();
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token", source_token.expose()),
            ("options", &options),
        ];
        // Room for all of it, if every byte is escaped: as it grew, it would leave copies of the token behind.
        let room = fields.iter().map(|(name, value)| name.len() + 3 * value.len() + 2).sum();
        let mut body = String::with_capacity(room);
        for (name, value) in fields {
            if !body.is_empty() {
                body.push('&');
            }
            body.push_str(name);
            body.push('=');
            body.extend(encode::component(value.as_bytes()));
        }
        Secret::new(body)
    }

    /// Where the exchange is posted.
    pub const EXCHANGE_URL: &'static str = "https://sts.googleapis.com/v1/token";
}

/// A downscoped OAuth token.
#[derive(Clone)]
pub struct DownscopedToken {
    token: Secret<String>,
    expires_at: Timestamp,
}

impl DownscopedToken {
    /// Reads the answer of the exchange, received at `now`. Without an `expires_in` in it, the token ends with
    /// its source; with one, with whichever ends first.
    ///
    /// # Errors
    /// [`KeyError::Holder`] if it is no such answer; what it says is not quoted.
    pub fn read_answer(answer: &str, now: Timestamp, source_ends: Timestamp) -> Result<Self, KeyError> {
        let failed = |why: &str| KeyError::Holder(format!("the answer of the token exchange {why}"));
        if answer.len() > 64 << 10 {
            return Err(failed("is larger than 64 KiB"));
        }
        let members =
            Value::parse(answer).ok().and_then(Value::into_object).ok_or_else(|| failed("is not one JSON object"))?;
        let (mut token, mut lifetime) = (None, None);
        for (name, value) in members {
            match (name.as_str(), value) {
                ("access_token", Value::Text(text)) => token = Some(Secret::new(text.into_string())),
                ("expires_in", Value::Number(number)) => {
                    lifetime =
                        Some(number.parse::<u32>().map_err(|_| failed("must have `expires_in` in whole seconds"))?);
                }
                ("token_type", Value::Text(kind)) if !kind.eq_ignore_ascii_case("bearer") => {
                    return Err(failed("must be of the type `Bearer`"));
                }
                ("access_token" | "expires_in" | "token_type", value)
                    if !matches!(value, Value::Text(_)) || name == "expires_in" =>
                {
                    return Err(failed("has a member of another kind than it should"));
                }
                _ => {}
            }
        }
        let token = token
            .filter(|token| !token.expose().is_empty() && token.expose().bytes().all(|byte| byte.is_ascii_graphic()));
        let token = token.ok_or_else(|| failed("must have `access_token`, as visible ASCII"))?;
        let expires_at = lifetime.map_or(source_ends, |seconds| now.saturating_add(seconds).min(source_ends));
        Ok(Self { token, expires_at })
    }

    /// The token, for the `Authorization: Bearer` header of the one client that it is for. Do not log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.token.expose()
    }

    /// The last second at which it is good.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

impl fmt::Debug for DownscopedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownscopedToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::Grant;

    #[test]
    fn the_exchange_is_a_form_and_its_answer_is_read_strictly() {
        let start = Timestamp::EPOCH;
        let boundary = AccessBoundary::new(&[Grant::read("photos", "a")], start, start.saturating_add(900)).unwrap();
        let body = boundary.exchange_body(&Secret::from("ya29.secret+/"));
        assert!(body.expose().starts_with("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&"));
        assert!(body.expose().contains("&subject_token=ya29.secret%2B%2F&options=%7B%22accessBoundary%22"));
        let now = Timestamp::from_unix(1_000).unwrap();
        let ends = now.saturating_add(3600);
        let read = |answer: &str| DownscopedToken::read_answer(answer, now, ends);
        assert_eq!(read("{\"access_token\":\"t\",\"expires_in\":60}").unwrap().expires_at().unix(), 1_060);
        assert_eq!(read("{\"access_token\":\"t\",\"token_type\":\"Bearer\"}").unwrap().expires_at(), ends);
        assert_eq!(read("{\"access_token\":\"t\",\"expires_in\":9999}").unwrap().expires_at(), ends);
        for answer in [
            "",
            "{}",
            "{\"access_token\":\"\"}",
            "{\"access_token\":\"a b\"}",
            "{\"access_token\":1}",
            "{\"access_token\":\"t\",\"access_token\":\"u\"}",
            "{\"access_token\":\"t\",\"expires_in\":-1}",
            "{\"access_token\":\"t\",\"expires_in\":\"60\"}",
            "{\"access_token\":\"t\",\"token_type\":\"mac\"}",
        ] {
            assert!(read(answer).is_err(), "{answer}");
        }
    }
}

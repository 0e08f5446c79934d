//! What a server says when it refuses.

use super::{Cause, ExplainError, Findings, MOST};
use crate::xml;
use alloc::string::String;
use core::fmt;

/// The most nodes of an error document.
const NODES: u32 = 512;

/// What a server answered to a request that it refused.
///
/// It may hold the session token and the signature of the request, so it is not shown by `Debug`.
#[derive(Clone, Default)]
pub struct Answer {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) canonical_request: Option<String>,
    pub(super) string_to_sign: Option<String>,
    pub(super) region: Option<String>,
    pub(super) key_id: Option<String>,
}

impl Answer {
    /// Reads an error document: of S3 and of Google Cloud Storage with `CanonicalRequest` and `StringToSign`, of other AWS
    /// services with the two in `Message`, of Azure with the string to sign in `AuthenticationErrorDetail`. At most 64 KiB.
    ///
    /// # Errors
    /// [`ExplainError::TooLarge`], and [`ExplainError::Unreadable`] for what is no XML, or XML with a document type.
    pub fn parse(document: &str) -> Result<Self, ExplainError> {
        super::bounded(document.len())?;
        let document = xml::parse(document.trim_start_matches('\u{feff}'), NODES).ok_or(ExplainError::Unreadable)?;
        let text = |name: &str| -> Option<String> {
            let mut nodes = document.descendants().filter(|node| node.is_element() && node.tag_name().name() == name);
            nodes.next().map(|node| node.text().unwrap_or_default().into())
        };
        let mut answer = Self {
            code: text("Code").ok_or(ExplainError::Unreadable)?,
            message: text("Message").unwrap_or_default(),
            canonical_request: text("CanonicalRequest"),
            string_to_sign: text("StringToSign"),
            region: text("Region"),
            key_id: text("AWSAccessKeyId"),
        };
        if answer.canonical_request.is_none() {
            answer.canonical_request = quoted(&answer.message, "Canonical String for this request should have been\n'");
            answer.string_to_sign = quoted(&answer.message, "String-to-Sign should have been\n'");
        }
        if let Some(detail) = text("AuthenticationErrorDetail") {
            answer = answer.detail(&detail);
        } else if answer.string_to_sign.is_none() {
            let message = core::mem::take(&mut answer.message);
            answer = answer.detail(&message);
        }
        Ok(answer)
    }

    /// An answer without a document, as to `HEAD`: what `x-ms-error-code` says, or a code that was logged.
    #[must_use]
    pub fn code(code: &str) -> Self {
        Self { code: code.chars().take(128).collect(), ..Self::default() }
    }

    /// The canonical request and the string to sign of the other side, from a log or from its `Pending`.
    ///
    /// # Errors
    /// [`ExplainError::TooLarge`].
    pub fn forms(canonical_request: &[u8], string_to_sign: &[u8]) -> Result<Self, ExplainError> {
        let canonical_request = Some(super::text(canonical_request)?.into());
        Ok(Self { canonical_request, ..Self::string_to_sign(string_to_sign)? })
    }

    /// The string to sign of the other side alone.
    ///
    /// # Errors
    /// [`ExplainError::TooLarge`].
    pub fn string_to_sign(string_to_sign: &[u8]) -> Result<Self, ExplainError> {
        Ok(Self { string_to_sign: Some(super::text(string_to_sign)?.into()), ..Self::default() })
    }

    /// Azure's detail, which quotes the string to sign behind a sentence.
    fn detail(mut self, detail: &str) -> Self {
        self.string_to_sign = self
            .string_to_sign
            .or_else(|| Some(detail.split_once("String to sign used was ")?.1.into()))
            .or_else(|| quoted(detail, "Server used following string to sign: '"));
        self.message = if self.string_to_sign.is_some() { String::new() } else { detail.into() };
        self
    }

    /// What the server says outright.
    pub(super) fn say(&self, has_token: bool, found: &mut Findings) {
        let message = self.message.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
        let cause = match self.code.as_str() {
            "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => Cause::SessionExpired,
            "InvalidToken" | "InvalidClientTokenId" | "UnrecognizedClientException" if has_token => Cause::TokenChanged,
            "RequestTimeTooSkewed" | "RequestInTheFuture" => Cause::ClockSkew,
            "InvalidAccessKeyId" | "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidToken" => {
                if self.is_temporary() && !has_token { Cause::TokenMissing } else { Cause::KeyId }
            }
            "PermanentRedirect" | "TemporaryRedirect" => Cause::Redirected,
            "XAmzContentSHA256Mismatch" | "BadDigest" | "Md5Mismatch" => Cause::PayloadHash,
            "AuthorizationPermissionMismatch" => Cause::Permission,
            "AuthorizationSourceIPMismatch" => Cause::SourceAddress,
            "AuthorizationProtocolMismatch" => Cause::PlainHttp,
            "AuthorizationServiceMismatch" | "AuthorizationResourceTypeMismatch" => Cause::Reach,
            "AuthorizationHeaderMalformed" | "AuthorizationQueryParametersError" | "InvalidArgument"
                if self.region.is_some() || says(&["the region '"]) =>
            {
                Cause::Region
            }
            "AuthorizationHeaderMalformed" | "AuthorizationQueryParametersError" if says(&["incorrect service"]) => {
                Cause::Service
            }
            _ if says(&["which were not signed", "which was not signed"]) => Cause::HeaderAdded,
            _ if says(&["not yet valid", "not yet current"]) => Cause::NotYetValid,
            _ if says(&["request has expired", "signature expired", "expired at"]) => Cause::Expired,
            _ if says(&["too far from the server", "date header"]) => Cause::ClockSkew,
            "AuthenticationFailed" => match self.frame() {
                Some(cause) => cause,
                None => return,
            },
            "AccessDenied" | "AuthorizationFailure" | "NoSuchKey" | "BlobNotFound" | "PreconditionFailed" => {
                Cause::Denied
            }
            _ => return,
        };
        found.say(cause);
    }

    fn is_temporary(&self) -> bool {
        self.key_id.as_ref().is_some_and(|id| id.starts_with("ASIA"))
    }

    /// Which end of the time frame was missed: `Start [date] - Expiry [date] - Current [date]`.
    #[cfg(feature = "azure")]
    fn frame(&self) -> Option<Cause> {
        let (_, frame) = self.message.split_once("time frame")?;
        let date = |name: &str| {
            let (_, rest) = frame.split_once(name)?;
            crate::azure::http_date(rest.split_once('[')?.1.split_once(']')?.0.as_bytes())
        };
        let current = date("Current")?;
        if date("Start").is_some_and(|start| current < start) {
            return Some(Cause::NotYetValid);
        }
        date("Expiry").is_some_and(|expiry| current >= expiry).then_some(Cause::Expired)
    }

    #[cfg(not(feature = "azure"))]
    #[expect(clippy::unused_self, reason = "as with Azure, whose answers alone have a time frame")]
    const fn frame(&self) -> Option<Cause> {
        None
    }
}

/// The text between the words and the next line that ends with a quote.
fn quoted(text: &str, words: &str) -> Option<String> {
    let (_, text) = text.split_once(words)?;
    let end = text.find("'\n").or_else(|| text.rfind('\''))?;
    text.get(..end).map(|text| text.chars().take(MOST).collect())
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("has_canonical_request", &self.canonical_request.is_some())
            .field("has_string_to_sign", &self.string_to_sign.is_some())
            .finish_non_exhaustive()
    }
}

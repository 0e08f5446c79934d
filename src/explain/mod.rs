//! Why a signature did not match: what was signed, beside what the server says it computed.
//!
//! ```text
//! Prepared or URL ──▶ Signed ─┐
//!                             ├─explain──▶ Explanation: Finding (Cause, Difference), …
//! error document ──▶ Answer ──┘
//! ```
//!
//! Servers that refuse a signature often tell what they signed themselves. [`explain`] puts that beside what this side signed,
//! takes both apart, and names the first line and field that differs with its likely [`Cause`]. It needs no key.
//!
//! An explanation is for those who operate the signer. It shows the values of fields that hold no secret, and of all others
//! how long they are; where a value announces a signature, a token or a secret, it is cut there.
//!
//! ```
//! use valet_key::explain::{Answer, Cause, Signed, explain};
//!
//! let url = "https://photos.s3.eu-west-1.amazonaws.com/a%20b.jpg?X-Amz-Algorithm=AWS4-HMAC-SHA256\
//!            &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261124%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=20261124T120000Z\
//!            &X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=00";
//! let answer = Answer::parse(
//!     "<Error><Code>SignatureDoesNotMatch</Code><CanonicalRequest>GET\n/a%2Bb.jpg\nX-Amz-Algorithm=AWS4-HMAC-SHA256&amp;\
//!      X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261124%2Feu-west-1%2Fs3%2Faws4_request&amp;X-Amz-Date=20261124T120000Z&amp;\
//!      X-Amz-Expires=900&amp;X-Amz-SignedHeaders=host\nhost:photos.s3.eu-west-1.amazonaws.com\n\nhost\nUNSIGNED-PAYLOAD\
//!      </CanonicalRequest></Error>",
//! )?;
//! let explanation = explain(&Signed::url("GET", url), &answer)?;
//! assert!(explanation.findings().iter().any(|finding| finding.cause() == Cause::PlusForBlank));
//! # Ok::<(), valet_key::explain::ExplainError>(())
//! ```
//!
//! Source: Amazon S3 API Reference, "Error responses"; Cloud Storage XML API, "HTTP status and error codes"; Azure Storage
//! REST reference, "Status and error codes".

mod answer;
mod cause;
mod from;
mod lines;
mod redact;
mod spelling;
mod v4;

pub use self::{answer::Answer, cause::Cause};

use crate::encode;
use alloc::{borrow::Cow, string::String, vec::Vec};
use core::fmt;

/// The most bytes of any text that is looked at.
const MOST: usize = 64 << 10;
/// The most findings.
const FINDINGS: usize = 8;

/// What this side signed.
#[derive(Clone, Copy)]
pub struct Signed<'a>(Form<'a>);

#[derive(Clone, Copy)]
enum Form<'a> {
    /// A canonical request and the string to sign that holds its hash.
    Request(&'a [u8], &'a [u8]),
    /// Azure's string to sign.
    Lines(&'a [u8]),
    Url(&'a str, &'a str),
}

impl<'a> Signed<'a> {
    /// A canonical request and its string to sign, of AWS or Google Cloud Storage.
    #[must_use]
    pub const fn request(canonical_request: &'a [u8], string_to_sign: &'a [u8]) -> Self {
        Self(Form::Request(canonical_request, string_to_sign))
    }

    /// A string to sign of Azure Storage: of a shared access signature or of Shared Key.
    #[must_use]
    pub const fn lines(string_to_sign: &'a [u8]) -> Self {
        Self(Form::Lines(string_to_sign))
    }

    /// A signed URL as it was sent, and the method. It tells less than what was signed: not the values of headers, and of
    /// Azure's lines those that are parameters.
    #[must_use]
    pub const fn url(method: &'a str, url: &'a str) -> Self {
        Self(Form::Url(method, url))
    }
}

impl fmt::Debug for Signed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signed([redacted])")
    }
}

/// Why nothing can be explained.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// A text is longer than is looked at.
    #[error("a text has {found} bytes, more than the {limit} that are compared")]
    TooLarge {
        /// Its length.
        found: usize,
        /// The most.
        limit: usize,
    },
    /// An error document that is none.
    #[error("the answer is no XML error document with a `Code`")]
    Unreadable,
    /// A text that is no canonical request.
    #[error("the {what} has not the lines of one")]
    Form {
        /// Which text.
        what: &'static str,
    },
}

/// One difference, or what the server said outright, with what it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    cause: Cause,
    difference: Option<Difference>,
}

impl Finding {
    /// What it likely comes from.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        self.cause
    }

    /// What differs; none where the server named the cause itself, or where nothing differs.
    #[must_use]
    pub const fn difference(&self) -> Option<&Difference> {
        self.difference.as_ref()
    }
}

/// What differs, in a form that may be logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    line: usize,
    field: String,
    ours: String,
    theirs: String,
}

impl Difference {
    /// The line of the canonical request or of the string to sign, from 1; 0 where there are no lines, as in a URL.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }

    /// The header, parameter or part.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What this side signed, or its length: escaped, at most some 120 characters around the difference.
    #[must_use]
    pub fn ours(&self) -> &str {
        &self.ours
    }

    /// The same of the server.
    #[must_use]
    pub fn theirs(&self) -> &str {
        &self.theirs
    }
}

/// What came of a comparison: at least one finding, at most eight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation(Vec<Finding>);

impl Explanation {
    /// The likely cause: what the server said outright, or else that of the first difference.
    #[must_use]
    pub fn cause(&self) -> Cause {
        self.0.first().map_or(Cause::Unknown, Finding::cause)
    }

    /// Everything that was found, the likely cause first. What comes later is often a consequence.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.0
    }

    /// The first difference.
    #[must_use]
    pub fn difference(&self) -> Option<&Difference> {
        self.0.iter().find_map(Finding::difference)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, finding) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}: {}", finding.cause.code(), finding.cause.advice())?;
            if let Some(Difference { line, field, ours, theirs }) = &finding.difference {
                let place = if *line > 0 { alloc::format!("line {line}, ") } else { String::new() };
                write!(f, "\n  {place}{field}\n    signed: {ours}\n    server: {theirs}")?;
            }
        }
        Ok(())
    }
}

/// What has been found: one finding for each cause.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn len(&self) -> usize {
        self.0.len()
    }

    /// Something that the server or the URL says outright.
    fn say(&mut self, cause: Cause) {
        if !self.0.iter().any(|finding| finding.cause == cause) && self.len() < FINDINGS {
            self.0.push(Finding { cause, difference: None });
        }
    }

    fn add(&mut self, cause: Cause, line: usize, field: &str, ours: &str, theirs: &str) {
        let difference = || Difference {
            line,
            field: redact::name(field),
            ours: redact::value(field, ours, theirs),
            theirs: redact::value(field, theirs, ours),
        };
        let is_room = self.len() < FINDINGS;
        match self.0.iter_mut().find(|finding| finding.cause == cause) {
            Some(finding) if finding.difference.is_none() => finding.difference = Some(difference()),
            None if is_room => self.0.push(Finding { cause, difference: Some(difference()) }),
            Some(_) | None => {}
        }
    }

    /// The same for what explains the differences found before it.
    fn add_first(&mut self, cause: Cause, line: usize, field: &str, ours: &str, theirs: &str) {
        if !self.0.iter().any(|finding| finding.cause == cause) {
            self.0.truncate(FINDINGS - 1);
            self.add(cause, line, field, ours, theirs);
            self.0.rotate_right(1);
        }
    }
}

/// Compares what was signed with what a server answered.
///
/// Takes time in proportion to the length of the texts, but for sorting names, and memory in proportion too.
///
/// # Errors
/// [`ExplainError::TooLarge`] for texts of more than 64 KiB, and [`ExplainError::Form`] for a canonical request that has not
/// the lines of one.
pub fn explain(signed: &Signed<'_>, answer: &Answer) -> Result<Explanation, ExplainError> {
    let mut found = Findings::default();
    let is_compared = match signed.0 {
        Form::Request(canonical, message) => {
            let (canonical, message) = (text(canonical)?, text(message)?);
            let ours = v4::Request::parse(&canonical).ok_or(ExplainError::Form { what: "signed canonical request" })?;
            compare_v4(&ours, v4::Message::parse(&message).as_ref(), answer, &mut found)?
        }
        Form::Lines(lines) => {
            let lines = text(lines)?;
            answer.say(false, &mut found);
            answer.string_to_sign.as_ref().map(|theirs| lines::compare(&lines, theirs, &mut found)).is_some()
        }
        Form::Url(method, url) => {
            bounded(url.len().saturating_add(method.len()))?;
            look_at_url(url, &mut found);
            if let Some(params) = sas_params(url) {
                compare_sas(url, &params, answer, &mut found)
            } else {
                let ours = v4::Request::of_url(method, url);
                let message = v4::Message::of_request(&ours);
                let is_compared = compare_v4(&ours, message.as_ref(), answer, &mut found)?;
                // What a URL does not tell can still differ.
                is_compared && answer.canonical_request.is_some() && ours.is_complete()
            }
        }
    };
    let is_mismatch = ["", "SignatureDoesNotMatch", "InvalidSignatureException", "AuthenticationFailed"];
    if found.len() == 0 {
        let is_mismatch = is_compared && is_mismatch.contains(&answer.code.as_str());
        found.say(if is_mismatch { Cause::Secret } else { Cause::Unknown });
    }
    Ok(Explanation(found.0))
}

fn bounded(found: usize) -> Result<(), ExplainError> {
    if found > MOST { Err(ExplainError::TooLarge { found, limit: MOST }) } else { Ok(()) }
}

fn text(bytes: &[u8]) -> Result<Cow<'_, str>, ExplainError> {
    bounded(bytes.len())?;
    Ok(String::from_utf8_lossy(bytes))
}

/// Notes what differs; whether anything could be compared.
fn compare_v4(
    ours: &v4::Request<'_>,
    message: Option<&v4::Message<'_>>,
    answer: &Answer,
    found: &mut Findings,
) -> Result<bool, ExplainError> {
    answer.say(ours.has_token(), found);
    if let (Some(region), Some(message)) = (&answer.region, message)
        && message.region() != region
    {
        let cause = if message.region() == "auto" { Cause::RegionAuto } else { Cause::Region };
        found.add(cause, 3, "region", message.region(), region);
    }
    if message.is_some_and(|message| !message.days_agree()) {
        found.say(Cause::ScopeDate);
    }
    if let Some(theirs) = &answer.canonical_request {
        let theirs = v4::Request::parse(theirs).ok_or(ExplainError::Form { what: "server's canonical request" })?;
        ours.compare(&theirs, found);
    }
    if let (Some(ours), Some(theirs)) = (message, answer.string_to_sign.as_deref().and_then(v4::Message::parse)) {
        ours.compare(&theirs, found);
        if found.len() == 0 && ours.hashes_differ(&theirs) {
            found.say(Cause::RequestDiffers);
        }
    }
    Ok(answer.canonical_request.is_some() || answer.string_to_sign.is_some())
}

fn compare_sas(url: &str, params: &[(String, String)], answer: &Answer, found: &mut Findings) -> bool {
    answer.say(false, found);
    let Some(theirs) = &answer.string_to_sign else { return false };
    let (path, kind) = (sas_path(url), params.iter().find(|(name, _)| name == "sr").map(|(_, kind)| kind.as_str()));
    let fields = params.iter().map(|(name, value)| (name.clone(), value.as_str())).collect();
    lines::compare_params(&fields, theirs, found);
    lines::compare_resource(&path, kind.unwrap_or_default(), theirs, found);
    true
}

/// The decoded parameters of a URL with a shared access signature, without the signature.
fn sas_params(url: &str) -> Option<Vec<(String, String)>> {
    let (_, query) = url.split_once('?')?;
    let mut params: Vec<(String, String)> =
        encode::params(query).filter_map(|(name, value)| Some((name.into(), encode::decode(value)?))).collect();
    let has = |wanted: &str| params.iter().any(|(name, _)| name == wanted);
    if !has("sv") || !has("sig") {
        return None;
    }
    params.retain(|(name, _)| name != "sig");
    Some(params)
}

/// The decoded path of a URL, with its first slash.
fn sas_path(url: &str) -> String {
    let (url, _) = url.split_once('?').unwrap_or((url, ""));
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default();
    encode::decode(path).unwrap_or_default()
}

/// What can be seen in a URL alone.
fn look_at_url(url: &str, found: &mut Findings) {
    let (_, query) = url.split_once('?').unwrap_or_default();
    for (name, value) in encode::params(query) {
        let decoded = || encode::decode(value).unwrap_or_default();
        match name {
            _ if name.starts_with("amp;") => found.say(Cause::AmpersandEscaped),
            "sig" | "Signature" if value.contains('+') => found.say(Cause::PlusInSignature),
            "sig" if encode::digest_from_base64(&decoded()).is_none() => found.say(Cause::SignatureCut),
            // One of ECDSA has no fixed length.
            "X-Amz-Signature" if value.len() != 64 && !query.contains("-ECDSA-") => found.say(Cause::SignatureCut),
            _ => {}
        }
    }
}

//! What issues the tokens, and what an issuer wants to know of one.

#[cfg(any(feature = "aws", feature = "azure", feature = "gcs"))]
use crate::multi::{self, Cloud};
#[cfg(any(feature = "aws", feature = "gcs"))]
use crate::post::form::PostForm;
use crate::{
    clock::Timestamp,
    encode,
    error::IssueError,
    grant::{Grant, plan::Form},
    token::{BearerToken, BearerUrl, Fingerprint},
};
use alloc::string::String;

/// Turns a grant into a token: a key with its endpoint, several clouds, or any closure over them.
///
/// A holder enforces every constraint of the grant or fails, as every request of this crate does. One that is remote or asynchronous
/// does not implement it: see [`Issuer::authorise`](super::Issuer::authorise).
///
/// ```
/// use valet_key::{aws::{SigV4, StaticKey, UrlRequest}, clock::Timestamp, grant::Grant, issuer::Holder};
///
/// let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
/// let holder = |grant: &Grant, now: Timestamp| key.presign(&UrlRequest::s3(grant, "eu-west-1")?, now);
/// let url = holder.issue(&Grant::read("photos", "cat.jpg"), Timestamp::from_unix(1_700_000_000)?)?;
/// assert_eq!(url.method(), "GET");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Holder: Send + Sync {
    /// What it makes.
    type Token: Bearer;

    /// Makes a token that is good from `now` on.
    ///
    /// # Errors
    /// [`IssueError`].
    fn issue(&self, grant: &Grant, now: Timestamp) -> Result<Self::Token, IssueError>;
}

impl<T: Bearer, F: Fn(&Grant, Timestamp) -> Result<T, IssueError> + Send + Sync> Holder for F {
    type Token = T;

    fn issue(&self, grant: &Grant, now: Timestamp) -> Result<T, IssueError> {
        self(grant, now)
    }
}

#[cfg(any(feature = "aws", feature = "azure", feature = "gcs"))]
impl Holder for Cloud<'_> {
    type Token = multi::Token;

    fn issue(&self, grant: &Grant, now: Timestamp) -> Result<multi::Token, IssueError> {
        self.issue(grant, now)
    }
}

/// A token as an issuer sees it. Nothing that it tells is secret.
pub trait Bearer {
    /// Which form it has, by a stable name for records: `s3_url`, for example.
    fn form(&self) -> &'static str;

    /// The id of the key that signed, if the token tells it.
    fn key_id(&self) -> Option<String>;

    /// The last second at which it is good.
    fn expires_at(&self) -> Timestamp;

    /// Its name.
    fn fingerprint(&self) -> Fingerprint;
}

impl Bearer for BearerUrl {
    fn form(&self) -> &'static str {
        form(self.expose_query()).unwrap_or("url")
    }

    fn key_id(&self) -> Option<String> {
        key_id(self.expose_query())
    }

    fn expires_at(&self) -> Timestamp {
        self.expires_at()
    }

    fn fingerprint(&self) -> Fingerprint {
        self.fingerprint()
    }
}

impl Bearer for BearerToken {
    fn form(&self) -> &'static str {
        form(behind(self.expose())).unwrap_or("token")
    }

    fn key_id(&self) -> Option<String> {
        key_id(behind(self.expose()))
    }

    fn expires_at(&self) -> Timestamp {
        self.expires_at()
    }

    fn fingerprint(&self) -> Fingerprint {
        self.fingerprint()
    }
}

#[cfg(any(feature = "aws", feature = "gcs"))]
impl Bearer for PostForm {
    fn form(&self) -> &'static str {
        if self.fields().any(|(name, _)| name == "x-goog-signature") {
            Form::GcsPostPolicy.code()
        } else {
            Form::S3PostPolicy.code()
        }
    }

    fn key_id(&self) -> Option<String> {
        let credential = |name: &str| matches!(name, "x-amz-credential" | "x-goog-credential");
        let value = self.fields().find_map(|(name, value)| credential(name).then_some(value))?;
        value.split('/').next().map(String::from)
    }

    fn expires_at(&self) -> Timestamp {
        self.expires_at()
    }

    fn fingerprint(&self) -> Fingerprint {
        self.fingerprint()
    }
}

#[cfg(any(feature = "aws", feature = "azure", feature = "gcs"))]
impl Bearer for multi::Token {
    fn form(&self) -> &'static str {
        self.form().code()
    }

    fn key_id(&self) -> Option<String> {
        #[cfg(any(feature = "aws", feature = "gcs"))]
        if let Some(form) = self.post_form() {
            return form.key_id();
        }
        self.bearer_url().and_then(Bearer::key_id)
    }

    fn expires_at(&self) -> Timestamp {
        self.expires_at()
    }

    fn fingerprint(&self) -> Fingerprint {
        self.fingerprint()
    }
}

/// What tells a form: a parameter that it has, beside `also` if that is not empty.
struct Described {
    name: &'static str,
    param: &'static str,
    also: &'static str,
    /// The parameter that begins with the id of the key, up to a `/`.
    key_id: &'static str,
}

const fn described_as(name: &'static str, param: &'static str, also: &'static str, key_id: &'static str) -> Described {
    Described { name, param, also, key_id }
}

/// The first that fits.
const FORMS: [Described; 11] = [
    described_as(Form::S3SigV4aUrl.code(), "X-Amz-Signature", "X-Amz-Region-Set", "X-Amz-Credential"),
    described_as(Form::S3PresignedUrl.code(), "X-Amz-Signature", "", "X-Amz-Credential"),
    described_as(Form::GcsSignedUrl.code(), "X-Goog-Signature", "", "X-Goog-Credential"),
    described_as(Form::AzureDelegationSas.code(), "sig", "skoid", "skoid"),
    described_as("azure_account_sas", "sig", "srt", ""),
    described_as(Form::AzureServiceSas.code(), "sig", "sv", ""),
    described_as(Form::AzureMessagingToken.code(), "sig", "se", "skn"),
    described_as(Form::CloudFrontPolicy.code(), "Signature", "Key-Pair-Id", "Key-Pair-Id"),
    described_as("gcs_v2_url", "Signature", "GoogleAccessId", "GoogleAccessId"),
    described_as("s3_v2_url", "Signature", "AWSAccessKeyId", "AWSAccessKeyId"),
    described_as("azure_event_grid_token", "s", "r", ""),
];

/// The parameters of a token that is no URL.
fn behind(text: &str) -> &str {
    text.split_once(['?', ' ']).map_or(text, |(_, params)| params)
}

fn param<'q>(query: &'q str, wanted: &str) -> Option<&'q str> {
    query.split('&').find_map(|param| param.split_once('=').filter(|(name, _)| *name == wanted).map(|(_, value)| value))
}

fn described(query: &str) -> Option<&'static Described> {
    let has = |name: &str| name.is_empty() || param(query, name).is_some();
    FORMS.iter().find(|form| has(form.param) && has(form.also))
}

/// The name of the form. A presigned URL of AWS says in its scope which service it is for.
fn form(query: &str) -> Option<&'static str> {
    let described = described(query)?;
    if described.key_id != "X-Amz-Credential" {
        return Some(described.name);
    }
    let scope = encode::decode(param(query, described.key_id)?)?;
    Some(match scope.rsplit('/').nth(1) {
        Some("sqs") => Form::SqsRequest.code(),
        Some(service) if service.starts_with("s3") => described.name,
        _ => "aws_presigned_url",
    })
}

fn key_id(query: &str) -> Option<String> {
    let form = described(query)?;
    let value = encode::decode(param(query, form.key_id)?)?;
    value.split('/').next().filter(|id| !id.is_empty()).map(String::from)
}

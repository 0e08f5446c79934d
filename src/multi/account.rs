//! Choosing the form of a token: what a provider has, and which of it carries a grant.

use super::{Prepared, prepared::Unsigned};
#[cfg(feature = "aws")]
use crate::aws;
#[cfg(feature = "azure")]
use crate::azure;
#[cfg(feature = "gcs")]
use crate::gcs;
#[cfg(any(feature = "aws", feature = "gcs"))]
use crate::grant::{
    Action, Constraint,
    plan::{Enforcement, Plan},
};
use crate::{
    clock::Timestamp,
    error::IssueError,
    grant::{Grant, plan::Form},
};

/// The public half of a key and the place where its tokens are good: all that a token needs but its signature.
///
/// ```
/// # #[cfg(feature = "gcs")] {
/// use valet_key::gcs::{Credential, Endpoint, SignBlob};
/// use valet_key::multi::{Account, Signature, ToSign};
/// use valet_key::{clock::Timestamp, grant::Grant};
///
/// let signer = Credential::service_account("signer@project.iam.gserviceaccount.com")?;
/// let account = Account::Gcs { credential: &signer, endpoint: &Endpoint::google() };
/// let prepared = account.prepare(&Grant::read("photos", "cat.jpg"), Timestamp::from_unix(1_700_000_000)?)?;
///
/// let ToSign::Gcs { message, .. } = prepared.to_sign() else { unreachable!() };
/// let call = SignBlob::new(&signer)?;
/// let body = call.body(message);
/// // ... the caller posts `body`, and hands the answer over:
/// # assert!(body.starts_with("{\"payload\":"));
/// # let answer = format!("{{\"keyId\":\"1\",\"signedBlob\":\"{}\"}}", "AAAA".repeat(85) + "AA==");
/// let token = prepared.finish(&Signature::Gcs(call.read_answer(&answer)?))?;
/// assert_eq!((token.method(), token.expires_at().unix()), ("GET", 1_700_000_900));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Account<'a> {
    /// Amazon S3, or another server that speaks its protocol.
    #[cfg(feature = "aws")]
    Aws {
        /// Who signs.
        credential: &'a aws::Credential,
        /// Where the token is good.
        endpoint: &'a aws::Endpoint,
    },
    /// Google Cloud Storage.
    #[cfg(feature = "gcs")]
    Gcs {
        /// Who signs.
        credential: &'a gcs::Credential,
        /// Where the token is good.
        endpoint: &'a gcs::Endpoint,
    },
    /// Azure Storage.
    #[cfg(feature = "azure")]
    Azure {
        /// Who signs: an account key makes service SAS, a user delegation key makes user delegation SAS.
        credential: &'a azure::Credential,
        /// Where the token is good.
        endpoint: &'a azure::Endpoint,
    },
}

impl Account<'_> {
    /// Prepares the narrowest token that carries every constraint of the grant: no secret, no I/O.
    ///
    /// | provider | first | if that cannot carry the grant |
    /// |---|---|---|
    /// | S3 | a presigned URL | a POST policy: a size range, the beginning of a media type, uploads under a prefix |
    /// | Cloud Storage | a signed URL | a POST policy: the beginning of a media type, uploads under a prefix |
    /// | Azure Storage | a SAS of the kind that the key makes | nothing |
    ///
    /// # Errors
    /// [`IssueError::NotEnforceable`] if no form carries everything, with what could, and the errors of the form that was
    /// taken.
    pub fn prepare(&self, grant: &Grant, now: Timestamp) -> Result<Prepared, IssueError> {
        let (form, unsigned) = match *self {
            #[cfg(feature = "aws")]
            Self::Aws { credential, endpoint } => {
                let url = || {
                    let prepared = aws::UrlRequest::at(endpoint, grant)?.prepare(credential, now)?;
                    Ok((Form::S3PresignedUrl, Unsigned::S3Url(prepared)))
                };
                let form = || {
                    let prepared = aws::PostPolicy::at(endpoint, grant)?.prepare(credential, now)?;
                    Ok((Form::S3PostPolicy, Unsigned::S3Post(prepared)))
                };
                either(grant, [Form::S3PresignedUrl, Form::S3PostPolicy], url, form)?
            }
            #[cfg(feature = "gcs")]
            Self::Gcs { credential, endpoint } => {
                let url = || {
                    let prepared = gcs::UrlRequest::at(endpoint, grant)?.prepare(credential, now)?;
                    Ok((Form::GcsSignedUrl, Unsigned::GcsUrl(prepared)))
                };
                let form = || {
                    let prepared = gcs::PostPolicy::at(endpoint, grant)?.prepare(credential, now)?;
                    Ok((Form::GcsPostPolicy, Unsigned::GcsPost(prepared)))
                };
                either(grant, [Form::GcsSignedUrl, Form::GcsPostPolicy], url, form)?
            }
            #[cfg(feature = "azure")]
            Self::Azure { credential, endpoint } => {
                let mut request = azure::UrlRequest::at(endpoint, grant)?;
                if !endpoint.is_https() {
                    // The endpoint asks for it, and `prepare` for a reason.
                    request = request.protocol(azure::Protocol::HttpsOrHttp);
                }
                let prepared = request.prepare(credential, now)?;
                let form = match credential.delegation() {
                    Some(_) => Form::AzureDelegationSas,
                    None => Form::AzureServiceSas,
                };
                (form, Unsigned::Azure(prepared))
            }
        };
        Ok(Prepared { unsigned, form, issued_at: now })
    }
}

/// A URL, or a form if the URL cannot carry the grant and a form can.
#[cfg(any(feature = "aws", feature = "gcs"))]
fn either<T>(
    grant: &Grant,
    forms: [Form; 2],
    url: impl FnOnce() -> Result<T, IssueError>,
    form: impl FnOnce() -> Result<T, IssueError>,
) -> Result<T, IssueError> {
    // What was given up is left out by the form that has to leave out less.
    if grant.given_up().next().is_some() {
        let [of_url, of_form] = forms.map(|form| grant.plan(form));
        let left_out = |plan: &Plan| plan.rows().filter(|row| *row.enforcement() == Enforcement::GivenUp).count();
        if of_form.is_enforceable() && left_out(&of_form) < left_out(&of_url) {
            return form();
        }
    }
    let refused = match url() {
        Err(IssueError::NotEnforceable { constraint, form, instead }) => (constraint, form, instead),
        other => return other,
    };
    let uploads = [Action::Upload, Action::Create, Action::UploadPart];
    if !grant.actions().only().is_some_and(|action| uploads.contains(&action)) {
        let (constraint, form, instead) = refused;
        return Err(IssueError::NotEnforceable { constraint, form, instead });
    }
    match form() {
        // Neither carries it, and the URL's own error says what does.
        Err(IssueError::NotEnforceable { constraint, .. }) if constraint == refused.0 => {
            let (constraint, form, instead) = refused;
            Err(IssueError::NotEnforceable { constraint, form, instead })
        }
        // The one carries what the other does not.
        Err(IssueError::NotEnforceable { constraint, form, .. }) => {
            Err(IssueError::NotEnforceable { constraint, form, instead: only_a_url(refused.0) })
        }
        other => other,
    }
}

#[cfg(any(feature = "aws", feature = "gcs"))]
const fn only_a_url(lacks: Constraint) -> &'static str {
    match lacks {
        Constraint::Size => "a signed URL can, but binds an exact size alone: say that, or give one of the two up",
        Constraint::ContentType => {
            "a signed URL can, but binds an exact media type alone: say that, or give one of the two up"
        }
        Constraint::Resource => "a signed URL can, but is for one object alone: name it, or give one of the two up",
        _ => "a signed URL can, but not together with the rest: give one of the two up",
    }
}

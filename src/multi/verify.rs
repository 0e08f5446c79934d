//! Telling whose token a request carries.

#[cfg(feature = "aws")]
use crate::aws;
#[cfg(feature = "azure")]
use crate::azure;
#[cfg(feature = "gcs")]
use crate::gcs;
use crate::{
    clock::Timestamp,
    encode::{Decoded, params},
    error::VerifyError,
    token::{Fingerprint, Verified},
    view::{Limits, RequestView},
};

/// The verifiers of several providers behind one address.
///
/// The shape of a request tells whose token it carries; what that provider's verifier says is what is said. A request that
/// looks like two of them is refused before any.
///
/// ```
/// # #[cfg(all(feature = "aws", feature = "gcs"))] {
/// use valet_key::multi::{Cloud, SignedRequest, Verifiers};
/// use valet_key::{aws, clock::Timestamp, gcs, grant::Grant, view::RequestView};
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let key = || gcs::HmacKey::new("GOOG1EXAMPLE", "secret");
/// let verifiers = Verifiers::new()
///     .aws(aws::Verifier::new(aws::KeyRing::new(), aws::Expect::new("eu-west-1", "s3")))
///     .gcs(gcs::Verifier::new(gcs::KeyRing::new().with(key()?), gcs::Expect::new()));
///
/// let token = Cloud::gcs(key()?).issue(&Grant::read("photos", "cat.jpg"), now)?;
/// let target = token.expose_url().strip_prefix("https://storage.googleapis.com").unwrap();
/// let headers: [(&str, &[u8]); 1] = [("host", b"storage.googleapis.com")];
/// let verified = verifiers.verify(&RequestView::new("GET", target, &headers), now)?;
/// assert_eq!(verified.fingerprint(), token.fingerprint());
/// assert!(matches!(&*verified, SignedRequest::Gcs(request) if request.path() == "/photos/cat.jpg"));
///
/// let both = format!("{target}&X-Amz-Signature=00");
/// let refused = verifiers.verify(&RequestView::new("GET", &both, &headers), now);
/// assert_eq!(refused.unwrap_err().code(), "two_mechanisms");
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Verifiers {
    #[cfg(feature = "aws")]
    aws: Option<aws::Verifier>,
    #[cfg(feature = "gcs")]
    gcs: Option<gcs::Verifier>,
    #[cfg(feature = "azure")]
    azure: Option<azure::Verifier>,
}

/// The facts about a request that its token covers, in the words of its provider.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "a box would be an allocation for every request")]
#[non_exhaustive]
pub enum SignedRequest<'r> {
    /// Signature Version 4.
    #[cfg(feature = "aws")]
    Aws(aws::SignedRequest<'r>),
    /// V4 of Cloud Storage.
    #[cfg(feature = "gcs")]
    Gcs(gcs::SignedRequest<'r>),
    /// A shared access signature.
    #[cfg(feature = "azure")]
    Azure(azure::SignedRequest<'r>),
}

impl SignedRequest<'_> {
    /// Names the token, as [`Token::fingerprint`](super::Token::fingerprint) did.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        match self {
            #[cfg(feature = "aws")]
            Self::Aws(request) => request.fingerprint(),
            #[cfg(feature = "gcs")]
            Self::Gcs(request) => request.fingerprint(),
            #[cfg(feature = "azure")]
            Self::Azure(request) => request.fingerprint(),
        }
    }

    /// The last second at which the same request is accepted again.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        match self {
            #[cfg(feature = "aws")]
            Self::Aws(request) => request.expires_at(),
            #[cfg(feature = "gcs")]
            Self::Gcs(request) => request.expires_at(),
            #[cfg(feature = "azure")]
            Self::Azure(request) => request.expires_at(),
        }
    }
}

impl Verifiers {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Tokens of AWS go to this one.
    #[cfg(feature = "aws")]
    #[must_use]
    pub fn aws(mut self, verifier: aws::Verifier) -> Self {
        self.aws = Some(verifier);
        self
    }

    /// Tokens of Cloud Storage go to this one.
    #[cfg(feature = "gcs")]
    #[must_use]
    pub fn gcs(mut self, verifier: gcs::Verifier) -> Self {
        self.gcs = Some(verifier);
        self
    }

    /// Shared access signatures of Azure Storage go to this one.
    #[cfg(feature = "azure")]
    #[must_use]
    pub fn azure(mut self, verifier: azure::Verifier) -> Self {
        self.azure = Some(verifier);
        self
    }

    /// Checks a request.
    ///
    /// # Errors
    /// [`VerifyError::NotSigned`] if it carries no token, [`VerifyError::TwoMechanisms`] if it carries those of two providers,
    /// [`VerifyError::UnknownKey`] for a provider without a verifier here, [`VerifyError::TooLarge`]; otherwise those of the
    /// provider's verifier.
    pub fn verify<'r>(
        &self,
        view: &RequestView<'r>,
        now: Timestamp,
    ) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        match Shape::of(view)? {
            #[cfg(feature = "aws")]
            Shape::Aws => verified(self.aws.as_ref().map(|it| it.verify(view, now)), SignedRequest::Aws),
            #[cfg(feature = "gcs")]
            Shape::Gcs => verified(self.gcs.as_ref().map(|it| it.verify(view, now)), SignedRequest::Gcs),
            #[cfg(feature = "azure")]
            Shape::Azure => verified(self.azure.as_ref().map(|it| it.verify(view, now)), SignedRequest::Azure),
            #[allow(unreachable_patterns, reason = "with all providers there is no other shape")]
            _ => Err(VerifyError::UnknownKey),
        }
    }
}

fn verified<'r, T>(
    outcome: Option<Result<Verified<T>, VerifyError>>,
    variant: fn(T) -> SignedRequest<'r>,
) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
    let facts = outcome.unwrap_or(Err(VerifyError::UnknownKey))?.into_inner();
    Ok(Verified::new(variant(facts)))
}

/// Whose token a request seems to carry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Aws,
    Gcs,
    Azure,
}

impl Shape {
    /// Looks at the names of parameters, as they are once decoded, and at how the `Authorization` header begins. Whether the
    /// token is whole, and whether other headers belong to another provider, is for the verifier to say.
    fn of(view: &RequestView<'_>) -> Result<Self, VerifyError> {
        // The most that any verifier reads.
        let limit = Limits::DEFAULT.target(usize::MAX).target;
        let found = view.target().len();
        if found > limit {
            return Err(VerifyError::TooLarge { what: "request target", found, limit });
        }
        let query = view.target().split_once('?').map_or("", |(_, query)| query);
        let lines = view.headers().iter().filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        let named = params(query).filter_map(|(name, _)| Self::of_param(name));
        let mut shape = None;
        for other in named.chain(lines.filter_map(|(_, value)| Self::of_authorization(value))) {
            match shape.replace(other) {
                Some(first) if first != other => {
                    return Err(VerifyError::TwoMechanisms { first: first.name(), second: other.name() });
                }
                _ => {}
            }
        }
        shape.ok_or(VerifyError::NotSigned)
    }

    fn of_param(name: &str) -> Option<Self> {
        let begins = |prefix: &str| {
            let mut decoded = Decoded::of(name).map(|byte| byte.to_ascii_lowercase());
            prefix.bytes().all(|byte| decoded.next() == Some(byte))
        };
        if begins("x-amz-") {
            Some(Self::Aws)
        } else if begins("x-goog-") {
            Some(Self::Gcs)
        } else {
            let is_sig = Decoded::of(name).map(|byte| byte.to_ascii_lowercase()).eq(*b"sig");
            is_sig.then_some(Self::Azure)
        }
    }

    fn of_authorization(value: &[u8]) -> Option<Self> {
        let value = value.trim_ascii_start();
        let begins =
            |scheme: &str| value.get(..scheme.len()).is_some_and(|it| it.eq_ignore_ascii_case(scheme.as_bytes()));
        if begins("AWS4-") {
            Some(Self::Aws)
        } else if begins("GOOG4-") {
            Some(Self::Gcs)
        } else {
            None
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Aws => "a signature of AWS",
            Self::Gcs => "a signature of Google Cloud",
            Self::Azure => "a shared access signature",
        }
    }
}

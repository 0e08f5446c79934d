//! Which cloud the two servers speak: everything else in this program is the same for all of them.

use crate::{
    diagnosis,
    gateway::{BODY_LIMIT, BodyCheck, Refusal},
    options::Options,
};
use std::ops::RangeInclusive;
use valet_key::{
    aws::{self, SigV4},
    azure::{self, Sas},
    clock::Timestamp,
    error::{IssueError, VerifyError},
    gcs::{self, GoogV4},
    grant::Grant,
    token::{BearerUrl, Verified},
    view::RequestView,
};

/// The clouds, by the name that `--cloud` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cloud {
    Aws,
    Gcs,
    Azure,
}

impl Cloud {
    pub(crate) fn parse(name: &str) -> Result<Vec<Self>, String> {
        match name {
            "aws" | "s3" => Ok(vec![Self::Aws]),
            "gcs" => Ok(vec![Self::Gcs]),
            "azure" => Ok(vec![Self::Azure]),
            "all" => Ok(vec![Self::Aws, Self::Gcs, Self::Azure]),
            _ => Err(format!("unknown cloud {name}: aws, gcs, azure or all")),
        }
    }

    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Gcs => "gcs",
            Self::Azure => "azure",
        }
    }

    /// What its tokens are called here.
    pub(crate) fn form(self) -> &'static str {
        match self {
            Self::Aws => "S3 presigned URL",
            Self::Gcs => "GCS signed URL",
            Self::Azure => "service SAS",
        }
    }

    /// An access key, or the name of an account, that guards nothing outside this program.
    pub(crate) fn default_access_key(self) -> &'static str {
        match self {
            Self::Aws => "AKIAVALETKEYEXAMPLE0",
            Self::Gcs => "GOOGVALETKEYEXAMPLE0",
            Self::Azure => "devstoreaccount1",
        }
    }

    /// A secret that everybody knows.
    pub(crate) fn default_secret_key(self) -> &'static str {
        match self {
            Self::Aws | Self::Gcs => "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            // Emulators of Azure Storage have it, and its documentation prints it.
            Self::Azure => "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
        }
    }

    /// Holds an upload to its size and type, as far as the tokens of this cloud can.
    pub(crate) fn hold(self, grant: Grant, size: u64, content_type: impl Into<String>) -> Grant {
        match self {
            Self::Aws | Self::Gcs => grant.exact_size(size).content_type(content_type),
            // A token of an account key binds neither: the upload server can refuse to issue, and that is all.
            Self::Azure => grant.any_size().any_content_type(),
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Aws => "S3",
            Self::Gcs => "Google Cloud Storage",
            Self::Azure => "Azure Blob Storage",
        }
    }
}

/// A key with the place where its tokens are used.
pub(crate) enum Signer {
    S3(aws::StaticKey, aws::Endpoint),
    Gcs(gcs::HmacKey, gcs::Endpoint),
    Azure(azure::AccountKey, azure::Endpoint),
}

impl Signer {
    pub(crate) fn new(options: &Options) -> Result<Self, String> {
        Self::with_key(options, &options.access_key, &options.secret_key)
    }

    /// The same with another key.
    pub(crate) fn with_key(options: &Options, id: &str, secret: &str) -> Result<Self, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let origin = format!("http://{}", options.gateway);
        Ok(match options.cloud {
            Cloud::Aws => {
                let region = aws::Region::new(&options.region).map_err(|error| text(&error))?;
                let endpoint = aws::Endpoint::custom(&origin, region).map_err(|error| text(&error))?;
                Self::S3(aws::StaticKey::new(id, secret).map_err(|error| text(&error))?, endpoint)
            }
            Cloud::Gcs => {
                let endpoint = gcs::Endpoint::custom(&origin).map_err(|error| text(&error))?;
                Self::Gcs(gcs::HmacKey::new(id, secret).map_err(|error| text(&error))?, endpoint)
            }
            Cloud::Azure => {
                let endpoint = azure::Endpoint::emulator(&origin).map_err(|error| text(&error))?;
                Self::Azure(azure::AccountKey::new(id, secret).map_err(|error| text(&error))?, endpoint)
            }
        })
    }

    /// The URL that allows exactly this grant.
    pub(crate) fn issue(&self, grant: &Grant, now: Timestamp) -> Result<BearerUrl, IssueError> {
        match self {
            Self::S3(key, endpoint) => key.presign(&aws::UrlRequest::at(endpoint, grant)?, now),
            Self::Gcs(key, endpoint) => key.signed_url(&gcs::UrlRequest::at(endpoint, grant)?, now),
            Self::Azure(key, endpoint) => {
                // Without this a token says that it is for HTTPS only, which the gateway on loopback is not.
                let request = azure::UrlRequest::at(endpoint, grant)?.protocol(azure::Protocol::HttpsOrHttp);
                key.issue(&request, now)
            }
        }
    }
}

impl Signer {
    /// The URL that starts an upload whose bytes come later, where there is such a thing.
    pub(crate) fn start_resumable(&self, grant: &Grant, now: Timestamp) -> Result<BearerUrl, IssueError> {
        match self {
            Self::Gcs(key, endpoint) => key.signed_url(&gcs::UrlRequest::resumable(endpoint, grant)?, now),
            Self::S3(..) | Self::Azure(..) => self.issue(grant, now),
        }
    }
}

/// What the gateway checks requests with.
pub(crate) enum Verifier {
    S3(aws::Verifier, aws::ExpectForm),
    Gcs(gcs::Verifier),
    Azure(azure::Verifier),
}

impl Verifier {
    pub(crate) fn new(options: &Options) -> Result<Self, String> {
        Ok(match Signer::new(options)? {
            Signer::S3(key, _) => {
                let expect = diagnosis::expect_aws(options);
                let forms = aws::ExpectForm::new(&options.region).max_size(BODY_LIMIT as u64);
                Self::S3(aws::Verifier::new(aws::KeyRing::new().with(key), expect), forms)
            }
            Signer::Gcs(key, _) => Self::Gcs(gcs::Verifier::new(gcs::KeyRing::new().with(key), gcs::Expect::new())),
            Signer::Azure(key, _) => {
                let expect = diagnosis::expect_azure(options)?;
                let mut ring = azure::KeyRing::new();
                ring.insert(key).map_err(|error| error.to_string())?;
                Self::Azure(azure::Verifier::new(ring, expect))
            }
        })
    }

    pub(crate) fn verify<'r>(&self, view: &RequestView<'r>, now: Timestamp) -> Result<Signed<'r>, VerifyError> {
        Ok(match self {
            Self::S3(verifier, _) => Signed::S3(Box::new(verifier.verify(view, now)?)),
            Self::Gcs(verifier) => Signed::Gcs(Box::new(verifier.verify(view, now)?)),
            Self::Azure(verifier) => Signed::Azure(Box::new(verifier.verify(view, now)?)),
        })
    }

    /// The error document of this cloud for a request that was not what it should be: status, code, XML.
    pub(crate) fn told(&self, error: &VerifyError, request_id: &str) -> Told {
        match self {
            Self::S3(..) => Told::s3(&aws::S3Error::from(error), request_id),
            Self::Gcs(_) => {
                let error = gcs::StorageError::from(error);
                Told { status: error.status, code: error.code, xml: error.to_xml() }
            }
            Self::Azure(_) => Told::azure(&azure::StorageError::from(error), request_id),
        }
    }

    /// A token that would be good if nobody had taken it back.
    pub(crate) fn revoked(&self) -> Refusal {
        let code = if matches!(self, Self::Azure(_)) { "AuthenticationFailed" } else { "AccessDenied" };
        Refusal::new(403, code, "The token was revoked.")
    }

    /// The same for one that was, but cannot be done.
    pub(crate) fn failed(&self, status: u16, code: &'static str, message: &'static str, request_id: &str) -> Told {
        match self {
            // The error documents of these two have the same shape.
            Self::S3(..) | Self::Gcs(_) => Told::s3(&aws::S3Error::new(status, code, message), request_id),
            Self::Azure(_) => Told::azure(&azure::StorageError::new(status, code, message), request_id),
        }
    }
}

/// What a peer is told.
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) xml: String,
}

impl Told {
    fn s3(error: &aws::S3Error, request_id: &str) -> Self {
        Self { status: error.status, code: error.code, xml: error.to_xml(request_id) }
    }

    fn azure(error: &azure::StorageError, request_id: &str) -> Self {
        Self { status: error.status, code: error.code, xml: error.to_xml(request_id) }
    }
}

/// A request whose signature was found right.
pub(crate) enum Signed<'r> {
    S3(Box<Verified<aws::SignedRequest<'r>>>),
    Gcs(Box<Verified<gcs::SignedRequest<'r>>>),
    Azure(Box<Verified<azure::SignedRequest<'r>>>),
}

impl Signed<'_> {
    pub(crate) fn method(&self) -> &str {
        match self {
            Self::S3(request) => request.method(),
            Self::Gcs(request) => request.method(),
            Self::Azure(request) => request.method(),
        }
    }

    pub(crate) fn decoded_path(&self) -> Result<String, VerifyError> {
        match self {
            Self::S3(request) => request.decoded_path(),
            Self::Gcs(request) => request.decoded_path(),
            Self::Azure(request) => Ok(format!("/{}/{}", request.container()?, request.name()?)),
        }
    }

    pub(crate) fn params(&self) -> Result<Vec<(String, String)>, VerifyError> {
        match self {
            Self::S3(request) => request.params().collect(),
            Self::Gcs(request) => request.params().collect(),
            // A token of Azure covers no parameters but its own.
            Self::Azure(_) => Ok(Vec::new()),
        }
    }

    /// The value of a header, if it was signed.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        match self {
            Self::S3(request) => request.header(name).next().map(text),
            Self::Gcs(request) => request.header(name).next().map(text),
            // A token of an account key signs none.
            Self::Azure(_) => None,
        }
    }

    /// Whether an object of that name must not exist yet.
    pub(crate) fn creates_only(&self) -> bool {
        match self {
            Self::S3(_) => self.header("if-none-match").is_some_and(|value| value == "*"),
            Self::Gcs(_) => self.header("x-goog-if-generation-match").is_some_and(|value| value == "0"),
            Self::Azure(request) => request.must_not_overwrite(),
        }
    }

    /// Whether it starts an upload whose bytes come later.
    pub(crate) fn starts_resumable(&self) -> bool {
        matches!(self, Self::Gcs(request) if request.starts_resumable())
    }

    /// How many bytes the object may have, where a header says so.
    pub(crate) fn size(&self) -> Option<RangeInclusive<u64>> {
        match self {
            Self::Gcs(request) => request.size().cloned(),
            Self::S3(_) | Self::Azure(_) => None,
        }
    }

    /// What the body has to be, as far as that was signed.
    pub(crate) fn body_check(&self) -> BodyCheck {
        match self {
            Self::S3(request) => match request.chunks() {
                Some(chunks) => BodyCheck::Chunks(Box::new(chunks)),
                None => BodyCheck::Whole(Box::new(request.payload_check())),
            },
            Self::Gcs(request) => BodyCheck::Whole(Box::new(request.payload_check())),
            Self::Azure(_) => BodyCheck::Nothing,
        }
    }
}

//! Which cloud the two servers speak: everything else in this program is the same for all of them.

use crate::options::Options;
use valet_key::{
    aws::{self, SigV4},
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
    S3,
    Gcs,
}

impl Cloud {
    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        match name {
            "s3" => Ok(Self::S3),
            "gcs" => Ok(Self::Gcs),
            _ => Err(format!("unknown cloud {name}: s3 or gcs")),
        }
    }

    /// An access key that guards nothing outside this program.
    pub(crate) fn default_access_key(self) -> &'static str {
        match self {
            Self::S3 => "AKIAVALETKEYEXAMPLE0",
            Self::Gcs => "GOOGVALETKEYEXAMPLE0",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::S3 => "S3",
            Self::Gcs => "Google Cloud Storage",
        }
    }
}

/// A key with the place where its tokens are used.
pub(crate) enum Signer {
    S3(aws::StaticKey, aws::Endpoint),
    Gcs(gcs::HmacKey, gcs::Endpoint),
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
            Cloud::S3 => {
                let region = aws::Region::new(&options.region).map_err(|error| text(&error))?;
                let endpoint = aws::Endpoint::custom(&origin, region).map_err(|error| text(&error))?;
                Self::S3(aws::StaticKey::new(id, secret).map_err(|error| text(&error))?, endpoint)
            }
            Cloud::Gcs => {
                let endpoint = gcs::Endpoint::custom(&origin).map_err(|error| text(&error))?;
                Self::Gcs(gcs::HmacKey::new(id, secret).map_err(|error| text(&error))?, endpoint)
            }
        })
    }

    /// The URL that allows exactly this grant.
    pub(crate) fn issue(&self, grant: &Grant, now: Timestamp) -> Result<BearerUrl, IssueError> {
        match self {
            Self::S3(key, endpoint) => key.presign(&aws::UrlRequest::at(endpoint, grant)?, now),
            Self::Gcs(key, endpoint) => key.signed_url(&gcs::UrlRequest::at(endpoint, grant)?, now),
        }
    }
}

/// What the gateway checks requests with.
pub(crate) enum Verifier {
    S3(aws::Verifier),
    Gcs(gcs::Verifier),
}

impl Verifier {
    pub(crate) fn new(options: &Options) -> Result<Self, String> {
        Ok(match Signer::new(options)? {
            Signer::S3(key, _) => {
                let expect = aws::Expect::new(&options.region, "s3");
                Self::S3(aws::Verifier::new(aws::KeyRing::new().with(key), expect))
            }
            Signer::Gcs(key, _) => Self::Gcs(gcs::Verifier::new(gcs::KeyRing::new().with(key), gcs::Expect::new())),
        })
    }

    pub(crate) fn verify<'r>(&self, view: &RequestView<'r>, now: Timestamp) -> Result<Signed<'r>, VerifyError> {
        Ok(match self {
            Self::S3(verifier) => Signed::S3(Box::new(verifier.verify(view, now)?)),
            Self::Gcs(verifier) => Signed::Gcs(Box::new(verifier.verify(view, now)?)),
        })
    }

    /// The error document of this cloud: status, code, XML.
    pub(crate) fn told(&self, error: &VerifyError) -> Told {
        match self {
            Self::S3(_) => Told::s3(&aws::S3Error::from(error)),
            Self::Gcs(_) => {
                let error = gcs::StorageError::from(error);
                Told { status: error.status, code: error.code, xml: error.to_xml() }
            }
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
    pub(crate) fn s3(error: &aws::S3Error) -> Self {
        Self { status: error.status, code: error.code, xml: error.to_xml("upload-service") }
    }
}

/// A request whose signature was found right.
pub(crate) enum Signed<'r> {
    S3(Box<Verified<aws::SignedRequest<'r>>>),
    Gcs(Box<Verified<gcs::SignedRequest<'r>>>),
}

impl Signed<'_> {
    pub(crate) fn method(&self) -> &str {
        match self {
            Self::S3(request) => request.method(),
            Self::Gcs(request) => request.method(),
        }
    }

    pub(crate) fn decoded_path(&self) -> Result<String, VerifyError> {
        match self {
            Self::S3(request) => request.decoded_path(),
            Self::Gcs(request) => request.decoded_path(),
        }
    }

    pub(crate) fn params(&self) -> Result<Vec<(String, String)>, VerifyError> {
        match self {
            Self::S3(request) => request.params().collect(),
            Self::Gcs(request) => request.params().collect(),
        }
    }

    /// The value of a header, if it was signed.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        match self {
            Self::S3(request) => request.header(name).next().map(text),
            Self::Gcs(request) => request.header(name).next().map(text),
        }
    }

    /// Whether an object of that name must not exist yet.
    pub(crate) fn creates_only(&self) -> bool {
        match self {
            Self::S3(_) => self.header("if-none-match").is_some_and(|value| value == "*"),
            Self::Gcs(_) => self.header("x-goog-if-generation-match").is_some_and(|value| value == "0"),
        }
    }

    pub(crate) fn payload_check(&self) -> aws::PayloadCheck {
        match self {
            Self::S3(request) => request.payload_check(),
            Self::Gcs(request) => request.payload_check(),
        }
    }
}

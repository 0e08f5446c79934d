//! Which cloud the two servers speak: everything else in this program is the same for all of them.

use crate::options::Options;
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
    S3,
    Gcs,
    Azure,
}

impl Cloud {
    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        match name {
            "s3" => Ok(Self::S3),
            "gcs" => Ok(Self::Gcs),
            "azure" => Ok(Self::Azure),
            _ => Err(format!("unknown cloud {name}: s3, gcs or azure")),
        }
    }

    /// An access key that guards nothing outside this program.
    pub(crate) fn default_access_key(self) -> &'static str {
        match self {
            Self::S3 => "AKIAVALETKEYEXAMPLE0",
            Self::Gcs => "GOOGVALETKEYEXAMPLE0",
            // The account that every emulator has.
            Self::Azure => "devstoreaccount1",
        }
    }

    /// A published example of a secret.
    pub(crate) fn default_secret_key(self) -> &'static str {
        match self {
            Self::S3 | Self::Gcs => "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            Self::Azure => "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::S3 => "S3",
            Self::Gcs => "Google Cloud Storage",
            Self::Azure => "Azure Storage",
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
            Cloud::S3 => {
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
                // The gateway listens on loopback without TLS.
                let request = azure::UrlRequest::at(endpoint, grant)?.protocol(azure::Protocol::HttpsOrHttp);
                key.issue(&request, now)
            }
        }
    }
}

/// What the gateway checks requests with.
pub(crate) enum Verifier {
    S3(aws::Verifier),
    Gcs(gcs::Verifier),
    Azure(azure::Verifier),
}

impl Verifier {
    pub(crate) fn new(options: &Options) -> Result<Self, String> {
        Ok(match Signer::new(options)? {
            Signer::S3(key, _) => {
                let expect = aws::Expect::new(&options.region, "s3");
                Self::S3(aws::Verifier::new(aws::KeyRing::new().with(key), expect))
            }
            Signer::Gcs(key, _) => Self::Gcs(gcs::Verifier::new(gcs::KeyRing::new().with(key), gcs::Expect::new())),
            Signer::Azure(key, _) => {
                let text = |error: valet_key::error::KeyError| error.to_string();
                let expect = azure::Expect::new(key.credential().account_name(), azure::Service::Blob).map_err(text)?;
                let mut ring = azure::KeyRing::new();
                ring.insert(key).map_err(text)?;
                Self::Azure(azure::Verifier::new(ring, expect.account_in_path()))
            }
        })
    }

    pub(crate) fn verify<'r>(&self, view: &RequestView<'r>, now: Timestamp) -> Result<Signed<'r>, VerifyError> {
        Ok(match self {
            Self::S3(verifier) => Signed::S3(Box::new(verifier.verify(view, now)?)),
            Self::Gcs(verifier) => Signed::Gcs(Box::new(verifier.verify(view, now)?)),
            Self::Azure(verifier) => Signed::Azure(Box::new(verifier.verify(view, now)?)),
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
            Self::Azure(_) => {
                let error = azure::StorageError::from(error);
                Told { status: error.status, code: error.code, xml: error.to_xml("upload-service") }
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
            Self::Azure(_) => Ok(Vec::new()),
        }
    }

    /// The value of a header, if it was signed.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        match self {
            Self::S3(request) => request.header(name).next().map(text),
            Self::Gcs(request) => request.header(name).next().map(text),
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

    /// What holds the body to the token, if anything of it can.
    pub(crate) fn payload_check(&self) -> Option<aws::PayloadCheck> {
        match self {
            Self::S3(request) => Some(request.payload_check()),
            Self::Gcs(request) => Some(request.payload_check()),
            Self::Azure(_) => None,
        }
    }
}

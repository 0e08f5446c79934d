//! Which cloud the two servers speak: everything else in this program is the same for all of them.

use crate::{diagnosis, options::Options};
use std::sync::Arc;
use valet_key::{
    aws, azure,
    gateway::{Gate, RevocationList},
    gcs,
    grant::plan::Form,
    multi,
    upload::Protocol,
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

    /// How large files get there.
    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Self::Aws => Protocol::S3Multipart,
            Self::Gcs => Protocol::GcsResumable,
            Self::Azure => Protocol::AzureBlocks,
        }
    }

    /// The form of the links and of small uploads.
    pub(crate) fn form(self) -> Form {
        match self {
            Self::Aws => Form::S3PresignedUrl,
            Self::Gcs => Form::GcsSignedUrl,
            Self::Azure => Form::AzureServiceSas,
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

/// The key with the place where its tokens are used.
pub(crate) fn signer(options: &Options) -> Result<multi::Cloud<'static>, String> {
    signer_with(options, &options.access_key, &options.secret_key)
}

/// The same with another key.
pub(crate) fn signer_with(options: &Options, id: &str, secret: &str) -> Result<multi::Cloud<'static>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let origin = format!("http://{}", options.gateway);
    Ok(match options.cloud {
        Cloud::Aws => {
            let region = aws::Region::new(&options.region).map_err(|error| text(&error))?;
            let endpoint = aws::Endpoint::custom(&origin, region).map_err(|error| text(&error))?.behind_gate();
            multi::Cloud::aws_at(aws::StaticKey::new(id, secret).map_err(|error| text(&error))?, endpoint)
        }
        Cloud::Gcs => {
            let endpoint = gcs::Endpoint::custom(&origin).map_err(|error| text(&error))?.behind_gate();
            multi::Cloud::gcs_at(gcs::HmacKey::new(id, secret).map_err(|error| text(&error))?, endpoint)
        }
        Cloud::Azure => {
            let endpoint = azure::Endpoint::emulator(&origin).map_err(|error| text(&error))?;
            multi::Cloud::azure_at(azure::AccountKey::new(id, secret).map_err(|error| text(&error))?, endpoint)
        }
    })
}

/// What the gateway lets pass: what the key signed and nobody took back.
pub(crate) fn gate(options: &Options, revoked: &Arc<RevocationList>) -> Result<Gate, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let gate = match signer(options)? {
        multi::Cloud::Aws { endpoint, .. } => {
            Gate::aws(aws::Verifier::new(ring(options)?, diagnosis::expect_aws(options)), endpoint)
        }
        multi::Cloud::Gcs { endpoint, .. } => {
            let key = gcs::HmacKey::new(options.access_key.as_str(), options.secret_key.as_str());
            let ring = gcs::KeyRing::new().with(key.map_err(|error| text(&error))?);
            Gate::gcs(gcs::Verifier::new(ring, gcs::Expect::new()), endpoint)
        }
        _ => {
            let key = azure::AccountKey::new(options.access_key.as_str(), options.secret_key.as_str());
            let mut ring = azure::KeyRing::new();
            ring.insert(key.map_err(|error| text(&error))?).map_err(|error| text(&error))?;
            Gate::azure(azure::Verifier::new(ring, diagnosis::expect_azure(options)?))
        }
    };
    // Clients of S3 also ask where a bucket is, which no grant is for.
    Ok(gate.allow_all_operations().revocations(Arc::clone(revoked)))
}

/// The key of S3 to check with.
pub(crate) fn ring(options: &Options) -> Result<aws::KeyRing, String> {
    let key = aws::StaticKey::new(options.access_key.as_str(), options.secret_key.as_str());
    Ok(aws::KeyRing::new().with(key.map_err(|error| error.to_string())?))
}

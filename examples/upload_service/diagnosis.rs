//! Why a signature did not match: the gateway says what it would have signed, as the clouds themselves do, and whoever
//! issued the token puts that beside it.

use crate::{cloud::Cloud, gateway::escaped, options::Options};
use valet_key::{
    aws::{self, SigV4},
    azure,
    clock::Timestamp,
    explain::{Answer, ExplainError, Explanation, Signed, explain},
    gcs::{self, GoogV4},
    view::RequestView,
};

/// What a gateway expects, to read a request by once more.
pub(crate) enum Reader {
    Aws(aws::StaticKey, aws::Expect),
    Gcs(gcs::HmacKey, gcs::Expect),
    Azure(azure::Expect),
}

impl Reader {
    pub(crate) fn new(options: &Options) -> Result<Self, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let (id, secret) = (options.access_key.as_str(), options.secret_key.as_str());
        Ok(match options.cloud {
            Cloud::Aws => {
                Self::Aws(aws::StaticKey::new(id, secret).map_err(|error| text(&error))?, expect_aws(options))
            }
            Cloud::Gcs => Self::Gcs(gcs::HmacKey::new(id, secret).map_err(|error| text(&error))?, gcs::Expect::new()),
            Cloud::Azure => Self::Azure(expect_azure(options)?),
        })
    }

    /// What this side would have signed, as its cloud puts it into an error document. It is no secret: the sender could
    /// compute it from the request, and nothing of it needs a key.
    pub(crate) fn computed(&self, view: &RequestView<'_>, now: Timestamp) -> Option<String> {
        let forms = |canonical: &[u8], message: &[u8]| {
            let [canonical, message] = [canonical, message].map(|text| escaped(&String::from_utf8_lossy(text)));
            format!("<StringToSign>{message}</StringToSign><CanonicalRequest>{canonical}</CanonicalRequest>")
        };
        match self {
            Self::Aws(key, expect) => {
                let pending = aws::Presented::parse(view).ok()?.check(key.credential(), expect, now).ok()?;
                Some(forms(&pending.canonical_request(), pending.string_to_sign().as_bytes()))
            }
            Self::Gcs(key, expect) => {
                let pending = gcs::Presented::parse(view).ok()?.check(key.credential(), expect, now).ok()?;
                Some(forms(&pending.canonical_request(), pending.string_to_sign().as_bytes()))
            }
            Self::Azure(expect) => {
                let message = azure::Presented::parse(view).ok()?.string_to_sign(expect).ok()?;
                let message = escaped(&String::from_utf8_lossy(message.as_bytes()));
                Some(format!(" String to sign used was {message}"))
            }
        }
    }
}

/// What S3 expects here. Clients of AWS send bodies in chunks, of which some are signed and others have a checksum behind them.
pub(crate) fn expect_aws(options: &Options) -> aws::Expect {
    aws::Expect::new(&options.region, "s3").allow_unsigned_trailers()
}

/// What Azure expects here: it reads `%2F` in a name as a slash, and its JavaScript library writes it so.
pub(crate) fn expect_azure(options: &Options) -> Result<azure::Expect, String> {
    let expect = azure::Expect::new(&options.access_key, azure::Service::Blob);
    Ok(expect.map_err(|error| error.to_string())?.account_in_path().escaped_slashes())
}

/// An error document with what was computed in it: at its end, on Azure at the end of its detail.
pub(crate) fn with_detail(document: &str, computed: &str) -> String {
    let end = ["</AuthenticationErrorDetail>", "</Error>"].into_iter().find_map(|end| document.find(end));
    let (before, after) = document.split_at(end.unwrap_or(document.len()));
    format!("{before}{computed}{after}")
}

/// Why a request with this URL got this answer.
pub(crate) fn explanation(method: &str, url: &str, document: &str) -> Result<Explanation, ExplainError> {
    explain(&Signed::url(method, url), &Answer::parse(document)?)
}

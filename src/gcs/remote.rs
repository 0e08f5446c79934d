//! Signing without a private key: the request to IAM `signBlob` and its answer, as data.
//!
//! Source: IAM Service Account Credentials API, "projects.serviceAccounts.signBlob".

use super::{Credential, Signature, StringToSign, key::Algorithm};
use crate::{encode, error::KeyError, json};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// The largest answer that is read.
const MAX_ANSWER: usize = 64 << 10;

/// One call of `signBlob`: where to post what, and how to read the answer.
///
/// The caller sends it with a bearer token whose account has `iam.serviceAccounts.signBlob` on the signing
/// account. Google rotates the keys behind it, so a URL may stop working before it expires.
///
/// ```
/// use valet_key::gcs::{Credential, SignBlob, UrlRequest};
/// use valet_key::{clock::Timestamp, grant::Grant};
///
/// let account = Credential::service_account("signer@project.iam.gserviceaccount.com")?;
/// let request = UrlRequest::storage(&Grant::read("photos", "cat.jpg"))?;
/// let prepared = request.prepare(&account, Timestamp::from_unix(1_700_000_000)?)?;
///
/// let call = SignBlob::new(&account)?;
/// assert_eq!(
///     call.url(),
///     "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/signer@project.iam.gserviceaccount.com:signBlob"
/// );
/// let body = call.body(prepared.string_to_sign());
/// assert!(body.starts_with("{\"payload\":\"R09PRzQtUlNBLVNIQTI1Ng"));
/// // ... the caller posts `body`, and hands the answer over:
/// # let answer = format!("{{\"keyId\":\"1\",\"signedBlob\":\"{}\"}}", "AAAA".repeat(85) + "AA==");
/// let url = prepared.finish(&call.read_answer(&answer)?)?;
/// # drop(url);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SignBlob {
    email: String,
    host: String,
    delegates: Vec<String>,
}

impl SignBlob {
    /// Signing by this account.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if the credential is not that of a service account.
    pub fn new(credential: &Credential) -> Result<Self, KeyError> {
        if credential.algorithm() != Algorithm::RsaSha256 {
            return Err(KeyError::Invalid { what: "credential", why: "it must be that of a service account" });
        }
        Ok(Self {
            email: credential.id().to_string(),
            host: "iamcredentials.googleapis.com".to_string(),
            delegates: Vec::new(),
        })
    }

    /// In another universe, such as a sovereign cloud.
    #[must_use]
    pub fn universe(mut self, domain: &str) -> Self {
        self.host = format!("iamcredentials.{domain}");
        self
    }

    /// One more account in the chain of delegation, each allowed to act for the next.
    #[must_use]
    pub fn delegate(mut self, email: &str) -> Self {
        self.delegates.push(format!("projects/-/serviceAccounts/{email}"));
        self
    }

    /// Where to post.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}/v1/projects/-/serviceAccounts/{}:signBlob", self.host, self.email)
    }

    /// What to post, as `application/json`.
    #[must_use]
    pub fn body(&self, message: &StringToSign) -> String {
        let mut body = String::from("{\"payload\":");
        json::push_text(&mut body, &encode::base64(message.as_bytes()));
        if !self.delegates.is_empty() {
            body.push_str(",\"delegates\":[");
            for (at, delegate) in self.delegates.iter().enumerate() {
                if at > 0 {
                    body.push(',');
                }
                json::push_text(&mut body, delegate);
            }
            body.push(']');
        }
        body.push('}');
        body
    }

    /// Reads the answer.
    ///
    /// # Errors
    /// [`KeyError::Holder`] if it is no such answer; what it says is not quoted.
    pub fn read_answer(&self, answer: &str) -> Result<Signature, KeyError> {
        let failed = |why: &str| KeyError::Holder(format!("the answer of signBlob {why}"));
        if answer.len() > MAX_ANSWER {
            return Err(failed("is larger than 64 KiB"));
        }
        let members = json::members(answer, &["keyId", "signedBlob"]).map_err(|_| failed("is not one JSON object"))?;
        let [Some(_), Some(blob)] = <[Option<json::Text>; 2]>::try_from(members).unwrap_or_default() else {
            return Err(failed("must have `keyId` and `signedBlob`, as text"));
        };
        let bytes = encode::from_base64(&blob).ok_or_else(|| failed("must have `signedBlob` in padded base64"))?;
        Signature::rsa(bytes).map_err(|_| failed("must have a signature of 256 to 512 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_strictly() {
        let call = SignBlob::new(&Credential::service_account("a@b").unwrap()).unwrap();
        let blob = encode::base64(&[7; 256]);
        let good = format!("{{\"keyId\":\"k\",\"signedBlob\":\"{blob}\",\"extra\":1}}");
        assert_eq!(call.read_answer(&good).unwrap().bytes(), [7; 256]);
        for answer in [
            String::new(),
            "{}".to_string(),
            "[]".to_string(),
            format!("{{\"signedBlob\":\"{blob}\"}}"),
            format!("{{\"keyId\":1,\"signedBlob\":\"{blob}\"}}"),
            format!("{{\"keyId\":\"k\",\"signedBlob\":\"{blob}\",\"signedBlob\":\"{blob}\"}}"),
            format!("{{\"keyId\":\"k\",\"signedBlob\":\"{}\"}}", blob.trim_end_matches('=')),
            format!("{{\"keyId\":\"k\",\"signedBlob\":\"{}\"}}", blob.replace('B', "-")),
            format!("{{\"keyId\":\"k\",\"signedBlob\":\"{}\"}}", encode::base64(&[7; 255])),
            format!("{good}{good}"),
        ] {
            let error = call.read_answer(&answer).unwrap_err();
            assert!(matches!(error, KeyError::Holder(_)) && !format!("{error}").contains("Bwc"), "{answer}");
        }
        assert!(SignBlob::new(&Credential::hmac_key("GOOG1").unwrap()).is_err());
    }

    #[test]
    fn delegates_and_universes_go_where_they_belong() {
        let call = SignBlob::new(&Credential::service_account("a@b").unwrap()).unwrap();
        let call = call.delegate("c@d").universe("example.goog");
        assert_eq!(call.url(), "https://iamcredentials.example.goog/v1/projects/-/serviceAccounts/a@b:signBlob");
        let body = call.body(&StringToSign::of_policy("x"));
        assert_eq!(body, "{\"payload\":\"eA==\",\"delegates\":[\"projects/-/serviceAccounts/c@d\"]}");
    }
}

//! The token forms that a grant can become.

use core::fmt;

macro_rules! forms {
    ($($(#[doc = $doc:literal])+ #[cfg($cfg:meta)] $form:ident $provider:ident $code:literal $name:literal,)*) => {
        /// A form of token that a grant can become. A build without its provider makes none.
        ///
        /// V2 signed URLs, account SAS and SAS with a stored policy are not among them: those are made from their own
        /// requests, and never from a grant.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Form {
            $($(#[doc = $doc])+ $form,)*
        }

        impl Form {
            /// The forms of all providers that this build has.
            pub const ALL: &[Self] = &[$(#[cfg($cfg)] Self::$form,)*];

            /// A stable name for metrics and audit records.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$form => $code,)*
                }
            }

            /// Its name in errors and plans, in words.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$form => $name,)*
                }
            }

            /// Whose form it is.
            #[must_use]
            pub const fn provider(self) -> Provider {
                match self {
                    $(Self::$form => Provider::$provider,)*
                }
            }
        }
    };
}

/// A provider of token forms, and of the rules that a request follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Provider {
    /// Amazon Web Services, and servers that speak its protocols.
    Aws,
    /// Google Cloud Storage.
    Gcs,
    /// Azure.
    Azure,
}

impl Provider {
    /// A stable name for metrics, audit records and names in stores: `aws`, `gcs` or `azure`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Gcs => "gcs",
            Self::Azure => "azure",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aws => "AWS",
            Self::Gcs => "Cloud Storage",
            Self::Azure => "Azure",
        })
    }
}

forms! {
    /// [`aws::UrlRequest::at`](crate::aws::UrlRequest::at): an object, a part, an upload or a listing.
    #[cfg(feature = "aws")]
    S3PresignedUrl Aws "s3_url" "an S3 presigned URL",
    /// [`aws::Request::at`](crate::aws::Request::at): the same request, signed in its headers.
    #[cfg(feature = "aws")]
    S3SignedHeaders Aws "s3_headers" "an S3 request with signed headers",
    /// [`aws::UrlRequest::at`](crate::aws::UrlRequest::at), signed by
    /// [`v4a::StaticKey`](crate::aws::v4a::StaticKey): good in a set of regions.
    #[cfg(feature = "sigv4a")]
    S3SigV4aUrl Aws "s3_sigv4a_url" "an S3 presigned URL of SigV4a",
    /// [`aws::PostPolicy::at`](crate::aws::PostPolicy::at).
    #[cfg(feature = "aws")]
    S3PostPolicy Aws "s3_post" "an S3 POST policy",
    /// [`SessionGrants`](crate::aws::policy::SessionGrants): temporary credentials of STS.
    #[cfg(feature = "aws")]
    SessionPolicy Aws "session_policy" "a session policy",
    /// [`cloudfront::PolicyRequest::at`](crate::aws::cloudfront::PolicyRequest::at): as a URL or as cookies; a canned
    /// policy where that says it all, and a custom one otherwise.
    #[cfg(feature = "aws")]
    CloudFrontPolicy Aws "cloudfront_url" "a CloudFront policy",
    /// [`sqs::MessageRequest`](crate::aws::sqs::MessageRequest), presigned or signed in its headers.
    #[cfg(feature = "aws")]
    SqsRequest Aws "sqs_request" "a signed SQS request",
    /// [`gcs::UrlRequest::at`](crate::gcs::UrlRequest::at), signed with an HMAC or an RSA key.
    #[cfg(feature = "gcs")]
    GcsSignedUrl Gcs "gcs_url" "a Cloud Storage signed URL",
    /// [`gcs::UrlRequest::resumable`](crate::gcs::UrlRequest::resumable): the start of an upload. The session that it
    /// starts lives for a week.
    #[cfg(feature = "gcs")]
    GcsResumableStart Gcs "gcs_resumable" "a Cloud Storage resumable upload",
    /// [`gcs::PostPolicy::at`](crate::gcs::PostPolicy::at).
    #[cfg(feature = "gcs")]
    GcsPostPolicy Gcs "gcs_post" "a Cloud Storage POST policy",
    /// [`gcs::AccessBoundary`](crate::gcs::AccessBoundary): a downscoped OAuth token.
    #[cfg(feature = "gcs")]
    GcsAccessBoundary Gcs "gcs_access_boundary" "a credential access boundary",
    /// [`azure::UrlRequest::at`](crate::azure::UrlRequest::at), signed with an account key.
    #[cfg(feature = "azure")]
    AzureServiceSas Azure "azure_service_sas" "a service SAS",
    /// [`azure::UrlRequest::at`](crate::azure::UrlRequest::at), signed with a user delegation key.
    #[cfg(feature = "azure")]
    AzureDelegationSas Azure "azure_delegation_sas" "a user delegation SAS",
    /// [`azure::TokenRequest::at`](crate::azure::TokenRequest::at): a token of Service Bus or Event Hubs.
    #[cfg(feature = "azure")]
    AzureMessagingToken Azure "azure_messaging_token" "a messaging token",
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_another_word_and_the_old_ones_stay() {
        let is_word =
            |code: &str| !code.is_empty() && code.bytes().all(|it| matches!(it, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        for (at, form) in Form::ALL.iter().enumerate() {
            assert!(is_word(form.code()), "{form}");
            assert!(Form::ALL.iter().skip(at + 1).all(|other| other.code() != form.code()), "{form}");
        }
        // Records that were kept are read by these.
        for (form, code) in [
            (Form::S3PresignedUrl, "s3_url"),
            (Form::S3SigV4aUrl, "s3_sigv4a_url"),
            (Form::S3PostPolicy, "s3_post"),
            (Form::CloudFrontPolicy, "cloudfront_url"),
            (Form::GcsSignedUrl, "gcs_url"),
            (Form::GcsPostPolicy, "gcs_post"),
            (Form::AzureServiceSas, "azure_service_sas"),
            (Form::AzureDelegationSas, "azure_delegation_sas"),
            (Form::AzureMessagingToken, "azure_messaging_token"),
        ] {
            assert_eq!(form.code(), code);
        }
    }
}

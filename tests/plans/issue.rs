//! Issuing in every form, with keys of the tests.

use crate::{
    at, key_file, why,
    wish::{About, BODY},
};
use valet_key::{
    aws::{
        self, Endpoint, Payload, PostForm, PostPolicy, Region, SigV4, StaticKey,
        cloudfront::{self, Distribution, PolicyRequest, SigningKey},
        policy::SessionGrants,
        sqs::MessageRequest,
        v4a,
    },
    azure::{
        AccessRule, AccountKey, Delegation, MessagingEntity, MessagingSas, Right, Sas, ServiceBusKey, TokenRequest,
        UserDelegationKey,
    },
    error::IssueError,
    gcs::{self, AccessBoundary, GoogV4},
    grant::{Grant, Lifetime, plan::Form},
    token::{BearerToken, BearerUrl},
};

pub(crate) const REGION: &str = "eu-west-1";
pub(crate) const ACCOUNT: &str = "myaccount";
pub(crate) const CDN: &str = "cdn.example.com";

pub(crate) fn container(form: Form, about: About) -> &'static str {
    match form {
        Form::SqsRequest => "123456789012/orders",
        Form::SessionPolicy if about.is_queue() => "123456789012/orders",
        _ => "media-uploads",
    }
}

/// What came out.
pub(crate) enum Token {
    Url(BearerUrl),
    /// Method, target and all headers.
    Headers(String, String, Vec<(String, String)>),
    Form(PostForm),
    /// A policy: of a session, of a distribution (with its token), of a boundary.
    Session(String),
    Distribution(String, Box<cloudfront::SignedPolicy>),
    Boundary(String),
    Messaging(BearerToken),
}

pub(crate) fn endpoint() -> Endpoint {
    Endpoint::aws(Region::new(REGION).unwrap())
}

pub(crate) fn aws_key() -> StaticKey {
    StaticKey::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").unwrap()
}

pub(crate) fn v4a_key() -> v4a::StaticKey {
    v4a::StaticKey::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").unwrap()
}

pub(crate) fn gcs_key() -> gcs::HmacKey {
    gcs::HmacKey::new("GOOG1EXAMPLE", "secret").unwrap()
}

pub(crate) fn cdn_key() -> SigningKey {
    let credential = cloudfront::Credential::ecdsa("K2JCJMDEHXQW5F").unwrap();
    SigningKey::from_ec_pem(credential, &key_file("cloudfront-ec.pem")).unwrap()
}

pub(crate) fn account_key() -> AccountKey {
    AccountKey::new(ACCOUNT, "c2VjcmV0").unwrap()
}

pub(crate) fn delegation_key(service: &str) -> UserDelegationKey {
    let ids = ["11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"];
    let (begins, ends) = (at(-3600).to_string(), at(86_400).to_string());
    let delegation = Delegation::new(ids, [&begins, &ends], service, "2025-07-05").unwrap();
    UserDelegationKey::new(ACCOUNT, delegation, "c2VjcmV0").unwrap()
}

pub(crate) fn namespace() -> MessagingEntity {
    MessagingEntity::namespace("contoso.servicebus.windows.net").unwrap()
}

pub(crate) fn rule_key(about: About) -> ServiceBusKey {
    let right = if about == About::Receive { Right::Listen } else { Right::Send };
    let queue = namespace().queue("media-uploads").unwrap();
    ServiceBusKey::new(AccessRule::service_bus(&queue, "rule", right).unwrap(), "key").unwrap()
}

/// Makes a token of that form, at the time of the tests.
pub(crate) fn issue(form: Form, about: About, grant: &Grant) -> Result<Token, IssueError> {
    let now = at(0);
    Ok(match form {
        Form::S3PresignedUrl => Token::Url(aws_key().presign(&aws::UrlRequest::at(&endpoint(), grant)?, now)?),
        Form::S3SigV4aUrl => Token::Url(v4a_key().presign(&aws::UrlRequest::at(&endpoint(), grant)?, now)?),
        Form::S3SignedHeaders => {
            let request = aws::Request::at(&endpoint(), grant, Payload::Unsigned)?;
            let signed = aws_key().sign_headers(&request, now)?;
            let lines = signed.expose().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let asked = aws::UrlRequest::at(&endpoint(), grant)?;
            let asked = aws_key().presign(&asked, now)?;
            let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
            let mut lines: Vec<(String, String)> = lines;
            lines.extend(asked.required_headers().iter().map(|(name, value)| (name.clone(), text(value))));
            Token::Headers(asked.method().to_owned(), signed.target().to_owned(), lines)
        }
        Form::S3PostPolicy => Token::Form(PostPolicy::at(&endpoint(), grant)?.sign(&aws_key(), now)?),
        Form::SessionPolicy => {
            let session = SessionGrants::new(Region::new(REGION)?, Lifetime::minutes(60).unwrap());
            Token::Session(session.grant(grant.clone()).to_policy(now)?.as_str().to_owned())
        }
        Form::CloudFrontPolicy => {
            let cdn = Distribution::new(&format!("https://{CDN}"))?.serving("media-uploads");
            let request = PolicyRequest::at(&cdn, grant)?;
            let text = request.prepare(cdn_key().credential(), now)?.string_to_sign().as_bytes().to_vec();
            let policy = cdn_key().signed_policy(&request, now)?;
            Token::Distribution(String::from_utf8(text).unwrap(), Box::new(policy))
        }
        Form::SqsRequest => {
            let body = std::str::from_utf8(BODY).unwrap();
            let request = match about {
                About::Receive => MessageRequest::receive_as(grant, REGION)?,
                _ => MessageRequest::send_as(grant, REGION, body)?,
            };
            Token::Url(aws_key().presign(&request.in_url()?, now)?)
        }
        Form::GcsSignedUrl => Token::Url(gcs_key().signed_url(&gcs::UrlRequest::storage(grant)?, now)?),
        Form::GcsResumableStart => {
            let request = gcs::UrlRequest::resumable(&gcs::Endpoint::google(), grant)?;
            Token::Url(gcs_key().signed_url(&request, now)?)
        }
        Form::GcsPostPolicy => {
            Token::Form(gcs::PostPolicy::at(&gcs::Endpoint::google(), grant)?.sign(&gcs_key(), now)?)
        }
        Form::GcsAccessBoundary => {
            let boundary = AccessBoundary::new(std::slice::from_ref(grant), now, at(60))?;
            Token::Boundary(boundary.to_json())
        }
        Form::AzureServiceSas => Token::Url(account_key().issue(&valet_key::azure::UrlRequest::storage(grant)?, now)?),
        Form::AzureDelegationSas => {
            let key = delegation_key(if about.is_queue() { "q" } else { "b" });
            Token::Url(key.issue(&valet_key::azure::UrlRequest::storage(grant)?, now)?)
        }
        Form::AzureMessagingToken => {
            let request = TokenRequest::at(&namespace(), grant)?.because(why());
            Token::Messaging(rule_key(about).token(&request, now)?)
        }
        form => panic!("how is {form} issued?"),
    })
}

/// What is signed of a token, as text in which to look for names.
impl Token {
    /// Headers that the client has to send exactly.
    pub(crate) fn headers(&self) -> Vec<String> {
        match self {
            Self::Url(url) => url.required_headers().iter().map(|(name, _)| name.clone()).collect(),
            Self::Headers(_, _, lines) => lines.iter().map(|(name, _)| name.to_ascii_lowercase()).collect(),
            _ => Vec::new(),
        }
    }

    /// Names of parameters.
    pub(crate) fn params(&self) -> Vec<String> {
        let target = match self {
            Self::Url(url) => url.expose(),
            Self::Headers(_, target, _) => target,
            Self::Messaging(token) => {
                let fields = token.expose().split_once(' ').unwrap().1;
                return fields.split('&').map(|pair| pair.split('=').next().unwrap().to_owned()).collect();
            }
            _ => return Vec::new(),
        };
        let query = target.split_once('?').map_or("", |(_, query)| query);
        query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split('=').next().unwrap().to_owned())
            .collect()
    }

    /// The text of a policy.
    pub(crate) fn policy(&self) -> String {
        match self {
            Self::Form(form) => {
                let (_, policy) = form.fields().find(|(name, _)| *name == "policy").unwrap();
                crate::decoded(policy)
            }
            Self::Session(policy) | Self::Boundary(policy) | Self::Distribution(policy, _) => policy.clone(),
            _ => String::new(),
        }
    }
}

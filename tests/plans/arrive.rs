//! A request as it arrives at a verifier of this crate: honest, and with one thing about it changed.

use crate::{
    at,
    evaluate::{Asked, allows},
    issue::{
        ACCOUNT, CDN, REGION, Token, account_key, aws_key, cdn_key, delegation_key, gcs_key, namespace, rule_key,
        v4a_key,
    },
    wish::{About, Ask, BODY, NAME, Wish},
};
use std::net::IpAddr;
use valet_key::{
    aws::{self, FormView, SigV4, cloudfront, v4a},
    azure::{self, ExpectToken, MessagingOperation, MessagingSas, PresentedToken, Sas, Service},
    clock::Timestamp,
    gcs::{self, GoogV4},
    grant::plan::Form,
    view::{HeaderLine, RequestView},
};

/// What a client sends, of whichever form.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) form: Form,
    pub(crate) about: About,
    pub(crate) at: Timestamp,
    pub(crate) from: IpAddr,
    pub(crate) https: bool,
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    /// Of a form.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) container: String,
    pub(crate) body: Vec<u8>,
    /// What a session is asked for.
    pub(crate) asked: Option<(String, Asked)>,
    /// A messaging token, what it is used on, and whether to send.
    pub(crate) token: Option<(String, String, bool)>,
}

/// Whether the request has a body that a client chooses.
fn has_body(form: Form, about: About) -> bool {
    form != Form::GcsResumableStart && form != Form::SqsRequest && uploads(about)
}

pub(crate) fn uploads(about: About) -> bool {
    matches!(about, About::Upload | About::Create | About::UploadPart | About::UploadUnder | About::Append)
}

impl Sent {
    /// The request that honours all that was asked for.
    pub(crate) fn honest(form: Form, wish: &Wish, token: &Token) -> Self {
        let about = wish.about;
        let mut sent = Self {
            form,
            about,
            at: at(if wish.has(Ask::NotBefore) { 61 } else { 1 }),
            from: if wish.has(Ask::Version6) { "2001:db8::7" } else { "192.0.2.7" }.parse().unwrap(),
            https: true,
            method: String::new(),
            host: String::new(),
            target: String::new(),
            headers: Vec::new(),
            fields: Vec::new(),
            container: crate::issue::container(form, about).to_owned(),
            body: if has_body(form, about) { BODY.to_vec() } else { Vec::new() },
            asked: None,
            token: None,
        };
        match token {
            Token::Url(url) => {
                url.method().clone_into(&mut sent.method);
                sent.goes_to(url.expose());
                let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
                sent.headers.extend(url.required_headers().iter().map(|(name, value)| (name.clone(), text(value))));
                sent.as_clients_do();
            }
            Token::Headers(method, target, lines) => {
                method.clone_into(&mut sent.method);
                target.clone_into(&mut sent.target);
                sent.host = format!("media-uploads.s3.{REGION}.amazonaws.com");
                sent.headers.clone_from(lines);
                sent.as_clients_do();
            }
            Token::Distribution(_, policy) => {
                "GET".clone_into(&mut sent.method);
                sent.goes_to(policy.signed_url_for(&format!("https://{CDN}/{NAME}")).unwrap().expose());
            }
            Token::Form(form) => {
                "POST".clone_into(&mut sent.method);
                sent.fields.extend(form.fields().map(|(name, value)| (name.to_owned(), value.to_owned())));
                if sent.field("Content-Type").is_none() {
                    sent.set_field("Content-Type", "image/png");
                }
            }
            Token::Session(policy) => sent.asked = Some((policy.clone(), asked(wish))),
            Token::Messaging(token) => {
                sent.token = Some((token.expose().to_owned(), "media-uploads".to_owned(), about == About::Send));
            }
            Token::Boundary(_) => panic!("this crate verifies no downscoped token"),
        }
        sent
    }

    fn goes_to(&mut self, url: &str) {
        let (host, target) = url.split_once("://").unwrap().1.split_once('/').unwrap();
        host.clone_into(&mut self.host);
        self.target = format!("/{target}");
    }

    /// What clients add of their own.
    fn as_clients_do(&mut self) {
        if has_body(self.form, self.about) {
            let length = self.body.len().to_string();
            for (name, value) in [("content-type", "image/png"), ("content-length", &length)] {
                if self.header(name).is_none() {
                    self.set_header(name, value);
                }
            }
        }
        if !matches!(self.form, Form::AzureServiceSas | Form::AzureDelegationSas) {
            return;
        }
        // Azure names what is done in the query, and a directory is not what is read or written.
        let (method, below, more) = match self.about {
            About::WriteTags => ("PUT", "", "comp=tags&"),
            About::ReadUnder | About::ReadAndList => ("GET", "/cat.jpg", ""),
            About::UploadUnder => ("PUT", "/cat.jpg", "resource=file&"),
            About::Append => ("PATCH", "/cat.jpg", "action=append&position=0&"),
            _ => return,
        };
        method.clone_into(&mut self.method);
        self.target = self.target.replacen('?', &format!("{below}?{more}"), 1);
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn set_header(&mut self, name: &str, value: &str) {
        self.unset_header(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn unset_header(&mut self, name: &str) {
        self.headers.retain(|(known, _)| known != name);
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn set_field(&mut self, name: &str, value: &str) {
        self.unset_field(name);
        self.fields.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn unset_field(&mut self, name: &str) {
        self.fields.retain(|(known, _)| known != name);
    }

    /// Sets a parameter to text that needs no escape, or takes it away.
    pub(crate) fn set_param(&mut self, name: &str, value: Option<&str>) {
        let (path, query) = self.target.split_once('?').unwrap();
        let is_it = |pair: &&str| pair.split('=').next() == Some(name);
        let mut pairs: Vec<String> = query.split('&').filter(|pair| !is_it(pair)).map(ToOwned::to_owned).collect();
        pairs.extend(value.map(|value| format!("{name}={value}")));
        self.target = format!("{path}?{}", pairs.join("&"));
    }

    pub(crate) fn set_body(&mut self, body: &[u8]) {
        self.body = body.to_vec();
        if self.header("content-length").is_some() {
            self.set_header("content-length", &body.len().to_string());
        }
    }

    /// What the verifier of its form says.
    pub(crate) fn verdict(&self) -> Result<(), String> {
        if let Some((policy, asked)) = &self.asked {
            let mut asked = asked.clone().with("aws:CurrentTime", self.at.to_string());
            asked = asked.with("aws:SourceIp", self.from.to_string());
            asked = asked.with("aws:SecureTransport", self.https.to_string());
            return if allows(policy, &asked) { Ok(()) } else { Err("not allowed".to_owned()) };
        }
        if let Some((token, queue, sends)) = &self.token {
            let operation = if *sends { MessagingOperation::Send } else { MessagingOperation::Receive };
            let entity = namespace().queue(queue).unwrap();
            let presented = PresentedToken::service_bus(token).map_err(|error| error.to_string())?;
            let verified = rule_key(self.about).verify(presented, &ExpectToken::new(&entity, operation), self.at);
            return verified.map(drop).map_err(|error| error.to_string());
        }
        let found = if self.fields.is_empty() { self.verify_request() } else { self.verify_form() };
        found.map_err(|error| error.to_string())
    }

    fn verify_form(&self) -> Result<(), valet_key::error::VerifyError> {
        let fields: Vec<(&str, &str)> =
            self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let view = FormView::new(&self.container, &fields).file_name("cat.jpg");
        let mut check = if self.form == Form::GcsPostPolicy {
            let (key, expect) = (gcs_key(), gcs::ExpectForm::new());
            let pending = gcs::PresentedForm::parse(&view)?.check(key.credential(), &expect, self.at)?;
            let signature = key.sign(pending.scope(), pending.string_to_sign())?;
            pending.accept(&signature)?.payload_check()
        } else {
            let ring = aws::KeyRing::new().with(aws_key());
            let presented = aws::PresentedForm::parse(&view)?;
            ring.verify_form(presented, &aws::ExpectForm::new(REGION), self.at)?.payload_check()
        };
        check.update(&self.body);
        check.finish()
    }

    fn verify_request(&self) -> Result<(), valet_key::error::VerifyError> {
        let mut lines: Vec<HeaderLine<'_>> = vec![("host", self.host.as_bytes())];
        lines.extend(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
        let view = RequestView::new(&self.method, &self.target, &lines).from_address(self.from);
        let view = if self.https { view.over_https() } else { view };
        let mut check = match self.form {
            Form::S3SigV4aUrl => {
                let expect = aws::Expect::new(REGION, "s3");
                v4a_key().verify(v4a::Presented::parse(&view)?, &expect, self.at)?.payload_check()
            }
            Form::GcsSignedUrl | Form::GcsResumableStart => {
                gcs_key().verify(gcs::Presented::parse(&view)?, &gcs::Expect::new(), self.at)?.payload_check()
            }
            Form::AzureServiceSas | Form::AzureDelegationSas => return self.verify_sas(&view),
            Form::CloudFrontPolicy => {
                let credential = cloudfront::Credential::ecdsa("K2JCJMDEHXQW5F").unwrap();
                let ring = cloudfront::KeyRing::new().with(credential, cdn_key().public_key()).unwrap();
                let presented = cloudfront::Presented::parse(&view)?;
                return ring.verify(presented, &cloudfront::Expect::new(CDN), self.at).map(drop);
            }
            form => {
                let service = if form == Form::SqsRequest { "sqs" } else { "s3" };
                let expect = aws::Expect::new(REGION, service);
                aws_key().verify(aws::Presented::parse(&view)?, &expect, self.at)?.payload_check()
            }
        };
        check.update(&self.body);
        check.finish()
    }

    fn verify_sas(&self, view: &RequestView<'_>) -> Result<(), valet_key::error::VerifyError> {
        let service = match self.host.split('.').nth(1).unwrap() {
            "queue" => Service::Queue,
            "dfs" => Service::DataLake,
            _ => Service::Blob,
        };
        let expect = azure::Expect::new(ACCOUNT, service).unwrap();
        let presented = azure::Presented::parse(view)?;
        let verified = if self.form == Form::AzureServiceSas {
            account_key().verify(presented, &expect, self.at)?
        } else {
            let key = delegation_key(if self.about.is_queue() { "q" } else { "b" });
            key.verify(presented, &expect, self.at)?
        };
        // What may not overwrite is for the server to see to, which has to be told.
        assert!(self.about != About::Create || verified.must_not_overwrite());
        Ok(())
    }
}

/// What AWS looks at when a request with the credentials of a session does what is wished.
fn asked(wish: &Wish) -> Asked {
    let versioned = wish.has(Ask::Version);
    let (action, arn) = match (wish.about, versioned) {
        (About::Read | About::ReadUnder | About::ReadAndList, false) => ("s3:GetObject", NAME),
        (About::Read, true) => ("s3:GetObjectVersion", NAME),
        (About::Upload | About::Create | About::UploadUnder, _) => ("s3:PutObject", NAME),
        (About::Delete, false) => ("s3:DeleteObject", NAME),
        (About::Delete, true) => ("s3:DeleteObjectVersion", NAME),
        (About::ReadTags, false) => ("s3:GetObjectTagging", NAME),
        (About::ReadTags, true) => ("s3:GetObjectVersionTagging", NAME),
        (About::WriteTags, false) => ("s3:PutObjectTagging", NAME),
        (About::WriteTags, true) => ("s3:PutObjectVersionTagging", NAME),
        (About::DeleteTags, false) => ("s3:DeleteObjectTagging", NAME),
        (About::DeleteTags, true) => ("s3:DeleteObjectVersionTagging", NAME),
        (About::List, _) => ("s3:ListBucket", ""),
        (About::ListVersions, _) => ("s3:ListBucketVersions", ""),
        (About::Send, _) => ("sqs:SendMessage", ""),
        (About::Receive, _) => ("sqs:ReceiveMessage", ""),
        (other, _) => panic!("a session policy does not {other:?}"),
    };
    let arn = match wish.about {
        About::Send | About::Receive => format!("arn:aws:sqs:{REGION}:123456789012:orders"),
        _ if arn.is_empty() => "arn:aws:s3:::media-uploads".to_owned(),
        _ => format!("arn:aws:s3:::media-uploads/{arn}"),
    };
    let mut asked = Asked::new(action, arn);
    for (says, key, value) in [
        (versioned, "s3:versionid", "17"),
        (wish.about == About::Create, "s3:if-none-match", "*"),
        (matches!(wish.about, About::List | About::ListVersions), "s3:prefix", crate::wish::FOLDER),
        (wish.has(Ask::PageSize), "s3:max-keys", "100"),
        (wish.has(Ask::ProviderKeys), "s3:x-amz-server-side-encryption", "AES256"),
        (wish.has(Ask::StorageClass), "s3:x-amz-storage-class", crate::wish::CLASS),
    ] {
        if says {
            asked = asked.with(key, value);
        }
    }
    asked
}

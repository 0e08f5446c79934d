//! Requests about messages: what they say, and the three forms of them.

use super::queue::Queue;
use crate::{
    aws::{Call, Request, UrlRequest, query},
    encode,
    error::IssueError,
    grant::{Action, Constraint, ContentType, Grant, Justification, Lifetime, Resource, Size, plan::Form},
    mac::Sha256,
};
use alloc::{format, string::String, vec::Vec};
use core::fmt;

const JSON: &str = "application/x-amz-json-1.0";
/// The most of a message that goes into a URL, once it is encoded: what servers and proxies read of a target.
const MAX_IN_URL: usize = 8 << 10;
/// The name of this token form in errors.
const FORM: &str = Form::SqsRequest.name();

fn invalid(what: &'static str, why: &'static str) -> IssueError {
    IssueError::Invalid { what, why }
}

fn not_enforceable(constraint: Constraint, instead: &'static str) -> IssueError {
    IssueError::NotEnforceable { constraint, form: FORM, instead }
}

/// A request about the messages of one queue.
///
/// ```
/// use valet_key::aws::{SigV4, StaticKey, sqs::{MessageRequest, Queue}};
/// use valet_key::{clock::Timestamp, grant::Grant};
///
/// let now = Timestamp::parse_iso_basic("20261124T120000Z")?;
/// let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
/// let queue = Queue::new("123456789012", "orders", "eu-west-1")?;
///
/// let url = key.presign(&MessageRequest::receive(&queue).max_messages(10).wait_seconds(20).in_url()?, now)?;
/// assert!(url.expose().starts_with("https://sqs.eu-west-1.amazonaws.com/123456789012/orders?Action=ReceiveMessage&"));
/// assert_eq!(url.expires_at().to_string(), "2026-11-24T12:15:00Z");
///
/// let call = MessageRequest::send(&queue, "4711 shipped").as_json()?;
/// assert_eq!(call.url()?, "https://sqs.eu-west-1.amazonaws.com/");
/// let headers = call.sign(&key, now)?;
/// assert!(headers.authorization().contains("SignedHeaders=content-type;host;x-amz-date;x-amz-target"));
///
/// // The same from a grant.
/// let grant = Grant::receive("123456789012/orders");
/// assert!(key.presign(&MessageRequest::receive_as(&grant, "eu-west-1")?.in_url()?, now).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct MessageRequest {
    pub(super) queue: Queue,
    pub(super) what: What,
    grant: Option<Grant>,
    justification: Option<Justification>,
}

#[derive(Clone)]
pub(super) enum What {
    Send {
        body: String,
        delay: Option<u32>,
        group: Option<String>,
        deduplication: Option<String>,
        attributes: Vec<(String, String)>,
    },
    Receive {
        max: Option<u32>,
        wait: Option<u32>,
        visibility: Option<u32>,
        all_attributes: bool,
    },
    Delete {
        receipt_handle: String,
    },
}

impl MessageRequest {
    const fn new(queue: Queue, what: What) -> Self {
        Self { queue, what, grant: None, justification: None }
    }

    /// Sends exactly this message: 1 byte to 1 MiB of text without control characters but tab and line ends.
    #[must_use]
    pub fn send(queue: &Queue, body: impl Into<String>) -> Self {
        let what =
            What::Send { body: body.into(), delay: None, group: None, deduplication: None, attributes: Vec::new() };
        Self::new(queue.clone(), what)
    }

    /// Receives messages, one unless told otherwise.
    #[must_use]
    pub fn receive(queue: &Queue) -> Self {
        let what = What::Receive { max: None, wait: None, visibility: None, all_attributes: false };
        Self::new(queue.clone(), what)
    }

    /// Deletes the message that was received with this handle.
    #[must_use]
    pub fn delete(queue: &Queue, receipt_handle: impl Into<String>) -> Self {
        Self::new(queue.clone(), What::Delete { receipt_handle: receipt_handle.into() })
    }

    /// The request to send this message that a grant allows, on the queue that it names as `<account>/<name>` or by its ARN.
    ///
    /// Size and SHA-256 of the grant are held against the message, which the signature fixes.
    ///
    /// # Errors
    /// [`IssueError::NotEnforceable`] for whatever a signed request cannot enforce, a lifetime of less than 15 minutes among
    /// it, and [`IssueError::Invalid`] for a queue that cannot be or a message that the grant does not allow.
    pub fn send_as(grant: &Grant, region: &str, body: impl Into<String>) -> Result<Self, IssueError> {
        let request = Self::send(&Queue::of(grant, region)?, body);
        request.held_to(grant, Action::Send)
    }

    /// The request to receive that a grant allows, on the queue that it names as `<account>/<name>` or by its ARN.
    ///
    /// # Errors
    /// As [`send_as`](Self::send_as).
    pub fn receive_as(grant: &Grant, region: &str) -> Result<Self, IssueError> {
        Self::receive(&Queue::of(grant, region)?).held_to(grant, Action::Receive)
    }

    fn held_to(mut self, grant: &Grant, action: Action) -> Result<Self, IssueError> {
        grant.lowered(|grant| self.check_grant(grant, action))?;
        self.justification.clone_from(&grant.justification);
        self.grant = Some(grant.clone());
        Ok(self)
    }

    /// Whether it is what a grant allows, which its signature then fixes.
    fn check_grant(&self, grant: &Grant, action: Action) -> Result<(), IssueError> {
        grant.refuse_misplaced(not_enforceable)?;
        let refuse = |constraint, instead| Err(not_enforceable(constraint, instead));
        if grant.actions.only() != Some(action) {
            return refuse(Constraint::Action, "it is one action: make a request for each, or a session policy");
        }
        if grant.resource != Resource::Queue {
            return refuse(Constraint::Resource, "it is for a queue: see `Grant::send` and `Grant::receive`");
        }
        if grant.lifetime < Lifetime::DEFAULT {
            return refuse(
                Constraint::Lifetime,
                "SQS takes every signed request for 15 minutes: say so, or a session policy ends when it should",
            );
        }
        let typed = matches!(grant.content_type, Some(ContentType::Exact(_) | ContentType::Prefix(_)));
        let (session, objects) = ("a session policy can", "it applies to objects and not to messages");
        let asked = [
            (grant.client_address.is_some(), Constraint::ClientAddress, session),
            (grant.not_before.is_some(), Constraint::NotBefore, session),
            (grant.single_use, Constraint::SingleUse, "a gateway with replay protection can"),
            (typed, Constraint::ContentType, objects),
            (grant.encryption.is_some(), Constraint::Encryption, objects),
            (grant.storage_class.is_some(), Constraint::StorageClass, objects),
            (!grant.metadata.is_empty(), Constraint::Metadata, objects),
            (!grant.response_headers.is_empty(), Constraint::ResponseHeaders, objects),
            (grant.request_id.is_some(), Constraint::RequestId, "SQS gives each message an id of its own"),
        ];
        if let Some((_, constraint, instead)) = asked.into_iter().find(|(asked, ..)| *asked) {
            return refuse(constraint, instead);
        }
        match (&self.what, &grant.size, &grant.sha256) {
            (What::Send { body, .. }, size, digest) => {
                let length = body.len() as u64;
                let fits = !matches!(size, Some(Size::Range(bytes)) if !bytes.contains(&length));
                let is_it = digest.is_none_or(|digest| digest == Sha256::digest(body.as_bytes()));
                if !(fits && is_it) {
                    return Err(invalid("message body", "it has not the size or the digest that the grant says"));
                }
            }
            (_, Some(Size::Range(_)), _) => return refuse(Constraint::Size, "it applies to sending only"),
            (_, _, Some(_)) => return refuse(Constraint::Checksum, "it applies to sending only"),
            _ => {}
        }
        Ok(())
    }

    /// Sends with a delay of 0 to 900 seconds. Without effect on other requests.
    #[must_use]
    pub const fn delay_seconds(mut self, seconds: u32) -> Self {
        if let What::Send { delay, .. } = &mut self.what {
            *delay = Some(seconds);
        }
        self
    }

    /// Sends as part of this group: required for a `.fifo` queue. Without effect on other requests.
    #[must_use]
    pub fn group(mut self, id: impl Into<String>) -> Self {
        if let What::Send { group, .. } = &mut self.what {
            *group = Some(id.into());
        }
        self
    }

    /// Sends once with this id, within five minutes, to a `.fifo` queue. What that stops is a replay of this request within
    /// those five minutes. Without effect on other requests.
    #[must_use]
    pub fn deduplication_id(mut self, id: impl Into<String>) -> Self {
        if let What::Send { deduplication, .. } = &mut self.what {
            *deduplication = Some(id.into());
        }
        self
    }

    /// Sends with a text attribute, of which there can be ten. Without effect on other requests.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        if let What::Send { attributes, .. } = &mut self.what {
            attributes.push((name.into(), value.into()));
        }
        self
    }

    /// Receives up to this many messages, 1 to 10. Without effect on other requests.
    #[must_use]
    pub const fn max_messages(mut self, count: u32) -> Self {
        if let What::Receive { max, .. } = &mut self.what {
            *max = Some(count);
        }
        self
    }

    /// Waits for messages, 0 to 20 seconds. Without effect on other requests.
    #[must_use]
    pub const fn wait_seconds(mut self, seconds: u32) -> Self {
        if let What::Receive { wait, .. } = &mut self.what {
            *wait = Some(seconds);
        }
        self
    }

    /// Hides what was received from others, for 0 to 43,200 seconds. Without effect on other requests.
    #[must_use]
    pub const fn visibility_timeout(mut self, seconds: u32) -> Self {
        if let What::Receive { visibility, .. } = &mut self.what {
            *visibility = Some(seconds);
        }
        self
    }

    /// Receives all attributes with each message. Without effect on other requests.
    #[must_use]
    pub const fn all_attributes(mut self) -> Self {
        if let What::Receive { all_attributes, .. } = &mut self.what {
            *all_attributes = true;
        }
        self
    }

    /// Says why it is broader than the default: for a queue without HTTPS. A grant brings its own reason with it.
    #[must_use]
    pub fn because(mut self, why: Justification) -> Self {
        self.justification = Some(why);
        self
    }

    /// As a URL, to be presigned. It lives for 15 minutes; more cannot be asked for, and less would not be true.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for what SQS does not take, and for a message of more than 8 KiB once it is encoded.
    pub fn in_url(&self) -> Result<UrlRequest, IssueError> {
        if let What::Send { body, .. } = &self.what
            && encode::component(body.as_bytes()).map(str::len).sum::<usize>() > MAX_IN_URL
        {
            return Err(invalid("message body", "it is too long for a URL: sign it in the headers"));
        }
        let params = self.params()?;
        let request = params.into_query(self.request("GET")?.path(self.queue.path()));
        let url = UrlRequest::new(request);
        Ok(match &self.grant {
            Some(grant) => {
                let url = url.lives(grant.lifetime).capped(grant.classification.cap());
                url.because(self.justification.clone())
            }
            None => url,
        })
    }

    /// As a form of the query protocol, to be signed in its headers.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for what SQS does not take, and [`IssueError::Unjustified`] for a grant without a reason whose
    /// class does not allow the 15 minutes for which SQS takes it.
    pub fn as_form(&self) -> Result<Call, IssueError> {
        self.check_class()?;
        let request = self.request("POST")?.path(self.queue.path());
        Ok(Call::new(request, query::FORM, None, self.params()?.into_form()))
    }

    /// As JSON 1.0, to be signed in its headers.
    ///
    /// # Errors
    /// As [`as_form`](Self::as_form).
    pub fn as_json(&self) -> Result<Call, IssueError> {
        self.check_class()?;
        self.check()?;
        let target = format!("AmazonSQS.{}", self.action());
        Ok(Call::new(self.request("POST")?, JSON, Some(target), self.json()))
    }

    /// A call says nothing of its life, so that nothing behind this looks at the class of the grant.
    fn check_class(&self) -> Result<(), IssueError> {
        let is_short = |grant: &Grant| grant.classification.cap() < Lifetime::DEFAULT && grant.justification.is_none();
        if self.grant.as_ref().is_some_and(is_short) {
            return Err(IssueError::Unjustified { what: "a lifetime beyond the default" });
        }
        Ok(())
    }

    fn request(&self, method: &str) -> Result<Request, IssueError> {
        let request = Request::to(method, self.queue.origin.clone(), self.queue.region.clone(), "sqs")?;
        Ok(match self.justification.clone() {
            Some(why) => request.because(why),
            None => request,
        })
    }

    pub(super) const fn action(&self) -> &'static str {
        match self.what {
            What::Send { .. } => "SendMessage",
            What::Receive { .. } => "ReceiveMessage",
            What::Delete { .. } => "DeleteMessage",
        }
    }
}

impl fmt::Debug for MessageRequest {
    /// A message is the application's, and so not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageRequest")
            .field("queue", &self.queue.url())
            .field("action", &self.action())
            .finish_non_exhaustive()
    }
}

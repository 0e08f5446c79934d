//! Where tokens are handed out: each within the bounds of its user, within the rate, and on record before it leaves.

use crate::{
    audit::Log,
    cloud::{self, Cloud},
    options::Options,
    rules::{PLAIN_HTTP, Rule, upload_lifetime},
    traffic::Verdict,
};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::Arc,
};
use valet_key::{
    clock::SystemClock,
    error::{GrantError, IssueError},
    grant::{Constraint, ContentDisposition, Grant, Justification},
    issuer::{Ask, Denied, Gcra, Issued, Issuer, Limited, RateLimit, Refused, Subject},
    metrics::Counters,
    multi::{self, Token},
    policy::Decision,
    upload::UploadError,
};

/// Who asks, and from where.
pub(crate) struct Caller {
    pub(crate) subject: Subject,
    pub(crate) address: Option<IpAddr>,
}

/// One cloud to issue tokens for.
pub(crate) struct Place {
    pub(crate) cloud: Cloud,
    pub(crate) signer: multi::Cloud<'static>,
    /// For whole files.
    pub(crate) issuer: Issuer<multi::Cloud<'static>>,
    /// For what was allowed as a whole before: the requests of an upload in parts, and uploads that give something up.
    pub(crate) parts: Issuer<multi::Cloud<'static>>,
}

pub(crate) struct Desk {
    pub(crate) places: Vec<Place>,
    pub(crate) buckets: Vec<String>,
    pub(crate) rate: u32,
    pub(crate) metrics: Arc<Counters>,
}

/// Why somebody gets no token, or no further in an upload.
#[derive(Debug)]
pub(crate) enum Failure {
    Refused(Refused),
    Upload(UploadError),
    Asked(&'static str),
    NotFound(&'static str),
    /// The cloud did not do what it was asked for.
    Cloud(String),
}

impl From<Refused> for Failure {
    fn from(why: Refused) -> Self {
        Self::Refused(why)
    }
}

impl From<IssueError> for Failure {
    fn from(why: IssueError) -> Self {
        Self::Refused(why.into())
    }
}

impl From<GrantError> for Failure {
    fn from(_: GrantError) -> Self {
        Self::Asked("that is nothing that can be granted")
    }
}

impl From<UploadError> for Failure {
    fn from(why: UploadError) -> Self {
        Self::Upload(why)
    }
}

impl IntoResponse for Failure {
    /// The reason is for the record: whoever asked gets a status, a code, and when to come again.
    fn into_response(self) -> Response {
        let (status, told, reason, wait) = match self {
            Self::Refused(Refused::Limited(Limited::Later { seconds })) => {
                let told = format!("too many tokens: the next in {seconds} s");
                (StatusCode::TOO_MANY_REQUESTS, told, "rate_limited".to_owned(), Some(seconds))
            }
            Self::Refused(why) => {
                let status = match &why {
                    Refused::Bounds(_) | Refused::Refresh(_) | Refused::Issue(_) => StatusCode::FORBIDDEN,
                    _ => StatusCode::SERVICE_UNAVAILABLE,
                };
                (status, why.code().to_owned(), why.to_string(), None)
            }
            Self::Upload(why) => (StatusCode::CONFLICT, why.code().to_owned(), why.to_string(), None),
            Self::NotFound(why) => (StatusCode::NOT_FOUND, why.to_owned(), why.to_owned(), None),
            Self::Asked(why) => (StatusCode::BAD_REQUEST, why.to_owned(), why.to_owned(), None),
            Self::Cloud(why) => (StatusCode::BAD_GATEWAY, "the cloud refused".to_owned(), why, None),
        };
        let mut response = (status, Json(json!({ "error": told }))).into_response();
        if let Some(seconds) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(Verdict(reason));
        response
    }
}

impl Desk {
    pub(crate) fn new(places: &[Options], log: &Arc<Log>) -> Result<Self, String> {
        let options = places.first().ok_or("there is no cloud")?;
        let buckets = options.buckets.clone();
        let hour = valet_key::grant::Lifetime::minutes(60).map_err(|error| error.to_string())?;
        let rate = Gcra::new(options.rate, hour, options.rate).map_err(|error| error.to_string())?;
        // One rate and one log for all clouds.
        let (limit, metrics) = (Arc::new(RateLimit::new(rate)), Arc::new(Counters::new()));
        let issuer = |signer: &multi::Cloud<'static>, of_parts: bool| {
            let buckets = buckets.clone();
            let permit = move |subject: &Subject, grant: &Grant| permits(&buckets, subject, grant, of_parts);
            Issuer::new(signer.clone(), permit, Arc::clone(&limit), Arc::clone(log), SystemClock)
                .metrics(Arc::clone(&metrics))
        };
        let places = places.iter().map(|place| {
            let signer = cloud::signer(place)?;
            let (whole, parts) = (issuer(&signer, false), issuer(&signer, true));
            Ok(Place { cloud: place.cloud, signer, issuer: whole, parts })
        });
        let places = places.collect::<Result<_, String>>()?;
        Ok(Self { places, buckets, rate: options.rate, metrics })
    }

    /// The cloud that is asked for, or the only one there is.
    pub(crate) fn place(&self, asked: &Value) -> Result<usize, Failure> {
        let found = match (asked["cloud"].as_str(), self.places.as_slice()) {
            (None, [_]) => Some(0),
            (Some(id), places) => places.iter().position(|place| place.cloud.id() == id),
            (None, _) => None,
        };
        found.ok_or(Failure::Asked("there is no such cloud"))
    }
}

/// Whether a user may have what a grant allows.
fn permits(buckets: &[String], subject: &Subject, grant: &Grant, of_parts: bool) -> Result<(), Denied> {
    let bucket = grant.container();
    if !buckets.iter().any(|known| known == bucket) {
        return Err(Denied::new("bounds_container", "there is no such bucket"));
    }
    let bounds = Rule::of(bucket).bounds(bucket, subject.user(), of_parts);
    let bounds = bounds.map_err(|error| Denied::new(error.code(), error.to_string()))?;
    for decision in [bounds.permits(grant), bounds.permits_plain_http()] {
        if let Decision::Refused(why) = decision {
            return Err(Denied::new(why.code(), why.to_string()));
        }
    }
    Ok(())
}

impl Place {
    /// Hands out a token to read a file.
    pub(crate) fn issue(&self, caller: &Caller, grant: &Grant) -> Result<Issued<Token>, Failure> {
        Ok(self.issuer.issue(&caller.ask(grant))?)
    }

    /// Hands out a token for a whole file.
    pub(crate) fn issue_upload(&self, desk: &Desk, caller: &Caller, grant: Grant) -> Result<Issued<Token>, Failure> {
        self.must_permit(desk, caller, &grant)?;
        let grant = given_up(self.cloud, grant)?;
        // What is given up has no bounds any more, so that they were asked before.
        let issuer = if grant.given_up().next().is_some() { &self.parts } else { &self.issuer };
        Ok(issuer.issue(&caller.ask(&grant))?)
    }

    /// Whether the file as a whole may be uploaded; a refusal is on record.
    pub(crate) fn must_permit(&self, desk: &Desk, caller: &Caller, grant: &Grant) -> Result<(), Failure> {
        match permits(&desk.buckets, &caller.subject, grant, false) {
            Ok(()) => Ok(()),
            Err(denied) => match self.issuer.authorise(&caller.ask(grant)) {
                Err(refused) => Err(refused.into()),
                Ok(_) => Err(Refused::Bounds(denied).into()),
            },
        }
    }
}

impl Caller {
    pub(crate) fn ask<'a>(&'a self, grant: &'a Grant) -> Ask<'a> {
        let ask = Ask::new(&self.subject, grant);
        match self.address {
            Some(address) => ask.from(address),
            None => ask,
        }
    }
}

/// Leave to make one new file of that size and type.
pub(crate) fn upload(bucket: &str, key: &str, size: u64, content_type: &str) -> Result<Grant, Failure> {
    let class = Rule::of(bucket).class_of(content_type);
    let grant = Grant::create(bucket, key).exact_size(size).content_type(content_type).request_id(random_id());
    let lifetime = upload_lifetime(class, size)?;
    Ok(grant.classified(class).lives(lifetime).because(Justification::new(PLAIN_HTTP)?))
}

/// The same for this cloud: what no token of its key can enforce is given up by name, once the upload server has looked.
pub(crate) fn given_up(cloud: Cloud, grant: Grant) -> Result<Grant, Failure> {
    if cloud != Cloud::Azure {
        return Ok(grant);
    }
    let why =
        Justification::new("an account key of Azure signs neither size nor type nor id: this service has looked")?;
    let all = [Constraint::Size, Constraint::ContentType, Constraint::RequestId];
    all.into_iter().try_fold(grant, |grant, constraint| Ok(grant.unenforced(constraint, why.clone())?))
}

/// Leave to read one file, as a link that a browser follows: it sends no headers of ours, so that on Google's cloud, whose
/// request id is a header, it has none.
pub(crate) fn read(cloud: Cloud, log: &Log, bucket: &str, key: &str) -> Result<Grant, Failure> {
    let class = log.class_of(bucket, key).unwrap_or_else(|| Rule::of(bucket).class_of(""));
    let file_name = key.rsplit('/').next().unwrap_or_default();
    let grant = Grant::read(bucket, key)
        .disposition(&ContentDisposition::attachment(file_name))
        .classified(class)
        .lives(class.cap())
        .because(Justification::new(PLAIN_HTTP)?);
    Ok(if cloud == Cloud::Aws { grant.request_id(random_id()) } else { grant })
}

/// 128 bits that nobody guesses, as 32 digits: hashes under keys that the operating system has drawn.
pub(crate) fn random_id() -> String {
    let keyed = RandomState::new();
    format!("{:016x}{:016x}", keyed.hash_one(0), keyed.hash_one(1))
}

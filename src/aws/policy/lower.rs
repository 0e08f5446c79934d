//! How a grant becomes what a policy allows: actions on ARNs, under conditions.

use super::write::{Atom, Conditions, escaped};
use crate::{
    aws::{Endpoint, Region, canonical::S3_EXPRESS, s3::check_object_name, sqs::Queue},
    clock::Timestamp,
    error::IssueError,
    grant::{
        Action, Constraint, ContentType, Encryption, Grant, Lifetime, Listing, OnShortCredential, Resource, Size,
        plan::Form,
    },
    lifetime::{Bounds, effective},
    network::AddressRange,
    v4::{checks::check_id, listing},
};
use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

/// The name of this token form in errors.
const FORM: &str = Form::SessionPolicy.name();

pub(super) fn not_enforceable(constraint: Constraint, instead: &'static str) -> IssueError {
    IssueError::NotEnforceable { constraint, form: FORM, instead }
}

/// Why what is said when an upload begins cannot be held to.
const WHOLE: &str = "it applies to objects that are uploaded whole: a presigned URL that begins an upload can";

fn asked(asked: bool, constraint: Constraint, instead: &'static str) -> Result<(), IssueError> {
    if asked { Err(not_enforceable(constraint, instead)) } else { Ok(()) }
}

/// One grant on its way into a policy.
pub(super) struct Lowered<'a> {
    pub(super) grant: &'a Grant,
    pub(super) region: &'a Region,
    pub(super) https_only: bool,
}

/// The ARN of a bucket or access point, and what the ARNs of its objects begin with.
struct Bucket {
    arn: String,
    objects: String,
}

impl Lowered<'_> {
    /// When the grant ends by itself, which may be later than its session does if that was allowed.
    ///
    /// It stands in the policy even where the session is as long: that begins when STS is asked, and not now.
    pub(super) fn end(
        &self,
        session_ends: Timestamp,
        on_short: OnShortCredential,
        now: Timestamp,
    ) -> Result<Timestamp, IssueError> {
        let grant = self.grant;
        let bounds = Bounds {
            cap: grant.classification.cap(),
            is_justified: grant.justification.is_some(),
            maximum: Lifetime::WEEK,
            service: FORM,
        };
        effective(grant.lifetime, &bounds, Some(session_ends), on_short, now)?;
        now.checked_add(grant.lifetime.seconds()).ok_or(IssueError::TimeOverflow)
    }

    /// What the grant allows, each action for itself.
    pub(super) fn atoms(&self, ends: Timestamp) -> Result<Vec<Atom>, IssueError> {
        self.refuse_what_no_policy_can_carry()?;
        let conditions = self.shared_conditions(ends)?;
        match &self.grant.resource {
            Resource::Queue => self.on_queue(&conditions),
            Resource::Object { name, version } => self.on_one(name, version.as_deref(), &conditions),
            Resource::Prefix(prefix) => {
                if prefix.is_empty() || !(prefix.ends_with('/') || self.grant.open_prefix) {
                    let why = "it must not be empty, and must end with `/`: see `allow_open_prefix`";
                    return Err(IssueError::Invalid { what: "prefix", why });
                }
                self.check_segments(prefix)?;
                self.under(prefix, &conditions)
            }
            Resource::Part { .. } | Resource::MultipartUpload { .. } => Err(not_enforceable(
                Constraint::Resource,
                "IAM knows neither uploads nor parts: a presigned URL names one",
            )),
        }
    }

    fn refuse_what_no_policy_can_carry(&self) -> Result<(), IssueError> {
        let grant = self.grant;
        grant.refuse_misplaced(not_enforceable)?;
        let typed = matches!(grant.content_type, Some(ContentType::Exact(_) | ContentType::Prefix(_)));
        let (is_upload, is_queue) = (self.uploads(), grant.resource == Resource::Queue);
        let (size, header) = match (is_queue, is_upload) {
            (true, _) => ("a signed request that sends one message can", "it applies to objects only"),
            (_, true) => (
                "a POST policy can with `content-length-range`, a presigned URL with an exact size",
                "a presigned URL or a POST policy can",
            ),
            _ => ("it applies to uploads only", "it applies to uploads only"),
        };
        asked(matches!(grant.size, Some(Size::Range(_))), Constraint::Size, size)?;
        asked(typed, Constraint::ContentType, header)?;
        asked(grant.sha256.is_some(), Constraint::Checksum, if is_queue { size } else { header })?;
        asked(!grant.metadata.is_empty(), Constraint::Metadata, header)?;
        asked(!grant.response_headers.is_empty(), Constraint::ResponseHeaders, "a presigned URL that reads can")?;
        asked(grant.single_use, Constraint::SingleUse, "a gateway with replay protection can")?;
        asked(grant.request_id.is_some(), Constraint::RequestId, "a presigned URL can with a signed parameter")?;
        if is_upload && grant.size.is_none() {
            return Err(IssueError::Unbounded { constraint: Constraint::Size });
        }
        if is_upload && grant.content_type.is_none() {
            return Err(IssueError::Unbounded { constraint: Constraint::ContentType });
        }
        let by_key = matches!(grant.encryption, Some(Encryption::ManagedKey(_)));
        asked(by_key, Constraint::Encryption, "a presigned URL can; a session would need the use of the key as well")?;
        // SPEC: the header stands in the request that begins an upload in parts and not in those of its parts, and IAM knows
        // one action for both.
        let in_parts = [Action::StartMultipart, Action::UploadPart, Action::CompleteMultipart];
        let whole = is_upload && !in_parts.into_iter().any(|action| grant.actions.contains(action));
        asked(grant.encryption.is_some() && !whole, Constraint::Encryption, WHOLE)?;
        asked(grant.storage_class.is_some() && !whole, Constraint::StorageClass, WHOLE)
    }

    fn uploads(&self) -> bool {
        let has = |action| self.grant.actions.contains(action);
        has(Action::Upload) || has(Action::Create)
    }

    /// What each request must meet, whatever it does.
    fn shared_conditions(&self, ends: Timestamp) -> Result<Conditions, IssueError> {
        let mut conditions = Conditions::default();
        if self.https_only {
            conditions.add("Bool", "aws:SecureTransport", vec!["true".to_string()]);
        }
        if let Some(address) = &self.grant.client_address {
            let range = AddressRange::parse(address)
                .ok_or(IssueError::Invalid { what: "client address", why: AddressRange::FORM })?;
            conditions.add("IpAddress", "aws:SourceIp", range.networks());
        }
        if let Some(start) = self.grant.not_before {
            conditions.add("DateGreaterThanEquals", "aws:CurrentTime", vec![start.to_string()]);
        }
        conditions.add("DateLessThanEquals", "aws:CurrentTime", vec![ends.to_string()]);
        Ok(conditions)
    }

    fn bucket(&self) -> Result<Bucket, IssueError> {
        let container = &self.grant.container;
        let endpoint = Endpoint::aws(self.region.clone());
        // What is no bucket or access point of this region and partition has no place there.
        endpoint.locate(container)?;
        if endpoint.service_of(container) == S3_EXPRESS {
            let why =
                "a directory bucket knows sessions for all of it and nothing smaller: a presigned URL names one object";
            return Err(not_enforceable(Constraint::Resource, why));
        }
        if container.starts_with("arn:") {
            let arn = container.replacen(":accesspoint:", ":accesspoint/", 1);
            return Ok(Bucket { objects: format!("{arn}/object/"), arn });
        }
        let arn = format!("arn:{}:s3:::{container}", self.region.partition().as_str());
        Ok(Bucket { objects: format!("{arn}/"), arn })
    }

    fn check_segments(&self, name: &str) -> Result<(), IssueError> {
        if !self.grant.dot_segments && name.split('/').any(|segment| matches!(segment, "." | "..")) {
            let why = "a segment is `.` or `..`, which clients fold: see `allow_dot_segments`";
            return Err(IssueError::Invalid { what: "object name", why });
        }
        Ok(())
    }

    /// What is allowed on one object.
    pub(super) fn on_one(
        &self,
        name: &str,
        version: Option<&str>,
        conditions: &Conditions,
    ) -> Result<Vec<Atom>, IssueError> {
        check_object_name(name)?;
        self.check_segments(name)?;
        let bucket = self.bucket()?;
        let object = |action, conditions| Atom {
            action,
            arn: format!("{}{}", bucket.objects, escaped(name)),
            is_closed: true,
            prefix: None,
            conditions,
        };
        self.on_objects(version, conditions, object)
    }

    /// What is allowed on all whose names begin like this, which are all of them for the empty prefix.
    pub(super) fn under(&self, prefix: &str, conditions: &Conditions) -> Result<Vec<Atom>, IssueError> {
        if !prefix.is_empty() {
            check_object_name(prefix)?;
        }
        let bucket = self.bucket()?;
        let object = |action, conditions| Atom {
            action,
            arn: format!("{}{}", bucket.objects, escaped(prefix)),
            is_closed: false,
            prefix: None,
            conditions,
        };
        let mut atoms = self.on_objects(None, conditions, object)?;
        for action in self.grant.actions.iter() {
            let name = match action {
                Action::List => "s3:ListBucket",
                Action::ListVersions => "s3:ListBucketVersions",
                _ => continue,
            };
            let mut conditions = conditions.clone();
            if let Some(listing) = &self.grant.listing {
                narrow_listing(&mut conditions, action, listing)?;
            }
            let arn = bucket.arn.clone();
            let prefix = Some(escaped(prefix)).filter(|prefix| !prefix.is_empty());
            atoms.push(Atom { action: name, arn, is_closed: true, prefix, conditions });
        }
        Ok(atoms)
    }

    /// The actions on objects; those on the bucket are left to `under`.
    fn on_objects(
        &self,
        version: Option<&str>,
        conditions: &Conditions,
        object: impl Fn(&'static str, Conditions) -> Atom,
    ) -> Result<Vec<Atom>, IssueError> {
        let is_prefix = matches!(self.grant.resource, Resource::Prefix(_));
        let has = |action| self.grant.actions.contains(action);
        let mut atoms = Vec::new();
        for action in self.grant.actions.iter() {
            let (current, versioned) = match action {
                Action::List | Action::ListVersions if is_prefix => continue,
                Action::Read => ("s3:GetObject", Some("s3:GetObjectVersion")),
                // SPEC: one action allows both.
                Action::Head if has(Action::Read) => continue,
                Action::Head => {
                    let why = "IAM cannot tell metadata from content: a presigned URL can";
                    return Err(not_enforceable(Constraint::Action, why));
                }
                Action::Upload | Action::Create => ("s3:PutObject", None),
                Action::StartMultipart | Action::UploadPart | Action::CompleteMultipart if has(Action::Upload) => {
                    continue;
                }
                Action::StartMultipart | Action::UploadPart | Action::CompleteMultipart => {
                    let why =
                        "IAM cannot tell a part from a whole object: a presigned URL can, or a grant that uploads too";
                    return Err(not_enforceable(Constraint::Action, why));
                }
                Action::Delete => ("s3:DeleteObject", Some("s3:DeleteObjectVersion")),
                Action::Abort => ("s3:AbortMultipartUpload", None),
                Action::ListParts => ("s3:ListMultipartUploadParts", None),
                Action::ReadTags => ("s3:GetObjectTagging", Some("s3:GetObjectVersionTagging")),
                Action::WriteTags => ("s3:PutObjectTagging", Some("s3:PutObjectVersionTagging")),
                Action::DeleteTags => ("s3:DeleteObjectTagging", Some("s3:DeleteObjectVersionTagging")),
                Action::Copy => {
                    let why = "it would allow reading the source and any other upload as well: a presigned URL can";
                    return Err(not_enforceable(Constraint::Action, why));
                }
                Action::ListUploads => {
                    let why = "IAM knows no prefix of it: a presigned URL can";
                    return Err(not_enforceable(Constraint::Action, why));
                }
                _ => return Err(not_enforceable(Constraint::Action, "S3 has no such action")),
            };
            let mut conditions = conditions.clone();
            let name = match (version, versioned) {
                (None, _) => current,
                (Some(id), Some(versioned)) => {
                    check_id("version", id)?;
                    conditions.add("StringEquals", "s3:versionid", vec![escaped(id)]);
                    versioned
                }
                (Some(_), None) => {
                    return Err(not_enforceable(Constraint::Resource, "an upload makes a version of its own"));
                }
            };
            if current == "s3:PutObject" {
                self.describe_object(&mut conditions);
            }
            // Who may overwrite may also create.
            if action == Action::Create {
                conditions.add("Null", "s3:if-none-match", vec!["false".to_string()]);
            }
            atoms.push(object(name, conditions));
        }
        Ok(atoms)
    }

    fn describe_object(&self, conditions: &mut Conditions) {
        if self.grant.encryption.is_some() {
            conditions.add("StringEquals", "s3:x-amz-server-side-encryption", vec!["AES256".to_string()]);
        }
        if let Some(class) = &self.grant.storage_class {
            conditions.add("StringEquals", "s3:x-amz-storage-class", vec![escaped(class)]);
        }
    }

    pub(super) fn on_queue(&self, conditions: &Conditions) -> Result<Vec<Atom>, IssueError> {
        let queue = Queue::of(self.grant, self.region.as_str())?;
        let atom = |action: Action| {
            let action = match action {
                Action::Send => "sqs:SendMessage",
                Action::Receive => "sqs:ReceiveMessage",
                _ => {
                    return Err(not_enforceable(
                        Constraint::Action,
                        "a queue is for `Grant::send` and `Grant::receive`",
                    ));
                }
            };
            Ok(Atom { action, arn: queue.arn(), is_closed: true, prefix: None, conditions: conditions.clone() })
        };
        self.grant.actions.iter().map(atom).collect()
    }
}

/// What a listing asks for beside its prefix, as far as IAM has a key for it.
fn narrow_listing(conditions: &mut Conditions, action: Action, wanted: &Listing) -> Result<(), IssueError> {
    let words = listing::words(action).ok_or(not_enforceable(Constraint::Listing, "it applies to a listing"))?;
    let params = listing::params(&words, action, wanted).map_err(|why| not_enforceable(Constraint::Listing, why))?;
    for (name, value) in params.into_iter().flatten() {
        match name {
            "delimiter" => conditions.add("StringEquals", "s3:delimiter", vec![escaped(&value)]),
            "max-keys" => conditions.add("NumericLessThanEquals", "s3:max-keys", vec![value]),
            _ => {
                return Err(not_enforceable(
                    Constraint::Listing,
                    "a presigned URL fixes the page and how it is written",
                ));
            }
        }
    }
    Ok(())
}

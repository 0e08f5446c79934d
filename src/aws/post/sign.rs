//! Signing a form: prepared without a secret, finished with a signature.

use super::{
    MAX_FORM_DATA,
    fields::{ALGORITHM_FIELD, BUCKET, CREDENTIAL, DATE, KEY, POLICY, SIGNATURE, check_field, check_value, tagging},
};
use crate::{
    aws::{
        Endpoint, SigV4,
        canonical::{ALGORITHM, SECURITY_TOKEN, StringToSign},
        endpoint::check_bucket,
        key::{Credential, Scope, Signature, TokenKind},
        request::{check_s3_session, text_of},
        s3::check_object_name,
    },
    clock::Timestamp,
    encode,
    error::IssueError,
    grant::{Justification, Lifetime, OnShortCredential},
    lifetime::{Bounds, effective},
    origin::Origin,
    post::{
        FILE_NAME,
        form::PostForm,
        is_dotted,
        write::{Entry, Layout, Writer, check_entries},
    },
    secret::Secret,
};
use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, ops::RangeInclusive};

const SERVICE: &str = "s3";
/// As botocore lays a policy out.
const LAYOUT: Layout = Layout { comma: ", ", colon: ": ", expiration_first: true, escapes_dollar: true };

/// One upload by an HTML form: which object, in which bucket, under which conditions.
///
/// The fields of the form and the conditions of its policy come from this one description. A form that says
/// nothing about the size of its file is not made: see [`size`](Self::size).
///
/// ```
/// use valet_key::aws::{Endpoint, PostPolicy, Region, StaticKey};
/// use valet_key::{clock::Timestamp, grant::Grant};
///
/// let grant = Grant::upload("photos", "users/42/cat.jpg").content_type_prefix("image/").size(1..=1_048_576);
/// let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
/// let endpoint = Endpoint::aws(Region::new("eu-west-1")?);
/// let form = PostPolicy::at(&endpoint, &grant)?
///     .success_status(201)
///     .sign(&key, Timestamp::from_unix(1_700_000_000)?)?;
/// assert_eq!(form.url(), "https://photos.s3.eu-west-1.amazonaws.com/");
/// assert!(form.fields().any(|field| field == ("key", "users/42/cat.jpg")));
/// assert!(form.fields().any(|field| field == ("success_action_status", "201")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PostPolicy {
    origin: Origin,
    path: String,
    region: String,
    bucket: String,
    pub(super) key: Key,
    entries: Vec<Entry>,
    any_size: bool,
    tags: Vec<(String, String)>,
    open_prefix: bool,
    dot_segments: bool,
    pub(super) lifetime: Lifetime,
    pub(super) cap: Lifetime,
    on_short_credential: OnShortCredential,
    pub(super) justification: Option<Justification>,
}

#[derive(Clone, Debug)]
pub(super) enum Key {
    Exact(String),
    /// The name of the file follows.
    Prefix(String),
}

impl PostPolicy {
    /// A form that uploads one object of exactly this name. It lives for 15 minutes unless it is told
    /// otherwise.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for names that S3 does not take, for a name that holds `${filename}`, and for an
    /// access point, whose conditions are not documented.
    pub fn new(endpoint: &Endpoint, bucket: &str, object: &str) -> Result<Self, IssueError> {
        Self::to(endpoint, bucket, object, Key::Exact)
    }

    /// A form whose user controls the last part of the key: it uploads any number of objects whose names begin
    /// like this, each with the name of its file behind the prefix. The user may put in any other name there,
    /// with more `/` in it as well. Broader than one object, so it needs [`because`](Self::because).
    ///
    /// The prefix is not empty and ends with `/`, unless [`allow_open_prefix`](Self::allow_open_prefix) says
    /// otherwise.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn under(endpoint: &Endpoint, bucket: &str, prefix: &str) -> Result<Self, IssueError> {
        Self::to(endpoint, bucket, prefix, Key::Prefix)
    }

    fn to(endpoint: &Endpoint, bucket: &str, name: &str, key: fn(String) -> Key) -> Result<Self, IssueError> {
        check_object_name(name)?;
        if encode::any(name.as_bytes(), |byte| matches!(byte, b'\r' | b'\n')) {
            return Err(IssueError::Invalid { what: "object name", why: "a form field holds no CR and no LF" });
        }
        if name.contains(FILE_NAME) {
            let why = "`${filename}` in it would be replaced: see `under`";
            return Err(IssueError::Invalid { what: "object name", why });
        }
        check_bucket(bucket)?;
        let (origin, path) = endpoint.locate(bucket)?;
        Ok(Self {
            origin,
            // Path style names the bucket without a slash behind it.
            path: if path == "/" { path } else { path.trim_end_matches('/').to_owned() },
            region: endpoint.region().as_str().to_owned(),
            bucket: bucket.to_owned(),
            key: key(name.to_owned()),
            entries: Vec::new(),
            any_size: false,
            tags: Vec::new(),
            open_prefix: false,
            dot_segments: false,
            lifetime: Lifetime::DEFAULT,
            cap: Lifetime::DEFAULT,
            on_short_credential: OnShortCredential::Refuse,
            justification: None,
        })
    }

    /// What its policy has a condition on, beside bucket, key and signer.
    pub(in crate::aws) fn bound(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(|entry| entry.binds()).map(Entry::name)
    }

    /// One more field that the form must have with exactly this value, such as `acl` or `Cache-Control`.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.entries.push(Entry::Field(name.into(), value.into()));
        self
    }

    /// A field whose value the client chooses, as long as it begins like this. S3 refuses a form without it, also
    /// where any value will do.
    #[must_use]
    pub fn starts_with(mut self, name: impl Into<String>, prefix: impl Into<String>) -> Self {
        self.entries.push(Entry::StartsWith(name.into(), prefix.into(), None));
        self
    }

    /// The same with the value that the form starts out with. The client may change it within the condition.
    #[must_use]
    pub fn prefilled(mut self, name: impl Into<String>, prefix: impl Into<String>, value: impl Into<String>) -> Self {
        self.entries.push(Entry::StartsWith(name.into(), prefix.into(), Some(value.into())));
        self
    }

    /// The file has a size in this range, in bytes. Every form says this, unless [`any_size`](Self::any_size) waives
    /// it.
    #[must_use]
    pub fn size(mut self, bytes: RangeInclusive<u64>) -> Self {
        self.entries.push(Entry::Size(bytes));
        self
    }

    /// Waives the size of the file: broader than the default, so it needs [`because`](Self::because).
    #[must_use]
    pub const fn any_size(mut self) -> Self {
        self.any_size = true;
        self
    }

    /// Where S3 sends the browser after the upload, with `bucket`, `key` and `etag` in the query: an absolute HTTP
    /// or HTTPS URL.
    #[must_use]
    pub fn success_redirect(self, url: impl Into<String>) -> Self {
        self.field("success_action_redirect", url)
    }

    /// What S3 answers after the upload: 200 or 204 with nothing, 201 with an XML document.
    #[must_use]
    pub fn success_status(self, status: u16) -> Self {
        self.field("success_action_status", status.to_string())
    }

    /// A tag of the object: at most 10, with keys of 1 to 128 and values of up to 256 characters.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.push((key.into(), value.into()));
        self
    }

    /// Allows a prefix that ends within a name: `2026` also covers `20260-private/`. An empty one stays refused.
    #[must_use]
    pub const fn allow_open_prefix(mut self) -> Self {
        self.open_prefix = true;
        self
    }

    /// Allows `.` and `..` as whole segments of the name, which clients fold when they fetch the object.
    #[must_use]
    pub const fn allow_dot_segments(mut self) -> Self {
        self.dot_segments = true;
        self
    }

    /// Lives this long: 1 s to 604,800 s. More than 15 minutes needs [`because`](Self::because).
    #[must_use]
    pub const fn lives(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// What to do when the credential ends first.
    #[must_use]
    pub const fn on_short_credential(mut self, choice: OnShortCredential) -> Self {
        self.on_short_credential = choice;
        self
    }

    /// Says why the form is broader than the default: a prefix, any size, a long life, or plain HTTP.
    #[must_use]
    pub fn because(mut self, why: Justification) -> Self {
        self.justification = Some(why);
        self
    }

    /// Prepares the form: no secret, no I/O.
    ///
    /// # Errors
    /// [`IssueError::Unjustified`] for a prefix, a waived size, a long life or plain HTTP without a reason,
    /// [`IssueError::Unbounded`] for a form that says nothing about its size, [`IssueError::LifetimeTooLong`],
    /// [`IssueError::OutlivesCredential`], and [`IssueError::Invalid`] or [`IssueError::Reserved`] for fields
    /// that a form cannot have.
    pub fn prepare(&self, credential: &Credential, now: Timestamp) -> Result<PreparedForm, IssueError> {
        self.check_breadth()?;
        self.check_key()?;
        let tagging = tagging(&self.tags, &self.entries)?;
        check_entries(&self.entries, check_field)?;
        self.entries.iter().chain(&tagging).try_for_each(check_value)?;
        let bounds = Bounds {
            cap: self.cap,
            is_justified: self.justification.is_some(),
            maximum: Lifetime::WEEK,
            service: SERVICE,
        };
        let ends = credential.expires_at();
        let (_, expires_at) = effective(self.lifetime, &bounds, ends, self.on_short_credential, now)?;
        let scope = Scope::new(now, &self.region, SERVICE)?;
        let date = text_of(&now.iso_basic());
        let named = format!("{}/{scope}", credential.access_key_id());

        let mut form = Writer::new(&LAYOUT);
        for entry in self.entries.iter().chain(&tagging) {
            form.entry(entry);
        }
        form.exact(BUCKET, &self.bucket);
        match &self.key {
            Key::Exact(name) => {
                form.exact(KEY, name);
                form.field(KEY, name);
            }
            Key::Prefix(prefix) => {
                form.starts_with(KEY, prefix);
                form.field(KEY, &format!("{prefix}{FILE_NAME}"));
            }
        }
        if credential.token().is_some_and(|(kind, _)| kind == TokenKind::S3Session) {
            check_s3_session("s3")?;
        }
        let token = credential.session_token().map(|token| (SECURITY_TOKEN, token.expose().as_str()));
        let signer = [(ALGORITHM_FIELD, ALGORITHM), (CREDENTIAL, &named), (DATE, &date)];
        for (name, value) in signer.into_iter().chain(token) {
            form.exact(name, value);
            form.field(name, value);
        }
        let policy = form.policy(expires_at);
        let encoded = encode::base64(policy.as_bytes());
        form.field(POLICY, &encoded);
        let size = form.fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        if size + SIGNATURE.len() + 64 > MAX_FORM_DATA {
            return Err(IssueError::Invalid { what: "form", why: "S3 takes at most 20,480 bytes before the file" });
        }
        Ok(PreparedForm {
            url: format!("{}{}", self.origin, encode::path(self.path.as_bytes())),
            fields: form.fields.into_iter().map(|(name, value)| (name, Secret::new(value))).collect(),
            expires_at,
            string_to_sign: StringToSign::of_policy(&encoded),
            policy: Secret::new(policy),
            scope,
        })
    }

    /// Makes the form.
    ///
    /// # Errors
    /// Those of [`prepare`](Self::prepare), and [`IssueError::Key`].
    pub fn sign(&self, key: &(impl SigV4 + ?Sized), now: Timestamp) -> Result<PostForm, IssueError> {
        let prepared = self.prepare(key.credential(), now)?;
        let signature = key.sign(prepared.scope(), prepared.string_to_sign())?;
        Ok(prepared.finish(&signature))
    }

    /// Whatever is broader than one object of a stated size over HTTPS has a reason.
    fn check_breadth(&self) -> Result<(), IssueError> {
        let says_size = self.entries.iter().any(|entry| matches!(entry, Entry::Size(_)));
        if !says_size && !self.any_size {
            return Err(IssueError::Unbounded { constraint: crate::grant::Constraint::Size });
        }
        if says_size && self.any_size {
            return Err(IssueError::Invalid { what: "size", why: "it is given, and waived as well" });
        }
        let broader = [
            (!self.origin.is_https(), "plain HTTP"),
            (matches!(self.key, Key::Prefix(_)), "more than one object"),
            (self.any_size, "an upload of any size"),
        ];
        match broader.into_iter().find(|(broader, _)| *broader) {
            Some((_, what)) if self.justification.is_none() => Err(IssueError::Unjustified { what }),
            _ => Ok(()),
        }
    }

    fn check_key(&self) -> Result<(), IssueError> {
        if let Key::Prefix(prefix) = &self.key
            && !(prefix.ends_with('/') || self.open_prefix)
        {
            return Err(IssueError::Invalid {
                what: "prefix",
                why: "it must not be empty, and must end with `/`: see `allow_open_prefix`",
            });
        }
        let (Key::Exact(name) | Key::Prefix(name)) = &self.key;
        if !self.dot_segments && is_dotted(name) {
            return Err(IssueError::Invalid {
                what: "object name",
                why: "a segment is `.` or `..`, which clients fold: see `allow_dot_segments`",
            });
        }
        Ok(())
    }
}

impl fmt::Debug for PostPolicy {
    /// Values may hold a customer's encryption key, so they are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostPolicy")
            .field("origin", &self.origin)
            .field("bucket", &self.bucket)
            .field("key", &self.key)
            .field("conditions_on", &self.entries.iter().map(Entry::name).collect::<Vec<_>>())
            .field("lifetime", &self.lifetime)
            .field("justification", &self.justification)
            .finish_non_exhaustive()
    }
}

/// A form that lacks only its signature.
#[derive(Clone)]
pub struct PreparedForm {
    url: String,
    fields: Vec<(String, Secret<String>)>,
    expires_at: Timestamp,
    string_to_sign: StringToSign,
    policy: Secret<String>,
    scope: Scope,
}

impl PreparedForm {
    /// The scope that the signature belongs to.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// What to sign, with HMAC-SHA256 and the key derived for [`scope`](Self::scope): the policy in base64.
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        &self.string_to_sign
    }

    /// The policy, to compare with what the service says about it. With temporary credentials it holds their
    /// session token, so do not log it.
    #[must_use]
    pub fn expose_policy(&self) -> &str {
        self.policy.expose()
    }

    /// Adds the signature.
    #[must_use]
    pub fn finish(mut self, signature: &Signature) -> PostForm {
        let hex = text_of(&signature.hex());
        self.fields.push((SIGNATURE.to_owned(), Secret::new(hex)));
        PostForm { url: self.url, fields: self.fields, expires_at: self.expires_at }
    }
}

impl fmt::Debug for PreparedForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedForm")
            .field("url", &self.url)
            .field("scope", &self.scope)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

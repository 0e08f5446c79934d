//! Signing a form: prepared without a secret, finished with a signature.

use super::{ALGORITHM, CREDENTIAL, DATE, KEY, POLICY, SIGNATURE, is_field};
use crate::{
    clock::Timestamp,
    encode,
    error::{IssueError, KeyError},
    gcs::{
        Endpoint, GoogV4,
        canonical::{LENGTH_RANGE, StringToSign, is_amazons},
        endpoint::check_object,
        key::{Algorithm, Credential, Scope, Signature, push_hex},
        sign::{SERVICE, dot_segment},
        storage::refuse_what_no_url_can_carry,
    },
    grant::{
        Action, Constraint, ContentType, Encryption, Grant, Justification, Lifetime, OnShortCredential, Resource, Size,
        plan::Form,
    },
    lifetime::{Bounds, effective},
    origin::Origin,
    post::{
        FILE_NAME,
        form::PostForm,
        is_dotted,
        write::{Entry, Layout, Writer, check_entries},
    },
    secret::Secret,
    v4::single_use::refuse_single_use,
};
use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use core::{fmt, ops::RangeInclusive};

/// The name of this token form in errors.
const FORM: &str = Form::GcsPostPolicy.name();

/// One upload by an HTML form: which object, in which bucket, under which conditions.
///
/// ```
/// use valet_key::gcs::{Endpoint, HmacKey, PostPolicy};
/// use valet_key::{clock::Timestamp, grant::Grant};
///
/// let grant = Grant::upload("photos", "users/42/cat.jpg").content_type_prefix("image/").size(1..=1_048_576);
/// let key = HmacKey::new("GOOG1EXAMPLE", "secret")?;
/// let form = PostPolicy::at(&Endpoint::google(), &grant)?.sign(&key, Timestamp::from_unix(1_700_000_000)?)?;
/// assert_eq!(form.url(), "https://storage.googleapis.com/photos/");
/// assert!(form.fields().any(|field| field == ("key", "users/42/cat.jpg")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PostPolicy {
    origin: Origin,
    bucket_path: String,
    bucket: String,
    key: Key,
    entries: Vec<Entry>,
    any_size: bool,
    location: String,
    lifetime: Lifetime,
    cap: Lifetime,
    on_short_credential: OnShortCredential,
    dot_segments: bool,
    justification: Option<Justification>,
}

#[derive(Clone, Debug)]
enum Key {
    Exact(String),
    /// The name of the file follows.
    Prefix(String),
    /// The name of the file stands in it, and the policy names it as it is.
    Template(String),
}

/// As Google's Python library lays a policy out.
const LAYOUT: Layout = Layout { comma: ",", colon: ":", expiration_first: false, escapes_dollar: false };

impl PostPolicy {
    /// A form that uploads one object of exactly this name. It lives for 15 minutes unless it is told
    /// otherwise.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for names that Cloud Storage does not take.
    pub fn new(endpoint: &Endpoint, bucket: &str, object: &str) -> Result<Self, IssueError> {
        check_key(object)?;
        Self::to(endpoint, bucket, Key::Exact(object.to_owned()))
    }

    /// A form that uploads any number of objects whose names begin like this, each with the name of its file
    /// behind the prefix: broader than one object, so it needs [`because`](Self::because).
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn under(endpoint: &Endpoint, bucket: &str, prefix: &str) -> Result<Self, IssueError> {
        check_key(prefix)?;
        Self::to(endpoint, bucket, Key::Prefix(prefix.to_owned()))
    }

    /// A form whose key holds `${filename}`, and whose policy has that very text as an exact condition, as
    /// Google's Python library writes it. Servers that put the name of the file in before they look at the
    /// policy refuse it; [`under`](Self::under) works with both. It needs [`because`](Self::because).
    ///
    /// # Errors
    /// As [`new`](Self::new), and if the key does not hold `${filename}`.
    pub fn template(endpoint: &Endpoint, bucket: &str, key: &str) -> Result<Self, IssueError> {
        check_object(key)?;
        if !key.contains(FILE_NAME) {
            return Err(IssueError::Invalid { what: "key", why: "it must hold `${filename}`" });
        }
        Self::to(endpoint, bucket, Key::Template(key.to_owned()))
    }

    fn to(endpoint: &Endpoint, bucket: &str, key: Key) -> Result<Self, IssueError> {
        let (origin, bucket_path) = endpoint.locate(bucket)?;
        Ok(Self {
            origin,
            bucket_path,
            bucket: bucket.to_owned(),
            key,
            entries: Vec::new(),
            any_size: false,
            location: "auto".to_owned(),
            lifetime: Lifetime::DEFAULT,
            cap: Lifetime::DEFAULT,
            on_short_credential: OnShortCredential::Refuse,
            dot_segments: false,
            justification: None,
        })
    }

    /// The form that allows exactly this grant: an upload of one object, or of any under a prefix.
    ///
    /// # Errors
    /// [`IssueError::NotEnforceable`] for whatever a POST policy cannot enforce, [`IssueError::Unbounded`]
    /// for a grant that neither says nor waives size and type, and [`IssueError::Invalid`] for names that
    /// Cloud Storage does not take.
    pub fn at(endpoint: &Endpoint, grant: &Grant) -> Result<Self, IssueError> {
        grant.lowered(|grant| Self::lower(endpoint, grant))
    }

    fn lower(endpoint: &Endpoint, grant: &Grant) -> Result<Self, IssueError> {
        refuse_what_no_url_can_carry(grant, not_enforceable)?;
        refuse_single_use(grant, not_enforceable)?;
        let asked = |asked: bool, constraint, instead| {
            if asked { Err(not_enforceable(constraint, instead)) } else { Ok(()) }
        };
        asked(
            grant.actions.only() != Some(Action::Upload),
            Constraint::Action,
            "a form uploads: a signed URL does the rest",
        )?;
        asked(grant.sha256.is_some(), Constraint::Checksum, "a signed URL can with `x-goog-content-sha256`")?;
        asked(!grant.response_headers.is_empty(), Constraint::ResponseHeaders, "it applies to reading an object only")?;
        asked(grant.request_id.is_some(), Constraint::RequestId, "a signed URL can with a signed header")?;
        let mut policy = match &grant.resource {
            Resource::Object { name, version: None } => Self::new(endpoint, &grant.container, name)?,
            Resource::Prefix(prefix) if prefix.ends_with('/') || grant.open_prefix => {
                Self::under(endpoint, &grant.container, prefix)?
            }
            Resource::Prefix(_) => {
                let why = "it must not be empty, and must end with `/`: see `allow_open_prefix`";
                return Err(IssueError::Invalid { what: "prefix", why });
            }
            _ => return Err(not_enforceable(Constraint::Resource, "a form creates one object, or any under a prefix")),
        };
        if grant.dot_segments {
            policy = policy.allow_dot_segments();
        }
        policy = match &grant.content_type {
            None => return Err(IssueError::Unbounded { constraint: Constraint::ContentType }),
            Some(ContentType::Any) => policy.starts_with("Content-Type", ""),
            Some(ContentType::Exact(exact)) => policy.field("Content-Type", exact.as_str()),
            Some(ContentType::Prefix(prefix)) => policy.starts_with("Content-Type", prefix.as_str()),
        };
        policy = match &grant.size {
            None => return Err(IssueError::Unbounded { constraint: Constraint::Size }),
            Some(Size::Any) => policy.any_size(),
            Some(Size::Range(bytes)) => policy.size(bytes.clone()),
        };
        if let Some(Encryption::ManagedKey(id)) = &grant.encryption {
            policy = policy.field("x-goog-encryption-kms-key-name", id.as_str());
        }
        if let Some(class) = &grant.storage_class {
            policy = policy.field("x-goog-storage-class", class.as_str());
        }
        for (name, value) in &grant.metadata {
            policy = policy.field(format!("x-goog-meta-{name}"), value.as_str());
        }
        policy.lifetime = grant.lifetime;
        policy.cap = grant.classification.cap();
        policy.justification.clone_from(&grant.justification);
        Ok(policy)
    }

    /// What its policy has a condition on, beside bucket, key and signer.
    pub(in crate::gcs) fn bound(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(|entry| entry.binds()).map(Entry::name)
    }

    /// One more field that the form must have with exactly this value, such as `success_action_redirect`.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.entries.push(Entry::Field(name.into(), value.into()));
        self
    }

    /// A field whose value the client chooses, as long as it begins like this.
    #[must_use]
    pub fn starts_with(mut self, name: impl Into<String>, prefix: impl Into<String>) -> Self {
        self.entries.push(Entry::StartsWith(name.into(), prefix.into(), None));
        self
    }

    /// The file has a size in this range, in bytes. Every form says this, unless [`any_size`](Self::any_size) waives
    /// it.
    #[must_use]
    pub fn size(mut self, bytes: RangeInclusive<u64>) -> Self {
        self.entries.push(Entry::Size(bytes));
        self
    }

    /// Waives the size of the file, which needs [`because`](Self::because).
    #[must_use]
    pub const fn any_size(mut self) -> Self {
        self.any_size = true;
        self
    }

    /// Allows `.` and `..` as whole segments of the name, which clients fold when they fetch the object.
    #[must_use]
    pub const fn allow_dot_segments(mut self) -> Self {
        self.dot_segments = true;
        self
    }

    /// Another location than `auto` in the credential scope.
    #[must_use]
    pub fn location(mut self, location: impl Into<String>) -> Self {
        self.location = location.into();
        self
    }

    /// Lives this long: 1 s to 604,800 s. More than 15 minutes needs [`because`](Self::because).
    #[must_use]
    pub const fn lives(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// What to do when the key ends first.
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
    /// [`IssueError::Unbounded`] for a form that neither says nor waives the size of its file,
    /// [`IssueError::Unjustified`] for a prefix, any size, a long life or plain HTTP without a reason,
    /// [`IssueError::LifetimeTooLong`], [`IssueError::OutlivesCredential`], and [`IssueError::Invalid`] or
    /// [`IssueError::Reserved`] for fields that a form cannot have.
    pub fn prepare(&self, credential: &Credential, now: Timestamp) -> Result<PreparedForm, IssueError> {
        let justified = self.justification.is_some();
        if !justified && !self.origin.is_https() {
            return Err(IssueError::Unjustified { what: "plain HTTP" });
        }
        if !justified && !matches!(self.key, Key::Exact(_)) {
            return Err(IssueError::Unjustified { what: "more than one object" });
        }
        let (Key::Exact(name) | Key::Prefix(name) | Key::Template(name)) = &self.key;
        if !self.dot_segments && is_dotted(name) {
            return Err(dot_segment());
        }
        check_entries(&self.entries, check_field)?;
        self.check_size()?;
        let bounds = Bounds { cap: self.cap, is_justified: justified, maximum: Lifetime::WEEK, service: SERVICE };
        let ends = credential.expires_at();
        let (_, expires_at) = effective(self.lifetime, &bounds, ends, self.on_short_credential, now)?;
        let scope = Scope::new(now, &self.location)?;
        let algorithm = credential.algorithm();
        let date = now.iso_basic().iter().copied().map(char::from).collect::<String>();
        let named = format!("{}/{scope}", credential.id());
        let key = match &self.key {
            Key::Exact(name) | Key::Template(name) => name.clone(),
            Key::Prefix(prefix) => format!("{prefix}{FILE_NAME}"),
        };

        let mut form = Writer::new(&LAYOUT);
        for entry in &self.entries {
            form.entry(entry);
        }
        form.exact("bucket", &self.bucket);
        match &self.key {
            Key::Exact(name) | Key::Template(name) => form.exact(KEY, name),
            Key::Prefix(prefix) => form.starts_with(KEY, prefix),
        }
        form.exact(DATE, &date);
        form.exact(CREDENTIAL, &named);
        form.exact(ALGORITHM, algorithm.as_str());
        let policy = form.policy(expires_at);

        let encoded = encode::base64(policy.as_bytes());
        for (name, value) in [
            (KEY, key.as_str()),
            (DATE, &date),
            (CREDENTIAL, &named),
            (ALGORITHM, algorithm.as_str()),
            (POLICY, &encoded),
        ] {
            form.field(name, value);
        }
        Ok(PreparedForm {
            url: format!("{}{}", self.origin, encode::path(self.bucket_path.as_bytes())),
            fields: form.fields,
            algorithm,
            expires_at,
            string_to_sign: StringToSign::of_policy(&encoded),
            policy,
            scope,
        })
    }

    /// A form says the size of its file, or waives it and says why.
    fn check_size(&self) -> Result<(), IssueError> {
        let says_size = self.entries.iter().any(|entry| matches!(entry, Entry::Size(_)));
        match (says_size, self.any_size) {
            (true, false) => Ok(()),
            (false, false) => Err(IssueError::Unbounded { constraint: Constraint::Size }),
            (true, true) => Err(IssueError::Invalid { what: "size", why: "it is given, and waived as well" }),
            (false, true) if self.justification.is_some() => Ok(()),
            (false, true) => Err(IssueError::Unjustified { what: "an upload of any size" }),
        }
    }

    /// Makes the form.
    ///
    /// # Errors
    /// Those of [`prepare`](Self::prepare), and [`IssueError::Key`].
    pub fn sign(&self, key: &impl GoogV4, now: Timestamp) -> Result<PostForm, IssueError> {
        let prepared = self.prepare(key.credential(), now)?;
        let signature = key.sign(prepared.scope(), prepared.string_to_sign())?;
        Ok(prepared.finish(&signature)?)
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

fn not_enforceable(constraint: Constraint, instead: &'static str) -> IssueError {
    IssueError::NotEnforceable { constraint, form: FORM, instead }
}

fn check_key(name: &str) -> Result<(), IssueError> {
    check_object(name)?;
    if name.contains(FILE_NAME) {
        return Err(IssueError::Invalid {
            what: "object name",
            why: "`${filename}` in it would be replaced: see `under`",
        });
    }
    Ok(())
}

fn check_field(name: &str) -> Result<(), IssueError> {
    let is = |other: &&str| name.eq_ignore_ascii_case(other);
    let reserved = [KEY, POLICY, ALGORITHM, CREDENTIAL, DATE, SIGNATURE, "bucket", "file", LENGTH_RANGE];
    if reserved.iter().any(is) {
        return Err(IssueError::Reserved { name: name.to_owned() });
    }
    if is_amazons(name) {
        return Err(IssueError::Invalid { what: "form field", why: "a form may not mix `x-amz-*` with `x-goog-*`" });
    }
    if crate::post::is_ignored(name) {
        return Err(IssueError::Invalid {
            what: "form field",
            why: "`x-ignore-*` is not checked: add it to the form only",
        });
    }
    if !is_field(name) {
        return Err(IssueError::Invalid { what: "form field", why: "Cloud Storage takes no field of that name" });
    }
    Ok(())
}

/// A form that lacks only its signature.
#[derive(Clone)]
pub struct PreparedForm {
    url: String,
    fields: Vec<(String, String)>,
    algorithm: Algorithm,
    expires_at: Timestamp,
    string_to_sign: StringToSign,
    policy: String,
    scope: Scope,
}

impl PreparedForm {
    /// The scope that the signature belongs to.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// What to sign: the policy in base64.
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        &self.string_to_sign
    }

    /// The policy, to compare with what the service says about it.
    #[must_use]
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// Adds the signature.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if it was made by another algorithm than the credential's.
    pub fn finish(self, signature: &Signature) -> Result<PostForm, KeyError> {
        let mut hex = String::with_capacity(512);
        push_hex(&mut hex, signature.of(self.algorithm)?.bytes());
        let mut fields: Vec<(String, Secret<String>)> =
            self.fields.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
        fields.push((SIGNATURE.to_owned(), Secret::new(hex)));
        Ok(PostForm { url: self.url, fields, expires_at: self.expires_at })
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

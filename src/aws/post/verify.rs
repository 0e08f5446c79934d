//! Verifying a form: what was presented, what is pending a signature, what was verified.
//!
//! The order is the server's: shape, scope, key, signature, and only then the policy. Nothing of a policy is read
//! before its signature is accepted.

use super::{
    ExpectForm, FormView, MAX_FORM_DATA,
    fields::{ALGORITHM_FIELD, BUCKET, CREDENTIAL, DATE, FILE, KEY, POLICY, RULES, SIGNATURE, SIZE, is},
};
use crate::{
    aws::{
        canonical::{ALGORITHM, Algorithm, CHECKSUM_SHA256, SECURITY_TOKEN, StringToSign},
        endpoint::check_bucket,
        fields::{CREDENTIAL_FORM, read_credential},
        key::{Credential, Scope, Signature, TokenKind, same_token},
        s3::check_object_name,
    },
    clock::Timestamp,
    encode,
    error::VerifyError,
    mac,
    post::{FILE_NAME, conditions::Policy, is_dotted, is_extension, is_ignored, shown},
    token::{Fingerprint, Verified},
    v4::{
        fields::{read_date, read_signature},
        payload::{HeldTo, PayloadCheck},
    },
};
use alloc::{borrow::Cow, format, string::String, vec::Vec};
use core::{fmt, ops::RangeInclusive};

/// The longest name of a file, and the longest value that one is put into.
const MAX_FILE_NAME: usize = 1024;
const MAX_VALUE: usize = 16 << 10;

/// A form that claims a signature: shape, size and fields were checked, nothing else.
///
/// Tells the access key id and the scope so that the caller can look the key up, in whatever way.
#[derive(Clone)]
pub struct PresentedForm<'r> {
    view: FormView<'r>,
    policy: &'r str,
    access_key_id: Cow<'r, str>,
    scope: Scope,
    signed_at: Timestamp,
    date: [u8; 16],
    signature: &'r [u8; 64],
    session_token: Option<&'r str>,
}

impl<'r> PresentedForm<'r> {
    /// Reads a form: at most 100 fields, and 20,480 bytes before the file. S3 counts the boundaries and part headers
    /// too, which only the caller's reader sees: see [`FormView::bytes_before_file`]. More than one file, or a field
    /// behind it, is also the reader's to refuse or pass over.
    ///
    /// # Errors
    /// [`VerifyError::NotSigned`] without policy, credential and signature, [`VerifyError::TooLarge`] past a
    /// limit, [`VerifyError::FormField`] for a field that is missing or cannot be read,
    /// [`VerifyError::Algorithm`], [`VerifyError::TwoMechanisms`] for a field of another scheme, and
    /// [`VerifyError::Malformed`] for a repeated field and for a bucket name that is none.
    pub fn parse(view: &FormView<'r>) -> Result<Self, VerifyError> {
        view.check_count()?;
        if view.size() > MAX_FORM_DATA {
            return Err(VerifyError::TooLarge { what: "form data", found: view.size(), limit: MAX_FORM_DATA });
        }
        if [POLICY, CREDENTIAL, SIGNATURE].iter().all(|field| view.value(field).is_none()) {
            return Err(VerifyError::NotSigned);
        }
        let foreign =
            |name: &str| is(name, &["AWSAccessKeyId", "GoogleAccessId", "signature"]) || is_extension(name, "x-goog-");
        if view.fields().iter().any(|(name, _)| foreign(name)) {
            return Err(VerifyError::TwoMechanisms { first: SIGNATURE, second: "a field of another scheme" });
        }
        view.check_fields()?;
        let malformed = |why| VerifyError::Malformed { what: "form", why };
        if view.value(FILE).is_some() {
            return Err(malformed("the file is among the fields before it"));
        }
        check_bucket(view.bucket()).map_err(|_| malformed("it was sent to what is no bucket name"))?;
        let one = |field| view.value(field).ok_or(VerifyError::FormField { field, problem: "is missing" });
        let form = |field, problem| VerifyError::FormField { field, problem };
        one(KEY)?;
        let (policy, algorithm) = (one(POLICY)?, one(ALGORITHM_FIELD)?);
        let (credential, date, signature) = (one(CREDENTIAL)?, one(DATE)?, one(SIGNATURE)?);
        if algorithm != ALGORITHM {
            return Err(VerifyError::Algorithm { field: ALGORITHM_FIELD, expected: ALGORITHM });
        }
        let (access_key_id, scope) = read_credential(Algorithm::HmacSha256, credential, false)
            .ok_or(VerifyError::FieldForm { field: CREDENTIAL, expected: CREDENTIAL_FORM })?;
        let (signed_at, date) =
            read_date(date.as_bytes()).ok_or_else(|| form(DATE, "is not a time in the form `YYYYMMDDTHHMMSSZ`"))?;
        let signature =
            read_signature(signature.as_bytes()).ok_or_else(|| form(SIGNATURE, "is not 64 lower-case hex digits"))?;
        let session_token = view.value(SECURITY_TOKEN);
        Ok(Self { view: *view, policy, access_key_id, scope, signed_at, date, signature, session_token })
    }

    /// The access key id that the form names. Nobody vouches for it yet.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The scope that the form names. Nobody vouches for it yet.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Checks what comes before the signature: scope and key.
    ///
    /// # Errors
    /// [`VerifyError::Scope`], [`VerifyError::ScopeDate`], and [`VerifyError::OtherKey`] if the form names another
    /// key than `credential`.
    pub fn check(
        self,
        credential: &Credential,
        expect: &ExpectForm,
        now: Timestamp,
    ) -> Result<PendingForm<'r>, VerifyError> {
        self.check_scope(expect)?;
        if self.access_key_id() != credential.access_key_id() {
            return Err(VerifyError::OtherKey);
        }
        Ok(self.pending(credential, expect, now))
    }

    /// Whoever signed it: the decoy of a key ring is asked about forms that name nobody it knows.
    pub(in crate::aws) fn pending(
        self,
        credential: &Credential,
        expect: &ExpectForm,
        now: Timestamp,
    ) -> PendingForm<'r> {
        let string_to_sign = StringToSign::of_policy(self.policy);
        PendingForm { form: self, credential: credential.clone(), expect: expect.clone(), string_to_sign, now }
    }

    /// The part of [`check`](Self::check) that is the same for every key.
    pub(in crate::aws) fn check_scope(&self, expect: &ExpectForm) -> Result<(), VerifyError> {
        for (part, expected, found) in
            [("region", expect.region.as_str(), self.scope.region()), ("service", "s3", self.scope.service())]
        {
            if expected != found {
                let (expected, found) = (String::from(expected), String::from(found));
                return Err(VerifyError::Scope { field: CREDENTIAL, part, expected, found });
            }
        }
        if self.scope.date_bytes() != self.date.get(..8).unwrap_or_default() {
            return Err(VerifyError::ScopeDate { field: CREDENTIAL, signed_at: self.signed_at });
        }
        Ok(())
    }

    fn check_credential(&self, credential: &Credential, now: Timestamp) -> Result<(), VerifyError> {
        let problem = match (credential.token(), self.session_token) {
            (Some((TokenKind::S3Session, _)), _) => Some("of the key is one of S3 Express One Zone"),
            (None, None) => None,
            (None, Some(_)) => Some("is not expected with a long-term key"),
            (Some(_), None) => Some("is missing"),
            (Some((_, ours)), Some(theirs)) => {
                (!same_token(ours, theirs.as_bytes())).then_some("is not that of the key")
            }
        };
        if let Some(problem) = problem {
            return Err(VerifyError::SessionToken { problem });
        }
        match credential.expires_at() {
            Some(ended_at) if now > ended_at => Err(VerifyError::CredentialExpired { ended_at, now }),
            _ => Ok(()),
        }
    }

    fn check_time(&self, policy: &Policy, expect: &ExpectForm, now: Timestamp) -> Result<(), VerifyError> {
        if now > policy.expires_at {
            return Err(VerifyError::Expired { expired_at: policy.expires_at, now });
        }
        let valid_from = self.signed_at.saturating_sub(expect.skew);
        if now < valid_from {
            return Err(VerifyError::NotYetValid { valid_from, now });
        }
        let maximum = i64::from(expect.max_lifetime.seconds());
        let lifetime = policy.expires_at.seconds_since(self.signed_at);
        if !(1..=maximum).contains(&lifetime) {
            let why = format!("it lives {lifetime} s from `{DATE}`, and 1 to {maximum} s are allowed");
            return Err(VerifyError::Policy { why });
        }
        Ok(())
    }

    /// The fields that conditions look at, with the name of the file put in first.
    fn fields(&self) -> Result<Fields<'r>, VerifyError> {
        let base_name = self.view.base_name();
        let counts = |name: &str| !is(name, &[POLICY, SIGNATURE]) && !is_ignored(name);
        let fields = self.view.fields().iter().filter(|(name, _)| counts(name));
        fields.map(|(name, value)| Ok((*name, expand(value, base_name)?))).collect::<Result<_, _>>().map(Fields)
    }

    fn check_fields(&self, fields: &Fields<'_>, policy: &Policy, expect: &ExpectForm) -> Result<(), VerifyError> {
        let refused = |why: String| Err(VerifyError::Policy { why });
        let bucket = self.view.bucket();
        policy.evaluate(|name| if is(name, &[BUCKET]) { Some(bucket) } else { fields.value(name) })?;
        // A policy that leaves the bucket open is good for every bucket of the signer. That algorithm, credential and
        // date are fixed needs no look: they are fields, so a condition covers each, and what is asked of them
        // is exact or never met.
        if !policy.fixes(BUCKET) {
            return refused(format!("no condition fixes `{BUCKET}`"));
        }
        if let Some((name, _)) = fields.0.iter().find(|(name, _)| !policy.covers(name)) {
            return refused(format!("extra input field `{}`", shown(name)));
        }
        if fields.value(BUCKET).is_some_and(|field| field != bucket) {
            return refused(format!("the field `{BUCKET}` is not the bucket of the URL"));
        }
        let key = fields.value(KEY).unwrap_or_default();
        check_object_name(key)
            .map_err(|_| VerifyError::Malformed { what: "object key", why: "it is not an object name" })?;
        if !expect.dot_segments && is_dotted(key) {
            return Err(VerifyError::Malformed { what: "object key", why: "a segment of it is `.` or `..`" });
        }
        Ok(())
    }
}

/// Puts the name of the file into a value.
fn expand<'r>(value: &'r str, file_name: Option<&str>) -> Result<Cow<'r, str>, VerifyError> {
    if !value.contains(FILE_NAME) {
        return Ok(Cow::Borrowed(value));
    }
    let malformed = |why| VerifyError::Malformed { what: "form", why };
    // Without a name some servers leave the text as it is, and some put in nothing.
    let name = file_name.ok_or(malformed("a field holds `${filename}`, and the file has no name"))?;
    let times = value.matches(FILE_NAME).count();
    if name.len() > MAX_FILE_NAME || name.len().saturating_mul(times).saturating_add(value.len()) > MAX_VALUE {
        return Err(malformed("the name of the file is too long for the field that it is put into"));
    }
    if encode::any(name.as_bytes(), |byte| matches!(byte, b'\r' | b'\n' | 0)) {
        return Err(malformed("the name of the file holds CR, LF or NUL"));
    }
    Ok(Cow::Owned(value.replace(FILE_NAME, name)))
}

/// Fields with the name of the file in them, each name once.
#[derive(Clone)]
struct Fields<'r>(Vec<(&'r str, Cow<'r, str>)>);

impl Fields<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_ref())
    }
}

impl fmt::Debug for PresentedForm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresentedForm")
            .field("bucket", &self.view.bucket())
            .field("access_key_id", &self.access_key_id)
            .field("scope", &self.scope)
            .field("signed_at", &self.signed_at)
            .finish_non_exhaustive()
    }
}

/// A form that lacks only the check of its signature, and of what that vouches for.
#[derive(Clone)]
pub struct PendingForm<'r> {
    form: PresentedForm<'r>,
    credential: Credential,
    expect: ExpectForm,
    string_to_sign: StringToSign,
    now: Timestamp,
}

impl<'r> PendingForm<'r> {
    /// The scope that the signature belongs to.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.form.scope
    }

    /// What was signed, if the signature is right: the text of the policy as it was sent.
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        &self.string_to_sign
    }

    /// Compares the presented signature with the expected one, in constant time, and then holds the form to the
    /// policy that was signed.
    ///
    /// # Errors
    /// [`VerifyError::SignatureMismatch`] if they differ. If they agree, [`VerifyError::SessionToken`] or
    /// [`VerifyError::CredentialExpired`] if the credential is not good; [`VerifyError::PolicyDocument`] if the
    /// policy is not strict JSON in padded base64, or cannot be read in one way only; [`VerifyError::Expired`] or
    /// [`VerifyError::NotYetValid`]; [`VerifyError::Policy`] if it lives too long, a condition is not met, a field
    /// is not covered, or it leaves bucket or signer open; [`VerifyError::Malformed`] for a key that is no object
    /// name, and for the name of a file that cannot be put into a field.
    pub fn accept(self, expected: &Signature) -> Result<Verified<SignedForm<'r>>, VerifyError> {
        let Self { form, credential, expect, now, .. } = self;
        if !mac::equal(&expected.hex(), form.signature) {
            return Err(VerifyError::SignatureMismatch);
        }
        // What is wrong with a credential is told only to those who hold its key.
        form.check_credential(&credential, now)?;
        let json = encode::from_base64(form.policy).and_then(|bytes| String::from_utf8(bytes).ok());
        let json = json.ok_or(VerifyError::PolicyDocument { why: "it is not text in padded base64" })?;
        let policy = Policy::parse(&json, &RULES)?;
        form.check_time(&policy, &expect, now)?;
        let fields = form.fields()?;
        form.check_fields(&fields, &policy, &expect)?;
        let checksum = match fields.value(CHECKSUM_SHA256) {
            None => None,
            Some(text) => Some(read_digest(text).ok_or(VerifyError::FormField {
                field: CHECKSUM_SHA256,
                problem: "is not a SHA-256 in padded base64",
            })?),
        };
        let (least, most) = policy.size().map_or((0, expect.max_size), RangeInclusive::into_inner);
        let size = least..=most.min(expect.max_size);
        Ok(Verified::new(SignedForm { form, fields, size, checksum, expires_at: policy.expires_at }))
    }
}

fn read_digest(text: &str) -> Option<[u8; 32]> {
    encode::from_base64(text)?.try_into().ok()
}

impl fmt::Debug for PendingForm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingForm").field("form", &self.form).finish_non_exhaustive()
    }
}

/// The facts about a form that its signature covers.
#[derive(Clone)]
pub struct SignedForm<'r> {
    form: PresentedForm<'r>,
    fields: Fields<'r>,
    size: RangeInclusive<u64>,
    checksum: Option<[u8; 32]>,
    expires_at: Timestamp,
}

impl<'r> SignedForm<'r> {
    /// Names the form for revocation, replay protection and audit: what [`PostForm::fingerprint`](super::PostForm::fingerprint)
    /// told when it was issued.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let digits = self.form.signature;
        // INVARIANT: what was accepted has hexadecimal digits alone.
        Fingerprint::of_hex(digits).unwrap_or_else(|| Fingerprint::of_signature(digits))
    }

    /// The bucket.
    #[must_use]
    pub const fn bucket(&self) -> &'r str {
        self.form.view.bucket()
    }

    /// The name of the object, with the name of the file put in.
    #[must_use]
    pub fn key(&self) -> &str {
        self.fields.value(KEY).unwrap_or_default()
    }

    /// The value of a field that a condition covers, with the name of the file put in.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.value(name)
    }

    /// Every such field, in the order of arrival. Among them are a session token and a customer's encryption key,
    /// so do not log them.
    pub fn fields(&self) -> impl Iterator<Item = (&'r str, &str)> {
        self.fields.0.iter().map(|(name, value)| (*name, value.as_ref()))
    }

    /// Who signed.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        self.form.access_key_id()
    }

    /// The scope that it was signed for.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        self.form.scope()
    }

    /// When it was signed, by the clock of the signer.
    #[must_use]
    pub const fn signed_at(&self) -> Timestamp {
        self.form.signed_at
    }

    /// The last second at which the same form is accepted again.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// How many bytes the file may have: what the policy allows and the store takes.
    #[must_use]
    pub const fn size(&self) -> &RangeInclusive<u64> {
        &self.size
    }

    /// Holds the file to its size and to a SHA-256 checksum among the fields. A reader stops as soon as the check
    /// [is too long](PayloadCheck::is_too_long), and stores nothing before it agrees.
    ///
    /// ```
    /// # use valet_key::aws::{Endpoint, ExpectForm, FormView, KeyRing, PostPolicy, PresentedForm, Region, StaticKey};
    /// # use valet_key::clock::Timestamp;
    /// use valet_key::aws::S3Error;
    ///
    /// # let now = Timestamp::from_unix(1_700_000_000)?;
    /// # let endpoint = Endpoint::aws(Region::new("eu-west-1")?);
    /// # let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
    /// let form = PostPolicy::new(&endpoint, "photos", "cat.jpg")?.size(2..=4).sign(&key, now)?;
    /// let fields: Vec<(&str, &str)> = form.fields().collect();
    /// let presented = PresentedForm::parse(&FormView::new("photos", &fields))?;
    /// let verified = KeyRing::new().with(key).verify_form(presented, &ExpectForm::new("eu-west-1"), now)?;
    ///
    /// let mut check = verified.payload_check();
    /// check.update(b"12345");
    /// assert!(check.is_too_long());
    /// assert_eq!(S3Error::from(&check.finish().unwrap_err()).code, "EntityTooLarge");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn payload_check(&self) -> PayloadCheck {
        PayloadCheck::new(HeldTo {
            size: Some((self.size.clone(), SIZE)),
            checksum: self.checksum.map(|digest| (digest, CHECKSUM_SHA256)),
            ..HeldTo::default()
        })
    }
}

impl fmt::Debug for SignedForm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedForm").field("form", &self.form).field("key", &self.key()).finish_non_exhaustive()
    }
}

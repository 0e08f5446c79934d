//! Verifying a form: what was presented, what is pending a signature, what was verified.

use super::{ALGORITHM, CREDENTIAL, DATE, FormView, KEY, POLICY, RULES, SIGNATURE};
#[cfg(feature = "rsa")]
use crate::gcs::rsa::PublicKey;
use crate::{
    clock::Timestamp,
    encode,
    error::VerifyError,
    gcs::{
        canonical::StringToSign,
        endpoint::{check_bucket, check_object},
        fields::{CREDENTIAL_FORM, SIGNATURE_FORM, is_signature},
        key::{Algorithm, Credential, Scope, Signature, push_hex, read_credential},
        verify::alive,
    },
    grant::Lifetime,
    mac,
    post::{FILE_NAME, conditions::Policy, is_dotted, is_ignored, shown},
    token::{Fingerprint, Verified},
    v4::{
        fields::read_date,
        payload::{HeldTo, PayloadCheck},
    },
};
use alloc::{borrow::Cow, format, string::String};
use core::{fmt, ops::RangeInclusive};

/// The largest policy in base64, and the longest value that are read.
const MAX_POLICY: usize = 16 << 10;
const MAX_VALUE: usize = 16 << 10;

/// What a verifier requires of the forms that it accepts.
#[derive(Clone, Debug)]
pub struct ExpectForm {
    skew: u32,
    max_lifetime: Lifetime,
    template_keys: bool,
    dot_segments: bool,
}

impl Default for ExpectForm {
    fn default() -> Self {
        Self::new()
    }
}

impl ExpectForm {
    /// The strictest reading of everything.
    #[must_use]
    pub const fn new() -> Self {
        Self { skew: 15 * 60, max_lifetime: Lifetime::WEEK, template_keys: false, dot_segments: false }
    }

    /// How far the clocks may differ, in seconds: at most 900, which is the default. It never extends
    /// the life of a form.
    #[must_use]
    pub const fn skew(mut self, seconds: u32) -> Self {
        self.skew = if seconds < 900 { seconds } else { 900 };
        self
    }

    /// The longest lifetime, at most a week, which is the default.
    #[must_use]
    pub fn max_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.max_lifetime = lifetime.min(Lifetime::WEEK);
        self
    }

    /// Holds the key to its conditions before the name of the file is put into it, not after. Then a policy
    /// for exactly `uploads/${filename}`, as Google's Python library writes it, allows every name there.
    #[must_use]
    pub const fn template_keys(mut self) -> Self {
        self.template_keys = true;
        self
    }

    /// Accepts `.` and `..` as whole segments of the key, which a client may put behind a prefix. Only for a store
    /// that takes them as names, as Cloud Storage does.
    #[must_use]
    pub const fn allow_dot_segments(mut self) -> Self {
        self.dot_segments = true;
        self
    }
}

/// A form that claims a signature: shape, size and fields were checked, nothing else.
#[derive(Clone)]
pub struct PresentedForm<'r> {
    view: FormView<'r>,
    sent_key: &'r str,
    key: Cow<'r, str>,
    policy: &'r str,
    algorithm: Algorithm,
    id: &'r str,
    scope: Scope,
    signed_at: Timestamp,
    date: [u8; 16],
    signature: &'r str,
}

impl<'r> PresentedForm<'r> {
    /// Reads a form: at most 100 fields of at most 16 KiB.
    ///
    /// # Errors
    /// [`VerifyError::NotSigned`] without a policy and a signature, [`VerifyError::TooLarge`] past a limit,
    /// [`VerifyError::FieldCount`] for a field that is missing or repeated, [`VerifyError::FieldForm`],
    /// [`VerifyError::Algorithm`], [`VerifyError::TwoMechanisms`], [`VerifyError::Malformed`] for a bucket
    /// or object name that is none.
    pub fn parse(view: &FormView<'r>) -> Result<Self, VerifyError> {
        view.check_count()?;
        if let Some((_, value)) = view.fields().iter().find(|(_, value)| value.len() > MAX_VALUE) {
            return Err(VerifyError::TooLarge { what: "form field", found: value.len(), limit: MAX_VALUE });
        }
        let form = |field, expected| VerifyError::FieldForm { field, expected };
        let one = |field| view.value(field).ok_or(VerifyError::FieldCount { field, found: 0 });
        let has = |field: &str| view.value(field).is_some();
        if !has(POLICY) && !has(SIGNATURE) {
            return Err(VerifyError::NotSigned);
        }
        let foreign = |name: &str| {
            crate::gcs::canonical::is_amazons(name)
                || ["AWSAccessKeyId", "GoogleAccessId", "signature"]
                    .iter()
                    .any(|other| name.eq_ignore_ascii_case(other))
        };
        if view.fields().iter().any(|(name, _)| foreign(name)) {
            return Err(VerifyError::TwoMechanisms { first: SIGNATURE, second: "a field of another scheme" });
        }
        view.check_fields()?;
        check_bucket(view.bucket())
            .map_err(|_| VerifyError::Malformed { what: "bucket", why: "it is not a bucket name" })?;
        let algorithm = Algorithm::parse(one(ALGORITHM)?)
            .ok_or(VerifyError::Algorithm { field: ALGORITHM, expected: "GOOG4-RSA-SHA256 or GOOG4-HMAC-SHA256" })?;
        let (id, scope) = read_credential(one(CREDENTIAL)?).ok_or_else(|| form(CREDENTIAL, CREDENTIAL_FORM))?;
        let (signed_at, date) = read_date(one(DATE)?.as_bytes()).ok_or_else(|| form(DATE, "`YYYYMMDDTHHMMSSZ`"))?;
        let signature = one(SIGNATURE)?;
        if !is_signature(signature, algorithm) {
            return Err(form(SIGNATURE, SIGNATURE_FORM));
        }
        let policy = one(POLICY)?;
        if policy.len() > MAX_POLICY {
            return Err(VerifyError::TooLarge { what: "policy", found: policy.len(), limit: MAX_POLICY });
        }
        let sent_key = one(KEY)?;
        let key = expand(sent_key, view.base_name())?;
        Ok(Self { view: *view, sent_key, key, policy, algorithm, id, scope, signed_at, date, signature })
    }

    /// The account or access id that the form names. Nobody vouches for it yet.
    #[must_use]
    pub const fn id(&self) -> &'r str {
        self.id
    }

    /// The algorithm that the form names. The key decides which one is right.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The scope that the form names. Nobody vouches for it yet.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Checks everything that needs no secret: scope and time, and that the policy can be read.
    ///
    /// # Errors
    /// [`VerifyError::OtherKey`] or [`VerifyError::Algorithm`] if the form names another key or algorithm
    /// than `credential`; [`VerifyError::ScopeDate`], [`VerifyError::NotYetValid`],
    /// [`VerifyError::Expired`], [`VerifyError::Lifetime`]; [`VerifyError::PolicyDocument`] if the policy cannot
    /// be read in one way only, [`VerifyError::Malformed`] for a key that clients fold.
    pub fn check(
        self,
        credential: &Credential,
        expect: &ExpectForm,
        now: Timestamp,
    ) -> Result<PendingForm<'r>, VerifyError> {
        if self.id != credential.id() {
            return Err(VerifyError::OtherKey);
        }
        if self.algorithm != credential.algorithm() {
            let expected = credential.algorithm().as_str();
            return Err(VerifyError::Algorithm { field: ALGORITHM, expected });
        }
        self.examine(credential.expires_at(), expect, now)
    }

    /// The same without a credential: for a form of somebody unknown, which costs what it would cost otherwise.
    pub(in crate::gcs) fn check_as_anybody(
        self,
        expect: &ExpectForm,
        now: Timestamp,
    ) -> Result<PendingForm<'r>, VerifyError> {
        self.examine(None, expect, now)
    }

    fn examine(
        self,
        key_ends: Option<Timestamp>,
        expect: &ExpectForm,
        now: Timestamp,
    ) -> Result<PendingForm<'r>, VerifyError> {
        if self.scope.date_bytes() != self.date.get(..8).unwrap_or_default() {
            return Err(VerifyError::ScopeDate { field: CREDENTIAL, signed_at: self.signed_at });
        }
        let json = encode::from_base64(self.policy).and_then(|bytes| String::from_utf8(bytes).ok());
        let json = json.ok_or(VerifyError::FieldForm { field: POLICY, expected: "JSON in padded base64" })?;
        let policy = Policy::parse(&json, &RULES)?;
        self.check_time(&policy, expect, now)?;
        if !expect.dot_segments && is_dotted(&self.key) {
            return Err(VerifyError::Malformed { what: "key", why: "a segment of it is `.` or `..`" });
        }
        let string_to_sign = StringToSign::of_policy(self.policy);
        Ok(PendingForm { form: self, policy, template_keys: expect.template_keys, string_to_sign, key_ends, now })
    }

    fn check_time(&self, policy: &Policy, expect: &ExpectForm, now: Timestamp) -> Result<(), VerifyError> {
        let maximum = expect.max_lifetime.seconds();
        let lifetime = policy.expires_at.seconds_since(self.signed_at);
        if !(1..=i64::from(maximum)).contains(&lifetime) {
            return Err(VerifyError::Lifetime { found: u32::try_from(lifetime.max(0)).unwrap_or(u32::MAX), maximum });
        }
        let valid_from = self.signed_at.saturating_sub(expect.skew);
        if now < valid_from {
            return Err(VerifyError::NotYetValid { valid_from, now });
        }
        if now > policy.expires_at {
            return Err(VerifyError::Expired { expired_at: policy.expires_at, now });
        }
        Ok(())
    }

    fn check_fields(&self, policy: &Policy, template_keys: bool) -> Result<(), VerifyError> {
        let refused = |why: String| Err(VerifyError::Policy { why });
        policy.evaluate(|name| {
            let before_expansion = template_keys && name.eq_ignore_ascii_case(KEY);
            if before_expansion { Some(self.sent_key) } else { self.value(name) }
        })?;
        // A policy that leaves the bucket open is good for every bucket of the signer, and one that leaves the
        // signer's fields open was not made for them.
        for field in ["bucket", DATE, CREDENTIAL, ALGORITHM] {
            if !policy.fixes(field) {
                return refused(format!("no condition fixes `{field}`"));
            }
        }
        if self.view.value("bucket").is_some_and(|field| field != self.view.bucket()) {
            return refused("the field `bucket` is not the bucket of the URL".into());
        }
        for (name, _) in self.view.fields() {
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            if is(POLICY) || is(SIGNATURE) || is_ignored(name) {
                continue;
            }
            if !policy.covers(name) {
                return refused(format!("extra input field `{}`", shown(name)));
            }
        }
        Ok(())
    }

    /// What a condition on that name looks at.
    fn value(&self, name: &str) -> Option<&str> {
        if name.eq_ignore_ascii_case("bucket") {
            return Some(self.view.bucket());
        }
        if name.eq_ignore_ascii_case(KEY) {
            return Some(&self.key);
        }
        self.view.value(name)
    }
}

/// Puts the name of the file into the key, before any condition looks at it.
fn expand<'r>(key: &'r str, file_name: Option<&str>) -> Result<Cow<'r, str>, VerifyError> {
    let malformed = |why| VerifyError::Malformed { what: "key", why };
    let key = if key.contains(FILE_NAME) {
        let name = file_name.ok_or(malformed("it holds `${filename}`, and the file has no name"))?;
        if name.is_empty() || key.len() > 1024 || name.len() > 1024 {
            return Err(malformed("the name of the file is empty or too long"));
        }
        Cow::Owned(key.replace(FILE_NAME, name))
    } else {
        Cow::Borrowed(key)
    };
    check_object(&key).map_err(|_| malformed("it is not an object name"))?;
    Ok(key)
}

impl fmt::Debug for PresentedForm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresentedForm")
            .field("bucket", &self.view.bucket())
            .field("algorithm", &self.algorithm)
            .field("id", &self.id)
            .field("scope", &self.scope)
            .field("signed_at", &self.signed_at)
            .finish_non_exhaustive()
    }
}

/// A form that lacks only the check of its signature.
#[derive(Clone)]
pub struct PendingForm<'r> {
    form: PresentedForm<'r>,
    policy: Policy,
    template_keys: bool,
    string_to_sign: StringToSign,
    key_ends: Option<Timestamp>,
    now: Timestamp,
}

impl<'r> PendingForm<'r> {
    /// The scope that the signature belongs to.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.form.scope
    }

    /// What was signed, if the signature is right.
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        &self.string_to_sign
    }

    /// Compares the presented signature with the expected one, in constant time.
    ///
    /// # Errors
    /// [`VerifyError::SignatureMismatch`] if they differ. If they agree,
    /// [`VerifyError::CredentialExpired`] if the key has ended, and [`VerifyError::Policy`] if a condition is not
    /// met, a field is not covered, or the policy leaves bucket or signer open.
    pub fn accept(self, expected: &Signature) -> Result<Verified<SignedForm<'r>>, VerifyError> {
        let mut hex = String::with_capacity(1024);
        push_hex(&mut hex, expected.of(self.form.algorithm)?.bytes());
        if !mac::equal(hex.as_bytes(), self.form.signature.as_bytes()) {
            return Err(VerifyError::SignatureMismatch);
        }
        self.verified()
    }

    /// Checks the presented signature with a public key of the account.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    #[cfg(feature = "rsa")]
    pub fn accept_public(self, key: &PublicKey) -> Result<Verified<SignedForm<'r>>, VerifyError> {
        let signature = hex::decode(self.form.signature).map_err(|_| VerifyError::SignatureMismatch)?;
        if self.form.algorithm != Algorithm::RsaSha256 {
            return Err(VerifyError::SignatureMismatch);
        }
        key.verify(self.string_to_sign.as_bytes(), &signature)?;
        self.verified()
    }

    /// INVARIANT: called only after the signature was found right.
    fn verified(self) -> Result<Verified<SignedForm<'r>>, VerifyError> {
        alive(self.key_ends, self.now)?;
        // Looking at each field for each condition takes its time, which only the signer's forms are worth.
        self.form.check_fields(&self.policy, self.template_keys)?;
        Ok(Verified::new(SignedForm { size: self.policy.size(), expires_at: self.policy.expires_at, form: self.form }))
    }
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
    size: Option<RangeInclusive<u64>>,
    expires_at: Timestamp,
}

impl<'r> SignedForm<'r> {
    /// Names the form for revocation, replay protection and audit: what [`PostForm::fingerprint`](super::PostForm::fingerprint)
    /// told when it was issued.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let digits = self.form.signature.as_bytes();
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
        &self.form.key
    }

    /// The value of a field that a condition covers.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        if is_ignored(name) { None } else { self.form.value(name) }
    }

    /// Who signed.
    #[must_use]
    pub const fn id(&self) -> &'r str {
        self.form.id
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

    /// How many bytes the file may have. Hold the file to it before it is stored.
    #[must_use]
    pub const fn size(&self) -> Option<&RangeInclusive<u64>> {
        self.size.as_ref()
    }

    /// Holds the file to its size.
    #[must_use]
    pub fn payload_check(&self) -> PayloadCheck {
        let size = self.size.clone().map(|size| (size, "content-length-range"));
        PayloadCheck::new(HeldTo { size, ..HeldTo::default() })
    }
}

impl fmt::Debug for SignedForm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedForm").field("form", &self.form).field("key", &self.key()).finish_non_exhaustive()
    }
}

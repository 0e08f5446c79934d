//! Verifying: what was presented, what is pending a signature, what was verified.

use super::{
    Expect, Plus, SignedRequest,
    addressed::{Addressed, check_path, has_decoded_dot_segment, is_utf8},
    canonical::{Field, StringToSign},
    facts::Facts,
    fields::{Own, Params, Short, fields_of, put_decoded, text},
    key::{Credential, Delegation, Signature, WEEK},
    operations::{Features, Level},
    permissions::Letters,
    read::{CAN_BE_EMPTY, Form},
    resource::{Kind, Service},
    stored_policy::{PolicyLookup, StoredPolicy},
    time::Moment,
    version::Version,
};
use crate::{
    clock::Timestamp,
    encode,
    error::VerifyError,
    mac::{self, Sink, Text},
    target::has_dot_segment,
    token::Verified,
    view::{Limits, RequestView},
};
use alloc::{string::String, vec::Vec};
use core::fmt;

/// Fields whose value is any text, or names of headers and parameters.
const CAN_HAVE_BLANK: u64 = CAN_BE_EMPTY | Field::Headers.bit() | Field::Query.bit();

const TIME: &str = "a time in ISO 8601";
pub(super) const VERSION: &str = "a known version that is not too old for what the token is for";

/// A request with a token as it arrived: shape, size and fields were checked, nothing else.
#[derive(Clone)]
pub struct Presented<'r> {
    pub(super) view: RequestView<'r>,
    pub(super) host: &'r [u8],
    pub(super) path: &'r str,
    /// Whether nothing but letters, digits, `-._~` and slashes is in the path.
    pub(super) is_path_plain: bool,
    pub(super) params: Params<'r>,
    pub(super) version: Version,
    pub(super) signature: [u8; 32],
    pub(super) form: Form,
    pub(super) depth: usize,
    pub(super) features: Features,
    pub(super) policy: Option<StoredPolicy>,
}

impl<'r> Presented<'r> {
    /// Reads a request within the default [`Limits`].
    ///
    /// # Errors
    /// [`VerifyError::NotSigned`] without a token, [`VerifyError::TooLarge`] past a limit, and for a request that cannot be
    /// read in one way only: [`VerifyError::TwoMechanisms`], [`VerifyError::FieldCount`], [`VerifyError::FieldForm`],
    /// [`VerifyError::Malformed`].
    pub fn parse(view: &RequestView<'r>) -> Result<Self, VerifyError> {
        Self::parse_within(view, &Limits::DEFAULT)
    }

    /// Reads a request within other limits.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_within(view: &RequestView<'r>, limits: &Limits) -> Result<Self, VerifyError> {
        let mut presented = Self::unread(view);
        presented.read(limits)?;
        Ok(presented)
    }

    /// A request that nobody has looked at yet: [`read`](Self::read) reads it where it is kept, since moving it costs more than
    /// many a step.
    pub(super) const fn unread(view: &RequestView<'r>) -> Self {
        Self {
            view: *view,
            host: &[],
            path: "",
            is_path_plain: false,
            params: Params::UNREAD,
            version: Version::NEWEST,
            signature: [0; 32],
            form: Form::Account,
            depth: 0,
            features: Features::NONE,
            policy: None,
        }
    }

    /// Whether the token was signed with an account key; otherwise it was with a user delegation key.
    #[must_use]
    pub const fn is_of_account_key(&self) -> bool {
        !matches!(self.form, Form::Delegated(_))
    }

    /// The public half of the user delegation key that the token names, if it names one. Nobody vouches for it yet.
    ///
    /// # Errors
    /// [`VerifyError::FieldForm`] if no such key can exist.
    pub fn delegation(&self) -> Result<Option<Delegation>, VerifyError> {
        if self.is_of_account_key() {
            return Ok(None);
        }
        let field = |field: Field| text(self.params.required(field)?, Plus::Literal, field.name());
        let (ids, window) = ([field(Field::KeyObject)?, field(Field::KeyTenant)?], [Field::KeyStart, Field::KeyExpiry]);
        let window = [field(window[0])?, field(window[1])?];
        let (service, version) = (field(Field::KeyService)?, field(Field::KeyVersion)?);
        let delegation = Delegation::new(
            [ids[0].as_str(), ids[1].as_str()],
            [window[0].as_str(), window[1].as_str()],
            &service,
            &version,
        );
        let delegation = match self.params.get(Field::DelegatedTenant) {
            Some(tid) => delegation.and_then(|key| key.for_users_of(tid)),
            None => delegation,
        };
        delegation.map(Some).map_err(|_| VerifyError::FieldForm {
            field: "skoid",
            expected: "the public half of a user delegation key: two GUIDs, a week at most, a service and a version",
        })
    }

    /// The name of the stored access policy that completes the token, if it names one: give it to
    /// [`with_policy`](Self::with_policy).
    ///
    /// # Errors
    /// [`VerifyError::FieldForm`] if it is not UTF-8.
    pub fn policy_id(&self) -> Result<Option<String>, VerifyError> {
        self.params.get(Field::Identifier).map(|id| text(id, Plus::Literal, "si")).transpose()
    }

    /// The container, share, queue or table whose stored access policies count, as `/service/account/container`.
    ///
    /// # Errors
    /// [`VerifyError::Malformed`] if the path names none.
    pub fn policy_container(&self, expect: &Expect) -> Result<String, VerifyError> {
        let mut place = Vec::new();
        self.put_policy_container(expect, &mut place)?;
        String::from_utf8(place).map_err(|_| VerifyError::Malformed { what: "path", why: "it is not UTF-8" })
    }

    fn put_policy_container(&self, expect: &Expect, sink: &mut impl Sink) -> Result<(), VerifyError> {
        let kind = if expect.service == Service::Table { Kind::Table } else { Kind::Container };
        self.addressed(expect)?.put_canonical(kind, expect.prefix.as_bytes(), 0, sink)
    }

    /// Looks up the policy that the token names, if it names one.
    pub(super) fn find_policy(
        &self,
        policies: &dyn PolicyLookup,
        expect: &Expect,
    ) -> Result<Option<StoredPolicy>, VerifyError> {
        let Some(value) = self.params.get(Field::Identifier) else { return Ok(None) };
        // The name of a policy has 64 characters at most, that of a container 63.
        let (mut id, mut place) = (Short::<256>::new(), Short::<256>::new());
        put_decoded(&mut id, value, Plus::Literal, "si")?;
        self.put_policy_container(expect, &mut place)?;
        Ok(place.as_str().zip(id.as_str()).and_then(|(place, id)| policies.policy(place, id)))
    }

    /// With the stored access policy that the token names, as its container has it now; nothing if there is none of that
    /// name.
    #[must_use]
    pub fn with_policy(mut self, policy: Option<StoredPolicy>) -> Self {
        self.policy = policy;
        self
    }

    /// Whether the request names this key.
    pub(super) fn names(&self, credential: &Credential) -> Result<(), VerifyError> {
        let Some(key) = credential.delegation() else {
            return if self.is_of_account_key() { Ok(()) } else { Err(VerifyError::OtherKey) };
        };
        if self.is_of_account_key() {
            return Err(VerifyError::OtherKey);
        }
        // Every byte of every field, whichever differs: how long it takes must not tell how much of a key's name is right.
        let is = |field: Field, expected: &str| {
            let mut expected = expected.bytes();
            let found = encode::Decoded::of(self.params.get(field).unwrap_or_default());
            let same = found.fold(true, |same, byte| same & (expected.next() == Some(byte)));
            same & expected.next().is_none()
        };
        let tenant = key.delegated_user_tid.as_deref().unwrap_or_default();
        let same = is(Field::KeyObject, &key.oid)
            & is(Field::KeyTenant, &key.tid)
            & is(Field::KeyStart, &key.start)
            & is(Field::KeyExpiry, &key.expiry)
            & is(Field::KeyService, &key.service)
            & is(Field::KeyVersion, &key.version)
            & is(Field::DelegatedTenant, tenant);
        if same { Ok(()) } else { Err(VerifyError::OtherKey) }
    }

    /// Checks everything that needs no secret and may be told to anybody: version, host, path, time.
    ///
    /// # Errors
    /// [`VerifyError::OtherKey`] if the request names another key or account; [`VerifyError::FieldForm`],
    /// [`VerifyError::Host`], [`VerifyError::Malformed`], [`VerifyError::AmbiguousPath`],
    /// [`VerifyError::AmbiguousPlus`], [`VerifyError::NotYetValid`], [`VerifyError::Expired`],
    /// [`VerifyError::Lifetime`], [`VerifyError::SignedHeaderMissing`].
    pub fn check(self, credential: &Credential, expect: &Expect, now: Timestamp) -> Result<Pending<'r>, VerifyError> {
        self.names(credential)?;
        if credential.account_name() != expect.account {
            return Err(VerifyError::OtherKey);
        }
        let finding = self.examine(expect, now)?;
        let mut text = Vec::new();
        self.put(&finding, expect, &mut text)?;
        let expect = expect.clone();
        Ok(Pending { presented: self, finding, expect, string_to_sign: StringToSign::new(text), now })
    }

    /// What would have been signed, as this verifier reads the request, whether or not it is in time. For finding out why
    /// two sides disagree.
    ///
    /// # Errors
    /// Those of [`check`](Self::check) that are not about time.
    pub fn string_to_sign(&self, expect: &Expect) -> Result<StringToSign, VerifyError> {
        let finding = self.locate(expect)?;
        let mut text = Vec::new();
        self.put(&finding, expect, &mut text)?;
        Ok(StringToSign::new(text))
    }

    /// The part of [`check`](Self::check) that is the same for every key.
    pub(super) fn examine(&self, expect: &Expect, now: Timestamp) -> Result<Finding<'r>, VerifyError> {
        if expect.host.as_ref().is_some_and(|host| !host.as_bytes().eq_ignore_ascii_case(self.host)) {
            return Err(VerifyError::Host);
        }
        let mut finding = self.locate(expect)?;
        finding.life = self.check_time(expect, now)?;
        Ok(finding)
    }

    /// Finds out what the request is about.
    fn locate(&self, expect: &Expect) -> Result<Finding<'r>, VerifyError> {
        if self.version < expect.oldest {
            return Err(VerifyError::FieldForm { field: "sv", expected: VERSION });
        }
        let serves = match self.form.kind() {
            None => true,
            Some(Kind::Share | Kind::File) => expect.service == Service::File,
            Some(Kind::Queue) => expect.service == Service::Queue,
            Some(Kind::Table) => expect.service == Service::Table,
            Some(_) => matches!(expect.service, Service::Blob | Service::DataLake),
        };
        if !serves {
            return Err(VerifyError::NotCovered { field: "sr", what: "service" });
        }
        if self.params.get(Field::KeyService).is_some_and(|sks| sks != expect.service.letter()) {
            return Err(VerifyError::NotCovered { field: "sks", what: "service" });
        }
        if self.params.has_plus && !self.may_have_plus(expect.plus) {
            return Err(VerifyError::AmbiguousPlus);
        }
        let addressed = self.addressed(expect)?;
        if self.form.kind() == Some(Kind::Directory) && !addressed.is_as_deep_as(self.depth) {
            return Err(VerifyError::NotCovered { field: "sdd", what: "resource" });
        }
        Ok(Finding { addressed, life: Life::default() })
    }

    /// Whether a bare `+` stands only where it is read in this one way. Names of policies, times and the like are read
    /// without an option: as a blank it would be one thing in what is signed and another in what is looked up.
    fn may_have_plus(&self, plus: Plus) -> bool {
        let has_plus = |value: &str| value.contains('+');
        match plus {
            Plus::Refuse => false,
            Plus::Literal => true,
            Plus::Blank => {
                let mut others = fields_of(self.params.present() & !CAN_HAVE_BLANK);
                !self.params.own(Own::Directory).is_some_and(has_plus)
                    && !others.any(|field| self.params.get(field).is_some_and(has_plus))
            }
        }
    }

    fn addressed(&self, expect: &Expect) -> Result<Addressed<'r>, VerifyError> {
        const DOTS: VerifyError =
            VerifyError::AmbiguousPath { why: "a segment is `.` or `..`, which clients and servers fold" };
        if !self.is_path_plain {
            check_path(self.path, expect.escaped_slashes)?;
        }
        let has_dots = if expect.escaped_slashes { has_decoded_dot_segment } else { has_dot_segment };
        if !expect.dot_segments && has_dots(self.path) {
            return Err(DOTS);
        }
        let path = if expect.account_in_path {
            let rest = self.path.strip_prefix('/').and_then(|path| path.strip_prefix(expect.account.as_str()));
            let rest = rest.filter(|rest| rest.is_empty() || rest.starts_with('/'));
            rest.ok_or(VerifyError::Malformed { what: "path", why: "its first segment is not the account" })?
        } else {
            self.path
        };
        let mut addressed = Addressed::split(expect.service, (path, self.is_path_plain), &self.params)?;
        // SPEC: a directory is listed through its file system, and named in the query.
        if let (Level::Container, Some(directory)) = (addressed.level, self.params.own(Own::Directory))
            && expect.service == Service::DataLake
            && self.form.kind() == Some(Kind::Directory)
        {
            if !is_utf8(directory) {
                return Err(VerifyError::FieldForm { field: "directory", expected: "UTF-8" });
            }
            if (!expect.dot_segments && has_decoded_dot_segment(directory))
                || encode::Decoded::of(directory).any(|byte| byte == b'\\' || byte.is_ascii_control())
            {
                return Err(DOTS);
            }
            addressed.name = directory;
        }
        Ok(addressed)
    }

    /// Holds the token to what it says of its own time; a stored policy is looked at later.
    fn check_time(&self, expect: &Expect, now: Timestamp) -> Result<Life, VerifyError> {
        let moment = |field: Field| {
            if self.params.present() & field.bit() == 0 {
                return Ok(None);
            }
            let moment = self.params.moment(field);
            moment.map(Some).ok_or_else(|| VerifyError::FieldForm { field: field.name(), expected: TIME })
        };
        let mut life = Life {
            starts_at: moment(Field::Start)?.map(Moment::ceil),
            ends_at: moment(Field::Expiry)?.map(|end| end.second),
        };
        if let (Some(start), Some(end)) = (moment(Field::KeyStart)?, moment(Field::KeyExpiry)?) {
            let (start, end) = (start.ceil(), end.second);
            if !(1..=i64::from(WEEK)).contains(&end.seconds_since(start)) {
                return Err(VerifyError::FieldForm { field: "ske", expected: "at most seven days after `skt`" });
            }
            if now < start.saturating_sub(expect.skew) {
                return Err(VerifyError::NotYetValid { valid_from: start.saturating_sub(expect.skew), now });
            }
            // No token outlives its key.
            life.ends_at = life.ends_at.map(|ends| ends.min(end));
        }
        life.check(expect, now)?;
        Ok(life)
    }

    /// Compares the signature with what each of these keys makes, in the same time whichever it is.
    pub(super) fn judge(
        &self,
        finding: &Finding<'_>,
        expect: &Expect,
        keys: &[&mac::HmacKey],
    ) -> Result<(), VerifyError> {
        let mut text = Text::<512>::new();
        self.put(finding, expect, &mut text)?;
        let mut agrees = false;
        for key in keys {
            let expected = match text.bytes() {
                Some(text) => key.mac(text),
                None => self.mac_of_long(finding, expect, key)?,
            };
            agrees |= mac::equal(&expected, &self.signature);
        }
        if agrees { Ok(()) } else { Err(VerifyError::SignatureMismatch) }
    }

    /// What a key makes of a text that is not kept at once.
    #[cold]
    fn mac_of_long(&self, finding: &Finding<'_>, expect: &Expect, key: &mac::HmacKey) -> Result<[u8; 32], VerifyError> {
        let mut verdict = Ok(());
        let expected = key.mac_of(|sink| verdict = self.put(finding, expect, sink));
        verdict.map(|()| expected)
    }

    /// What is told only to those whose signature is right: whether the token reaches as far as the request.
    ///
    /// INVARIANT: called only after `judge` agreed.
    pub(super) fn conclude(
        &self,
        finding: &Finding<'r>,
        expect: &Expect,
        now: Timestamp,
    ) -> Result<Facts<'r>, VerifyError> {
        let (letters, life) = self.complete(finding, expect, now)?;
        self.check_client()?;
        self.check_identities(expect)?;
        let needs = self.check_reach(finding, expect, letters)?;
        let is_create_only = needs.creates && !letters.has_any(Letters::of("w"));
        Ok(Facts {
            plus: expect.plus,
            service: expect.service,
            addressed: finding.addressed,
            letters,
            life,
            is_create_only,
        })
    }

    /// INVARIANT: the facts are what `conclude` told of this request.
    pub(super) fn verified(self, facts: Facts<'r>) -> Verified<SignedRequest<'r>> {
        Verified::new(SignedRequest { presented: self, facts })
    }
}

/// When a token is good.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Life {
    pub(super) starts_at: Option<Timestamp>,
    pub(super) ends_at: Option<Timestamp>,
}

impl Life {
    pub(super) fn check(&self, expect: &Expect, now: Timestamp) -> Result<(), VerifyError> {
        if let Some(valid_from) = self.starts_at.map(|start| start.saturating_sub(expect.skew))
            && now < valid_from
        {
            return Err(VerifyError::NotYetValid { valid_from, now });
        }
        let Some(expired_at) = self.ends_at else { return Ok(()) };
        if now > expired_at {
            return Err(VerifyError::Expired { expired_at, now });
        }
        let length = expired_at.seconds_since(self.starts_at.unwrap_or(now));
        match expect.max_lifetime {
            Some(maximum) if length > i64::from(maximum.seconds()) => Err(VerifyError::Lifetime {
                found: u32::try_from(length).unwrap_or(u32::MAX),
                maximum: maximum.seconds(),
            }),
            _ => Ok(()),
        }
    }
}

/// What a check without a key found.
#[derive(Clone)]
pub(super) struct Finding<'r> {
    pub(super) addressed: Addressed<'r>,
    pub(super) life: Life,
}

/// A request that lacks only the check of its signature.
#[derive(Clone)]
pub struct Pending<'r> {
    presented: Presented<'r>,
    finding: Finding<'r>,
    expect: Expect,
    string_to_sign: StringToSign,
    now: Timestamp,
}

impl<'r> Pending<'r> {
    /// What was signed, if the signature is right.
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        &self.string_to_sign
    }

    /// Compares the presented signature with the expected one, in constant time, and if they agree holds the request to what
    /// the token allows.
    ///
    /// # Errors
    /// [`VerifyError::SignatureMismatch`] if they differ. If they agree, [`VerifyError::StoredPolicy`], the errors of time
    /// for what the policy says, [`VerifyError::ClientAddress`], [`VerifyError::PlainHttp`],
    /// [`VerifyError::Operation`], [`VerifyError::NotCovered`], [`VerifyError::Permission`], and
    /// [`VerifyError::FieldForm`] for a field that nobody can read.
    pub fn accept(self, expected: &Signature) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        if !mac::equal(expected.bytes(), &self.presented.signature) {
            return Err(VerifyError::SignatureMismatch);
        }
        let facts = self.presented.conclude(&self.finding, &self.expect, self.now)?;
        Ok(self.presented.verified(facts))
    }
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented")
            .field("form", &self.form)
            .field("version", &self.version)
            .field("host", &core::str::from_utf8(self.host).unwrap_or_default())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Pending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("presented", &self.presented).finish_non_exhaustive()
    }
}

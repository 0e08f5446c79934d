//! Verifying: what was presented, what is pending a signature, what was verified.

use super::{
    Expect, Plus, SignedRequest,
    addressed::{Addressed, check_path, has_decoded_dot_segment, is_utf8},
    canonical::{Field, Layout, StringToSign},
    facts::Facts,
    fields::{Names, Own, Params, Short, decoded, fields_of, is_field, put_decoded, text},
    key::{Credential, Delegation, Signature, WEEK},
    operations::{Features, Level},
    permissions::Letters,
    resource::{Kind, Service},
    stored_policy::{PolicyLookup, StoredPolicy},
    time::Moment,
    version::Version,
};
use crate::{
    clock::Timestamp,
    encode::{self, Inline, Spelling},
    error::VerifyError,
    head::{self, trimmed},
    mac::{self, Sink, Text},
    target::{Target, has_dot_segment},
    token::Verified,
    view::{Limits, RequestView},
};
use alloc::{string::String, vec::Vec};
use core::fmt;

/// What kind of token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Account,
    Service(Kind),
    Delegated(Kind),
}

impl Form {
    const fn layout(self) -> Layout {
        match self {
            Self::Account => Layout::Account,
            Self::Service(kind) => kind.layout(false),
            Self::Delegated(kind) => kind.layout(true),
        }
    }

    pub(super) const fn kind(self) -> Option<Kind> {
        match self {
            Self::Account => None,
            Self::Service(kind) | Self::Delegated(kind) => Some(kind),
        }
    }
}

/// Fields that a user delegation SAS must have.
const KEY_FIELDS: u64 = Field::KeyObject.bit()
    | Field::KeyTenant.bit()
    | Field::KeyStart.bit()
    | Field::KeyExpiry.bit()
    | Field::KeyService.bit()
    | Field::KeyVersion.bit();

/// Fields that every token must have, unless a stored policy says them.
const TERMS: u64 = Field::Permissions.bit() | Field::Expiry.bit();

/// Fields whose value may be empty: the keys of a range, and what a response is to say.
const CAN_BE_EMPTY: u64 = {
    let (first, last) = (Field::StartPartition.bit(), Field::ContentType.bit());
    (last << 1) - first
};

/// Fields whose value is any text, or names of headers and parameters.
const CAN_HAVE_BLANK: u64 = CAN_BE_EMPTY | Field::Headers.bit() | Field::Query.bit();

const BASE64: &str = "padded base64 of 32 bytes";
const TIME: &str = "a time in ISO 8601";
const VERSION: &str = "a known version that is not too old for what the token is for";

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

    pub(super) fn read(&mut self, limits: &Limits) -> Result<(), VerifyError> {
        let head = Head::read(&self.view, limits)?;
        let target = Target::split(self.view.target(), limits)?;
        self.host = head::host_bytes(head.host, head.hosts)?;
        if target.authority.is_some_and(|authority| !authority.as_bytes().eq_ignore_ascii_case(self.host)) {
            return Err(VerifyError::Malformed { what: "target", why: "its authority is not the Host header" });
        }
        self.path = target.path;
        self.is_path_plain = target.path_spelling == Spelling::Canonical && !target.path_has_escape;
        self.params.fill(target.query, limits)?;
        let params = &self.params;
        if params.present() == 0 {
            return Err(VerifyError::NotSigned);
        }
        if let Some(first) = head.foreign.or(params.foreign) {
            return Err(VerifyError::TwoMechanisms { first, second: "a shared access signature" });
        }
        // SPEC: a token that is tied to a user comes with the user's own token.
        if head.is_authorized && !params.holds(Field::DelegatedObject) {
            let second = "a shared access signature";
            return Err(VerifyError::TwoMechanisms { first: "Authorization", second });
        }
        self.form = form_of(params)?;
        params.required(Field::Version)?;
        self.version = read_version(params, Field::Version)?;
        let Some(signature) = encode::digest_from_base64(params.required(Field::Signature)?) else {
            return Err(VerifyError::FieldForm { field: "sig", expected: BASE64 });
        };
        self.signature = signature;
        self.depth = read_depth(params, self.form)?;
        self.features = Features {
            names_snapshot: params.has(Own::Snapshot),
            names_version: params.has(Own::VersionId),
            for_good: read_word(params, Own::DeleteType, &["permanent"], "`permanent`")?,
            peeks: read_word(params, Own::PeekOnly, &["true", "false"], "`true` or `false`")?,
            ..head.features
        };
        self.check_fields()
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
        let is = |field: Field, expected: &str| {
            let value = self.params.get(field).unwrap_or_default();
            encode::Decoded::of(value).eq(expected.bytes())
        };
        let tenant = key.delegated_user_tid.as_deref().unwrap_or_default();
        let same = is(Field::KeyObject, &key.oid)
            && is(Field::KeyTenant, &key.tid)
            && is(Field::KeyStart, &key.start)
            && is(Field::KeyExpiry, &key.expiry)
            && is(Field::KeyService, &key.service)
            && is(Field::KeyVersion, &key.version)
            && is(Field::DelegatedTenant, tenant);
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

    /// Writes what was signed, and refuses parameters that were not.
    fn put(&self, finding: &Finding<'_>, expect: &Expect, sink: &mut impl Sink) -> Result<(), VerifyError> {
        let present = self.params.present() | Field::NO_PARAMS;
        let put_line = |field, sink: &mut _| self.put_line(field, finding, expect, sink);
        let signed = self.form.layout().put(self.version, present, sink, put_line)?;
        let extra = self.params.present() & !(signed | self.unsigned());
        match fields_of(extra).next() {
            None => Ok(()),
            Some(field) => Err(VerifyError::FieldForm {
                field: field.name(),
                expected: "absent: tokens of this kind and version do not sign it",
            }),
        }
    }

    /// Fields that belong to a token of this form though no line has them: another one would lead to another canonicalized
    /// resource.
    const fn unsigned(&self) -> u64 {
        Field::Signature.bit()
            | match self.form {
                Form::Account | Form::Service(Kind::Queue) | Form::Delegated(Kind::Queue) => 0,
                Form::Service(Kind::Table) | Form::Delegated(Kind::Table) => Field::Table.bit(),
                Form::Service(Kind::Directory) | Form::Delegated(Kind::Directory) => {
                    Field::Resource.bit() | Field::Depth.bit()
                }
                Form::Service(_) | Form::Delegated(_) => Field::Resource.bit(),
            }
    }

    #[inline]
    fn put_line(
        &self,
        field: Field,
        finding: &Finding<'_>,
        expect: &Expect,
        sink: &mut impl Sink,
    ) -> Result<(), VerifyError> {
        let plus = expect.plus;
        match field {
            Field::Account => {
                sink.put(expect.account.as_bytes());
                Ok(())
            }
            Field::Canonical => {
                let Some(kind) = self.form.kind() else { return Ok(()) };
                finding.addressed.put_canonical(kind, expect.prefix.as_bytes(), self.depth, sink)
            }
            Field::Snapshot => {
                let own = match self.form.kind() {
                    Some(Kind::Snapshot) => Own::Snapshot,
                    Some(Kind::BlobVersion) => Own::VersionId,
                    _ => return Ok(()),
                };
                put_text(sink, self.params.own(own).unwrap_or_default(), plus, own.name())
            }
            Field::Headers => self.put_headers(plus, sink),
            Field::Query => self.put_query(plus, sink),
            field => self.params.put(field, plus, sink),
        }
    }

    #[inline(never)]
    fn put_headers(&self, plus: Plus, sink: &mut impl Sink) -> Result<(), VerifyError> {
        let Some(names) = self.names_of(Field::Headers, plus)? else { return Ok(()) };
        for name in names.iter() {
            let mut lines = self.view.headers().iter().filter(|(line, _)| line.eq_ignore_ascii_case(name));
            let Some((_, value)) = lines.next() else {
                return Err(VerifyError::SignedHeaderMissing { name: name.chars().take(64).collect() });
            };
            if lines.next().is_some() {
                return Err(VerifyError::FieldForm { field: "srh", expected: "names of headers that are there once" });
            }
            if core::str::from_utf8(value).is_err() {
                return Err(VerifyError::FieldForm { field: "srh", expected: "names of headers in UTF-8" });
            }
            sink.put(name.as_bytes());
            sink.put_byte(b':');
            sink.put(trimmed(value));
            sink.put_byte(b'\n');
        }
        Ok(())
    }

    #[inline(never)]
    fn put_query(&self, plus: Plus, sink: &mut impl Sink) -> Result<(), VerifyError> {
        const EXPECTED: &str = "names of parameters that are there once";
        let Some(names) = self.names_of(Field::Query, plus)? else { return Ok(()) };
        for name in names.iter() {
            // Servers may read names without regard to case, so that another one must not stand beside it.
            let mut params = self.params.iter().filter(|(other, _)| {
                let other = decoded(other, plus).map(|byte| byte.to_ascii_lowercase());
                other.eq(name.bytes().map(|byte| byte.to_ascii_lowercase()))
            });
            let one = params.next().filter(|(other, _)| decoded(other, plus).eq(name.bytes()));
            let (Some((_, value)), None) = (one, params.next()) else {
                return Err(VerifyError::FieldForm { field: "srq", expected: EXPECTED });
            };
            sink.put_byte(b'\n');
            sink.put(name.as_bytes());
            sink.put_byte(b':');
            put_text(sink, value, plus, "srq")?;
        }
        Ok(())
    }

    /// The names in `srh` or `srq`: at least one, each once, none of them a field of the token. Decoded where they stand.
    fn names_of(&self, field: Field, plus: Plus) -> Result<Option<Names>, VerifyError> {
        let Some(value) = self.params.get(field) else { return Ok(None) };
        let expected = "at most 64 names in 1024 bytes with commas between, each once";
        let names = Names::read(value, plus).filter(|names| {
            let each = || names.iter();
            each().count() <= 64
                && each().enumerate().all(|(at, name)| {
                    !name.is_empty()
                        // With a colon, name and value could be cut elsewhere.
                        && !name.contains(':')
                        && !is_field(name)
                        && !each().take(at).any(|other| other.eq_ignore_ascii_case(name))
                })
        });
        names.map(Some).ok_or(VerifyError::FieldForm { field: field.name(), expected })
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

    /// Holds the fields to those that a token of its form must have, and to versions that know them.
    fn check_fields(&self) -> Result<(), VerifyError> {
        let needed = match self.form {
            Form::Account => TERMS | Field::Services.bit() | Field::ResourceTypes.bit(),
            // A stored policy may say the rest.
            Form::Service(_) if self.params.holds(Field::Identifier) => 0,
            Form::Service(_) => TERMS,
            Form::Delegated(_) => TERMS | KEY_FIELDS,
        };
        if let Some(field) = fields_of(needed & !self.params.present()).next() {
            return Err(VerifyError::FieldCount { field: field.name(), found: 0 });
        }
        let since = match self.form {
            Form::Account => Some(Version::V2015_04_05),
            Form::Service(kind) => kind.since(false),
            Form::Delegated(kind) => kind.since(true),
        };
        if since.is_none_or(|since| self.version < since) {
            return Err(VerifyError::FieldForm { field: "sv", expected: VERSION });
        }
        if let Some(field) = self.params.first_empty(!CAN_BE_EMPTY) {
            return Err(VerifyError::FieldForm { field: field.name(), expected: "not empty" });
        }
        if let Some((field, _)) = self.params.not_ascii().find(|(_, value)| !is_utf8(value)) {
            return Err(VerifyError::FieldForm { field: field.name(), expected: "UTF-8" });
        }
        if self.params.holds(Field::KeyVersion) && read_version(&self.params, Field::KeyVersion)? < Version::V2018_11_09
        {
            return Err(VerifyError::FieldForm { field: "skv", expected: VERSION });
        }
        if self.params.holds(Field::AuthorizedObject) && self.params.holds(Field::UnauthorizedObject) {
            return Err(VerifyError::FieldForm { field: "suoid", expected: "absent beside `saoid`" });
        }
        Ok(())
    }
}

/// Writes a value that is no field of the token, and so was not looked at yet.
#[inline(never)]
fn put_text(sink: &mut impl Sink, value: &str, plus: Plus, field: &'static str) -> Result<(), VerifyError> {
    if !is_utf8(value) {
        return Err(VerifyError::FieldForm { field, expected: "UTF-8" });
    }
    put_decoded(sink, value, plus, field)
}

/// What kind of token its fields say that it is.
fn form_of(params: &Params<'_>) -> Result<Form, VerifyError> {
    const SR: &str = "`b`, `bs`, `bv`, `c`, `d`, `f` or `s`";
    if params.holds(Field::Services) || params.holds(Field::ResourceTypes) {
        return Ok(Form::Account);
    }
    let kind = match params.bytes(Field::Resource) {
        Some(b"b") => Kind::Blob,
        Some(b"bs") => Kind::Snapshot,
        Some(b"bv") => Kind::BlobVersion,
        Some(b"c") => Kind::Container,
        Some(b"d") => Kind::Directory,
        Some(b"f") => Kind::File,
        Some(b"s") => Kind::Share,
        Some(_) => return Err(VerifyError::FieldForm { field: "sr", expected: SR }),
        None if params.holds(Field::Table) => Kind::Table,
        None => Kind::Queue,
    };
    Ok(if params.present() & KEY_FIELDS == 0 { Form::Service(kind) } else { Form::Delegated(kind) })
}

fn read_version(params: &Params<'_>, field: Field) -> Result<Version, VerifyError> {
    let mut room = Inline::<16>::new();
    let version = params.short(field, &mut room).and_then(Version::read);
    version.ok_or_else(|| VerifyError::FieldForm { field: field.name(), expected: VERSION })
}

/// Reads the depth of a directory: a small number without a leading zero, there exactly if the token is for a directory.
fn read_depth(params: &Params<'_>, form: Form) -> Result<usize, VerifyError> {
    let is_directory = form.kind() == Some(Kind::Directory);
    match params.bytes(Field::Depth) {
        None if is_directory => Err(VerifyError::FieldCount { field: "sdd", found: 0 }),
        None => Ok(0),
        Some([ones @ b'1'..=b'9']) => Ok(usize::from(ones - b'0')),
        Some([tens @ b'1'..=b'9', ones @ b'0'..=b'9']) => Ok(usize::from((tens - b'0') * 10 + (ones - b'0'))),
        Some(_) => Err(VerifyError::FieldForm { field: "sdd", expected: "a number from 1 to 99" }),
    }
}

/// Whether a parameter says the first of these words. What says none of them, or says it with escapes, might say to a
/// server what it does not say here.
fn read_word(params: &Params<'_>, own: Own, words: &[&str], expected: &'static str) -> Result<bool, VerifyError> {
    match params.own(own) {
        None => Ok(false),
        Some(value) if words.contains(&value) => Ok(words.first() == Some(&value)),
        Some(_) => Err(VerifyError::FieldForm { field: own.name(), expected }),
    }
}

/// The header lines that verification itself reads.
struct Head<'r> {
    host: Option<&'r [u8]>,
    hosts: usize,
    is_authorized: bool,
    foreign: Option<&'static str>,
    /// Whether there is an `If-Match`, and an `x-ms-lease-action`.
    is_matched: bool,
    is_lease: bool,
    features: Features,
}

impl<'r> Head<'r> {
    fn read(view: &RequestView<'r>, limits: &Limits) -> Result<Self, VerifyError> {
        let mut head = Self {
            host: None,
            hosts: 0,
            is_authorized: false,
            foreign: None,
            is_matched: false,
            is_lease: false,
            features: Features::NONE,
        };
        for &(name, value) in head::lines(view, limits)? {
            head::check_line(name, value, limits)?;
            head.take(name, value)?;
        }
        Ok(head)
    }

    fn take(&mut self, name: &str, value: &'r [u8]) -> Result<(), VerifyError> {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        let begins = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        if is("host") {
            self.hosts = self.hosts.saturating_add(1);
            self.host = Some(value);
        } else if is("authorization") {
            self.is_authorized = true;
        } else if is("if-match") {
            once(&mut self.is_matched, "If-Match")?;
            // Without a tag an update may insert.
            self.features.has_if_match = !trimmed(value).is_empty();
        } else if begins("x-ms-") {
            self.features.sets_tags |= is("x-ms-tags");
            self.features.sets_immutability |= begins("x-ms-immutability-policy-") || is("x-ms-legal-hold");
            if is("x-ms-lease-action") {
                once(&mut self.is_lease, "x-ms-lease-action")?;
                self.features.breaks_lease = trimmed(value).eq_ignore_ascii_case(b"break");
            }
            self.features.renames |= is("x-ms-rename-source");
        } else if begins("x-amz-") || begins("x-goog-") {
            self.foreign = Some("headers of another provider");
        }
        Ok(())
    }
}

/// Takes note of a header, if it is the first of its name.
fn once(is_there: &mut bool, field: &'static str) -> Result<(), VerifyError> {
    if core::mem::replace(is_there, true) { Err(VerifyError::FieldCount { field, found: 2 }) } else { Ok(()) }
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

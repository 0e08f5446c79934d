//! Verifying: what was presented, what is pending a signature, what was verified.

use super::{
    Plus,
    address::AddressRange,
    addressed::{Addressed, check_path, is_utf8},
    canonical::{Field, Layout, StringToSign},
    fields::{Own, Params, put_decoded, short, text},
    key::{Credential, Delegation, Signature, WEEK, is_account},
    operations::{Features, Level, Needs, Request, needs},
    permissions::Letters,
    resource::{KeyRange, Kind, Service},
    stored_policy::StoredPolicy,
    time::Moment,
    version::Version,
};
use crate::{
    clock::Timestamp,
    encode,
    error::{KeyError, VerifyError},
    grant::Lifetime,
    head::{self, trimmed},
    mac::{self, Sink},
    target::{Target, has_dot_segment},
    token::Verified,
    view::{Limits, RequestView},
};
use alloc::{string::String, vec::Vec};
use core::fmt;

/// What a verifier requires of the requests that it accepts.
///
/// ```
/// use valet_key::azure::{Expect, Service, Version};
/// use valet_key::grant::Lifetime;
///
/// let expect = Expect::new("myaccount", Service::Blob)?
///     .host("myaccount.blob.core.windows.net")
///     .oldest(Version::V2020_12_06)
///     .max_lifetime(Lifetime::minutes(60)?);
/// # let _ = expect;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own, and none excludes another")]
pub struct Expect {
    pub(super) account: String,
    service: Service,
    host: Option<String>,
    account_in_path: bool,
    oldest: Version,
    skew: u32,
    max_lifetime: Option<Lifetime>,
    plus: Plus,
    dot_segments: bool,
    escaped_slashes: bool,
    identities_are_checked: bool,
}

impl Expect {
    /// One service of one account, in the strictest reading of everything.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] unless the account is 3 to 24 letters and digits.
    pub fn new(account: impl Into<String>, service: Service) -> Result<Self, KeyError> {
        let account = account.into();
        if !is_account(&account) {
            return Err(KeyError::Invalid { what: "account name", why: "it must be 3 to 24 letters and digits" });
        }
        Ok(Self {
            account,
            service,
            host: None,
            account_in_path: false,
            oldest: Version::V2018_11_09,
            skew: 0,
            max_lifetime: None,
            plus: Plus::Refuse,
            dot_segments: false,
            escaped_slashes: false,
            identities_are_checked: false,
        })
    }

    /// Requests for this host alone, with its port if it is not the default one; compared without regard to ASCII case.
    /// The host is not part of what is signed, so without this any host is accepted.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// The account is the first segment of the path, as with an emulator.
    #[must_use]
    pub const fn account_in_path(mut self) -> Self {
        self.account_in_path = true;
        self
    }

    /// The oldest service version that a token may name. The default is 2018-11-09, the first that signs what kind of
    /// resource it is for.
    #[must_use]
    pub const fn oldest(mut self, version: Version) -> Self {
        self.oldest = version;
        self
    }

    /// How far the clock of whoever issued a token may be ahead, in seconds: at most 900. The default is 0, since the
    /// service itself allows nothing. It never extends the life of a token.
    #[must_use]
    pub const fn skew(mut self, seconds: u32) -> Self {
        self.skew = if seconds < 900 { seconds } else { 900 };
        self
    }

    /// The longest time that may lie between the start of a token and its end, or for a token without a start between now
    /// and its end. By default there is none, as with the service.
    #[must_use]
    pub const fn max_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.max_lifetime = Some(lifetime);
        self
    }

    /// How a bare `+` in the query is read.
    #[must_use]
    pub const fn plus(mut self, plus: Plus) -> Self {
        self.plus = plus;
        self
    }

    /// Accepts `.` and `..` as whole segments of the path. Only for a store that takes them as names.
    #[must_use]
    pub const fn allow_dot_segments(mut self) -> Self {
        self.dot_segments = true;
        self
    }

    /// Reads `%2F` in a path as a slash, as the service does: some clients write every slash of a name so.
    #[must_use]
    pub const fn escaped_slashes(mut self) -> Self {
        self.escaped_slashes = true;
        self
    }

    /// The caller checks what only a directory of users can tell: the own token of the user that `sduoid` names, and the
    /// access control lists for the one that `suoid` names. Without this such tokens are refused.
    #[must_use]
    pub const fn identities_are_checked(mut self) -> Self {
        self.identities_are_checked = true;
        self
    }
}

/// What kind of token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
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

    const fn kind(self) -> Option<Kind> {
        match self {
            Self::Account => None,
            Self::Service(kind) | Self::Delegated(kind) => Some(kind),
        }
    }
}

/// Fields that a user delegation SAS must have.
const KEY_FIELDS: [Field; 6] =
    [Field::KeyObject, Field::KeyTenant, Field::KeyStart, Field::KeyExpiry, Field::KeyService, Field::KeyVersion];

const BASE64: &str = "padded base64 of 32 bytes";
const TIME: &str = "a time in ISO 8601";
const VERSION: &str = "a known version that is not too old for what the token is for";

/// A request with a token as it arrived: shape, size and fields were checked, nothing else.
#[derive(Clone)]
pub struct Presented<'r> {
    view: RequestView<'r>,
    host: &'r str,
    path: &'r str,
    params: Params<'r>,
    version: Version,
    signature: [u8; 32],
    form: Form,
    depth: usize,
    features: Features,
    policy: Option<StoredPolicy>,
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
        let head = Head::read(view, limits)?;
        let target = Target::split(view.target(), limits)?;
        let host = head::host(head.host, head.hosts)?;
        if target.authority.is_some_and(|authority| !authority.eq_ignore_ascii_case(host)) {
            return Err(VerifyError::Malformed { what: "target", why: "its authority is not the Host header" });
        }
        let params = Params::read(target.query, limits)?;
        if params.present() == 0 {
            return Err(VerifyError::NotSigned);
        }
        if let Some(first) = head.foreign.or(params.foreign) {
            return Err(VerifyError::TwoMechanisms { first, second: "a shared access signature" });
        }
        // SPEC: a token that is tied to a user comes with the user's own token.
        if head.is_authorized && params.get(Field::DelegatedObject).is_none() {
            let second = "a shared access signature";
            return Err(VerifyError::TwoMechanisms { first: "Authorization", second });
        }
        let form = form_of(&params)?;
        let version = params.required(Field::Version)?;
        let version = read_version(version).ok_or(VerifyError::FieldForm { field: "sv", expected: VERSION })?;
        let presented = Self {
            view: *view,
            host,
            path: target.path,
            params,
            version,
            signature: read_signature(params.required(Field::Signature)?)?,
            form,
            depth: read_depth(&params)?,
            features: Features {
                names_snapshot: params.has(Own::Snapshot),
                names_version: params.has(Own::VersionId),
                for_good: params.own(Own::DeleteType) == Some("permanent"),
                peeks: params.own(Own::PeekOnly) == Some("true"),
                ..head.features
            },
            policy: None,
        };
        presented.check_fields()?;
        Ok(presented)
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
        let addressed = self.addressed(expect)?;
        let container = text(addressed.container, Plus::Literal, "path")?;
        let container = if expect.service == Service::Table { container.to_ascii_lowercase() } else { container };
        Ok(["/", expect.service.canonical(), "/", &expect.account, "/", &container].concat())
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
        if expect.host.as_ref().is_some_and(|host| !host.eq_ignore_ascii_case(self.host)) {
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
        if self.params.has_plus && expect.plus == Plus::Refuse {
            return Err(VerifyError::AmbiguousPlus);
        }
        let addressed = self.addressed(expect)?;
        if self.form.kind() == Some(Kind::Directory) && !addressed.is_as_deep_as(self.depth) {
            return Err(VerifyError::NotCovered { field: "sdd", what: "resource" });
        }
        Ok(Finding { addressed, life: Life::default() })
    }

    fn addressed(&self, expect: &Expect) -> Result<Addressed<'r>, VerifyError> {
        check_path(self.path, expect.escaped_slashes)?;
        if !expect.dot_segments && has_dot_segment(self.path) {
            return Err(VerifyError::AmbiguousPath { why: "a segment is `.` or `..`, which clients and servers fold" });
        }
        let path = if expect.account_in_path {
            let rest = self.path.strip_prefix('/').and_then(|path| path.strip_prefix(expect.account.as_str()));
            let rest = rest.filter(|rest| rest.is_empty() || rest.starts_with('/'));
            rest.ok_or(VerifyError::Malformed { what: "path", why: "its first segment is not the account" })?
        } else {
            self.path
        };
        let mut addressed = Addressed::split(expect.service, path, &self.params)?;
        // SPEC: a directory is listed through its file system, and named in the query.
        if let (Level::Container, Some(directory)) = (addressed.level, self.params.own(Own::Directory))
            && expect.service == Service::DataLake
            && self.form.kind() == Some(Kind::Directory)
        {
            if !is_utf8(directory) {
                return Err(VerifyError::FieldForm { field: "directory", expected: "UTF-8" });
            }
            addressed.name = directory;
        }
        Ok(addressed)
    }

    /// Holds the token to what it says of its own time; a stored policy is looked at later.
    fn check_time(&self, expect: &Expect, now: Timestamp) -> Result<Life, VerifyError> {
        let moment = |field: Field| match self.params.get(field) {
            None => Ok(None),
            Some(value) => {
                let text = short::<40>(value).and_then(|text| Moment::parse(text.bytes()));
                text.map(Some).ok_or(VerifyError::FieldForm { field: field.name(), expected: TIME })
            }
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
        let mut verdict = Ok(());
        let signed = self.form.layout().put(self.version, sink, |field, sink| {
            if verdict.is_ok() {
                verdict = self.put_line(field, finding, expect, sink);
            }
        });
        verdict?;
        let extra = self.params.present() & !(signed | self.unsigned());
        match Field::params().iter().find(|field| extra & field.bit() != 0) {
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
                finding.addressed.put_canonical(kind, expect.service, &expect.account, self.depth, sink)
            }
            Field::Snapshot => {
                let own = match self.form.kind() {
                    Some(Kind::Snapshot) => Own::Snapshot,
                    Some(Kind::BlobVersion) => Own::VersionId,
                    _ => return Ok(()),
                };
                put_decoded(sink, self.params.own(own).unwrap_or_default(), plus, own.name())
            }
            Field::Headers => self.put_headers(plus, sink),
            Field::Query => self.put_query(plus, sink),
            field => match self.params.get(field) {
                None => Ok(()),
                Some(value) => put_decoded(sink, value, plus, field.name()),
            },
        }
    }

    fn put_headers(&self, plus: Plus, sink: &mut impl Sink) -> Result<(), VerifyError> {
        let Some(names) = self.names_of(Field::Headers, plus)? else { return Ok(()) };
        for name in names.split(',') {
            let mut lines = self.view.headers().iter().filter(|(line, _)| line.eq_ignore_ascii_case(name));
            let Some((_, value)) = lines.next() else {
                return Err(VerifyError::SignedHeaderMissing { name: name.chars().take(64).collect() });
            };
            if lines.next().is_some() {
                return Err(VerifyError::FieldForm { field: "srh", expected: "names of headers that are there once" });
            }
            sink.put(name.as_bytes());
            sink.put_byte(b':');
            sink.put(trimmed(value));
            sink.put_byte(b'\n');
        }
        Ok(())
    }

    fn put_query(&self, plus: Plus, sink: &mut impl Sink) -> Result<(), VerifyError> {
        const EXPECTED: &str = "names of parameters that are there once";
        let Some(names) = self.names_of(Field::Query, plus)? else { return Ok(()) };
        for name in names.split(',') {
            let same = |(other, _): &(&str, &str)| encode::Decoded::of(other).eq(name.bytes());
            let mut params = self.params.iter().filter(same);
            let (Some((_, value)), None) = (params.next(), params.next()) else {
                return Err(VerifyError::FieldForm { field: "srq", expected: EXPECTED });
            };
            sink.put_byte(b'\n');
            sink.put(name.as_bytes());
            sink.put_byte(b':');
            put_decoded(sink, value, plus, "srq")?;
        }
        Ok(())
    }

    /// The names in `srh` or `srq`: at least one, each once, none of them a field of the token.
    fn names_of(&self, field: Field, plus: Plus) -> Result<Option<String>, VerifyError> {
        let Some(value) = self.params.get(field) else { return Ok(None) };
        let names = text(value, plus, field.name())?;
        let fine = names.split(',').enumerate().all(|(at, name)| {
            !name.is_empty()
                && Field::of(&name.to_ascii_lowercase()).is_none()
                && !names.split(',').take(at).any(|other| other.eq_ignore_ascii_case(name))
        });
        let expected = "names with commas between, each once";
        if fine && names.split(',').count() <= 64 {
            Ok(Some(names))
        } else {
            Err(VerifyError::FieldForm { field: field.name(), expected })
        }
    }

    /// Compares the signature with what each of these keys makes, in the same time whichever it is.
    pub(super) fn judge(
        &self,
        finding: &Finding<'_>,
        expect: &Expect,
        keys: &[&mac::HmacKey],
    ) -> Result<(), VerifyError> {
        let mut agrees = false;
        for key in keys {
            let mut verdict = Ok(());
            let expected = key.mac_of(|sink| verdict = self.put(finding, expect, sink));
            verdict?;
            agrees |= mac::equal(&expected, &self.signature);
        }
        if agrees { Ok(()) } else { Err(VerifyError::SignatureMismatch) }
    }

    /// What is told only to those whose signature is right: whether the token reaches as far as the request.
    ///
    /// INVARIANT: called only after `judge` agreed.
    pub(super) fn conclude(
        self,
        finding: &Finding<'r>,
        expect: &Expect,
        now: Timestamp,
    ) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        let (letters, life) = self.complete(finding, expect, now)?;
        self.check_client()?;
        self.check_identities(expect)?;
        let needs = self.check_reach(finding, expect, letters)?;
        let is_create_only = needs.creates && !letters.has_any(Letters::of("w"));
        let facts = Facts {
            plus: expect.plus,
            service: expect.service,
            addressed: finding.addressed,
            letters,
            life,
            is_create_only,
        };
        Ok(Verified::new(SignedRequest { presented: self, facts }))
    }

    /// Permissions and time, from the token and the stored policy that it names.
    fn complete(&self, finding: &Finding<'_>, expect: &Expect, now: Timestamp) -> Result<(Letters, Life), VerifyError> {
        let refused = |problem| Err(VerifyError::StoredPolicy { problem });
        let own = self.letters()?;
        let mut life = finding.life;
        let policy = match (self.params.get(Field::Identifier), &self.policy) {
            (None, None) => None,
            (Some(id), Some(policy)) if encode::Decoded::of(id).eq(policy.id().bytes()) => Some(policy),
            (Some(_), _) => return refused("is not there"),
            (None, Some(_)) => return refused("is not the one that the token names"),
        };
        let mut letters = own;
        if let Some(policy) = policy {
            let orders = self.form.kind().map(Kind::orders).unwrap_or_default();
            let Ok(stored) = policy.letters(&orders) else {
                return refused("has permissions that this kind of resource does not know");
            };
            let twice = (own.is_some() && stored.is_some())
                || (life.starts_at.is_some() && policy.start.is_some())
                || (life.ends_at.is_some() && policy.expiry.is_some());
            if twice {
                return refused("says what the token says too");
            }
            letters = own.or(stored);
            life.starts_at = life.starts_at.or(policy.start);
            life.ends_at = life.ends_at.or(policy.expiry);
            life.check(expect, now)?;
        }
        match (letters, life.ends_at) {
            (Some(letters), Some(_)) => Ok((letters, life)),
            (None, _) => refused("gives no permissions"),
            (Some(_), None) => refused("has no expiry"),
        }
    }

    fn letters(&self) -> Result<Option<Letters>, VerifyError> {
        const FORM: &str = "letters of the service, each once and in its order";
        let Some(value) = self.params.get(Field::Permissions) else { return Ok(None) };
        let text = short::<32>(value);
        let bytes = text.as_ref().map(encode::Inline::bytes).unwrap_or_default();
        let letters = match self.form.kind() {
            None => Letters::read_any_order(bytes, "rwdxylacuptfi"),
            Some(kind) => Letters::read(bytes, &kind.orders()).filter(|letters| kind.knows(*letters) <= self.version),
        };
        letters.map(Some).ok_or(VerifyError::FieldForm { field: "sp", expected: FORM })
    }

    /// Address and protocol.
    fn check_client(&self) -> Result<(), VerifyError> {
        if let Some(value) = self.params.get(Field::Address) {
            let range = short::<32>(value).as_ref().and_then(|text| AddressRange::read(text.as_str()?));
            let range = range.ok_or(VerifyError::FieldForm {
                field: "sip",
                expected: "one IPv4 address, or two in ascending order with `-` between",
            })?;
            match self.view.client_address() {
                None => return Err(VerifyError::ClientAddress { problem: "is not known to the verifier" }),
                Some(address) if !range.contains(address) => {
                    return Err(VerifyError::ClientAddress { problem: "is not one that the token allows" });
                }
                Some(_) => {}
            }
        }
        if let Some(value) = self.params.get(Field::Protocol) {
            let text = short::<16>(value);
            match text.as_ref().map(encode::Inline::bytes) {
                Some(b"https") if !self.view.came_over_https() => return Err(VerifyError::PlainHttp),
                Some(b"https" | b"https,http") => {}
                _ => return Err(VerifyError::FieldForm { field: "spr", expected: "`https` or `https,http`" }),
            }
        }
        Ok(())
    }

    /// What only a directory of users or the store itself can tell.
    fn check_identities(&self, expect: &Expect) -> Result<(), VerifyError> {
        if !expect.identities_are_checked {
            for field in [Field::DelegatedObject, Field::UnauthorizedObject] {
                if self.params.get(field).is_some() {
                    let what = "identity, which this verifier cannot check: see `identities_are_checked`";
                    return Err(VerifyError::NotCovered { field: field.name(), what });
                }
            }
        }
        let Some(scope) = self.params.get(Field::EncryptionScope) else { return Ok(()) };
        let same = |value: &[u8]| encode::Decoded::of(scope).eq(trimmed(value).iter().copied());
        let mut lines =
            self.view.headers().iter().filter(|(name, _)| name.eq_ignore_ascii_case("x-ms-encryption-scope"));
        if lines.all(|(_, value)| same(value)) {
            return Ok(());
        }
        Err(VerifyError::FieldForm { field: "x-ms-encryption-scope", expected: "absent, or the same as `ses`" })
    }

    /// Service, kind of resource, resource and permission.
    fn check_reach(&self, finding: &Finding<'_>, expect: &Expect, letters: Letters) -> Result<Needs, VerifyError> {
        let (addressed, service) = (&finding.addressed, expect.service);
        let query = |rest: Own, other: Own| {
            self.params.own(if service == Service::DataLake { other } else { rest }).unwrap_or_default()
        };
        let restype = if addressed.restype.is_empty() { query(Own::Restype, Own::Resource) } else { addressed.restype };
        let (method, level) = (self.view.method(), addressed.level);
        let request =
            Request { service, level, method, restype, comp: query(Own::Comp, Own::Action), features: self.features };
        let needs = needs(&request).ok_or(VerifyError::Operation {
            why: "no token allows this combination of method, path, `comp` and `restype`",
        })?;
        match self.form {
            Form::Account => self.check_account(&needs, service)?,
            Form::Service(kind) | Form::Delegated(kind) => self.check_kind(kind, finding, expect, &needs)?,
        }
        if !needs.are_met(letters) {
            return Err(VerifyError::Permission { field: "sp", needed: needs.words() });
        }
        Ok(needs)
    }

    fn check_account(&self, needs: &Needs, service: Service) -> Result<(), VerifyError> {
        let set = |field: Field, known: &str, expected| {
            let text = short::<8>(self.params.get(field).unwrap_or_default());
            let letters = text.and_then(|text| Letters::read_any_order(text.bytes(), known));
            letters.ok_or(VerifyError::FieldForm { field: field.name(), expected })
        };
        let services = set(Field::Services, "bqtf", "letters of `bqtf`, each once")?;
        let types = set(Field::ResourceTypes, "sco", "letters of `sco`, each once")?;
        if !services.has_any(Letters::of(service.letter())) {
            return Err(VerifyError::NotCovered { field: "ss", what: "service" });
        }
        if !types.has_any(Letters::of(needs.level.letter())) {
            return Err(VerifyError::NotCovered { field: "srt", what: "kind of resource" });
        }
        Ok(())
    }

    fn check_kind(&self, kind: Kind, finding: &Finding<'_>, expect: &Expect, needs: &Needs) -> Result<(), VerifyError> {
        let refuse = |field, what| Err(VerifyError::NotCovered { field, what });
        if needs.account_only {
            return refuse("sr", "operation, which needs an account SAS");
        }
        let level = finding.addressed.level;
        let lists_directory = kind == Kind::Directory && self.params.has(Own::Directory);
        // The canonicalized resource, and thereby the signature, tells one container from another.
        let reaches = match kind {
            Kind::Blob | Kind::Snapshot | Kind::BlobVersion | Kind::File => level == Level::Object,
            Kind::Directory => level == Level::Object || lists_directory,
            Kind::Container | Kind::Share | Kind::Queue | Kind::Table => level != Level::Service,
        };
        if !reaches {
            return refuse("sr", "resource");
        }
        let names_part = self.params.has(Own::Snapshot) || self.params.has(Own::VersionId);
        let part_is_signed = match kind {
            Kind::Snapshot => self.params.has(Own::Snapshot) && !self.params.has(Own::VersionId),
            Kind::BlobVersion => self.params.has(Own::VersionId) && !self.params.has(Own::Snapshot),
            Kind::Blob => !names_part,
            _ => true,
        };
        if !part_is_signed {
            return refuse("sr", "snapshot or version");
        }
        if kind == Kind::Table {
            self.check_table(finding, expect)?;
        }
        Ok(())
    }

    fn check_table(&self, finding: &Finding<'_>, expect: &Expect) -> Result<(), VerifyError> {
        let name = text(self.params.get(Field::Table).unwrap_or_default(), Plus::Literal, "tn")?;
        if !name.eq_ignore_ascii_case(finding.addressed.container) {
            return Err(VerifyError::NotCovered { field: "tn", what: "table" });
        }
        let range = self.key_range(expect.plus)?;
        match finding.addressed.entity()? {
            Some((partition, row)) if !range.contains(&partition, &row) => {
                Err(VerifyError::NotCovered { field: "spk", what: "entity" })
            }
            _ => Ok(()),
        }
    }

    fn key_range(&self, plus: Plus) -> Result<KeyRange, VerifyError> {
        let key = |field: Field| self.params.get(field).map(|value| text(value, plus, field.name())).transpose();
        let range = KeyRange {
            start_partition: key(Field::StartPartition)?,
            start_row: key(Field::StartRow)?,
            end_partition: key(Field::EndPartition)?,
            end_row: key(Field::EndRow)?,
        };
        match range.check() {
            Ok(()) => Ok(range),
            Err(_) => Err(VerifyError::FieldForm {
                field: "spk",
                expected: "an ascending range of keys, in which a row has its partition",
            }),
        }
    }

    /// Holds the fields to those that a token of its form must have, and to versions that know them.
    fn check_fields(&self) -> Result<(), VerifyError> {
        let needed: &[Field] = match self.form {
            Form::Account => &[Field::Services, Field::ResourceTypes, Field::Permissions, Field::Expiry],
            // A stored policy may say the rest.
            Form::Service(_) if self.params.get(Field::Identifier).is_some() => &[],
            Form::Service(_) | Form::Delegated(_) => &[Field::Permissions, Field::Expiry],
        };
        for field in needed {
            self.params.required(*field)?;
        }
        if let Form::Delegated(_) = self.form {
            for field in KEY_FIELDS {
                self.params.required(field)?;
            }
        }
        let since = match self.form {
            Form::Account => Some(Version::V2015_04_05),
            Form::Service(kind) => kind.since(false),
            Form::Delegated(kind) => kind.since(true),
        };
        if since.is_none_or(|since| self.version < since) {
            return Err(VerifyError::FieldForm { field: "sv", expected: VERSION });
        }
        let can_be_empty =
            |field: Field| (Field::StartPartition as u8..=Field::ContentType as u8).contains(&(field as u8));
        for (field, value) in self.params.fields() {
            if value.is_empty() && !can_be_empty(field) {
                return Err(VerifyError::FieldForm { field: field.name(), expected: "not empty" });
            }
            if value.as_bytes().contains(&b'%') && !is_utf8(value) {
                return Err(VerifyError::FieldForm { field: field.name(), expected: "UTF-8" });
            }
        }
        if let Some(skv) = self.params.get(Field::KeyVersion)
            && read_version(skv).is_none_or(|version| version < Version::V2018_11_09)
        {
            return Err(VerifyError::FieldForm { field: "skv", expected: VERSION });
        }
        if self.params.get(Field::AuthorizedObject).is_some() && self.params.get(Field::UnauthorizedObject).is_some() {
            return Err(VerifyError::FieldForm { field: "suoid", expected: "absent beside `saoid`" });
        }
        Ok(())
    }
}

/// What kind of token its fields say that it is.
fn form_of(params: &Params<'_>) -> Result<Form, VerifyError> {
    const SR: &str = "`b`, `bs`, `bv`, `c`, `d`, `f` or `s`";
    let has = |field: Field| params.get(field).is_some();
    if has(Field::Services) || has(Field::ResourceTypes) {
        return Ok(Form::Account);
    }
    let kind = match params.get(Field::Resource) {
        Some("b") => Kind::Blob,
        Some("bs") => Kind::Snapshot,
        Some("bv") => Kind::BlobVersion,
        Some("c") => Kind::Container,
        Some("d") => Kind::Directory,
        Some("f") => Kind::File,
        Some("s") => Kind::Share,
        Some(_) => return Err(VerifyError::FieldForm { field: "sr", expected: SR }),
        None if has(Field::Table) => Kind::Table,
        None => Kind::Queue,
    };
    Ok(if KEY_FIELDS.into_iter().any(has) { Form::Delegated(kind) } else { Form::Service(kind) })
}

fn read_version(value: &str) -> Option<Version> {
    short::<16>(value).as_ref().and_then(|text| Version::parse(text.as_str()?))
}

/// Reads the depth of a directory: a small number without a leading zero, there exactly if the token is for a directory.
fn read_depth(params: &Params<'_>) -> Result<usize, VerifyError> {
    let is_directory = params.get(Field::Resource) == Some("d");
    match params.get(Field::Depth).map(str::as_bytes) {
        None if is_directory => Err(VerifyError::FieldCount { field: "sdd", found: 0 }),
        None => Ok(0),
        Some([ones @ b'1'..=b'9']) => Ok(usize::from(ones - b'0')),
        Some([tens @ b'1'..=b'9', ones @ b'0'..=b'9']) => Ok(usize::from((tens - b'0') * 10 + (ones - b'0'))),
        Some(_) => Err(VerifyError::FieldForm { field: "sdd", expected: "a number from 1 to 99" }),
    }
}

/// Reads `sig`: base64 of 32 bytes in its one spelling, with or without escapes.
fn read_signature(value: &str) -> Result<[u8; 32], VerifyError> {
    let bytes = short::<44>(value).and_then(|text| encode::digest_from_base64(text.bytes()));
    bytes.ok_or(VerifyError::FieldForm { field: "sig", expected: BASE64 })
}

/// The header lines that verification itself reads.
struct Head<'r> {
    host: Option<&'r [u8]>,
    hosts: usize,
    is_authorized: bool,
    foreign: Option<&'static str>,
    features: Features,
}

impl<'r> Head<'r> {
    fn read(view: &RequestView<'r>, limits: &Limits) -> Result<Self, VerifyError> {
        let mut head =
            Self { host: None, hosts: 0, is_authorized: false, foreign: None, features: Features::default() };
        for &(name, value) in head::lines(view, limits)? {
            head::check_line(name, value, limits)?;
            head.take(name, value);
        }
        Ok(head)
    }

    fn take(&mut self, name: &str, value: &'r [u8]) {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        let begins = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        if is("host") {
            self.hosts = self.hosts.saturating_add(1);
            self.host = Some(value);
        } else if is("authorization") {
            self.is_authorized = true;
        } else if is("if-match") {
            self.features.has_if_match = true;
        } else if begins("x-ms-") {
            self.features.sets_tags |= is("x-ms-tags");
            self.features.sets_immutability |= begins("x-ms-immutability-policy-") || is("x-ms-legal-hold");
            self.features.breaks_lease |= is("x-ms-lease-action") && trimmed(value).eq_ignore_ascii_case(b"break");
            self.features.renames |= is("x-ms-rename-source");
        } else if begins("x-amz-") || begins("x-goog-") {
            self.foreign = Some("headers of another provider");
        }
    }
}

/// When a token is good.
#[derive(Clone, Copy, Debug, Default)]
struct Life {
    starts_at: Option<Timestamp>,
    ends_at: Option<Timestamp>,
}

impl Life {
    fn check(&self, expect: &Expect, now: Timestamp) -> Result<(), VerifyError> {
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
    addressed: Addressed<'r>,
    life: Life,
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
        self.presented.conclude(&self.finding, &self.expect, self.now)
    }
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented")
            .field("form", &self.form)
            .field("version", &self.version)
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Pending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("presented", &self.presented).finish_non_exhaustive()
    }
}

/// What a verifier found out about a request.
#[derive(Clone, Copy)]
struct Facts<'r> {
    plus: Plus,
    service: Service,
    addressed: Addressed<'r>,
    letters: Letters,
    life: Life,
    is_create_only: bool,
}

/// The facts about a request that its token covers.
///
/// Inside a [`Verified`], they are true: method and path are allowed, in time, from this client. A shared access signature
/// covers no headers but those that it names, and no body.
#[derive(Clone)]
pub struct SignedRequest<'r> {
    presented: Presented<'r>,
    facts: Facts<'r>,
}

impl<'r> SignedRequest<'r> {
    /// The method, which the permissions of the token allow on this resource.
    #[must_use]
    pub const fn method(&self) -> &'r str {
        self.presented.view.method()
    }

    /// The service.
    #[must_use]
    pub const fn service(&self) -> Service {
        self.facts.service
    }

    /// What kind of resource the token is for; nothing for an account SAS.
    #[must_use]
    pub const fn kind(&self) -> Option<Kind> {
        self.presented.form.kind()
    }

    /// Whether a user delegation key signed.
    #[must_use]
    pub const fn is_delegated(&self) -> bool {
        !self.presented.is_of_account_key()
    }

    /// The container, share, queue or table that the request is about; empty for the service itself.
    ///
    /// # Errors
    /// [`VerifyError::Malformed`] if it is not UTF-8.
    pub fn container(&self) -> Result<String, VerifyError> {
        decoded(self.facts.addressed.container)
    }

    /// The blob, file, directory or message in it, decoded once; empty for the container itself. Route on this and on no
    /// other reading.
    ///
    /// # Errors
    /// [`VerifyError::Malformed`] if it is not UTF-8.
    pub fn name(&self) -> Result<String, VerifyError> {
        decoded(self.facts.addressed.name)
    }

    /// What the query says that the request does (`comp`, or `action` in Data Lake Storage); empty if it says nothing.
    #[must_use]
    pub fn operation(&self) -> &'r str {
        let own = if self.facts.service == Service::DataLake { Own::Action } else { Own::Comp };
        self.presented.params.own(own).unwrap_or_default()
    }

    /// Whether the request may make something new but must not overwrite what is there: the caller has to look.
    #[must_use]
    pub const fn must_not_overwrite(&self) -> bool {
        self.facts.is_create_only
    }

    /// The letters of the permissions, in the order of the service.
    #[must_use]
    pub fn permissions(&self) -> String {
        let order = self.kind().map_or("rwdxylacuptfi", |kind| kind.orders()[0]);
        self.facts.letters.in_order(order).collect()
    }

    /// The service version of the token.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.presented.version
    }

    /// The first second at which the token is good, if it says.
    #[must_use]
    pub const fn starts_at(&self) -> Option<Timestamp> {
        self.facts.life.starts_at
    }

    /// The last second at which the same request is accepted again: the end of the token or of its key.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        // INVARIANT: no token without an end is accepted.
        self.facts.life.ends_at.unwrap_or(Timestamp::EPOCH)
    }

    /// The entities of a table that the token reaches. For anything but one named entity the caller has to hold the request
    /// to it.
    ///
    /// # Errors
    /// [`VerifyError::FieldForm`] if it cannot be read.
    pub fn key_range(&self) -> Result<KeyRange, VerifyError> {
        self.presented.key_range(self.facts.plus)
    }

    /// The scope that uploads must be encrypted in (`ses`).
    ///
    /// # Errors
    /// [`VerifyError::FieldForm`] if it cannot be read, as for the others below.
    pub fn encryption_scope(&self) -> Result<Option<String>, VerifyError> {
        self.text(Field::EncryptionScope)
    }

    /// The id that the logs show beside each use (`scid`).
    ///
    /// # Errors
    /// As [`encryption_scope`](Self::encryption_scope).
    pub fn correlation_id(&self) -> Result<Option<String>, VerifyError> {
        self.text(Field::Correlation)
    }

    /// The stored access policy that completed the token (`si`).
    ///
    /// # Errors
    /// As [`encryption_scope`](Self::encryption_scope).
    pub fn policy_id(&self) -> Result<Option<String>, VerifyError> {
        self.text(Field::Identifier)
    }

    /// The object id of the user whom the owner of the delegation key has authorised (`saoid`).
    ///
    /// # Errors
    /// As [`encryption_scope`](Self::encryption_scope).
    pub fn authorized_agent(&self) -> Result<Option<String>, VerifyError> {
        self.text(Field::AuthorizedObject)
    }

    /// The object id of the user for whom access control lists have to be checked (`suoid`).
    ///
    /// # Errors
    /// As [`encryption_scope`](Self::encryption_scope).
    pub fn unauthorized_agent(&self) -> Result<Option<String>, VerifyError> {
        self.text(Field::UnauthorizedObject)
    }

    /// The object id of the user who has to present a token of his own (`sduoid`).
    ///
    /// # Errors
    /// As [`encryption_scope`](Self::encryption_scope).
    pub fn delegated_user(&self) -> Result<Option<String>, VerifyError> {
        self.text(Field::DelegatedObject)
    }

    /// The headers that a download must come with, by name.
    ///
    /// # Errors
    /// [`VerifyError::FieldForm`] in place of one that cannot be read.
    pub fn response_headers(&self) -> impl Iterator<Item = Result<(&'static str, String), VerifyError>> {
        const HEADERS: [(Field, &str); 5] = [
            (Field::CacheControl, "Cache-Control"),
            (Field::ContentDisposition, "Content-Disposition"),
            (Field::ContentEncoding, "Content-Encoding"),
            (Field::ContentLanguage, "Content-Language"),
            (Field::ContentType, "Content-Type"),
        ];
        HEADERS.into_iter().filter_map(|(field, name)| self.text(field).transpose().map(|text| Ok((name, text?))))
    }

    fn text(&self, field: Field) -> Result<Option<String>, VerifyError> {
        let value = self.presented.params.get(field);
        value.map(|value| text(value, self.facts.plus, field.name())).transpose()
    }
}

fn decoded(text: &str) -> Result<String, VerifyError> {
    encode::decode(text).ok_or(VerifyError::Malformed { what: "path", why: "it is not UTF-8" })
}

impl fmt::Debug for SignedRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedRequest")
            .field("method", &self.method())
            .field("service", &self.service())
            .field("form", &self.presented.form)
            .field("permissions", &self.permissions())
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}

//! Reading a request with a token: its shape, its size and its fields, and nothing that needs a key.

use super::{
    addressed::is_utf8,
    canonical::{Field, Layout},
    fields::{Own, Params, fields_of},
    operations::Features,
    resource::Kind,
    verify::{Presented, VERSION},
    version::Version,
};
use crate::{
    encode::{self, Inline, Spelling},
    error::VerifyError,
    head::{self, trimmed},
    target::Target,
    view::{Limits, RequestView},
};

/// What kind of token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Account,
    Service(Kind),
    Delegated(Kind),
}

impl Form {
    pub(super) const fn layout(self) -> Layout {
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
pub(super) const CAN_BE_EMPTY: u64 = {
    let (first, last) = (Field::StartPartition.bit(), Field::ContentType.bit());
    (last << 1) - first
};

const BASE64: &str = "padded base64 of 32 bytes";

impl Presented<'_> {
    /// Reads it where it is kept, since moving it costs more than many a step.
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

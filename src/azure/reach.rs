//! How far a token reaches: looked at only once its signature is known to be right, and told only to its holder.

use super::{
    Expect, Plus,
    address::AddressRange,
    addressed::Addressed,
    canonical::Field,
    fields::{Own, short_text, text},
    operations::{Level, Needs, Request, needs},
    permissions::Letters,
    read::Form,
    resource::{Ends, KeyRange, Kind, MAX_RANGE_KEY, Service},
    verify::{Finding, Life, Presented},
};
use crate::{
    clock::Timestamp,
    encode::{self, Inline},
    error::VerifyError,
    head::trimmed,
};

/// The fields that say which entities of a table a token reaches.
const RANGE: [Field; 4] = [Field::StartPartition, Field::StartRow, Field::EndPartition, Field::EndRow];

const NO_RANGE: VerifyError =
    VerifyError::FieldForm { field: "spk", expected: "an ascending range of keys, in which a row has its partition" };

type RangeKey = Inline<MAX_RANGE_KEY>;

impl Presented<'_> {
    /// Permissions and time, from the token and the stored policy that it names.
    pub(super) fn complete(
        &self,
        finding: &Finding<'_>,
        expect: &Expect,
        now: Timestamp,
    ) -> Result<(Letters, Life), VerifyError> {
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
        if !self.params.holds(Field::Permissions) {
            return Ok(None);
        }
        let mut room = Inline::<32>::new();
        let bytes = self.params.short(Field::Permissions, &mut room).unwrap_or_default();
        let letters = match self.form.kind() {
            None => Letters::read_any_order(bytes, "rwdxylacuptfi"),
            Some(kind) => Letters::read(bytes, &kind.orders()).filter(|letters| kind.knows(*letters) <= self.version),
        };
        letters.map(Some).ok_or(VerifyError::FieldForm { field: "sp", expected: FORM })
    }

    /// Address and protocol.
    pub(super) fn check_client(&self) -> Result<(), VerifyError> {
        if self.params.holds(Field::Address) {
            let mut room = Inline::<32>::new();
            let text = self.params.short(Field::Address, &mut room).and_then(|text| core::str::from_utf8(text).ok());
            let range = text.and_then(AddressRange::read);
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
        if self.params.holds(Field::Protocol) {
            let mut room = Inline::<16>::new();
            match self.params.short(Field::Protocol, &mut room) {
                Some(b"https") if !self.view.came_over_https() => return Err(VerifyError::PlainHttp),
                Some(b"https" | b"https,http") => {}
                _ => return Err(VerifyError::FieldForm { field: "spr", expected: "`https` or `https,http`" }),
            }
        }
        Ok(())
    }

    /// What only a directory of users or the store itself can tell.
    pub(super) fn check_identities(&self, expect: &Expect) -> Result<(), VerifyError> {
        if !expect.identities_are_checked {
            for field in [Field::DelegatedObject, Field::UnauthorizedObject] {
                if self.params.holds(field) {
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

    /// What the request says about itself, for the tables of operations.
    pub(super) fn operation(&self, service: Service, addressed: &Addressed<'_>) -> Request<'_> {
        let query = |rest: Own, other: Own| {
            self.params.own(if service == Service::DataLake { other } else { rest }).unwrap_or_default()
        };
        let restype = if addressed.restype.is_empty() { query(Own::Restype, Own::Resource) } else { addressed.restype };
        Request {
            service,
            level: addressed.level,
            method: self.view.method(),
            restype,
            comp: query(Own::Comp, Own::Action),
            features: self.features,
        }
    }

    /// Service, kind of resource, resource and permission.
    pub(super) fn check_reach(
        &self,
        finding: &Finding<'_>,
        expect: &Expect,
        letters: Letters,
    ) -> Result<Needs, VerifyError> {
        let service = expect.service;
        let request = self.operation(service, &finding.addressed);
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
            let mut room = Inline::<8>::new();
            let text = self.params.short(field, &mut room);
            let letters = text.and_then(|text| Letters::read_any_order(text, known));
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
        let (snapshot, version) = (self.params.own(Own::Snapshot), self.params.own(Own::VersionId));
        let is_one = |part: Option<&str>| part.is_some_and(|part| !part.is_empty());
        let part_is_signed = match kind {
            Kind::Snapshot => is_one(snapshot) && version.is_none(),
            Kind::BlobVersion => is_one(version) && snapshot.is_none(),
            Kind::Blob => snapshot.is_none() && version.is_none(),
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
        let name = encode::Decoded::of(self.params.get(Field::Table).unwrap_or_default());
        let table = finding.addressed.container.bytes();
        if !name.map(|byte| byte.to_ascii_lowercase()).eq(table.map(|byte| byte.to_ascii_lowercase())) {
            return Err(VerifyError::NotCovered { field: "tn", what: "table" });
        }
        let key = |field: Field| {
            let key: Option<Option<RangeKey>> = self.params.get(field).map(|value| short_text(value, expect.plus));
            key.map(|key| key.ok_or(NO_RANGE)).transpose()
        };
        let keys = [key(RANGE[0])?, key(RANGE[1])?, key(RANGE[2])?, key(RANGE[3])?];
        let [start, start_row, end, end_row] = keys.each_ref().map(|key| key.as_ref().and_then(Inline::as_str));
        let range = Ends { start: (start, start_row), end: (end, end_row) };
        range.check().map_err(|_| NO_RANGE)?;
        match finding.addressed.entity()? {
            Some([partition, row])
                if !range.contains(partition.as_str().unwrap_or_default(), row.as_str().unwrap_or_default()) =>
            {
                Err(VerifyError::NotCovered { field: "spk", what: "entity" })
            }
            _ => Ok(()),
        }
    }

    /// The range for whoever holds the request to it.
    pub(super) fn key_range(&self, plus: Plus) -> Result<KeyRange, VerifyError> {
        let key = |field: Field| self.params.get(field).map(|value| text(value, plus, field.name())).transpose();
        let [start_partition, start_row, end_partition, end_row] = RANGE.map(key);
        Ok(KeyRange {
            start_partition: start_partition?,
            start_row: start_row?,
            end_partition: end_partition?,
            end_row: end_row?,
        })
    }
}

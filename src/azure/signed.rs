//! What of a request was signed: the lines that its token would have had, in the order of its layout.

use super::{
    Expect, Plus,
    addressed::is_utf8,
    canonical::Field,
    fields::{Names, Own, decoded, fields_of, is_field, put_decoded},
    read::Form,
    resource::Kind,
    verify::{Finding, Presented},
};
use crate::{error::VerifyError, head::trimmed, mac::Sink};

impl Presented<'_> {
    /// Writes what was signed, and refuses parameters that were not.
    pub(super) fn put(&self, finding: &Finding<'_>, expect: &Expect, sink: &mut impl Sink) -> Result<(), VerifyError> {
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
}

/// Writes a value that is no field of the token, and so was not looked at yet.
#[inline(never)]
fn put_text(sink: &mut impl Sink, value: &str, plus: Plus, field: &'static str) -> Result<(), VerifyError> {
    if !is_utf8(value) {
        return Err(VerifyError::FieldForm { field, expected: "UTF-8" });
    }
    put_decoded(sink, value, plus, field)
}

//! Reading a request: the header lines and parameters that belong to the signature.
//!
//! Everything here is about shape. Whatever can be read in two ways is refused, whatever is repeated is
//! refused, and nothing is decoded twice.

use super::{
    Dialect, HeaderField, P_SIGNATURE, PARAMS,
    canonical::{Query, trimmed},
};
use crate::{
    clock::Timestamp,
    encode::{self, Inline, PlusSign, Spelling},
    error::VerifyError,
    head::{self, is_same_name},
    scan,
    view::{Limits, RequestView},
};
use alloc::borrow::Cow;
use core::marker::PhantomData;

/// The header lines that verification itself reads.
pub(crate) struct Head<'r> {
    host: Option<&'r [u8]>,
    hosts: usize,
    pub(crate) authorization: Option<&'r [u8]>,
    pub(crate) date: Option<&'r [u8]>,
    pub(crate) session_token: Option<&'r [u8]>,
    pub(crate) zonal_token: Option<&'r [u8]>,
    pub(crate) content_sha256: Option<&'r [u8]>,
    /// Whether a header of another dialect is there.
    pub(crate) foreign: bool,
}

impl<'r> Head<'r> {
    pub(crate) fn read<D: Dialect>(view: &RequestView<'r>, limits: &Limits) -> Result<Self, VerifyError> {
        let lines = head::lines(view, limits)?;
        let mut head = Self {
            host: None,
            hosts: 0,
            authorization: None,
            date: None,
            session_token: None,
            zonal_token: None,
            content_sha256: None,
            foreign: false,
        };
        for &(name, value) in lines {
            head::check_line(name, value, limits)?;
            let is = |other: &str| is_same_name(name, other);
            let (slot, field) = match name.len() {
                4 if is("host") => {
                    head.hosts = head.hosts.saturating_add(1);
                    head.host = Some(value);
                    continue;
                }
                13 if is("authorization") => (&mut head.authorization, "Authorization"),
                _ => match D::header_field(name) {
                    Some((HeaderField::Date, field)) => (&mut head.date, field),
                    Some((HeaderField::SessionToken, field)) => (&mut head.session_token, field),
                    Some((HeaderField::ZonalToken, field)) => (&mut head.zonal_token, field),
                    Some((HeaderField::ContentSha256, field)) => (&mut head.content_sha256, field),
                    Some((HeaderField::Foreign, _)) => {
                        head.foreign = true;
                        continue;
                    }
                    None => continue,
                },
            };
            if slot.replace(trimmed(value)).is_some() {
                return Err(VerifyError::FieldCount { field, found: 2 });
            }
        }
        Ok(head)
    }

    pub(crate) fn host(&self) -> Result<&'r str, VerifyError> {
        head::host(self.host, self.hosts)
    }
}

/// The query as sent.
#[derive(Clone, Copy)]
pub(crate) struct RawQuery<'r> {
    pub(crate) raw: &'r str,
    pub(crate) content_sha256: Option<&'r str>,
    /// Whether the query without the signature is canonical as it stands.
    is_canonical: bool,
    pub(crate) has_plus: bool,
    /// What stands before and after the signature.
    around_signature: [&'r str; 2],
}

/// The parameters that belong to a signature.
pub(crate) struct Reserved<'r, D> {
    /// The values of [`Dialect::PARAMS`], in that order.
    values: [Option<&'r str>; PARAMS],
    /// A parameter of another signature scheme.
    pub(crate) foreign: Option<&'static str>,
    /// The credential in its parts, from the usual query: id, date, region and service.
    ///
    /// INVARIANT: none of them has an escape, nor have the values of that query before the signed headers.
    pub(crate) credential: Option<[&'r str; 4]>,
    dialect: PhantomData<D>,
}

/// How many parameters [`RawQuery::read_usual`] reads.
const USUAL_PARAMS: usize = 6;
impl<'r> RawQuery<'r> {
    pub(crate) fn read<D: Dialect>(raw: &'r str, limits: &Limits) -> Result<(Self, Reserved<'r, D>), VerifyError> {
        if raw.is_empty() {
            let query =
                Self { raw, content_sha256: None, is_canonical: true, has_plus: false, around_signature: [raw, ""] };
            return Ok((query, Reserved::NONE));
        }
        if let Some(usual) = Self::read_usual::<D>(raw).filter(|_| limits.params >= USUAL_PARAMS) {
            return Ok(usual);
        }
        Self::read_any::<D>(raw, limits)
    }

    fn read_any<D: Dialect>(raw: &'r str, limits: &Limits) -> Result<(Self, Reserved<'r, D>), VerifyError> {
        let malformed = |why| VerifyError::Malformed { what: "query", why };
        let mut query =
            Self { raw, content_sha256: None, is_canonical: true, has_plus: false, around_signature: [raw, ""] };
        let mut reserved = Reserved::<D>::NONE;
        let bytes = raw.as_bytes();
        let mut before = ("", "");
        let (mut start, mut count) = (0, 0);
        loop {
            let name = encode::scan(bytes, start, [b'=', b'&'], None);
            // The canonical spelling of `name` is `name=`.
            let has_value = bytes.get(name.end) == Some(&b'=');
            let value_at = if has_value { name.end + 1 } else { name.end };
            let value = encode::scan(bytes, value_at, [b'&'; 2], None);
            if name.spelling == Spelling::Malformed || value.spelling == Spelling::Malformed {
                return Err(malformed("it holds a bad escape, a `#`, or a byte that is not visible ASCII"));
            }
            if value.end == start {
                return Err(malformed("a parameter is empty"));
            }
            count += 1;
            if count > limits.params {
                let found = raw.split('&').count();
                return Err(VerifyError::TooLarge { what: "query parameters", found, limit: limits.params });
            }
            let text = |from, to| raw.get(from..to).unwrap_or_default();
            let param = (text(start, name.end), text(value_at, value.end));
            query.is_canonical &=
                has_value && name.spelling == Spelling::Canonical && value.spelling == Spelling::Canonical;
            query.has_plus |= name.has_plus || value.has_plus;
            if query.take(&mut reserved, param, name.has_escape)? == Some(P_SIGNATURE) {
                query.around_signature = [text(0, start.saturating_sub(1)), text(value.end + 1, bytes.len())];
            } else {
                query.is_canonical = query.is_canonical && is_ascending(before, param);
                before = param;
            }
            if value.end >= bytes.len() {
                return Ok((query, reserved));
            }
            start = value.end + 1;
        }
    }

    /// Reads the query that most presigned URLs have: these parameters in this order, canonical, and no
    /// other. By its layout that costs a fraction of reading it name by name; any other query is `None`
    /// and goes the general way, which says the same of this one.
    fn read_usual<D: Dialect>(raw: &'r str) -> Option<(Self, Reserved<'r, D>)> {
        let plain = |text: &'r str| text.split_at_checked(scan::first(text.as_bytes(), scan::unusual)?);
        let [before_credential, before_date, before_expires, before_signed_headers, before_signature] = D::USUAL;
        let (head, signature) = raw.split_at_checked(raw.len().checked_sub(64)?)?;
        let head = head.strip_suffix(before_signature)?;
        read_signature(signature.as_bytes())?;
        let from_credential = head.strip_prefix(before_credential)?;
        let (id, rest) = plain(from_credential)?;
        let (day, rest) = plain(rest.strip_prefix("%2F")?)?;
        let (region, rest) = plain(rest.strip_prefix("%2F")?)?;
        let (service, rest) = plain(rest.strip_prefix("%2F")?)?;
        let rest = rest.strip_prefix(D::CREDENTIAL_END)?;
        let credential = from_credential.get(..from_credential.len().checked_sub(rest.len())?)?;
        let (date, rest) = rest.strip_prefix(before_date)?.split_at_checked(16)?;
        if encode::any(date.as_bytes(), |byte| !byte.is_ascii_alphanumeric()) {
            return None;
        }
        let (expires, rest) = plain(rest.strip_prefix(before_expires)?)?;
        let signed_headers = rest.strip_prefix(before_signed_headers)?;
        if encode::spelling(signed_headers, None) != Spelling::Canonical {
            return None;
        }
        let values = [
            Some(D::ALGORITHM),
            Some(credential),
            Some(date),
            Some(expires),
            Some(signed_headers),
            Some(signature),
            None,
            None,
            None,
        ];
        let around_signature = [head, ""];
        let credential = Some([id, day, region, service]);
        Some((
            Self { raw, content_sha256: None, is_canonical: true, has_plus: false, around_signature },
            Reserved { values, foreign: None, credential, dialect: PhantomData },
        ))
    }

    /// Takes the value of a reserved parameter, and tells which one it was.
    #[inline]
    fn take<D: Dialect>(
        &mut self,
        reserved: &mut Reserved<'r, D>,
        (name, value): (&'r str, &'r str),
        has_escape: bool,
    ) -> Result<Option<usize>, VerifyError> {
        // No name that matters begins with another letter, unless it is written as an escape.
        if !matches!(name.as_bytes().first(), Some(b'X' | b'x' | b'A' | b'a' | b'S' | b's' | b'G' | b'g' | b'%')) {
            return Ok(None);
        }
        let Some(at) = D::reserved_index(name) else {
            return self.take_unusual(reserved, name, value, has_escape).map(|()| None);
        };
        let field = D::PARAMS.get(at).copied().unwrap_or_default();
        if reserved.values.get_mut(at).is_some_and(|slot| slot.replace(value).is_some()) {
            return Err(VerifyError::FieldCount { field, found: 2 });
        }
        Ok(Some(at))
    }

    /// Looks at a name that is not exactly a reserved one: it may be one in another spelling, or belong
    /// to another scheme.
    fn take_unusual<D: Dialect>(
        &mut self,
        reserved: &mut Reserved<'r, D>,
        name: &'r str,
        value: &'r str,
        has_escape: bool,
    ) -> Result<(), VerifyError> {
        let decoded;
        let mut plain = name;
        if has_escape {
            decoded = Inline::<64>::decoded(name.as_bytes());
            match decoded.as_ref().and_then(Inline::as_str) {
                Some(text) => plain = text,
                // Longer than any name that matters, or not text.
                None => return Ok(()),
            }
        }
        let is = |other: &str| plain.eq_ignore_ascii_case(other);
        if let Some(field) = D::PARAMS.iter().find(|known| is(known)) {
            return Err(VerifyError::FieldForm { field, expected: "spelled exactly like this" });
        }
        if is(D::CONTENT_SHA256_PARAM) && self.content_sha256.replace(value).is_some() {
            return Err(VerifyError::FieldCount { field: D::CONTENT_SHA256_PARAM, found: 2 });
        }
        if D::is_foreign(plain) {
            reserved.foreign = Some("a parameter of another scheme");
        }
        Ok(())
    }

    /// What is signed of it.
    pub(crate) const fn canonical(&self, without: &'static [&'static str], plus: PlusSign) -> Query<'r> {
        if self.is_canonical && without.len() <= 1 {
            Query::Canonical(self.around_signature)
        } else {
            Query::Equivalent { raw: self.raw, without, plus }
        }
    }
}

impl<'r, D: Dialect> Reserved<'r, D> {
    const NONE: Self = Self { values: [None; PARAMS], foreign: None, credential: None, dialect: PhantomData };

    /// Whether any parameter of a signature is there.
    pub(crate) fn any(&self) -> bool {
        self.values.iter().any(Option::is_some)
    }

    pub(crate) fn required(&self, at: usize) -> Result<&'r str, VerifyError> {
        let field = D::PARAMS.get(at).copied().unwrap_or_default();
        match self.values.get(at) {
            Some(Some(value)) => Ok(value),
            _ => Err(VerifyError::FieldCount { field, found: 0 }),
        }
    }

    /// The decoded value of algorithm, date, lifetime or region set. None of these needs an escape, so that nothing is
    /// copied unless somebody on the way wrote one.
    #[inline]
    pub(crate) fn decoded(&self, at: usize, expected: &'static str) -> Result<Cow<'r, str>, VerifyError> {
        let raw = self.required(at)?;
        if self.credential.is_some() || !raw.as_bytes().contains(&b'%') {
            return Ok(Cow::Borrowed(raw));
        }
        let field = D::PARAMS.get(at).copied().unwrap_or_default();
        encode::decode(raw).map(Cow::Owned).ok_or(VerifyError::FieldForm { field, expected })
    }
}

/// Whether two parameters in canonical spelling stand in canonical order.
fn is_ascending(left: (&str, &str), right: (&str, &str)) -> bool {
    // Most names differ in their first eight bytes, which compare as one number.
    match (left.0.as_bytes().first_chunk::<8>(), right.0.as_bytes().first_chunk::<8>()) {
        (Some(left), Some(right)) if left != right => u64::from_be_bytes(*left) < u64::from_be_bytes(*right),
        _ => left.0.cmp(right.0).then_with(|| left.1.cmp(right.1)).is_le(),
    }
}

pub(crate) fn read_date(text: &[u8]) -> Option<(Timestamp, [u8; 16])> {
    let bytes = text.try_into().ok()?;
    Some((Timestamp::from_iso_basic(&bytes).ok()?, bytes))
}

/// One to six digits: no sign, no blank, no unit.
pub(crate) fn read_digits(text: &[u8]) -> Option<u32> {
    if !(1..=6).contains(&text.len()) {
        return None;
    }
    text.iter().try_fold(0u32, |number, digit| {
        digit.is_ascii_digit().then(|| number.saturating_mul(10).saturating_add(u32::from(digit & 15)))
    })
}

pub(crate) fn read_signature(text: &[u8]) -> Option<&[u8; 64]> {
    let signature: &[u8; 64] = text.try_into().ok()?;
    (!encode::any(signature, |byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f'))).then_some(signature)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{P_CREDENTIAL, P_SIGNED_HEADERS, tests::Plain},
        *,
    };

    #[test]
    fn the_usual_query_is_read_the_same_both_ways() {
        let signature = "0123456789abcdef".repeat(4);
        let usual = alloc::format!(
            "X-Algorithm=PLAIN&X-Credential=AKID%2F20150830%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Date=20150830T123600Z&X-Expires=900&X-SignedHeaders=a%3Bhost&X-Signature={signature}"
        );
        assert!(RawQuery::read_usual::<Plain>(&usual).is_some());
        // With any byte changed, the short way either says what the general one says, or nothing.
        for at in 0..usual.len() {
            for with in [b'&', b'=', b'%', b'+', b'f', b'F', b'0', b'~', b'#', b' ', b'X', b'/', b'.', b'_'] {
                let mut bytes = usual.clone().into_bytes();
                bytes[at] = with;
                let changed = alloc::string::String::from_utf8(bytes).unwrap();
                let Some((query, reserved)) = RawQuery::read_usual::<Plain>(&changed) else { continue };
                let (general, fields) = RawQuery::read_any::<Plain>(&changed, &Limits::DEFAULT).ok().unwrap();
                assert_eq!(reserved.values, fields.values, "{changed}");
                assert_eq!(reserved.foreign, fields.foreign, "{changed}");
                let parts = reserved.credential.unwrap().join("%2F") + Plain::CREDENTIAL_END;
                assert_eq!(Some(parts.as_str()), fields.values[P_CREDENTIAL], "{changed}");
                // None of them needs decoding, which is what who asks for the decoded values relies on.
                assert!(
                    !fields.values[..P_SIGNED_HEADERS]
                        .iter()
                        .flatten()
                        .any(|value| value.replace("%2F", "").contains('%'))
                );
                assert!(!reserved.credential.unwrap().concat().contains(['%', '/']), "{changed}");
                assert_eq!(query.around_signature, general.around_signature, "{changed}");
                assert!(general.is_canonical && !general.has_plus && general.content_sha256.is_none(), "{changed}");
            }
        }
    }

    #[test]
    fn order_is_by_name_then_value() {
        let sorted = [("A", ""), ("Param", "2"), ("Param-3", "1"), ("X-Amz-Date", "1"), ("X-Amz-Date", "2"), ("a", "")];
        for (at, left) in sorted.iter().enumerate() {
            for (other, right) in sorted.iter().enumerate() {
                assert_eq!(is_ascending(*left, *right), at <= other, "{left:?} {right:?}");
            }
        }
    }

    #[test]
    fn lifetimes_are_one_to_six_digits_and_nothing_else() {
        for (text, expected) in
            [("1", Some(1)), ("604800", Some(604_800)), ("000300", Some(300)), ("999999", Some(999_999))]
        {
            assert_eq!(read_digits(text.as_bytes()), expected, "{text}");
        }
        for text in ["", "+300", "-1", " 300", "300 ", "3e2", "0x12c", "300.0", "1234567", "\u{663}"] {
            assert_eq!(read_digits(text.as_bytes()), None, "{text}");
        }
    }
}

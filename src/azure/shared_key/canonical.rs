//! Every byte that Shared Key signs, for both directions.

use super::super::{canonical::StringToSign, resource::Service};
use alloc::{string::String, vec::Vec};

/// The headers with a line of their own, in the order of the lines.
pub(super) const LINES: [&str; 11] = [
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
];

/// The places of those that are looked at by name.
pub(super) const CONTENT_LENGTH: usize = 2;
pub(super) const CONTENT_MD5: usize = 3;
pub(super) const CONTENT_TYPE: usize = 4;

/// The names of the lines between the method and the headers that are signed by name, for a string of so many lines
/// after the method: that of tables has four.
pub(in super::super) fn line_names(lines: usize) -> Option<&'static [&'static str]> {
    match lines {
        4 => Some(&["content-md5", "content-type", "date"]),
        _ => (lines > LINES.len()).then_some(&LINES),
    }
}

/// The beginning of every header that is signed without a line of its own.
pub(super) const PREFIX: &str = "x-ms-";

/// Which of the two strings a service has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Blobs, Data Lake Storage, files, queues.
    Full,
    /// Tables.
    Table,
}

impl Form {
    pub(super) const fn of(service: Service) -> Self {
        match service {
            Service::Table => Self::Table,
            _ => Self::Full,
        }
    }

    /// Whether this form signs the header with that line.
    pub(super) const fn signs(self, line: usize) -> bool {
        matches!(self, Self::Full) || line == CONTENT_MD5 || line == CONTENT_TYPE
    }
}

/// A query: names in lower case and values, both decoded, in the order in which they are signed.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Holds decoded pairs to one reading, or says what is wrong with them.
    ///
    /// The lines are joined without an escape, so that nothing may hold a line feed, and no name a colon. Values of one
    /// name would be joined with a comma, which a value may hold itself.
    pub(super) fn new(mut pairs: Vec<(String, String)>) -> Result<Self, &'static str> {
        for (name, value) in &mut pairs {
            name.make_ascii_lowercase();
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
                return Err("the names of its parameters must be visible ASCII without `:`");
            }
            if value.chars().any(char::is_control) {
                return Err("it holds control characters");
            }
        }
        pairs.sort();
        if pairs.iter().zip(pairs.iter().skip(1)).any(|((name, _), (next, _))| name == next) {
            return Err("a parameter is repeated");
        }
        Ok(Self(pairs))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(other, _)| other.as_str().cmp(name)).ok()?;
        self.0.get(at).map(|(_, value)| value.as_str())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What the string for tables has of it, unless it cannot be read in one way.
    pub(super) fn comp(&self) -> Result<Option<&str>, &'static str> {
        match self.get("comp") {
            // SPEC: its value is signed as it was sent, so that there must be one way to send it.
            Some(comp) if !comp.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                Err("the value of `comp` must be letters and digits")
            }
            comp => Ok(comp),
        }
    }
}

/// Holds the value of a header to what every reader trims and folds alike.
///
/// The documents fold runs of blanks in `x-ms-*` headers into one, and the official clients do not, so that a value with
/// such a run is signed in two ways.
pub(super) fn check_value(value: &[u8], is_folded: bool) -> Result<(), &'static str> {
    if !value.iter().all(|byte| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t')) {
        return Err("a signed value must be visible ASCII");
    }
    let runs = value.windows(2).any(|pair| pair == b"  ") || value.contains(&b'\t');
    if is_folded && runs {
        return Err("two blanks in a row, or a tab, are signed in two ways");
    }
    Ok(())
}

/// Whether names in byte order are in the order of the official clients too.
///
/// Those compare as the service does: hyphens do not count, and an underscore comes before digits and letters. Names that
/// differ in hyphens alone are taken as a difference.
pub(super) fn sort_alike<'a>(names: impl Iterator<Item = &'a str> + Clone) -> bool {
    let key = |name: &'a str| name.bytes().filter(|byte| *byte != b'-').map(|byte| if byte == b'_' { 0 } else { byte });
    names.clone().zip(names.skip(1)).all(|(name, next)| key(name).lt(key(next)))
}

/// What a string to sign is made of.
#[derive(Clone, Copy)]
pub(super) struct Canonical<'a> {
    pub(super) form: Form,
    pub(super) method: &'a str,
    /// The values of [`LINES`]; empty if there is none.
    pub(super) lines: [&'a [u8]; LINES.len()],
    /// The value of `x-ms-date`.
    pub(super) date: &'a [u8],
    pub(super) account: &'a str,
    /// The path as sent, with the account once more if that is where it stands.
    pub(super) path: &'a str,
    pub(super) query: &'a Query,
}

impl<'a> Canonical<'a> {
    /// Writes it, with the `x-ms-*` headers in the order of their lower-case names.
    pub(super) fn write(
        &self,
        headers: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<StringToSign, &'static str> {
        let mut text = Vec::with_capacity(512);
        let mut line = |pieces: &[&[u8]]| pieces.iter().for_each(|piece| text.extend_from_slice(piece));
        line(&[self.method.as_bytes(), b"\n"]);
        for (at, value) in self.lines.iter().enumerate().filter(|(at, _)| self.form.signs(*at)) {
            match at {
                CONTENT_LENGTH if *value == b"0" => line(&[b"\n"]),
                _ => line(&[value, b"\n"]),
            }
        }
        match self.form {
            Form::Full => headers.for_each(|(name, value)| line(&[name.as_bytes(), b":", value, b"\n"])),
            Form::Table => line(&[self.date, b"\n"]),
        }
        line(&[b"/", self.account.as_bytes(), self.path.as_bytes()]);
        match self.form {
            Form::Full => {
                for (name, value) in self.query.iter() {
                    line(&[b"\n", name.as_bytes(), b":", value.as_bytes()]);
                }
            }
            Form::Table => {
                if let Some(comp) = self.query.comp()? {
                    line(&[b"?comp=", comp.as_bytes()]);
                }
            }
        }
        Ok(StringToSign::new(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> Result<Query, &'static str> {
        Query::new(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    #[test]
    fn the_documented_examples_are_written_as_documented() {
        let get_metadata = query(&[("restype", "container"), ("comp", "metadata"), ("timeout", "20")]).unwrap();
        let mut canonical = Canonical {
            form: Form::Full,
            method: "GET",
            lines: [b""; LINES.len()],
            date: b"",
            account: "myaccount",
            path: "/mycontainer",
            query: &get_metadata,
        };
        let headers: [(&str, &[u8]); 2] =
            [("x-ms-date", b"Fri, 26 Jun 2015 23:39:12 GMT"), ("x-ms-version", b"2015-02-21")];
        assert_eq!(
            canonical.write(headers.into_iter()).unwrap().to_text(),
            "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n\
             /myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20"
        );
        canonical.lines[CONTENT_LENGTH] = b"0";
        let with_zero = canonical.write([].into_iter()).unwrap().to_text();
        assert!(with_zero.starts_with("GET\n\n\n\n\n\n\n\n\n\n\n\n/myaccount"));

        let table = Canonical { form: Form::Table, date: b"Sun, 11 Oct 2009 19:52:39 GMT", ..canonical };
        assert_eq!(
            table.write(headers.into_iter()).unwrap().to_text(),
            "GET\n\n\nSun, 11 Oct 2009 19:52:39 GMT\n/myaccount/mycontainer?comp=metadata"
        );
    }

    #[test]
    fn a_query_has_one_reading() {
        let sorted = query(&[("b", "2"), ("A", "1"), ("$x", "\u{fc}")]).unwrap();
        assert_eq!(sorted.iter().collect::<Vec<_>>(), [("$x", "\u{fc}"), ("a", "1"), ("b", "2")]);
        assert_eq!((sorted.get("a"), sorted.get("c")), (Some("1"), None));
        for pairs in [
            &[("a", "1"), ("A", "2")][..],
            &[("", "1")],
            &[("a:b", "c")],
            &[("a b", "c")],
            &[("\u{fc}", "c")],
            &[("a", "1\nb:2")],
            &[("a\n", "1")],
            &[("a", "\0")],
        ] {
            assert!(query(pairs).is_err(), "{pairs:?}");
        }
        assert!(query(&[("comp", "a&b")]).unwrap().comp().is_err());
    }

    #[test]
    fn names_that_the_clients_sort_otherwise_are_seen() {
        for (names, alike) in [
            (&["x-ms-a", "x-ms-a-b"][..], true),
            (&["x-ms-date", "x-ms-version"], true),
            (&["x-ms-a-b", "x-ms-ab"], false),
            (&["x-ms-a-z", "x-ms-ab"], false),
            (&["x-ms-ab", "x-ms-ac-b"], true),
            (&["x-ms-meta-a1", "x-ms-meta-a_b"], false),
            (&["x-ms-meta-a_b", "x-ms-meta-ab"], true),
            (&["x-ms-file-permission", "x-ms-file-permission-key"], true),
        ] {
            assert!(names.is_sorted());
            assert_eq!(sort_alike(names.iter().copied()), alike, "{names:?}");
        }
    }
}

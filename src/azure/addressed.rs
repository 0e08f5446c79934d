//! What a path names: a container, and what is in it.

use super::{
    fields::{Own, Params, put_decoded},
    operations::Level,
    resource::{Kind, MAX_KEY, Service},
};
use crate::{
    encode::{self, Decoded, Inline},
    error::VerifyError,
    mac::Sink,
    scan,
    view::Plus,
};
use core::iter::Peekable;

/// The parts of a path behind the account, as sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addressed<'r> {
    pub(super) level: Level,
    /// The container, share, queue or table; empty for the service itself.
    pub(super) container: &'r str,
    /// What is in it; empty for the container itself.
    pub(super) name: &'r str,
    /// Both as they stand in the path, with a slash between, if they do.
    both: Option<&'r str>,
    /// Whether every byte of them stands for itself.
    is_plain: bool,
    /// What kind of thing the path names, where the query does not say it.
    pub(super) restype: &'static str,
    /// The keys of an entity, with their quotes and escapes.
    keys: Option<&'r str>,
}

const PATH: &str = "path";

impl<'r> Addressed<'r> {
    /// Splits what stands behind the account: nothing, or a `/` and more; and whether every byte of it stands for itself.
    pub(super) fn split(
        service: Service,
        (path, is_plain): (&'r str, bool),
        params: &Params<'r>,
    ) -> Result<Self, VerifyError> {
        let malformed = |why| VerifyError::Malformed { what: PATH, why };
        let path = path.strip_prefix('/').unwrap_or(path);
        let end = scan::find(path.as_bytes(), b'/').unwrap_or(path.len());
        let (container, rest) = path.split_at_checked(end).unwrap_or_default();
        let name = rest.strip_prefix('/');
        let at = |level, container, name| Self {
            level,
            container,
            name,
            both: None,
            is_plain: false,
            restype: "",
            keys: None,
        };
        if container.is_empty() {
            return match name {
                None => Ok(at(Level::Service, "", "")),
                Some(_) => Err(malformed("its container is empty")),
            };
        }
        // What ends the container must be a slash to everybody: `a%2Fb/c` would share its signature with `a/b`, and `a%2Fb` is
        // one name in the root container and another in `a`.
        if !is_plain
            && service != Service::Table
            && encode::has_escape(container)
            && container.as_bytes().windows(3).any(|it| matches!(it, [b'%', b'2', b'f' | b'F']))
        {
            return Err(VerifyError::AmbiguousPath { why: "`%2F` stands where the container ends" });
        }
        let restype = params.own(Own::Restype).unwrap_or_default();
        let name = name.unwrap_or_default();
        let (level, container, name) = match service {
            Service::Blob if restype == "container" => (Level::Container, container, name),
            // SPEC: a blob in the root container can be named without it.
            Service::Blob if name.is_empty() && !path.ends_with('/') => (Level::Object, "$root", container),
            Service::DataLake if params.own(Own::Resource) == Some("filesystem") => (Level::Container, container, name),
            Service::File if restype == "share" => (Level::Container, container, name),
            Service::File if restype == "directory" && name.is_empty() => (Level::Container, container, name),
            Service::Blob | Service::DataLake | Service::File if name.is_empty() => {
                return Err(malformed("it names nothing in its container"));
            }
            Service::Blob | Service::DataLake | Service::File => (Level::Object, container, name),
            Service::Queue => return Self::in_queue(container, name),
            Service::Table => return Self::in_tables(container, name),
        };
        if level == Level::Container && !name.is_empty() {
            return Err(malformed("it names more than the container that the query is about"));
        }
        // Without a container in the path it is another one that is signed.
        let has_both = level == Level::Object && path.len() == container.len() + 1 + name.len();
        let both = has_both.then_some(path);
        Ok(Self { both, is_plain, ..at(level, container, name) })
    }

    fn in_queue(container: &'r str, name: &'r str) -> Result<Self, VerifyError> {
        let (level, restype) = match name {
            "" => (Level::Container, ""),
            "messages" => (Level::Object, ""),
            name if name.strip_prefix("messages/").is_some_and(|id| !id.is_empty() && !id.contains('/')) => {
                (Level::Object, "message")
            }
            _ => return Err(VerifyError::Malformed { what: PATH, why: "a queue has nothing but messages" }),
        };
        Ok(Self { level, container, name, both: None, is_plain: false, restype, keys: None })
    }

    fn in_tables(segment: &'r str, rest: &str) -> Result<Self, VerifyError> {
        let malformed = |why| VerifyError::Malformed { what: PATH, why };
        if !rest.is_empty() {
            return Err(malformed("a table has entities and nothing below them"));
        }
        let (table, keys) = match segment.split_once('(') {
            Some((table, keys)) => {
                (table, Some(keys.strip_suffix(')').ok_or_else(|| malformed("its parentheses do not match"))?))
            }
            None => (segment, None),
        };
        if table == "Tables" {
            return Ok(Self {
                level: Level::Container,
                container: table,
                name: "",
                both: None,
                is_plain: false,
                restype: "tables",
                keys: None,
            });
        }
        if table.is_empty() || !table.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(malformed("it names no table"));
        }
        let keys = keys.filter(|keys| !keys.is_empty());
        let level = if keys.is_some() { Level::Object } else { Level::Container };
        Ok(Self { level, container: table, name: "", both: None, is_plain: false, restype: "", keys })
    }

    /// The partition key and row key of the entity that is named, decoded where they stand.
    pub(super) fn entity(&self) -> Result<Option<[Key; 2]>, VerifyError> {
        let Some(keys) = self.keys else { return Ok(None) };
        let mut bytes = Decoded::of(keys).peekable();
        let keys = read_keys(&mut bytes).filter(|_| bytes.next().is_none());
        let malformed = VerifyError::Malformed { what: PATH, why: "it must name `PartitionKey` and `RowKey`" };
        keys.map(Some).ok_or(malformed)
    }

    /// Writes the canonicalized resource that a token of this kind would be for, `prefix` being its `/service/account/`.
    pub(super) fn put_canonical(
        &self,
        kind: Kind,
        prefix: &[u8],
        depth: usize,
        sink: &mut impl Sink,
    ) -> Result<(), VerifyError> {
        sink.put(prefix);
        match kind {
            Kind::Table => {
                // INVARIANT: letters and digits, see `in_tables`.
                self.container.bytes().for_each(|byte| sink.put_byte(byte.to_ascii_lowercase()));
                Ok(())
            }
            Kind::Container | Kind::Share | Kind::Queue => put_decoded(sink, self.container, Plus::Literal, PATH),
            Kind::Blob | Kind::Snapshot | Kind::BlobVersion | Kind::File => {
                if let Some(both) = self.both {
                    if self.is_plain {
                        sink.put(both.as_bytes());
                        return Ok(());
                    }
                    return put_decoded(sink, both, Plus::Literal, PATH);
                }
                put_decoded(sink, self.container, Plus::Literal, PATH)?;
                sink.put_byte(b'/');
                put_decoded(sink, self.name, Plus::Literal, PATH)
            }
            Kind::Directory => {
                put_decoded(sink, self.container, Plus::Literal, PATH)?;
                sink.put_byte(b'/');
                // INVARIANT: `is_as_deep_as` agreed, so that the depth is at least one.
                let mut left = depth;
                for byte in Decoded::of(self.name) {
                    left = left.saturating_sub(usize::from(byte == b'/'));
                    if left == 0 {
                        break;
                    }
                    if byte.is_ascii_control() {
                        return Err(VerifyError::FieldForm {
                            field: PATH,
                            expected: "text without control characters",
                        });
                    }
                    sink.put_byte(byte);
                }
                Ok(())
            }
        }
    }

    /// Whether what is named is a directory of that depth in its own path, or lies in one.
    pub(super) fn is_as_deep_as(&self, depth: usize) -> bool {
        let (mut segments, mut is_empty) = (1, true);
        for byte in Decoded::of(self.name) {
            if byte != b'/' {
                is_empty = false;
            } else if is_empty {
                return false;
            } else if segments == depth {
                return true;
            } else {
                (segments, is_empty) = (segments + 1, true);
            }
        }
        segments == depth && !is_empty
    }
}

/// A key of an entity.
pub(super) type Key = Inline<MAX_KEY>;

/// Reads `PartitionKey='…',RowKey='…'`, in which blanks may stand around the comma.
fn read_keys(bytes: &mut Peekable<Decoded<'_>>) -> Option<[Key; 2]> {
    take(bytes, b"PartitionKey='")?;
    let partition = quoted(bytes)?;
    while bytes.next_if_eq(&b' ').is_some() {}
    take(bytes, b",")?;
    while bytes.next_if_eq(&b' ').is_some() {}
    take(bytes, b"RowKey='")?;
    Some([partition, quoted(bytes)?])
}

fn take(bytes: &mut Peekable<Decoded<'_>>, text: &[u8]) -> Option<()> {
    text.iter().all(|byte| bytes.next() == Some(*byte)).then_some(())
}

/// Text up to the quote that ends it, with doubled quotes read as one.
fn quoted(bytes: &mut Peekable<Decoded<'_>>) -> Option<Key> {
    let mut key = Key::new();
    loop {
        let byte = bytes.next()?;
        if byte == b'\'' && bytes.next_if_eq(&b'\'').is_none() {
            return key.as_str().is_some().then_some(key);
        }
        key.push(&[byte])?;
    }
}

/// Holds a path to one reading.
pub(super) fn check_path(path: &str, escaped_slashes: bool) -> Result<(), VerifyError> {
    let ambiguous = |why| Err(VerifyError::AmbiguousPath { why });
    if encode::any(path.as_bytes(), |byte| byte == b'\\') {
        return ambiguous("a backslash is `/` to some servers and clients");
    }
    if !encode::has_escape(path) {
        return Ok(());
    }
    for escape in path.as_bytes().windows(3) {
        match escape {
            [b'%', b'2', b'f' | b'F'] if !escaped_slashes => {
                return ambiguous(
                    "`%2F` is a slash to the service and a byte of a name to others: see `escaped_slashes`",
                );
            }
            [b'%', b'5', b'c' | b'C'] => return ambiguous("a backslash is `/` to some servers and clients"),
            _ => {}
        }
    }
    if is_utf8(path) { Ok(()) } else { Err(VerifyError::Malformed { what: PATH, why: "it is not UTF-8" }) }
}

/// Whether a segment is `.` or `..` once every escape is read, those of slashes too.
pub(super) fn has_decoded_dot_segment(text: &str) -> bool {
    // Dots at the beginning of a segment that has nothing else so far.
    let mut dots = Some(0u8);
    for byte in Decoded::of(text) {
        match (byte, dots) {
            (b'/', Some(1 | 2)) => return true,
            (b'/', _) => dots = Some(0),
            (b'.', Some(count)) => dots = count.checked_add(1),
            _ => dots = None,
        }
    }
    matches!(dots, Some(1 | 2))
}

/// Whether the decoded bytes are UTF-8, looked at without keeping them.
pub(super) fn is_utf8(text: &str) -> bool {
    // Nothing but an escape from `%80` on can be wrong.
    if !encode::any_pair(text.as_bytes(), b'%', |digit| digit > b'7') {
        return true;
    }
    let mut bytes = Decoded::of(text);
    while let Some(first) = bytes.next() {
        let length = match first {
            0..0x80 => continue,
            0xc0..0xe0 => 2,
            0xe0..0xf0 => 3,
            _ => 4,
        };
        let mut one = [first, 0, 0, 0];
        for slot in one.iter_mut().take(length).skip(1) {
            *slot = bytes.next().unwrap_or_default();
        }
        if core::str::from_utf8(one.get(..length).unwrap_or_default()).is_err() {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Limits;
    use alloc::{borrow::ToOwned, string::String};
    use proptest::prelude::*;

    fn split<'r>(service: Service, path: &'r str, query: &'r str) -> Result<Addressed<'r>, VerifyError> {
        Addressed::split(service, (path, false), &Params::read(query, &Limits::DEFAULT).unwrap())
    }

    #[test]
    fn a_path_names_one_thing() {
        use Level::{Container as C, Object as O, Service as S};
        for (service, path, query, level, container, name) in [
            (Service::Blob, "/", "comp=list", S, "", ""),
            (Service::Blob, "/photos", "restype=container", C, "photos", ""),
            (Service::Blob, "/photos/", "restype=container", C, "photos", ""),
            (Service::Blob, "/cat.jpg", "", O, "$root", "cat.jpg"),
            (Service::Blob, "/photos/a/b//c", "", O, "photos", "a/b//c"),
            (Service::Blob, "/photos//b", "", O, "photos", "/b"),
            (Service::DataLake, "/fs", "resource=filesystem", C, "fs", ""),
            (Service::File, "/share", "restype=directory&comp=list", C, "share", ""),
            (Service::File, "/share/d/f", "", O, "share", "d/f"),
            (Service::Queue, "/q/messages", "", O, "q", "messages"),
            (Service::Table, "/Tables", "", C, "Tables", ""),
            (Service::Table, "/Mine()", "", C, "Mine", ""),
            (Service::Table, "/Mine(PartitionKey='a',RowKey='b')", "", O, "Mine", ""),
        ] {
            let found = split(service, path, query).unwrap();
            assert_eq!((found.level, found.container, found.name), (level, container, name), "{path}");
        }
        for (service, path, query) in [
            (Service::Blob, "//blob", ""),
            (Service::Blob, "/photos/", ""),
            (Service::Blob, "/photos%2Fa/b", ""),
            (Service::Blob, "/photos%2fa", ""),
            (Service::Blob, "/photos/cat.jpg", "restype=container"),
            (Service::DataLake, "/fs", ""),
            (Service::File, "/share", ""),
            (Service::Queue, "/q/other", ""),
            (Service::Queue, "/q/messages/", ""),
            (Service::Queue, "/q/messages/a/b", ""),
            (Service::Table, "/$batch", ""),
            (Service::Table, "/Mine(", ""),
            (Service::Table, "/Mine/more", ""),
        ] {
            assert!(split(service, path, query).is_err(), "{path}");
        }
    }

    #[test]
    fn entities_are_read_with_their_quotes() {
        let entity = |path: &'static str| {
            let keys = split(Service::Table, path, "").unwrap().entity()?;
            Ok::<_, VerifyError>(
                keys.map(|[partition, row]| [partition, row].map(|key| key.as_str().unwrap().to_owned())),
            )
        };
        assert_eq!(entity("/T12(PartitionKey='a%20b',RowKey='it''s')"), Ok(Some(["a b".into(), "it's".into()])));
        assert_eq!(entity("/T12(PartitionKey='',%20RowKey='')"), Ok(Some([String::new(), String::new()])));
        assert_eq!(entity("/T12()"), Ok(None));
        for path in [
            "/T12('a')",
            "/T12(RowKey='a',PartitionKey='b')",
            "/T12(PartitionKey='a',RowKey='b',x='c')",
            "/T12(PartitionKey='a'RowKey='b')",
            "/T12(PartitionKey='a',RowKey='b'')",
        ] {
            assert!(entity(path).is_err(), "{path}");
        }
    }

    #[test]
    fn a_key_is_as_long_as_the_service_lets_it_be() {
        for (length, is_read) in [(MAX_KEY, true), (MAX_KEY + 1, false)] {
            let path = ["/T12(PartitionKey='", &"a".repeat(length), "',RowKey='')"].concat();
            assert_eq!(split(Service::Table, &path, "").unwrap().entity().is_ok(), is_read, "{length}");
        }
        assert!(split(Service::Table, "/T12(PartitionKey='%FF',RowKey='')", "").unwrap().entity().is_err());
    }

    #[test]
    fn dot_segments_are_seen_behind_every_escape() {
        for text in [".", "..", "a/..", "a/./b", "a%2F..%2Fb", "a%2f%2E%2e", "../a", "/."] {
            assert!(has_decoded_dot_segment(text), "{text}");
        }
        for text in ["", "a", "...", ".a", "a.", "a/..b/c", "a/.../b", "a%2F...", "a..%2Fb"] {
            assert!(!has_decoded_dot_segment(text), "{text}");
        }
    }

    #[test]
    fn a_blob_in_the_root_container_is_signed_with_it() {
        for (path, canonical) in [
            ("/cat.jpg", "/blob/me/$root/cat.jpg"),
            ("/$root/cat.jpg", "/blob/me/$root/cat.jpg"),
            ("/pets/cat%20.jpg", "/blob/me/pets/cat .jpg"),
        ] {
            let mut found = alloc::vec::Vec::new();
            split(Service::Blob, path, "").unwrap().put_canonical(Kind::Blob, b"/blob/me/", 0, &mut found).unwrap();
            assert_eq!(String::from_utf8(found).unwrap(), canonical);
        }
    }

    #[test]
    fn segments_are_counted_from_the_left() {
        for (path, depth, canonical) in [
            ("a/b/c", 1, Some("/blob/me/fs/a")),
            ("a/b/c", 3, Some("/blob/me/fs/a/b/c")),
            ("a%2Fb/c", 2, Some("/blob/me/fs/a/b")),
            ("a/b/c", 4, None),
            ("a/b/", 2, Some("/blob/me/fs/a/b")),
            ("a/b/", 3, None),
            ("a//c", 2, None),
            ("/a", 1, None),
            ("", 1, None),
            ("a", 0, None),
        ] {
            let at = Addressed {
                level: Level::Object,
                container: "fs",
                name: path,
                both: None,
                is_plain: false,
                restype: "",
                keys: None,
            };
            let mut found = alloc::vec::Vec::new();
            let is_deep = at.is_as_deep_as(depth);
            if is_deep {
                at.put_canonical(Kind::Directory, b"/blob/me/", depth, &mut found).unwrap();
            }
            assert_eq!(is_deep.then(|| String::from_utf8(found).unwrap()).as_deref(), canonical, "{path} {depth}");
        }
    }

    proptest! {
        #[test]
        fn utf8_is_seen_without_keeping_it(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap();
            let escaped: String = bytes.iter().flat_map(|byte| ['%', digit(byte >> 4), digit(byte & 15)]).collect();
            prop_assert_eq!(is_utf8(&escaped), core::str::from_utf8(&bytes).is_ok());
        }
    }
}

//! Which permission each request needs, in the order of the documents: a second list, to hold the crate's to.

#![expect(clippy::match_same_arms, reason = "a table: what belongs together stands together")]

use super::reference::{Asked, Place, Sent};
use valet_key::azure::Service;

/// What an operation needs.
pub(super) struct Needs {
    pub(super) one_of: &'static str,
    pub(super) all_of: &'static str,
    /// Only with an account SAS.
    pub(super) is_for_accounts: bool,
    /// The letter of `srt`.
    pub(super) level: char,
    /// Whether something new comes to be, which `c` alone must not put in the place of another.
    pub(super) makes_new: bool,
}

const fn needs(one_of: &'static str, level: char) -> Needs {
    Needs { one_of, all_of: "", is_for_accounts: false, level, makes_new: false }
}

const fn only_accounts(one_of: &'static str, level: char) -> Needs {
    Needs { is_for_accounts: true, ..needs(one_of, level) }
}

/// What a request needs; nothing if there is no such request.
pub(super) fn of(sent: &Sent<'_>, place: &Place) -> Option<Needs> {
    let Asked { service, .. } = *sent.asked;
    let (comp, restype) = match service {
        Service::DataLake => (sent.or_empty("action"), sent.or_empty("resource")),
        _ => (sent.or_empty("comp"), sent.or_empty("restype")),
    };
    let (reads, gets) = (matches!(sent.method, "GET" | "HEAD"), sent.method == "GET");
    let (puts, deletes) = (sent.method == "PUT", sent.method == "DELETE");
    if place.level == 's' && service != Service::DataLake {
        return match (sent.method, restype, comp) {
            ("GET", "", "list") => Some(only_accounts("l", 's')),
            ("GET", "service", "properties" | "stats") => Some(only_accounts("r", 's')),
            ("PUT", "service", "properties") => Some(only_accounts("w", 's')),
            ("GET", "", "blobs") if service == Service::Blob => Some(only_accounts("f", 'o')),
            _ => None,
        };
    }
    match service {
        Service::Blob if place.level == 'o' => blob(sent, restype, comp),
        Service::Blob if restype != "container" => None,
        Service::Blob if gets && comp == "list" => Some(needs("l", 'c')),
        Service::Blob if gets && comp == "blobs" => Some(needs("f", 'c')),
        Service::Blob => container(sent, comp),
        Service::DataLake => data_lake(sent, place, restype, comp),
        // List Directories and Files
        Service::File if gets && restype == "directory" && comp == "list" => Some(needs("l", 'c')),
        Service::File if place.level == 'c' && restype == "share" => match comp {
            "stats" if gets => Some(only_accounts("r", 'c')),
            "properties" if puts => Some(only_accounts("w", 'c')),
            "snapshot" if puts => Some(only_accounts("cw", 'c')),
            _ => container(sent, comp),
        },
        Service::File if place.level == 'c' => None,
        Service::File => match (restype, comp) {
            ("" | "directory", "") if puts => Some(Needs { makes_new: true, ..needs("cw", 'o') }),
            ("" | "directory", "" | "metadata") if reads => Some(needs("r", 'o')),
            ("", "rangelist") if gets => Some(needs("r", 'o')),
            ("" | "directory", "metadata" | "properties") | ("", "range" | "lease" | "copy") if puts => {
                Some(needs("w", 'o'))
            }
            ("" | "directory", "") if deletes => Some(needs("d", 'o')),
            _ => None,
        },
        _ if !restype.is_empty() => None,
        Service::Queue => match (place.level, place.special, comp) {
            ('c', _, "") if puts => Some(only_accounts("cw", 'c')),
            ('c', _, "") if deletes => Some(only_accounts("d", 'c')),
            ('c', _, "metadata") if reads => Some(needs("r", 'c')),
            ('c', _, "metadata") if puts => Some(only_accounts("w", 'c')),
            ('o', "message", "") if puts => Some(needs("u", 'o')),
            ('o', "message", "") if deletes => Some(needs("p", 'o')),
            ('o', "", "") if sent.method == "POST" => Some(needs("a", 'o')),
            ('o', "", "") if gets => match sent.get("peekonly") {
                None | Some("false") => Some(needs("p", 'o')),
                Some("true") => Some(needs("r", 'o')),
                Some(_) => None,
            },
            // Clear Messages
            ('o', "", "") if deletes => Some(only_accounts("d", 'o')),
            _ => None,
        },
        _ => table(sent, place, comp),
    }
}

/// Operations on a container or share themselves.
fn container(sent: &Sent<'_>, comp: &str) -> Option<Needs> {
    match (sent.method, comp) {
        ("PUT", "") => Some(only_accounts("cw", 'c')),
        ("GET" | "HEAD", "" | "metadata") => Some(only_accounts("r", 'c')),
        ("PUT", "metadata") => Some(only_accounts("w", 'c')),
        ("PUT", "lease") if breaks_lease(sent) => Some(only_accounts("dw", 'c')),
        ("PUT", "lease") => Some(only_accounts("w", 'c')),
        ("DELETE", "") => Some(only_accounts("d", 'c')),
        _ => None,
    }
}

/// Whether nobody can read another action than to break a lease.
fn breaks_lease(sent: &Sent<'_>) -> bool {
    matches!(sent.header("x-ms-lease-action").as_slice(), [action] if action.eq_ignore_ascii_case(b"break"))
}

fn blob(sent: &Sent<'_>, restype: &str, comp: &str) -> Option<Needs> {
    if !restype.is_empty() {
        return None;
    }
    let is_part = sent.get("snapshot").is_some() || sent.get("versionid").is_some();
    let one_of = match (sent.method, comp) {
        ("GET" | "HEAD", "" | "metadata") | ("GET", "blocklist" | "pagelist") | ("POST", "query") => "r",
        ("GET" | "PUT", "tags") => "t",
        ("PUT", "tier") => "w",
        ("PUT" | "DELETE", "immutabilityPolicies") | ("PUT", "legalhold") => "i",
        ("DELETE", "") => match sent.get("deletetype") {
            Some("permanent") => "y",
            Some(_) => return None,
            None if sent.get("versionid").is_some() => "x",
            None => "d",
        },
        _ if is_part => return None,
        ("PUT", "" | "snapshot" | "incrementalcopy") => "cw",
        ("PUT", "appendblock" | "seal") => "aw",
        ("PUT", "lease") if breaks_lease(sent) => "dw",
        (
            "PUT",
            "block" | "blocklist" | "page" | "properties" | "metadata" | "lease" | "copy" | "expiry" | "undelete",
        ) => "w",
        _ => return None,
    };
    let makes_new = sent.method == "PUT" && comp.is_empty();
    let mut all_of = "";
    if sent.method == "PUT" && matches!(comp, "" | "blocklist") {
        let has = |like: &dyn Fn(&str) -> bool| sent.lines.iter().any(|(name, _)| like(&name.to_ascii_lowercase()));
        let tags = has(&|name| name == "x-ms-tags");
        let locks = has(&|name| name.starts_with("x-ms-immutability-policy-") || name == "x-ms-legal-hold");
        all_of = match (tags, locks) {
            (true, true) => "ti",
            (true, false) => "t",
            (false, true) => "i",
            (false, false) => "",
        };
    }
    Some(Needs { all_of, makes_new, ..needs(one_of, 'o') })
}

fn data_lake(sent: &Sent<'_>, place: &Place, resource: &str, action: &str) -> Option<Needs> {
    if !sent.header("x-ms-rename-source").is_empty() {
        return None;
    }
    match (place.level, sent.method, resource, action) {
        ('s', "GET", "account", "") => Some(only_accounts("l", 's')),
        ('c', "GET", "filesystem", "") => Some(needs("l", 'c')),
        ('c', "HEAD", "filesystem", "") => Some(only_accounts("r", 'c')),
        ('c', "PUT", "filesystem", "") => Some(only_accounts("cw", 'c')),
        ('c', "PATCH", "filesystem", "") => Some(only_accounts("w", 'c')),
        ('c', "DELETE", "filesystem", "") => Some(only_accounts("d", 'c')),
        ('o', "GET" | "HEAD", "", "") => Some(needs("r", 'o')),
        ('o', "HEAD", "", "getStatus") => Some(needs("er", 'o')),
        ('o', "HEAD", "", "getAccessControl") => Some(needs("e", 'o')),
        ('o', "PUT", "file" | "directory", "") => Some(Needs { makes_new: true, ..needs("cw", 'o') }),
        ('o', "PATCH", "", "append") => Some(needs("aw", 'o')),
        ('o', "PATCH", "", "flush" | "setProperties") => Some(needs("w", 'o')),
        ('o', "PATCH", "", "setAccessControl" | "setAccessControlRecursive") => Some(needs("p", 'o')),
        ('o', "DELETE", "", "") => Some(needs("d", 'o')),
        _ => None,
    }
}

fn table(sent: &Sent<'_>, place: &Place, comp: &str) -> Option<Needs> {
    match (place.level, place.special, sent.method, comp) {
        ('c', "tables", "GET", "") => Some(only_accounts("l", 'c')),
        ('c', "tables", "POST", "") => Some(only_accounts("cw", 'c')),
        ('c', "tables", "DELETE", "") => Some(only_accounts("d", 'c')),
        ('c', "", "GET", "") => Some(needs("r", 'c')),
        ('o', _, "GET" | "HEAD", "") => Some(needs("r", 'o')),
        ('c', "", "POST", "") => Some(needs("a", 'c')),
        ('o', _, "DELETE", "") => Some(needs("d", 'o')),
        ('o', _, "PUT" | "MERGE" | "PATCH", "") => {
            // Without the tag of an entity it may insert one.
            let tags = sent.header("if-match");
            let updates = matches!(tags.as_slice(), [tag] if !tag.is_empty());
            Some(if updates { needs("u", 'o') } else { Needs { all_of: "u", ..needs("a", 'o') } })
        }
        _ => None,
    }
}

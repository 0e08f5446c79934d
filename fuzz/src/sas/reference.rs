//! The slow reading of a shared access signature of Azure Storage: one rule of the documents after the other.
//!
//! It collects, copies and searches wherever that is plainer, and shares nothing with the crate under test.

use super::super::reference::{Target, decode};
use super::verdict::{ticks, verdict};
use std::collections::BTreeSet;
use valet_key::azure::Service;

pub(super) const ACCOUNT: &str = "myaccount";
pub(super) const HOST: &str = "myaccount.example";
/// 2026-01-02T03:04:05Z
pub(super) const NOW: i64 = 1_767_323_045;
/// What stands in `skoid`, `sktid`, `skt`, `ske` and `skv` of the one delegation key of each service.
pub(super) const KEY: [&str; 5] = [
    "11111111-1111-1111-1111-111111111111",
    "22222222-2222-2222-2222-222222222222",
    "2026-01-02T00:00:00Z",
    "2026-01-03T00:00:00Z",
    "2020-12-06",
];

const TOKEN: [&str; 36] = [
    "sv", "ss", "srt", "sp", "st", "se", "sip", "spr", "ses", "sr", "si", "sdd", "tn", "spk", "srk", "epk", "erk",
    "rscc", "rscd", "rsce", "rscl", "rsct", "skoid", "sktid", "skt", "ske", "sks", "skv", "saoid", "suoid", "scid",
    "skdutid", "sduoid", "srh", "srq", "sig",
];
/// What a request says of itself in its query.
const OWN: [&str; 10] = [
    "comp",
    "restype",
    "resource",
    "action",
    "snapshot",
    "sharesnapshot",
    "versionid",
    "deletetype",
    "peekonly",
    "directory",
];

/// What a verifier is told beside the request.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(super) struct Asked {
    pub(super) service: Service,
    pub(super) is_https: bool,
    /// The last number of 203.0.113.x.
    pub(super) address: Option<u8>,
    pub(super) account_in_path: bool,
    pub(super) dot_segments: bool,
    pub(super) escaped_slashes: bool,
    pub(super) identities_are_checked: bool,
    pub(super) old_versions: bool,
    /// A blank, a plus, or nothing that may stand there.
    pub(super) plus: Option<char>,
}

/// Permissions, start and end of a stored policy.
pub(super) type Policy = (Option<&'static str>, Option<&'static str>, Option<&'static str>);

/// The stored policies, the same on every container.
pub(super) fn policy(service: Service, id: &str) -> Option<Policy> {
    let (few, all) = match service {
        Service::Blob | Service::DataLake => ("rl", "racwdl"),
        Service::File => ("rl", "rcwdl"),
        Service::Queue => ("r", "raup"),
        _ => ("r", "raud"),
    };
    let later = Some("2026-01-02T04:00:00Z");
    Some(match id {
        "reader" | "a b" => (Some(few), None, later),
        "a+b" => (Some(all), None, later),
        "open" => (Some(all), None, None),
        "ended" => (Some(all), None, Some("2026-01-02T03:04:04Z")),
        "future" => (Some(all), Some("2026-01-02T03:04:06Z"), later),
        _ => return None,
    })
}

/// What a token says.
pub(super) struct Reading {
    pub(super) text: Vec<u8>,
    /// Decoded, in base64.
    pub(super) signature: String,
    pub(super) is_delegated: bool,
    /// Whether it allows the request here and now, if its signature is right.
    pub(super) verdict: Result<Facts, &'static str>,
}

/// What a verified request is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) container: String,
    pub(super) name: String,
    pub(super) letters: BTreeSet<char>,
    pub(super) expires_at: i64,
    pub(super) must_not_overwrite: bool,
}

pub(super) type Rule<T = ()> = Result<T, &'static str>;

pub(super) fn must(is_so: bool, else_why: &'static str) -> Rule {
    if is_so { Ok(()) } else { Err(else_why) }
}

/// Stands for what is not UTF-8.
const NO_TEXT: &str = "\0";

fn is_text(value: &str) -> bool {
    !value.chars().any(|c| c.is_ascii_control())
}

/// A request, taken apart.
pub(super) struct Sent<'r> {
    pub(super) asked: &'r Asked,
    pub(super) method: &'r str,
    pub(super) lines: &'r [(&'r str, &'r [u8])],
    /// Decoded names and values, in order.
    params: Vec<(String, String)>,
    path: &'r str,
}

impl Sent<'_> {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn or_empty(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    pub(super) fn header(&self, name: &str) -> Vec<&[u8]> {
        let lines = self.lines.iter().filter(|(known, _)| known.to_ascii_lowercase() == name);
        lines.map(|(_, value)| trimmed(value)).collect()
    }
}

fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Where a request goes.
pub(super) struct Place {
    /// `s`, `c` or `o`.
    pub(super) level: char,
    pub(super) container: String,
    pub(super) name: String,
    /// `tables` for the list of tables, `message` for one message.
    pub(super) special: &'static str,
    /// The keys of an entity.
    pub(super) keys: Option<String>,
}

/// Reads a request; or says why nobody may accept it, whoever signed it.
pub(super) fn read(asked: &Asked, method: &str, target: &str, lines: &[(&str, &[u8])]) -> Rule<Reading> {
    let Target { authority, path, query } = Target::split(target);
    must(!target.contains('#'), "a fragment is never sent")?;
    must(authority.is_none_or(|it| it.eq_ignore_ascii_case(HOST)), "another authority")?;
    let mut params: Vec<(String, String)> = vec![];
    for piece in query.split('&').filter(|piece| !piece.is_empty()) {
        let (raw, value) = piece.split_once('=').unwrap_or((piece, ""));
        must(asked.plus.is_some() || !piece.contains('+'), "a bare plus")?;
        let plain = |text: &str| {
            let text = if asked.plus == Some(' ') { text.replace('+', "%20") } else { text.to_owned() };
            decode(&text).ok_or("an escape is broken")
        };
        let name = String::from_utf8_lossy(&plain(raw)?).into_owned();
        let folded = name.to_ascii_lowercase();
        // Names with escapes are those of nobody.
        let plain_name = raw.to_ascii_lowercase();
        let is_older = ["awsaccesskeyid", "googleaccessid", "signature"].contains(&plain_name.as_str());
        let is_foreign = is_older || plain_name.starts_with("x-amz-") || plain_name.starts_with("x-goog-");
        must(!is_foreign, "another scheme")?;
        let value = plain(value)?;
        let is_token = TOKEN.contains(&folded.as_str());
        if is_token || OWN.contains(&folded.as_str()) {
            must(raw == folded, "a name in another spelling")?;
            must(!params.iter().any(|(known, _)| *known == name), "a name twice")?;
        }
        let value = String::from_utf8(value).unwrap_or_else(|_| NO_TEXT.to_owned());
        must(!is_token || is_text(&value), "a value that is no text")?;
        params.push((name, value));
    }
    let sent = Sent { asked, method, lines, params, path };
    for (name, value) in lines {
        let name = name.to_ascii_lowercase();
        must(!name.starts_with("x-amz-") && !name.starts_with("x-goog-"), "headers of another scheme")?;
        must(!value.iter().any(|byte| b"\r\n\0".contains(byte)), "a header value that is two lines")?;
    }
    must(sent.header("host").len() == 1, "the host once")?;
    must(sent.header("authorization").is_empty() || sent.get("sduoid").is_some(), "two mechanisms")?;

    let (kind, is_delegated) = kind(&sent)?;
    let version = version(&sent, kind, is_delegated)?;
    let place = place(&sent)?;
    let place = in_directory(&sent, kind, place)?;
    let names = lines_of(kind, is_delegated, version);
    let beside: &[&str] = match kind {
        "account" | "queue" => &["sig"],
        "table" => &["sig", "tn"],
        "d" => &["sig", "sr", "sdd"],
        _ => &["sig", "sr"],
    };
    for name in TOKEN {
        must(sent.get(name).is_none() || names.contains(&name) || beside.contains(&name), "signed by nothing")?;
    }
    let mut text: Vec<Vec<u8>> = vec![];
    for name in names {
        text.push(match name {
            "account" => ACCOUNT.into(),
            "canon" => canonical(&sent, kind, &place)?.into_bytes(),
            "snap" if matches!(kind, "bs" | "bv") => {
                let part = sent.or_empty(if kind == "bs" { "snapshot" } else { "versionid" });
                must(is_text(part), "a snapshot that is no text")?;
                part.into()
            }
            "srh" => required_headers(&sent)?,
            "srq" => required_query(&sent)?,
            // The end of the last line, and a snapshot where there is none.
            "" | "snap" => vec![],
            name => sent.or_empty(name).into(),
        });
    }
    Ok(Reading {
        text: text.join(&b'\n'),
        signature: sent.or_empty("sig").to_owned(),
        is_delegated,
        verdict: verdict(&sent, kind, is_delegated, version, &place),
    })
}

const KEY_FIELDS: [&str; 6] = ["skoid", "sktid", "skt", "ske", "sks", "skv"];

fn kind<'r>(sent: &'r Sent<'_>) -> Rule<(&'r str, bool)> {
    let has = |name: &&str| sent.get(name).is_some();
    let is_delegated = KEY_FIELDS.iter().any(has);
    if has(&"ss") || has(&"srt") {
        must(!is_delegated, "an account SAS of a delegation key")?;
        return Ok(("account", false));
    }
    let kind = match (sent.asked.service, sent.get("sr"), has(&"tn")) {
        (Service::Blob | Service::DataLake, Some(kind @ ("b" | "bs" | "bv" | "c" | "d")), false)
        | (Service::File, Some(kind @ ("s" | "f")), false) => kind,
        (Service::Queue, None, false) => "queue",
        (Service::Table, None, true) => "table",
        _ => return Err("a token of another service"),
    };
    must(!(is_delegated && kind == "table"), "no delegation for tables")?;
    Ok((kind, is_delegated))
}

fn version<'r>(sent: &'r Sent<'_>, kind: &str, is_delegated: bool) -> Rule<&'r str> {
    let version = sent.get("sv").ok_or("no version")?;
    must(version.len() == 10 && ticks(version).is_some(), "a version is a date")?;
    let oldest = if sent.asked.old_versions { "2015-04-05" } else { "2018-11-09" };
    let since = match (kind, is_delegated) {
        ("s" | "f" | "queue", true) => "2025-07-05",
        ("bv", _) => "2019-10-10",
        ("d", _) => "2020-02-10",
        ("bs", _) | (_, true) => "2018-11-09",
        _ => "2015-04-05",
    };
    must(version >= oldest && version >= since && version <= "2026-10-06", "a version that does not know it")?;
    Ok(version)
}

/// The lines of the string to sign.
fn lines_of(kind: &str, is_delegated: bool, version: &str) -> Vec<&'static str> {
    let mut lines: Vec<&'static str> = vec![];
    let mut add = |text: &'static str| lines.extend(text.split(' '));
    if kind == "account" {
        add("account sp ss srt st se sip spr sv");
        if version >= "2020-12-06" {
            add("ses");
        }
        lines.push("");
        return lines;
    }
    add("sp st se canon");
    let is_blob = matches!(kind, "b" | "c" | "bs" | "bv" | "d");
    if is_delegated {
        add("skoid sktid skt ske sks skv");
        if is_blob && version >= "2020-02-10" {
            add("saoid suoid scid");
        }
        if version >= "2025-07-05" {
            add("skdutid sduoid");
        }
    } else {
        add("si");
    }
    add("sip spr sv");
    if is_blob && version >= "2018-11-09" {
        add("sr snap");
    }
    if is_blob && version >= "2020-12-06" {
        add("ses");
    }
    if is_blob && is_delegated && version >= "2026-04-06" {
        add("srh srq");
    }
    match kind {
        "queue" => {}
        "table" => add("spk srk epk erk"),
        _ => add("rscc rscd rsce rscl rsct"),
    }
    lines
}

/// Each name and value with a line feed behind it, in the order of the names.
fn required_headers(sent: &Sent<'_>) -> Rule<Vec<u8>> {
    let mut text = vec![];
    for name in names(sent, "srh")? {
        let values = sent.header(&name.to_ascii_lowercase());
        let [value] = values.as_slice() else { return Err("a required header that is not there once") };
        must(std::str::from_utf8(value).is_ok(), "a required header that is no text")?;
        text.extend([name.as_bytes(), b":", value, b"\n"].concat());
    }
    Ok(text)
}

/// Each name and value with a line feed before it.
fn required_query(sent: &Sent<'_>) -> Rule<Vec<u8>> {
    let mut text = vec![];
    for name in names(sent, "srq")? {
        // Who folds the letters of names must find one as well.
        let mut same = sent.params.iter().filter(|(known, _)| known.eq_ignore_ascii_case(&name));
        let (Some((known, value)), None) = (same.next(), same.next()) else {
            return Err("a required parameter that is not there once");
        };
        must(*known == name, "a required parameter in other letters")?;
        must(is_text(value), "a required parameter that is no text")?;
        text.extend(format!("\n{name}:{value}").into_bytes());
    }
    Ok(text)
}

fn names(sent: &Sent<'_>, field: &str) -> Rule<Vec<String>> {
    let Some(text) = sent.get(field) else { return Ok(vec![]) };
    let names: Vec<String> = text.split(',').map(ToOwned::to_owned).collect();
    let folded: BTreeSet<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    must(folded.len() == names.len(), "a required name twice")?;
    must(!folded.iter().any(|name| TOKEN.contains(&name.as_str())), "a required name of the token itself")?;
    must(!names.iter().any(|name| name.is_empty() || name.contains(':')), "a required name that is none")?;
    Ok(names)
}

fn place(sent: &Sent<'_>) -> Rule<Place> {
    let asked = sent.asked;
    let decoded = decode(sent.path).and_then(|bytes| String::from_utf8(bytes).ok()).ok_or("a path is UTF-8")?;
    must(sent.path.starts_with('/') && !decoded.contains('\\'), "a path that some read in another way")?;
    must(asked.escaped_slashes || !sent.path.to_ascii_lowercase().contains("%2f"), "an escaped slash")?;
    must(asked.dot_segments || !decoded.split('/').any(|segment| matches!(segment, "." | "..")), "dots")?;
    let mut path = sent.path;
    if asked.account_in_path {
        path = path.strip_prefix("/myaccount").ok_or("the account comes first")?;
        must(path.is_empty() || path.starts_with('/'), "the account is one segment")?;
    }
    let path = path.strip_prefix('/').unwrap_or(path);
    let text = |raw: &str| String::from_utf8(decode(raw).unwrap()).map_err(|_| "a part is UTF-8");
    let (first, rest) = path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let mut place =
        Place { level: 'o', container: text(first)?, name: text(rest.unwrap_or_default())?, special: "", keys: None };
    if first.is_empty() {
        must(rest.is_none(), "a container without a name")?;
        place.level = 's';
        return Ok(place);
    }
    if asked.service == Service::Table {
        must(place.name.is_empty(), "nothing is in an entity")?;
        // Parentheses and quotes count as they are sent.
        let (table, keys) = match first.split_once('(') {
            Some((table, keys)) => (table, keys.strip_suffix(')').ok_or("parentheses")?),
            None => (first, ""),
        };
        must(!table.is_empty() && table.chars().all(|c| c.is_ascii_alphanumeric()), "a table")?;
        table.clone_into(&mut place.container);
        if table == "Tables" {
            (place.level, place.special) = ('c', "tables");
        } else if keys.is_empty() {
            place.level = 'c';
        } else {
            place.keys = Some(text(keys)?);
        }
        return Ok(place);
    }
    must(!place.container.contains('/'), "a slash in a container")?;
    let restype = sent.or_empty("restype");
    let is_container = match asked.service {
        Service::Blob => restype == "container",
        Service::DataLake => sent.or_empty("resource") == "filesystem",
        Service::File => restype == "share" || (restype == "directory" && place.name.is_empty()),
        _ => place.name.is_empty(),
    };
    if is_container {
        must(place.name.is_empty(), "a container has no name in it")?;
        place.level = 'c';
    } else if asked.service == Service::Blob && rest.is_none() {
        place.name = std::mem::replace(&mut place.container, "$root".to_owned());
    } else if asked.service == Service::Queue {
        let id = place.name.strip_prefix("messages").ok_or("a queue has messages")?;
        if !id.is_empty() {
            let raw = rest.and_then(|rest| rest.strip_prefix("messages/")).ok_or("a message")?;
            must(!raw.is_empty() && !raw.contains('/'), "one message")?;
            place.special = "message";
        }
    }
    must(place.level == 'c' || !place.name.is_empty(), "nothing is named")?;
    Ok(place)
}

/// A directory is listed through its file system, and named in the query.
fn in_directory(sent: &Sent<'_>, kind: &str, mut place: Place) -> Rule<Place> {
    if kind == "d" && place.level == 'c' && sent.asked.service == Service::DataLake {
        let directory = sent.get("directory").ok_or("a directory reaches no file system")?;
        must(is_text(directory) && !directory.contains('\\'), "a directory that some read in another way")?;
        let dots = directory.split('/').any(|segment| matches!(segment, "." | ".."));
        must(sent.asked.dot_segments || !dots, "dots in a directory")?;
        directory.clone_into(&mut place.name);
    }
    Ok(place)
}

fn canonical(sent: &Sent<'_>, kind: &str, place: &Place) -> Rule<String> {
    let service = match sent.asked.service {
        Service::Blob | Service::DataLake => "blob",
        Service::File => "file",
        Service::Queue => "queue",
        _ => "table",
    };
    let container = if kind == "table" { place.container.to_ascii_lowercase() } else { place.container.clone() };
    let mut text = format!("/{service}/{ACCOUNT}/{container}");
    match kind {
        "c" | "s" | "queue" | "table" => {}
        "d" => {
            let depth: usize = sent.or_empty("sdd").parse().map_err(|_| "a depth is a number")?;
            let segments: Vec<&str> = place.name.split('/').take(depth).collect();
            must(depth > 0 && segments.len() == depth, "not as deep as the directory")?;
            for segment in segments {
                must(!segment.is_empty(), "an empty segment of a directory")?;
                text.push('/');
                text.push_str(segment);
            }
        }
        _ => {
            text.push('/');
            text.push_str(&place.name);
        }
    }
    must(!text.chars().any(|c| c.is_ascii_control()), "a line feed in what is signed")?;
    Ok(text)
}

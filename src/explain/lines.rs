//! The strings that Azure signs: lines with a place, compared by the name of what stands there.

use super::{Cause, Findings, spelling};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};

type Fields<'a> = Vec<(String, &'a str)>;

/// Notes what differs between two strings to sign.
pub(super) fn compare(ours: &str, theirs: &str, found: &mut Findings) {
    if ours == theirs {
        return;
    }
    match (named(ours), named(theirs)) {
        (Some(ours), Some(theirs)) => compare_fields(&ours, &theirs, true, found),
        _ => compare_places(ours, theirs, found),
    }
}

/// Notes what differs between the parameters of a URL and a string to sign.
pub(super) fn compare_params(ours: &Fields<'_>, theirs: &str, found: &mut Findings) {
    let Some(theirs) = named(theirs) else { return };
    let sent: BTreeMap<&str, &str> = ours.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    // An empty line stands for a parameter that is not there.
    let compared: Fields<'_> = theirs
        .iter()
        .filter(|(name, _)| sent.contains_key(name.as_str()) || is_param(name))
        .map(|(name, _)| (name.clone(), sent.get(name.as_str()).copied().unwrap_or_default()))
        .collect();
    let names: BTreeSet<&str> = compared.iter().map(|(name, _)| name.as_str()).collect();
    let theirs: Fields<'_> = theirs.into_iter().filter(|(name, _)| names.contains(name.as_str())).collect();
    compare_fields(&compared, &theirs, false, found);
}

/// Notes another resource than the decoded path of a URL names, whose token is for that kind of resource. The account may be in the
/// path or in the host, so it is not compared.
pub(super) fn compare_resource(path: &str, kind: &str, theirs: &str, found: &mut Findings) {
    let Some(theirs) = named(theirs) else { return };
    let resource = theirs.iter().find(|(name, _)| name == "canonicalized resource").map(|(_, value)| *value);
    // The names of tables are signed in another spelling than the URL has.
    let Some(resource) = resource.filter(|text| !text.starts_with("/table/")) else { return };
    let Some(name) = resource.splitn(4, '/').nth(3) else { return };
    let is_one_object = matches!(kind, "b" | "bs" | "bv" | "f");
    let is_it = |path: &str| {
        let rest = path.strip_prefix(name).or_else(|| path.strip_prefix(name.strip_prefix("$root/")?));
        rest.is_some_and(|rest| rest.is_empty() || !is_one_object && rest.starts_with('/'))
    };
    let path_of_host = path.strip_prefix('/').unwrap_or(path);
    let (_, path_of_account) = path_of_host.split_once('/').unwrap_or_default();
    if !is_it(path_of_host) && !is_it(path_of_account) {
        found.add(Cause::Resource, 0, "canonicalized resource", path, resource);
    }
}

fn is_param(name: &str) -> bool {
    name.len() <= 5 && name != "verb" && name != "line"
}

fn compare_fields(ours: &Fields<'_>, theirs: &Fields<'_>, in_lines: bool, found: &mut Findings) {
    let others: BTreeMap<&str, &str> = theirs.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let mine: BTreeMap<&str, &str> = ours.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    if let (Some(our_version), Some(their_version)) = (mine.get("sv"), others.get("sv"))
        && our_version != their_version
    {
        let at = ours.iter().position(|(name, _)| name == "sv").unwrap_or_default();
        found.add(
            Cause::VersionDrift,
            if in_lines { at.saturating_add(1) } else { 0 },
            "sv",
            our_version,
            their_version,
        );
    }
    // Shared Key alone signs the method.
    let is_request = mine.contains_key("verb") && others.contains_key("verb");
    let kind = (mine.get("sr"), others.get("sr"));
    let is_other_kind = matches!(kind, (Some(ours), Some(theirs)) if ours != theirs);
    for (at, (name, value)) in (1..).zip(ours) {
        let line = if in_lines { at } else { 0 };
        match others.get(name.as_str()) {
            Some(other) if other == value => {}
            Some(_) if name == "sv" => {}
            Some(other) => {
                let cause = of_field(name, value, other);
                let is_kind = is_other_kind && name == "canonicalized resource";
                found.add(if is_kind { Cause::ResourceKind } else { cause }, line, name, value, other);
            }
            None => found.add(of_missing(name, is_request, Cause::HeaderNotSent), line, name, value, ""),
        }
    }
    for (at, (name, other)) in (1..).zip(theirs) {
        if !mine.contains_key(name.as_str()) {
            found.add(of_missing(name, is_request, Cause::HeaderAdded), at, name, "", other);
        }
    }
}

/// A line that one side alone has: of a header, of a parameter of the request, or of a field.
fn of_missing(name: &str, is_request: bool, of_header: Cause) -> Cause {
    match (name.starts_with("x-ms-"), of_header) {
        (true, cause) => cause,
        (false, _) if !is_request || name == "canonicalized resource" => Cause::MissingLine,
        (false, Cause::HeaderAdded) => Cause::ParameterAdded,
        (false, _) => Cause::ParameterDropped,
    }
}

fn of_field(name: &str, ours: &str, theirs: &str) -> Cause {
    match name {
        "verb" if matches!((ours, theirs), ("GET", "HEAD") | ("HEAD", "GET")) => Cause::HeadForGet,
        "verb" => Cause::Method,
        "sp" => {
            let letters = |text: &str| {
                let mut letters: Vec<char> = text.chars().collect();
                letters.sort_unstable();
                letters
            };
            if letters(ours) == letters(theirs) { Cause::PermissionOrder } else { Cause::Field }
        }
        "st" | "se" | "skt" | "ske" | "snapshot" if moment(ours).is_some() && moment(ours) == moment(theirs) => {
            Cause::TimeSpelling
        }
        "sr" => Cause::ResourceKind,
        "canonicalized resource" => of_resource(ours, theirs),
        _ if name.contains('-') || name == "date" || name == "range" => spelling::of_header(name, ours, theirs),
        _ if ours.replace('+', " ") == theirs.replace('+', " ") => Cause::PlusForBlank,
        // The lines hold decoded text, so that an escape in one of them is one too many.
        _ => match spelling::of_encoded(ours, theirs) {
            Some(Cause::EscapedDifferently) => Cause::EncodedTwice,
            cause => cause.unwrap_or(Cause::Field),
        },
    }
}

/// The digits of a time in UTC, as many as there can be.
fn moment(text: &str) -> Option<String> {
    let text = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00")).unwrap_or(text);
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    (8..=21).contains(&digits.len()).then(|| format!("{digits:0<21}"))
}

fn of_resource(ours: &str, theirs: &str) -> Cause {
    if ours.eq_ignore_ascii_case(theirs) && ours.starts_with("/table/") {
        return Cause::TableNameCase;
    }
    if let Some(cause) = spelling::of_encoded(ours, theirs) {
        return if cause == Cause::EscapedDifferently { Cause::ResourceEncoded } else { cause };
    }
    if lacks_a_segment(ours, theirs) || lacks_a_segment(theirs, ours) {
        return Cause::ResourceIncomplete;
    }
    match spelling::of_path(ours, theirs) {
        Cause::PathPrefix | Cause::Path => Cause::Resource,
        cause => cause,
    }
}

/// Whether the short path is the long one without one of its first three segments.
fn lacks_a_segment(short: &str, long: &str) -> bool {
    let same = short.split('/').zip(long.split('/')).take_while(|(left, right)| left == right).count();
    let rest =
        |path: &str, skip: usize| -> Vec<String> { path.split('/').skip(skip).map(ToString::to_string).collect() };
    (1..=3).contains(&same) && !rest(short, same).is_empty() && rest(short, same) == rest(long, same + 1)
}

/// Without names: the first place that differs, or that there are more lines on one side.
fn compare_places(ours: &str, theirs: &str, found: &mut Findings) {
    let (our_lines, their_lines) = (ours.split('\n').count(), theirs.split('\n').count());
    let mut pairs = (1..).zip(ours.split('\n').zip(theirs.split('\n')));
    let first = pairs.find(|(_, (left, right))| left != right);
    let (at, (left, right)) = first.unwrap_or((our_lines.min(their_lines).saturating_add(1), ("", "")));
    if our_lines == their_lines {
        // Without its name nobody knows whether a line may be shown.
        found.add(spelling::of_encoded(left, right).unwrap_or(Cause::Field), at, "[unnamed]", left, right);
    } else {
        found.add(Cause::MissingLine, at, "lines", &our_lines.to_string(), &their_lines.to_string());
    }
}

#[cfg(feature = "azure")]
fn named(text: &str) -> Option<Fields<'_>> {
    crate::azure::named_lines(text)
}

#[cfg(not(feature = "azure"))]
const fn named(_text: &str) -> Option<Fields<'_>> {
    None
}

//! Every public type was searched, or is listed with why it can hold nothing that must not be seen.
//!
//! The types are read from the sources: whatever is `pub` there can be reached from outside (the lint `unreachable_pub`). What was
//! searched is written down while it is searched, under the name that the compiler has for it.

use super::planted::all_searched;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs") {
            into.push(path);
        }
    }
}

/// The name of the module that a file is.
fn module(path: &Path) -> String {
    let parts: Vec<String> = path
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .filter(|part| part != "mod" && part != "lib")
        .collect();
    ["valet_key".to_owned()].into_iter().chain(parts).collect::<Vec<_>>().join("::")
}

/// Every public type, with whether it is an enum whose variants hold nothing.
fn public_types() -> BTreeMap<String, bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut paths, mut types) = (Vec::new(), BTreeMap::new());
    files(&root, &mut paths);
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let module = module(path.strip_prefix(&root).unwrap());
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let Some((kind, rest)) = ["struct", "enum", "union"].into_iter().find_map(|kind| {
                Some((kind, line.trim_start().strip_prefix("pub ")?.strip_prefix(kind)?.strip_prefix(' ')?))
            }) else {
                continue;
            };
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            // A macro's: sets of letters, of which no more than the name of the type is left open.
            if name.is_empty() {
                assert!(rest.starts_with("$name"), "{line}");
                continue;
            }
            let body = lines.clone().map(str::trim).take_while(|line| *line != "}");
            let mut variants =
                body.filter(|line| !line.is_empty() && !line.starts_with("//") && !line.starts_with('#'));
            let is_bare = kind == "enum" && variants.all(|line| line.ends_with(',') && !line.contains(['(', '{', ':']));
            types.insert(format!("{module}::{name}"), is_bare);
        }
    }
    types
}

/// Those of the other folders of tests that build what they search, and search what a whole service says.
const ELSEWHERE: &str = include_str!("elsewhere.txt");
/// Those that hold nothing to hide.
const HARMLESS: &str = include_str!("harmless.txt");

/// The names in a list, each below a reason.
fn listed(list: &'static str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut has_reason = false;
    for line in list.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with('#') {
            has_reason = true;
        } else {
            assert!(has_reason, "{line} has no reason");
            for name in line.split_whitespace() {
                assert!(names.insert(format!("valet_key::{name}")), "{name} twice");
            }
        }
    }
    names
}

#[test]
fn every_public_type_is_searched_or_holds_nothing_to_hide() {
    let types = public_types();
    assert!(types.len() > 300, "only {} types were found", types.len());
    super::aws::search_everything();
    super::azure::search_everything();
    super::gcs::search_everything();
    super::forms::search_everything();
    super::messaging::search_everything();
    super::tokens::search_everything();
    super::rest::search_everything();
    let (searched, elsewhere, harmless) = (all_searched(), listed(ELSEWHERE), listed(HARMLESS));
    let mut surprises = Vec::new();
    for (name, is_bare) in &types {
        let places = [searched.contains(name), elsewhere.contains(name), harmless.contains(name), *is_bare];
        match places {
            [false, false, false, false] => surprises.push(format!("{name} is not searched")),
            [true, true, _, _] | [true, _, true, _] => {
                surprises.push(format!("{name} is searched, so take it off the list"));
            }
            [_, true, true, _] | [_, _, true, true] | [_, true, _, true] => {
                surprises.push(format!("{name} is listed for two reasons"));
            }
            _ => {}
        }
    }
    for name in elsewhere.iter().chain(&harmless) {
        if !types.contains_key(name) {
            surprises.push(format!("{name} is listed, and is no public type"));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}

/// The types that write themselves as text, errors aside: none of them holds a secret, and what an answer or a log line said is
/// written without what it hides.
const WRITTEN: &str = "Action Address AddressRange BodyError Broad Bytes Constraint Enforcement Explanation Fingerprint Form List \
    Media Network Operation Origin Pattern Plan Provider Redacted RequestId Row Scope Shown StoreKey StsCode Timestamp";
/// The modules whose types an application stores.
const STORED: [&str; 8] = [
    "clock",
    "grant",
    "grant::copy",
    "grant::listing",
    "grant::stored",
    "policy::decision",
    "policy::stored",
    "upload::saved",
];

#[test]
fn nothing_else_can_be_written_as_text_or_stored() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut paths, mut written) = (Vec::new(), BTreeSet::new());
    files(&root, &mut paths);
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let module = module(path.strip_prefix(&root).unwrap());
        for (_, rest) in text.match_indices("Display for ").map(|(at, found)| text.split_at(at + found.len())) {
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
            // A macro leaves the name open: sets of letters.
            if !name.is_empty() {
                written.insert(name);
            }
        }
        let is_stored = STORED.iter().any(|known| module == format!("valet_key::{known}"));
        let is_code = |line: &str| !line.trim_start().starts_with("//");
        let serializes = text.lines().any(|line| is_code(line) && line.contains("Serialize"));
        assert!(is_stored || !serializes, "{module} stores something: say why it is no secret");
    }
    assert_eq!(written, WRITTEN.split_whitespace().map(str::to_owned).collect());
}

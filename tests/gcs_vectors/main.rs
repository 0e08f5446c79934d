//! Every published Cloud Storage case, at every stage, issued and verified.
//!
//! The cases in `tests/vectors/gcs` always run. When `VALET_KEY_VECTORS` names a directory of published
//! files, each of those that concerns this provider runs whole. What is known not to match says why; such
//! a case that passes fails the run, and so does a file without cases.

#![cfg(feature = "rsa")]

mod case;
#[cfg(feature = "legacy")]
mod legacy;
mod post;
mod published;

use case::Case;
use post::PostCase;
use std::{collections::BTreeSet, path::Path};

/// What can be run, whatever its scheme.
pub(crate) trait Vector {
    fn name(&self) -> &str;
    /// Why it is known not to match, by a rule and not by a list of names: whoever publishes another such
    /// case has the same quirk.
    fn known(&self) -> Option<&'static str>;
    /// Whether it holds something that is read here and never written.
    fn is_only_verified(&self) -> bool {
        false
    }
    fn run(&self) -> Result<(), String>;
}

pub(crate) fn run<V: Vector>(source: &str, cases: &[V], surprises: &mut Vec<String>) {
    if cases.is_empty() {
        surprises.push(format!("{source}: no cases"));
    }
    let (mut passed, mut verified, mut quirks, mut names) = (0, 0, 0, BTreeSet::new());
    for case in cases {
        if !names.insert(case.name()) {
            surprises.push(format!("{source}: {} is there twice", case.name()));
        }
        match (case.run(), case.known()) {
            (Ok(()), None) if case.is_only_verified() => verified += 1,
            (Ok(()), None) => passed += 1,
            (Err(_), Some(reason)) => {
                quirks += 1;
                println!("  {}: known not to match: {reason}", case.name());
            }
            (Ok(()), Some(_)) => surprises.push(format!("{}: passes, though it is known not to match", case.name())),
            (Err(stage), None) => surprises.push(format!("{source}: {}: {stage}", case.name())),
        }
    }
    let only = if verified > 0 { format!(", {verified} only verified") } else { String::new() };
    println!("{source}: {} cases, {passed} issued and verified{only}, {quirks} known not to match", cases.len());
}

fn finish(surprises: &[String]) {
    assert!(surprises.is_empty(), "{} surprises\n{}", surprises.len(), surprises.join("\n"));
}

fn own_files(prefix: &str) -> Vec<(String, Vec<serde_json::Value>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/gcs");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    files.retain(|path| name(path).starts_with(prefix));
    assert!(!files.is_empty(), "tests/vectors/gcs holds no {prefix} cases");
    let read = |path: &Path| serde_json::from_str::<Vec<serde_json::Value>>(&std::fs::read_to_string(path).unwrap());
    files.iter().map(|path| (name(path), read(path).unwrap())).collect()
}

#[test]
fn our_own_signed_urls_match() {
    let mut surprises = Vec::new();
    for (source, list) in own_files("signed-urls") {
        let cases: Vec<Case> = list.iter().map(Case::from_json).collect();
        for (case, value) in cases.iter().zip(&list) {
            assert_eq!(case.to_json(), *value, "{}: a field that nothing reads", case.name);
        }
        run(&source, &cases, &mut surprises);
    }
    finish(&surprises);
}

#[test]
fn our_own_post_policies_match() {
    let mut surprises = Vec::new();
    for (source, list) in own_files("post-policies") {
        let cases: Vec<PostCase> = list.iter().map(PostCase::from_json).collect();
        for (case, value) in cases.iter().zip(&list) {
            assert_eq!(case.to_json(), *value, "{}: a field that nothing reads", case.name);
        }
        run(&source, &cases, &mut surprises);
    }
    finish(&surprises);
}

#[cfg(feature = "legacy")]
#[test]
fn our_own_legacy_urls_match() {
    let mut surprises = Vec::new();
    for (source, list) in own_files("legacy-urls") {
        let cases: Vec<legacy::LegacyCase> = list.iter().map(legacy::LegacyCase::from_json).collect();
        for (case, value) in cases.iter().zip(&list) {
            assert_eq!(case.to_json(), *value, "{}: a field that nothing reads", case.name);
        }
        run(&source, &cases, &mut surprises);
    }
    finish(&surprises);
}

#[test]
fn published_files_match() {
    let Some(folder) = std::env::var_os("VALET_KEY_VECTORS") else {
        println!("VALET_KEY_VECTORS is not set: only the cases in tests/vectors/gcs run");
        return;
    };
    let mut surprises = Vec::new();
    for (source, cases) in published::signed_urls(Path::new(&folder)) {
        run(&source, &cases, &mut surprises);
    }
    #[cfg(feature = "legacy")]
    for (source, cases) in published::legacy_urls(Path::new(&folder)) {
        run(&source, &cases, &mut surprises);
    }
    for (source, cases) in published::post_policies(Path::new(&folder)) {
        run(&source, &cases, &mut surprises);
    }
    finish(&surprises);
}

/// What `tests/interop/gcs_clients.sh` had Google's libraries make a moment ago.
#[test]
fn what_the_libraries_made_on_the_spot_matches() {
    let Some(folder) = std::env::var_os("VALET_KEY_INTEROP") else {
        println!("VALET_KEY_INTEROP is not set: nothing was made on the spot");
        return;
    };
    let folder = Path::new(&folder);
    let mut surprises = Vec::new();
    for (source, cases) in published::signed_urls_on_the_spot(folder) {
        run(&source, &cases, &mut surprises);
    }
    for (source, cases) in published::post_policies_on_the_spot(folder) {
        run(&source, &cases, &mut surprises);
    }
    finish(&surprises);
}

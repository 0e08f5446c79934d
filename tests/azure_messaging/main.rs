//! Tokens of the messaging services of Azure: every published case at every stage, the rules of a verifier
//! under their numbers, what holds for every input, and the secrets that must not show.
//!
//! The cases in `tests/vectors/azure` always run. When `VALET_KEY_VECTORS` names a directory of published
//! files, each of those that concerns messaging runs whole. What is known not to match says why; such a
//! case that passes fails the run, and so does a file without cases.

#![cfg(feature = "azure")]

mod case;
mod laws;
mod parse;
#[path = "../secrets/planted.rs"]
mod planted;
mod published;
mod secrets;
mod threats;

use case::Case;
use parse::ParseCase;
use std::{collections::BTreeSet, path::Path};

/// What can be run, whatever it is.
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

fn run<V: Vector>(source: &str, cases: &[V], surprises: &mut Vec<String>) {
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
    println!("{source}: {} cases, {passed} match{only}, {quirks} known not to match", cases.len());
}

fn finish(surprises: &[String]) {
    assert!(surprises.is_empty(), "{} surprises\n{}", surprises.len(), surprises.join("\n"));
}

fn own_file(name: &str) -> Vec<serde_json::Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/azure").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn our_own_tokens_match() {
    let list = own_file("messaging.json");
    let cases: Vec<Case> = list.iter().map(Case::from_json).collect();
    for (case, value) in cases.iter().zip(&list) {
        assert_eq!(case.to_json(), *value, "{}: a field that nothing reads", case.name);
    }
    let mut surprises = Vec::new();
    run("messaging.json", &cases, &mut surprises);
    finish(&surprises);
}

#[test]
fn our_own_parse_cases_match() {
    let list = own_file("messaging-parse.json");
    let cases: Vec<ParseCase> = list.iter().map(ParseCase::from_json).collect();
    for (case, value) in cases.iter().zip(&list) {
        assert_eq!(case.to_json(), *value, "{}: a field that nothing reads", case.name);
    }
    let mut surprises = Vec::new();
    run("messaging-parse.json", &cases, &mut surprises);
    finish(&surprises);
}

#[test]
fn published_files_match() {
    let Some(folder) = std::env::var_os("VALET_KEY_VECTORS") else {
        println!("VALET_KEY_VECTORS is not set: only the cases in tests/vectors/azure run");
        return;
    };
    let folder = Path::new(&folder);
    let mut surprises = Vec::new();
    for (source, cases) in published::tokens(folder) {
        run(&source, &cases, &mut surprises);
    }
    let (source, cases) = published::parse_cases(folder);
    run(&source, &cases, &mut surprises);
    finish(&surprises);
}

//! Every published case of Azure Storage, at every stage, verified and issued.
//!
//! The cases in `tests/vectors/azure` always run. When `VALET_KEY_VECTORS` names a directory of published files, each of
//! those that concerns storage runs whole. A token that this crate would not write says why by a rule: it is verified, has to be
//! refused when it is asked for, and is issued with times and an address that make sense. A file without cases fails the run.

mod case;
mod published;

use case::Case;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// What can be run.
pub(crate) trait Vector {
    fn name(&self) -> &str;
    /// Why it is known not to match.
    fn known(&self) -> Option<&'static str>;
    /// Why this crate never writes such a token as it stands.
    fn reservation(&self) -> Option<&'static str>;
    fn run(&self) -> Result<(), String>;
}

pub(crate) fn run<V: Vector>(source: &str, cases: &[V], surprises: &mut Vec<String>) {
    if cases.is_empty() {
        surprises.push(format!("{source}: no cases"));
    }
    let (mut passed, mut read, mut quirks, mut names) = (0, BTreeMap::new(), 0, BTreeSet::new());
    for case in cases {
        if !names.insert(case.name()) {
            surprises.push(format!("{source}: {} is there twice", case.name()));
        }
        match (case.run(), case.known()) {
            (Ok(()), None) => match case.reservation() {
                Some(why) => *read.entry(why).or_insert(0) += 1,
                None => passed += 1,
            },
            (Err(_), Some(reason)) => {
                quirks += 1;
                println!("  {}: known not to match: {reason}", case.name());
            }
            (Ok(()), Some(_)) => surprises.push(format!("{}: passes, though it is known not to match", case.name())),
            (Err(stage), None) => surprises.push(format!("{source}: {}: {stage}", case.name())),
        }
    }
    let only: usize = read.values().sum();
    println!(
        "{source}: {} cases, {passed} verified and issued, {only} with a reservation, {quirks} known not to match",
        cases.len()
    );
    for (why, count) in read {
        println!("  {count}: {why}");
    }
}

fn finish(surprises: &[String]) {
    assert!(surprises.is_empty(), "{} surprises\n{}", surprises.len(), surprises.join("\n"));
}

#[test]
fn our_own_tokens_match() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/azure/storage.json");
    let list: Vec<serde_json::Value> = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let cases: Vec<Case> = list.iter().map(Case::from_json).collect();
    for (case, value) in cases.iter().zip(&list) {
        assert_eq!(case.to_json(), *value, "{}: a field that nothing reads", case.name);
    }
    let mut surprises = Vec::new();
    run("storage.json", &cases, &mut surprises);
    finish(&surprises);
}

#[test]
fn published_files_match() {
    let Some(folder) = std::env::var_os("VALET_KEY_VECTORS") else {
        println!("VALET_KEY_VECTORS is not set: only the cases in tests/vectors/azure run");
        return;
    };
    let mut surprises = Vec::new();
    for (source, cases) in published::tokens(Path::new(&folder)) {
        run(&source, &cases, &mut surprises);
    }
    for (source, cases) in published::strings(Path::new(&folder)) {
        run(&source, &cases, &mut surprises);
    }
    for (source, cases) in published::rules(Path::new(&folder)) {
        run(&source, &cases, &mut surprises);
    }
    finish(&surprises);
}

//! Browser uploads to S3: every published form at every stage, the rules of a verifier under their numbers, what
//! holds for every input, and the secrets that must not show.
//!
//! The cases in `tests/vectors/aws/post` always run. When `VALET_KEY_VECTORS` names a directory of published
//! files, each of those that holds forms runs whole; a file without cases fails the run.

#![cfg(feature = "aws")]

mod case;
mod laws;
#[path = "../secrets/planted.rs"]
mod planted;
mod published;
mod secrets;
mod threats;

use case::Case;
use std::{collections::BTreeSet, path::Path};

fn run(source: &str, cases: &[Case], surprises: &mut Vec<String>) {
    if cases.is_empty() {
        surprises.push(format!("{source}: no cases"));
    }
    let (mut bytes, mut meaning, mut verified, mut names) = (0, 0, 0, BTreeSet::new());
    for case in cases {
        if !names.insert(&case.name) {
            surprises.push(format!("{source}: {} is there twice", case.name));
        }
        match case.run() {
            Err(stage) => surprises.push(format!("{source}: {}: {stage}", case.name)),
            Ok(()) if case.only_verified => verified += 1,
            Ok(()) if case.same_bytes => bytes += 1,
            Ok(()) => meaning += 1,
        }
    }
    println!(
        "{source}: {} cases, all verified; {bytes} issued byte for byte, {meaning} in another notation, {verified} \
         not issued",
        cases.len()
    );
}

fn finish(surprises: &[String]) {
    assert!(surprises.is_empty(), "{} surprises\n{}", surprises.len(), surprises.join("\n"));
}

#[test]
fn our_own_forms_match() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/aws/post/policies.json");
    let list: Vec<serde_json::Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases: Vec<Case> = list.iter().map(Case::from_json).collect();
    for (case, value) in cases.iter().zip(&list) {
        assert_eq!(case.to_json(), *value, "{}: a field that nothing reads", case.name);
    }
    let mut surprises = Vec::new();
    run("post/policies.json", &cases, &mut surprises);
    finish(&surprises);
}

#[test]
fn published_files_match() {
    let Some(folder) = std::env::var_os("VALET_KEY_VECTORS") else {
        println!("VALET_KEY_VECTORS is not set: only the cases in tests/vectors/aws/post run");
        return;
    };
    let mut surprises = Vec::new();
    for (source, cases) in published::read_all(Path::new(&folder)) {
        run(&source, &cases, &mut surprises);
    }
    finish(&surprises);
}

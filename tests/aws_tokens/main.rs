//! Tokens of AWS that are a presigned request in disguise: every case at every stage, the rules of a verifier under
//! their numbers, what holds for every input, and the secrets that must not show.
//!
//! The cases in `tests/vectors/aws/tokens` always run. When `VALET_KEY_VECTORS` names a directory of published files,
//! each of those that concerns these tokens runs whole, and one without cases fails the run.

#![cfg(feature = "aws")]

mod call;
mod case;
mod laws;
#[path = "../secrets/planted.rs"]
mod planted;
mod published;
mod secrets;
mod sqs;
mod sts;
mod threats;

use case::Case;
use std::{collections::BTreeSet, path::Path};

fn run(source: &str, cases: &[Case], surprises: &mut Vec<String>) {
    if cases.is_empty() {
        surprises.push(format!("{source}: no cases"));
    }
    let (mut passed, mut only_verified, mut names) = (0, 0, BTreeSet::new());
    for case in cases {
        if !names.insert(&case.name) {
            surprises.push(format!("{source}: {} is there twice", case.name));
        }
        match case.run() {
            Ok(()) if case.is_too_long() => only_verified += 1,
            Ok(()) => passed += 1,
            Err(stage) => surprises.push(format!("{source}: {}: {stage}", case.name)),
        }
    }
    println!(
        "{source}: {} cases, {passed} issued and verified, {only_verified} live too long and are refused",
        cases.len()
    );
}

fn finish(surprises: &[String]) {
    assert!(surprises.is_empty(), "{} surprises\n{}", surprises.len(), surprises.join("\n"));
}

#[test]
fn our_own_cases_match() {
    let mut surprises = Vec::new();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/aws/tokens/auth.json");
    let list: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases: Vec<Case> = list.as_array().unwrap().iter().map(Case::from_json).collect();
    let families: BTreeSet<&str> = cases.iter().map(|case| case.family.as_str()).collect();
    assert_eq!(families, case::FAMILIES.into(), "a family without a case");
    run("auth.json", &cases, &mut surprises);
    finish(&surprises);
}

#[test]
fn published_cases_match() {
    let Some(folder) = std::env::var_os("VALET_KEY_VECTORS") else {
        println!("VALET_KEY_VECTORS is not set: only the cases in tests/vectors/aws/tokens run");
        return;
    };
    let mut surprises = Vec::new();
    for (source, cases) in published::auth_tokens(Path::new(&folder)) {
        run(&source, &cases, &mut surprises);
    }
    finish(&surprises);
}

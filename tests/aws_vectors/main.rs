//! Every published Signature Version 4 case, at every stage, issued and verified.
//!
//! The cases in `tests/vectors/aws` always run. When `VALET_KEY_VECTORS` names a directory of published
//! files, each of those that concerns this scheme runs whole. What is known not to match says why; such
//! a case that passes fails the run, and so does a file without cases.

mod case;
mod published;

use case::Case;
use std::{collections::BTreeSet, path::Path};

/// Why a case is known not to match, if it is.
fn known(case: &Case) -> Option<&'static str> {
    // Rules and not a list of names: whoever publishes another such case has the same quirk.
    if case.bare_plus {
        return Some(
            "its signer signs a bare `+` of the query as it stands; a `+` is `%2B` or `%20` here, and bare it is refused",
        );
    }
    let canonical = case.canonical_request.as_deref().unwrap_or_default();
    let unsaid = case.lifetime.is_none() && !canonical.contains("\nx-amz-content-sha256:");
    (unsaid && case.service == "s3" && case.payload == "UNSIGNED-PAYLOAD").then_some(
        "its signer leaves out `x-amz-content-sha256`, without which S3 refuses a request that is signed in its headers",
    )
}

fn run(source: &str, cases: &[Case], surprises: &mut Vec<String>) {
    if cases.is_empty() {
        surprises.push(format!("{source}: no cases"));
    }
    let (mut passed, mut verified, mut quirks, mut names) = (0, 0, 0, BTreeSet::new());
    for case in cases {
        if !names.insert(&case.name) {
            surprises.push(format!("{source}: {} is there twice", case.name));
        }
        match (case.run(), known(case)) {
            (Ok(()), None) if case.is_verified_only() => verified += 1,
            (Ok(()), None) => passed += 1,
            (Err(_), Some(reason)) => {
                quirks += 1;
                println!("  {}: known not to match: {reason}", case.name);
            }
            (Ok(()), Some(_)) => surprises.push(format!("{}: passes, though it is known not to match", case.name)),
            (Err(stage), None) => surprises.push(format!("{source}: {}: {stage}", case.name)),
        }
    }
    println!("{source}: {} cases, {passed} issued and verified, {quirks} known not to match", cases.len());
    if verified > 0 {
        println!("  {verified} more say that they live longer than their service lets them: verified, and not issued");
    }
}

fn finish(surprises: &[String]) {
    assert!(surprises.is_empty(), "{} surprises\n{}", surprises.len(), surprises.join("\n"));
}

#[test]
fn our_own_files_match() {
    let mut surprises = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/aws");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    assert!(!files.is_empty(), "tests/vectors/aws holds no cases");
    for path in files {
        let list: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let mut cases: Vec<Case> = list.as_array().unwrap().iter().map(Case::from_json).collect();
        for (case, value) in cases.iter().zip(list.as_array().unwrap()) {
            assert_eq!(case.to_json(), *value, "{}: a field that nothing reads", case.name);
        }
        let name = path.file_name().unwrap().to_string_lossy();
        if cfg!(not(feature = "sigv4a")) {
            let all = cases.len();
            cases.retain(|case| case.region_set.is_none());
            if cases.is_empty() && all > 0 {
                println!("{name}: not run, the feature `sigv4a` is off");
                continue;
            }
        }
        run(&name, &cases, &mut surprises);
    }
    finish(&surprises);
}

#[test]
fn published_files_match() {
    let Some(folder) = std::env::var_os("VALET_KEY_VECTORS") else {
        println!("VALET_KEY_VECTORS is not set: only the cases in tests/vectors/aws run");
        return;
    };
    let folder = Path::new(&folder);
    let mut surprises = Vec::new();
    for (source, cases) in published::read_all(folder) {
        run(&source, &cases, &mut surprises);
    }
    published::signing_keys(folder, &mut surprises);
    published::endpoints(folder, &mut surprises);
    #[cfg(feature = "sigv4a")]
    published::key_pairs(folder, &mut surprises);
    finish(&surprises);
}

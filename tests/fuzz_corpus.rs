//! The laws of the fuzz targets, on the seeds of each target: what `cargo fuzz` calls, without it.
#![cfg(all(feature = "aws", feature = "azure", feature = "gcs"))]

#[path = "../fuzz/src/lib.rs"]
pub mod laws;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

type Law = fn(&[u8]);

const TARGETS: &[(&str, Law)] = &[
    ("audit_record", laws::audit_record),
    ("auth_token", laws::auth_token),
    ("authorization", laws::authorization),
    #[cfg(feature = "serde")]
    ("bounds", laws::bounds_and_grants),
    ("canonical_headers", laws::canonical_headers),
    ("canonical_path", laws::canonical_path),
    ("chunk_stream", laws::chunk_stream),
    ("cloudfront_cookie", laws::cloudfront_cookie),
    ("cloudfront_policy", laws::cloudfront_policy),
    ("delegation_key", laws::delegation_key),
    ("explain", laws::explanation),
    ("gate", laws::gate),
    ("goog4_verify", laws::goog4_verify),
    ("log_line", laws::log_line),
    ("messaging", laws::messaging),
    ("post_form", laws::post_form),
    ("query", laws::query),
    ("redact", laws::redact),
    ("s3_post_policy", laws::s3_post_policy),
    ("sas_verify", laws::sas_verify),
    ("sts_answer", laws::sts_answer),
    #[cfg(feature = "legacy")]
    ("sigv2_verify", laws::sigv2_verify),
    #[cfg(feature = "sigv4a")]
    ("sigv4a_verify", laws::sigv4a_verify),
    ("ticket", laws::ticket),
    ("trailers", laws::trailers),
    ("verify", laws::verify),
];

/// Those whose feature is off.
const OFF: &[&str] = &[
    #[cfg(not(feature = "serde"))]
    "bounds",
    #[cfg(not(feature = "legacy"))]
    "sigv2_verify",
    #[cfg(not(feature = "sigv4a"))]
    "sigv4a_verify",
];

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = read.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn replay(target: &str, law: Law) {
    let seeds = entries(&fuzz().join("corpus").join(target));
    assert!(!seeds.is_empty(), "no seeds for {target}");
    for seed in &seeds {
        // Names the seed in the output of a failing test.
        println!("{}", seed.display());
        law(&fs::read(seed).unwrap());
    }
}

#[test]
fn every_audit_record_seed_keeps_its_law() {
    replay("audit_record", laws::audit_record);
}

#[test]
fn every_log_line_seed_keeps_its_law() {
    replay("log_line", laws::log_line);
}

#[test]
fn every_gate_seed_keeps_its_law() {
    replay("gate", laws::gate);
}

#[test]
fn every_auth_token_seed_keeps_its_law() {
    replay("auth_token", laws::auth_token);
}

#[test]
fn every_authorization_seed_keeps_its_law() {
    replay("authorization", laws::authorization);
}

#[test]
fn every_canonical_headers_seed_keeps_its_law() {
    replay("canonical_headers", laws::canonical_headers);
}

#[test]
fn every_canonical_path_seed_keeps_its_law() {
    replay("canonical_path", laws::canonical_path);
}

#[test]
fn every_chunk_stream_seed_keeps_its_law() {
    replay("chunk_stream", laws::chunk_stream);
}

#[test]
fn every_cloudfront_cookie_seed_keeps_its_law() {
    replay("cloudfront_cookie", laws::cloudfront_cookie);
}

#[test]
fn every_cloudfront_policy_seed_keeps_its_law() {
    replay("cloudfront_policy", laws::cloudfront_policy);
}

#[test]
fn every_delegation_key_seed_keeps_its_law() {
    replay("delegation_key", laws::delegation_key);
}

#[cfg(feature = "serde")]
#[test]
fn every_bounds_seed_keeps_its_law() {
    replay("bounds", laws::bounds_and_grants);
}

#[test]
fn every_explain_seed_keeps_its_law() {
    replay("explain", laws::explanation);
}

#[test]
fn every_goog4_verify_seed_keeps_its_law() {
    replay("goog4_verify", laws::goog4_verify);
}

#[test]
fn every_messaging_seed_keeps_its_law() {
    replay("messaging", laws::messaging);
}

#[test]
fn every_post_form_seed_keeps_its_law() {
    replay("post_form", laws::post_form);
}

#[test]
fn every_query_seed_keeps_its_law() {
    replay("query", laws::query);
}

#[cfg(feature = "legacy")]
#[test]
fn every_sigv2_verify_seed_keeps_its_law() {
    replay("sigv2_verify", laws::sigv2_verify);
}

#[cfg(feature = "sigv4a")]
#[test]
fn every_sigv4a_verify_seed_keeps_its_law() {
    replay("sigv4a_verify", laws::sigv4a_verify);
}

#[test]
fn every_redact_seed_keeps_its_law() {
    replay("redact", laws::redact);
}

#[test]
fn every_s3_post_policy_seed_keeps_its_law() {
    replay("s3_post_policy", laws::s3_post_policy);
}

#[test]
fn every_sas_verify_seed_keeps_its_law() {
    replay("sas_verify", laws::sas_verify);
}

#[test]
fn every_sts_answer_seed_keeps_its_law() {
    replay("sts_answer", laws::sts_answer);
}

#[test]
fn every_ticket_seed_keeps_its_law() {
    replay("ticket", laws::ticket);
}

#[test]
fn every_trailers_seed_keeps_its_law() {
    replay("trailers", laws::trailers);
}

#[test]
fn every_verify_seed_keeps_its_law() {
    replay("verify", laws::verify);
}

/// `.ci/run` gives the fuzzer what stands in `fuzz/limits`.
#[test]
fn every_target_has_its_limits_and_every_seed_is_within_them() {
    let text = fs::read_to_string(fuzz().join("limits")).unwrap();
    let mut limits = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, numbers) = line.split_once(' ').unwrap();
        let numbers: Vec<u64> = numbers.split_whitespace().map(|number| number.parse().unwrap()).collect();
        let [length, memory, seconds] = numbers[..] else { panic!("{line}") };
        assert!(length > 0 && (64..=2048).contains(&memory) && (1..=10).contains(&seconds), "{line}");
        assert_eq!(limits.insert(name, length), None, "{name} twice");
    }
    let known: BTreeSet<&str> = TARGETS.iter().map(|(name, _)| *name).chain(OFF.iter().copied()).collect();
    assert_eq!(limits.keys().copied().collect::<BTreeSet<_>>(), known);
    for (target, length) in limits {
        for seed in entries(&fuzz().join("corpus").join(target)) {
            assert!(seed.metadata().unwrap().len() <= length, "{}", seed.display());
        }
    }
}

#[test]
fn every_law_holds_for_nothing_at_all() {
    for (_, law) in TARGETS {
        law(b"");
        law(b"\0");
    }
}

#[test]
fn every_target_has_its_seeds_and_every_folder_its_target() {
    let known: BTreeSet<String> =
        TARGETS.iter().map(|(name, _)| *name).chain(OFF.iter().copied()).map(str::to_owned).collect();
    let stems = |folder: &str| -> BTreeSet<String> {
        let name = |path: PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
        entries(&fuzz().join(folder)).into_iter().map(name).collect()
    };
    assert_eq!(stems("corpus"), known);
    assert_eq!(stems("fuzz_targets"), known);
}

//! Whether the time of a refusal depends on a secret: pairs of requests that differ only in how much of the secret they have right,
//! or in whether their key is there, timed in random order and compared with Welch's t-test after the method of dudect.
//!
//! Each pair is measured twice: as it is, and as its *control*, with a leak of the ordinary kind built around the same call. Only
//! where the control is found does it say anything that nothing else was.
//!
//! `cargo run --release -- SAMPLES [NAME...]`; `.ci/timing` runs it and judges what it prints.
//!
//! RSA and ECDSA signatures (`CloudFront`, service accounts, `SigV4a`) have no pair: they are checked with a public key, so there is
//! nothing that the time could tell.
//!
//! Source: O. Reparaz, J. Balasch, I. Verbauwhede, "Dude, is my code constant time?", DATE 2017.

mod aws;
mod azure;
mod gcs;
mod pair;
mod ticket;

use dudect_bencher::ctbench::{BenchMetadata, BenchName, BenchOpts, run_benches_console};
use std::{process::ExitCode, sync::OnceLock};

/// How often each pair is timed.
static SAMPLES: OnceLock<usize> = OnceLock::new();

fn samples() -> usize {
    SAMPLES.get().copied().unwrap_or_default()
}

/// A pair as two measurements: as it is, and its control.
macro_rules! pairs {
    ($($name:literal => $pair:expr,)*) => {
        [$(
            (concat!($name, ":ours"), |runner, rng| $pair.time(runner, rng, samples())),
            (concat!($name, ":control"), |runner, rng| $pair.time_control(runner, rng, samples())),
        )*]
    };
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(samples) = arguments.next().and_then(|it| it.parse().ok()).filter(|&it| it >= 1000) else {
        eprintln!("usage: valet-key-timing SAMPLES [NAME...], with at least 1000 samples");
        return ExitCode::FAILURE;
    };
    let names: Vec<String> = arguments.collect();
    SAMPLES.get_or_init(|| samples);

    let all: [(&'static str, dudect_bencher::ctbench::BenchFn); _] = pairs![
        "aws/presigned/signature" => aws::presigned(),
        "aws/headers/signature" => aws::headers(),
        "aws/form/signature" => aws::form(),
        "aws/session_token/in_query" => aws::token_in_query(),
        "aws/session_token/after_signing" => aws::token_after_signing(),
        "aws/unknown_key/derived_before" => aws::unknown_key(aws::Derived::Before),
        "aws/unknown_key/derived_each_time" => aws::unknown_key(aws::Derived::EachTime),
        "gcs/signature" => gcs::signature(),
        "gcs/unknown_key/derived_before" => gcs::unknown_key(),
        "azure/sas/signature" => azure::sas(),
        "azure/unknown_delegation" => azure::unknown_delegation(),
        "azure/shared_key/signature" => azure::shared_key(),
        "azure/service_bus/signature" => azure::service_bus(),
        "azure/service_bus/unknown_rule" => azure::unknown_rule(),
        "ticket/mac" => ticket::mac(),
    ];
    for name in &names {
        if all.iter().all(|(known, _)| known != name) {
            eprintln!("there is no {name}");
            return ExitCode::FAILURE;
        }
    }
    let benches = all
        .into_iter()
        .filter(|(name, _)| names.is_empty() || names.iter().any(|it| it == name))
        .map(|(name, benchfn)| BenchMetadata { name: BenchName(name), seed: None, benchfn })
        .collect();
    match run_benches_console(BenchOpts::default(), benches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

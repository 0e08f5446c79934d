//! The floor: the SHA-256 compressions that an operation needs, with everything laid out before.

use sha2::block_api::compress256;
use std::{hint::black_box, time::Instant};

const fn padded(bytes: usize) -> usize {
    (bytes + 9).div_ceil(64)
}

/// The compressions of an operation: `warm` counts one hash of a canonical request and one HMAC over a
/// string to sign; `derivations` adds the four HMACs that make a key.
pub(crate) fn compressions(canonical_request: usize, string_to_sign: usize, derive: bool) -> usize {
    // Two pad states and two more compressions for each of the four steps, and the pads of the result.
    padded(canonical_request) + mac_compressions(string_to_sign) + if derive { 4 * 4 + 2 } else { 0 }
}

/// The compressions of one HMAC whose pads were compressed before.
pub(crate) const fn mac_compressions(message: usize) -> usize {
    padded(64 + message)
}

pub(crate) fn floor(blocks: usize) {
    let mut state = [0x6a09_e667; 8];
    let data = [[0x5a; 64]; 1];
    for _ in 0..blocks {
        compress256(black_box(&mut state), black_box(&data));
    }
    black_box(state);
}

/// How long some calls take.
fn time(calls: u32, f: &mut dyn FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        f();
    }
    start.elapsed().as_secs_f64()
}

/// The ratio of one operation to another, from rounds that alternate between the two: the best of each, since
/// times from different moments do not compare on a machine that others use too.
pub(crate) fn ratio(rounds: u32, calls: u32, ours: &mut dyn FnMut(), theirs: &mut dyn FnMut()) -> f64 {
    let [ours, theirs] = best(rounds, calls, ours, theirs);
    ours / theirs
}

/// The best time of one call of each, in seconds.
fn best(rounds: u32, calls: u32, ours: &mut dyn FnMut(), theirs: &mut dyn FnMut()) -> [f64; 2] {
    let (mut best_ours, mut best_theirs) = (f64::MAX, f64::MAX);
    for _ in 0..rounds {
        best_theirs = best_theirs.min(time(calls, theirs));
        best_ours = best_ours.min(time(calls, ours));
    }
    [best_ours, best_theirs].map(|seconds| seconds / f64::from(calls))
}

/// Gets an operation's name, the compressions of its floor, and the operation.
pub(crate) type Visit<'v> = &'v mut dyn FnMut(&'static str, usize, &mut dyn FnMut());

/// Some calls of an operation. A function of its own, so that callgrind can count the instructions in it alone.
#[inline(never)]
fn counted(calls: u32, f: &mut dyn FnMut()) {
    for _ in 0..calls {
        f();
    }
}

/// If this run is there to have its instructions counted (`-- --count`): calls every operation, then its floor, and prints
/// the name of the operation with how many calls were counted. See `.ci/instructions`.
pub(crate) fn is_count(with_operations: fn(Visit<'_>)) -> bool {
    const CALLS: u32 = 100;
    let is_count = std::env::args().any(|argument| argument == "--count");
    if is_count {
        with_operations(&mut |name, blocks, operation| {
            // What is looked up or made on first use was, before anything is counted.
            operation();
            println!("{CALLS} {}", name.replace(' ', "_"));
            counted(CALLS, operation);
            counted(CALLS, &mut || floor(blocks));
        });
    }
    is_count
}

/// Prints the ratio of every operation to its floor, unless all that is asked is whether everything runs
/// (`cargo bench -- --test`).
pub(crate) fn ratios(with_operations: fn(Visit<'_>)) {
    const ROUNDS: u32 = 400;
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    println!(
        "\noperation                                     ratio to the floor (best of {ROUNDS} interleaved rounds)"
    );
    with_operations(&mut |name, blocks, operation| {
        let [ours, theirs] = best(ROUNDS, 200, operation, &mut || floor(blocks));
        println!("{name:<45} {:>6.2}   ({blocks} compressions, {:.0} ns)", ours / theirs, ours * 1e9);
    });
}

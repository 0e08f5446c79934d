//! `peers check`, `peers measure`, `peers count` and `peers report DIRECTORY`: see `run`, which calls them in order.
//!
//! The middle two take the beginning of a name, to do only the operations that are called so.

mod report;

use std::{
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};
use valet_key_peers::{Operation, operations};

/// How long one sample of one contender takes, about.
const SAMPLE: Duration = Duration::from_micros(100);
/// How long one operation is measured.
const BUDGET: Duration = Duration::from_secs(6);
const MOST_ROUNDS: usize = 1500;
/// Calls whose instructions are counted.
const COUNTED: u32 = 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let beginning = arguments.get(1).map_or("", String::as_str);
    let wanted = || operations().into_iter().filter(|operation| operation.name.starts_with(beginning));
    match arguments.first().map(String::as_str) {
        Some("check") => check(wanted()),
        Some("measure") => wanted().for_each(measure),
        Some("count") => wanted().for_each(count),
        Some("report") => {
            if let Err(error) = report::write(Path::new(beginning)) {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
        _ => {
            eprintln!("usage: peers check | measure [BEGINNING] | count [BEGINNING] | report DIRECTORY");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Making the operations has compared everything.
fn check(operations: impl Iterator<Item = Operation>) {
    for operation in operations {
        for contender in operation.contenders {
            let how = if contender.differs.is_empty() { "the same" } else { contender.differs };
            println!("{}\t{}\t{how}", operation.name, contender.name);
        }
    }
}

/// Prints a line for each contender and for the floor: the best and the median time of a call, from rounds in which each has
/// its turn.
fn measure(mut operation: Operation) {
    let mut runs: Vec<(&str, &mut dyn FnMut())> = vec![("floor", &mut *operation.floor)];
    runs.extend(operation.contenders.iter_mut().map(|contender| (contender.name, &mut *contender.run)));
    let calls: Vec<u32> = runs.iter_mut().map(|(_, run)| calls_in(SAMPLE, *run)).collect();
    let mut samples = vec![Vec::with_capacity(MOST_ROUNDS); runs.len()];
    let began = Instant::now();
    let mut rounds = 0;
    while rounds < MOST_ROUNDS && (began.elapsed() < BUDGET || rounds < 30) {
        for turn in 0..runs.len() {
            // Another one begins each round, so that none always follows the same.
            let at = (turn + rounds) % runs.len();
            let run = &mut *runs[at].1;
            let start = Instant::now();
            for _ in 0..calls[at] {
                run();
            }
            samples[at].push(start.elapsed().as_secs_f64() * 1e9 / f64::from(calls[at]));
        }
        rounds += 1;
    }
    for ((name, _), mut times) in runs.into_iter().zip(samples) {
        times.sort_by(f64::total_cmp);
        println!("{}\t{name}\t{:.1}\t{:.1}\t{rounds}", operation.name, times[0], times[times.len() / 2]);
    }
}

fn calls_in(time: Duration, run: &mut dyn FnMut()) -> u32 {
    let mut calls = 1;
    loop {
        let start = Instant::now();
        for _ in 0..calls {
            run();
        }
        let taken = start.elapsed();
        if taken >= time || calls >= 1 << 20 {
            // The first calls are the slowest, so that this is a little less than asked for.
            return calls;
        }
        calls *= 2;
    }
}

/// Calls each contender, and prints which they were: the names of the parts that callgrind leaves behind.
fn count(mut operation: Operation) {
    for contender in &mut operation.contenders {
        // What is looked up or made on first use was, before anything is counted.
        (contender.run)();
        counted(COUNTED, &mut *contender.run);
        println!("{}\t{}\t{COUNTED}", operation.name, contender.name);
    }
}

/// A function of its own, so that callgrind can count the instructions in it alone.
#[inline(never)]
fn counted(calls: u32, run: &mut dyn FnMut()) {
    for _ in 0..calls {
        run();
    }
}

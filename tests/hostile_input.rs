//! What reads the worst input allocates twenty times its length at most, and holds on to nothing of it.
//!
//! The inputs are those whose growth `.ci/growth` measures. What allocates nothing at all is in `allocations.rs`.

#[path = "../benches/growth/rows/mod.rs"]
mod rows;

use allocation_counter::measure;

/// The most bytes at one time, and all in all, for each byte of an input.
const AT_ONCE: u64 = 20;
const IN_ALL: u64 = 40;
/// The same for an input of no length: what a verifier needs whatever it reads.
const ALWAYS: u64 = 8 << 10;
/// Beside that for JSON, of which no reader takes more than 64 KiB.
const JSON: u64 = 48;

#[test]
fn the_worst_input_takes_twenty_times_its_length_and_leaves_nothing() {
    let mut over = Vec::new();
    for (name, size, make) in rows::all() {
        let input = make(2 * size);
        (input.read)();
        let info = measure(&*input.read);
        let bytes = input.bytes as u64;
        println!(
            "{name}: {bytes} bytes, {} at once, {} in all, {} times",
            info.bytes_max, info.bytes_total, info.count_total
        );
        let more = if input.is_json { JSON * bytes } else { 0 } + ALWAYS;
        if info.bytes_max > AT_ONCE * bytes + more || info.bytes_total > IN_ALL * bytes + more {
            over.push(format!("{name}: {bytes} bytes, and {info:?}"));
        }
        assert_eq!((info.count_current, info.bytes_current), (0, 0), "{name} holds on to something");
    }
    assert!(over.is_empty(), "{}", over.join("\n"));
}

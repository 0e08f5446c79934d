//! How what reads hostile input grows with it: every row is run on its worst input of some size and on one of twice that size.
//!
//! `.ci/growth` counts the instructions of both and refuses more than 2.4 times as many.

mod rows;

use std::hint::black_box;

/// A function of its own, so that callgrind can count the instructions in it alone.
#[inline(never)]
fn counted(read: &dyn Fn()) {
    read();
}

fn main() {
    let is_count = std::env::args().any(|argument| argument == "--count");
    for (name, size, make) in rows::all() {
        for size in [*size, 2 * size] {
            let input = make(size);
            // What is made on first use is made, before anything is counted.
            (input.read)();
            if is_count {
                println!("{} {}", input.bytes, name.replace(' ', "_"));
                counted(black_box(&*input.read));
            }
        }
    }
}

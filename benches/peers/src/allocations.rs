//! Counts what each contender allocates in one call, with an allocator that no other run here has.

use valet_key_peers::operations;

fn main() {
    for mut operation in operations() {
        for contender in &mut operation.contenders {
            // What is looked up or made on first use was, before anything is counted.
            (contender.run)();
            let counted = allocation_counter::measure(&mut *contender.run);
            println!("{}\t{}\t{}\t{}", operation.name, contender.name, counted.count_total, counted.bytes_total);
        }
    }
}

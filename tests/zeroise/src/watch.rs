//! The allocator that reads every block once more before it is given back.

use crate::needles::Needles;
use std::{
    alloc::{GlobalAlloc, Layout, System},
    backtrace::Backtrace,
    cell::{Cell, RefCell},
};

/// The blocks that were given back with something in them.
#[derive(Clone, Default)]
pub(crate) struct Found {
    pub(crate) key: u32,
    /// Those with key material that the arithmetic of RSA gave back.
    pub(crate) rsa: u32,
    pub(crate) token: u32,
    pub(crate) signature: u32,
    /// Who gave back the first three blocks with key material.
    pub(crate) whence: String,
}

thread_local! {
    /// What is looked for on this thread.
    static NEEDLES: Cell<Option<&'static Needles>> = const { Cell::new(None) };
    static FOUND: RefCell<Found> = const { RefCell::new(Found { key: 0, rsa: 0, token: 0, signature: 0, whence: String::new() }) };
}

/// Counts what is left behind while something is done.
pub(crate) fn during(needles: &Needles, run: impl Fn()) -> Found {
    FOUND.with_borrow_mut(|found| *found = Found::default());
    // One for each operation: there are few, and the allocator must not look at what is dropped while it looks.
    let needles: &'static Needles = Box::leak(Box::new(needles.clone()));
    NEEDLES.set(Some(needles));
    run();
    NEEDLES.set(None);
    FOUND.take()
}

struct Watch;

#[global_allocator]
static WATCH: Watch = Watch;

// SAFETY: every call goes to the system's allocator with the same arguments. `realloc` is the one of the trait, which calls
// `alloc`, copies, and calls `dealloc`, so that a block that is left behind by growth is read as well.
unsafe impl GlobalAlloc for Watch {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // All of a block can be read later, since all of it is written now.
        // SAFETY: the caller keeps the contract of `alloc`, which is that of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // A thread that ends has no needles any more.
        if let Ok(Some(needles)) = NEEDLES.try_with(Cell::get) {
            // SAFETY: the block is `layout.size()` bytes long, was zeroed when it was made, and is nobody else's any more.
            let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
            let found = needles.found_in(bytes);
            if found != [false; 3] {
                NEEDLES.set(None);
                record(found, layout.size());
                NEEDLES.set(Some(needles));
            }
        }
        // SAFETY: the caller keeps the contract, and the block came from `System`.
        unsafe { System.dealloc(block, layout) }
    }
}

fn record([key, token, signature]: [bool; 3], size: usize) {
    let trace = key.then(|| Backtrace::force_capture().to_string()).unwrap_or_default();
    // The innermost frame that is not of the standard library or of this program says who gave it back.
    let frames = || trace.lines().filter(|line| !line.contains("valet_key_zeroise"));
    let whose =
        frames().find(|line| ["rsa::", "crypto_bigint::", "valet_key::"].iter().any(|name| line.contains(name)));
    let of_rsa = whose.is_some_and(|line| {
        line.contains("rsa::") && !line.contains("valet_key::") || line.contains("crypto_bigint::")
    });
    FOUND.with_borrow_mut(|found| {
        found.rsa += u32::from(of_rsa);
        found.key += u32::from(key && !of_rsa);
        found.token += u32::from(token);
        found.signature += u32::from(signature);
        if key && !of_rsa && found.key <= 3 {
            let shown: Vec<&str> = frames().filter(|line| !line.trim_start().starts_with("at ")).take(16).collect();
            found.whence.push_str(&format!("  {size} bytes:\n{}\n", shown.join("\n")));
        }
    });
}

//! Bounds: what they permit, and that narrowing never widens.

mod cases;
mod laws;
mod some;
#[cfg(feature = "serde")]
mod stored;
mod together;

use valet_key::grant::{Justification, Lifetime};

fn why() -> Justification {
    Justification::new("a test").unwrap()
}

fn minutes(count: u16) -> Lifetime {
    Lifetime::minutes(count).unwrap()
}

//! Looks for key material in the memory that `valet-key` gives back.
//!
//! The global allocator of this program reads every block that is freed, and every block that a growing buffer leaves behind,
//! before it is handed on: none may hold eight bytes of a secret, of a key derived from it, or of the state of its pads. Tokens
//! and signatures are looked for too, and only counted.
//!
//! What the arithmetic of the `rsa` crate gives back when it reads a private key and signs with it is not ours to wipe: it is
//! counted apart, and must be taken off here when it is gone.
//!
//! What stays on the stack or in registers is not seen: moves of a value leave copies there that no safe code can wipe.

mod aws;
mod azure;
mod gcs;
mod needles;
mod ticket;
mod watch;

use needles::{Kind, Needles};
use valet_key::clock::Timestamp;

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).expect("a time")
}

/// What is done to see what it leaves behind.
struct Operation {
    name: &'static str,
    needles: Needles,
    run: Box<dyn Fn()>,
}

impl Operation {
    fn new(name: &'static str, needles: &Needles, run: impl Fn() + 'static) -> Self {
        Self { name, needles: needles.clone(), run: Box::new(run) }
    }
}

/// The search finds what is there, and nothing where a `Secret` was.
fn control() -> bool {
    const PLANTED: &str = "PLANTEDcontrolPLANTEDcontrol";
    let needles = Needles::new().with(Kind::Key, PLANTED.as_bytes());
    let kept = watch::during(&needles, || drop(String::from(PLANTED)));
    let grown = watch::during(&needles, || {
        let mut text = String::from(PLANTED);
        text.reserve(1 << 16);
        drop(valet_key::secret::Secret::new(text));
    });
    let wiped = watch::during(&needles, || drop(valet_key::secret::Secret::from(PLANTED)));
    (kept.key, grown.key, wiped.key) == (1, 1, 0)
}

fn main() {
    if !control() {
        eprintln!("the search does not find what is there");
        std::process::exit(1);
    }
    let (mut failed, mut of_rsa) = (false, 0);
    println!("blocks given back that hold              key material  the same of RSA  token  signature");
    let operations = [aws::operations(), gcs::operations(), azure::operations(), ticket::operations()];
    for operation in operations.into_iter().flatten() {
        // Whatever is made once, as a lazy static, is made by now.
        (operation.run)();
        let found = watch::during(&operation.needles, &*operation.run);
        let watch::Found { key, rsa, token, signature, .. } = found;
        println!("{:<40} {key:>12} {rsa:>16} {token:>6} {signature:>10}", operation.name);
        of_rsa += rsa;
        if found.key > 0 {
            failed = true;
            println!("{}", found.whence);
        }
    }
    if of_rsa == 0 {
        failed = true;
        println!("the arithmetic of RSA leaves nothing behind any more: say so, and count it as ours");
    }
    std::process::exit(i32::from(failed));
}

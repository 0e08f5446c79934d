//! See [`laws::canonical_path`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::canonical_path(data));

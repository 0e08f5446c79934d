//! See [`laws::canonical_headers`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::canonical_headers(data));

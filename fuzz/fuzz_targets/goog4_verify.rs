//! See [`laws::goog4_verify`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::goog4_verify(data));

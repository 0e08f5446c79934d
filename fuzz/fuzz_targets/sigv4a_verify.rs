//! See [`laws::sigv4a_verify`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::sigv4a_verify(data));

//! See [`laws::sigv2_verify`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::sigv2_verify(data));

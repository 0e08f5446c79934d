//! See [`laws::trailers`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::trailers(data));

//! See [`laws::bounds_and_grants`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::bounds_and_grants(data));

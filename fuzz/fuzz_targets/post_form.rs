//! See [`laws::post_form`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::post_form(data));

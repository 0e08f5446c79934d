//! See [`laws::log_line`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::log_line(data));

//! See [`laws::ticket`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::ticket(data));

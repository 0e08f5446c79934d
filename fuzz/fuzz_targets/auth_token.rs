//! See [`laws::auth_token`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::auth_token(data));

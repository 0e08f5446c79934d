//! See [`laws::delegation_key`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::delegation_key(data));

//! See [`laws::sas_verify`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::sas_verify(data));

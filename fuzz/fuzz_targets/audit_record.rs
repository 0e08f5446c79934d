//! See [`laws::audit_record`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::audit_record(data));

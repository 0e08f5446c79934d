//! See [`laws::sts_answer`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::sts_answer(data));

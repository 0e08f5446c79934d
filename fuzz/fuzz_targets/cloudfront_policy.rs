//! See [`laws::cloudfront_policy`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::cloudfront_policy(data));

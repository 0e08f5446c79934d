//! See [`laws::cloudfront_cookie`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::cloudfront_cookie(data));

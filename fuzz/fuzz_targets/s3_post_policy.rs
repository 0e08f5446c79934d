//! See [`laws::s3_post_policy`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::s3_post_policy(data));

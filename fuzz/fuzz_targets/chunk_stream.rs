//! See [`laws::chunk_stream`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::chunk_stream(data));

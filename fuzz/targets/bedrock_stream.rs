#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::bedrock_stream(input));

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_targets::otlp_logs_json(data));

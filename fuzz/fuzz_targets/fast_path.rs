#![no_main]
#[path = "../../tests/fuzzed/targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::fast_path::target(data));

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| blazen_fuzz::store_file(bytes));

//! Documents, as the gate judges them: it ends, and nothing that costs more than its limits passes.

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| parlor::http::fuzzing::gate(text));

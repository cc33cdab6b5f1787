//! Messages on a socket: every text is one or is refused.

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    parlor::http::fuzzing::message(text);
});

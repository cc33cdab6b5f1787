//! Cursors: none opens that was not sealed, and whatever was sealed is read or refused.

#![no_main]

use std::sync::LazyLock;

use parlor::auth::{Purpose, Sealer};
use parlor::config::Secret;
use parlor::domain::Cursor;

static SEALER: LazyLock<Sealer> = LazyLock::new(|| {
    Sealer::new(&Secret::new("a secret for fuzzing of 32 bytes").expect("it is long enough"))
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert_eq!(SEALER.open(Purpose::Log, text), None);
    }
    let sealed = SEALER.seal(Purpose::Log, bytes);
    let opened = SEALER.open(Purpose::Log, &sealed);
    if let Some(opened) = &opened {
        assert_eq!(opened, bytes);
    }
    if let Some(cursor) = Cursor::from_bytes(bytes) {
        assert!(opened.is_some());
        assert_eq!(cursor.to_bytes().as_slice(), bytes);
    }
});

//! Sees to it that the web pages get into the binary whenever they change.

use std::fs;

/// Where `make web` leaves the pages; `src/http/pages/bundle.rs` embeds what is there.
const DIST: &str = "web/dist";

fn main() {
    // Cargo takes a watched path that does not exist for changed, and would run this and compile the
    // crate anew each time. Where the folder can't be made (read-only sources), that is all that is lost.
    let _ = fs::create_dir_all(DIST);
    println!("cargo:rerun-if-changed={DIST}");
    println!("cargo:rerun-if-changed=build.rs");
    fold_what_is_the_same();
}

/// Has the linker keep one of all functions with the same code, of which generics make many: a tenth of the program.
/// Only what is released, and only where the linker that comes with Rust knows how.
fn fold_what_is_the_same() {
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|it| it == value);
    let has_lld = is("CARGO_CFG_TARGET_ARCH", "x86_64")
        && is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu");
    if has_lld && is("PROFILE", "release") {
        println!("cargo:rustc-link-arg-bins=-Wl,--icf=all");
    }
}

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
}

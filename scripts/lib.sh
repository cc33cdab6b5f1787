# shellcheck shell=bash
# What the scripts share. Sourced first thing: goes to the project's folder, whatever folder they were called from.

set -euo pipefail
CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

# Where scripts/get-node puts Node.js, and where rustup puts cargo: a shell that was open while rustup ran does not
# have the latter on its PATH yet.
PATH="$PWD/.local/node/bin:$PATH:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin"
export PATH

# The built programs. An absolute path, because servers are not started from this folder.
target="${CARGO_TARGET_DIR:-target}"
[[ "$target" == /* ]] || target="$PWD/$target"

# Announces a step.
say() { printf '\n==> %s\n' "$*"; }

# Gives up, with the reason.
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

need_cargo() {
    command -v cargo >/dev/null ||
        die "cargo is not here. Install Rust 1.95 or newer from https://rustup.rs, then run this again."
}

need() {
    command -v "$1" >/dev/null || die "$1 is not here. Install it (Debian, Ubuntu: apt install ${2:-$1}) and run this again."
}

//! The `parlor` program. Everything it does is in the library, where tests reach it.

/// Requests allocate much, all of it small and soon freed; and idle connections must not keep what busy ones needed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    parlor::cli::main()
}

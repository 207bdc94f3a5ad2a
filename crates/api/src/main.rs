//! The `rollcall` program.

/// A request allocates a few hundred times, on one thread, and frees what another one has allocated: see ADR 0083.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    api::cli::main()
}

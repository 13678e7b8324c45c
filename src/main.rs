//! The program: everything is in the library.

/// The C library's keeps what threads that have ended have let go, each in an arena of its own: over hours of load,
/// memory grew in steps. This one gives it back, from a thread of its own also where nothing happens.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    reeve::app::cli::run()
}

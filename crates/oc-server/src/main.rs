//! `oc-server`: see `oc-server --help`.

use std::process::ExitCode;

/// Bodies of notifications come and go by the thousand, each of some kilobytes: the C library's
/// allocator joins and splits its blocks for each of them, and musl's has one lock for all threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    oc_server::run()
}

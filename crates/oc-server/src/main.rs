//! `oc-server`: see `oc-server --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    oc_server::run()
}

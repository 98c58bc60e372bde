//! `manual`: the manual pages, as packages install them.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Command};

use crate::command_line::File;

#[derive(Args)]
pub(crate) struct Options {
    /// The folder they are written into
    folder: File,
}

/// One page for the program and one for each command.
pub(crate) fn run(options: &Options, command: Command) -> anyhow::Result<ExitCode> {
    let place = || options.folder.display().to_string();
    std::fs::create_dir_all(&options.folder).with_context(place)?;
    clap_mangen::generate_to(command, &options.folder).with_context(place)?;
    Ok(ExitCode::SUCCESS)
}

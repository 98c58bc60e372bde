//! The binary: settings, wiring, HTTP API, command line, telemetry.
#![doc = include_str!("../README.md")]

mod api;
mod app;
mod caller_secret;
mod certificates;
mod command_line;
mod commands;
mod credentials;
mod key_locks;
mod logs;
mod own_api;
mod preview;
mod secret_key_file;
mod settings;
mod telemetry;
mod traces;
mod ui;

pub use command_line::run;

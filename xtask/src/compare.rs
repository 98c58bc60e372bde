//! `cargo xtask compare`: the server beside others' tools, which are installed first.

use std::path::Path;

use crate::python;
use crate::sim::{self, Profile};

/// From PyPI.
const TOOLS: [&str; 3] = ["dlt==1.31.0", "airbyte-cdk==7.39.1", "singer-sdk==0.54.9"];

/// Runs all comparisons, or those that are named.
pub(crate) fn run(options: &[String]) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let tools = sim::target_directory(&root)?.join("tools");
    for tool in TOOLS {
        python::environment(&tools, tool)?;
    }
    let mut compare = sim::command(Profile::Release)?;
    sim::finish(compare.arg("compare").arg("--tools").arg(tools).args(options))
}

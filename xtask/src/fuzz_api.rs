//! `cargo xtask fuzz-api`: schemathesis against the real server, held to its own `/openapi.json`.

use std::path::Path;

use anyhow::Context as _;

use crate::python;
use crate::sim::{self, Profile};

/// From PyPI.
const TOOL: &str = "schemathesis==4.32.5";
/// No 500, no status or header that is not described, no answer that its schema does not allow.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_schema_conformance,response_headers_conformance";

/// Runs it twice: with ids that exist, and with whatever comes to its mind.
pub(crate) fn run() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = sim::target_directory(&root)?;
    let tool = python::environment(&target.join("tools"), TOOL)?.join("bin/schemathesis");
    let known = std::path::absolute(root.join("tests/fuzz/schemathesis.toml"))?;
    let with_ids = vec!["--config-file".to_owned(), known.display().to_string()];
    for configuration in [with_ids, vec![]] {
        let mut words = vec!["with-server".to_owned(), tool.display().to_string()];
        words.extend(configuration);
        words.extend(
            ["run", "{url}/openapi.json", "-H", "Authorization: {element}"].map(str::to_owned),
        );
        let how = ["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "-n", "20"];
        words.extend(how.map(str::to_owned));
        // The same cases each time; warnings are about what could not be reached.
        words.extend(["--seed", "1", "--warnings", "off", "--no-color"].map(str::to_owned));
        // It keeps what it has learnt where it is started.
        let mut fuzz = sim::command(Profile::Dev)?;
        sim::finish(fuzz.args(words).current_dir(target.join("tools")))
            .context("the API does not do what it says")?;
    }
    Ok(())
}

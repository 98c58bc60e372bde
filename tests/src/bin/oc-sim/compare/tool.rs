//! Others' tools: each reads in a process of its own, in its own environment.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::bench::measure::Cost;

/// The longest that one may take.
const PATIENCE: Duration = Duration::from_secs(900);

/// A program that reads with somebody's package.
pub(super) struct Tool {
    /// The package, and its environment.
    package: &'static str,
    /// What it is called in the tables.
    pub(super) name: &'static str,
    program: &'static str,
}

pub(super) const TOOLS: [Tool; 4] = [
    Tool { package: "dlt", name: "dlt", program: "dlt_people.py" },
    Tool { package: "singer-sdk", name: "singer-sdk", program: "singer_people.py" },
    Tool {
        package: "airbyte-cdk",
        name: "airbyte-cdk, a declarative source",
        program: "airbyte_declarative_people.py",
    },
    Tool {
        package: "airbyte-cdk",
        name: "airbyte-cdk, a stream by hand",
        program: "airbyte_stream_people.py",
    },
];

impl Tool {
    /// Has it read everything; tells its version, and what it cost without starting it.
    pub(super) async fn read(
        &self,
        tools: &Path,
        base: &str,
        people: u32,
    ) -> anyhow::Result<(String, Cost)> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("compare").join(self.program);
        let python = tools.join(self.package).join("bin/python");
        let mut command = Command::new(&python);
        command.arg(program).args([base, "v2_ak_any"]).stdin(Stdio::null()).kill_on_drop(true);
        let ended = tokio::time::timeout(PATIENCE, command.stderr(Stdio::inherit()).output()).await;
        let output = ended.with_context(|| format!("{} does not end", self.name))?;
        let output = output.with_context(|| python.display().to_string())?;
        ensure!(output.status.success(), "{} ended with {}", self.name, output.status);
        let text = String::from_utf8(output.stdout)?;
        // Some of them log to standard output.
        let line = text.lines().last().with_context(|| format!("{} prints nothing", self.name))?;
        let told: Value = serde_json::from_str(line)?;
        let number = |name: &str| told[name].as_f64().with_context(|| format!("no {name}"));
        let (count, wall, cpu, peak) =
            (number("count")?, number("wall")?, number("cpu")?, number("peak")?);
        ensure!(
            (count - f64::from(people)).abs() < 0.5,
            "{} has read {count} of {people} people",
            self.name
        );
        let version = told["version"].as_str().unwrap_or_default().to_owned();
        Ok((version, Cost { count, wall, cpu, peak }))
    }
}

//! `cargo xtask bench i`: how soon the web page is painted, by a test of it with the release build.

use std::path::Path;

use crate::sim::{self, Profile};

/// Measures, and prints a table.
pub(crate) fn run() -> anyhow::Result<()> {
    crate::packages::require(crate::packages::FOR_TESTS)?;
    let server = sim::built(Profile::Release)?.join("oc-server");
    let test = ["test", "--quiet", "--package", "oc-tests", "--test", "browser", "paint::"];
    let shown = [&test[..], &["--", "--nocapture"]].concat();
    let variables = [("OC_SERVER_BIN", &*server), ("OC_PAINT", Path::new("1"))];
    crate::test::run_cargo_with(&shown, &variables)
}

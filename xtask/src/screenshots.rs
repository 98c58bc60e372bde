//! `cargo xtask screenshots`: the pictures in the documentation, made by a test of the web page.

use std::path::Path;

/// Makes them anew.
pub(crate) fn run() -> anyhow::Result<()> {
    crate::packages::require(crate::packages::FOR_TESTS)?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/pictures");
    std::fs::create_dir_all(&folder)?;
    let folder = std::path::absolute(&folder)?;
    let test = ["test", "--package", "oc-tests", "--test", "browser", "pictures::"];
    crate::test::run_cargo_with(&test, &[("OC_PICTURES", &folder)])
}

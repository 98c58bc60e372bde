//! Whether a page is sound: for assistive technology, for the policy, in weight and in width.

use anyhow::{Context as _, ensure};
use serde_json::Value as Json;

use crate::browser::Browser;

const AXE: &str = include_str!("axe/axe.min.js");
/// The most bytes of a page with all it loads.
const HEAVIEST: u64 = 200_000;

const CHECK: &str = "
const done = arguments[arguments.length - 1];
axe.run(document, { resultTypes: ['violations'] }).then(
  found => done(found.violations.map(
    one => one.impact + ': ' + one.help + ': ' + one.nodes.map(node => node.html).join(' '))),
  error => done(['axe failed: ' + error]));";

const LOADED: &str = "
const entries = performance.getEntriesByType('navigation')
  .concat(performance.getEntriesByType('resource'));
return {
  bytes: entries.reduce((sum, one) => sum + one.decodedBodySize, 0),
  strangers: entries.map(one => one.name).filter(name => !name.startsWith(location.origin)),
  wide: document.documentElement.scrollWidth - window.innerWidth,
};";

impl Browser {
    /// axe finds nothing, the console is empty (the policy's complaints go there), all comes from this
    /// server, is light, and fits into the window.
    pub(crate) async fn is_sound(&self) -> anyhow::Result<()> {
        let path = self.path().await?;
        let loaded = self.run(LOADED).await?;
        let bytes = loaded["bytes"].as_u64().context("no bytes")?;
        ensure!(bytes > 0 && bytes <= HEAVIEST, "{path} has {bytes} bytes");
        ensure!(loaded["strangers"] == Json::Array(vec![]), "{path} loads {}", loaded["strangers"]);
        ensure!(loaded["wide"].as_i64() <= Some(0), "{path} is too wide by {}", loaded["wide"]);
        self.console_is_empty(&path).await?;
        self.run(AXE).await?;
        let found = self.driver.execute_async(CHECK, vec![]).await?.json().clone();
        let found: Vec<String> = serde_json::from_value(found)?;
        ensure!(found.is_empty(), "{path}: axe finds\n{}", found.join("\n"));
        Ok(())
    }

    /// Narrow and wide, light and dark.
    pub(crate) async fn is_sound_everywhere(&self) -> anyhow::Result<()> {
        for (width, scheme) in [(360, "light"), (360, "dark"), (1280, "dark"), (1280, "light")] {
            self.width(width).await?;
            self.colours(scheme).await?;
            self.is_sound().await.with_context(|| format!("{width} px, {scheme}"))?;
        }
        Ok(())
    }

    /// What was answered with a failure on purpose is no fault of the page.
    async fn console_is_empty(&self, path: &str) -> anyhow::Result<()> {
        let entries = self.driver.browser_log().await?;
        let told = entries.iter().map(|entry| entry.message.as_str());
        let told: Vec<_> = told.filter(|text| !text.contains("Failed to load resource")).collect();
        ensure!(told.is_empty(), "{path}: the console says\n{}", told.join("\n"));
        Ok(())
    }
}

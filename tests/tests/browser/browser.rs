//! A browser at the web page, used as a person does: by the words that can be read.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value as Json, json};
use thirtyfour::{By, Key, TypingData, WebDriver, WebElement};

use crate::driver::Driver;

/// How long something may take to show.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

/// What has the focus, as it is called, and how that is to be seen; pages of others are their own affair.
const FOCUS: &str = "
const at = document.activeElement;
const name = at.getAttribute('aria-label') || at.labels?.[0]?.innerText || at.innerText || at.value;
const ours = location.pathname.startsWith('/ui/') && at !== document.body;
return { name: (name || '').trim(), outline: ours ? getComputedStyle(at).outlineStyle : 'ours' };";

/// One browser, and where the server is.
pub(crate) struct Browser {
    pub(crate) driver: WebDriver,
    base: String,
    _chromedriver: Driver,
}

impl Browser {
    pub(crate) async fn open(base: &str) -> anyhow::Result<Self> {
        let chromedriver = Driver::start().await?;
        let driver = chromedriver.browser().await?;
        Ok(Self { driver, base: base.to_owned(), _chromedriver: chromedriver })
    }

    /// Goes to a path of the server.
    pub(crate) async fn go(&self, path: &str) -> anyhow::Result<()> {
        self.driver.goto(format!("{}{path}", self.base)).await?;
        Ok(())
    }

    /// Path and query of the page that is shown.
    pub(crate) async fn path(&self) -> anyhow::Result<String> {
        let url = self.driver.current_url().await?;
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        Ok(format!("{}{query}", url.path()))
    }

    /// Signs in with the secrets of the first user.
    pub(crate) async fn sign_in(&self) -> anyhow::Result<()> {
        self.go("/ui/sign-in").await?;
        self.fill("User secret", oc_tests::server::USER).await?;
        self.fill("Organization secret", oc_tests::server::ORGANIZATION).await?;
        self.press("Sign in").await?;
        self.see("Sign out").await
    }

    /// Everything that can be read.
    pub(crate) async fn text(&self) -> anyhow::Result<String> {
        let text = self.run("return document.body ? document.body.innerText : ''").await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until a text can be read.
    pub(crate) async fn see(&self, wanted: &str) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        let mut last = String::new();
        while Instant::now() < until {
            // A page that is just being left cannot be read.
            last = self.text().await.unwrap_or(last);
            if last.contains(wanted) {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        bail!("`{wanted}` is not to be read at {}:\n{last}", self.path().await?)
    }

    /// Fills in the field with this label.
    pub(crate) async fn fill(&self, label: &str, text: &str) -> anyhow::Result<()> {
        let field = self.field(label).await?;
        field.clear().await?;
        field.send_keys(text).await?;
        Ok(())
    }

    /// What stands in the field with this label.
    pub(crate) async fn value(&self, label: &str) -> anyhow::Result<String> {
        Ok(self.field(label).await?.prop("value").await?.unwrap_or_default())
    }

    /// Ticks the box with this label, or takes its tick away.
    pub(crate) async fn tick(&self, label: &str) -> anyhow::Result<()> {
        let field = self.field(label).await?;
        field.scroll_into_view().await?;
        field.click().await?;
        Ok(())
    }

    /// The field with this label.
    pub(crate) async fn field(&self, label: &str) -> anyhow::Result<WebElement> {
        let path = format!("//label[normalize-space()={}]", quoted(label));
        let found = self.find(&path).await.with_context(|| format!("no label `{label}`"))?;
        let id = found.attr("for").await?.with_context(|| format!("`{label}` is for nothing"))?;
        Ok(self.driver.find(By::Id(id)).await?)
    }

    /// Chooses what can be read in the field with this label.
    pub(crate) async fn choose(&self, label: &str, option: &str) -> anyhow::Result<()> {
        let field = self.field(label).await?;
        let path = format!("./option[normalize-space()={}]", quoted(option));
        field.find(By::XPath(path)).await?.click().await?;
        Ok(())
    }

    /// Presses the button, link or summary with this text.
    pub(crate) async fn press(&self, text: &str) -> anyhow::Result<()> {
        let text = quoted(text);
        let path = format!(
            "//*[self::button or self::a or self::summary][normalize-space()={text} or @aria-label={text}]"
        );
        self.click(&path).await.with_context(|| format!("nothing to press is called {text}"))
    }

    /// Presses the first element of this kind in which a text stands.
    pub(crate) async fn press_where(&self, kind: &str, text: &str) -> anyhow::Result<()> {
        let path = format!("//{kind}[contains(normalize-space(), {})]", quoted(text));
        self.click(&path).await.with_context(|| format!("no {kind} with `{text}`"))
    }

    /// Presses keys where the focus is.
    pub(crate) async fn keys(&self, keys: impl Into<TypingData>) -> anyhow::Result<()> {
        Ok(self.driver.active_element().await?.send_keys(keys).await?)
    }

    /// Presses Tab until what has this label or text has the focus, which is to be seen all the way.
    pub(crate) async fn tab_to(&self, label: &str) -> anyhow::Result<()> {
        for _ in 0..200 {
            self.keys(Key::Tab + "").await?;
            let at = self.run(FOCUS).await?;
            anyhow::ensure!(at["outline"] != "none", "the focus is not to be seen at {at}");
            if at["name"] == label {
                return Ok(());
            }
        }
        bail!("`{label}` is not reached with Tab at {}", self.path().await?)
    }

    /// What has the focus: its text, or else its id.
    pub(crate) async fn focused(&self) -> anyhow::Result<String> {
        let script = "const at = document.activeElement; return at.innerText || at.id";
        Ok(self.run(script).await?.as_str().unwrap_or_default().to_owned())
    }

    /// Makes the window so wide; down to the width of a phone.
    pub(crate) async fn width(&self, width: u32) -> anyhow::Result<()> {
        let metrics =
            json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await
    }

    /// Asks for light or dark colours.
    pub(crate) async fn colours(&self, scheme: &str) -> anyhow::Result<()> {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", features).await
    }

    /// Forgets every file that it has kept.
    pub(crate) async fn forget_files(&self) -> anyhow::Result<()> {
        self.devtools("Network.clearBrowserCache", json!({})).await
    }

    /// The value of a script.
    pub(crate) async fn run(&self, script: &str) -> anyhow::Result<Json> {
        Ok(self.driver.execute(script, vec![]).await?.json().clone())
    }

    /// A picture of what is in the window, as PNG.
    pub(crate) async fn picture(&self) -> anyhow::Result<Vec<u8>> {
        Ok(self.driver.screenshot_as_png().await?)
    }

    /// Ends the browser.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        self.driver.quit().await?;
        Ok(())
    }

    /// Clicks the first element on a path; what is just being replaced is looked for again.
    async fn click(&self, path: &str) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            let found = self.find(path).await?;
            let clicked = async {
                found.scroll_into_view().await?;
                found.click().await
            };
            match clicked.await {
                Err(_) if Instant::now() < until => tokio::time::sleep(PAUSE).await,
                clicked => return Ok(clicked?),
            }
        }
    }

    /// The first element on a path, as soon as there is one.
    async fn find(&self, path: &str) -> anyhow::Result<WebElement> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.driver.find(By::XPath(path)).await {
                Ok(found) => return Ok(found),
                Err(error) if Instant::now() >= until => return Err(error.into()),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    async fn devtools(&self, command: &str, values: Json) -> anyhow::Result<()> {
        self.driver.cdp().send_raw(command, values).await?;
        Ok(())
    }
}

/// A text in a path expression.
fn quoted(text: &str) -> String {
    let parts: Vec<String> = text.split('"').map(|part| format!("\"{part}\"")).collect();
    if parts.len() == 1 { parts[0].clone() } else { format!("concat({})", parts.join(", '\"', ")) }
}

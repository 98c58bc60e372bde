//! A machine's clock that is wrong, and can be set while a server runs on it.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use tempfile::TempDir;

use crate::Options;

/// Tells a program another time than the machine's; Debian's package `libfaketime`.
const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// The clock of one server.
pub struct FalseClock {
    folder: TempDir,
}

impl FalseClock {
    /// So many seconds ahead of the machine's clock, or behind it where they are negative.
    ///
    /// # Errors
    /// The library is not installed.
    pub fn ahead(seconds: i64) -> anyhow::Result<Self> {
        ensure!(Path::new(LIBRARY).exists(), "{LIBRARY} is missing; cargo xtask test installs it");
        let clock = Self { folder: TempDir::new()? };
        clock.set(seconds)?;
        Ok(clock)
    }

    /// Sets it: whoever looks at it the next time finds it so.
    ///
    /// # Errors
    /// Its file cannot be written.
    pub fn set(&self, seconds: i64) -> anyhow::Result<()> {
        // Replaced as a whole, as it is read at any moment.
        let new = self.folder.path().join("new");
        std::fs::write(&new, format!("{seconds:+}\n"))?;
        Ok(std::fs::rename(new, self.file())?)
    }

    /// A server that goes by it. What counts the time that passes is not moved, as by the setting of
    /// a real clock.
    #[must_use]
    pub fn of(&self, options: Options) -> Options {
        options
            .with("LD_PRELOAD", LIBRARY)
            .with("FAKETIME_TIMESTAMP_FILE", &self.file().display().to_string())
            .with("FAKETIME_NO_CACHE", "1")
            .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("offset")
    }
}

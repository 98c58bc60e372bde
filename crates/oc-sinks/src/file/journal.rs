//! A file that only grows by whole lines, over any crash, and is closed when it is long or old.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use oc_config::Timestamp;
use time::OffsetDateTime;
use time::macros::format_description;

/// How much is read at a time in search of the last whole line.
const CHUNK: u64 = 64 * 1024;

/// `NAME.jsonl` in a folder; what is closed is named `NAME.20261125T104500Z.jsonl`.
pub(super) struct Journal {
    pub(super) folder: PathBuf,
    pub(super) name: String,
    pub(super) rotate_bytes: u64,
    pub(super) rotate_daily: bool,
}

impl Journal {
    /// Appends a line; it and the file's name are durable when this returns. Whatever fails leaves at
    /// most a torn line, which the next call cuts off.
    pub(super) fn append(&self, line: &[u8], now: Timestamp) -> io::Result<()> {
        let mut file = self.open()?;
        let mut length = repair(&mut file)?;
        if self.is_full(&file, length, line.len(), now)? {
            std::fs::rename(self.path(), self.closed_path(now)?)?;
            file = self.open()?;
            length = repair(&mut file)?;
        }
        if let Err(error) = file.write_all(line) {
            // As on a full disk: nobody is to read half a line for long.
            let _ = file.set_len(length);
            return Err(error);
        }
        file.sync_data()?;
        File::open(&self.folder)?.sync_all()
    }

    fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.jsonl", self.name))
    }

    /// The file, locked: one writer at a time, in whatever process.
    fn open(&self) -> io::Result<File> {
        let path = self.path();
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        loop {
            let file = options.open(&path)?;
            file.lock()?;
            // Whoever had the lock may have closed the file, and begun another one of this name.
            let own = file.metadata()?;
            match std::fs::metadata(&path) {
                Ok(named) if (named.dev(), named.ino()) == (own.dev(), own.ino()) => {
                    return Ok(file);
                }
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }

    fn is_full(&self, file: &File, length: u64, more: usize, now: Timestamp) -> io::Result<bool> {
        if length == 0 {
            return Ok(false);
        }
        let written: OffsetDateTime = file.metadata()?.modified()?.into();
        let is_old = self.rotate_daily && written.date() < now.to_utc().date();
        Ok(is_old || length.saturating_add(more as u64) > self.rotate_bytes)
    }

    /// A name that no file has.
    fn closed_path(&self, now: Timestamp) -> io::Result<PathBuf> {
        let second = format_description!("[year][month][day]T[hour][minute][second]Z");
        let second = now.to_utc().format(second).map_err(io::Error::other)?;
        let mut path = self.folder.join(format!("{}.{second}.jsonl", self.name));
        for further in 2.. {
            if !path.try_exists()? {
                break;
            }
            path = self.folder.join(format!("{}.{second}-{further}.jsonl", self.name));
        }
        Ok(path)
    }
}

/// Cuts off what stands behind the last whole line; tells the length that is left.
fn repair(file: &mut File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let (mut end, mut chunk) = (length, Vec::new());
    while end > 0 {
        let start = end.saturating_sub(CHUNK);
        file.seek(SeekFrom::Start(start))?;
        chunk.clear();
        Read::by_ref(file).take(end - start).read_to_end(&mut chunk)?;
        // The last byte is the end of a line, but after a crash.
        if let Some(at) = chunk.iter().rposition(|byte| *byte == b'\n') {
            end = start + at as u64 + 1;
            break;
        }
        end = start;
    }
    if end < length {
        tracing::warn!(bytes = length - end, "A torn line at the end of a sink's file was cut off");
        file.set_len(end)?;
    }
    Ok(end)
}

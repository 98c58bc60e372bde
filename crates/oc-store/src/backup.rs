//! A consistent copy of the database, made while it is in use.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::sqlite::read_only;

/// Steps of SQLite's machine between two looks at how far it is.
const STEPS: i32 = 20_000;

/// Copies the database to a new file as it is at one moment; a server may go on using it. The file
/// has its name only when it is whole. `progress` is told bytes written, and about how many there
/// will be. Returns the copy's size.
///
/// # Errors
/// [`StoreError::Missing`], [`StoreError::Exists`], and when it cannot be written.
pub fn backup(
    from: &Path,
    to: &Path,
    progress: impl Fn(u64, u64) + Send + 'static,
) -> Result<u64, StoreError> {
    if to.exists() {
        return Err(StoreError::Exists(to.to_owned()));
    }
    let fault = |source| StoreError::File { path: to.to_owned(), source };
    let mut connection = read_only(from)?;
    let total = connection.query_row(
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
        [],
        |row| row.get(0),
    )?;
    let partial = partial(to);
    // SQLite takes names as text; another name would be another file.
    let name = partial.to_str().ok_or_else(|| fault(ErrorKind::InvalidFilename.into()))?.to_owned();
    create(&partial).map_err(fault)?;
    let written = partial.clone();
    let look = move || {
        progress(std::fs::metadata(&written).map_or(0, |file| file.len()), total);
        false
    };
    connection.progress_handler(STEPS, Some(look))?;
    let copied = connection.execute("VACUUM INTO ?1", [name]);
    let finished = copied.map_err(StoreError::from).and_then(|_| keep(&partial, to).map_err(fault));
    if finished.is_err() {
        // What is not whole is of no use; that it cannot be removed would hide why.
        let _ = std::fs::remove_file(&partial);
    }
    finished
}

/// The copy while it is being written.
fn partial(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

/// An empty file that only its owner may read, as SQLite would ask the umask; what an interrupted
/// backup has left is thrown away.
fn create(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    if path.exists() {
        std::fs::remove_file(path)?;
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop)
}

fn keep(partial: &Path, to: &Path) -> std::io::Result<u64> {
    let file = File::open(partial)?;
    file.sync_all()?;
    std::fs::rename(partial, to)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(file.metadata()?.len())
}

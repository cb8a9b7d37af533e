//! Where the test bed keeps its things: a cache that outlives it, and a run folder that does not.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use fs_err as fs;

use super::{Part, machine};

/// The test bed's folders.
pub(crate) struct Bed {
    cache: PathBuf,
    run: PathBuf,
}

impl Bed {
    pub(crate) fn open() -> Result<Self> {
        let cache = match std::env::var_os("XDG_CACHE_HOME") {
            Some(folder) if !folder.is_empty() => PathBuf::from(folder),
            _ => std::env::home_dir()
                .context("no home folder to keep a cache in: set `XDG_CACHE_HOME`")?
                .join(".cache"),
        };
        let run = match std::env::var_os("XDG_RUNTIME_DIR") {
            _ if machine::is_root() => PathBuf::from("/run/pyrun-testbed"),
            Some(folder) => PathBuf::from(folder).join("pyrun-testbed"),
            None => cache.join("pyrun-testbed").join("run"),
        };
        fs::create_dir_all(&run)?;
        Ok(Self { cache: cache.join("pyrun-testbed"), run })
    }

    /// A path in the cache, its folder made.
    pub(crate) fn cached(&self, path: &str) -> Result<PathBuf> {
        let path = self.cache.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(path)
    }

    /// A path in the run folder.
    pub(crate) fn run(&self, path: &str) -> PathBuf {
        self.run.join(path)
    }

    /// Where what a long step says is kept.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.run.join("logs").join(format!("{name}.log"))
    }

    /// Removes what building needed and nothing needs any more.
    pub(crate) fn sweep(&self) {
        // What cannot be removed is in nobody's way.
        let _ = fs::remove_dir_all(self.cache.join("work"));
    }

    /// Why a part was skipped, where it was.
    pub(crate) fn skipped(&self, part: Part) -> Option<String> {
        fs::read_to_string(self.run("skipped").join(part.name())).ok()
    }

    /// Remembers that a part was skipped, so that the next call neither tries again nor forgets to say so.
    pub(crate) fn skip(&self, part: Part, reason: &str) -> Result<()> {
        let folder = self.run("skipped");
        fs::create_dir_all(&folder)?;
        Ok(fs::write(folder.join(part.name()), reason)?)
    }

    /// Forgets that a part was skipped.
    pub(crate) fn unskip(&self, part: Part) {
        // Nothing to forget is just as well.
        let _ = fs::remove_file(self.run("skipped").join(part.name()));
    }

    /// Keeps other calls out until the guard is dropped.
    pub(crate) fn lock(&self) -> Result<Lock> {
        let path = self.run("lock");
        let me = std::process::id().to_string();
        let mut told = false;
        loop {
            if fs::OpenOptions::new().write(true).create_new(true).open(&path).is_ok() {
                fs::write(&path, me)?;
                return Ok(Lock(path));
            }
            let holder = fs::read_to_string(&path).unwrap_or_default();
            let gone = holder.parse::<u32>().is_ok_and(|pid| !Path::new(&format!("/proc/{pid}")).exists());
            if gone {
                let _ = fs::remove_file(&path);
                continue;
            }
            if !told {
                crate::say::status(
                    "Waiting",
                    &format!("for process {holder}, which is setting the test bed up"),
                );
                told = true;
            }
            std::thread::sleep(Duration::from_millis(300));
        }
    }
}

/// The right to change the test bed.
pub(crate) struct Lock(PathBuf);

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Asks until the answer is yes or the time is over.
pub(crate) fn wait(limit: Duration, mut ready: impl FnMut() -> bool) -> bool {
    let begin = Instant::now();
    loop {
        if ready() {
            return true;
        }
        if begin.elapsed() > limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

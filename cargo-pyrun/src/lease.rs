//! A note in the cache of each container that is about to exist.
//!
//! Init ends a container whose client is gone, but one that was created and not started yet has no init. Its note
//! is locked while its client lives; the next run finds a note that nobody holds and removes what it names.

use std::cell::Cell;
use std::time::Duration;

use camino::Utf8PathBuf;
use fs_err::{File, OpenOptions};
use serde::{Deserialize, Serialize};

use crate::cache::Cache;
use crate::engine::Engine;

/// How long an engine may still be about to create what a dead client asked for.
const LATE: Duration = Duration::from_secs(60);

/// The note of one container, held until dropped.
#[derive(Debug)]
pub struct Lease {
    file: File,
    path: Utf8PathBuf,
    needed: Cell<bool>,
}

#[derive(Serialize, Deserialize)]
struct Note {
    engine: String,
    run: String,
}

impl Lease {
    /// Notes the container that will have this value of the label `pyrun.run`; `None` where the cache cannot be written, which costs only this safety net.
    #[must_use]
    pub fn take(cache: &Cache, engine: &Engine, run: &str) -> Option<Self> {
        let folder = cache.folder("runs").ok()?;
        let path = folder.join(format!("{run}.json"));
        let file = OpenOptions::new().write(true).create_new(true).open(&path).ok()?;
        file.file().try_lock().ok()?;
        let note = Note { engine: engine.address().to_string(), run: run.to_owned() };
        serde_json::to_writer(file.file(), &note).ok()?;
        Some(Self { file, path, needed: Cell::new(false) })
    }

    /// From now on the note is for a later run, if this one does not come to its end: the container may be there.
    pub fn leave(&self) {
        self.needed.set(true);
    }

    /// The container is gone, or goes by itself.
    pub fn release(&self) {
        self.needed.set(false);
    }

    /// Removes what dead clients of this engine left behind.
    pub async fn sweep(cache: &Cache, engine: &Engine) {
        let Ok(folder) = cache.folder("runs") else { return };
        for entry in fs_err::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(file) = File::open(&path) else { continue };
            let abandoned = file.file().try_lock().is_ok();
            if !abandoned {
                continue;
            }
            match serde_json::from_reader::<_, Note>(file.file()) {
                Ok(note) if note.engine == engine.address().to_string() => {
                    let Ok(removed) = engine.remove_run(&note.run).await else { continue };
                    let written = file.metadata().and_then(|data| data.modified()).ok();
                    let late = written.and_then(|at| at.elapsed().ok()).is_some_and(|age| age < LATE);
                    if removed || !late {
                        let _ = fs_err::remove_file(&path);
                    }
                }
                Ok(_) => {}
                // Cut off while it was written: nothing was created yet.
                Err(_) => {
                    let _ = fs_err::remove_file(&path);
                }
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let _ = self.file.file().unlock();
        if self.needed.get() {
            return;
        }
        let _ = fs_err::remove_file(&self.path);
    }
}

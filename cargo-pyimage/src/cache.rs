//! What is in the cache, and making it smaller.

mod table;

use std::time::SystemTime;

use camino::Utf8PathBuf;
use pyrun::cache::contents::{Summary, summaries};
use pyrun::cache::{Contents, Pruned};
use pyrun::shell::Shell;
use serde::Serialize;

use crate::size::Size;

/// What is in the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Its folder.
    pub folder: Utf8PathBuf,
    /// The room that all takes on the disk, in bytes.
    pub size: u64,
    /// What there is of each kind.
    pub kinds: Vec<Summary>,
}

/// What a prune did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PruneReport {
    /// The cache's folder.
    pub folder: Utf8PathBuf,
    /// Whether nothing was removed in fact.
    pub dry_run: bool,
    /// The room that was freed, in bytes.
    pub freed: u64,
    /// The room that is still taken, in bytes.
    pub size: u64,
    /// How many entries were to go, and are in use.
    pub in_use: usize,
    /// What went of each kind.
    pub removed: Vec<Summary>,
}

/// Some entries could not be removed.
#[derive(Debug, thiserror::Error)]
#[error("could not remove `{}`{} from the cache", first, more(*.others))]
pub struct StuckError {
    first: Utf8PathBuf,
    others: usize,
    source: std::io::Error,
}

fn more(others: usize) -> String {
    if others > 0 { format!(" and {others} more") } else { String::new() }
}

impl Report {
    /// The report for these contents.
    #[must_use]
    pub fn of(contents: &Contents) -> Self {
        Self { folder: contents.folder.clone(), size: contents.size(), kinds: contents.summaries() }
    }

    /// A table with a line for each kind, and the whole.
    #[must_use]
    pub fn table(&self, now: SystemTime) -> String {
        table::table(&self.kinds, self.size, now)
    }
}

impl PruneReport {
    /// The report for what was removed.
    #[must_use]
    pub fn of(pruned: &Pruned, folder: Utf8PathBuf, dry_run: bool) -> Self {
        Self {
            folder,
            dry_run,
            freed: pruned.freed(),
            size: pruned.left,
            in_use: pruned.in_use.len(),
            removed: summaries(&pruned.removed),
        }
    }

    /// A table with a line for each kind of which something went; empty if nothing did.
    #[must_use]
    pub fn table(&self, now: SystemTime) -> String {
        if self.removed.is_empty() { String::new() } else { table::table(&self.removed, self.freed, now) }
    }

    /// Tells how much was freed, and why not more.
    pub fn tell(&self, shell: &Shell) {
        let count: usize = self.removed.iter().map(|summary| summary.entries).sum();
        let verb = if self.dry_run { "Would free" } else { "Freed" };
        let (freed, left) = (Size(self.freed), Size(self.size));
        shell.status(
            verb,
            format_args!("{freed} of {} in `{}`; {left} left", table::entries(count), self.folder),
        );
        if self.in_use > 0 {
            shell.note(format_args!(
                "{} in use, and not removed",
                match self.in_use {
                    1 => "1 entry is".to_owned(),
                    count => format!("{count} entries are"),
                }
            ));
        }
    }
}

/// What could not be removed, as an error.
///
/// # Errors
/// Where there is anything.
pub fn unstuck(pruned: &Pruned) -> Result<(), StuckError> {
    match &pruned.stuck[..] {
        [] => Ok(()),
        [first, others @ ..] => {
            Err(StuckError { first: first.path.clone(), others: others.len(), source: first.reason.into() })
        }
    }
}

//! Digests of files as they were when they were last read: build scripts are compiled without optimisation, and hashing is
//! most of what they would do.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::Metadata;
use std::path::Path;

/// The file in `OUT_DIR`.
const FILE: &str = "pyimage.sums";
/// What it begins with.
const VERSION: &str = "pyimage sums 1";
/// Nanoseconds within which two changes of a file may have one time, on the coarsest of file systems.
const TICK: i128 = 2_000_000_000;

/// What tells that a file has not changed: its size, its times, and which file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    size: u64,
    modified: i128,
    changed: i128,
    device: u64,
    inode: u64,
}

/// The digests that are known.
#[derive(Debug, Default)]
pub(super) struct Sums {
    known: HashMap<String, (Seen, String)>,
    text: String,
    new: String,
}

impl Sums {
    /// Reads those of an earlier run. Whatever is wrong with them, files are hashed once more.
    pub(super) fn read(out: &Path) -> Self {
        let path = out.join(FILE);
        let mut sums = Self { new: format!("{VERSION}\n"), ..Self::default() };
        let (Ok(text), Ok(metadata)) = (fs_err::read_to_string(&path), fs_err::metadata(&path)) else {
            return sums;
        };
        let Some(written) = Seen::of(&metadata) else { return sums };
        let mut lines = text.lines();
        if lines.next() == Some(VERSION) {
            // What was changed just before may have been changed again since, at the same time.
            let settled = |seen: &Seen| seen.changed.max(seen.modified) < written.modified - TICK;
            sums.known = lines.filter_map(entry).filter(|(_, (seen, _))| settled(seen)).collect();
        }
        sums.text = text;
        sums
    }

    /// The digest of a file, if it is still what it was.
    pub(super) fn find(&mut self, path: &str, metadata: &Metadata) -> Option<String> {
        let (seen, sum) = self.known.get(path)?;
        (Some(*seen) == Seen::of(metadata)).then(|| sum.clone())
    }

    /// Keeps the digest of a file that was like this before it was read.
    pub(super) fn add(&mut self, path: &str, metadata: &Metadata, sum: &str) {
        let Some(Seen { size, modified, changed, device, inode }) = Seen::of(metadata) else { return };
        // Writing to a string cannot fail.
        let _ = writeln!(self.new, "{size} {modified} {changed} {device} {inode} {sum} {path}");
    }

    /// Writes them where something is new. That they cannot be written costs time, and nothing else.
    pub(super) fn write(self, out: &Path) {
        if self.new != self.text {
            let _ = super::write(&out.join(FILE), &self.new);
        }
    }
}

fn entry(line: &str) -> Option<(String, (Seen, String))> {
    let mut parts = line.splitn(7, ' ');
    let seen = Seen {
        size: parts.next()?.parse().ok()?,
        modified: parts.next()?.parse().ok()?,
        changed: parts.next()?.parse().ok()?,
        device: parts.next()?.parse().ok()?,
        inode: parts.next()?.parse().ok()?,
    };
    let sum =
        parts.next().filter(|sum| sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some((parts.next()?.to_owned(), (seen, sum.to_owned())))
}

impl Seen {
    #[cfg(unix)]
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere there is nothing")]
    fn of(metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;

        let nanoseconds = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Some(Self {
            size: metadata.len(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }

    /// A time of modification can be set, and says too little alone.
    #[cfg(not(unix))]
    fn of(_: &Metadata) -> Option<Self> {
        None
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    const SUM: &str = "b80792336156c7b0f7fe02eeef24610d2d52a10d1810397744471d1dc5738180";

    /// A folder with a file, whose digest was kept so many seconds later.
    fn kept(later: u64) -> (tempfile::TempDir, Metadata) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a b.py");
        fs_err::write(&file, "a").unwrap();
        let metadata = fs_err::metadata(&file).unwrap();
        let mut sums = Sums::read(folder.path());
        assert_eq!(sums.find("a b.py", &metadata), None);
        sums.add("a b.py", &metadata, SUM);
        sums.write(folder.path());
        let sums = fs_err::OpenOptions::new().append(true).open(folder.path().join(FILE)).unwrap();
        sums.into_file().set_modified(SystemTime::now() + Duration::from_secs(later)).unwrap();
        (folder, metadata)
    }

    #[test]
    fn a_file_that_has_not_changed_is_not_read_again() {
        let (folder, metadata) = kept(5);
        let mut sums = Sums::read(folder.path());
        assert_eq!(sums.find("a b.py", &metadata).as_deref(), Some(SUM));
        assert_eq!(sums.find("a", &metadata), None);
        let file = folder.path().join("a b.py");
        fs_err::write(folder.path().join("other"), "b").unwrap();
        fs_err::rename(folder.path().join("other"), &file).unwrap();
        assert_eq!(sums.find("a b.py", &fs_err::metadata(&file).unwrap()), None);
    }

    #[test]
    fn what_may_have_changed_at_the_same_time_is_read_again() {
        let (folder, metadata) = kept(1);
        assert_eq!(Sums::read(folder.path()).find("a b.py", &metadata), None);
    }

    #[test]
    fn damage_is_nothing_that_is_known() {
        let (folder, metadata) = kept(5);
        let path = folder.path().join(FILE);
        let text = fs_err::read_to_string(&path).unwrap();
        for damaged in [text.replace(VERSION, "x"), text.replace(SUM, &SUM[1..]), "\0".to_owned()] {
            fs_err::write(&path, damaged).unwrap();
            let file = fs_err::OpenOptions::new().append(true).open(&path).unwrap();
            file.into_file().set_modified(SystemTime::now() + Duration::from_secs(5)).unwrap();
            assert_eq!(Sums::read(folder.path()).find("a b.py", &metadata), None);
        }
    }
}

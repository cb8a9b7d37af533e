//! What is in the cache, how big it is, and when it was last used.

use std::collections::{HashMap, HashSet};
use std::fs::Metadata;
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Serialize, Serializer};

use super::work::PREFIX;
use super::{Cache, CacheError};

/// What entries of the cache are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// Packages put together for scripts; links to the files of packages.
    Environments,
    /// Wheels, unpacked.
    Packages,
    /// The bytecode of packages.
    PackageBytecode,
    /// The bytecode of the standard library and of projects, by image.
    Bytecode,
    /// Scripts that programs have in them, as files.
    Scripts,
    /// Wheels that were built here.
    Built,
    /// Wheels, layers and documents, as they were downloaded.
    Blobs,
    /// What uv resolved.
    Locks,
    /// uv.
    Tools,
    /// What is known of engines, images and projects.
    Notes,
    /// What was begun, and is gone on with or was given up.
    Unfinished,
}

/// Where the entries of a kind are, and how deep below.
const FOLDERS: [(&str, Kind, usize); 23] = [
    // First, so that of the links to one file the package's counts.
    ("packages", Kind::Packages, 1),
    ("environments", Kind::Environments, 1),
    ("package-bytecode", Kind::PackageBytecode, 1),
    ("bytecode", Kind::Bytecode, 2),
    ("scripts", Kind::Scripts, 1),
    ("built", Kind::Built, 1),
    ("blobs", Kind::Blobs, 2),
    ("layers", Kind::Notes, 1),
    ("apt", Kind::Notes, 1),
    ("bases", Kind::Notes, 1),
    ("binaries", Kind::Notes, 1),
    ("compiled", Kind::Notes, 1),
    ("built-wheels", Kind::Notes, 1),
    ("loaded", Kind::Notes, 1),
    ("locks", Kind::Locks, 1),
    ("tools", Kind::Tools, 1),
    ("partial", Kind::Unfinished, 1),
    ("engines", Kind::Notes, 1),
    ("images", Kind::Notes, 1),
    ("accounts", Kind::Notes, 1),
    ("certificates", Kind::Notes, 1),
    ("settings", Kind::Notes, 1),
    ("workspaces", Kind::Notes, 1),
];

/// Folders with nothing but unfinished work, or links, beside the entries.
const ASIDE: [&str; 3] = ["tools/work", "environments/by-need", super::prune::FOLDER];

/// One thing in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is for.
    pub kind: Kind,
    /// Its path below the cache folder.
    pub path: Utf8PathBuf,
    /// The room that it takes on the disk; of a file with several links, only the first counts.
    pub size: u64,
    /// When it was last used. An environment that lost its mark is of no use any more.
    pub used: SystemTime,
}

/// All entries of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// What they are for.
    pub kind: Kind,
    /// How many there are.
    pub entries: usize,
    /// The room that they take on the disk, in bytes.
    pub size: u64,
    /// When the one that was not used for longest was used, in seconds since 1970.
    #[serde(serialize_with = "seconds")]
    pub oldest_use: SystemTime,
    /// When one of them was last used.
    #[serde(serialize_with = "seconds")]
    pub latest_use: SystemTime,
}

fn seconds<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    serializer.serialize_u64(since.as_secs())
}

/// What is in a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The cache folder.
    pub folder: Utf8PathBuf,
    /// All entries, in no order.
    pub entries: Vec<Entry>,
}

impl Contents {
    /// Looks through a cache. What is none of ours in it is left out, here and wherever this is used to remove things.
    ///
    /// # Errors
    /// Where the folder is there and cannot be read.
    pub fn read(cache: &Cache) -> Result<Self, CacheError> {
        match fs_err::read_dir(cache.root()) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(CacheError::Unreadable { folder: cache.root.clone().into(), source });
            }
            _ => {}
        }
        let mut reading = Reading { cache, seen: HashSet::new(), entries: Vec::new() };
        for (folder, kind, depth) in FOLDERS {
            reading.folder(Utf8Path::new(folder), kind, depth);
        }
        for folder in ASIDE.map(Utf8Path::new) {
            for name in names(&cache.root.join(folder)).into_iter().filter(|name| is_unfinished(name)) {
                reading.entry(folder.join(name), Kind::Unfinished);
            }
        }
        let mut entries = reading.entries;
        let last = last_needs(cache, &entries);
        for entry in &mut entries {
            if let Some(needed) = entry.path.file_name().and_then(|id| last.get(id))
                && matches!(entry.kind, Kind::Packages | Kind::PackageBytecode)
            {
                entry.used = entry.used.max(*needed);
            }
        }
        Ok(Self { folder: cache.root.clone(), entries })
    }

    /// The room that all entries take.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.entries.iter().map(|entry| entry.size).sum()
    }

    /// What there is of each kind, without those that there is nothing of.
    #[must_use]
    pub fn summaries(&self) -> Vec<Summary> {
        summaries(&self.entries)
    }
}

/// Entries by kind, in the order of the kinds.
#[must_use]
pub fn summaries(entries: &[Entry]) -> Vec<Summary> {
    let mut summaries: Vec<Summary> = Vec::new();
    for entry in entries {
        let Entry { kind, size, used, .. } = *entry;
        match summaries.iter_mut().find(|summary| summary.kind == kind) {
            Some(summary) => {
                summary.entries += 1;
                summary.size += size;
                summary.oldest_use = summary.oldest_use.min(used);
                summary.latest_use = summary.latest_use.max(used);
            }
            None => {
                summaries.push(Summary { kind, entries: 1, size, oldest_use: used, latest_use: used });
            }
        }
    }
    summaries.sort_by_key(|summary| summary.kind);
    summaries
}

/// The names of the packages of an environment.
pub(super) fn packages_of(environment: &Utf8Path) -> Vec<String> {
    let list = fs_err::read_to_string(environment.join(crate::environment::PACKAGES)).unwrap_or_default();
    list.lines().map(str::to_owned).collect()
}

/// When an environment that needs a package was last used.
fn last_needs(cache: &Cache, entries: &[Entry]) -> HashMap<String, SystemTime> {
    let mut last = HashMap::new();
    for entry in entries.iter().filter(|entry| entry.kind == Kind::Environments) {
        for package in packages_of(&cache.root.join(&entry.path)) {
            let known = last.entry(package).or_insert(entry.used);
            *known = entry.used.max(*known);
        }
    }
    last
}

struct Reading<'a> {
    cache: &'a Cache,
    /// Files with several links, of which one was met.
    seen: HashSet<(u64, u64)>,
    entries: Vec<Entry>,
}

impl Reading<'_> {
    fn folder(&mut self, folder: &Utf8Path, kind: Kind, depth: usize) {
        for name in names(&self.cache.root.join(folder)) {
            let path = folder.join(&name);
            if is_unfinished(&name) {
                self.entry(path, Kind::Unfinished);
            } else if depth > 1 {
                self.folder(&path, kind, depth - 1);
            } else if is_ours(&name) {
                self.entry(path, kind);
            }
        }
    }

    fn entry(&mut self, path: Utf8PathBuf, kind: Kind) {
        let full = self.cache.root.join(&path);
        let Ok(data) = fs_err::symlink_metadata(&full) else { return };
        let changed = data.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let used = match kind {
            Kind::Environments if !crate::environment::is_complete(&full) => SystemTime::UNIX_EPOCH,
            Kind::Environments | Kind::Bytecode | Kind::Scripts | Kind::Notes => {
                self.cache.last_use(path.as_str()).unwrap_or(changed)
            }
            _ => changed,
        };
        let size = self.measure(&full, &data);
        self.entries.push(Entry { kind, path, size, used });
    }

    /// The room that something takes with all that is below it.
    fn measure(&mut self, path: &Utf8Path, data: &Metadata) -> u64 {
        let mut size = if self.is_new(data) { on_disk(data) } else { 0 };
        if data.is_dir() {
            for entry in path.read_dir_utf8().into_iter().flatten().flatten() {
                if let Ok(data) = entry.metadata() {
                    size += self.measure(entry.path(), &data);
                }
            }
        }
        size
    }

    #[cfg(unix)]
    fn is_new(&mut self, data: &Metadata) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        data.is_dir() || data.nlink() == 1 || self.seen.insert((data.dev(), data.ino()))
    }

    #[cfg(not(unix))]
    fn is_new(&mut self, _: &Metadata) -> bool {
        true
    }
}

#[cfg(unix)]
fn on_disk(data: &Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    // Whatever the file system's own blocks are.
    data.blocks() * 512
}

#[cfg(not(unix))]
fn on_disk(data: &Metadata) -> u64 {
    data.len()
}

/// The names in a folder; none where it is not there.
pub(super) fn names(folder: &Utf8Path) -> Vec<String> {
    let entries = folder.read_dir_utf8().into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_owned()).collect()
}

fn is_unfinished(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Whether this is a name that we give: someone may point the cache at a folder with other things in it.
fn is_ours(name: &str) -> bool {
    let digits = |text: &str| text.len() >= 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut parts = name.split(['-', '.']);
    match parts.next().unwrap_or_default() {
        "uv" => true,
        "sha256" | "sha384" | "sha512" => parts.next().is_some_and(digits),
        first => digits(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123";
    const OTHER: &str = "123456789abcdef01234";

    #[test]
    fn links_count_once_and_strangers_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(Utf8Path::from_path(folder.path()).unwrap());
        assert_eq!(Contents::read(&cache).unwrap().summaries(), []);
        let package = cache.folder(format!("packages/{ID}/tree")).unwrap();
        fs_err::write(package.join("module.py"), vec![1; 10_000]).unwrap();
        for id in [ID, OTHER] {
            let environment = cache.folder(format!("environments/{id}")).unwrap();
            fs_err::hard_link(package.join("module.py"), environment.join("module.py")).unwrap();
            fs_err::write(environment.join("pyvenv.cfg"), "").unwrap();
            fs_err::write(environment.join(".packages"), ID).unwrap();
        }
        cache.write("packages/mine/notes.txt", b"of the user").unwrap();
        cache.write("documents/letter.txt", b"of the user").unwrap();
        cache.write(format!("partial/sha256-{ID}"), b"half").unwrap();
        cache.write("tools/work/.tmp-a/half", b"half").unwrap();
        let contents = Contents::read(&cache).unwrap();
        let found: Vec<_> = contents.summaries().iter().map(|one| (one.kind, one.entries)).collect();
        let expected = [(Kind::Environments, 2), (Kind::Packages, 1), (Kind::Unfinished, 2)];
        assert_eq!(found, expected);
        let size = |kind| contents.summaries().iter().find(|one| one.kind == kind).unwrap().size;
        assert!(size(Kind::Packages) >= 10_000, "{contents:?}");
        assert!(size(Kind::Environments) < 40_000 && contents.size() < 100_000, "{contents:?}");
    }

    #[test]
    fn a_package_is_used_with_its_environments() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(Utf8Path::from_path(folder.path()).unwrap());
        let package = cache.folder(format!("packages/{ID}")).unwrap();
        let old = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1);
        fs_err::File::open(&package).unwrap().file().set_modified(old).unwrap();
        let used = |kind| {
            let entries = Contents::read(&cache).unwrap().entries;
            entries.into_iter().find(|entry| entry.kind == kind).unwrap().used
        };
        assert_eq!(used(Kind::Packages), old);
        cache.write(format!("environments/{OTHER}/.packages"), ID.as_bytes()).unwrap();
        assert_eq!(used(Kind::Environments), SystemTime::UNIX_EPOCH, "it has no mark");
        assert_eq!(used(Kind::Packages), old);
        cache.write(format!("environments/{OTHER}/pyvenv.cfg"), b"").unwrap();
        drop(cache.using(&format!("environments/{OTHER}")));
        assert_eq!(used(Kind::Packages), used(Kind::Environments));
    }
}

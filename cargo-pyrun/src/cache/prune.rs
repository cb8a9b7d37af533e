//! Making the cache smaller, without taking anything from whoever uses it.
//!
//! What goes is moved out of the way first, which is done at once and under its lock, and removed afterwards. A process
//! that looks for it then finds it missing, and makes it again.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::io;
use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use fs_err::File;

use super::contents::{Contents, Entry, Kind, names, packages_of};
use super::usage::{PREPARATION, Unused, is_free};
use super::work::{self, Work};
use super::{Cache, CacheError, Limit};

/// The cache's folder for what is about to be removed.
pub(super) const FOLDER: &str = "pruned";
/// A file that is written is renamed at once: one of this age was given up.
const GIVEN_UP: Duration = Duration::from_secs(60);
/// How many may be writing into a folder at the moment at which it is moved away.
const WRITERS: usize = 64;

/// What a prune did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// What went, or would.
    pub removed: Vec<Entry>,
    /// What would have gone, and is in use.
    pub in_use: Vec<Entry>,
    /// The room that is taken now, or would be.
    pub left: u64,
    /// What could not be removed.
    pub stuck: Vec<Stuck>,
}

/// An entry that could not be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// Its path below the cache folder.
    pub path: Utf8PathBuf,
    /// Why not.
    pub reason: io::ErrorKind,
}

impl Pruned {
    /// The room that was freed.
    #[must_use]
    pub fn freed(&self) -> u64 {
        self.removed.iter().map(|entry| entry.size).sum()
    }
}

/// Removes what was not used for longest: environments before what they are made of, and nothing that is in use. With
/// `dry_run`, nothing at all.
///
/// # Errors
/// Where the cache cannot be read or written.
pub fn prune(cache: &Cache, limit: Limit, dry_run: bool) -> Result<Pruned, CacheError> {
    let contents = Contents::read(cache)?;
    let now = SystemTime::now();
    let mut entries = contents.entries.clone();
    // What an environment is made of goes after it, where both were used at the same time.
    entries.sort_by_key(|entry| (entry.used, entry.kind, entry.path.clone()));
    let work = if dry_run || entries.is_empty() { None } else { Some(begin(cache)?) };
    let left = contents.size();
    let pruned = Pruned { removed: Vec::new(), in_use: Vec::new(), left, stuck: Vec::new() };
    let mut pruning = Pruning { cache, work, preparation: OnceCell::new(), needs: HashMap::new(), pruned };
    for entry in entries {
        let goes = match limit {
            Limit::Age(age) => now.duration_since(entry.used).is_ok_and(|unused| unused >= age),
            // What is of no use to anybody goes in any case.
            Limit::Size(size) => pruning.pruned.left > size || entry.used == SystemTime::UNIX_EPOCH,
        };
        if goes {
            pruning.remove(entry);
        }
    }
    Ok(pruning.finish())
}

fn begin(cache: &Cache) -> Result<Work, CacheError> {
    Work::begin(&cache.folder(FOLDER)?).map_err(|error| cache.write_error(error))
}

/// Who could use an entry, and what keeps them off.
enum Guard {
    /// Nobody any more, for as long as this is held.
    Alone(Unused),
    /// Those who prepare packages, who are kept off all the while.
    Preparation,
    /// A download's own lock.
    File { _held: File },
    /// Nobody: whoever misses it finds it out again.
    None,
}

struct Pruning<'a> {
    cache: &'a Cache,
    /// Where things go; none where nothing is to be removed.
    work: Option<Work>,
    /// Whether nobody prepares packages now, once that was asked.
    preparation: OnceCell<Option<Unused>>,
    /// How many environments need a package, from when nobody could make one any more.
    needs: HashMap<String, usize>,
    pruned: Pruned,
}

impl Pruning<'_> {
    fn remove(&mut self, entry: Entry) {
        if matches!(entry.kind, Kind::Packages | Kind::PackageBytecode) {
            let alone = self.nobody_prepares();
            let needed =
                entry.path.file_name().and_then(|id| self.needs.get(id)).is_some_and(|needs| *needs > 0);
            // The environments that need it are in use, or are kept.
            if alone && needed {
                return;
            }
        }
        let Some(guard) = self.guard(&entry) else {
            self.pruned.in_use.push(entry);
            return;
        };
        let path = self.cache.root().join(&entry.path);
        if entry.kind == Kind::Environments && self.preparation.get().is_some_and(Option::is_some) {
            count(&mut self.needs, &path, |needs| needs.saturating_sub(1));
        }
        if let Some(work) = &self.work
            && let Err(error) = fs_err::rename(&path, work.join(&self.pruned.removed.len().to_string()))
        {
            // Whoever else removed it may have made it again since.
            if error.kind() != io::ErrorKind::NotFound {
                self.pruned.stuck.push(Stuck { path: entry.path, reason: error.kind() });
            }
            return;
        }
        if let (Guard::Alone(unused), Some(_)) = (guard, &self.work) {
            unused.forget();
        }
        self.pruned.left = self.pruned.left.saturating_sub(entry.size);
        self.pruned.removed.push(entry);
    }

    /// What keeps everybody off an entry; `None` where somebody uses it.
    fn guard(&mut self, entry: &Entry) -> Option<Guard> {
        let path = self.cache.root().join(&entry.path);
        match entry.kind {
            Kind::Environments | Kind::Bytecode | Kind::Scripts | Kind::Notes => {
                let recorded = self.cache.last_use(entry.path.as_str());
                if entry.kind == Kind::Notes && recorded.is_none() {
                    return Some(Guard::None);
                }
                // What was replaced while it was in use has the name of what replaced it, and more.
                let id = entry.path.as_str().split('.').next().unwrap_or_default();
                let alone = self.cache.unused(id)?;
                // Used meanwhile.
                let same = recorded.is_none_or(|at| at == entry.used || entry.used == SystemTime::UNIX_EPOCH);
                if id != entry.path {
                    return Some(Guard::None);
                }
                same.then_some(Guard::Alone(alone))
            }
            Kind::Unfinished if path.is_dir() => {
                work::is_abandoned(path.as_std_path()).then_some(Guard::None)
            }
            Kind::Unfinished => {
                let file = File::open(&path).ok()?;
                let written = entry.path.file_name().is_some_and(|name| name.starts_with(work::PREFIX));
                let age = entry.used.elapsed().unwrap_or_default();
                (is_free(&file) && (!written || age > GIVEN_UP)).then_some(Guard::File { _held: file })
            }
            _ => self.nobody_prepares().then_some(Guard::Preparation),
        }
    }

    /// Whether nobody prepares packages, nor can begin to.
    fn nobody_prepares(&mut self) -> bool {
        if self.preparation.get().is_none() {
            let alone = self.cache.unused(PREPARATION);
            if alone.is_some() {
                let parent = self.cache.root().join("environments");
                // Those that were made since we looked need something too.
                let taken: Vec<_> = self.pruned.removed.iter().map(|entry| entry.path.clone()).collect();
                for name in names(&parent).into_iter().filter(|name| name != "by-need") {
                    if !taken.contains(&Utf8Path::new("environments").join(&name)) {
                        count(&mut self.needs, &parent.join(name), |needs| needs + 1);
                    }
                }
            }
            self.preparation = alone.into();
        }
        self.preparation.get().is_some_and(Option::is_some)
    }

    fn finish(mut self) -> Pruned {
        if self.work.is_some() && self.nobody_prepares() {
            for folder in ["locked", "environments/by-need"] {
                let folder = self.cache.root().join(folder);
                for name in names(&folder) {
                    let path = folder.join(name);
                    // Locks that nobody can hold now, and links to environments that went.
                    if !path.is_symlink() || !path.exists() {
                        let _ = fs_err::remove_file(path);
                    }
                }
            }
        }
        // From here on everybody may make it again.
        self.preparation.take();
        if let Some(work) = &self.work {
            let mut removed = Vec::new();
            for (number, entry) in std::mem::take(&mut self.pruned.removed).into_iter().enumerate() {
                match remove(&work.join(&number.to_string())) {
                    Ok(()) => removed.push(entry),
                    Err(error) => {
                        self.pruned.left += entry.size;
                        self.pruned.stuck.push(Stuck { path: entry.path, reason: error.kind() });
                    }
                }
            }
            self.pruned.removed = removed;
        }
        self.pruned
    }
}

/// Removes what was moved away, with what those who had its folder open yet put into it.
fn remove(path: &Utf8Path) -> io::Result<()> {
    if !path.is_dir() {
        return fs_err::remove_file(path);
    }
    let mut gone = fs_err::remove_dir_all(path);
    // Nobody finds the folder any more, so each of them does so once.
    for _ in 0..WRITERS {
        match gone {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                gone = fs_err::remove_dir_all(path);
            }
            _ => break,
        }
    }
    gone
}

fn count(needs: &mut HashMap<String, usize>, environment: &Utf8Path, change: impl Fn(usize) -> usize) {
    for package in packages_of(environment) {
        let known = needs.entry(package).or_default();
        *known = change(*known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "0123456789abcdef0123";
    const TWO: &str = "123456789abcdef01234";
    const DAY: u64 = 24 * 60 * 60;

    struct Bed {
        _folder: tempfile::TempDir,
        cache: Cache,
    }

    impl Bed {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let cache = Cache::at(Utf8Path::from_path(folder.path()).unwrap().join("cache"));
            Self { _folder: folder, cache }
        }

        fn environment(&self, id: &str, packages: &[&str], days: u64) {
            let folder = format!("environments/{id}");
            self.cache.write(format!("{folder}/pyvenv.cfg"), b"x").unwrap();
            self.cache.write(format!("{folder}/.packages"), packages.join("\n").as_bytes()).unwrap();
            for package in packages {
                self.cache.write(format!("packages/{package}/tree/x.py"), &[1; 9000]).unwrap();
                self.cache.write(format!("package-bytecode/{package}/x.pyc"), &[1; 9000]).unwrap();
                self.age(&format!("packages/{package}"), days);
                self.age(&format!("package-bytecode/{package}"), days);
            }
            drop(self.cache.using(&folder));
            self.age(&format!("used/{folder}"), days);
        }

        fn age(&self, entry: &str, days: u64) {
            let at = SystemTime::now() - Duration::from_secs(days * DAY);
            File::open(self.cache.root().join(entry)).unwrap().file().set_modified(at).unwrap();
        }

        fn there(&self, entry: &str) -> bool {
            self.cache.root().join(entry).exists()
        }

        fn prune(&self, limit: &str) -> Pruned {
            let pruned = prune(&self.cache, limit.parse().unwrap(), false).unwrap();
            assert_eq!(pruned.stuck, Vec::new());
            assert_eq!(
                pruned.left,
                Contents::read(&self.cache).unwrap().size(),
                "what is said to be left is"
            );
            pruned
        }
    }

    #[test]
    fn what_is_old_goes_and_what_others_need_stays() {
        let bed = Bed::new();
        bed.environment(ONE, &[ONE, TWO], 40);
        bed.environment(TWO, &[TWO], 10);
        let planned = prune(&bed.cache, "30d".parse().unwrap(), true).unwrap();
        assert!(bed.there(&format!("environments/{ONE}")));
        let pruned = bed.prune("30d");
        assert_eq!(pruned, planned);
        let paths: Vec<_> = pruned.removed.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(
            paths,
            [format!("environments/{ONE}"), format!("packages/{ONE}"), format!("package-bytecode/{ONE}")]
        );
        assert!(bed.there(&format!("packages/{TWO}/tree/x.py")));
        assert_eq!(bed.prune("30d").removed, []);
        bed.prune("0s");
        assert!(!bed.there(&format!("packages/{TWO}")));
        assert_eq!(names(&bed.cache.root().join(FOLDER)), [""; 0]);
    }

    #[test]
    fn down_to_a_size_the_oldest_goes_first() {
        let bed = Bed::new();
        bed.environment(ONE, &[ONE], 1);
        bed.environment(TWO, &[TWO], 2);
        let size = Contents::read(&bed.cache).unwrap().size();
        assert_eq!(bed.prune(&format!("{size}B")).removed, []);
        bed.prune(&format!("{}B", size - 1));
        assert!(!bed.there(&format!("environments/{TWO}")) && bed.there(&format!("packages/{TWO}")));
        bed.prune(&format!("{}B", size * 2 / 3));
        assert!(!bed.there(&format!("packages/{TWO}")) && bed.there(&format!("environments/{ONE}")));
        assert_eq!(bed.prune("0B").left, 0);
    }

    #[test]
    fn what_is_in_use_stays_with_what_it_needs() {
        let bed = Bed::new();
        bed.environment(ONE, &[ONE], 40);
        bed.cache.write(format!("blobs/sha256/{ONE}"), b"a wheel").unwrap();
        let running = bed.cache.using(&format!("environments/{ONE}"));
        // Its use is recorded anew, so only an age of nothing is old enough.
        let pruned = bed.prune("0s");
        let kept: Vec<_> = pruned.in_use.iter().map(|entry| entry.kind).collect();
        assert_eq!(kept, [Kind::Environments]);
        assert!(bed.there(&format!("packages/{ONE}/tree/x.py")));
        assert!(!bed.there(&format!("blobs/sha256/{ONE}")));
        drop(running);
        assert_eq!(bed.prune("0s").in_use, []);
        assert!(!bed.there(&format!("packages/{ONE}")));
    }

    #[test]
    fn what_is_needed_to_prepare_packages_stays_meanwhile() {
        let bed = Bed::new();
        bed.environment(ONE, &[ONE], 40);
        let preparing = bed.cache.preparing();
        let pruned = bed.prune("0s");
        assert_eq!(pruned.in_use.len(), 2, "{pruned:?}");
        assert!(!bed.there(&format!("environments/{ONE}")) && bed.there(&format!("packages/{ONE}")));
        drop(preparing);
        bed.prune("0s");
        assert!(!bed.there(&format!("packages/{ONE}")));
    }

    #[test]
    fn unfinished_work_goes_once_it_is_given_up() {
        let bed = Bed::new();
        let parent = bed.cache.folder("packages").unwrap();
        let _living = Work::begin(&parent).unwrap();
        bed.cache.write("environments/.tmp-dead/.held", b"").unwrap();
        bed.cache.write("images/.tmp-old", b"half").unwrap();
        bed.age("images/.tmp-old", 1);
        bed.cache.write("images/.tmp-new", b"half").unwrap();
        let partial = format!("partial/sha256-{ONE}");
        bed.cache.write(&partial, b"half").unwrap();
        let download = File::open(bed.cache.root().join(&partial)).unwrap();
        download.file().lock().unwrap();
        assert_eq!(bed.prune("0s").in_use.len(), 3);
        assert!(!bed.there("environments/.tmp-dead") && !bed.there("images/.tmp-old"));
        drop(download);
        bed.prune("0s");
        assert!(!bed.there(&partial));
    }

    #[test]
    fn an_environment_without_its_mark_goes_first() {
        let bed = Bed::new();
        bed.environment(ONE, &[ONE], 0);
        fs_err::remove_file(bed.cache.root().join(format!("environments/{ONE}/pyvenv.cfg"))).unwrap();
        bed.environment(TWO, &[TWO], 9);
        fs_err::create_dir_all(bed.cache.root().join(format!("environments/{TWO}.replaced-a"))).unwrap();
        let running = bed.cache.using(&format!("environments/{TWO}"));
        assert_eq!(bed.prune("10GB").removed.len(), 1);
        assert!(bed.there(&format!("environments/{TWO}.replaced-a")), "who runs with it has it still");
        drop(running);
        assert_eq!(bed.prune("10GB").removed.len(), 1);
        assert!(bed.there(&format!("environments/{TWO}")));
    }

    #[test]
    fn a_note_that_is_written_while_it_goes_is_nobodys_trouble() {
        let bed = Bed::new();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !done.load(std::sync::atomic::Ordering::Relaxed) {
                        // Where its folder goes in between, it is not written.
                        let _ = bed.cache.write(format!("engines/{ONE}/facts.json"), b"{}");
                    }
                });
            }
            let stuck: Vec<_> = (0..500)
                .flat_map(|_| prune(&bed.cache, "0s".parse().unwrap(), false).unwrap().stuck)
                .collect();
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            assert_eq!(stuck, Vec::new());
        });
    }
}

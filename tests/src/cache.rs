//! What a program under test left in its cache.

use std::path::{Path, PathBuf};

use crate::Folder;
use crate::repository::digest_of;

impl Folder {
    /// The cache's folder.
    #[must_use]
    pub fn cache(&self) -> PathBuf {
        self.root().join("cache")
    }

    /// Every file of the cache, by its path in it, in order.
    ///
    /// # Panics
    /// Where the cache cannot be read.
    #[must_use]
    pub fn cached_files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        collect(&self.cache(), &mut files);
        let root = self.cache();
        let mut paths: Vec<_> =
            files.iter().filter_map(|file| file.strip_prefix(&root).ok().map(Path::to_owned)).collect();
        paths.sort();
        paths
    }

    /// What should not be there: what was begun and not finished, and blobs that are not what they are called.
    ///
    /// # Panics
    /// Where the cache cannot be read.
    #[must_use]
    pub fn unsound_in_cache(&self) -> Vec<PathBuf> {
        let unsound = |path: &PathBuf| {
            let text = path.to_string_lossy();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let blob =
                text.starts_with("blobs/") || path.parent().is_some_and(|folder| folder.ends_with("sha256"));
            let bytes = || fs_err::read(self.cache().join(path)).expect("a file of the cache");
            text.contains(".tmp-") || blob && digest_of(&bytes()) != format!("sha256:{name}")
        };
        self.cached_files().into_iter().filter(unsound).collect()
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(folder).expect("a folder of the cache").flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

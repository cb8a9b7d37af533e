//! Environments that are not as they were made any more.
//!
//! Their files are links to those of packages in the cache, where anybody may write. A look at all of them takes a
//! while, so that it is taken where a script failed: the damage may be why.

use std::collections::HashSet;

use super::package::Package;
use super::{Environment, MARK, PACKAGES, bytecode, is_complete};
use crate::cache::Cache;

impl Environment {
    /// The files that are not as they were unpacked, in an environment or in the bytecode of its packages.
    pub(crate) fn damage(&self, cache: &Cache) -> Vec<String> {
        // Another run has found it.
        if !is_complete(&self.folder) {
            return Vec::new();
        }
        let Ok(list) = fs_err::read_to_string(self.folder.join(PACKAGES)) else {
            return vec![PACKAGES.to_owned()];
        };
        let mut damaged = Vec::new();
        let mut seen = HashSet::new();
        // Where two packages have the same file, the later one's is taken.
        for package in list.lines().rev().filter_map(|id| Package::find(cache, id)) {
            for file in package.files {
                if seen.insert(file.path.clone()) && !file.is_whole(&self.folder.join(&file.path)) {
                    damaged.push(file.path);
                }
            }
            let compiled = cache.root().join(bytecode::FOLDER).join(&package.id);
            if compiled.exists() && !bytecode::is_whole(&compiled) {
                damaged.push(format!("the bytecode of {}", package.wheel));
            }
        }
        damaged
    }

    /// Lets the next run make it anew.
    pub(crate) fn give_up(&self) {
        let _ = fs_err::remove_file(self.folder.join(MARK));
    }
}

//! The pins of bytecode, which compiling it finds out.

use std::collections::{BTreeMap, BTreeSet};

use pyimage_build::{CompiledFrom, Digest, Lock};
use pyrun::shell::Shell;

use super::{LockFile, LockingError, Mode};
use crate::build::Builder;
use crate::workspace::Workspace;

impl LockFile {
    /// Pins bytecode beside what is pinned already, or where it is `all` that there is, in its place.
    ///
    /// # Errors
    /// Where the lock cannot be read or written.
    pub fn pin_bytecode(
        workspace: &Workspace,
        pins: &BTreeMap<CompiledFrom, Digest>,
        all: bool,
    ) -> Result<(), LockingError> {
        // As it is now: another process may have written it meanwhile.
        let file = Self::read(&workspace.root)?;
        let Some(lock) = &file.lock else { return Ok(()) };
        let mut new = lock.clone();
        if all {
            new.bytecode.clear();
        }
        new.bytecode.extend(pins.iter().map(|(from, digest)| (from.clone(), digest.clone())));
        if new == *lock { Ok(()) } else { file.write(&new) }
    }
}

/// Compiles and pins the bytecode of all images. Where that cannot be, the first build that can does it.
///
/// # Errors
/// Where the lock cannot be read or written.
pub async fn pin_bytecode(
    workspace: &Workspace,
    builder: &Builder<'_>,
    shell: &Shell,
) -> Result<(), LockingError> {
    let (mut pins, mut all) = (BTreeMap::new(), true);
    for image in &workspace.images {
        match builder.pin_bytecode(image).await {
            Ok(its) => pins.extend(its),
            Err(error) => {
                all = false;
                let name = image.title();
                shell.verbose(|shell| {
                    let cause =
                        std::error::Error::source(&error).map_or(String::new(), |cause| format!(": {cause}"));
                    shell.note(format_args!("the bytecode of `{name}` is not pinned: {error}{cause}"));
                });
            }
        }
    }
    LockFile::pin_bytecode(workspace, &pins, all)
}

/// The pins that stay: those of Pythons that there still are, unless all are to move.
pub(super) fn kept(old: &Lock, new: &Lock, mode: &Mode) -> BTreeMap<CompiledFrom, Digest> {
    let images = new.bases.values().flat_map(|base| base.images.values());
    let pythons: BTreeSet<_> = images.map(|image| &image.python).collect();
    let mut kept = old.bytecode.clone();
    let moves = matches!(mode, Mode::Update(names) if names.is_empty());
    kept.retain(|from, _| !moves && pythons.contains(&from.python));
    kept
}

//! What never goes into an image unless it is named: secrets, and what is made anew anyway.

use std::path::Path;

use fast_glob::glob_match;

use super::glob::Glob;

/// Names, with what a glob for them has in it.
const NAMES: [(&str, &str); 31] = [
    (".git", ".git"),
    (".hg", ".hg"),
    (".jj", ".jj"),
    (".svn", ".svn"),
    (".env*", ".env"),
    (".aws", ".aws"),
    (".dockercfg", ".dockercfg"),
    (".git-credentials", ".git-credentials"),
    (".gnupg", ".gnupg"),
    (".kube", ".kube"),
    (".netrc", ".netrc"),
    (".npmrc", ".npmrc"),
    (".pgpass", ".pgpass"),
    (".pypirc", ".pypirc"),
    (".ssh", ".ssh"),
    ("id_dsa*", "id_dsa"),
    ("id_ecdsa*", "id_ecdsa"),
    ("id_ed25519*", "id_ed25519"),
    ("id_rsa*", "id_rsa"),
    ("*.jks", ".jks"),
    ("*.kdbx", ".kdbx"),
    ("*.key", ".key"),
    ("*.keystore", ".keystore"),
    ("*.p12", ".p12"),
    ("*.pem", ".pem"),
    ("*.pfx", ".pfx"),
    ("*.ppk", ".ppk"),
    ("*.pyc", ".pyc"),
    ("*.pyo", ".pyo"),
    (".venv", ".venv"),
    ("__pycache__", "__pycache__"),
];

/// Files that are secrets in a folder of this name alone: the folder is a place for other things, too.
const IN_FOLDERS: [&str; 1] = [".docker/config.json"];

/// Files that tell what the folder is that they are in: a cache, such as cargo's `target`, or a virtual environment.
const TELLING: [&str; 2] = ["CACHEDIR.TAG", "pyvenv.cfg"];

/// What a glob has to have in it so that it may match this, if there is such a thing.
fn mark<'n>(path: &'n str, folder: Option<&Path>) -> Option<&'n str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    if let Some((_, mark)) = NAMES.into_iter().find(|(glob, _)| glob_match(glob, name)) {
        return Some(mark);
    }
    if IN_FOLDERS.iter().any(|file| Path::new(path).ends_with(file)) {
        return Some(name);
    }
    let folder = folder?;
    // Elsewhere, it is a good name for something else.
    let is_target = path == "target";
    (is_target || TELLING.iter().any(|file| folder.join(file).is_file())).then_some(name)
}

/// The names, as globs.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    NAMES.into_iter().map(|(name, _)| name).chain(IN_FOLDERS)
}

/// Whether a path is left out as long as none of the globs names it. Folders have a path on the disk.
pub(super) fn is_left_out(path: &str, folder: Option<&Path>, globs: &[&Glob]) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    mark(path, folder).is_some_and(|mark| !globs.iter().any(|glob| glob.names(name, mark)))
}

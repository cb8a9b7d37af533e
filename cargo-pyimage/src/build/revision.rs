//! The commit that a project is at, by git.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};

/// How much of a commit's name is its short form. git's own depends on what else is in a clone.
const SHORT: usize = 7;

/// Variables by which git would look at another repository: a hook has them.
const REPOSITORY: [&str; 8] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
];

/// The commit that a project is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Revision {
    /// Its name.
    pub(super) commit: String,
    /// The folder of the repository.
    root: Utf8PathBuf,
}

/// Why it is not known at which commit a project is.
#[derive(Debug, thiserror::Error)]
pub(super) enum RevisionError {
    /// git cannot be started.
    #[error("could not run `git`")]
    NoGit(#[source] io::Error),
    /// git says why.
    #[error("`{folder}` is at no commit of git: {said}")]
    NoCommit {
        /// The project's folder.
        folder: Utf8PathBuf,
        /// Its words.
        said: String,
    },
}

impl Revision {
    /// The commit of the repository around a folder.
    ///
    /// # Errors
    /// Where there is none, or no git.
    pub(super) fn of(folder: &Utf8Path) -> Result<Self, RevisionError> {
        // Most that is not in a repository is told without starting a process.
        if !folder.ancestors().any(|folder| folder.join(".git").exists()) {
            let said = "not a git repository".to_owned();
            return Err(RevisionError::NoCommit { folder: folder.to_owned(), said });
        }
        let text = git(folder, &["rev-parse", "--show-toplevel", "HEAD^{commit}"])?;
        let mut lines = text.lines();
        let (root, commit) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        Ok(Self { commit: commit.to_owned(), root: root.into() })
    }

    /// The first letters of its name.
    #[must_use]
    pub(super) fn short(&self) -> &str {
        self.commit.get(..SHORT).unwrap_or(&self.commit)
    }

    /// Whether these files are as the commit has them.
    #[must_use]
    pub(super) fn has(&self, files: &[PathBuf]) -> bool {
        let list = |arguments: &[&str]| -> Option<HashSet<String>> {
            let text = git(&self.root, arguments).ok()?;
            Some(text.split('\0').map(str::to_owned).collect())
        };
        let Some(tracked) = list(&["ls-files", "-z"]) else { return false };
        let status = ["status", "--porcelain", "-z", "--no-renames", "--untracked-files=no"];
        let Some(changed) = list(&status) else { return false };
        // `XY PATH`
        let changed: HashSet<&str> = changed.iter().filter_map(|line| line.get(3..)).collect();
        files.iter().all(|file| {
            let path = self.path(file);
            path.is_some_and(|path| tracked.contains(&path) && !changed.contains(path.as_str()))
        })
    }

    /// Whether every file that git knows is as the commit has it.
    pub(super) fn is_unchanged(&self) -> bool {
        let status = git(&self.root, &["status", "--porcelain", "-z", "--untracked-files=no"]);
        status.is_ok_and(|changed| changed.is_empty())
    }

    /// The path of a file in the repository.
    fn path(&self, file: &Path) -> Option<String> {
        // A link is a file of its own; where its folder is, git says by its real name.
        let folder = file.parent()?.canonicalize().ok()?;
        let path = folder.join(file.file_name()?);
        let root = self.root.canonicalize().ok()?;
        Some(path.strip_prefix(root).ok()?.to_str()?.replace('\\', "/"))
    }
}

/// What git says in a folder.
fn git(folder: &Utf8Path, arguments: &[&str]) -> Result<String, RevisionError> {
    let mut command = Command::new("git");
    command.current_dir(folder).args(arguments);
    for variable in REPOSITORY {
        command.env_remove(variable);
    }
    // It only looks, beside whoever works there.
    let output = command.env("GIT_OPTIONAL_LOCKS", "0").output().map_err(RevisionError::NoGit)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or_default().trim_start_matches("fatal: ").to_owned();
    Err(RevisionError::NoCommit { folder: folder.to_owned(), said })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Repository(tempfile::TempDir);

    impl Repository {
        fn new() -> Self {
            let repository = Self(tempfile::tempdir().unwrap());
            repository.git(&["init", "-q"]);
            repository
        }

        fn folder(&self) -> &Utf8Path {
            Utf8Path::from_path(self.0.path()).unwrap()
        }

        fn git(&self, arguments: &[&str]) {
            let author = ["-c", "user.name=me", "-c", "user.email=me@example.org"];
            git(self.folder(), &[&author, arguments].concat()).unwrap();
        }

        fn write(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(&path, text).unwrap();
            path
        }
    }

    #[test]
    fn what_goes_in_is_of_the_commit_or_not() {
        let repository = Repository::new();
        assert!(matches!(Revision::of(repository.folder()), Err(RevisionError::NoCommit { .. })));
        let main = repository.write("app/main ä.py", "1");
        repository.write("README", "1");
        repository.git(&["add", "."]);
        repository.git(&["commit", "-q", "-m", "first"]);
        let revision = Revision::of(&repository.folder().join("app")).unwrap();
        assert_eq!((revision.commit.len(), revision.short().len()), (40, 7));
        let has = || revision.has(std::slice::from_ref(&main));
        assert!(has());
        repository.write("README", "2");
        repository.write("app/other.py", "1");
        assert!(has(), "nothing of that goes in");
        repository.write("app/main ä.py", "2");
        assert!(!has());
        repository.git(&["add", "app/main ä.py"]);
        assert!(!has(), "it is in no commit");
        repository.write("app/main ä.py", "1");
        repository.git(&["add", "app/main ä.py"]);
        assert!(has());
        assert!(!revision.has(&[repository.write("app/new.py", "")]), "git does not know it");
        assert!(!revision.has(&[PathBuf::from("/etc/passwd")]), "it is elsewhere");
        let copy = repository.folder().join("copy");
        repository.git(&["worktree", "add", "-q", copy.as_str()]);
        assert_eq!(Revision::of(&copy).unwrap().commit, revision.commit);
    }

    #[test]
    fn outside_of_a_repository_git_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let error = Revision::of(folder).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("`{folder}` is at no commit of git: not a git repository")),
            "{error}"
        );
    }
}

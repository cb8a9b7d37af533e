use super::*;

struct Tree(tempfile::TempDir);

const SCRIPT: &str = "# /// script\n# dependencies = ['rich']\n# ///\nprint(1)\n";
const OTHERS: &str = "lock-version = '1.0'\ncreated-by = 'x'\npackages = []\n";

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            tree.write(name, text);
        }
        tree
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs_err::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs_err::write(self.path(name), text).unwrap();
    }

    fn asked(&self, script: Option<&str>, files: &[&str]) -> Asked<'_> {
        Asked {
            script: script.map(|name| Need::Script(self.path(name))),
            files: files.iter().map(PathBuf::from).collect(),
            with: Vec::new(),
            groups: Vec::new(),
            extras: Vec::new(),
            locking: Locking::Follow,
            lock: None,
            start: self.0.path(),
            here: self.0.path(),
            home: Some(self.0.path()),
        }
    }

    fn find(&self, script: Option<&str>, files: &[&str]) -> Dependencies {
        Dependencies::find(self.asked(script, files)).unwrap()
    }

    fn lock(&self, script: Option<&str>, files: &[&str]) -> Option<String> {
        let found = self.find(script, files);
        Some(found.lock()?.path.strip_prefix(self.path("")).unwrap().display().to_string())
    }
}

#[test]
fn the_key_changes_with_what_is_asked_for_and_with_nothing_else() {
    let tree = Tree::new(&[
        ("s.py", SCRIPT),
        ("requirements.txt", "-r base.txt # shared\nidna\n./w/x-1-py3-none-any.whl\n"),
        ("base.txt", "requests\n"),
        ("w/x-1-py3-none-any.whl", "one"),
    ]);
    let key = || tree.find(Some("s.py"), &["requirements.txt"]).key().unwrap();
    let first = key();
    assert_eq!(key(), first);
    tree.write("s.py", &SCRIPT.replace("print(1)", "print(2)"));
    tree.write("base.txt", "requests\r\n");
    assert_eq!(key(), first, "neither the code nor line ends need other packages");
    let mut keys = vec![first];
    for (file, text) in [
        ("base.txt", "requests<3\n"),
        ("w/x-1-py3-none-any.whl", "two"),
        ("s.py", "# /// script\n# dependencies = ['rich<14']\n# ///\n"),
        (
            "s.py",
            "# /// script\n# dependencies = ['rich<14']\n# [tool.uv]\n# exclude-newer = '2026-01-01'\n# ///\n",
        ),
        ("pylock.s.toml", OTHERS),
    ] {
        tree.write(file, text);
        let next = key();
        assert!(!keys.contains(&next), "{file} counts: {text}");
        keys.push(next);
    }
    fs_err::remove_file(tree.path("base.txt")).unwrap();
    let error = tree.find(Some("s.py"), &["requirements.txt"]).key().unwrap_err();
    assert_eq!(error.file, tree.path("base.txt"));
}

#[test]
fn a_copy_has_the_same_key() {
    let files = [("s.py", SCRIPT), ("requirements.txt", "-c c.txt\nidna\n"), ("c.txt", "idna<4\n")];
    let (one, other) = (Tree::new(&files), Tree::new(&files));
    let key = |tree: &Tree| tree.find(Some("s.py"), &["requirements.txt"]).key().unwrap();
    assert_eq!(key(&one), key(&other));
    one.write("other.py", SCRIPT);
    assert_eq!(one.find(Some("other.py"), &[]).key().unwrap(), one.find(Some("s.py"), &[]).key().unwrap());
}

#[test]
fn of_a_project_only_what_it_depends_on_counts() {
    let project = "[project]\nname = 'p'\ndependencies = ['rich']\n[dependency-groups]\ndev = ['idna']\n";
    let tree = Tree::new(&[("pyproject.toml", project)]);
    let key = || tree.find(None, &["pyproject.toml"]).key().unwrap();
    let first = key();
    tree.write("pyproject.toml", &format!("{project}[tool.ruff]\nline-length = 110\n"));
    assert_eq!(key(), first);
    tree.write("pyproject.toml", &project.replace("rich", "rich<14"));
    assert_ne!(key(), first);
}

#[test]
fn locks_are_known_by_name() {
    for (name, expected) in [
        ("pylock.toml", true),
        ("pylock.dev.toml", true),
        ("pylock.a.b.toml", false),
        ("uv.lock", true),
        ("x.py.lock", true),
        ("Cargo.lock", false),
        ("requirements.txt", false),
        ("pyproject.toml", false),
    ] {
        assert_eq!(is_lock(Path::new(name)), expected, "{name}");
    }
}

#[test]
fn the_lock_that_counts_is_found() {
    let tree = Tree::new(&[
        ("s.py", SCRIPT),
        ("my.tool.py", SCRIPT),
        ("pyproject.toml", "[project]\nname = 'p'\n"),
        ("requirements.txt", "idna\n"),
    ]);
    assert_eq!(tree.lock(Some("s.py"), &[]), None);
    tree.write("s.py.lock", "version = 1\n");
    assert_eq!(tree.lock(Some("s.py"), &[]).as_deref(), Some("s.py.lock"));
    tree.write("pylock.s.toml", OTHERS);
    assert_eq!(tree.lock(Some("s.py"), &[]).as_deref(), Some("pylock.s.toml"));
    tree.write("pylock.my-tool.toml", OTHERS);
    assert_eq!(tree.lock(Some("my.tool.py"), &[]).as_deref(), Some("pylock.my-tool.toml"));

    assert_eq!(tree.lock(None, &["pyproject.toml"]), None);
    tree.write("pylock.toml", OTHERS);
    assert_eq!(tree.lock(None, &["pyproject.toml"]).as_deref(), Some("pylock.toml"));
    assert_eq!(tree.lock(None, &["requirements.txt"]), None, "it is the project's");
    assert_eq!(tree.lock(None, &["pyproject.toml", "requirements.txt"]), None);
    tree.write("uv.lock", "version = 1\n");
    assert_eq!(tree.lock(None, &["pyproject.toml"]).as_deref(), Some("uv.lock"));

    // Another's lock knows nothing of what is asked for beside the script.
    let found = tree.find(Some("s.py"), &["requirements.txt"]);
    assert_eq!((found.base().len(), found.beside().len()), (1, 1));
}

#[test]
fn a_lock_of_ours_is_of_what_it_says() {
    let tree = Tree::new(&[("requirements.txt", "idna\n"), ("other.txt", "six\n")]);
    let record = tree.find(None, &["requirements.txt"]).record((3, 13)).unwrap();
    assert_eq!(record.inputs.keys().collect::<Vec<_>>(), ["requirements.txt"]);
    tree.write("pylock.toml", &format!("{OTHERS}\n{}", record.text()));
    assert_eq!(tree.lock(None, &["other.txt"]), None);
    let found = tree.find(None, &["requirements.txt"]);
    assert_eq!(found.changes().unwrap(), [""; 0]);
    assert!(found.is_settled().unwrap());
    tree.write("requirements.txt", "idna<4\n");
    let found = tree.find(None, &["requirements.txt"]);
    assert_eq!(found.changes().unwrap(), ["`requirements.txt` has changed"]);
    assert!(!found.is_settled().unwrap());
    let frozen = Asked { locking: Locking::Frozen, ..tree.asked(None, &["requirements.txt"]) };
    assert!(Dependencies::find(frozen).unwrap().is_settled().unwrap());
}

#[test]
fn groups_are_those_of_the_nearest_project() {
    let tree = Tree::new(&[("pyproject.toml", "[dependency-groups]\ndev = ['idna']\n"), ("s.py", SCRIPT)]);
    let group = Asked { groups: vec!["dev".to_owned()], ..tree.asked(Some("s.py"), &[]) };
    let found = Dependencies::find(group).unwrap();
    assert_eq!((found.base().len(), found.project()), (1, Some(&*tree.path("pyproject.toml"))));
    let extra = Asked { extras: vec!["cli".to_owned()], ..tree.asked(None, &[]) };
    assert_eq!(Dependencies::find(extra).unwrap().base(), [Need::File(tree.path("pyproject.toml"))]);
    fs_err::remove_file(tree.path("pyproject.toml")).unwrap();
    let group = Asked { groups: vec!["dev".to_owned()], ..tree.asked(None, &[]) };
    assert!(matches!(Dependencies::find(group), Err(DependencyError::NoProject { .. })));
}

#[test]
fn what_cannot_be_locked_is_refused() {
    let tree =
        Tree::new(&[("uv.lock", "version = 1\n"), ("pyproject.toml", "[project]\n"), ("s.py", SCRIPT)]);
    let find = |locking, script, files: &[&str], with: &[&str]| {
        let with = with.iter().map(ToString::to_string).collect();
        let found = Dependencies::find(Asked { with, locking, ..tree.asked(script, files) });
        found.map(|_| ()).map_err(|error| error.to_string())
    };
    let refused = find(Locking::Write, None, &["pyproject.toml"], &[]).unwrap_err();
    assert!(refused.ends_with("uv.lock` is the lock already, and not written by `--lock`"), "{refused}");
    let refused = find(Locking::Write, None, &[], &["six"]).unwrap_err();
    assert!(refused.starts_with("there is nothing to lock"), "{refused}");
    assert_eq!(
        find(Locking::Locked, Some("s.py"), &[], &[]).unwrap_err(),
        "there is no lock, and `--locked` wants one"
    );
    assert_eq!(find(Locking::Locked, None, &[], &[]), Ok(()), "nothing is needed");
    let refused = find(Locking::Follow, None, &["uv.lock", "pyproject.toml"], &[]).unwrap_err();
    assert!(refused.ends_with("is a lock, and no other file can be given with it"), "{refused}");
}

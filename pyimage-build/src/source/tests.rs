use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

/// A project with these files, a folder where a name ends in a slash.
fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = folder.path().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }
    folder
}

fn paths(folder: &Path, globs: &[&str]) -> Vec<String> {
    paths_below(folder, folder, globs)
}

fn paths_below(folder: &Path, root: &Path, globs: &[&str]) -> Vec<String> {
    let source = Source::select(folder, root, globs).unwrap();
    source.files.into_iter().map(|file| file.path).collect()
}

#[test]
fn globs_match_files_and_folders() {
    let project = project(
        &["a.py", "b.txt", "app/c.py", "app/x/d.py", "app/x/e.json", "data/1.csv", "data/2.csv"]
            .map(|path| (path, "")),
    );
    for (globs, expected) in [
        (&["*.py"][..], &["a.py"][..]),
        (&["**/*.py"], &["a.py", "app/c.py", "app/x/d.py"]),
        (&["app"], &["app/c.py", "app/x/d.py", "app/x/e.json"]),
        (&["app/"], &["app/c.py", "app/x/d.py", "app/x/e.json"]),
        (&["./app/x"], &["app/x/d.py", "app/x/e.json"]),
        (&["app/*.py", "a.py"], &["a.py", "app/c.py"]),
        (&["app/**"], &["app/c.py", "app/x/d.py", "app/x/e.json"]),
        (&["app/**/*.json"], &["app/x/e.json"]),
        (&["data/{1,3}.csv"], &["data/1.csv"]),
        (&["*/x"], &["app/x/d.py", "app/x/e.json"]),
        (&["data", "data/1.csv"], &["data/1.csv", "data/2.csv"]),
        (&["."], &["a.py", "app/c.py", "app/x/d.py", "app/x/e.json", "b.txt", "data/1.csv", "data/2.csv"]),
    ] {
        assert_eq!(paths(project.path(), globs), expected, "{globs:?}");
    }
}

#[test]
fn wrong_globs_are_told() {
    let project = project(&[("a.py", "")]);
    for (glob, expected) in [
        ("../x", "it has `..`, and what is outside of the package's folder cannot be in the image"),
        ("a//b", "a part of it is empty or `.`"),
        ("", "it is empty; all files are `.`"),
        ("!x", "files are left out by `.dockerignore`, not by `!`"),
        ("[x", "a `[` has no `]`"),
        ("{x", "a `{` has no `}`"),
    ] {
        let error = Source::select(project.path(), project.path(), &[glob]).unwrap_err();
        assert_eq!(error.to_string(), format!("the source `{glob}` is wrong: {expected}"));
    }
    let error = Source::select(project.path(), project.path(), &["a.py", "*.pyx"]).unwrap_err();
    assert_eq!(error.to_string(), "the source `*.pyx` matches no file");
}

#[test]
fn ignored_files_stay_out() {
    let project = project(&[
        (".gitignore", "*.log\n/dist\n"),
        ("app/.gitignore", "local.py\n!keep.log\n"),
        (".dockerignore", "**/tests\n!app/tests/data\n"),
        ("a.log", ""),
        ("app/main.py", ""),
        ("app/local.py", ""),
        ("app/keep.log", ""),
        ("app/other.log", ""),
        ("app/tests/test.py", ""),
        ("app/tests/data/x", ""),
        ("dist/app.js", ""),
        ("dist/x.log", ""),
    ]);
    let folder = project.path();
    assert_eq!(
        paths(folder, &["."]),
        [".dockerignore", ".gitignore", "app/.gitignore", "app/keep.log", "app/main.py", "app/tests/data/x"]
    );
    assert_eq!(paths(folder, &["dist"]), ["dist/app.js"]);
    assert_eq!(paths(folder, &["dist/x.log"]), ["dist/x.log"]);
    assert_eq!(paths_below(&folder.join("app"), folder, &["*.log"]), ["keep.log"]);
    for (glob, help) in [
        ("dist/*.js", "`dist` is left out by `.gitignore`; name it in full to have it"),
        ("*.log", "`a.log` is left out by `.gitignore`; name it in full to have it"),
        ("app/tests/test.py", "`app/tests/test.py` is left out by `.dockerignore`"),
    ] {
        let error = Source::select(folder, folder, &[glob]).unwrap_err();
        assert_eq!(error.helps(), [help], "{glob}");
    }
}

#[test]
fn secrets_and_what_is_made_anew_have_to_be_named() {
    let project = project(&[
        (".env", ""),
        (".env.example", ""),
        (".git/config", ""),
        ("a.py", ""),
        ("certs/ca.pem", ""),
        ("certs/README", ""),
        ("__pycache__/a.pyc", ""),
        ("target/debug/app", ""),
        ("src/target/x.py", ""),
        ("env/pyvenv.cfg", ""),
        ("env/bin/python", ""),
        ("build/CACHEDIR.TAG", ""),
        ("build/x", ""),
        (".ssh/id_rsa", ""),
        (".docker/config.json", ""),
        (".dockercfg", ""),
        (".git-credentials", ""),
        (".kube/config", ""),
        (".pgpass", ""),
        ("certs/app.jks", ""),
        ("certs/app.keystore", ""),
        ("certs/login.ppk", ""),
        ("certs/passwords.kdbx", ""),
    ]);
    let folder = project.path();
    for (globs, expected) in [
        (&["."][..], &["a.py", "certs/README", "src/target/x.py"][..]),
        (&[".docker/config.json"], &[".docker/config.json"]),
        (&[".kube"], &[".kube/config"]),
        (&["certs/*.ppk"], &["certs/login.ppk"]),
        (&["**"], &["a.py", "certs/README", "src/target/x.py"]),
        (&["*", ".env"], &[".env", "a.py", "certs/README", "src/target/x.py"]),
        (&[".env*"], &[".env", ".env.example"]),
        (&[".env.example"], &[".env.example"]),
        (&["certs/ca.pem"], &["certs/ca.pem"]),
        (&["certs/*.pem"], &["certs/ca.pem"]),
        (&["target/debug/app"], &["target/debug/app"]),
        (&["env"], &["env/bin/python", "env/pyvenv.cfg"]),
        (&["build/x"], &["build/x"]),
        (&[".git/config"], &[".git/config"]),
    ] {
        assert_eq!(paths(folder, globs), expected, "{globs:?}");
    }
    let error = Source::select(folder, folder, &[".e*"]).unwrap_err();
    assert_eq!(error.helps(), ["`.env` is only in the image if it is named: add \".env\" to `source`"]);
}

#[test]
fn links_stay_links_within_the_project() {
    let project = project(&[("app/v2/x.json", "")]);
    let folder = project.path();
    symlink("v2", folder.join("app/latest")).unwrap();
    symlink("../app/v2/x.json", folder.join("app/x.json")).unwrap();
    symlink("nowhere", folder.join("app/dangling")).unwrap();
    let source = Source::select(folder, folder, &["app"]).unwrap();
    let link = |path: &str, target: &str| SourceFile {
        path: path.to_owned(),
        kind: SourceKind::Symlink { target: target.to_owned() },
    };
    assert_eq!(source.files[0], link("app/dangling", "nowhere"));
    assert_eq!(source.files[1], link("app/latest", "v2"));
    assert_eq!(source.files[3], link("app/x.json", "../app/v2/x.json"));
    for target in ["../../x", "/etc/passwd", "v2/../../../x"] {
        let path = folder.join("app/out");
        symlink(target, &path).unwrap();
        let error = Source::select(folder, folder, &["app"]).unwrap_err();
        assert!(matches!(error, SourceError::SymlinkOut { .. }), "{target}: {error}");
        fs_err::remove_file(path).unwrap();
    }
    // Out of it by another link, which by itself is none out of it.
    symlink("../..", folder.join("app/v2/top")).unwrap();
    assert!(paths(folder, &["app"]).contains(&"app/v2/top".to_owned()));
    symlink("top/..", folder.join("app/v2/up")).unwrap();
    let error = Source::select(folder, folder, &["app"]).unwrap_err();
    assert!(matches!(error, SourceError::SymlinkOut { .. }), "{error}");
}

#[test]
fn modes_are_the_owner_s() {
    let project = project(&[("run", ""), ("read", ""), ("others", "")]);
    for (name, mode) in [("run", 0o700), ("read", 0o600), ("others", 0o655)] {
        fs_err::set_permissions(project.path().join(name), PermissionsExt::from_mode(mode)).unwrap();
    }
    let source = Source::select(project.path(), project.path(), &["."]).unwrap();
    let executable = |file: &SourceFile| file.kind == SourceKind::File { executable: true };
    assert_eq!(source.files.iter().map(executable).collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn odd_names_are_told() {
    let project = project(&[("app/a b\n.py", "")]);
    let folder = project.path();
    assert_eq!(paths(folder, &["app"]), ["app/a b\n.py"]);
    fs_err::write(folder.join("app").join(std::ffi::OsStr::from_bytes(b"caf\xe9.py")), "").unwrap();
    let error = Source::select(folder, folder, &["app"]).unwrap_err();
    assert_eq!(error.to_string(), "the name of `app/caf\u{fffd}.py` is not UTF-8");
    fs_err::write(folder.join(".dockerignore"), "app/caf*\n").unwrap();
    assert_eq!(paths(folder, &["app"]), ["app/a b\n.py"]);
    let _socket = std::os::unix::net::UnixListener::bind(folder.join("app/socket")).unwrap();
    let error = Source::select(folder, folder, &["app"]).unwrap_err();
    assert!(matches!(error, SourceError::Special { .. }), "{error}");
}

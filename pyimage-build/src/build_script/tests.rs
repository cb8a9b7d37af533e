use super::*;

const MANIFEST: &str = "[package]\nname = \"hello\"\nversion = \"0.3.0\"\n";
const SECTION: &str = "[package.metadata.pyimage]\nsource = [\"app\"]\n";

struct Project {
    folder: tempfile::TempDir,
    out: tempfile::TempDir,
}

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap(), out: tempfile::tempdir().unwrap() };
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    fn script(&self) -> BuildScript {
        let mut script = configure();
        script.manifest_dir(self.folder.path()).out_dir(self.out.path());
        script
    }

    fn directives(&self) -> Vec<String> {
        let lines = self.script().compile().unwrap().directives;
        lines.iter().map(|line| line.strip_prefix("cargo::").unwrap().to_owned()).collect()
    }

    fn module(&self) -> String {
        fs_err::read_to_string(self.out.path().join(MODULE)).unwrap()
    }

    /// What goes wrong, as cargo is told.
    fn error(&self) -> Vec<String> {
        let folder = self.folder.path().to_str().unwrap();
        let error = self.script().compile().unwrap_err();
        error.lines().into_iter().map(|line| line.replace(folder, "HERE")).collect()
    }
}

fn hello(section: &str) -> Project {
    let manifest = format!("{MANIFEST}{section}");
    Project::new(&[("Cargo.toml", &manifest), ("app/main.py", "print()\n"), ("src/main.rs", "")])
}

#[test]
fn cargo_is_told_of_what_is_there_and_decides() {
    let project = hello(SECTION);
    assert_eq!(project.directives(), ["rerun-if-changed=Cargo.toml", "rerun-if-changed=app",]);
    let compiled = project.script().compile().unwrap();
    assert!(!compiled.has_changed(), "what is the same is not written again");
}

#[test]
fn a_workspace_counts_and_so_does_its_lock() {
    let project = Project::new(&[
        ("Cargo.toml", "[workspace]\nmembers = [\"a\"]\n[workspace.metadata.pyimage]\ntag = \"3.13-slim\"\n"),
        (".gitignore", "*.log\n"),
        ("pyimage.lock", "version = 1\n"),
        ("a/Cargo.toml", &format!("{MANIFEST}{SECTION}")),
        ("a/app/main.py", ""),
        ("a/app/x.log", ""),
    ]);
    let mut script = project.script();
    script.manifest_dir(project.folder.path().join("a")).stale_lock(StaleLock::Warn);
    let compiled = script.compile().unwrap();
    assert_eq!(compiled.assets().collect::<Vec<_>>(), ["app/main.py"]);
    let lines: Vec<_> = compiled.directives().iter().map(|line| line.trim_start_matches("cargo::")).collect();
    assert_eq!(
        lines[2..7],
        [
            "rerun-if-changed=../.gitignore",
            "rerun-if-changed=../Cargo.toml",
            "rerun-if-changed=../pyimage.lock",
            "rerun-if-changed=Cargo.toml",
            "rerun-if-changed=app",
        ]
    );
    let path = project.folder.path().join("pyimage.lock");
    assert_eq!(
        lines[7..],
        [format!(
            "warning=`{}` is stale: `python:3.13-slim` is not locked; help: run `cargo pyimage lock`",
            path.display()
        )]
    );
}

#[test]
fn cargo_s_home_is_where_it_is_without_being_named() {
    let project = Project::new(&[
        ("Cargo.toml", "[workspace]\n[workspace.metadata.pyimage]\ntag = \"3.13-slim\"\n"),
        (".cargo/git/checkouts/a/1/Cargo.toml", &format!("{MANIFEST}{SECTION}")),
        (".cargo/git/checkouts/a/1/app/main.py", ""),
    ]);
    let root = project.folder.path();
    let compiled = |variable: &str, value: &Path| {
        let mut script = project.script();
        script.manifest_dir(root.join(".cargo/git/checkouts/a/1")).variable("CARGO_HOME", "");
        script.variable(variable, value).stale_lock(StaleLock::Warn).compile().unwrap();
        project.module().contains("Image")
    };
    assert!(!compiled("HOME", root) && !compiled("CARGO_HOME", &root.join(".cargo")));
    assert!(compiled("HOME", &root.join("elsewhere")), "the workspace around it has an image");
}

#[test]
fn an_image_that_an_engine_is_to_build_is_not_assembled() {
    let project = hello(
        "[package.metadata.pyimage]\ntag = \"3.13-slim\"\nsource = [\"app\"]\nbuilder = \"dockerfile\"\n",
    );
    project.write("pyimage.lock", include_str!("../lock/lock.toml"));
    let mut script = project.script();
    script.image(ImageWhen::Always).variable("PYIMAGE_CACHE_DIR", project.out.path());
    let error = script.compile().unwrap_err();
    assert_eq!(error.to_string(), "the image of `hello` is built from a Dockerfile, and cannot be assembled");
    assert!(error.helps()[1].contains("`builder = \"native\"`"), "{:?}", error.helps());
    script.builder("native").bytecode("none").compile().unwrap();
}

#[test]
fn code_stands_over_the_package_and_that_over_the_workspace() {
    let project = Project::new(&[
        (
            "Cargo.toml",
            &format!(
                "{MANIFEST}[package.metadata.pyimage]\ntag = \"3.12\"\nsource = [\"b\"]\nname = \"own\"\n\
                 [workspace]\n[workspace.metadata.pyimage]\ntag = \"3.11\"\ntags = [\"shared\"]\n"
            ),
        ),
        ("a/x.py", ""),
        ("b/y.py", ""),
    ]);
    let mut script = project.script();
    script.stale_lock(StaleLock::Warn).source(["a"]).tag("3.13-slim");
    assert_eq!(script.compile().unwrap().assets().collect::<Vec<_>>(), ["a/x.py"]);
    let module = project.module();
    assert!(module.contains("reference: \"own:shared\""), "{module}");
    assert!(module.contains("pinned: \"python:3.13-slim\""), "{module}");
}

#[test]
fn several_images_have_the_files_of_all() {
    let section = "[package.metadata.pyimage]\ntag = \"3.13-slim\"\n[package.metadata.pyimage.images.web]\nsource = [\"app\"]\n";
    let project = hello(section);
    project.write("work/x.py", "");
    let mut script = project.script();
    script.stale_lock(StaleLock::Warn).image_keys("worker", |image| {
        image.source(["work"]);
    });
    assert_eq!(script.compile().unwrap().assets().collect::<Vec<_>>(), ["app/main.py", "work/x.py"]);
    let module = project.module();
    assert!(module.contains("Image { name: \"web\", repository: \"hello-web\""), "{module}");
    assert!(module.contains("Image { name: \"worker\", repository: \"hello-worker\""), "{module}");
}

#[test]
fn without_a_base_there_are_assets_and_no_lock_is_asked_for() {
    let project = hello("");
    let files = [crate::ExtraFile { from: "app".to_owned(), to: "/etc".to_owned(), mode: None }];
    assert_eq!(project.script().files(files).compile().unwrap().assets().count(), 1);
    assert!(!project.module().contains("Image"));
}

#[test]
fn what_goes_wrong_is_told_with_what_to_do() {
    let base = "[package.metadata.pyimage]\ntag = \"3.13-slim\"\n";
    let no_lock = "help: run `cargo pyimage lock` and commit it; a package that is published takes a copy of it or a link to \
                   it beside its Cargo.toml";
    for (section, files, expected) in [
        (
            "",
            &[][..],
            &[
                "`HERE/Cargo.toml` says nothing of assets or an image",
                "help: add `source = [\"app\"]` to `[package.metadata.pyimage]`, or call `source` in build.rs",
            ][..],
        ),
        (
            "[package.metadata.pyimage]\nsorce = []\n",
            &[],
            &[
                "unknown key `package.metadata.pyimage.sorce` in `HERE/Cargo.toml:5`",
                "help: did you mean `source`?",
            ],
        ),
        (
            "[package.metadata.pyimage]\nsource = [\"b\"]\n",
            &[],
            &[
                "the source `b` matches no file",
                "help: correct it: it starts at the folder of the package's Cargo.toml",
            ],
        ),
        (
            "[package.metadata.pyimage]\nsource = [\"../b\"]\n",
            &[],
            &[
                "the source `../b` is wrong: it has `..`, and what is outside of the package's folder cannot be in the image",
            ],
        ),
        (base, &[], &["there is no `HERE/pyimage.lock`", no_lock]),
        (
            base,
            &[("pyimage.lock", "version = 1\n")],
            &[
                "`HERE/pyimage.lock` is stale: `python:3.13-slim` is not locked",
                "help: run `cargo pyimage lock`",
            ],
        ),
        (
            base,
            &[("pyimage.lock", "version = 99\n")],
            &[
                "could not use `HERE/pyimage.lock`",
                "caused by: the lock is of version 99, and this tool reads up to version 1",
                "help: update `cargo-pyimage`, or check out the `pyimage.lock` that goes with this one",
            ],
        ),
    ] {
        let project = hello(section);
        for (path, text) in files {
            project.write(path, text);
        }
        assert_eq!(project.error(), expected, "{section}");
    }
}

#[test]
fn locks_of_packages_have_to_be_there_and_make_sense() {
    let project = hello("[package.metadata.pyimage]\ntag = \"3.13-slim\"\nrequirements = \"r.txt\"\n");
    let mut script = project.script();
    let warnings = |script: &BuildScript| {
        let compiled = script.compile().unwrap();
        compiled.directives().iter().filter(|line| line.contains("pylock.toml")).count()
    };
    assert_eq!(warnings(script.stale_lock(StaleLock::Warn)), 1);
    project.write("pylock.toml", "lock-version = \"9.0\"\ncreated-by = \"x\"\npackages = []\n");
    let error = script.compile().unwrap_err();
    assert!(error.to_string().ends_with("pylock.toml`"), "{error}");
}

#[test]
fn the_module_has_no_path_of_the_machine_and_is_the_same_everywhere() {
    let modules = [hello(SECTION), hello(SECTION)].map(|project| {
        project.script().extract(true).compile().unwrap();
        let module = project.module();
        for folder in [&project.folder, &project.out] {
            assert!(!module.contains(folder.path().to_str().unwrap()));
        }
        module
    });
    assert_eq!(modules[0], modules[1]);
}

#[test]
fn neither_the_target_nor_the_profile_changes_the_module() {
    let project = hello(SECTION);
    project.script().compile().unwrap();
    let mut script = project.script();
    script.variable("TARGET", "aarch64-unknown-linux-musl").variable("PROFILE", "release");
    assert!(!script.compile().unwrap().has_changed());
}

#[test]
fn images_are_left_out_unless_they_are_asked_for() {
    let has = |when, variables: &[(&str, &str)]| {
        let mut script = configure();
        script.image(when).variable("PYIMAGE_SKIP", "").variable("DOCS_RS", "").variable("PROFILE", "debug");
        for (name, value) in variables {
            script.variable(*name, *value);
        }
        script.wants_images() && !script.surroundings.skips_images(&mut script.output())
    };
    assert!(!has(ImageWhen::Never, &[]) && !has(ImageWhen::Never, &[("PYIMAGE_SKIP", "0")]));
    assert!(has(ImageWhen::Always, &[]) && !has(ImageWhen::Release, &[]));
    assert!(has(ImageWhen::Release, &[("PROFILE", "release")]));
    assert!(!has(ImageWhen::Always, &[("PYIMAGE_SKIP", "1")]));
    assert!(!has(ImageWhen::Always, &[("DOCS_RS", "1")]));
    assert!(has(ImageWhen::Always, &[("DOCS_RS", "1"), ("PYIMAGE_SKIP", "0")]));
}

#[test]
fn where_images_are_left_out_no_lock_is_in_the_way() {
    let project = hello("[package.metadata.pyimage]\ntag = \"3.13-slim\"\nrequirements = \"r.txt\"\n");
    let warnings = |name: &str, value: &str| {
        let mut script = project.script();
        script.image(ImageWhen::Always).source(["app"]).variable(name, value);
        let compiled = script.compile().unwrap();
        let lines = compiled.directives().iter().filter(|line| line.starts_with("cargo::warning=")).count();
        (lines, compiled.assets().count())
    };
    for (name, value) in [("PYIMAGE_SKIP", "1"), ("DOCS_RS", "1")] {
        assert_eq!(warnings(name, value), (1, 1), "there is no lock");
        assert!(project.module().contains("pinned: \"python:3.13-slim\""));
    }
    project.write("pyimage.lock", "version = 1\n");
    project.write("pylock.toml", "damaged");
    assert_eq!(warnings("DOCS_RS", "1"), (1, 1), "it is stale");
    project.write("pyimage.lock", include_str!("../lock/lock.toml"));
    assert_eq!(warnings("PYIMAGE_SKIP", "1"), (0, 1));
    assert!(project.module().contains("pinned: \"python@sha256:1bc04b52"));
}

#[test]
fn all_locks_are_told_at_once_and_each_help_once() {
    let project = hello("[package.metadata.pyimage]\ntag = \"3.13-slim\"\nrequirements = \"r.txt\"\n");
    let said = project.error();
    assert_eq!(said[..2], ["there is no `HERE/pyimage.lock`", "there is no `HERE/pylock.toml`"]);
    assert!(
        said.len() == 3 && said[2].starts_with("help: run `cargo pyimage lock` and commit it"),
        "{said:?}"
    );
    let folder = project.folder.path().to_str().unwrap();
    let told = project.script().compile().unwrap_err().to_string();
    assert_eq!(told.replace(folder, "HERE"), said[..2].join("; "));
    project.write("pyimage.lock", "version = 1\n");
    assert_eq!(project.error().len(), 4, "one is stale, one is not there");
}

#[test]
fn whoever_drives_it_gets_no_output_unless_it_is_asked_for() {
    let project = hello(SECTION);
    assert!(!project.script().talks_to_cargo());
    assert!(project.script().cargo_output(true).talks_to_cargo());
    assert!(configure().talks_to_cargo());
    let error =
        configure().variable("CARGO_MANIFEST_DIR", "").manifest_dir("x").variable("OUT_DIR", "").compile();
    assert_eq!(format!("{:?}", error.unwrap_err()).lines().next(), Some("`OUT_DIR` is not set"));
}

#[test]
fn paths_are_shown_from_the_package() {
    for (path, expected) in
        [("/w/a/x", "x"), ("/w/a", ""), ("/w/y", "../y"), ("/w/b/c", "../b/c"), ("/v/c", "/v/c")]
    {
        assert_eq!(shown(Path::new(path), Path::new("/w/a")), expected);
    }
}

#[cfg(unix)]
#[test]
fn a_name_that_is_not_utf_8_is_told() {
    use std::os::unix::ffi::OsStrExt as _;

    let project = hello(SECTION);
    let name = std::ffi::OsStr::from_bytes(b"app/\xff.py");
    fs_err::write(project.folder.path().join(name), "").unwrap();
    assert_eq!(
        project.error(),
        ["the name of `app/\u{fffd}.py` is not UTF-8", "help: leave it out with a line in `.dockerignore`"]
    );
}

#[test]
fn where_nothing_can_be_written_the_file_is_named() {
    let project = hello(SECTION);
    let file = project.folder.path().join("app/main.py");
    let error = project.script().out_dir(&file).compile().unwrap_err();
    assert_eq!(error.to_string(), format!("cannot write `{}`", file.join(MODULE).display()));
}

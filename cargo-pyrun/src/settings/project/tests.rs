use std::cell::Cell;

use super::super::{EnvSource, Program};
use super::*;

/// A project in a temporary folder, and how often Cargo was asked about it.
struct Sample {
    _temporary: tempfile::TempDir,
    folder: Utf8PathBuf,
    cache: Cache,
    asked: Cell<u32>,
}

impl Sample {
    fn new(files: &[(&str, &str)]) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(temporary.path()).unwrap().canonicalize_utf8().unwrap();
        let cache = Cache::at(folder.join("cache"));
        let sample = Self { _temporary: temporary, folder, cache, asked: Cell::new(0) };
        for (path, text) in files {
            sample.write(path, text);
        }
        sample
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.join(path);
        let folder = path.parent().unwrap();
        fs_err::create_dir_all(folder.join("src")).unwrap();
        fs_err::write(folder.join("src/lib.rs"), "").unwrap();
        fs_err::write(path, text).unwrap();
    }

    fn load_as(
        &self,
        cwd: &str,
        manifest: Option<&str>,
        package: Option<&str>,
    ) -> Result<Project, SettingsError> {
        let cargo = |manifest: &Utf8Path| {
            self.asked.set(self.asked.get() + 1);
            cargo_metadata(manifest)
        };
        let manifest = manifest.map(Utf8Path::new);
        Project::load_with(&cargo, &self.folder.join(cwd), manifest, package, Some(&self.cache))
    }

    fn load(&self, cwd: &str) -> Result<Project, SettingsError> {
        self.load_as(cwd, None, None)
    }

    fn error(&self, cwd: &str) -> (String, Vec<String>) {
        let error = self.load(cwd).unwrap_err();
        (error.to_string().replace(self.folder.as_str(), "[ROOT]"), error.helps())
    }
}

const PACKAGE: &str = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";

fn package(more: &str) -> Sample {
    Sample::new(&[("Cargo.toml", &format!("{PACKAGE}{more}"))])
}

fn workspace() -> Sample {
    let root = "[workspace]\nresolver = \"3\"\nmembers = [\"app\", \"lib\"]\n\
        [workspace.metadata.pyrun]\ntag = \"3.12\"\nengine = \"podman\"\nenv-file = [\"all.env\"]\n\
        volumes = [\"./data:/data\", \"named:/named\"]\n\
        [workspace.metadata.pyrun.scripts]\nlint = \"tools/lint.py\"\ncodegen = \"tools/codegen.py\"\n";
    let app = format!(
        "{PACKAGE}[package.metadata.pyrun]\ntag = \"3.13-slim\"\nenv = {{ A = \"1\" }}\n\
         [package.metadata.pyrun.scripts]\n\
         codegen = {{ module = \"codegen\", args = [\"--all\"], description = \"Writes code\", memory = \"1g\" }}\n"
    );
    let lib = PACKAGE.replace("app", "lib");
    Sample::new(&[("Cargo.toml", root), ("app/Cargo.toml", &app), ("lib/Cargo.toml", &lib)])
}

#[test]
fn without_a_manifest_all_is_empty() {
    let sample = Sample::new(&[]);
    assert_eq!(sample.load("").unwrap(), Project::default());
    assert_eq!(sample.asked.get(), 0);
    let error = sample.load_as("", None, Some("app")).unwrap_err().to_string();
    assert!(error.starts_with("could not find `Cargo.toml` in `/"), "{error}");
    let error = sample.load_as("", Some("Cargo.toml"), None).unwrap_err().to_string();
    assert!(error.ends_with("/Cargo.toml` does not exist"), "{error}");
}

#[test]
fn manifests_that_do_not_mention_us_cost_nothing_even_broken() {
    let sample = package("this is not TOML");
    let project = sample.load("src").unwrap();
    assert_eq!(project, Project { root: Some(sample.folder.clone()), ..Project::default() });
    assert_eq!(sample.asked.get(), 0);
}

#[test]
fn a_broken_manifest_that_mentions_us_is_an_error_with_cargos_words() {
    let sample = package("[package.metadata.pyrun]\ntag =\n");
    let error = sample.load("").unwrap_err();
    assert_eq!(error.to_string(), format!("`cargo metadata` failed for `{}/Cargo.toml`", sample.folder));
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(!cause.starts_with("error") && cause.contains("tag ="), "{cause}");
}

#[test]
fn the_package_wins_over_the_workspace() {
    let sample = workspace();
    let project = sample.load("app/src").unwrap();
    let settings = project.settings();
    assert_eq!(settings.tag.as_deref(), Some("3.13-slim"));
    assert_eq!(settings.engine.as_deref(), Some("podman"));
    assert_eq!(
        settings.env,
        [
            EnvSource::File(sample.folder.join("all.env")),
            EnvSource::Variable("A".to_owned(), Some("1".to_owned()))
        ]
    );
    assert_eq!(settings.volumes, [format!("{}/data:/data", sample.folder), "named:/named".to_owned()]);
    assert_eq!(project.root, Some(sample.folder.join("app")));

    let codegen = &project.scripts["codegen"];
    assert_eq!(codegen.program, Program::Module("codegen".to_owned()));
    assert_eq!(codegen.args, ["--all"]);
    assert_eq!(codegen.description.as_deref(), Some("Writes code"));
    assert_eq!(codegen.settings.memory.as_deref(), Some("1g"));
    assert_eq!(codegen.folder, sample.folder.join("app"));
    let lint = &project.scripts["lint"];
    assert_eq!(lint.program, Program::Script("tools/lint.py".into()));
    assert_eq!(lint.folder, sample.folder);
}

#[test]
fn packages_are_found_by_folder_manifest_and_name() {
    let sample = workspace();
    let at_root = sample.load("").unwrap();
    assert_eq!((at_root.package, at_root.root), (None, Some(sample.folder.clone())));
    assert!(at_root.workspace.is_some());
    let by_manifest = sample.load_as("lib", Some("../app/Cargo.toml"), None).unwrap();
    assert_eq!(by_manifest.settings().tag.as_deref(), Some("3.13-slim"));
    let by_name = sample.load_as("lib", None, Some("app")).unwrap();
    assert_eq!(by_name, sample.load("app").unwrap());
    let error = sample.load_as("lib", None, Some("apps")).unwrap_err();
    assert_eq!(error.to_string(), format!("no package `apps` in the workspace `{}`", sample.folder));
    assert_eq!(error.helps(), ["did you mean `app`?"]);
}

#[test]
fn a_package_may_point_to_its_workspace() {
    let root = "[workspace]\nmembers = [\"../app\"]\n[workspace.metadata.pyrun]\ntag = \"3.12\"\n";
    let app = PACKAGE.replace("edition", "workspace = \"../root\"\nedition");
    let sample = Sample::new(&[("root/Cargo.toml", root), ("app/Cargo.toml", &app)]);
    assert_eq!(sample.load("app").unwrap().settings().tag.as_deref(), Some("3.12"));
}

#[test]
fn cargo_is_asked_once_for_as_long_as_no_manifest_changes() {
    let sample = workspace();
    let first = sample.load("lib").unwrap();
    assert_eq!(sample.load("lib/src").unwrap(), first);
    assert_eq!(sample.asked.get(), 1);

    sample.write("lib/Cargo.toml", &PACKAGE.replace("app", "lib").replace("0.1.0", "0.2.0"));
    sample.load("lib").unwrap();
    assert_eq!(sample.asked.get(), 2);

    // The manifest of a package asked for by name is none of those around the working directory.
    sample.load_as("lib", None, Some("app")).unwrap();
    sample.load_as("lib", None, Some("app")).unwrap();
    assert_eq!(sample.asked.get(), 3);
    sample.write("app/Cargo.toml", &format!("{PACKAGE}[package.metadata.pyrun]\ntag = \"3.9\"\n"));
    let changed = sample.load_as("lib", None, Some("app")).unwrap();
    assert_eq!(changed.settings().tag.as_deref(), Some("3.9"));
}

#[test]
fn an_unusable_cache_changes_nothing() {
    let sample = workspace();
    fs_err::write(sample.cache.root(), "a file where the folder should be").unwrap();
    assert!(sample.load("app").unwrap().package.is_some());
    assert!(Project::load(&sample.folder, None, None, None).unwrap().workspace.is_some());
}

#[test]
fn mistakes_are_named_with_file_and_key() {
    let said = |more: &str| package(more).error("");
    let (error, helps) = said("[package.metadata.pyrun]\ntagg = \"3.13\"\n");
    assert_eq!(error, "unknown key `package.metadata.pyrun.tagg` in `[ROOT]/Cargo.toml`");
    assert_eq!(helps, ["did you mean `tag`?"]);

    let (error, helps) = said("[package.metadata.pyrun]\nread_only = true\n");
    assert_eq!(error, "unknown key `package.metadata.pyrun.read_only` in `[ROOT]/Cargo.toml`");
    assert_eq!(helps, ["did you mean `read-only`?"]);

    let (error, helps) = said("[package.metadata.pyrun]\ntag = 3.13\n");
    assert_eq!(
        error,
        "expected a string for `package.metadata.pyrun.tag` in `[ROOT]/Cargo.toml`, found the float `3.13`"
    );
    assert_eq!(helps, ["put the tag in quotes, as in `tag = \"3.13-slim\"`"]);

    let (error, _) = said("[package.metadata.pyrun]\ntag = \"3.13\"\nimage = \"x\"\n");
    assert_eq!(
        error,
        "both `tag` and `image` are set: `package.metadata.pyrun.tag` in `[ROOT]/Cargo.toml` \
         and `package.metadata.pyrun.image` in `[ROOT]/Cargo.toml`"
    );

    let (error, _) = said("[package.metadata]\npyrun = 3\n");
    assert_eq!(
        error,
        "expected a table for `package.metadata.pyrun` in `[ROOT]/Cargo.toml`, found the integer `3`"
    );

    let (error, helps) = said("[package.metadata.pyrun.scripts]\n\"a.b\" = { script = \"a.py\", zzz = 1 }\n");
    assert_eq!(error, "unknown key `package.metadata.pyrun.scripts.\"a.b\".zzz` in `[ROOT]/Cargo.toml`");
    assert!(helps[0].starts_with("the keys are `script`, `module`"), "{helps:?}");
}

//! `cargo pyimage lock`: the packages of images, and for which platforms they have wheels.

use std::process::Command;

use tests::{
    Descriptor, FaultyRegistry, Finished, Folder, Format, HandMadeWheel, PackageIndex, Repository, finish,
    uv, with_cargo,
};

use crate::build::OnDisk;

const PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm/v7"];

/// A project with a base and an index of the test's own.
pub(crate) struct Project {
    pub(crate) folder: Folder,
    /// It goes away with this.
    repository: Repository,
    hub: FaultyRegistry,
    index: PackageIndex,
    uv: String,
}

impl Project {
    pub(crate) fn new(section: &str) -> Option<Self> {
        Self::with(section, &[], &[])
    }

    /// The same, with these files in the base, and these wheels in the index besides.
    pub(crate) fn with(section: &str, base: &[(&str, &str)], wheels: &[HandMadeWheel]) -> Option<Self> {
        Self::on(section, wheels, |repository, platform| {
            repository.image_with(Format::Oci, platform, "3.13.5", base)
        })
    }

    /// The same, on a base whose images are made by the test.
    pub(crate) fn on(
        section: &str,
        wheels: &[HandMadeWheel],
        image: impl Fn(&Repository, &str) -> Descriptor,
    ) -> Option<Self> {
        let uv = uv()?;
        let folder = Folder::new();
        let repository = Repository::new(&folder)?;
        let hub = FaultyRegistry::start()?;
        hub.serve(&repository, "library/python");
        let images: Vec<_> =
            PLATFORMS.iter().map(|platform| (*platform, image(&repository, platform))).collect();
        let images: Vec<_> = images.iter().map(|(platform, image)| (*platform, image)).collect();
        repository.index("3.13-slim-trixie", Format::Oci, &images, true);
        let native = HandMadeWheel::new("native", "1.0", &[]);
        let sharing = |name: &str| {
            HandMadeWheel::with_files(name, "1.0", &[], vec![("shared.py".to_owned(), name.into())])
        };
        let index = PackageIndex::start(
            &[
                wheels.to_vec(),
                vec![
                    HandMadeWheel::new("demo", "1.0", &[]),
                    HandMadeWheel::new("demo", "2.0", &["helper>=1"]),
                    HandMadeWheel::new("helper", "1.0", &[]),
                    sharing("alpha"),
                    sharing("beta"),
                    sharing("gamma"),
                    sharing("zeta"),
                    native.clone().only_for("manylinux_2_17_x86_64"),
                    native.only_for("musllinux_1_2_armv7l"),
                ],
            ]
            .concat(),
            None,
        );
        let manifest = format!(
            "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[package.metadata.pyimage]\n\
             tag = \"3.13-slim-trixie\"\nbytecode = \"none\"\nplatforms = [\"linux/amd64\", \"linux/arm/v7\"]\n{section}"
        );
        folder.file("Cargo.toml", &manifest).file("src/lib.rs", "");
        Some(Self { folder, repository, hub, index, uv })
    }

    /// A command of `cargo pyimage`, with the project's own registry and index.
    pub(crate) fn command(&self, command: &str) -> Command {
        let mut command = self.folder.pyimage([command]);
        command.env("PYIMAGE_MIRRORS", self.hub.url()).env("PYIMAGE_UV", &self.uv);
        command.env("UV_DEFAULT_INDEX", self.index.url()).env("PIP_CONFIG_FILE", "/dev/null");
        with_cargo(&mut command);
        command
    }

    fn lock<const N: usize>(&self, arguments: [&str; N]) -> Finished {
        finish(self.command("lock").args(arguments))
    }

    /// The paths that its index was asked for.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.index.asked()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs_err::read_to_string(self.folder.project().join(name)).unwrap_or_default()
    }
}

fn succeeded(run: &Finished) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""), "{}", run.stderr);
}

fn failed(run: &Finished, parts: &[&str]) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(101), ""), "{}", run.stderr);
    for part in parts {
        assert!(run.stderr.contains(part), "no {part:?} in {}", run.stderr);
    }
}

#[test]
fn packages_are_locked_beside_the_base_and_stay() {
    let Some(project) = Project::new("requirements = \"requirements.txt\"\n") else { return };
    project.folder.file("requirements.txt", "demo<2\n");
    failed(&project.lock(["--check"]), &["there is no", "pyimage.lock"]);
    let first = project.lock([]);
    succeeded(&first);
    assert!(first.stderr.contains("Locking pylock.toml"), "{}", first.stderr);
    let text = project.text("pylock.toml");
    assert!(text.contains("demo-1.0-py3-none-any.whl"), "{text}");
    assert!(!first.stderr.contains("no wheel"), "{}", first.stderr);
    succeeded(&project.lock(["--check"]));

    // A newer version is there now: what is locked stays, until it is asked to move.
    project.folder.file("requirements.txt", "demo\n");
    failed(
        &project.lock(["--check"]),
        &["pylock.toml` is stale: `requirements.txt` has changed", "cargo pyimage lock"],
    );
    succeeded(&project.lock([]));
    assert!(project.text("pylock.toml").contains("demo-1.0"), "{}", project.text("pylock.toml"));
    let base = project.text("pyimage.lock");
    succeeded(&project.lock(["--update", "demo"]));
    let text = project.text("pylock.toml");
    assert!(text.contains("demo-2.0") && text.contains("helper-1.0"), "{text}");
    assert_eq!(project.text("pyimage.lock"), base, "the base has not been asked to move");
    failed(
        &project.lock(["--update", "nosuch"]),
        &["no image of this project has the base or the package `nosuch`"],
    );

    // Nothing to do asks nobody.
    let asked = project.index.asked().len();
    succeeded(&project.lock([]));
    assert_eq!(project.index.asked().len(), asked);
}

#[test]
fn what_has_no_wheel_is_told_for_each_platform() {
    let Some(project) = Project::new("requirements = [\"requirements.txt\"]\n") else { return };
    project.folder.file("requirements.txt", "native\ndemo\n");
    let run = project.lock([]);
    succeeded(&run);
    let expected = "`native 1.0` has no wheel for linux/arm/v7 of python:3.13-slim-trixie: it has wheels for \
                    linux/amd64 (glibc 2.17), linux/arm/v7 (musl 1.2)";
    assert!(run.stderr.contains(expected), "{}", run.stderr);
    assert!(run.stderr.contains("leave the platform out"), "{}", run.stderr);
    assert!(!run.stderr.contains("`demo"), "{}", run.stderr);
}

#[test]
fn a_lock_of_another_tool_is_taken_as_it_is() {
    let Some(project) = Project::new("pylock = \"locks/pylock.web.toml\"\n") else { return };
    failed(&project.lock([]), &["there is no", "locks/pylock.web.toml", "`requirements"]);
    let wheel = "wheels = [{ url = \"https://files.example/six-1.17.0-py2.py3-none-any.whl\", hashes = { sha256 = \
                 \"4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274\" } }]";
    let lock = |requires: &str| {
        format!(
            "lock-version = \"1.0\"\ncreated-by = \"me\"\nrequires-python = \"{requires}\"\n[[packages]]\nname = \"six\"\n\
             version = \"1.17.0\"\n{wheel}\n"
        )
    };
    project.folder.file("locks/pylock.web.toml", &lock(">=3.9"));
    succeeded(&project.lock([]));
    assert_eq!(project.text("locks/pylock.web.toml"), lock(">=3.9"), "it is not ours to write");
    succeeded(&project.lock(["--check"]));
    project.folder.file("locks/pylock.web.toml", &lock(">=3.14"));
    failed(&project.lock([]), &["has no packages for", "the lock is for Python >=3.14"]);
}

#[test]
fn packages_for_an_unknown_distribution_are_an_error() {
    let Some(project) = Project::new("requirements = \"requirements.txt\"\n") else { return };
    project.folder.file("requirements.txt", "demo\n");
    // A tag that names none, and nothing in the image does.
    let (media_type, index) = project.repository.manifest("3.13-slim-trixie");
    project.repository.put_manifest("latest", &media_type, &index);
    let manifest = project.text("Cargo.toml").replace("3.13-slim-trixie", "latest");
    project.folder.file("Cargo.toml", &manifest);
    let words = ["the distribution in `python:latest` is not known", "help: take a tag that names it"];
    failed(&project.lock([]), &words);
}

#[test]
fn requirements_without_a_solution_leave_all_as_it_is() {
    let Some(project) = Project::new("requirements = \"requirements.txt\"\n") else { return };
    project.folder.file("requirements.txt", "demo>5\n");
    failed(&project.lock([]), &["could not lock packages in `pylock.toml`", "demo"]);
    assert_eq!(project.text("pylock.toml"), "");
    project.folder.file("Cargo.toml", &project.text("Cargo.toml").replace("requirements.txt", "missing.txt"));
    let words = ["missing.txt`, for `package.metadata.pyimage.requirements` in `", "/Cargo.toml:10`"];
    failed(&project.lock([]), &words);
}

const PYPROJECT: &str = "[project]\nname = 'thing'\nversion = '1'\ndependencies = ['demo<2']\n\
    [project.optional-dependencies]\nserver = ['alpha']\nother = ['beta']\n\
    [dependency-groups]\ndeploy = ['gamma']\ndev = ['zeta']\n";

/// The packages that are installed in an image, the same for each platform.
fn installed(project: &Project) -> String {
    let layout = OnDisk::of(project);
    let of_platform = layout.manifests().into_iter().map(|manifest| {
        let layers = manifest["layers"].as_array().expect("layers").clone();
        let own = layers.iter().filter(|layer| layout.0.join(OnDisk::path(layer)).exists());
        let paths = own.flat_map(|layer| layout.paths(layer));
        let names = paths.filter_map(|path| {
            let folder = path.strip_suffix(".dist-info/METADATA")?;
            Some(folder.strip_prefix("usr/local/lib/python3.13/site-packages/")?.to_owned())
        });
        let mut names: Vec<_> = names.collect();
        names.sort();
        names.join(" ")
    });
    let mut platforms: Vec<_> = of_platform.collect();
    assert_eq!(platforms.len(), PLATFORMS.len());
    platforms.dedup();
    assert_eq!(platforms.len(), 1, "{platforms:?}");
    platforms.remove(0)
}

#[test]
fn groups_and_extras_of_a_project_go_into_the_image() {
    let section = "requirements = \"pyproject.toml\"\nsource = [\"app\"]\n";
    let chosen = "groups = [\"deploy\"]\nextras = [\"server\"]\n";
    let Some(project) = Project::new(&format!("{section}{chosen}")) else { return };
    project.folder.file("pyproject.toml", PYPROJECT).file("app/main.py", "");
    let manifest = project.text("Cargo.toml");
    let choosing = |lines: &str| {
        project.folder.file("Cargo.toml", &manifest.replace(chosen, lines));
    };
    let run_build = |arguments: &[&str]| finish(project.command("build").args(arguments));
    let built = |arguments: &[&str]| {
        let run = run_build(arguments);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        (run.stdout, installed(&project))
    };
    succeeded(&project.lock([]));
    let (all, packages) = built(&["--locked"]);
    assert_eq!(packages, "alpha-1.0 demo-1.0 gamma-1.0");

    // Another choice is another lock.
    for (lines, word, packages) in [
        ("", "group `deploy` is in it, and not asked for", "demo-1.0"),
        ("extras = [\"other\", \"server\"]\n", "extra `other` is not in it", "alpha-1.0 beta-1.0 demo-1.0"),
        ("groups = [\"dev\"]\n", "group `dev` is not in it", "demo-1.0 zeta-1.0"),
    ] {
        choosing(lines);
        failed(&run_build(&["--locked"]), &["pylock.toml` is stale", word, "cargo pyimage lock"]);
        assert_eq!(built(&[]).1, packages, "{lines}");
    }
    choosing(chosen);
    assert_eq!(built(&[]).0, all);
    // A group alone has none of the project's own dependencies.
    project.folder.file(
        "Cargo.toml",
        &manifest
            .replace("requirements = \"pyproject.toml\"\n", "")
            .replace(chosen, "groups = [\"deploy\"]\n"),
    );
    assert_eq!(built(&[]).1, "gamma-1.0");

    for (lines, name) in [("groups = [\"nosuch\"]\n", "nosuch"), ("extras = [\"nosuch\"]\n", "nosuch")] {
        choosing(lines);
        failed(&project.lock([]), &["could not lock packages in `pylock.toml`", name]);
    }
}

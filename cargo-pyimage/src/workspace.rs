//! The Cargo workspace, and the images that its packages ask for.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use pyimage_build::{Bins, ImageSettings, MetadataError, Place, Platform, Reference, Section, nearest};
pub use pyimage_build::{PackageFacts, PackageImage};
use pyrun::cache::Cache;
use pyrun::settings::SettingsError;
use pyrun::settings::manifest::{Manifest, Seen, cargo_metadata, hash, manifests_around};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::build::BuildError;

const PACKAGE_KEY: &str = "package.metadata.pyimage";
const WORKSPACE_KEY: &str = "workspace.metadata.pyimage";

/// A workspace and its images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// The folder of `Cargo.lock`, and of `pyimage.lock`.
    pub root: Utf8PathBuf,
    /// The folder for what is built: `target`.
    pub target: Utf8PathBuf,
    /// The packages that have an image, in Cargo's order.
    pub images: Vec<PackageImage>,
}

fn is_called(image: &PackageImage, name: &str) -> bool {
    image.package == name || image.settings.image.as_deref() == Some(name) || image.title() == name
}

/// Why there is no workspace with images.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// No manifest is around.
    #[error("could not find `Cargo.toml` in `{folder}` or any parent directory")]
    NoManifest {
        /// Where the search began.
        folder: Utf8PathBuf,
    },
    /// A manifest cannot be read, or Cargo makes no sense of it.
    #[error(transparent)]
    Manifest(#[from] SettingsError),
    /// The section of a manifest is wrong.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// A package has no such program.
    #[error("there is no program `{name}`, for {place}")]
    NoSuchBin {
        /// The entry.
        place: Place,
        /// Its value.
        name: String,
        /// The programs that the package has.
        known: Vec<String>,
    },
    /// Two images have one name.
    #[error("`{name}` is the image of `{one}` and of `{other}`")]
    SameName {
        /// The repository and the tag.
        name: String,
        /// The one.
        one: String,
        /// The other.
        other: String,
    },
    /// Two images cannot be told apart.
    #[error("there are two images `{title}`")]
    SameTitle {
        /// What both are called.
        title: String,
    },
    /// No package asks for an image.
    #[error("no package in `{root}` has a `[package.metadata.pyimage]` in its Cargo.toml")]
    NoImages {
        /// The workspace's folder.
        root: Utf8PathBuf,
    },
}

impl WorkspaceError {
    /// What to do about it, a line for each way.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::NoManifest { .. } => {
                vec!["go to a Cargo project, or name one with `--manifest-path`".to_owned()]
            }
            Self::Manifest(error) => error.helps(),
            Self::Metadata(error) => error.helps(),
            Self::NoSuchBin { name, .. } if name == "*" => {
                vec!["`bins = [\"*\"]` is all of them, and stands alone".to_owned()]
            }
            Self::NoSuchBin { name, known, .. } => {
                match nearest(name, known.iter().map(String::as_str))[..] {
                    [near, ..] => vec![format!("did you mean `\"{near}\"`?")],
                    [] if known.is_empty() => vec!["leave `bins` out, or add a `src/main.rs`".to_owned()],
                    [] => vec![format!("there are `\"{}\"`", known.join("\"`, `\""))],
                }
            }
            Self::SameName { .. } => {
                vec!["give one another `name` or other `tags` in its Cargo.toml".to_owned()]
            }
            Self::SameTitle { .. } => vec!["give one another name under `images`".to_owned()],
            Self::NoImages { .. } => {
                vec![
                    "add it to the package that the image is of:\n[package.metadata.pyimage]\ntag = \"3.13-slim\""
                        .to_owned(),
                ]
            }
        }
    }
}

impl Workspace {
    /// Reads the workspace of `manifest_path`, else the one around `cwd`.
    ///
    /// A cache that is missing or cannot be used costs the time that Cargo takes, and nothing else.
    ///
    /// # Errors
    /// Where there is no manifest, one is wrong, or none asks for an image.
    pub fn load(
        cwd: &Utf8Path,
        manifest_path: Option<&Utf8Path>,
        cache: Option<&Cache>,
    ) -> Result<Self, WorkspaceError> {
        let manifests = manifests_around(cwd, manifest_path)?;
        let Some(first) = manifests.first() else {
            return Err(WorkspaceError::NoManifest { folder: cwd.to_owned() });
        };
        let around: Vec<_> = manifests.iter().map(Seen::new).collect();
        let entry = format!("workspaces/{}.json", hash(first.path.as_str().as_bytes()));
        let kept = cache.and_then(|cache| cache.read_json::<Answer>(&entry));
        if let Some(answer) = kept.filter(|answer| answer.is_current(&around)) {
            match answer.workspace() {
                // A file of `src/bin` is a new program that no manifest tells of.
                Err(WorkspaceError::NoSuchBin { .. }) => {}
                known => return known,
            }
        }
        let answer = Answer::ask(&first.path, around)?;
        if let Some(cache) = cache {
            // Whoever needs the cache will find it unusable and say so.
            cache.write_json(&entry, &answer).ok();
        }
        answer.workspace()
    }

    /// The images of this name, which is a package's or one of its images'; all of them where none is named.
    ///
    /// # Errors
    /// Where there is none of this name.
    pub fn named(&self, name: Option<&str>) -> Result<Vec<&PackageImage>, BuildError> {
        let Some(name) = name else { return Ok(self.images.iter().collect()) };
        let found: Vec<_> = self.images.iter().filter(|image| is_called(image, name)).collect();
        // One that is called just this is meant, whatever others are a part of.
        if let Some(exact) = found.iter().find(|image| image.title() == name) {
            return Ok(vec![exact]);
        }
        if found.is_empty() {
            let known = self.images.iter().map(PackageImage::title).collect();
            return Err(BuildError::NoSuchImage { name: name.to_owned(), known });
        }
        Ok(found)
    }

    /// The image that is called just this: by its title, or by its repository and a tag where that names no registry and
    /// no user. A name with either is what was pushed there.
    #[must_use]
    pub fn called(&self, name: &str) -> Option<&PackageImage> {
        let is_local = |its: &Reference| {
            its.registry() == "docker.io"
                && its.repository().starts_with("library/")
                && its.digest().is_none()
        };
        let reference = name.parse::<Reference>().ok().filter(is_local);
        let has_name = |image: &&PackageImage| {
            let none = Err(String::new());
            let names = image.names(&[], &none).unwrap_or_default();
            reference.as_ref().is_some_and(|reference| {
                names.contains(reference) || (reference.tag().is_none() && image.settings.name == *reference)
            })
        };
        let titled = self.images.iter().find(|image| image.title() == name);
        titled.or_else(|| self.images.iter().find(has_name))
    }

    /// The bases of all images, each with the platforms that are asked for.
    #[must_use]
    pub fn bases(&self) -> BTreeMap<Reference, BTreeSet<Platform>> {
        let mut bases: BTreeMap<Reference, BTreeSet<Platform>> = BTreeMap::new();
        for image in &self.images {
            let ImageSettings { base, platforms, .. } = &image.settings;
            bases.entry(base.clone()).or_default().extend(platforms.iter().cloned());
        }
        bases
    }
}

/// What of Cargo's answer matters to us, as it is kept, and what it holds for.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    around: Vec<Seen>,
    members: Vec<Seen>,
    folders: Vec<Listing>,
    root: Utf8PathBuf,
    target: Utf8PathBuf,
    workspace: Option<Value>,
    packages: Vec<Member>,
}

/// A package with a section of ours.
#[derive(Debug, Serialize, Deserialize)]
struct Member {
    name: String,
    version: String,
    manifest: Utf8PathBuf,
    facts: PackageFacts,
    bins: Vec<String>,
    pyimage: Value,
}

/// The folders in a folder in which `members = ["crates/*"]` finds packages: a new one may be a new member.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Listing {
    folder: Utf8PathBuf,
    names: Vec<String>,
}

impl Answer {
    fn ask(manifest: &Utf8Path, around: Vec<Seen>) -> Result<Self, WorkspaceError> {
        let metadata = cargo_metadata(manifest)?;
        let root = metadata.workspace_root.clone();
        let root_manifest = root.join("Cargo.toml");
        let others = metadata.packages.iter().map(|package| &package.manifest_path).chain([&root_manifest]);
        let members: Vec<Seen> = others
            .filter(|path| !around.iter().any(|seen| seen.path == **path))
            .filter_map(|path| Some(Seen::new(&Manifest::read(path.clone()).ok()?)))
            .collect();
        let packages = metadata.packages.iter().filter_map(|package| {
            Some(Member {
                name: package.name.to_string(),
                version: package.version.to_string(),
                manifest: package.manifest_path.clone(),
                facts: PackageFacts {
                    repository: package.repository.clone(),
                    description: package.description.as_deref().map(|text| text.trim().to_owned()),
                    // Cargo took this before there was `OR`.
                    license: package.license.as_deref().map(|text| text.replace('/', " OR ")),
                },
                bins: package
                    .targets
                    .iter()
                    .filter(|target| target.is_bin())
                    .map(|target| target.name.clone())
                    .collect(),
                pyimage: package.metadata.get("pyimage")?.clone(),
            })
        });
        Ok(Self {
            around,
            members,
            folders: listings(&root),
            workspace: metadata.workspace_metadata.get("pyimage").cloned(),
            packages: packages.collect(),
            target: metadata.target_directory.clone(),
            root,
        })
    }

    fn is_current(&self, around: &[Seen]) -> bool {
        self.around == around
            && self.members.iter().all(Seen::is_current)
            && self.folders.iter().all(|seen| Listing::of(seen.folder.clone()) == *seen)
    }

    fn workspace(self) -> Result<Workspace, WorkspaceError> {
        let manifest = self.root.join("Cargo.toml");
        let workspace = self.workspace.map(pyimage_build::Value::from);
        let workspace = workspace.as_ref().map(|value| Section {
            manifest: manifest.as_str(),
            key: WORKSPACE_KEY,
            value,
        });
        let mut images = Vec::new();
        for member in &self.packages {
            let value = member.pyimage.clone().into();
            let own = Section { manifest: member.manifest.as_str(), key: PACKAGE_KEY, value: &value };
            let text = |path: &str| fs_err::read_to_string(path).ok();
            let all =
                ImageSettings::read(&member.name, own, workspace).map_err(|error| error.located(text))?;
            for settings in all {
                check_bins(&settings, &member.bins)?;
                let (package, version) = (member.name.clone(), member.version.clone());
                images.push(PackageImage { package, version, facts: member.facts.clone(), settings });
            }
        }
        if images.is_empty() {
            return Err(WorkspaceError::NoImages { root: self.root });
        }
        distinct(&images)?;
        Ok(Workspace { root: self.root, target: self.target, images })
    }
}

/// What to do where one of these images has to be named.
pub(crate) fn which_image(images: &[String]) -> Vec<String> {
    let without_tag = |name: &String| match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name.to_owned(),
        _ => name.clone(),
    };
    images.first().map(|name| format!("name the one: `--image {}`", without_tag(name))).into_iter().collect()
}

/// Fails where a program is asked for that the package does not have.
fn check_bins(settings: &ImageSettings, known: &[String]) -> Result<(), WorkspaceError> {
    let Some(Bins::Named(names)) = &settings.bins else { return Ok(()) };
    let unknown = names.iter().enumerate().find(|(_, name)| !known.contains(name));
    match unknown.and_then(|(index, name)| Some((settings.place("bins", Some(index))?, name))) {
        Some((place, name)) => {
            Err(WorkspaceError::NoSuchBin { place, name: name.clone(), known: known.to_vec() })
        }
        None => Ok(()),
    }
}

/// Fails where one image would overwrite another: in its repository, or in the folder of its layout.
fn distinct(images: &[PackageImage]) -> Result<(), WorkspaceError> {
    let (mut named, mut titled) = (BTreeMap::new(), BTreeSet::new());
    for image in images {
        let (settings, title) = (&image.settings, image.title());
        for tag in &settings.tags {
            // What is no tag is told when it is built.
            let Ok(name) =
                settings.name.with_tag(&tag.replace("{version}", &image.version).replace(['{', '}'], ""))
            else {
                continue;
            };
            let name = name.familiar();
            if let Some(other) = named.insert(name.clone(), title.clone()).filter(|other| *other != title) {
                return Err(WorkspaceError::SameName { name, one: other, other: title });
            }
        }
        if !titled.insert(title.clone()) {
            return Err(WorkspaceError::SameTitle { title });
        }
    }
    Ok(())
}

impl Listing {
    fn of(folder: Utf8PathBuf) -> Self {
        let entries = fs_err::read_dir(&folder).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_file()));
        let mut names: Vec<_> = folders.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        Self { folder, names }
    }
}

/// The folders that the patterns of `workspace.members` look into.
fn listings(root: &Utf8Path) -> Vec<Listing> {
    #[derive(Deserialize)]
    struct Head {
        workspace: Members,
    }
    #[derive(Deserialize)]
    struct Members {
        #[serde(default)]
        members: Vec<String>,
    }
    let text = fs_err::read_to_string(root.join("Cargo.toml")).unwrap_or_default();
    let Ok(head) = toml::from_str::<Head>(&text) else { return Vec::new() };
    let mut listings: Vec<Listing> = Vec::new();
    for pattern in head.workspace.members.iter().filter(|pattern| pattern.contains(['*', '?', '['])) {
        let mut folders = vec![root.to_owned()];
        for part in pattern.split('/').filter(|part| !part.is_empty()) {
            if !part.contains(['*', '?', '[']) {
                folders = folders.iter().map(|folder| folder.join(part)).collect();
                continue;
            }
            // Every folder there, whether the pattern takes it or not: one too many only asks Cargo once more.
            let found: Vec<_> = folders.into_iter().map(Listing::of).collect();
            folders = found.iter().flat_map(|at| at.names.iter().map(|name| at.folder.join(name))).collect();
            listings.extend(found);
        }
    }
    listings
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Project {
        folder: tempfile::TempDir,
        cache: Cache,
    }

    impl Project {
        fn new(files: &[(&str, &str)]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let cache = Cache::at(Utf8Path::from_path(folder.path()).unwrap().join("cache"));
            let project = Self { folder, cache };
            for (path, text) in files {
                project.write(path, text);
            }
            project
        }

        fn root(&self) -> Utf8PathBuf {
            Utf8Path::from_path(self.folder.path()).unwrap().canonicalize_utf8().unwrap().join("project")
        }

        fn write(&self, path: &str, text: &str) {
            let folder = Utf8Path::from_path(self.folder.path()).unwrap().join("project");
            let path = folder.join(path);
            fs_err::create_dir_all(path.parent().unwrap().join("src")).unwrap();
            fs_err::write(path.with_file_name("src").join("lib.rs"), "").unwrap();
            fs_err::write(path, text).unwrap();
        }

        fn bases(&self) -> Result<Vec<String>, String> {
            let workspace = Workspace::load(&self.root(), None, Some(&self.cache));
            let bases = workspace.map_err(|error| error.to_string())?.bases();
            let shown =
                bases.iter().map(|(base, platforms)| format!("{} {}", base.familiar(), platforms.len()));
            Ok(shown.collect())
        }
    }

    fn package(name: &str, section: &str) -> String {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n{section}")
    }

    const SLIM: &str = "[package.metadata.pyimage]\ntag = \"3.13-slim\"\n";

    #[test]
    fn bases_of_all_packages_are_joined() {
        let project = Project::new(&[
            (
                "Cargo.toml",
                "[workspace]\nmembers = [\"crates/*\"]\nresolver = \"3\"\n[workspace.metadata.pyimage]\ntag = \"3\"\n",
            ),
            ("crates/a/Cargo.toml", &package("a", SLIM)),
            (
                "crates/b/Cargo.toml",
                &package(
                    "b",
                    "[package.metadata.pyimage]\ntag = \"3.13-slim\"\nplatforms = [\"linux/386\"]\n",
                ),
            ),
            ("crates/c/Cargo.toml", &package("c", "[package.metadata.pyimage]\n")),
            ("crates/d/Cargo.toml", &package("d", "")),
        ]);
        let expected = Ok(vec!["python:3 2".to_owned(), "python:3.13-slim 3".to_owned()]);
        assert_eq!(project.bases(), expected);
        assert_eq!(project.bases(), expected, "from the cache");
    }

    #[test]
    fn what_was_kept_does_not_outlive_a_change() {
        let project = Project::new(&[
            ("Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\nresolver = \"3\"\n"),
            ("crates/a/Cargo.toml", &package("a", SLIM)),
        ]);
        assert_eq!(project.bases().unwrap(), ["python:3.13-slim 2"]);
        project.write("crates/b/Cargo.toml", &package("b", &SLIM.replace("3.13", "3.12")));
        assert_eq!(project.bases().unwrap(), ["python:3.12-slim 2", "python:3.13-slim 2"], "a new member");
        project.write("crates/b/Cargo.toml", &package("b", ""));
        assert_eq!(project.bases().unwrap(), ["python:3.13-slim 2"], "a changed member");
        project.write("crates/a/Cargo.toml", &package("a", ""));
        let root = project.root();
        assert_eq!(
            project.bases().unwrap_err(),
            format!("no package in `{root}` has a `[package.metadata.pyimage]` in its Cargo.toml")
        );
    }

    #[test]
    fn programs_are_those_of_the_package() {
        let project = Project::new(&[("Cargo.toml", &package("a", &format!("{SLIM}bins = [\"srve\"]\n")))]);
        let manifest = project.root().join("Cargo.toml");
        let error = || Workspace::load(&project.root(), None, Some(&project.cache)).unwrap_err();
        let text =
            format!("there is no program `srve`, for `package.metadata.pyimage.bins[0]` in `{manifest}:7`");
        assert_eq!(error().to_string(), text);
        assert_eq!(error().helps(), ["leave `bins` out, or add a `src/main.rs`"]);
        fs_err::create_dir(project.root().join("src/bin")).unwrap();
        fs_err::write(project.root().join("src/bin/serve.rs"), "fn main() {}").unwrap();
        assert_eq!(error().helps(), ["did you mean `\"serve\"`?"]);
        fs_err::write(project.root().join("src/bin/srve.rs"), "fn main() {}").unwrap();
        assert_eq!(project.bases().unwrap(), ["python:3.13-slim 2"], "no manifest has changed");
    }

    #[test]
    fn an_image_is_called_by_its_title_or_its_local_name() {
        let section = format!(
            "{SLIM}tags = [\"{{version}}\", \"latest\"]\n[package.metadata.pyimage.images]\n\
                               web = {{}}\njobs = {{ name = \"ghcr.io/me/jobs\" }}\n"
        );
        let project = Project::new(&[("Cargo.toml", &package("a", &section))]);
        let workspace = Workspace::load(&project.root(), None, None).unwrap();
        let called = |name: &str| workspace.called(name).map(PackageImage::title);
        for name in ["a-web", "a-web:0.1.0", "a-web:latest", "docker.io/library/a-web:latest"] {
            assert_eq!(called(name).as_deref(), Some("a-web"), "{name}");
        }
        assert_eq!(called("a-jobs").as_deref(), Some("a-jobs"));
        for name in
            ["a", "web", "a-web:1", "ghcr.io/me/jobs:latest", "ghcr.io/me/jobs", "me/a-web:latest", "A b"]
        {
            assert_eq!(called(name), None, "{name}");
        }
    }

    #[test]
    fn a_wrong_section_names_its_manifest() {
        let project = Project::new(&[("Cargo.toml", &package("a", &SLIM.replace("tag", "tga")))]);
        let manifest = project.root().join("Cargo.toml");
        assert_eq!(
            project.bases().unwrap_err(),
            format!("unknown key `package.metadata.pyimage.tga` in `{manifest}:6`")
        );
    }
}

//! `cargo pyimage init`: a section for a package, of what is found in its folder.

mod error;
mod program;
mod recipe;
mod section;

use camino::{Utf8Path, Utf8PathBuf};
use pyimage_build::{PythonTag, Reference, TagChoice};
use pyrun::constraints;
use pyrun::settings::manifest::{cargo_metadata, manifests_around};
use pyrun::shell::Shell;

use crate::dockerfile::is_ours;

pub use error::InitError;

use program::{Program, ProjectFile};
use recipe::Recipe;
use section::{Section, Setting};

/// Who runs the program where nobody says so: nobody of the base, and not root.
const USER: &str = "app";

/// What is asked for.
#[derive(Debug, Clone)]
pub struct InitRequest<'a> {
    /// The current folder.
    pub here: &'a Utf8Path,
    /// The manifest, where it is not the one around.
    pub manifest_path: Option<&'a Utf8Path>,
    /// The package, where there are several.
    pub package: Option<&'a str>,
    /// A section that is there is replaced.
    pub force: bool,
}

/// Writes the section, and tells what was found.
///
/// # Errors
/// Where it is not clear which package is meant, it has a section, or a file makes no sense.
pub fn init(request: &InitRequest<'_>, shell: &Shell) -> Result<(), InitError> {
    let package = Package::find(request)?;
    let text = fs_err::read_to_string(&package.manifest)
        .map_err(|source| InitError::Unreadable { path: package.manifest.clone(), source })?;
    let malformed = |source| InitError::Manifest { path: package.manifest.clone(), source: Box::new(source) };
    if section::is_in(&text).map_err(malformed)? && !request.force {
        return Err(InitError::Section { manifest: package.manifest });
    }
    let section = package.section(request.here, shell)?;
    put(&package.manifest, &section.put_into(&text).map_err(malformed)?)?;
    let shown = package.manifest.strip_prefix(request.here).unwrap_or(&package.manifest);
    shell.status("Wrote", format_args!("[package.metadata.pyimage] of `{}` to {shown}", package.name));
    let has_program = section.keys.iter().any(|(key, _)| ["entrypoint", "cmd"].contains(key));
    if !has_program {
        shell.note("it is not clear which program the image runs: say it with `entrypoint = [\"python3\", \"main.py\"]`");
    }
    let image = if package.is_alone { String::new() } else { format!(" --image {}", package.name) };
    shell.help(format_args!("`cargo pyimage run{image}` builds the image and runs it"));
    Ok(())
}

struct Package {
    name: String,
    manifest: Utf8PathBuf,
    root: Utf8PathBuf,
    /// The workspace has no other.
    is_alone: bool,
}

impl Package {
    /// The one that is named, else the one whose folder this is, else the only one.
    fn find(request: &InitRequest<'_>) -> Result<Self, InitError> {
        let manifests = manifests_around(request.here, request.manifest_path)?;
        let Some(first) = manifests.first() else {
            return Err(InitError::NoManifest { folder: request.here.to_owned() });
        };
        let metadata = cargo_metadata(&first.path)?;
        let root = metadata.workspace_root.clone();
        let names = || metadata.packages.iter().map(|package| package.name.to_string()).collect::<Vec<_>>();
        let first = first.path.canonicalize_utf8().unwrap_or_else(|_| first.path.clone());
        let is_first = |manifest: &Utf8Path| manifest.canonicalize_utf8().is_ok_and(|path| path == first);
        let found = match request.package {
            Some(name) => {
                let found = metadata.packages.iter().find(|package| package.name.as_str() == name);
                Some(
                    found
                        .ok_or_else(|| InitError::NoSuchPackage { name: name.to_owned(), known: names() })?,
                )
            }
            None => metadata.packages.iter().find(|package| is_first(&package.manifest_path)),
        };
        let package = match (found, &metadata.packages[..]) {
            (Some(found), _) | (None, [found]) => found,
            (None, []) => return Err(InitError::NoPackage { root }),
            (None, _) => return Err(InitError::WhichPackage { packages: names() }),
        };
        let (name, manifest) = (package.name.to_string(), package.manifest_path.clone());
        Ok(Self { name, manifest, root, is_alone: metadata.packages.len() == 1 })
    }

    fn folder(&self) -> &Utf8Path {
        self.manifest.parent().unwrap_or(Utf8Path::new("."))
    }

    fn section(&self, here: &Utf8Path, shell: &Shell) -> Result<Section, InitError> {
        let recipe = self.recipe(shell)?;
        let project = self.project()?;
        let (key, base) = self.base(recipe.base.as_deref(), here, shell)?;
        let requirements = self.requirements(project.as_ref());
        if let Some(file) = requirements {
            shell.status("Found", format_args!("{file}, with the packages"));
        }
        let root = if self.folder().starts_with(&self.root) { &self.root } else { self.folder() };
        let program = Program::find(self.folder().as_std_path(), root.as_std_path(), project.as_ref());
        let (mut entrypoint, mut cmd) = (recipe.entrypoint.clone(), recipe.cmd.clone());
        if entrypoint.is_none() && cmd.is_none() {
            if let Some(because) = &program.because {
                shell.status("Found", format_args!("{because}, the program"));
            }
            entrypoint.clone_from(&program.entrypoint);
            let is_2 =
                base.parse::<PythonTag>().is_ok_and(|tag| tag.version().is_some_and(|its| its.major() == 2));
            if let Some(first) = entrypoint.as_mut().and_then(|words| words.first_mut()).filter(|_| is_2) {
                // There is no `python3` in it.
                "python".clone_into(first);
            }
        } else if entrypoint.is_none() {
            // With an entry point, arguments of `cargo pyimage run` are the program's.
            entrypoint = cmd.take();
        }
        let mut env = recipe.env;
        if let Some(path) = program.path {
            let workdir = recipe.workdir.as_deref().unwrap_or("/usr/src/app");
            env.entry("PYTHONPATH".to_owned()).or_insert_with(|| format!("{workdir}/{path}"));
        }
        let mut section = Section::default();
        section.add(key, Setting::Text(base));
        section.add("requirements", Setting::Text(requirements.unwrap_or_default().to_owned()));
        section.add("source", Setting::Texts(program.source));
        section.add("entrypoint", Setting::Texts(entrypoint.unwrap_or_default()));
        section.add("cmd", Setting::Texts(cmd.unwrap_or_default()));
        section.add("env", Setting::Pairs(env));
        section.add(
            "workdir",
            Setting::Text(recipe.workdir.filter(|path| path.starts_with('/')).unwrap_or_default()),
        );
        section.add("user", Setting::Text(recipe.user.unwrap_or_else(|| USER.to_owned())));
        section.add("expose", Setting::Texts(recipe.expose));
        section.add("volumes", Setting::Texts(recipe.volumes));
        section.add("labels", Setting::Pairs(recipe.labels));
        section.add("stop-signal", Setting::Text(recipe.stop_signal.unwrap_or_default()));
        Ok(section)
    }

    /// What somebody's Dockerfile says; nothing where there is none.
    fn recipe(&self, shell: &Shell) -> Result<Recipe, InitError> {
        let Some(text) = self.read("Dockerfile")?.filter(|text| !is_ours(text)) else {
            return Ok(Recipe::default());
        };
        let recipe = Recipe::parse(&text);
        shell.status("Found", "Dockerfile");
        for line in &recipe.left {
            shell.warn(format_args!("the Dockerfile's `{line}` is not taken over: there is no key for it"));
        }
        Ok(recipe)
    }

    fn project(&self) -> Result<Option<ProjectFile>, InitError> {
        let Some(text) = self.read("pyproject.toml")? else { return Ok(None) };
        let parsed = toml::from_str(&text);
        parsed.map(Some).map_err(|source| InitError::Project {
            path: self.folder().join("pyproject.toml"),
            source: Box::new(source),
        })
    }

    fn requirements(&self, project: Option<&ProjectFile>) -> Option<&'static str> {
        if self.folder().join("requirements.txt").is_file() {
            return Some("requirements.txt");
        }
        let project = project?.project.as_ref()?;
        (!project.dependencies.is_empty()).then_some("pyproject.toml")
    }

    /// The key and the value of what the image is made on.
    fn base(
        &self,
        of_recipe: Option<&str>,
        here: &Utf8Path,
        shell: &Shell,
    ) -> Result<(&'static str, String), InitError> {
        if let Some(base) = of_recipe {
            match base.parse::<Reference>() {
                Ok(reference) if reference.is_official_python() && reference.digest().is_none() => {
                    let tag = reference.tag().unwrap_or("latest");
                    if tag.parse::<PythonTag>().is_ok() {
                        return Ok(("tag", tag.to_owned()));
                    }
                }
                // Any other has to have an official Python in it, which nobody knows here.
                _ => shell.warn(format_args!(
                    "the Dockerfile's `FROM {base}` is not taken over: it is no official Python"
                )),
            }
        }
        let home = std::env::home_dir();
        let constraints =
            constraints::above(self.folder().as_std_path(), here.as_std_path(), home.as_deref())?;
        if constraints.is_empty() {
            return Ok(("tag", PythonTag::default_slim().to_string()));
        }
        let choice = TagChoice::among(&constraints)?;
        shell.status("Using", format_args!("python:{} ({})", choice.tag, choice.reasons.join(", ")));
        Ok(("tag", choice.tag.to_string()))
    }

    fn read(&self, name: &str) -> Result<Option<String>, InitError> {
        let path = self.folder().join(name);
        match fs_err::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(InitError::Unreadable { path, source }),
        }
    }
}

fn put(path: &Utf8Path, text: &str) -> Result<(), InitError> {
    let unwritable = |source| InitError::Unwritable { path: path.to_owned(), source };
    // What a link leads to is replaced, and not the link.
    let place = path.canonicalize_utf8().unwrap_or_else(|_| path.to_owned());
    let mut file = tempfile::Builder::new()
        .prefix(".Cargo.toml-")
        .tempfile_in(place.parent().unwrap_or(Utf8Path::new(".")))
        .map_err(unwritable)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(unwritable)?;
    if let Ok(found) = fs_err::metadata(&place) {
        fs_err::set_permissions(file.path(), found.permissions()).map_err(unwritable)?;
    }
    file.persist(&place).map_err(|error| unwritable(error.error))?;
    Ok(())
}

//! Building wheels of sources, each once, in a container that has nothing but the sources.
//!
//! Sources are programs of strangers. They run in the build image with the network, which their build requirements come
//! by (PEP 517), and with a folder of their own; nothing of the host is mounted.

use std::path::Path;

use camino::Utf8Path;
use pyimage_build::{Libc, LockedVcs, Target};

use super::build_image::BuildImage;
use super::fetch::{Fetched, fetch};
use super::source::{self, Origin, Source};
use super::step::{self, StepError};
use super::{EnvironmentError, index_variables, package};
use crate::cache::{Cache, Work};
use crate::plan::{Program, Request};
use crate::shell::{Shell, Verbosity};

/// The cache's folder of built wheels, each in a folder of its key.
pub(super) const FOLDER: &str = "built";

/// Where the work is done in the container.
const PLACE: &str = "/opt/pyrun-build";

/// What is run there: it holds the Python against the target, has pip build, and writes the wheel as it would be anywhere.
const BUILD: &str = include_str!("build.py");

/// What building says where there is no compiler.
const NO_COMPILER: [&str; 10] = [
    "No such file or directory: 'gcc'",
    "command 'gcc' failed: No such file",
    "command 'cc' failed: No such file",
    "command 'g++' failed: No such file",
    "unable to execute 'gcc'",
    "gcc: not found",
    "cc: not found",
    "linker `cc` not found",
    "Unknown compiler(s)",
    "CMAKE_C_COMPILER not set",
];

/// Building packages for a target.
#[derive(Clone, Copy)]
pub(super) struct Builder<'a> {
    pub(super) request: &'a Request,
    pub(super) target: &'a Target,
    pub(super) image: &'a BuildImage,
    pub(super) cache: &'a Cache,
    pub(super) shell: &'a Shell,
    /// How people choose another tag.
    pub(super) words: Words,
}

/// For what packages are built, as far as advice depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    /// A script, which has options.
    Script,
    /// An image, which has keys in a manifest.
    Image,
}

impl Words {
    /// What chooses a tag.
    fn tag(self, tag: &str) -> String {
        match self {
            Self::Script => format!("`--tag {tag}`"),
            Self::Image => format!("`tag = \"{tag}\"`"),
        }
    }
}

impl Builder<'_> {
    /// The wheel of these sources, if it was built before. One for any platform may have been built on another.
    pub(super) fn built(&self, source: &Source) -> Result<Option<Fetched>, EnvironmentError> {
        let parent = self.cache.folder(FOLDER)?;
        Ok([&source.key, &source.pure_key].into_iter().find_map(|key| wheel_in(&parent.join(key))))
    }

    /// The wheel of these sources: the one that was built before, or a new one.
    pub(super) async fn wheel(&self, source: &Source) -> Result<Fetched, EnvironmentError> {
        let Self { cache, shell, .. } = *self;
        if let Some(wheel) = self.built(source)? {
            return Ok(wheel);
        }
        let wait = || {
            let message = format_args!("waiting for another process that builds {}", source.package);
            shell.status("Blocking", message);
        };
        // Of all platforms: the first may make one for all.
        let _held = cache.lock(&format!("{FOLDER}-{}", source.pure_key), wait).await?;
        if let Some(wheel) = self.built(source)? {
            return Ok(wheel);
        }
        self.build(source).await?;
        self.built(source)?.ok_or_else(|| EnvironmentError::NoBuiltWheel { package: source.package.clone() })
    }

    async fn build(&self, source: &Source) -> Result<(), EnvironmentError> {
        let Self { request, target, image, cache, shell, .. } = *self;
        if request.offline {
            return Err(EnvironmentError::Offline { missing: vec![source.package.clone()] });
        }
        self.warn_of(source);
        let unwritten = |source| EnvironmentError::Cache(cache.write_error(source));
        let parent = cache.folder(FOLDER)?;
        let work = Work::begin(&parent).map_err(unwritten)?;
        let place = work.join("build");
        fs_err::create_dir(&place).map_err(unwritten)?;
        let from = self.bring(source, &place).await?;

        shell.status("Building", &source.package);
        let (python, libc) = (target.python(), target.libc());
        let name = if libc.libc == Libc::Musl { "musl" } else { "glibc" };
        let build = Request {
            image: image.name.clone(),
            tag: image.tag.clone(),
            program: Some(Program::Code(BUILD.to_owned())),
            arguments: vec![
                format!("{}.{}", python.major(), python.minor().unwrap_or_default()),
                name.to_owned(),
                format!("{}.{}", libc.major, libc.minor),
                from,
            ]
            .into_iter()
            // Without it, pip keeps what is said until the end.
            .chain(self.is_verbose().then(|| "-v".to_owned()))
            .collect(),
            folder: place.clone().into_std_path_buf(),
            mount: PLACE.to_owned(),
            env: Self::variables(),
            ..step::in_image(request)
        };
        if let Err(error) = step::run(build, cache, shell).await {
            return Err(match fs_err::read_to_string(place.join("misfit")) {
                Ok(found) => EnvironmentError::BuildImage {
                    image: image.name.clone(),
                    found,
                    run_image: request.image.clone(),
                    target: format!(
                        "Python {}.{} with {libc}",
                        python.major(),
                        python.minor().unwrap_or_default()
                    ),
                },
                Err(_) => self.explain(source, error),
            });
        }
        let made = place.join("wheel");
        let is_pure = wheel_in(&made).is_some_and(|wheel| wheel.file_name.ends_with("-none-any.whl"));
        let folder = parent.join(if is_pure { &source.pure_key } else { &source.key });
        package::put(&made, &folder, || wheel_in(&folder).is_some()).map_err(unwritten)
    }

    /// Puts the sources where they are built, and gives what pip calls them there.
    async fn bring(&self, source: &Source, place: &Utf8Path) -> Result<String, EnvironmentError> {
        let unwritten = |error| EnvironmentError::Cache(self.cache.write_error(error));
        let named = |name: &str, subdirectory: &Option<String>| match subdirectory {
            Some(subdirectory) => format!("file://{PLACE}/{name}#subdirectory={subdirectory}"),
            None => format!("{PLACE}/{name}"),
        };
        match &source.origin {
            Origin::File { file, subdirectory } => {
                let fetched = fetch(self.request, std::slice::from_ref(file), self.cache, self.shell).await?;
                for Fetched { path, file_name } in &fetched {
                    fs_err::copy(path, place.join(file_name)).map_err(unwritten)?;
                }
                Ok(named(&file.file_name, subdirectory))
            }
            Origin::Folder { path, subdirectory } => {
                let inner =
                    subdirectory.iter().fold(format!("{PLACE}/source"), |at, below| format!("{at}/{below}"));
                copy_folder(path, place.join("source").as_std_path()).map_err(unwritten)?;
                Ok(inner)
            }
            Origin::Repository(vcs) => address(vcs)
                .ok_or_else(|| EnvironmentError::LocalRepository { package: source.package.clone() }),
        }
    }

    fn is_verbose(&self) -> bool {
        self.shell.verbosity() == Verbosity::Verbose
    }

    fn variables() -> index_variables::Variables {
        let mut variables = index_variables::of_host();
        let own = [
            ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
            ("PIP_NO_INPUT", "1"),
            ("PIP_ROOT_USER_ACTION", "ignore"),
            // The first day that a zip archive can name: a wheel does not tell when it was built.
            ("SOURCE_DATE_EPOCH", "315532800"),
            // Nor in which order a set happened to be.
            ("PYTHONHASHSEED", "0"),
        ];
        variables.extend(own.map(|(name, value)| (name.to_owned(), Some(value.to_owned()))));
        variables
    }

    /// Says before it takes its time where another image would have a wheel.
    fn warn_of(&self, source: &Source) {
        let Self { request, target, shell, .. } = *self;
        if source.is_for_glibc(target) {
            let (package, image) = (&source.package, &request.image);
            shell.warn(format_args!(
                "`{package}` has wheels for glibc only, and `{image}` has musl: it is built"
            ));
            shell.help(format_args!("{} takes the wheel", self.words.tag(&slim(target))));
        } else if let Some(offer) = &source.offer {
            shell.verbose(|shell| {
                shell.note(format_args!("`{}` is built for {target}: {offer}", source.package));
            });
        }
    }

    fn explain(&self, source: &Source, error: StepError) -> EnvironmentError {
        let Self { target, image, words, .. } = *self;
        let no_compiler = NO_COMPILER.iter().any(|words| error.says().contains(words));
        let better = match no_compiler {
            true if source.is_for_glibc(target) => {
                Some(format!("{} takes a wheel of it", words.tag(&slim(target))))
            }
            true if target.libc().libc == Libc::Musl => {
                Some(format!("{} can build it: its full image has a compiler", words.tag(&slim(target))))
            }
            // Compilers are the least of what a full image has more.
            _ if words == Words::Script && image.lacks_compilers() && target.libc().libc == Libc::Glibc => {
                let full = image.tag.as_ref().map(pyimage_build::PythonTag::with_variant_full);
                full.map(|full| format!("`--build-tag {full}` has compilers and libraries to build with"))
            }
            _ if words == Words::Script && no_compiler => {
                Some("choose an image with one with `--build-tag`".to_owned())
            }
            _ => (!self.is_verbose()).then(|| "`-v` shows all that is said".to_owned()),
        };
        let (package, image) = (source.package.clone(), image.name.clone());
        EnvironmentError::Build { package, image, no_compiler, better, source: error }
    }
}

/// The slim tag of the target's Python.
fn slim(target: &Target) -> String {
    let python = target.python();
    format!("{}.{}-slim", python.major(), python.minor().unwrap_or_default())
}

/// What pip calls a commit of a repository.
fn address(vcs: &LockedVcs) -> Option<String> {
    let fragment =
        vcs.subdirectory.as_ref().map(|below| format!("#subdirectory={below}")).unwrap_or_default();
    Some(format!("{}+{}@{}{fragment}", vcs.kind, vcs.url.as_ref()?, vcs.commit_id))
}

fn wheel_in(folder: &Utf8Path) -> Option<Fetched> {
    let entries = folder.read_dir_utf8().ok()?;
    let mut wheels = entries.flatten().filter(|entry| entry.path().extension() == Some("whl"));
    let wheel = wheels.next()?;
    Some(Fetched { path: wheel.path().to_owned(), file_name: wheel.file_name().to_owned() })
}

/// Copies what is source in a folder.
fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    for path in source::files(from)? {
        let target = to.join(&path);
        fs_err::create_dir_all(target.parent().unwrap_or(to))?;
        fs_err::copy(from.join(&path), &target)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_called_as_pip_calls_it() {
        let mut vcs = LockedVcs {
            kind: "git".to_owned(),
            url: Some("https://example.org/x.git".to_owned()),
            path: None,
            requested_revision: Some("main".to_owned()),
            commit_id: "abc".to_owned(),
            subdirectory: None,
        };
        assert_eq!(address(&vcs).as_deref(), Some("git+https://example.org/x.git@abc"));
        vcs.subdirectory = Some("sub".to_owned());
        assert_eq!(address(&vcs).as_deref(), Some("git+https://example.org/x.git@abc#subdirectory=sub"));
        vcs.url = None;
        assert_eq!(address(&vcs), None);
    }
}

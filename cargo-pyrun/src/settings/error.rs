//! What can be wrong with settings, and what to do about it.

use std::fmt;
use std::io;

use camino::Utf8PathBuf;

/// Where a setting stands: a key of a manifest, or a variable of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The full key, as in `package.metadata.pyrun.tag`, or the variable.
    pub key: String,
    /// The manifest; none for the environment.
    pub manifest: Option<Utf8PathBuf>,
}

impl Place {
    /// An entry of the list at this place.
    pub(super) fn entry(mut self, index: usize) -> Self {
        self.key = format!("{}[{index}]", self.key);
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.manifest {
            Some(manifest) => write!(f, "`{}` in `{manifest}`", self.key),
            None => write!(f, "`{}` in the environment", self.key),
        }
    }
}

/// What `cargo metadata` said when it failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CargoFailure(pub(super) String);

/// Why settings were refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A key that means nothing.
    #[error("unknown key {place}")]
    UnknownKey {
        /// The key.
        place: Place,
        /// The valid key that looks most like it.
        nearest: Option<&'static str>,
        /// All keys that are valid there.
        valid: Vec<&'static str>,
    },
    /// A value of another type.
    #[error("expected {expected} for {place}, found {found}")]
    WrongType {
        /// The key.
        place: Place,
        /// The type it has to have.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// An image was chosen twice at one level.
    #[error("both `tag` and `image` are set: {tag} and {image}")]
    TagAndImage {
        /// The tag's key.
        tag: Place,
        /// The image's key.
        image: Place,
    },
    /// A named script runs nothing, or several things.
    #[error("expected one of `script`, `module` and `code` for {place}, found {found}")]
    Program {
        /// The named script.
        place: Place,
        /// Those of the three that are there.
        found: String,
    },
    /// A name that cannot be typed on the command line.
    #[error("no script can be called by the name of {place}")]
    ScriptName {
        /// The named script.
        place: Place,
    },
    /// The manifest asked for is not there.
    #[error("manifest path `{path}` does not exist")]
    NoSuchManifest {
        /// The path asked for.
        path: Utf8PathBuf,
    },
    /// The manifest asked for cannot be read.
    #[error("failed to read `{path}`")]
    UnreadableManifest {
        /// The path asked for.
        path: Utf8PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A package was asked for outside a Cargo project.
    #[error("could not find `Cargo.toml` in `{folder}` or any parent directory")]
    NoManifest {
        /// Where the search began.
        folder: Utf8PathBuf,
    },
    /// The package asked for is not in the workspace.
    #[error("no package `{package}` in the workspace `{workspace}`")]
    NoSuchPackage {
        /// The name asked for.
        package: String,
        /// The workspace's folder.
        workspace: Utf8PathBuf,
        /// The package whose name looks most like it.
        nearest: Option<String>,
    },
    /// Cargo could not be started.
    #[error("could not start `cargo metadata` for `{manifest}`")]
    NoCargo {
        /// The manifest.
        manifest: Utf8PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Cargo could not make sense of a manifest.
    #[error("`cargo metadata` failed for `{manifest}`")]
    Cargo {
        /// The manifest.
        manifest: Utf8PathBuf,
        /// What Cargo said.
        source: CargoFailure,
    },
}

impl SettingsError {
    /// What to do about it, a line for each way.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        let help = match self {
            Self::UnknownKey { nearest: Some(nearest), .. } => format!("did you mean `{nearest}`?"),
            Self::UnknownKey { valid, .. } => format!("the keys are `{}`", valid.join("`, `")),
            // `tag = 3.10` is the float 3.1, so the number itself must not be suggested.
            Self::WrongType { place, .. } if place.key.rsplit('.').next() == Some("tag") => {
                "put the tag in quotes, as in `tag = \"3.13-slim\"`".to_owned()
            }
            Self::TagAndImage { .. } => {
                "keep `tag` for an official python image, or `image` for any other".to_owned()
            }
            Self::ScriptName { .. } => "give it a name that does not start with `-`".to_owned(),
            Self::NoSuchPackage { nearest: Some(nearest), .. } => format!("did you mean `{nearest}`?"),
            Self::NoCargo { .. } => {
                "settings in `Cargo.toml` are read with Cargo: put it on `PATH`, or its path in `CARGO`"
                    .to_owned()
            }
            _ => return Vec::new(),
        };
        vec![help]
    }
}

/// The candidate most like `word`, where one is like it at all.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    pyimage_build::nearest(word, candidates).into_iter().next()
}

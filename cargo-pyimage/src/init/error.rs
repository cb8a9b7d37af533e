//! Why no section was written.

use camino::Utf8PathBuf;
use pyimage_build::TagChoiceError;
use pyrun::constraints::ConstraintError;
use pyrun::settings::SettingsError;

/// Why no section was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// No manifest is around.
    #[error("could not find `Cargo.toml` in `{folder}` or any parent directory")]
    NoManifest {
        /// Where the search began.
        folder: Utf8PathBuf,
    },
    /// A manifest cannot be read, or Cargo makes no sense of it.
    #[error(transparent)]
    Cargo(#[from] SettingsError),
    /// The workspace has no package.
    #[error("the workspace in `{root}` has no package")]
    NoPackage {
        /// The workspace's folder.
        root: Utf8PathBuf,
    },
    /// The workspace has several.
    #[error("there is more than one package: {}", packages.join(", "))]
    WhichPackage {
        /// Their names.
        packages: Vec<String>,
    },
    /// There is no package of this name.
    #[error("there is no package `{name}` in the workspace")]
    NoSuchPackage {
        /// The name.
        name: String,
        /// The packages that there are.
        known: Vec<String>,
    },
    /// There is a section.
    #[error("`{manifest}` has a `[package.metadata.pyimage]` already")]
    Section {
        /// The manifest.
        manifest: Utf8PathBuf,
    },
    /// The manifest cannot be changed.
    #[error("could not read `{path}`")]
    Manifest {
        /// The manifest.
        path: Utf8PathBuf,
        /// Why.
        source: Box<toml_edit::TomlError>,
    },
    /// A file is there and cannot be read.
    #[error("could not read `{path}`")]
    Unreadable {
        /// The file.
        path: Utf8PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A `pyproject.toml` is malformed.
    #[error("could not read `{path}`")]
    Project {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        source: Box<toml::de::Error>,
    },
    /// It cannot be told which Python is asked for.
    #[error(transparent)]
    Constraint(#[from] ConstraintError),
    /// No Python is what all ask for.
    #[error(transparent)]
    Choice(#[from] TagChoiceError),
    /// The manifest cannot be written.
    #[error("could not write `{path}`")]
    Unwritable {
        /// The manifest.
        path: Utf8PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl InitError {
    /// What to do about it, a line for each way.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::NoManifest { .. } => vec![
                "go to a Cargo project, or name one with `--manifest-path`".to_owned(),
                "`cargo init --lib` makes one".to_owned(),
            ],
            Self::Cargo(error) => error.helps(),
            Self::NoPackage { .. } => vec!["`cargo new NAME` makes one".to_owned()],
            Self::WhichPackage { .. } => {
                vec!["name the one that the image is of: `--package PACKAGE`".to_owned()]
            }
            Self::NoSuchPackage { known, .. } => vec![format!("there are `{}`", known.join("`, `"))],
            Self::Section { .. } => vec![
                "`cargo pyimage build` builds the image that it asks for".to_owned(),
                "`--force` writes it anew".to_owned(),
            ],
            Self::Constraint(error) => error.helps(),
            Self::Choice(_) => vec!["change one of them".to_owned()],
            _ => Vec::new(),
        }
    }
}

//! Which image: the one that is named, or one with a Python that all who ask for one agree on.

use std::env;
use std::path::Path;

use pyimage_build::{Constraint, PythonTag, Reference, TagChoice};

use super::RequestError;
use crate::constraints;
use crate::settings::{NamedScript, Project, Settings};
use crate::shell::Shell;

/// What a user should hear of the image before it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The image was chosen, for these reasons; none for the default.
    Chosen {
        /// The image.
        image: String,
        /// Whose wishes led to it.
        reasons: Vec<String>,
    },
    /// The image was named, and the script asks for another Python.
    Contradiction {
        /// Where the image was named.
        named: String,
        /// The script's wish.
        wish: String,
    },
    /// The script has a block of metadata that never ends, and is ignored.
    Unclosed {
        /// The file and the line where it begins.
        place: String,
    },
}

impl Notice {
    /// Tells it, on stderr.
    pub fn tell(&self, shell: &Shell) {
        match self {
            Self::Chosen { image, reasons } if reasons.is_empty() => shell.status("Using", image),
            Self::Chosen { image, reasons } => {
                shell.status("Using", format_args!("{image} ({})", reasons.join(", ")));
            }
            Self::Contradiction { named, wish } => {
                shell.warn(format_args!("`{named}` contradicts {wish}"));
            }
            Self::Unclosed { place } => {
                shell.warn(format_args!(
                    "the `# /// script` block at {place} is ignored: it has no closing line `# ///`"
                ));
            }
        }
    }
}

/// An image as the engine is asked for it.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) name: String,
    /// The official tag, where it is one.
    pub(super) tag: Option<PythonTag>,
    pub(super) notices: Vec<Notice>,
}

/// Where an image may be named, or a wish for one be found.
pub(super) struct Wishes<'a> {
    /// The command line's settings, and under them those of the environment.
    pub(super) flags: &'a Settings,
    pub(super) environment: &'a Settings,
    /// The named script that runs, if one does.
    pub(super) named: Option<(&'a str, &'a NamedScript)>,
    pub(super) project: &'a Project,
    /// The script's file, where a file runs.
    pub(super) script: Option<&'a Path>,
    /// The folder that is mounted.
    pub(super) folder: &'a Path,
}

impl Wishes<'_> {
    /// The image to take.
    pub(super) fn image(&self) -> Result<Image, RequestError> {
        for (level, tag, image) in
            [(self.flags, "--tag ", "--image "), (self.environment, "PYRUN_TAG=", "PYRUN_IMAGE=")]
        {
            let (found, named) = match (&level.tag, &level.image) {
                (Some(text), _) => (official(text)?, format!("{tag}{text}")),
                (None, Some(text)) => (reference(text)?, format!("{image}{text}")),
                (None, None) => continue,
            };
            return Ok(Image { notices: self.told_of_named(found.tag.as_ref(), named), ..found });
        }
        let metadata = match self.metadata() {
            Some((level, source)) => match (&level.tag, &level.image) {
                (_, Some(image)) => return reference(image),
                (Some(tag), None) => {
                    let tag = parse(tag)?;
                    Some(Constraint::new(format!("tag `{tag}` in {source}"), tag))
                }
                (None, None) => None,
            },
            None => None,
        };
        let by_metadata = metadata.is_some();
        let (constraints, unclosed) = self.constraints()?;
        let constraints: Vec<_> = constraints.into_iter().chain(metadata).collect();
        let TagChoice { tag, reasons } = TagChoice::among(&constraints)?;
        let name = Reference::python(&tag).familiar();
        // Who wrote the tag down knows it.
        let chosen = (!by_metadata).then(|| Notice::Chosen { image: name.clone(), reasons });
        Ok(Image { name, tag: Some(tag), notices: chosen.into_iter().chain(unclosed).collect() })
    }

    /// The level of the manifests' settings that names an image, and how to speak of it.
    fn metadata(&self) -> Option<(&Settings, String)> {
        let script =
            self.named.map(|(name, script)| (&script.settings, format!("the settings of script `{name}`")));
        let package =
            self.project.package.as_ref().map(|level| (level, "`package.metadata.pyrun`".to_owned()));
        let workspace =
            self.project.workspace.as_ref().map(|level| (level, "`workspace.metadata.pyrun`".to_owned()));
        let levels = [script, package, workspace].into_iter().flatten();
        levels.into_iter().find(|(level, _)| level.tag.is_some() || level.image.is_some())
    }

    /// What asks for a Python without naming an image, and what is to be told of the script.
    fn constraints(&self) -> Result<(Vec<Constraint>, Option<Notice>), RequestError> {
        let own = self.script.map(|script| constraints::of_script(script, self.folder)).transpose()?;
        let own = own.unwrap_or_default();
        let start = self.script.and_then(Path::parent).unwrap_or(self.folder);
        let home = env::home_dir().and_then(|home| home.canonicalize().ok());
        let above = constraints::above(start, self.folder, home.as_deref())?;
        let unclosed = own.unclosed.map(|place| Notice::Unclosed { place });
        Ok((own.wish.into_iter().chain(above).collect(), unclosed))
    }

    /// What is to be told of an image that was named, such as that the script asks for another Python than the tag's.
    /// Metadata that cannot be read is no reason to refuse a run for which it is not needed.
    fn told_of_named(&self, tag: Option<&PythonTag>, named: String) -> Vec<Notice> {
        let own = self.script.and_then(|script| constraints::of_script(script, self.folder).ok());
        let own = own.unwrap_or_default();
        let contradicting = own.wish.filter(|wish| tag.is_some_and(|tag| !wish.allows(tag)));
        let contradiction = contradicting.map(|wish| Notice::Contradiction { named, wish: wish.source });
        let unclosed = own.unclosed.map(|place| Notice::Unclosed { place });
        contradiction.into_iter().chain(unclosed).collect()
    }
}

fn parse(tag: &str) -> Result<PythonTag, RequestError> {
    tag.parse().map_err(|source| RequestError::Tag { tag: tag.to_owned(), source })
}

/// The official image with this tag.
fn official(tag: &str) -> Result<Image, RequestError> {
    let tag = parse(tag)?;
    Ok(Image { name: Reference::python(&tag).familiar(), tag: Some(tag), notices: Vec::new() })
}

/// Any image.
fn reference(image: &str) -> Result<Image, RequestError> {
    let reference: Reference =
        image.parse().map_err(|source| RequestError::Image { image: image.to_owned(), source })?;
    let official = reference.is_official_python() && reference.digest().is_none();
    let tag = reference.tag().filter(|_| official).and_then(|tag| tag.parse().ok());
    Ok(Image { name: reference.familiar(), tag, notices: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::Verbosity;

    fn settings(tag: Option<&str>, image: Option<&str>) -> Settings {
        Settings { tag: tag.map(str::to_owned), image: image.map(str::to_owned), ..Settings::default() }
    }

    /// A folder with a script `gen.py` that requires `>=3.12`, and what is chosen there.
    fn chosen(
        flags: &Settings,
        environment: &Settings,
        package: &Settings,
        version: &str,
    ) -> Result<Image, RequestError> {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("gen.py");
        fs_err::write(&script, "# /// script\n# requires-python = '>=3.12'\n# ///\n").unwrap();
        fs_err::write(folder.path().join(".python-version"), version).unwrap();
        fs_err::write(folder.path().join("pyproject.toml"), "").unwrap();
        let project = Project { package: Some(package.clone()), ..Project::default() };
        Wishes {
            flags,
            environment,
            named: None,
            project: &project,
            script: Some(&script),
            folder: folder.path(),
        }
        .image()
    }

    fn told(notices: &[Notice]) -> String {
        let (shell, capture) = Shell::capture(Verbosity::Normal);
        for notice in notices {
            notice.tell(&shell);
        }
        capture.stderr()
    }

    #[test]
    fn all_that_ask_are_heard_where_nobody_names_an_image() {
        let none = Settings::default();
        let image = chosen(&none, &none, &none, "3.13").unwrap();
        assert_eq!(image.name, "python:3.13-slim");
        assert_eq!(
            told(&image.notices),
            "       Using python:3.13-slim (requires-python `>=3.12` of gen.py, `3.13` in .python-version)\n"
        );
        let error = chosen(&none, &none, &none, "3.11").unwrap_err();
        assert_eq!(
            error.to_string(),
            "requires-python `>=3.12` of gen.py and `3.11` in .python-version contradict each other"
        );
        assert_eq!(error.exit_code(), 125);
    }

    #[test]
    fn what_is_named_is_taken() {
        let none = Settings::default();
        let image = chosen(&settings(Some("3.11-slim"), None), &none, &none, "pypy").unwrap();
        assert_eq!(image.name, "python:3.11-slim");
        assert_eq!(
            told(&image.notices),
            "warning: `--tag 3.11-slim` contradicts requires-python `>=3.12` of gen.py\n"
        );
        let image = chosen(&none, &settings(None, Some("python:3.11")), &none, "pypy").unwrap();
        assert_eq!(
            told(&image.notices),
            "warning: `PYRUN_IMAGE=python:3.11` contradicts requires-python `>=3.12` of gen.py\n"
        );
        let image =
            chosen(&settings(None, Some("me/app")), &none, &settings(Some("x"), None), "pypy").unwrap();
        assert_eq!((image.name.as_str(), image.notices.as_slice()), ("me/app:latest", &[][..]));
        let image = chosen(&none, &none, &settings(None, Some("me/app")), "pypy").unwrap();
        assert_eq!((image.name.as_str(), image.notices.as_slice()), ("me/app:latest", &[][..]));
    }

    #[test]
    fn a_tag_of_a_manifest_has_to_agree() {
        let none = Settings::default();
        let image = chosen(&none, &none, &settings(Some("3.13-alpine"), None), "3.13").unwrap();
        assert_eq!((image.name.as_str(), image.notices.as_slice()), ("python:3.13-alpine", &[][..]));
        let error = chosen(&none, &none, &settings(Some("3.11-slim"), None), "3.13").unwrap_err();
        assert_eq!(
            error.to_string(),
            "requires-python `>=3.12` of gen.py and tag `3.11-slim` in `package.metadata.pyrun` contradict each other"
        );
    }

    #[test]
    fn the_default_has_no_reason() {
        let (shell, capture) = Shell::capture(Verbosity::Normal);
        Notice::Chosen { image: "python:3.15-slim".to_owned(), reasons: Vec::new() }.tell(&shell);
        assert_eq!(capture.stderr(), "       Using python:3.15-slim\n");
    }
}

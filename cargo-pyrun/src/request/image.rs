//! Which image: the one that is named, or one with a Python that all who ask for one agree on.

use std::env;
use std::path::Path;

use pyimage_build::{Constraint, PythonTag, Reference, TagChoice};

use super::RequestError;
use crate::constraints::{self, Slip, Source};
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
    /// A key of the script's metadata is probably misspelt.
    Slip(Slip),
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
            Self::Slip(Slip { file, key, meant }) => {
                shell.warn(format_args!("`{key}` in the metadata of {file} has no effect"));
                shell.help(format_args!("did you mean `{meant}`?"));
            }
        }
    }
}

/// Where an image was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// On the command line.
    Flag,
    /// In the code that calls this library.
    Code,
    /// In the environment.
    Environment,
    /// In this table of a manifest.
    Manifest(&'static str),
    /// In the table of a named script.
    Script(String),
}

impl Named {
    /// How a tag is set there.
    #[must_use]
    pub fn tag(&self, tag: &str) -> String {
        match self {
            Self::Flag => format!("--tag {tag}"),
            Self::Code => format!(".tag(\"{tag}\")"),
            Self::Environment => format!("PYRUN_TAG={tag}"),
            Self::Manifest(_) | Self::Script(_) => format!("tag = \"{tag}\""),
        }
    }

    /// How an image is set there.
    #[must_use]
    pub fn image(&self, image: &str) -> String {
        match self {
            Self::Flag => format!("--image {image}"),
            Self::Code => format!(".image(\"{image}\")"),
            Self::Environment => format!("PYRUN_IMAGE={image}"),
            Self::Manifest(_) | Self::Script(_) => format!("image = \"{image}\""),
        }
    }

    /// The place, as messages name it.
    fn place(&self) -> String {
        match self {
            Self::Flag => "the command line".to_owned(),
            Self::Code => "the code".to_owned(),
            Self::Environment => "the environment".to_owned(),
            Self::Manifest(table) => format!("`{table}`"),
            Self::Script(name) => format!("the settings of script `{name}`"),
        }
    }

    /// A value and where it stands, as the value of `key`; on the command line it is before everybody's eyes.
    pub(super) fn told(&self, key: &str, value: &str) -> String {
        match self {
            Self::Flag | Self::Code => format!("`{value}`"),
            Self::Environment => format!("`{value}` (`PYRUN_{}`)", key.to_uppercase()),
            Self::Manifest(table) => format!("`{value}` (`{table}.{key}` in Cargo.toml)"),
            Self::Script(name) => format!("`{value}` (`{key}` of script `{name}` in Cargo.toml)"),
        }
    }
}

/// An image as the engine is asked for it.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) name: String,
    /// The official tag, where it is one.
    pub(crate) tag: Option<PythonTag>,
    pub(crate) notices: Vec<Notice>,
    /// What asks for a Python, without what the tag contradicts.
    pub(crate) wishes: Vec<Constraint>,
    /// Whether the wishes chose the tag.
    pub(crate) chosen: bool,
}

/// Where an image may be named, or a wish for one be found.
pub(crate) struct Wishes<'a> {
    /// The command line's settings, or the code's, and under them those of the environment.
    pub(crate) flags: &'a Settings,
    /// Which of both.
    pub(crate) by: Named,
    pub(crate) environment: &'a Settings,
    /// The named script that runs, if one does.
    pub(crate) named: Option<(&'a str, &'a NamedScript)>,
    pub(crate) project: &'a Project,
    /// The script, where there is one.
    pub(crate) script: Source<'a>,
    /// The folder that paths are told from.
    pub(crate) folder: &'a Path,
    /// Where the search upwards for files that ask for a Python begins; `None` where they are none of the script's.
    pub(crate) start: Option<&'a Path>,
}

impl Wishes<'_> {
    /// The image to take.
    pub(crate) fn image(&self) -> Result<Image, RequestError> {
        let mut image = self.chosen()?;
        let slips = constraints::of_script(self.script, self.folder)?.slips;
        image.notices.extend(slips.into_iter().map(Notice::Slip));
        Ok(image)
    }

    fn chosen(&self) -> Result<Image, RequestError> {
        for (level, by) in [(self.flags, self.by.clone()), (self.environment, Named::Environment)] {
            let (found, named) = match (&level.tag, &level.image) {
                (Some(text), _) => (official(text, &by)?, by.tag(text)),
                (None, Some(text)) => (reference(text, &by)?, by.image(text)),
                (None, None) => continue,
            };
            let (wish, notices) = self.of_named(found.tag.as_ref(), named)?;
            return Ok(Image { notices, wishes: wish.into_iter().collect(), ..found });
        }
        let metadata = match self.metadata() {
            Some((level, by)) => match (&level.tag, &level.image) {
                (_, Some(image)) => return reference(image, &by),
                (Some(tag), None) => {
                    let tag = parse(tag, &by)?;
                    Some(Constraint::new(format!("tag `{tag}` in {}", by.place()), tag))
                }
                (None, None) => None,
            },
            None => None,
        };
        let by_metadata = metadata.is_some();
        let constraints: Vec<_> = self.constraints()?.into_iter().chain(metadata).collect();
        let TagChoice { tag, reasons } = TagChoice::among(&constraints)?;
        let name = Reference::python(&tag).familiar();
        // Who wrote the tag down knows it.
        let chosen = (!by_metadata).then(|| Notice::Chosen { image: name.clone(), reasons });
        let notices = chosen.into_iter().collect();
        Ok(Image { name, tag: Some(tag), notices, wishes: constraints, chosen: true })
    }

    /// The level of the manifests' settings that names an image, and where it stands.
    fn metadata(&self) -> Option<(&Settings, Named)> {
        let script = self.named.map(|(name, script)| (&script.settings, Named::Script(name.to_owned())));
        let (package, workspace) = (&self.project.package, &self.project.workspace);
        let package = package.as_ref().map(|level| (level, Named::Manifest("package.metadata.pyrun")));
        let workspace = workspace.as_ref().map(|level| (level, Named::Manifest("workspace.metadata.pyrun")));
        let levels = [script, package, workspace].into_iter().flatten();
        levels.into_iter().find(|(level, _)| level.tag.is_some() || level.image.is_some())
    }

    /// What asks for a Python without naming an image.
    fn constraints(&self) -> Result<Vec<Constraint>, RequestError> {
        let own = constraints::of_script(self.script, self.folder)?;
        let Some(start) = self.start else { return Ok(own.wish.into_iter().collect()) };
        let home = env::home_dir().and_then(|home| home.canonicalize().ok());
        let above = constraints::above(start, self.folder, home.as_deref())?;
        Ok(own.wish.into_iter().chain(above).collect())
    }

    /// What the script asks for of an image that was named, unless the tag contradicts it, and what is to be told.
    fn of_named(
        &self,
        tag: Option<&PythonTag>,
        named: String,
    ) -> Result<(Option<Constraint>, Vec<Notice>), RequestError> {
        let own = constraints::of_script(self.script, self.folder)?;
        Ok(match own.wish {
            Some(wish) if tag.is_some_and(|tag| !wish.allows(tag)) => {
                (None, vec![Notice::Contradiction { named, wish: wish.source }])
            }
            wish => (wish, Vec::new()),
        })
    }
}

fn parse(tag: &str, by: &Named) -> Result<PythonTag, RequestError> {
    tag.parse().map_err(|source| RequestError::Tag { tag: tag.to_owned(), named: by.clone(), source })
}

/// The official image with this tag.
fn official(tag: &str, by: &Named) -> Result<Image, RequestError> {
    let tag = parse(tag, by)?;
    let name = Reference::python(&tag).familiar();
    Ok(Image { name, tag: Some(tag), notices: Vec::new(), wishes: Vec::new(), chosen: false })
}

/// Any image.
fn reference(image: &str, by: &Named) -> Result<Image, RequestError> {
    let reference: Reference = image.parse().map_err(|source| RequestError::Image {
        image: image.to_owned(),
        named: by.clone(),
        source,
    })?;
    let official = reference.is_official_python() && reference.digest().is_none();
    let tag = reference.tag().filter(|_| official).and_then(|tag| tag.parse().ok());
    let name = reference.familiar();
    Ok(Image { name, tag, notices: Vec::new(), wishes: Vec::new(), chosen: false })
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
            by: Named::Flag,
            environment,
            named: None,
            project: &project,
            script: Source::File(&script),
            folder: folder.path(),
            start: Some(folder.path()),
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
    fn what_is_malformed_is_told_where_it_stands() {
        let none = Settings::default();
        let refused = |flags: &Settings, environment: &Settings, package: &Settings| {
            let error = chosen(flags, environment, package, "3.13").unwrap_err();
            [vec![error.to_string()], error.helps()].concat().join("; ")
        };
        let tag = settings(Some("3.14-slmi"), None);
        assert_eq!(
            refused(&tag, &none, &none),
            "`3.14-slmi` is no tag of the official Python image; did you mean `--tag 3.14-slim`?"
        );
        assert_eq!(
            refused(&none, &tag, &none),
            "`3.14-slmi` (`PYRUN_TAG`) is no tag of the official Python image; \
             did you mean `PYRUN_TAG=3.14-slim`?"
        );
        assert_eq!(
            refused(&none, &none, &tag),
            "`3.14-slmi` (`package.metadata.pyrun.tag` in Cargo.toml) is no tag of the official Python image; \
             did you mean `tag = \"3.14-slim\"`?"
        );
        let other = refused(&none, &none, &settings(Some("me/app"), None));
        assert!(other.ends_with("for another image: `image = \"me/app\"`"), "{other}");
        let image = settings(None, Some("Me/App"));
        assert_eq!(refused(&none, &image, &none), "`Me/App` (`PYRUN_IMAGE`) is no image reference");
    }

    #[test]
    fn the_default_has_no_reason() {
        let (shell, capture) = Shell::capture(Verbosity::Normal);
        Notice::Chosen { image: "python:3.15-slim".to_owned(), reasons: Vec::new() }.tell(&shell);
        assert_eq!(capture.stderr(), "       Using python:3.15-slim\n");
    }
}

//! Where what is built goes: `--output`.

use std::convert::Infallible;
use std::str::FromStr;

use camino::{Utf8Path, Utf8PathBuf};

use crate::save::SaveFormat;

/// Where what is built goes.
///
/// ```
/// use pyimage::output::Output;
/// use pyimage::save::SaveFormat;
///
/// let output: Output = "dist/app.tar".parse().unwrap();
/// assert_eq!(output, Output::Archive { format: SaveFormat::Oci, file: Some("dist/app.tar".into()) });
/// assert_eq!("engine".parse(), Ok(Output::Engine));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A folder with an OCI layout; without a path, the one below `target/pyimage`.
    Folder(Option<Utf8PathBuf>),
    /// An archive; without a path, one below `target/pyimage`.
    Archive {
        /// What is in it.
        format: SaveFormat,
        /// The file.
        file: Option<Utf8PathBuf>,
    },
    /// The engine.
    Engine,
    /// The image's registry.
    Registry,
}

impl FromStr for Output {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let archive =
            |format, file: Option<&str>| Self::Archive { format, file: file.map(Utf8PathBuf::from) };
        Ok(match text {
            "engine" => Self::Engine,
            "registry" => Self::Registry,
            "dir" => Self::Folder(None),
            "oci.tar" => archive(SaveFormat::Oci, None),
            "docker.tar" => archive(SaveFormat::Docker, None),
            _ => match text.split_once(':') {
                Some(("dir", path)) => Self::Folder(Some(path.into())),
                Some(("oci", path)) => archive(SaveFormat::Oci, Some(path)),
                Some(("docker", path)) => archive(SaveFormat::Docker, Some(path)),
                _ if is_archive(text) => archive(SaveFormat::Oci, Some(text)),
                _ => Self::Folder(Some(text.into())),
            },
        })
    }
}

impl Output {
    /// Whether it is one file or folder with a path of its own, and an archive has room for one image.
    #[must_use]
    pub fn is_for_one(&self) -> bool {
        matches!(self, Self::Archive { file: Some(_), .. })
    }

    /// The archive's file, for an image of this title.
    #[must_use]
    pub fn file(format: SaveFormat, file: Option<&Utf8Path>, folder: &Utf8Path, title: &str) -> Utf8PathBuf {
        let end = match format {
            SaveFormat::Oci => "oci.tar",
            SaveFormat::Docker => "docker.tar",
        };
        file.map_or_else(|| folder.join(format!("{title}.{end}")), Utf8Path::to_owned)
    }
}

fn is_archive(path: &str) -> bool {
    Utf8Path::new(path).extension().is_some_and(|end| end.eq_ignore_ascii_case("tar"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Output {
        text.parse().unwrap()
    }

    #[test]
    fn every_form_means_one_thing() {
        let archive = |format, file: Option<&str>| Output::Archive { format, file: file.map(Into::into) };
        for (text, expected) in [
            ("engine", Output::Engine),
            ("registry", Output::Registry),
            ("dir", Output::Folder(None)),
            ("dir:engine", Output::Folder(Some("engine".into()))),
            ("./engine", Output::Folder(Some("./engine".into()))),
            ("dist", Output::Folder(Some("dist".into()))),
            ("dir:a.tar", Output::Folder(Some("a.tar".into()))),
            ("oci.tar", archive(SaveFormat::Oci, None)),
            ("docker.tar", archive(SaveFormat::Docker, None)),
            ("./docker.tar", archive(SaveFormat::Oci, Some("./docker.tar"))),
            ("a.TAR", archive(SaveFormat::Oci, Some("a.TAR"))),
            ("docker:out", archive(SaveFormat::Docker, Some("out"))),
            ("oci:a:b.tar", archive(SaveFormat::Oci, Some("a:b.tar"))),
            ("C:\\dist", Output::Folder(Some("C:\\dist".into()))),
        ] {
            assert_eq!(parsed(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_path_with_a_folder_is_a_path(path in "[a-z./]{0,10}/[a-z.]{1,10}") {
            let is_path = match parsed(&path) {
                Output::Folder(found) | Output::Archive { file: found, .. } => found == Some(path.into()),
                _ => false,
            };
            prop_assert!(is_path);
        }
    }
}

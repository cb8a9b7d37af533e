//! What names an image.

use camino::{Utf8Path, Utf8PathBuf};
use pyimage_build::Reference;

use super::OpenError;

/// Where an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageName {
    /// In a folder or an archive, which may have several.
    Path {
        /// It.
        path: Utf8PathBuf,
        /// Which one.
        name: Option<String>,
    },
    /// In a registry.
    Registry(Reference),
}

impl ImageName {
    /// Reads what a person has typed. What is there, and what starts with `./`, `../` or `/`, is a path, which may have
    /// the name of one of several images behind a colon; all else is a reference.
    ///
    /// # Errors
    /// Where there is nothing at a path, or it is no reference.
    pub fn parse(text: &str) -> Result<Self, OpenError> {
        let whole = Utf8Path::new(text);
        if !text.is_empty() && whole.exists() {
            return Ok(Self::Path { path: whole.to_owned(), name: None });
        }
        for (at, _) in text.match_indices(':') {
            let (path, name) = (Utf8Path::new(&text[..at]), &text[at + 1..]);
            if !name.is_empty() && (path.is_file() || path.join("oci-layout").is_file()) {
                return Ok(Self::Path { path: path.to_owned(), name: Some(name.to_owned()) });
            }
        }
        if whole.is_absolute() || text.starts_with("./") || text.starts_with("../") {
            return Err(OpenError::NoFile { path: whole.to_owned() });
        }
        let reference = text.parse();
        reference
            .map(Self::Registry)
            .map_err(|source| OpenError::Name { name: text.to_owned(), source: Box::new(source) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        fs_err::write(root.join("app.tar"), "").unwrap();
        fs_err::create_dir(root.join("layout")).unwrap();
        fs_err::write(root.join("layout/oci-layout"), "{}").unwrap();
        fs_err::create_dir(root.join("folder")).unwrap();
        let parse = |text: &str| ImageName::parse(root.join(text).as_str());
        let path = |path: &str, name: Option<&str>| ImageName::Path {
            path: root.join(path),
            name: name.map(str::to_owned),
        };
        assert_eq!(parse("app.tar").unwrap(), path("app.tar", None));
        assert_eq!(parse("app.tar:1.0").unwrap(), path("app.tar", Some("1.0")));
        assert_eq!(parse("layout:app:1.0").unwrap(), path("layout", Some("app:1.0")));
        assert_eq!(parse("folder").unwrap(), path("folder", None));
        assert!(matches!(parse("folder:1.0"), Err(OpenError::NoFile { .. })));
        assert!(matches!(parse("missing.tar"), Err(OpenError::NoFile { .. })));
        assert!(matches!(ImageName::parse("./missing"), Err(OpenError::NoFile { .. })));
    }

    #[test]
    fn all_else_is_a_reference() {
        for text in [
            "python:3.13",
            "ghcr.io/me/app@sha256:0000000000000000000000000000000000000000000000000000000000000000",
        ] {
            assert!(matches!(ImageName::parse(text), Ok(ImageName::Registry(_))), "{text}");
        }
        for text in ["", "Me/App", "a b"] {
            assert!(matches!(ImageName::parse(text), Err(OpenError::Name { .. })), "{text}");
        }
    }
}

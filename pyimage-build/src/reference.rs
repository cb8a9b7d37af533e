//! Image references, in Docker's grammar.

mod error;

use std::fmt;
use std::str::FromStr;

use crate::{Digest, PythonTag};

pub use error::ReferenceError;

/// Docker Hub, where a reference without a registry points.
const DEFAULT_REGISTRY: &str = "docker.io";
/// Docker Hub's name of old, which configuration files still have.
const LEGACY_DEFAULT_REGISTRY: &str = "index.docker.io";
/// Docker Hub's namespace of the official images.
const OFFICIAL_NAMESPACE: &str = "library/";
const DEFAULT_TAG: &str = "latest";
const MAX_REPOSITORY_LEN: usize = 255;
const MAX_TAG_LEN: usize = 128;

/// Where an image is: a registry, a repository in it, and a tag, a digest or both.
///
/// The grammar is that of [distribution/reference], and what is left out is understood as `docker` does: the
/// registry is `docker.io`, a single name there is in `library/`, and with neither tag nor digest the tag is
/// `latest`. What stands before the first slash is a registry if it has a dot, a colon or an upper-case
/// letter, or is `localhost`; an IPv6 address stands in brackets.
///
/// It prints in full, and [`familiar`](Self::familiar) is the short form that `docker` prints.
///
/// ```
/// use pyimage_build::Reference;
///
/// let reference: Reference = "python:3.13-slim".parse()?;
/// assert_eq!(reference.to_string(), "docker.io/library/python:3.13-slim");
/// assert_eq!(reference.familiar(), "python:3.13-slim");
///
/// let local: Reference = "localhost:5000/app".parse()?;
/// assert_eq!((local.registry(), local.repository()), ("localhost:5000", "app"));
/// assert_eq!(local.tag(), Some("latest"));
/// # Ok::<(), pyimage_build::ReferenceError>(())
/// ```
///
/// [distribution/reference]: https://github.com/distribution/reference
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// The official Python image with this tag.
    ///
    /// ```
    /// use pyimage_build::{PythonTag, Reference};
    ///
    /// let reference = Reference::python(&PythonTag::default_slim());
    /// assert_eq!(reference.familiar(), format!("python:{}", PythonTag::DEFAULT));
    /// ```
    #[must_use]
    pub fn python(tag: &PythonTag) -> Self {
        Self {
            registry: DEFAULT_REGISTRY.to_owned(),
            repository: "library/python".to_owned(),
            tag: Some(tag.as_str().to_owned()),
            digest: None,
        }
    }

    /// Another tag of the same repository.
    ///
    /// ```
    /// # use pyimage_build::Reference;
    /// let slim: Reference = "ghcr.io/me/app:slim".parse()?;
    /// assert_eq!(slim.with_tag("full")?.to_string(), "ghcr.io/me/app:full");
    /// assert!(slim.with_tag("a b").is_err());
    /// # Ok::<(), pyimage_build::ReferenceError>(())
    /// ```
    pub fn with_tag(&self, tag: &str) -> Result<Self, ReferenceError> {
        check_tag(tag, tag)?;
        Ok(Self { tag: Some(tag.to_owned()), digest: None, ..self.clone() })
    }

    /// The same repository with a digest, and no tag.
    ///
    /// ```
    /// # use pyimage_build::{Digest, Reference};
    /// let digest = Digest::of(b"{}");
    /// let pinned = "ghcr.io/me/app:slim".parse::<Reference>()?.with_digest(&digest);
    /// assert_eq!(pinned.to_string(), format!("ghcr.io/me/app@{digest}"));
    /// # Ok::<(), pyimage_build::ReferenceError>(())
    /// ```
    #[must_use]
    pub fn with_digest(&self, digest: &Digest) -> Self {
        Self { tag: None, digest: Some(digest.clone()), ..self.clone() }
    }

    /// The registry's host, with its port if one is given: `docker.io`, `localhost:5000`.
    ///
    /// Docker Hub's is a name, not an address: its registry answers at `registry-1.docker.io`.
    ///
    /// ```
    /// # use pyimage_build::Reference;
    /// assert_eq!("ghcr.io/astral-sh/uv".parse::<Reference>()?.registry(), "ghcr.io");
    /// # Ok::<(), pyimage_build::ReferenceError>(())
    /// ```
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository in the registry: `library/python`.
    ///
    /// ```
    /// # use pyimage_build::Reference;
    /// assert_eq!("python:3.13".parse::<Reference>()?.repository(), "library/python");
    /// # Ok::<(), pyimage_build::ReferenceError>(())
    /// ```
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, which only a reference by digest can lack.
    ///
    /// ```
    /// # use pyimage_build::Reference;
    /// assert_eq!("python".parse::<Reference>()?.tag(), Some("latest"));
    /// # Ok::<(), pyimage_build::ReferenceError>(())
    /// ```
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, which decides where a tag is given too.
    ///
    /// ```
    /// # use pyimage_build::Reference;
    /// let pinned = format!("python:3.13@sha256:{}", "0".repeat(64)).parse::<Reference>()?;
    /// assert_eq!(pinned.digest().map(|digest| digest.hex().len()), Some(64));
    /// assert_eq!(pinned.tag(), Some("3.13"));
    /// # Ok::<(), pyimage_build::ReferenceError>(())
    /// ```
    #[must_use]
    pub const fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The short form, which `docker` prints and understands: Docker Hub and `library/` are left out.
    ///
    /// A name whose short form would mean something else (`docker.io/localhost/app`) stays whole.
    ///
    /// ```
    /// # use pyimage_build::Reference;
    /// assert_eq!("docker.io/library/python:3.13".parse::<Reference>()?.familiar(), "python:3.13");
    /// assert_eq!("docker.io/me/app".parse::<Reference>()?.familiar(), "me/app:latest");
    /// assert_eq!("quay.io/me/app".parse::<Reference>()?.familiar(), "quay.io/me/app:latest");
    /// # Ok::<(), pyimage_build::ReferenceError>(())
    /// ```
    #[must_use]
    pub fn familiar(&self) -> String {
        let full = self.to_string();
        if self.registry != DEFAULT_REGISTRY {
            return full;
        }
        let short = match self.repository.strip_prefix(OFFICIAL_NAMESPACE) {
            Some(name) if !name.contains('/') => name,
            _ if split_registry(&self.repository).1 != self.repository => return full,
            _ => &self.repository,
        };
        let name_len = self.registry.len() + 1 + self.repository.len();
        format!("{short}{}", &full[name_len..])
    }

    /// Whether this is Docker's official Python image, whose tags are [`PythonTag`]s.
    ///
    /// ```
    /// # use pyimage_build::Reference;
    /// assert!("python:3.13".parse::<Reference>()?.is_official_python());
    /// assert!(!"me/python:3.13".parse::<Reference>()?.is_official_python());
    /// # Ok::<(), pyimage_build::ReferenceError>(())
    /// ```
    #[must_use]
    pub fn is_official_python(&self) -> bool {
        self.registry == DEFAULT_REGISTRY && self.repository == "library/python"
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let reference = || text.to_owned();
        if text.is_empty() {
            return Err(ReferenceError::Empty);
        }
        if text.contains("://") {
            return Err(ReferenceError::Scheme(reference()));
        }
        // Docker reads such a name as an image ID, so that as a repository it could never be pulled.
        if text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(ReferenceError::HexName(reference()));
        }

        let (registry, rest) = split_registry(text);
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (rest, None),
        };
        let (name, tag) = match rest.split_once(':') {
            Some((name, tag)) => (name, Some(tag)),
            None => (rest, None),
        };

        if !is_registry(registry) {
            return Err(ReferenceError::InvalidRegistry {
                reference: reference(),
                registry: registry.to_owned(),
            });
        }
        check_repository(text, name)?;
        let repository = if registry == DEFAULT_REGISTRY && !name.contains('/') {
            format!("{OFFICIAL_NAMESPACE}{name}")
        } else {
            name.to_owned()
        };
        if repository.len() > MAX_REPOSITORY_LEN {
            return Err(ReferenceError::RepositoryTooLong { length: repository.len(), repository });
        }
        if let Some(tag) = tag {
            check_tag(text, tag)?;
        }
        let digest = digest
            .map(str::parse)
            .transpose()
            .map_err(|source| ReferenceError::InvalidDigest { reference: reference(), source })?;
        let tag = match (tag, &digest) {
            (None, None) => Some(DEFAULT_TAG),
            (tag, _) => tag,
        };
        Ok(Self { registry: registry.to_owned(), repository, tag: tag.map(str::to_owned), digest })
    }
}

/// The registry, implied or given, and what follows it.
fn split_registry(text: &str) -> (&str, &str) {
    match text.split_once('/') {
        Some((LEGACY_DEFAULT_REGISTRY, rest)) => (DEFAULT_REGISTRY, rest),
        Some((first, rest))
            if first == "localhost"
                || first.contains(['.', ':'])
                || first.chars().any(char::is_uppercase) =>
        {
            (first, rest)
        }
        _ => (DEFAULT_REGISTRY, text),
    }
}

/// `host [':' port]`, the host being a domain name, an IPv4 address or an IPv6 address in brackets.
fn is_registry(text: &str) -> bool {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    if let Some((address, port)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return !address.is_empty()
            && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':')
            && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').all(is_label) && port.is_none_or(is_port)
}

fn check_repository(reference: &str, repository: &str) -> Result<(), ReferenceError> {
    if repository.is_empty() {
        return Err(ReferenceError::NoRepository(reference.to_owned()));
    }
    if repository.chars().any(char::is_uppercase) {
        return Err(ReferenceError::UppercaseRepository {
            reference: reference.to_owned(),
            repository: repository.to_owned(),
        });
    }
    match repository.split('/').find(|component| !is_repository_component(component)) {
        Some(component) => Err(ReferenceError::InvalidRepository {
            reference: reference.to_owned(),
            component: component.to_owned(),
        }),
        None => Ok(()),
    }
}

/// Lower-case letters and digits, with one `.`, one or two `_` or any number of `-` between them.
fn is_repository_component(component: &str) -> bool {
    let is_alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    bytes.first().copied().is_some_and(is_alphanumeric)
        && bytes.last().copied().is_some_and(is_alphanumeric)
        && bytes.chunk_by(|a, b| is_alphanumeric(*a) == is_alphanumeric(*b)).all(|run| {
            is_alphanumeric(run[0]) || matches!(run, b"." | b"_" | b"__") || run.iter().all(|b| *b == b'-')
        })
}

fn check_tag(reference: &str, tag: &str) -> Result<(), ReferenceError> {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if tag.is_empty() {
        return Err(ReferenceError::EmptyTag(reference.to_owned()));
    }
    if !tag.bytes().all(|b| is_word(b) || matches!(b, b'.' | b'-')) || tag.starts_with(['.', '-']) {
        return Err(ReferenceError::InvalidTag { reference: reference.to_owned(), tag: tag.to_owned() });
    }
    if tag.len() > MAX_TAG_LEN {
        return Err(ReferenceError::TagTooLong { tag: tag.to_owned(), length: tag.len() });
    }
    Ok(())
}

#[cfg(test)]
mod tests;

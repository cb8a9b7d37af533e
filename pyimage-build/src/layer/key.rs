//! What a layer of wheels depends on, before it is made.

use std::fmt::Write as _;

use super::{Layer, LayerOptions};
use crate::{Digest, Provenance, Scheme};

/// The name of a layer of wheels, by all that its bytes depend on, so that it needs making only once.
///
/// In which order wheels are named makes no difference, unless two have a file of one path: then the order in which
/// they are installed decides which is taken, and the caller keeps to one.
///
/// ```
/// use pyimage_build::{Digest, LayerKey, LayerOptions, Provenance, Scheme};
///
/// let wheels = [Digest::of(b"one"), Digest::of(b"two")];
/// let key = |wheels: &[Digest]| {
///     let mut key = LayerKey::new("usr/local", &Scheme::official(13), &LayerOptions::default());
///     wheels.iter().for_each(|wheel| key.add_wheel(wheel, &Provenance::default()));
///     key.digest()
/// };
/// assert_eq!(key(&wheels), key(&[wheels[1].clone(), wheels[0].clone()]));
/// assert_ne!(key(&wheels), key(&wheels[..1]));
/// ```
#[derive(Clone, Debug)]
pub struct LayerKey {
    head: String,
    lines: Vec<String>,
}

impl LayerKey {
    /// The key of a layer with nothing in it.
    ///
    /// ```
    /// # use pyimage_build::{LayerKey, LayerOptions, Scheme};
    /// let (old, new) = (Scheme::official(12), Scheme::official(13));
    /// let key = |scheme| LayerKey::new("usr/local", scheme, &LayerOptions::default()).digest();
    /// assert_ne!(key(&old), key(&new));
    /// ```
    #[must_use]
    pub fn new(prefix: &str, scheme: &Scheme, options: &LayerOptions) -> Self {
        let LayerOptions { modified, uid, gid, base_folders, compression } = options;
        let mut head = format!("layer {}\n{prefix:?}\n{:?}\n", Layer::FORMAT, scheme.interpreter());
        // Both say what comes out, and not how it is written here.
        let _ = writeln!(head, "{} {}", scheme.site_packages(), scheme.launcher_name());
        let _ = writeln!(head, "{modified} {uid} {gid}");
        for folder in base_folders.iter() {
            let _ = writeln!(head, "{folder:?}");
        }
        if !compression.is_default() {
            let _ = writeln!(head, "{compression:?}");
        }
        Self { head, lines: Vec::new() }
    }

    /// Adds a wheel by its SHA-256, with how it came to be installed.
    ///
    /// ```
    /// # use pyimage_build::{Digest, LayerKey, LayerOptions, Provenance, Scheme};
    /// let mut key = LayerKey::new("usr/local", &Scheme::official(13), &LayerOptions::default());
    /// key.add_wheel(&Digest::of(b"wheel"), &Provenance { requested: true, ..Provenance::default() });
    /// ```
    pub fn add_wheel(&mut self, wheel: &Digest, provenance: &Provenance) {
        let Provenance { requested, direct_url } = provenance;
        self.lines.push(format!("wheel {wheel} {requested} {direct_url:?}"));
    }

    /// Adds whatever else goes into it, such as bytecode, by a name and a digest.
    ///
    /// ```
    /// # use pyimage_build::{Digest, LayerKey, LayerOptions, Scheme};
    /// let mut key = LayerKey::new("usr/local", &Scheme::official(13), &LayerOptions::default());
    /// key.add_content("bytecode", &Digest::of(b"pyc"));
    /// ```
    pub fn add_content(&mut self, name: &str, content: &Digest) {
        self.lines.push(format!("content {name:?} {content}"));
    }

    /// The key.
    ///
    /// ```
    /// # use pyimage_build::{LayerKey, LayerOptions, Scheme};
    /// let key = LayerKey::new("usr/local", &Scheme::official(13), &LayerOptions::default());
    /// assert_eq!(key.digest().hex().len(), 64);
    /// ```
    #[must_use]
    pub fn digest(mut self) -> Digest {
        self.lines.sort();
        Digest::of(format!("{}{}\n", self.head, self.lines.join("\n")).as_bytes())
    }
}

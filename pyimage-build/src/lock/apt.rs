//! Packages of Debian that images have on top of a base.

use super::LockedImage;
use crate::{BaseFacts, Layer};

/// Packages of Debian that were installed on a base, once: their versions, and the layer that came of it.
///
/// ```
/// use pyimage_build::{BaseFacts, Digest, Layer, LayerCompression, LockedApt};
///
/// # let (digest, diff_id) = (Digest::of(b"blob"), Digest::of(b"archive"));
/// # let compression = LayerCompression::default();
/// # let layer = Layer { digest, size: 4, diff_id, unpacked: 7, files: 1, compression };
/// let packages = vec!["libgomp1".to_owned()];
/// let installed = vec!["libgomp1:amd64=14.2.0-19".to_owned()];
/// let apt = LockedApt { packages, installed, layer, facts: BaseFacts::default() };
/// assert_eq!(apt.packages, ["libgomp1"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedApt {
    /// What was asked for, sorted.
    pub packages: Vec<String>,
    /// What was installed for it, with versions, sorted.
    pub installed: Vec<String>,
    /// The layer.
    pub layer: Layer,
    /// The libraries in it, and users and groups where it has changed them.
    pub facts: BaseFacts,
}

impl LockedImage {
    /// What is locked for these packages of Debian, which are sorted.
    ///
    /// ```
    /// # fn of(image: &pyimage_build::LockedImage) {
    /// if let Some(apt) = image.installed(&["libgomp1".to_owned()]) {
    ///     println!("{}", apt.installed.join(", "));
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn installed(&self, packages: &[String]) -> Option<&LockedApt> {
        self.apt.iter().find(|apt| apt.packages == packages)
    }

    /// What is known of the files of the base and of these packages of Debian on top of it.
    ///
    /// ```
    /// # fn of(image: &pyimage_build::LockedImage) {
    /// let facts = image.facts_with(&["libgomp1".to_owned()]);
    /// assert!(facts.is_none_or(|facts| facts.libraries.contains("libc.so.6")));
    /// # }
    /// ```
    #[must_use]
    pub fn facts_with(&self, packages: &[String]) -> Option<BaseFacts> {
        let mut facts = self.facts.clone()?;
        if let Some(LockedApt { facts: more, .. }) = self.installed(packages) {
            facts.libraries.extend(more.libraries.iter().cloned());
            for (lines, changed) in [(&mut facts.passwd, &more.passwd), (&mut facts.group, &more.group)] {
                if !changed.is_empty() {
                    lines.clone_from(changed);
                }
            }
        }
        Some(facts)
    }
}

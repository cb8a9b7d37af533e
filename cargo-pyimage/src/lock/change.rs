//! How a pin moved, for people.

use std::fmt;

use pyimage_build::{Digest, LockedBase, LockedImage, Platform, Suite};

use crate::size::Size;

/// A change of a pinned base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The tag names another index.
    Digest(Option<Digest>, Digest),
    /// A platform that was not locked before.
    Added(Platform, Box<LockedImage>),
    /// A platform that is not locked any more.
    Removed(Platform),
    /// Another image for a platform.
    Image(Platform, Box<LockedImage>, Box<LockedImage>),
}

/// What differs between two pins of a base; without an old one, all of it.
#[must_use]
pub fn changes(old: Option<&LockedBase>, new: &LockedBase) -> Vec<Change> {
    let mut changes = Vec::new();
    let before = old.map(|old| &old.target.digest);
    if before != Some(&new.target.digest) {
        changes.push(Change::Digest(before.cloned(), new.target.digest.clone()));
    }
    for (platform, image) in &new.images {
        match old.and_then(|old| old.images.get(platform)) {
            None => changes.push(Change::Added(platform.clone(), Box::new(image.clone()))),
            Some(before) if of_base(before) != of_base(image) => {
                let (before, after) = (Box::new(before.clone()), Box::new(image.clone()));
                changes.push(Change::Image(platform.clone(), before, after));
            }
            Some(_) => {}
        }
    }
    let gone = old.into_iter().flat_map(|old| old.images.keys());
    changes.extend(gone.filter(|its| !new.images.contains_key(*its)).cloned().map(Change::Removed));
    changes
}

/// An image without what was found out about it, and what was put on top.
fn of_base(image: &LockedImage) -> LockedImage {
    LockedImage { facts: None, apt: Vec::new(), ..image.clone() }
}

impl Change {
    /// What happened, in a word.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Digest(None, _) | Self::Added(..) => "Pinned",
            Self::Digest(Some(_), _) | Self::Image(..) => "Moved",
            Self::Removed(_) => "Dropped",
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest(None, new) => write!(f, "at {}", short(new)),
            Self::Digest(Some(old), new) => write!(f, "from {} to {}", short(old), short(new)),
            Self::Added(platform, image) => write!(
                f,
                "for {platform}: Python {}, {}, {}",
                image.python,
                release(image.suite.as_ref()),
                Size(image.layers_size())
            ),
            Self::Removed(platform) => write!(f, "for {platform}: no image asks for it any more"),
            Self::Image(platform, old, new) => {
                let mut parts = Vec::new();
                if old.python != new.python {
                    parts.push(format!("Python {} -> {}", old.python, new.python));
                }
                if old.suite != new.suite {
                    parts.push(format!("{} -> {}", release(old.suite.as_ref()), release(new.suite.as_ref())));
                }
                let (before, after) = (old.layers_size(), new.layers_size());
                if before != after {
                    // Sizes that print alike would look like no change at all.
                    let (sign, difference) =
                        if after > before { ('+', after - before) } else { ('-', before - after) };
                    parts.push(format!("{} -> {} ({sign}{})", Size(before), Size(after), Size(difference)));
                }
                if parts.is_empty() {
                    parts.push("rebuilt: the same Python, release and size".to_owned());
                }
                write!(f, "for {platform}: {}", parts.join(", "))
            }
        }
    }
}

/// Enough of a digest to know it again, as docker shows it.
fn short(digest: &Digest) -> String {
    format!("{}:{}", digest.algorithm(), &digest.hex()[..12])
}

/// The release of a distribution, by name.
fn release(suite: Option<&Suite>) -> String {
    match suite {
        Some(Suite::Debian(release)) => format!("Debian {} ({release})", release.number()),
        Some(Suite::Alpine { major, minor }) => format!("Alpine {major}.{minor}"),
        Some(Suite::Windows(release)) => format!("Windows {release}"),
        None => "an unknown release".to_owned(),
    }
}

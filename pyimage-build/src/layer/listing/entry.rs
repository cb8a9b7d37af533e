//! One entry of a layer.

use crate::{Digest, printable};

/// What a name starts with that removes another one.
const REMOVAL: &[u8] = b".wh.";
/// The name that removes everything in its folder.
const OPAQUE: &[u8] = b".wh..wh..opq";

/// An entry of a layer.
///
/// ```
/// use pyimage_build::{EntryKind, LayerEntry};
///
/// let entry = LayerEntry {
///     path: "srv/app/main.py".to_owned(),
///     kind: EntryKind::File,
///     mode: 0o644,
///     uid: 0,
///     gid: 0,
///     size: 7,
///     digest: None,
///     content: None,
/// };
/// assert!(entry.kind.is_in_image());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerEntry {
    /// Its path from the root of the image, without a slash at either end. What cannot be shown is escaped, and a
    /// backslash stands twice, so that two paths never look the same.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Its permissions, with the bits for set-user-id, set-group-id and sticky.
    pub mode: u32,
    /// Who owns it.
    pub uid: u64,
    /// Its group.
    pub gid: u64,
    /// How many bytes the file has; 0 for all else.
    pub size: u64,
    /// The digest of the file's content, where it was asked for.
    pub digest: Option<Digest>,
    /// The file's content, where it was asked for.
    pub content: Option<Vec<u8>>,
}

/// What an entry of a layer is.
///
/// ```
/// use pyimage_build::EntryKind;
///
/// assert!(!EntryKind::Removal.is_in_image());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryKind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Symlink {
        /// Where it leads.
        target: String,
    },
    /// Another name of a file.
    HardLink {
        /// The file's path, as that of an entry.
        target: String,
    },
    /// A file, or a folder with all that is in it, of the layers below is not there any more.
    Removal,
    /// What the layers below have in this folder is not there any more.
    Emptied,
    /// A device, a pipe, or something of which nobody knows.
    Other,
}

impl EntryKind {
    /// Whether it is something in the image, and not the removal of something.
    ///
    /// ```
    /// assert!(pyimage_build::EntryKind::Folder.is_in_image());
    /// ```
    #[must_use]
    pub fn is_in_image(&self) -> bool {
        !matches!(self, Self::Removal | Self::Emptied)
    }
}

/// The path and the kind of an entry with this type flag.
pub(super) fn kind(flag: u8, path: &[u8], target: &[u8]) -> (String, EntryKind) {
    let parts = parts(path);
    let name = parts.last().copied().unwrap_or_default();
    let folder = &parts[..parts.len().saturating_sub(1)];
    if name == OPAQUE {
        return (joined(folder), EntryKind::Emptied);
    }
    if let Some(removed) = name.strip_prefix(REMOVAL) {
        let removed: Vec<&[u8]> = folder.iter().copied().chain([removed]).collect();
        return (joined(&removed), EntryKind::Removal);
    }
    let kind = match flag {
        // Before there was a flag for folders, they had a slash at their end.
        0 | b'0' if path.ends_with(b"/") => EntryKind::Folder,
        0 | b'0' | b'7' | b'S' => EntryKind::File,
        b'1' => EntryKind::HardLink { target: joined(&self::parts(target)) },
        b'2' => EntryKind::Symlink { target: shown(target) },
        b'5' => EntryKind::Folder,
        _ => EntryKind::Other,
    };
    (joined(&parts), kind)
}

fn parts(path: &[u8]) -> Vec<&[u8]> {
    let parts = path.split(|byte| *byte == b'/');
    parts.filter(|part| !part.is_empty() && *part != b".").collect()
}

fn joined(parts: &[&[u8]]) -> String {
    shown(&parts.join(&b'/'))
}

/// The name in a form that no other name has.
pub(crate) fn shown(name: &[u8]) -> String {
    if name.contains(&b'\\') {
        let parts: Vec<_> = name.split(|byte| *byte == b'\\').map(printable).collect();
        return parts.join(r"\\");
    }
    printable(name)
}

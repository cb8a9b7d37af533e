//! What weighs how much.

use std::collections::BTreeMap;

use pyimage_build::{EntryKind, printable};

use crate::opened::{Content, Holdings, OpenedImage, OpenedLayer, Readings};

/// How many folders may be in one another. What is deeper has the rest of its path for its name.
const DEEPEST: usize = 64;

/// Something that weighs something, and what it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name; for what is in a folder, from there.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Its bytes: those of all its parts together, where it has parts.
    pub size: u64,
    /// Its parts, the largest first; layers are in their order.
    pub parts: Vec<Node>,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// All of an image.
    Image,
    /// A layer that the base brought.
    Base,
    /// A layer with wheels.
    Wheels,
    /// Another layer.
    Layer,
    /// A layer that was not read; its bytes are those of its blob.
    Unread,
    /// A wheel.
    Wheel,
    /// A folder.
    Folder,
    /// A file.
    File,
    /// What is too small to be shown each for itself.
    Rest,
}

/// A folder while it is filled.
#[derive(Default)]
struct Folder<'a> {
    folders: BTreeMap<&'a str, Folder<'a>>,
    files: BTreeMap<&'a str, u64>,
}

impl Node {
    /// Of an image, and what is known of the contents of its layers.
    #[must_use]
    pub fn of(image: &OpenedImage, readings: &Readings) -> Self {
        let holdings = Holdings::of(image, readings);
        let layers = image.layers.iter().enumerate().map(|(place, layer)| {
            match readings.get(&layer.blob.digest).and_then(|held| held.content()) {
                Some(content) => Self::of_layer(place, layer, content, &holdings),
                None => Self::new(layer.label(), Kind::Unread, layer.blob.size),
            }
        });
        Self::above(image.platform.to_string(), Kind::Image, layers.collect())
    }

    fn of_layer(place: usize, layer: &OpenedLayer, content: &Content, holdings: &Holdings) -> Self {
        let mut wheels: BTreeMap<usize, Folder<'_>> = BTreeMap::new();
        let mut nobody_s = Folder::default();
        for entry in content.entries.iter().filter(|entry| entry.kind == EntryKind::File) {
            let Some(owner) = holdings.owner(&entry.path) else {
                nobody_s.add(&entry.path, entry.size);
                continue;
            };
            // From where Python finds it, as far as it is there.
            let packages = holdings.wheels[owner].folder.rsplit_once('/').map(|(packages, _)| packages);
            let below = packages.and_then(|packages| entry.path.strip_prefix(packages)?.strip_prefix('/'));
            wheels.entry(owner).or_default().add(below.unwrap_or(&entry.path), entry.size);
        }
        let has_own = holdings.wheels.iter().any(|wheel| wheel.layer == place);
        let kind = match (layer.of_base, has_own) {
            (true, _) => Kind::Base,
            (false, true) => Kind::Wheels,
            (false, false) => Kind::Layer,
        };
        let mut parts: Vec<_> = wheels
            .into_iter()
            .map(|(owner, folder)| {
                let wheel = &holdings.wheels[owner];
                let name = printable(format!("{} {}", wheel.name, wheel.version).as_bytes());
                Self::above(name, Kind::Wheel, folder.parts())
            })
            .collect();
        parts.extend(nobody_s.parts());
        sort(&mut parts);
        Self::above(layer.label(), kind, parts)
    }

    fn new(name: String, kind: Kind, size: u64) -> Self {
        Self { name, kind, size, parts: Vec::new() }
    }

    fn above(name: String, kind: Kind, parts: Vec<Self>) -> Self {
        let size = parts.iter().map(|part| part.size).fold(0, u64::saturating_add);
        Self { name, kind, size, parts }
    }

    /// The same with parts of fewer bytes than this taken together, as far as there are several.
    #[must_use]
    pub fn without_crumbs(&self, least: u64) -> Self {
        let keep_all = self.kind == Kind::Image;
        let (large, small): (Vec<&Self>, Vec<&Self>) =
            self.parts.iter().partition(|part| keep_all || part.size >= least);
        let mut parts: Vec<_> = large.iter().map(|part| part.without_crumbs(least)).collect();
        match small[..] {
            [] => {}
            [only] if self.parts.len() > 1 => parts.push(only.without_crumbs(least)),
            _ => {
                let size = small.iter().map(|part| part.size).fold(0, u64::saturating_add);
                let files: usize = small.iter().map(|part| part.files()).sum();
                let plural = if files == 1 { "" } else { "s" };
                parts.push(Self::new(format!("{files} small file{plural}"), Kind::Rest, size));
            }
        }
        Self { name: self.name.clone(), kind: self.kind, size: self.size, parts }
    }

    /// How many files there are in it.
    fn files(&self) -> usize {
        if self.kind == Kind::File { 1 } else { self.parts.iter().map(Self::files).sum() }
    }
}

impl<'a> Folder<'a> {
    fn add(&mut self, path: &'a str, size: u64) {
        let mut folder = self;
        let mut rest = path;
        for _ in 0..DEEPEST {
            let Some((name, below)) = rest.split_once('/') else { break };
            folder = folder.folders.entry(name).or_default();
            rest = below;
        }
        // Of several of one path the last counts, as when they are unpacked.
        folder.files.insert(rest, size);
    }

    /// What is in it, with folders that have nothing but one folder in them taken together with that.
    fn parts(self) -> Vec<Node> {
        let mut parts: Vec<Node> =
            self.files.into_iter().map(|(name, size)| Node::new(name.to_owned(), Kind::File, size)).collect();
        for (name, mut folder) in self.folders {
            let mut name = name.to_owned();
            while folder.files.is_empty() && folder.folders.len() == 1 {
                let Some((inner, only)) = folder.folders.pop_first() else { break };
                name = format!("{name}/{inner}");
                folder = only;
            }
            parts.push(Node::above(name, Kind::Folder, folder.parts()));
        }
        sort(&mut parts);
        parts
    }
}

fn sort(parts: &mut [Node]) {
    parts.sort_by(|one, other| other.size.cmp(&one.size).then_with(|| one.name.cmp(&other.name)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sums_up(node: &Node) -> bool {
        let sum: u64 = node.parts.iter().map(|part| part.size).sum();
        (node.parts.is_empty() || sum == node.size) && node.parts.iter().all(sums_up)
    }

    fn folder(files: &BTreeMap<String, u64>) -> Node {
        let mut folder = Folder::default();
        for (path, size) in files {
            folder.add(path, *size);
        }
        Node::above("root".to_owned(), Kind::Layer, folder.parts())
    }

    #[test]
    fn folders_in_folders_are_one() {
        let files = [("usr/local/lib/a.py", 3), ("usr/local/lib/b/c.py", 5), ("main.py", 1)];
        let root = folder(&files.map(|(path, size)| (path.to_owned(), size)).into());
        let names = |node: &Node| node.parts.iter().map(|part| part.name.clone()).collect::<Vec<_>>();
        assert_eq!((root.size, names(&root)), (9, vec!["usr/local/lib".to_owned(), "main.py".to_owned()]));
        assert_eq!(names(&root.parts[0]), ["b", "a.py"]);
        let few = root.without_crumbs(4);
        assert_eq!(names(&few), ["usr/local/lib", "main.py"], "one alone stays");
        let none = root.without_crumbs(10);
        assert_eq!(names(&none), ["3 small files"]);
    }

    #[test]
    fn a_path_without_end_is_no_pit() {
        // One more level with every file, as no file system has it.
        let files = (1..2000).map(|depth| (format!("{}file", "d/".repeat(depth)), 1)).collect();
        let root = folder(&files);
        assert_eq!((root.size, root.files()), (1999, 1999));
        let depth =
            std::iter::successors(Some(&root), |node| node.parts.iter().find(|its| !its.parts.is_empty()));
        assert!(depth.count() <= DEEPEST + 2);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(
            files in prop::collection::btree_map("[a-c](/[a-c]){0,4}", 0..1000_u64, 0..30),
            least in 0..2000_u64,
        ) {
            let root = folder(&files);
            prop_assert_eq!(root.size, files.values().sum::<u64>());
            prop_assert_eq!(root.files(), files.len());
            prop_assert!(sums_up(&root));
            let few = root.without_crumbs(least);
            prop_assert_eq!(few.size, root.size);
            prop_assert!(sums_up(&few));
        }
    }
}

//! The Rust module that is generated: constants, and functions of the standard library alone.

use std::fmt::Write as _;

use super::assets::Asset;
use super::image::{BaseImageFacts, ImageFacts};
use crate::Digest;
use crate::sha256::Sha256;

/// What it begins with, and the types of assets.
const ASSETS: &str = include_str!("generated/assets.rs");
/// The types of images.
const IMAGES: &str = include_str!("generated/images.rs");
/// The functions that write assets to the disk.
const EXTRACT: &str = include_str!("generated/extract.rs");

/// How many digits of a digest tell sets of assets apart.
const DIGITS: usize = 32;

/// What is in the module.
#[derive(Debug)]
pub(super) struct Module<'a> {
    /// The package's name.
    pub(super) package: &'a str,
    pub(super) assets: &'a [Asset],
    pub(super) images: &'a [ImageFacts],
    /// Assets can be written to the disk.
    pub(super) extract: bool,
}

impl Module<'_> {
    /// Its text, which depends on nothing else: no path of the machine is in it.
    pub(super) fn text(&self) -> String {
        let mut text = ASSETS.to_owned();
        self.assets(&mut text);
        if !self.images.is_empty() {
            text.push_str(IMAGES);
            self.images(&mut text);
        }
        if self.extract {
            let folder = literal(&self.folder());
            item(&mut text, &format!("const FOLDER: &str = {folder};"));
            text.push_str(EXTRACT);
        }
        text
    }

    fn assets(&self, text: &mut String) {
        text.push_str("/// The files of the package, sorted by path.\n");
        item(text, "pub static ASSETS: &[Asset] = &[");
        for Asset { path, sha256, executable } in self.assets {
            let in_package = literal(&format!("/{path}"));
            let path = literal(path);
            let contents = format!(
                "::core::include_bytes!(::core::concat!(::core::env!(\"CARGO_MANIFEST_DIR\"), {in_package}))"
            );
            line(
                text,
                &format!(
                    "    Asset {{ path: {path}, sha256: \"{sha256}\", executable: {executable}, contents: {contents} }},"
                ),
            );
        }
        text.push_str("];\n");
    }

    fn images(&self, text: &mut String) {
        if let [image] = self.images {
            text.push_str("\n/// The image of the package.\n");
            item(text, &format!("pub const IMAGE: Image = {};", constant(image)));
        }
        text.push_str("\n/// The images of the package, sorted by name.\n");
        item(text, "pub static IMAGES: &[Image] = &[");
        for image in self.images {
            line(text, &format!("    {},", constant(image)));
        }
        text.push_str("];\n");
    }

    /// The name of the folder for these assets: no other assets have it.
    fn folder(&self) -> String {
        let mut hasher = Sha256::new();
        for Asset { path, sha256, executable } in self.assets {
            // Paths have no zero in them.
            hasher.update(format!("{path}\0{sha256}{executable}\0").as_bytes());
        }
        let digest = Digest::from_sha256(hasher.finish());
        format!("{}-{}", self.package, &digest.hex()[..DIGITS])
    }
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

/// An item that a package need not use.
fn item(text: &mut String, first: &str) {
    line(text, "#[allow(dead_code, unreachable_pub)]");
    line(text, "#[allow(clippy::all, clippy::pedantic, clippy::nursery, clippy::restriction)]");
    line(text, first);
}

/// A string of Rust. Of what could be read in two ways, such as marks that change the direction of text, nothing is left.
fn literal(text: &str) -> String {
    format!("\"{}\"", text.escape_default())
}

fn optional(text: Option<&str>) -> String {
    text.map_or("::core::option::Option::None".to_owned(), |text| {
        format!("::core::option::Option::Some({})", literal(text))
    })
}

fn pairs(pairs: &[(String, String)]) -> String {
    let pairs: Vec<_> =
        pairs.iter().map(|(one, other)| format!("({}, {})", literal(one), literal(other))).collect();
    format!("&[{}]", pairs.join(", "))
}

fn constant(image: &ImageFacts) -> String {
    let ImageFacts { name, repository, tags, reference, digest, platforms, base } = image;
    let tags: Vec<_> = tags.iter().map(|tag| literal(tag)).collect();
    format!(
        "Image {{ name: {}, repository: {}, tags: &[{}], reference: {}, digest: {}, platforms: {}, base: {} }}",
        literal(name),
        literal(repository),
        tags.join(", "),
        literal(reference),
        optional(digest.as_deref()),
        pairs(platforms),
        base_constant(base),
    )
}

fn base_constant(base: &BaseImageFacts) -> String {
    let BaseImageFacts { reference, pinned, digest, platforms } = base;
    format!(
        "Base {{ reference: {}, pinned: {}, digest: {}, platforms: {} }}",
        literal(reference),
        literal(pinned),
        optional(digest.as_deref()),
        pairs(platforms),
    )
}

#[cfg(test)]
mod tests;

//! The commands about tags: `tags` and `tag`.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use pyimage_build::{Platform, Variant};

use super::Format;

pub(super) const TAGS_EXAMPLES: &str = "\
Without --all, what is past its end of life, a prerelease, for Windows or replaced by a newer
patch release is left out, unless the filter names its version.

Examples:
  cargo pyimage tags                       the tags of the Pythons that are supported today
  cargo pyimage tags 3.13-slim             those of 3.13 that are slim
  cargo pyimage tags '*-bookworm'          by a pattern
  cargo pyimage tags --variant alpine --platform linux/arm64
  cargo pyimage tags 2.7 --format json     for programs
  cargo pyimage tags --repository ghcr.io/me/python";

pub(super) const TAG_EXAMPLES: &str = "\
Examples:
  cargo pyimage tag 3.13-slim
  cargo pyimage tag alpine --format json
  cargo pyimage tag ghcr.io/me/python:3.13     an image made from the official one";

/// `cargo pyimage tags`.
#[derive(Debug, Args)]
pub struct TagsArgs {
    /// Words of the tag or their beginnings (`3.13`, `slim`, `3.13-bookworm`), or a pattern with `*`
    pub filter: Option<String>,

    /// Only this variant
    #[arg(long, value_parser = variants())]
    pub variant: Option<Variant>,

    /// Only tags that have this platform, and only its size
    #[arg(long)]
    pub platform: Option<Platform>,

    /// Everything that the registry lists
    #[arg(long)]
    pub all: bool,

    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,

    /// Another repository with tags like those of the official image
    #[arg(long, value_name = "IMAGE", default_value = "python")]
    pub repository: String,
}

/// `cargo pyimage tag`.
#[derive(Debug, Args)]
pub struct TagArgs {
    /// A tag of the official image, or the reference of one made from it
    pub tag: String,

    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

const VARIANTS: [(&str, Variant); 6] = [
    ("full", Variant::Full),
    ("slim", Variant::Slim),
    ("alpine", Variant::Alpine),
    ("windowsservercore", Variant::WindowsServerCore),
    ("nanoserver", Variant::NanoServer),
    ("onbuild", Variant::Onbuild),
];

fn variants() -> impl TypedValueParser<Value = Variant> {
    PossibleValuesParser::new(VARIANTS.map(|(name, _)| name)).map(|name| {
        // Only the names of the list get here.
        VARIANTS.iter().find(|(known, _)| *known == name).map_or(Variant::Full, |(_, variant)| *variant)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_has_its_name() {
        for (name, variant) in VARIANTS {
            assert_eq!(variant.to_string(), name);
        }
    }
}

//! `cargo pyimage sbom`, and how SBOMs are asked for elsewhere.

use camino::Utf8PathBuf;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use pyimage_build::{Platform, SbomFormat};

use super::SourceArgs;

pub(super) const SBOM_EXAMPLES: &str = "\
It has the base and every wheel with its version, address, digest and licence, from the locks.
Licences are what the wheels say: those that are not in the cache are fetched. Nothing is built.
The same locks give the same bytes; SOURCE_DATE_EPOCH is the time in it, or the first of 1970.

Examples:
  cargo pyimage sbom                           all platforms in one document
  cargo pyimage sbom --platform linux/arm64    one
  cargo pyimage sbom --format spdx -o app.spdx.json
  cargo pyimage push --sbom                    attach one to each image that is pushed";

/// `cargo pyimage sbom`.
#[derive(Debug, Args)]
pub struct SbomArgs {
    /// How to write it: CycloneDX 1.6 or SPDX 2.3, as JSON
    #[arg(long, value_name = "FORMAT", default_value = "cyclonedx", value_parser = sbom_formats())]
    pub format: SbomFormat,

    /// Only for this platform, for example `linux/arm64`
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Vec<Platform>,

    /// The file that is written [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<Utf8PathBuf>,

    /// Which image.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// `cyclonedx` and `spdx`.
pub(super) fn sbom_formats() -> impl TypedValueParser<Value = SbomFormat> {
    let formats = [SbomFormat::CycloneDx, SbomFormat::Spdx];
    PossibleValuesParser::new(["cyclonedx", "spdx"]).map(move |name| {
        // Only the names of the list get here.
        formats.into_iter().find(|format| format.to_string() == name).unwrap_or_default()
    })
}

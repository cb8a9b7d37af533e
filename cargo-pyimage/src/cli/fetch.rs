//! `cargo pyimage fetch`.

use clap::Args;
use pyimage_build::Platform;

use super::SourceArgs;

pub(super) const FETCH_EXAMPLES: &str = "\
It is for what comes later without a network: `cargo pyimage build --offline`, and build scripts
with an image. What is not in the cache of wheels, Debian's packages and bytecode is fetched, built
and compiled, and layers are made of it. Of the base, `build` needs nothing but its lock; an
engine needs its layers: before `load --offline` and `run --offline`, have the engine pull it, or
load once. What the package's own Rust programs need, `cargo fetch` fetches.

Examples:
  cargo pyimage fetch                          for every image and platform
  cargo pyimage fetch --locked                 for CI: fail where a lock is stale
  cargo pyimage fetch --image web --platform linux/arm64
  cargo pyimage fetch --frozen                 fail where something is missing";

/// `cargo pyimage fetch`.
#[derive(Debug, Args)]
pub struct FetchArgs {
    /// Only for this platform, for example `linux/arm64`
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Vec<Platform>,

    /// Which images.
    #[command(flatten)]
    pub source: SourceArgs,
}

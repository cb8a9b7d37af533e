//! `cargo pyimage cache`.

use clap::Args;
use pyrun::cache::Limit;

use super::Format;

pub(super) const CACHE_EXAMPLES: &str = "\
An AGE is like `30d`, `12h`, `90min` or `2w`, a SIZE like `2GB`, `500MB` or `1.5GiB`. With a size,
what was not used for longest goes first. What a script runs with stays, and so does what its
packages are made of; what was removed is made or downloaded again when it is needed.

Examples:
  cargo pyimage cache                         what is there, and how big
  cargo pyimage cache --format json           for programs: bytes, and seconds since 1970
  cargo pyimage cache --prune 30d             remove what was not used for 30 days
  cargo pyimage cache --prune 2GB --dry-run   what would go to leave 2 GB";

/// `cargo pyimage cache`.
#[derive(Debug, Args)]
pub struct CacheArgs {
    /// Remove what was not used for so long, or what was not used for longest until so much is left
    #[arg(long, value_name = "AGE|SIZE", allow_hyphen_values = true)]
    pub prune: Option<Limit>,

    /// Remove nothing, and show what would go
    #[arg(long, requires = "prune")]
    pub dry_run: bool,

    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

//! What an image has besides its layers.

use std::collections::{BTreeMap, BTreeSet};

/// What an image has besides its layers. What is not said is the base's.
///
/// ```
/// use pyimage_build::ImageOptions;
///
/// let options = ImageOptions { user: Some("1000:1000".to_owned()), ..ImageOptions::default() };
/// assert_eq!(options.working_dir, "/usr/src/app");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageOptions {
    /// The program, with the arguments that it always gets. With it the base's command is gone.
    pub entrypoint: Option<Vec<String>>,
    /// The arguments that it gets where `docker run` gives none; without an entry point, the program.
    pub cmd: Option<Vec<String>>,
    /// Variables. In a value, `${PATH}` is what the base has of this name, and `$${` is `${`.
    pub env: BTreeMap<String, String>,
    /// The working directory, an absolute path.
    pub working_dir: String,
    /// The user, and perhaps the group, by name or number: `app`, `1000:1000`.
    pub user: Option<String>,
    /// Ports that are listened on: `8080`, `53/udp`.
    pub exposed_ports: BTreeSet<String>,
    /// Folders that containers keep elsewhere, absolute paths.
    pub volumes: BTreeSet<String>,
    /// Labels, besides the base's.
    pub labels: BTreeMap<String, String>,
    /// Annotations of the manifest and the index; they replace those that are made from what follows.
    pub annotations: BTreeMap<String, String>,
    /// The signal that ends a container: `SIGINT`, `2`.
    pub stop_signal: Option<String>,
    /// When it was made, in seconds since 1970: `SOURCE_DATE_EPOCH`, or 0.
    pub created: u64,
    /// Where its source is: an address.
    pub source: Option<String>,
    /// Which revision of the source it is of.
    pub revision: Option<String>,
}

impl Default for ImageOptions {
    fn default() -> Self {
        Self {
            entrypoint: None,
            cmd: None,
            env: BTreeMap::new(),
            working_dir: Self::WORKING_DIR.to_owned(),
            user: None,
            exposed_ports: BTreeSet::new(),
            volumes: BTreeSet::new(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            stop_signal: None,
            created: 0,
            source: None,
            revision: None,
        }
    }
}

impl ImageOptions {
    /// Where projects are, where they do not say: what the official image's description has its users do.
    ///
    /// ```
    /// assert_eq!(pyimage_build::ImageOptions::WORKING_DIR, "/usr/src/app");
    /// ```
    pub const WORKING_DIR: &'static str = "/usr/src/app";

    /// When it was made, as RFC 3339 has it.
    pub(super) fn created_text(&self) -> String {
        crate::date::rfc3339(self.created)
    }
}

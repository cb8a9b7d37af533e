//! What the official build's list says of a tag: its suite, its platforms, its other names.

use super::{DebianRelease, PythonTag, Suite, Variant};
use crate::Platform;
use crate::official::{Build, Image, WINDOWS, history};

impl PythonTag {
    /// The release of the operating system: the one that the tag names, else the one that the official build gives such
    /// a tag today, or gave it last where it is not built any more.
    ///
    /// None where the tag names none and none is known: for Windows, where one tag stands for several releases, for
    /// former prereleases, and for patch releases of the first years.
    ///
    /// ```
    /// # use pyimage_build::PythonTag;
    /// let suite = |tag: &str| -> Result<_, pyimage_build::PythonTagError> {
    ///     Ok(tag.parse::<PythonTag>()?.effective_suite().map(|suite| suite.to_string()))
    /// };
    /// assert_eq!(suite("3.13-slim-bookworm")?.as_deref(), Some("bookworm"));
    /// assert_eq!(suite("3.13-slim")?.as_deref(), Some("trixie"));
    /// assert_eq!(suite("3.13.5-slim")?.as_deref(), Some("bookworm"));
    /// assert_eq!(suite("2.7-slim")?.as_deref(), Some("buster"));
    /// assert_eq!(suite("2.7.9-slim")?, None);
    /// # Ok::<(), pyimage_build::PythonTagError>(())
    /// ```
    #[must_use]
    pub fn effective_suite(&self) -> Option<Suite> {
        if self.suite.is_some() {
            return self.suite.clone();
        }
        let version = self.version.as_ref();
        match self.variant {
            // `rc` was last listed in September 2021, as 3.10.0rc2.
            Variant::Full | Variant::Slim if self.is_rc() => Some(Suite::Debian(DebianRelease::Bullseye)),
            Variant::Alpine if self.is_rc() => Some(Suite::Alpine { major: 3, minor: 14 }),
            Variant::Full | Variant::Slim => history::debian(version).map(Suite::Debian),
            Variant::Alpine => history::alpine(version).map(|minor| Suite::Alpine { major: 3, minor }),
            // Those that floated when the variant ended were on jessie.
            Variant::Onbuild if matches!(self.text.as_str(), "onbuild" | "2-onbuild" | "3-onbuild") => {
                Some(Suite::Debian(DebianRelease::Jessie))
            }
            Variant::Onbuild | Variant::WindowsServerCore | Variant::NanoServer => None,
        }
    }

    /// The platforms that the official build covers for this tag, or covered last; none where that is not known.
    ///
    /// The registry has the last word: an image for a slow architecture arrives days after the others. What is known
    /// here are the tags that are built now and those of each ended version's last day, not those of patch releases in
    /// between.
    ///
    /// ```
    /// # use pyimage_build::{Platform, PythonTag};
    /// let has = |tag: &str, platform: &str| -> Result<_, Box<dyn std::error::Error>> {
    ///     let platform: Platform = platform.parse()?;
    ///     Ok(tag.parse::<PythonTag>()?.official_platforms().map(|platforms| platforms.contains(&platform)))
    /// };
    /// assert_eq!(has("3.13-slim", "linux/arm/v5")?, Some(true));
    /// assert_eq!(has("3.13-slim-bookworm", "linux/arm/v5")?, Some(false));
    /// assert_eq!(has("3.13-alpine", "linux/arm/v6")?, Some(true));
    /// assert_eq!(has("3.13", "windows/amd64")?, Some(true));
    /// assert_eq!(has("3.13-trixie", "windows/amd64")?, Some(false));
    /// assert_eq!(has("3.5.1", "linux/amd64")?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn official_platforms(&self) -> Option<Vec<Platform>> {
        let (build, image) = self.listed()?;
        // Without variant and suite, one name serves Linux and Windows.
        let shared = self.variant == Variant::Full && self.suite.is_none() && !build.windows.is_empty();
        let windows = if shared { WINDOWS } else { &[] };
        Some(image.platforms.iter().chain(windows).filter_map(|platform| platform.parse().ok()).collect())
    }

    /// The other tags that name the same image today, or named it last; of tags that serve Linux and Windows, the
    /// same Linux image.
    ///
    /// The patch release that a floating tag means is not among them while its Python is supported, as this crate cannot
    /// know it. A registry tells it: tags with the same digest are aliases.
    ///
    /// ```
    /// # use pyimage_build::PythonTag;
    /// let aliases = |tag: &str| -> Result<Vec<String>, pyimage_build::PythonTagError> {
    ///     Ok(tag.parse::<PythonTag>()?.aliases().iter().map(ToString::to_string).collect())
    /// };
    /// assert_eq!(aliases("3.13-slim")?, ["3.13-slim-trixie"]);
    /// assert_eq!(aliases("latest")?, ["3.15", "3", "3.15-trixie", "3-trixie", "trixie"]);
    /// assert_eq!(
    ///     aliases("2-slim")?,
    ///     ["2.7.18-slim", "2.7-slim", "2.7.18-slim-buster", "2.7-slim-buster", "2-slim-buster"],
    /// );
    /// # Ok::<(), pyimage_build::PythonTagError>(())
    /// ```
    #[must_use]
    pub fn aliases(&self) -> Vec<Self> {
        let Some((build, image)) = self.listed() else { return Vec::new() };
        let names = build.names(&image).into_iter().filter(|name| name != self.as_str());
        names.filter_map(|name| name.parse().ok()).collect()
    }

    /// The image in the list that has this name.
    fn listed(&self) -> Option<(&'static Build, Image)> {
        if self.is_rc() {
            return None;
        }
        let build = Build::of(self.version.as_ref())?;
        let suite = self.effective_suite();
        let image =
            build.images().into_iter().find(|image| image.variant == self.variant && image.suite == suite)?;
        Some((build, image))
    }
}

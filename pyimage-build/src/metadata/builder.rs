//! Who builds an image.

use std::str::FromStr;

/// Who builds an image.
///
/// ```
/// use pyimage_build::ImageBuilder;
///
/// assert_eq!("dockerfile".parse(), Ok(ImageBuilder::Dockerfile));
/// assert_eq!(ImageBuilder::default(), ImageBuilder::Native);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImageBuilder {
    /// It is assembled, for every platform, without an engine.
    #[default]
    Native,
    /// An engine builds it from a Dockerfile.
    Dockerfile,
}

impl ImageBuilder {
    /// Their names.
    ///
    /// ```
    /// assert_eq!(pyimage_build::ImageBuilder::NAMES, ["native", "dockerfile"]);
    /// ```
    pub const NAMES: [&'static str; 2] = ["native", "dockerfile"];
}

impl FromStr for ImageBuilder {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "native" => Ok(Self::Native),
            "dockerfile" => Ok(Self::Dockerfile),
            _ => Err(()),
        }
    }
}

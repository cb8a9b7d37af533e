//! Which commit an image says that it is of.

use std::str::FromStr;

/// Which commit an image says that it is of, in `org.opencontainers.image.revision`.
///
/// ```
/// use pyimage_build::ImageRevision;
///
/// assert_eq!("none".parse(), Ok(ImageRevision::None));
/// assert_eq!("77aa1d8".parse(), Ok(ImageRevision::Commit("77aa1d8".to_owned())));
/// assert_eq!("main".parse::<ImageRevision>(), Err(()));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ImageRevision {
    /// git's, where all that goes into the image is as that has it.
    #[default]
    Git,
    /// None, so that those who cannot ask git make the same image.
    None,
    /// This one, as whoever builds it knows.
    Commit(String),
}

/// The lengths that names of commits have, from short ones on.
const LENGTHS: std::ops::RangeInclusive<usize> = 7..=64;

impl ImageRevision {
    /// The commit that is said without asking anybody.
    ///
    /// ```
    /// assert_eq!(pyimage_build::ImageRevision::Git.commit(), None);
    /// ```
    #[must_use]
    pub fn commit(&self) -> Option<&str> {
        match self {
            Self::Commit(commit) => Some(commit),
            Self::Git | Self::None => None,
        }
    }
}

impl FromStr for ImageRevision {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match text {
            "git" => Ok(Self::Git),
            "none" => Ok(Self::None),
            _ if LENGTHS.contains(&text.len()) && text.bytes().all(is_digit) => {
                Ok(Self::Commit(text.to_owned()))
            }
            _ => Err(()),
        }
    }
}

//! Content digests, as the OCI image-spec defines them.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

#[cfg(feature = "image")]
use serde::{Deserialize, Serialize};

use crate::sha256::Sha256;

/// A hash function that digests may be made with.
///
/// These are the two that the image-spec registers and registries use. Others fit the spec's grammar, but
/// what they name could not be verified, so they are refused.
///
/// ```
/// use pyimage_build::DigestAlgorithm;
///
/// assert_eq!(DigestAlgorithm::Sha256.as_str(), "sha256");
/// assert_eq!(DigestAlgorithm::Sha512.hex_len(), 128);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DigestAlgorithm {
    /// SHA-256, what nearly every registry and tool uses.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl DigestAlgorithm {
    /// The name that stands before the colon.
    ///
    /// ```
    /// assert_eq!(pyimage_build::DigestAlgorithm::Sha512.as_str(), "sha512");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// How many hex digits the hash has.
    ///
    /// ```
    /// assert_eq!(pyimage_build::DigestAlgorithm::Sha256.hex_len(), 64);
    /// ```
    #[must_use]
    pub const fn hex_len(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

impl fmt::Display for DigestAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The digest of some content: `sha256:` and 64 lower-case hex digits, or `sha512:` and 128.
///
/// The grammar is that of the OCI [image-spec]. A digest prints exactly as it was given, and a value of this
/// type is always well formed; whether it matches some bytes is for the one who has the bytes to check.
///
/// ```
/// use pyimage_build::{Digest, DigestAlgorithm};
///
/// let hex = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
/// let digest: Digest = format!("sha256:{hex}").parse()?;
/// assert_eq!(digest.algorithm(), DigestAlgorithm::Sha256);
/// assert_eq!(digest.hex(), hex);
/// # Ok::<(), pyimage_build::DigestError>(())
/// ```
///
/// [image-spec]: https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "image", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "image", serde(try_from = "String", into = "String"))]
pub struct Digest {
    algorithm: DigestAlgorithm,
    text: String,
}

impl Digest {
    /// The digest whose SHA-256 hash this is.
    ///
    /// ```
    /// use pyimage_build::Digest;
    ///
    /// let digest = Digest::from_sha256([0xab; 32]);
    /// assert_eq!(digest.as_str(), format!("sha256:{}", "ab".repeat(32)));
    /// ```
    #[must_use]
    pub fn from_sha256(hash: [u8; 32]) -> Self {
        Self::from_hash(DigestAlgorithm::Sha256, &hash)
    }

    pub(crate) fn from_hash(algorithm: DigestAlgorithm, hash: &[u8]) -> Self {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(algorithm.as_str().len() + 1 + algorithm.hex_len());
        text.push_str(algorithm.as_str());
        text.push(':');
        for byte in hash {
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 0xf)]));
        }
        Self { algorithm, text }
    }

    /// The SHA-256 digest of these bytes.
    ///
    /// ```
    /// use pyimage_build::Digest;
    ///
    /// let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    /// assert_eq!(Digest::of(b"").as_str(), empty);
    /// ```
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(bytes);
        Self::from_sha256(hasher.finish())
    }

    /// Whether it is the digest of these bytes.
    ///
    /// ```
    /// use pyimage_build::Digest;
    ///
    /// assert!(Digest::of(b"one").matches(b"one"));
    /// assert!(!Digest::of(b"one").matches(b"two"));
    /// ```
    #[cfg(feature = "image")]
    #[must_use]
    pub fn matches(&self, bytes: &[u8]) -> bool {
        let mut hasher = self.hasher();
        hasher.update(bytes);
        hasher.finish().is_ok()
    }

    /// Starts to check content against this digest that comes piece by piece.
    ///
    /// ```
    /// use pyimage_build::Digest;
    ///
    /// let mut hasher = Digest::of(b"one and two").hasher();
    /// hasher.update(b"one and ");
    /// hasher.update(b"two");
    /// assert_eq!(hasher.finish(), Ok(()));
    /// ```
    #[cfg(feature = "image")]
    #[must_use]
    pub fn hasher(&self) -> DigestHasher {
        let state = match self.algorithm {
            DigestAlgorithm::Sha256 => State::Sha256(Sha256::new()),
            DigestAlgorithm::Sha512 => State::Sha512(sha2::Digest::new()),
        };
        DigestHasher { wanted: self.clone(), state }
    }

    /// The hash function.
    ///
    /// ```
    /// use pyimage_build::{Digest, DigestAlgorithm};
    ///
    /// assert_eq!(Digest::from_sha256([0; 32]).algorithm(), DigestAlgorithm::Sha256);
    /// ```
    #[must_use]
    pub const fn algorithm(&self) -> DigestAlgorithm {
        self.algorithm
    }

    /// The hash, in lower-case hex: what stands after the colon.
    ///
    /// ```
    /// use pyimage_build::Digest;
    ///
    /// assert_eq!(Digest::from_sha256([0; 32]).hex(), "0".repeat(64));
    /// ```
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.text[self.algorithm.as_str().len() + 1..]
    }

    /// The whole digest: algorithm, colon, hash.
    ///
    /// ```
    /// use pyimage_build::Digest;
    ///
    /// assert!(Digest::from_sha256([0; 32]).as_str().starts_with("sha256:00"));
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Content being checked against a digest.
///
/// ```
/// use pyimage_build::Digest;
///
/// let mut hasher = Digest::of(b"one").hasher();
/// hasher.update(b"two");
/// assert_eq!(hasher.finish(), Err(Digest::of(b"two")));
/// ```
#[cfg(feature = "image")]
#[derive(Clone, Debug)]
pub struct DigestHasher {
    wanted: Digest,
    state: State,
}

#[cfg(feature = "image")]
#[derive(Clone, Debug)]
enum State {
    Sha256(Sha256),
    Sha512(sha2::Sha512),
}

#[cfg(feature = "image")]
impl DigestHasher {
    /// Takes the next bytes.
    ///
    /// ```
    /// # use pyimage_build::Digest;
    /// let mut hasher = Digest::of(b"").hasher();
    /// hasher.update(b"");
    /// assert!(hasher.finish().is_ok());
    /// ```
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Sha256(hasher) => hasher.update(bytes),
            State::Sha512(hasher) => sha2::Digest::update(hasher, bytes),
        }
    }

    /// Says whether the content had the digest; the error is the digest that it has.
    ///
    /// ```
    /// # use pyimage_build::Digest;
    /// assert_eq!(Digest::of(b"one").hasher().finish(), Err(Digest::of(b"")));
    /// ```
    pub fn finish(self) -> Result<(), Digest> {
        let found = match self.state {
            State::Sha256(hasher) => Digest::from_sha256(hasher.finish()),
            State::Sha512(hasher) => {
                Digest::from_hash(DigestAlgorithm::Sha512, &sha2::Digest::finalize(hasher))
            }
        };
        if found == self.wanted { Ok(()) } else { Err(found) }
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.text
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let malformed = || DigestError::Malformed(text.to_owned());
        let (name, hex) = text.split_once(':').ok_or_else(malformed)?;
        let algorithm = match name {
            "sha256" => DigestAlgorithm::Sha256,
            "sha512" => DigestAlgorithm::Sha512,
            _ if is_algorithm(name) && is_encoded(hex) => {
                return Err(DigestError::UnsupportedAlgorithm {
                    digest: text.to_owned(),
                    algorithm: name.to_owned(),
                });
            }
            _ => return Err(malformed()),
        };
        if !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(DigestError::NotHex(text.to_owned()));
        }
        if hex.len() != algorithm.hex_len() {
            return Err(DigestError::WrongLength { digest: text.to_owned(), algorithm, found: hex.len() });
        }
        Ok(Self { algorithm, text: text.to_owned() })
    }
}

/// `algorithm ::= component (separator component)*`, of lower-case letters and digits.
fn is_algorithm(name: &str) -> bool {
    name.split(['+', '.', '_', '-']).all(|component| {
        !component.is_empty() && component.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

/// `encoded ::= [a-zA-Z0-9=_-]+`.
fn is_encoded(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'=' | b'_' | b'-'))
}

/// Why a text is not a [`Digest`].
///
/// ```
/// use pyimage_build::Digest;
///
/// let error = "sha256:abc".parse::<Digest>().unwrap_err();
/// assert_eq!(error.to_string(), "digest `sha256:abc` has 3 hex digits, sha256 takes 64");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DigestError {
    /// The text is not an algorithm, a colon and an encoded hash.
    Malformed(String),
    /// The digest is well formed, but its hash function is neither SHA-256 nor SHA-512.
    UnsupportedAlgorithm {
        /// The whole digest.
        digest: String,
        /// Its algorithm.
        algorithm: String,
    },
    /// The hash has characters other than `0` to `9` and `a` to `f`.
    NotHex(String),
    /// The hash is longer or shorter than the algorithm makes it.
    WrongLength {
        /// The whole digest.
        digest: String,
        /// Its algorithm.
        algorithm: DigestAlgorithm,
        /// How many hex digits it has.
        found: usize,
    },
}

impl fmt::Display for DigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(value) => {
                write!(f, "`{value}` is not a digest, which is written `sha256:` and 64 hex digits")
            }
            Self::UnsupportedAlgorithm { digest, algorithm } => {
                write!(f, "digest `{digest}` uses `{algorithm}`, only `sha256` and `sha512` are supported")
            }
            Self::NotHex(value) => {
                write!(f, "digest `{value}` has a character that is not a lower-case hex digit")
            }
            Self::WrongLength { digest, algorithm, found } => write!(
                f,
                "digest `{digest}` has {found} hex digits, {algorithm} takes {expected}",
                expected = algorithm.hex_len()
            ),
        }
    }
}

impl Error for DigestError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(text: &str) -> String {
        text.parse::<Digest>().unwrap_err().to_string()
    }

    #[test]
    fn refusals_say_why() {
        assert_eq!(error(""), "`` is not a digest, which is written `sha256:` and 64 hex digits");
        for malformed in ["sha256", ":", "SHA256:ab", "sha+:ab", "md5:", "md5:a b", "sha256sha256"] {
            assert!(matches!(malformed.parse::<Digest>(), Err(DigestError::Malformed(_))), "{malformed}");
        }
        assert_eq!(
            error("multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8"),
            "digest `multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8` uses `multihash+base58`, \
             only `sha256` and `sha512` are supported"
        );
        assert_eq!(error("sha512:ab"), "digest `sha512:ab` has 2 hex digits, sha512 takes 128");
        assert_eq!(error("sha256:"), "digest `sha256:` has 0 hex digits, sha256 takes 64");
        let upper = format!("sha256:{}", "AB".repeat(32));
        assert_eq!(
            error(&upper),
            format!("digest `{upper}` has a character that is not a lower-case hex digit")
        );
    }

    proptest! {
        #[test]
        fn round_trips(text in "sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}") {
            let digest: Digest = text.parse().unwrap();
            prop_assert_eq!(digest.to_string(), text.clone());
            prop_assert_eq!(format!("{}:{}", digest.algorithm(), digest.hex()), text);
        }

        #[test]
        fn hashes_become_digests(hash: [u8; 32]) {
            let digest = Digest::from_sha256(hash);
            prop_assert_eq!(digest.as_str().parse::<Digest>(), Ok(digest.clone()));
        }

        #[test]
        fn never_panics(text in "\\PC*|(sha256|sha512|[a-z+._-]{1,9}):[\\PC]{0,130}") {
            if let Ok(digest) = text.parse::<Digest>() {
                prop_assert_eq!(digest.to_string(), text);
            }
        }
    }
}

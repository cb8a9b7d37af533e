//! SHA-256, as fast as it is wanted: in programs to run, in build scripts to compile.

#[cfg(not(feature = "image"))]
use hmac_sha256::Hash as Inner;
#[cfg(feature = "image")]
use sha2::Sha256 as Inner;

/// A hash of bytes that come piece by piece.
///
/// sha2 uses what the processor has for it. In build scripts, where nothing is optimised, that makes it no faster, and it
/// comes with seven more crates to compile.
#[derive(Clone)]
#[cfg_attr(feature = "image", derive(Debug))]
pub(crate) struct Sha256(Inner);

impl Sha256 {
    pub(crate) fn new() -> Self {
        #[cfg(feature = "image")]
        return Self(sha2::Digest::new());
        #[cfg(not(feature = "image"))]
        Self(Inner::new())
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        #[cfg(feature = "image")]
        sha2::Digest::update(&mut self.0, bytes);
        #[cfg(not(feature = "image"))]
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        #[cfg(feature = "image")]
        return sha2::Digest::finalize(self.0).into();
        #[cfg(not(feature = "image"))]
        self.0.finalize()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hash(pieces: &[&[u8]]) -> [u8; 32] {
        let mut hasher = Sha256::new();
        for piece in pieces {
            hasher.update(piece);
        }
        hasher.finish()
    }

    proptest! {
        /// The tests have the feature `image`, so that each implementation is held against the other here.
        #[test]
        fn both_implementations_agree(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0..300usize) {
            let (one, other) = bytes.split_at(at.min(bytes.len()));
            prop_assert_eq!(hash(&[one, other]), hmac_sha256::Hash::hash(&bytes));
        }
    }
}

//! Short names for long things, as the cache and docker's contexts use them.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The sha256 of a text, 64 digits.
#[must_use]
pub fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// The first 20 digits of the sha256 of a text: enough for a name in a cache.
#[must_use]
pub fn short(text: &str) -> String {
    let mut digits = sha256(text);
    digits.truncate(20);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert_eq!(hex(&[0, 10, 255]), "000aff");
        assert_eq!(short(""), "e3b0c44298fc1c149afb");
    }
}

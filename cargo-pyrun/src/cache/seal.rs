//! Texts that are read only if they are whole.
//!
//! A lock or a list that was cut off between two lines still makes sense, and leaves something out. A first line with
//! the digest of the rest tells.

use crate::fingerprint;

/// The text behind its seal, which is a comment for TOML.
pub(crate) fn seal(text: &str) -> String {
    format!("# {}\n{text}", fingerprint::sha256(text))
}

/// What was sealed, if it is as it was.
pub(crate) fn unseal(sealed: &str) -> Option<&str> {
    let (first, text) = sealed.split_once('\n')?;
    (first.strip_prefix("# ")? == fingerprint::sha256(text)).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn only_what_is_whole_comes_back(text in "(?s).{0,60}", cut in 0..130_usize) {
            let sealed = seal(&text);
            prop_assert_eq!(unseal(&sealed), Some(text.as_str()));
            if let Some(part) = sealed.get(..cut).filter(|part| *part != sealed) {
                prop_assert_eq!(unseal(part), None);
            }
            let longer = format!("{sealed}x");
            prop_assert_eq!(unseal(&longer), None);
        }
    }
}

//! Text of others, for a terminal or a page: nothing in it can move a cursor or hide a part.

use std::fmt::Write as _;

/// Text from bytes that anyone may have written, such as a name in a layer.
///
/// Control characters, those that change the direction of text or have no width, and what is not UTF-8 are shown as
/// escapes; all else is as it was.
///
/// ```
/// use pyimage_build::printable;
///
/// assert_eq!(printable("naïve.py".as_bytes()), "naïve.py");
/// assert_eq!(printable(b"\x1b[2Jgone\n\xff"), r"\u{1b}[2Jgone\n\xff");
/// ```
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if is_hidden(letter) {
                text.extend(letter.escape_default());
            } else {
                text.push(letter);
            }
        }
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// Whether a character is not seen where it stands, or changes how others are.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_deceives_is_escaped() {
        for (bytes, shown) in [
            (&b"\x1b]0;title\x07"[..], r"\u{1b}]0;title\u{7}"),
            ("a\u{202e}yp.b".as_bytes(), r"a\u{202e}yp.b"),
            ("\u{9b}31m".as_bytes(), r"\u{9b}31m"),
            (b"tab\there\r\n", r"tab\there\r\n"),
            (b"\xc3\x28", r"\xc3("),
            ("übung 日本 🐍".as_bytes(), "übung 日本 🐍"),
        ] {
            assert_eq!(printable(bytes), shown);
        }
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_left(bytes: Vec<u8>) {
            let text = printable(&bytes);
            prop_assert!(!text.chars().any(is_hidden));
        }

        #[test]
        fn plain_text_stays(text in "[ -~äöü]*") {
            prop_assert_eq!(printable(text.as_bytes()), text);
        }
    }
}

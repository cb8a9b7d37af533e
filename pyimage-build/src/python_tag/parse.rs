//! The grammar of tags.

use super::version::number;
use super::{DebianRelease, PythonTag, PythonTagError, PythonVersion, Suite, Variant};

pub(super) fn tag(text: &str) -> Result<PythonTag, PythonTagError> {
    let tag = || text.to_owned();
    if text.is_empty() {
        return Err(PythonTagError::Empty);
    }
    if text.contains([':', '/', '@']) {
        return Err(PythonTagError::ImageReference(tag()));
    }
    if text.chars().any(char::is_uppercase) {
        return Err(PythonTagError::Uppercase(tag()));
    }
    let words: Vec<&str> = text.split('-').collect();
    if words.contains(&"") {
        return Err(PythonTagError::EmptyPart(tag()));
    }

    let (version, rest) = match words.as_slice() {
        [version, "rc", rest @ ..] if starts_with_digit(version) => {
            (Some(PythonVersion::parse(text, version, true)?), rest)
        }
        [version, rest @ ..] if starts_with_digit(version) => {
            (Some(PythonVersion::parse(text, version, false)?), rest)
        }
        ["latest"] => (None, &[][..]),
        ["latest", rest @ ..] => {
            return Err(PythonTagError::LatestWithVariant { tag: tag(), rest: rest.join("-") });
        }
        ["rc", rest @ ..] => (None, rest),
        words => (None, words),
    };
    let (variant, suite) = image(text, rest)?;
    Ok(PythonTag { text: tag(), version, variant, suite })
}

fn starts_with_digit(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
}

/// Reads what follows the version in `tag`: the variant and the suite.
fn image(tag: &str, words: &[&str]) -> Result<(Variant, Option<Suite>), PythonTagError> {
    let &[first, ref rest @ ..] = words else { return Ok((Variant::Full, None)) };
    let debian = |word: &str| DebianRelease::from_codename(word).map(Suite::Debian);

    let (variant, suite, rest) = match (first, rest) {
        ("slim", [word, rest @ ..]) if debian(word).is_some() => (Variant::Slim, debian(word), rest),
        ("slim", rest) => (Variant::Slim, None, rest),
        ("onbuild", rest) => (Variant::Onbuild, None, rest),
        ("windowsservercore" | "nanoserver", rest) => {
            let variant =
                if first == "nanoserver" { Variant::NanoServer } else { Variant::WindowsServerCore };
            match rest {
                [word, rest @ ..] if is_windows_release(word) => {
                    (variant, Some(Suite::Windows((*word).to_owned())), rest)
                }
                rest => (variant, None, rest),
            }
        }
        ("alpine", rest) => (Variant::Alpine, None, rest),
        (word, rest) => {
            let suite = alpine(word)
                .or_else(|| debian(word))
                .ok_or_else(|| PythonTagError::UnknownWord { tag: tag.to_owned(), word: word.to_owned() })?;
            let variant = if matches!(suite, Suite::Debian(_)) { Variant::Full } else { Variant::Alpine };
            (variant, Some(suite), rest)
        }
    };

    let &[word, ..] = rest else { return Ok((variant, suite)) };
    if let (Some(Suite::Debian(release)), Variant::Full, "slim") = (&suite, variant, word) {
        return Err(PythonTagError::SuiteBeforeSlim { tag: tag.to_owned(), suite: release.to_string() });
    }
    if !is_known(word) {
        return Err(PythonTagError::UnknownWord { tag: tag.to_owned(), word: word.to_owned() });
    }
    // `rest` is the end of `words` and shorter by at least the word that it follows.
    let after = words[words.len() - rest.len() - 1];
    Err(PythonTagError::Misplaced { tag: tag.to_owned(), word: word.to_owned(), after: after.to_owned() })
}

/// The name of any release, of whatever distribution.
pub(super) fn suite(name: &str) -> Option<Suite> {
    let debian = DebianRelease::from_codename(name).map(Suite::Debian);
    debian
        .or_else(|| alpine(name))
        .or_else(|| is_windows_release(name).then(|| Suite::Windows(name.to_owned())))
}

/// `alpine3.22`.
fn alpine(word: &str) -> Option<Suite> {
    let (major, minor) = word.strip_prefix("alpine")?.split_once('.')?;
    Some(Suite::Alpine { major: number(major)?, minor: number(minor)? })
}

/// `ltsc2022`, `sac2016` or `1809`: four digits, and a servicing channel before the year of newer ones.
fn is_windows_release(word: &str) -> bool {
    let digits = word.strip_prefix("ltsc").or_else(|| word.strip_prefix("sac")).unwrap_or(word);
    digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Whether the word has a place in some tag, or is a number, which is better called misplaced than unknown.
fn is_known(word: &str) -> bool {
    matches!(word, "slim" | "alpine" | "onbuild" | "windowsservercore" | "nanoserver" | "rc" | "latest")
        || DebianRelease::from_codename(word).is_some()
        || alpine(word).is_some()
        || is_windows_release(word)
        || starts_with_digit(word)
}

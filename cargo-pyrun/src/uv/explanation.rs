//! What uv says when it fails, as causes and hints.

use std::fmt;

/// uv's own explanation: one sentence, what is behind it, and what it advises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UvSays {
    text: String,
    cause: Option<Box<UvSays>>,
    hints: Vec<String>,
}

impl fmt::Display for UvSays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for UvSays {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

/// What a line of uv's begins with.
const STARTS: [(&str, Kind); 4] =
    [("error: ", Kind::Cause), ("cause: ", Kind::Cause), ("hint: ", Kind::Hint), ("warning: ", Kind::Other)];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Cause,
    Hint,
    Other,
}

impl UvSays {
    /// Takes apart what uv wrote to its stderr.
    pub(super) fn read(told: &str) -> Self {
        let mut parts: Vec<(Kind, String)> = Vec::new();
        for line in told.lines() {
            let text = line.trim().trim_start_matches("╰─▶ ").trim_start_matches(['×', '│', ' ']);
            let start = STARTS.iter().find_map(|(start, kind)| Some((*kind, text.strip_prefix(start)?)));
            match (start, parts.last_mut()) {
                (Some((kind, text)), _) => parts.push((kind, text.to_owned())),
                (None, _) if text.is_empty() => {}
                // A sentence goes on in the next line.
                (None, Some((_, last))) => {
                    last.push(' ');
                    last.push_str(text);
                }
                (None, None) => parts.push((Kind::Cause, text.to_owned())),
            }
        }
        let of = |wanted: Kind| {
            parts.iter().filter(move |(kind, _)| *kind == wanted).map(|(_, text)| text.clone())
        };
        let hints: Vec<_> = of(Kind::Hint).map(|hint| lowercase(&hint)).collect();
        let causes: Vec<_> = of(Kind::Cause).collect();
        let chain = causes.into_iter().rev().fold(None, |cause: Option<Self>, text| {
            Some(Self { text: lowercase(&text), cause: cause.map(Box::new), hints: Vec::new() })
        });
        let silent = || Self { text: "it did not say why".to_owned(), cause: None, hints: Vec::new() };
        Self { hints, ..chain.unwrap_or_else(silent) }
    }

    /// Its advice.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The host that did not answer, and what it was asked for, where that is why it failed.
    pub(super) fn unreachable(&self) -> Option<(String, String)> {
        let chain = std::iter::successors(Some(self), |says| says.cause.as_deref());
        let texts: Vec<_> = chain.map(|says| says.text.as_str()).collect();
        let failed = ["error sending request", "dns error", "tcp connect error", "error trying to connect"];
        if !texts.iter().any(|text| failed.iter().any(|words| text.contains(words))) {
            return None;
        }
        let after = |words: &str| texts.iter().find_map(|text| text.split_once(words).map(|(_, rest)| rest));
        let url = after("failed to fetch: ").or_else(|| after("for url ("))?;
        let url = url.trim_matches(['`', ')', '(']);
        // The page of a package in an index ends in a slash, a file does not.
        match url.strip_suffix('/').and_then(|page| page.rsplit_once('/')) {
            Some((index, package)) => Some((index.to_owned(), format!("`{package}`"))),
            None => Some((url.split('/').take(3).collect::<Vec<_>>().join("/"), format!("`{url}`"))),
        }
    }
}

/// The first letter as within a sentence, unless it is one of a name.
fn lowercase(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if first.is_uppercase() && (second.is_lowercase() || second == ' ') => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(says: &UvSays) -> Vec<&str> {
        std::iter::successors(Some(says), |says| says.cause.as_deref())
            .map(|says| says.text.as_str())
            .collect()
    }

    #[test]
    fn causes_and_hints_are_told_apart() {
        let says = UvSays::read(
            "warning: nothing to say\nerror: No solution found when resolving dependencies\n  cause: Because x was not found in the package \
             registry and you require x,\n      we can conclude that your requirements are unsatisfiable.\n\nhint: An index URL\n  (https://h) failed\n",
        );
        assert_eq!(
            chain(&says),
            [
                "no solution found when resolving dependencies",
                "because x was not found in the package registry and you require x, we can conclude that your requirements are unsatisfiable.",
            ]
        );
        assert_eq!(says.hints(), ["an index URL (https://h) failed"]);
        assert_eq!(says.unreachable(), None);
        assert_eq!(chain(&UvSays::read("")), ["it did not say why"]);
    }

    #[test]
    fn a_host_that_does_not_answer_is_named() {
        let says = |url: &str| {
            UvSays::read(&format!(
                "error: Request failed after 3 retries in 6.2s\n  cause: Failed to fetch: {url}\n  cause: error sending request for url ({url})\n  cause: client error (Connect)\n"
            ))
        };
        let named = |index: &str, what: &str| Some((index.to_owned(), what.to_owned()));
        assert_eq!(says("http://h:9/simple/demo/").unreachable(), named("http://h:9/simple", "`demo`"));
        assert_eq!(says("http://h:9/x.whl").unreachable(), named("http://h:9", "`http://h:9/x.whl`"));
    }
}

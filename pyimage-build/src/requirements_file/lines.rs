//! The lines of a requirements file, as pip puts them together.

/// A line with those that continue it, without comments; and the number of the first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) number: usize,
    pub(super) text: String,
}

/// The lines that say something.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = Vec::new();
    let mut open: Option<Line> = None;
    for (at, text) in text.lines().enumerate() {
        let is_comment = text.trim_start().starts_with('#');
        let mut line = open.take().unwrap_or_else(|| Line { number: at + 1, text: String::new() });
        if let Some(text) = text.strip_suffix('\\').filter(|_| !is_comment) {
            line.text.push_str(text);
            open = Some(line);
            continue;
        }
        // A comment ends what goes on before it, and is not to be taken for a fragment of it.
        if is_comment {
            line.text.push(' ');
        }
        line.text.push_str(text);
        lines.push(line);
    }
    lines.extend(open);
    for line in &mut lines {
        line.text = without_comment(&line.text).trim().to_owned();
    }
    lines.retain(|line| !line.text.is_empty());
    lines
}

/// A comment starts with a `#` at the start or behind a blank; elsewhere it is one of a URL.
fn without_comment(text: &str) -> &str {
    let mut blank = true;
    for (at, letter) in text.char_indices() {
        if letter == '#' && blank {
            return &text[..at];
        }
        blank = letter.is_whitespace();
    }
    text
}

/// The words of options: blanks divide them, quotes and backslashes keep blanks in them. None where a quote is not closed.
pub(super) fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(letters.next()),
            (None, letter) if letter.is_whitespace() => words.extend(word.take()),
            (_, letter) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_put_together() {
        let text = "\u{feff}a # b\r\n\n#c\nd \\\n  --e#f \\\n # g\nh\\\n\\\ni\n  j#k  \nl \\";
        let found: Vec<_> = lines(text).into_iter().map(|line| (line.number, line.text)).collect();
        let expected = [(1, "a"), (4, "d   --e#f"), (7, "hi"), (10, "j#k"), (11, "l")];
        assert_eq!(found, expected.map(|(number, text)| (number, text.to_owned())));
    }

    #[test]
    fn words_are_divided() {
        for (text, expected) in [
            ("", Some(&[][..])),
            (" -r  a b ", Some(&["-r", "a", "b"])),
            ("-r 'a b'c", Some(&["-r", "a bc"])),
            ("-r a\\ b \"c\\\"d\" 'e\\f'", Some(&["-r", "a b", "c\"d", "e\\f"])),
            ("\"\"", Some(&[""])),
            ("'a", None),
        ] {
            let found = words(text);
            assert_eq!(
                found.as_deref(),
                expected.map(|words| words.iter().map(ToString::to_string).collect::<Vec<_>>()).as_deref()
            );
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "(\\PC|[\\\\#\n\r \"']){0,40}") {
            for line in lines(&text) {
                prop_assert!(!line.text.is_empty() && line.number <= text.lines().count());
                let _ = words(&line.text);
            }
        }
    }
}

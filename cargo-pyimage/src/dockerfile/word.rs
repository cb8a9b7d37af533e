//! Values as the instructions of a Dockerfile take them.

use super::DockerfileError;

/// What is no special letter anywhere: not for the parser of lines, of words, or of globs.
const PLAIN: &str = "_./:@%+=,-";

/// A value in an instruction that puts variables in: in quotes where it has to be.
pub(super) fn word(text: &str, what: &str) -> Result<String, DockerfileError> {
    if !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || PLAIN.contains(letter))
    {
        return Ok(text.to_owned());
    }
    quoted(text, what)
}

/// The same, always in quotes.
pub(super) fn quoted(text: &str, what: &str) -> Result<String, DockerfileError> {
    quoted_but(text, what, |_| None)
}

/// The value of a variable, in which `${NAME}` is what the base has, and `$${` is `${`: the rest of it means itself.
pub(super) fn value(text: &str, what: &str) -> Result<String, DockerfileError> {
    quoted_but(text, what, |rest| {
        if let Some(after) = rest.strip_prefix("$${") {
            return Some(("\\${".to_owned(), rest.len() - after.len()));
        }
        let (name, _) = rest.strip_prefix("${")?.split_once('}')?;
        let is_letter = |(at, letter): (usize, char)| {
            letter == '_' || letter.is_ascii_alphabetic() || (at > 0 && letter.is_ascii_digit())
        };
        let is_name = !name.is_empty() && name.chars().enumerate().all(is_letter);
        is_name.then(|| (format!("${{{name}}}"), name.len() + 3))
    })
}

fn quoted_but(
    text: &str,
    what: &str,
    own: impl Fn(&str) -> Option<(String, usize)>,
) -> Result<String, DockerfileError> {
    check(text, what)?;
    let mut out = String::from("\"");
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let (taken, length) = match letter {
            '$' => own(rest).unwrap_or_else(|| ("\\$".to_owned(), 1)),
            '\\' | '"' => (format!("\\{letter}"), 1),
            letter => (letter.to_string(), letter.len_utf8()),
        };
        out.push_str(&taken);
        rest = &rest[length..];
    }
    out.push('"');
    Ok(out)
}

/// Words for an instruction that takes them as they are: `ENTRYPOINT`, `CMD`.
pub(super) fn exec(words: &[String], what: &str) -> Result<String, DockerfileError> {
    if words.iter().any(|word| word.contains('\0')) {
        return Err(inexpressible(what, "it has a NUL"));
    }
    Ok(json(words))
}

/// Words for an instruction that puts variables into a list: `VOLUME`, `COPY`.
pub(super) fn list<'w>(
    words: impl IntoIterator<Item = &'w str>,
    what: &str,
) -> Result<String, DockerfileError> {
    let mut escaped = Vec::new();
    for text in words {
        check(text, what)?;
        let mut out = String::new();
        for letter in text.chars() {
            if matches!(letter, '$' | '\\' | '"' | '\'') {
                out.push('\\');
            }
            out.push(letter);
        }
        escaped.push(out);
    }
    Ok(json(&escaped))
}

/// A word of a command that a shell reads.
pub(super) fn shell(text: &str, what: &str) -> Result<String, DockerfileError> {
    check(text, what)?;
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_./:@%+=,-".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return Ok(text.to_owned());
    }
    Ok(format!("'{}'", text.replace('\'', r"'\''")))
}

/// What an instruction cannot have in it in any spelling.
fn check(text: &str, what: &str) -> Result<(), DockerfileError> {
    match text.chars().find(|letter| matches!(letter, '\n' | '\r' | '\0')) {
        Some('\0') => Err(inexpressible(what, "it has a NUL")),
        Some(_) => Err(inexpressible(what, "it has more than one line")),
        None => Ok(()),
    }
}

fn json(words: &[String]) -> String {
    let quoted: Vec<_> =
        words.iter().map(|word| serde_json::Value::from(word.as_str()).to_string()).collect();
    format!("[{}]", quoted.join(", "))
}

pub(super) fn inexpressible(what: &str, reason: &'static str) -> DockerfileError {
    DockerfileError::Inexpressible { what: what.to_owned(), reason }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What Docker makes of a word in an instruction that puts variables in, after its `shell/lex.go`.
    pub(in crate::dockerfile) fn read_word(text: &str, variable: &dyn Fn(&str) -> String) -> String {
        let (mut out, mut letters) = (String::new(), text.chars().peekable());
        let mut quote = None;
        while let Some(letter) = letters.next() {
            match (letter, quote) {
                ('\'', None) => quote = Some('\''),
                ('\'', Some('\'')) => quote = None,
                (_, Some('\'')) => out.push(letter),
                ('"', None) => quote = Some('"'),
                ('"', Some(_)) => quote = None,
                ('\\', None) => out.extend(letters.next()),
                ('\\', Some(_)) => match letters.peek() {
                    Some('"' | '$' | '\\') => out.extend(letters.next()),
                    _ => out.push('\\'),
                },
                ('$', _) if letters.peek() == Some(&'{') => {
                    let name: String = letters.by_ref().skip(1).take_while(|&letter| letter != '}').collect();
                    out.push_str(&variable(&name));
                }
                ('$', _) => {
                    let mut name = String::new();
                    while letters
                        .peek()
                        .is_some_and(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
                    {
                        name.extend(letters.next());
                    }
                    out.push_str(&if name.is_empty() { "$".to_owned() } else { variable(&name) });
                }
                _ => out.push(letter),
            }
        }
        assert_eq!(quote, None, "{text}");
        out
    }

    fn gone(_: &str) -> String {
        "GONE".to_owned()
    }

    #[test]
    fn words_are_quoted_where_they_have_to_be() {
        assert_eq!(word("1000:1000", "user").unwrap(), "1000:1000");
        assert_eq!(word("a b", "user").unwrap(), "\"a b\"");
        assert_eq!(word("", "x").unwrap(), "\"\"");
        assert_eq!(
            value("/x:${PATH}:$HOME \"$${A}\" \\", "x").unwrap(),
            r#""/x:${PATH}:\$HOME \"\${A}\" \\""#
        );
        assert_eq!(value("${A:-b}", "x").unwrap(), r#""\${A:-b}""#);
        assert_eq!(
            exec(&["python3".to_owned(), "a\n\"b".to_owned()], "x").unwrap(),
            r#"["python3", "a\n\"b"]"#
        );
        assert_eq!(list(["/a b", "/$x"], "x").unwrap(), r#"["/a b", "/\\$x"]"#);
        let error = value("a\nb", "`env.X`").unwrap_err();
        assert_eq!(error.to_string(), "a Dockerfile cannot say what `env.X` is: it has more than one line");
    }

    proptest! {
        #[test]
        fn a_value_comes_back(text in "[^\n\r\0]{0,40}|[a-c$\\\\\"'{} #]{0,12}") {
            let plain = text.replace("${", "");
            prop_assert_eq!(read_word(&value(&plain, "x").unwrap(), &gone), plain.clone());
            prop_assert_eq!(read_word(&quoted(&text, "x").unwrap(), &gone), text.clone());
            prop_assert_eq!(read_word(&word(&text, "x").unwrap(), &gone), text.clone());
            let words: Vec<String> = serde_json::from_str(&list([text.as_str()], "x").unwrap()).unwrap();
            prop_assert_eq!(read_word(&words[0], &gone), text);
        }

        #[test]
        fn a_word_of_a_command_comes_back(text in "[^\0]{0,40}") {
            let line = exec(std::slice::from_ref(&text), "x").unwrap();
            prop_assert!(!line.contains('\n'));
            let words: Vec<String> = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(words, [text]);
        }

        #[test]
        fn what_has_several_lines_is_refused(before in "[^\0]{0,9}", after in "[^\0]{0,9}") {
            let lines = [format!("{before}\n{after}"), format!("{before}\r{after}")];
            prop_assert!(value(&lines[0], "x").is_err());
            prop_assert!(quoted(&lines[1], "x").is_err());
        }
    }
}

//! `~/.netrc`: logins by host, as curl, pip and uv read them.

use std::path::{Path, PathBuf};

use super::Login;

/// The entries of a netrc file, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Netrc {
    /// Each with its host; the default has none.
    entries: Vec<(Option<String>, Login)>,
}

impl Netrc {
    /// The file that `NETRC` names, else the one in the home. One that cannot be read has nothing.
    pub(super) fn read(named: Option<PathBuf>, home: Option<&Path>) -> Self {
        let file = named.or_else(|| Some(home?.join(if cfg!(windows) { "_netrc" } else { ".netrc" })));
        file.and_then(|file| fs_err::read_to_string(file).ok())
            .map(|text| Self::parse(&text))
            .unwrap_or_default()
    }

    fn parse(text: &str) -> Self {
        let words = words(text);
        let mut words = words.iter().map(String::as_str);
        let mut entries: Vec<(Option<String>, Login)> = Vec::new();
        let nobody = || Login { user: String::new(), password: String::new() };
        while let Some(word) = words.next() {
            match word {
                "machine" => entries.extend(words.next().map(|host| (Some(host.to_owned()), nobody()))),
                "default" => entries.push((None, nobody())),
                "login" | "user" | "password" | "account" => {
                    let value = words.next().unwrap_or_default().to_owned();
                    match (entries.last_mut(), word) {
                        (Some((_, login)), "password") => login.password = value,
                        (Some((_, login)), "login" | "user") => login.user = value,
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        Self { entries }
    }

    /// The login for a host.
    pub(super) fn login(&self, host: &str) -> Option<Login> {
        let of = |wanted: Option<&str>| self.entries.iter().find(|(host, _)| host.as_deref() == wanted);
        of(Some(host)).or_else(|| of(None)).map(|(_, login)| login.clone())
    }
}

/// The words of the file, without comments and macros. A word can be quoted.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut rest = line.trim();
        while !rest.is_empty() {
            // A password may start with a `#`; elsewhere it is a comment.
            let is_value =
                words.last().is_some_and(|last| matches!(last.as_str(), "password" | "login" | "account"));
            if rest.starts_with('#') && !is_value {
                break;
            }
            if rest.starts_with("macdef") {
                // It goes on to an empty line.
                lines.by_ref().take_while(|line| !line.trim().is_empty()).for_each(drop);
                break;
            }
            let (word, behind) = word(rest);
            words.push(word);
            rest = behind.trim_start();
        }
    }
    words
}

fn word(text: &str) -> (String, &str) {
    let quoted = text.starts_with('"');
    let mut word = String::new();
    let mut letters = text.char_indices().skip(usize::from(quoted));
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' if quoted => return (word, &text[at + 1..]),
            letter if letter.is_whitespace() && !quoted => return (word, &text[at..]),
            '\\' => word.extend(letters.next().map(|(_, letter)| letter)),
            letter => word.push(letter),
        }
    }
    (word, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hosts_have_logins() {
        let netrc = Netrc::parse(
            "# mine\nmachine a.example login me password #secret\nmachine b.example\n  login you # not me\n  password \"a b\\\"c\"\n\
             macdef init\nmachine c.example login no password no\n\ndefault login anyone password thing\n",
        );
        let login = |host: &str| netrc.login(host).map(|login| format!("{}:{}", login.user, login.password));
        assert_eq!(login("a.example").as_deref(), Some("me:#secret"));
        assert_eq!(login("b.example").as_deref(), Some("you:a b\"c"));
        assert_eq!(login("c.example").as_deref(), Some("anyone:thing"));
        assert_eq!(Netrc::parse("machine a.example login me").login("b.example"), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "(machine|login|password|default|macdef|[\"\\\\# \n]|\\PC){0,20}") {
            let _ = Netrc::parse(&text);
        }
    }
}

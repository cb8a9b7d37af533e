//! Logins in addresses.

use std::fmt;

use percent_encoding::percent_decode_str;
use reqwest::Url;

/// A name and a password, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Login {
    /// Takes the login out of an address.
    pub(super) fn take(url: &mut Url) -> Option<Self> {
        if url.username().is_empty() && url.password().is_none() {
            return None;
        }
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let login = Self { user: plain(url.username()), password: plain(url.password().unwrap_or_default()) };
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Some(login)
    }

    /// Puts it into an address, if that can have one.
    pub(super) fn put(&self, url: &mut Url) -> bool {
        url.set_username(&self.user).is_ok() && url.set_password(Some(&self.password)).is_ok()
    }
}

/// The addresses in a text.
pub(super) fn addresses(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("://").filter_map(|(at, _)| {
        // Of `git+https` it is what is behind the sign.
        let scheme = text[..at].bytes().rev().take_while(u8::is_ascii_alphanumeric).count();
        let ends =
            |letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | '<' | '>' | '`' | '#');
        let end = text[at..].find(ends).map_or(text.len(), |end| at + end);
        (scheme > 0).then(|| &text[at - scheme..end])
    })
}

/// The text with the values of `${NAME}`, as pip and uv have it; one that is not set stays as it is.
pub(super) fn with_variables(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        result.push_str(before);
        let value = after.split_once('}').and_then(|(name, behind)| Some((variable(name)?, behind)));
        rest = if let Some((value, behind)) = value {
            result.push_str(&value);
            behind
        } else {
            result.push_str("${");
            after
        };
    }
    result + rest
}

/// The text with `…` for whatever stands before the `@` of an address.
#[must_use]
pub fn without_logins(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        result.push_str(before);
        result.push_str("://");
        // A password may have any letter in it that no address has; the last `@` before the path ends it.
        let end = after.find(|letter: char| {
            letter.is_whitespace() || matches!(letter, '/' | '?' | '#' | '"' | '\'' | '`')
        });
        let authority = &after[..end.unwrap_or(after.len())];
        match authority.rsplit_once('@') {
            Some((_, host)) => {
                result.push_str("…@");
                result.push_str(host);
            }
            None => result.push_str(authority),
        }
        rest = &after[authority.len()..];
    }
    result + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_found_wherever_they_are() {
        let text = "-i https://me:pw@a.example/simple\nx @ git+ssh://git@h/x.git#egg=x\nurl = \"http://b.example\" # see (https://c)";
        let found: Vec<_> = addresses(text).collect();
        assert_eq!(
            found,
            ["https://me:pw@a.example/simple", "ssh://git@h/x.git", "http://b.example", "https://c)"]
        );
    }

    #[test]
    fn logins_are_hidden() {
        for (text, expected) in [
            ("at https://me:p@w@h.example/x and http://u@h", "at https://…@h.example/x and http://…@h"),
            ("no https://h.example/a@b here", "no https://h.example/a@b here"),
            ("://", "://"),
        ] {
            assert_eq!(without_logins(text), expected);
        }
    }

    #[test]
    fn a_login_comes_out_as_it_went_in() {
        let mut url = Url::parse("https://me:p%40s%2Fs@h.example/x").unwrap();
        let login = Login::take(&mut url).unwrap();
        assert_eq!(
            (login.user.as_str(), login.password.as_str(), url.as_str()),
            ("me", "p@s/s", "https://h.example/x")
        );
        assert!(login.put(&mut url));
        assert_eq!(Login::take(&mut url), Some(login.clone()));
        assert_eq!(format!("{login:?}"), "Login { user: \"me\", .. }");
    }

    #[test]
    fn variables_have_values() {
        let variable = |name: &str| (name == "T").then(|| "secret".to_owned());
        assert_eq!(with_variables("a${T}b${U}c${", &variable), "asecretb${U}c${");
    }

    proptest! {
        #[test]
        fn no_password_is_left(before in "[a-z ]{0,5}", password in "[!-~&&[^/?#\"'`]]{1,12}", path in "(/[a-z]{0,4})?") {
            let text = without_logins(&format!("{before}https://me:{password}@host.example{path}"));
            prop_assert_eq!(text, format!("{before}https://…@host.example{path}"));
        }

        #[test]
        fn nothing_panics(text in "(\\PC|://|@|\\$\\{|\\})*") {
            let _ = (addresses(&text).count(), without_logins(&text), with_variables(&text, &|_| None));
        }
    }
}

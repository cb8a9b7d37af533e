//! What a registry asks for, in `WWW-Authenticate`.

/// One way to authenticate, as [RFC 9110] has it.
///
/// [RFC 9110]: https://www.rfc-editor.org/rfc/rfc9110#name-www-authenticate
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A token, to be had [from a token service].
    ///
    /// [from a token service]: https://distribution.github.io/distribution/spec/auth/token/
    Bearer {
        /// The token service's address.
        realm: String,
        /// The registry's name there.
        service: Option<String>,
        /// What the token has to be good for, separated by spaces.
        scope: Option<String>,
    },
    /// User and password.
    Basic,
}

/// The challenges in a header that are understood, in its order.
pub(super) fn parse(header: &str) -> Vec<Challenge> {
    let mut rest = Cursor(header);
    let mut challenges = Vec::new();
    loop {
        rest.skip_separators();
        let scheme = rest.token();
        if scheme.is_empty() {
            // What fits no grammar is stepped over, so that a challenge behind it is found.
            let mut chars = rest.0.chars();
            if chars.next().is_none() {
                return challenges;
            }
            rest.0 = chars.as_str();
            continue;
        }
        let mut parameters = Vec::new();
        rest.skip_spaces();
        if !rest.skip_token68() {
            while let Some(parameter) = rest.parameter() {
                parameters.push(parameter);
            }
        }
        let mut take = |name: &str| {
            let index = parameters.iter().position(|(given, _)| given.eq_ignore_ascii_case(name))?;
            Some(parameters.swap_remove(index).1)
        };
        if scheme.eq_ignore_ascii_case("basic") {
            challenges.push(Challenge::Basic);
        } else if scheme.eq_ignore_ascii_case("bearer")
            && let Some(realm) = take("realm")
        {
            challenges.push(Challenge::Bearer { realm, service: take("service"), scope: take("scope") });
        }
    }
}

#[derive(Clone, Copy)]
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn skip_spaces(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    fn skip_separators(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t', ',']);
    }

    fn token(&mut self) -> &'a str {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let end = self.0.find(|c| !is_token(c)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        token
    }

    /// Steps over the single value that some schemes have in place of parameters: `Negotiate YII=`.
    fn skip_token68(&mut self) -> bool {
        let is_token68 = |c: char| c.is_ascii_alphanumeric() || "-._~+/".contains(c);
        let end = self.0.find(|c| !is_token68(c)).unwrap_or(self.0.len());
        let rest = self.0[end..].trim_start_matches('=').trim_start_matches([' ', '\t']);
        let alone = end > 0 && (rest.is_empty() || rest.starts_with(','));
        if alone {
            self.0 = rest;
        }
        alone
    }

    /// `, name = value` or `, name = "quoted value"`; anything else stays where it is, a new scheme too.
    fn parameter(&mut self) -> Option<(&'a str, String)> {
        let mut ahead = *self;
        ahead.skip_separators();
        let name = ahead.token();
        ahead.skip_spaces();
        ahead.0 = ahead.0.strip_prefix('=').filter(|_| !name.is_empty())?;
        ahead.skip_spaces();
        let value = if let Some(quoted) = ahead.0.strip_prefix('"') {
            ahead.0 = quoted;
            ahead.quoted()
        } else {
            // Lenient: some registries leave the quotes out where the grammar wants them.
            let end = ahead.0.find([',', ' ', '\t']).unwrap_or(ahead.0.len());
            let (value, rest) = ahead.0.split_at(end);
            ahead.0 = rest;
            value.to_owned()
        };
        *self = ahead;
        Some((name, value))
    }

    /// What is left of a quoted string, to its end quote or, if that is missing, to the header's end.
    fn quoted(&mut self) -> String {
        let mut value = String::new();
        let mut chars = self.0.chars();
        while let Some(c) = chars.next() {
            match c {
                '"' => break,
                '\\' => value.extend(chars.next()),
                c => value.push(c),
            }
        }
        self.0 = chars.as_str();
        value
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
            scope: scope.map(str::to_owned),
        }
    }

    #[test]
    fn what_registries_send_is_understood() {
        assert_eq!(
            parse(
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/python:pull,push""#
            ),
            [bearer(
                "https://auth.docker.io/token",
                Some("registry.docker.io"),
                Some("repository:library/python:pull,push")
            )]
        );
        assert_eq!(parse(r#"Basic realm="testbed""#), [Challenge::Basic]);
        assert_eq!(parse("basic"), [Challenge::Basic]);
        assert_eq!(parse(r#"bearer REALM = "a" , Service=b"#), [bearer("a", Some("b"), None)]);
    }

    #[test]
    fn several_challenges_are_kept_apart() {
        assert_eq!(
            parse(r#"Negotiate YII==, Basic realm="a, b=\"c\"", Bearer realm="t", error="x", Digest a=b"#),
            [Challenge::Basic, bearer("t", None, None)]
        );
        assert_eq!(parse(r#"Bearer realm="t",Basic"#), [bearer("t", None, None), Challenge::Basic]);
    }

    #[test]
    fn nonsense_is_no_challenge() {
        for nonsense in ["", ",,,", "Bearer", "Bearer service=x", "\"", "=", "Bearer =x", "é"] {
            assert_eq!(parse(nonsense), [], "{nonsense}");
        }
        assert_eq!(parse("é Basic"), [Challenge::Basic]);
        assert_eq!(parse(r#"Bearer realm="open"#), [bearer("open", None, None)]);
    }

    fn quoted(text: &str) -> String {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }

    proptest! {
        #[test]
        fn any_header_is_read_to_its_end(header in "\\PC*") {
            parse(&header);
        }

        #[test]
        fn any_header_of_the_right_letters_is_read_to_its_end(header in r#"[BbearersicZ68="\\, \t:/é]*"#) {
            parse(&header);
        }

        #[test]
        fn what_is_quoted_comes_back(
            realm in "\\PC*", service in proptest::option::of("\\PC*"), scope in proptest::option::of("\\PC*"),
            basic_first: bool, gap in " {0,3},[ ,]{0,3}",
        ) {
            let mut header = format!("Bearer realm={}", quoted(&realm));
            for (name, value) in [("service", &service), ("scope", &scope)] {
                if let Some(value) = value {
                    header = format!("{header}{gap}{name}={}", quoted(value));
                }
            }
            let expected = bearer(&realm, service.as_deref(), scope.as_deref());
            if basic_first {
                prop_assert_eq!(parse(&format!("Basic realm=\"x\"{gap}{header}")), [Challenge::Basic, expected]);
            } else {
                prop_assert_eq!(parse(&format!("{header}{gap}Basic realm=\"x\"")), [expected, Challenge::Basic]);
            }
        }
    }
}

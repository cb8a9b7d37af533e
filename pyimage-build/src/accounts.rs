//! The user that an image's program runs as, where its name is not one of the base's.

use std::collections::BTreeSet;

use crate::{BaseFacts, LayerContents, LayerError, LibcRelease, Suite, nearest};

/// The first number that people get.
const FIRST: u64 = 1000;
/// Names of at least so many letters are not mistaken for one another by one of them.
const LONG: usize = 5;

/// What an image adds to its base's `/etc/passwd` and `/etc/group`, so that a user or group of its settings is there.
///
/// A name that the base does not have gets the first free number from 1000 on, the same for user and group, a home of
/// its own in `/home`, and no shell. Numbers get nothing, as with Docker.
///
/// ```
/// use pyimage_build::{Accounts, BaseFacts, Suite};
///
/// let root = vec!["root:x:0:0:root:/root:/bin/bash".to_owned()];
/// let base = BaseFacts { passwd: root, group: vec!["root:x:0:".to_owned()], ..BaseFacts::default() };
/// let accounts = Accounts::of("app", &base, Suite::from_name("trixie").as_ref())?.unwrap();
/// assert_eq!(accounts.passwd[1], "app:x:1000:1000::/home/app:/usr/sbin/nologin");
/// assert_eq!(accounts.group[1], "app:x:1000:");
/// assert_eq!(Accounts::of("1000:1000", &base, None)?, None);
/// assert_eq!(Accounts::of("root", &base, None)?, None);
/// # Ok::<(), pyimage_build::AccountError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accounts {
    /// The lines of `/etc/passwd`.
    pub passwd: Vec<String>,
    /// The lines of `/etc/group`.
    pub group: Vec<String>,
    /// The new user's home.
    pub home: Option<Home>,
}

/// The folder of a user.
///
/// ```
/// let home = pyimage_build::Home { path: "home/app".to_owned(), uid: 1000, gid: 1000 };
/// assert!(!home.path.starts_with('/'), "as layers have paths");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// Where it is, from the root of the image.
    pub path: String,
    /// Whose it is.
    pub uid: u64,
    /// Its group.
    pub gid: u64,
}

/// Why a user cannot be added.
///
/// ```
/// use pyimage_build::{AccountError, Accounts, BaseFacts};
///
/// let base = BaseFacts { passwd: vec!["www-data:x:33:33::/var/www:/bin/sh".to_owned()], ..BaseFacts::default() };
/// let error = Accounts::of("www-date", &base, None).unwrap_err();
/// assert!(matches!(error, AccountError::Misspelt { nearest, .. } if nearest == "www-data"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// It is next to nothing from a name of the base.
    #[error("the base has no user or group `{name}`, and has `{nearest}`")]
    Misspelt {
        /// The name.
        name: String,
        /// The base's.
        nearest: String,
    },
    /// No system takes such a name.
    #[error(
        "`{name}` is no name of a user or group: it takes letters, digits, `-` and `_`, and no more than 32"
    )]
    Name {
        /// The name.
        name: String,
    },
}

impl Accounts {
    /// What `user`, such as `app`, `app:staff` or `1000`, adds to a base. Nothing, where the base has all that it names.
    ///
    /// ```
    /// use pyimage_build::{Accounts, BaseFacts};
    ///
    /// let base = BaseFacts { passwd: vec!["root:x:0:0:root:/root:/bin/bash".to_owned()], ..BaseFacts::default() };
    /// assert_eq!(Accounts::of("root", &base, None)?, None);
    /// assert!(Accounts::of("app", &base, None)?.is_some());
    /// # Ok::<(), pyimage_build::AccountError>(())
    /// ```
    ///
    /// # Errors
    /// Where a name is malformed, or all but a name of the base.
    pub fn of(user: &str, base: &BaseFacts, suite: Option<&Suite>) -> Result<Option<Self>, AccountError> {
        let (user, group) = match user.split_once(':') {
            Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
            None => (user, None),
        };
        let has = |lines: &[String], name: &str| lines.iter().any(|line| names(line) == name);
        let new_user = is_name(user) && !has(&base.passwd, user);
        // Without a group, a new user has one of its own name.
        let wanted = group.or(new_user.then_some(user));
        let new_group = wanted.filter(|group| is_name(group) && !has(&base.group, group));
        for (name, lines) in
            new_user.then_some((user, &base.passwd)).into_iter().chain(group.zip(Some(&base.group)))
        {
            if is_name(name) && !has(lines, name) {
                check(name, lines)?;
            }
        }
        if !new_user && new_group.is_none() {
            return Ok(None);
        }
        let taken: BTreeSet<u64> =
            base.passwd.iter().chain(&base.group).filter_map(|line| number(line)).collect();
        let id = (FIRST..=u64::from(u32::MAX)).find(|id| !taken.contains(id)).unwrap_or(FIRST);
        let mut accounts = Self { passwd: base.passwd.clone(), group: base.group.clone(), home: None };
        if let Some(group) = new_group {
            accounts.group.push(format!("{group}:x:{id}:"));
        }
        if new_user {
            let found = wanted.and_then(|group| base.group.iter().find(|line| names(line) == group));
            let own = wanted.and_then(|group| group.parse().ok());
            let gid = found.and_then(|line| number(line)).or(own).unwrap_or(id);
            let shell = nologin(suite);
            accounts.passwd.push(format!("{user}:x:{id}:{gid}::/home/{user}:{shell}"));
            accounts.home = Some(Home { path: format!("home/{user}"), uid: id, gid });
        }
        Ok(Some(accounts))
    }

    /// Adds the files, and the home, to a layer.
    ///
    /// ```
    /// # use pyimage_build::{Accounts, BaseFacts, LayerContents};
    /// let accounts = Accounts::of("app", &BaseFacts::default(), None)?.unwrap();
    /// let mut contents = LayerContents::new();
    /// accounts.add_to(&mut contents)?;
    /// assert!(contents.paths().eq(["etc/group", "etc/passwd", "home/app"]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Where they are in the layer already.
    pub fn add_to(&self, contents: &mut LayerContents<'_>) -> Result<(), LayerError> {
        for (path, lines) in [("etc/passwd", &self.passwd), ("etc/group", &self.group)] {
            let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
            contents.add_bytes(path, 0o644, text.into_bytes())?;
        }
        match &self.home {
            Some(Home { path, uid, gid }) => contents.add_folder_of(path, 0o755, *uid, *gid),
            None => Ok(()),
        }
    }
}

/// Docker takes what is no number for a name.
fn is_name(part: &str) -> bool {
    !part.is_empty() && part.parse::<u64>().is_err()
}

/// The name that a line is for.
fn names(line: &str) -> &str {
    line.split(':').next().unwrap_or_default()
}

/// The number that a line is for.
fn number(line: &str) -> Option<u64> {
    line.split(':').nth(2)?.parse().ok()
}

fn check(name: &str, lines: &[String]) -> Result<(), AccountError> {
    let letter = |at: usize, letter: char| {
        letter.is_ascii_lowercase() || letter == '_' || at > 0 && (letter.is_ascii_digit() || letter == '-')
    };
    if name.len() > 32 || !name.char_indices().all(|(at, found)| letter(at, found.to_ascii_lowercase())) {
        return Err(AccountError::Name { name: name.to_owned() });
    }
    let near = nearest(name, lines.iter().map(|line| names(line)));
    let slip = |other: &&&str| name.len() >= LONG && strsim::damerau_levenshtein(name, other) == 1;
    match near.iter().find(slip) {
        Some(near) => Err(AccountError::Misspelt { name: name.to_owned(), nearest: (*near).to_owned() }),
        None => Ok(()),
    }
}

/// The shell of who is not to log in.
fn nologin(suite: Option<&Suite>) -> &'static str {
    let debian =
        suite.and_then(Suite::libc).is_none_or(|LibcRelease { libc, .. }| libc == crate::Libc::Glibc);
    if debian { "/usr/sbin/nologin" } else { "/sbin/nologin" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> BaseFacts {
        let lines = |text: &[&str]| text.iter().map(|line| (*line).to_owned()).collect();
        BaseFacts {
            passwd: lines(&[
                "root:x:0:0:root:/root:/bin/bash",
                "nobody:x:65534:65534::/:/bin/sh",
                "old:x:1000:7::/:",
            ]),
            group: lines(&["root:x:0:", "staff:x:50:", "gone:x:1001:"]),
            ..BaseFacts::default()
        }
    }

    /// The lines that are new.
    fn added(user: &str) -> (Option<String>, Option<String>) {
        let base = base();
        let Some(Accounts { passwd, group, home }) = Accounts::of(user, &base, None).unwrap() else {
            return (None, None);
        };
        assert_eq!(passwd[..base.passwd.len()], base.passwd);
        assert_eq!(group[..base.group.len()], base.group);
        let new_user = passwd.get(base.passwd.len()).cloned();
        assert_eq!(home.is_some(), new_user.is_some());
        (new_user, group.get(base.group.len()).cloned())
    }

    #[test]
    fn what_the_base_has_needs_nothing() {
        for user in ["root", "0", "1234:99", "nobody:staff", "4242", "old:", "root:0"] {
            assert_eq!(added(user), (None, None), "{user}");
        }
    }

    #[test]
    fn a_new_name_gets_the_first_free_number() {
        let line = |text: &str| Some(text.to_owned());
        let app = line("app:x:1002:1002::/home/app:/usr/sbin/nologin");
        assert_eq!(added("app"), (app.clone(), line("app:x:1002:")));
        assert_eq!(added("app:app"), (app, line("app:x:1002:")));
        assert_eq!(added("app:staff"), (line("app:x:1002:50::/home/app:/usr/sbin/nologin"), None));
        assert_eq!(added("app:77"), (line("app:x:1002:77::/home/app:/usr/sbin/nologin"), None));
        // A group of this name is there: it is the user's.
        assert_eq!(added("staff"), (line("staff:x:1002:50::/home/staff:/usr/sbin/nologin"), None));
        assert_eq!(added("1000:web"), (None, line("web:x:1002:")));
        let alpine = Accounts::of("app", &base(), Suite::from_name("alpine3.22").as_ref()).unwrap().unwrap();
        assert!(alpine.passwd.last().unwrap().ends_with(":/sbin/nologin"));
    }

    #[test]
    fn slips_and_what_is_no_name_are_told() {
        let error = |user: &str| Accounts::of(user, &base(), None).unwrap_err().to_string();
        assert_eq!(error("nobodi"), "the base has no user or group `nobodi`, and has `nobody`");
        assert_eq!(error("root:stuff"), "the base has no user or group `stuff`, and has `staff`");
        for user in ["a b", "ünal", "-x", "1a", &"a".repeat(33)] {
            assert!(error(user).contains("is no name of a user or group"), "{user}");
        }
        // Short names are their own.
        assert!(added("rot").0.is_some());
    }
}

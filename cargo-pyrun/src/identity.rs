//! Who the script is in the container, so that what it writes belongs to the caller.
//!
//! - Rootful docker and podman: the caller's uid and gid, with a passwd entry for them, since `getpass.getuser()`
//!   and `os.path.expanduser()` fail for a uid without one.
//! - Rootless docker and podman: uid 0, which is the caller outside.
//! - A caller who is root, or an engine in a virtual machine that maps owners itself: the container's root.

use std::fmt::Write;

use crate::engine::Facts;
use crate::image::Image;

/// The user who runs us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Login name.
    pub name: String,
    /// Name of the group.
    pub group: String,
}

impl Caller {
    /// Reads ids and names from the system; `None` where there are no such ids.
    #[must_use]
    pub fn current() -> Option<Self> {
        #[cfg(unix)]
        {
            let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
            let name = uzers::get_user_by_uid(uid).and_then(|user| user.name().to_str().map(str::to_owned));
            let group =
                uzers::get_group_by_gid(gid).and_then(|group| group.name().to_str().map(str::to_owned));
            let usable = |name: &String| !name.is_empty() && !name.contains([':', '\n', '/']);
            Some(Self {
                uid,
                gid,
                name: name.filter(usable).unwrap_or_else(|| "user".to_owned()),
                group: group.filter(usable).unwrap_or_else(|| "user".to_owned()),
            })
        }
        #[cfg(not(unix))]
        {
            None
        }
    }
}

/// Who the script is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The engine's `--user`, or `None` for the image's own.
    pub user: Option<String>,
    /// `USER` in the container.
    pub name: Option<String>,
    /// A home that has to be made, or `None` where the image has one.
    pub home: Option<String>,
    /// The home that the image has for this user, and its owner.
    pub own_home: Option<(String, u32)>,
    /// `/etc/passwd` and `/etc/group` with an entry more than the image's.
    pub accounts: Option<Accounts>,
}

/// The two account files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accounts {
    /// `/etc/passwd`
    pub passwd: String,
    /// `/etc/group`
    pub group: String,
}

/// Decides who the script is. `asked` is the value of `--user`; the image is `None` before it was met.
#[must_use]
pub fn identify(
    asked: Option<&str>,
    caller: Option<&Caller>,
    engine: &Facts,
    image: Option<&Image>,
) -> Identity {
    let wanted = match (asked, caller) {
        (Some(asked), _) => match ids(asked) {
            Some((uid, gid)) => Caller { uid, gid, name: format!("user{uid}"), group: format!("group{gid}") },
            // A name is the image's to know.
            None => return named(asked, image),
        },
        (None, Some(caller)) if !engine.rootless && caller.uid != 0 && cfg!(target_os = "linux") => {
            caller.clone()
        }
        _ => Caller { uid: 0, gid: 0, name: "root".to_owned(), group: "root".to_owned() },
    };
    let own = image.map_or("", |image| image.user.as_str());
    let root = wanted.uid == 0;
    let user = match asked {
        Some(asked) => Some(asked.to_owned()),
        None if root && ["", "root", "0", "0:0", "root:root"].contains(&own) => None,
        None => Some(format!("{}:{}", wanted.uid, wanted.gid)),
    };
    let Some((passwd, group)) = image.and_then(|image| Some((image.passwd.as_ref()?, image.group.as_ref()?)))
    else {
        let home = (!root).then(|| home_of(&wanted.name));
        return Identity { user, name: Some(wanted.name), home, ..Identity::default() };
    };
    if let Some(account) = account(passwd, |account| account.uid == wanted.uid) {
        return account.identity(user);
    }
    let name = free_name(passwd, &wanted.name);
    let home = home_of(&name);
    let mut accounts = Accounts { passwd: ended(passwd), group: ended(group) };
    // Writing to a string cannot fail.
    let _ = writeln!(accounts.passwd, "{name}:x:{}:{}::{home}:/bin/sh", wanted.uid, wanted.gid);
    if name_of(group, wanted.gid).is_none() {
        let group_name = free_name(group, &wanted.group);
        let _ = writeln!(accounts.group, "{group_name}:x:{}:", wanted.gid);
    }
    Identity { user, name: Some(name), home: Some(home), own_home: None, accounts: Some(accounts) }
}

/// Who the image has under this name.
fn named(asked: &str, image: Option<&Image>) -> Identity {
    let name = asked.split(':').next().unwrap_or_default();
    let passwd = image.and_then(|image| image.passwd.as_deref()).unwrap_or_default();
    match account(passwd, |account| account.name == name) {
        Some(account) => account.identity(Some(asked.to_owned())),
        None => Identity { user: Some(asked.to_owned()), ..Identity::default() },
    }
}

/// An entry of `/etc/passwd`.
struct Account<'a> {
    name: &'a str,
    uid: u32,
    home: &'a str,
}

fn account<'a>(passwd: &'a str, wanted: impl Fn(&Account<'a>) -> bool) -> Option<Account<'a>> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, uid, home) = (fields.next()?, fields.nth(1)?.parse().ok()?, fields.nth(2)?);
        let account = Account { name, uid, home };
        wanted(&account).then_some(account)
    })
}

impl Account<'_> {
    fn identity(&self, user: Option<String>) -> Identity {
        // Accounts for services, as distributions number them: their homes are missing, or not theirs to write in.
        let service = (1..1000).contains(&self.uid) || self.uid == 65534;
        let homeless = service && !self.home.starts_with("/home/");
        Identity {
            user,
            name: Some(self.name.to_owned()),
            home: homeless.then(|| home_of(self.name)),
            own_home: (!homeless && self.home.len() > 1).then(|| (self.home.to_owned(), self.uid)),
            accounts: None,
        }
    }
}

fn home_of(name: &str) -> String {
    format!("/home/{name}")
}

fn ended(file: &str) -> String {
    if file.is_empty() || file.ends_with('\n') { file.to_owned() } else { format!("{file}\n") }
}

fn ids(user: &str) -> Option<(u32, u32)> {
    let (uid, gid) = user.split_once(':').unwrap_or((user, "0"));
    Some((uid.parse().ok()?, gid.parse().ok()?))
}

/// The name of an id in `/etc/passwd` or `/etc/group`: both have it in the third field.
fn name_of(file: &str, id: u32) -> Option<String> {
    file.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    })
}

fn free_name(file: &str, wanted: &str) -> String {
    let taken = |name: &str| file.lines().any(|line| line.split(':').next() == Some(name));
    let mut name = wanted.to_owned();
    while taken(&name) {
        name.push_str("-host");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Kind;

    fn engine(rootless: bool) -> Facts {
        Facts {
            kind: Kind::Docker,
            version: "20.10".into(),
            os: "linux".into(),
            arch: "amd64".into(),
            rootless,
            selinux: false,
            containerd_store: false,
        }
    }

    fn image(user: &str) -> Image {
        Image {
            user: user.into(),
            passwd: Some("root:x:0:0:root:/root:/bin/bash\ngames:x:5:60:games:/usr/games:/bin/sh".into()),
            group: Some("root:x:0:\ngames:x:60:\n".into()),
            ..Image::default()
        }
    }

    fn caller(uid: u32, name: &str) -> Caller {
        Caller { uid, gid: uid, name: name.into(), group: name.into() }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_user_of_a_rootful_engine_gets_an_account() {
        let identity = identify(None, Some(&caller(1000, "ada")), &engine(false), Some(&image("")));
        assert_eq!(identity.user.as_deref(), Some("1000:1000"));
        let accounts = identity.accounts.unwrap();
        assert!(
            accounts.passwd.ends_with("/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n"),
            "{}",
            accounts.passwd
        );
        assert!(accounts.group.ends_with("ada:x:1000:\n"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_name_that_the_image_has_for_another_is_not_taken_from_it() {
        let identity = identify(None, Some(&caller(1000, "games")), &engine(false), Some(&image("")));
        assert_eq!(identity.name.as_deref(), Some("games-host"));
    }

    #[test]
    fn rootless_engines_and_root_need_nothing() {
        for (caller, rootless) in [(caller(1000, "ada"), true), (caller(0, "root"), false)] {
            let identity = identify(None, Some(&caller), &engine(rootless), Some(&image("")));
            assert_eq!((identity.user, identity.home, identity.accounts), (None, None, None));
        }
        let own_user = identify(None, Some(&caller(0, "root")), &engine(false), Some(&image("app")));
        assert_eq!(own_user.user.as_deref(), Some("0:0"));
    }

    #[test]
    fn an_asked_user_wins() {
        let named = identify(Some("games"), Some(&caller(1000, "ada")), &engine(false), Some(&image("")));
        assert_eq!((named.user.as_deref(), named.name.as_deref()), (Some("games"), Some("games")));
        assert_eq!((named.home.as_deref(), named.accounts), (Some("/home/games"), None));
        let numbered = identify(Some("4242:7"), Some(&caller(1000, "ada")), &engine(false), Some(&image("")));
        assert_eq!(numbered.name.as_deref(), Some("user4242"));
        assert!(numbered.accounts.unwrap().group.contains("group7:x:7:"));
    }
}

//! The image's user, as a Dockerfile makes it: with the numbers, the shell and the home that an assembled image has.

use pyimage_build::{Accounts, BaseFacts};

/// Users of the official images' distributions, whom nobody has to make.
const USERS: [&str; 27] = [
    "root", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy",
    "www-data", "backup", "list", "irc", "gnats", "_apt", "nobody", "shutdown", "halt", "operator", "cron",
    "ftp", "sshd", "ntp", "guest",
];
/// Their groups, besides those of the users' own names.
const GROUPS: [&str; 20] = [
    "adm", "audio", "cdrom", "dialout", "disk", "floppy", "input", "kmem", "nogroup", "shadow", "src",
    "staff", "sudo", "tape", "tty", "users", "utmp", "video", "voice", "wheel",
];

/// What a base lacks of an image's user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    user: Option<User>,
    /// A group's name and number.
    group: Option<(String, String)>,
    /// The base is Alpine's, with BusyBox's programs.
    is_alpine: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct User {
    name: String,
    uid: String,
    gid: String,
    /// The group's name, where it has one.
    group: Option<String>,
    home: String,
    shell: String,
}

/// What is known of an official image's accounts before it is locked.
pub(super) fn usual() -> BaseFacts {
    let lines = |names: &[&str]| names.iter().map(|name| format!("{name}:x:0:0")).collect::<Vec<_>>();
    BaseFacts {
        passwd: lines(&USERS),
        group: [lines(&USERS), lines(&GROUPS)].concat(),
        ..BaseFacts::default()
    }
}

impl Account {
    /// What these accounts have, and the base has not.
    pub(super) fn of(accounts: &Accounts, base: &BaseFacts, is_alpine: bool) -> Self {
        let split = |line: &String| line.split(':').map(str::to_owned).collect::<Vec<_>>();
        let mut group = accounts.group.get(base.group.len()).map(split).and_then(|fields| {
            let [name, _, gid, ..] = <[String; 4]>::try_from(fields).ok()?;
            Some((name, gid))
        });
        let user = accounts.passwd.get(base.passwd.len()).map(split).and_then(|fields| {
            let [name, _, uid, gid, _, home, shell] = <[String; 7]>::try_from(fields).ok()?;
            let group_s = accounts.group.iter().map(split).find(|fields| fields.get(2) == Some(&gid));
            let group = group_s.and_then(|fields| fields.into_iter().next());
            Some(User { name, uid, gid, group, home, shell })
        });
        if let Some(user) = user.as_ref().filter(|user| user.group.is_none() && group.is_none()) {
            // Who makes users wants a group to be there; an assembled image has the number alone.
            group = Some((user.name.clone(), user.gid.clone()));
        }
        Self { user, group, is_alpine }
    }

    pub(super) fn instruction(&self) -> String {
        let mut commands = Vec::new();
        if let Some((name, gid)) = &self.group {
            let program = if self.is_alpine { "addgroup -g" } else { "groupadd --gid" };
            commands.push(format!("{program} {gid} {name}"));
        }
        if let Some(User { name, uid, gid, group, home, shell }) = &self.user {
            // The home comes by itself: programs that make users copy a skeleton into it, and choose its mode.
            commands.push(if self.is_alpine {
                let group = group.as_ref().unwrap_or(name);
                format!("adduser -D -H -u {uid} -G {group} -g '' -s {shell} {name}")
            } else {
                format!(
                    "useradd --uid {uid} --gid {gid} --shell {shell} --no-log-init --no-create-home {name}"
                )
            });
            commands.push(format!("install -d -o {uid} -g {gid} {home}"));
        }
        format!("RUN {}", commands.join(" && "))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use pyimage_build::Suite;

    use super::*;

    pub(in super::super) fn account(user: &str) -> Account {
        of(user, &usual(), "trixie")
    }

    fn of(user: &str, base: &BaseFacts, suite: &str) -> Account {
        let suite = Suite::from_name(suite);
        let accounts = Accounts::of(user, base, suite.as_ref()).unwrap().unwrap();
        Account::of(&accounts, base, matches!(suite, Some(Suite::Alpine { .. })))
    }

    #[test]
    fn a_user_is_the_one_that_an_assembled_image_has() {
        assert_eq!(
            account("app").instruction(),
            "RUN groupadd --gid 1000 app && useradd --uid 1000 --gid 1000 --shell /usr/sbin/nologin --no-log-init \
             --no-create-home app && install -d -o 1000 -g 1000 /home/app"
        );
        let lines = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect();
        let base = BaseFacts {
            passwd: lines(&["root:x:0:0:root:/root:/bin/bash", "old:x:1000:7::/:"]),
            group: lines(&["root:x:0:", "staff:x:50:"]),
            ..BaseFacts::default()
        };
        let of = |user: &str, suite: &str| of(user, &base, suite).instruction();
        let made = of("app:staff", "trixie");
        assert!(made.starts_with("RUN useradd --uid 1001 --gid 50 "), "{made}");
        assert_eq!(of("1000:web", "trixie"), "RUN groupadd --gid 1001 web");
        let made = of("app:77", "trixie");
        assert!(made.starts_with("RUN groupadd --gid 77 app && useradd --uid 1001 --gid 77 "), "{made}");
        assert_eq!(
            of("app:staff", "alpine3.22"),
            "RUN adduser -D -H -u 1001 -G staff -g '' -s /sbin/nologin app && install -d -o 1001 -g 50 /home/app"
        );
        let made = of("app", "alpine3.22");
        assert!(made.starts_with("RUN addgroup -g 1001 app && adduser -D -H -u 1001 -G app "), "{made}");
    }
}

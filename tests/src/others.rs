//! The program run by someone else, by cargo, and where names mean something else.

use std::env;
use std::path::Path;
use std::process::Command;

use crate::{Folder, User, finish, program, skip};

impl User {
    /// The same command, run by this user in their own groups.
    #[must_use]
    pub fn run(&self, command: &Command) -> Command {
        let mut other = Command::new("setpriv");
        other.arg(format!("--reuid={}", self.uid)).arg(format!("--regid={}", self.gid));
        other.args(["--init-groups", "--"]).arg(command.get_program()).args(command.get_args());
        other.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(folder) = command.get_current_dir() {
            other.current_dir(folder);
        }
        other
    }
}

impl Folder {
    /// Gives the folder and all that is in it to a user.
    ///
    /// # Panics
    /// Where this is not root's to give.
    pub fn hand_to(&self, user: &User) {
        let given = finish(
            Command::new("chown").arg("-R").arg(format!("{}:{}", user.uid, user.gid)).arg(self.root()),
        );
        assert_eq!(given.code, Some(0), "{}", given.stderr);
    }

    /// The real program, here, run by another user.
    ///
    /// # Panics
    /// Where the program cannot be copied to where that user may run it.
    #[must_use]
    pub fn pyrun_as<const N: usize>(&self, user: &User, arguments: [&str; N]) -> Command {
        let copy = self.root().join("cargo-pyrun");
        if !copy.exists() {
            // The build's own folder may be closed to others.
            let linked = fs_err::hard_link(program(), &copy);
            linked.or_else(|_| fs_err::copy(program(), &copy).map(drop)).expect("a copy of the program");
        }
        let command = self.pyrun(arguments);
        let mut copied = Command::new(copy);
        copied.args(command.get_args()).current_dir(self.project());
        copied.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        user.run(&copied)
    }
}

/// Lets a command find cargo as the developer has it: rustup needs its own home.
pub fn with_cargo(command: &mut Command) -> &mut Command {
    let home = env::var_os("HOME").unwrap_or_default();
    let below = |variable: &str, folder: &str| {
        env::var_os(variable).unwrap_or_else(|| Path::new(&home).join(folder).into())
    };
    let (cargo, rustup) = (below("CARGO_HOME", ".cargo"), below("RUSTUP_HOME", ".rustup"));
    command.env("CARGO_HOME", cargo).env("RUSTUP_HOME", rustup);
    for variable in ["RUSTUP_TOOLCHAIN", "CARGO"] {
        if let Some(value) = env::var_os(variable) {
            command.env(variable, value);
        }
    }
    command
}

/// The same command where these host names are this machine's loopback address, and no other name's business.
///
/// # Panics
/// Where the folder takes no file.
#[must_use]
pub fn with_hosts(folder: &Folder, command: &Command, names: &[&str]) -> Option<Command> {
    if !rustix::process::geteuid().is_root() {
        skip("right to name hosts");
        return None;
    }
    let file = folder.root().join("hosts");
    fs_err::write(&file, format!("127.0.0.1 localhost {}\n", names.join(" "))).expect("a file of names");
    let mut inside = Command::new("unshare");
    inside.args(["--mount", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\""]).arg(file);
    inside.arg(command.get_program()).args(command.get_args());
    inside.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        inside.current_dir(folder);
    }
    Some(inside)
}

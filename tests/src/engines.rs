//! The bed's five engines, each with someone who uses it.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{Finished, Folder, Relay, eventually, finish, part, program, skip};

/// Runs each of these functions as a test on every engine: `fn name(setting: &Setting)`.
#[macro_export]
macro_rules! on_every_engine {
    ($($test:ident),* $(,)?) => {
        $crate::on_engines!(
            docker, containerd, podman, podman_of_another_user, rootless_docker, rootless_podman: [$($test),*]
        );
    };
}

/// Runs the functions as tests on the engines before the colon, by the names of [`Setting`]'s constructors.
#[macro_export]
macro_rules! on_engines {
    ($($engine:ident),* : $tests:tt) => { $($crate::on_engines!(@ $engine $tests);)* };
    (@ $engine:ident [$($test:ident),*]) => {
        mod $engine {
            $(
                #[test]
                fn $test() {
                    if let Some(setting) = $crate::Setting::$engine() {
                        super::$test(&setting);
                    }
                }
            )*
        }
    };
}

/// Someone who is not root.
#[derive(Debug, Clone)]
pub struct User {
    /// The login name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl User {
    /// The bed's user, or a note that there is none.
    ///
    /// # Panics
    /// Where the bed's variables are no numbers.
    #[must_use]
    pub fn of_the_bed() -> Option<Self> {
        let (name, uid, gid) = (part("TESTBED_USER")?, part("TESTBED_USER_UID")?, part("TESTBED_USER_GID")?);
        if !rustix::process::geteuid().is_root() {
            skip("right to act as another user");
            return None;
        }
        Some(Self { name, uid: uid.parse().expect("a user id"), gid: gid.parse().expect("a group id") })
    }
}

/// A folder, an engine, and who runs there.
#[derive(Debug)]
pub struct Setting {
    /// What lets a user reach an engine that is another's; it ends before its folder goes.
    relay: Option<Relay>,
    /// Where it runs.
    pub folder: Folder,
    address: String,
    user: Option<User>,
    /// A copy of the program where every user may reach it.
    program: PathBuf,
}

impl Setting {
    /// Docker with root, used by someone who is not.
    #[must_use]
    pub fn docker() -> Option<Self> {
        Some(Self::new(part("TESTBED_DOCKER")?, Some(User::of_the_bed()?)))
    }

    /// Docker with root, used by whoever runs the tests: root on most machines of this kind.
    #[must_use]
    pub fn docker_of_root() -> Option<Self> {
        Some(Self::new(part("TESTBED_DOCKER")?, None))
    }

    /// A newer Docker with root, which has containerd keep its images, used by someone who is not.
    #[must_use]
    pub fn containerd() -> Option<Self> {
        Some(Self::new(part("TESTBED_CONTAINERD")?, Some(User::of_the_bed()?)))
    }

    /// The same, used by whoever runs the tests.
    #[must_use]
    pub fn containerd_of_root() -> Option<Self> {
        Some(Self::new(part("TESTBED_CONTAINERD")?, None))
    }

    /// podman with root, used by root.
    #[must_use]
    pub fn podman() -> Option<Self> {
        Some(Self::new(part("TESTBED_PODMAN")?, None))
    }

    /// podman with root, used by someone who is not.
    #[must_use]
    pub fn podman_of_another_user() -> Option<Self> {
        let (address, user) = (part("TESTBED_PODMAN")?, User::of_the_bed()?);
        let mut setting = Self::new(address.clone(), Some(user));
        let relay = Relay::to_socket(setting.folder.root(), &address);
        setting.address = relay.address();
        setting.relay = Some(relay);
        Some(setting)
    }

    /// Docker without root, used by whom it belongs to.
    #[must_use]
    pub fn rootless_docker() -> Option<Self> {
        Some(Self::new(part("TESTBED_ROOTLESS_DOCKER")?, Some(User::of_the_bed()?)))
    }

    /// podman without root, used by whom it belongs to.
    #[must_use]
    pub fn rootless_podman() -> Option<Self> {
        Some(Self::new(part("TESTBED_ROOTLESS_PODMAN")?, Some(User::of_the_bed()?)))
    }

    fn new(address: String, user: Option<User>) -> Self {
        let folder = Folder::new();
        let program = match &user {
            None => program(),
            Some(user) => {
                let copy = folder.root().join("cargo-pyrun");
                fs_err::hard_link(program(), &copy)
                    .or_else(|_| fs_err::copy(program(), &copy).map(drop))
                    .expect("a copy of the program");
                let open = std::fs::Permissions::from_mode(0o755);
                fs_err::set_permissions(folder.root(), open).expect("a folder open to all");
                for own in ["project", "home", "cache"] {
                    chown(folder.root().join(own), Some(user.uid), Some(user.gid))
                        .expect("a folder of the user");
                }
                copy
            }
        };
        Self { folder, address, user, program, relay: None }
    }

    /// The real program, run by this setting's user on its engine.
    #[must_use]
    pub fn pyrun<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = self.run_by_the_user(&self.program);
        command.args(arguments);
        command
    }

    /// Another program, likewise; it is copied to where the user may reach it.
    ///
    /// # Panics
    /// Where it cannot be copied.
    #[must_use]
    pub fn program(&self, program: &Path) -> Command {
        let copy = self.folder.root().join("program");
        let _ = fs_err::remove_file(&copy);
        fs_err::hard_link(program, &copy)
            .or_else(|_| fs_err::copy(program, &copy).map(drop))
            .expect("a copy of the program");
        self.run_by_the_user(&copy)
    }

    fn run_by_the_user(&self, program: &Path) -> Command {
        let plain = self.folder.pyrun([]);
        let mut command = match &self.user {
            None => Command::new(program),
            Some(user) => {
                // It becomes the program: a signal for the process is one for the program.
                let mut command = Command::new("setpriv");
                let (uid, gid) = (user.uid.to_string(), user.gid.to_string());
                command.args(["--reuid", &uid, "--regid", &gid, "--init-groups", "--"]).arg(program);
                command
            }
        };
        command.current_dir(self.folder.project()).env_clear();
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("DOCKER_HOST", &self.address);
        command
    }

    /// The engine's address.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Who uses it, ids and name.
    #[must_use]
    pub fn caller(&self) -> (u32, u32) {
        let own = || (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        self.user.as_ref().map_or_else(own, |user| (user.uid, user.gid))
    }

    /// The docker CLI on this engine.
    #[must_use]
    pub fn cli<const N: usize>(&self, arguments: [&str; N]) -> Finished {
        finish(Command::new("docker").args(arguments).env("DOCKER_HOST", &self.address))
    }

    /// Whether the engine gets rid of every container of this folder.
    ///
    /// # Panics
    /// Where it cannot list them.
    #[must_use]
    pub fn nothing_is_left(&self) -> bool {
        eventually(Duration::from_secs(20), || self.containers().is_empty())
    }

    /// The containers whose script was run from this folder, whatever their state.
    ///
    /// # Panics
    /// Where the engine cannot list them.
    #[must_use]
    pub fn containers(&self) -> Vec<String> {
        let filter = format!("label=pyrun.folder={}", self.folder.project().display());
        let listed = self.cli(["ps", "-aq", "--filter", &filter]);
        assert_eq!(listed.code, Some(0), "{}", listed.stderr);
        listed.stdout.lines().map(str::to_owned).collect()
    }
}

//! Why a run did not come to the script's own exit code.

use std::path::PathBuf;

use pyimage_build::{PythonTag, Reference};

use crate::engine::{Address, EngineError};
use crate::environment::EnvironmentError;

/// Why a run failed, other than by the script itself.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The engine did not do its part.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The packages that the script needs cannot be had.
    #[error(transparent)]
    Environment(Box<EnvironmentError>),
    /// A signal came before the script could have it.
    #[error("interrupted by signal {0}")]
    Interrupted(u8),
    /// The kernel killed the script; its own exit code is ours.
    #[error("the script was killed: it needed more memory than its limit{}", limit.map(|bytes| format!(" of {} MiB", bytes >> 20)).unwrap_or_default())]
    OutOfMemory {
        /// The limit in bytes, where the user set one.
        limit: Option<i64>,
    },
    /// There is no such script.
    #[error("no such script: `{}`", path.display())]
    NoScript {
        /// Its path on this machine.
        path: PathBuf,
        /// Names that are alike.
        nearest: Vec<String>,
    },
    /// The script is a folder that Python cannot run.
    #[error("`{}` is a folder without a `__main__.py`", .0.display())]
    Folder(PathBuf),
    /// The script cannot be read.
    #[error("cannot read script `{}`", path.display())]
    Unreadable {
        /// Its path on this machine.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A Windows image on an engine for Linux.
    #[error("`{image}` is an image for Windows, and this engine runs {os} containers")]
    Windows {
        /// The image.
        image: String,
        /// The engine's kind of container.
        os: String,
    },
    /// No image has that name.
    #[error("there is no image `{image}`: {message}")]
    NoImage {
        /// The image.
        image: String,
        /// The engine's words.
        message: String,
        /// Tags that are alike.
        nearest: Vec<String>,
        /// Who asked for that Python, where nobody named the tag.
        choosers: Vec<String>,
    },
    /// The image is not made for that platform.
    #[error("image `{image}` is not there for {platform}: {message}")]
    NoPlatform {
        /// The image.
        image: String,
        /// The platform that was asked for.
        platform: String,
        /// The engine's words.
        message: String,
    },
    /// It is not on the engine, and `--pull never` forbids pulling it.
    #[error("image `{0}` is not on the engine, and `--pull never` keeps it from being pulled")]
    NotPulled(String),
    /// The image could not be pulled.
    #[error("cannot pull image `{image}`: {message}")]
    Pull {
        /// The image.
        image: String,
        /// The engine's words.
        message: String,
    },
    /// The image has no such program.
    #[error("image `{image}` has no `{program}`")]
    NoProgram {
        /// The image.
        image: String,
        /// The program's path in it.
        program: String,
        /// Whether it is the interpreter that was looked for.
        python: bool,
        /// The tag of an image that has it.
        better: Option<PythonTag>,
    },
    /// The program is there but cannot be executed.
    #[error("`{program}` in image `{image}` cannot be executed: {reason}")]
    NotExecutable {
        /// The image.
        image: String,
        /// The program's path in it.
        program: String,
        /// The kernel's reason.
        reason: String,
    },
    /// The engine's machine cannot run the image's architecture.
    #[error(
        "image `{image}` is for {platform}, and the engine's machine ({engine}) neither is that nor emulates it"
    )]
    NoEmulation {
        /// The image.
        image: String,
        /// The image's platform.
        platform: String,
        /// The engine's platform.
        engine: String,
    },
    /// The engine's machine has no GPU that containers can use.
    #[error("the engine has no GPU to give: {message}")]
    NoGpu {
        /// The engine's words.
        message: String,
    },
    /// Another program listens there.
    #[error("a port of `{publish}` is taken: {message}")]
    PortTaken {
        /// What was to be published.
        publish: String,
        /// The engine's words.
        message: String,
    },
    /// The engine went away.
    #[error("the engine at `{address}` went away during the run")]
    EngineGone {
        /// Its address.
        address: Address,
    },
    /// The system refused a terminal or a stream.
    #[error("cannot {operation}")]
    Terminal {
        /// What was tried.
        operation: &'static str,
        /// The reason.
        source: std::io::Error,
    },
}

impl From<EnvironmentError> for RunError {
    fn from(error: EnvironmentError) -> Self {
        match error {
            EnvironmentError::Run(error) => *error,
            error => Self::Environment(Box::new(error)),
        }
    }
}

impl RunError {
    /// The exit code, as `docker run` has them: 127 not found, 126 not executable, 125 anything else. A signal
    /// that came too early counts as one that the script got.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Interrupted(signal) => 128 + signal,
            Self::OutOfMemory { .. } => 137,
            Self::NoScript { .. } | Self::NoProgram { .. } => 127,
            Self::Folder(_)
            | Self::Unreadable { .. }
            | Self::NotExecutable { .. }
            | Self::NoEmulation { .. } => 126,
            _ => 125,
        }
    }

    /// What to do about it, one line each.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::Engine(EngineError::Discovery(error)) => error.helps(),
            Self::Engine(EngineError::NameTaken { name }) => {
                vec![format!("remove it with `docker rm -f {name}`, or leave `--name` away")]
            }
            Self::Environment(error) => error.helps(),
            Self::NoScript { nearest, .. } => did_you_mean(nearest, ""),
            Self::Folder(_) => vec!["name a file, or run a module with `-m MODULE`".to_owned()],
            Self::Windows { .. } => vec!["take a tag for Linux, for example `--tag 3.13-slim`".to_owned()],
            Self::NoImage { nearest, choosers, .. } if nearest.is_empty() && !choosers.is_empty() => {
                let asks = if choosers.len() == 1 { "asks" } else { "ask" };
                vec![format!("{} {asks} for it: change that, or choose with `--tag`", choosers.join(" and "))]
            }
            Self::NoImage { nearest, .. } => {
                let is_image = nearest.iter().any(|near| near.contains([':', '/']));
                did_you_mean(nearest, if is_image { "--image " } else { "--tag " })
            }
            Self::NotPulled(image) => vec![format!("pull it once with `docker pull {image}`")],
            Self::Pull { image, message } if message.contains("toomanyrequests") => match login(image) {
                login if login == DOCKER_LOGIN => {
                    vec![format!("log in with `{login}`: Docker Hub limits anonymous pulls")]
                }
                login => vec![format!("log in with `{login}`, if its registry limits anonymous pulls")],
            },
            Self::OutOfMemory { limit: Some(_) } => vec!["give it more with `--memory`".to_owned()],
            Self::Pull { message, .. } if unreachable(message) => {
                vec!["the engine does not reach the registry; `docker images python` lists the tags that it has".to_owned()]
            }
            Self::Pull { image, message } if denied(message) => {
                vec![format!("log in to its registry with `{}`", login(image))]
            }
            Self::NoProgram { better: Some(tag), .. } => vec![format!("`--tag {tag}` has it")],
            Self::NoProgram { python: true, .. } => {
                vec!["name the image's interpreter with `--python PATH`, or take an official image with `--tag`".to_owned()]
            }
            Self::NoEmulation { .. } => vec![
                "install emulation on the engine's machine: `docker run --privileged --rm tonistiigi/binfmt --install all`, \
                 or `sudo apt-get install qemu-user-static`"
                    .to_owned(),
            ],
            Self::NoGpu { .. } => vec![
                "leave `--gpus` away, or install NVIDIA's container toolkit on the engine's machine".to_owned(),
            ],
            Self::PortTaken { .. } => {
                vec!["publish another port of this machine, or a free one with `--publish CONTAINER`".to_owned()]
            }
            _ => Vec::new(),
        }
    }
}

/// Without a name, it is Docker Hub that one logs in to.
const DOCKER_LOGIN: &str = "docker login";

/// The command that logs in where the image comes from.
fn login(image: &str) -> String {
    match image.parse::<Reference>() {
        Ok(reference) if reference.registry() != "docker.io" => {
            format!("{DOCKER_LOGIN} {}", reference.registry())
        }
        _ => DOCKER_LOGIN.to_owned(),
    }
}

pub(super) fn denied(message: &str) -> bool {
    ["unauthorized", "authentication required", "denied", "no basic auth"]
        .iter()
        .any(|word| message.contains(word))
}

fn unreachable(message: &str) -> bool {
    ["no such host", "dial tcp", "i/o timeout", "connection refused", "network is unreachable"]
        .iter()
        .any(|words| message.contains(words))
}

fn did_you_mean(nearest: &[String], prefix: &str) -> Vec<String> {
    if nearest.is_empty() {
        return Vec::new();
    }
    let names: Vec<_> = nearest.iter().map(|name| format!("`{prefix}{name}`")).collect();
    vec![format!("did you mean {}?", names.join(", "))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_nothing_else_will_do_it_is_told_who_asked() {
        let helps = |nearest: &[&str], choosers: &[&str]| {
            let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect();
            let (image, message) = ("python:3.13.99-slim".to_owned(), String::new());
            RunError::NoImage { image, message, nearest: owned(nearest), choosers: owned(choosers) }.helps()
        };
        assert_eq!(helps(&["3.13-slim"], &["`3.13` in x"]), ["did you mean `--tag 3.13-slim`?"]);
        assert_eq!(
            helps(&[], &["`3.13.99` in .python-version"]),
            ["`3.13.99` in .python-version asks for it: change that, or choose with `--tag`"]
        );
        assert_eq!(helps(&[], &["a", "b"]), ["a and b ask for it: change that, or choose with `--tag`"]);
        assert_eq!(helps(&[], &[]), [""; 0]);
    }

    #[test]
    fn a_login_names_its_registry() {
        let help = |image: &str, message: &str| {
            RunError::Pull { image: image.to_owned(), message: message.to_owned() }.helps().join("\n")
        };
        for (image, login) in [
            ("python:3.13-slim", "docker login"),
            ("me/app", "docker login"),
            ("ghcr.io/me/app:1", "docker login ghcr.io"),
            ("localhost:5001/private/python:3.13-slim", "docker login localhost:5001"),
        ] {
            let denied = format!("log in to its registry with `{login}`");
            assert_eq!(help(image, "no basic auth credentials"), denied);
            assert!(help(image, "toomanyrequests: slow down").starts_with(&format!("log in with `{login}`")));
        }
        assert!(help("python:3.13", "toomanyrequests").ends_with("Docker Hub limits anonymous pulls"));
    }
}

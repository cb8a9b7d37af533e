//! `cargo pyimage run`: a container of an image that was built, run as `cargo pyrun` runs scripts.
//!
//! What the container is, the image says; nothing of this machine is in it but what was asked for.

use std::env;
use std::path::PathBuf;

use pyimage_build::{DocumentError, Image, ImageConfig, Platform};
use pyrun::container::{parse_bytes, parse_cpus};
use pyrun::engine::Program;
use pyrun::plan::{Pull, Request};
use pyrun::publish;
use pyrun::request::{self, RequestError};
use pyrun::settings::Settings;

use crate::cli::RunArgs;

/// Why an image cannot be run as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// An option or an argument is wrong.
    #[error(transparent)]
    Request(Box<RequestError>),
    /// Neither the image nor the command line says what to run.
    #[error("`{0}` has neither an entry point nor a command")]
    NoCommand(String),
    /// The image's configuration makes no sense.
    #[error("could not read the configuration of `{image}`")]
    Config {
        /// The image.
        image: String,
        /// Why not.
        source: DocumentError,
    },
}

impl From<RequestError> for LaunchError {
    fn from(error: RequestError) -> Self {
        Self::Request(Box::new(error))
    }
}

impl LaunchError {
    /// What to do about it, a line for each way.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::Request(error) => match &**error {
                RequestError::Publish(_) => vec!["for example `--publish 8080:80`".to_owned()],
                error => error.helps(),
            },
            Self::NoCommand(_) => vec![
                "say it in Cargo.toml: `entrypoint = [\"python3\", \"main.py\"]`".to_owned(),
                "or here: `cargo pyimage run -- python3 main.py`".to_owned(),
            ],
            Self::Config { .. } => Vec::new(),
        }
    }
}

/// An image that an engine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launched {
    /// Its name there.
    pub name: String,
    /// What it runs on.
    pub platform: Platform,
    /// What a container of it starts with.
    pub program: Program,
}

impl Launched {
    /// An image that was built here, and loaded by this name.
    ///
    /// # Errors
    /// Where its configuration makes no sense.
    pub fn of(image: &Image, name: &str) -> Result<Self, LaunchError> {
        let config = ImageConfig::parse(&image.config.bytes)
            .map_err(|source| LaunchError::Config { image: name.to_owned(), source })?;
        let ImageConfig { entrypoint, cmd, working_dir, .. } = config;
        let program = Program { entrypoint, cmd, working_dir };
        Ok(Self { name: name.to_owned(), platform: image.platform.clone(), program })
    }
}

/// The run of an image, which may be for another machine than the engine's.
///
/// # Errors
/// Where an option's value is wrong, or there is nothing to run.
pub fn request(args: &RunArgs, image: &Launched, foreign: bool) -> Result<Request, LaunchError> {
    let container = &args.container;
    let Launched { name, platform, program } = image;
    let mut words = command(args, program)?.into_iter();
    let entrypoint = words.next().ok_or_else(|| LaunchError::NoCommand(name.clone()))?;
    let folder = env::current_dir().map_err(RequestError::CurrentFolder)?;
    for value in &container.publish {
        publish::parse(value).map_err(RequestError::from)?;
    }
    let variables = request::variables(container.env.clone(), container.env_file.clone())?;
    let settings = Settings { env: variables, ..Settings::default() };
    let invalid = |option| move |reason| RequestError::Value { option, reason };
    let volumes = container.volume.iter().map(|volume| request::absolute_volume(volume.clone(), &folder));
    let workdir = match program.working_dir.as_str() {
        "" => "/".to_owned(),
        its => its.to_owned(),
    };
    Ok(Request {
        bare: true,
        entrypoint: Some(entrypoint),
        arguments: words.collect(),
        image: name.clone(),
        pull: Pull::Never,
        platform: foreign.then(|| platform.to_string()),
        workdir: Some(container.workdir.clone().unwrap_or(workdir)),
        env: settings.environment(&|name| env::var(name).ok()).map_err(RequestError::from)?,
        volumes: volumes.collect(),
        publish: container.publish.clone(),
        network: container.network.clone(),
        name: container.name.clone(),
        user: container.user.clone(),
        memory: container.memory.as_deref().map(parse_bytes).transpose().map_err(invalid("--memory"))?,
        nano_cpus: container.cpus.as_deref().map(parse_cpus).transpose().map_err(invalid("--cpus"))?,
        read_only: container.read_only,
        engine: crate::load::engine_choice(args.engine.as_deref()),
        folder,
        ..Request::default()
    })
}

/// What `docker run` starts: the entry point, and the arguments or else the image's own.
fn command(args: &RunArgs, image: &Program) -> Result<Vec<String>, LaunchError> {
    let text = |word: &std::ffi::OsString| match word.to_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(LaunchError::from(RequestError::NotUtf8(PathBuf::from(word)))),
    };
    let given = args.words.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    let (mut words, own) = match &args.entrypoint {
        Some(program) => (vec![program.clone()], &Vec::new()),
        None => (image.entrypoint.clone(), &image.cmd),
    };
    words.extend(if given.is_empty() { own.clone() } else { given });
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{self, Command};

    fn words(line: &[&str]) -> Vec<String> {
        let texts = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let program = Program {
            entrypoint: texts(&["python3", "main.py"]),
            cmd: texts(&["--help"]),
            working_dir: String::new(),
        };
        let line = ["p", "run"].iter().chain(line).map(std::ffi::OsString::from);
        let Command::Run(args) = cli::parse(line).unwrap().command else { panic!() };
        command(&args, &program).unwrap()
    }

    #[test]
    fn arguments_stand_for_the_image_s_command() {
        assert_eq!(words(&[]), ["python3", "main.py", "--help"]);
        assert_eq!(words(&["serve", "-e", "x"]), ["python3", "main.py", "serve", "-e", "x"]);
        assert_eq!(words(&["--", "-e", "x"]), ["python3", "main.py", "-e", "x"]);
        assert_eq!(words(&["--entrypoint", "sh"]), ["sh"]);
        assert_eq!(words(&["--entrypoint", "sh", "--", "-c", "ls"]), ["sh", "-c", "ls"]);
    }
}

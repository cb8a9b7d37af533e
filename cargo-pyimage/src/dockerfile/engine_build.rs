//! `cargo pyimage build --builder dockerfile`: an engine builds the image.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, io};

use futures_util::StreamExt as _;
use pyimage_build::{Platform, Reference, Source};
use pyrun::engine::context::DockerConfig;
use pyrun::engine::{Building, Engine, EngineError, ImageBuild};
use pyrun::environment;
use pyrun::network::{BUNDLE_VARIABLES, proxies};
use pyrun::pull::pull;
use pyrun::shell::Shell;

use super::context::Context;
use super::{DockerfileError, ExportError, FILES, Project, Purpose};
use crate::build::Bin;

/// The last lines that a failed step may have to say.
const LINES: usize = 30;
/// The names of what is sent and not the project's.
const DOCKERFILE: &str = ".pyimage.Dockerfile";
const BUNDLE: &str = ".pyimage-certificates.crt";
const PROGRAMS: &str = ".pyimage.bins";

/// What an engine builds with.
#[derive(Clone, Copy)]
pub struct EngineBuilder<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// What is told.
    pub shell: &'a Shell,
    /// Nothing may be pulled.
    pub offline: bool,
}

/// Why an engine did not build an image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineBuildError {
    /// There is no Dockerfile to build from.
    #[error(transparent)]
    Dockerfile(#[from] DockerfileError),
    /// The engine does not do its part.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// What it has built cannot be taken from it.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The base is not on the engine, and may not be pulled.
    #[error("`{base}` is not on the engine, and nothing may be pulled")]
    Offline {
        /// The base.
        base: String,
    },
    /// A step failed.
    #[error("the engine did not build `{image}`: `{step}` failed")]
    Step {
        /// The image.
        image: String,
        /// The step's instruction.
        step: String,
        /// What it said, at its end.
        #[source]
        says: StepOutput,
    },
    /// A file could not be sent.
    #[error("could not send the files of `{image}` to the engine")]
    Context {
        /// The image.
        image: String,
        /// Why.
        source: io::Error,
    },
    /// The engine stopped without a word.
    #[error("the engine did not say what became of `{image}`")]
    NoImage {
        /// The image.
        image: String,
    },
    /// Some images are for the engine, some are not.
    #[error("these images have not all the same `builder`: {}", images.join(", "))]
    SeveralBuilders {
        /// All of them.
        images: Vec<String>,
    },
    /// Something that only images that are assembled here have.
    #[error("{0} is not for images that an engine builds")]
    NotHere(&'static str),
}

/// The last lines of what a step printed, and what the engine says of it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StepOutput(String);

impl EngineBuildError {
    /// What to do about it, a line for each way.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::Dockerfile(error) => error.helps(),
            Self::Engine(EngineError::Discovery(error)) => {
                let own = "`cargo pyimage build --builder native` needs no engine".to_owned();
                error.helps().into_iter().chain([own]).collect()
            }
            Self::Step { says, .. } if says.0.to_lowercase().contains("exec format error") => vec![
                "this machine does not run programs of that platform yet: \
                 `docker run --privileged --rm tonistiigi/binfmt --install all`"
                    .to_owned(),
                "`cargo pyimage build --builder native` needs no emulation".to_owned(),
            ],
            Self::Step { .. } => vec!["`-v` shows all that the steps print".to_owned()],
            Self::SeveralBuilders { .. } => {
                vec![
                    "name one with `--image`".to_owned(),
                    "`cargo pyimage build --builder native` builds all of them, and `--builder dockerfile` too"
                        .to_owned(),
                ]
            }
            Self::Offline { .. } => vec!["once without `--offline`, and it is there".to_owned()],
            Self::NotHere(_) => vec!["`--builder native` assembles the image here, which has it".to_owned()],
            _ => Vec::new(),
        }
    }
}

impl EngineBuilder<'_> {
    /// Builds the image for a platform under these names, with these programs in Rust; gives its id on the engine.
    ///
    /// # Errors
    /// Where there is no Dockerfile for it, or a step fails.
    pub async fn build(
        &self,
        project: &Project<'_>,
        platform: &Platform,
        names: &[Reference],
        programs: &[Bin],
    ) -> Result<String, EngineBuildError> {
        let name = names.first().map_or_else(|| project.image.title(), Reference::to_string);
        let shown = names.first().map_or_else(|| name.clone(), Reference::familiar);
        let variables = environment::pip_variables();
        let (context, dockerfile) = match project.somebody_s()? {
            Some(text) => (theirs(project, &text)?, project.file()),
            None => (self.ours(project, platform, &variables, programs).await?, DOCKERFILE.to_owned()),
        };
        let whose = if *dockerfile == *DOCKERFILE { "" } else { " from its own Dockerfile" };
        self.shell
            .status("Building", format_args!("{shown} for {platform}{whose} on {}", self.engine.address()));
        let build = self.order(&dockerfile, &name, platform, variables);
        let id = self.follow(&build, &shown, context).await?;
        for name in names.iter().skip(1) {
            let repository = format!("{}/{}", name.registry(), name.repository());
            self.engine.tag(&id, &repository, name.tag().unwrap_or_default()).await?;
        }
        Ok(id)
    }

    /// What is sent for the Dockerfile that does what the metadata asks for.
    async fn ours(
        &self,
        project: &Project<'_>,
        platform: &Platform,
        variables: &BTreeMap<String, String>,
        programs: &[Bin],
    ) -> Result<Context, EngineBuildError> {
        let bundle =
            BUNDLE_VARIABLES.iter().filter_map(env::var_os).map(PathBuf::from).find(|path| path.is_file());
        let purpose = Purpose {
            platform: Some(platform.clone()),
            base: Some(self.base(project, platform).await?),
            arguments: variables.keys().cloned().collect(),
            bundle: bundle.as_ref().map(|_| BUNDLE.to_owned()),
            is_sent: true,
            programs: programs.iter().map(|bin| format!("{PROGRAMS}/{}", bin.name)).collect(),
        };
        let made = project.dockerfile(&purpose)?;
        let mut context = Context::default();
        if let Some(source) = project.source()? {
            context.add_source(&source, project.folder());
        }
        for path in &made.needed {
            context.add_file(path, project.folder().join(path), 0o644);
        }
        context.add_placed(&project.files()?, FILES);
        for Bin { name, file } in programs {
            context.add_file(&format!("{PROGRAMS}/{name}"), file.clone(), 0o755);
        }
        if let Some(pinned) = &made.pinned {
            context.add_text(&project.pinned_file(), pinned);
        }
        if let Some(bundle) = bundle {
            context.add_file(BUNDLE, bundle, 0o644);
        }
        context.add_text(DOCKERFILE, &made.text);
        Ok(context)
    }

    /// The base by a name under which the engine has it, if need be because it has just got it.
    async fn base(&self, project: &Project<'_>, platform: &Platform) -> Result<String, EngineBuildError> {
        let base = &project.image.settings.base;
        let locked = project.lock.and_then(|lock| lock.bases.get(base)?.images.get(platform));
        let under_its_tag = self.engine.stored(&base.to_string()).await?;
        let Some(locked) = locked else {
            if under_its_tag.is_none() {
                self.pull(base, platform).await?;
            }
            return Ok(base.to_string());
        };
        let exact = base.with_digest(&locked.manifest.digest);
        if self.engine.stored(&exact.to_string()).await?.is_some() {
            return Ok(exact.to_string());
        }
        let layers = locked.layers.iter().map(|layer| layer.diff_id.as_str());
        if under_its_tag.is_some_and(|stored| layers.eq(stored.layers.iter().map(String::as_str))) {
            return Ok(base.to_string());
        }
        self.pull(&exact, platform).await?;
        Ok(exact.to_string())
    }

    async fn pull(&self, base: &Reference, platform: &Platform) -> Result<(), EngineBuildError> {
        if self.offline {
            return Err(EngineBuildError::Offline { base: base.familiar() });
        }
        Ok(pull(self.engine, &base.familiar(), Some(&platform.to_string()), self.shell).await?)
    }

    fn order(
        &self,
        dockerfile: &str,
        name: &str,
        platform: &Platform,
        variables: BTreeMap<String, String>,
    ) -> ImageBuild {
        let (address, facts) = (self.engine.address(), self.engine.facts());
        // An index or a proxy on this machine is reached by the steps as it is by us.
        let variable = |name: &str| env::var(name).ok();
        let named = proxies(variable, &DockerConfig::read(), address, facts, Some("host"));
        let is_local = |url: &String| {
            ["//localhost", "//127.0.0.1", "//[::1]", "@localhost", "@127.0.0.1"]
                .iter()
                .any(|host| url.contains(host))
        };
        let is_near = address.socket().is_some();
        let network = variables.values().chain(named.env.values()).any(is_local) && is_near;
        let arguments = variables.into_iter().chain(named.env).collect();
        ImageBuild {
            dockerfile: dockerfile.to_owned(),
            name: name.to_owned(),
            platform: Some(platform.to_string()),
            arguments,
            network: network.then(|| "host".to_owned()),
            ..ImageBuild::default()
        }
    }

    async fn follow(
        &self,
        build: &ImageBuild,
        shown: &str,
        context: Context,
    ) -> Result<String, EngineBuildError> {
        let (stream, writing) = context.stream();
        let mut answers = Box::pin(self.engine.build(build, stream));
        let mut log = Log {
            shell: self.shell,
            place: String::new(),
            step: String::new(),
            told: true,
            lines: Vec::new(),
            is_parallel: self.engine.has_buildkit(),
        };
        let (mut finished, mut failure) = (None, None);
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(Building::Built(id)) => {
                    log.tell("Step");
                    finished = Some(id);
                }
                Ok(said) => log.take(said),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        drop(answers);
        let image = || shown.to_owned();
        // An engine that fails stops reading: its reason is the one to tell.
        match (failure, writing.await) {
            (_, Err(source)) if source.kind() != io::ErrorKind::BrokenPipe => {
                return Err(EngineBuildError::Context { image: image(), source });
            }
            (Some(EngineError::Refused { message, .. }), _) if !log.step.is_empty() => {
                let says = log.last_lines(&message);
                return Err(EngineBuildError::Step { image: image(), step: log.step, says });
            }
            (Some(EngineError::Refused { operation, status, message, .. }), _) => {
                return Err(EngineError::Refused { operation, object: image(), status, message }.into());
            }
            (Some(error), _) => return Err(error.into()),
            (None, _) => {}
        }
        if let Some(id) = finished {
            return Ok(id);
        }
        let stored = self.engine.stored(&build.name).await?;
        stored.map(|stored| stored.id).ok_or_else(|| EngineBuildError::NoImage { image: image() })
    }
}

/// What is sent where the project has a Dockerfile that somebody has written.
fn theirs(project: &Project<'_>, text: &str) -> Result<Context, DockerfileError> {
    // What it copies is its own business: all but what `.dockerignore` and we leave out.
    let globs: Vec<&str> = project.image.settings.source.iter().map(String::as_str).chain(["."]).collect();
    let source = Source::select(project.folder(), project.folder(), &globs);
    let mut context = Context::default();
    context.add_source(&source.map_err(|source| project.unlisted(source))?, project.folder());
    context.add_text(&project.file(), text);
    Ok(context)
}

/// What is told of the steps, and kept for the case that one fails.
struct Log<'a> {
    shell: &'a Shell,
    /// Which of how many it is.
    place: String,
    step: String,
    told: bool,
    lines: Vec<String>,
    /// Several steps may be under way at once.
    is_parallel: bool,
}

impl Log<'_> {
    fn take(&mut self, said: Building) {
        match said {
            Building::Step { number, total, instruction } => {
                self.tell("Step");
                self.place = if total == 0 { String::new() } else { format!("{number}/{total} ") };
                self.step = instruction;
                self.told = false;
                if !self.is_parallel {
                    self.lines.clear();
                }
            }
            Building::Cached => self.tell("Cached"),
            Building::Failed(instruction) => {
                self.tell("Step");
                self.step = instruction;
            }
            Building::Output(line) => {
                self.tell("Step");
                self.shell.verbose(|shell| shell.always(&line));
                self.lines.push(line);
            }
            Building::Built(_) => self.tell("Step"),
        }
    }

    fn tell(&mut self, verb: &str) {
        if !self.told {
            self.shell.status(verb, format_args!("{}{}", self.place, self.step));
            self.told = true;
        }
    }

    fn last_lines(&self, message: &str) -> StepOutput {
        let lines = &self.lines[self.lines.len().saturating_sub(LINES)..];
        let lines = lines.iter().map(String::as_str).chain([message]);
        StepOutput(lines.collect::<Vec<_>>().join("\n"))
    }
}

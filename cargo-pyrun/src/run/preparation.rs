//! Everything before the start: the engine, the image, the container.

use pyimage_build::{Date, PythonTag};

use super::doubts::doubts;
use super::{Ended, RunError, Timings};
use crate::cache::{Cache, CacheError, InUse};
use crate::container::Container;
use crate::engine::{Engine, EngineError, Until};
use crate::environment::{self, Environment, EnvironmentError, Held};
use crate::fingerprint;
use crate::identity::Caller;
use crate::image::{self, Image};
use crate::lease::Lease;
use crate::plan::{self, Pull, Request, Streams};
use crate::pull::pull;
use crate::shell::Shell;
use crate::signals::Signals;
use crate::terminal;

/// How long an engine may take to undo what a failed run began.
const UNDO: std::time::Duration = std::time::Duration::from_secs(10);

/// A run before its start.
pub(super) struct Preparation<'a> {
    pub(super) request: &'a Request,
    pub(super) shell: &'a Shell,
    pub(super) engine: Engine,
    /// The script gets a terminal.
    pub(super) terminal: bool,
    pub(super) image: Option<Image>,
    /// The container as the engine was asked for it.
    pub(super) created: Option<Container>,
    pub(super) cache: Option<&'a Cache>,
    pub(super) caller: Option<Caller>,
    pub(super) run: String,
    /// The packages that the script gets, once they are there.
    pub(super) environment: Option<Environment>,
    /// What the container gets of the cache, by the entries' names; an environment's needs none.
    in_use: std::cell::RefCell<Vec<(String, InUse)>>,
    lease: Option<Lease>,
    cache_complaint: std::cell::OnceCell<()>,
}

impl<'a> Preparation<'a> {
    /// Connects, and checks what can be checked before anything is created.
    pub(super) async fn begin(
        request: &'a Request,
        shell: &'a Shell,
        cache: Option<&'a Cache>,
    ) -> Result<Self, RunError> {
        let engine = Engine::connect(request.engine.as_deref(), cache).await?;
        shell.verbose(|shell| {
            let facts = engine.facts();
            shell
                .status("Engine", format_args!("{:?} {} at {}", facts.kind, facts.version, engine.address()));
        });
        let windows = request.tag.as_ref().is_some_and(PythonTag::is_windows);
        if windows && engine.facts().os != "windows" {
            return Err(RunError::Windows { image: request.image.clone(), os: engine.facts().os.clone() });
        }
        let mut id = [0; 6];
        getrandom::fill(&mut id).map_err(|error| EngineError::Random(error.into()))?;
        let run = fingerprint::hex(&id);
        Ok(Self {
            request,
            shell,
            engine,
            terminal: request.streams == Streams::Caller && !request.detached && terminal::interactive(),
            image: None,
            created: None,
            cache,
            caller: Caller::current(),
            run,
            environment: None,
            in_use: std::cell::RefCell::default(),
            lease: None,
            cache_complaint: std::cell::OnceCell::new(),
        })
    }

    /// Creates the container, pulling the image where it is missing.
    ///
    /// The first try goes straight to the engine, planned for the image that the last run met under this name;
    /// whether it is still that image is asked at the same time.
    pub(super) async fn create(
        &mut self,
        signals: &mut Signals,
        timings: &mut Timings,
    ) -> Result<(), RunError> {
        if let Some(cache) = self.cache {
            Lease::sweep(cache, &self.engine).await;
            if !self.request.keep || self.request.detached {
                self.lease = Lease::take(cache, &self.engine, &self.run);
            }
        }
        let mut may_pull = self.request.pull == Pull::Missing;
        if self.request.pull == Pull::Always {
            self.pull(signals).await?;
            timings.mark("pull");
        } else {
            self.image = self.recall();
        }
        if self.request.network.as_deref() == Some("host") && !self.request.publish.is_empty() {
            self.shell.warn(
                "`--publish` does nothing with `--network host`: the script's ports are this machine's",
            );
        }
        loop {
            self.provide_environment(signals, timings).await?;
            let container = self.container();
            self.make_mount_points(&container);
            let entrypoint = self.entrypoint(&container);
            self.created = Some(container.clone());
            if let Some(lease) = &self.lease {
                lease.leave();
            }
            let asked = async {
                tokio::join!(
                    self.engine.create(&container, &entrypoint),
                    self.engine.image(&self.request.image)
                )
            };
            let (created, found) = settle(asked, signals).await?;
            match created {
                Ok(()) => {}
                Err(EngineError::NoSuchImage { .. }) if may_pull => {
                    may_pull = false;
                    self.pull(signals).await?;
                    timings.mark("pull");
                    continue;
                }
                Err(EngineError::NoSuchImage { message, .. }) if self.request.pull == Pull::Never => {
                    return Err(match self.no_image(message) {
                        error @ RunError::NoPlatform { .. } => error,
                        _ => RunError::NotPulled(self.request.image.clone()),
                    });
                }
                Err(EngineError::NoSuchImage { message, .. }) => return Err(self.no_image(message)),
                Err(error) => return Err(self.explain(error)),
            }
            let Some(found) = found? else { break };
            if self.is_for_another_platform(&found) {
                self.engine.remove(&self.name()).await?;
                if !may_pull {
                    return Err(self.no_platform(&found));
                }
                may_pull = false;
                self.pull(signals).await?;
                timings.mark("pull");
                continue;
            }
            if self.image.as_ref().is_some_and(|known| known.id == found.id) {
                break;
            }
            // What is in it makes no difference to a plan that adds nothing.
            if self.request.bare {
                self.image = Some(found);
                break;
            }
            // Another image than the container was planned for: meet it, and plan again. It is met in a container
            // of its own, without the account files that were made for the image that had its name before.
            match self.image.take() {
                // Its Python may be another, which takes other wheels.
                Some(_) => self.environment = None,
                None => self.meet(found).await?,
            }
            self.engine.remove(&self.name()).await?;
        }
        timings.mark("create");
        // Of an image that something of ours runs in, the script's own run tells, or nobody needs to.
        if !matches!(self.request.streams, Streams::Log(_)) {
            self.warn_of_age();
            self.warn_of_doubts();
        }
        Ok(())
    }

    /// Takes the packages that the script needs, where an earlier run has prepared them.
    pub(super) fn recall_environment(&mut self) -> bool {
        let (Some(image), Some(cache)) = (&self.image, self.cache) else { return false };
        let held = environment::recall(self.request, image, cache);
        self.take(held)
    }

    /// Sees to the packages that the script needs, once it is known what image they are for.
    async fn provide_environment(
        &mut self,
        signals: &mut Signals,
        timings: &mut Timings,
    ) -> Result<(), RunError> {
        if self.request.dependencies.is_empty() || self.environment.is_some() {
            return Ok(());
        }
        let Some(image) = &self.image else { return Ok(()) };
        let Some(cache) = self.cache else {
            return Err(RunError::Environment(EnvironmentError::NoCache.into()));
        };
        let provided = environment::provide(self.request, image, cache, self.shell);
        let held = tokio::select! {
            provided = provided => provided?,
            signal = signals.fatal() => return Err(RunError::Interrupted(signal)),
        };
        self.take(Some(held));
        timings.mark("packages");
        Ok(())
    }

    /// Takes an environment for this run; no prune removes it before our end.
    fn take(&mut self, held: Option<Held>) -> bool {
        let Some(Held { environment, in_use }) = held else { return false };
        self.environment = Some(environment);
        self.in_use.get_mut().extend(in_use.map(|in_use| (String::new(), in_use)));
        true
    }

    /// Keeps prunes off an entry of the cache that the container gets.
    pub(super) fn hold(&self, entry: &str) {
        let Some(cache) = self.cache else { return };
        let mut held = self.in_use.borrow_mut();
        if !held.iter().any(|(name, _)| name == entry) {
            held.extend(cache.using(entry).map(|in_use| (entry.to_owned(), in_use)));
        }
    }

    /// After a script that failed: its packages may be why, where somebody changed them in the cache.
    pub(super) fn warn_of_damage(&self) {
        let (Some(environment), Some(cache)) = (&self.environment, self.cache) else { return };
        let damage = environment.damage(cache);
        let Some(first) = damage.first() else { return };
        let more = if damage.len() > 1 { format!(", and {} more", damage.len() - 1) } else { String::new() };
        self.shell.warn(format_args!("the script's packages were damaged in the cache: `{first}`{more}"));
        self.shell.help("run it again: the next run prepares them anew");
        environment.give_up();
    }

    /// The image as the last run met it, or as the engine tells it.
    pub(super) async fn recall_or_inspect(&mut self) -> Result<(), RunError> {
        let found = self.engine.image(&self.request.image).await?;
        self.image =
            self.recall().filter(|known| found.as_ref().is_none_or(|found| found.id == known.id)).or(found);
        Ok(())
    }

    /// The container's name.
    pub(super) fn name(&self) -> String {
        match &self.created {
            Some(container) => container.name.clone(),
            None => format!("pyrun-{}", self.run),
        }
    }

    fn entrypoint(&self, container: &Container) -> Vec<String> {
        let bytecode = container.binds.iter().any(|bind| bind.target == plan::BYTECODE);
        plan::entrypoint(self.request, self.image.as_ref(), bytecode)
    }

    async fn pull(&mut self, signals: &mut Signals) -> Result<(), RunError> {
        let image = &self.request.image;
        // The engine ends a pull whose client hangs up.
        let result = tokio::select! {
            result = pull(&self.engine, image, self.request.platform.as_deref(), self.shell) => result,
            signal = signals.fatal() => return Err(RunError::Interrupted(signal)),
        };
        match result {
            Ok(()) => Ok(()),
            Err(EngineError::Refused { message, .. }) => Err(self.explain_pull(message)),
            Err(error) => Err(error.into()),
        }
    }

    /// Learns what a run needs of an image from a container of it, and keeps it.
    async fn meet(&mut self, mut found: Image) -> Result<(), RunError> {
        let name = self.name();
        let pip = found.python_minor().map(|(major, minor)| {
            format!("/usr/local/lib/python{major}.{minor}/site-packages/pip/__init__.py")
        });
        let (passwd, group, release, pip) = tokio::join!(
            self.engine.read_file(&name, "/etc/passwd"),
            self.engine.read_file(&name, "/etc/group"),
            // `/etc/os-release` is a link to it.
            self.engine.read_file(&name, "/usr/lib/os-release"),
            async {
                match pip {
                    Some(path) => self.engine.read_file(&name, &path).await,
                    None => Ok(None),
                }
            }
        );
        let text = |bytes: Option<Vec<u8>>| {
            bytes.map_or(String::new(), |b| String::from_utf8_lossy(&b).into_owned())
        };
        found.passwd = Some(text(passwd?));
        found.group = Some(text(group?));
        found.pip = pip?.and_then(|file| image::pip(&String::from_utf8_lossy(&file)));
        found.suite = release?.and_then(|file| image::suite(&String::from_utf8_lossy(&file)));
        if let Some(cache) = self.cache {
            self.complain(cache.write_json(self.image_entry(), &found));
        }
        self.image = Some(found);
        Ok(())
    }

    fn recall(&self) -> Option<Image> {
        self.cache?.read_json(self.image_entry())
    }

    fn image_entry(&self) -> String {
        let platform = self.request.platform.as_deref().unwrap_or_default();
        let identity = format!("{} {} {platform}", self.engine.address(), self.request.image);
        format!("images/{}.json", fingerprint::short(&identity))
    }

    /// A cache that cannot be written costs speed, not the run: it is told once.
    pub(super) fn complain<T>(&self, result: Result<T, CacheError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                if self.cache_complaint.set(()).is_ok() {
                    self.shell.warn(format_args!("{error}; this run goes on without the cache"));
                    self.shell.help(error.help());
                }
                None
            }
        }
    }

    fn warn_of_age(&self) {
        let from_image = || self.image.as_ref()?.python.as_deref()?.parse::<PythonTag>().ok();
        let Some(tag) = self.request.tag.clone().or_else(from_image) else { return };
        if let Some(end) = tag.end_of_life().filter(|_| tag.is_end_of_life(today())) {
            self.shell.warn(format_args!(
                "`{tag}` has had no security fixes since {}, Python {}'s end of life",
                end.date, end.python
            ));
        }
    }

    fn warn_of_doubts(&self) {
        let Some(image) = &self.image else { return };
        for (warning, helps) in doubts(self.request, image, self.engine.facts()) {
            self.shell.warn(warning);
            for help in helps {
                self.shell.help(help);
            }
        }
    }

    /// Leaves nothing behind after a failure.
    pub(super) async fn abandon(&mut self) {
        if self.created.is_none() {
            return;
        }
        // Under a name that the user gave, another's container may be: only our own is removed.
        let undone = tokio::time::timeout(UNDO, self.engine.remove_run(&self.run)).await;
        if let (Some(lease), Ok(Ok(_))) = (&self.lease, undone) {
            lease.release();
        }
    }

    /// What keeps prunes off what the container has of the cache.
    pub(super) fn let_go(self) -> Vec<InUse> {
        self.in_use.into_inner().into_iter().map(|(_, in_use)| in_use).collect()
    }

    /// From now on init ends the container when its client is gone; nobody needs to come back for it.
    pub(super) fn is_init_s(&self) {
        if let Some(lease) = &self.lease {
            lease.release();
        }
    }

    /// The end of a run that started. The engine removes the container by itself; a name or a port that the user
    /// gave is free again when we return.
    pub(super) async fn conclude(&self, timings: &mut Timings, ended: Ended) -> Result<Ended, RunError> {
        let reusable = self.request.name.is_some() || !self.request.publish.is_empty();
        if self.request.keep {
            self.shell.status("Kept", format_args!("{0}: `docker rm {0}` removes it", self.name()));
        } else if reusable {
            // Gone already is as good as removed.
            let limit = std::time::Duration::from_secs(10);
            let _ = tokio::time::timeout(limit, self.engine.wait(&self.name(), Until::Removed)).await;
            timings.mark("remove");
        }
        Ok(ended)
    }
}

/// Waits for a request that makes something even when a signal comes: what it makes has to be removed again.
async fn settle<T>(request: impl Future<Output = T>, signals: &mut Signals) -> Result<T, RunError> {
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(5);
    let mut request = std::pin::pin!(request);
    tokio::select! {
        result = &mut request => Ok(result),
        signal = signals.fatal() => {
            let _ = tokio::time::timeout(LIMIT, request).await;
            Err(RunError::Interrupted(signal))
        }
    }
}

fn today() -> Date {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Date::from_unix(now.map_or(0, |since| since.as_secs()))
}

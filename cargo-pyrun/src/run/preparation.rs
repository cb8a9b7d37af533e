//! Everything before the start: the engine, the image, the container.

use std::collections::BTreeMap;

use pyimage_build::{Date, PythonTag};

use super::{RunError, Timings};
use crate::cache::{Cache, CacheError};
use crate::container::Container;
use crate::engine::context::DockerConfig;
use crate::engine::{Engine, EngineError, Until};
use crate::fingerprint;
use crate::identity::{self, Caller, Identity};
use crate::image::Image;
use crate::lease::Lease;
use crate::network;
use crate::plan::{self, Interpreter, Pull, Request, Surroundings};
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
    cache: Option<&'a Cache>,
    caller: Option<Caller>,
    run: String,
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
            terminal: terminal::interactive(),
            image: None,
            created: None,
            cache,
            caller: Caller::current(),
            run,
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
            if !self.request.keep {
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
        loop {
            let container = self.container();
            let entrypoint = self.entrypoint(&container);
            self.created = Some(container.clone());
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
                Err(EngineError::NoSuchImage { .. }) if self.request.pull == Pull::Never => {
                    return Err(RunError::NotPulled(self.request.image.clone()));
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
            // Another image than the container was planned for: meet it, and plan again. It is met in a container
            // of its own, without the account files that were made for the image that had its name before.
            match self.image.take() {
                Some(_) => {}
                None => self.meet(found).await?,
            }
            self.engine.remove(&self.name()).await?;
        }
        timings.mark("create");
        self.warn_of_age();
        Ok(())
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

    /// The container for what is known by now.
    pub(super) fn container(&self) -> Container {
        let image = self.image.as_ref();
        let facts = self.engine.facts();
        let identity = identity::identify(self.request.user.as_deref(), self.caller.as_ref(), facts, image);
        let variable = |name: &str| std::env::var(name).ok();
        let network = self.request.network.as_deref();
        let home = std::env::home_dir();
        let around = Surroundings {
            engine: facts,
            address: self.engine.address(),
            image,
            accounts: self.accounts(&identity),
            identity: &identity,
            bytecode: self.bytecode_folder(),
            bundle: network::bundle(variable).and_then(|path| self.shared_bundle(path)),
            proxies: network::proxies(variable, &DockerConfig::read(), self.engine.address(), facts, network),
            terminal: self.terminal_variables(),
            socket_group: self.socket_group(),
            home: home.as_deref(),
        };
        plan::plan(self.request, &around, &self.run)
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
        let (passwd, group) = tokio::join!(
            self.engine.read_file(&name, "/etc/passwd"),
            self.engine.read_file(&name, "/etc/group")
        );
        let text = |bytes: Option<Vec<u8>>| {
            bytes.map_or(String::new(), |b| String::from_utf8_lossy(&b).into_owned())
        };
        found.passwd = Some(text(passwd?));
        found.group = Some(text(group?));
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

    /// Bytecode is kept by image and by project. Shared between projects it could be poisoned by one for the next,
    /// and two projects may have a file of the same path, size and time in the container.
    fn bytecode_folder(&self) -> Option<String> {
        let image = self.image.as_ref()?;
        let supported = image.python_minor().is_some_and(|minor| minor >= (3, 8));
        let python = self.request.interpreter == Interpreter::Official && self.request.entrypoint.is_none();
        if !supported || !python || self.request.user.is_some() {
            return None;
        }
        let project = fingerprint::short(&self.request.folder.display().to_string());
        let folder = self.cache?.folder(format!("bytecode/{}/{project}", image.key()));
        self.complain(folder).map(|folder| folder.to_string())
    }

    fn accounts(&self, identity: &Identity) -> Option<(String, String)> {
        let accounts = identity.accounts.as_ref()?;
        let cache = self.cache?;
        let entry =
            format!("accounts/{}", fingerprint::short(&format!("{}{}", accounts.passwd, accounts.group)));
        let kept = |file: &str, text: &str| {
            let entry = format!("{entry}/{file}");
            // Read rather than only found: a damaged one would be the container's `/etc/passwd`.
            if !cache.read(&entry).is_ok_and(|kept| kept.as_deref() == Some(text.as_bytes())) {
                self.complain(cache.write(&entry, text.as_bytes()))?;
            }
            Some(cache.root().join(entry).to_string())
        };
        Some((kept("passwd", &accounts.passwd)?, kept("group", &accounts.group)?))
    }

    /// An engine in a virtual machine sees the caller's home, but not `/etc`: the bundle is copied to the cache.
    fn shared_bundle(&self, path: std::path::PathBuf) -> Option<String> {
        if cfg!(target_os = "linux") {
            return path.to_str().map(str::to_owned);
        }
        let bytes = fs_err::read(path).ok()?;
        let cache = self.cache?;
        let entry = format!("certificates/{}.crt", fingerprint::short(&String::from_utf8_lossy(&bytes)));
        self.complain(cache.write(&entry, &bytes))?;
        Some(cache.root().join(entry).to_string())
    }

    fn terminal_variables(&self) -> BTreeMap<String, String> {
        let names = if self.terminal { &["TERM", "COLORTERM"][..] } else { &[] };
        names.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))).collect()
    }

    fn socket_group(&self) -> Option<u32> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let socket = self.engine.address().socket().filter(|_| self.request.docker_socket)?;
            Some(fs_err::metadata(socket).ok()?.gid())
        }
        #[cfg(not(unix))]
        {
            None
        }
    }

    /// A cache that cannot be written costs speed, not the run: it is told once.
    fn complain<T>(&self, result: Result<T, CacheError>) -> Option<T> {
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

    /// An engine's refusal in terms of what the user asked for.
    pub(super) fn explain(&self, error: EngineError) -> RunError {
        let EngineError::Refused { message, .. } = &error else { return error.into() };
        let image = self.request.image.clone();
        let program = self.request.interpreter.path();
        if ["port is already allocated", "address already in use"].iter().any(|words| message.contains(words))
        {
            return RunError::PortTaken {
                publish: self.request.publish.join(", "),
                message: message.clone(),
            };
        }
        let no_gpu = ["could not select device driver", "unresolvable CDI devices", "nvidia-container-cli"];
        if self.request.gpus.is_some() && no_gpu.iter().any(|words| message.contains(words)) {
            return RunError::NoGpu { message: message.clone() };
        }
        if message.contains("exec format error") {
            return self.no_emulation();
        }
        if message.contains(program) && message.contains("permission denied") {
            let reason = "permission denied".to_owned();
            return RunError::NotExecutable { image, program: program.to_owned(), reason };
        }
        let absent = ["no such file or directory", "not found", "cannot find"];
        if message.contains(program) && absent.iter().any(|words| message.contains(words)) {
            return self.no_program(program.to_owned(), true);
        }
        error.into()
    }

    pub(super) fn no_emulation(&self) -> RunError {
        let facts = self.engine.facts();
        let of_image = self.image.as_ref().map(|image| format!("{}/{}", image.os, image.arch));
        let asked = self.request.platform.clone();
        RunError::NoEmulation {
            image: self.request.image.clone(),
            platform: asked.or(of_image).unwrap_or_else(|| "another platform".to_owned()),
            engine: format!("{}/{}", facts.os, facts.arch),
        }
    }

    pub(super) fn no_program(&self, program: String, python: bool) -> RunError {
        let better = match (&self.request.interpreter, &self.request.tag) {
            (Interpreter::System, Some(tag)) if python => Some(tag.with_variant_full()),
            _ => None,
        };
        RunError::NoProgram { image: self.request.image.clone(), program, python, better }
    }

    /// Leaves nothing behind after a failure.
    pub(super) async fn abandon(&mut self) {
        if self.created.is_none() {
            return;
        }
        // Under a name that the user gave, another's container may be: only our own is removed.
        let undone = tokio::time::timeout(UNDO, self.engine.remove_run(&self.run)).await;
        if let (Some(lease), Err(_) | Ok(Err(_))) = (&mut self.lease, undone) {
            lease.leave();
        }
    }

    /// The end of a run that started. The engine removes the container by itself; a name or a port that the user
    /// gave is free again when we return.
    pub(super) async fn conclude(&self, timings: &mut Timings, code: u8) -> Result<u8, RunError> {
        let reusable = self.request.name.is_some() || !self.request.publish.is_empty();
        if reusable && !self.request.keep {
            // Gone already is as good as removed.
            let limit = std::time::Duration::from_secs(10);
            let _ = tokio::time::timeout(limit, self.engine.wait(&self.name(), Until::Removed)).await;
            timings.mark("remove");
        }
        Ok(code)
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

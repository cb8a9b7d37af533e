//! A script that goes on without the process that started it.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::mpsc;

use super::job::Job;
use super::pieces::{Line, Pieces};
use super::{Pending, ScriptError, Status};
use crate::cache::InUse;
use crate::engine::{Address, DETACHED_LABEL, Engine, EngineError, State, Until, discovery};
use crate::run::Ended;
use crate::streams::{Piece, Stream};

/// A script that goes on without the process that started it.
///
/// Dropping this changes nothing for the script. Its container stays after its end, so that its exit code and its output
/// can be had, also by another process ([`find`](Self::find)): [`remove`](Self::remove) removes it.
///
/// `docker logs`, `stop` and `rm` do for it what they do for any container;
/// `docker ps --all --filter label=pyrun.detached` lists all of them.
///
/// ```no_run
/// use std::time::Duration;
/// let detached = pyrun::Script::code("print('working')").name("nightly").detach().wait()?;
/// let status = detached.finished().wait()?;
/// let logs = detached.logs().wait()?;
/// detached.remove().wait()?;
/// # Ok::<_, pyrun::ScriptError>(())
/// ```
#[derive(Debug)]
pub struct Detached {
    engine: Address,
    name: String,
    /// Keeps prunes off what it has of the cache, for as long as this process lives.
    _in_use: Vec<InUse>,
}

impl Detached {
    pub(super) fn new(engine: Address, name: String, in_use: Vec<InUse>) -> Self {
        Self { engine, name, _in_use: in_use }
    }

    /// One that an engine has, by the name or id of its container. `engine` is as for
    /// [`Script::engine`](super::Script::engine), or `None` for the first that answers.
    ///
    /// ```no_run
    /// let detached = pyrun::Detached::find("nightly", None).wait()?;
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    ///
    /// # Errors
    /// [`ScriptError::NoContainer`] where there is none, or it is none of ours.
    pub fn find(name: &str, engine: Option<&str>) -> Pending<'static, Result<Self, ScriptError>> {
        let (name, engine) = (name.to_owned(), engine.map(str::to_owned));
        Pending::new(async move {
            let job = Job::ask(async move || {
                let candidates = discovery::candidates(engine.as_deref()).map_err(EngineError::from)?;
                let address = discovery::dial(candidates).map_err(EngineError::from)?;
                state(&address, &name).await?;
                Ok(Self::new(address, name, Vec::new()))
            })?;
            job.result().await
        })
    }

    /// The container's name on the engine.
    ///
    /// ```no_run
    /// let detached = pyrun::Script::code("print('working')").detach().wait()?;
    /// println!("`docker logs {}` tells what it says", detached.name());
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The container's id on the engine.
    ///
    /// ```no_run
    /// # let detached = pyrun::Detached::find("nightly", None).wait()?;
    /// println!("{}", detached.id().wait()?);
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    ///
    /// # Errors
    /// Where it was removed, or the engine is gone.
    pub fn id(&self) -> Pending<'static, Result<String, ScriptError>> {
        self.ask(async |engine, name| Ok(known(&engine, &name).await?.id))
    }

    /// How it ended, or `None` while it runs.
    ///
    /// ```no_run
    /// # let detached = pyrun::Detached::find("nightly", None).wait()?;
    /// if let Some(status) = detached.status().wait()? {
    ///     println!("{status}");
    /// }
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    ///
    /// # Errors
    /// Where it was removed, or the engine is gone.
    pub fn status(&self) -> Pending<'static, Result<Option<Status>, ScriptError>> {
        self.ask(async |engine, name| Ok(ended(&known(&engine, &name).await?)))
    }

    /// Waits for its end. Dropping what this gives stops waiting, not the script.
    ///
    /// ```no_run
    /// # let detached = pyrun::Detached::find("nightly", None).wait()?;
    /// let status = detached.finished().wait()?;
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    ///
    /// # Errors
    /// Where it was removed, or the engine is gone.
    pub fn finished(&self) -> Pending<'static, Result<Status, ScriptError>> {
        self.ask(async |engine, name| {
            loop {
                if let Some(status) = ended(&known(&engine, &name).await?) {
                    return Ok(status);
                }
                engine.wait(&name, Until::Stopped).await?;
            }
        })
    }

    /// All that it has written until now, and how it ended, if it has.
    ///
    /// ```no_run
    /// # let detached = pyrun::Detached::find("nightly", None).wait()?;
    /// println!("{}", String::from_utf8_lossy(&detached.logs().wait()?.stdout));
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    ///
    /// # Errors
    /// Where it was removed, or the engine is gone or keeps no log.
    pub fn logs(&self) -> Pending<'static, Result<Logs, ScriptError>> {
        self.ask(async |engine, name| {
            known(&engine, &name).await?;
            let mut logs = Logs::default();
            let mut pieces = Box::pin(engine.logs(&name, false));
            while let Some(output) = pieces.next().await {
                let Piece { stream, bytes } = output?.into();
                match stream {
                    Stream::Stdout => logs.stdout.extend_from_slice(&bytes),
                    Stream::Stderr => logs.stderr.extend_from_slice(&bytes),
                }
            }
            Ok(logs)
        })
    }

    /// What it writes, from its beginning, as it comes.
    ///
    /// ```no_run
    /// # let detached = pyrun::Detached::find("nightly", None).wait()?;
    /// for line in detached.follow().wait()?.lines() {
    ///     println!("{}", line.text);
    /// }
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    ///
    /// # Errors
    /// Where it was removed, or the engine is gone or keeps no log.
    pub fn follow(&self) -> Pending<'static, Result<Log, ScriptError>> {
        let (engine, name) = (self.engine.clone(), self.name.clone());
        Pending::new(async move {
            let (sender, pieces) = Pieces::channel();
            let (found, ready) = tokio::sync::oneshot::channel();
            let job = Job::ask(async move || {
                let engine = Engine::at(engine, None).await?;
                known(&engine, &name).await?;
                let _ = found.send(());
                pass_on(&engine, &name, &sender).await
            })?;
            match ready.await {
                Ok(()) => Ok(Log { pieces, _job: job }),
                Err(_) => match job.result().await {
                    Err(error) => Err(error),
                    Ok(()) => Err(ScriptError::Thread(std::io::ErrorKind::UnexpectedEof.into())),
                },
            }
        })
    }

    /// Asks it to end with `SIGTERM`, and kills it where it has not after this long. One that has ended is fine.
    ///
    /// ```no_run
    /// # let detached = pyrun::Detached::find("nightly", None).wait()?;
    /// detached.stop(std::time::Duration::from_secs(10)).wait()?;
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    ///
    /// # Errors
    /// Where it was removed, or the engine is gone.
    pub fn stop(&self, patience: Duration) -> Pending<'static, Result<Status, ScriptError>> {
        let seconds = u32::try_from(patience.as_secs()).unwrap_or(u32::MAX);
        self.ask(async move |engine, name| {
            known(&engine, &name).await?;
            engine.stop(&name, seconds).await?;
            loop {
                if let Some(status) = ended(&known(&engine, &name).await?) {
                    return Ok(status);
                }
                engine.wait(&name, Until::Stopped).await?;
            }
        })
    }

    /// Sends it a signal, by its number on Linux.
    ///
    /// ```no_run
    /// # let detached = pyrun::Detached::find("nightly", None).wait()?;
    /// detached.signal(10).wait()?; // SIGUSR1
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    ///
    /// # Errors
    /// Where it has ended, was removed, or the engine is gone.
    pub fn signal(&self, number: u8) -> Pending<'static, Result<(), ScriptError>> {
        self.ask(async move |engine, name| Ok(engine.signal(&name, number).await?))
    }

    /// Removes its container, with its output; one that runs is killed, one that is gone is fine.
    ///
    /// ```no_run
    /// # let detached = pyrun::Detached::find("nightly", None).wait()?;
    /// detached.remove().wait()?;
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    ///
    /// # Errors
    /// Where the engine refuses or is gone.
    pub fn remove(self) -> Pending<'static, Result<(), ScriptError>> {
        let Self { engine, name, .. } = self;
        Pending::new(async move {
            let job = Job::ask(async move || Ok(Engine::at(engine, None).await?.remove(&name).await?))?;
            job.result().await
        })
    }

    /// Asks the engine for something.
    fn ask<T, F>(
        &self,
        work: impl FnOnce(Engine, String) -> F + Send + 'static,
    ) -> Pending<'static, Result<T, ScriptError>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ScriptError>>,
    {
        let (address, name) = (self.engine.clone(), self.name.clone());
        Pending::new(async move {
            let job = Job::ask(async move || work(Engine::at(address, None).await?, name).await)?;
            job.result().await
        })
    }
}

/// All that a detached script has written until now.
///
/// ```no_run
/// let logs = pyrun::Detached::find("nightly", None).wait()?.logs().wait()?;
/// println!("{} bytes, and {} bytes of errors", logs.stdout.len(), logs.stderr.len());
/// # Ok::<_, pyrun::ScriptError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logs {
    /// To its stdout.
    pub stdout: Vec<u8>,
    /// To its stderr.
    pub stderr: Vec<u8>,
}

/// What a detached script writes, as it comes. Dropped, only the reading ends.
///
/// ```no_run
/// let mut log = pyrun::Detached::find("nightly", None).wait()?.follow().wait()?;
/// while let Some(line) = log.line().wait() {
///     println!("{}", line.text);
/// }
/// # Ok::<_, pyrun::ScriptError>(())
/// ```
#[derive(Debug)]
pub struct Log {
    pieces: Pieces,
    _job: Job<()>,
}

impl Log {
    /// The next piece; `None` at the script's end.
    ///
    /// ```no_run
    /// # let mut log = pyrun::Detached::find("nightly", None).wait()?.follow().wait()?;
    /// while let Some(piece) = log.piece().wait() {
    ///     println!("{:?}: {} bytes", piece.stream, piece.bytes.len());
    /// }
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    pub fn piece(&mut self) -> Pending<'_, Option<Piece>> {
        Pending::new(self.pieces.piece())
    }

    /// The next line; `None` at the script's end.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), pyrun::ScriptError> {
    /// # let mut log = pyrun::Detached::find("nightly", None).await?.follow().await?;
    /// while let Some(line) = log.line().await {
    ///     println!("{}", line.text);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn line(&mut self) -> Pending<'_, Option<Line>> {
        Pending::new(self.pieces.line())
    }

    /// The lines, each waited for.
    ///
    /// ```no_run
    /// # let mut log = pyrun::Detached::find("nightly", None).wait()?.follow().wait()?;
    /// let printed: Vec<_> = log.lines().map(|line| line.text).collect();
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    pub fn lines(&mut self) -> impl Iterator<Item = Line> {
        std::iter::from_fn(|| self.line().wait())
    }
}

async fn pass_on(engine: &Engine, name: &str, pieces: &mpsc::Sender<Piece>) -> Result<(), ScriptError> {
    let mut log = Box::pin(engine.logs(name, true));
    while let Some(output) = log.next().await {
        if pieces.send(output?.into()).await.is_err() {
            break;
        }
    }
    Ok(())
}

async fn state(address: &Address, name: &str) -> Result<State, ScriptError> {
    known(&Engine::at(address.clone(), None).await?, name).await
}

async fn known(engine: &Engine, name: &str) -> Result<State, ScriptError> {
    let found = engine.state(name).await?;
    let ours = found.filter(|state| state.labels.contains_key(DETACHED_LABEL));
    ours.ok_or_else(|| ScriptError::NoContainer(name.to_owned()))
}

fn ended(state: &State) -> Option<Status> {
    let code = u8::try_from(state.ended? & 0xff).unwrap_or(125);
    Some(Status(Ended { out_of_memory: state.out_of_memory && code == 137, ..Ended::with(code) }))
}

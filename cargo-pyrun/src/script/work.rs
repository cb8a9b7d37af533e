//! The four ways to run a script, each on a thread of its own.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::asked::{self, Prepared};
use super::detached::Detached;
use super::job::Job;
use super::pieces::Pieces;
use super::{Output, Running, Script, ScriptError, Status, Stdin};
use crate::cache::Cache;
use crate::plan::Streams;
use crate::run::{self, Detachment, Ended, Ends, Input};
use crate::shell::Shell;
use crate::signals::{ABANDONED, Signals};
use crate::streams::Piece;

/// What a run has around it, as the script's owner wants it.
struct Around {
    shell: Arc<Shell>,
    cache: Option<Cache>,
}

impl Around {
    fn of(script: &Script) -> Self {
        let shell = Arc::new(script.shell.as_deref().map_or_else(Shell::silent, Shell::in_methods));
        let cache = match &script.cache {
            Some(folder) => std::path::absolute(folder)
                .ok()
                .and_then(|folder| camino::Utf8PathBuf::from_path_buf(folder).ok())
                .map(Cache::at),
            None => match Cache::from_env() {
                Ok(cache) => Some(cache),
                Err(error) => {
                    shell.warn(format_args!("{error}; this run goes on without the cache"));
                    None
                }
            },
        };
        Self { shell, cache }
    }

    fn prepare(&self, script: &Script) -> Result<Prepared, ScriptError> {
        let prepared = asked::prepare(script, self.cache.as_ref())?;
        for notice in &prepared.notices {
            notice.tell(&self.shell);
        }
        Ok(prepared)
    }
}

pub(super) async fn run(mut script: Script) -> Result<Status, ScriptError> {
    let stdin = script.stdin.take().unwrap_or(Stdin::Inherit);
    let job = Job::begin(async move |signals| Box::pin(carry(script, signals, Held::nothing(stdin))).await)?;
    job.result().await.map(Status)
}

pub(super) async fn output(script: Script) -> Result<Output, ScriptError> {
    let mut running = begin(script)?.running;
    // Nobody is there who could write to it.
    running.input = None;
    let [stdout, stderr] = running.pieces.rest().await;
    let status = Status(running.job.result().await?);
    Ok(Output { name: running.script, status, stdout, stderr })
}

pub(super) async fn spawn(script: Script) -> Result<Running, ScriptError> {
    let Begun { mut running, started } = begin(script)?;
    match started.await {
        Ok(container) => {
            running.container = container;
            Ok(running)
        }
        // It has ended before it began: the reason is what it comes to.
        Err(_) => match running.job.result().await {
            Err(error) => Err(error),
            Ok(_) => Err(ScriptError::Thread(std::io::ErrorKind::UnexpectedEof.into())),
        },
    }
}

struct Begun {
    running: Running,
    started: oneshot::Receiver<String>,
}

fn begin(mut script: Script) -> Result<Begun, ScriptError> {
    let name = script.title();
    let stdin = script.stdin.take().unwrap_or(Stdin::Null);
    let (sender, pieces) = Pieces::channel();
    let (tell, started) = oneshot::channel();
    let (mut input, mut to_script) = (None, None);
    if stdin == Stdin::Piped {
        let (writer, reader) = mpsc::channel(1);
        (input, to_script) = (Some(writer), Some(reader));
    }
    let held = Held { stdin, input: to_script, output: Some((sender, tell)) };
    let job = Job::begin(async move |signals| Box::pin(carry(script, signals, held)).await)?;
    let running = Running { script: name, container: String::new(), job, pieces, input };
    Ok(Begun { running, started })
}

/// What the caller holds of a run.
struct Held {
    stdin: Stdin,
    input: Option<mpsc::Receiver<bytes::Bytes>>,
    output: Option<(mpsc::Sender<Piece>, oneshot::Sender<String>)>,
}

impl Held {
    fn nothing(stdin: Stdin) -> Self {
        Self { stdin, input: None, output: None }
    }

    fn input(&mut self) -> Input {
        match std::mem::replace(&mut self.stdin, Stdin::Null) {
            Stdin::Inherit => Input::Caller,
            Stdin::Bytes(bytes) => Input::Given(bytes),
            // Of a run without a handle nobody writes.
            Stdin::Piped => self.input.take().map_or(Input::None, Input::Held),
            Stdin::Null => Input::None,
        }
    }
}

/// The run itself, on its thread.
async fn carry(script: Script, signals: Signals, mut held: Held) -> Result<Ended, ScriptError> {
    let around = Around::of(&script);
    let Prepared { mut request, written: _written, .. } = around.prepare(&script)?;
    let input = held.input();
    let ends = if let Some((pieces, started)) = held.output {
        request.streams = Streams::Held;
        Ends { started: Some(started), ..Ends::held(input, &pieces) }
    } else {
        // Other than its own stdin, a script with a terminal has none.
        if !matches!(input, Input::Caller) {
            request.streams = Streams::Held;
        }
        Ends { input, ..Ends::of(&request, &around.shell)? }
    };
    let outside = if script.forwards_signals { signals.catch_too() } else { signals };
    let (control, inside) = Signals::held();
    let run = run::run_with(&request, &around.shell, around.cache.as_ref(), inside, ends);
    Box::pin(watched(run, outside, control, &script)).await
}

/// Waits for the run's end; calls it off where nobody waits any more, or when its time is up.
async fn watched(
    run: impl Future<Output = Result<Ended, run::RunError>>,
    mut outside: Signals,
    control: mpsc::UnboundedSender<u8>,
    script: &Script,
) -> Result<Ended, ScriptError> {
    let mut run = std::pin::pin!(run);
    let mut control = Some(control);
    let mut late = None;
    let end = script.time_limit.map(|limit| (limit, Instant::now() + limit));
    loop {
        tokio::select! {
            ended = &mut run => return match late {
                Some(limit) => Err(ScriptError::TimedOut { name: script.title(), limit }),
                None => Ok(ended?),
            },
            number = outside.next(), if control.is_some() => match &control {
                Some(sender) if number != ABANDONED => drop(sender.send(number)),
                _ => control = None,
            },
            () = sleep_until(end.map_or_else(Instant::now, |(_, end)| end)), if end.is_some() && late.is_none() => {
                late = end.map(|(limit, _)| limit);
                control = None;
            }
        }
    }
}

pub(super) async fn detach(script: Script) -> Result<Detached, ScriptError> {
    let job = Job::begin(async move |signals| {
        let around = Around::of(&script);
        let Prepared { mut request, written, .. } = around.prepare(&script)?;
        request.detached = true;
        request.streams = Streams::Held;
        let cache = around.cache.as_ref();
        let Detachment { engine, name, mut in_use } =
            run::detach(&request, &around.shell, cache, signals).await?;
        in_use.extend(written.and_then(|written| written.in_use));
        Ok(Detached::new(engine, name, in_use))
    })?;
    job.result().await
}

//! One run: from a request to an exit code.

mod conversation;
mod detachment;
mod doubts;
mod ends;
mod error;
mod explanation;
mod lookup;
mod preparation;
mod surroundings;

use std::time::Instant;

use crate::cache::Cache;
use crate::docker_command;
use crate::engine::discovery;
use crate::plan::Request;
use crate::shell::Shell;
use crate::signals::Signals;
use crate::terminal;

use conversation::End;
pub use detachment::{Detachment, detach};
pub use ends::{Ended, Ends, Input};
pub use error::RunError;
use preparation::Preparation;

/// How long each phase took, in the order of the phases.
#[derive(Debug)]
pub struct Timings {
    started: Instant,
    last: Instant,
    phases: Vec<(&'static str, std::time::Duration)>,
}

impl Timings {
    fn start() -> Self {
        let now = Instant::now();
        Self { started: now, last: now, phases: Vec::new() }
    }

    /// Ends a phase.
    pub fn mark(&mut self, phase: &'static str) {
        let now = Instant::now();
        self.phases.push((phase, now - self.last));
        self.last = now;
    }

    fn tell(&self, shell: &Shell) {
        for (phase, duration) in &self.phases {
            shell.always(format_args!("{phase:>12} {:8.1} ms", duration.as_secs_f64() * 1e3));
        }
        shell.always(format_args!(
            "{:>12} {:8.1} ms",
            "total",
            (self.last - self.started).as_secs_f64() * 1e3
        ));
    }
}

/// Runs what was asked and gives the exit code: the script's own, or 128 and the signal that ended it.
///
/// # Errors
/// Where nothing could be run, or the engine was lost; [`RunError::exit_code`] is the process's exit code then.
pub async fn run(request: &Request, shell: &Shell, cache: Option<&Cache>) -> Result<u8, RunError> {
    let signals = if request.leaves_signals { Signals::none() } else { Signals::catch() };
    let ends = Ends::of(request, shell)?;
    Ok(run_with(request, shell, cache, signals, ends).await?.code)
}

/// [`run`] with the ends of the script's streams, and with signals from wherever they come.
///
/// # Errors
/// As with [`run`].
pub async fn run_with(
    request: &Request,
    shell: &Shell,
    cache: Option<&Cache>,
    mut signals: Signals,
    ends: Ends,
) -> Result<Ended, RunError> {
    let mut timings = Timings::start();
    let result = attempt(request, shell, cache, ends, &mut signals, &mut timings).await;
    if request.timings {
        timings.tell(shell);
    }
    result
}

async fn attempt(
    request: &Request,
    shell: &Shell,
    cache: Option<&Cache>,
    ends: Ends,
    signals: &mut Signals,
    timings: &mut Timings,
) -> Result<Ended, RunError> {
    let mut preparation = prepare(request, shell, cache, signals, timings).await?;
    let outcome = conversation::converse(&preparation, ends, signals, timings).await;
    if !matches!(outcome, Ok(End::Finished(Ended { code: 0, .. }) | End::Cut(_))) {
        preparation.warn_of_damage();
    }
    match outcome {
        Ok(End::Finished(ended)) => preparation.conclude(timings, ended).await,
        Ok(End::Cut(code)) => {
            preparation.abandon().await;
            Ok(Ended::with(code))
        }
        Err(error) => {
            preparation.abandon().await;
            Err(error)
        }
    }
}

/// Comes to a container that is created and not started.
async fn prepare<'a>(
    request: &'a Request,
    shell: &'a Shell,
    cache: Option<&'a Cache>,
    signals: &mut Signals,
    timings: &mut Timings,
) -> Result<Preparation<'a>, RunError> {
    let mut preparation = tokio::select! {
        preparation = Preparation::begin(request, shell, cache) => preparation?,
        signal = signals.fatal() => return Err(RunError::Interrupted(signal)),
    };
    timings.mark("connect");
    if let Err(error) = preparation.create(signals, timings).await {
        preparation.abandon().await;
        return Err(tokio::select! {
            better = lookup::look_up(error, request, preparation.cache) => better,
            signal = signals.fatal() => RunError::Interrupted(signal),
        });
    }
    Ok(preparation)
}

/// Prints the `docker run` command that does the same; creates nothing, and asks the engine only what it is.
///
/// # Errors
/// Where no engine is found.
pub async fn dry_run(request: &Request, shell: &Shell, cache: Option<&Cache>) -> Result<u8, RunError> {
    let mut preparation = Preparation::begin(request, shell, cache).await?;
    preparation.recall_or_inspect().await?;
    if preparation.lacks_accounts() {
        shell.note(format_args!(
            "the command lacks the user's entry in /etc/passwd: the first run of `{}` as that user prepares it",
            request.image
        ));
    }
    if !request.dependencies.is_empty() && !preparation.recall_environment() {
        shell.note("the command lacks the packages that are asked for: the first run prepares them");
    }
    let container = preparation.container();
    let arguments = {
        let address = preparation.engine.address();
        let elsewhere = (discovery::of_docker().as_ref() != Some(address)).then_some(address);
        docker_command::arguments(request, &container, terminal::interactive(), elsewhere)
    };
    let operation = "print the command";
    shell
        .print(format_args!("{}\n", docker_command::line(&arguments)))
        .map_err(|source| RunError::Terminal { operation, source })?;
    Ok(0)
}

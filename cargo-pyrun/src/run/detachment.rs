//! A run that nobody waits for.

use super::{RunError, Timings, prepare};
use crate::cache::{Cache, InUse};
use crate::engine::Address;
use crate::plan::Request;
use crate::shell::Shell;
use crate::signals::Signals;

/// A container that goes on without its client.
#[derive(Debug)]
pub struct Detachment {
    /// The engine that has it.
    pub engine: Address,
    /// Its name there.
    pub name: String,
    /// What keeps prunes off what it has of the cache.
    pub in_use: Vec<InUse>,
}

/// Starts what was asked, and leaves it to itself.
///
/// # Errors
/// Where nothing could be started; then nothing is left.
pub async fn detach(
    request: &Request,
    shell: &Shell,
    cache: Option<&Cache>,
    mut signals: Signals,
) -> Result<Detachment, RunError> {
    let mut timings = Timings::start();
    let mut preparation = prepare(request, shell, cache, &mut signals, &mut timings).await?;
    let name = preparation.name();
    let started = tokio::select! {
        started = preparation.engine.start(&name) => started.map_err(|error| preparation.explain(error)),
        signal = signals.fatal() => Err(RunError::Interrupted(signal)),
    };
    if let Err(error) = started {
        preparation.abandon().await;
        return Err(error);
    }
    preparation.is_init_s();
    let engine = preparation.engine.address().clone();
    Ok(Detachment { engine, name, in_use: preparation.let_go() })
}

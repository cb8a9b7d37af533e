//! What an engine is asked about a container that goes on without its client.

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::query_parameters as query;
use futures_util::{Stream, StreamExt};

use super::{Engine, EngineError, FOREVER, Output, refusal};

/// How far a container is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Its id on the engine.
    pub id: String,
    /// The labels that it was given, by name.
    pub labels: std::collections::HashMap<String, String>,
    /// Its exit code, once it has ended.
    pub ended: Option<i64>,
    /// The kernel killed a process of it for its memory limit.
    pub out_of_memory: bool,
}

impl Engine {
    /// How far a container is, or `None` where there is none of this name or id.
    ///
    /// # Errors
    /// Where the engine refuses or is gone.
    pub async fn state(&self, name: &str) -> Result<Option<State>, EngineError> {
        let found = match self.docker.inspect_container(name, None).await {
            Ok(found) => found,
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => return Ok(None),
            Err(error) => return Err(refusal("inspect", name, error)),
        };
        let state = found.state.unwrap_or_default();
        Ok(Some(State {
            id: found.id.unwrap_or_default(),
            labels: found.config.and_then(|config| config.labels).unwrap_or_default(),
            ended: (state.running == Some(false)).then_some(state.exit_code.unwrap_or_default()),
            out_of_memory: state.oom_killed.unwrap_or_default(),
        }))
    }

    /// What a container has written: all until now, or, with `follow`, until its end.
    pub fn logs(&self, name: &str, follow: bool) -> impl Stream<Item = Result<Output, EngineError>> + use<> {
        let options = query::LogsOptionsBuilder::default().stdout(true).stderr(true).follow(follow).build();
        // Nothing may come for as long as the script has nothing to say.
        let patient = self.docker.clone().with_timeout(FOREVER);
        let name = name.to_owned();
        patient.logs(&name.clone(), Some(options)).map(move |item| match item {
            Ok(LogOutput::StdErr { message }) => Ok(Output::Stderr(message)),
            Ok(
                LogOutput::StdOut { message } | LogOutput::Console { message } | LogOutput::StdIn { message },
            ) => Ok(Output::Stdout(message)),
            Err(error) => Err(refusal("give the log of", &name, error)),
        })
    }

    /// Asks a container to end, and kills it where it has not after so many seconds; one that has ended is fine.
    ///
    /// # Errors
    /// Where the engine refuses or is gone.
    pub async fn stop(&self, name: &str, seconds: u32) -> Result<(), EngineError> {
        let seconds = i32::try_from(seconds).unwrap_or(i32::MAX);
        let options = query::StopContainerOptionsBuilder::default().t(seconds).build();
        let patient = self.docker.clone().with_timeout(FOREVER);
        match patient.stop_container(name, Some(options)).await {
            Ok(()) | Err(Error::DockerResponseServerError { status_code: 304, .. }) => Ok(()),
            Err(error) => Err(refusal("stop", name, error)),
        }
    }

    /// Sends a container a signal, by its number on Linux.
    ///
    /// # Errors
    /// Where the engine refuses, for example since it has ended, or is gone.
    pub async fn signal(&self, name: &str, number: u8) -> Result<(), EngineError> {
        let options = query::KillContainerOptionsBuilder::default().signal(&number.to_string()).build();
        let sent = self.docker.kill_container(name, Some(options)).await;
        sent.map_err(|error| refusal("signal", name, error))
    }
}

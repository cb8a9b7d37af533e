//! A step on the way to an environment that is done in a container: pip, or a program of ours, with nothing of the
//! script's.

use std::collections::BTreeMap;
use std::io;

use crate::cache::{Cache, CacheError, Work};
use crate::dependencies::Dependencies;
use crate::plan::{Pull, Request, Streams};
use crate::run::RunError;
use crate::shell::Shell;

/// The last lines that a failed step may have to say.
const LINES: usize = 30;

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// It could not be run.
    #[error(transparent)]
    Run(Box<RunError>),
    /// There is no place for what it says.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// It ended with another exit code than 0.
    #[error("{}", last_lines(says, *code))]
    Failed {
        /// The exit code.
        code: u8,
        /// All that it said.
        says: String,
    },
}

impl StepError {
    /// All that it said before it failed.
    pub(super) fn says(&self) -> &str {
        match self {
            Self::Failed { says, .. } => says,
            _ => "",
        }
    }
}

/// A request for something of ours in the same image, that has nothing of the script's.
pub(super) fn in_image(request: &Request) -> Request {
    Request {
        program: None,
        arguments: Vec::new(),
        dependencies: Dependencies::default(),
        entrypoint: Some("/usr/local/bin/python".to_owned()),
        workdir: None,
        env: BTreeMap::new(),
        volumes: Vec::new(),
        publish: Vec::new(),
        network: None,
        name: None,
        user: None,
        // The script's own image was pulled a moment ago.
        pull: if request.pull == Pull::Always { Pull::Missing } else { request.pull },
        memory: None,
        nano_cpus: None,
        read_only: false,
        gpus: None,
        docker_socket: false,
        stdin: None,
        keep: false,
        unmounted: false,
        detached: false,
        timings: false,
        ..request.clone()
    }
}

/// Does it, and gives what it said. Under `-v` that is seen while it runs.
pub(super) async fn run(request: Request, cache: &Cache, shell: &Shell) -> Result<String, StepError> {
    let folder = cache.folder("tools/work")?;
    let unwritten = |source: io::Error| -> StepError { cache.write_error(source).into() };
    let work = Work::begin(&folder).map_err(unwritten)?;
    let log = work.join("log");
    fs_err::write(&log, "").map_err(unwritten)?;
    let request = Request { streams: Streams::Log(log.clone().into_std_path_buf()), ..request };
    let ended = Box::pin(crate::run::run(&request, shell, Some(cache))).await;
    let says = fs_err::read(&log).map_err(unwritten)?;
    let says = String::from_utf8_lossy(&says).into_owned();
    match ended {
        Ok(0) => Ok(says),
        Ok(code) => Err(StepError::Failed { code, says }),
        Err(error) => Err(StepError::Run(Box::new(error))),
    }
}

/// What people read of a failure.
fn last_lines(says: &str, code: u8) -> String {
    let lines: Vec<_> = says.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    match lines.len() {
        0 => format!("it ended with exit code {code} and said nothing"),
        count if count <= LINES => lines.join("\n"),
        count => format!("[{} lines before]\n{}", count - LINES, lines[count - LINES..].join("\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_its_last_lines() {
        let failed = |says: &str| StepError::Failed { code: 2, says: says.to_owned() }.to_string();
        assert_eq!(failed(" \n"), "it ended with exit code 2 and said nothing");
        assert_eq!(failed("one\n\n  two \n"), "one\n  two");
        let many: Vec<_> = (1..=32).map(|line| line.to_string()).collect();
        assert!(failed(&many.join("\n")).starts_with("[2 lines before]\n3\n4\n"));
    }
}

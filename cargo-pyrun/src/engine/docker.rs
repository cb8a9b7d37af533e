//! The Engine API, which Docker speaks and podman too. Nothing outside of this module knows bollard.

mod body;
mod build;
mod buildkit;
mod detached;
mod load;
mod trace;

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::models::{CreateImageInfo, SystemVersion};
use bollard::query_parameters as query;
use bollard::{API_DEFAULT_VERSION, Docker};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::io::AsyncWrite;

use super::facts::{Facts, Kind};
use super::{Address, EngineError, Login, discovery, podman};
use crate::cache::Cache;
use crate::container::Container;
use crate::image::Image;

pub use build::{Building, ImageBuild};
pub use detached::State;
pub use load::{Program, StoredImage};

/// Requests other than waiting and attaching answer within this, or the engine is taken for lost.
const TIMEOUT_SECONDS: u64 = 120;

/// What takes as long as it takes.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// What an engine whose images containerd keeps says of its storage.
const CONTAINERD_STORE: &str = "io.containerd.snapshotter.v1";

/// The label by which a run finds its container again.
pub const RUN_LABEL: &str = "pyrun.run";

/// The label of containers that go on without their client.
pub const DETACHED_LABEL: &str = "pyrun.detached";

/// A connected engine.
pub struct Engine {
    docker: Docker,
    address: Address,
    facts: Facts,
}

/// Both ends of a container's standard streams.
pub struct Attachment {
    /// Standard output and error, apart.
    pub output: Pin<Box<dyn Stream<Item = io::Result<Output>> + Send>>,
    /// Standard input.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
}

/// Bytes that a container wrote.
#[derive(Debug)]
pub enum Output {
    /// To its stdout.
    Stdout(Bytes),
    /// To its stderr.
    Stderr(Bytes),
}

/// A step of a pull.
#[derive(Debug)]
pub struct Pulling {
    /// The layer's short digest, where the step is about one.
    pub layer: Option<String>,
    /// The engine's word for the step, for example `Downloading`.
    pub status: String,
    /// Bytes done and bytes in all, where the step has them.
    pub progress: Option<(u64, u64)>,
}

/// When a wait ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// With the end of the container's first process, which need not have begun.
    Exit,
    /// When the container does not run, which it may have ceased to before.
    Stopped,
    /// When the engine has removed the container.
    Removed,
}

impl Engine {
    /// Finds an engine, connects and learns its traits (from the cache, where it was met before).
    ///
    /// # Errors
    /// Where none answers, or what answers is none.
    pub async fn connect(choice: Option<&str>, cache: Option<&Cache>) -> Result<Self, EngineError> {
        Self::at(discovery::dial(discovery::candidates(choice)?)?, cache).await
    }

    /// Connects to the engine at an address that was found before.
    ///
    /// # Errors
    /// Where what answers is none.
    pub async fn at(address: Address, cache: Option<&Cache>) -> Result<Self, EngineError> {
        let docker = client(&address)
            .map_err(|error| EngineError::Connect { address: address.clone(), source: Box::new(error) })?;
        let kept = cache.zip(Facts::key(&address));
        let known = kept.as_ref().and_then(|(cache, key)| Facts::recall(cache, key));
        let facts = if let Some(facts) = known {
            facts
        } else {
            let facts = ask(&docker, &address).await.map_err(|error| EngineError::Connect {
                address: address.clone(),
                source: Box::new(error),
            })?;
            if let Some((cache, key)) = kept {
                facts.keep(cache, &key);
            }
            facts
        };
        Ok(Self { docker, address, facts })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What it is.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Creates a container that starts with `entrypoint` and gives it the container's command.
    ///
    /// # Errors
    /// [`EngineError::NoSuchImage`] where the image is to be pulled first, [`EngineError::NameTaken`].
    pub async fn create(&self, container: &Container, entrypoint: &[String]) -> Result<(), EngineError> {
        let options = query::CreateContainerOptions {
            name: Some(container.name.clone()),
            platform: container.platform.clone().unwrap_or_default(),
        };
        let result = self.docker.create_container(Some(options), body::create(container, entrypoint)).await;
        let error = match result {
            Ok(_) => return Ok(()),
            Err(error) => refusal("create", &container.name, error),
        };
        Err(match error {
            EngineError::Refused { status: 404, message, .. } => {
                EngineError::NoSuchImage { image: container.image.clone(), message }
            }
            // podman answers 500 for some of these.
            EngineError::Refused { message, .. }
                if message.contains("no such image") || message.contains("image not known") =>
            {
                EngineError::NoSuchImage { image: container.image.clone(), message }
            }
            EngineError::Refused { message, .. }
                if message.contains("is already in use") || message.contains("that name is already") =>
            {
                EngineError::NameTaken { name: container.name.clone() }
            }
            other => other,
        })
    }

    /// Opens the container's streams; best before it starts, so that nothing is missed.
    ///
    /// # Errors
    /// Where the engine refuses or is gone.
    pub async fn attach(&self, name: &str) -> Result<Attachment, EngineError> {
        let options = query::AttachContainerOptionsBuilder::default()
            .stream(true)
            .stdin(true)
            .stdout(true)
            .stderr(true)
            .build();
        let attached = self
            .docker
            .attach_container(name, Some(options))
            .await
            .map_err(|error| refusal("attach to", name, error))?;
        let output = attached.output.map(|item| match item {
            Ok(LogOutput::StdErr { message }) => Ok(Output::Stderr(message)),
            Ok(
                LogOutput::StdOut { message } | LogOutput::Console { message } | LogOutput::StdIn { message },
            ) => Ok(Output::Stdout(message)),
            Err(error) => Err(io::Error::other(error)),
        });
        Ok(Attachment { output: Box::pin(output), input: attached.input })
    }

    /// Waits for the container's end; gives its exit code.
    ///
    /// # Errors
    /// Where the engine refuses or is gone.
    pub async fn wait(&self, name: &str, until: Until) -> Result<i64, EngineError> {
        let condition = match until {
            Until::Exit => "next-exit",
            Until::Stopped => "not-running",
            Until::Removed => "removed",
        };
        let options = query::WaitContainerOptionsBuilder::default().condition(condition).build();
        // podman answers only at the end, however far that is.
        let patient = self.docker.clone().with_timeout(FOREVER);
        let mut answers = Box::pin(patient.wait_container(name, Some(options)));
        match answers.next().await {
            Some(Ok(answer)) => Ok(answer.status_code),
            Some(Err(Error::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => Err(refusal("wait for", name, error)),
            None => Err(EngineError::Lost {
                operation: "wait for",
                object: name.to_owned(),
                source: Box::new(Error::from(io::Error::from(io::ErrorKind::UnexpectedEof))),
            }),
        }
    }

    /// Starts the container.
    ///
    /// # Errors
    /// Where the engine refuses or is gone.
    pub async fn start(&self, name: &str) -> Result<(), EngineError> {
        self.docker.start_container(name, None).await.map_err(|error| refusal("start", name, error))
    }

    /// The published ports of a container that runs, as `ADDRESS:PORT` of the host and `PORT/PROTOCOL` of its own.
    ///
    /// # Errors
    /// Where the engine refuses or is gone.
    pub async fn published(&self, name: &str) -> Result<Vec<(String, String)>, EngineError> {
        let inspected = self.docker.inspect_container(name, None).await;
        Ok(body::published(inspected.map_err(|error| refusal("inspect", name, error))?))
    }

    /// Ends and removes the container; one that is gone already is fine.
    ///
    /// # Errors
    /// Where the engine refuses or is gone.
    pub async fn remove(&self, name: &str) -> Result<(), EngineError> {
        let options = query::RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        match self.docker.remove_container(name, Some(options)).await {
            Ok(()) | Err(Error::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
            Err(error) => Err(refusal("remove", name, error)),
        }
    }

    /// Removes the containers that have this value of the label `pyrun.run`; tells whether there were any.
    ///
    /// # Errors
    /// Where the engine refuses or is gone.
    pub async fn remove_run(&self, run: &str) -> Result<bool, EngineError> {
        let filters = HashMap::from([("label", vec![format!("{RUN_LABEL}={run}")])]);
        let options = query::ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let found = self
            .docker
            .list_containers(Some(options))
            .await
            .map_err(|error| refusal("list the containers of run", run, error))?;
        let any = !found.is_empty();
        for id in found.into_iter().filter_map(|container| container.id) {
            self.remove(&id).await?;
        }
        Ok(any)
    }

    /// What the engine has under this reference, or `None`.
    ///
    /// # Errors
    /// Where the engine refuses or is gone.
    pub async fn image(&self, reference: &str) -> Result<Option<Image>, EngineError> {
        match self.docker.inspect_image(reference).await {
            Ok(found) => Ok(Some(body::image(found))),
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
            Err(error) => Err(refusal("inspect", reference, error)),
        }
    }

    /// Pulls an image; the stream ends with the pull.
    pub fn pull(
        &self,
        reference: &str,
        platform: Option<&str>,
        login: Option<Login>,
    ) -> impl Stream<Item = Result<Pulling, EngineError>> + use<> {
        let options = query::CreateImageOptions {
            from_image: Some(reference.to_owned()),
            platform: platform.unwrap_or_default().to_owned(),
            ..query::CreateImageOptions::default()
        };
        let reference = reference.to_owned();
        self.docker.create_image(Some(options), None, login.map(body::credentials)).map(
            move |item| match item {
                Ok(info) => Ok(step(info)),
                Err(error) => Err(refusal("pull", &reference, error)),
            },
        )
    }

    /// A file of a container that need not run, or `None` where there is none.
    ///
    /// # Errors
    /// Where the engine refuses or is gone.
    pub async fn read_file(&self, name: &str, path: &str) -> Result<Option<Vec<u8>>, EngineError> {
        let options = query::DownloadFromContainerOptionsBuilder::default().path(path).build();
        let mut chunks = Box::pin(self.docker.download_from_container(name, Some(options)));
        let mut archive = Vec::new();
        while let Some(chunk) = chunks.next().await {
            match chunk {
                Ok(bytes) => archive.extend_from_slice(&bytes),
                Err(Error::DockerResponseServerError { status_code: 404, .. }) => return Ok(None),
                Err(error) => return Err(refusal("read a file of", name, error)),
            }
        }
        Ok(first_file(&archive))
    }
}

fn first_file(archive: &[u8]) -> Option<Vec<u8>> {
    let mut archive = tar::Archive::new(archive);
    let mut entry = archive.entries().ok()?.next()?.ok()?;
    let mut contents = Vec::new();
    io::Read::read_to_end(&mut entry, &mut contents).ok()?;
    Some(contents)
}

fn client(address: &Address) -> Result<Docker, Error> {
    match address {
        #[cfg(unix)]
        Address::Unix(path) => {
            Docker::connect_with_unix(&path.to_string_lossy(), TIMEOUT_SECONDS, API_DEFAULT_VERSION)
        }
        #[cfg(windows)]
        Address::Pipe(pipe) => Docker::connect_with_named_pipe(pipe, TIMEOUT_SECONDS, API_DEFAULT_VERSION),
        Address::Tcp { host, tls: None } => {
            Docker::connect_with_http(&format!("tcp://{host}"), TIMEOUT_SECONDS, API_DEFAULT_VERSION)
        }
        Address::Tcp { host, tls: Some(tls) } => Docker::connect_with_ssl(
            &format!("tcp://{host}"),
            &tls.key,
            &tls.cert,
            &tls.ca,
            TIMEOUT_SECONDS,
            API_DEFAULT_VERSION,
        ),
        other => Err(Error::UnsupportedURISchemeError { uri: other.to_string() }),
    }
}

async fn ask(docker: &Docker, address: &Address) -> Result<Facts, Error> {
    let (version, info) = tokio::try_join!(docker.version(), docker.info())?;
    let security = info.security_options.unwrap_or_default();
    let has = |name: &str| security.iter().any(|option| option.split(',').any(|part| part == name));
    let kind = kind(&version);
    let rootless = has("name=rootless") || (kind == Kind::Podman && podman::is_rootless(address).await?);
    Ok(Facts {
        kind,
        version: version.version.unwrap_or_default(),
        os: version.os.unwrap_or_else(|| "linux".to_owned()),
        arch: version.arch.unwrap_or_default(),
        rootless,
        selinux: has("name=selinux"),
        containerd_store: info.driver_status.iter().flatten().flatten().any(|word| word == CONTAINERD_STORE),
    })
}

fn kind(version: &SystemVersion) -> Kind {
    let components = version.components.iter().flatten();
    if components.into_iter().any(|component| component.name.starts_with("Podman")) {
        Kind::Podman
    } else {
        Kind::Docker
    }
}

fn refusal(operation: &'static str, object: &str, error: Error) -> EngineError {
    let object = object.to_owned();
    match error {
        Error::DockerResponseServerError { status_code, message } => EngineError::Refused {
            operation,
            object,
            status: status_code,
            message: message.trim().to_owned(),
        },
        Error::DockerStreamError { error } => {
            EngineError::Refused { operation, object, status: 500, message: error.trim().to_owned() }
        }
        source => EngineError::Lost { operation, object, source: Box::new(source) },
    }
}

fn step(info: CreateImageInfo) -> Pulling {
    let progress = info.progress_detail.and_then(|detail| {
        let (current, total) = (detail.current?, detail.total?);
        Some((u64::try_from(current).ok()?, u64::try_from(total).ok()?))
    });
    Pulling { layer: info.id, status: info.status.unwrap_or_default(), progress }
}

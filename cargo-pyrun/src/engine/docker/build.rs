//! Images that an engine builds from a Dockerfile.

use std::collections::{BTreeMap, HashMap};
use std::io;

use bollard::body_try_stream;
use bollard::models::BuildInfo;
use bollard::query_parameters as query;
use bytes::Bytes;
use futures_util::future::Either;
use futures_util::{Stream, StreamExt};

use super::{Engine, EngineError, FOREVER, Login, body, refusal};

/// What an engine is to build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageBuild {
    /// The Dockerfile's name among the files that are sent.
    pub dockerfile: String,
    /// What failures call it, and its first name on the engine.
    pub name: String,
    /// The platform, where it is not the engine's own.
    pub platform: Option<String>,
    /// The values of `ARG`s.
    pub arguments: BTreeMap<String, String>,
    /// The network of its steps, where it is not the engine's default.
    pub network: Option<String>,
    /// Hosts that its steps know besides.
    pub hosts: Vec<String>,
    /// Nothing is taken from the engine's cache.
    pub no_cache: bool,
    /// Logins at registries that bases come from.
    pub logins: Vec<Login>,
}

/// What an engine says while it builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Building {
    /// A step begins: its place, their number, and its instruction.
    Step {
        /// Its place, from 1.
        number: usize,
        /// How many there are; 0 where the engine does not say.
        total: usize,
        /// As it stands in the Dockerfile.
        instruction: String,
    },
    /// The step was done before.
    Cached,
    /// What a step prints.
    Output(String),
    /// This step has failed; why, the failure of the build says.
    Failed(String),
    /// The id of the image.
    Built(String),
}

impl Engine {
    /// Builds an image from files that are sent as an archive. The containers of its steps go with them, whatever
    /// becomes of it; a client that goes away ends it.
    pub fn build<C: Stream<Item = io::Result<Bytes>> + Send + 'static>(
        &self,
        build: &ImageBuild,
        context: C,
    ) -> impl Stream<Item = Result<Building, EngineError>> + use<C> {
        if self.has_buildkit() {
            Either::Left(self.build_by_buildkit(build, context))
        } else {
            Either::Right(self.build_step_by_step(build, context))
        }
    }

    /// By the classic builder, which every engine has.
    fn build_step_by_step<C: Stream<Item = io::Result<Bytes>> + Send + 'static>(
        &self,
        build: &ImageBuild,
        context: C,
    ) -> impl Stream<Item = Result<Building, EngineError>> + use<C> {
        let options = query::BuildImageOptions {
            dockerfile: build.dockerfile.clone(),
            t: Some(build.name.clone()),
            platform: build.platform.clone().unwrap_or_default(),
            buildargs: Some(build.arguments.clone().into_iter().collect())
                .filter(|all: &HashMap<_, _>| !all.is_empty()),
            networkmode: build.network.clone(),
            extrahosts: Some(build.hosts.join(",")).filter(|hosts| !hosts.is_empty()),
            nocache: build.no_cache,
            rm: true,
            forcerm: true,
            ..query::BuildImageOptions::default()
        };
        let logins = build.logins.iter().cloned().map(body::credentials);
        let logins = logins.filter_map(|login| Some((login.serveraddress.clone()?, login)));
        let logins = Some(logins.collect()).filter(|all: &HashMap<_, _>| !all.is_empty());
        let (name, mut reader) = (build.name.clone(), Reader::default());
        // A step takes as long as it takes.
        let patient = self.docker.clone().with_timeout(FOREVER);
        async_stream(patient, options, logins, context).flat_map(move |answer| {
            let said: Vec<_> = match answer {
                Ok(line) => reader.read(&line).into_iter().map(Ok).collect(),
                Err(error) => vec![Err(refusal("build", &name, error))],
            };
            futures_util::stream::iter(said)
        })
    }
}

/// bollard's stream borrows its client; this one has it.
fn async_stream(
    docker: bollard::Docker,
    options: query::BuildImageOptions,
    logins: Option<HashMap<String, bollard::auth::DockerCredentials>>,
    context: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> impl Stream<Item = Result<BuildInfo, bollard::errors::Error>> {
    let (sender, receiver) = tokio::sync::mpsc::channel(8);
    let asking = async move {
        let mut answers = Box::pin(docker.build_image(options, logins, Some(body_try_stream(context))));
        while let Some(answer) = answers.next().await {
            if sender.send(answer).await.is_err() {
                break;
            }
        }
    };
    // Both at once, and neither without the other: who drops the answers drops the request.
    let answers =
        futures_util::stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
    let asking = futures_util::stream::once(asking).filter_map(async |()| None);
    futures_util::stream::select(answers, asking)
}

/// Reads what an engine says of a build, line by line: it may cut a line in two.
#[derive(Debug, Default)]
struct Reader {
    rest: String,
}

impl Reader {
    fn read(&mut self, info: &BuildInfo) -> Vec<Building> {
        let mut said = Vec::new();
        if let Some(id) = info.aux.as_ref().and_then(|aux| aux.id.clone()) {
            said.push(Building::Built(id));
        }
        self.rest.push_str(info.stream.as_deref().unwrap_or_default());
        while let Some(end) = self.rest.find('\n') {
            let line: String = self.rest.drain(..=end).collect();
            said.extend(line_of(without_colours(&line).trim_end()));
        }
        said
    }
}

/// Docker marks what comes from stderr in red.
fn without_colours(line: &str) -> String {
    line.replace("\u{1b}[91m", "").replace("\u{1b}[0m", "")
}

/// What a line means, if it does.
fn line_of(line: &str) -> Option<Building> {
    let (head, rest) = line.split_once(' ').unwrap_or((line, ""));
    // `Step 1/7 : FROM x` of Docker, `STEP 1/7: FROM x` and, in stages, `[1/2] STEP 1/7: FROM x` of podman.
    let (head, rest) =
        if head.starts_with('[') { rest.split_once(' ').unwrap_or((rest, "")) } else { (head, rest) };
    if head.eq_ignore_ascii_case("step")
        && let Some((place, instruction)) = rest.split_once(':')
    {
        let (number, total) = place.trim().split_once('/').unwrap_or((place.trim(), "0"));
        if let (Ok(number), Ok(total)) = (number.parse(), total.parse()) {
            return Some(Building::Step { number, total, instruction: instruction.trim().to_owned() });
        }
    }
    let said = line.trim();
    match said {
        "" => None,
        "---> Using cache" => Some(Building::Cached),
        _ if said.starts_with("--> Using cache") => Some(Building::Cached),
        // The ids of what lies between, which the caller has no use for.
        _ if said.starts_with("---> ")
            || said.starts_with("--> ")
            || said.starts_with("Removing intermediate") =>
        {
            None
        }
        _ if said.starts_with("Successfully built ") || said.starts_with("Successfully tagged ") => None,
        _ => Some(Building::Output(line.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Vec<Building> {
        let mut reader = Reader::default();
        lines.iter().flat_map(|line| reader.read(&serde_json::from_str(line).unwrap())).collect()
    }

    fn step(number: usize, total: usize, instruction: &str) -> Building {
        Building::Step { number, total, instruction: instruction.to_owned() }
    }

    #[test]
    fn docker_s_words() {
        let said = read(&[
            r#"{"stream":"Step 1/3 : FROM python:3.13-slim"}"#,
            r#"{"stream":"\n"}"#,
            r#"{"stream":" ---\u003e abc\n"}"#,
            r#"{"stream":"Step 2/3 : RUN echo a: b"}"#,
            r#"{"stream":"\n"}"#,
            r#"{"stream":" ---\u003e Using cache\n"}"#,
            r#"{"stream":" ---\u003e Running in 1\n"}"#,
            r#"{"stream":"\u001b[91mhel"}"#,
            r#"{"stream":"lo\u001b[0m\n  x\n"}"#,
            r#"{"aux":{"ID":"sha256:1"}}"#,
            r#"{"stream":"Successfully built 1\n"}"#,
        ]);
        let output = |text: &str| Building::Output(text.to_owned());
        assert_eq!(
            said,
            [
                step(1, 3, "FROM python:3.13-slim"),
                step(2, 3, "RUN echo a: b"),
                Building::Cached,
                output("hello"),
                output("  x"),
                Building::Built("sha256:1".to_owned())
            ]
        );
    }

    #[test]
    fn podman_s_words() {
        let said = read(&[
            r#"{"stream":"STEP 1/3: FROM python:3.13-slim\n"}"#,
            r#"{"stream":"[2/2] STEP 2/3: RUN x\n"}"#,
            r#"{"stream":"--\u003e Using cache abc\n"}"#,
            r#"{"stream":"--\u003e abc\n"}"#,
        ]);
        assert_eq!(said, [step(1, 3, "FROM python:3.13-slim"), step(2, 3, "RUN x"), Building::Cached]);
    }
}

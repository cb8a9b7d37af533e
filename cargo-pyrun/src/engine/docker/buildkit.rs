//! Builds by the BuildKit in an engine, with the files in the request: so it takes no session, and no gRPC.
//!
//! The request is sent with hyper itself: bollard reads the answer as the classic builder words it, and drops the rest.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};

use super::trace::Trace;
use super::{Building, Engine, EngineError, ImageBuild};
use crate::engine::{Address, Kind};

/// A connection to an engine.
trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<C: AsyncRead + AsyncWrite + Send + Unpin> Connection for C {}

/// The id of messages that hold the trace.
const TRACE: &str = "moby.buildkit.trace";

/// A line of the answer.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Line {
    id: String,
    aux: serde_json::Value,
    error: Option<String>,
}

impl Engine {
    /// Whether builds go by BuildKit: Docker's, where it can be asked directly, unless `DOCKER_BUILDKIT=0` says otherwise.
    ///
    /// Where containerd keeps the images, BuildKit does not find the files of a request (moby issue 47717).
    #[must_use]
    pub fn has_buildkit(&self) -> bool {
        let is_off = std::env::var("DOCKER_BUILDKIT").is_ok_and(|value| value == "0" || value == "false");
        let is_direct = match &self.address {
            #[cfg(unix)]
            Address::Unix(_) => true,
            Address::Tcp { tls, .. } => tls.is_none(),
            #[allow(unreachable_patterns)]
            _ => false,
        };
        let major = self.facts.version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        let finds_files = major.is_some_and(|major| major >= 20) && !self.facts.containerd_store;
        self.facts.kind == Kind::Docker && finds_files && is_direct && !is_off
    }

    pub(super) fn build_by_buildkit<C: Stream<Item = io::Result<Bytes>> + Send + 'static>(
        &self,
        build: &ImageBuild,
        context: C,
    ) -> impl Stream<Item = Result<Building, EngineError>> + use<C> {
        let (address, build) = (self.address.clone(), build.clone());
        let name = build.name.clone();
        let lost = move |source: Box<dyn std::error::Error + Send + Sync>| EngineError::Lost {
            operation: "build",
            object: name.clone(),
            source,
        };
        stream::once(async move { ask(&address, &build, context).await.map(|answer| (answer, build)) })
            .map_err(lost.clone())
            .and_then(move |(answer, build)| {
                let lost = lost.clone();
                async move {
                    let status = answer.status().as_u16();
                    if status == 200 {
                        return Ok(read(answer, build.name, lost));
                    }
                    let body =
                        answer.into_body().collect().await.map_err(|error| lost(error.into()))?.to_bytes();
                    let message = serde_json::from_slice::<serde_json::Value>(&body).ok();
                    let message =
                        message.and_then(|message| Some(message.get("message")?.as_str()?.to_owned()));
                    let message = message.unwrap_or_else(|| String::from_utf8_lossy(&body).trim().to_owned());
                    Err(EngineError::Refused { operation: "build", object: build.name, status, message })
                }
            })
            .try_flatten()
    }
}

async fn ask(
    address: &Address,
    build: &ImageBuild,
    context: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> Result<Response<Incoming>, Box<dyn std::error::Error + Send + Sync>> {
    let connection: Box<dyn Connection> = match address {
        #[cfg(unix)]
        Address::Unix(path) => Box::new(tokio::net::UnixStream::connect(path).await?),
        Address::Tcp { host, .. } => Box::new(tokio::net::TcpStream::connect(host.as_str()).await?),
        #[allow(unreachable_patterns)]
        _ => return Err(io::Error::from(io::ErrorKind::Unsupported).into()),
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(connection)).await?;
    // It ends with the answer, or when nobody waits for that any more; so does the build.
    tokio::spawn(connection);
    let body = StreamBody::new(Box::pin(context.map_ok(Frame::data)));
    let request = Request::post(target(build)?)
        .header(header::HOST, "docker")
        .header(header::CONTENT_TYPE, "application/x-tar")
        .body(body)?;
    Ok(sender.send_request(request).await?)
}

fn target(build: &ImageBuild) -> Result<String, serde_json::Error> {
    let arguments = serde_json::to_string(&build.arguments)?;
    let no_cache = if build.no_cache { "1" } else { "" };
    let pairs = [
        ("version", "2"),
        ("dockerfile", &build.dockerfile),
        ("t", &build.name),
        ("platform", build.platform.as_deref().unwrap_or_default()),
        ("buildargs", &arguments),
        ("networkmode", build.network.as_deref().unwrap_or_default()),
        ("extrahosts", &build.hosts.join(",")),
        ("nocache", no_cache),
    ];
    // An empty host is one that the engine refuses.
    let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    let pairs = pairs.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
    Ok(format!("/build?{}", pairs.collect::<Vec<_>>().join("&")))
}

/// What the answer says, line by line.
fn read(
    answer: Response<Incoming>,
    name: String,
    lost: impl Fn(Box<dyn std::error::Error + Send + Sync>) -> EngineError,
) -> impl Stream<Item = Result<Building, EngineError>> {
    let (mut rest, mut trace) = (Vec::new(), Trace::default());
    let pieces = answer.into_body().into_data_stream();
    // The last line may have no end.
    let pieces =
        pieces.map_err(move |error| lost(error.into())).chain(stream::once(async { Ok(Bytes::from("\n")) }));
    pieces.flat_map(move |piece| {
        let mut said = Vec::new();
        match piece {
            Ok(piece) => rest.extend_from_slice(&piece),
            Err(error) => said.push(Err(error)),
        }
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            let Ok(line) = serde_json::from_slice::<Line>(&line) else { continue };
            if let Some(message) = line.error {
                let object = name.clone();
                said.push(Err(EngineError::Refused { operation: "build", object, status: 500, message }));
            } else if let (TRACE, Some(text)) = (line.id.as_str(), line.aux.as_str()) {
                said.extend(trace.read(&STANDARD.decode(text).unwrap_or_default()).into_iter().map(Ok));
            } else if let Some(id) = line.aux.get("ID").and_then(serde_json::Value::as_str) {
                said.push(Ok(Building::Built(id.to_owned())));
            }
        }
        stream::iter(said)
    })
}

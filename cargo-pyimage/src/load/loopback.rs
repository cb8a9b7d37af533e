//! A registry on this machine's loopback, for as long as an engine pulls one image from it.
//!
//! Of a registry an engine asks just what it lacks, and unpacks it at once; an archive it first unpacks into files. It has
//! the endpoints of the [distribution-spec] that a pull by digest needs. Engines take plain HTTP from all of 127.0.0.0/8.
//!
//! [distribution-spec]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull

use std::convert::Infallible;
use std::io::{self, BufWriter};
use std::net::{Ipv4Addr, SocketAddr};

use base64::prelude::*;
use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use pyimage_build::{Blob, Descriptor, Image};
use pyrun::engine::Login;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_blocking;

use super::archive::streamed;

/// The network of the addresses where it listens, and how many of them there are to choose from. An engine remembers of a
/// layer from where it came, the last fifty places, so that these must not be ever new ones.
const NETWORK: [u8; 3] = [127, 112, 121];
const ADDRESSES: u8 = 8;
const PORT: u16 = 5000;
const REPOSITORY: &str = "pyimage";
const USER: &str = "pyimage";

/// How much of a layer is read at once.
const PIECE: usize = 1 << 18;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A registry that listens, and answers only whom it was told to.
pub(super) struct Loopback {
    listener: TcpListener,
    address: SocketAddr,
    password: String,
}

impl Loopback {
    /// Begins to listen.
    pub(super) async fn open() -> io::Result<Self> {
        // Others on this machine can reach it, too.
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        let password = BASE64_URL_SAFE_NO_PAD.encode(random);
        let [first, second, third] = NETWORK;
        let addresses = (1..=ADDRESSES).map(|last| Ipv4Addr::new(first, second, third, last));
        let addresses: Vec<_> = addresses.map(|address| SocketAddr::from((address, PORT))).collect();
        let listener = TcpListener::bind(&addresses[..]).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, password })
    }

    /// What an engine must show.
    pub(super) fn login(&self) -> Login {
        let (user, password) = (USER.to_owned(), self.password.clone());
        Login::Password { server: self.address.to_string(), user, password }
    }

    /// The name of an image here.
    pub(super) fn name(&self, image: &Image) -> String {
        format!("{}/{REPOSITORY}@{}", self.address, image.manifest.descriptor.digest)
    }

    /// Answers for as long as it is asked to: with an image, and what `file` gives for its layers.
    pub(super) async fn serve(
        &self,
        image: &Image,
        file: &impl AsyncFn(&Descriptor) -> Option<Utf8PathBuf>,
    ) -> Infallible {
        let mut connections = FuturesUnordered::new();
        loop {
            tokio::select! {
                // An engine that finds nobody says so itself.
                accepted = self.listener.accept() => if let Ok((stream, _)) = accepted {
                    connections.push(self.attend(stream, image, file));
                },
                Some(()) = connections.next() => {}
            }
        }
    }

    async fn attend(
        &self,
        stream: TcpStream,
        image: &Image,
        file: &impl AsyncFn(&Descriptor) -> Option<Utf8PathBuf>,
    ) {
        let service = service_fn(async |request: Request<Incoming>| {
            Ok::<_, Infallible>(self.answer(request, image, file).await)
        });
        // The first connection of an engine is one for TLS, which it then does without; the last it leaves open.
        let _ =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    async fn answer<B>(
        &self,
        request: Request<B>,
        image: &Image,
        file: &impl AsyncFn(&Descriptor) -> Option<Utf8PathBuf>,
    ) -> Response<Body> {
        let login = BASE64_STANDARD.encode(format!("{USER}:{}", self.password));
        if request.headers().get(AUTHORIZATION).is_none_or(|given| *given != format!("Basic {login}")) {
            let mut refused = refusal(StatusCode::UNAUTHORIZED, "UNAUTHORIZED");
            refused
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"pyimage\""));
            return refused;
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return refusal(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED");
        }
        let Some(path) = request.uri().path().strip_prefix("/v2/") else {
            return refusal(StatusCode::NOT_FOUND, "NAME_UNKNOWN");
        };
        let asked = path.strip_prefix(REPOSITORY).and_then(|path| path.strip_prefix('/')?.split_once('/'));
        match asked {
            None if path.is_empty() => Response::new(full(Bytes::from_static(b"{}"))),
            Some(("manifests", digest)) if is(&image.manifest, digest) => whole(&image.manifest),
            Some(("blobs", digest)) if is(&image.config, digest) => whole(&image.config),
            Some(("blobs", digest)) => {
                let layer = image.layers.iter().find(|layer| layer.digest.as_str() == digest);
                let Some(layer) = layer else { return refusal(StatusCode::NOT_FOUND, "BLOB_UNKNOWN") };
                match file(layer).await {
                    Some(_) if *request.method() == Method::HEAD => described(layer, full(Bytes::new())),
                    Some(file) => described(layer, contents(&file, layer.size)),
                    // An engine asks again and again for what is not found, and not for what is denied.
                    None => refusal(StatusCode::FORBIDDEN, "DENIED"),
                }
            }
            _ => refusal(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN"),
        }
    }
}

fn is(blob: &Blob, digest: &str) -> bool {
    blob.descriptor.digest.as_str() == digest
}

fn whole(blob: &Blob) -> Response<Body> {
    described(&blob.descriptor, full(Bytes::copy_from_slice(&blob.bytes)))
}

fn described(descriptor: &Descriptor, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, descriptor.size.into());
    let mut add = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    add(CONTENT_TYPE, descriptor.media_type.as_str());
    add(HeaderName::from_static("docker-content-digest"), descriptor.digest.as_str());
    response
}

fn refusal(status: StatusCode, code: &str) -> Response<Body> {
    let told = format!(r#"{{"errors":[{{"code":"{code}","message":"not to be had here"}}]}}"#);
    let mut response = Response::new(full(Bytes::from(told)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// A file, as it is read. The engine looks whether it is what it asked for.
fn contents(file: &Utf8Path, size: u64) -> Body {
    // A thread takes longer to start than a small file to read.
    if size <= PIECE as u64
        && let Ok(bytes) = fs_err::read(file)
    {
        return full(bytes.into());
    }
    let (out, pieces) = streamed();
    let file = file.to_owned();
    spawn_blocking(move || {
        let copied = fs_err::File::open(&file)
            .and_then(|mut file| io::copy(&mut file, &mut BufWriter::with_capacity(PIECE, &out)).map(drop));
        if let Err(error) = copied {
            out.fail(&error);
        }
    });
    StreamBody::new(pieces.map_ok(Frame::data)).boxed_unsync()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pyimage_build::{Digest, MediaType};

    use super::*;

    const LAYER: &[u8] = b"a layer";
    const LARGE: &[u8] = &[7; PIECE + 1];

    fn image() -> Image {
        let blob = |media_type: MediaType| Blob::new(media_type.clone(), media_type.to_string().into_bytes());
        let layer =
            |content: &[u8]| Descriptor::new(MediaType::OCI_LAYER, Digest::of(content), content.len() as u64);
        Image {
            config: blob(MediaType::OCI_CONFIG),
            manifest: blob(MediaType::OCI_MANIFEST),
            layers: vec![layer(b"a base"), layer(LAYER), layer(LARGE)],
            base_layers: 1,
            diff_ids: Vec::new(),
            platform: "linux/amd64".parse().unwrap(),
        }
    }

    /// One that listens at a port of its own.
    async fn loopback() -> Loopback {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Loopback { listener, address, password: "secret".to_owned() }
    }

    fn request(method: Method, path: &str) -> Request<()> {
        let login = BASE64_STANDARD.encode("pyimage:secret");
        let request = Request::builder().method(method).uri(path);
        request.header(AUTHORIZATION, format!("Basic {login}")).body(()).unwrap()
    }

    /// Its status, its headers' size and digest, and its body.
    async fn answered(
        request: Request<()>,
        own: Option<&Utf8Path>,
    ) -> (u16, Option<(String, String)>, Vec<u8>) {
        let file = async |layer: &Descriptor| {
            (layer.digest != Digest::of(b"a base")).then(|| own.map(Utf8Path::to_owned)).flatten()
        };
        let answer = loopback().await.answer(request, &image(), &file).await;
        let header = |name: &str| Some(answer.headers().get(name)?.to_str().unwrap().to_owned());
        let told = header("content-length").zip(header("docker-content-digest"));
        let status = answer.status().as_u16();
        (status, told, answer.into_body().collect().await.unwrap().to_bytes().to_vec())
    }

    #[tokio::test]
    async fn an_engine_gets_what_the_image_consists_of() {
        let folder = tempfile::tempdir().unwrap();
        let layer = Utf8PathBuf::from_path_buf(folder.path().join("layer")).unwrap();
        let image = image();
        let (status, _, body) = answered(request(Method::GET, "/v2/"), None).await;
        assert_eq!((status, &*body), (200, &b"{}"[..]));
        for (kind, blob) in [("manifests", &image.manifest), ("blobs", &image.config)] {
            let path = format!("/v2/pyimage/{kind}/{}", blob.descriptor.digest);
            let (status, told, body) = answered(request(Method::GET, &path), None).await;
            let size = blob.descriptor.size.to_string();
            assert_eq!((status, told), (200, Some((size, blob.descriptor.digest.to_string()))));
            assert_eq!(body, blob.bytes);
        }
        for content in [LAYER, LARGE] {
            fs_err::write(&layer, content).unwrap();
            let path = format!("/v2/pyimage/blobs/{}", Digest::of(content));
            let told = Some((content.len().to_string(), Digest::of(content).to_string()));
            let of = async |method| answered(request(method, &path), Some(&layer)).await;
            assert_eq!(of(Method::GET).await, (200, told.clone(), content.to_vec()));
            assert_eq!(of(Method::HEAD).await, (200, told, Vec::new()));
        }
    }

    #[tokio::test]
    async fn it_has_nothing_else() {
        let image = image();
        let other = Digest::of(b"other");
        for (method, path, expected) in [
            (Method::GET, "/".to_owned(), 404),
            (Method::GET, "/v2/_catalog".to_owned(), 404),
            (Method::GET, format!("/v2/pyimage/manifests/{other}"), 404),
            (Method::GET, "/v2/pyimage/manifests/latest".to_owned(), 404),
            (Method::GET, format!("/v2/other/manifests/{}", image.manifest.descriptor.digest), 404),
            (Method::GET, format!("/v2/pyimage/blobs/{other}"), 404),
            (Method::GET, format!("/v2/pyimage/blobs/{}", Digest::of(b"a base")), 403),
            (Method::POST, "/v2/pyimage/blobs/uploads/".to_owned(), 405),
            (Method::DELETE, format!("/v2/pyimage/manifests/{}", image.manifest.descriptor.digest), 405),
        ] {
            assert_eq!(answered(request(method, &path), None).await.0, expected, "{path}");
        }
    }

    #[tokio::test]
    async fn whoever_was_not_told_gets_nothing() {
        let image = image();
        for path in ["/v2/".to_owned(), format!("/v2/pyimage/manifests/{}", image.manifest.descriptor.digest)]
        {
            for login in [None, Some("Basic cHlpbWFnZTo="), Some("Bearer secret")] {
                let mut asked = Request::builder().uri(&path);
                if let Some(login) = login {
                    asked = asked.header(AUTHORIZATION, login);
                }
                let file = async |_: &Descriptor| None;
                let answer = loopback().await.answer(asked.body(()).unwrap(), &image, &file).await;
                assert_eq!(answer.status(), 401, "{path} {login:?}");
                assert_eq!(answer.headers()[WWW_AUTHENTICATE], "Basic realm=\"pyimage\"");
            }
        }
    }

    #[tokio::test]
    async fn each_has_a_password_of_its_own() {
        // Others may be listening at all of the addresses: then there is none.
        let (Ok(one), Ok(other)) = (Loopback::open().await, Loopback::open().await) else { return };
        assert_ne!(one.address, other.address);
        assert_ne!(one.login(), other.login());
        assert!(one.name(&image()).starts_with("127.112.121."), "{}", one.name(&image()));
    }

    proptest! {
        #[test]
        fn nothing_is_to_be_had_by_any_other_path(path in "(/[a-z0-9.:%_-]{0,9}){1,6}") {
            prop_assume!(path != "/v2/");
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let answer = runtime.block_on(answered(request(Method::GET, &path), None));
            prop_assert_eq!(answer.0, 404);
        }
    }
}

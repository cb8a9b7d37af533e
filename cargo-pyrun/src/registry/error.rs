//! Why a registry did not give what it was asked for.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pyimage_build::{Digest, DocumentError, Reference};

use super::endpoint::{HUB, HUB_ADDRESS, is_loopback, split_port};
use super::settings::{INSECURE_VARIABLE, MIRRORS_VARIABLE, TIMEOUT_VARIABLE};
use crate::cache::CacheError;

/// A cause that several waiting requests can share.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// What was asked of a registry and is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The repository, or what tells that it exists.
    Repository,
    /// The tag; the repository may be there or not.
    Tag(String),
    /// A manifest or a blob by its digest.
    Digest(Digest),
}

impl Missing {
    /// What a reference asks for: its digest, else its tag.
    #[must_use]
    pub fn of(image: &Reference) -> Self {
        match (image.digest(), image.tag()) {
            (Some(digest), _) => Self::Digest(digest.clone()),
            (None, Some(tag)) => Self::Tag(tag.to_owned()),
            (None, None) => Self::Repository,
        }
    }
}

/// What a registry itself says about a failure, as the [distribution-spec] has it.
///
/// [distribution-spec]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The code: `MANIFEST_UNKNOWN`.
    pub code: String,
    /// The words, where there are any.
    pub message: String,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code.as_str(), self.message.as_str()) {
            ("", message) => write!(f, "the registry says: {message}"),
            (code, "") => write!(f, "the registry says: {code}"),
            (code, message) => write!(f, "the registry says: {message} ({code})"),
        }
    }
}

impl Error for Said {}

/// A mirror that was asked first, and why it did not help.
#[derive(Clone, Debug)]
pub struct MirrorFailure {
    /// The mirror, as it was given.
    pub mirror: String,
    /// Why it did not help.
    pub error: Box<RegistryError>,
}

/// A tag that has moved, and could not be put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftTag {
    /// The tag.
    pub tag: String,
    /// What it was before, where it was there and that is known.
    pub was: Option<Digest>,
}

/// Why a registry did not give what it was asked for.
///
/// Clones share their causes, so that requests that waited for the same token can fail alike.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// There is no such tag, digest or repository.
    #[error("{}", not_found(.registry, .repository, .missing, .unreached.as_deref()))]
    NotFound {
        /// The registry or mirror that said so.
        registry: String,
        /// The repository.
        repository: String,
        /// What is not in it.
        missing: Missing,
        /// The registry itself, where only a mirror could be asked.
        unreached: Option<String>,
        /// The registry's words, or why the registry itself could not be asked.
        source: Option<Cause>,
    },
    /// The registry wants another login, or any.
    #[error("`{registry}` does not let us read `{repository}` (used {credentials})")]
    Unauthorized {
        /// The registry.
        registry: String,
        /// The repository.
        repository: String,
        /// Where the login that was used came from, or that there was none, and which helper failed.
        credentials: String,
        /// The registry's words.
        source: Option<Cause>,
    },
    /// The login is good, but not for this.
    #[error("`{registry}` denies access to `{repository}` (used {credentials})")]
    Denied {
        /// The registry.
        registry: String,
        /// The repository.
        repository: String,
        /// Where the login that was used came from, or that there was none, and which helper failed.
        credentials: String,
        /// The registry's words.
        source: Option<Cause>,
    },
    /// The registry lets us not write, with this login or without any.
    #[error("`{registry}` does not let us push to `{repository}` (used {credentials})")]
    MayNotPush {
        /// The registry.
        registry: String,
        /// The repository.
        repository: String,
        /// Where the login that was used came from, or that there was none, and which helper failed.
        credentials: String,
        /// The registry's words.
        source: Option<Cause>,
    },
    /// The registry's limit is reached, for longer than is worth waiting.
    #[error("`{registry}` answers no more requests{}", again_in(*.retry_after))]
    TooManyRequests {
        /// The registry.
        registry: String,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
        /// The registry's words.
        source: Option<Cause>,
    },
    /// The registry failed, each time that it was asked.
    #[error("`{registry}` failed with status {status}")]
    Server {
        /// The registry.
        registry: String,
        /// The HTTP status.
        status: u16,
        /// The registry's words.
        source: Option<Cause>,
    },
    /// An answer that the protocol has no meaning for.
    #[error("`{registry}` refused the request with status {status}")]
    Refused {
        /// The registry.
        registry: String,
        /// The HTTP status.
        status: u16,
        /// The registry's words.
        source: Option<Cause>,
    },
    /// Nothing answers there.
    #[error("could not reach `{host}`")]
    Unreachable {
        /// Host and port.
        host: String,
        /// The proxy variables that are set.
        proxies: Vec<String>,
        /// What the system said.
        source: Cause,
    },
    /// The connection broke, each time.
    #[error("the connection to `{host}` broke")]
    Broken {
        /// Host and port.
        host: String,
        /// What the system said.
        source: Cause,
    },
    /// Nothing came for too long.
    #[error("`{host}` did not answer within {}", seconds(*.limit))]
    Timeout {
        /// Host and port.
        host: String,
        /// The limit that was passed.
        limit: Duration,
    },
    /// The host answers, but not in TLS.
    #[error("`{host}` speaks no TLS")]
    NoTls {
        /// Host and port.
        host: String,
        /// What the TLS library said.
        source: Cause,
    },
    /// The host's certificate is signed by nobody we know, or is not valid.
    #[error("the certificate of `{host}` is not trusted")]
    CertificateNotTrusted {
        /// Host and port.
        host: String,
        /// What the TLS library said.
        source: Cause,
    },
    /// A client for HTTP cannot be made: no certificate authorities, a proxy that makes no sense.
    #[error("could not set up a connection to `{host}`")]
    Setup {
        /// Host and port.
        host: String,
        /// What is missing.
        source: Cause,
    },
    /// The same address came twice.
    #[error("`{registry}` redirects in a loop, back to `{url}`")]
    RedirectLoop {
        /// The registry.
        registry: String,
        /// The address that came twice, without its query.
        url: String,
    },
    /// More redirects than anyone needs.
    #[error("`{registry}` redirects more than {limit} times")]
    TooManyRedirects {
        /// The registry.
        registry: String,
        /// The limit.
        limit: usize,
    },
    /// A redirect to where we do not go: from https to http, or to no address at all.
    #[error("`{registry}` redirects to `{location}`, which is not followed: {why}")]
    BadRedirect {
        /// The registry.
        registry: String,
        /// The target, without its query.
        location: String,
        /// Why it is not followed.
        why: &'static str,
    },
    /// The answer ended early, each time.
    #[error("`{registry}` sent {received} of the {expected} bytes of `{what}`")]
    Truncated {
        /// The registry.
        registry: String,
        /// A digest or a tag.
        what: String,
        /// How many bytes came.
        received: u64,
        /// How many were announced.
        expected: u64,
    },
    /// What came is not what the digest names.
    #[error("`{registry}` sent content with digest `{found}` for `{expected}`")]
    DigestMismatch {
        /// The registry.
        registry: String,
        /// The digest that was asked for.
        expected: Digest,
        /// The digest of what came.
        found: Digest,
    },
    /// What came is longer or shorter than the descriptor says.
    #[error("`{registry}` sent {found} bytes for `{digest}`, which has {expected}")]
    SizeMismatch {
        /// The registry.
        registry: String,
        /// The digest that was asked for.
        digest: Digest,
        /// The size in the descriptor.
        expected: u64,
        /// The size of what came, or that was announced.
        found: u64,
    },
    /// What a tag or a digest names is no image.
    #[error("`{what}` in `{repository}` of `{registry}` is not an image")]
    NotADocument {
        /// The registry.
        registry: String,
        /// The repository.
        repository: String,
        /// A digest or a tag.
        what: String,
        /// What is wrong with it.
        source: Arc<DocumentError>,
    },
    /// Something answers, and it is no registry.
    #[error("`{host}` does not answer as a registry does: {why}")]
    NotARegistry {
        /// Host and port.
        host: String,
        /// What is wrong with the answer.
        why: String,
    },
    /// More bytes than such a thing may have.
    #[error("`{what}` at `{registry}` is larger than the {limit} bytes that it may have")]
    TooLarge {
        /// The registry.
        registry: String,
        /// A digest, a tag or a list.
        what: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The token service at another address failed.
    #[error("could not get a token for `{repository}` from `{service}`")]
    Token {
        /// The repository.
        repository: String,
        /// The token service's host and port.
        service: String,
        /// Why.
        source: Cause,
    },
    /// The cache cannot be written to.
    #[error("could not keep `{what}`")]
    Cache {
        /// The digest of what should be kept.
        what: String,
        /// Why.
        source: Arc<CacheError>,
    },
    /// A download needs the cache, and there is none.
    #[error("could not download `{0}`: there is no cache folder to put it in")]
    NoCache(Digest),
    /// A layer that is to be pushed is not in the cache any more, or not what it was.
    #[error("the layer `{0}` is damaged or gone")]
    NotKept(Digest),
    /// A layer that is to be pushed cannot be read.
    #[error("could not read a layer")]
    Unreadable {
        /// Why, with its path.
        source: Arc<std::io::Error>,
    },
    /// A list that others write to at the same time, again and again.
    #[error("the list `{tag}` at `{registry}` is written by others at the same time")]
    Contested {
        /// The registry.
        registry: String,
        /// The list's tag.
        tag: String,
    },
    /// A variable or an option that is not what it should be.
    #[error("`{variable}` has `{value}`, which is not {expected}")]
    Setting {
        /// The name of the variable or option.
        variable: String,
        /// The part that is wrong, without the login or query that may be in it.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A tag was refused, and not all of those that had moved before it could be put back.
    #[error("{error}{}", not_put_back(.tags))]
    TagsLeft {
        /// Why the tag was refused.
        error: Box<RegistryError>,
        /// The tags that are new, in order.
        tags: Vec<LeftTag>,
        /// The cause of the refusal.
        source: Option<CauseOf>,
    },
    /// The registry failed, and so had its mirrors before.
    #[error("{error}{}", mirrors_failed(.mirrors))]
    Mirrored {
        /// The registry's own failure.
        error: Box<RegistryError>,
        /// The mirrors that were asked before, in order.
        mirrors: Vec<MirrorFailure>,
        /// The cause of the registry's own failure.
        source: Option<CauseOf>,
    },
}

/// The cause of another failure: it prints as that cause does.
#[derive(Clone, Debug)]
pub struct CauseOf(Box<RegistryError>);

impl fmt::Display for CauseOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.source().map_or(Ok(()), |cause| fmt::Display::fmt(cause, f))
    }
}

impl Error for CauseOf {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()?.source()
    }
}

impl RegistryError {
    /// The failure of a registry, told together with those of the mirrors that were asked before.
    pub(super) fn after(self, mirrors: Vec<MirrorFailure>) -> Self {
        let error = Box::new(self);
        let source = error.source().is_some().then(|| CauseOf(error.clone()));
        Self::Mirrored { error, mirrors, source }
    }

    /// The refusal of a tag, told together with the tags that have moved before and stay so.
    pub(super) fn with_tags_left(self, tags: Vec<LeftTag>) -> Self {
        let error = Box::new(self);
        let source = error.source().is_some().then(|| CauseOf(error.clone()));
        Self::TagsLeft { error, tags, source }
    }

    /// The registry's own failure, without the mirrors that failed before or the tags that moved: what to match on.
    #[must_use]
    pub fn own(&self) -> &Self {
        match self {
            Self::Mirrored { error, .. } | Self::TagsLeft { error, .. } => error.own(),
            other => other,
        }
    }

    /// Whether the tag, digest or repository is not there, as opposed to a failure to find out.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self.own(), Self::NotFound { .. })
    }

    /// What to do about it, the likeliest first.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        let one = |help: String| vec![help];
        match self {
            Self::Mirrored { error, mirrors, .. } => {
                let mut helps = error.helps();
                // There are mirrors, and they were of no use.
                helps.retain(|help| *help != set_mirrors());
                let failed = mirrors.iter().filter(|mirror| !mirror.error.is_not_found());
                let failed: Vec<_> = failed.map(|failure| format!("`{}`", failure.mirror)).collect();
                if !failed.is_empty() {
                    let noun = if failed.len() == 1 { "a mirror" } else { "mirrors" };
                    let failed = failed.join(" and ");
                    helps.push(format!(
                        "check {failed}, which {MIRRORS_VARIABLE} or docker's daemon.json names as {noun}"
                    ));
                }
                helps
            }
            Self::TagsLeft { error, .. } => {
                let mut helps = error.helps();
                helps.push("push again: what is there is not sent again".to_owned());
                helps
            }
            Self::Unauthorized { registry, repository, .. } => vec![
                format!("log in: {}", docker_login(registry)),
                format!("or check the name: many registries answer so where `{repository}` does not exist"),
            ],
            Self::Denied { registry, .. } => {
                one(format!("log in as a user who may read it: {}", docker_login(registry)))
            }
            // A name like `app` is read as one of Docker Hub's own images.
            Self::MayNotPush { registry, repository, .. }
                if registry == HUB && repository.starts_with("library/") =>
            {
                one("give it a repository of yours: `name = \"REGISTRY/USER/APP\"` in Cargo.toml, or `--to`"
                    .to_owned())
            }
            Self::MayNotPush { registry, .. } => {
                one(format!("log in as a user who may push there: {}", docker_login(registry)))
            }
            Self::NotKept(_) => one("run the command again: it is made anew".to_owned()),
            Self::TooManyRequests { registry, .. } if registry == HUB => {
                one(format!("log in for a higher limit: {}", docker_login(registry)))
            }
            Self::NoTls { host, .. } => {
                one(format!("to speak http with it, allow it by name: {INSECURE_VARIABLE}={host}"))
            }
            Self::CertificateNotTrusted { .. } => {
                one("set SSL_CERT_FILE to a file with the certificate authority that signed it".to_owned())
            }
            Self::Setup { .. } => {
                one("set SSL_CERT_FILE to a file with certificate authorities, if there are none".to_owned())
            }
            Self::Timeout { .. } => {
                one(format!("to wait longer, set {TIMEOUT_VARIABLE} to a number of seconds"))
            }
            Self::Unreachable { host, proxies, .. } => {
                let mut helps = Vec::new();
                if !proxies.is_empty() {
                    let proxies = proxies.join(" and ");
                    helps.push(format!("check the proxy in {proxies}, or add the host to NO_PROXY"));
                }
                if host.starts_with(HUB_ADDRESS) {
                    helps.push(set_mirrors());
                }
                helps
            }
            Self::Broken { host, .. } if is_loopback(split_port(host).0) => {
                // Named there, a host on loopback has its schemes in the order that others have.
                one(format!(
                    "a registry on this machine is spoken to in http; {INSECURE_VARIABLE}={host} tries https first, with any certificate"
                ))
            }
            _ => Vec::new(),
        }
    }
}

fn set_mirrors() -> String {
    format!("set {MIRRORS_VARIABLE} to a mirror of Docker Hub, if there is one")
}

/// The command that logs in; Docker Hub needs no name.
fn docker_login(registry: &str) -> String {
    if registry == HUB { "docker login".to_owned() } else { format!("docker login {registry}") }
}

fn not_found(registry: &str, repository: &str, missing: &Missing, unreached: Option<&str>) -> String {
    let text = match missing {
        Missing::Repository => format!("repository `{repository}` not found at `{registry}`"),
        Missing::Tag(tag) => format!("tag `{tag}` not found in `{repository}` at `{registry}`"),
        Missing::Digest(digest) => format!("`{digest}` not found in `{repository}` at `{registry}`"),
    };
    match unreached {
        Some(own) => format!("{text}; `{own}` itself could not be reached"),
        None => text,
    }
}

fn again_in(wait: Option<Duration>) -> String {
    wait.map(|wait| format!(" for {}", seconds(wait))).unwrap_or_default()
}

fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 1.0 { format!("{seconds:.1} s") } else { format!("{seconds:.0} s") }
}

fn not_put_back(tags: &[LeftTag]) -> String {
    let told = |LeftTag { tag, was }: &LeftTag| match was {
        Some(was) => format!("; `{tag}` has moved, and could not be put back to `{was}`"),
        None => format!("; `{tag}` has moved, and could not be put back"),
    };
    tags.iter().map(told).collect()
}

fn mirrors_failed(mirrors: &[MirrorFailure]) -> String {
    let mut text = String::new();
    for MirrorFailure { mirror, error } in mirrors {
        text += "; mirror `";
        text += mirror;
        text += "` failed before: ";
        text += &in_one_line(error);
    }
    text
}

/// An error with its causes, behind colons.
pub(super) fn in_one_line(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.ends_with(&message) {
            text += ": ";
            text += &message;
        }
        cause = error.source();
    }
    text
}

//! A registry in memory that can be written to, with the peculiarities that registries have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyimage_build::Digest;

use crate::registry::tests::server::{Reply, Request, Server, reply};

/// What a registry has, and how it behaves.
#[expect(clippy::struct_excessive_bools, reason = "each is a way in which registries differ")]
#[derive(Clone)]
pub(super) struct Store {
    pub(super) content: Arc<Mutex<Content>>,
    /// Whether it takes blobs over from other repositories.
    pub(super) mounts: bool,
    /// Whether it forgets uploads that break.
    pub(super) forgets: bool,
    /// Whether it answers `HEAD`.
    pub(super) heads: bool,
    /// Whether it tells the digest of something else than what it was given.
    pub(super) lies: bool,
    /// Whether it wants a token that covers what is asked.
    pub(super) tokens: bool,
    /// The login that it wants.
    pub(super) password: Option<&'static str>,
    /// Where uploads go on: an origin.
    pub(super) locations: String,
    /// How long it takes to store a blob.
    pub(super) slow: Duration,
    /// Whether it loses what is uploaded.
    pub(super) loses: bool,
    /// Whether it gives the rest of a blob.
    pub(super) ranges: bool,
    /// After how many bytes the next blob that it gives breaks off.
    pub(super) breaks: Arc<Mutex<Option<usize>>>,
    /// Whether it lists what refers to an image.
    pub(super) referrers: bool,
    /// How many tags somebody else writes over at once.
    pub(super) loses_tags: Arc<AtomicUsize>,
    /// Whether it removes tags.
    pub(super) removes: bool,
    /// What it fails to do.
    pub(super) refuses: fn(&Request) -> bool,
}

#[derive(Default)]
pub(super) struct Content {
    blobs: BTreeMap<(String, Digest), Vec<u8>>,
    manifests: BTreeMap<(String, String), Vec<u8>>,
    uploads: Vec<Option<Vec<u8>>>,
    tokens: BTreeSet<String>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            content: Arc::default(),
            mounts: true,
            forgets: false,
            heads: true,
            lies: false,
            tokens: false,
            password: None,
            locations: String::new(),
            slow: Duration::ZERO,
            loses: false,
            ranges: true,
            breaks: Arc::default(),
            referrers: false,
            loses_tags: Arc::default(),
            removes: true,
            refuses: |_| false,
        }
    }
}

impl Store {
    pub(super) fn put(&self, repository: &str, bytes: &[u8]) {
        let key = (repository.to_owned(), Digest::of(bytes));
        self.content.lock().unwrap().blobs.insert(key, bytes.to_vec());
    }

    pub(super) fn has(&self, repository: &str, digest: &Digest) -> bool {
        self.content.lock().unwrap().blobs.contains_key(&(repository.to_owned(), digest.clone()))
    }

    pub(super) fn tag(&self, repository: &str, tag: &str) -> Option<Vec<u8>> {
        self.content.lock().unwrap().manifests.get(&(repository.to_owned(), tag.to_owned())).cloned()
    }

    /// Puts something under a tag, as somebody else would.
    pub(super) fn put_tag(&self, repository: &str, tag: &str, bytes: &[u8]) {
        let mut content = self.content.lock().unwrap();
        content.manifests.insert((repository.to_owned(), tag.to_owned()), bytes.to_vec());
    }

    pub(super) async fn serve(&self) -> Server {
        let store = self.clone();
        Server::new(move |request| store.answer(request)).await
    }

    fn answer(&self, request: &Request) -> Reply {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let mut content = self.content.lock().unwrap();
        if path == "/token" {
            let token = format!("token{}", query.replace("%3A", ":").replace("%2C", ","));
            content.tokens.insert(token.clone());
            return reply(200, format!("{{\"token\":\"{token}\"}}"));
        }
        let (repository, rest) = ["/blobs/", "/manifests/", "/referrers/"]
            .iter()
            .find_map(|part| {
                let at = path.find(part)?;
                Some((path["/v2/".len()..at].to_owned(), &path[at + 1..]))
            })
            .unwrap();
        if let Some(refusal) = self.refuse(request, &repository) {
            return refusal;
        }
        if (self.refuses)(request) {
            return reply(500, "");
        }
        if request.method == "HEAD" && !self.heads {
            return reply(405, "");
        }
        match (request.method.as_str(), rest.split_once('/').unwrap()) {
            ("POST", _) => {
                if let Some((from, digest)) = parameter(request, "from").zip(parameter(request, "mount"))
                    && self.mounts
                {
                    let digest: Digest = digest.parse().unwrap();
                    let Some(blob) = content.blobs.get(&(from, digest.clone())).cloned() else {
                        return reply(404, "");
                    };
                    content.blobs.insert((repository, digest.clone()), blob);
                    return created(&digest);
                }
                content.uploads.push(Some(Vec::new()));
                let number = content.uploads.len() - 1;
                self.going_on(202, &repository, number)
            }
            (_, ("blobs", upload)) if upload.starts_with("uploads/") => {
                self.go_on(&mut content, request, &repository, upload)
            }
            ("PUT", ("manifests", name)) => {
                let digest = Digest::of(if self.lies { b"" } else { &request.body });
                let is_lost = !name.contains(':')
                    && self.loses_tags.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
                if !is_lost {
                    content.manifests.insert((repository.clone(), name.to_owned()), request.body.clone());
                }
                content.manifests.insert((repository, digest.to_string()), request.body.clone());
                match subject(&request.body).filter(|_| self.referrers) {
                    Some(subject) => created(&digest).with("OCI-Subject", subject),
                    None => created(&digest),
                }
            }
            ("DELETE", ("manifests", _)) if !self.removes => reply(405, ""),
            ("DELETE", ("manifests", name)) => {
                content.manifests.remove(&(repository, name.to_owned()));
                reply(202, "")
            }
            (_, ("referrers", _)) if !self.referrers => reply(404, "404 page not found\n"),
            (_, ("referrers", of)) => {
                let all = content
                    .manifests
                    .iter()
                    .filter(|((its, name), _)| *its == repository && name.contains(':'));
                let found = all.filter(|(_, bytes)| subject(bytes).as_deref() == Some(of));
                let found: Vec<_> = found
                    .map(|((_, name), bytes)| {
                        format!("{{\"mediaType\":\"x\",\"digest\":\"{name}\",\"size\":{}}}", bytes.len())
                    })
                    .collect();
                reply(200, format!("{{\"schemaVersion\":2,\"manifests\":[{}]}}", found.join(",")))
            }
            (_, ("manifests", name)) => match content.manifests.get(&(repository, name.to_owned())) {
                Some(found) => reply(200, found).with("Docker-Content-Digest", Digest::of(found)),
                None => reply(404, ""),
            },
            (_, (_, digest)) => match content.blobs.get(&(repository, digest.parse().unwrap())) {
                Some(blob) => self.give(request, blob),
                None => reply(404, ""),
            },
        }
    }

    /// What an upload is answered.
    fn go_on(&self, content: &mut Content, request: &Request, repository: &str, upload: &str) -> Reply {
        let number: usize = upload["uploads/".len()..].parse().unwrap();
        let Some(bytes) = &mut content.uploads[number] else { return reply(404, "") };
        if request.method == "GET" {
            let last = bytes.len().saturating_sub(1);
            return self.going_on(204, repository, number).with("Range", format!("0-{last}"));
        }
        if let Some(range) = request.header("content-range")
            && range.split('-').next().unwrap().parse() != Ok(bytes.len())
        {
            return reply(416, "");
        }
        bytes.extend_from_slice(&request.body);
        if request.cut && self.forgets {
            content.uploads[number] = None;
            return reply(404, "");
        }
        if request.method == "PATCH" {
            return self.going_on(202, repository, number);
        }
        if request.cut {
            return reply(404, "");
        }
        let bytes = content.uploads[number].take().unwrap();
        let digest: Digest = parameter(request, "digest").unwrap().parse().unwrap();
        if !digest.matches(&bytes) {
            return reply(400, "{\"errors\":[{\"code\":\"DIGEST_INVALID\"}]}");
        }
        if !self.loses {
            content.blobs.insert((repository.to_owned(), digest.clone()), bytes);
        }
        created(&digest).late(self.slow)
    }

    /// The answer to who may not ask.
    fn refuse(&self, request: &Request, repository: &str) -> Option<Reply> {
        if let Some(password) = self.password
            && request.header("authorization") != Some(&format!("Basic {password}"))
        {
            return Some(reply(401, "").with("WWW-Authenticate", "Basic realm=\"me\""));
        }
        if !self.tokens {
            return None;
        }
        let action = if matches!(request.method.as_str(), "GET" | "HEAD") { "pull" } else { "pull,push" };
        let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let from = parameter(request, "from").map(|from| format!("scope=repository:{from}:pull"));
        let good = |token: &str| {
            token.contains(&format!("scope=repository:{repository}:{action}"))
                && from.as_ref().is_none_or(|from| token.contains(from))
        };
        if token.is_some_and(good) {
            return None;
        }
        let host = request.header("host").unwrap();
        let challenge = format!(
            "Bearer realm=\"http://{host}/token\",service=\"the registry\",scope=\"repository:{repository}:{action}\""
        );
        Some(reply(401, "").with("WWW-Authenticate", challenge))
    }

    fn give(&self, request: &Request, blob: &[u8]) -> Reply {
        let start = request.header("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'));
        let start: usize = start.filter(|_| self.ranges).map_or(0, |start| start.parse().unwrap());
        let given = if start > 0 {
            let range = format!("bytes {start}-{}/{}", blob.len() - 1, blob.len());
            reply(206, &blob[start..]).with("Content-Range", range)
        } else {
            reply(200, blob)
        };
        let cut = if request.method == "GET" { self.breaks.lock().unwrap().take() } else { None };
        if let Some(after) = cut { given.cut(after) } else { given }
    }

    fn going_on(&self, status: u16, repository: &str, number: usize) -> Reply {
        let place = format!("{}/v2/{repository}/blobs/uploads/{number}?state=x", self.locations);
        reply(status, "").with("Location", place)
    }
}

fn created(digest: &Digest) -> Reply {
    reply(201, "").with("Docker-Content-Digest", digest)
}

/// The digest of what a manifest refers to.
fn subject(manifest: &[u8]) -> Option<String> {
    let manifest: serde_json::Value = serde_json::from_slice(manifest).ok()?;
    Some(manifest["subject"]["digest"].as_str()?.to_owned())
}

/// A parameter of the query.
fn parameter(request: &Request, name: &str) -> Option<String> {
    let query = request.target.split_once('?')?.1;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.replace("%3A", ":"))
}

//! Asking registries: against the longest chain of requests that the answer takes.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use fs_err as fs;

use super::Bench;
use super::latency::slow_way;
use super::measure::seconds;
use super::table::{Row, Section};
use crate::http::{self, Peer};
use crate::testbed::HUB_ADDRESS;
use crate::{process, say};

/// The repository of the benchmark's own: as many tags as a version of the official image has.
const REPOSITORY: &str = "pyrun-bench/python";
const PATCHES: usize = 60;

const INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

const INTRO: &str = "`cargo pyimage tags 3.13 --all` for a repository of 60 tags, with nothing in the cache. The answer takes four
requests that depend on each other: the list, the digest of a tag, its index, a manifest of that. The peer is
`curl`, making these four and no other over one connection: the longest chain, once.";

const NOTES: &str = "\
- 60 tags are 60 requests for digests; one after the other they would take 60 times as long as one.
- The added 50 ms are a relay's, which holds each byte back for 25 ms on each way; a new connection costs 50 ms too.
  What is over the chain is mostly that second round trip: the list is asked for over one connection, and the
  connections for the digests are opened after it.
- `lock --check` is timed from the start of the process to its end, not through cargo, in a project with one image.";

/// Measures all of it.
pub(super) fn section(bench: &Bench) -> Result<Section> {
    let chain = publish()?;
    let mut rows = Vec::new();
    let far = slow_way(HUB_ADDRESS, Duration::from_millis(50))?;
    for (name, address, bar) in [
        ("`tags 3.13`, on loopback", HUB_ADDRESS.to_owned(), None),
        ("`tags 3.13`, 50 ms away", far, Some(1.5)),
    ] {
        say::status("Measuring", name);
        let pair = bench.interleave(
            || seconds(&mut tags(bench, &address)?),
            || seconds(&mut chain_of(&address, &chain)),
        )?;
        rows.push(Row::ratio(name, &pair, bar));
    }
    let name = "`lock --check`, current";
    say::status("Measuring", name);
    let project = project(bench)?;
    let mut check = Command::new(bench.binaries.join("cargo-pyimage"));
    check
        .args(["lock", "--check"])
        .current_dir(project)
        .env("PYIMAGE_CACHE_DIR", bench.folder.path().join("cache"));
    seconds(&mut check)?;
    let times: Result<Vec<_>> = (0..bench.rounds.max(5)).map(|_| seconds(&mut check)).collect();
    rows.push(Row::time(name, &times?, 10.0));
    Ok(Section {
        title: "Asking registries",
        intro: INTRO,
        columns: ["`cargo pyimage`", "`curl`, the longest chain"],
        rows,
        notes: NOTES,
    })
}

fn tags(bench: &Bench, address: &str) -> Result<Command> {
    let cache = bench.folder.path().join("cold");
    if cache.exists() {
        fs::remove_dir_all(&cache)?;
    }
    let mut command = Command::new(bench.binaries.join("cargo-pyimage"));
    command.args(["tags", "3.13", "--all", "--repository", &format!("{address}/{REPOSITORY}")]);
    command.env("PYIMAGE_CACHE_DIR", cache);
    Ok(command)
}

/// The digests of an index and of a manifest in it.
struct Chain {
    index: String,
    manifest: String,
}

fn chain_of(address: &str, chain: &Chain) -> Command {
    let base = format!("http://{address}/v2/{REPOSITORY}");
    let manifests = |what: &str| format!("{base}/manifests/{what}");
    let accept = format!("Accept: {INDEX}, {MANIFEST}");
    let mut curl = Command::new("curl");
    curl.args(["-sf", &format!("{base}/tags/list")]);
    curl.args(["--next", "-sfI", "-H", &accept, &manifests("3.13.0-slim")]);
    curl.args(["--next", "-sf", "-H", &accept, &manifests(&chain.index)]);
    curl.args(["--next", "-sf", "-H", &accept, &manifests(&chain.manifest)]);
    curl
}

/// A project whose one base is locked.
fn project(bench: &Bench) -> Result<std::path::PathBuf> {
    let folder = bench.folder.path().join("project");
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("src/lib.rs"), "")?;
    let base = format!("{HUB_ADDRESS}/{REPOSITORY}:3.13.0-slim");
    fs::write(
        folder.join("Cargo.toml"),
        format!(
            "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
             [package.metadata.pyimage]\nbase = \"{base}\"\nbytecode = \"none\"\nplatforms = [\"linux/amd64\"]\n"
        ),
    )?;
    let mut lock = Command::new(bench.binaries.join("cargo-pyimage"));
    lock.arg("lock").current_dir(&folder).env("PYIMAGE_CACHE_DIR", bench.folder.path().join("cache"));
    process::read(&mut lock)?;
    Ok(folder)
}

/// Puts the image of the tests under many tags, in an index of its own.
fn publish() -> Result<Chain> {
    let hub = Peer::Tcp(HUB_ADDRESS);
    let found = http::get(hub, "/v2/library/python/manifests/3.13-slim", &[MANIFEST])?;
    if found.status != 200 {
        bail!("the registry has no `python:3.13-slim` ({})", found.status);
    }
    let manifest = String::from_utf8(found.body).context("the manifest is no text")?;
    for digest in manifest.split('"').filter(|text| text.starts_with("sha256:")) {
        http::post(hub, &format!("/v2/{REPOSITORY}/blobs/uploads/?mount={digest}&from=library/python"))?;
    }
    let digest = store(&manifest, "amd64", MANIFEST)?;
    let index = format!(
        "{{\"schemaVersion\": 2, \"mediaType\": \"{INDEX}\", \"manifests\": [{{\"mediaType\": \"{MANIFEST}\", \
         \"digest\": \"{digest}\", \"size\": {}, \"platform\": {{\"os\": \"linux\", \"architecture\": \"amd64\"}}}}]}}",
        manifest.len()
    );
    let mut stored = String::new();
    for patch in 0..PATCHES {
        stored = store(&index, &format!("3.13.{patch}-slim"), INDEX)?;
    }
    Ok(Chain { index: stored, manifest: digest })
}

/// Stores a document under a tag, and gives its digest.
fn store(text: &str, tag: &str, kind: &str) -> Result<String> {
    let path = format!("/v2/{REPOSITORY}/manifests/{tag}");
    let stored = http::put(Peer::Tcp(HUB_ADDRESS), &path, kind, text.as_bytes())?;
    if stored.status != 201 {
        bail!("the registry does not take `{path}`: {}", String::from_utf8_lossy(&stored.body));
    }
    let digest = stored.header("docker-content-digest").context("the registry tells no digest")?;
    Ok(digest.to_owned())
}

//! What there is to know of a tag, for programs and for people.

use std::fmt::Write as _;

use pyimage_build::{
    DebianRelease, Digest, ImageConfig, LibcRelease, Pinning, Platform, PythonTag, Suite, WheelPlatforms,
};
use serde::Serialize;

use super::{Alternative, Image, Installing};
use crate::size::Size;
use crate::tags::{EndOfLifeMark, display, or_none, pinning};

/// What there is to know of a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The image, as docker names it.
    pub image: String,
    /// The digest of the index, or of the manifest where there is no index.
    #[serde(serialize_with = "display")]
    pub digest: Digest,
    /// Other tags with this digest, of those that may have it.
    pub aliases: Vec<String>,
    /// What the tag fixes.
    #[serde(serialize_with = "pinning")]
    pub pinned: Option<Pinning>,
    /// When its Python's support ends or ended.
    pub end_of_life: Option<EndOfLifeMark>,
    /// The official Python in it.
    pub interpreter: Interpreter,
    /// The version of the distribution's own Python, `/usr/bin/python3`, if there is one.
    pub system_python: Option<String>,
    /// The release of the distribution.
    #[serde(serialize_with = "or_none")]
    pub suite: Option<Suite>,
    /// The C library.
    #[serde(serialize_with = "or_none")]
    pub libc: Option<LibcRelease>,
    /// Whether it was asked for by its digest, and is the same for ever.
    #[serde(skip)]
    pub by_digest: bool,
    /// Whether it has a C compiler and headers.
    pub compilers: Option<bool>,
    /// What it is there for.
    pub platforms: Vec<ExplainedPlatform>,
    /// What the official build covers and the registry has not got, or not yet.
    #[serde(serialize_with = "each")]
    pub missing: Vec<Platform>,
    /// What pip will install in it, and what not.
    pub installing: Option<Installing>,
    /// Tags to take instead.
    pub alternatives: Vec<Alternative>,
}

/// The official Python of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Interpreter {
    /// Its path.
    pub path: &'static str,
    /// Its version.
    pub version: String,
    /// Whether `python`, by `PATH`, is this one.
    pub is_python: bool,
}

/// The image for one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedPlatform {
    /// The platform.
    #[serde(serialize_with = "display")]
    pub platform: Platform,
    /// The manifest's digest.
    #[serde(serialize_with = "display")]
    pub digest: Digest,
    /// The bytes of all layers, compressed.
    pub size: u64,
    /// The version of its Python: slow builds lag behind.
    pub python: Option<String>,
    /// What wheels fit, in short.
    pub wheels: Option<String>,
}

impl Interpreter {
    pub(super) fn of(tag: Option<&PythonTag>, config: &ImageConfig, version: &str) -> Self {
        let windows = tag.is_some_and(PythonTag::is_windows) || config.platform.os() == "windows";
        let path = match (windows, version.starts_with("2.")) {
            (true, _) => r"C:\Python\python.exe",
            (false, true) => "/usr/local/bin/python2",
            (false, false) => "/usr/local/bin/python3",
        };
        // The official images put their own folder first; an image made from one may have changed that.
        let is_python = config.variable("PATH").is_none_or(|path| {
            let first = |folder| path.split(':').position(|entry| entry == folder);
            first("/usr/local/bin").is_some_and(|own| first("/usr/bin").is_none_or(|system| own < system))
        });
        Self { path, version: version.to_owned(), is_python: windows || is_python }
    }
}

impl ExplainedPlatform {
    pub(super) fn of(image: &Image, libc: Option<LibcRelease>) -> Self {
        let wheels = libc.and_then(|libc| WheelPlatforms::new(libc, &image.platform));
        Self {
            platform: image.platform.clone(),
            digest: image.descriptor.digest.clone(),
            size: image.manifest.layers_size(),
            python: image.config.variable("PYTHON_VERSION").map(str::to_owned),
            wheels: wheels.map(|wheels| wheels.to_string()),
        }
    }
}

/// The distribution's Python in the image: that of the release that the image really stands on.
pub(super) fn system_python(tag: &PythonTag, suite: Option<&Suite>) -> Option<String> {
    if !tag.has_system_python() {
        return None;
    }
    // A release alone is the tag of a full image on it.
    let full: PythonTag = suite?.to_string().parse().ok()?;
    full.system_python().map(|version| version.to_string())
}

impl Explanation {
    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut lines = vec![self.image.clone()];
        let mut fact = |name: &str, value: String| lines.push(format!("  {name:<12}{value}"));
        fact("digest", self.digest.to_string());
        if !self.aliases.is_empty() {
            fact("aliases", self.aliases.join(", "));
        }
        if self.by_digest {
            fact("moves", "never: it is asked for by its digest".to_owned());
        }
        if let Some(pinned) = self.pinned {
            let ended = self.end_of_life.is_some_and(|end| end.reached);
            fact("moves", moves(pinned, ended).to_owned());
        }
        if let Some(end) = self.end_of_life {
            let past = if end.reached { "without support since" } else { "supported until" };
            fact("life", format!("{past} {}", end.date));
        }
        let Interpreter { path, version, is_python } = &self.interpreter;
        let means =
            if *is_python { "which `python` means" } else { "but `python` means another: see its PATH" };
        let unfinished =
            if version.contains(|c: char| c.is_ascii_alphabetic()) { " (a prerelease)" } else { "" };
        fact("python", format!("{version}{unfinished} at {path}, {means}"));
        match &self.system_python {
            Some(version) => fact(
                "",
                format!(
                    "{version} at /usr/bin/python3, the distribution's: `#!/usr/bin/python3`, cron and sudo get it"
                ),
            ),
            None if self.compilers.is_some() => fact("", "no /usr/bin/python3".to_owned()),
            None => {}
        }
        fact("system", self.system());
        if let Some(compilers) = self.compilers {
            let has = if compilers { "gcc, make and the usual headers" } else { "none" };
            fact("compilers", has.to_owned());
        }
        let mut text = lines.join("\n");
        text.push_str("\n\n");
        text.push_str(&self.table());
        if !self.missing.is_empty() {
            let names: Vec<_> = self.missing.iter().map(ToString::to_string).collect();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  not here, though the official build has it: {}", names.join(", "));
        }
        if let Some(installing) = &self.installing {
            let _ = write!(text, "\npip install\n{installing}");
        }
        if !self.alternatives.is_empty() {
            text.push_str("\ninstead\n");
            let width = self.alternatives.iter().map(|its| its.tag.len()).max().unwrap_or(0);
            for alternative in &self.alternatives {
                let _ = writeln!(text, "  {:<width$}  {alternative}", alternative.tag);
            }
        }
        text
    }

    fn system(&self) -> String {
        let suite = match &self.suite {
            Some(Suite::Debian(release)) => debian(*release),
            Some(Suite::Alpine { major, minor }) => format!("Alpine {major}.{minor}"),
            Some(Suite::Windows(release)) => format!("Windows {release}"),
            None => "an unknown release".to_owned(),
        };
        match self.libc {
            Some(libc) => format!("{suite}, {libc}"),
            None => suite,
        }
    }

    fn table(&self) -> String {
        let mut rows = vec![["PLATFORM", "SIZE", "PYTHON", "WHEELS"].map(str::to_owned)];
        for its in &self.platforms {
            rows.push([
                its.platform.to_string(),
                Size(its.size).to_string(),
                its.python.clone().unwrap_or_default(),
                its.wheels.clone().unwrap_or_default(),
            ]);
        }
        let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
        let widths = [width(0), width(1), width(2)];
        let mut text = String::new();
        for [platform, size, python, wheels] in &rows {
            let [first, second, third] = widths;
            let line = format!("  {platform:<first$}  {size:>second$}  {python:<third$}  {wheels}");
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

fn moves(pinned: Pinning, ended: bool) -> &'static str {
    match pinned {
        _ if ended => "no more: what has no support is not rebuilt",
        Pinning::Floating => "yes: with each release of Python, and when it is rebuilt",
        Pinning::Release => "its Python stays; its Debian may change, and it is rebuilt",
        Pinning::ReleaseAndSuite => "its Python and its distribution stay; it is rebuilt for security fixes",
    }
}

fn debian(release: DebianRelease) -> String {
    format!("Debian {} ({release})", release.number())
}

fn each<S: serde::Serializer>(platforms: &[Platform], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(platforms.iter().map(ToString::to_string))
}

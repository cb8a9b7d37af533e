//! Reading a lock.

use std::convert::Infallible;

use pep440_rs::Version;
use toml::Table;

use super::keys::Keys;
use super::{
    LockedDirectory, LockedFile, LockedPackage, LockedVcs, LockedWheel, PackageSource, Pylock, PylockError,
    PylockReason,
};
use crate::wheel_name::file_name_of_url;
use crate::{Digest, PackageName, WheelName};

/// A version of the format.
pub(super) fn version(text: &str) -> Option<Version> {
    text.parse().ok()
}

/// The newest version of the format that this reads in full.
pub(super) fn known() -> Version {
    Version::new([1, 0])
}

pub(super) fn pylock(text: &str) -> Result<Pylock, PylockError> {
    let marker = |line: &str| ["<<<<<<< ", ">>>>>>> "].iter().any(|marker| line.starts_with(marker));
    if let Some(line) = text.lines().position(marker) {
        return Err(PylockError::Conflict { line: line + 1 });
    }
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = 1 + before.matches('\n').count();
        PylockError::Toml { line, reason: error.message().lines().collect::<Vec<_>>().join(", ") }
    })?;
    let keys = Keys::of_lock(&table);
    // The version decides whether the rest means what it seems to mean.
    let lock_version = keys.required("lock-version", keys.text("lock-version")?)?;
    match version(&lock_version) {
        None => return Err(keys.error("lock-version", PylockReason::Version(lock_version))),
        Some(version) if version < known() || version >= Version::new([2]) => {
            return Err(PylockError::Version(lock_version));
        }
        Some(_) => {}
    }
    let text = |text: &str| Ok::<_, Infallible>(text.to_owned());
    let never = |never: Infallible| match never {};
    let packages = keys.packages("packages")?;
    if !keys.has("packages") {
        return Err(keys.error("packages", PylockReason::Missing));
    }
    Ok(Pylock {
        lock_version,
        created_by: keys.required("created-by", keys.text("created-by")?)?,
        requires_python: keys.parsed("requires-python", str::parse, PylockReason::RequiresPython)?,
        environments: keys.parsed_array("environments", str::parse, PylockReason::Marker)?,
        extras: keys.parsed_array("extras", str::parse, PylockReason::Name)?,
        dependency_groups: keys.parsed_array("dependency-groups", text, never)?,
        default_groups: keys.parsed_array("default-groups", text, never)?,
        packages: packages.iter().map(package).collect::<Result<_, _>>()?,
    })
}

fn package(keys: &Keys<'_>) -> Result<LockedPackage, PylockError> {
    let name: PackageName = keys.required("name", keys.parsed("name", str::parse, PylockReason::Name)?)?;
    let version = keys.text("version")?;
    let number = version
        .as_deref()
        .map(|text| {
            text.parse::<Version>().map_err(|_| keys.error("version", PylockReason::Version(text.to_owned())))
        })
        .transpose()?;
    let source = source(keys)?;
    if let PackageSource::Release { wheels, sdist } = &source {
        let stray = |key: &str, file_name: &str| {
            let package = match &version {
                Some(version) => format!("`{name}` {version}"),
                None => format!("`{name}`"),
            };
            keys.error(key, PylockReason::Stray { file_name: file_name.to_owned(), package })
        };
        for (at, wheel) in wheels.iter().enumerate() {
            let is_version = number.as_ref().is_none_or(|number| wheel.name.is_version(number));
            if *wheel.name.name() != name || !is_version {
                return Err(stray(&format!("wheels[{at}]"), wheel.name.as_str()));
            }
        }
        if let Some(sdist) = sdist
            && let Some((of, found)) = sdist_name(&sdist.file_name)
            && (of != name || number.is_some_and(|number| number != found))
        {
            return Err(stray("sdist", &sdist.file_name));
        }
    }
    for identity in keys.tables("attestation-identities")? {
        identity.required("kind", identity.string("kind")?)?;
    }
    Ok(LockedPackage {
        name,
        version,
        marker: keys.parsed("marker", str::parse, PylockReason::Marker)?,
        requires_python: keys.parsed("requires-python", str::parse, PylockReason::RequiresPython)?,
        index: keys.text("index")?,
        source,
    })
}

/// The package and version that a source distribution is named after; none for the names from before there were rules.
fn sdist_name(file_name: &str) -> Option<(PackageName, Version)> {
    let stem = file_name.strip_suffix(".tar.gz").or_else(|| file_name.strip_suffix(".zip"))?;
    let (name, version) = stem.rsplit_once('-')?;
    Some((name.parse().ok()?, version.parse().ok()?))
}

fn source(keys: &Keys<'_>) -> Result<PackageSource, PylockError> {
    let wheels = keys.tables("wheels")?;
    let present = [
        (!wheels.is_empty()).then_some("wheels"),
        keys.has("sdist").then_some("sdist"),
        keys.has("archive").then_some("archive"),
        keys.has("directory").then_some("directory"),
        keys.has("vcs").then_some("vcs"),
    ];
    match present.into_iter().flatten().collect::<Vec<_>>()[..] {
        [] => return Err(keys.error("", PylockReason::NoSource)),
        [_] | ["wheels", "sdist"] => {}
        [first, .., second] => return Err(keys.error("", PylockReason::TwoSources { first, second })),
    }
    if let Some(vcs) = keys.table("vcs")? {
        return self::vcs(&vcs).map(PackageSource::Vcs);
    }
    if let Some(directory) = keys.table("directory")? {
        return Ok(PackageSource::Directory(LockedDirectory {
            path: directory.required("path", directory.text("path")?)?,
            editable: directory.boolean("editable")?.unwrap_or(false),
            subdirectory: directory.text("subdirectory")?,
        }));
    }
    if let Some(archive) = keys.table("archive")? {
        let subdirectory = archive.text("subdirectory")?;
        return Ok(PackageSource::Archive { file: file(&archive)?, subdirectory });
    }
    let sdist = keys.table("sdist")?.map(|sdist| file(&sdist)).transpose()?;
    let wheels = wheels.iter().map(|wheel| {
        let file = file(wheel)?;
        let name = file.file_name.parse::<WheelName>();
        Ok(LockedWheel { name: name.map_err(|error| wheel.error("", PylockReason::Wheel(error)))?, file })
    });
    Ok(PackageSource::Release { wheels: wheels.collect::<Result<_, _>>()?, sdist })
}

fn vcs(keys: &Keys<'_>) -> Result<LockedVcs, PylockError> {
    let (url, path) = place(keys)?;
    Ok(LockedVcs {
        kind: keys.required("type", keys.text("type")?)?,
        url,
        path,
        requested_revision: keys.text("requested-revision")?,
        commit_id: keys.required("commit-id", keys.text("commit-id")?)?,
        subdirectory: keys.text("subdirectory")?,
    })
}

/// The `url` and the `path`, of which one has to be there.
fn place(keys: &Keys<'_>) -> Result<(Option<String>, Option<String>), PylockError> {
    let set = |text: Option<String>| text.filter(|text| !text.is_empty());
    match (set(keys.text("url")?), set(keys.text("path")?)) {
        (None, None) => Err(keys.error("", PylockReason::Nowhere)),
        place => Ok(place),
    }
}

fn file(keys: &Keys<'_>) -> Result<LockedFile, PylockError> {
    let (size, upload_time) = (keys.size("size")?, keys.datetime("upload-time")?);
    let (url, path) = place(keys)?;
    let hashes = keys.required("hashes", keys.table("hashes")?)?;
    let texts = hashes.texts()?;
    if texts.is_empty() {
        return Err(keys.error("hashes", PylockReason::Empty));
    }
    for (algorithm, hash) in &texts {
        let is_checked = matches!(*algorithm, "sha256" | "sha512");
        if is_checked && format!("{algorithm}:{}", hash.to_ascii_lowercase()).parse::<Digest>().is_err() {
            return Err(hashes.error(algorithm, PylockReason::Hash((*algorithm).to_owned())));
        }
    }
    // A lock may be used on another system than it was written on.
    let of_path = |path: &str| path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let file_name = keys
        .text("name")?
        .or_else(|| path.as_deref().map(of_path))
        .or_else(|| url.as_deref().map(file_name_of_url))
        .unwrap_or_default();
    let is_path = file_name.contains(|letter: char| matches!(letter, '/' | '\\') || letter.is_control());
    if is_path || matches!(file_name.as_str(), "" | "." | "..") {
        return Err(keys.error("", PylockReason::FileName(file_name.escape_debug().to_string())));
    }
    let hashes = texts.into_iter().map(|(algorithm, hash)| (algorithm.to_owned(), hash.to_owned())).collect();
    Ok(LockedFile { file_name, url, path, size, upload_time, hashes })
}

//! Wheels, from where the lock says into the cache.

use std::io::{self, Read as _};

use camino::{Utf8Path, Utf8PathBuf};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use pyimage_build::{Digest, LockedFile};

use super::EnvironmentError;
use crate::cache::Cache;
use crate::plan::Request;
use crate::registry::RegistrySettings;
use crate::registry::fetch::{FetchError, Fetcher, RemoteFile};
use crate::resolution;
use crate::shell::Shell;

/// Files that are fetched at the same time.
const AT_ONCE: usize = 16;

/// A wheel in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Where it is, perhaps under another name.
    pub path: Utf8PathBuf,
    /// Its name.
    pub file_name: String,
}

/// Fetches files, several at once, and tells how far it is. Of the request, its logins and whether it is offline count.
///
/// # Errors
/// Where a file cannot be had, or is not what was locked.
pub async fn fetch(
    request: &Request,
    files: &[LockedFile],
    cache: &Cache,
    shell: &Shell,
) -> Result<Vec<Fetched>, EnvironmentError> {
    let fetcher = Fetcher::new(RegistrySettings::from_env()?, cache.clone());
    if request.offline {
        return only_cached(&fetcher, files).await;
    }
    if files.len() == 1 {
        shell.status("Fetching", "1 package");
    } else {
        shell.status("Fetching", format_args!("{} packages", files.len()));
    }
    let progress = shell.progress();
    let indexes = resolution::indexes(&request.dependencies);
    stream::iter(files)
        .map(|file| {
            let (fetcher, progress, indexes) = (&fetcher, &progress, &indexes);
            async move {
                let package = file.file_name.clone();
                let unlocked = || EnvironmentError::NoDigest { package: package.clone() };
                let digest = file.digest().ok_or_else(unlocked)?;
                if let Some(path) = &file.path {
                    let path = Utf8PathBuf::from(path);
                    check(&path, &digest)?;
                    return Ok(Fetched { path, file_name: package });
                }
                let url = file.url.as_ref().ok_or_else(unlocked)?;
                let remote = RemoteFile { url: indexes.with_login(url), digest, size: file.size };
                let bar = progress.bar(package.split('-').next().unwrap_or(&package));
                let tell = |done: u64| {
                    bar.update("", file.size.map(|size| (done, size)));
                };
                let path = fetcher.fetch(&remote, &tell).await;
                let path =
                    path.map_err(|source| EnvironmentError::Fetch { package: package.clone(), source })?;
                Ok(Fetched { path, file_name: package })
            }
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

/// The same without a network: what is not there is named, all of it.
async fn only_cached(fetcher: &Fetcher, files: &[LockedFile]) -> Result<Vec<Fetched>, EnvironmentError> {
    let (mut wheels, mut missing) = (Vec::new(), Vec::new());
    for file in files {
        let unlocked = || EnvironmentError::NoDigest { package: file.file_name.clone() };
        let digest = file.digest().ok_or_else(unlocked)?;
        let path = if let Some(path) = &file.path {
            check(Utf8Path::new(path), &digest)?;
            Some(Utf8PathBuf::from(path))
        } else {
            let url = file.url.clone().ok_or_else(unlocked)?;
            fetcher.cached(&RemoteFile { url, digest, size: file.size }).await
        };
        match path {
            Some(path) => wheels.push(Fetched { path, file_name: file.file_name.clone() }),
            None => missing.push(file.file_name.clone()),
        }
    }
    if missing.is_empty() { Ok(wheels) } else { Err(EnvironmentError::Offline { missing }) }
}

/// Refuses a file of this machine that is not the one that was locked: what it has would be kept under its digest.
fn check(path: &Utf8Path, digest: &Digest) -> Result<(), EnvironmentError> {
    let unreadable = |error: io::Error| EnvironmentError::UnreadableLock {
        file: path.as_std_path().to_owned(),
        source: io::Error::from(error.kind()),
    };
    let mut file = fs_err::File::open(path).map_err(unreadable)?;
    let mut hasher = digest.hasher();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(unreadable)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    let Err(found) = hasher.finish() else { return Ok(()) };
    let source = FetchError::Wrong { url: path.to_string(), expected: digest.clone(), found };
    Err(EnvironmentError::Fetch { package: path.file_name().unwrap_or_default().to_owned(), source })
}

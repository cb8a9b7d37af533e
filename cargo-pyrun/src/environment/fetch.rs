//! Wheels, from where the lock says into the cache.

use std::io;

use camino::Utf8PathBuf;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use pyimage_build::LockedFile;

use super::EnvironmentError;
use crate::cache::Cache;
use crate::plan::Request;
use crate::registry::RegistrySettings;
use crate::registry::fetch::{Fetcher, RemoteFile};
use crate::shell::Shell;

/// Files that are fetched at the same time.
const AT_ONCE: usize = 16;

/// A wheel in the cache.
pub(super) struct Fetched {
    pub(super) path: Utf8PathBuf,
    pub(super) file_name: String,
}

/// Fetches files, several at once, and tells how far it is.
pub(super) async fn fetch(
    request: &Request,
    files: &[LockedFile],
    cache: &Cache,
    shell: &Shell,
) -> Result<Vec<Fetched>, EnvironmentError> {
    let fetcher = Fetcher::new(RegistrySettings::from_env()?, cache.clone());
    if files.len() == 1 {
        shell.status("Fetching", "1 package");
    } else {
        shell.status("Fetching", format_args!("{} packages", files.len()));
    }
    let progress = shell.progress();
    let beside = request.dependencies.lock().and_then(std::path::Path::parent).map(ToOwned::to_owned);
    stream::iter(files)
        .map(|file| {
            let (fetcher, progress, beside) = (&fetcher, &progress, &beside);
            async move {
                let package = file.file_name.clone();
                if let (Some(path), Some(folder)) = (&file.path, beside) {
                    let path = Utf8PathBuf::from_path_buf(folder.join(path));
                    let path = path.map_err(|path| EnvironmentError::UnreadableLock {
                        file: path,
                        source: io::Error::from(io::ErrorKind::InvalidFilename),
                    })?;
                    return Ok(Fetched { path, file_name: package });
                }
                let unlocked = || EnvironmentError::NoDigest { package: package.clone() };
                let remote = RemoteFile {
                    url: file.url.clone().ok_or_else(unlocked)?,
                    digest: file.digest().ok_or_else(unlocked)?,
                    size: file.size,
                };
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

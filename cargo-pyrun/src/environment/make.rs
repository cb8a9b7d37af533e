//! Making an environment: resolve, select, fetch, unpack, compile.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use pyimage_build::{
    Choice, Existing, LockedFile, Provenance, Pylock, Scheme, Target, Tree, Wheel, WheelLimits,
};
use sha2::{Digest as _, Sha256};

use crate::cache::Cache;
use crate::fingerprint;
use crate::plan::{ENVIRONMENT, Request};
use crate::registry::RegistrySettings;
use crate::registry::fetch::{Fetcher, RemoteFile};
use crate::shell::Shell;

use super::{BY_NEED, Environment, EnvironmentError, FOLDER, FORMAT, bytecode, tool};

/// Files that are fetched at the same time.
const AT_ONCE: usize = 16;

/// A wheel in the cache, under its digest.
struct Fetched {
    path: Utf8PathBuf,
    file_name: String,
}

/// Makes the environment, and keeps it under `key`.
pub(super) async fn make(
    request: &Request,
    target: &Target,
    key: &str,
    cache: &Cache,
    shell: &Shell,
) -> Result<Environment, EnvironmentError> {
    let lock = lock(request, target, cache, shell).await?;
    let files = select(request, &lock, target)?;
    let id = id(&files, target);
    let folder = cache.root().join(FOLDER).join(&id);
    if !folder.join("pyvenv.cfg").is_file() {
        build(request, target, &files, &folder, cache, shell).await?;
    }
    keep(cache, key, &id)?;
    Ok(Environment::at(folder))
}

/// The text of the lock: the one that is given, one that was made before from the same needs, or a new one.
async fn lock(
    request: &Request,
    target: &Target,
    cache: &Cache,
    shell: &Shell,
) -> Result<String, EnvironmentError> {
    let dependencies = &request.dependencies;
    if let Some(file) = dependencies.lock() {
        return fs_err::read_to_string(file).map_err(|error| EnvironmentError::UnreadableLock {
            file: file.to_owned(),
            source: io::Error::from(error.kind()),
        });
    }
    // A universal lock is for every platform, but for one Python.
    let minor = minor(target);
    let entry = format!("locks/{}-{}.{}.toml", dependencies.key()?, minor.0, minor.1);
    if let Some(kept) = cache.read(&entry)?.and_then(|bytes| String::from_utf8(bytes).ok())
        && Pylock::parse(&kept).is_ok()
    {
        return Ok(kept);
    }
    let uv = tool::uv(request, cache, shell).await?;
    shell.status("Resolving", "packages");
    let text = uv.lock(dependencies.needs(), minor, &request.folder, cache).await?;
    cache.write(&entry, text.as_bytes())?;
    Ok(text)
}

fn minor(target: &Target) -> (u32, u32) {
    let python = target.python();
    (python.major().into(), python.minor().unwrap_or_default().into())
}

/// The wheels that the target gets.
fn select(request: &Request, lock: &str, target: &Target) -> Result<Vec<LockedFile>, EnvironmentError> {
    let file = request.dependencies.lock().unwrap_or(std::path::Path::new("pylock.toml")).to_owned();
    let lock =
        Pylock::parse(lock).map_err(|source| EnvironmentError::Lock { file, source: Box::new(source) })?;
    let selection = lock.select(target).map_err(|source| EnvironmentError::Select {
        target: target.to_string(),
        source: Box::new(source),
    })?;
    let wheels = selection.packages.iter().map(|selected| match selected.choice {
        Choice::Wheel(wheel) => Ok(wheel.file.clone()),
        Choice::Archive { file, subdirectory: None }
            if Utf8Path::new(&file.file_name).extension() == Some("whl") =>
        {
            Ok(file.clone())
        }
        _ => Err(EnvironmentError::NoWheel {
            package: selected.package.to_string(),
            target: target.to_string(),
        }),
    });
    wheels.collect()
}

/// The name of the environment with these wheels, whoever asks for them and why.
fn id(files: &[LockedFile], target: &Target) -> String {
    let mut names: Vec<_> = files
        .iter()
        .map(|file| format!("{} {:?}", file.file_name, file.digest().map(|digest| digest.to_string())))
        .collect();
    names.sort();
    let minor = minor(target);
    let text = format!("{FORMAT} {}.{} {}\n{}", minor.0, minor.1, target.platform(), names.join("\n"));
    fingerprint::hex(&Sha256::digest(text.as_bytes())[..16])
}

/// Fetches and unpacks the wheels, in a folder that becomes the environment when all is there.
async fn build(
    request: &Request,
    target: &Target,
    files: &[LockedFile],
    folder: &Utf8Path,
    cache: &Cache,
    shell: &Shell,
) -> Result<(), EnvironmentError> {
    let wheels = fetch(request, files, cache, shell).await?;
    let parent = cache.folder(FOLDER)?;
    let work = tempfile::Builder::new()
        .prefix(".tmp-")
        .tempdir_in(&parent)
        .map_err(|source| EnvironmentError::Write { folder: parent.clone(), source })?;
    let place = Utf8Path::from_path(work.path()).unwrap_or(&parent).join("environment");
    let written = |source| EnvironmentError::Write { folder: place.clone(), source };
    fs_err::create_dir(&place).map_err(written)?;
    let (unpacking, version) = (place.clone(), target.python().to_string());
    let minor = minor(target);
    let unpacked = tokio::task::spawn_blocking(move || unpack(&wheels, &unpacking, minor, &version)).await;
    let overlaps = unpacked.map_err(|error| written(io::Error::other(error)))??;
    for overlap in overlaps {
        shell.verbose(|shell| shell.note(overlap));
    }
    bytecode::compile(request, minor, &place, cache, shell).await;
    match fs_err::rename(&place, folder) {
        Ok(()) => Ok(()),
        // Another process was faster, with the same.
        Err(_) if folder.join("pyvenv.cfg").is_file() => Ok(()),
        Err(source) => Err(EnvironmentError::Write { folder: folder.to_owned(), source }),
    }
}

async fn fetch(
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

/// Unpacks the wheels, and makes the folder a virtual environment. Gives what is worth a note.
fn unpack(
    wheels: &[Fetched],
    place: &Utf8Path,
    (major, minor): (u32, u32),
    version: &str,
) -> Result<Vec<String>, EnvironmentError> {
    let failed = |wheel: &str, source: Box<dyn std::error::Error + Send + Sync>| EnvironmentError::Unpack {
        wheel: wheel.to_owned(),
        source,
    };
    let scheme = Scheme::new(u16::try_from(minor).unwrap_or_default(), format!("{ENVIRONMENT}/bin/python"));
    let mut opened = Vec::new();
    for Fetched { path, file_name } in wheels {
        let wheel = Wheel::open_as(path.as_std_path(), file_name, &WheelLimits::default());
        opened.push(wheel.map_err(|source| failed(file_name, Box::new(source)))?);
    }
    let mut installations = Vec::new();
    for (wheel, Fetched { file_name, .. }) in opened.iter().zip(wheels) {
        let installation = wheel.installation(&scheme, &Provenance::default());
        installations.push(installation.map_err(|source| failed(file_name, Box::new(source)))?);
    }
    let tree = Tree::of(&installations).map_err(|source| failed("the packages", Box::new(source)))?;
    tree.write_to(place.as_std_path(), Existing::Refuse)
        .map_err(|source| failed("the packages", Box::new(source)))?;

    let written = |source| EnvironmentError::Write { folder: place.to_owned(), source };
    let bin = place.join("bin");
    fs_err::create_dir_all(&bin).map_err(written)?;
    fs_err::create_dir_all(place.join(scheme.site_packages())).map_err(written)?;
    #[cfg(unix)]
    for name in ["python".to_owned(), format!("python{major}"), format!("python{major}.{minor}")] {
        let program = format!("/usr/local/bin/python{major}.{minor}");
        fs_err::os::unix::fs::symlink(program, bin.join(name)).map_err(written)?;
    }
    // What the image has of its own stays there to be imported.
    let settings =
        format!("home = /usr/local/bin\ninclude-system-site-packages = true\nversion = {version}\n");
    fs_err::write(place.join("pyvenv.cfg"), settings).map_err(written)?;
    let differing = tree.overlaps().iter().filter(|overlap| !overlap.is_same);
    Ok(differing
        .map(|overlap| {
            format!("`{}` of {} is replaced by that of {}", overlap.path, overlap.replaced, overlap.taken)
        })
        .collect())
}

/// Lets the needs lead to the environment from now on.
fn keep(cache: &Cache, key: &str, id: &str) -> Result<(), EnvironmentError> {
    let folder = cache.folder(BY_NEED)?;
    let written = |source| EnvironmentError::Write { folder: folder.clone(), source };
    #[cfg(unix)]
    {
        let temporary = folder.join(format!(".tmp-{key}-{}", std::process::id()));
        let _ = fs_err::remove_file(&temporary);
        fs_err::os::unix::fs::symlink(Utf8Path::new("..").join(id), &temporary).map_err(written)?;
        fs_err::rename(&temporary, folder.join(key)).map_err(written)?;
    }
    Ok(())
}

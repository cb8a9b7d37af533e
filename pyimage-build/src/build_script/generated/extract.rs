
/// Writes all assets into a folder of the user's cache, once, and gives the folder.
///
/// The folder is `assets/NAME-DIGEST` in the cache: `$PYIMAGE_CACHE_DIR`, else `pyimage` in the platform's cache folder.
/// What is there is compared with the assets, and made anew where it differs; other assets are in another folder.
///
/// # Errors
/// Where there is no cache folder, or it cannot be written to.
#[allow(dead_code, unreachable_pub)]
#[allow(clippy::all, clippy::pedantic, clippy::nursery, clippy::restriction)]
pub fn extract() -> ::std::io::Result<::std::path::PathBuf> {
    let variable = |name: &str| {
        ::std::env::var_os(name).map(::std::path::PathBuf::from).filter(|path| path.is_absolute())
    };
    let home = |below: &str| variable("HOME").map(|home| home.join(below));
    let cache = if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        home("Library/Caches")
    } else {
        variable("XDG_CACHE_HOME").or_else(|| home(".cache"))
    };
    match variable("PYIMAGE_CACHE_DIR").or_else(|| cache.map(|cache| cache.join("pyimage"))) {
        Some(cache) => extract_in(&cache.join("assets")),
        None => Err(::std::io::Error::new(
            ::std::io::ErrorKind::NotFound,
            "there is no cache folder: set `PYIMAGE_CACHE_DIR` or `HOME`",
        )),
    }
}

/// Writes all assets into a folder below this one, as [`extract`] does, and gives it.
///
/// Any number of processes may do so at once: each gets a folder that is complete.
///
/// # Errors
/// Where the folder cannot be written to.
#[allow(dead_code, unreachable_pub)]
#[allow(clippy::all, clippy::pedantic, clippy::nursery, clippy::restriction)]
pub fn extract_in(parent: &::std::path::Path) -> ::std::io::Result<::std::path::PathBuf> {
    use ::std::io::{Read, Write};
    use ::std::path::{Path, PathBuf};
    use ::std::string::ToString;
    use ::std::sync::atomic::{AtomicUsize, Ordering};
    use ::std::{fs, format, io, process, time};

    static COUNT: AtomicUsize = AtomicUsize::new(0);
    /// Another process may take the place at any moment; more often than this it is no coincidence.
    const TRIES: usize = 20;
    const DAY: u64 = 24 * 60 * 60;

    fn is_same(path: &Path, asset: &Asset) -> bool {
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(_) => return false,
        };
        if !metadata.is_file() || metadata.len() != asset.contents.len() as u64 {
            return false;
        }
        #[cfg(unix)]
        {
            use ::std::os::unix::fs::PermissionsExt;
            if (metadata.permissions().mode() & 0o100 != 0) != asset.executable {
                return false;
            }
        }
        let mut file = match fs::File::open(path) {
            Ok(file) => file,
            Err(_) => return false,
        };
        let (mut rest, mut buffer) = (asset.contents, [0; 1 << 14]);
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return rest.is_empty(),
                Ok(read) if rest.starts_with(&buffer[..read]) => rest = &rest[read..],
                Err(ref error) if error.kind() == io::ErrorKind::Interrupted => {}
                _ => return false,
            }
        }
    }

    fn write(path: &Path, asset: &Asset) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = fs::File::create(path)?;
        file.write_all(asset.contents)?;
        // They are nobody's to change: others have the same folder.
        #[cfg(unix)]
        {
            use ::std::os::unix::fs::PermissionsExt;
            let mode = if asset.executable { 0o555 } else { 0o444 };
            file.set_permissions(fs::Permissions::from_mode(mode))?;
        }
        Ok(())
    }

    let is_complete = |folder: &Path| ASSETS.iter().all(|asset| is_same(&folder.join(asset.path), asset));
    let place = parent.join(FOLDER);
    if is_complete(&place) {
        return Ok(place);
    }
    fs::create_dir_all(parent)?;
    let hidden = |what: &str| -> PathBuf {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        parent.join(format!(".{}.{}-{}-{}", FOLDER, what, process::id(), count))
    };
    // What a killed process has left behind.
    for entry in fs::read_dir(parent)?.flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(&format!(".{}.", FOLDER));
        let written = entry.metadata().and_then(|metadata| metadata.modified()).ok();
        let age = written.and_then(|written| time::SystemTime::now().duration_since(written).ok());
        if is_ours && age.map_or(false, |age| age.as_secs() > DAY) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let made = hidden("new");
    let mut result = ASSETS.iter().try_for_each(|asset| write(&made.join(asset.path), asset));
    for _ in 0..TRIES {
        if let Err(error) = result {
            let _ = fs::remove_dir_all(&made);
            return Err(error);
        }
        result = fs::rename(&made, &place);
        if result.is_ok() {
            return Ok(place);
        }
        if is_complete(&place) {
            // Another process was faster.
            let _ = fs::remove_dir_all(&made);
            return Ok(place);
        }
        let damaged = hidden("old");
        if place.exists() {
            // Where it fails, somebody else has moved it.
            if fs::rename(&place, &damaged).is_ok() {
                let _ = fs::remove_dir_all(&damaged).or_else(|_| fs::remove_file(&damaged));
            }
            result = Ok(());
        }
    }
    let _ = fs::remove_dir_all(&made);
    Err(io::Error::new(io::ErrorKind::Other, "the folder of the assets keeps changing".to_string()))
}

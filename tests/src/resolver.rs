//! uv, for tests that resolve packages.

use std::sync::OnceLock;

use crate::{Folder, TAG, finish, part, skip};

/// uv as the program installs it, once for all tests here; none where no index is to be had that has it.
#[must_use]
pub fn uv() -> Option<String> {
    static INSTALLED: OnceLock<Option<(Folder, String)>> = OnceLock::new();
    part("TESTBED_DOCKER")?;
    let install = || {
        let folder = Folder::new();
        let mut command = folder.pyrun(["--tag", TAG, "--with", "idna", "-c", "1"]);
        for (name, value) in std::env::vars() {
            let index = ["PIP_", "UV_", "PYIMAGE_UV"].iter().any(|prefix| name.starts_with(prefix));
            if index || name.to_ascii_lowercase().ends_with("_proxy") || name == "SSL_CERT_FILE" {
                command.env(name, value);
            }
        }
        let named = std::env::var("PYIMAGE_UV").ok();
        let reached = finish(&mut command).code == Some(0);
        let installed = folder.cached_files().into_iter().find(|file| file.ends_with("bin/uv"));
        let uv = named.or_else(|| Some(folder.cache().join(installed?).display().to_string()));
        uv.filter(|_| reached).map(|uv| (folder, uv))
    };
    let found = INSTALLED.get_or_init(install).as_ref().map(|(_, uv)| uv.clone());
    if found.is_none() {
        skip("package index");
    }
    found
}

//! uv, where the host has none: installed once, by the pip of the image that is at hand.

use std::io;

use pyimage_build::{PythonTag, Reference, Target};

use crate::cache::{Cache, Work};
use crate::plan::{MOUNT, Program, Request};
use crate::shell::Shell;
use crate::uv::{self, Uv};

use super::{EnvironmentError, index_variables, step};

/// The uv to use.
pub(super) async fn uv(
    request: &Request,
    target: &Target,
    cache: &Cache,
    shell: &Shell,
) -> Result<Uv, EnvironmentError> {
    if let Some(uv) = Uv::find(cache) {
        return Ok(uv);
    }
    let request = &of_python_3(request, target);
    let failed = |source| EnvironmentError::NoUv { image: request.image.clone(), source };
    shell.status("Installing", format_args!("uv {}, once", uv::VERSION));
    let folder = cache.folder("tools/work")?;
    let target = Work::begin(&folder).map_err(failed)?;
    let mut env = index_variables::of_host();
    // Root is who it is in the container, and nobody's system is at stake.
    env.insert("PIP_ROOT_USER_ACTION".to_owned(), Some("ignore".to_owned()));
    let pip = Request {
        program: Some(Program::Module("pip".to_owned())),
        arguments: [
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-cache-dir",
            "--no-compile",
            "--only-binary=:all:",
            "--target",
            "tool",
            &format!("uv=={}", uv::VERSION),
        ]
        .map(str::to_owned)
        .into(),
        folder: target.folder().into_std_path_buf(),
        // A lock is for no run, and its request says nothing of a folder.
        mount: MOUNT.to_owned(),
        env,
        ..step::in_image(request)
    };
    step::run(pip, cache, shell).await.map_err(|error| failed(io::Error::other(error)))?;
    let installed = Uv::installed(cache);
    let parent = installed.parent().and_then(camino::Utf8Path::parent).unwrap_or(&folder).to_owned();
    if let Err(error) = fs_err::rename(target.join("tool"), &parent)
        // Another process was faster.
        && !installed.exists()
    {
        return Err(failed(error));
    }
    Uv::find(cache).ok_or_else(|| failed(io::Error::from(io::ErrorKind::NotFound)))
}

/// The same in an image whose pip finds a uv: there is none for Python 2. What is installed is for the host, and any will do.
fn of_python_3(request: &Request, target: &Target) -> Request {
    if target.python().major() > 2 {
        return request.clone();
    }
    let tag = PythonTag::default_slim();
    Request { image: Reference::python(&tag).familiar(), tag: Some(tag), platform: None, ..request.clone() }
}

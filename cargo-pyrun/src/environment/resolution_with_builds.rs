//! Resolving what says what it needs only when it is built.
//!
//! On the host nothing is built. Where uv cannot go on without, it goes on in a container of the build image.

use std::path::{Path, PathBuf};

use pyimage_build::{Pylock, SelectionError, Target};

use super::EnvironmentError;
use super::build_image::BuildImage;
use super::needs::{self, Reader};
use super::{index_variables, step};
use crate::cache::{Cache, Work};
use crate::dependencies::Need;
use crate::plan::{Program, Request};
use crate::resolution::Resolved;
use crate::shell::Shell;
use crate::uv::{self, Uv, UvError};

/// Where the files are in the container.
const PLACE: &str = "/opt/pyrun-needs";
/// Where the host's uv is.
const UV: &str = "/opt/pyrun-uv";

/// Runs the host's uv where the container can, and else one that pip installs there.
const RESOLVE: &str = "\
import os, subprocess, sys
uv, version, python, files = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
try:
    with open(os.devnull, 'w') as null:
        works = subprocess.call([uv, '--version'], stdout=null, stderr=null) == 0
except OSError:
    works = False
if not works:
    code = subprocess.call([sys.executable, '-m', 'pip', 'install', '--quiet', '--no-cache-dir',
        '--target', '/tmp/uv', 'uv==' + version])
    if code:
        sys.exit(code)
    uv = '/tmp/uv/bin/uv'
os.execv(uv, [uv, 'pip', 'compile', '--universal', '--no-python-downloads', '--no-header', '--no-cache', '--quiet',
    '--color', 'never', '--format', 'pylock.toml', '--generate-hashes', '--python-version', python,
    '--python', sys.executable, '--output-file', 'pylock.toml'] + files)
";

/// Whether it failed for nothing but that the host builds nothing.
pub(super) fn would_help(error: &EnvironmentError) -> bool {
    match error {
        EnvironmentError::Resolve(UvError::Resolve(says)) => {
            let says = says.to_string();
            [
                "no usable wheels",
                "uilding source distributions is disabled",
                "building from source is disabled",
            ]
            .iter()
            .any(|words| says.contains(words))
        }
        // Where it may not build, uv leaves sources out of the lock.
        EnvironmentError::Select { source, .. } => {
            matches!(source.downcast_ref::<SelectionError>(), Some(SelectionError::NoWheel { .. }))
        }
        _ => false,
    }
}

/// The lock, resolved where packages can be built.
pub(super) async fn lock(
    request: &Request,
    target: &Target,
    image: &BuildImage,
    cache: &Cache,
    shell: &Shell,
) -> Result<Resolved, EnvironmentError> {
    let python = target.python();
    let python = format!("{}.{}", python.major(), python.minor().unwrap_or_default());
    let entry = format!("locks/{}-{python}-built.toml", request.dependencies.key()?);
    if let Some(kept) = cache.read(&entry)?.and_then(|bytes| String::from_utf8(bytes).ok())
        && Pylock::parse(&kept).is_ok()
    {
        return Ok(resolved(kept));
    }
    shell.status("Resolving", format_args!("packages that have to be built, in {}", image.name));
    let unwritten = |source| EnvironmentError::Cache(cache.write_error(source));
    let work = Work::begin(&cache.folder("tools/work")?).map_err(unwritten)?;
    let place = work.join("needs");
    fs_err::create_dir(&place).map_err(unwritten)?;
    let dependencies = &request.dependencies;
    let mut files = needs::bring(dependencies.needs(), Reader::Uv, &place, PLACE, cache)?;
    if let Some(project) = dependencies.project() {
        let copied = needs::in_place(project);
        needs::bring([Need::File(project.to_owned())].iter(), Reader::Uv, &place, PLACE, cache)?;
        files.extend(dependencies.groups().iter().map(|group| format!("--group={PLACE}/{copied}:{group}")));
        files.extend(dependencies.extras().iter().map(|extra| format!("--extra={extra}")));
    }
    let mut env = index_variables::of_host();
    env.insert("PIP_ROOT_USER_ACTION".to_owned(), Some("ignore".to_owned()));
    let uv = Uv::find(cache).and_then(|uv| uv.program().canonicalize().ok());
    let uv = uv.filter(|program| program.to_str().is_some_and(|path| !path.contains(':')));
    let resolve = Request {
        image: image.name.clone(),
        tag: image.tag.clone(),
        program: Some(Program::Code(RESOLVE.to_owned())),
        arguments: [UV.to_owned(), uv::VERSION.to_owned(), python].into_iter().chain(files).collect(),
        folder: place.clone().into_std_path_buf(),
        mount: PLACE.to_owned(),
        volumes: uv.iter().map(|program| volume(program)).collect(),
        env,
        ..step::in_image(request)
    };
    let failed = |source| EnvironmentError::ResolveWithBuilds { image: image.name.clone(), source };
    step::run(resolve, cache, shell).await.map_err(failed)?;
    let text = fs_err::read_to_string(place.join("pylock.toml")).map_err(unwritten)?;
    cache.write(&entry, text.as_bytes())?;
    Ok(resolved(text))
}

fn resolved(text: String) -> Resolved {
    Resolved { text, file: PathBuf::from("pylock.toml"), is_open: false }
}

fn volume(program: &Path) -> String {
    format!("{}:{UV}:ro", program.display())
}

//! Resolving what says what it needs only when it is built.
//!
//! On the host nothing is built. Where uv cannot go on without, it goes on in a container of the build image.

use std::path::Path;

use pyimage_build::Target;

use super::EnvironmentError;
use super::build_image::BuildImage;
use super::needs::{self, Reader};
use super::{index_variables, step, tool};
use crate::cache::{Cache, Work};
use crate::dependencies::Need;
use crate::plan::{Program, Request};
use crate::resolution;
use crate::shell::Shell;
use crate::uv::{self, Uv, Wanted, Written};

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

/// Those who can be asked for a solution: uv on this machine, and uv in a container of the build image.
pub(super) struct Solvers<'a> {
    pub(super) request: &'a Request,
    pub(super) target: &'a Target,
    pub(super) cache: &'a Cache,
    pub(super) shell: &'a Shell,
}

impl resolution::Solvers for Solvers<'_> {
    async fn uv(&self) -> Result<Uv, EnvironmentError> {
        tool::uv(self.request, self.target, self.cache, self.shell).await
    }

    async fn with_builds(&self, wanted: &Wanted<'_>) -> Result<Written, EnvironmentError> {
        let image = BuildImage::of(self.request, self.target);
        resolve(self.request, self.target, &image, wanted, self.cache, self.shell).await
    }
}

async fn resolve(
    request: &Request,
    target: &Target,
    image: &BuildImage,
    wanted: &Wanted<'_>,
    cache: &Cache,
    shell: &Shell,
) -> Result<Written, EnvironmentError> {
    let python = target.python();
    let python = format!("{}.{}", python.major(), python.minor().unwrap_or_default());
    shell.status("Resolving", format_args!("packages that have to be built, in {}", image.name));
    let unwritten = |source| EnvironmentError::Cache(cache.write_error(source));
    let work = Work::begin(&cache.folder("tools/work")?).map_err(unwritten)?;
    let place = work.join("needs");
    fs_err::create_dir(&place).map_err(unwritten)?;
    let mut files = needs::bring(wanted.needs.iter().copied(), Reader::Uv, &place, PLACE, cache)?;
    if let Some(lock) = wanted.preferred {
        fs_err::write(place.join("pylock.toml"), lock).map_err(unwritten)?;
    }
    if !wanted.constraints.is_empty() {
        fs_err::write(place.join("locked.in"), &wanted.constraints).map_err(unwritten)?;
        files.push(format!("--constraints={PLACE}/locked.in"));
    }
    files.extend(wanted.upgraded.iter().map(|name| format!("--upgrade-package={name}")));
    if let Some(project) = wanted.project {
        let copied = needs::in_place(project);
        needs::bring([Need::File(project.to_owned())].iter(), Reader::Uv, &place, PLACE, cache)?;
        files.extend(wanted.groups.iter().map(|group| format!("--group={PLACE}/{copied}:{group}")));
        files.extend(wanted.extras.iter().map(|extra| format!("--extra={extra}")));
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
    Ok(Written { text, folder: place })
}

fn volume(program: &Path) -> String {
    format!("{}:{UV}:ro", program.display())
}

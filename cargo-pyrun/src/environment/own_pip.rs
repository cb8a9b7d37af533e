//! Packages of images whose Python our own code does not know: Python before 3.8, another interpreter, a distribution
//! whose C library nobody has told. The image's own pip installs them, once, as a user's packages.
//!
//! `PYTHONUSERBASE` is what every Python since 2.6 looks for them by. A virtual environment would need a program of the
//! image's to make it, which Python 2 does not have.

use camino::Utf8Path;

use super::make::keep;
use super::needs::{self, Reader};
use super::package;
use super::step::{self, StepError};
use super::{BY_USER, Environment, EnvironmentError, FOLDER, FORMAT, Held, PACKAGES, index_variables};
use crate::cache::{Cache, Work};
use crate::image::Image;
use crate::plan::{ENVIRONMENT, Program, Request};
use crate::shell::Shell;

/// Where the files are that say what is needed.
const PLACE: &str = "/opt/pyrun-needs";

/// The key of what is needed, for this image and nothing else: what its pip and its compiler make fits no other.
pub(super) fn key(request: &Request, image: &Image) -> Result<String, EnvironmentError> {
    let (needs, python) = (request.dependencies.key()?, request.interpreter.path());
    let platform = format!("{}/{}", image.os, image.arch);
    Ok(crate::fingerprint::short(&format!("own pip {FORMAT} {needs} {} {platform} {python}", image.id)))
}

/// Installs what is needed, and keeps it under `key`.
pub(super) async fn install(
    request: &Request,
    key: &str,
    cache: &Cache,
    shell: &Shell,
) -> Result<Held, EnvironmentError> {
    let wait = || shell.status("Blocking", "waiting for another process that prepares the same packages");
    let _held = cache.lock(&format!("environment-{key}"), wait).await?;
    if let Some(held) = Environment::recall(cache, key) {
        return Ok(held);
    }
    // From before it is there: nobody removes it between its making and its use.
    let in_use = Environment::using(cache, key);
    let folder = cache.root().join(FOLDER).join(key);
    if !folder.join(BY_USER).is_file() {
        fill(request, &folder, cache, shell).await?;
    }
    keep(cache, key, key)?;
    Ok(Held { environment: Environment::at(cache, folder), in_use })
}

async fn fill(
    request: &Request,
    folder: &Utf8Path,
    cache: &Cache,
    shell: &Shell,
) -> Result<(), EnvironmentError> {
    let dependencies = &request.dependencies;
    let has_choices = !dependencies.groups().is_empty() || !dependencies.extras().is_empty();
    let foreign = dependencies.lock().map(|lock| lock.path.as_path());
    if let Some(file) = foreign.or_else(|| dependencies.project().filter(|_| has_choices)) {
        return Err(EnvironmentError::NotForPip { file: file.to_owned() });
    }
    if request.offline {
        return Err(EnvironmentError::Offline { missing: dependencies.texts() });
    }
    let unwritten = |source| EnvironmentError::Cache(cache.write_error(source));
    let work = Work::begin(&cache.folder(FOLDER)?).map_err(unwritten)?;
    let (place, files) = (work.join("environment"), work.join("needs"));
    for folder in [&place, &files] {
        fs_err::create_dir(folder).map_err(unwritten)?;
    }
    let named = needs::bring(dependencies.needs(), Reader::Pip, &files, PLACE, cache)?;
    shell.status("Installing", format_args!("packages with the pip of {}", request.image));
    let options = ["install", "--user", "--no-cache-dir", "--disable-pip-version-check"].map(str::to_owned);
    let requirements = named.into_iter().flat_map(|file| ["-r".to_owned(), file]);
    let mut env = index_variables::of_host();
    let own = [
        ("PYTHONUSERBASE", ENVIRONMENT),
        ("PIP_ROOT_USER_ACTION", "ignore"),
        ("PIP_NO_INPUT", "1"),
        // A distribution that keeps pip off its own packages means those of the system, which this does not touch.
        ("PIP_BREAK_SYSTEM_PACKAGES", "1"),
    ];
    env.extend(own.map(|(name, value)| (name.to_owned(), Some(value.to_owned()))));
    let pip = Request {
        entrypoint: Some(request.interpreter.path().to_owned()),
        program: Some(Program::Module("pip".to_owned())),
        arguments: options.into_iter().chain(requirements).collect(),
        folder: files.into_std_path_buf(),
        mount: PLACE.to_owned(),
        volumes: vec![format!("{place}:{ENVIRONMENT}")],
        env,
        ..step::in_image(request)
    };
    step::run(pip, cache, shell).await.map_err(|error| explain(request, error))?;
    fs_err::write(place.join(PACKAGES), "").map_err(unwritten)?;
    fs_err::write(place.join(BY_USER), "").map_err(unwritten)?;
    // Without its mark it is what somebody left of it.
    let is_there = || folder.join(BY_USER).is_file();
    if folder.exists() && !is_there() {
        let _ = fs_err::rename(folder, work.join("damaged"));
    }
    package::put(&place, folder, is_there).map_err(unwritten)
}

fn explain(request: &Request, error: StepError) -> EnvironmentError {
    let image = request.image.clone();
    match error {
        // There is no such interpreter: that is the run's own failure.
        StepError::Run(error) => EnvironmentError::Run(error),
        error if error.says().contains("No module named pip") => {
            EnvironmentError::NoPip { image, python: request.interpreter.path().to_owned() }
        }
        source => EnvironmentError::OwnPip { image, source },
    }
}

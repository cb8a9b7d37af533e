//! Making an environment: resolve, select, fetch, unpack, compile.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use camino::Utf8Path;
use pyimage_build::{Provenance, Scheme, Target};

use crate::cache::{Cache, Work, sweep};
use crate::fingerprint;
use crate::plan::{ENVIRONMENT, Request};
use crate::resolution;
use crate::shell::Shell;

use super::build::{Builder, Words};
use super::build_image::BuildImage;
use super::bytecode::{self, Compiler};
use super::fetch::{Fetched, fetch};
use super::link::{Layout, LinkError, Overlap};
use super::package::{self, Package, is_full};
use super::part::{Content, Part, select};
use super::resolution_with_builds::Solvers;
use super::{
    BY_NEED, BYTECODE, Environment, EnvironmentError, FOLDER, FORMAT, Held, MARK, PACKAGES, is_complete,
    launcher, shared_library,
};

/// How often damaged packages are unpacked again. Another process may find the same damage at the same time.
const TRIES: u32 = 3;

/// Making an environment for a request.
#[derive(Clone, Copy)]
pub(super) struct Making<'a> {
    pub(super) request: &'a Request,
    pub(super) target: &'a Target,
    /// The version of the image's pip.
    pub(super) pip: Option<(u16, u16)>,
    pub(super) cache: &'a Cache,
    pub(super) shell: &'a Shell,
}

impl Making<'_> {
    /// Makes the environment, and keeps it under `key`.
    pub(super) async fn environment(&self, key: &str) -> Result<Held, EnvironmentError> {
        let Self { request, cache, shell, .. } = *self;
        let wait = || shell.status("Blocking", "waiting for another process that prepares the same packages");
        let _held = cache.lock(&format!("environment-{key}"), wait).await?;
        if request.dependencies.is_settled()?
            && let Some(held) = Environment::recall(cache, key)
        {
            return Ok(held);
        }
        let parts = self.parts().await?;
        let id = self.id(&parts)?;
        // From before it is there: nobody removes it between its making and its use.
        let in_use = Environment::using(cache, &id);
        let folder = cache.root().join(FOLDER).join(&id);
        if !is_complete(&folder) {
            self.build(&parts, &folder).await?;
        }
        keep(cache, key, &id)?;
        Ok(Held { environment: Environment::at(cache, folder), in_use })
    }

    /// What it is made of.
    async fn parts(&self) -> Result<Vec<Part>, EnvironmentError> {
        let Self { request, target, cache, shell, .. } = *self;
        let solvers = Solvers { request, target, cache, shell };
        let resolved = resolution::resolve(request, target, cache, shell, &solvers).await?;
        select(&resolved, &resolved.target(target, &request.dependencies), &self.build_image())
    }

    /// Fetches, builds and unpacks what is missing, and puts the packages together. Damaged packages are made anew.
    async fn build(&self, parts: &[Part], folder: &Utf8Path) -> Result<(), EnvironmentError> {
        let Self { request, cache, shell, .. } = *self;
        let mut tries = TRIES;
        loop {
            let packages = self.packages(parts).await?;
            let built =
                parts.iter().zip(&packages).filter(|(part, _)| matches!(part.content, Content::Source(_)));
            let built: Vec<_> = built.map(|(_, package)| package.clone()).collect();
            match self.assemble(packages, folder).await {
                Err(EnvironmentError::Damaged { .. }) if tries > 1 => tries -= 1,
                Err(error) => return Err(error),
                Ok(()) if built.is_empty() => return Ok(()),
                Ok(()) => {
                    let image = &self.build_image();
                    shared_library::check(request, &built, folder, image, cache, shell).await;
                    return Ok(());
                }
            }
            shell.verbose(|shell| shell.note("a package in the cache is damaged: unpacking it again"));
            for id in self.ids(parts) {
                Package::discard_damaged(cache, &id)?;
            }
        }
    }

    fn build_image(&self) -> BuildImage {
        BuildImage::of(self.request, self.target)
    }

    fn scheme(&self) -> Scheme {
        let (_, minor) = minor(self.target);
        let scheme =
            Scheme::new(u16::try_from(minor).unwrap_or_default(), format!("{ENVIRONMENT}/bin/python"));
        // What no pip is known for has programs that its Python can read.
        if self.pip.is_some() { scheme.with_launcher(launcher(self.pip)) } else { scheme }
    }

    fn compiler(&self) -> Compiler {
        let (major, minor) = minor(self.target);
        Compiler { major, minor }
    }

    /// The name of the environment with these wheels, whoever asks for them and why.
    fn id(&self, parts: &[Part]) -> Result<String, EnvironmentError> {
        let names = parts.iter().map(|part| Ok(format!("{} {:?}", part.identity()?, part.provenance)));
        let mut names = names.collect::<Result<Vec<_>, EnvironmentError>>()?;
        names.sort();
        let (platform, scheme) = (self.target.platform(), self.scheme());
        Ok(fingerprint::short(&format!("{FORMAT} {platform} {scheme:?}\n{}", names.join("\n"))))
    }

    /// The names of the packages.
    fn ids(&self, parts: &[Part]) -> Vec<String> {
        let scheme = self.scheme();
        let id = |part: &Part| Some(package::id(&part.identity().ok()?, &scheme, &part.provenance));
        parts.iter().filter_map(id).collect()
    }

    /// The packages, in the lock's order; what was not unpacked before is fetched and unpacked.
    async fn packages(&self, parts: &[Part]) -> Result<Vec<Package>, EnvironmentError> {
        let scheme = self.scheme();
        let mut packages = Vec::new();
        let mut missing = Vec::new();
        for (place, part) in parts.iter().enumerate() {
            let id = package::id(&part.identity()?, &scheme, &part.provenance);
            let found = Package::find(self.cache, &id);
            if found.is_none() {
                missing.push((place, id, part));
            }
            packages.push(found);
        }
        if !missing.is_empty() {
            let wheels = self.wheels(missing.iter().map(|(_, _, part)| *part)).await?;
            let tasks: Vec<_> = missing
                .into_iter()
                .zip(wheels)
                .map(|((place, id, part), wheel)| (place, id, part.provenance.clone(), wheel))
                .collect();
            let cache = self.cache.clone();
            let unpacked = blocking(move || unpack(&cache, tasks, &scheme)).await??;
            for (place, package) in unpacked {
                packages[place] = Some(package);
            }
        }
        Ok(packages.into_iter().flatten().collect())
    }

    /// The wheels of these parts, in their order: all that an index has are fetched before anything is built.
    async fn wheels(
        &self,
        parts: impl Iterator<Item = &Part> + Clone,
    ) -> Result<Vec<Fetched>, EnvironmentError> {
        let Self { request, target, cache, shell, .. } = *self;
        let files: Vec<_> = parts.clone().filter_map(Part::wheel_file).cloned().collect();
        let fetched =
            if files.is_empty() { Vec::new() } else { fetch(request, &files, cache, shell).await? };
        let image = &self.build_image();
        let builder = Builder { request, target, image, cache, shell, words: Words::Script };
        let mut fetched = fetched.into_iter();
        let mut wheels = Vec::new();
        for part in parts {
            match &part.content {
                Content::Wheel(_) => wheels.extend(fetched.next()),
                Content::Source(source) => wheels.push(builder.wheel(source).await?),
            }
        }
        Ok(wheels)
    }

    /// Puts the packages together in a folder that becomes the environment when all is there.
    async fn assemble(&self, packages: Vec<Package>, folder: &Utf8Path) -> Result<(), EnvironmentError> {
        let Self { request, cache, shell, .. } = *self;
        let (compiler, site_packages) = (self.compiler(), self.scheme().site_packages());
        // Before 3.8 there is no folder for bytecode but the one beside the source.
        let keeps_bytecode = (compiler.major, compiler.minor) >= (3, 8);
        if keeps_bytecode {
            bytecode::compile(request, compiler, &packages, cache, shell).await;
        }
        let unwritten = |source| EnvironmentError::Cache(cache.write_error(source));
        let work = Work::begin(&cache.folder(FOLDER)?).map_err(unwritten)?;
        let place = work.join("environment");
        fs_err::create_dir(&place).map_err(unwritten)?;
        let (making, version, writing) = (place.clone(), self.target.python().to_string(), cache.clone());
        let overlaps = blocking(move || -> Result<_, EnvironmentError> {
            let layout = Layout::of(&packages)?;
            layout.link_to(&making).map_err(|error| match error {
                LinkError::Write { source, .. } if is_full(&source) => {
                    EnvironmentError::Cache(writing.write_error(source))
                }
                error => error.into(),
            })?;
            let written = |source| EnvironmentError::Cache(writing.write_error(source));
            if keeps_bytecode {
                bytecode::link(&layout, compiler, &making.join(BYTECODE)).map_err(written)?;
            }
            let names: Vec<_> = packages.iter().map(|package| package.id.as_str()).collect();
            fs_err::write(making.join(PACKAGES), names.join("\n")).map_err(written)?;
            furnish(&making, &site_packages, compiler, &version).map_err(written)?;
            Ok(layout.overlaps)
        });
        for Overlap { path, replaced, taken } in overlaps.await?? {
            shell.verbose(|shell| {
                shell.note(format_args!("`{path}` of {replaced} is replaced by that of {taken}"));
            });
        }
        let is_there = || is_complete(folder);
        // One without its mark was found damaged. Somebody may run with it still: a prune removes it.
        if folder.exists() && !is_there() {
            let _ = fs_err::rename(folder, format!("{folder}.replaced-{}", std::process::id()));
        }
        package::put(&place, folder, is_there).map_err(unwritten)
    }
}

/// Runs something that takes the disk's or the processor's time.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, EnvironmentError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| EnvironmentError::Task(io::Error::other(error)))
}

/// Unpacks wheels, the largest first, with a thread for each core.
fn unpack(
    cache: &Cache,
    mut tasks: Vec<(usize, String, Provenance, Fetched)>,
    scheme: &Scheme,
) -> Result<Vec<(usize, Package)>, EnvironmentError> {
    tasks.sort_by_cached_key(|(.., wheel)| {
        std::cmp::Reverse(fs_err::metadata(&wheel.path).map_or(0, |data| data.len()))
    });
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((place, id, provenance, wheel)) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
            let package = Package::unpack(cache, id, &wheel.path, &wheel.file_name, scheme, provenance);
            done.push(package.map(|package| (*place, package)));
        }
        done
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let done: Vec<_> = std::thread::scope(|scope| {
        let helpers: Vec<_> = (1..cores.min(tasks.len())).map(|_| scope.spawn(work)).collect();
        let own = work();
        let joined = helpers
            .into_iter()
            .map(|helper| helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.flatten().collect::<Vec<_>>().into_iter().chain(own).collect()
    });
    done.into_iter().collect()
}

/// Makes the folder a virtual environment of the image's Python.
fn furnish(
    place: &Utf8Path,
    site_packages: &str,
    Compiler { major, minor }: Compiler,
    version: &str,
) -> io::Result<()> {
    let bin = place.join("bin");
    fs_err::create_dir_all(&bin)?;
    fs_err::create_dir_all(place.join(site_packages))?;
    #[cfg(unix)]
    for name in ["python".to_owned(), format!("python{major}"), format!("python{major}.{minor}")] {
        fs_err::os::unix::fs::symlink(format!("/usr/local/bin/python{major}.{minor}"), bin.join(name))?;
    }
    // What the image has of its own stays there to be imported.
    let settings =
        format!("home = /usr/local/bin\ninclude-system-site-packages = true\nversion = {version}\n");
    fs_err::write(place.join(MARK), settings)
}

fn minor(target: &Target) -> (u32, u32) {
    let python = target.python();
    (python.major().into(), python.minor().unwrap_or_default().into())
}

/// Lets the needs lead to the environment from now on.
pub(super) fn keep(cache: &Cache, key: &str, id: &str) -> Result<(), EnvironmentError> {
    let folder = cache.folder(BY_NEED)?;
    let written = |source| EnvironmentError::Cache(cache.write_error(source));
    sweep(&folder);
    #[cfg(unix)]
    {
        let temporary = folder.join(format!(".tmp-{key}-{}", std::process::id()));
        let _ = fs_err::remove_file(&temporary);
        fs_err::os::unix::fs::symlink(Utf8Path::new("..").join(id), &temporary).map_err(written)?;
        fs_err::rename(&temporary, folder.join(key)).map_err(written)?;
    }
    Ok(())
}

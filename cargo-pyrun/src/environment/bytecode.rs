//! The bytecode of packages, compiled once by the image's own Python.
//!
//! It is kept by package, not by environment: an environment has links into it, which lead somewhere in the container
//! only. The name of the module's file in it is that of every environment, [`ENVIRONMENT`].

use std::fmt::Write as _;

use camino::{Utf8Path, Utf8PathBuf};

use super::link::{Layout, bytecode_name};
use super::package::{self, Package, put, unpacked};
use super::step;
use crate::cache::{Cache, CacheError, Work};
use crate::plan::{ENVIRONMENT, PACKAGE_BYTECODE, Program, Request};
use crate::shell::Shell;

/// The cache's folder of packages' bytecode, by the packages' names.
pub(super) const FOLDER: &str = "package-bytecode";

/// Where packages are while they are compiled.
const PACKAGES: &str = "/opt/pyrun-packages";
/// Where their bytecode is written.
const OUT: &str = "/opt/pyrun-out";

/// Compiles the modules that the list names: the file, its bytecode and its name in tracebacks, one after the other.
///
/// What cannot be compiled (tests of syntax errors, templates) is left out, as pip leaves it.
const COMPILE: &str = "\
import concurrent.futures, os, py_compile
def work(names):
    source, target, shown = names
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    try:
        py_compile.compile(source, target, shown, True, -1, mode)
    except Exception:
        pass
if __name__ == '__main__':
    with open('list', encoding='utf-8', newline='\\n') as file:
        names = file.read().split('\\0')
    names = list(zip(*[iter(names)] * 3))
    workers = min(os.cpu_count() or 1, 1 + len(names) // 50)
    if workers == 1:
        list(map(work, names))
    else:
        with concurrent.futures.ProcessPoolExecutor(workers) as pool:
            list(pool.map(work, names, chunksize=20))
";

/// Which Python compiles, and how it calls what it makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Compiler {
    pub(super) major: u32,
    pub(super) minor: u32,
}

impl Compiler {
    /// The part of a file's name: `cpython-313`.
    fn tag(self) -> String {
        format!("cpython-{}{}", self.major, self.minor)
    }

    fn site_packages(self) -> String {
        format!("lib/python{}.{}/site-packages", self.major, self.minor)
    }
}

/// Compiles the packages that are not compiled yet. Where that cannot be done, or only in part, scripts start more
/// slowly, and nothing else.
pub(super) async fn compile(
    request: &Request,
    compiler: Compiler,
    packages: &[Package],
    cache: &Cache,
    shell: &Shell,
) {
    if let Err(error) = attempt(request, compiler, packages, cache, shell).await {
        shell.verbose(|shell| shell.note(format_args!("the packages are not compiled: {error}")));
    }
}

async fn attempt(
    request: &Request,
    compiler: Compiler,
    packages: &[Package],
    cache: &Cache,
    shell: &Shell,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let parent = cache.folder(FOLDER)?;
    let is_there = |package: &&Package| is_whole(&parent.join(&package.id));
    let missing: Vec<_> = packages.iter().filter(|package| !is_there(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let unwritten = |source| -> CacheError { cache.write_error(source) };
    let work = Work::begin(&parent).map_err(unwritten)?;
    let out = work.join("out");
    fs_err::create_dir(&out).map_err(unwritten)?;
    let mut list = String::new();
    for package in &missing {
        fs_err::create_dir(out.join(&package.id)).map_err(unwritten)?;
        for file in package.files.iter().filter(|file| file.is_module(&compiler.site_packages())) {
            let (id, path, name) = (&package.id, &file.path, bytecode_name(&file.path, &compiler.tag()));
            // Writing to a string cannot fail.
            let _ = write!(list, "{PACKAGES}/{id}/tree/{path}\0{OUT}/{id}/{name}\0{ENVIRONMENT}/{path}\0");
        }
    }
    if !list.is_empty() {
        fs_err::write(out.join("list"), list).map_err(unwritten)?;
        fs_err::write(out.join("compile.py"), COMPILE).map_err(unwritten)?;
        let compile = Request {
            program: Some(Program::Module("compile".to_owned())),
            folder: out.clone().into_std_path_buf(),
            mount: OUT.to_owned(),
            volumes: vec![format!("{}:{PACKAGES}:ro", cache.root().join(package::FOLDER))],
            network: Some("none".to_owned()),
            ..step::in_image(request)
        };
        step::run(compile, cache, shell).await?;
    }
    for package in missing {
        let (folder, made) = (parent.join(&package.id), out.join(&package.id));
        date(&made)?;
        if folder.exists() && !is_whole(&folder) {
            let _ = fs_err::rename(&folder, work.join(&format!("damaged-{}", package.id)));
        }
        put(&made, &folder, || folder.is_dir()).map_err(unwritten)?;
    }
    Ok(())
}

/// Gives all files the time by which they are known to be as they were made.
fn date(folder: &Utf8Path) -> std::io::Result<()> {
    for entry in folder.read_dir_utf8()? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            date(entry.path())?;
        } else {
            fs_err::File::open(entry.path())?.file().set_modified(unpacked())?;
        }
    }
    Ok(())
}

/// Whether the bytecode of a package is there as it was made, as far as can be told without reading it.
pub(super) fn is_whole(folder: &Utf8Path) -> bool {
    let file = |path: &Utf8Path| {
        fs_err::symlink_metadata(path)
            .is_ok_and(|data| data.len() > 0 && data.modified().is_ok_and(|at| at == unpacked()))
    };
    folder.read_dir_utf8().is_ok_and(|mut entries| {
        entries.all(|entry| {
            entry.is_ok_and(|entry| match entry.file_type() {
                Ok(kind) if kind.is_dir() => is_whole(entry.path()),
                _ => file(entry.path()),
            })
        })
    })
}

/// Makes the links that lead from an environment to the bytecode of its packages, below `folder`.
pub(super) fn link(layout: &Layout, compiler: Compiler, folder: &Utf8Path) -> std::io::Result<()> {
    fs_err::create_dir_all(folder)?;
    let mut made: Option<Utf8PathBuf> = None;
    for (path, package) in layout.bytecode(&compiler.site_packages(), &compiler.tag()) {
        let link = folder.join(&path);
        let parent = link.parent().unwrap_or(folder);
        if made.as_deref() != Some(parent) {
            fs_err::create_dir_all(parent)?;
            made = Some(parent.to_owned());
        }
        #[cfg(unix)]
        fs_err::os::unix::fs::symlink(format!("{PACKAGE_BYTECODE}/{}/{path}", package.id), &link)?;
    }
    Ok(())
}

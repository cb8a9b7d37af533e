//! Shared libraries that a package was built with, and that the image it runs in may lack.
//!
//! The image's own loader is asked, by `ldd`: only it knows its search path, its C library and its architecture.

use std::io::Read as _;

use camino::Utf8Path;

use super::build_image::BuildImage;
use super::package::Package;
use super::step::{self, StepError};
use crate::cache::{Cache, CacheError, Work};
use crate::plan::{ENVIRONMENT, Program, Request};
use crate::shell::Shell;

/// Where the list of files is in the container.
const PLACE: &str = "/opt/pyrun-check";

/// Prints file and library for each that the loader does not find. In glibc's words, and in musl's.
const CHECK: &str = r"
import re, subprocess
with open('list', 'rb') as file:
    names = file.read().decode('utf-8').split('\0')
for name in names:
    said = subprocess.Popen(['ldd', name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT).communicate()[0]
    said = said.decode('utf-8', 'replace')
    glibc = re.findall(r'^\s*(\S+) => not found', said, re.M)
    musl = re.findall(r'Error loading shared library ([^:\s]+):', said)
    for library in glibc + musl:
        print('%s\0%s\0' % (name, library))
";

/// Prints library and package for each that the distribution's tools know.
const OWNERS: &str = r"
import os, subprocess, sys
def lines(*command):
    try:
        with open(os.devnull, 'w') as null:
            said = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=null).communicate()[0]
    except OSError:
        return []
    return said.decode('utf-8', 'replace').splitlines()
for library in sys.argv[1:]:
    for line in lines('dpkg', '-S', '*/' + library):
        package, _, path = line.partition(': ')
        if os.path.basename(path) == library:
            print('%s\0%s\0' % (library, package.split(',')[0].split(':')[0]))
    for folder in '/lib', '/usr/lib', '/usr/local/lib':
        path = os.path.join(folder, library)
        if os.path.exists(path):
            for line in lines('apk', 'info', '-q', '--who-owns', path):
                print('%s\0%s\0' % (library, line))
";

/// A library that a package needs and the image lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Lack {
    /// The package, by the name of its wheel.
    wheel: String,
    /// The library: `libpq.so.5`.
    library: String,
}

/// Tells which shared libraries built packages need that the image does not have. A check that cannot be made stops
/// nothing: what is missing is told by the script itself then.
pub(super) async fn check(
    request: &Request,
    built: &[Package],
    environment: &Utf8Path,
    build_image: &BuildImage,
    cache: &Cache,
    shell: &Shell,
) {
    let checked = async {
        let lacks = lacks(request, built, environment, cache, shell).await?;
        let owners = owners(request, &lacks, build_image, cache, shell).await?;
        Ok::<_, StepError>((lacks, owners))
    };
    let (lacks, owners) = match checked.await {
        Ok(found) => found,
        Err(error) => {
            shell.verbose(|shell| shell.note(format_args!("shared libraries are not checked: {error}")));
            return;
        }
    };
    for Lack { wheel, library } in &lacks {
        let name = wheel.split('-').next().unwrap_or(wheel);
        let owner = owners.iter().find(|(owned, _)| owned == library);
        let distribution = if build_image.name.contains("alpine") { "Alpine" } else { "Debian" };
        let whose = owner.map(|(_, package)| format!(": it is in {distribution}'s `{package}`"));
        let whose = whose.unwrap_or_default();
        shell.warn(format_args!("`{name}` needs `{library}`, which `{}` lacks{whose}", request.image));
    }
    if !lacks.is_empty() {
        let has = match &build_image.tag {
            Some(tag) => format!("`--tag {tag}`"),
            None => format!("`--image {}`", build_image.name),
        };
        shell.help(format_args!("{has} has what it was built with; or take an image with these installed"));
    }
}

async fn lacks(
    request: &Request,
    built: &[Package],
    environment: &Utf8Path,
    cache: &Cache,
    shell: &Shell,
) -> Result<Vec<Lack>, StepError> {
    let unwritten = |source| -> CacheError { cache.write_error(source) };
    let binaries: Vec<_> = built.iter().flat_map(|package| binaries(package)).collect();
    if binaries.is_empty() {
        return Ok(Vec::new());
    }
    let folder = cache.folder("tools/work")?;
    let work = Work::begin(&folder).map_err(unwritten)?;
    let names: Vec<_> = binaries.iter().map(|(_, path)| format!("{ENVIRONMENT}/{path}")).collect();
    let place = work.join("check");
    fs_err::create_dir(&place).map_err(unwritten)?;
    fs_err::write(place.join("list"), names.join("\0")).map_err(unwritten)?;
    let check = Request {
        program: Some(Program::Code(CHECK.to_owned())),
        folder: place.into_std_path_buf(),
        mount: PLACE.to_owned(),
        volumes: vec![format!("{environment}:{ENVIRONMENT}:ro")],
        network: Some("none".to_owned()),
        ..step::in_image(request)
    };
    let says = step::run(check, cache, shell).await?;
    let mut lacks = Vec::new();
    for (file, library) in pairs(&says) {
        let wheel = binaries.iter().zip(&names).find(|(_, name)| **name == file).map(|((wheel, _), _)| wheel);
        let Some(wheel) = wheel else { continue };
        let lack = Lack { wheel: (*wheel).to_owned(), library };
        if !lacks.contains(&lack) {
            lacks.push(lack);
        }
    }
    Ok(lacks)
}

/// Which packages of the distribution have these libraries, as the build image knows it.
async fn owners(
    request: &Request,
    lacks: &[Lack],
    build_image: &BuildImage,
    cache: &Cache,
    shell: &Shell,
) -> Result<Vec<(String, String)>, StepError> {
    if lacks.is_empty() {
        return Ok(Vec::new());
    }
    let mut libraries: Vec<_> = lacks.iter().map(|lack| lack.library.clone()).collect();
    libraries.sort();
    libraries.dedup();
    let unwritten = |source| -> CacheError { cache.write_error(source) };
    let folder = cache.folder("tools/work")?;
    let work = Work::begin(&folder).map_err(unwritten)?;
    let place = work.join("check");
    fs_err::create_dir(&place).map_err(unwritten)?;
    let ask = Request {
        image: build_image.name.clone(),
        tag: build_image.tag.clone(),
        program: Some(Program::Code(OWNERS.to_owned())),
        arguments: libraries,
        folder: place.into_std_path_buf(),
        mount: PLACE.to_owned(),
        network: Some("none".to_owned()),
        ..step::in_image(request)
    };
    Ok(pairs(&step::run(ask, cache, shell).await?))
}

/// What our programs print: two words that end with a zero each, on a line.
fn pairs(says: &str) -> Vec<(String, String)> {
    let lines = says.lines().filter_map(|line| {
        let (one, rest) = line.split_once('\0')?;
        Some((one.to_owned(), rest.strip_suffix('\0')?.to_owned()))
    });
    lines.collect()
}

/// The package's wheel, and the paths of what the loader loads or starts.
fn binaries(package: &Package) -> Vec<(&str, &str)> {
    let files = package.files.iter().filter(|file| {
        let name = file.path.rsplit('/').next().unwrap_or(&file.path);
        let likely = name.contains(".so") || file.executable || file.path.starts_with("bin/");
        likely && is_elf(&package.tree.join(&file.path))
    });
    files.map(|file| (package.wheel.as_str(), file.path.as_str())).collect()
}

fn is_elf(path: &Utf8Path) -> bool {
    let mut magic = [0; 4];
    let read = fs_err::File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && magic == *b"\x7fELF"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_of_ours_count() {
        let says =
            "/opt/pyrun/a.so\0libpq.so.5\0\nldd: warning: you do not have execution permission\n\n/b\0cut";
        assert_eq!(pairs(says), [("/opt/pyrun/a.so".to_owned(), "libpq.so.5".to_owned())]);
    }

    #[test]
    fn what_is_loaded_is_known_by_its_first_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let tree = camino::Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        let files = [
            ("bin/tool", &b"\x7fELF..."[..], true),
            ("bin/script", b"#!/bin/sh", true),
            ("s/a.cpython-313.so", b"\x7fELF", false),
            ("s/b.so.txt", b"no", false),
            ("s/data", b"\x7fELF", false),
        ];
        let mut package = Package {
            id: String::new(),
            wheel: "demo-1.0.whl".to_owned(),
            tree: tree.clone(),
            files: Vec::new(),
        };
        for (path, content, executable) in files {
            let name = tree.join(path);
            fs_err::create_dir_all(name.parent().unwrap()).unwrap();
            fs_err::write(name, content).unwrap();
            let size = content.len() as u64;
            package.files.push(super::super::package::PackageFile {
                path: path.to_owned(),
                size,
                executable,
            });
        }
        let found: Vec<_> = binaries(&package).into_iter().map(|(_, path)| path).collect();
        assert_eq!(found, ["bin/tool", "s/a.cpython-313.so"]);
    }
}

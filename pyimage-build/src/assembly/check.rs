//! Whether what is in an image can be loaded there: shared libraries that packages need, held against what there is.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::io::{self, Read, Seek as _, SeekFrom, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Assembly, AssemblyError, ChosenWheel, PREFIX, WheelLayer, cores, installation};
use crate::{
    Binary, CopyError, Elf, InstalledFile, LibraryCheck, LibraryProblem, LockedImage, PackageImage, Platform,
    Reference, Scheme, Suite, Unpacker, debian_package,
};

/// The cache's folder of what programs and libraries in wheels need, by the wheels' digests.
const KNOWN: &str = "binaries";
/// Files up to this size are unpacked once, and larger ones as often as a piece of them is read.
const IN_MEMORY: u64 = 32 << 20;
/// How many libraries of a package are named.
const NAMED: usize = 5;

/// What cannot be loaded, on all platforms of an image.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Findings {
    /// By what is wrong, the platforms where it is.
    told: BTreeMap<String, BTreeSet<Platform>>,
    /// Debian's packages with what is missing.
    packages: BTreeSet<&'static str>,
    /// What none of them is known to have.
    unknown: BTreeSet<String>,
    /// The image is made of Alpine, which has no packages of Debian.
    on_alpine: bool,
}

#[doc(hidden)]
impl Assembly<'_> {
    /// Whether it is known what a wheel needs.
    #[must_use]
    pub fn is_read(&self, wheel: &ChosenWheel, scheme: &Scheme) -> bool {
        let entry = entry(wheel, scheme);
        [self.made, self.cache].iter().any(|folder| folder.root().join(&entry).is_file())
    }

    /// Looks for what the wheels of an image need and the image does not have, where the base is known well enough.
    pub fn check(
        &self,
        image: &PackageImage,
        platform: &Platform,
        locked: &LockedImage,
        layers: &[WheelLayer],
        findings: &mut Findings,
    ) -> Result<(), AssemblyError> {
        let facts = locked.facts_with(&image.settings.apt);
        let (Some(facts), Some(suite)) = (facts, &locked.suite) else { return Ok(()) };
        let Some(libc) = suite.libc() else { return Ok(()) };
        let wheels: Vec<_> = layers
            .iter()
            .flat_map(|layer| layer.wheels.iter().map(move |wheel| (wheel, &layer.scheme)))
            .collect();
        let binaries = self.binaries_of_all(&wheels)?;
        let mut check = LibraryCheck::new(&facts, platform, libc.libc);
        for ((wheel, _), binaries) in wheels.iter().zip(&binaries) {
            check.add(&wheel.package, binaries);
        }
        findings.add(&check.problems(), platform, suite);
        Ok(())
    }

    /// What the image's own programs need and it does not have.
    #[must_use]
    pub fn check_programs(
        image: &PackageImage,
        platform: &Platform,
        locked: &LockedImage,
        programs: &[Binary],
    ) -> Findings {
        let mut findings = Findings::default();
        let facts = locked.facts_with(&image.settings.apt);
        let (Some(facts), Some(suite)) = (facts, &locked.suite) else { return findings };
        let Some(libc) = suite.libc() else { return findings };
        let mut check = LibraryCheck::new(&facts, platform, libc.libc);
        for program in programs {
            check.add(program.path.rsplit('/').next().unwrap_or_default(), std::slice::from_ref(program));
        }
        findings.add(&check.problems(), platform, suite);
        findings
    }

    /// What all wheels need, on as many cores as there are where they are not known yet.
    fn binaries_of_all(&self, wheels: &[(&ChosenWheel, &Scheme)]) -> Result<Vec<Vec<Binary>>, AssemblyError> {
        let all: Vec<_> = wheels.iter().map(|_| Mutex::new(Ok(Vec::new()))).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some((place, (wheel, scheme))) = {
                let place = next.fetch_add(1, Ordering::Relaxed);
                wheels.get(place).map(|wheel| (place, *wheel))
            } {
                let found = self.binaries(wheel, scheme);
                if let Ok(mut slot) = all[place].lock() {
                    *slot = found;
                }
            }
        };
        let known = wheels.iter().all(|(wheel, scheme)| self.is_read(wheel, scheme));
        std::thread::scope(|scope| {
            for _ in 1..if known { 1 } else { cores().get().min(wheels.len()) } {
                scope.spawn(work);
            }
            work();
        });
        all.into_iter().map(|slot| slot.into_inner().unwrap_or_else(|_| Ok(Vec::new()))).collect()
    }

    /// What is in a wheel that the loader reads; nothing where the wheel is not there any more.
    fn binaries(&self, wheel: &ChosenWheel, scheme: &Scheme) -> Result<Vec<Binary>, AssemblyError> {
        let entry = entry(wheel, scheme);
        if let Some(known) = self.note(&entry) {
            return Ok(known);
        }
        if !self.wheel_path(wheel).is_file() {
            return Ok(Vec::new());
        }
        let opened = self.open(wheel)?;
        let installation = installation(&opened, wheel, scheme)?;
        let likely = installation.files().iter().filter(|file| {
            let name = file.path().rsplit('/').next().unwrap_or_default();
            name.contains(".so") || file.mode() & 0o111 != 0
        });
        let mut unpacker = Unpacker::new();
        let mut binaries = Vec::new();
        for file in likely {
            let failed = |error| AssemblyError::wheel(&wheel.file.file_name, error);
            if let Some(elf) = read(file, &mut unpacker).map_err(failed)? {
                binaries.push(Binary { path: format!("{PREFIX}/{}", file.path()), elf });
            }
        }
        self.made.write_json(&entry, &binaries)?;
        Ok(binaries)
    }
}

fn entry(wheel: &ChosenWheel, scheme: &Scheme) -> String {
    // Where a file is in the image depends on the Python, too.
    let site = scheme.site_packages();
    let place = site.rsplit('/').nth(1).unwrap_or_default();
    format!("{KNOWN}/{}-{place}.json", wheel.digest.hex())
}

fn read(file: &InstalledFile<'_>, unpacker: &mut Unpacker) -> Result<Option<Elf>, CopyError> {
    let mut start = Window::new(0, 4);
    start.fill(file, unpacker)?;
    if start.bytes != b"\x7fELF" {
        return Ok(None);
    }
    if file.size() > IN_MEMORY {
        return Elf::read(|offset, len| {
            let mut window = Window::new(offset, len);
            window.fill(file, unpacker)?;
            Ok(window.bytes)
        });
    }
    let mut whole = Vec::new();
    file.copy(unpacker, &mut whole)?;
    Ok(in_memory(&whole))
}

/// What a file of this machine needs.
#[doc(hidden)]
pub fn elf_of_file(path: &Path) -> io::Result<Option<Elf>> {
    let mut file = fs_err::File::open(path)?;
    Elf::read(|offset, len| {
        let mut piece = Vec::new();
        file.seek(SeekFrom::Start(offset))?;
        Read::by_ref(&mut file).take(len as u64).read_to_end(&mut piece)?;
        Ok(piece)
    })
}

/// What a file needs whose content is here.
fn in_memory(whole: &[u8]) -> Option<Elf> {
    let found = Elf::read(|offset, len| {
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(whole.len());
        Ok::<_, Infallible>(whole[from..].iter().take(len).copied().collect())
    });
    found.unwrap_or_default()
}

/// A piece of a file that is unpacked from its beginning.
struct Window {
    skip: u64,
    left: usize,
    bytes: Vec<u8>,
}

impl Window {
    fn new(offset: u64, len: usize) -> Self {
        Self { skip: offset, left: len, bytes: Vec::new() }
    }

    fn fill(&mut self, file: &InstalledFile<'_>, unpacker: &mut Unpacker) -> Result<(), CopyError> {
        match file.copy(unpacker, self) {
            // There is more, which nobody wants.
            Err(CopyError::Write(_)) if self.left == 0 => Ok(()),
            other => other,
        }
    }
}

impl Write for Window {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        self.skip -= skipped as u64;
        let taken = self.left.min(bytes.len() - skipped);
        self.bytes.extend_from_slice(&bytes[skipped..skipped + taken]);
        self.left -= taken;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Findings {
    fn add(&mut self, problems: &[LibraryProblem<'_>], platform: &Platform, suite: &Suite) {
        self.on_alpine |= matches!(suite, Suite::Alpine { .. });
        let mut tell = |text: String| {
            self.told.entry(text).or_default().insert(platform.clone());
        };
        // They are sorted by package.
        for problems in problems.chunk_by(|one, other| one.package() == other.package()) {
            let mut missing = Vec::new();
            let mut first = None;
            for problem in problems {
                match *problem {
                    LibraryProblem::Missing { library, path, .. } => {
                        first = first.or(Some(path));
                        missing.push(library);
                        match debian_package(library, suite) {
                            Some(package) => drop(self.packages.insert(package)),
                            None => drop(self.unknown.insert(library.to_owned())),
                        }
                    }
                    LibraryProblem::Foreign { package, architecture, path } => {
                        tell(format!("`{package}` is for {architecture} ({})", shown(path)));
                    }
                }
            }
            let (Some(path), [problem, ..]) = (first, problems) else { continue };
            let names: Vec<_> = missing.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
            let more = match missing.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let package = problem.package();
            tell(format!("`{package}` needs {}{more} ({})", names.join(", "), shown(path)));
        }
    }

    /// Nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// What there is to tell of an image on this base, once for all platforms.
    #[must_use]
    pub fn warnings(&self, base: &Reference) -> Vec<String> {
        let base = base.familiar();
        let told = self.told.iter().map(|(text, platforms)| {
            let platforms: Vec<_> = platforms.iter().map(ToString::to_string).collect();
            let platforms = platforms.join(", ");
            if text.contains(" needs ") {
                format!("{text}, which `{base}` does not have for {platforms}")
            } else {
                format!("{text}, and the image for {platforms}")
            }
        });
        told.collect()
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        if !self.packages.is_empty() {
            let names: Vec<_> = self.packages.iter().map(|name| format!("\"{name}\"")).collect();
            return Some(format!("`apt = [{}]` installs what has them", names.join(", ")));
        }
        let library = self.unknown.iter().next()?;
        if self.on_alpine {
            return Some(format!(
                "have `apk add` install what has it in a base of your own, made `FROM` this one; \
                 https://pkgs.alpinelinux.org/contents?file={library} tells which package that is"
            ));
        }
        Some(format!(
            "https://packages.debian.org/search?searchon=contents&keywords={library} tells which package has it"
        ))
    }
}

/// A path as people know it.
fn shown(path: &str) -> &str {
    path.split_once("/site-packages/").map_or(path, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_takes_its_piece_and_no_more() {
        let mut window = Window::new(3, 4);
        assert_eq!(window.write(b"ab").unwrap(), 2);
        assert_eq!(window.write(b"cdef").unwrap(), 4);
        window.write_all(b"ghij").unwrap();
        assert_eq!(window.bytes, b"defg");
        assert!(window.write(b"k").is_err(), "so that unpacking ends");
    }

    #[test]
    fn what_is_missing_is_told_once_for_all_platforms() {
        let mut findings = Findings::default();
        let path = "usr/local/lib/python3.13/site-packages/cv2/cv2.abi3.so";
        let missing = ["libGL.so.1", "liba.so", "libb.so", "libc.so", "libd.so", "libe.so"]
            .map(|library| LibraryProblem::Missing { package: "opencv 4", library, path });
        let suite = Suite::from_name("trixie").unwrap();
        for platform in ["linux/amd64", "linux/arm64"] {
            findings.add(&missing, &platform.parse().unwrap(), &suite);
        }
        let expected = "`opencv 4` needs `libGL.so.1`, `liba.so`, `libb.so`, `libc.so`, `libd.so` and 1 more (cv2/cv2.abi3.so)";
        let told: Vec<_> = findings.told.iter().collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((told[0].0.as_str(), told[0].1.len()), (expected, 2));
        assert_eq!(findings.packages, ["libgl1"].into());
        assert_eq!(findings.unknown.len(), 5);
    }

    #[test]
    fn on_alpine_nobody_is_sent_to_debian() {
        let mut findings = Findings::default();
        let missing = LibraryProblem::Missing {
            package: "opencv 4",
            library: "libGL.so.1",
            path: "usr/local/lib/python3.13/site-packages/cv2/cv2.abi3.so",
        };
        let suite = Suite::from_name("alpine3.22").unwrap();
        findings.add(&[missing], &"linux/amd64".parse().unwrap(), &suite);
        let help = findings.help().unwrap();
        assert!(help.contains("`apk add`") && help.contains("contents?file=libGL.so.1"), "{help}");
        assert!(!help.contains("apt") && !help.contains("debian"), "{help}");
    }
}

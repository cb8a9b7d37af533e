//! `cargo pyimage dockerfile`: the Dockerfile that does what the metadata asks for.
//!
//! It is made of the locks and the project's files as they are; nobody is asked for anything.

mod account;
mod context;
mod copied;
mod elsewhere;
mod engine_build;
mod error;
mod exported;
mod programs;
mod recipe;
mod requirements;
mod word;

use std::collections::BTreeSet;
use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use pyimage_build::{
    Accounts, AssemblyError, Bytecode, ExtraFiles, LayerCompression, Lock, LockedImage, Packing, Platform,
    Pylock, PythonTag, Reference, Source, Suite, Variant,
};

use crate::lock;
use crate::workspace::PackageImage;

pub use context::Context;
pub use engine_build::{EngineBuildError, EngineBuilder, StepOutput};
pub use error::DockerfileError;
pub use exported::{ExportError, Exported};

use account::Account;
use copied::Copied;
use elsewhere::Elsewhere;
use programs::Programs;
use recipe::{Packages, Recipe};
use requirements::{PinnedRequirements, RequirementFiles};

/// How every file begins that is written here.
const OURS: &str = "# Written by `cargo pyimage dockerfile`";
/// How a Dockerfile begins.
const MARK: &str = "# Written by `cargo pyimage dockerfile` from the metadata";

/// All files of a folder.
const ALL: &str = ".";

/// The folder, of what is sent, with the files that go elsewhere.
const FILES: &str = ".pyimage.files";

/// What a Dockerfile is made of.
#[derive(Debug, Clone, Copy)]
pub struct Project<'a> {
    /// The folder of the workspace.
    pub root: &'a Utf8Path,
    /// The image.
    pub image: &'a PackageImage,
    /// The bases, if they are locked.
    pub lock: Option<&'a Lock>,
}

/// For whom a Dockerfile is.
#[derive(Debug, Clone, Default)]
pub struct Purpose {
    /// For this platform only.
    pub platform: Option<Platform>,
    /// The base by another name.
    pub base: Option<String>,
    /// Variables that pip has to have while it is built.
    pub arguments: Vec<String>,
    /// A file beside it with the certificates that pip has to trust.
    pub bundle: Option<String>,
    /// It is sent to an engine, beside files that are not the project's.
    pub is_sent: bool,
    /// The programs in Rust that are sent with it.
    pub programs: Vec<String>,
}

/// A Dockerfile, and the files that belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerfile {
    /// Its text.
    pub text: String,
    /// The lock of its packages in pip's words, if it has one.
    pub pinned: Option<String>,
    /// The files that it takes besides the image's own.
    pub needed: Vec<String>,
}

impl Project<'_> {
    /// The folder that the Dockerfile is in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.image.settings.folder
    }

    /// The Dockerfile that somebody else has written, if there is one.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn somebody_s(&self) -> Result<Option<String>, DockerfileError> {
        let file = self.folder().join(self.file());
        match fs_err::read_to_string(&file) {
            Ok(text) => Ok(Some(text).filter(|text| !is_ours(text))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(DockerfileError::Unreadable { file, source }),
        }
    }

    /// The keys that say something, and that no Dockerfile knows.
    #[must_use]
    pub fn without_effect(&self) -> Vec<&'static str> {
        let settings = &self.image.settings;
        let keys = [
            (!settings.options.annotations.is_empty(), "annotations"),
            (settings.compression != LayerCompression::default(), "compression"),
            (settings.layer_budget != Packing::DEFAULT_BUDGET, "layer-budget"),
        ];
        keys.into_iter().filter_map(|(is_there, key)| is_there.then_some(key)).collect()
    }

    /// The name of its file: each of several images of a package has its own.
    #[must_use]
    pub fn file(&self) -> String {
        let name = self.image.settings.image.as_ref();
        name.map_or_else(|| "Dockerfile".to_owned(), |name| format!("Dockerfile.{name}"))
    }

    /// The name of the lock of its packages, in pip's words.
    #[must_use]
    pub fn pinned_file(&self) -> String {
        let name = self.image.settings.image.as_ref();
        name.map_or_else(
            || "requirements.lock.txt".to_owned(),
            |name| format!("requirements.{name}.lock.txt"),
        )
    }

    /// The name of the file with what is not sent. BuildKit alone reads the one of a Dockerfile among several.
    fn ignore_file(&self) -> String {
        self.image.settings.image.as_ref().map_or_else(String::new, |_| self.file()) + ".dockerignore"
    }

    /// The Dockerfile of the image.
    ///
    /// # Errors
    /// Where a file is missing, or something cannot be said in a Dockerfile.
    pub fn dockerfile(&self, purpose: &Purpose) -> Result<Dockerfile, DockerfileError> {
        let settings = &self.image.settings;
        let programs = self.programs(purpose)?;
        let (mut packages, pinned) = self.packages()?;
        let has_more = !purpose.arguments.is_empty() || purpose.bundle.is_some();
        if let Some(packages) = &mut packages {
            packages.stage = if self.compiles(pinned.is_some())? {
                Some(self.build_image())
            } else {
                has_more.then(|| self.base(purpose))
            };
            packages.arguments.clone_from(&purpose.arguments);
            packages.bundle.clone_from(&purpose.bundle);
            packages.no_bytecode = settings.bytecode == Bytecode::None;
        }
        let mut needed = packages.as_ref().map(|packages| packages.files.clone()).unwrap_or_default();
        let source = self.source()?;
        let source = source.iter().flat_map(Source::files).map(|file| file.path.clone()).collect();
        let of_crate = if purpose.is_sent { BTreeSet::new() } else { self.files_of_crate()? };
        let elsewhere = if purpose.is_sent {
            Elsewhere::sent(&self.files()?, FILES)
        } else {
            let others = needed.iter().chain(&source).chain(&of_crate).cloned().collect();
            Elsewhere::written(self.folder(), self.git_root(), &settings.files, &others)
                .map_err(|source| self.unlisted(source))?
        };
        let taken = needed.iter().chain(&elsewhere.taken).chain(&of_crate).cloned().collect();
        needed.extend(elsewhere.needed.iter().cloned());
        needed.sort();
        needed.dedup();
        let locked = self.locked();
        let recipe = Recipe {
            package: self.image.title(),
            base: self.base(purpose),
            apt: settings.apt.clone(),
            base_user: locked.map(|image| image.user.clone()).filter(|user| !user.is_empty()),
            copied: self.copied(&source, &taken, purpose.is_sent),
            programs,
            elsewhere,
            account: self.account()?,
            packages,
            options: settings.options.clone(),
        };
        Ok(Dockerfile { text: recipe.text()?, pinned: pinned.map(|pinned| pinned.text), needed })
    }

    /// The `.dockerignore` with which a build is sent what belongs to the image, and what the Dockerfile takes besides.
    ///
    /// # Errors
    /// Where a glob matches nothing, or a file cannot be read.
    pub fn dockerignore(&self, dockerfile: &Dockerfile) -> Result<String, DockerfileError> {
        let settings = &self.image.settings;
        let globs = settings.source.iter().chain(settings.files.iter().map(|file| &file.from));
        let mut globs: Vec<&str> = globs.map(String::as_str).collect();
        globs.extend(settings.bins.is_some().then_some(ALL));
        let text = Source::dockerignore(self.folder(), self.git_root(), &globs, &dockerfile.needed);
        text.map_err(|source| self.unlisted(source))
    }

    /// The project's files that go into the image.
    ///
    /// # Errors
    /// Where a glob matches nothing, or a file cannot be read.
    pub fn source(&self) -> Result<Option<Source>, DockerfileError> {
        let globs = &self.image.settings.source;
        if globs.is_empty() {
            return Ok(None);
        }
        let source = Source::select(self.folder(), self.git_root(), globs);
        source.map(Some).map_err(|source| self.unlisted(source))
    }

    /// What a stage that compiles programs is sent besides: all that is not ignored.
    fn files_of_crate(&self) -> Result<BTreeSet<String>, DockerfileError> {
        if self.image.settings.bins.is_none() {
            return Ok(BTreeSet::new());
        }
        let all = Source::select(self.folder(), self.git_root(), &[ALL]);
        let all = all.map_err(|source| self.unlisted(source))?;
        Ok(all.files().iter().map(|file| file.path.clone()).collect())
    }

    /// The project's files that go elsewhere in the image.
    ///
    /// # Errors
    /// Where a glob matches nothing, a file cannot be read, or two are for one place.
    pub fn files(&self) -> Result<ExtraFiles, DockerfileError> {
        let files = ExtraFiles::select(self.folder(), self.git_root(), &self.image.settings.files);
        files.map_err(|source| self.unlisted(source))
    }

    fn unlisted(&self, source: pyimage_build::SourceError) -> DockerfileError {
        DockerfileError::Source { image: self.image.title(), source: Box::new(source) }
    }

    /// `.gitignore` counts from the workspace down, and further where the package is outside of it.
    fn git_root(&self) -> &Path {
        let root = self.root.as_std_path();
        if self.folder().starts_with(root) { root } else { self.folder() }
    }

    /// What is locked of the base for one of the platforms.
    fn locked(&self) -> Option<&LockedImage> {
        self.lock?.bases.get(&self.image.settings.base)?.images.values().next()
    }

    /// The release of the system that the base has.
    fn suite(&self) -> Option<Suite> {
        let locked = self.locked().and_then(|image| image.suite.clone());
        let base = &self.image.settings.base;
        let tag = base.tag().filter(|_| base.is_official_python());
        locked.or_else(|| tag?.parse::<PythonTag>().ok()?.effective_suite())
    }

    fn programs(&self, purpose: &Purpose) -> Result<Programs, DockerfileError> {
        let Some(bins) = self.image.settings.bins.clone().filter(|_| !purpose.is_sent) else {
            return Ok(Programs::Sent(purpose.programs.clone()));
        };
        if self.folder() != self.root.as_std_path() {
            return Err(DockerfileError::Member {
                root: self.root.to_owned(),
                folder: self.folder().to_owned(),
            });
        }
        // With the libraries of the base, which the programs are loaded with.
        let suite = self.suite().filter(|suite| suite.libc().is_some());
        let suite =
            suite.ok_or_else(|| DockerfileError::NoRust { base: self.image.settings.base.familiar() })?;
        let is_locked = self.folder().join("Cargo.lock").is_file();
        Ok(Programs::Compiled { image: format!("rust:1-{suite}"), bins, is_locked })
    }

    fn base(&self, purpose: &Purpose) -> String {
        if let Some(base) = &purpose.base {
            return base.clone();
        }
        let base = &self.image.settings.base;
        let locked = self.lock.and_then(|lock| lock.bases.get(base));
        let Some(locked) = locked.filter(|_| base.digest().is_none()) else { return base.familiar() };
        let of_platform = purpose.platform.as_ref().and_then(|platform| locked.images.get(platform));
        match of_platform {
            // By the manifest's digest: under that of the index, Docker's own store has one platform at a time.
            Some(image) => base.with_digest(&image.manifest.digest).familiar(),
            None => format!("{}@{}", base.familiar(), locked.target.digest),
        }
    }

    fn packages(&self) -> Result<(Option<Packages>, Option<PinnedRequirements>), DockerfileError> {
        let settings = &self.image.settings.packages;
        if settings.lock.is_file() {
            let lock = self.pylock()?;
            let pinned = PinnedRequirements::of(&lock, &settings.lock)?;
            let packages = pinned.as_ref().map(|pinned| Packages {
                requirements: vec![self.pinned_file()],
                files: vec![self.pinned_file()],
                is_lock: true,
                has_hashes: pinned.has_hashes,
                ..Packages::default()
            });
            return Ok((packages, pinned));
        }
        let found = RequirementFiles::read(&settings.requirements, self.folder())?;
        let packages = found.is_needed.then(|| Packages {
            requirements: found.named,
            files: found.all,
            ..Packages::default()
        });
        Ok((packages, None))
    }

    fn pylock(&self) -> Result<Pylock, DockerfileError> {
        let lock = &self.image.settings.packages.lock;
        let text = fs_err::read_to_string(lock)
            .map_err(|source| DockerfileError::Unreadable { file: lock.clone(), source })?;
        Pylock::parse(&text)
            .map_err(|source| DockerfileError::Lock { lock: lock.clone(), source: Box::new(source) })
    }

    /// Whether a package has no wheel for one of the platforms, as far as the locks tell.
    fn compiles(&self, is_locked: bool) -> Result<bool, DockerfileError> {
        let settings = &self.image.settings;
        let Some(base) = self.lock.and_then(|lock| lock.bases.get(&settings.base)).filter(|_| is_locked)
        else {
            return Ok(false);
        };
        let lock = self.pylock()?;
        let targets = base.images.iter().filter_map(|(platform, image)| lock::target(image, platform));
        // What does not fit at all is told by whoever locks or builds.
        Ok(targets
            .into_iter()
            .any(|target| lock.coverage(&target).is_ok_and(|uncovered| !uncovered.is_empty())))
    }

    /// The full image of the same release and suite, whose libraries are the same.
    fn build_image(&self) -> String {
        let base = &self.image.settings.base;
        let suite = self.locked().and_then(|image| image.suite.as_ref());
        let tag =
            base.tag().filter(|_| base.is_official_python()).and_then(|tag| tag.parse::<PythonTag>().ok());
        let full = match (tag, self.locked(), suite) {
            (Some(tag), _, _) if tag.variant() != Variant::Slim => None,
            (Some(tag), _, suite) => {
                let full = tag.with_variant_full();
                let moved = suite
                    .filter(|suite| full.suite().is_none() && full.effective_suite().as_ref() != Some(suite));
                Some(
                    moved
                        .and_then(|suite| format!("{}-{suite}", full.version()?).parse().ok())
                        .unwrap_or(full),
                )
            }
            (None, Some(image), Some(suite @ Suite::Debian(_))) => {
                format!("{}-{suite}", image.python).parse().ok()
            }
            _ => None,
        };
        full.map_or_else(|| self.base(&Purpose::default()), |tag| Reference::python(&tag).familiar())
    }

    /// What copies the chosen files, and nothing of what is taken besides.
    fn copied(&self, selected: &BTreeSet<String>, taken: &BTreeSet<String>, is_sent: bool) -> Vec<Copied> {
        if selected.is_empty() {
            return Vec::new();
        }
        let mut others: BTreeSet<String> = taken.difference(selected).cloned().collect();
        let globs = &self.image.settings.source;
        if !is_sent && globs.iter().any(|glob| [".", "./", "**"].contains(&glob.as_str())) {
            // It is not there before it is written.
            others.remove(&self.pinned_file());
            if others.is_empty() {
                return vec![Copied::All];
            }
        }
        let plain = |part: &&str| !part.contains(['*', '?', '[', ']', '{', '}', '\\', ',', '!']);
        let bases: Vec<String> = globs
            .iter()
            .map(|glob| {
                let glob = glob.strip_prefix("./").unwrap_or(glob);
                let parts = glob.split('/').filter(|part| !["", "."].contains(part)).take_while(plain);
                parts.collect::<Vec<_>>().join("/")
            })
            .collect();
        Copied::of(selected, &others, &bases)
    }

    /// What the base lacks of the image's user; nothing where nobody can tell.
    fn account(&self) -> Result<Option<Account>, DockerfileError> {
        let settings = &self.image.settings;
        let Some(user) = settings.options.user.as_deref() else { return Ok(None) };
        let facts = match self.locked().and_then(|image| image.facts_with(&settings.apt)) {
            Some(facts) => facts,
            None if settings.base.is_official_python() => account::usual(),
            None => return Ok(None),
        };
        let suite = self.suite();
        let accounts = Accounts::of(user, &facts, suite.as_ref()).map_err(|source| {
            let (image, place) = (self.image.title(), settings.place("user", None));
            Box::new(AssemblyError::User { image, place, source: Box::new(source) })
        })?;
        let is_alpine = matches!(suite, Some(Suite::Alpine { .. }));
        Ok(accounts.map(|accounts| Account::of(&accounts, &facts, is_alpine)))
    }
}

/// Whether the packages of an image can be locked: those of a Python before 3.8 cannot.
#[must_use]
pub fn is_lockable(image: &PackageImage) -> bool {
    let base = &image.settings.base;
    let tag = base.tag().filter(|_| base.is_official_python()).and_then(|tag| tag.parse::<PythonTag>().ok());
    let version = tag.as_ref().and_then(PythonTag::version);
    version.is_none_or(|version| (version.major(), version.minor().unwrap_or(u16::MAX)) >= (3, 8))
}

/// The names of an image for one of several platforms: an engine has one image by each.
#[must_use]
pub fn names(tags: &[Reference], platform: Option<&Platform>) -> Vec<Reference> {
    let Some(platform) = platform else { return tags.to_vec() };
    let suffix = platform.to_string().replace('/', "-");
    let suffixed =
        |name: &Reference| name.with_tag(&format!("{}-{suffix}", name.tag().unwrap_or("latest"))).ok();
    tags.iter().filter_map(suffixed).collect()
}

/// Whether a Dockerfile is one that was written here.
#[must_use]
pub fn is_ours(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').starts_with(OURS)
}

/// Writes the Dockerfile and what belongs to it; gives the names of the files. What is there and not from here is only
/// replaced with `force`, but for a `.dockerignore`, whose own lines stay.
///
/// # Errors
/// Where a file is in the way, or cannot be written.
pub fn write(project: &Project<'_>, made: &Dockerfile, force: bool) -> Result<Vec<String>, DockerfileError> {
    let folder = Utf8PathBuf::from(project.folder().to_string_lossy().into_owned());
    let mut files = vec![(project.file(), &made.text)];
    files.extend(made.pinned.as_ref().map(|text| (project.pinned_file(), text)));
    for (name, _) in &files {
        let path = folder.join(name);
        let is_foreign = match fs_err::read(&path) {
            Ok(found) => !is_ours(&String::from_utf8_lossy(&found)),
            Err(error) => error.kind() != std::io::ErrorKind::NotFound,
        };
        if is_foreign && !force {
            return Err(DockerfileError::NotOurs { path });
        }
    }
    for (name, text) in &files {
        put(&folder.join(name), text)?;
    }
    let mut names: Vec<String> = files.into_iter().map(|(name, _)| name).collect();
    // The rules come last: they are about the files that there are now.
    put(&folder.join(project.ignore_file()), &project.dockerignore(made)?)?;
    names.push(project.ignore_file());
    Ok(names)
}

fn put(path: &Utf8Path, text: &str) -> Result<(), DockerfileError> {
    let unwritable = |source| DockerfileError::Unwritable { path: path.to_owned(), source };
    // What a link leads to is replaced, and not the link.
    let place = path.canonicalize_utf8().unwrap_or_else(|_| path.to_owned());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".pyimage-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let folder = place.parent().unwrap_or(Utf8Path::new("."));
    let mut file = builder.tempfile_in(folder).map_err(unwritable)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(unwritable)?;
    file.persist(&place).map_err(|error| unwritable(error.error))?;
    Ok(())
}

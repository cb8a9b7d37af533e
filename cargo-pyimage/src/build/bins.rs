//! The package's own Rust programs: compiled by cargo for each platform, in one layer.
//!
//! Cargo does it all, with its own settings; what is added is the target, a linker for it where cargo has none, and that
//! the paths of this machine stay out. What is missing is looked for before anything is compiled.

mod cargo_config;
mod crates;
mod error;
mod linker;
mod needed_glibc;
mod rust_target;
mod toolchain;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use camino::Utf8PathBuf;
use pyimage_build::assembly::{MadeLayer, elf_of_file};
use pyimage_build::{
    Assembly, AssemblyError, Binary, Bins, LayerContents, LayerKey, LibcRelease, LockedImage, Platform,
};
use pyimage_build::{Scheme, Suite};
use pyrun::shell::Verbosity;
use serde::Deserialize;
use tokio::process::Command;

use super::digest;
use super::{BuildError, Builder, PackageImage};

use cargo_config::CargoConfig;
pub use error::BinError;
use linker::Linker;
use rust_target::RustTarget;
use toolchain::Toolchain;

/// Where programs go that are for everybody, as `make install` and pip have it.
const FOLDER: &str = "usr/local/bin";

/// A program that was compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bin {
    /// Its name.
    pub name: String,
    /// Where cargo has put it.
    pub file: PathBuf,
}

impl Builder<'_> {
    /// The layer of an image's Rust programs on a platform; none where none go in.
    pub(super) async fn bins(
        &self,
        image: &PackageImage,
        platform: &Platform,
        locked: &LockedImage,
    ) -> Result<Option<MadeLayer>, BuildError> {
        let settings = &image.settings;
        if settings.bins.is_none() {
            return Ok(None);
        }
        let compiled = self.compiled_for(image, platform, locked).await?;
        let failed = |source| BuildError::Bins { platform: platform.clone(), source: Box::new(source) };
        let assembly = self.assembly();
        let options = assembly.layer_options(image, 0);
        let mut contents = LayerContents::new();
        let mut key = LayerKey::new(FOLDER, &Scheme::official(0), &options);
        let mut names = Vec::new();
        for Bin { name, file } in &compiled {
            let path = format!("{FOLDER}/{name}");
            let unread = |source| failed(BinError::Read { file: file.clone(), source });
            let (_, digest) = digest::of_file(file).map_err(unread)?;
            key.add_content(&path, &digest);
            contents.add_file(&path, 0o755, file).map_err(|source| AssemblyError::Layer {
                what: "bins".to_owned(),
                source: Box::new(source),
            })?;
            names.push(name.as_str());
        }
        let created_by = format!("bins: {}", names.join(", "));
        let known = assembly.known(&key, &created_by);
        Ok(Some(match known {
            Some(known) => known,
            None => assembly.make(&contents, &options, Some(&key), &created_by)?,
        }))
    }

    /// An image's Rust programs for a platform, for an engine that builds the rest of it.
    ///
    /// # Errors
    /// Where the base is not locked for the platform, or a program cannot be compiled.
    pub async fn programs(&self, image: &PackageImage, platform: &Platform) -> Result<Vec<Bin>, BuildError> {
        if image.settings.bins.is_none() {
            return Ok(Vec::new());
        }
        let assembly = self.assembly();
        let wanted = Assembly::targets(assembly.base(image)?, image, &[platform.clone()].into())?;
        match wanted.first() {
            Some((platform, locked)) => self.compiled_for(image, platform, locked).await,
            None => Ok(Vec::new()),
        }
    }

    /// Compiles the programs for a platform, and tells what they need that the image has not.
    async fn compiled_for(
        &self,
        image: &PackageImage,
        platform: &Platform,
        locked: &LockedImage,
    ) -> Result<Vec<Bin>, BuildError> {
        let unknown = || AssemblyError::UnknownSystem { base: image.settings.base.familiar() };
        let libc = locked.suite.as_ref().and_then(Suite::libc).ok_or_else(unknown)?;
        let failed = |source| BuildError::Bins { platform: platform.clone(), source: Box::new(source) };
        let target = RustTarget::of(platform, libc).ok_or(BinError::NoTarget { libc: libc.libc });
        let compiled = self.compiled(image, &target.map_err(failed)?, libc).await.map_err(failed)?;
        let mut programs = Vec::new();
        for Bin { name, file } in &compiled {
            let elf =
                elf_of_file(file).map_err(|source| failed(BinError::Read { file: file.clone(), source }))?;
            programs.extend(elf.map(|elf| Binary { path: format!("{FOLDER}/{name}"), elf }));
        }
        self.tell(image, &Assembly::check_programs(image, platform, locked, &programs));
        Ok(compiled)
    }

    /// Compiles the programs for a target. Those that a base with this C library could not load are compiled anew where
    /// that helps, and are an error where nothing does.
    async fn compiled(
        &self,
        image: &PackageImage,
        target: &RustTarget,
        libc: LibcRelease,
    ) -> Result<Vec<Bin>, BinError> {
        let folder = &image.settings.folder;
        let toolchain = Toolchain::find(folder).await?;
        toolchain.check(target, folder).await?;
        let config = CargoConfig::read(folder);
        let linker = Linker::choose(target, &toolchain.host, &config)?;
        let bins = self.cargo(image, target, &linker, &config).await?;
        let too_new = too_new(&bins, libc)?;
        let Some((name, needs)) = too_new else { return Ok(bins) };
        let error = BinError::TooNew { name, needs, libc, target: target.triple.clone() };
        if linker == Linker::Zig || Linker::zig().is_none() {
            return Err(error);
        }
        self.shell.verbose(|shell| shell.note(format_args!("{error}; compiling it with zig")));
        let bins = self.cargo(image, target, &Linker::Zig, &config).await?;
        match self::too_new(&bins, libc)? {
            Some(_) => Err(error),
            None => Ok(bins),
        }
    }

    async fn cargo(
        &self,
        image: &PackageImage,
        target: &RustTarget,
        linker: &Linker,
        config: &CargoConfig,
    ) -> Result<Vec<Bin>, BinError> {
        let settings = &image.settings;
        let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(&program);
        command.current_dir(&settings.folder);
        if *linker == Linker::Zig {
            command.args(["zigbuild", "--target", &target.for_zig()]);
        } else {
            command.args(["build", "--target", &target.triple]);
        }
        if let Linker::Program(linker) = linker {
            command.arg("--config").arg(format!("target.{}.linker={linker:?}", target.triple));
        }
        command.args(["--release", "--message-format", "json-render-diagnostics", "--manifest-path"]);
        command.arg(settings.folder.join("Cargo.toml")).args(["--package", &image.package]);
        match settings.bins.as_ref() {
            Some(Bins::Named(names)) => names.iter().for_each(|name| {
                command.args(["--bin", name]);
            }),
            _ => {
                command.arg("--bins");
            }
        }
        if self.offline {
            command.arg("--offline");
        }
        if self.shell.verbosity() == Verbosity::Quiet {
            command.arg("--quiet");
        }
        remap(&mut command, self.root.as_std_path(), self.target.as_std_path(), target, config);
        // What a build script writes of the time is that of the image.
        command.env("SOURCE_DATE_EPOCH", self.epoch.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        let started = command.spawn().map(tokio::process::Child::wait_with_output);
        let output = match started {
            Ok(running) => running.await,
            Err(error) => Err(error),
        };
        let output = output
            .map_err(|source| BinError::Cargo { program: program.to_string_lossy().into_owned(), source })?;
        if !output.status.success() {
            return Err(BinError::Compile { target: target.triple.clone() });
        }
        let mut bins = artifacts(&String::from_utf8_lossy(&output.stdout));
        bins.sort_by(|one, other| one.name.cmp(&other.name));
        if bins.is_empty() {
            return Err(BinError::NoBins { package: image.package.clone() });
        }
        Ok(bins)
    }
}

/// The first program that needs more of glibc than the base has, and what.
fn too_new(bins: &[Bin], libc: LibcRelease) -> Result<Option<(String, String)>, BinError> {
    for Bin { name, file } in bins {
        let unread = |source| BinError::Read { file: file.clone(), source };
        let opened = fs_err::File::open(file).map_err(unread)?;
        if let Some((major, minor)) = needed_glibc::of(opened)
            && libc.libc == pyimage_build::Libc::Glibc
            && (major, minor) > (libc.major, libc.minor)
        {
            return Ok(Some((name.clone(), format!("{major}.{minor}"))));
        }
    }
    Ok(None)
}

/// Keeps the paths of this machine out of what is compiled, beside the flags that are there already: cargo takes them
/// from one place, the first of four.
fn remap(command: &mut Command, root: &Path, output: &Path, target: &RustTarget, config: &CargoConfig) {
    let home = cargo_config::home();
    // Of several that fit, the last one counts.
    let places = [(Some(root), "/usr/src"), (home.as_deref(), "/cargo"), (Some(output), "/target")];
    let flags = places
        .into_iter()
        .filter_map(|(path, name)| Some(format!("--remap-path-prefix={}={name}", path?.display())));
    let flags: Vec<String> = flags.collect();
    let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    if let Some(encoded) = variable("CARGO_ENCODED_RUSTFLAGS") {
        command.env("CARGO_ENCODED_RUSTFLAGS", format!("{encoded}\x1f{}", flags.join("\x1f")));
    } else if let Some(text) = variable("RUSTFLAGS") {
        let words = text.split_whitespace().map(str::to_owned).chain(flags);
        command.env("CARGO_ENCODED_RUSTFLAGS", words.collect::<Vec<_>>().join("\x1f"));
    } else {
        // Lists of several files are joined.
        let key = if config.flags_are_for_all(&target.triple) {
            "build.rustflags".to_owned()
        } else {
            format!("target.{}.rustflags", target.triple)
        };
        command.arg("--config").arg(format!("{key}={flags:?}"));
    }
}

/// The programs that cargo says it has made.
fn artifacts(messages: &str) -> Vec<Bin> {
    #[derive(Deserialize)]
    struct Message {
        reason: String,
        #[serde(default)]
        executable: Option<PathBuf>,
        #[serde(default)]
        target: Option<Made>,
    }
    #[derive(Deserialize)]
    struct Made {
        name: String,
        kind: Vec<String>,
    }
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    let bins = messages.filter(|message| message.reason == "compiler-artifact").filter_map(|message| {
        let made = message.target.filter(|made| made.kind.iter().any(|kind| kind == "bin"))?;
        Some(Bin { name: made.name, file: message.executable? })
    });
    bins.collect()
}

/// The program of this name on `PATH`.
fn on_path(name: &str) -> Option<Utf8PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found =
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file());
    Utf8PathBuf::from_path_buf(found?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_what_cargo_says_it_made() {
        let messages = r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"app"},"executable":null}
not json
{"reason":"build-finished","success":true}
{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"app"},"executable":"/t/release/app"}"#;
        assert_eq!(artifacts(messages), [Bin { name: "app".to_owned(), file: "/t/release/app".into() }]);
    }

    #[test]
    fn flags_go_where_cargo_has_its_own() {
        let target = RustTarget { triple: "x86_64-unknown-linux-gnu".to_owned(), glibc: None };
        let arguments = |config: &str| {
            let mut command = Command::new("cargo");
            let config = CargoConfig::parse([config]);
            remap(&mut command, Path::new("/w"), Path::new("/w/target"), &target, &config);
            let words = command.as_std().get_args().map(|word| word.to_string_lossy().into_owned());
            words.last().unwrap_or_default()
        };
        let own = arguments("");
        assert!(
            own.starts_with("target.x86_64-unknown-linux-gnu.rustflags=[\"--remap-path-prefix=/w=/usr/src\""),
            "{own}"
        );
        assert!(own.ends_with("\"--remap-path-prefix=/w/target=/target\"]"), "{own}");
        let build = arguments("[build]\nrustflags = [\"-g\"]\n");
        assert!(build.starts_with("build.rustflags=["), "{build}");
    }
}

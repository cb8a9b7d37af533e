//! Who links programs for a target.

use camino::Utf8PathBuf;

use super::cargo_config::CargoConfig;
use super::error::BinError;
use super::on_path;
use super::rust_target::RustTarget;

/// Who links programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Linker {
    /// Whom cargo takes by itself.
    Cargos,
    /// A compiler of the machine for the target.
    Program(Utf8PathBuf),
    /// `cargo zigbuild`.
    Zig,
}

impl Linker {
    /// Whom cargo is set up with; for its own machine, whom it takes anyway; else zig, or a compiler for the target.
    pub(super) fn choose(target: &RustTarget, host: &str, config: &CargoConfig) -> Result<Self, BinError> {
        let variable = format!("CARGO_TARGET_{}_LINKER", target.in_variables());
        let is_set = std::env::var_os(variable).is_some_and(|linker| !linker.is_empty());
        if is_set || config.has_linker(&target.triple) {
            return Ok(Self::Cargos);
        }
        let is_own = target.triple == host || is_alike(&target.triple, host);
        if is_own && on_path("cc").is_some() {
            return Ok(Self::Cargos);
        }
        if Self::zig().is_some() {
            return Ok(Self::Zig);
        }
        let mut names = programs(&target.triple).into_iter();
        match names.find_map(|name| on_path(&name)) {
            Some(program) => Ok(Self::Program(program)),
            None => Err(BinError::NoLinker {
                target: target.triple.clone(),
                package: if is_own { "gcc".to_owned() } else { debian_package(&target.triple) },
            }),
        }
    }

    /// `cargo-zigbuild`, if it is there.
    pub(super) fn zig() -> Option<Utf8PathBuf> {
        on_path("cargo-zigbuild")
    }
}

/// Whether the machine's own compiler links for it: musl of the same architecture has all that it takes in Rust.
fn is_alike(triple: &str, host: &str) -> bool {
    let architecture = |triple: &str| triple.split('-').next().unwrap_or_default().to_owned();
    triple.ends_with("-linux-musl") && host.contains("-linux-") && architecture(triple) == architecture(host)
}

/// What compilers for a target are called.
fn programs(triple: &str) -> Vec<String> {
    let gnu = gnu(triple);
    let musl = triple.contains("-musl").then(|| format!("{}-gcc", triple.replace("-unknown", "")));
    musl.into_iter().chain([format!("{gnu}-gcc")]).collect()
}

/// The package of Debian and Ubuntu with such a compiler.
fn debian_package(triple: &str) -> String {
    format!("gcc-{}", gnu(triple).replace('_', "-"))
}

/// GNU's name of a target, with glibc: what links for that links for musl too, with what Rust has of it.
fn gnu(triple: &str) -> String {
    let name = triple.replace("-unknown", "").replace("-musl", "-gnu");
    let (architecture, rest) = name.split_once('-').unwrap_or((&name, ""));
    let architecture = match architecture {
        "armv7" | "armv5te" => "arm",
        "riscv64gc" => "riscv64",
        "mips64el" => "mips64el",
        other => other,
    };
    format!("{architecture}-{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compilers_and_their_packages_are_called_as_debian_has_them() {
        for (triple, program, package) in [
            ("aarch64-unknown-linux-gnu", "aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
            ("armv7-unknown-linux-gnueabihf", "arm-linux-gnueabihf-gcc", "gcc-arm-linux-gnueabihf"),
            ("armv5te-unknown-linux-gnueabi", "arm-linux-gnueabi-gcc", "gcc-arm-linux-gnueabi"),
            ("i686-unknown-linux-gnu", "i686-linux-gnu-gcc", "gcc-i686-linux-gnu"),
            ("x86_64-unknown-linux-gnu", "x86_64-linux-gnu-gcc", "gcc-x86-64-linux-gnu"),
            ("powerpc64le-unknown-linux-gnu", "powerpc64le-linux-gnu-gcc", "gcc-powerpc64le-linux-gnu"),
            ("riscv64gc-unknown-linux-gnu", "riscv64-linux-gnu-gcc", "gcc-riscv64-linux-gnu"),
            ("s390x-unknown-linux-gnu", "s390x-linux-gnu-gcc", "gcc-s390x-linux-gnu"),
        ] {
            assert_eq!(programs(triple), [program]);
            assert_eq!(debian_package(triple), package);
        }
        let musl = ["aarch64-linux-musl-gcc", "aarch64-linux-gnu-gcc"];
        assert_eq!(programs("aarch64-unknown-linux-musl"), musl);
    }

    #[test]
    fn musl_of_the_same_architecture_is_the_machine_s_own() {
        assert!(is_alike("x86_64-unknown-linux-musl", "x86_64-unknown-linux-gnu"));
        assert!(!is_alike("aarch64-unknown-linux-musl", "x86_64-unknown-linux-gnu"));
        assert!(!is_alike("x86_64-unknown-linux-musl", "x86_64-apple-darwin"));
        assert!(!is_alike("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"));
    }

    #[test]
    fn whom_cargo_is_set_up_with_goes_before_all() {
        let arm = RustTarget { triple: "aarch64-unknown-linux-gnu".to_owned(), glibc: Some((2, 36)) };
        let config = CargoConfig::parse(["[target.aarch64-unknown-linux-gnu]\nlinker = 'my-cc'\n"]);
        assert_eq!(Linker::choose(&arm, "x86_64-unknown-linux-gnu", &config).unwrap(), Linker::Cargos);
    }
}

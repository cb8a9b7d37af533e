//! Where a build script runs: the variables that cargo sets, and those that a user does.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::CompileError;
use super::cargo_output::CargoOutput;

/// What leaves images out: `1`, or `0` to have them wherever that is.
const SKIP_VARIABLE: &str = "PYIMAGE_SKIP";
/// What docs.rs sets.
const DOCS_RS_VARIABLE: &str = "DOCS_RS";

/// What is set in code, over the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Surroundings {
    pub(super) manifest_dir: Option<PathBuf>,
    pub(super) out_dir: Option<PathBuf>,
    pub(super) variables: BTreeMap<String, OsString>,
}

impl Surroundings {
    /// The folder of the package.
    pub(super) fn manifest_dir(&self) -> Result<PathBuf, CompileError> {
        self.folder(self.manifest_dir.as_deref(), "CARGO_MANIFEST_DIR", "manifest_dir")
    }

    /// The only folder that is written to.
    pub(super) fn out_dir(&self) -> Result<PathBuf, CompileError> {
        self.folder(self.out_dir.as_deref(), "OUT_DIR", "out_dir")
    }

    /// Where cargo keeps what it fetches: it may do so without saying where.
    pub(super) fn cargo_home(&self) -> Option<PathBuf> {
        let home = || self.of_cargo("HOME").map(PathBuf::from).or_else(env::home_dir);
        let named = self.of_cargo("CARGO_HOME").map(PathBuf::from);
        named.or_else(|| home().map(|home| home.join(".cargo")))
    }

    fn folder(
        &self,
        set: Option<&Path>,
        variable: &'static str,
        setter: &'static str,
    ) -> Result<PathBuf, CompileError> {
        let folder = match set {
            Some(folder) => folder.to_owned(),
            None => self.of_cargo(variable).ok_or(CompileError::NoVariable { variable, setter })?.into(),
        };
        // What is relative is so from where the program was started.
        Ok(std::path::absolute(&folder).unwrap_or(folder))
    }

    /// A variable that cargo sets, and knows of.
    pub(super) fn of_cargo(&self, name: &str) -> Option<OsString> {
        let found = self.variables.get(name).cloned().or_else(|| env::var_os(name));
        found.filter(|value| !value.is_empty())
    }

    /// A variable that a user may set; cargo is told that it is looked at, whether it is set or not.
    pub(super) fn of_user(&self, name: &str, output: &mut CargoOutput) -> Option<OsString> {
        output.rerun_if_env_changed(name);
        self.of_cargo(name)
    }

    /// Whether images are to be left out here, whatever the package asks for.
    pub(super) fn skips_images(&self, output: &mut CargoOutput) -> bool {
        let skip = self.of_user(SKIP_VARIABLE, output);
        let docs_rs = self.of_user(DOCS_RS_VARIABLE, output);
        skip.map_or(docs_rs.is_some(), |skip| skip != "0")
    }

    /// The script was started by cargo, and nobody drives it from elsewhere.
    pub(super) fn is_of_cargo(&self) -> bool {
        self.manifest_dir.is_none() && self.out_dir.is_none()
    }
}

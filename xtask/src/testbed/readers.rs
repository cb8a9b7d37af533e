//! What others read images with: skopeo, umoci, and the schemas of the image specification; and what SBOMs are checked by.

use std::path::PathBuf;

use anyhow::Result;
use fs_err as fs;

use super::bed::Bed;
use super::machine::{self, Tool};
use crate::{process, say};

/// Where Debian's package has the schemas.
pub(crate) const SCHEMAS: &str = "/usr/share/gocode/src/github.com/opencontainers/image-spec/schema";

const TOOLS: [Tool; 4] = [
    Tool { program: "skopeo", package: "skopeo" },
    Tool { program: "umoci", package: "umoci" },
    Tool { program: "/usr/bin/jsonschema", package: "python3-jsonschema" },
    Tool { program: SCHEMA, package: "golang-github-opencontainers-image-spec-dev" },
];

const SCHEMA: &str = "/usr/share/gocode/src/github.com/opencontainers/image-spec/schema/config-schema.json";

pub(crate) fn ready() -> bool {
    TOOLS.iter().all(|tool| process::found(tool.program))
}

pub(crate) fn up() -> Result<()> {
    machine::provide(&TOOLS)
}

/// The validators of those who made the formats: CycloneDX's has its schemas in it, SPDX's knows its rules.
const SBOM_PACKAGES: [&str; 2] = ["cyclonedx-python-lib[json-validation]==11.12.0", "spdx-tools==0.8.5"];
/// Changes with the packages.
const SBOM_FOLDER: &str = "sbom-readers/1";
const PIP: Tool = Tool { program: "/usr/bin/pip3", package: "python3-pip" };

/// Where the packages are, for `PYTHONPATH` of Debian's own Python.
pub(crate) fn sbom_folder(bed: &Bed) -> Result<PathBuf> {
    bed.cached(SBOM_FOLDER)
}

pub(crate) fn sbom_ready(bed: &Bed) -> bool {
    sbom_folder(bed).is_ok_and(|folder| folder.is_dir())
}

pub(crate) fn sbom_up(bed: &Bed) -> Result<()> {
    machine::provide(&[PIP])?;
    say::status("Installing", &SBOM_PACKAGES.join(" "));
    let (folder, beginning) = (sbom_folder(bed)?, bed.cached("work/sbom-readers")?);
    // What an earlier call began may be half there.
    let _ = fs::remove_dir_all(&beginning);
    let mut pip = process::command(PIP.program);
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--target"]);
    process::read(pip.arg(&beginning).args(SBOM_PACKAGES))?;
    fs::rename(beginning, folder)?;
    Ok(())
}

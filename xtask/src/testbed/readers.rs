//! What others read images with: skopeo, umoci, and the schemas of the image specification.

use anyhow::Result;

use super::machine::{self, Tool};
use crate::process;

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

//! Measuring `cargo pyrun` against plain `docker run`.

use std::ffi::OsString;

use anyhow::{Result, bail};

use crate::{testbed, work};

/// Builds what is measured, brings up what it is measured on, and measures.
pub(crate) fn run(_arguments: &[OsString]) -> Result<()> {
    testbed::up(&[testbed::Part::Slim])?;
    work::build(true)?;
    bail!("the benchmark is not written yet")
}

//! The test bed: engines, registries and images that are real, on any machine that can have them.

mod arm64;
mod bed;
mod containerd;
mod daemon;
mod engine;
mod image;
mod machine;
mod part;
mod podman;
mod readers;
mod recipe;
mod registry;
mod rootless;
mod tls;
mod user;

use std::time::Instant;

use anyhow::{Context, Result};

pub(crate) use bed::Bed;
pub(crate) use part::Part;

/// Where official images come from.
pub(crate) const HUB_ADDRESS: &str = registry::HUB.address;

use crate::say;

/// The revision of the recipes: another one, and all that is cached is built anew.
const RECIPES: &str = "r1";

/// Brings up these parts, and what they stand on; all of them if none is named.
pub(crate) fn up(only: &[Part]) -> Result<Bed> {
    let begin = Instant::now();
    let bed = Bed::open()?;
    let lock = bed.lock()?;
    let mut wanted = Vec::new();
    for &part in if only.is_empty() { &Part::ALL } else { only } {
        part.with_needs(&mut wanted);
    }
    let mut changed = false;
    for part in wanted {
        // A part that was named is tried again; one that is merely part of all is not.
        let known = bed.skipped(part).filter(|_| !only.contains(&part));
        if let Some(reason) = known {
            say::warning(&format!("skipped `{}`: {reason}", part.name()));
            continue;
        }
        if part.ready(&bed) {
            bed.unskip(part);
            continue;
        }
        changed = true;
        match part.up(&bed) {
            Ok(()) => bed.unskip(part),
            Err(error) if part.is_essential() => {
                return Err(error.context(format!("cannot bring up `{}` of the test bed", part.name())));
            }
            Err(error) => {
                let reason = format!("{error:#}");
                bed.skip(part, &reason)?;
                say::warning(&format!("skipped `{}`: {reason}", part.name()));
            }
        }
    }
    if only.is_empty() {
        bed.sweep();
    }
    drop(lock);
    if changed {
        say::status("Ready", &format!("the test bed, after {:.1} s", begin.elapsed().as_secs_f32()));
    }
    Ok(bed)
}

/// Stops what `up` started.
pub(crate) fn down() -> Result<()> {
    let bed = Bed::open()?;
    let _lock = bed.lock()?;
    let mut stopped = false;
    // Engines first: they may be talking to a registry.
    for name in [
        containerd::NAME,
        rootless::PODMAN,
        rootless::DOCKER,
        podman::NAME,
        engine::NAME,
        registry::LOGIN.name,
        registry::HUB.name,
    ] {
        stopped |= daemon::stop(&bed, name)?;
    }
    rootless::end();
    containerd::end();
    for part in Part::ALL {
        bed.unskip(part);
    }
    if !stopped {
        say::status("Nothing", "of the test bed's own was running");
    }
    Ok(())
}

/// A table of the parts.
pub(crate) fn status() -> Result<()> {
    let bed = Bed::open()?;
    for part in Part::ALL {
        let state = match (part.ready(&bed), bed.skipped(part)) {
            (true, _) => "up".to_owned(),
            (false, Some(reason)) => format!("skipped: {reason}"),
            (false, None) => "down".to_owned(),
        };
        say::line(&format!("{:<16} {:<62} {}", part.name(), part.about(), state.replace('\n', " ")));
    }
    Ok(())
}

/// The variables, for a shell.
pub(crate) fn env() -> Result<()> {
    let bed = Bed::open()?;
    for (key, value) in variables(&bed) {
        say::line(&format!("export {key}='{}'", value.replace('\'', r"'\''")));
    }
    Ok(())
}

/// The address of the registry that stands for Docker Hub.
pub(crate) fn mirror() -> String {
    format!("http://{}", registry::HUB.address)
}

/// What tells the tests which parts there are; a part that is not up leaves its variables unset.
pub(crate) fn variables(bed: &Bed) -> Vec<(&'static str, String)> {
    let mut variables = vec![("TESTBED", "1".to_owned())];
    let mut skipped = Vec::new();
    for part in Part::ALL {
        if part.ready(bed) {
            variables.extend(part.variables(bed));
        } else {
            let reason = bed.skipped(part).unwrap_or_else(|| "not brought up".to_owned());
            skipped.push(format!("{}: {}", part.name(), reason.replace(['\n', ';'], " ")));
        }
    }
    variables.push(("TESTBED_SKIPPED", skipped.join(";")));
    variables.push(("TESTBED_SKIPS", bed.run("skips.txt").display().to_string()));
    variables
}

/// What was skipped, a line each: parts the machine could not give, then tests that said so themselves.
pub(crate) fn skips(bed: &Bed) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for part in Part::ALL {
        if let Some(reason) = bed.skipped(part) {
            lines.push(format!("part `{}`: {}", part.name(), reason.replace('\n', " ")));
        }
    }
    let file = bed.run("skips.txt");
    if file.exists() {
        let text = fs_err::read_to_string(&file).context("cannot read which tests were skipped")?;
        lines.extend(text.lines().map(str::to_owned));
    }
    Ok(lines)
}

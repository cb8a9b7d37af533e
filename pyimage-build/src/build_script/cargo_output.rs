//! What a build script says to cargo: the only place that writes to its output.

use std::io::{self, Write as _};

/// The oldest Rust whose cargo knows `cargo::KEY=VALUE`; it refuses that for packages that support an older one.
const DOUBLE_COLON: (u32, u32) = (1, 77);

/// Lines for cargo, in the order in which they are said.
#[derive(Debug)]
pub(super) struct CargoOutput {
    lines: Vec<String>,
    /// What stands between `cargo` and a key.
    colon: &'static str,
}

impl CargoOutput {
    /// For a package with this `rust-version`.
    pub(super) fn new(rust_version: Option<&str>) -> Self {
        let mut parts = rust_version.unwrap_or_default().split('.').map(str::parse::<u32>);
        let is_older = match (parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => (major, minor) < DOUBLE_COLON,
            _ => false,
        };
        Self { lines: Vec::new(), colon: if is_older { ":" } else { "::" } }
    }

    /// This file or folder is looked at.
    pub(super) fn rerun_if_changed(&mut self, path: &str) {
        self.say("rerun-if-changed", path);
    }

    /// This variable is looked at.
    pub(super) fn rerun_if_env_changed(&mut self, name: &str) {
        self.say("rerun-if-env-changed", name);
    }

    /// A warning, a line of it at a time.
    pub(super) fn warning(&mut self, text: &str) {
        self.each_line("warning", text);
    }

    /// An error, which fails the build once the script has ended.
    pub(super) fn error(&mut self, text: &str) {
        // There was none before `cargo::`.
        self.each_line(if self.colon == ":" { "warning" } else { "error" }, text);
    }

    /// Whether cargo takes an error from a script that ends well.
    pub(super) fn has_errors(&self) -> bool {
        self.colon != ":"
    }

    pub(super) fn into_lines(self) -> Vec<String> {
        self.lines
    }

    fn each_line(&mut self, key: &str, text: &str) {
        for line in text.split(['\n', '\r']).filter(|line| !line.trim().is_empty()) {
            self.say(key, line.trim_end());
        }
    }

    fn say(&mut self, key: &str, value: &str) {
        self.lines.push(format!("cargo{}{key}={value}", self.colon));
    }
}

/// Writes lines to cargo, all at once.
pub(super) fn write(lines: &[String]) -> io::Result<()> {
    let mut text = lines.join("\n");
    text.push('\n');
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_fits_the_oldest_cargo_that_has_to_read_it() {
        for (rust_version, colon) in [
            (None, "::"),
            (Some(""), "::"),
            (Some("1.89"), "::"),
            (Some("1.77.2"), "::"),
            (Some("1.76"), ":"),
            (Some("2.0"), "::"),
            (Some("1"), "::"),
        ] {
            let mut output = CargoOutput::new(rust_version);
            output.rerun_if_changed("a");
            assert_eq!(output.into_lines(), [format!("cargo{colon}rerun-if-changed=a")], "{rust_version:?}");
        }
        let mut old = CargoOutput::new(Some("1.70"));
        old.error("a");
        assert!(!old.has_errors());
        assert_eq!(old.into_lines(), ["cargo:warning=a"]);
    }

    #[test]
    fn a_line_is_a_line() {
        let mut output = CargoOutput::new(None);
        output.warning("one\n\ntwo\r\nthree \n");
        assert_eq!(output.into_lines(), ["cargo::warning=one", "cargo::warning=two", "cargo::warning=three"]);
    }
}

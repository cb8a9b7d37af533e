//! The package's programs in Rust, as a Dockerfile gets them.

use std::fmt::Write as _;

use pyimage_build::Bins;

use super::word::word;
use super::{Copied, DockerfileError};

/// Where programs go that are for everybody.
const PLACE: &str = "/usr/local/bin/";

/// Where cargo puts them in their own stage.
const STAGED: &str = "/programs";

/// Where the programs come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Programs {
    /// They were compiled before, and are among what is sent.
    Sent(Vec<String>),
    /// A stage of their own compiles them, of all that is sent: what a crate is made of, nobody but cargo knows.
    Compiled {
        /// The image with cargo in it.
        image: String,
        /// Which ones.
        bins: Bins,
        /// There is a `Cargo.lock`.
        is_locked: bool,
    },
}

impl Programs {
    /// The stage that compiles them.
    pub(super) fn add_stage(&self, out: &mut String) -> Result<(), DockerfileError> {
        let Self::Compiled { image, bins, is_locked } = self else { return Ok(()) };
        // `install` puts them into one folder, whatever the project's settings say of targets and folders.
        let mut line = format!("RUN cargo install --path . --root {STAGED}");
        if *is_locked {
            line.push_str(" --locked");
        }
        match bins {
            Bins::All => line.push_str(" --bins"),
            Bins::Named(names) => {
                for name in names {
                    let _ = write!(line, " --bin {}", word(name, "`bins`")?);
                }
            }
        }
        // Writing to a `String` cannot fail.
        let _ = writeln!(out, "FROM {image} AS programs\nWORKDIR /usr/src/programs\nCOPY . .\n{line}\n");
        Ok(())
    }

    /// What puts them into their place.
    pub(super) fn instruction(&self) -> Result<Option<String>, DockerfileError> {
        match self {
            Self::Sent(names) if names.is_empty() => Ok(None),
            Self::Sent(names) => {
                Copied::To { names: names.clone(), place: PLACE.to_owned() }.instruction().map(Some)
            }
            Self::Compiled { .. } => Ok(Some(format!("COPY --from=programs {STAGED}/bin {PLACE}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(bins: Bins, is_locked: bool) -> String {
        let mut out = String::new();
        let programs = Programs::Compiled { image: "rust:1-trixie".to_owned(), bins, is_locked };
        programs.add_stage(&mut out).unwrap();
        out
    }

    #[test]
    fn cargo_compiles_those_that_are_asked_for() {
        assert_eq!(
            stage(Bins::Named(vec!["serve".to_owned(), "tool".to_owned()]), true),
            "FROM rust:1-trixie AS programs\nWORKDIR /usr/src/programs\nCOPY . .\n\
             RUN cargo install --path . --root /programs --locked --bin serve --bin tool\n\n"
        );
        assert!(stage(Bins::All, false).ends_with("RUN cargo install --path . --root /programs --bins\n\n"));
    }

    #[test]
    fn what_is_sent_is_copied() {
        assert_eq!(Programs::Sent(Vec::new()).instruction().unwrap(), None);
        let sent = Programs::Sent(vec![".pyimage.bins/serve".to_owned()]);
        assert_eq!(sent.instruction().unwrap().as_deref(), Some("COPY .pyimage.bins/serve /usr/local/bin/"));
        let mut out = String::new();
        sent.add_stage(&mut out).unwrap();
        assert_eq!(out, "");
    }
}

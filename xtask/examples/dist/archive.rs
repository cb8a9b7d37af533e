//! The release archive: the same content is the same bytes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use flate2::{Compression, GzBuilder};
use fs_err as fs;
use sha2::{Digest as _, Sha256};

/// A byte in the header of gzip for "no operating system in particular".
const NO_SYSTEM: u8 = 255;

/// What may be done with a file.
#[derive(Clone, Copy)]
pub(crate) enum Mode {
    /// Read.
    Text,
    /// Run, too.
    Program,
}

/// Files under one folder, in order of their paths.
pub(crate) struct Archive {
    name: String,
    files: BTreeMap<String, (Vec<u8>, Mode)>,
}

impl Archive {
    /// An empty archive, whose folder has its name.
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), files: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, path: &str, bytes: Vec<u8>, mode: Mode) {
        self.files.insert(path.to_owned(), (bytes, mode));
    }

    /// Writes `NAME.tar.gz`, and beside it the sha256 that `sha256sum --check` reads.
    pub(crate) fn write(self, folder: &Path, epoch: u64) -> Result<()> {
        let packed = GzBuilder::new().operating_system(NO_SYSTEM).write(Vec::new(), Compression::best());
        let mut tar = tar::Builder::new(packed);
        for (path, (bytes, mode)) in &self.files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mtime(epoch);
            header.set_mode(match mode {
                Mode::Text => 0o644,
                Mode::Program => 0o755,
            });
            tar.append_data(&mut header, format!("{}/{path}", self.name), bytes.as_slice())?;
        }
        let packed = tar.into_inner()?.finish()?;

        let file = format!("{}.tar.gz", self.name);
        let mut line = String::new();
        for byte in Sha256::digest(&packed) {
            write!(line, "{byte:02x}")?;
        }
        writeln!(line, "  {file}")?;
        fs::create_dir_all(folder)?;
        fs::write(folder.join(&file), packed)?;
        fs::write(folder.join(format!("{file}.sha256")), line)?;
        Ok(())
    }
}

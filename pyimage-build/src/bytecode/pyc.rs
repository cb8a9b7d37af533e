//! Files of bytecode.

use super::marshal;

/// How many bytes come before the code: magic number, flags, hash of the source.
const HEADER: usize = 16;
/// Flags of bytecode that is known by a hash of its source, which nobody checks: it is valid as long as it is there.
const UNCHECKED_HASH: [u8; 4] = [1, 0, 0, 0];

/// Why bytes are no file of bytecode that can be baked.
///
/// ```
/// use pyimage_build::{PycError, canonical_pyc};
///
/// assert_eq!(canonical_pyc(b"", 13), Err(PycError::Header));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PycError {
    /// Its beginning is not that of bytecode that is valid without a look at its source.
    #[error("the bytecode has no header with an unchecked hash")]
    Header,
    /// Its code is cut short.
    #[error("the bytecode ends too early")]
    Short,
    /// There is something after its code.
    #[error("the bytecode goes on after its end")]
    Long,
    /// It has an object that code does not have, or of a Python that is not known yet.
    #[error("the bytecode has an object of the unknown type {0:#04x}")]
    Type(u8),
    /// It refers to an object that it does not have.
    #[error("the bytecode refers to an object that is not there")]
    Reference,
    /// Its objects are nested deeper than those of any source.
    #[error("the bytecode is nested too deeply")]
    Depth,
}

/// A file of bytecode with an unchecked hash, in the one form that all with the same meaning have.
///
/// What Python's `marshal` writes depends on how often a process refers to an object, beside what is compiled: equal
/// sources give other bytes in another process. Here, equal constants are one object, an object is marked for later
/// reference exactly if there is one, and sets are sorted. `minor` is the minor version of the Python 3 that wrote
/// it, and that reads it.
///
/// ```
/// use pyimage_build::canonical_pyc;
///
/// let header = *b"\xf3\x0d\x0d\x0a\x01\0\0\0source's";
/// let pyc = |code: &[u8]| [&header[..], code].concat();
/// // A tuple of two constants, one of them marked in vain.
/// let (one, other) = (pyc(b")\x02\xfa\x03a.bN"), pyc(b")\x02z\x03a.bN"));
/// assert_eq!(canonical_pyc(&one, 13)?, canonical_pyc(&other, 13)?);
/// # Ok::<(), pyimage_build::PycError>(())
/// ```
///
/// # Errors
/// Where it is damaged, or not of this Python.
pub fn canonical_pyc(pyc: &[u8], minor: u16) -> Result<Vec<u8>, PycError> {
    let (header, code) = pyc.split_at_checked(HEADER).ok_or(PycError::Header)?;
    if header[4..8] != UNCHECKED_HASH {
        return Err(PycError::Header);
    }
    let mut canonical = header.to_vec();
    marshal::canonical(code, minor, &mut canonical)?;
    Ok(canonical)
}

/// Where Python 3 of this minor version looks for the bytecode of a module's file; nowhere, if it is no `.py`.
///
/// ```
/// use pyimage_build::pyc_path;
///
/// assert_eq!(pyc_path("demo/main.py", 13).as_deref(), Some("demo/__pycache__/main.cpython-313.pyc"));
/// assert_eq!(pyc_path("six.py", 9).as_deref(), Some("__pycache__/six.cpython-39.pyc"));
/// assert_eq!(pyc_path("demo/data.json", 13), None);
/// ```
#[must_use]
pub fn pyc_path(module: &str, minor: u16) -> Option<String> {
    let (folder, name) = match module.rsplit_once('/') {
        Some((folder, name)) => (format!("{folder}/"), name),
        None => (String::new(), module),
    };
    let stem = name.strip_suffix(".py").filter(|stem| !stem.is_empty())?;
    Some(format!("{folder}__pycache__/{stem}.cpython-3{minor}.pyc"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bytecode, BytecodeArchiveWriter, Digest};

    /// `golden/golden.py`, as CPython 3.13.5 compiled it.
    const COMPILED: &[u8] = include_bytes!("golden/golden.cpython-313.pyc");

    /// Locks have pinned digests of archives, which clones must come to again. Where one changes here, so does every one of
    /// those: it takes another `Bytecode::FORMAT`.
    #[test]
    fn the_same_bytecode_always_gives_the_same_digests() {
        assert_eq!(Bytecode::FORMAT, 1);
        let canonical = canonical_pyc(COMPILED, 13).unwrap();
        assert_ne!(canonical, COMPILED, "what a process happened to write");
        assert_eq!(canonical_pyc(&canonical, 13).unwrap(), canonical);
        let mut archive = BytecodeArchiveWriter::new(Vec::new()).unwrap();
        archive.add("demo/__pycache__/__init__.cpython-313.pyc", b"").unwrap();
        archive.add("demo/__pycache__/golden.cpython-313.pyc", &canonical).unwrap();
        let digests = [Digest::of(&canonical), archive.finish().unwrap()];
        assert_eq!(
            digests.map(|digest| digest.to_string()),
            [
                "sha256:c4b22f8d5d74bb56e9405e29c12a621eb4ec82216f308e3f318463e8e5046a52",
                "sha256:09c1e59a4149ab6fe189719f24e80427232452f6ea0dc006ff935e23ef3f55c8",
            ]
        );
    }
}

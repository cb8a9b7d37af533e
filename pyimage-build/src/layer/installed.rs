//! Which wheels are installed in an image.

use std::collections::BTreeSet;

use super::listing::shown;
use crate::wheel::csv_fields;

/// Where an installed wheel has the list of its files.
const RECORD: &str = ".dist-info/RECORD";
/// Where Python has the bytecode of the files in a folder.
const BYTECODE: &str = "__pycache__";

/// A wheel as it is found in an image: what its RECORD says.
///
/// ```
/// use pyimage_build::InstalledWheel;
///
/// let record = b"six.py,sha256=x,1\n../../../bin/six,,\nsix-1.17.0.dist-info/RECORD,,\n";
/// let path = "usr/local/lib/python3.13/site-packages/six-1.17.0.dist-info/RECORD";
/// let wheel = InstalledWheel::read(path, record).unwrap();
/// assert_eq!((&*wheel.name, &*wheel.version), ("six", "1.17.0"));
/// assert!(wheel.files.contains("usr/local/bin/six"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledWheel {
    /// Its name, as its folder has it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The folder of its metadata, as the path of an entry.
    pub folder: String,
    /// Its files, as the paths of entries.
    pub files: BTreeSet<String>,
}

impl InstalledWheel {
    /// Whether the path of an entry is that of a RECORD.
    ///
    /// ```
    /// use pyimage_build::InstalledWheel;
    ///
    /// assert!(InstalledWheel::is_record("usr/lib/python3/dist-packages/six-1.17.0.dist-info/RECORD"));
    /// assert!(!InstalledWheel::is_record("srv/RECORD"));
    /// ```
    #[must_use]
    pub fn is_record(path: &str) -> bool {
        path.ends_with(RECORD)
    }

    /// Reads the RECORD at this path; lines of it that make no sense are left out.
    ///
    /// ```
    /// # use pyimage_build::InstalledWheel;
    /// assert_eq!(InstalledWheel::read("srv/RECORD", b""), None);
    /// ```
    #[must_use]
    pub fn read(path: &str, record: &[u8]) -> Option<Self> {
        let folder = path.strip_suffix("/RECORD")?;
        let (packages, name) = folder.rsplit_once('/').unwrap_or(("", folder));
        let (name, version) = name.strip_suffix(".dist-info")?.split_once('-')?;
        let text = String::from_utf8_lossy(record);
        let files = text.lines().filter_map(|line| {
            let first = csv_fields(line.trim_end_matches('\r')).ok()?.into_iter().next()?;
            let file = joined(packages, &first)?;
            Some(shown(file.as_bytes()))
        });
        Some(Self {
            name: name.to_owned(),
            version: version.to_owned(),
            folder: folder.to_owned(),
            files: files.collect(),
        })
    }

    /// The file whose bytecode this one is, without its suffix.
    ///
    /// ```
    /// # use pyimage_build::InstalledWheel;
    /// let bytecode = "lib/requests/__pycache__/api.cpython-313.opt-1.pyc";
    /// assert_eq!(InstalledWheel::source_of(bytecode).as_deref(), Some("lib/requests/api.py"));
    /// assert_eq!(InstalledWheel::source_of("lib/requests/api.py"), None);
    /// ```
    #[must_use]
    pub fn source_of(path: &str) -> Option<String> {
        let (folder, name) = path.rsplit_once('/')?;
        let (above, inner) = folder.rsplit_once('/').unwrap_or(("", folder));
        let stem = name.strip_suffix(".pyc")?.split('.').next()?;
        (inner == BYTECODE).then(|| joined(above, &format!("{stem}.py"))).flatten()
    }
}

/// A path from a folder, both from the same root.
fn joined(folder: &str, path: &str) -> Option<String> {
    if path.is_empty() {
        return None;
    }
    let folder = if path.starts_with('/') { "" } else { folder };
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_tells_the_wheel_and_its_files() {
        let record = b"a_b/__init__.py,,\r\n\"a_b/x,y.py\",,\r\n../../../../../etc/passwd,,\r\n../../../bin/ab,,\n\n/opt/ab,,\n";
        let wheel =
            InstalledWheel::read("usr/local/lib/python3.13/site-packages/a_b-1.0+x.dist-info/RECORD", record)
                .unwrap();
        assert_eq!((&*wheel.name, &*wheel.version), ("a_b", "1.0+x"));
        let site = "usr/local/lib/python3.13/site-packages/a_b";
        let expected = [
            "etc/passwd",
            "opt/ab",
            "usr/local/bin/ab",
            &format!("{site}/__init__.py"),
            &format!("{site}/x,y.py"),
        ];
        assert!(wheel.files.iter().eq(expected), "{:?}", wheel.files);
        assert_eq!(InstalledWheel::read("nodash.dist-info/RECORD", b""), None);
    }

    proptest! {
        #[test]
        fn never_panics(path in "(\\PC|/){0,20}(-1.dist-info/RECORD)?", record: Vec<u8>) {
            let _ = InstalledWheel::read(&path, &record);
            let _ = InstalledWheel::source_of(&path);
        }
    }
}

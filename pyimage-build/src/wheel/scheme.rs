//! Where the files of a wheel go.

use super::WheelProblem;
use crate::PythonVersion;

/// Where the files of a wheel go below a prefix, and which Python its programs start.
///
/// It is the [`posix_prefix`] scheme of `sysconfig`, which the official images have on every distribution. The
/// prefix itself is not part of it: all paths are relative to it, so that the same files can become a folder
/// or the layer of an image.
///
/// ```
/// use pyimage_build::Scheme;
///
/// let scheme = Scheme::official(13);
/// assert_eq!(scheme.interpreter(), "/usr/local/bin/python3.13");
/// assert_eq!(scheme.site_packages(), "lib/python3.13/site-packages");
/// ```
///
/// [`posix_prefix`]: https://docs.python.org/3/library/sysconfig.html#posix-prefix
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scheme {
    /// The major and the minor version.
    python: (u16, u16),
    interpreter: String,
    launcher: Launcher,
}

/// Which pip's text the programs of entry points have. They all do the same.
///
/// ```
/// use pyimage_build::Launcher;
///
/// assert_eq!(Launcher::of_pip(25, 1), Launcher::Distlib);
/// assert_eq!(Launcher::of_pip(26, 3), Launcher::Pip26);
/// assert_eq!(Launcher::default(), Launcher::Pip26);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Launcher {
    /// distlib's, which pip before 25.2 has. It is the only one that Python before 3.9 can read.
    Distlib,
    /// pip 25.2's and 25.3's.
    Pip25_2,
    /// What pip writes since 26.0.
    #[default]
    Pip26,
}

impl Launcher {
    /// What this version of pip writes.
    ///
    /// ```
    /// # use pyimage_build::Launcher;
    /// assert_eq!(Launcher::of_pip(25, 3), Launcher::Pip25_2);
    /// ```
    #[must_use]
    pub const fn of_pip(major: u16, minor: u16) -> Self {
        match (major, minor) {
            (..=24, _) | (25, ..=1) => Self::Distlib,
            (25, _) => Self::Pip25_2,
            _ => Self::Pip26,
        }
    }
}

/// What `.data` folders can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Library,
    Headers,
    Scripts,
    Data,
}

impl Scheme {
    /// The scheme of the official image of Python 3 with this minor version, whose prefix is `/usr/local`.
    ///
    /// ```
    /// use pyimage_build::Scheme;
    ///
    /// assert_eq!(Scheme::official(9).interpreter(), "/usr/local/bin/python3.9");
    /// ```
    #[must_use]
    pub fn official(minor: u16) -> Self {
        Self::new(minor, format!("/usr/local/bin/python3.{minor}"))
    }

    /// The scheme of the official image of this Python, be it 2 or 3; none where the version has no minor number.
    ///
    /// Programs are as the last pip for this Python writes them.
    ///
    /// ```
    /// use pyimage_build::Scheme;
    ///
    /// assert_eq!(Scheme::of(&"3.13.5".parse()?), Some(Scheme::official(13)));
    /// let scheme = Scheme::of(&"2.7.18".parse()?).expect("a minor number");
    /// assert_eq!(scheme.interpreter(), "/usr/local/bin/python2.7");
    /// assert_eq!(scheme.site_packages(), "lib/python2.7/site-packages");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn of(python: &PythonVersion) -> Option<Self> {
        let python = (python.major(), python.minor()?);
        let (major, minor) = python;
        Some(Self::of_python(python, format!("/usr/local/bin/python{major}.{minor}")))
    }

    /// The scheme of Python 3 with this minor version, whose programs start this interpreter.
    ///
    /// ```
    /// use pyimage_build::Scheme;
    ///
    /// let scheme = Scheme::new(12, "/opt/env/bin/python");
    /// assert_eq!(scheme.site_packages(), "lib/python3.12/site-packages");
    /// ```
    #[must_use]
    pub fn new(minor: u16, interpreter: impl Into<String>) -> Self {
        Self::of_python((3, minor), interpreter.into())
    }

    fn of_python(python: (u16, u16), interpreter: String) -> Self {
        // What newer ones call came with 3.9.
        let launcher = if python < (3, 9) { Launcher::Distlib } else { Launcher::default() };
        Self { python, interpreter, launcher }
    }

    /// The same, with programs as another pip writes them.
    ///
    /// ```
    /// use pyimage_build::{Launcher, Scheme};
    ///
    /// let scheme = Scheme::official(13).with_launcher(Launcher::of_pip(25, 1));
    /// assert_ne!(scheme, Scheme::official(13));
    /// ```
    #[must_use]
    pub fn with_launcher(mut self, launcher: Launcher) -> Self {
        self.launcher = launcher;
        self
    }

    /// The absolute path, in the container, of the Python that programs start.
    ///
    /// ```
    /// # use pyimage_build::Scheme;
    /// assert_eq!(Scheme::new(13, "/usr/bin/python3").interpreter(), "/usr/bin/python3");
    /// ```
    #[must_use]
    pub fn interpreter(&self) -> &str {
        &self.interpreter
    }

    /// The folder that Python imports from, relative to the prefix.
    ///
    /// ```
    /// # use pyimage_build::Scheme;
    /// assert_eq!(Scheme::official(13).site_packages(), "lib/python3.13/site-packages");
    /// ```
    #[must_use]
    pub fn site_packages(&self) -> String {
        let (major, minor) = self.python;
        format!("lib/python{major}.{minor}/site-packages")
    }

    /// The folder of headers, relative to the prefix.
    pub(crate) fn include(&self) -> String {
        let (major, minor) = self.python;
        format!("include/python{major}.{minor}")
    }

    pub(crate) fn minor(&self) -> u16 {
        self.python.1
    }

    /// The major and the minor version of its Python.
    pub(crate) fn python(&self) -> (u16, u16) {
        self.python
    }

    pub(super) fn launcher(&self) -> Launcher {
        self.launcher
    }

    /// What stands for the text of its programs in keys, so that it may never change.
    pub(crate) fn launcher_name(&self) -> &'static str {
        match self.launcher {
            Launcher::Distlib => "distlib",
            Launcher::Pip25_2 => "pip-25.2",
            Launcher::Pip26 => "pip-26",
        }
    }

    /// Where a file goes, and as what. `distribution` is a name that is fit for a folder.
    pub(super) fn place(&self, entry: &str, distribution: &str) -> Result<(String, Key), WheelProblem> {
        let site_packages = self.site_packages();
        let (first, rest) = entry.split_once('/').unwrap_or((entry, ""));
        if !is_data_folder(first) {
            return Ok((format!("{site_packages}/{entry}"), Key::Library));
        }
        let (key, path) = rest
            .split_once('/')
            .and_then(|(key, path)| Some((Key::parse(key)?, path)))
            .ok_or_else(|| WheelProblem::Data { entry: entry.to_owned() })?;
        let path = match key {
            // The two are one folder in the official images.
            Key::Library => format!("{site_packages}/{path}"),
            Key::Headers => format!("{}/{distribution}/{path}", self.include()),
            Key::Scripts => format!("bin/{path}"),
            Key::Data => path.to_owned(),
        };
        Ok((path, key))
    }
}

/// Whether what is in this folder of a wheel goes elsewhere than into site-packages. Like pip, by the suffix
/// only, and not by the name before it.
pub(super) fn is_data_folder(first: &str) -> bool {
    first.strip_suffix(".data").is_some()
}

impl Key {
    fn parse(key: &str) -> Option<Self> {
        Some(match key {
            "purelib" | "platlib" => Self::Library,
            "headers" => Self::Headers,
            "scripts" => Self::Scripts,
            "data" => Self::Data,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_2_has_folders_of_its_own() {
        let scheme = Scheme::of(&"2.7.18".parse().unwrap()).unwrap();
        for (entry, path, key) in [
            ("demo/a.py", "lib/python2.7/site-packages/demo/a.py", Key::Library),
            ("d-1.data/headers/a.h", "include/python2.7/Demo/a.h", Key::Headers),
        ] {
            assert_eq!(scheme.place(entry, "Demo").unwrap(), (path.to_owned(), key));
        }
        assert_eq!(Scheme::of(&"2".parse().unwrap()), None);
    }

    #[test]
    fn programs_are_what_their_python_can_read() {
        let launcher = |python: &str| Scheme::of(&python.parse().unwrap()).unwrap().launcher();
        for (python, expected) in [
            ("2.7.18", Launcher::Distlib),
            ("3.8.20", Launcher::Distlib),
            ("3.9.25", Launcher::Pip26),
            ("3.13.5", Launcher::Pip26),
        ] {
            assert_eq!(launcher(python), expected, "{python}");
        }
    }

    #[test]
    fn files_go_where_sysconfig_says() {
        let scheme = Scheme::official(13);
        for (entry, path, key) in [
            ("demo/a.py", "lib/python3.13/site-packages/demo/a.py", Key::Library),
            ("demo.py", "lib/python3.13/site-packages/demo.py", Key::Library),
            ("d-1.data/purelib/a.py", "lib/python3.13/site-packages/a.py", Key::Library),
            ("d-1.data/platlib/a.so", "lib/python3.13/site-packages/a.so", Key::Library),
            ("d-1.data/headers/a/b.h", "include/python3.13/Demo/a/b.h", Key::Headers),
            ("d-1.data/scripts/tool", "bin/tool", Key::Scripts),
            ("d-1.data/data/share/x", "share/x", Key::Data),
        ] {
            assert_eq!(scheme.place(entry, "Demo").unwrap(), (path.to_owned(), key));
        }
        for wrong in ["d-1.data/x", "d-1.data", "d-1.data/etc/x", "d-1.data/Scripts/x"] {
            assert!(matches!(scheme.place(wrong, "demo"), Err(WheelProblem::Data { .. })), "{wrong}");
        }
    }
}

//! What a wheel becomes when it is installed: a list of files, as pip makes them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::io::{self, Write};

use super::archive::Entry;
use super::path;
use super::record::{self, Hasher, Row};
use super::scheme::{Key, Scheme, is_data_folder};
use super::unpacker::CopyProblem;
use super::{Unpacker, Wheel, WheelError, WheelProblem};
use crate::PackageName;

/// `NAME_MAX`.
const LONGEST_NAME: usize = 255;

/// How a package came to be installed, which its metadata tells.
///
/// ```
/// use pyimage_build::Provenance;
///
/// let provenance = Provenance { requested: true, ..Provenance::default() };
/// assert_eq!(provenance.direct_url, None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// Somebody asked for it by name; it is no mere dependency. Makes the file [`REQUESTED`].
    ///
    /// [`REQUESTED`]: https://packaging.python.org/en/latest/specifications/recording-installed-packages/
    pub requested: bool,
    /// The text of [`direct_url.json`], where it came from a URL or a path in place of an index.
    ///
    /// [`direct_url.json`]: https://packaging.python.org/en/latest/specifications/direct-url/
    pub direct_url: Option<String>,
}

/// The files of one installed wheel, sorted by path, each of them once.
///
/// It is what `pip install --no-compile` of the same wheel leaves, with these differences by design:
///
/// - each file of `.data/scripts` may be executed; pip asks the archive, where many tools leave no modes;
/// - modes are 0644 and 0755, whatever the umask;
/// - `INSTALLER`, `REQUESTED` and `direct_url.json` never come from the wheel itself;
/// - the folder of headers is called after the package as it calls itself, not as somebody typed it;
/// - what RECORD does not vouch for is refused.
///
/// ```no_run
/// use pyimage_build::{Provenance, Scheme, Unpacker, Wheel};
///
/// let wheel = Wheel::open("demo-1.0-py3-none-any.whl")?;
/// let installation = wheel.installation(&Scheme::official(13), &Provenance::default())?;
/// let mut unpacker = Unpacker::new();
/// let mut archive = Vec::new();
/// for file in installation.files() {
///     println!("{:o} {:>9} usr/local/{}", file.mode(), file.size(), file.path());
///     file.copy(&mut unpacker, &mut archive)?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Installation<'w> {
    wheel: &'w Wheel,
    files: Vec<InstalledFile<'w>>,
}

/// A file of an [`Installation`]. Its content stays in the wheel until it is [copied](Self::copy).
///
/// ```no_run
/// # use pyimage_build::{Provenance, Scheme, Wheel};
/// let wheel = Wheel::open("demo-1.0-py3-none-any.whl")?;
/// let installation = wheel.installation(&Scheme::official(13), &Provenance::default())?;
/// let first = &installation.files()[0];
/// assert_eq!((first.path(), first.mode()), ("bin/demo", 0o755));
/// # Ok::<(), pyimage_build::WheelError>(())
/// ```
pub struct InstalledFile<'w> {
    wheel: &'w Wheel,
    path: String,
    executable: bool,
    size: u64,
    content: Content<'w>,
}

enum Content<'w> {
    /// As it is in the wheel.
    Entry(usize, &'w Entry),
    /// As it is in the wheel, but for the first line.
    Script { index: usize, entry: &'w Entry, first_line: String, replaced: u64, hash: String },
    /// Made here.
    Text(Vec<u8>),
}

/// Why a file of a wheel did not get where it was to go.
///
/// ```
/// use pyimage_build::CopyError;
///
/// let error = CopyError::Write(std::io::ErrorKind::StorageFull.into());
/// assert_eq!(error.to_string(), "cannot write");
/// ```
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The wheel is damaged.
    #[error(transparent)]
    Wheel(#[from] WheelError),
    /// The destination takes no more.
    #[error("cannot write")]
    Write(#[source] io::Error),
}

impl fmt::Debug for InstalledFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:o} {} ({} bytes)", self.mode(), self.path, self.size)
    }
}

impl<'w> Installation<'w> {
    pub(super) fn plan(
        wheel: &'w Wheel,
        scheme: &Scheme,
        provenance: &Provenance,
    ) -> Result<Self, WheelProblem> {
        let mut plan = Plan {
            wheel,
            scheme,
            site_packages: scheme.site_packages(),
            files: BTreeMap::new(),
            installed: HashMap::new(),
            rewritten: HashMap::new(),
            generated: Vec::new(),
            dropped: HashSet::new(),
        };
        plan.copies()?;
        plan.launchers()?;
        plan.metadata(provenance);
        let files = plan.finish()?;
        Ok(Self { wheel, files })
    }

    /// The wheel.
    ///
    /// ```no_run
    /// # use pyimage_build::{Provenance, Scheme, Wheel};
    /// # let wheel = Wheel::open("demo-1.0-py3-none-any.whl")?;
    /// let installation = wheel.installation(&Scheme::official(13), &Provenance::default())?;
    /// assert_eq!(installation.wheel().name(), wheel.name());
    /// # Ok::<(), pyimage_build::WheelError>(())
    /// ```
    #[must_use]
    pub fn wheel(&self) -> &'w Wheel {
        self.wheel
    }

    /// Its files, sorted by path.
    ///
    /// ```no_run
    /// # use pyimage_build::{Provenance, Scheme, Wheel};
    /// # let wheel = Wheel::open("demo-1.0-py3-none-any.whl")?;
    /// let installation = wheel.installation(&Scheme::official(13), &Provenance::default())?;
    /// assert!(installation.files().is_sorted_by_key(|file| file.path()));
    /// # Ok::<(), pyimage_build::WheelError>(())
    /// ```
    #[must_use]
    pub fn files(&self) -> &[InstalledFile<'w>] {
        &self.files
    }
}

impl InstalledFile<'_> {
    /// Where it goes, relative to the prefix: parts with `/` between them, none of them `..`.
    ///
    /// ```no_run
    /// # fn of(file: &pyimage_build::InstalledFile) {
    /// let in_the_image = format!("usr/local/{}", file.path());
    /// # }
    /// ```
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its mode: 0755 or 0644.
    ///
    /// ```no_run
    /// # fn of(file: &pyimage_build::InstalledFile) {
    /// let is_program = file.mode() == 0o755;
    /// # }
    /// ```
    #[must_use]
    pub fn mode(&self) -> u32 {
        if self.executable { 0o755 } else { 0o644 }
    }

    /// How many bytes it has.
    ///
    /// ```no_run
    /// # fn of(installation: &pyimage_build::Installation) {
    /// let size: u64 = installation.files().iter().map(|file| file.size()).sum();
    /// # }
    /// ```
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Writes its content, and checks it on the way. What was written is worth nothing where this fails.
    ///
    /// ```no_run
    /// # fn of(file: &pyimage_build::InstalledFile) -> Result<(), pyimage_build::CopyError> {
    /// let mut content = Vec::new();
    /// file.copy(&mut pyimage_build::Unpacker::new(), &mut content)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn copy(&self, unpacker: &mut Unpacker, out: &mut impl Write) -> Result<(), CopyError> {
        let wheel = self.wheel;
        let copied = match &self.content {
            Content::Text(text) => out.write_all(text).map_err(CopyProblem::Write),
            Content::Entry(index, entry) => {
                unpacker.copy(&wheel.archive, entry, wheel.contents.expected[*index].as_ref(), out)
            }
            Content::Script { index, entry, first_line, replaced, .. } => {
                out.write_all(first_line.as_bytes()).map_err(CopyError::Write)?;
                let mut out = Rest { out, skip: *replaced };
                unpacker.copy(&wheel.archive, entry, wheel.contents.expected[*index].as_ref(), &mut out)
            }
        };
        copied.map_err(|problem| match problem {
            CopyProblem::Wheel(problem) => CopyError::Wheel(WheelError::of(wheel.file_name())(problem)),
            CopyProblem::Write(error) => CopyError::Write(error),
        })
    }

    /// The wheel that it comes from.
    pub(super) fn wheel(&self) -> &Wheel {
        self.wheel
    }

    /// Whether two files are the same but for their place, as far as can be told without reading them.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.executable == other.executable && self.size == other.size && self.hash() == other.hash()
    }

    fn hash(&self) -> String {
        match &self.content {
            Content::Text(text) => record::sha256(text),
            Content::Script { hash, .. } => hash.clone(),
            Content::Entry(index, _) => {
                let expected = self.wheel.contents.expected[*index].as_ref();
                expected.map(record::Expected::text).unwrap_or_default()
            }
        }
    }
}

/// An installation in the making. Its steps are those of pip's `_install_wheel`, in their order.
struct Plan<'w, 's> {
    wheel: &'w Wheel,
    scheme: &'s Scheme,
    site_packages: String,
    files: BTreeMap<String, InstalledFile<'w>>,
    /// Paths in RECORD by paths in the wheel.
    installed: HashMap<&'w str, String>,
    /// Hash and size by path in RECORD.
    rewritten: HashMap<String, (String, u64)>,
    /// Paths of files that no entry of the wheel became.
    generated: Vec<String>,
    /// Entries that are to come from the installer.
    dropped: HashSet<String>,
}

impl<'w> Plan<'w, '_> {
    fn copies(&mut self) -> Result<(), WheelProblem> {
        let contents = &self.wheel.contents;
        let dist_info = &contents.dist_info;
        self.dropped =
            ["INSTALLER", "REQUESTED", "direct_url.json"].map(|file| format!("{dist_info}/{file}")).into();
        let distribution = &contents.name;
        // It becomes the name of a folder.
        if distribution.len() > LONGEST_NAME || distribution.parse::<PackageName>().is_err() {
            let entry = format!("{dist_info}/METADATA");
            return Err(WheelProblem::Field { entry, field: "Name" });
        }
        let mut placed = Vec::with_capacity(self.wheel.archive.entries.len());
        for (index, entry) in self.wheel.archive.entries.iter().enumerate() {
            if self.dropped.contains(&entry.name) {
                continue;
            }
            let (path, key) = self.scheme.place(&entry.name, distribution)?;
            let file_name = path.rsplit('/').next().unwrap_or(&path);
            if key == Key::Scripts && contents.entry_points.shadow(file_name) {
                continue;
            }
            let in_data = entry.name.split('/').next().is_some_and(is_data_folder);
            let turn = (key == Key::Scripts, in_data);
            placed.push((turn, index, entry, path, key));
        }
        // Where two become one file, the later one stays: the root's, then those of `.data`, then its scripts.
        placed.sort_by_key(|(turn, ..)| *turn);
        let mut unpacker = Unpacker::new();
        for (_, index, entry, path, key) in placed {
            let recorded = path::relative(&path, &self.site_packages);
            let mut content = Content::Entry(index, entry);
            let mut size = entry.size;
            if key == Key::Scripts
                && let Some(script) = self.rewritten_script(&mut unpacker, index, entry)?
            {
                let Content::Script { first_line, replaced, hash, .. } = &script else { continue };
                size = entry.size - replaced + first_line.len() as u64;
                self.rewritten.insert(recorded.clone(), (hash.clone(), size));
                content = script;
            }
            self.installed.insert(&entry.name, recorded);
            self.put(path, key == Key::Scripts || entry.executable, size, content);
        }
        Ok(())
    }

    fn put(&mut self, path: String, executable: bool, size: u64, content: Content<'w>) {
        let file = InstalledFile { wheel: self.wheel, path: path.clone(), executable, size, content };
        self.files.insert(path, file);
    }

    /// The script with the interpreter in its first line, where that asks for it.
    fn rewritten_script(
        &self,
        unpacker: &mut Unpacker,
        index: usize,
        entry: &'w Entry,
    ) -> Result<Option<Content<'w>>, WheelProblem> {
        let first_line = format!("#!{}\n", self.scheme.interpreter());
        let mut script = ScriptReader::new(&first_line);
        let expected = self.wheel.contents.expected[index].as_ref();
        match unpacker.copy(&self.wheel.archive, entry, expected, &mut script) {
            Err(CopyProblem::Wheel(problem)) => return Err(problem),
            // It stops where it has seen that the script stays as it is.
            Err(CopyProblem::Write(_)) => return Ok(None),
            Ok(()) => {}
        }
        Ok(script.finish().map(|(replaced, hash)| Content::Script {
            index,
            entry,
            first_line,
            replaced,
            hash,
        }))
    }

    fn launchers(&mut self) -> Result<(), WheelProblem> {
        for (name, text) in self.wheel.contents.entry_points.launchers(self.scheme)? {
            self.generate(format!("bin/{name}"), true, text);
        }
        Ok(())
    }

    fn metadata(&mut self, provenance: &Provenance) {
        let dist_info = format!("{}/{}", self.site_packages, self.wheel.contents.dist_info);
        self.generate(format!("{dist_info}/INSTALLER"), false, "pip\n".to_owned());
        if let Some(direct_url) = &provenance.direct_url {
            self.generate(format!("{dist_info}/direct_url.json"), false, direct_url.clone());
        }
        if provenance.requested {
            self.generate(format!("{dist_info}/REQUESTED"), false, String::new());
        }
    }

    fn generate(&mut self, path: String, executable: bool, text: String) {
        self.generated.push(path.clone());
        self.put(path, executable, text.len() as u64, Content::Text(text.into_bytes()));
    }

    fn finish(mut self) -> Result<Vec<InstalledFile<'w>>, WheelProblem> {
        let record = record::write(self.rows());
        let path = format!("{}/{}/RECORD", self.site_packages, self.wheel.contents.dist_info);
        self.put(path, false, record.len() as u64, Content::Text(record.into_bytes()));
        for path in self.files.keys() {
            if let Some(folder) = path::folders(path).find(|folder| self.files.contains_key(*folder)) {
                return Err(WheelProblem::FileAndFolder { entry: folder.to_owned() });
            }
        }
        Ok(self.files.into_values().collect())
    }

    /// pip's `get_csv_rows_for_installed`. Lines of files that were not installed stay as they are.
    fn rows(&mut self) -> Vec<Row> {
        let mut rows = Vec::new();
        for row in &self.wheel.contents.rows {
            if self.dropped.contains(&row.path) {
                continue;
            }
            let path = self.installed.remove(row.path.as_str()).unwrap_or_else(|| row.path.clone());
            let (hash, size) = match self.rewritten.get(&path) {
                Some((hash, size)) => (hash.clone(), size.to_string()),
                None => (row.hash.clone(), row.size.clone()),
            };
            rows.push(Row { path, hash, size });
        }
        for path in &self.generated {
            let Some(InstalledFile { content: Content::Text(text), .. }) = self.files.get(path) else {
                continue;
            };
            rows.push(Row {
                path: path::relative(path, &self.site_packages),
                hash: record::sha256(text),
                size: text.len().to_string(),
            });
        }
        // RECORD's signatures, and RECORD itself where it does not list itself.
        let unlisted = self.installed.drain().map(|(_, path)| path);
        rows.extend(unlisted.map(|path| Row { path, hash: String::new(), size: String::new() }));
        rows
    }
}

/// Passes on all but the first bytes.
struct Rest<'a, W> {
    out: &'a mut W,
    skip: u64,
}

impl<W: Write> Write for Rest<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        self.skip -= skipped as u64;
        self.out.write_all(&bytes[skipped..])?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Hashes a script as it will be with another first line, or fails where it stays as it is.
struct ScriptReader {
    start: Vec<u8>,
    first_line: u64,
    in_first_line: bool,
    hasher: Hasher,
}

impl ScriptReader {
    /// pip looks at nothing else: `#!pythonw -E` counts too, and loses its argument.
    const MARK: &'static [u8] = b"#!python";

    fn new(first_line: &str) -> Self {
        let mut hasher = Hasher::sha256();
        hasher.update(first_line.as_bytes());
        Self { start: Vec::new(), first_line: 0, in_first_line: true, hasher }
    }

    /// How long the first line was, and the hash with the other one.
    fn finish(self) -> Option<(u64, String)> {
        (self.start == Self::MARK).then(|| (self.first_line, self.hasher.finish()))
    }
}

impl Write for ScriptReader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let missing = Self::MARK.len() - self.start.len();
        self.start.extend_from_slice(&bytes[..missing.min(bytes.len())]);
        if !Self::MARK.starts_with(&self.start) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut rest = bytes;
        if self.in_first_line {
            let line = bytes.iter().position(|byte| *byte == b'\n').map(|end| end + 1);
            let len = line.unwrap_or(bytes.len());
            self.in_first_line = line.is_none();
            self.first_line += len as u64;
            rest = &bytes[len..];
        }
        self.hasher.update(rest);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! Files that go elsewhere in an image than the project's, as a Dockerfile puts them there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pyimage_build::{ExtraFile, ExtraFiles, PlacedFile, PlacedKind, SourceError};

use super::word::shell;
use super::{Copied, DockerfileError};

/// What a Dockerfile does about the key `files`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Elsewhere {
    copied: Vec<Copied>,
    /// Where each link is, and where it leads.
    links: Vec<(String, String)>,
    /// The files whose modes are not those that they are sent with.
    modes: BTreeMap<u32, BTreeSet<String>>,
    /// The files of the project that are taken.
    pub(super) taken: BTreeSet<String>,
    /// Those of them that nothing names: what links lead to.
    pub(super) needed: BTreeSet<String>,
}

impl Elsewhere {
    /// As an engine is sent them: below a folder, by their places in the image, with their modes.
    pub(super) fn sent(files: &ExtraFiles, folder: &str) -> Self {
        let mut elsewhere = Self::default();
        for (path, file) in files.placed() {
            elsewhere.add(path, &format!("{folder}/{path}"), &file.kind);
        }
        elsewhere
    }

    /// As they are in the package's folder, of whose files `others` are sent too. What has a mode of its own in Cargo.toml
    /// is given it in the image: not every builder can do so while it copies.
    pub(super) fn written(
        folder: &Path,
        root: &Path,
        wanted: &[ExtraFile],
        others: &BTreeSet<String>,
    ) -> Result<Self, SourceError> {
        let all = ExtraFiles::select(folder, root, wanted)?;
        let mut sent: BTreeSet<String> = all.placed().map(|(_, file)| file.from.clone()).collect();
        sent.extend(others.iter().cloned());
        let mut elsewhere = Self::default();
        for entry in wanted {
            let files = ExtraFiles::select(folder, root, std::slice::from_ref(entry))?;
            let own: BTreeSet<String> = files.placed().map(|(_, file)| file.from.clone()).collect();
            if let Some(from) = whole_folder(folder, entry, &own, &sent) {
                let place = match entry.to.trim_matches('/') {
                    "" => "/".to_owned(),
                    to => format!("/{to}/"),
                };
                elsewhere.copied.push(Copied::To { names: vec![from.to_owned()], place });
            } else {
                for (path, file) in files.placed() {
                    let from = in_project(folder, file);
                    if from != file.from {
                        elsewhere.needed.insert(from.clone());
                    }
                    elsewhere.add(path, &from, &file.kind);
                    if let (Some(mode), PlacedKind::File { .. }) = (entry.mode, &file.kind) {
                        elsewhere.modes.entry(mode).or_default().insert(format!("/{path}"));
                    }
                }
            }
            elsewhere.taken.extend(own);
        }
        elsewhere.taken.extend(elsewhere.needed.iter().cloned());
        Ok(elsewhere)
    }

    fn add(&mut self, path: &str, from: &str, kind: &PlacedKind) {
        if let PlacedKind::Symlink { target } = kind {
            self.links.push((format!("/{path}"), target.clone()));
            return;
        }
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if from.rsplit('/').next() != Some(name) {
            self.copied.push(Copied::To { names: vec![from.to_owned()], place: format!("/{path}") });
            return;
        }
        let place = if folder.is_empty() { "/".to_owned() } else { format!("/{folder}/") };
        match self.copied.last_mut() {
            Some(Copied::To { names, place: last }) if *last == place => names.push(from.to_owned()),
            _ => self.copied.push(Copied::To { names: vec![from.to_owned()], place }),
        }
    }

    pub(super) fn instructions(&self) -> Result<Vec<String>, DockerfileError> {
        let mut lines = self.copied.iter().map(Copied::instruction).collect::<Result<Vec<_>, _>>()?;
        let mut commands = Vec::new();
        for (path, target) in &self.links {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            if !folder.is_empty() {
                commands.push(format!("mkdir -p {}", shell(folder, "`files`")?));
            }
            commands.push(format!("ln -sfn {} {}", shell(target, "`files`")?, shell(path, "`files`")?));
        }
        commands.dedup();
        for (mode, paths) in &self.modes {
            let paths = paths.iter().map(|path| shell(path, "`files`")).collect::<Result<Vec<_>, _>>()?;
            commands.push(format!("chmod {mode:04o} {}", paths.join(" ")));
        }
        if !commands.is_empty() {
            lines.push(format!("RUN {}", commands.join(" && ")));
        }
        Ok(lines)
    }
}

/// The folder that an entry names, where all that is sent of it is the entry's, and goes along as it is. So what is new
/// in it is copied too.
fn whole_folder<'e>(
    folder: &Path,
    entry: &'e ExtraFile,
    own: &BTreeSet<String>,
    sent: &BTreeSet<String>,
) -> Option<&'e str> {
    let from = entry.from.strip_prefix("./").unwrap_or(&entry.from);
    let from = from.strip_suffix('/').unwrap_or(from);
    let is_plain =
        !from.is_empty() && from != "." && !from.contains(['*', '?', '[', ']', '{', '}', '\\', '!']);
    if entry.mode.is_some() || !is_plain || !folder.join(from).is_dir() {
        return None;
    }
    let inside = sent.iter().filter(|path| path.strip_prefix(from).is_some_and(|rest| rest.starts_with('/')));
    inside.clone().all(|path| own.contains(path)).then_some(from)
}

/// Where a file is that is read, from the package's folder.
fn in_project(folder: &Path, file: &PlacedFile) -> String {
    let own = |folder: &Path| file.on_disk.strip_prefix(folder).ok().map(Path::to_owned);
    let path = own(folder).or_else(|| own(&fs_err::canonicalize(folder).ok()?));
    let path = path.and_then(|path| path.to_str().map(|path| path.replace(std::path::MAIN_SEPARATOR, "/")));
    path.unwrap_or_else(|| file.from.clone())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn project() -> tempfile::TempDir {
        let project = tempfile::tempdir().unwrap();
        for file in ["conf/app.toml", "conf/d/a.ini", "run.sh", "a b"] {
            let path = project.path().join(file);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, file).unwrap();
        }
        symlink("app.toml", project.path().join("conf/latest")).unwrap();
        project
    }

    fn wanted(files: &[(&str, &str, Option<u32>)]) -> Vec<ExtraFile> {
        let file = |&(from, to, mode): &(&str, &str, _)| ExtraFile { from: from.into(), to: to.into(), mode };
        files.iter().map(file).collect()
    }

    fn written(files: &[(&str, &str, Option<u32>)], others: &[&str]) -> Vec<String> {
        let project = project();
        let others = others.iter().map(|&path| path.to_owned()).collect();
        let made = Elsewhere::written(project.path(), project.path(), &wanted(files), &others).unwrap();
        made.instructions().unwrap()
    }

    #[test]
    fn folders_go_as_they_are_and_modes_are_given_in_the_image() {
        assert_eq!(written(&[("conf", "/etc/app", None)], &["app/main.py"]), ["COPY conf /etc/app/"]);
        assert_eq!(
            written(
                &[("conf/*.toml", "/etc/app/", Some(0o640)), ("run.sh", "/usr/local/bin/run", Some(0o755))],
                &[]
            ),
            [
                "COPY conf/app.toml /etc/app/",
                "COPY run.sh /usr/local/bin/run",
                "RUN chmod 0640 /etc/app/app.toml && chmod 0755 /usr/local/bin/run"
            ]
        );
        // Something else of the folder is sent too.
        assert_eq!(
            written(&[("conf", "/", None)], &["conf/requirements.txt"]),
            ["COPY conf/app.toml /", "COPY conf/d/a.ini /d/", "RUN ln -sfn app.toml /latest"]
        );
        assert_eq!(
            written(&[("a b", "/it's", Some(0o600))], &[]),
            [r#"COPY ["a b", "/it\\'s"]"#, r"RUN chmod 0600 '/it'\''s'"]
        );
        // A link that is named is what it leads to.
        assert_eq!(written(&[("conf/latest", "/etc/app.toml", None)], &[]), ["COPY conf/app.toml /etc/"]);
    }

    #[test]
    fn what_is_sent_has_its_modes() {
        let project = project();
        let files = wanted(&[("conf", "/etc/app", None), ("run.sh", "/usr/local/bin/run", Some(0o755))]);
        let files = ExtraFiles::select(project.path(), project.path(), &files).unwrap();
        assert_eq!(
            Elsewhere::sent(&files, ".files").instructions().unwrap(),
            [
                "COPY .files/etc/app/app.toml /etc/app/",
                "COPY .files/etc/app/d/a.ini /etc/app/d/",
                "COPY .files/usr/local/bin/run /usr/local/bin/",
                "RUN mkdir -p /etc/app && ln -sfn app.toml /etc/app/latest"
            ]
        );
    }
}

//! The project's files, as a Dockerfile copies them.

use std::collections::BTreeSet;

use super::DockerfileError;
use super::word::list;

/// A `COPY` of what a build is sent: mostly from the folder of the package to the same place in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Copied {
    /// All that is sent.
    All,
    /// A folder.
    Folder(String),
    /// Files of one folder, which is empty where it is the package's.
    Files { names: Vec<String>, folder: String },
    /// Files, or a folder, to another place.
    To { names: Vec<String>, place: String },
}

impl Copied {
    #[cfg(test)]
    pub(super) fn folder(name: &str) -> Self {
        Self::Folder(name.to_owned())
    }

    /// These files, each to the folder that it is in.
    pub(super) fn files(paths: &[String]) -> Vec<Self> {
        let mut copied: Vec<Self> = Vec::new();
        for path in paths {
            let own = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            match copied.last_mut() {
                Some(Self::Files { names, folder }) if folder == own => names.push(path.clone()),
                _ => copied.push(Self::Files { names: vec![path.clone()], folder: own.to_owned() }),
            }
        }
        copied
    }

    /// What copies all of `selected` and nothing of `others`, which are sent too. A folder is copied as a whole where a
    /// glob begins there or above, so that what is new in it is copied too.
    pub(super) fn of(selected: &BTreeSet<String>, others: &BTreeSet<String>, bases: &[String]) -> Vec<Self> {
        let (mut folders, mut files) = (Vec::new(), Vec::new());
        below("", selected, others, bases, &mut folders, &mut files);
        Self::files(&files).into_iter().chain(folders.into_iter().map(Self::Folder)).collect()
    }

    pub(super) fn instruction(&self) -> Result<String, DockerfileError> {
        let (sources, place) = match self {
            Self::All => return Ok("COPY . .".to_owned()),
            Self::Folder(folder) => (std::slice::from_ref(folder), format!("{folder}/")),
            Self::Files { names, folder } if folder.is_empty() => (&names[..], "./".to_owned()),
            Self::Files { names, folder } => (&names[..], format!("{folder}/")),
            Self::To { names, place } => (&names[..], place.clone()),
        };
        if let Some(path) = sources.iter().find(|path| path.contains(['*', '?', '[', '\\'])) {
            return Err(DockerfileError::Path { path: path.clone() });
        }
        let words = sources.iter().map(String::as_str).chain([&*place]);
        let is_plain = |word: &str| {
            !word.starts_with('-')
                && word.chars().all(|letter| letter.is_ascii_alphanumeric() || "_./@%+-".contains(letter))
        };
        if words.clone().all(is_plain) {
            return Ok(format!("COPY {}", words.collect::<Vec<_>>().join(" ")));
        }
        Ok(format!("COPY {}", list(words, &format!("`{}`", sources.join("`, `")))?))
    }
}

fn below(
    prefix: &str,
    selected: &BTreeSet<String>,
    others: &BTreeSet<String>,
    bases: &[String],
    folders: &mut Vec<String>,
    files: &mut Vec<String>,
) {
    let inside = |paths: &BTreeSet<String>, prefix: &str| {
        paths.range(prefix.to_owned()..).next().is_some_and(|path| path.starts_with(prefix))
    };
    let mut last = None;
    for path in selected.range(prefix.to_owned()..).take_while(|path| path.starts_with(prefix)) {
        let Some((name, _)) = path[prefix.len()..].split_once('/') else {
            files.push(path.clone());
            continue;
        };
        if last == Some(name) {
            continue;
        }
        last = Some(name);
        let folder = format!("{prefix}{name}");
        let inner = format!("{folder}/");
        // Where globs begin further down, only that is asked for.
        let mut globs = bases.iter().filter(|base| base.starts_with(&inner)).peekable();
        let begins_here = bases
            .iter()
            .any(|base| base.is_empty() || *base == folder || folder.starts_with(&format!("{base}/")));
        let is_deeper = globs.peek().is_some() && !begins_here;
        if is_deeper || inside(others, &inner) {
            below(&inner, selected, others, bases, folders, files);
        } else {
            folders.push(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(selected: &[&str], others: &[&str], bases: &[&str]) -> Vec<String> {
        let set = |paths: &[&str]| paths.iter().map(|&path| path.to_owned()).collect::<BTreeSet<_>>();
        let bases: Vec<_> = bases.iter().map(|&base| base.to_owned()).collect();
        let copied = Copied::of(&set(selected), &set(others), &bases);
        copied.iter().map(|copied| copied.instruction().unwrap()).collect()
    }

    #[test]
    fn folders_are_copied_whole_and_nothing_else_with_them() {
        let selected = ["a.py", "app/x.py", "app/y/z.py", "b.py"];
        assert_eq!(of(&selected, &[], &["app", "a.py", "b.py"]), ["COPY a.py b.py ./", "COPY app app/"]);
        assert_eq!(
            of(&selected, &["app/requirements.txt"], &[""]),
            ["COPY a.py ./", "COPY app/x.py app/", "COPY b.py ./", "COPY app/y app/y/"]
        );
        assert_eq!(of(&["src/app/x.py", "src/app/y/z.py"], &[], &["src/app"]), ["COPY src/app src/app/"]);
        assert_eq!(of(&["src/app/x.py"], &[], &["src/app", "src"]), ["COPY src src/"]);
        assert_eq!(of(&["src/app/x.py"], &[], &["src/app/x.py"]), ["COPY src/app/x.py src/app/"]);
    }

    #[test]
    fn odd_names_are_in_a_list() {
        assert_eq!(of(&["a b.py", "$x"], &[], &[""]), [r#"COPY ["\\$x", "a b.py", "./"]"#]);
        assert_eq!(of(&["--from=x"], &[], &[""]), [r#"COPY ["--from=x", "./"]"#]);
        let error = Copied::folder("a*").instruction().unwrap_err();
        assert_eq!(error.to_string(), "a Dockerfile cannot name `a*`: it has one of `*?[\\` in it");
    }
}

//! The `.dockerignore` that leaves out of a build what is left out of an image.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use fast_glob::glob_match;

use super::glob::Glob;
use super::ignore::{self, IgnoreFile};
use super::{Looked, Source, SourceError, read, sensitive};

impl Source {
    /// The text of a `.dockerignore` with which a build of the folder is sent what `globs` select, and the files that
    /// it needs besides.
    ///
    /// The lines that are there stay. Ours follow between two marks, in place of those that were. Images are assembled
    /// as if lines between the marks were not there: they say nothing that the globs do not say.
    ///
    /// ```
    /// use pyimage_build::Source;
    /// # let folder = tempfile::tempdir()?;
    /// # let folder = folder.path();
    ///
    /// fs_err::create_dir(folder.join("app"))?;
    /// fs_err::write(folder.join("app/main.py"), "print('hello')\n")?;
    /// fs_err::write(folder.join("requirements.txt"), "rich\n")?;
    /// fs_err::write(folder.join(".dockerignore"), "*.csv\n")?;
    /// let text = Source::dockerignore(folder, folder, &["app"], &["requirements.txt"])?;
    /// assert!(text.starts_with("*.csv\n#"));
    /// assert!(text.contains("\n**\n!app\n!requirements.txt\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Source::select`].
    pub fn dockerignore(
        folder: &Path,
        root: &Path,
        globs: &[impl AsRef<str>],
        needed: &[impl AsRef<str>],
    ) -> Result<String, SourceError> {
        let source = if globs.is_empty() {
            Self { folder: folder.to_owned(), files: Vec::new(), looked: Looked::default() }
        } else {
            Self::select(folder, root, globs)?
        };
        let parsed = globs.iter().map(|glob| Glob::parse(glob.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let needed: Vec<&str> = needed.iter().map(AsRef::as_ref).collect();
        let file = read_text(&folder.join(".dockerignore"))?.unwrap_or_default();
        let mut own: String = ignore::outside_of_marks(&file).flat_map(|line| [line, "\n"]).collect();
        if own.trim().is_empty() {
            own.clear();
        }
        let mut rules = Rules { own, text: String::new() };
        rules.add_globs(&parsed, &source);
        for path in &needed {
            rules.take(path);
        }
        let before = rules.text.len();
        rules.add_git(folder, root, &source)?;
        if rules.text.len() > before {
            for glob in parsed.iter().filter(|glob| glob.spells_out(glob.text())) {
                rules.take(glob.text());
            }
        }
        rules.add_own();
        rules.add_sensitive(&parsed);
        rules.correct(folder, &parsed, &source, &needed)?;
        Ok(format!("{}{}\n{}{}\n", rules.own, ignore::BEGIN, rules.text, ignore::END))
    }
}

struct Rules {
    /// The lines that somebody else has written.
    own: String,
    text: String,
}

impl Rules {
    fn leave_out(&mut self, pattern: &str) {
        // It is a `String`.
        let _ = writeln!(self.text, "{pattern}");
    }

    fn take(&mut self, path: &str) {
        let _ = writeln!(self.text, "!{}", escaped(path));
    }

    fn add_globs(&mut self, globs: &[Glob], source: &Source) {
        if globs.iter().any(|glob| glob.text() == "**") {
            return;
        }
        self.leave_out("**");
        let mut lines = BTreeSet::new();
        for glob in globs {
            for text in alternatives(glob.text()) {
                let (above, last) = text.rsplit_once('/').unwrap_or(("", &text));
                let plain = |part: &str| !part.contains(['*', '?', '[', '{', '\\']);
                if plain(above) && !last.contains(['[', '{', '\\']) && !last.contains("**") {
                    lines.insert(text);
                    continue;
                }
                // Docker looks into no folder that is left out, but for one that a rule begins with.
                let base = glob.base();
                let below = |path: &str| {
                    let rest = if base.is_empty() {
                        Some(path)
                    } else {
                        path.strip_prefix(&base)?.strip_prefix('/')
                    };
                    let first = rest?.split('/').next()?;
                    Some(if base.is_empty() { first.to_owned() } else { format!("{base}/{first}") })
                };
                let covered = source.files.iter().filter(|file| glob.covers(&file.path));
                lines.extend(covered.filter_map(|file| below(&file.path)).map(|path| escaped(&path)));
            }
        }
        for line in lines {
            let _ = writeln!(self.text, "!{line}");
        }
    }

    /// What `.gitignore` files say, as far as `.dockerignore` can say it.
    fn add_git(&mut self, folder: &Path, root: &Path, source: &Source) -> Result<(), SourceError> {
        let mut above = root.to_owned();
        let inner = folder.strip_prefix(root).unwrap_or(Path::new(""));
        let mut parts = inner.iter();
        while let Some(part) = parts.next() {
            let rest = Path::new(part).join(parts.as_path());
            self.add_git_file(&above, "", &format!("{}/", rest.to_string_lossy()))?;
            above.push(part);
        }
        let mut folders = BTreeSet::from([String::new()]);
        for file in &source.files {
            folders.extend(file.path.match_indices('/').map(|(end, _)| file.path[..=end].to_owned()));
        }
        for prefix in &folders {
            self.add_git_file(&folder.join(prefix), prefix, "")?;
        }
        Ok(())
    }

    /// `prefix` is where the file is below the folder of the package, `inner` where that folder is below the file.
    fn add_git_file(&mut self, place: &Path, prefix: &str, inner: &str) -> Result<(), SourceError> {
        let Some(file) = read(&place.join(".gitignore"), IgnoreFile::git)? else { return Ok(()) };
        for (negated, anchored, glob) in file.rules() {
            let sign = if negated { "!" } else { "" };
            let glob = glob.replace("[!", "[^");
            let line = match (anchored, glob.strip_prefix(inner)) {
                (true, Some(rest)) => format!("{sign}{}{rest}", escaped(prefix)),
                (true, None) => continue,
                (false, _) => format!("{sign}{}**/{glob}", escaped(prefix)),
            };
            // What is taken back here may have been left out by a glob that does not match it.
            if !negated {
                self.leave_out(&line);
            }
        }
        Ok(())
    }

    /// The rules that are there, over what ours have taken. Those that take something back count among themselves alone.
    fn add_own(&mut self) {
        if IgnoreFile::docker(&self.own).takes_back() || !self.text.starts_with("**") {
            return;
        }
        let rules = self.own.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        let rules: String = rules.flat_map(|line| [line.trim(), "\n"]).collect();
        self.text.push_str(&rules);
    }

    fn all(&self) -> IgnoreFile {
        IgnoreFile::docker(&format!("{}{}", self.own, self.text))
    }

    fn add_sensitive(&mut self, globs: &[Glob]) {
        for name in sensitive::names() {
            self.leave_out(&format!("**/{name}"));
        }
        if !globs.iter().any(|glob| glob.names("target", "target")) {
            self.leave_out("target");
        }
        for glob in globs {
            if sensitive::names().any(|name| glob.text().split('/').any(|part| glob_match(name, part))) {
                let _ = writeln!(self.text, "!{}", glob.text());
            }
        }
    }

    /// Sets right, file by file, what the rules by themselves have otherwise.
    fn correct(
        &mut self,
        folder: &Path,
        globs: &[Glob],
        source: &Source,
        needed: &[&str],
    ) -> Result<(), SourceError> {
        let wanted: BTreeSet<&str> =
            source.files.iter().map(|file| file.path.as_str()).chain(needed.iter().copied()).collect();
        let rules = self.all();
        for path in wanted.iter().filter(|path| rules.of_docker(path)) {
            self.take(path);
        }
        let rules = self.all();
        let mut unwanted = Vec::new();
        find_unwanted(folder, "", globs, &wanted, &rules, &mut unwanted)?;
        for path in unwanted {
            self.leave_out(&escaped(&path));
        }
        Ok(())
    }
}

/// What the rules let through although nobody wants it; a folder stands for all in it.
fn find_unwanted(
    folder: &Path,
    prefix: &str,
    globs: &[Glob],
    wanted: &BTreeSet<&str>,
    rules: &IgnoreFile,
    unwanted: &mut Vec<String>,
) -> Result<bool, SourceError> {
    let on_disk = folder.join(prefix);
    let failed = |source| SourceError::Read { path: on_disk.clone(), source };
    let mut names = Vec::new();
    for entry in fs_err::read_dir(&on_disk).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name());
    }
    names.sort();
    let mut any = false;
    for name in names {
        let path = format!("{prefix}{}", name.to_string_lossy());
        let place = on_disk.join(&name);
        let is_folder = fs_err::symlink_metadata(&place).map_err(failed)?.is_dir();
        let inner = format!("{path}/");
        let has_wanted =
            is_folder && wanted.range(&*inner..).next().is_some_and(|next| next.starts_with(&inner));
        if has_wanted {
            any |= find_unwanted(folder, &inner, globs, wanted, rules, unwanted)?;
        } else if is_folder {
            // Nobody looks into `.git` and `target`.
            let globs: Vec<&Glob> = globs.iter().collect();
            let is_sensitive = sensitive::is_left_out(&path, Some(&place), &globs);
            let mut below = Vec::new();
            let lets_through = !rules.of_docker(&path)
                || (!is_sensitive && find_unwanted(folder, &inner, &[], wanted, rules, &mut below)?);
            if lets_through {
                unwanted.push(path);
                any = true;
            }
        } else if !wanted.contains(&*path) && !rules.of_docker(&path) {
            unwanted.push(path);
            any = true;
        }
    }
    Ok(any)
}

fn read_text(path: &Path) -> Result<Option<String>, SourceError> {
    match fs_err::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SourceError::Read { path: path.to_owned(), source }),
    }
}

/// A path as a rule that matches nothing else.
fn escaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for letter in path.chars() {
        if matches!(letter, '*' | '?' | '[' | ']' | '\\') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

/// What a glob with `{a,b}` stands for, which `.dockerignore` does not know.
fn alternatives(glob: &str) -> Vec<String> {
    let whole = || vec![glob.to_owned()];
    if glob.contains('\\') {
        return whole();
    }
    let Some(start) = glob.find('{') else { return whole() };
    let (mut depth, mut cuts) = (0, vec![start]);
    for (at, letter) in glob.char_indices().skip_while(|(at, _)| *at < start) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => cuts.push(at),
            _ => {}
        }
        if depth == 0 {
            cuts.push(at);
            break;
        }
    }
    let (Some(&end), true) = (cuts.last(), depth == 0) else { return whole() };
    let each = cuts
        .windows(2)
        .map(|cut| format!("{}{}{}", &glob[..start], &glob[cut[0] + 1..cut[1]], &glob[end + 1..]));
    each.flat_map(|text| alternatives(&text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = folder.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, content).unwrap();
        }
        folder
    }

    fn all(folder: &Path, prefix: &str) -> Vec<String> {
        let mut paths = Vec::new();
        for entry in fs_err::read_dir(folder.join(prefix)).unwrap().flatten() {
            let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                paths.extend(all(folder, &format!("{path}/")));
            } else {
                paths.push(path);
            }
        }
        paths.sort();
        paths
    }

    const FILES: [(&str, &str); 16] = [
        (".gitignore", "*.log\n/dist\n"),
        ("app/.gitignore", "local.py\n"),
        (".git/config", ""),
        (".env", ""),
        ("a.log", ""),
        ("app/main.py", ""),
        ("app/local.py", ""),
        ("app/.env.example", ""),
        ("app/__pycache__/main.pyc", ""),
        ("app/data/1.csv", ""),
        ("app/data/x.json", ""),
        ("data[1].py", ""),
        ("dist/app.js", ""),
        ("target/debug/app", ""),
        ("requirements.txt", ""),
        ("README.md", ""),
    ];

    #[test]
    fn what_the_rules_let_through_is_what_is_selected() {
        for own in ["", "app/data\n", "*.md\n!README.md\n", "**\n!app\n!requirements.txt\n"] {
            for globs in [
                &["."][..],
                &["app"],
                &["app", "dist/app.js"],
                &["**/*.py"],
                &["*"],
                &["app/*.py", "README.md"],
                &["app/{main,local}.py"],
                &["app/.env.example", "app/main.py"],
                &["app/d*/*.csv"],
                &["dist"],
                &[],
            ] {
                let project = project(&FILES);
                let folder = project.path();
                fs_err::write(folder.join(".dockerignore"), own).unwrap();
                let Ok(selected) = (if globs.is_empty() {
                    Ok(Vec::new())
                } else {
                    Source::select(folder, folder, globs).map(|source| source.files)
                }) else {
                    continue;
                };
                let mut expected: Vec<String> = selected.into_iter().map(|file| file.path).collect();
                expected.push("requirements.txt".to_owned());
                expected.sort();
                expected.dedup();
                let lines = Source::dockerignore(folder, folder, globs, &["requirements.txt"]).unwrap();
                assert!(lines.starts_with(own), "{lines}");
                let rules = IgnoreFile::docker(&lines.replace(ignore::BEGIN, "# "));
                let mut through = all(folder, "");
                through.retain(|path| !rules.of_docker(path));
                assert_eq!(through, expected, "{globs:?} with {own:?}: {lines}");

                // Written, they change nothing of the image.
                fs_err::write(folder.join(".dockerignore"), &lines).unwrap();
                assert_eq!(
                    Source::dockerignore(folder, folder, globs, &["requirements.txt"]).unwrap(),
                    lines
                );
            }
        }
    }

    #[test]
    fn braces_are_written_out() {
        assert_eq!(alternatives("a/{b,c{d,e}}.x"), ["a/b.x", "a/cd.x", "a/ce.x"]);
        assert_eq!(alternatives("{a"), ["{a"]);
        assert_eq!(alternatives("a\\{b,c}"), ["a\\{b,c}"]);
    }
}

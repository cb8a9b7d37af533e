//! `.gitignore` and `.dockerignore`: the same look, other rules.

use fast_glob::glob_match;

use super::glob::plainer;

/// The first of the lines that are written for builds from a Dockerfile, and say nothing new.
pub(super) const BEGIN: &str =
    "# cargo pyimage dockerfile: begin. `--write` replaces these lines; add others outside.";
/// The last of them.
pub(super) const END: &str = "# cargo pyimage dockerfile: end.";

/// The lines that somebody else has written.
pub(super) fn outside_of_marks(text: &str) -> impl Iterator<Item = &str> {
    let mut is_inside = false;
    text.trim_start_matches('\u{feff}').lines().filter(move |line| {
        let was_inside = is_inside;
        is_inside = if is_inside { line.trim_end() != END } else { line.trim_end() == BEGIN };
        !was_inside && !is_inside
    })
}

/// The rules of one `.gitignore`, or the one `.dockerignore`.
#[derive(Debug, Default)]
pub(super) struct IgnoreFile {
    rules: Vec<Rule>,
}

#[derive(Debug, PartialEq, Eq)]
struct Rule {
    glob: String,
    /// It takes back what rules before it say.
    is_negated: bool,
    /// It is for folders only.
    is_folder: bool,
    /// It is for a path, not for a name at any depth.
    is_anchored: bool,
}

impl IgnoreFile {
    /// Reads a [`.gitignore`](https://git-scm.com/docs/gitignore#_pattern_format).
    pub(super) fn git(text: &str) -> Self {
        Self { rules: text.trim_start_matches('\u{feff}').lines().filter_map(git_rule).collect() }
    }

    /// Reads a [`.dockerignore`](https://docs.docker.com/build/concepts/context/#dockerignore-files), but for the lines
    /// that we have written ourselves.
    pub(super) fn docker(text: &str) -> Self {
        Self { rules: outside_of_marks(text).filter_map(docker_rule).collect() }
    }

    /// The rules in their order: whether each takes back, whether it is for a path, and its glob.
    pub(super) fn rules(&self) -> impl Iterator<Item = (bool, bool, &str)> {
        self.rules.iter().map(|rule| (rule.is_negated, rule.is_anchored, rule.glob.as_str()))
    }

    /// What git makes of a path relative to the folder of this file: nothing, or whether it is ignored.
    ///
    /// Folders above it are asked for on their own, since what is in an ignored one cannot be taken back.
    pub(super) fn of_git(&self, path: &str, is_folder: bool) -> Option<bool> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let matches = |rule: &&Rule| {
            (is_folder || !rule.is_folder)
                && glob_match(&rule.glob, if rule.is_anchored { path } else { name })
        };
        self.rules.iter().rev().find(matches).map(|rule| !rule.is_negated)
    }

    /// Whether Docker leaves a path out. A rule for a folder is one for all in it, and can be taken back.
    pub(super) fn of_docker(&self, path: &str) -> bool {
        let ends: Vec<usize> = path.match_indices('/').map(|(end, _)| end).chain([path.len()]).collect();
        let matches = |rule: &&Rule| ends.iter().any(|&end| glob_match(&rule.glob, &path[..end]));
        self.rules.iter().rev().find(matches).is_some_and(|rule| !rule.is_negated)
    }

    /// Whether something may be taken back, so that folders that are left out have to be looked into.
    pub(super) fn takes_back(&self) -> bool {
        self.rules.iter().any(|rule| rule.is_negated)
    }
}

fn git_rule(line: &str) -> Option<Rule> {
    let line = line.strip_suffix('\r').unwrap_or(line);
    // Spaces at the end count only where they are escaped.
    let trimmed = line.trim_end_matches(' ');
    let is_escaped = trimmed.len() < line.len()
        && trimmed.bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 1;
    let line = if is_escaped { &line[..=trimmed.len()] } else { trimmed };
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let (is_negated, line) = line.strip_prefix('!').map_or((false, line), |line| (true, line));
    let (is_folder, line) = line.strip_suffix('/').map_or((false, line), |line| (true, line));
    let is_anchored = line.contains('/');
    let glob = line.strip_prefix('/').unwrap_or(line);
    (!glob.is_empty()).then(|| Rule { glob: literal(glob), is_negated, is_folder, is_anchored })
}

fn docker_rule(line: &str) -> Option<Rule> {
    if line.starts_with('#') {
        return None;
    }
    let line = line.trim();
    let (is_negated, line) = line.strip_prefix('!').map_or((false, line), |line| (true, line.trim()));
    // What Go's `filepath.Clean` does.
    let mut parts: Vec<&str> = Vec::new();
    for part in line.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    let glob = parts.join("/");
    (!glob.is_empty()).then(|| Rule { glob: literal(&glob), is_negated, is_folder: false, is_anchored: true })
}

/// The glob with what these files have no use for taken literally: `{`, `}`, and `!` at the start.
fn literal(glob: &str) -> String {
    let mut out = String::with_capacity(glob.len());
    let mut is_escaped = false;
    for letter in glob.chars() {
        if !is_escaped && (matches!(letter, '{' | '}') || (letter == '!' && out.is_empty())) {
            out.push('\\');
        }
        is_escaped = letter == '\\' && !is_escaped;
        out.push(letter);
    }
    plainer(&out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn git_s_rules() {
        let file = IgnoreFile::git(
            "# comment\n\n*.log\n!keep.log\n/top\nfolder/\ndoc/*.txt\n**/deep/x\nall/**\n\\#hash\n\\!bang\n\
             space\\ \ntrailing   \na{b}c\n[xy]z\r\npart**/x\nstar\\**\n",
        );
        for (path, is_folder, expected) in [
            ("a.log", false, Some(true)),
            ("x/a.log", false, Some(true)),
            ("keep.log", false, Some(false)),
            ("top", false, Some(true)),
            ("x/top", false, None),
            ("folder", true, Some(true)),
            ("folder", false, None),
            ("x/folder", true, Some(true)),
            ("doc/a.txt", false, Some(true)),
            ("x/doc/a.txt", false, None),
            ("doc/x/a.txt", false, None),
            ("deep/x", false, Some(true)),
            ("a/b/deep/x", false, Some(true)),
            ("all/x/y", false, Some(true)),
            ("all", true, None),
            ("#hash", false, Some(true)),
            ("!bang", false, Some(true)),
            ("space ", false, Some(true)),
            ("trailing", false, Some(true)),
            ("a{b}c", false, Some(true)),
            ("abc", false, None),
            ("yz", false, Some(true)),
            ("part/x", false, Some(true)),
            ("parts/x", false, Some(true)),
            ("part/y/x", false, None),
            ("star*s", false, Some(true)),
            ("stars", false, None),
            ("# comment", false, None),
        ] {
            assert_eq!(file.of_git(path, is_folder), expected, "{path}");
        }
    }

    #[test]
    fn docker_s_rules() {
        let file = IgnoreFile::docker(
            "# comment\n*.md\n!README.md\n /build/ \n**/*.tmp\nnode/*\n!node/keep\n./a/../b\n*/temp*\n",
        );
        for (path, expected) in [
            ("a.md", true),
            ("x/a.md", false),
            ("README.md", false),
            ("build", true),
            ("build/x/y", true),
            ("x/build", false),
            ("a.tmp", true),
            ("x/y/a.tmp", true),
            ("node", false),
            ("node/x", true),
            ("node/keep", false),
            ("node/keep/x", false),
            ("b/x", true),
            ("x/temporary/y", true),
            ("temporary", false),
        ] {
            assert_eq!(file.of_docker(path), expected, "{path}");
        }
        assert!(file.takes_back() && !IgnoreFile::docker("*\n").takes_back());
        assert!(IgnoreFile::docker("*\n").of_docker("x/y"));
        assert!(!IgnoreFile::docker("*\n!src\n").of_docker("src/a.py"));
        assert!(IgnoreFile::docker("**\n!src/**\nsrc/x\n").of_docker("src/x"));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC*", path in "[a-z/.{}!\\[\\]]{1,20}") {
            IgnoreFile::git(&text).of_git(&path, false);
            IgnoreFile::docker(&text).of_docker(&path);
        }

        #[test]
        fn a_plain_line_is_that_name(name in "[a-zA-Z0-9_.-]{1,12}", other in "[a-zA-Z0-9_.-]{1,12}") {
            let file = IgnoreFile::git(&name);
            prop_assert_eq!(file.of_git(&other, false), (name == other).then_some(true));
            prop_assert_eq!(IgnoreFile::docker(&format!("./{name}")).of_docker(&name), name != "." && name != "..");
        }
    }
}

//! What a lock of ours says of itself: what it was made from, so that it can be told when it is stale.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

/// The inputs of a lock, in its table `[tool.pyimage]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The oldest Python that it is for.
    pub python: (u32, u32),
    /// The dependency groups that are in it.
    pub groups: Vec<String>,
    /// The extras that are in it.
    pub extras: Vec<String>,
    /// The files by their names as seen from the lock, with the hash of what of them counts.
    pub inputs: BTreeMap<String, String>,
}

/// The table as it is written.
#[derive(Deserialize)]
struct Table {
    python: String,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    extras: Vec<String>,
    #[serde(default)]
    inputs: BTreeMap<String, String>,
}

const HEADER: &str = "[tool.pyimage]";

impl Record {
    /// Finds the record of a lock; a lock without one is somebody else's.
    ///
    /// It is the last thing in the file, and the rest need not be read for it.
    #[must_use]
    pub fn find(lock: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct File {
            tool: Tool,
        }
        #[derive(Deserialize)]
        struct Tool {
            pyimage: Table,
        }
        let at = lock
            .rmatch_indices(HEADER)
            .map(|(at, _)| at)
            .find(|at| *at == 0 || lock[..*at].ends_with('\n'))?;
        let file: File = toml::from_str(&lock[at..]).ok()?;
        let Table { python, groups, extras, inputs } = file.tool.pyimage;
        let (major, minor) = python.split_once('.')?;
        Some(Self { python: (major.parse().ok()?, minor.parse().ok()?), groups, extras, inputs })
    }

    /// The text at the end of a lock.
    #[must_use]
    pub fn text(&self) -> String {
        let list = |names: &[String]| {
            let names: Vec<_> =
                names.iter().map(|name| toml::Value::from(name.as_str()).to_string()).collect();
            names.join(", ")
        };
        let mut text = format!("{HEADER}\npython = \"{}.{}\"\n", self.python.0, self.python.1);
        for (key, names) in [("groups", &self.groups), ("extras", &self.extras)] {
            if !names.is_empty() {
                let _ = writeln!(text, "{key} = [{}]", list(names));
            }
        }
        text.push_str("\n[tool.pyimage.inputs]\n");
        for (name, hash) in &self.inputs {
            let _ = writeln!(text, "{} = \"{hash}\"", key(name));
        }
        text
    }

    /// What is different now, in words.
    #[must_use]
    pub fn changes(&self, now: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        for (name, hash) in &now.inputs {
            match self.inputs.get(name) {
                Some(known) if known == hash => {}
                Some(_) => changes.push(format!("`{name}` has changed")),
                None => changes.push(format!("`{name}` is new")),
            }
        }
        let gone = self.inputs.keys().filter(|name| !now.inputs.contains_key(*name));
        changes.extend(gone.map(|name| format!("`{name}` is no part of it any more")));
        for (what, was, is) in [("group", &self.groups, &now.groups), ("extra", &self.extras, &now.extras)] {
            let added = is.iter().filter(|name| !was.contains(name));
            changes.extend(added.map(|name| format!("{what} `{name}` is not in it")));
            let gone = was.iter().filter(|name| !is.contains(name));
            changes.extend(gone.map(|name| format!("{what} `{name}` is in it, and not asked for")));
        }
        if now.python < self.python {
            changes.push(format!("it is for Python {}.{} and newer", self.python.0, self.python.1));
        }
        changes
    }
}

/// A key, quoted where it is more than a word.
fn key(name: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_word = !name.is_empty() && name.bytes().all(is_bare);
    if is_word {
        return name.to_owned();
    }
    let mut quoted = String::from("\"");
    for char in name.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            char if char.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(char));
            }
            char => quoted.push(char),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(inputs: &[(&str, &str)], groups: &[&str]) -> Record {
        Record {
            python: (3, 13),
            groups: groups.iter().map(ToString::to_string).collect(),
            extras: Vec::new(),
            inputs: inputs.iter().map(|(name, hash)| ((*name).to_owned(), (*hash).to_owned())).collect(),
        }
    }

    #[test]
    fn changes_are_named() {
        let was = record(&[("a.py", "1"), ("b.txt", "2")], &["dev"]);
        assert_eq!(was.changes(&was), [""; 0]);
        let now = Record { python: (3, 11), ..record(&[("a.py", "9"), ("c.txt", "3")], &["docs"]) };
        assert_eq!(
            was.changes(&now),
            [
                "`a.py` has changed",
                "`c.txt` is new",
                "`b.txt` is no part of it any more",
                "group `docs` is not in it",
                "group `dev` is in it, and not asked for",
                "it is for Python 3.13 and newer",
            ]
        );
    }

    #[test]
    fn other_locks_have_none() {
        for lock in
            ["", "lock-version = '1.0'\n[tool.other]\n", "[tool.pyimage]\nkey = 1\n", "x = '[tool.pyimage]'"]
        {
            assert_eq!(Record::find(lock), None, "{lock}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            inputs in proptest::collection::btree_map("(?s).{1,12}", "[0-9a-f]{4}", 0..4),
            groups in proptest::collection::vec("[a-z\"]{1,5}", 0..3),
            before in "(lock-version = '1.0'\n)?",
        ) {
            let record = Record { python: (3, 9), groups, extras: vec!["x".to_owned()], inputs };
            prop_assert_eq!(Record::find(&format!("{before}{}", record.text())), Some(record));
        }
    }
}

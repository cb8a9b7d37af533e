//! The metadata that a single-file script carries in a comment, as [inline script metadata] has it (PEP 723).
//!
//! [inline script metadata]: https://packaging.python.org/en/latest/specifications/inline-script-metadata/

use std::borrow::Cow;

use serde::Deserialize;

use crate::{RequiresPython, RequiresPythonError};

/// What a script says about itself in its `# /// script` block.
///
/// ```
/// use pyimage_build::ScriptMetadata;
///
/// let script = "\
/// #!/usr/bin/env python3
/// ## /// script
/// ## requires-python = \">=3.12\"
/// ## dependencies = [\"requests<3\"]
/// ## ///
/// import requests
/// ";
/// let metadata = ScriptMetadata::from_script(script)?.expect("the script has a block");
/// assert_eq!(metadata.requires_python.expect("it says so").as_str(), ">=3.12");
/// assert_eq!(metadata.dependencies, ["requests<3"]);
/// # Ok::<(), pyimage_build::ScriptMetadataError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScriptMetadata {
    /// The Pythons that the script runs on.
    pub requires_python: Option<RequiresPython>,
    /// What it imports from elsewhere, one [dependency specifier] each, as written.
    ///
    /// [dependency specifier]: https://packaging.python.org/en/latest/specifications/dependency-specifiers/
    pub dependencies: Vec<String>,
    /// Settings of tools, each under its name.
    pub tool: toml::Table,
    /// The keys that the specification does not know: somebody else's, or misspelt.
    pub others: Vec<String>,
}

/// The block as it is written. What else is in it is for others: the specification lets nobody refuse it.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Block {
    requires_python: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
    #[serde(default)]
    tool: toml::Table,
    #[serde(flatten)]
    others: toml::Table,
}

impl ScriptMetadata {
    /// Reads the metadata of a script; none where it has no such block.
    ///
    /// It follows the specification to the letter, traps included: a block without its closing `# ///` is no block, one
    /// inside a string is, blocks of other types are left alone. A byte order mark and Windows line ends are no part
    /// of the text, as for uv and pip.
    ///
    /// # Errors
    /// Where there are two blocks, or what is in the block is not what the specification allows.
    ///
    /// ```
    /// # use pyimage_build::ScriptMetadata;
    /// assert_eq!(ScriptMetadata::from_script("print('no block')\n")?, None);
    /// let error = ScriptMetadata::from_script("# /// script\n# dependencies = 'requests'\n# ///\n").unwrap_err();
    /// assert!(error.to_string().starts_with("the `script` block at line 1 is malformed"));
    /// # Ok::<(), pyimage_build::ScriptMetadataError>(())
    /// ```
    pub fn from_script(script: &str) -> Result<Option<Self>, ScriptMetadataError> {
        // Most scripts have none, and need not be taken apart.
        if !script.contains("# /// script") {
            return Ok(None);
        }
        let mut blocks = blocks(&plain(script)).into_iter().filter(|block| block.kind == "script");
        let Some(block) = blocks.next() else { return Ok(None) };
        if let Some(second) = blocks.next() {
            return Err(ScriptMetadataError::TwoBlocks { first: block.line, second: second.line });
        }
        let line = block.line;
        let Block { requires_python, dependencies, tool, others } =
            toml::from_str(&block.content).map_err(|error| ScriptMetadataError::Malformed {
                line,
                // Each line of the block's content is one of the script, behind the opening.
                at: error.span().map(|span| line + 1 + block.content[..span.start].matches('\n').count()),
                reason: error.message().to_owned(),
            })?;
        let requires_python = requires_python.map(|text| text.parse()).transpose()?;
        let others = others.keys().cloned().collect();
        Ok(Some(Self { requires_python, dependencies, tool, others }))
    }
}

/// The line of a `# /// script` that no `# ///` closes, in a script without a closed one.
///
/// The specification has such a block ignored, and hardly anyone means it to be. The lines count from 1.
///
/// ```
/// use pyimage_build::unclosed_script_block;
///
/// assert_eq!(unclosed_script_block("import os\n# /// script\n# dependencies = []\n\n# ///\n"), Some(2));
/// assert_eq!(unclosed_script_block("# /// script\n# dependencies = []\n# ///\n"), None);
/// ```
#[must_use]
pub fn unclosed_script_block(script: &str) -> Option<usize> {
    let script = plain(script);
    if !script.contains("# /// script") || blocks(&script).iter().any(|block| block.kind == "script") {
        return None;
    }
    let lines: Vec<&str> = script.split('\n').collect();
    (1..=lines.len()).find(|&number| {
        let mut comments = lines[number..].iter().take_while(|line| is_comment(line));
        lines[number - 1] == "# /// script" && comments.all(|line| *line != "# ///")
    })
}

/// The script without a byte order mark, with `\n` at the end of each line.
fn plain(script: &str) -> Cow<'_, str> {
    let script = script.strip_prefix('\u{feff}').unwrap_or(script);
    if script.contains('\r') { script.replace("\r\n", "\n").into() } else { script.into() }
}

/// A block of any type.
#[derive(Debug, PartialEq, Eq)]
struct CommentBlock {
    kind: String,
    /// The number of the line that opens it, from 1.
    line: usize,
    /// The text, without the comment signs.
    content: String,
}

/// All blocks, by the rules of the specification's regular expression:
///
/// ```text
/// (?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$
/// ```
fn blocks(script: &str) -> Vec<CommentBlock> {
    let lines: Vec<&str> = script.split('\n').collect();
    let mut blocks = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        let Some(kind) = opening(line) else { continue };
        let comments = lines[at..].iter().take_while(|line| is_comment(line)).count();
        // The last `# ///` of the comment closes the block, and there has to be something before it.
        let closing =
            lines[at..at + comments].iter().rposition(|line| *line == "# ///").filter(|closing| *closing > 0);
        let Some(closing) = closing else {
            // What closes none of the comment for its first line closes none for a later one.
            at += comments;
            continue;
        };
        let content =
            lines[at..at + closing].iter().flat_map(|line| [line.get(2..).unwrap_or(""), "\n"]).collect();
        blocks.push(CommentBlock { kind: kind.to_owned(), line: at, content });
        at += closing + 1;
    }
    blocks
}

/// Whether the line can be one of a block.
fn is_comment(line: &str) -> bool {
    line == "#" || line.starts_with("# ")
}

/// The type of the block that the line opens.
fn opening(line: &str) -> Option<&str> {
    let kind = line.strip_prefix("# /// ")?;
    let is_type = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_type.then_some(kind)
}

/// Why the metadata of a script cannot be read.
///
/// ```
/// use pyimage_build::ScriptMetadata;
///
/// let block = "# /// script\n# dependencies = []\n# ///\n";
/// let error = ScriptMetadata::from_script(&format!("{block}\n{block}")).unwrap_err();
/// assert_eq!(error.to_string(), "there are two `script` blocks, at line 1 and line 5");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptMetadataError {
    /// The specification allows one.
    #[error("there are two `script` blocks, at line {first} and line {second}")]
    TwoBlocks {
        /// The line that opens the first.
        first: usize,
        /// The line that opens the second.
        second: usize,
    },
    /// It is no TOML, or a value has another type than it must have.
    #[error(
        "the `script` block at line {line} is malformed{}: {reason}",
        at.map(|at| format!(", at line {at}")).unwrap_or_default()
    )]
    Malformed {
        /// The line that opens the block.
        line: usize,
        /// The line at fault.
        at: Option<usize>,
        /// What is wrong.
        reason: String,
    },
    /// `requires-python` is malformed.
    #[error("`requires-python` of the `script` block is malformed")]
    RequiresPython(#[from] RequiresPythonError),
}

#[cfg(test)]
mod tests;

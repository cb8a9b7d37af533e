//! The keys of the section, in one table: what is read, what the documentation says, and the schema.

use super::ImageBuilder;
use crate::Bytecode;

/// A key of `[package.metadata.pyimage]`.
///
/// ```
/// use pyimage_build::{KEYS, Key};
///
/// let Key { default, example, .. } = KEYS.iter().find(|key| key.name == "workdir").expect("a key");
/// assert_eq!((*default, *example), ("`/usr/src/app`", "\"/app\""));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What its value has to be.
    pub kind: Kind,
    /// What is without it, as prose.
    pub default: &'static str,
    /// A value, as TOML has it.
    pub example: &'static str,
    /// What it means, as prose.
    pub about: &'static str,
}

/// What the value of a key has to be.
///
/// ```
/// assert_eq!(pyimage_build::Kind::Texts.to_string(), "a list of strings");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A string.
    Text,
    /// One of these strings.
    Choice(&'static [&'static str]),
    /// A number from the first to the second.
    Number(u64, u64),
    /// A list of strings.
    Texts,
    /// A string, or a list of them.
    TextOrTexts,
    /// A table whose values are strings, numbers or booleans.
    Strings,
    /// A list of tables, each with these keys; the first ones, so many, have to be there.
    Tables(&'static [Key], usize),
    /// A table of sections like this one.
    Sections,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text => f.write_str("a string"),
            Self::Choice(choices) => write!(f, "`\"{}\"`", choices.join("\"`, `\"")),
            Self::Number(least, most) => write!(f, "a number from {least} to {most}"),
            Self::Texts => f.write_str("a list of strings"),
            Self::TextOrTexts => f.write_str("a string, or a list of them"),
            Self::Strings => f.write_str("a table of strings"),
            Self::Tables(keys, _) => {
                let names: Vec<_> = keys.iter().map(|key| key.name).collect();
                write!(f, "a list of tables with `{}`", names.join("`, `"))
            }
            Self::Sections => f.write_str("a table of sections like this one"),
        }
    }
}

/// A key, in the order of [`Key`]'s fields.
const fn key(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    example: &'static str,
    about: &'static str,
) -> Key {
    Key { name, kind, default, example, about }
}

/// The keys of an extra file.
const FILE: &[Key] = &[
    key("from", Kind::Text, "it has to be there", "\"conf/*.toml\"", "a file, a folder or a glob"),
    key(
        "to",
        Kind::Text,
        "it has to be there",
        "\"/etc/app/\"",
        "the path, or with a `/` at its end the folder, in the image",
    ),
    key(
        "mode",
        Kind::Text,
        "0644, and 0755 of what can be executed",
        "\"0640\"",
        "the permissions of the files, in octal",
    ),
];

/// The keys of the section, in the order of their names.
///
/// ```
/// assert!(pyimage_build::KEYS.is_sorted_by_key(|key| key.name));
/// ```
pub const KEYS: &[Key] = &[
    key(
        "annotations",
        Kind::Strings,
        "none but those of the base, the source and the time",
        "{ \"org.opencontainers.image.vendor\" = \"Me\" }",
        "annotations of the manifests and the index",
    ),
    key(
        "apt",
        Kind::Texts,
        "none",
        "[\"libgl1\", \"libpq5\"]",
        "packages of Debian, with a version as in `libpq5=17.5-1`, or what is there when they are locked",
    ),
    key(
        "base",
        Kind::Text,
        "`tag` has to be there",
        "\"ghcr.io/me/python:3.13\"",
        "any image with an official Python in it",
    ),
    key(
        "bins",
        Kind::Texts,
        "none",
        "[\"serve\"]",
        "Rust programs of the package that go to `/usr/local/bin`, compiled for each platform; `[\"*\"]` is all of them",
    ),
    key(
        "builder",
        Kind::Choice(&ImageBuilder::NAMES),
        "`\"native\"`",
        "\"dockerfile\"",
        "who builds it, for `build`, `run`, `load`, `save` and `push`: this program, or an engine from a Dockerfile",
    ),
    key(
        "bytecode",
        Kind::Choice(&Bytecode::NAMES),
        "`\"all\"`",
        "\"packages\"",
        "which bytecode it has: that of the standard library and the packages, that of the packages, none",
    ),
    key(
        "cmd",
        Kind::Texts,
        "the base's",
        "[\"--port\", \"8000\"]",
        "the arguments, where `run` is given none",
    ),
    key(
        "compression",
        Kind::Choice(&["gzip", "zstd"]),
        "`\"gzip\"`",
        "\"zstd\"",
        "how layers are compressed; `zstd` takes a base with OCI's media types, and an engine that reads it",
    ),
    key(
        "compression-level",
        Kind::Number(1, 19),
        "5, and 9 for `zstd`",
        "9",
        "how hard layers are compressed; `gzip` has levels up to 9",
    ),
    key(
        "entrypoint",
        Kind::Texts,
        "the base's",
        "[\"python3\", \"app/main.py\"]",
        "the program, and its first arguments; it clears the base's command",
    ),
    key(
        "env",
        Kind::Strings,
        "the base's",
        "{ PATH = \"/opt/bin:${PATH}\" }",
        "variables; `${PATH}` is what the base has",
    ),
    key("expose", Kind::Texts, "none", "[\"8000\", \"53/udp\"]", "ports that are listened on"),
    key("extras", Kind::Texts, "none", "[\"server\"]", "extras of the `pyproject.toml` in `requirements`"),
    key(
        "files",
        Kind::Tables(FILE, 2),
        "none",
        "[{ from = \"conf/app.toml\", to = \"/etc/app.toml\", mode = \"0640\" }]",
        "files that go elsewhere than `workdir`; of a folder or a glob, each keeps its path below",
    ),
    key(
        "groups",
        Kind::Texts,
        "none",
        "[\"deploy\"]",
        "dependency groups of the `pyproject.toml` in `requirements`",
    ),
    key(
        "images",
        Kind::Sections,
        "one image of the package",
        "{ worker = { cmd = [\"work\"] } }",
        "several images of the package, by name, each over what the section says",
    ),
    key("labels", Kind::Strings, "the base's", "{ team = \"data\" }", "labels"),
    key(
        "layer-budget",
        Kind::Number(1, 127),
        "16",
        "40",
        "how many layers the packages take at most; large ones have their own",
    ),
    key(
        "name",
        Kind::Text,
        "the package's name",
        "\"ghcr.io/me/app\"",
        "the image's repository, with its registry",
    ),
    key(
        "platforms",
        Kind::Texts,
        "`[\"linux/amd64\", \"linux/arm64\"]`",
        "[\"linux/amd64\"]",
        "what it runs on",
    ),
    key("pylock", Kind::Text, "`pylock.toml`", "\"locks/pylock.web.toml\"", "the lock of its packages"),
    key(
        "requirements",
        Kind::TextOrTexts,
        "no packages",
        "\"requirements.txt\"",
        "what says which packages it has: a `requirements.txt`, a `pyproject.toml`",
    ),
    key(
        "revision",
        Kind::Text,
        "`\"git\"`",
        "\"none\"",
        "which commit the image says that it is of: git's, where it has all that goes in; none; or one by its name",
    ),
    key(
        "source",
        Kind::Texts,
        "no files",
        "[\"app\", \"data/*.json\"]",
        "globs of the project's files that go in",
    ),
    key("stop-signal", Kind::Text, "the base's", "\"SIGINT\"", "the signal that ends a container"),
    key("tag", Kind::Text, "`base` has to be there", "\"3.13-slim\"", "a tag of the official Python image"),
    key(
        "tags",
        Kind::Texts,
        "`[\"latest\"]`",
        "[\"latest\", \"{version}\"]",
        "its tags; `{version}` is the package's, `{git.sha}` and `{git.short-sha}` are the commit's",
    ),
    key("user", Kind::Text, "the base's", "\"1000:1000\"", "who it runs as, by name or number"),
    key("volumes", Kind::Texts, "none", "[\"/data\"]", "folders that containers keep elsewhere"),
    key(
        "workdir",
        Kind::Text,
        "`/usr/src/app`",
        "\"/app\"",
        "where the files are, and where the program starts",
    ),
];

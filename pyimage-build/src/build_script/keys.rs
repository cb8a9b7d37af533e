//! The keys of `[package.metadata.pyimage]`, as a build script sets them.

use super::BuildScript;
use crate::metadata::Table;
use crate::{ExtraFile, Value};

/// Keys of `[package.metadata.pyimage]` that are set in code, each by a function of its name.
///
/// What is set here stands over what `Cargo.toml` says, with the rules by which a package's section stands over its
/// workspace's: tables are joined, all else is replaced. Values are checked by [`BuildScript::compile`], as those of
/// `Cargo.toml` are.
///
/// ```
/// use pyimage_build::ImageKeys;
///
/// let mut keys = ImageKeys::default();
/// keys.tag("3.13-slim").source(["app"]).env("PYTHONWARNINGS", "error");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageKeys {
    table: Table,
}

impl ImageKeys {
    fn set(&mut self, key: &str, value: Value) -> &mut Self {
        self.table.insert(key.to_owned(), value);
        self
    }

    /// Adds an entry to a table.
    fn add(&mut self, key: &str, name: String, value: Value) -> &mut Self {
        let table = self.table.entry(key.to_owned()).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(table) = table {
            table.insert(name, value);
        }
        self
    }

    /// The keys as a table.
    pub(super) fn value(&self) -> Value {
        Value::Table(self.table.clone())
    }
}

/// The functions of both types for keys of each kind.
macro_rules! setters {
    (
        text { $($text:ident = $text_key:literal, $text_example:literal;)* }
        number { $($number:ident = $number_key:literal, $number_example:literal;)* }
        texts { $($texts:ident = $texts_key:literal, $texts_example:literal;)* }
        strings { $($strings:ident = $strings_key:literal, $strings_example:literal;)* }
    ) => {
        setters!(@type ImageKeys, "let mut keys = pyimage_build::ImageKeys::default();\nkeys.", |it, key, value| it.set(key, value),
            |it, key, name, value| it.add(key, name, value);
            text { $($text = $text_key, $text_example;)* } number { $($number = $number_key, $number_example;)* }
            texts { $($texts = $texts_key, $texts_example;)* } strings { $($strings = $strings_key, $strings_example;)* });
        setters!(@type BuildScript, "let mut script = pyimage_build::configure();\nscript.",
            |it, key, value| { it.keys.set(key, value); it }, |it, key, name, value| { it.keys.add(key, name, value); it };
            text { $($text = $text_key, $text_example;)* } number { $($number = $number_key, $number_example;)* }
            texts { $($texts = $texts_key, $texts_example;)* } strings { $($strings = $strings_key, $strings_example;)* });

        /// The keys that have a function.
        #[cfg(test)]
        const SETTABLE: &[&str] = &[$($text_key,)* $($number_key,)* $($texts_key,)* $($strings_key,)* "files", "images"];

        /// Sets each of them to something.
        #[cfg(test)]
        fn set_all(script: &mut BuildScript) {
            $(script.$text("x");)*
            $(script.$number(1);)*
            $(script.$texts(["x"]);)*
            $(script.$strings("x", "y");)*
        }
    };
    (
        @type $type:ident, $start:literal, |$it:ident, $key:ident, $value:ident| $set:expr,
        |$it2:ident, $key2:ident, $name2:ident, $value2:ident| $add:expr;
        text { $($text:ident = $text_key:literal, $text_example:literal;)* }
        number { $($number:ident = $number_key:literal, $number_example:literal;)* }
        texts { $($texts:ident = $texts_key:literal, $texts_example:literal;)* }
        strings { $($strings:ident = $strings_key:literal, $strings_example:literal;)* }
    ) => {
        impl $type {
            $(
                #[doc = concat!("Sets `", $text_key, "`.\n\n```\n", $start, stringify!($text), "(", $text_example, ");\n```")]
                pub fn $text(&mut self, value: impl Into<String>) -> &mut Self {
                    let ($it, $key, $value) = (self, $text_key, Value::String(value.into()));
                    $set
                }
            )*
            $(
                #[doc = concat!("Sets `", $number_key, "`.\n\n```\n", $start, stringify!($number), "(", $number_example, ");\n```")]
                pub fn $number(&mut self, value: u64) -> &mut Self {
                    let ($it, $key, $value) = (self, $number_key, whole(value));
                    $set
                }
            )*
            $(
                #[doc = concat!("Sets `", $texts_key, "`.\n\n```\n", $start, stringify!($texts), "([", $texts_example, "]);\n```")]
                pub fn $texts<I>(&mut self, values: I) -> &mut Self
                where
                    I: IntoIterator,
                    I::Item: Into<String>,
                {
                    let values = values.into_iter().map(|value| Value::String(value.into())).collect();
                    let ($it, $key, $value) = (self, $texts_key, Value::Array(values));
                    $set
                }
            )*
            $(
                #[doc = concat!("Adds an entry to `", $strings_key, "`.\n\n```\n", $start, stringify!($strings), "(", $strings_example, ");\n```")]
                pub fn $strings(&mut self, name: impl Into<String>, value: impl Into<String>) -> &mut Self {
                    let ($it2, $key2) = (self, $strings_key);
                    let ($name2, $value2) = (name.into(), Value::String(value.into()));
                    $add
                }
            )*
            #[doc = concat!(
                "Sets `files`.\n\n```\nuse pyimage_build::ExtraFile;\n\n", $start,
                "files([ExtraFile { from: \"conf/app.toml\".into(), to: \"/etc/app.toml\".into(), mode: Some(0o640) }]);\n```"
            )]
            pub fn files(&mut self, files: impl IntoIterator<Item = ExtraFile>) -> &mut Self {
                let ($it, $key, $value) = (self, "files", Value::Array(files.into_iter().map(file).collect()));
                $set
            }
            #[doc = concat!(
                "Sets keys of one of several images of the package, those of `images.NAME`.\n\n```\n", $start,
                "image_keys(\"worker\", |image| {\n    image.cmd([\"work\"]);\n});\n```"
            )]
            pub fn image_keys(&mut self, name: impl Into<String>, set: impl FnOnce(&mut ImageKeys)) -> &mut Self {
                let mut keys = ImageKeys::default();
                set(&mut keys);
                let ($it2, $key2, $name2, $value2) = (self, "images", name.into(), keys.value());
                $add
            }
        }
    };
}

setters! {
    text {
        base = "base", "\"ghcr.io/me/python:3.13\"";
        builder = "builder", "\"native\"";
        bytecode = "bytecode", "\"packages\"";
        compression = "compression", "\"zstd\"";
        name = "name", "\"ghcr.io/me/app\"";
        pylock = "pylock", "\"locks/pylock.web.toml\"";
        revision = "revision", "\"77aa1d8c1d4e05c45dcf8b1e2b3e9d0f3a1b2c3d\"";
        stop_signal = "stop-signal", "\"SIGINT\"";
        tag = "tag", "\"3.13-slim\"";
        user = "user", "\"app\"";
        workdir = "workdir", "\"/app\"";
    }
    number {
        compression_level = "compression-level", "9";
        layer_budget = "layer-budget", "40";
    }
    texts {
        apt = "apt", "\"libgl1\"";
        bins = "bins", "\"*\"";
        cmd = "cmd", "\"--port\", \"8000\"";
        entrypoint = "entrypoint", "\"python3\", \"app/main.py\"";
        expose = "expose", "\"8000\"";
        extras = "extras", "\"server\"";
        groups = "groups", "\"deploy\"";
        platforms = "platforms", "\"linux/amd64\", \"linux/arm64\"";
        requirements = "requirements", "\"requirements.txt\"";
        source = "source", "\"app\", \"data/*.json\"";
        tags = "tags", "\"latest\", \"{version}\"";
        volumes = "volumes", "\"/data\"";
    }
    strings {
        annotations = "annotations", "\"org.opencontainers.image.vendor\", \"Me\"";
        env = "env", "\"PYTHONWARNINGS\", \"error\"";
        labels = "labels", "\"team\", \"data\"";
    }
}

/// An extra file, as the section has it.
fn file(file: ExtraFile) -> Value {
    let ExtraFile { from, to, mode } = file;
    let mut table = Table::from([("from".to_owned(), from.into()), ("to".to_owned(), to.into())]);
    if let Some(mode) = mode {
        table.insert("mode".to_owned(), format!("{mode:04o}").into());
    }
    Value::Table(table)
}

/// A number as TOML has it. No key takes one that it has not.
fn whole(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::{KEYS, Kind};

    #[test]
    fn every_key_can_be_set_in_code() {
        let known: BTreeSet<_> = KEYS.iter().map(|key| key.name).collect();
        assert_eq!(SETTABLE.iter().copied().collect::<BTreeSet<_>>(), known);

        let mut script = BuildScript::default();
        set_all(&mut script);
        script.files([ExtraFile { from: "a".to_owned(), to: "/b".to_owned(), mode: Some(0o640) }]);
        script.image_keys("worker", |image| {
            image.cmd(["work"]);
        });
        let Value::Table(table) = script.keys.value() else { panic!("a table") };
        assert_eq!(table.keys().map(String::as_str).collect::<BTreeSet<_>>(), known);
        for key in KEYS {
            let value = &table[key.name];
            let fits = match key.kind {
                Kind::Text | Kind::Choice(_) => matches!(value, Value::String(_)),
                Kind::Number(..) => matches!(value, Value::Integer(_)),
                Kind::Texts | Kind::TextOrTexts | Kind::Tables(..) => matches!(value, Value::Array(_)),
                Kind::Strings | Kind::Sections => matches!(value, Value::Table(_)),
            };
            assert!(fits, "{} is {value:?}", key.name);
        }
        assert_eq!(table["files"], json!([{"from": "a", "to": "/b", "mode": "0640"}]).into());
        assert_eq!(table["images"], json!({"worker": {"cmd": ["work"]}}).into());
    }
}

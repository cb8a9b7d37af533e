//! The keys about what is in the layers of an image, and what they are as files.

use std::num::NonZero;

use super::section::wrong;
use super::{Bins, MetadataError, Place, Section, Table, Value};
use crate::image::MAX_LAYERS;
use crate::{ExtraFile, LayerCompression};

/// What one table says of it.
#[derive(Clone, Default)]
pub(super) struct Layers {
    pub(super) bins: Option<Bins>,
    pub(super) files: Option<Vec<ExtraFile>>,
    pub(super) compression: Option<LayerCompression>,
    pub(super) level: Option<(u8, Place)>,
    pub(super) budget: Option<NonZero<usize>>,
}

impl Layers {
    pub(super) fn read(section: &Section<'_>, table: &Table) -> Result<Self, MetadataError> {
        Ok(Self {
            bins: section.bins(table)?,
            files: section.extra_files(table)?,
            compression: section.compression(table)?,
            level: section.level(table)?,
            budget: section.budget(table)?,
        })
    }

    /// What is said here, and for the rest there.
    pub(super) fn over(self, other: Self) -> Self {
        Self {
            bins: self.bins.or(other.bins),
            files: self.files.or(other.files),
            compression: self.compression.or(other.compression),
            level: self.level.or(other.level),
            budget: self.budget.or(other.budget),
        }
    }

    /// The compressor with its level, which has to be one of its own.
    pub(super) fn compressor(&self) -> Result<LayerCompression, MetadataError> {
        let compression = self.compression.unwrap_or_default();
        match &self.level {
            None => Ok(compression),
            Some((level, place)) => compression.with_level(*level).ok_or_else(|| {
                let (name, most) = (compression.name(), *compression.levels().end());
                let reason = format!("is no level of {name}, whose levels are 1 to {most}");
                MetadataError::Value { place: place.clone(), value: level.to_string(), reason }
            }),
        }
    }
}

impl Section<'_> {
    /// A list of names; `*` is all of them.
    fn bins(&self, table: &Table) -> Result<Option<Bins>, MetadataError> {
        let names = self.texts(table, "bins")?;
        Ok(names.map(|names| match &names[..] {
            [all] if all == "*" => Bins::All,
            _ => Bins::Named(names),
        }))
    }

    fn extra_files(&self, table: &Table) -> Result<Option<Vec<ExtraFile>>, MetadataError> {
        let Some(value) = table.get("files") else { return Ok(None) };
        let Value::Array(entries) = value else {
            return Err(wrong(self.place("files"), "an array of tables", value));
        };
        let entry = |(index, value): (usize, &Value)| {
            let place = self.place("files").entry(index);
            self.extra_file(place, value)
        };
        entries.iter().enumerate().map(entry).collect::<Result<_, _>>().map(Some)
    }

    fn extra_file(&self, place: Place, value: &Value) -> Result<ExtraFile, MetadataError> {
        const KEYS: &[&str] = &["from", "mode", "to"];
        let Value::Table(table) = value else { return Err(wrong(place, "a table", value)) };
        let inner = Section { manifest: self.manifest, key: &place.key, value };
        if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
            let nearest = crate::nearest(key, KEYS.iter().copied()).first().map(|key| (*key).to_owned());
            return Err(MetadataError::UnknownKey { place: inner.place(key), nearest, valid: KEYS.to_vec() });
        }
        let text = |key: &str| match inner.text(table, key)? {
            Some("") => Err(MetadataError::Empty { place: inner.place(key) }),
            Some(text) => Ok(text.to_owned()),
            None => Err(MetadataError::Missing { place: inner.place(key) }),
        };
        let (from, to) = (text("from")?, text("to")?);
        if !to.starts_with('/') {
            return Err(MetadataError::Relative { place: inner.place("to"), path: to });
        }
        let mode = inner.text(table, "mode")?.map(|text| inner.mode(text)).transpose()?;
        Ok(ExtraFile { from, to, mode })
    }

    /// Permissions in octal, and nothing else: what would let a program be somebody else has no place here.
    fn mode(&self, text: &str) -> Result<u32, MetadataError> {
        let wrong = |reason: &str| MetadataError::Value {
            place: self.place("mode"),
            value: text.to_owned(),
            reason: reason.to_owned(),
        };
        let digits = text.strip_prefix("0o").unwrap_or(text);
        let is_octal = !digits.is_empty() && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
        let mode = u32::from_str_radix(digits, 8).ok().filter(|_| is_octal);
        match mode.ok_or_else(|| wrong("is no mode in octal, such as \"0644\""))? {
            mode @ ..=0o777 => Ok(mode),
            _ => Err(wrong("has more than the permissions of owner, group and others")),
        }
    }

    fn compression(&self, table: &Table) -> Result<Option<LayerCompression>, MetadataError> {
        let Some(text) = self.text(table, "compression")? else { return Ok(None) };
        let found = LayerCompression::ALL.into_iter().find(|its| its.name() == text);
        found.map(Some).ok_or_else(|| MetadataError::Choice {
            place: self.place("compression"),
            found: text.to_owned(),
            valid: &["gzip", "zstd"],
        })
    }

    fn level(&self, table: &Table) -> Result<Option<(u8, Place)>, MetadataError> {
        let Some(value) = table.get("compression-level") else { return Ok(None) };
        let place = self.place("compression-level");
        let level = match value {
            Value::Integer(level) => u8::try_from(*level).ok(),
            _ => None,
        };
        match level {
            Some(level) => Ok(Some((level, place))),
            None => Err(wrong(place, "a small number", value)),
        }
    }

    fn budget(&self, table: &Table) -> Result<Option<NonZero<usize>>, MetadataError> {
        let Some(value) = table.get("layer-budget") else { return Ok(None) };
        let place = self.place("layer-budget");
        let Value::Integer(number) = value else { return Err(wrong(place, "a whole number", value)) };
        let budget = usize::try_from(*number).ok().and_then(NonZero::new);
        if let Some(budget) = budget.filter(|budget| budget.get() <= MAX_LAYERS) {
            return Ok(Some(budget));
        }
        let reason = format!("is not between 1 and {MAX_LAYERS}, the most layers of an image");
        Err(MetadataError::Value { place, value: number.to_string(), reason })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::ImageSettings;

    fn read(value: &Json) -> Result<ImageSettings, String> {
        let mut value = value.clone();
        value["tag"] = "3.13-slim".into();
        let value = value.into();
        let section = Section { manifest: "/app/Cargo.toml", key: "package.metadata.pyimage", value: &value };
        let images = ImageSettings::read("app", section, None);
        images.map(|mut images| images.remove(0)).map_err(|error| error.to_string())
    }

    #[test]
    fn bins_are_all_some_or_none() {
        let bins = |value: Json| read(&json!({ "bins": value })).map(|settings| settings.bins);
        assert_eq!(bins(json!(["*"])), Ok(Some(Bins::All)));
        assert_eq!(bins(json!(["a"])), Ok(Some(Bins::Named(vec!["a".to_owned()]))));
        assert_eq!(bins(json!([])), Ok(None));
        assert!(bins(json!("a")).unwrap_err().contains("an array of strings"));
    }

    #[test]
    fn files_have_a_place_and_perhaps_a_mode() {
        let files = |entry: Json| read(&json!({ "files": [entry] })).map(|mut its| its.files.remove(0));
        let file = |mode| ExtraFile { from: "a".to_owned(), to: "/b/".to_owned(), mode };
        assert_eq!(files(json!({"from": "a", "to": "/b/"})), Ok(file(None)));
        for (mode, expected) in [("0644", 0o644), ("755", 0o755), ("0o400", 0o400)] {
            assert_eq!(files(json!({"from": "a", "to": "/b/", "mode": mode})), Ok(file(Some(expected))));
        }
        let place = "package.metadata.pyimage.files[0]";
        for (entry, words) in [
            (json!({"from": "a"}), format!("there is no `{place}.to`")),
            (json!({"from": "a", "to": "b"}), format!("`b` is not absolute, for `{place}.to`")),
            (json!({"from": "a", "to": "/b", "mod": "1"}), format!("unknown key `{place}.mod`")),
            (json!({"from": "a", "to": "/b", "mode": 644}), format!("expected a string for `{place}.mode`")),
            (
                json!({"from": "a", "to": "/b", "mode": "4755"}),
                "`4755` has more than the permissions".to_owned(),
            ),
            (json!({"from": "a", "to": "/b", "mode": "rwx"}), "`rwx` is no mode in octal".to_owned()),
            (json!({"from": "a", "to": "/b", "mode": "+7"}), "`+7` is no mode in octal".to_owned()),
            (json!({"from": "", "to": "/b"}), format!("`{place}.from` in `/app/Cargo.toml` is an empty")),
        ] {
            let error = files(entry).unwrap_err();
            assert!(error.contains(&words), "no {words:?} in {error}");
        }
    }

    #[test]
    fn compressors_have_levels_of_their_own() {
        let compression = |value: Json| read(&value).map(|settings| settings.compression);
        assert_eq!(compression(json!({})), Ok(LayerCompression::default()));
        let zstd = LayerCompression::ALL[1];
        assert_eq!(
            compression(json!({"compression": "zstd", "compression-level": 19})),
            Ok(zstd.with_level(19).unwrap())
        );
        for (value, words) in [
            (json!({"compression": "zst"}), "`zst` is unknown, for `package.metadata.pyimage.compression`"),
            (json!({"compression-level": 10}), "`10` is no level of gzip, whose levels are 1 to 9"),
            (json!({"compression": "zstd", "compression-level": 0}), "`0` is no level of zstd"),
            (json!({"compression-level": "9"}), "expected a small number"),
            (json!({"layer-budget": 128}), "`128` is not between 1 and 127"),
            (json!({"layer-budget": 0}), "`0` is not between"),
        ] {
            let error = read(&value).unwrap_err();
            assert!(error.contains(words), "no {words:?} in {error}");
        }
        assert_eq!(read(&json!({"layer-budget": 40})).unwrap().layer_budget.get(), 40);
    }
}

//! Licences, as far as the metadata of packages says them.

use spdx::{Expression, ParseMode};

/// The licence of a package, as its metadata says it; nothing is guessed.
///
/// ```
/// use pyimage_build::Licence;
///
/// let licence = Licence::of_metadata("Metadata-Version: 2.4\nLicense-Expression: MIT OR Apache-2.0\n");
/// assert_eq!(licence, Licence::Expression("MIT OR Apache-2.0".to_owned()));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Licence {
    /// An expression of SPDX's identifiers.
    Expression(String),
    /// Words that are no such expression, or the text of the licence itself.
    Text(String),
    /// It is not said, or not so that there is no doubt.
    #[default]
    Unknown,
}

/// The classifiers that stand for one licence. `BSD License`, `Apache Software License` and others like them do not say
/// which one they mean.
const CLASSIFIERS: [(&str, &str); 31] = [
    ("OSI Approved :: Blue Oak Model License (BlueOak-1.0.0)", "BlueOak-1.0.0"),
    ("OSI Approved :: Boost Software License 1.0 (BSL-1.0)", "BSL-1.0"),
    ("CC0 1.0 Universal (CC0 1.0) Public Domain Dedication", "CC0-1.0"),
    ("OSI Approved :: Eclipse Public License 1.0 (EPL-1.0)", "EPL-1.0"),
    ("OSI Approved :: Eclipse Public License 2.0 (EPL-2.0)", "EPL-2.0"),
    ("OSI Approved :: European Union Public Licence 1.0 (EUPL 1.0)", "EUPL-1.0"),
    ("OSI Approved :: European Union Public Licence 1.1 (EUPL 1.1)", "EUPL-1.1"),
    ("OSI Approved :: European Union Public Licence 1.2 (EUPL 1.2)", "EUPL-1.2"),
    ("OSI Approved :: GNU Affero General Public License v3", "AGPL-3.0-only"),
    ("OSI Approved :: GNU Affero General Public License v3 or later (AGPLv3+)", "AGPL-3.0-or-later"),
    ("OSI Approved :: GNU General Public License v2 (GPLv2)", "GPL-2.0-only"),
    ("OSI Approved :: GNU General Public License v2 or later (GPLv2+)", "GPL-2.0-or-later"),
    ("OSI Approved :: GNU General Public License v3 (GPLv3)", "GPL-3.0-only"),
    ("OSI Approved :: GNU General Public License v3 or later (GPLv3+)", "GPL-3.0-or-later"),
    ("OSI Approved :: GNU Lesser General Public License v2 (LGPLv2)", "LGPL-2.0-only"),
    ("OSI Approved :: GNU Lesser General Public License v2 or later (LGPLv2+)", "LGPL-2.0-or-later"),
    ("OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)", "LGPL-3.0-only"),
    ("OSI Approved :: GNU Lesser General Public License v3 or later (LGPLv3+)", "LGPL-3.0-or-later"),
    ("OSI Approved :: ISC License (ISCL)", "ISC"),
    ("OSI Approved :: MIT License", "MIT"),
    ("OSI Approved :: MIT No Attribution License (MIT-0)", "MIT-0"),
    ("OSI Approved :: Mozilla Public License 1.0 (MPL)", "MPL-1.0"),
    ("OSI Approved :: Mozilla Public License 1.1 (MPL 1.1)", "MPL-1.1"),
    ("OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
    ("OSI Approved :: Mulan Permissive Software License v2 (MulanPSL-2.0)", "MulanPSL-2.0"),
    ("OSI Approved :: PostgreSQL License", "PostgreSQL"),
    ("OSI Approved :: SIL Open Font License 1.1 (OFL-1.1)", "OFL-1.1"),
    ("OSI Approved :: The Unlicense (Unlicense)", "Unlicense"),
    ("OSI Approved :: Universal Permissive License (UPL)", "UPL-1.0"),
    ("OSI Approved :: Zero-Clause BSD (0BSD)", "0BSD"),
    ("OSI Approved :: zlib/libpng License", "Zlib"),
];

/// As SPDX has it; identifiers that it has replaced since are still its own.
const MODE: ParseMode = ParseMode { allow_deprecated: true, ..ParseMode::STRICT };

impl Licence {
    /// Reads METADATA: `License-Expression`, else `License`, else the one classifier of a licence.
    ///
    /// ```
    /// use pyimage_build::Licence;
    ///
    /// let classifiers = "Classifier: License :: OSI Approved :: BSD License\n";
    /// assert_eq!(Licence::of_metadata(classifiers), Licence::Unknown, "there are several");
    /// let classifiers = "License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License\n";
    /// assert_eq!(Licence::of_metadata(classifiers), Licence::Expression("MIT".to_owned()));
    /// ```
    #[must_use]
    pub fn of_metadata(metadata: &str) -> Self {
        let said = |name| values(metadata, name).into_iter().find(|value| is_said(value));
        if let Some(said) = said("License-Expression").or_else(|| said("License")) {
            return Self::of_text(said);
        }
        let mut licences = values(metadata, "Classifier").into_iter().filter_map(|classifier| {
            let licence = classifier.strip_prefix("License :: ")?;
            (licence != "OSI Approved").then(|| licence.to_owned())
        });
        // Of several it is not said whether all hold, or one of them may be chosen.
        let (Some(only), None) = (licences.next(), licences.next()) else { return Self::Unknown };
        let known = CLASSIFIERS.iter().find(|(classifier, _)| *classifier == only);
        known.map_or(Self::Unknown, |(_, id)| Self::Expression((*id).to_owned()))
    }

    fn of_text(text: String) -> Self {
        let is_expression = !text.contains('\n') && Expression::parse_mode(&text, MODE).is_ok();
        if is_expression { Self::Expression(text) } else { Self::Text(text) }
    }
}

/// What setuptools writes where nothing is said is nothing, too.
fn is_said(value: &str) -> bool {
    !value.is_empty() && !value.eq_ignore_ascii_case("UNKNOWN")
}

/// All values of a field, with the lines in which they go on.
fn values(metadata: &str, name: &str) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    let mut inside = false;
    for line in metadata.lines().take_while(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            if let Some(value) = values.last_mut().filter(|_| inside) {
                // Some tools mark the lines of a text by a bar.
                let more = line.trim();
                value.push('\n');
                value.push_str(more.strip_prefix('|').unwrap_or(more).trim_start());
            }
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        inside = field.eq_ignore_ascii_case(name);
        if inside {
            values.push(value.trim().to_owned());
        }
    }
    values.iter().map(|value| value.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn expression(text: &str) -> Licence {
        Licence::Expression(text.to_owned())
    }

    #[test]
    fn the_first_that_is_said_counts() {
        let all = "Name: demo\nLicense-Expression: MIT\nLicense: BSD\nClassifier: License :: OSI Approved :: ISC License (ISCL)\n";
        assert_eq!(Licence::of_metadata(all), expression("MIT"));
        let words = all.replace("License-Expression: MIT\n", "");
        assert_eq!(Licence::of_metadata(&words), Licence::Text("BSD".to_owned()));
        let classifier = words.replace("License: BSD\n", "License: unknown\n");
        assert_eq!(Licence::of_metadata(&classifier), expression("ISC"));
        assert_eq!(
            Licence::of_metadata("Name: demo\n\nLicense: MIT\n"),
            Licence::Unknown,
            "that is the body"
        );
    }

    #[test]
    fn an_identifier_is_one_only_if_spdx_has_it() {
        for text in [
            "Apache-2.0",
            "GPL-3.0",
            "MIT AND (BSD-3-Clause OR LicenseRef-Ours)",
            "GPL-2.0-only WITH Classpath-exception-2.0",
        ] {
            assert_eq!(Licence::of_metadata(&format!("License: {text}\n")), expression(text));
        }
        for text in ["Apache 2.0", "BSD", "GPL", "MIT/Apache-2.0", "mit license", "MIT OR"] {
            assert_eq!(Licence::of_metadata(&format!("License: {text}\n")), Licence::Text(text.to_owned()));
        }
    }

    #[test]
    fn a_text_has_all_its_lines() {
        let metadata = "License: Copyright (c) 2025 Somebody\r\n        \r\n        |  All rights\r\n\treserved.\r\nName: demo\r\n";
        let expected = "Copyright (c) 2025 Somebody\n\nAll rights\nreserved.";
        assert_eq!(Licence::of_metadata(metadata), Licence::Text(expected.to_owned()));
    }

    #[test]
    fn classifiers_with_doubt_say_nothing() {
        let of = |names: &[&str]| {
            let lines = names.iter().map(|name| format!("Classifier: License :: {name}\n"));
            Licence::of_metadata(&lines.collect::<String>())
        };
        assert_eq!(of(&["OSI Approved", "OSI Approved :: MIT License"]), expression("MIT"));
        for names in [
            &["OSI Approved :: MIT License", "OSI Approved :: ISC License (ISCL)"][..],
            &["OSI Approved :: BSD License"],
            &["OSI Approved :: Apache Software License"],
            &["OSI Approved"],
            &["Public Domain"],
        ] {
            assert_eq!(of(names), Licence::Unknown, "{names:?}");
        }
    }

    #[test]
    fn the_table_is_spdx_s() {
        assert!(
            CLASSIFIERS.iter().all(|(_, id)| spdx::license_id(id).is_some_and(|found| found.name == *id))
        );
        assert!(CLASSIFIERS.iter().all(|(classifier, _)| !classifier.starts_with("License")));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(License|Classifier|License-Expression|X)?[\\PC\n:]{0,60}") {
            if let Licence::Text(text) | Licence::Expression(text) = Licence::of_metadata(&text) {
                prop_assert!(!text.is_empty() && text.trim() == text);
            }
        }
    }
}

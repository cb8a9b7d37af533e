//! RECORD: what a wheel should have, and what was installed of it.

use sha2::Digest as _;

use super::WheelProblem;
use super::path;

/// A line of RECORD, as it stands there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) path: String,
    pub(super) hash: String,
    pub(super) size: String,
}

/// A hash of RECORD that is worth checking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    function: Function,
    /// Without padding.
    encoded: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Sha256,
    Sha384,
    Sha512,
}

/// A hash under way.
pub(super) enum Hasher {
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl Hasher {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha384(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// As RECORD has it: `sha256=…`.
    pub(super) fn finish(self) -> String {
        match self {
            Self::Sha256(hasher) => format!("sha256={}", base64(&hasher.finalize())),
            Self::Sha384(hasher) => format!("sha384={}", base64(&hasher.finalize())),
            Self::Sha512(hasher) => format!("sha512={}", base64(&hasher.finalize())),
        }
    }

    pub(super) fn sha256() -> Self {
        Self::Sha256(sha2::Sha256::new())
    }
}

impl Expected {
    /// The hash, where it is sha256 or better.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (function, encoded) = text.split_once('=')?;
        let (function, len) = match function {
            "sha256" => (Function::Sha256, 43),
            "sha384" => (Function::Sha384, 64),
            "sha512" => (Function::Sha512, 86),
            _ => return None,
        };
        // The specification wants no padding, and some tools write it.
        let encoded = encoded.trim_end_matches('=');
        (encoded.len() == len).then(|| Self { function, encoded: encoded.to_owned() })
    }

    pub(super) fn hasher(&self) -> Hasher {
        match self.function {
            Function::Sha256 => Hasher::sha256(),
            Function::Sha384 => Hasher::Sha384(sha2::Sha384::new()),
            Function::Sha512 => Hasher::Sha512(sha2::Sha512::new()),
        }
    }

    /// As RECORD should have it.
    pub(super) fn text(&self) -> String {
        let function = match self.function {
            Function::Sha256 => "sha256",
            Function::Sha384 => "sha384",
            Function::Sha512 => "sha512",
        };
        format!("{function}={}", self.encoded)
    }
}

/// The hash of some bytes, as RECORD has it.
pub(super) fn sha256(bytes: &[u8]) -> String {
    let mut hasher = Hasher::sha256();
    hasher.update(bytes);
    hasher.finish()
}

/// The alphabet of RFC 4648 section 5, without padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..=chunk.len() {
            let sextet = group >> (18 - 6 * index) & 0x3f;
            text.push(char::from(ALPHABET[sextet as usize]));
        }
    }
    text
}

/// Reads RECORD, with names normalised as those of the archive are.
///
/// The format is that of Python's `csv` module, line by line, as pip reads it.
pub(super) fn parse(text: &str) -> Result<Vec<Row>, WheelProblem> {
    let mut rows = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let wrong = |why| WheelProblem::Record { line: index + 1, why };
        // A lone carriage return ends a line for Python.
        let line = line.trim_end_matches('\r');
        if line.is_empty() {
            continue;
        }
        let mut fields = csv_fields(line).map_err(wrong)?.into_iter();
        let path = fields.next().unwrap_or_default();
        if path.ends_with('/') {
            continue;
        }
        let path = path::normalised(&path).map_err(wrong)?;
        rows.push(Row {
            path,
            hash: fields.next().unwrap_or_default(),
            size: fields.next().unwrap_or_default(),
        });
    }
    Ok(rows)
}

pub(crate) fn csv_fields(line: &str) -> Result<Vec<String>, &'static str> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let mut field = String::new();
        if let Some(quoted) = rest.strip_prefix('"') {
            rest = quoted;
            loop {
                let (before, after) = rest.split_once('"').ok_or("a quotation mark is not closed")?;
                field.push_str(before);
                rest = after;
                let Some(after) = rest.strip_prefix('"') else { break };
                field.push('"');
                rest = after;
            }
        }
        let end = rest.find(',').unwrap_or(rest.len());
        field.push_str(&rest[..end]);
        fields.push(field);
        let Some(after) = rest[end..].strip_prefix(',') else { return Ok(fields) };
        rest = after;
    }
}

/// Writes RECORD as pip does: sorted, by Python's `csv` module.
pub(super) fn write(mut rows: Vec<Row>) -> String {
    rows.sort();
    let mut text = String::new();
    for Row { path, hash, size } in rows {
        for (field, end) in [(path, ","), (hash, ","), (size, "\r\n")] {
            if field.contains([',', '"', '\r', '\n']) {
                text.push('"');
                text.push_str(&field.replace('"', "\"\""));
                text.push('"');
            } else {
                text.push_str(&field);
            }
            text.push_str(end);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn base64_is_url_safe_and_bare() {
        for (bytes, text) in
            [(&b""[..], ""), (b"f", "Zg"), (b"fo", "Zm8"), (b"foo", "Zm9v"), (b"\xfb\xff", "-_8")]
        {
            assert_eq!(base64(bytes), text);
        }
        assert_eq!(sha256(b""), "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
    }

    #[test]
    fn lines_are_pythons() {
        let rows = parse("a.py,sha256=x,1\r\n\"b,\"\"c\"\".py\",,\n\nfolder/,,\nd.py\n").unwrap();
        let paths: Vec<_> = rows.iter().map(|row| (row.path.as_str(), row.size.as_str())).collect();
        assert_eq!(paths, [("a.py", "1"), ("b,\"c\".py", ""), ("d.py", "")]);
        let problem = parse("a.py,,\n\"b.py,,").unwrap_err();
        assert_eq!(
            problem.to_string(),
            "line 2 of its RECORD cannot be read: a quotation mark is not closed"
        );
        assert!(parse("../a.py,,").is_err());
    }

    #[test]
    fn weak_hashes_are_none() {
        for text in ["", "md5=1B2M2Y8AsgTpgAmY7PhCfg", "sha1=x", "sha256=", "sha256=abc", "sha256"] {
            assert_eq!(Expected::parse(text), None, "{text}");
        }
        for function in [Function::Sha256, Function::Sha384, Function::Sha512] {
            let hash = Expected { function, encoded: String::new() }.hasher().finish();
            let expected = Expected::parse(&hash).unwrap();
            assert_eq!(expected.function, function);
            assert_eq!(expected.text(), hash);
            assert_eq!(Expected::parse(&format!("{hash}==")), Some(expected));
        }
    }

    proptest! {
        #[test]
        fn round_trips(paths in prop::collection::btree_set("[a-z\",]{1,5}(/[a-z\", é]{1,5}){0,2}", 0..8)) {
            let rows: Vec<Row> = paths
                .into_iter()
                .map(|path| Row { path, hash: "sha256=x".to_owned(), size: "1".to_owned() })
                .collect();
            prop_assert_eq!(parse(&write(rows.clone())).unwrap(), rows);
        }

        #[test]
        fn never_panics(text in "[\\PC\r\n,\"]{0,40}") {
            let _ = parse(&text);
        }
    }
}

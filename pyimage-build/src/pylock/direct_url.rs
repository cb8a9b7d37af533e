//! `direct_url.json`: where a package that no index has came from.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Choice;

impl Choice<'_> {
    /// The text of the package's `direct_url.json`, as pip writes it ([PyPA's format]); none for what comes from an index.
    /// A login in an address is left out.
    ///
    /// ```
    /// use pyimage_build::{Libc, LibcRelease, Pylock, Target};
    ///
    /// let lock = Pylock::parse(&format!(
    ///     "lock-version = '1.0'\ncreated-by = 'me'\n[[packages]]\nname = 'demo'\narchive = {{ url = \
    ///      'https://me:secret@files.example/demo-1.0-py3-none-any.whl', hashes = {{ sha256 = '{}' }} }}",
    ///     "ab".repeat(32),
    /// ))?;
    /// let glibc = LibcRelease { libc: Libc::Glibc, major: 2, minor: 36 };
    /// let selection = lock.select(&Target::new("3.13.5".parse()?, "linux/amd64".parse()?, glibc)?)?;
    /// let text = selection.packages[0].choice.direct_url().unwrap_or_default();
    /// assert!(text.ends_with(r#""url": "https://files.example/demo-1.0-py3-none-any.whl"}"#), "{text}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [PyPA's format]: https://packaging.python.org/en/latest/specifications/direct-url/
    #[must_use]
    pub fn direct_url(&self) -> Option<String> {
        let (what, url, subdirectory) = match self {
            Self::Wheel(_) | Self::Sdist(_) => return None,
            Self::Archive { file, subdirectory } => {
                (archive(&file.hashes), address(file.url.as_ref(), file.path.as_ref())?, *subdirectory)
            }
            Self::Directory(directory) => {
                let editable = if directory.editable { "\"editable\": true" } else { "" };
                let info = format!("\"dir_info\": {{{editable}}}");
                (info, address(None, Some(&directory.path))?, directory.subdirectory.as_deref())
            }
            Self::Vcs(vcs) => {
                let mut info = format!("\"vcs_info\": {{\"commit_id\": {}", string(&vcs.commit_id));
                if let Some(revision) = &vcs.requested_revision {
                    // Writing to a string cannot fail.
                    let _ = write!(info, ", \"requested_revision\": {}", string(revision));
                }
                let _ = write!(info, ", \"vcs\": {}}}", string(&vcs.kind));
                (info, address(vcs.url.as_ref(), vcs.path.as_ref())?, vcs.subdirectory.as_deref())
            }
        };
        // Its keys are sorted.
        let url = format!("\"url\": {}", string(&url));
        let subdirectory = subdirectory.map(|folder| format!("\"subdirectory\": {}", string(folder)));
        let mut keys: Vec<_> = [Some(what), subdirectory, Some(url)].into_iter().flatten().collect();
        keys.sort();
        Some(format!("{{{}}}", keys.join(", ")))
    }
}

fn archive(hashes: &BTreeMap<String, String>) -> String {
    let all: Vec<_> =
        hashes.iter().map(|(name, hash)| format!("{}: {}", string(name), string(hash))).collect();
    // The older of the two keys has one hash, the best there is.
    let best = ["sha256", "sha512"].into_iter().find_map(|name| Some((name, hashes.get(name)?)));
    let first = best.or_else(|| hashes.iter().next().map(|(name, hash)| (name.as_str(), hash)));
    let hash = first.map(|(name, hash)| format!("\"hash\": {}, ", string(&format!("{name}={hash}"))));
    format!("\"archive_info\": {{{}\"hashes\": {{{}}}}}", hash.unwrap_or_default(), all.join(", "))
}

/// An address without a login, or that of an absolute path.
fn address(url: Option<&String>, path: Option<&String>) -> Option<String> {
    if let Some(url) = url {
        let Some((scheme, rest)) = url.split_once("://") else { return Some(url.clone()) };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (host, path) = rest.split_at(end);
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        return Some(format!("{scheme}://{host}{path}"));
    }
    let path = path.filter(|path| path.starts_with('/'))?;
    let mut address = "file://".to_owned();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            address.push(char::from(byte));
        } else {
            let _ = write!(address, "%{byte:02X}");
        }
    }
    Some(address)
}

/// A string of JSON.
fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::{LockedDirectory, LockedFile, LockedVcs};
    use super::*;

    #[test]
    fn it_is_what_pip_writes() {
        let sha256 = "4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274";
        let file = LockedFile {
            file_name: "six-1.17.0-py2.py3-none-any.whl".to_owned(),
            url: None,
            path: Some("/w/a b/six-1.17.0-py2.py3-none-any.whl".to_owned()),
            size: None,
            upload_time: None,
            hashes: BTreeMap::from([("sha256".to_owned(), sha256.to_owned())]),
        };
        assert_eq!(
            Choice::Archive { file: &file, subdirectory: None }.direct_url().unwrap(),
            format!(
                "{{\"archive_info\": {{\"hash\": \"sha256={sha256}\", \"hashes\": {{\"sha256\": \"{sha256}\"}}}}, \
                 \"url\": \"file:///w/a%20b/six-1.17.0-py2.py3-none-any.whl\"}}"
            )
        );
        let directory = LockedDirectory { path: "/w/thing".to_owned(), editable: false, subdirectory: None };
        assert_eq!(
            Choice::Directory(&directory).direct_url().unwrap(),
            "{\"dir_info\": {}, \"url\": \"file:///w/thing\"}"
        );
        let vcs = LockedVcs {
            kind: "git".to_owned(),
            url: Some("https://me:pw@git.example/x.git".to_owned()),
            path: None,
            requested_revision: Some("v1".to_owned()),
            commit_id: "0123abcd".to_owned(),
            subdirectory: Some("py".to_owned()),
        };
        assert_eq!(
            Choice::Vcs(&vcs).direct_url().unwrap(),
            "{\"subdirectory\": \"py\", \"url\": \"https://git.example/x.git\", \"vcs_info\": {\"commit_id\": \
             \"0123abcd\", \"requested_revision\": \"v1\", \"vcs\": \"git\"}}"
        );
    }
}

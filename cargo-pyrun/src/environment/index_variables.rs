//! Where packages come from, as the host's variables say it, for pip and uv in a container.
//!
//! Proxies and certificates get there by themselves, as for every run. Variables that name files of the host do not.

use std::collections::BTreeMap;

use crate::index::Indexes;

/// What of pip's settings means something in another place.
const PIP: [&str; 7] = [
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_TIMEOUT",
    "PIP_RETRIES",
    "PIP_PRE",
];

/// Likewise of uv's.
const UV: [&str; 12] = [
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_INDEX_STRATEGY",
    "UV_INSECURE_HOST",
    "UV_NATIVE_TLS",
    "UV_HTTP_TIMEOUT",
    "UV_HTTP_RETRIES",
    "UV_EXCLUDE_NEWER",
    "UV_PRERELEASE",
    "UV_RESOLUTION",
];

/// The same setting of both.
const ALIKE: [(&str, &[&str]); 3] = [
    ("PIP_INDEX_URL", &["UV_DEFAULT_INDEX", "UV_INDEX_URL"]),
    ("PIP_EXTRA_INDEX_URL", &["UV_INDEX", "UV_EXTRA_INDEX_URL"]),
    ("PIP_TRUSTED_HOST", &["UV_INSECURE_HOST"]),
];

/// Variables of a container.
pub(super) type Variables = BTreeMap<String, Option<String>>;

/// The settings of this process's caller.
pub(super) fn of_host() -> Variables {
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut found = settings(variables);
    let indexes = Indexes::from_env();
    // What pip's files say counts where no variable does.
    for (name, value) in indexes.for_pip().into_iter().chain(indexes.for_uv()) {
        if is_taken(name) {
            found.entry(name.to_owned()).or_insert(Some(value));
        }
    }
    found
}

fn settings(variables: impl Iterator<Item = (String, String)>) -> Variables {
    let mut found: BTreeMap<_, _> =
        variables.filter(|(name, value)| !value.is_empty() && is_taken(name)).collect();
    for (pip, of_uv) in ALIKE {
        let uv = of_uv.iter().find_map(|name| found.get(*name).cloned());
        match (found.get(pip).cloned(), uv) {
            (Some(value), None) => drop(found.insert(of_uv[0].to_owned(), value)),
            // uv calls an index by a name, which pip does not know.
            (None, Some(value)) => drop(found.insert(pip.to_owned(), without_names(&value))),
            _ => {}
        }
    }
    found.into_iter().map(|(name, value)| (name, Some(value))).collect()
}

/// Whether a variable means something in another place.
fn is_taken(name: &str) -> bool {
    let login = name.starts_with("UV_INDEX_") && (name.ends_with("_USERNAME") || name.ends_with("_PASSWORD"));
    login || PIP.contains(&name) || UV.contains(&name)
}

/// `name=https://…` of uv, as pip has it.
fn without_names(indexes: &str) -> String {
    let plain = |index: &str| match index.split_once('=') {
        Some((name, url)) if !name.contains([':', '/']) => url.to_owned(),
        _ => index.to_owned(),
    };
    indexes.split_whitespace().map(plain).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        settings(pairs).into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    #[test]
    fn what_is_said_to_one_is_said_to_both() {
        let expected = |pairs: &[(&str, &str)]| -> Vec<_> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        assert_eq!(
            of(&[
                ("PIP_INDEX_URL", "https://a.example"),
                ("PIP_FIND_LINKS", "/here"),
                ("UV_CACHE_DIR", "/c")
            ]),
            expected(&[("PIP_INDEX_URL", "https://a.example"), ("UV_DEFAULT_INDEX", "https://a.example")])
        );
        assert_eq!(
            of(&[("UV_INDEX", "mine=https://u:p@b.example/?a=b https://c.example"), ("PIP_INDEX_URL", "")]),
            expected(&[
                ("PIP_EXTRA_INDEX_URL", "https://u:p@b.example/?a=b https://c.example"),
                ("UV_INDEX", "mine=https://u:p@b.example/?a=b https://c.example")
            ])
        );
        assert_eq!(
            of(&[
                ("PIP_INDEX_URL", "https://a"),
                ("UV_INDEX_URL", "https://b"),
                ("UV_INDEX_MINE_PASSWORD", "p")
            ]),
            expected(&[
                ("PIP_INDEX_URL", "https://a"),
                ("UV_INDEX_MINE_PASSWORD", "p"),
                ("UV_INDEX_URL", "https://b")
            ])
        );
    }
}

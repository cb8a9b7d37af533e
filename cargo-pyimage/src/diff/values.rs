//! Values of configurations and annotations.

use std::collections::{BTreeMap, BTreeSet};

use pyimage_build::ImageConfig;

use super::report::ValueChange;
use crate::opened::OpenedImage;

/// Of two images for one platform.
pub(super) fn of_images(one: &OpenedImage, other: &OpenedImage) -> Vec<ValueChange> {
    let (mut a, mut b) = (of_config(&one.config), of_config(&other.config));
    for (values, image) in [(&mut a, one), (&mut b, other)] {
        if let Some(base) = &image.base {
            let digest = base.digest.as_ref().map_or_else(String::new, |digest| format!("@{digest}"));
            values.insert("base".to_owned(), format!("{}{digest}", base.name));
        }
    }
    let mut changes = changed(&a, &b);
    // What has no manifest has no annotations.
    if one.manifest.is_some() && other.manifest.is_some() {
        changes.extend(of_maps("annotation", &one.annotations, &other.annotations));
    }
    changes
}

/// Of two tables, each value under its key.
pub(super) fn of_maps(
    what: &str,
    one: &BTreeMap<String, String>,
    other: &BTreeMap<String, String>,
) -> Vec<ValueChange> {
    let named = |map: &BTreeMap<String, String>| {
        map.iter().map(|(key, value)| (format!("{what} {key}"), value.clone())).collect()
    };
    changed(&named(one), &named(other))
}

fn changed(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> Vec<ValueChange> {
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let changes = names.into_iter().map(|name| {
        let value = |map: &BTreeMap<String, String>| map.get(name).cloned();
        ValueChange { name: name.clone(), a: value(one), b: value(other) }
    });
    changes.filter(|change| change.a != change.b).collect()
}

fn of_config(config: &ImageConfig) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            values.insert(name.to_owned(), value);
        }
    };
    let list = |words: &[String]| {
        if words.is_empty() { String::new() } else { serde_json::Value::from(words).to_string() }
    };
    let set = |words: &BTreeSet<String>| words.iter().cloned().collect::<Vec<_>>().join(", ");
    add("entrypoint", list(&config.entrypoint));
    add("cmd", list(&config.cmd));
    add("user", config.user.clone());
    add("workdir", config.working_dir.clone());
    add("ports", set(&config.exposed_ports));
    add("volumes", set(&config.volumes));
    add("stop-signal", config.stop_signal.clone().unwrap_or_default());
    add("created", config.created.clone().unwrap_or_default());
    for pair in &config.env {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        values.insert(format!("env {name}"), value.to_owned());
    }
    for (key, value) in &config.labels {
        values.insert(format!("label {key}"), value.clone());
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_told_under_its_name() {
        let config = |text: &str| {
            let text = format!(
                r#"{{"os": "linux", "architecture": "amd64", "rootfs": {{}}, "created": "1970-01-01T00:00:00Z", "config": {text}}}"#
            );
            of_config(&ImageConfig::parse(text.as_bytes()).unwrap())
        };
        let one = config(r#"{"Env": ["A=1", "B=2"], "User": "app", "Cmd": ["a b"], "Labels": {"x": "1"}}"#);
        let other = config(r#"{"Env": ["A=1", "B=3"], "Cmd": ["a", "b"], "ExposedPorts": {"80/tcp": {}}}"#);
        let told: Vec<_> = changed(&one, &other)
            .into_iter()
            .map(|its| format!("{}: {} {}", its.name, its.a.unwrap_or_default(), its.b.unwrap_or_default()))
            .collect();
        assert_eq!(
            told,
            ["cmd: [\"a b\"] [\"a\",\"b\"]", "env B: 2 3", "label x: 1 ", "ports:  80/tcp", "user: app "]
        );
    }
}

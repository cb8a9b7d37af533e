//! Documents as they are written: the order of the fields is the order of their keys in the JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use crate::{Descriptor, Digest, MediaType};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest<'a> {
    pub(super) schema_version: u32,
    pub(super) media_type: &'a MediaType,
    pub(super) config: &'a Descriptor,
    pub(super) layers: &'a [Descriptor],
    pub(super) annotations: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index<'a> {
    pub(super) schema_version: u32,
    pub(super) media_type: &'a MediaType,
    pub(super) manifests: &'a [Descriptor],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the name of the format")]
pub(super) struct Config<'a> {
    pub(super) created: &'a str,
    pub(super) architecture: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) variant: Option<&'a str>,
    pub(super) os: &'a str,
    pub(super) config: Settings,
    pub(super) rootfs: Rootfs<'a>,
    pub(super) history: Vec<Step<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Settings {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) user: String,
    #[serde(skip_serializing_if = "BTreeSet::is_empty", serialize_with = "set")]
    pub(super) exposed_ports: BTreeSet<String>,
    pub(super) env: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) entrypoint: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) cmd: Vec<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty", serialize_with = "set")]
    pub(super) volumes: BTreeSet<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) working_dir: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stop_signal: Option<String>,
}

/// A set as Go has it: `{"8080/tcp": {}}`.
fn set<S: Serializer>(set: &BTreeSet<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(set.iter().map(|entry| (entry, serde_json::Map::new())))
}

#[derive(Serialize)]
pub(super) struct Rootfs<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) diff_ids: &'a [Digest],
}

#[derive(Serialize)]
pub(super) struct Step<'a> {
    pub(super) created: &'a str,
    pub(super) created_by: &'a str,
}

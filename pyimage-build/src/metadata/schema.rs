//! The JSON Schema of the section.

use serde_json::{Map, Value, json};

use super::key::{KEYS, Key, Kind};

/// The JSON Schema (draft 7, as editors of TOML have it) of a `Cargo.toml` with the section.
///
/// What Cargo's own schema says of the rest is not in it: anything else is allowed.
///
/// ```
/// let schema = pyimage_build::schema();
/// let section = &schema["definitions"]["section"];
/// assert_eq!(section["properties"]["workdir"]["type"], "string");
/// assert_eq!(section["additionalProperties"], false);
/// ```
#[must_use]
pub fn schema() -> Value {
    let level = |about: &str| {
        json!({"type": "object", "properties": {"metadata": {"type": "object", "properties": {
            "pyimage": {"allOf": [{"$ref": "#/definitions/section"}], "description": about}
        }}}})
    };
    let mut image = section(KEYS, 0);
    // Images of images there are not.
    if let Some(Value::Object(properties)) = image.get_mut("properties") {
        properties.remove("images");
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Images of a Cargo package: [package.metadata.pyimage]",
        "type": "object",
        "properties": {
            "package": level("The image of the package."),
            "workspace": level("Defaults for all packages that have a section of their own."),
        },
        "definitions": {"section": section(KEYS, 0), "image": image},
    })
}

fn section(keys: &[Key], required: usize) -> Value {
    let properties: Map<String, Value> =
        keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let mut table = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if required > 0 {
        table["required"] = keys.iter().take(required).map(|key| key.name).collect();
    }
    table
}

fn property(key: &Key) -> Value {
    let text = json!({"type": "string", "minLength": 1});
    let texts = json!({"type": "array", "items": text});
    let mut schema = match key.kind {
        Kind::Text => text,
        Kind::Choice(choices) => json!({"type": "string", "enum": choices}),
        Kind::Number(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::Texts => texts,
        Kind::TextOrTexts => json!({"anyOf": [text, texts]}),
        Kind::Strings => {
            json!({"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}})
        }
        Kind::Tables(keys, required) => json!({"type": "array", "items": section(keys, required)}),
        Kind::Sections => {
            json!({"type": "object", "additionalProperties": {"$ref": "#/definitions/image"}})
        }
    };
    schema["description"] = json!(format!("{}. Without it: {}.", key.about, key.default));
    schema
}

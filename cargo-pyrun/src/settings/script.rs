//! Scripts that a manifest gives a name, as `codegen = "scripts/codegen.py"`.

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use super::Settings;
use super::error::{Place, SettingsError};
use super::table::{KEYS, Table, wrong};

/// A script with a name, run as `cargo pyrun NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedScript {
    /// What runs.
    pub program: Program,
    /// Arguments that come before those of the command line.
    pub args: Vec<String>,
    /// One line for `--list`.
    pub description: Option<String>,
    /// The script's own settings, which go over those of package and workspace.
    pub settings: Settings,
    /// The folder of the manifest that names the script, from which it runs.
    pub folder: Utf8PathBuf,
}

/// What python is asked to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// A file, relative to the folder of the manifest.
    Script(Utf8PathBuf),
    /// A module, as with `-m`.
    Module(String),
    /// Code, as with `-c`.
    Code(String),
}

const OWN_KEYS: [&str; 5] = ["script", "module", "code", "args", "description"];

/// The scripts of the table `scripts` under `settings`.
pub(super) fn scripts(
    manifest: &Utf8Path,
    settings: &Table<'_>,
) -> Result<Vec<(String, NamedScript)>, SettingsError> {
    let Some(value) = settings.value("scripts") else { return Ok(Vec::new()) };
    let table = Table::new(manifest, settings.place("scripts").key, value)?;
    let read = |(name, value): (&String, &Value)| {
        let place = table.place(name);
        if name.is_empty() || name.starts_with('-') {
            return Err(SettingsError::ScriptName { place });
        }
        let folder = manifest.parent().unwrap_or(manifest).to_owned();
        let script = match value {
            Value::String(file) => NamedScript {
                program: Program::Script(file.into()),
                args: Vec::new(),
                description: None,
                settings: Settings::default(),
                folder,
            },
            Value::Object(_) => named(&Table::new(manifest, place.key.clone(), value)?, folder, place)?,
            other => return Err(wrong(place, "a string or a table", other)),
        };
        Ok((name.clone(), script))
    };
    table.entries().map(read).collect()
}

fn named(table: &Table<'_>, folder: Utf8PathBuf, place: Place) -> Result<NamedScript, SettingsError> {
    table.only(&[&OWN_KEYS[..], &KEYS[..]].concat())?;
    let program = match (table.text("script")?, table.text("module")?, table.text("code")?) {
        (Some(file), None, None) => Program::Script(file.into()),
        (None, Some(module), None) => Program::Module(module),
        (None, None, Some(code)) => Program::Code(code),
        (None, None, None) => return Err(SettingsError::Program { place, found: "none of them".to_owned() }),
        _ => {
            let keys: Vec<_> = OWN_KEYS[..3].iter().filter(|key| table.value(key).is_some()).collect();
            let found = keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" and ");
            return Err(SettingsError::Program { place, found });
        }
    };
    Ok(NamedScript {
        program,
        args: table.texts("args")?,
        description: table.text("description")?,
        settings: table.settings()?,
        folder,
    })
}

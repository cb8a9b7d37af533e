//! A script's metadata as a project, which uv resolves with all of its `[tool.uv]`: of a script itself `uv pip compile`
//! takes neither sources nor indexes nor `exclude-newer`.

use std::path::Path;

use pyimage_build::ScriptMetadata;
use toml::{Table, Value};

/// The text of a `pyproject.toml` that asks for what the script of this name asks for.
pub(super) fn project(name: &str, beside: &Path, metadata: &ScriptMetadata) -> String {
    let name: String =
        name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    let name = name.trim_matches('-').to_lowercase();
    // A project that needs a package of its own name would need itself.
    let taken = metadata.dependencies.iter().any(|dependency| dependency.to_lowercase().starts_with(&name));
    let name = if name.is_empty() || taken {
        format!("this-script-{name}").trim_matches('-').to_owned()
    } else {
        name
    };
    let mut project = Table::new();
    project.insert("name".to_owned(), Value::from(name));
    project.insert("version".to_owned(), Value::from("0"));
    project.insert("dependencies".to_owned(), Value::from(metadata.dependencies.clone()));
    let mut table = Table::new();
    table.insert("project".to_owned(), Value::from(project));
    if let Some(uv) = metadata.tool.get("uv").and_then(Value::as_table) {
        let mut uv = uv.clone();
        root(&mut uv, beside);
        table.insert("tool".to_owned(), Value::from(Table::from_iter([("uv".to_owned(), Value::from(uv))])));
    }
    table.to_string()
}

/// Lets paths that are relative to the script be found from elsewhere.
fn root(uv: &mut Table, beside: &Path) {
    let place = |value: &mut Value| {
        if let Value::String(path) = value
            && !path.contains("://")
        {
            *path = beside.join(&*path).display().to_string();
        }
    };
    let each = |value: &mut Value, key: &str| {
        let one = std::slice::from_mut(value);
        let all = match one {
            [Value::Array(all)] => all.as_mut_slice(),
            one => one,
        };
        for table in all.iter_mut().filter_map(Value::as_table_mut) {
            if let Some(path) = table.get_mut(key) {
                place(path);
            }
        }
    };
    for source in
        uv.get_mut("sources").and_then(Value::as_table_mut).into_iter().flatten().map(|(_, source)| source)
    {
        each(source, "path");
    }
    if let Some(indexes) = uv.get_mut("index") {
        each(indexes, "url");
    }
    for link in uv.get_mut("find-links").and_then(Value::as_array_mut).into_iter().flatten() {
        place(link);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_go_along_with_paths_that_lead_somewhere() {
        let script = "# /// script\n# dependencies = ['demo']\n# [tool.uv]\n# exclude-newer = '2026-01-01'\n# find-links = ['w', 'https://h/w']\n\
                      # [tool.uv.sources]\n# demo = { path = '../demo' }\n# other = [{ git = 'https://h/x' }, { path = '/x' }]\n\
                      # [[tool.uv.index]]\n# url = 'https://h/simple'\n# ///\n";
        let metadata = ScriptMetadata::from_script(script).unwrap().unwrap();
        let project: Table = project("Demo.py", Path::new("/a/b"), &metadata).parse().unwrap();
        assert_eq!(project["project"]["name"].as_str(), Some("demo-py"));
        let uv = &project["tool"]["uv"];
        assert_eq!(uv["sources"]["demo"]["path"].as_str(), Some("/a/b/../demo"));
        assert_eq!(uv["sources"]["other"][1]["path"].as_str(), Some("/x"));
        assert_eq!(uv["find-links"][0].as_str(), Some("/a/b/w"));
        assert_eq!(uv["index"][0]["url"].as_str(), Some("https://h/simple"));
        assert_eq!(uv["exclude-newer"].as_str(), Some("2026-01-01"));
    }
}

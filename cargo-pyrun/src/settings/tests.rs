use camino::Utf8Path;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::table::{self, Table};
use super::*;

fn read(value: &Value) -> Result<Settings, String> {
    let table = Table::new(Utf8Path::new("/p/Cargo.toml"), "package.metadata.pyrun".to_owned(), value);
    table.and_then(|table| table.settings()).map_err(|error| error.to_string())
}

#[expect(clippy::unnecessary_wraps, reason = "every setting is an `Option`")]
fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

#[test]
fn every_key_is_read() {
    let value = json!({
        "tag": "3.13", "python": "system", "workdir": "/w", "mount": "/m", "user": 1000, "platform": "linux/arm64",
        "pull": "never", "network": "none", "memory": "512m", "cpus": 1.5, "read-only": true, "gpus": "all",
        "entrypoint": "/e", "engine": "docker", "docker-socket": false, "build-tag": "3.13-bookworm", "env-file": ["a.env", "/b.env"],
        "env": { "K": "V" }, "volumes": ["../d:/d:ro", "/e:/e"], "publish": ["80:8080"], "with": ["rich>=13"], "requirements": ["./r.txt"],
        "groups": ["dev"], "extras": ["cli"],
    });
    let expected = Settings {
        tag: text("3.13"),
        image: None,
        python: text("system"),
        workdir: text("/w"),
        mount_at: text("/m"),
        user: text("1000"),
        platform: text("linux/arm64"),
        pull: text("never"),
        network: text("none"),
        memory: text("512m"),
        cpus: text("1.5"),
        read_only: Some(true),
        gpus: text("all"),
        entrypoint: text("/e"),
        engine: text("docker"),
        docker_socket: Some(false),
        build_tag: Some("3.13-bookworm".to_owned()),
        env: vec![
            EnvSource::File("/p/a.env".into()),
            EnvSource::File("/b.env".into()),
            EnvSource::Variable("K".to_owned(), text("V")),
        ],
        volumes: vec!["/p/../d:/d:ro".to_owned(), "/e:/e".to_owned()],
        publish: vec!["80:8080".to_owned()],
        with: vec!["rich>=13".to_owned()],
        requirements: vec!["/p/r.txt".into()],
        groups: vec!["dev".to_owned()],
        extras: vec!["cli".to_owned()],
    };
    assert_eq!(read(&value), Ok(expected));
    let keys = value.as_object().unwrap().len() + 1;
    assert_eq!(keys, table::KEYS.len(), "this test has every key, one of `tag` and `image`");
}

#[test]
fn wrong_types_name_what_was_expected_and_found() {
    let said = |value: Value| read(&value).unwrap_err().replace(" in `/p/Cargo.toml`", "");
    assert_eq!(
        said(json!({"pull": "sometimes"})),
        "expected `always`, `missing` or `never` for `package.metadata.pyrun.pull`, found the string `sometimes`"
    );
    assert_eq!(
        said(json!({"publish": ["80", 8080]})),
        "expected a string for `package.metadata.pyrun.publish[1]`, found the integer `8080`"
    );
    assert_eq!(
        said(json!({"env": {"A": true}})),
        "expected a string for `package.metadata.pyrun.env.A`, found `true`"
    );
    assert_eq!(
        said(json!({"env": ["A=1"]})),
        "expected a table of strings for `package.metadata.pyrun.env`, found an array"
    );
    assert_eq!(
        said(json!({"read-only": "yes"})),
        "expected `true` or `false` for `package.metadata.pyrun.read-only`, found the string `yes`"
    );
}

#[test]
fn scripts_run_one_thing() {
    let said = |value: Value| {
        let value = json!({ "scripts": { "x": value } });
        let manifest = Utf8Path::new("/p/Cargo.toml");
        let table = Table::new(manifest, "k".to_owned(), &value).unwrap();
        script::scripts(manifest, &table).map_err(|error| error.to_string())
    };
    assert!(said(json!("a.py")).is_ok());
    assert!(said(json!({"code": "pass", "tag": "3"})).is_ok());
    assert_eq!(
        said(json!({"description": "d"})).unwrap_err(),
        "expected one of `script`, `module` and `code` for `k.scripts.x` in `/p/Cargo.toml`, found none of them"
    );
    assert_eq!(
        said(json!({"script": "a.py", "code": "pass"})).unwrap_err(),
        "expected one of `script`, `module` and `code` for `k.scripts.x` in `/p/Cargo.toml`, \
         found `script` and `code`"
    );
    assert!(said(json!(3)).unwrap_err().starts_with("expected a string or a table for `k.scripts.x`"));
}

#[test]
fn the_environment_is_a_level() {
    let read = |pairs: &[(&str, &str)]| {
        let lookup =
            |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        table::environment(&lookup).map_err(|error| error.to_string())
    };
    let settings = read(&[
        ("PYRUN_TAG", "3.13"),
        ("PYRUN_READ_ONLY", "1"),
        ("PYRUN_ENV_FILE", "a.env"),
        ("PYRUN_CPUS", "2"),
    ])
    .unwrap();
    assert_eq!((settings.tag, settings.read_only, settings.cpus), (text("3.13"), Some(true), text("2")));
    assert_eq!(settings.env, [EnvSource::File("a.env".into())]);
    assert_eq!(
        read(&[("PYRUN_DOCKER_SOCKET", "yes")]).unwrap_err(),
        "expected `true` or `false` for `PYRUN_DOCKER_SOCKET` in the environment, found the string `yes`"
    );
    assert_eq!(
        read(&[("PYRUN_TAG", "3"), ("PYRUN_IMAGE", "x")]).unwrap_err(),
        "both `tag` and `image` are set: `PYRUN_TAG` in the environment and `PYRUN_IMAGE` in the environment"
    );
}

#[test]
fn an_image_above_replaces_a_tag_below() {
    let over = Settings { image: text("x"), ..Settings::default() };
    let under = Settings { tag: text("3"), user: text("0"), ..Settings::default() };
    let merged = Settings::merge(over, under);
    assert_eq!((merged.tag, merged.image, merged.user), (None, text("x"), text("0")));
}

#[test]
fn lists_are_joined_and_a_volume_replaces_its_target() {
    let level = |volumes: &[&str], publish: &[&str]| Settings {
        volumes: volumes.iter().map(ToString::to_string).collect(),
        publish: publish.iter().map(ToString::to_string).collect(),
        ..Settings::default()
    };
    let merged = Settings::merge(
        level(&["/mine:/data/:ro", "C:/b:/b"], &["80", "81"]),
        level(&["./data:/data", "cache:/cache", "/b"], &["82", "80"]),
    );
    assert_eq!(merged.volumes, ["cache:/cache", "/mine:/data/:ro", "C:/b:/b"]);
    assert_eq!(merged.publish, ["82", "80", "81"]);
}

#[test]
fn a_file_of_a_higher_level_wins_over_a_variable_of_a_lower() {
    let folder = tempfile::tempdir().unwrap();
    let file = Utf8Path::from_path(folder.path()).unwrap().join("a.env");
    fs_err::write(&file, "A=file\nHOST\nUNSET\n").unwrap();
    let variable =
        |key: &str, value: Option<&str>| EnvSource::Variable(key.to_owned(), value.map(str::to_owned));
    let over = Settings { env: vec![EnvSource::File(file)], ..Settings::default() };
    let under =
        Settings { env: vec![variable("A", Some("low")), variable("GONE", None)], ..Settings::default() };
    let host = |name: &str| (name == "HOST").then(|| "here".to_owned());
    let expected = [("A", text("file")), ("GONE", None), ("HOST", text("here"))];
    assert_eq!(
        Settings::merge(over, under).environment(&host).unwrap(),
        expected.map(|(key, value)| (key.to_owned(), value)).into()
    );
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(any_key(), inner, 0..4)
                .prop_map(|entries| entries.into_iter().collect::<Value>()),
        ]
    })
}

fn any_key() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(&table::KEYS[..]).prop_map(str::to_owned),
        proptest::sample::select(&["scripts", "script", "module", "args"][..]).prop_map(str::to_owned),
        "\\PC{0,6}",
    ]
}

proptest! {
    #[test]
    fn any_metadata_is_read_or_refused(value in any_value()) {
        let manifest = Utf8Path::new("/p/Cargo.toml");
        if let Ok(table) = Table::new(manifest, "k".to_owned(), &value) {
            let _ = (table.only(&table::KEYS), table.settings(), script::scripts(manifest, &table));
        }
    }
}

#[test]
fn the_help_names_every_variable() {
    use clap::CommandFactory as _;

    let asked = std::cell::RefCell::new(Vec::new());
    let lookup = |name: &str| {
        asked.borrow_mut().push(name.to_owned());
        None
    };
    table::environment(&lookup).unwrap();
    let cargo = crate::cli::Cargo::command();
    let help = cargo.find_subcommand("pyrun").unwrap().get_after_long_help().unwrap().to_string();
    let (_, variables) = help.split_once("The variables are PYRUN_ with ").unwrap();
    let (variables, _) = variables.split_once(" after it.").unwrap();
    let words = variables.split([',', ' ', '\n']).filter(|word| !word.is_empty() && *word != "or");
    let mut told: Vec<_> = words.map(|word| format!("PYRUN_{word}")).collect();
    let mut asked = asked.into_inner();
    told.sort();
    asked.sort();
    assert_eq!(told, asked);
}

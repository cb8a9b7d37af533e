use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn read(own: &Value, workspace: Option<&Value>) -> Result<ImageSettings, MetadataError> {
    let mut images = read_all(own, workspace)?;
    assert_eq!(images.len(), 1);
    Ok(images.remove(0))
}

fn read_all(own: &Value, workspace: Option<&Value>) -> Result<Vec<ImageSettings>, MetadataError> {
    let (own, workspace) = (own.clone().into(), workspace.map(|value| value.clone().into()));
    let own = Section { manifest: "app/Cargo.toml", key: "package.metadata.pyimage", value: &own };
    let workspace = workspace.as_ref().map(|value| Section {
        manifest: "Cargo.toml",
        key: "workspace.metadata.pyimage",
        value,
    });
    ImageSettings::read("App", own, workspace)
}

fn shown(image: &ImageSettings) -> String {
    let platforms: Vec<_> = image.platforms.iter().map(ToString::to_string).collect();
    format!("{} on {} for {}", image.name.familiar(), image.base.familiar(), platforms.join(" "))
}

#[test]
fn defaults_and_levels() {
    for (own, workspace, expected) in [
        (json!({"tag": "3.13-slim"}), None, "app:latest on python:3.13-slim for linux/amd64 linux/arm64"),
        (
            json!({"base": "ghcr.io/me/base@sha256:".to_owned() + &"ab".repeat(32), "name": "ghcr.io/me/app"}),
            None,
            &*format!(
                "ghcr.io/me/app:latest on ghcr.io/me/base@sha256:{} for linux/amd64 linux/arm64",
                "ab".repeat(32)
            ),
        ),
        (
            json!({}),
            Some(json!({"tag": "3", "platforms": ["aarch64"], "name": "x"})),
            "x:latest on python:3 for linux/arm64",
        ),
        (
            json!({"base": "b:1", "platforms": ["linux/386"]}),
            Some(json!({"tag": "3", "platforms": ["aarch64"]})),
            "app:latest on b:1 for linux/386",
        ),
    ] {
        assert_eq!(shown(&read(&own, workspace.as_ref()).unwrap()), expected);
    }
}

#[test]
fn refusals_name_key_and_file() {
    for (own, expected) in [
        (json!(1), "expected a table for `package.metadata.pyimage` in `app/Cargo.toml`, found a number"),
        (json!({}), "`package.metadata.pyimage` in `app/Cargo.toml` names no base"),
        (
            json!({"tag": "3", "tags": ["latest", "v{version}-{git.sah}"]}),
            "there is no `{git.sah}`, for `package.metadata.pyimage.tags[1]` in `app/Cargo.toml`",
        ),
        (
            json!({"tag": "3", "bytecode": "al"}),
            "`al` is unknown, for `package.metadata.pyimage.bytecode` in `app/Cargo.toml`",
        ),
        (
            json!({"tag": "3", "revision": "HEAD"}),
            "`HEAD` is neither `git` nor `none`, and no name of a commit, for `package.metadata.pyimage.revision` in \
             `app/Cargo.toml`",
        ),
        (json!({"tga": ""}), "unknown key `package.metadata.pyimage.tga` in `app/Cargo.toml`"),
        (
            json!({"tag": 3.13}),
            "expected a string for `package.metadata.pyimage.tag` in `app/Cargo.toml`, found a number",
        ),
        (
            json!({"tag": "3.13-slm"}),
            "`3.13-slm` is no tag of the official Python image, for `package.metadata.pyimage.tag` in `app/Cargo.toml`",
        ),
        (
            json!({"tag": "3", "base": "x"}),
            "both `package.metadata.pyimage.tag` in `app/Cargo.toml` and `package.metadata.pyimage.base` in \
             `app/Cargo.toml` are set",
        ),
        (
            json!({"base": "X"}),
            "`X` is no image reference, for `package.metadata.pyimage.base` in `app/Cargo.toml`",
        ),
        (
            json!({"tag": "3", "platforms": []}),
            "`package.metadata.pyimage.platforms` in `app/Cargo.toml` is empty",
        ),
        (
            json!({"tag": "3", "platforms": ["linux/amd64", "x86_64"]}),
            "linux/amd64 is listed twice: `package.metadata.pyimage.platforms[1]` in `app/Cargo.toml`",
        ),
        (
            json!({"tag": "3", "platforms": ["amd46"]}),
            "`amd46` is no platform, for `package.metadata.pyimage.platforms[0]` in `app/Cargo.toml`",
        ),
        (
            json!({"tag": "3", "name": "ghcr.io/me/app:1"}),
            "`ghcr.io/me/app:1` has a tag or a digest, for `package.metadata.pyimage.name` in `app/Cargo.toml`, \
             which names a repository",
        ),
    ] {
        assert_eq!(read(&own, None).unwrap_err().to_string(), expected);
    }
}

proptest! {
    #[test]
    fn never_panics(
        key in "(tag|base|platforms|name|\\PC{0,8})",
        text in "\\PC{0,12}",
        kind in 0..5
    ) {
        let value = match kind {
            0 => json!(text),
            1 => json!([text]),
            2 => json!({text: 1}),
            3 => json!(1.5),
            _ => json!([[text]]),
        };
        match read(&json!({key: value}), None) {
            Ok(image) => prop_assert!(!image.platforms.is_empty()),
            Err(error) => prop_assert!(error.to_string().contains("Cargo.toml") || error.helps().len() < 2),
        }
    }
}

#[test]
fn files_are_looked_for_from_the_manifest_that_names_them() {
    let workspace =
        json!({"tag": "3.13-slim", "requirements": ["base.txt", "/etc/more.txt"], "extras": ["a"]}).into();
    let workspace =
        Section { manifest: "/ws/Cargo.toml", key: "workspace.metadata.pyimage", value: &workspace };
    let read = |value: Value| {
        let value = value.into();
        let own = Section { manifest: "/ws/app/Cargo.toml", key: "package.metadata.pyimage", value: &value };
        ImageSettings::read("app", own, Some(workspace)).map(|mut images| images.remove(0).packages)
    };
    let packages = read(json!({})).unwrap();
    assert_eq!(packages.requirements, [Path::new("/ws/base.txt"), Path::new("/etc/more.txt")]);
    assert_eq!((packages.lock.as_path(), packages.is_named), (Path::new("/ws/app/pylock.toml"), false));
    let packages =
        read(json!({"requirements": "pyproject.toml", "extras": [], "pylock": "locks/pylock.web.toml"}));
    let packages = packages.unwrap();
    assert_eq!(packages.requirements, [Path::new("/ws/app/pyproject.toml")]);
    assert!(packages.extras.is_empty() && packages.is_named);
    for (value, error) in [
        (
            json!({"pylock": "lock.toml"}),
            "`lock.toml` is no name of a lock, for `package.metadata.pyimage.pylock` in `/ws/app/Cargo.toml`",
        ),
        (
            json!({"requirements": 1}),
            "expected a string or an array of strings for `package.metadata.pyimage.requirements` in `/ws/app/Cargo.toml`, found a number",
        ),
        (
            json!({"groups": ["a", ""]}),
            "`package.metadata.pyimage.groups[1]` in `/ws/app/Cargo.toml` is an empty string",
        ),
        (
            json!({"extras": "a"}),
            "expected an array of strings for `package.metadata.pyimage.extras` in `/ws/app/Cargo.toml`, found a string",
        ),
    ] {
        assert_eq!(read(value).unwrap_err().to_string(), error);
    }
}

#[test]
fn what_a_container_starts_with_is_said_by_level() {
    let workspace =
        json!({"tag": "3", "env": {"A": "1", "B": "1"}, "cmd": ["x"], "user": "app", "labels": {"l": "w"}});
    let read = |own: Value| read(&own, Some(&workspace));
    let options = read(json!({"env": {"B": 2, "C": true}, "entrypoint": ["python3"], "workdir": "/app"}))
        .unwrap()
        .options;
    let env: Vec<_> = options.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(env, ["A=1", "B=2", "C=true"]);
    assert_eq!(
        (options.entrypoint, options.cmd),
        (Some(vec!["python3".to_owned()]), Some(vec!["x".to_owned()]))
    );
    assert_eq!((options.user.as_deref(), options.working_dir.as_str()), (Some("app"), "/app"));
    assert_eq!(options.labels["l"], "w");
    let image = read(json!({"source": ["app"], "expose": ["8080"]})).unwrap();
    assert_eq!((image.source, image.tags), (vec!["app".to_owned()], vec!["latest".to_owned()]));
    assert!(image.options.exposed_ports.contains("8080"));
    for (own, error) in [
        (
            json!({"workdir": "app"}),
            "`app` is not absolute, for `package.metadata.pyimage.workdir` in `app/Cargo.toml`",
        ),
        (
            json!({"env": {"A": []}}),
            "expected a string for `package.metadata.pyimage.env.A` in `app/Cargo.toml`, found an array",
        ),
        (
            json!({"env": ["A=1"]}),
            "expected a table of strings for `package.metadata.pyimage.env` in `app/Cargo.toml`, found an array",
        ),
        (
            json!({"expose": ["80", "http"]}),
            "`http` is not a port such as `8080`, `8080/tcp` or `53/udp`, for `package.metadata.pyimage.expose[1]` in `app/Cargo.toml`",
        ),
        (
            json!({"volumes": ["data"]}),
            "`data` is not an absolute path without `.` and `..`, for `package.metadata.pyimage.volumes[0]` in `app/Cargo.toml`",
        ),
        (
            json!({"workdir": "/a/../b"}),
            "`/a/../b` is not an absolute path without `.` and `..`, for `package.metadata.pyimage.workdir` in `app/Cargo.toml`",
        ),
        (
            json!({"stop-signal": "SIGITN"}),
            "`SIGITN` is not a signal such as `SIGINT` or `2`, for `package.metadata.pyimage.stop-signal` in `app/Cargo.toml`",
        ),
        (
            json!({"user": "a b"}),
            "`a b` is not a user such as `app`, `1000` or `1000:1000`, for `package.metadata.pyimage.user` in `app/Cargo.toml`",
        ),
        (
            json!({"env": {"A B=": "1"}}),
            "`A B=` cannot be the name of a variable, or its value has a NUL, for `package.metadata.pyimage.env.\"A B=\"` in `app/Cargo.toml`",
        ),
        (
            json!({"env": {"A": "x${PATH"}}),
            "`x${PATH` has `${` without its `}`, for `package.metadata.pyimage.env.A` in `app/Cargo.toml`",
        ),
        (json!({"user": ""}), "`package.metadata.pyimage.user` in `app/Cargo.toml` is an empty string"),
        (
            json!({"entrypoint": "python3"}),
            "expected an array of strings for `package.metadata.pyimage.entrypoint` in `app/Cargo.toml`, found a string",
        ),
    ] {
        assert_eq!(read(own).unwrap_err().to_string(), error);
    }
}

#[test]
fn images_of_a_package_by_name() {
    let own = json!({
        "tag": "3.13-slim",
        "name": "ghcr.io/me/app",
        "requirements": "requirements.txt",
        "env": {"A": "1"},
        "images": {
            "web": {"expose": ["8000"], "env": {"B": "2"}},
            "worker": {"name": "ghcr.io/me/jobs", "tag": "3.12", "requirements": "worker.txt"},
        },
    });
    let images = read_all(&own, None).unwrap();
    let shown: Vec<_> = images.iter().map(|image| (image.image.as_deref().unwrap(), shown(image))).collect();
    assert_eq!(
        shown,
        [
            ("web", "ghcr.io/me/app-web:latest on python:3.13-slim for linux/amd64 linux/arm64".to_owned()),
            ("worker", "ghcr.io/me/jobs:latest on python:3.12 for linux/amd64 linux/arm64".to_owned()),
        ]
    );
    let locks: Vec<_> = images.iter().map(|image| image.packages.lock.to_str().unwrap()).collect();
    assert_eq!(locks, ["app/pylock.toml", "app/pylock.worker.toml"]);
    assert_eq!(images[0].options.env.len(), 2);
    for (own, workspace, error) in [
        (
            json!({"images": {}}),
            json!({"tag": "3"}),
            "`package.metadata.pyimage.images` in `app/Cargo.toml` is empty",
        ),
        (
            json!({"images": {"A b": {}}}),
            json!({"tag": "3"}),
            "`A b` is no name of an image: `package.metadata.pyimage.images.\"A b\"` in `app/Cargo.toml`",
        ),
        (
            json!({"images": {"a": {"images": {}}}}),
            json!({"tag": "3"}),
            "`package.metadata.pyimage.images.a.images` in `app/Cargo.toml` is not in the section of a package",
        ),
        (
            json!({"images": {"a": {"tga": ""}}}),
            json!({"tag": "3"}),
            "unknown key `package.metadata.pyimage.images.a.tga` in `app/Cargo.toml`",
        ),
        (
            json!({}),
            json!({"tag": "3", "images": {"a": {}}}),
            "`workspace.metadata.pyimage.images` in `Cargo.toml` is not in the section of a package",
        ),
        (
            json!({"images": {"a": {}}}),
            json!({}),
            "`package.metadata.pyimage.images.a` in `app/Cargo.toml` names no base",
        ),
    ] {
        assert_eq!(read_all(&own, Some(&workspace)).unwrap_err().to_string(), error);
    }
}

#[test]
fn the_example_of_each_key_is_read_and_fits_the_schema() {
    let section = &schema()["definitions"]["section"]["properties"];
    for key in KEYS {
        let document: toml::Table = format!("{} = {}", key.name, key.example).parse().unwrap();
        let mut value = serde_json::to_value(document).unwrap();
        let given = value[key.name].clone();
        if !["tag", "base"].contains(&key.name) {
            value["tag"] = json!("3.13-slim");
        }
        let images = read_all(&value, None).unwrap_or_else(|error| panic!("{}: {error}", key.name));
        assert!(!images.is_empty());
        let kind = match given {
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
            Value::Bool(_) => "boolean",
            _ => "integer",
        };
        let schema = &section[key.name];
        let kinds = match &schema["anyOf"] {
            Value::Array(any) => any.iter().map(|one| &one["type"]).collect(),
            _ => vec![&schema["type"]],
        };
        assert!(kinds.contains(&&json!(kind)), "{}: {kind} against {schema}", key.name);
    }
}

#[test]
fn the_nearest_value_is_told() {
    for (own, expected) in [
        (json!({"tag": "3", "stop-signal": "SIGITN"}), "did you mean `\"SIGINT\"`?"),
        (json!({"tag": "3", "compression": "zst"}), "did you mean `\"zstd\"`?"),
        (json!({"tag": "3", "platforms": ["amd46"]}), "did you mean `\"linux/amd64\"`?"),
        (json!({"tag": "3", "platforms": ["linux-arm64"]}), "did you mean `\"linux/arm64\"`?"),
    ] {
        assert_eq!(read(&own, None).unwrap_err().helps(), [expected], "{own}");
    }
}

#[test]
fn each_key_is_known_where_it_stands() {
    let images = read_all(
        &json!({"tag": "3", "source": ["a"], "images": {"web": {"files": []}}}),
        Some(&json!({"platforms": ["arm64"]})),
    );
    let image = &images.unwrap()[0];
    let place = |key: &str, entry| image.place(key, entry).map(|place| place.to_string());
    let of = |key: &str| Some(format!("`package.metadata.pyimage.{key}` in `app/Cargo.toml`"));
    assert_eq!(place("source", Some(0)), of("source[0]"));
    assert_eq!(place("files", None), of("images.web.files"));
    assert_eq!(
        place("platforms", None).unwrap().split('`').nth(1),
        Some("workspace.metadata.pyimage.platforms")
    );
    assert_eq!(place("bins", None), None);
}

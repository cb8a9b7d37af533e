use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn file(content: &str) -> (tempfile::TempDir, Credentials) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    fs_err::write(&path, content).unwrap();
    (folder, Credentials::new(CredentialFiles::at([path])))
}

async fn user(credentials: &Credentials, registry: &str, repository: &str) -> Option<String> {
    match credentials.find(registry, repository).await.login? {
        Login::Password { user, password } => Some(format!("{user}:{}", password.reveal())),
        Login::Identity(token) => Some(format!("identity {}", token.reveal())),
        Login::Registry(token) => Some(format!("registry {}", token.reveal())),
    }
}

#[tokio::test]
async fn every_spelling_of_docker_hub_is_found() {
    for key in [
        "https://index.docker.io/v1/",
        "docker.io",
        "index.docker.io",
        "https://registry-1.docker.io",
        "docker.io/library",
    ] {
        let (_folder, credentials) = file(&format!(r#"{{"auths":{{"{key}":{{"auth":"bWU6cHc="}}}}}}"#));
        assert_eq!(
            user(&credentials, "docker.io", "library/python").await.as_deref(),
            Some("me:pw"),
            "{key}"
        );
        assert_eq!(user(&credentials, "quay.io", "library/python").await, None);
    }
}

#[tokio::test]
async fn the_longest_namespace_wins() {
    let (_folder, credentials) = file(
        r#"{"auths":{
            "host:5000":{"username":"host","password":"1"},
            "https://host:5000/v2/":{"username":"url","password":"1"},
            "host:5000/team":{"username":"team","password":"2"},
            "host:5000/team/app":{"identitytoken":"app"},
            "other":{"registrytoken":"r"},
            "empty":{}
        }}"#,
    );
    let user = async |registry, repository| user(&credentials, registry, repository).await;
    assert_eq!(user("host:5000", "app").await.as_deref(), Some("host:1"));
    assert_eq!(user("host:5000", "team/x").await.as_deref(), Some("team:2"));
    assert_eq!(user("host:5000", "teams/x").await.as_deref(), Some("host:1"));
    assert_eq!(user("host:5000", "team/app/x").await.as_deref(), Some("identity app"));
    assert_eq!(user("other", "x").await.as_deref(), Some("registry r"));
    assert_eq!(user("empty", "x").await, None);
    assert_eq!(user("host", "x").await, None);
}

#[tokio::test]
async fn files_are_asked_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let env: BTreeMap<&str, String> =
        ["REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"]
            .into_iter()
            .map(|name| (name, folder.path().join(name).to_str().unwrap().to_owned()))
            .collect();
    let files = CredentialFiles::locate(&|name| env.get(name).cloned(), None);
    let order = [
        "REGISTRY_AUTH_FILE",
        "DOCKER_CONFIG/config.json",
        "XDG_RUNTIME_DIR/containers/auth.json",
        "XDG_CONFIG_HOME/containers/auth.json",
    ];
    assert_eq!(files, CredentialFiles::at(order.map(|name| folder.path().join(name))));
    for (index, name) in order.iter().enumerate().rev() {
        let path = folder.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        let content = format!(r#"{{"auths":{{"h":{{"username":"{index}","password":"x"}}}}}}"#);
        fs_err::write(&path, content).unwrap();
        let credentials = Credentials::new(files.clone());
        assert_eq!(user(&credentials, "h", "a").await, Some(format!("{index}:x")));
        let source = credentials.find("h", "a").await.source;
        assert_eq!(source.to_string(), format!("credentials of `{}`", path.display()));
    }
}

#[tokio::test]
async fn a_damaged_file_is_told_without_its_content() {
    let (folder, credentials) = file(r#"{"auths":{"h":{"auth":1234567}}}"#);
    let found = credentials.find("h", "a").await;
    assert_eq!(found.login, None);
    let path = folder.path().join("config.json");
    let expected =
        format!("logins in `{}` are ignored: it is not the JSON that it should be", path.display());
    assert!(found.failures[0].starts_with(&expected) && !found.failures[0].contains("1234567"), "{found:?}");
}

#[tokio::test]
async fn a_damaged_login_is_told() {
    let (folder, credentials) = file(r#"{"auths":{"h":{"auth":"not base64!"}}}"#);
    let found = credentials.find("h", "a").await;
    let path = folder.path().join("config.json");
    assert_eq!(found.failures, [format!("the login for `h` in `{}` is damaged", path.display())]);
    assert_eq!(found.login, None);
}

#[test]
fn secrets_are_not_printed() {
    let login = Login::Password { user: "me".to_owned(), password: Secret::new("hunter2") };
    let shown = format!(
        "{login:?} {:?} {:?}",
        Login::Identity(Secret::new("hunter2")),
        Login::Registry(Secret::new("hunter2"))
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[cfg(unix)]
mod helpers {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::helper::get_from;
    use super::*;

    /// Runs a helper with this script.
    async fn answer(script: &str) -> Result<Option<Login>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker-credential-test");
        fs_err::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        get_from(path.as_os_str(), "https://index.docker.io/v1/", Duration::from_millis(500)).await
    }

    #[tokio::test]
    async fn a_helper_is_asked_for_the_server() {
        let script = r#"printf '{"ServerURL":"x","Username":"%s %s","Secret":"s"}' "$1" "$(cat)""#;
        let expected = Login::Password {
            user: "get https://index.docker.io/v1/".to_owned(),
            password: Secret::new("s"),
        };
        assert_eq!(answer(script).await, Ok(Some(expected)));
        let script = r#"printf '{"Username":"<token>","Secret":"s"}'"#;
        assert_eq!(answer(script).await, Ok(Some(Login::Identity(Secret::new("s")))));
    }

    #[tokio::test]
    async fn a_helper_may_have_nothing() {
        let script = "echo 'credentials not found in native keychain'; exit 1";
        assert_eq!(answer(script).await, Ok(None));
        assert_eq!(answer(r#"echo '{"Username":"","Secret":""}'"#).await, Ok(None));
    }

    #[tokio::test]
    async fn a_helper_that_fails_says_how() {
        let failed = async |script| answer(script).await.unwrap_err();
        assert_eq!(
            failed("echo 'the keychain is locked'; echo more; exit 1").await,
            "the keychain is locked"
        );
        assert_eq!(failed("echo 'no display' >&2; exit 1").await, "no display");
        assert_eq!(failed("exit 1").await, "it failed without a word");
        assert_eq!(failed("echo hunter2").await, "its answer is not the JSON of a login");
        assert_eq!(failed("sleep 60").await, "it did not answer within 0.5 s");
        // More than a pipe holds, from one that does not read either.
        assert_eq!(failed("exec 0<&-; yes").await, "y");
        // What it started goes with it.
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        let script = format!("(sleep 2; echo alive > {path}) & wait");
        assert_eq!(answer(&script).await.unwrap_err(), "it did not answer within 0.5 s");
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        assert_eq!(fs_err::read_to_string(path).unwrap(), "");
        assert_eq!(
            helper::get("../evil", "x", Duration::from_secs(1)).await,
            Err("its name is a path".to_owned())
        );
    }
}

proptest! {
    #[test]
    fn any_key_is_read(key in "\\PC*", registry in "[a-z.:]{1,12}", repository in "[a-z/]{1,12}") {
        file::fit(&key, &registry, &repository);
    }

    #[test]
    fn a_key_fits_its_registry_and_what_is_in_its_namespace(
        host in "[a-b]{1,3}(:[0-9]{1,4})?", namespace in proptest::option::of("[a-b]{1,3}(/[a-b]{1,3})?"),
        scheme in proptest::sample::select(&["", "https://", "http://"][..]),
        other in "[a-b]{1,3}(:[0-9]{1,4})?", repository in "[a-b]{1,3}(/[a-b]{1,3}){0,3}",
    ) {
        let path = namespace.as_ref().map(|namespace| format!("/{namespace}")).unwrap_or_default();
        let key = format!("{scheme}{host}{path}");
        let fit = file::fit(&key, &other, &repository);
        // Of a URL only the host counts.
        let namespace = namespace.filter(|_| scheme.is_empty());
        let inside = namespace.as_ref().is_none_or(|namespace| {
            format!("{repository}/").starts_with(&format!("{namespace}/"))
        });
        prop_assert_eq!(fit.is_some(), host == other && inside, "{} for {}/{}", key, other, repository);
        if let Some((len, _)) = fit {
            prop_assert_eq!(len, namespace.map_or(0, |namespace| namespace.len()));
        }
    }
}

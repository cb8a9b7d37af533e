use std::collections::BTreeMap;
use std::path::Path;

use super::*;

fn given(pairs: &[(&str, &str)], home: Option<&Path>) -> Result<RegistrySettings, RegistryError> {
    let map: BTreeMap<_, _> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    RegistrySettings::from_variables(&|name| map.get(name).cloned(), home)
}

fn mirrors(settings: &RegistrySettings, registry: &str) -> Vec<String> {
    settings.mirrors(registry).filter_map(|mirror| mirror.mirror.clone()).collect()
}

#[test]
fn our_mirrors_come_before_docker_s() {
    let home = tempfile::tempdir().unwrap();
    fs_err::create_dir_all(home.path().join(".docker")).unwrap();
    fs_err::write(
        home.path().join(".docker/daemon.json"),
        r#"{"registry-mirrors": ["https://theirs.example/", "nonsense"], "insecure-registries": ["10.0.0.0/8"]}"#,
    )
    .unwrap();
    let variables = [(MIRRORS_VARIABLE, " http://ours.example:5000 , ghcr.io=https://ghcr.example ,")];
    let settings = given(&variables, Some(home.path())).unwrap();
    assert_eq!(mirrors(&settings, "docker.io"), ["http://ours.example:5000", "https://theirs.example"]);
    assert_eq!(mirrors(&settings, "ghcr.io"), ["https://ghcr.example"]);
    assert!(settings.is_insecure("10.1.2.3:5000") && !settings.is_insecure("11.1.2.3:5000"));
    assert_eq!(settings.details.len(), 1, "{:?}", settings.details);
    assert!(settings.may_speak_http("ours.example:5000") && !settings.may_speak_http("ghcr.example"));
}

#[test]
fn a_broken_daemon_json_is_docker_s_problem() {
    let home = tempfile::tempdir().unwrap();
    fs_err::create_dir_all(home.path().join(".config/docker")).unwrap();
    fs_err::write(home.path().join(".config/docker/daemon.json"), "{").unwrap();
    let settings = given(&[], Some(home.path())).unwrap();
    assert_eq!(settings.details.len(), 1);
}

#[test]
fn a_malformed_variable_is_named() {
    let message = |name: &str, value: &str| given(&[(name, value)], None).unwrap_err().to_string();
    assert_eq!(
        message(MIRRORS_VARIABLE, "https://good.example,mirror.example"),
        "`PYIMAGE_MIRRORS` has `mirror.example`, which is not the URL of a mirror, such as `https://mirror.example`"
    );
    assert_eq!(
        message(MIRRORS_VARIABLE, "two words=https://mirror.example"),
        "`PYIMAGE_MIRRORS` has `two words=https://mirror.example`, which is not `URL` or `HOST=URL`"
    );
    assert_eq!(
        message(INSECURE_VARIABLE, "a:b"),
        "`PYIMAGE_INSECURE_REGISTRIES` has `a:b`, which is not `HOST`, `HOST:PORT` or an address range"
    );
    assert_eq!(
        message(TIMEOUT_VARIABLE, "soon"),
        "`PYIMAGE_REGISTRY_TIMEOUT` has `soon`, which is not a number of seconds above 0"
    );
    assert!(
        message("https_proxy", "http://me:secret@:::").starts_with("`https_proxy` has `…`, which is not")
    );
}

#[test]
fn no_message_has_a_password_or_a_token() {
    let shown = |name: &str, value: &str| {
        let text = given(&[(name, value)], None).unwrap_err().to_string();
        text.split('`').nth(3).unwrap_or_default().to_owned()
    };
    for (value, expected) in [
        ("http://u:secret@127.0.0.1:5000", "http://***@127.0.0.1:5000"),
        ("ghcr.io=http://u:secret@127.0.0.1:5000/x?token=secret", "http://***@127.0.0.1:5000/x"),
        ("u:secret@127.0.0.1", "***@127.0.0.1"),
        ("http://u:secret%40127.0.0.1", "http://***@127.0.0.1"),
        ("u:secret=secret@127.0.0.1", "***@127.0.0.1"),
        ("https://u:secret@secret@127.0.0.1", "https://***@127.0.0.1"),
        ("https://u:secret?secret#secret@127.0.0.1", "https://***@127.0.0.1"),
        ("http://127.0.0.1:5000?token=secret", "http://127.0.0.1:5000"),
        ("http://127.0.0.1:5000/#secret", "http://127.0.0.1:5000/"),
        ("HTTP://u:secret@127.0.0.1:5000", "HTTP://***@127.0.0.1:5000"),
        // A comma in a password makes two of it.
        ("http://u:secret,more@127.0.0.1", "…"),
    ] {
        assert_eq!(shown(MIRRORS_VARIABLE, value), expected, "{value}");
    }
    assert_eq!(shown(INSECURE_VARIABLE, "u:secret@127.0.0.1"), "***@127.0.0.1");
    assert_eq!(shown(INSECURE_VARIABLE, "http://127.0.0.1?token=secret"), "http://127.0.0.1");
    assert_eq!(shown(TIMEOUT_VARIABLE, "u:secret@127.0.0.1"), "***@127.0.0.1");
    let error = RegistrySettings::default().mirror("h", "http://u:secret@h").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");

    let home = tempfile::tempdir().unwrap();
    fs_err::create_dir_all(home.path().join(".docker")).unwrap();
    fs_err::write(
        home.path().join(".docker/daemon.json"),
        r#"{"registry-mirrors": ["http://u:secret@h"], "insecure-registries": ["u:secret@h"]}"#,
    )
    .unwrap();
    let settings = given(&[], Some(home.path())).unwrap();
    assert!(settings.details.len() == 2 && !format!("{:?}", settings.details).contains("secret"));
}

#[test]
fn only_hosts_can_be_allowed_to_be_insecure() {
    let mut settings = RegistrySettings::default();
    for wrong in ["u:secret@h", "", " ", "!!", "h:port", "h/path", "10.0.0.0/33"] {
        let text = settings.allow_insecure(wrong).unwrap_err().to_string();
        assert!(
            text.starts_with("`--insecure-registry` has `")
                && text.ends_with("`, which is not `HOST`, `HOST:PORT` or an address range"),
            "{text}"
        );
        assert!(!text.contains("secret"), "{text}");
    }
    for right in ["h", "h:80", "http://h2/", "[::1]:5000", "10.0.0.0/8"] {
        settings.allow_insecure(right).unwrap();
    }
    assert!(settings.is_insecure("h2") && settings.is_insecure("10.1.1.1"));
}

#[test]
fn limits_and_hosts_are_taken() {
    let settings =
        given(&[(TIMEOUT_VARIABLE, "3"), (INSECURE_VARIABLE, "registry.lan:5000,http://other.lan/")], None)
            .unwrap();
    assert_eq!(
        (settings.connect_timeout, settings.idle_timeout),
        (Duration::from_secs(3), Duration::from_secs(3))
    );
    assert!(settings.is_insecure("registry.lan:5000") && settings.is_insecure("other.lan"));
    assert!(!settings.is_insecure("registry.lan"));
}

#[test]
fn debug_output_has_no_proxy_login() {
    let settings = given(&[("HTTPS_PROXY", "http://me:secret@proxy.example:3128")], None).unwrap();
    assert!(!format!("{settings:?} {:?}", settings.proxies).contains("secret"));
    assert_eq!(settings.proxies.variables, ["HTTPS_PROXY"]);
}

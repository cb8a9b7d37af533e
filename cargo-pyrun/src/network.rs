//! What a corporate network asks of a container: the proxies and the certificate authorities of the host.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::engine::context::{DockerConfig, ProxyConfig};
use crate::engine::{Address, Facts, Kind};

/// Where the host's certificate bundle is in the container.
pub const BUNDLE: &str = "/etc/pyrun/ca-certificates.crt";

/// The variables by which Python's `ssl`, requests, pip, uv and curl find a certificate bundle.
pub const BUNDLE_VARIABLES: [&str; 4] = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE"];

const PROXY_VARIABLES: [&str; 5] = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY"];

/// Proxy variables for the container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// The variables, each in upper and lower case: programs differ in which they read.
    pub env: BTreeMap<String, String>,
    /// Hosts that the container needs to reach a proxy on the caller's machine.
    pub hosts: Vec<String>,
}

/// Takes the caller's proxy variables, and where there are none those of docker's `config.json`.
///
/// A proxy on `localhost` is the container's own localhost inside, so it is named as the engine's host instead,
/// unless the container is to have the network of the host, of another container, or none.
#[must_use]
pub fn proxies(
    variable: impl Fn(&str) -> Option<String>,
    config: &DockerConfig,
    address: &Address,
    engine: &Facts,
    network: Option<&str>,
) -> Proxies {
    let fallback = config.proxies.get(&address.to_string()).or_else(|| config.proxies.get("default"));
    let host = match engine.kind {
        Kind::Docker => "host.docker.internal",
        Kind::Podman => "host.containers.internal",
    };
    let foreign =
        network.is_some_and(|name| name == "host" || name == "none" || name.starts_with("container:"));
    let mut proxies = Proxies::default();
    for upper in PROXY_VARIABLES {
        let lower = upper.to_ascii_lowercase();
        let find = |name: &str| variable(name).filter(|value| !value.is_empty());
        let (in_upper, in_lower) = (find(upper), find(&lower));
        let configured = fallback.and_then(|config| configured(config, upper));
        let Some(any) = in_lower.clone().or_else(|| in_upper.clone()).or(configured) else { continue };
        for (name, value) in [(upper.to_owned(), in_upper), (lower, in_lower)] {
            let mut value = value.unwrap_or_else(|| any.clone());
            let url = upper != "NO_PROXY" && !foreign;
            if url && let Some(rewritten) = off_localhost(&value, host) {
                value = rewritten;
                // podman adds its name to every container by itself.
                if engine.kind == Kind::Docker && proxies.hosts.is_empty() {
                    proxies.hosts.push(format!("{host}:host-gateway"));
                }
            }
            proxies.env.insert(name, value);
        }
    }
    proxies
}

fn configured(config: &ProxyConfig, variable: &str) -> Option<String> {
    match variable {
        "HTTP_PROXY" => config.http_proxy.clone(),
        "HTTPS_PROXY" => config.https_proxy.clone(),
        "FTP_PROXY" => config.ftp_proxy.clone(),
        "ALL_PROXY" => config.all_proxy.clone(),
        _ => config.no_proxy.clone(),
    }
    .filter(|value| !value.is_empty())
}

/// The proxy's URL with another host, where its host is this machine's loopback.
fn off_localhost(url: &str, host: &str) -> Option<String> {
    let (scheme, rest) =
        url.split_once("://").map_or(("", url), |(scheme, rest)| (&url[..scheme.len() + 3], rest));
    let (login, authority) =
        rest.rsplit_once('@').map_or(("", rest), |(login, at)| (&rest[..=login.len()], at));
    for local in ["localhost", "127.0.0.1", "[::1]"] {
        let tail =
            authority.strip_prefix(local).filter(|tail| tail.is_empty() || tail.starts_with([':', '/']));
        if let Some(tail) = tail {
            return Some(format!("{scheme}{login}{host}{tail}"));
        }
    }
    None
}

/// The caller's certificate bundle: the one that a variable names, else the system's.
#[must_use]
pub fn bundle(variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let named = BUNDLE_VARIABLES.iter().filter_map(|name| variable(name)).map(PathBuf::from);
    let system = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ]
    .map(PathBuf::from);
    named.chain(system).find(|path| path.is_file()).map(|path| absolute(&path))
}

fn absolute(path: &Path) -> PathBuf {
    // A symlink would be resolved on the engine's side of a virtual machine, where it may lead nowhere.
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(kind: Kind) -> Facts {
        Facts {
            kind,
            version: String::new(),
            os: "linux".into(),
            arch: "amd64".into(),
            rootless: false,
            selinux: false,
            containerd_store: false,
        }
    }

    fn given(env: &[(&str, &str)], config: &DockerConfig, kind: Kind, network: Option<&str>) -> Proxies {
        let env: BTreeMap<_, _> = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let address = Address::Unix("/var/run/docker.sock".into());
        proxies(|name| env.get(name).cloned(), config, &address, &engine(kind), network)
    }

    #[test]
    fn either_case_becomes_both() {
        let proxies =
            given(&[("https_proxy", "http://proxy:3128")], &DockerConfig::default(), Kind::Docker, None);
        assert_eq!(proxies.env["HTTPS_PROXY"], "http://proxy:3128");
        assert_eq!(proxies.env["https_proxy"], "http://proxy:3128");
        assert!(proxies.hosts.is_empty());
    }

    #[test]
    fn localhost_is_the_host() {
        let env = [("HTTP_PROXY", "http://me:pw@127.0.0.1:3128/"), ("NO_PROXY", "localhost")];
        let docker = given(&env, &DockerConfig::default(), Kind::Docker, None);
        assert_eq!(docker.env["http_proxy"], "http://me:pw@host.docker.internal:3128/");
        assert_eq!(docker.env["NO_PROXY"], "localhost");
        assert_eq!(docker.hosts, ["host.docker.internal:host-gateway"]);
        let podman = given(&env, &DockerConfig::default(), Kind::Podman, None);
        assert_eq!(podman.env["http_proxy"], "http://me:pw@host.containers.internal:3128/");
        for network in ["host", "none", "container:other"] {
            let foreign = given(&env, &DockerConfig::default(), Kind::Docker, Some(network));
            assert_eq!(foreign.env["http_proxy"], "http://me:pw@127.0.0.1:3128/");
            assert!(foreign.hosts.is_empty(), "the engine refuses hosts for `{network}`");
        }
    }

    #[test]
    fn docker_s_own_settings_are_the_fallback() {
        let config: DockerConfig =
            serde_json::from_str(r#"{"proxies":{"default":{"httpProxy":"http://corp:1"}}}"#).unwrap();
        assert_eq!(given(&[], &config, Kind::Docker, None).env["HTTP_PROXY"], "http://corp:1");
        let env = [("HTTP_PROXY", "http://mine:2")];
        assert_eq!(given(&env, &config, Kind::Docker, None).env["http_proxy"], "http://mine:2");
    }
}

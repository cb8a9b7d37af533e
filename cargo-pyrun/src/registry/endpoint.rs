//! Where a registry or a mirror answers, and in which scheme.

use std::net::{Ipv4Addr, Ipv6Addr};

use reqwest::Url;

use super::settings::RegistrySettings;

/// Docker Hub's name in references.
pub(super) const HUB: &str = "docker.io";
/// Where Docker Hub's registry answers.
pub(super) const HUB_ADDRESS: &str = "registry-1.docker.io";

/// `http` or `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Scheme {
    /// Without TLS.
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A registry or a mirror of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// What it is called in references and in files with logins: `docker.io`, `localhost:5000`.
    pub(super) name: String,
    /// The host and port that are dialled.
    pub(super) authority: String,
    /// Schemes to try, in order; what the first does not fit, the second does.
    pub(super) schemes: &'static [Scheme],
    /// The URL of a mirror, as it was given.
    pub(super) mirror: Option<String>,
    /// What stands before the repository at a mirror: `https://mirror.example/hub` has `hub/library/python`.
    prefix: String,
}

impl Endpoint {
    /// The registry of a reference.
    pub(super) fn registry(name: &str, settings: &RegistrySettings) -> Self {
        let name = canonical(name);
        let authority = if name == HUB { HUB_ADDRESS } else { name };
        let (host, port) = split_port(authority);
        let insecure = settings.is_insecure(authority);
        let schemes: &[Scheme] = match (is_loopback(host), insecure) {
            // What listens there is mostly a registry for tests; where it speaks TLS, a plain request shows it.
            (true, false) if port != Some("443") => &[Scheme::Http, Scheme::Https],
            (true, _) | (_, true) => &[Scheme::Https, Scheme::Http],
            (false, false) => &[Scheme::Https],
        };
        Self {
            name: name.to_owned(),
            authority: authority.to_owned(),
            schemes,
            mirror: None,
            prefix: String::new(),
        }
    }

    /// The mirror with this URL; the error is what the URL should be.
    pub(super) fn mirror(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "the URL of a mirror, such as `https://mirror.example`";
        let url = Url::parse(text.trim()).map_err(|_| EXPECTED)?;
        let schemes: &[Scheme] = match url.scheme() {
            "https" => &[Scheme::Https],
            "http" => &[Scheme::Http],
            _ => return Err(EXPECTED),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a URL without a login; `docker login` keeps the login of a mirror");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("a URL without a query (what is shown leaves it out)");
        }
        let host = url.host_str().ok_or(EXPECTED)?;
        let authority = url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"));
        let prefix = url.path().trim_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let mirror = Some(text.trim().trim_end_matches('/').to_owned());
        Ok(Self { name: authority.clone(), authority, schemes, mirror, prefix })
    }

    /// The repository's name there.
    pub(super) fn repository(&self, repository: &str) -> String {
        format!("{}{repository}", self.prefix)
    }

    /// The address of something in a repository: `manifests/3.13`.
    pub(super) fn url(
        &self,
        scheme: Scheme,
        repository: &str,
        rest: &str,
    ) -> Result<Url, impl std::error::Error + Send + Sync + 'static> {
        let Self { authority, prefix, .. } = self;
        Url::parse(&format!("{}://{authority}/v2/{prefix}{repository}/{rest}", scheme.as_str()))
    }

    /// Host and port, where the port may be the scheme's own.
    pub(super) fn host_and_port(&self) -> String {
        match split_port(&self.authority).1 {
            Some(_) => self.authority.clone(),
            None if self.schemes[0] == Scheme::Http => format!("{}:80", self.authority),
            None => format!("{}:443", self.authority),
        }
    }
}

/// The name of a registry as references have it: Docker Hub has several elsewhere.
pub(super) fn canonical(registry: &str) -> &str {
    match registry {
        "index.docker.io" | HUB_ADDRESS => HUB,
        other => other,
    }
}

/// Host, without the brackets of an IPv6 address, and port.
pub(super) fn split_port(authority: &str) -> (&str, Option<&str>) {
    if let Some((host, rest)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host, rest.strip_prefix(':'));
    }
    match authority.split_once(':') {
        // More than one colon: an address without brackets.
        Some((_, rest)) if rest.contains(':') => (authority, None),
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    }
}

/// Whether a host is this machine itself: `localhost`, 127.0.0.0/8, `::1`.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || host.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
}

/// Host and port of an address, as an authority has them: the scheme's own port is left out.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"))
}

/// Host and port of an address, always with the port.
pub(super) fn host_and_port(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
}

/// An address fit to be shown: a query may have a signature in it.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // These fail for addresses that can have no login.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

/// What was given as an address, fit to be shown even where it is none: without login, query and fragment.
pub(super) fn redacted(text: &str) -> String {
    let start = ["http://", "https://"].iter().find_map(|scheme| {
        let start = text.get(..scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(start)
    });
    let start = start.unwrap_or_default();
    let rest = &text[start.len()..];
    // A password that is not encoded may have any character in it, and only what is behind the last `@` is none of it.
    // So may one whose separator was encoded by mistake.
    let login_end = rest.rfind('@').map(|at| at + 1).max(rest.rfind("%40").map(|at| at + 3));
    let (login, rest) = login_end.map_or(("", rest), |end| ("***@", &rest[end..]));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    format!("{start}{login}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schemes(name: &str, settings: &RegistrySettings) -> &'static [Scheme] {
        Endpoint::registry(name, settings).schemes
    }

    #[test]
    fn only_loopback_and_what_is_allowed_speak_http() {
        use Scheme::{Http, Https};
        let mut settings = RegistrySettings::default();
        for local in ["localhost:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000", "localhost"] {
            assert_eq!(schemes(local, &settings), [Http, Https], "{local}");
        }
        assert_eq!(schemes("localhost:443", &settings), [Https, Http]);
        for remote in ["docker.io", "ghcr.io", "10.0.0.1:5000", "localhost.example.com", "registry.lan:80"] {
            assert_eq!(schemes(remote, &settings), [Https], "{remote}");
        }
        settings.allow_insecure("registry.lan:80").unwrap();
        settings.allow_insecure("10.0.0.0/8").unwrap();
        assert_eq!(schemes("registry.lan:80", &settings), [Https, Http]);
        assert_eq!(schemes("registry.lan:81", &settings), [Https]);
        assert_eq!(schemes("10.0.0.1:5000", &settings), [Https, Http]);
        assert_eq!(schemes("11.0.0.1:5000", &settings), [Https]);
    }

    #[test]
    fn docker_hub_answers_elsewhere() {
        let hub = Endpoint::registry("docker.io", &RegistrySettings::default());
        let url = hub.url(Scheme::Https, "library/python", "tags/list").unwrap();
        assert_eq!(url.as_str(), "https://registry-1.docker.io/v2/library/python/tags/list");
        assert_eq!(hub.host_and_port(), "registry-1.docker.io:443");
    }

    #[test]
    fn a_mirror_may_keep_its_images_below_a_name() {
        let mirror = Endpoint::mirror("http://mirror.example:8080/hub/").unwrap();
        assert_eq!((mirror.name.as_str(), mirror.schemes), ("mirror.example:8080", &[Scheme::Http][..]));
        let url = mirror.url(Scheme::Http, "library/python", "manifests/3.13").unwrap();
        assert_eq!(url.as_str(), "http://mirror.example:8080/v2/hub/library/python/manifests/3.13");
        assert_eq!(mirror.repository("library/python"), "hub/library/python");
        for wrong in
            ["mirror.example", "ftp://mirror", "https://me:pw@mirror", "https://mirror?a", "", "http://"]
        {
            assert!(Endpoint::mirror(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_shown_has_no_secrets() {
        let url = Url::parse("https://me:pw@cdn.example:8443/blob?X-Signature=abc#d").unwrap();
        assert_eq!(shown(&url), "https://cdn.example:8443/blob");
        assert_eq!(authority(&url), "cdn.example:8443");
        assert_eq!(host_and_port(&Url::parse("http://[::1]/").unwrap()), "[::1]:80");
    }
}

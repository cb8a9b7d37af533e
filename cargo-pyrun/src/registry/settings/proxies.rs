//! The proxies that lead to registries.

use std::fmt;

use crate::registry::error::RegistryError;

/// The caller's proxies. Where no variable is set, the system's own apply, as macOS and Windows have them.
#[derive(Clone, Default)]
pub(in crate::registry) struct Proxies {
    http: Option<String>,
    https: Option<String>,
    all: Option<String>,
    no: Option<String>,
    /// The variables that are set, to be named where a host cannot be reached.
    pub(in crate::registry) variables: Vec<String>,
    /// Whether the system's settings may apply.
    system: bool,
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values may have logins in them.
        f.debug_struct("Proxies").field("variables", &self.variables).finish_non_exhaustive()
    }
}

impl Proxies {
    /// Reads `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`; lower case wins, as in curl.
    pub(super) fn from_variables(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, RegistryError> {
        let mut variables = Vec::new();
        let mut find = |upper: &str| {
            let (name, value) = [upper.to_ascii_lowercase(), upper.to_owned()]
                .into_iter()
                .find_map(|name| variable(&name).map(|value| (name, value)))?;
            variables.push(name.clone());
            Some((name, value))
        };
        let checked = |found: Option<(String, String)>| match found {
            Some((name, value)) if reqwest::Proxy::all(value.trim()).is_err() => {
                // The value is not repeated: it may have a login in it.
                Err(RegistryError::Setting {
                    variable: name,
                    value: "…".to_owned(),
                    expected: "the URL of a proxy, such as `http://proxy.example:3128`",
                })
            }
            found => Ok(found.map(|(_, value)| value.trim().to_owned())),
        };
        let http = checked(find("HTTP_PROXY"))?;
        let https = checked(find("HTTPS_PROXY"))?;
        let all = checked(find("ALL_PROXY"))?;
        let no = find("NO_PROXY").map(|(_, value)| value);
        let any = http.is_some() || https.is_some() || all.is_some();
        variables.retain(|name| !name.eq_ignore_ascii_case("NO_PROXY"));
        Ok(Self { http, https, all, no, variables, system: !any })
    }

    /// Whether a proxy itself is reached by https.
    pub(in crate::registry) fn speak_tls(&self) -> bool {
        let https = |proxy: &Option<String>| proxy.as_ref().is_some_and(|url| url.starts_with("https:"));
        self.system || https(&self.http) || https(&self.all)
    }

    /// Gives a client these proxies.
    pub(in crate::registry) fn apply(
        &self,
        mut builder: reqwest::ClientBuilder,
    ) -> reqwest::Result<reqwest::ClientBuilder> {
        if self.system {
            return Ok(builder);
        }
        builder = builder.no_proxy();
        let no = || self.no.as_deref().and_then(reqwest::NoProxy::from_string);
        if let Some(http) = &self.http {
            builder = builder.proxy(reqwest::Proxy::http(http)?.no_proxy(no()));
        }
        if let Some(https) = &self.https {
            builder = builder.proxy(reqwest::Proxy::https(https)?.no_proxy(no()));
        }
        if let Some(all) = &self.all {
            builder = builder.proxy(reqwest::Proxy::all(all)?.no_proxy(no()));
        }
        Ok(builder)
    }
}

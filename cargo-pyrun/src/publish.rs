//! Published ports in docker's notation: `[[IP:]HOST:]CONTAINER[/PROTOCOL]`, each side a port or a range.

/// Why a text publishes no port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// A part that is no port number or range of them.
    #[error("`{port}` in `{text}` is no port: expected 1 to 65535, or a range such as `8000-8010`")]
    Port {
        /// The whole text.
        text: String,
        /// The part.
        port: String,
    },
    /// Ranges of unlike length.
    #[error("`{0}` publishes ranges of unlike length")]
    Ranges(String),
    /// Neither tcp, udp nor sctp.
    #[error("`{protocol}` in `{text}` is no protocol: expected `tcp`, `udp` or `sctp`")]
    Protocol {
        /// The whole text.
        text: String,
        /// The part.
        protocol: String,
    },
}

/// One published port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The address on the host, or `None` for all.
    pub address: Option<String>,
    /// The port on the host, or `None` for a free one.
    pub host: Option<u16>,
    /// The port in the container.
    pub container: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
}

/// Reads one value of `--publish`.
///
/// # Errors
/// Where a part is not what its place asks for.
pub fn parse(text: &str) -> Result<Vec<Published>, PublishError> {
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    if !["tcp", "udp", "sctp"].contains(&protocol) {
        return Err(PublishError::Protocol { text: text.to_owned(), protocol: protocol.to_owned() });
    }
    // From the right: an address may be IPv6 in brackets.
    let (rest, container) = ports.rsplit_once(':').map_or((None, ports), |(rest, port)| (Some(rest), port));
    let (address, host) = match rest {
        None => (None, ""),
        Some(rest) => match rest.rsplit_once(':') {
            Some((address, host)) if !rest.ends_with(']') => {
                (Some(address.trim_matches(['[', ']']).to_owned()), host)
            }
            _ if rest.starts_with('[') => (Some(rest.trim_matches(['[', ']']).to_owned()), ""),
            _ => (None, rest),
        },
    };
    let containers = range(text, container)?;
    let hosts = if host.is_empty() { None } else { Some(range(text, host)?) };
    if hosts.as_ref().is_some_and(|hosts| hosts.len() != containers.len()) {
        return Err(PublishError::Ranges(text.to_owned()));
    }
    Ok(containers
        .enumerate()
        .map(|(at, container)| Published {
            address: address.clone(),
            host: hosts.clone().and_then(|mut hosts| hosts.nth(at)),
            container,
            protocol: protocol.to_owned(),
        })
        .collect())
}

fn range(text: &str, port: &str) -> Result<std::ops::RangeInclusive<u16>, PublishError> {
    let refused = || PublishError::Port { text: text.to_owned(), port: port.to_owned() };
    let number = |text: &str| text.parse().ok().filter(|port: &u16| *port > 0).ok_or_else(refused);
    let (first, last) = port.split_once('-').unwrap_or((port, port));
    let (first, last) = (number(first)?, number(last)?);
    if first <= last { Ok(first..=last) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(text: &str) -> (Option<String>, Option<u16>, u16, String) {
        let port = parse(text).unwrap().remove(0);
        (port.address, port.host, port.container, port.protocol)
    }

    #[test]
    fn docker_s_forms() {
        assert_eq!(one("80"), (None, None, 80, "tcp".into()));
        assert_eq!(one("8080:80"), (None, Some(8080), 80, "tcp".into()));
        assert_eq!(one("127.0.0.1:8080:80/udp"), (Some("127.0.0.1".into()), Some(8080), 80, "udp".into()));
        assert_eq!(one("127.0.0.1::80"), (Some("127.0.0.1".into()), None, 80, "tcp".into()));
        assert_eq!(one("[::1]:8080:80"), (Some("::1".into()), Some(8080), 80, "tcp".into()));
        assert_eq!(parse("8000-8002:9000-9002").unwrap().len(), 3);
    }

    #[test]
    fn what_is_no_port_is_named() {
        assert!(matches!(parse("http:80"), Err(PublishError::Port { port, .. }) if port == "http"));
        assert!(matches!(parse("80:0"), Err(PublishError::Port { .. })));
        assert!(matches!(parse("1-3:1-2"), Err(PublishError::Ranges(_))));
        assert!(matches!(parse("80/http"), Err(PublishError::Protocol { .. })));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = parse(&text);
        }
    }
}

//! How the values of a container's configuration are written: ports, signals, users, paths and variables.

/// The signals of Linux. Those for real time have numbers besides: `SIGRTMIN+3`.
pub(crate) const SIGNALS: &[&str] = &[
    "SIGABRT",
    "SIGALRM",
    "SIGBUS",
    "SIGCHLD",
    "SIGCLD",
    "SIGCONT",
    "SIGFPE",
    "SIGHUP",
    "SIGILL",
    "SIGINT",
    "SIGIO",
    "SIGIOT",
    "SIGKILL",
    "SIGPIPE",
    "SIGPOLL",
    "SIGPROF",
    "SIGPWR",
    "SIGQUIT",
    "SIGRTMAX",
    "SIGRTMIN",
    "SIGSEGV",
    "SIGSTKFLT",
    "SIGSTOP",
    "SIGSYS",
    "SIGTERM",
    "SIGTRAP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGUSR1",
    "SIGUSR2",
    "SIGVTALRM",
    "SIGWINCH",
    "SIGXCPU",
    "SIGXFSZ",
];

/// A port with its protocol, which is TCP where nothing is said.
pub(crate) fn port(text: &str) -> Option<String> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    let parsed: u16 = number.parse().ok()?;
    let is_port = is_number && parsed > 0 && ["tcp", "udp", "sctp"].contains(&protocol);
    is_port.then(|| format!("{parsed}/{protocol}"))
}

/// Whether a path is absolute and says no more than it needs.
pub(crate) fn is_absolute(path: &str) -> bool {
    let is_plain = |part: &str| !["", ".", ".."].contains(&part) && !part.contains('\0');
    path.strip_prefix('/').is_some_and(|parts| parts.is_empty() || parts.split('/').all(is_plain))
}

/// Whether engines can make a signal of it: bases may have names that are not known here.
#[cfg(feature = "image")]
pub(crate) fn is_signal(text: &str) -> bool {
    let name = text.strip_prefix("SIG").unwrap_or(text);
    let is_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"+-".contains(&byte);
    is_signal_number(text)
        || (name.starts_with(|c: char| c.is_ascii_uppercase()) && name.bytes().all(is_name))
}

/// Whether it is a signal of Linux, by number or name.
pub(crate) fn is_known_signal(text: &str) -> bool {
    let name = text.strip_prefix("SIG").unwrap_or(text);
    let is_of = |start: &str| {
        let number = name.strip_prefix(start).and_then(|rest| rest.parse::<u8>().ok());
        number.is_some_and(|number| number < 16)
    };
    is_signal_number(text)
        || is_of("RTMIN+")
        || is_of("RTMAX-")
        || SIGNALS.iter().any(|known| known.strip_prefix("SIG") == Some(name))
}

fn is_signal_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
        && text.parse::<u8>().is_ok_and(|number| (1..=64).contains(&number))
}

/// Whether it can be a user, and perhaps a group.
pub(crate) fn is_user(text: &str) -> bool {
    text.matches(':').count() <= 1 && !text.contains([' ', '\t', '\n', '\0', '/'])
}

/// Whether a process can have such a variable.
pub(crate) fn is_variable(name: &str, value: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0')
}

/// Whether each `${` of a variable's value has its `}`.
pub(crate) fn is_closed(value: &str) -> bool {
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        rest = match after.split_once('}') {
            // It stays as it is.
            _ if before.ends_with('$') => after,
            Some((_, after)) => after,
            None => return false,
        };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_names_and_numbers() {
        for text in ["SIGINT", "INT", "2", "64", "SIGRTMIN+3", "RTMAX-1", "SIGUSR1"] {
            assert!(is_known_signal(text), "{text}");
        }
        for text in ["SIGITN", "sigint", "0", "65", "+2", "SIGRTMIN+99", "SIG", ""] {
            assert!(!is_known_signal(text), "{text}");
        }
        assert!(SIGNALS.is_sorted());
    }

    #[test]
    fn brackets_are_closed_or_escaped() {
        for (value, expected) in [
            ("", true),
            ("$", true),
            ("${PATH}:/a", true),
            ("$${PATH", true),
            ("${PATH", false),
            ("${A}${B", false),
        ] {
            assert_eq!(is_closed(value), expected, "{value}");
        }
    }
}

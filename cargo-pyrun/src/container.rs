//! What a container is to be, in words that every engine understands.

use std::collections::BTreeMap;

/// A container as a run wants it. Paths and values are as the engine is to see them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// Its name on the engine.
    pub name: String,
    /// The image, as the engine knows it.
    pub image: String,
    /// `os/arch[/variant]`, or `None` for whatever the engine has.
    pub platform: Option<String>,
    /// The program and its arguments, as the script's user would type them.
    pub command: Vec<String>,
    /// Variables beside those of the image; one without a value is taken away from those.
    pub env: BTreeMap<String, Option<String>>,
    /// The folder in which the program starts.
    pub workdir: String,
    /// `uid[:gid]` or names; `None` for the image's own user.
    pub user: Option<String>,
    /// Groups beside the user's own.
    pub groups: Vec<String>,
    /// Files and folders of the host.
    pub binds: Vec<Bind>,
    /// Volumes as docker's `-v` notes them.
    pub volumes: Vec<String>,
    /// Folders in memory, with their options.
    pub tmpfs: BTreeMap<String, String>,
    /// Published ports as docker's `-p` notes them.
    pub publish: Vec<String>,
    /// The network's name, or `None` for the engine's default.
    pub network: Option<String>,
    /// Hosts beside those of DNS, as `name:address`.
    pub hosts: Vec<String>,
    /// The memory limit in bytes.
    pub memory: Option<i64>,
    /// The CPU limit in billionths of a CPU.
    pub nano_cpus: Option<i64>,
    /// The root file system cannot be written.
    pub read_only: bool,
    /// GPUs as docker's `--gpus` notes them.
    pub gpus: Option<Gpus>,
    /// SELinux and other security options.
    pub security: Vec<String>,
    /// Labels, by which tools find it.
    pub labels: BTreeMap<String, String>,
    /// It stays after the run.
    pub keep: bool,
    /// Nobody is attached to it.
    pub detached: bool,
}

/// A file or folder of the host in the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// The path on the engine's machine.
    pub source: String,
    /// The path in the container.
    pub target: String,
    /// The container cannot write to it.
    pub read_only: bool,
    /// SELinux: let containers share it (`:z`).
    pub relabel: bool,
}

/// A variable in docker's notation: `NAME=VALUE`, or `NAME` alone to take the image's away.
#[must_use]
pub fn variable((name, value): (&String, &Option<String>)) -> String {
    match value {
        Some(value) => format!("{name}={value}"),
        None => name.clone(),
    }
}

impl Bind {
    /// A bind that can be written.
    pub fn new(source: impl Into<String>, target: impl Into<String>) -> Self {
        Self { source: source.into(), target: target.into(), read_only: false, relabel: false }
    }

    /// The same, but read-only.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Whether `-v` can say it: a path with a colon needs `--mount`.
    #[must_use]
    pub fn fits_notation(&self) -> bool {
        !self.source.contains(':') && !self.target.contains(':')
    }

    /// The value of docker's `--mount`, which is a line of CSV.
    #[must_use]
    pub fn mount_notation(&self) -> String {
        let field = |name: &str, path: &str| {
            let text = format!("{name}={path}");
            if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
        };
        let read_only = if self.read_only { ",readonly" } else { "" };
        format!("type=bind,{},{}{read_only}", field("source", &self.source), field("target", &self.target))
    }

    /// Docker's notation: `source:target[:options]`.
    #[must_use]
    pub fn notation(&self) -> String {
        let mut options = Vec::new();
        if self.read_only {
            options.push("ro");
        }
        if self.relabel {
            options.push("z");
        }
        let colon = if options.is_empty() { "" } else { ":" };
        format!("{}:{}{colon}{}", self.source, self.target, options.join(","))
    }
}

/// How many GPUs, or which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gpus {
    /// Every one.
    All,
    /// A number of them.
    Count(i64),
    /// Those with these ids.
    Devices(Vec<String>),
}

impl std::str::FromStr for Gpus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().trim_matches('"');
        if text == "all" {
            return Ok(Self::All);
        }
        if let Ok(count) = text.parse() {
            return Ok(Self::Count(count));
        }
        match text.strip_prefix("device=") {
            Some(ids) if !ids.is_empty() => Ok(Self::Devices(ids.split(',').map(str::to_owned).collect())),
            _ => Err("expected `all`, a number, or `device=ID[,ID]`".to_owned()),
        }
    }
}

impl std::fmt::Display for Gpus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Count(count) => write!(f, "{count}"),
            // Docker reads the value as CSV: without the quotes a comma would end the list.
            Self::Devices(ids) => write!(f, "\"device={}\"", ids.join(",")),
        }
    }
}

/// A number of bytes in docker's notation: `512m`, `2g`, `1048576`.
///
/// # Errors
/// Where it is none.
pub fn parse_bytes(text: &str) -> Result<i64, String> {
    let refused =
        || format!("`{text}` is no size: expected a number with `b`, `k`, `m` or `g`, as in `512m`");
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match &lower[digits.len()..] {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(refused()),
    };
    let number: f64 = digits.trim().parse().map_err(|_| refused())?;
    let bytes = number * f64::from(1 << (shift / 2)) * f64::from(1 << (shift / 2));
    #[expect(clippy::cast_possible_truncation, reason = "checked to be within the range")]
    if bytes.is_finite() && (1.0..9e18).contains(&bytes) { Ok(bytes as i64) } else { Err(refused()) }
}

/// A number of CPUs in docker's notation, `1.5`, as billionths.
///
/// # Errors
/// Where it is none.
pub fn parse_cpus(text: &str) -> Result<i64, String> {
    let refused = || format!("`{text}` is no number of CPUs: expected one such as `2` or `0.5`");
    let number: f64 = text.trim().parse().map_err(|_| refused())?;
    #[expect(clippy::cast_possible_truncation, reason = "checked to be within the range")]
    if (0.001..1e6).contains(&number) { Ok((number * 1e9) as i64) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_docker_s() {
        for (text, bytes) in
            [("512m", 512 << 20), ("2g", 2 << 30), ("1.5k", 1536), ("4096", 4096), ("6MB", 6 << 20)]
        {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", "m", "12q", "-1", "nan", "0"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_colon_needs_the_long_notation() {
        assert_eq!(Bind::new("/a", "/b").read_only().notation(), "/a:/b:ro");
        let odd = Bind::new("/a:1,2", "/b").read_only();
        assert!(!odd.fits_notation());
        assert_eq!(odd.mount_notation(), "type=bind,\"source=/a:1,2\",target=/b,readonly");
    }

    #[test]
    fn gpus_are_docker_s() {
        assert_eq!("all".parse(), Ok(Gpus::All));
        assert_eq!("2".parse(), Ok(Gpus::Count(2)));
        assert_eq!("\"device=0,1\"".parse(), Ok(Gpus::Devices(vec!["0".into(), "1".into()])));
        assert!("device=".parse::<Gpus>().is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = (parse_bytes(&text), parse_cpus(&text), text.parse::<Gpus>());
        }
    }
}

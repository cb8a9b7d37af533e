//! The contents of the cache, for people.

use std::time::{Duration, SystemTime};

use pyrun::cache::contents::{Kind, Summary};

use crate::size::Size;
use crate::tags::lay_out;

/// A line for each kind, and one for the whole.
pub(super) fn table(kinds: &[Summary], size: u64, now: SystemTime) -> String {
    let mut rows = vec![["KIND", "ENTRIES", "SIZE", "LAST USED"].map(str::to_owned).to_vec()];
    for Summary { kind, entries, size, latest_use, .. } in kinds {
        let used = now.duration_since(*latest_use).unwrap_or_default();
        rows.push(vec![name(*kind).to_owned(), entries.to_string(), Size(*size).to_string(), ago(used)]);
    }
    let all: usize = kinds.iter().map(|kind| kind.entries).sum();
    rows.push(vec!["all".to_owned(), all.to_string(), Size(size).to_string(), String::new()]);
    lay_out(&rows)
}

/// So many entries, in words.
pub(super) fn entries(count: usize) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}

/// The name of a kind, as JSON has it too.
fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Environments => "environments",
        Kind::Packages => "packages",
        Kind::PackageBytecode => "package-bytecode",
        Kind::Bytecode => "bytecode",
        Kind::Scripts => "scripts",
        Kind::Built => "built",
        Kind::Blobs => "blobs",
        Kind::Locks => "locks",
        Kind::Tools => "tools",
        Kind::Notes => "notes",
        Kind::Unfinished => "unfinished",
        _ => "other",
    }
}

/// How long ago, in the greatest unit of which there are some.
fn ago(age: Duration) -> String {
    const HOUR: u64 = 60 * 60;
    let seconds = age.as_secs();
    let (count, unit) = match seconds {
        0..60 => return "now".to_owned(),
        60..HOUR => (seconds / 60, "minute"),
        HOUR..172_800 => (seconds / HOUR, "hour"),
        // What has no mark any more was last used never.
        1_000_000_000.. => return "never".to_owned(),
        _ => (seconds / (24 * HOUR), "day"),
    };
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{end} ago")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_for_people() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let summary = |kind, entries, size, age| Summary {
            kind,
            entries,
            size,
            oldest_use: SystemTime::UNIX_EPOCH,
            latest_use: now - Duration::from_secs(age),
        };
        let kinds = [
            summary(Kind::Environments, 3, 40_960, 30),
            summary(Kind::Packages, 41, 123_456_789, 3 * 60 * 60 + 5),
            summary(Kind::Bytecode, 1, 9_000_000, 49 * 60 * 60),
            summary(Kind::Unfinished, 2, 0, 1_800_000_000),
        ];
        let expected = "\
KIND          ENTRIES      SIZE  LAST USED
environments        3   41.0 kB  now
packages           41  123.5 MB  3 hours ago
bytecode            1    9.0 MB  2 days ago
unfinished          2       0 B  never
all                47  132.5 MB
";
        assert_eq!(table(&kinds, 132_497_749, now), expected);
        assert_eq!(ago(Duration::from_secs(60)), "1 minute ago");
    }

    #[test]
    fn json_has_the_same_names() {
        for kind in [Kind::Environments, Kind::PackageBytecode, Kind::Blobs, Kind::Notes, Kind::Unfinished] {
            assert_eq!(serde_json::to_value(kind).unwrap(), name(kind));
        }
    }
}

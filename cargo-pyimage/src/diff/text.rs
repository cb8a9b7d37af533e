//! What differs, for people.

use std::fmt::Write as _;

use pyimage_build::printable;

use super::report::{FileChange, FileSide, LayerChange, LayerSide, OnlyIn};
use super::{Difference, ImageDifference};
use crate::size::Size;

impl Difference {
    /// Lines for each platform, at most so many of files; where there is no limit, those of wheels of other versions, too.
    /// Platforms with the same differences are taken together.
    #[must_use]
    pub fn text(&self, most: usize) -> String {
        let (a, b) = (shown(&self.a), shown(&self.b));
        if self.equal {
            return format!("{a} and {b} are the same\n");
        }
        let mut text = format!("--- {a}\n+++ {b}\n");
        for change in &self.annotations {
            text.push_str(&value(change));
        }
        let mut told: Vec<(Vec<String>, String)> = Vec::new();
        for platform in &self.platforms {
            let body = platform.difference.text(most, [&a, &b]);
            match told.iter_mut().find(|(_, its)| *its == body) {
                Some((platforms, _)) => platforms.push(platform.platform.to_string()),
                None => told.push((vec![platform.platform.to_string()], body)),
            }
        }
        for (platforms, body) in told {
            let _ = write!(text, "\n{}\n{body}", platforms.join(", "));
        }
        if self.platforms.is_empty() && self.annotations.is_empty() {
            let digest = |place: usize| self.digests[place].as_ref().map_or("none", |digest| digest.as_str());
            let _ = writeln!(text, "  the indexes differ: {} → {}", digest(0), digest(1));
        }
        text
    }
}

impl ImageDifference {
    fn text(&self, most: usize, names: [&str; 2]) -> String {
        match self.only_in {
            Some(OnlyIn::A) => return format!("  only in {}\n", names[0]),
            Some(OnlyIn::B) => return format!("  only in {}\n", names[1]),
            None => {}
        }
        let mut text = String::new();
        for change in &self.values {
            text.push_str(&value(change));
        }
        for layer in &self.layers {
            text.push_str(&layer_line(layer));
        }
        for wheel in &self.wheels {
            let name = shown(&wheel.name);
            let of_wheel = self.files.iter().filter(|file| file.wheel.as_ref() == Some(&wheel.name)).count();
            let files = if of_wheel == 1 { "1 file".to_owned() } else { format!("{of_wheel} files") };
            let _ = match (&wheel.a, &wheel.b) {
                (Some(a), Some(b)) => {
                    writeln!(text, "  ~ wheel {name} {} → {} ({files})", shown(a), shown(b))
                }
                (Some(a), None) => writeln!(text, "  - wheel {name} {} ({files})", shown(a)),
                (None, b) => {
                    writeln!(text, "  + wheel {name} {} ({files})", shown(b.as_deref().unwrap_or_default()))
                }
            };
        }
        // That a wheel of another version has other files is no news: those of nobody and of the same version are.
        let is_told = |file: &&FileChange| {
            let known = |name: &String| self.wheels.iter().any(|wheel| wheel.name == *name);
            most == usize::MAX || !(file.wheel.as_ref().is_some_and(known) || self.says_more_below(file))
        };
        let files: Vec<&FileChange> = self.files.iter().filter(is_told).collect();
        for file in files.iter().take(most) {
            text.push_str(&file_line(file));
        }
        if let Some(more) = files.len().checked_sub(most).filter(|more| *more > 0) {
            let _ = writeln!(text, "  and {more} more");
        }
        text
    }

    /// Whether it is a folder that came or went with what is in it, which is told.
    fn says_more_below(&self, change: &FileChange) -> bool {
        let ((Some(only), None) | (None, Some(only))) = (&change.a, &change.b) else { return false };
        let below = format!("{}/", change.path);
        let place = self.files.partition_point(|file| file.path < below);
        only.kind == "folder" && self.files.get(place).is_some_and(|file| file.path.starts_with(&below))
    }
}

fn layer_line(change: &LayerChange) -> String {
    let side = |side: &LayerSide| format!("{} {}", short(side), Size(side.size));
    let unread = if change.is_read { "" } else { ", not read" };
    match (&change.a, &change.b) {
        (Some(a), Some(b)) => {
            let label =
                if a.label == b.label { a.label.clone() } else { format!("{} → {}", a.label, b.label) };
            format!("  ~ layer {} ({label}): {} → {}{unread}\n", a.number, side(a), side(b))
        }
        (Some(a), None) => format!("  - layer {} ({}): {}{unread}\n", a.number, a.label, side(a)),
        (None, Some(b)) => format!("  + layer {} ({}): {}{unread}\n", b.number, b.label, side(b)),
        (None, None) => String::new(),
    }
}

fn short(side: &LayerSide) -> &str {
    let hex = side.digest.hex();
    hex.get(..12).unwrap_or(hex)
}

fn file_line(change: &FileChange) -> String {
    let path = &change.path;
    let whole = |side: &FileSide| match (side.kind, &side.target) {
        ("file", _) => format!("{} {}", Size(side.size), side.mode),
        ("removal", _) => "taken away from a layer below".to_owned(),
        ("emptied", _) => "emptied of what layers below have".to_owned(),
        (kind, Some(target)) => format!("{kind} to {target}"),
        (kind, None) => format!("{kind} {}", side.mode),
    };
    match (&change.a, &change.b) {
        (Some(a), Some(b)) => format!("  ~ {path}  {}\n", what(a, b)),
        (Some(a), None) => format!("  - {path}  {}\n", whole(a)),
        (None, Some(b)) => format!("  + {path}  {}\n", whole(b)),
        (None, None) => String::new(),
    }
}

/// What of a file differs.
fn what(a: &FileSide, b: &FileSide) -> String {
    let mut parts = Vec::new();
    if a.kind != b.kind {
        parts.push(format!("{} → {}", a.kind, b.kind));
    }
    if a.size != b.size {
        // Rounded, they may look the same.
        let (one, other) = (Size(a.size).to_string(), Size(b.size).to_string());
        parts.push(if one == other {
            format!("{} → {} bytes", a.size, b.size)
        } else {
            format!("{one} → {other}")
        });
    } else if a.digest != b.digest && a.kind == b.kind {
        parts.push("content".to_owned());
    }
    if a.mode != b.mode {
        parts.push(format!("mode {} → {}", a.mode, b.mode));
    }
    if a.owner != b.owner {
        parts.push(format!("owner {} → {}", a.owner, b.owner));
    }
    if a.target != b.target {
        let target = |side: &FileSide| side.target.clone().unwrap_or_else(|| "nothing".to_owned());
        parts.push(format!("link to {} → {}", target(a), target(b)));
    }
    parts.join(", ")
}

fn value(change: &super::ValueChange) -> String {
    let name = shown(&change.name);
    match (&change.a, &change.b) {
        (Some(a), Some(b)) => format!("  ~ {name}: {} → {}\n", shown(a), shown(b)),
        (Some(a), None) => format!("  - {name}: {}\n", shown(a)),
        (None, Some(b)) => format!("  + {name}: {}\n", shown(b)),
        (None, None) => format!("  ~ {name}\n"),
    }
}

fn shown(text: &str) -> String {
    printable(text.as_bytes())
}

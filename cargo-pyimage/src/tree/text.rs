//! The picture for a terminal.

use std::fmt::Write as _;

use pyimage_build::printable;

use super::{Forest, Kind, Node, Tree};
use crate::size::Size;

/// How many columns a bar has.
const BAR: u64 = 20;
/// How many parts of one thing are shown at most.
const PARTS: usize = 8;
/// Columns of names; what is longer is cut.
const NAMES: usize = 64;

/// A line of the picture.
struct Line {
    name: String,
    size: u64,
    bar: bool,
    note: String,
}

impl Forest {
    /// The picture, so many levels deep below the layers.
    #[must_use]
    pub fn text(&self, depth: usize) -> String {
        let mut text = printable(self.image.as_bytes());
        text.push('\n');
        let mut told: Vec<&Tree> = Vec::new();
        for tree in &self.trees {
            text.push('\n');
            tree.write(&mut text, depth, &told);
            told.push(tree);
        }
        text
    }
}

impl Tree {
    fn write(&self, text: &mut String, depth: usize, told: &[&Self]) {
        let mut lines = Vec::new();
        // What is packed and what is not do not compare.
        let read = self.root.parts.iter().filter(|layer| layer.kind != Kind::Unread);
        let whole = read.map(|layer| layer.size).fold(0, u64::saturating_add);
        let count = self.root.parts.len();
        for (place, layer) in self.root.parts.iter().enumerate() {
            let is_last = place + 1 == count;
            let shared = &self.shared[place];
            let before = told.iter().find(|its| shared.contains(&its.platform));
            let mut notes = Vec::new();
            match before {
                Some(before) => notes.push(format!("the same as for {}", before.platform)),
                None if !shared.is_empty() => {
                    let others: Vec<_> = shared.iter().map(ToString::to_string).collect();
                    notes.push(format!("shared with {}", others.join(", ")));
                }
                None => {}
            }
            if layer.kind == Kind::Unread {
                notes.push("packed, not here".to_owned());
            }
            let depth = if before.is_some() { 0 } else { depth };
            add(&mut lines, layer, "", is_last, depth, whole, notes.join(", "));
        }
        let is_read = self.root.parts.iter().all(|layer| layer.kind != Kind::Unread);
        let weight = if is_read {
            format!("{} unpacked, {} packed", Size(self.root.size), Size(self.packed))
        } else {
            format!("{} packed", Size(self.packed))
        };
        let _ = writeln!(text, "{}  {weight}", self.platform);
        let width = lines.iter().map(|line| line.name.chars().count()).max().unwrap_or(0);
        for Line { name, size, bar, note } in lines {
            let pad = width - name.chars().count();
            let bar = if bar { drawn(size, whole) } else { String::new() };
            let width = usize::try_from(BAR).unwrap_or_default();
            let line = format!("{name}{:pad$}  {bar:<width$}  {:>9}  {note}", "", Size(size));
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
}

fn add(
    lines: &mut Vec<Line>,
    node: &Node,
    indent: &str,
    is_last: bool,
    depth: usize,
    whole: u64,
    remark: String,
) {
    let branch = if is_last { "└─ " } else { "├─ " };
    let slash = if node.kind == Kind::Folder { "/" } else { "" };
    lines.push(Line {
        name: cut(&format!("{indent}{branch}{}{slash}", node.name)),
        size: node.size,
        bar: node.kind != Kind::Unread,
        note: remark,
    });
    if depth == 0 {
        return;
    }
    let indent = format!("{indent}{}", if is_last { "   " } else { "│  " });
    // The only wheel of a layer has given it its name.
    let node = match &node.parts[..] {
        [wheel] if node.kind == Kind::Wheels => wheel,
        _ => node,
    };
    // What is less than a hundredth of the image is not worth a line.
    let counts = |size: u64| size.saturating_mul(100) >= whole;
    let shown: Vec<&Node> = node.parts.iter().take(PARTS).take_while(|part| counts(part.size)).collect();
    let more = &node.parts[shown.len()..];
    let left = more.iter().map(|part| part.size).fold(0, u64::saturating_add);
    let more = if counts(left) && left > 0 { more } else { &[] };
    for (place, part) in shown.iter().enumerate() {
        let is_last = more.is_empty() && place + 1 == shown.len();
        add(lines, part, &indent, is_last, depth - 1, whole, String::new());
    }
    if !more.is_empty() && !shown.is_empty() {
        lines.push(Line {
            name: format!("{indent}└─ {} more", more.len()),
            size: left,
            bar: true,
            note: String::new(),
        });
    }
}

/// A bar in eighths of a column.
fn drawn(size: u64, whole: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let parts = u128::from(size) * u128::from(BAR) * 8 / u128::from(whole.max(1));
    let parts = usize::try_from(parts).unwrap_or_default();
    let bar = "█".repeat(parts / 8) + EIGHTHS[parts % 8];
    if bar.is_empty() && size > 0 { EIGHTHS[1].to_owned() } else { bar }
}

fn cut(name: &str) -> String {
    if name.chars().count() <= NAMES {
        return name.to_owned();
    }
    name.chars().take(NAMES - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_in_eighths() {
        for (size, expected) in [(0, ""), (1, "▏"), (50, "██████████"), (100, "████████████████████")]
        {
            assert_eq!(drawn(size, 100), expected);
        }
        assert_eq!(drawn(43, 160), "█████▍");
        assert_eq!(drawn(1, u64::MAX), "▏");
        assert_eq!(drawn(0, 0), "");
    }
}

//! The table of `docs/benchmarks.md`.

use std::fmt::Write;

use super::measure::{Pair, median, spread};

/// One measured thing.
pub(super) struct Row {
    pub(super) name: &'static str,
    ours: String,
    theirs: String,
    figure: f64,
    shown: String,
    bar: Option<f64>,
    bar_shown: String,
}

impl Row {
    /// A ratio of medians, with the bar that it must not exceed.
    pub(super) fn ratio(name: &'static str, pair: &Pair, bar: Option<f64>) -> Self {
        let figure = median(&pair.ours) / median(&pair.theirs);
        Self {
            name,
            ours: milliseconds(&pair.ours),
            theirs: milliseconds(&pair.theirs),
            figure,
            shown: format!("{figure:.2}x"),
            bar,
            bar_shown: bar.map_or_else(|| "-".to_owned(), |bar| format!("{bar:.2}x")),
        }
    }

    /// A time of ours alone, in milliseconds, with its bar.
    pub(super) fn time(name: &'static str, seconds: &[f64], bar: f64) -> Self {
        let figure = median(seconds) * 1e3;
        Self {
            name,
            ours: format!("{figure:.1} ms"),
            theirs: "-".to_owned(),
            figure,
            shown: format!("{figure:.1} ms"),
            bar: Some(bar),
            bar_shown: format!("{bar:.0} ms"),
        }
    }

    /// What ours takes more than theirs, in a unit that is so much smaller than a second, with its bar.
    pub(super) fn added(name: &'static str, pair: &Pair, bar: f64, unit: &str, factor: f64) -> Self {
        let figure = (median(&pair.ours) - median(&pair.theirs)) * factor;
        Self {
            name,
            ours: milliseconds(&pair.ours),
            theirs: milliseconds(&pair.theirs),
            figure,
            shown: format!("+{figure:.1} {unit}"),
            bar: Some(bar),
            bar_shown: format!("{bar:.0} {unit}"),
        }
    }

    /// How many there are, with their bar.
    pub(super) fn count(name: &'static str, count: usize, bar: u32) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "they are few")]
        let figure = count as f64;
        Self {
            name,
            ours: count.to_string(),
            theirs: "-".to_owned(),
            figure,
            shown: count.to_string(),
            bar: Some(f64::from(bar)),
            bar_shown: bar.to_string(),
        }
    }

    /// A process's memory in MB, with its bar.
    pub(super) fn memory(name: &'static str, megabytes: f64, bar: f64) -> Self {
        Self {
            name,
            ours: format!("{megabytes:.1} MB"),
            theirs: "-".to_owned(),
            figure: megabytes,
            shown: format!("{megabytes:.1} MB"),
            bar: Some(bar),
            bar_shown: format!("{bar:.0} MB"),
        }
    }

    /// A ratio of two peaks of memory, in MB.
    pub(super) fn of_memory(name: &'static str, ours: f64, theirs: f64, bar: f64) -> Self {
        let figure = ours / theirs;
        Self {
            name,
            ours: format!("{ours:.1} MB"),
            theirs: format!("{theirs:.1} MB"),
            figure,
            shown: format!("{figure:.2}x"),
            bar: Some(bar),
            bar_shown: format!("{bar:.2}x"),
        }
    }

    /// Whether the figure is over its bar.
    pub(super) fn missed(&self) -> bool {
        self.bar.is_some_and(|bar| self.figure > bar)
    }
}

fn milliseconds(values: &[f64]) -> String {
    let (low, high) = spread(values);
    format!("{:.0} ms ({:.0} to {:.0})", median(values) * 1e3, low * 1e3, high * 1e3)
}

/// Rows against one kind of peer.
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) intro: &'static str,
    /// What is ours, and what is not.
    pub(super) columns: [&'static str; 2],
    pub(super) rows: Vec<Row>,
    /// What to know when reading it.
    pub(super) notes: &'static str,
}

impl Section {
    fn text(&self) -> String {
        let Self { title, intro, columns: [ours, theirs], rows, notes } = self;
        let mut text = format!("## {title}\n\n{intro}\n\n");
        let _ = writeln!(text, "| | {ours} | {theirs} | ratio | bar |\n|---|---|---|---|---|");
        for row in rows {
            let mark = if row.missed() { " (missed)" } else { "" };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {}{mark} | {} |",
                row.name, row.ours, row.theirs, row.shown, row.bar_shown
            );
        }
        let _ = writeln!(text, "\nWhat to know when reading it:\n\n{notes}");
        text
    }

    /// The names of the rows over their bars.
    pub(super) fn missed(&self) -> impl Iterator<Item = &'static str> {
        self.rows.iter().filter(|row| row.missed()).map(|row| row.name)
    }
}

/// The page with this section in place of the one of its title, or before the last.
pub(super) fn with_section(page: &str, section: &Section) -> String {
    let head = format!("## {}\n", section.title);
    let (start, end) = match page.find(&head) {
        Some(start) => (start, page[start + 1..].find("\n## ").map_or(page.len(), |end| start + end + 2)),
        None => page.rfind("## The machine").map_or((page.len(), page.len()), |end| (end, end)),
    };
    format!("{}{}\n{}", &page[..start], section.text(), &page[end..])
}

/// The whole page.
pub(super) fn document(sections: &[Section], machine: &[String], rounds: usize) -> String {
    let mut text = String::from("# Benchmarks\n\nWritten by `cargo xtask bench`: ");
    let _ = writeln!(text, "medians of {rounds} runs, with the 10th and 90th percentiles.");
    for section in sections {
        let _ = write!(text, "\n{}", section.text());
    }
    text.push_str("\n## The machine\n\n");
    for line in machine {
        let _ = writeln!(text, "- {line}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_over_its_bar_is_said() {
        let pair = Pair { ours: vec![0.3, 0.3], theirs: vec![0.2, 0.2] };
        let row = Row::ratio("x", &pair, Some(1.0));
        assert!(row.missed());
        let section = Section { title: "t", intro: "", columns: ["a", "b"], rows: vec![row], notes: "" };
        let page = document(&[section], &[], 2);
        assert!(page.contains("| x | 300 ms (300 to 300) | 200 ms (200 to 200) | 1.50x (missed) | 1.00x |"));
        let section =
            |title, notes| Section { title, intro: "i", columns: ["a", "b"], rows: Vec::new(), notes };
        let again = with_section(&page, &section("t", "new"));
        assert!(
            again.contains("new") && !again.contains("1.50x") && again.contains("\n\n## The machine\n"),
            "{again}"
        );
        let more = with_section(&again, &section("other", "more"));
        let places = ["## t\n", "## other\n", "## The machine\n"].map(|title| more.find(title));
        assert!(places.is_sorted() && places.iter().all(Option::is_some), "{more}");
    }
}

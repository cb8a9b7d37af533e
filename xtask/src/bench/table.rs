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

    /// Whether the figure is over its bar.
    pub(super) fn missed(&self) -> bool {
        self.bar.is_some_and(|bar| self.figure > bar)
    }
}

fn milliseconds(values: &[f64]) -> String {
    let (low, high) = spread(values);
    format!("{:.0} ms ({:.0} to {:.0})", median(values) * 1e3, low * 1e3, high * 1e3)
}

/// The whole page.
pub(super) fn document(rows: &[Row], machine: &[String], rounds: usize) -> String {
    let mut text = String::from(
        "# Benchmarks\n\n\
         Written by `cargo xtask bench`. `cargo pyrun` is timed through cargo, against\n\
         `docker run --rm -v \"$PWD\":/usr/src/myapp -w /usr/src/myapp python:3.13-slim python SCRIPT`.\n\
         Same image, same engine, interleaved with a pause of 0.4 s; ",
    );
    let _ = writeln!(text, "medians of {rounds} runs, with the 10th and 90th percentiles.\n");
    text.push_str("| | `cargo pyrun` | `docker run` | ratio | bar |\n|---|---|---|---|---|\n");
    for row in rows {
        let mark = if row.missed() { " (missed)" } else { "" };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {}{mark} | {} |",
            row.name, row.ours, row.theirs, row.shown, row.bar_shown
        );
    }
    text.push_str("\nThe machine:\n\n");
    for line in machine {
        let _ = writeln!(text, "- {line}");
    }
    text.push_str(
        "\nWhat to know when reading it:\n\n\
         - `cargo pyrun` returns when the script has ended and its output is written. The engine takes the network down\n  \
           and removes the container after that, which `docker run` waits for. The row without a pause shows what is left\n  \
           of the difference when runs follow each other at once. With `--name` or `--publish` we wait too.\n\
         - The official images have no bytecode for the standard library. `cargo pyrun` keeps it between runs; plain\n  \
           `docker run --rm` compiles it each time.\n\
         - About 30 ms of each `cargo pyrun` are cargo (and rustup) finding the program; the row by `cargo-pyrun` itself\n  \
           is without them.\n",
    );
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
        assert!(
            document(&[row], &[], 2)
                .contains("| x | 300 ms (300 to 300) | 200 ms (200 to 200) | 1.50x (missed) | 1.00x |")
        );
    }
}

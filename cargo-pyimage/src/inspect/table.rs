//! What there is to know of an image, for people.

use std::fmt::Write as _;

use pyimage_build::printable;

use super::{ConfigReport, ImageReport, LayerReport, PlatformReport, Report};
use crate::size::Size;
use crate::tags::lay_out;

/// How many wheels are shown where not all are asked for.
const WHEELS: usize = 20;

impl Report {
    /// Facts, and a table of the layers and of the wheels for each platform; at most twenty wheels unless `all` are
    /// asked for.
    #[must_use]
    pub fn table(&self, all: bool) -> String {
        let mut text = format!("{}\n", shown(&self.image));
        if let Some(digest) = self.digest.as_ref().filter(|its| !self.image.contains(its.as_str())) {
            fact(&mut text, "digest", digest);
        }
        let platforms: Vec<_> = self.platforms.iter().map(|its| its.platform.to_string()).collect();
        fact(&mut text, "platforms", platforms.join(", "));
        for PlatformReport { platform, image } in &self.platforms {
            let _ = writeln!(text, "\n{platform}");
            image.write(&mut text, all);
        }
        let mut told: Vec<&ConfigReport> = Vec::new();
        for PlatformReport { image, .. } in &self.platforms {
            let config = &image.config;
            if told.contains(&config) {
                continue;
            }
            told.push(config);
            let same = self.platforms.iter().filter(|its| its.image.config == *config);
            let platforms: Vec<_> = same.map(|its| its.platform.to_string()).collect();
            if platforms.len() == self.platforms.len() {
                text.push_str("\nconfig\n");
            } else {
                let _ = writeln!(text, "\nconfig for {}", platforms.join(", "));
            }
            config.write(&mut text);
        }
        text
    }
}

impl ImageReport {
    fn write(&self, text: &mut String, all: bool) {
        if let Some(digest) = &self.digest {
            fact(text, "digest", digest);
        }
        if let Some(base) = &self.base {
            let digest = base.digest.as_ref().map_or_else(String::new, |digest| format!("@{digest}"));
            fact(text, "base", format!("{}{digest}", shown(&base.name)));
        }
        let own: u64 = self.layers.iter().filter(|layer| !layer.of_base).map(|layer| layer.size).sum();
        let count = self.layers.len();
        let plural = if count == 1 { "" } else { "s" };
        let of_base =
            if own < self.size { format!(", {} without the base", Size(own)) } else { String::new() };
        fact(text, "size", format!("{} in {count} layer{plural}{of_base}", Size(self.size)));
        text.push('\n');
        let mut rows = vec![["#", "SIZE", "UNPACKED", "FILES", "LAYER"].map(str::to_owned).to_vec()];
        rows.extend(self.layers.iter().enumerate().map(|(place, layer)| layer.row(place)));
        indent(text, &lay_out(&rows));
        if self.wheels.is_empty() {
            return;
        }
        let mut rows = vec![["WHEEL", "SIZE", "FILES", "LAYER"].map(str::to_owned).to_vec()];
        let shown_wheels = if all { self.wheels.len() } else { WHEELS };
        for wheel in self.wheels.iter().take(shown_wheels) {
            let of_base = if wheel.of_base { " (base)" } else { "" };
            rows.push(vec![
                format!("{} {}", shown(&wheel.name), shown(&wheel.version)),
                Size(wheel.size).to_string(),
                wheel.files.to_string(),
                format!("{}{of_base}", wheel.layer),
            ]);
        }
        text.push('\n');
        indent(text, &lay_out(&rows));
        if let Some(more) = self.wheels.len().checked_sub(shown_wheels).filter(|more| *more > 0) {
            let _ = writeln!(text, "  and {more} more: `-v` shows them");
        }
    }
}

impl LayerReport {
    fn row(&self, place: usize) -> Vec<String> {
        let unread = || "-".to_owned();
        let mut what = self.label.clone();
        // What a step of ours says, it has.
        if !self.wheels.is_empty() && !what.starts_with("wheels: ") {
            let _ = write!(what, " ({})", shown(&self.wheels.join(", ")));
        }
        if self.unpacked.is_none() {
            what.push_str(", not here");
        }
        vec![
            (place + 1).to_string(),
            Size(self.size).to_string(),
            self.unpacked.map_or_else(unread, |size| Size(size).to_string()),
            self.files.map_or_else(unread, |files| files.to_string()),
            what,
        ]
    }
}

impl ConfigReport {
    fn write(&self, text: &mut String) {
        let words = |words: &[String]| {
            let words = words.iter().map(|word| serde_json::Value::from(word.as_str()).to_string());
            shown(&format!("[{}]", words.collect::<Vec<_>>().join(", ")))
        };
        if !self.entrypoint.is_empty() {
            fact(text, "entrypoint", words(&self.entrypoint));
        }
        if !self.cmd.is_empty() {
            fact(text, "cmd", words(&self.cmd));
        }
        let user = if self.user.is_empty() { "root" } else { &self.user };
        fact(text, "user", shown(user));
        fact(text, "workdir", shown(if self.workdir.is_empty() { "/" } else { &self.workdir }));
        for (name, values) in [("ports", &self.ports), ("volumes", &self.volumes)] {
            if !values.is_empty() {
                fact(text, name, shown(&values.iter().cloned().collect::<Vec<_>>().join(", ")));
            }
        }
        if let Some(signal) = &self.stop_signal {
            fact(text, "stop-signal", shown(signal));
        }
        if let Some(created) = &self.created {
            fact(text, "created", shown(created));
        }
        let labels = self.labels.iter().map(|(key, value)| format!("{key}={value}"));
        for (name, values) in [("env", self.env.clone()), ("labels", labels.collect())] {
            for (place, value) in values.iter().enumerate() {
                fact(text, if place == 0 { name } else { "" }, shown(value));
            }
        }
    }
}

fn fact(text: &mut String, name: &str, value: impl std::fmt::Display) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "  {name:<12}{value}");
}

fn indent(text: &mut String, table: &str) {
    for line in table.lines() {
        let _ = writeln!(text, "  {line}");
    }
}

fn shown(text: &str) -> String {
    printable(text.as_bytes())
}

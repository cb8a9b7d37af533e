//! Writing a lock: the same value always gives the same text.

use std::fmt::{self, Display, Formatter};

use super::{CompiledFrom, Lock, LockedApt, LockedImage, Pin};
use crate::{BaseFacts, Digest, Platform, Reference};

/// The columns of a line with several names.
const WIDTH: usize = 110;

const HEADER: &str = "# The bases of this project's images, and their bytecode, pinned by `cargo pyimage lock`.\n\
    # Commit this file. `cargo pyimage lock --update` moves the pins.\n";

impl Display for Lock {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}version = {}", Self::VERSION)?;
        for (reference, base) in &self.bases {
            writeln!(f, "\n[[base]]\nreference = {}", Text(&reference.to_string()))?;
            writeln!(f, "target = {}", base.target)?;
            for (platform, image) in &base.images {
                writeln!(f, "\n[[base.image]]\nplatform = {}", Text(&platform.to_string()))?;
                let checksum = checksum(reference, &base.target, platform, image);
                writeln!(f, "checksum = {}", Text(checksum.as_str()))?;
                write!(f, "{}", Facts(image))?;
            }
        }
        for (CompiledFrom { python, of }, digest) in &self.bytecode {
            writeln!(f, "\n[[bytecode]]\npython = {}\nof = {}", Text(python), Text(of.as_str()))?;
            writeln!(f, "digest = {}", Text(digest.as_str()))?;
        }
        Ok(())
    }
}

/// What ties an image to its base: changed by hand, or put together from two branches, it fits no more.
pub(super) fn checksum(
    reference: &Reference,
    target: &Pin,
    platform: &Platform,
    image: &LockedImage,
) -> Digest {
    Digest::of(format!("{reference}\n{target}\n{platform}\n{}", Facts(image)).as_bytes())
}

/// All that is locked of an image.
struct Facts<'a>(&'a LockedImage);

impl Display for Facts<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_facts(f, self.0)
    }
}

fn write_facts(f: &mut Formatter<'_>, image: &LockedImage) -> fmt::Result {
    writeln!(f, "python = {}", Text(&image.python))?;
    if let Some(suite) = &image.suite {
        writeln!(f, "suite = {}", Text(&suite.to_string()))?;
        if let Some(libc) = suite.libc() {
            writeln!(f, "libc = {}", Text(&libc.to_string()))?;
        }
    }
    writeln!(f, "manifest = {}\nconfig = {}", image.manifest, image.config)?;
    list(f, "env", image.env.iter().map(|pair| Text(pair)))?;
    list(f, "entrypoint", image.entrypoint.iter().map(|word| Text(word)))?;
    list(f, "cmd", image.cmd.iter().map(|word| Text(word)))?;
    for (key, value) in [("user", &image.user), ("working-dir", &image.working_dir)] {
        if !value.is_empty() {
            writeln!(f, "{key} = {}", Text(value))?;
        }
    }
    if let Some(signal) = &image.stop_signal {
        writeln!(f, "stop-signal = {}", Text(signal))?;
    }
    // Before `layers`: all keys of one table, and an inline table is of one line.
    if !image.labels.is_empty() {
        let pairs = image.labels.iter().map(|(key, value)| format!("{} = {}", Text(key), Text(value)));
        writeln!(f, "labels = {{ {} }}", pairs.collect::<Vec<_>>().join(", "))?;
    }
    list(
        f,
        "layers",
        image.layers.iter().map(|layer| {
            let pin = layer.blob.to_string();
            format!("{}, diff-id = {} }}", pin.trim_end_matches(" }"), Text(layer.diff_id.as_str()))
        }),
    )?;
    if let Some(facts) = &image.facts {
        writeln!(f, "\n[base.image.facts]")?;
        write_facts_of_files(f, facts)?;
    }
    image.apt.iter().try_for_each(|apt| write_apt(f, apt))
}

fn write_apt(f: &mut Formatter<'_>, apt: &LockedApt) -> fmt::Result {
    let LockedApt { packages, installed, layer, facts } = apt;
    let quoted: Vec<_> = packages.iter().map(|name| Text(name).to_string()).collect();
    writeln!(f, "\n[[base.image.apt]]\npackages = [{}]\ninstalled = [", quoted.join(", "))?;
    for package in installed {
        writeln!(f, "    {},", Text(package))?;
    }
    f.write_str("]\n")?;
    let (digest, diff_id) = (Text(layer.digest.as_str()), Text(layer.diff_id.as_str()));
    writeln!(
        f,
        "layer = {{ digest = {digest}, size = {}, diff_id = {diff_id}, unpacked = {}, files = {} }}",
        layer.size, layer.unpacked, layer.files
    )?;
    write_facts_of_files(f, facts)
}

/// In a table below that of the image, and so behind all of its keys.
fn write_facts_of_files(f: &mut Formatter<'_>, facts: &BaseFacts) -> fmt::Result {
    if !facts.libraries.is_empty() {
        names(f, "libraries", facts.libraries.iter().map(String::as_str))?;
    }
    list(f, "passwd", facts.passwd.iter().map(|line| Text(line)))?;
    list(f, "group", facts.group.iter().map(|line| Text(line)))
}

/// Sorted names, several to a line. Each first letter behind `lib` begins a new one, so that one more name changes few lines.
fn names<'a>(f: &mut Formatter<'_>, key: &str, names: impl Iterator<Item = &'a str>) -> fmt::Result {
    write!(f, "{key} = [")?;
    let (mut letter, mut width) = (None, WIDTH);
    for name in names {
        let first = name.strip_prefix("lib").and_then(|rest| rest.chars().next());
        let text = Text(name).to_string();
        if width + text.len() + 2 > WIDTH || first != letter {
            write!(f, "\n    {text},")?;
            width = 4 + text.len() + 1;
        } else {
            write!(f, " {text},")?;
            width += text.len() + 2;
        }
        letter = first;
    }
    f.write_str("\n]\n")
}

fn list(
    f: &mut Formatter<'_>,
    key: &str,
    entries: impl ExactSizeIterator<Item = impl Display>,
) -> fmt::Result {
    if entries.len() == 0 {
        return Ok(());
    }
    writeln!(f, "{key} = [")?;
    for entry in entries {
        writeln!(f, "    {entry},")?;
    }
    f.write_str("]\n")
}

impl Display for Pin {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (digest, media_type) = (Text(self.digest.as_str()), Text(self.media_type.as_str()));
        write!(f, "{{ digest = {digest}, size = {}, media-type = {media_type} }}", self.size)
    }
}

/// A basic string of TOML.
struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for letter in self.0.chars() {
            match letter {
                '"' | '\\' => write!(f, "\\{letter}")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                letter if letter.is_control() => write!(f, "\\u{:04X}", u32::from(letter))?,
                letter => write!(f, "{letter}")?,
            }
        }
        f.write_str("\"")
    }
}

//! Man pages: one for each program, and one for each command of it.

use anyhow::Result;
use clap::Command;
use clap_mangen::Man;
use pyimage_build::Date;
use roff::{Roff, roman};

/// A heading is a line like `Exit codes:`; what is longer, and ends in a colon too, is a sentence.
const LONGEST_HEADING: usize = 3;

/// The pages of a program, by the paths that `man` looks for.
pub(crate) fn of(program: &Command, epoch: u64) -> Result<Vec<(String, Vec<u8>)>> {
    let mut program = program.clone().disable_help_subcommand(true);
    program.build();
    let version = program.get_version().unwrap_or_default().to_owned();
    let mut pages = Vec::new();
    let commands = program.get_subcommands().filter(|command| !command.is_hide_set());
    for command in std::iter::once(&program).chain(commands) {
        let name = command.get_display_name().unwrap_or_else(|| command.get_name());
        let page = Man::new(command.clone())
            .title(name.to_uppercase())
            .date(Date::from_unix(epoch).to_string())
            .source(format!("{} {version}", program.get_name()))
            .manual("Cargo commands");
        let text = String::from_utf8(written(&page, command)?)?;
        pages.push((format!("man/man1/{name}.1"), in_ascii(&text).into_bytes()));
    }
    Ok(pages)
}

fn written(page: &Man, command: &Command) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    page.render_title(&mut out)?;
    page.render_name_section(&mut out)?;
    page.render_synopsis_section(&mut out)?;
    page.render_description_section(&mut out)?;
    page.render_options_section(&mut out)?;
    if command.has_subcommands() {
        page.render_subcommands_section(&mut out)?;
    }
    // Its own section for this text runs all lines together, and the columns of examples with them.
    if let Some(text) = command.get_after_long_help().or_else(|| command.get_after_help()) {
        sections(&text.to_string()).to_writer(&mut out)?;
    }
    Ok(out)
}

/// What `--help` says at its end: headings, paragraphs, and what is indented as it is.
fn sections(text: &str) -> Roff {
    let mut roff = Roff::default();
    let (mut titled, mut verbatim, mut parted) = (false, false, false);
    for line in text.lines() {
        let indented = line.starts_with(' ');
        let words = line.split_whitespace().count();
        if verbatim && !indented && !line.is_empty() {
            roff.control("EE", []);
            verbatim = false;
            parted = true;
        }
        match line.strip_suffix(':') {
            _ if line.is_empty() && verbatim => _ = roff.text([roman("")]),
            _ if line.is_empty() => parted = true,
            Some(heading) if !indented && words <= LONGEST_HEADING => {
                roff.control("SH", [heading.to_uppercase().as_str()]);
                (titled, parted) = (true, false);
            }
            _ if indented => {
                if !verbatim {
                    if std::mem::take(&mut parted) {
                        roff.control("PP", []);
                    }
                    roff.control("EX", []);
                    verbatim = true;
                }
                roff.text([roman(line)]);
            }
            _ => {
                if !titled {
                    roff.control("SH", ["NOTES"]);
                    (titled, parted) = (true, false);
                }
                if std::mem::take(&mut parted) {
                    roff.control("PP", []);
                }
                roff.text([roman(line)]);
            }
        }
    }
    if verbatim {
        roff.control("EE", []);
    }
    roff
}

/// Troff reads ASCII; what else there is has names.
fn in_ascii(text: &str) -> String {
    let named = |letter: char| format!("\\[u{:04X}]", u32::from(letter));
    text.chars().map(|letter| if letter.is_ascii() { letter.to_string() } else { named(letter) }).collect()
}

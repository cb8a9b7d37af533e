//! How colourful, how talkative and how lively the output is: flags first, then cargo's environment.

use std::env;
use std::ffi::OsString;

use anstream::ColorChoice;

/// How much is said on stderr.
///
/// ```
/// use pyrun::shell::Verbosity;
/// assert_eq!(Verbosity::default(), Verbosity::Normal);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verbosity {
    /// Errors only: `-q`, `CARGO_TERM_QUIET=true`.
    Quiet,
    /// Status lines and warnings.
    #[default]
    Normal,
    /// Also what is done and why: `-v`, `CARGO_TERM_VERBOSE=true`.
    Verbose,
}

impl Verbosity {
    /// The flags' answer, and where there is none that of `CARGO_TERM_QUIET` and `CARGO_TERM_VERBOSE`.
    ///
    /// ```
    /// use pyrun::shell::Verbosity;
    /// assert_eq!(Verbosity::from_flags(true, false), Verbosity::Quiet);
    /// ```
    #[must_use]
    pub fn from_flags(quiet: bool, verbose: bool) -> Self {
        Self::decide(quiet, verbose, &process_env)
    }

    fn decide(quiet: bool, verbose: bool, env: &Env<'_>) -> Self {
        let set = |name| env(name).is_some_and(|value| matches!(value.as_str(), "true" | "1"));
        match (quiet, verbose) {
            (true, _) => Self::Quiet,
            (false, true) => Self::Verbose,
            (false, false) if set("CARGO_TERM_QUIET") => Self::Quiet,
            (false, false) if set("CARGO_TERM_VERBOSE") => Self::Verbose,
            (false, false) => Self::Normal,
        }
    }
}

/// A look-up of environment variables, so that tests need not change those of the process.
pub(super) type Env<'a> = dyn Fn(&str) -> Option<String> + 'a;

pub(super) fn process_env(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The value of `--color` where it was given, then `CARGO_TERM_COLOR`.
///
/// `Auto` leaves the rest to anstream, per stream: `CLICOLOR_FORCE`, `NO_COLOR`, `CLICOLOR`, then the terminal.
#[doc(hidden)]
#[must_use]
pub fn color_choice(flag: Option<ColorChoice>) -> ColorChoice {
    decide_color(flag, &process_env)
}

fn decide_color(flag: Option<ColorChoice>, env: &Env<'_>) -> ColorChoice {
    // Cargo itself refuses a `CARGO_TERM_COLOR` it does not know, before it starts us.
    flag.or_else(|| env("CARGO_TERM_COLOR").and_then(|value| parse_color(&value).ok()))
        .unwrap_or(ColorChoice::Auto)
}

/// Reads a value of `--color`.
#[doc(hidden)]
pub fn parse_color(value: &str) -> Result<ColorChoice, String> {
    match value {
        "auto" => Ok(ColorChoice::Auto),
        "always" => Ok(ColorChoice::Always),
        "never" => Ok(ColorChoice::Never),
        other => Err(format!("argument for --color must be auto, always, or never, but found `{other}`")),
    }
}

/// Whether progress bars are shown.
pub(super) fn progress_bars(terminal: bool, verbosity: Verbosity, env: &Env<'_>) -> bool {
    if !terminal || verbosity != Verbosity::Normal {
        return false;
    }
    match env("CARGO_TERM_PROGRESS_WHEN").as_deref() {
        Some("never") => false,
        Some("always") => true,
        _ => env("CI").is_none() && env("TF_BUILD").is_none() && env("TERM").as_deref() != Some("dumb"),
    }
}

/// `--color`, before anything is parsed: the parser's own messages have colours too. The flag may be a script's
/// where it stands behind others; then only the look of a usage error is at stake.
#[doc(hidden)]
#[must_use]
pub fn color_flag(arguments: impl Iterator<Item = OsString>) -> Option<ColorChoice> {
    let words: Vec<_> = arguments.filter_map(|word| word.into_string().ok()).collect();
    let value = words.iter().enumerate().find_map(|(at, word)| match word.strip_prefix("--color") {
        Some("") => words.get(at + 1).map(String::as_str),
        Some(value) => value.strip_prefix('='),
        None => None,
    })?;
    parse_color(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colour_is_known_before_the_rest_is_parsed() {
        let color = |words: &[&str]| color_flag(words.iter().map(OsString::from));
        assert_eq!(color(&["p", "--color", "always", "--tga"]), Some(ColorChoice::Always));
        assert_eq!(color(&["p", "--color=never"]), Some(ColorChoice::Never));
        assert_eq!(color(&["p", "--colour", "always"]), None);
        assert_eq!(color(&["p", "--color"]), None);
    }

    fn env<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn flags_win_over_the_environment() {
        let quiet = env(&[("CARGO_TERM_QUIET", "true")]);
        assert_eq!(Verbosity::decide(false, false, &quiet), Verbosity::Quiet);
        assert_eq!(Verbosity::decide(false, true, &quiet), Verbosity::Verbose);
        let verbose = env(&[("CARGO_TERM_VERBOSE", "true"), ("CARGO_TERM_COLOR", "always")]);
        assert_eq!(Verbosity::decide(false, false, &verbose), Verbosity::Verbose);
        assert_eq!(Verbosity::decide(true, false, &verbose), Verbosity::Quiet);
        assert_eq!(
            Verbosity::decide(false, false, &env(&[("CARGO_TERM_QUIET", "false")])),
            Verbosity::Normal
        );
        assert_eq!(decide_color(None, &verbose), ColorChoice::Always);
        assert_eq!(decide_color(Some(ColorChoice::Never), &verbose), ColorChoice::Never);
        assert_eq!(decide_color(Some(ColorChoice::Auto), &verbose), ColorChoice::Auto);
        assert_eq!(decide_color(None, &env(&[("CARGO_TERM_COLOR", "blue")])), ColorChoice::Auto);
    }

    #[test]
    fn bars_need_a_terminal_and_nothing_against_them() {
        let shown = |pairs: &[(&str, &str)]| progress_bars(true, Verbosity::Normal, &env(pairs));
        assert!(shown(&[("TERM", "xterm")]));
        assert!(!shown(&[("TERM", "dumb")]));
        assert!(!shown(&[("CI", "true")]));
        assert!(!shown(&[("CARGO_TERM_PROGRESS_WHEN", "never")]));
        assert!(shown(&[("CI", "true"), ("CARGO_TERM_PROGRESS_WHEN", "always")]));
        assert!(!progress_bars(true, Verbosity::Quiet, &env(&[])));
        assert!(!progress_bars(true, Verbosity::Verbose, &env(&[])));
        assert!(!progress_bars(false, Verbosity::Normal, &env(&[("CARGO_TERM_PROGRESS_WHEN", "always")])));
    }

    #[test]
    fn a_wrong_colour_is_named() {
        assert_eq!(
            parse_color("blue"),
            Err("argument for --color must be auto, always, or never, but found `blue`".to_owned())
        );
    }
}

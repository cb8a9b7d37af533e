//! What clap's errors leave open: the option that was meant.

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::Cargo;

/// Gives an unknown option the help that clap has not got.
///
/// Clap finds an option by a likeness that swapped letters fail (`--tga`), and then advises to put a `--` before
/// it, which would make it the script's name. A script's own option has to come after the script.
pub(super) fn explain(mut error: clap::Error) -> clap::Error {
    if error.kind() != ErrorKind::UnknownArgument {
        return error;
    }
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else { return error };
    let given = given.clone();
    error.remove(ContextKind::Suggested);
    if let Some(wanted) = given.strip_prefix("--")
        && error.get(ContextKind::SuggestedArg).is_none()
    {
        let command = Cargo::command();
        let options = command.get_subcommands().flat_map(clap::Command::get_arguments);
        let names: Vec<&str> =
            options.filter(|option| !option.is_hide_set()).filter_map(clap::Arg::get_long).collect();
        if let [near, ..] = pyimage_build::nearest(wanted, names)[..] {
            error.insert(ContextKind::SuggestedArg, ContextValue::String(format!("--{near}")));
        }
    }
    let tip = "options of the script come after it".into();
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    error
}

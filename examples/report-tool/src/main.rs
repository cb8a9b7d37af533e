//! Reports on sales: Python in a container, and a Rust program around it.

use std::env;
use std::ffi::OsStr;

use std::path::Path;
use std::process::ExitCode;

use pyrun::shell::Shell;
use pyrun::{Script, ScriptError};

const USAGE: &str = "usage: report-tool REPORT DATA.csv [OUTPUT.csv]\n       report-tool list\n";

/// What `build.rs` has made of `reports/`: `ASSETS`, and `asset(PATH)`.
mod python {
    include!(concat!(env!("OUT_DIR"), "/pyimage.rs"));
}

/// What has metadata is a report; what has none is a module that reports import.
const METADATA: &[u8] = b"# /// script";

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["list"] => {
            for report in python::ASSETS.iter().filter(|asset| asset.contents.starts_with(METADATA)) {
                println!("{}  {}", name(report), about(report));
            }
            ExitCode::SUCCESS
        }
        [name, data] => finish(report(name, Path::new(data), None)),
        [name, data, output] => finish(report(name, Path::new(data), Some(Path::new(output)))),
        _ => {
            eprint!("{USAGE}");
            2.into()
        }
    }
}

fn name(report: &python::Asset) -> &str {
    Path::new(report.path).file_stem().and_then(OsStr::to_str).unwrap_or_default()
}

/// The report's docstring.
fn about(report: &python::Asset) -> &str {
    report.text().and_then(|text| text.split("\"\"\"").nth(1)).unwrap_or_default()
}

/// Runs a report on the data. It sees that one file, cannot change it, and has no network.
fn report(name: &str, data: &Path, output: Option<&Path>) -> Result<ExitCode, ReportError> {
    let report = python::asset(&format!("reports/{name}.py"));
    let report = report.filter(|asset| asset.contents.starts_with(METADATA));
    let report = report.ok_or_else(|| ReportError::Unknown(name.to_owned()))?;
    let data = data.canonicalize().map_err(|error| ReportError::File(data.display().to_string(), error))?;
    let mut script = Script::embedded(report.path, report.contents);
    let is_module =
        |asset: &&python::Asset| asset.path.ends_with(".py") && !asset.contents.starts_with(METADATA);
    for module in python::ASSETS.iter().filter(is_module) {
        script = script.beside(module.path, module.contents);
    }
    // As `cargo pyrun --lock` writes it: with it, nothing is resolved on the user's machine.
    if let Some(lock) = python::asset(&format!("reports/pylock.{name}.toml")) {
        script = script.lock(lock.contents);
    }
    let script = script
        .tag("3.13-slim")
        .shell(Shell::from_flags(None, false, false))
        .mount_read_only(data, "/data/sales.csv")
        .no_network()
        .read_only()
        .arg("/data/sales.csv");
    let Some(output) = output else {
        return Ok(script.run().wait()?.into());
    };
    // What the script says on stderr is told where it fails.
    let report = script.output().wait()?.successful()?;
    fs_err::write(output, report.stdout)
        .map_err(|error| ReportError::File(output.display().to_string(), error))?;
    Ok(ExitCode::SUCCESS)
}

enum ReportError {
    Unknown(String),
    File(String, std::io::Error),
    Script(ScriptError),
}

impl From<ScriptError> for ReportError {
    fn from(error: ScriptError) -> Self {
        Self::Script(error)
    }
}

fn finish(result: Result<ExitCode, ReportError>) -> ExitCode {
    let error = match result {
        Ok(code) => return code,
        Err(error) => error,
    };
    match error {
        ReportError::Unknown(name) => eprintln!("error: no report `{name}`: `report-tool list` has them"),
        ReportError::File(path, error) => eprintln!("error: cannot use `{path}`: {error}"),
        ReportError::Script(error) => {
            Shell::from_flags(None, false, false).error(&error, &error.helps());
            return error.exit_code().into();
        }
    }
    1.into()
}

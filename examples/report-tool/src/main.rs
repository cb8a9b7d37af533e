//! Reports on sales: Python in a container, and a Rust program around it.

use std::env;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use pyrun::shell::Shell;
use pyrun::{Script, ScriptError};

const USAGE: &str = "usage: report-tool REPORT DATA.csv [OUTPUT.csv]\n       report-tool list\n";

/// The reports by name. Each is a file with metadata that says which packages it needs.
const REPORTS: [(&str, &str); 2] =
    [("monthly", include_str!("../reports/monthly.py")), ("summary", include_str!("../reports/summary.py"))];

/// The module that all of them import.
const SALES: &str = include_str!("../reports/sales.py");

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["list"] => {
            for (name, text) in REPORTS {
                println!("{name}  {}", about(text));
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

/// The first line of the report's docstring.
fn about(text: &str) -> &str {
    text.split("\"\"\"").nth(1).unwrap_or_default()
}

/// Runs a report on the data. It sees that one file, cannot change it, and has no network.
fn report(name: &str, data: &Path, output: Option<&Path>) -> Result<ExitCode, ReportError> {
    let (_, text) = REPORTS
        .iter()
        .find(|(known, _)| *known == name)
        .ok_or_else(|| ReportError::Unknown(name.to_owned()))?;
    let data = data.canonicalize().map_err(|error| ReportError::File(data.display().to_string(), error))?;
    let script = Script::embedded(format!("{name}.py"), *text)
        .beside("sales.py", SALES)
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
    fs::write(output, report.stdout)
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

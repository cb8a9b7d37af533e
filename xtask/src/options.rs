//! The command line.

use std::ffi::OsString;

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;

use crate::dist::Packing;
use crate::fuzz::Fuzzing;
use crate::testbed::Part;

/// What was asked for.
pub(crate) enum Command {
    Help,
    Demo,
    Test(Vec<OsString>),
    Bench(Vec<OsString>),
    Ci,
    Dist(Packing),
    Fuzz(Fuzzing),
    Testbed(TestbedCommand),
}

/// What was asked of the test bed.
pub(crate) enum TestbedCommand {
    /// Bring up these parts.
    Up(Vec<Part>),
    Down,
    Status,
    Env,
}

/// Reads the process's arguments.
pub(crate) fn parse() -> Result<Command> {
    let mut parser = lexopt::Parser::from_env();
    let command = match parser.next()? {
        None | Some(Short('h') | Long("help")) => return Ok(Command::Help),
        Some(Value(command)) => command.string()?,
        Some(other) => return Err(other.unexpected().into()),
    };
    let command = match command.as_str() {
        "help" => Command::Help,
        "demo" => Command::Demo,
        "ci" => Command::Ci,
        // These hand their arguments on as they are.
        "test" => return Ok(Command::Test(parser.raw_args()?.collect())),
        "bench" => return Ok(Command::Bench(parser.raw_args()?.collect())),
        "dist" => return dist(&mut parser).map(Command::Dist),
        "fuzz" => return fuzz(&mut parser).map(Command::Fuzz),
        "testbed" => return testbed(&mut parser).map(Command::Testbed),
        other => bail!("no command `{other}`: try `cargo xtask help`"),
    };
    match parser.next()? {
        None => Ok(command),
        Some(extra) => Err(extra.unexpected().into()),
    }
}

fn dist(parser: &mut lexopt::Parser) -> Result<Packing> {
    let mut packing = Packing::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("target") => packing.target = Some(parser.value()?.string()?),
            Long("output") => packing.output = Some(parser.value()?.into()),
            Long("debug") => packing.debug = true,
            Long("quick") => packing.quick = true,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(packing)
}

fn fuzz(parser: &mut lexopt::Parser) -> Result<Fuzzing> {
    let mut fuzzing = Fuzzing::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seconds") => fuzzing.seconds = Some(parser.value()?.parse()?),
            Value(target) if fuzzing.target.is_none() => fuzzing.target = Some(target.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(fuzzing)
}

fn testbed(parser: &mut lexopt::Parser) -> Result<TestbedCommand> {
    let command = match parser.next()? {
        Some(Value(command)) => command.string()?,
        Some(other) => return Err(other.unexpected().into()),
        None => bail!("`testbed` wants one of up, down, status, env"),
    };
    let mut only = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Long("only") if command == "up" => only = Some(parts(&parser.value()?.string()?)?),
            other => return Err(other.unexpected().into()),
        }
    }
    match command.as_str() {
        "up" => Ok(TestbedCommand::Up(only.unwrap_or_default())),
        "down" => Ok(TestbedCommand::Down),
        "status" => Ok(TestbedCommand::Status),
        "env" => Ok(TestbedCommand::Env),
        other => bail!("no command `testbed {other}`: it is one of up, down, status, env"),
    }
}

fn parts(list: &str) -> Result<Vec<Part>> {
    list.split(',')
        .map(|name| {
            Part::from_name(name).with_context(|| {
                let names: Vec<_> = Part::ALL.iter().map(|part| part.name()).collect();
                format!("no part `{name}` in the test bed: it has {}", names.join(", "))
            })
        })
        .collect()
}

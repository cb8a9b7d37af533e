//! The workshop: everything a contributor, or CI, does with this workspace beyond `cargo build`.

mod bench;
mod ci;
mod dist;
mod fuzz;
mod http;
mod options;
mod process;
mod say;
mod testbed;
mod work;

use std::process::ExitCode;

use options::{Command, TestbedCommand};

fn main() -> ExitCode {
    let outcome = options::parse().and_then(|command| match command {
        Command::Help => {
            say::help();
            Ok(())
        }
        Command::Demo => work::demo(),
        Command::Test(args) => work::test(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Ci => ci::run(),
        Command::Dist(packing) => dist::run(&packing),
        Command::Fuzz(fuzzing) => fuzz::run(&fuzzing),
        Command::Testbed(TestbedCommand::Up(parts)) => testbed::up(&parts).map(drop),
        Command::Testbed(TestbedCommand::Down) => testbed::down(),
        Command::Testbed(TestbedCommand::Status) => testbed::status(),
        Command::Testbed(TestbedCommand::Env) => testbed::env(),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(&error);
            ExitCode::FAILURE
        }
    }
}

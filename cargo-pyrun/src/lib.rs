//! Run Python scripts in official container images: `cargo pyrun script.py --tag 3.13-slim`.
//!
//! A program in Rust runs its Python scripts by [`Script`]:
//!
//! ```no_run
//! use pyrun::Script;
//!
//! let script = Script::embedded("hello.py", "import sys; print('hello', sys.argv[1])");
//! let output = script.tag("3.13-slim").arg("world").output().wait()?;
//! assert_eq!(output.text(), "hello world\n");
//! # Ok::<_, pyrun::ScriptError>(())
//! ```
//!
//! [`script`] and [`shell`] are the library. The other modules are public for the programs `cargo-pyrun` and `cargo-pyimage` alone, are not in
//! these pages, and change with any version. A run goes through them from top to bottom:
//!
//! 1. `cli` and `settings` say what is wanted; `request` checks it and makes a `plan::Request`.
//! 2. `engine` finds and speaks with Docker or podman.
//! 3. `plan` decides what the container is: the `identity` of the script, the `network` of the host, mounts.
//! 4. `run` creates it, starts it, and carries streams and signals until the exit code is known; `init` is the process in
//!    the container that it speaks with.

#[doc(hidden)]
pub mod cache;
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod constraints;
#[doc(hidden)]
pub mod container;
#[doc(hidden)]
pub mod dependencies;
#[doc(hidden)]
pub mod docker_command;
#[doc(hidden)]
pub mod engine;
#[doc(hidden)]
pub mod env_file;
#[doc(hidden)]
pub mod environment;
#[doc(hidden)]
pub mod fingerprint;
#[doc(hidden)]
pub mod identity;
#[doc(hidden)]
pub mod image;
#[doc(hidden)]
pub mod index;
#[doc(hidden)]
pub mod init;
#[doc(hidden)]
pub mod lease;
#[doc(hidden)]
pub mod network;
#[doc(hidden)]
pub mod plan;
#[doc(hidden)]
pub mod publish;
#[doc(hidden)]
pub mod pull;
#[doc(hidden)]
pub mod registry;
#[doc(hidden)]
pub mod request;
#[doc(hidden)]
pub mod resolution;
#[doc(hidden)]
pub mod run;
pub mod script;
#[doc(hidden)]
pub mod settings;
pub mod shell;
#[doc(hidden)]
pub mod signals;
#[doc(hidden)]
pub mod streams;
#[doc(hidden)]
pub mod terminal;
#[doc(hidden)]
pub mod uv;

mod command;

#[doc(hidden)]
pub use command::main;
pub use script::{Detached, Line, Log, Logs, Output, Pending, Running, Script, ScriptError, Status, Stdin};
pub use streams::{Piece, Stream};

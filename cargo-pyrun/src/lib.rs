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
//! All else here is the library half of the `cargo-pyrun` program, made for it and for `cargo-pyimage`. A run goes through it from top to bottom:
//!
//! 1. [`cli`] and [`settings`] say what is wanted; [`request`] checks it and makes a [`plan::Request`].
//! 2. [`engine`] finds and speaks with Docker or podman.
//! 3. [`plan`] decides what the container is: the [`identity`] of the script, the [`network`] of the host, mounts.
//! 4. [`run`] creates it, starts it, and carries streams and signals until the exit code is known; [`init`] is the
//!    process in the container that it speaks with.

pub mod cache;
pub mod cli;
pub mod constraints;
pub mod container;
pub mod dependencies;
pub mod docker_command;
pub mod engine;
pub mod env_file;
pub mod environment;
pub mod fingerprint;
pub mod identity;
pub mod image;
pub mod index;
pub mod init;
pub mod lease;
pub mod network;
pub mod plan;
pub mod publish;
pub mod pull;
pub mod registry;
pub mod request;
pub mod resolution;
pub mod run;
pub mod script;
pub mod settings;
pub mod shell;
pub mod signals;
pub mod streams;
pub mod terminal;
pub mod uv;

mod command;

pub use command::main;
pub use script::{Detached, Line, Log, Logs, Output, Pending, Running, Script, ScriptError, Status, Stdin};
pub use streams::{Piece, Stream};

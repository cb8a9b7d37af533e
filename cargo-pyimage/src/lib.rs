//! Choose, pin, build, run and ship Python images from Cargo metadata.
//!
//! This is the library half of the program `cargo-pyimage`, made for it and for this repository's tests: its modules are public for these, are not
//! in these pages, and change with any version. Whoever wants images from Rust code finds them in the crate `pyimage-build`, and
//! whoever wants to run scripts, in `pyrun`.
//!
//! The front room of the house: each command is a function here that takes what it needs as values, and a file of the command
//! line that calls it:
//!
//! - `tags` lists the tags of a repository, and `tag` explains one;
//! - `lock` pins the bases of the images that the packages of a `workspace` ask for;
//! - `init` writes what a package says of its image, from what is there;
//! - `build` makes images of locks, wheels and the project's files;
//! - `push` takes them to a registry, `pull` gets them from there;
//! - `load`, `save` and `launch` bring them to an engine, into a file, and up;
//! - `inspect`, `tree`, `diff` and `verify` look at images that are `opened`, wherever they are;
//! - `dockerfile` says in a Dockerfile what they are;
//! - `cache` tells what is in the cache.
//!
//! What a tag, a platform or a lock *is*, `pyimage-build` knows; how a registry is spoken to, `pyrun` does.

#[doc(hidden)]
pub mod apt;
#[doc(hidden)]
pub mod build;
#[doc(hidden)]
pub mod cache;
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod diff;
#[doc(hidden)]
pub mod dockerfile;
#[doc(hidden)]
pub mod document;
#[doc(hidden)]
pub mod init;
#[doc(hidden)]
pub mod inspect;
#[doc(hidden)]
pub mod launch;
#[doc(hidden)]
pub mod load;
#[doc(hidden)]
pub mod lock;
#[doc(hidden)]
pub mod message;
#[doc(hidden)]
pub mod opened;
#[doc(hidden)]
pub mod output;
#[doc(hidden)]
pub mod pull;
#[doc(hidden)]
pub mod push;
#[doc(hidden)]
pub mod save;
#[doc(hidden)]
pub mod size;
#[doc(hidden)]
pub mod tag;
#[doc(hidden)]
pub mod tags;
#[doc(hidden)]
pub mod tree;
#[doc(hidden)]
pub mod verify;
#[doc(hidden)]
pub mod workspace;

mod command;

#[doc(hidden)]
pub use command::main;

//! Choose, pin, build, run and ship Python images from Cargo metadata.
//!
//! The front room of the house: `cargo pyimage`. Each command is a function here that takes what it needs as values,
//! and a file of the command line that calls it:
//!
//! - [`tags`] lists the tags of a repository, and [`tag`] explains one;
//! - [`lock`] pins the bases of the images that the packages of a [`workspace`] ask for;
//! - [`init`](mod@init) writes what a package says of its image, from what is there;
//! - [`build`] makes images of locks, wheels and the project's files;
//! - [`push`] takes them to a registry, [`pull`] gets them from there;
//! - [`load`], [`save`](mod@save) and [`launch`] bring them to an engine, into a file, and up;
//! - [`inspect`](mod@inspect), [`tree`](mod@tree), [`diff`](mod@diff) and [`verify`](mod@verify) look at images that are
//!   [`opened`], wherever they are;
//! - [`dockerfile`] says in a Dockerfile what they are;
//! - [`cache`] tells what is in the cache.
//!
//! What a tag, a platform or a lock *is*, `pyimage-build` knows; how a registry is spoken to, `pyrun` does.

pub mod apt;
pub mod build;
pub mod cache;
pub mod cli;
pub mod diff;
pub mod dockerfile;
pub mod document;
pub mod init;
pub mod inspect;
pub mod launch;
pub mod load;
pub mod lock;
pub mod message;
pub mod opened;
pub mod output;
pub mod pull;
pub mod push;
pub mod save;
pub mod size;
pub mod tag;
pub mod tags;
pub mod tree;
pub mod verify;
pub mod workspace;

mod command;

pub use command::main;

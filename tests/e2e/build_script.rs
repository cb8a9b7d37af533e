//! `pyimage-build` in build scripts: real crates, built by cargo.

mod assets;
mod bad_input;
mod crates;
mod images;
mod layouts;
mod page;
mod published;
mod reruns;

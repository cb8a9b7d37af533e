//! A container engine: Docker, or podman through its Docker-compatible API.

pub mod address;
pub mod context;
pub mod discovery;
mod docker;
pub mod facts;
mod podman;

use std::io;

pub use address::Address;
pub use docker::{
    Attachment, Building, DETACHED_LABEL, Engine, ImageBuild, Output, Program, Pulling, RUN_LABEL, State,
    StoredImage, Until,
};
pub use facts::{Facts, Kind};

/// A login at a registry, as the engine is given it for a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// With a password, or a token that acts as one.
    Password {
        /// The registry.
        server: String,
        /// The user.
        user: String,
        /// The secret.
        password: String,
    },
    /// With an identity token of a registry that gives these out.
    Token {
        /// The registry.
        server: String,
        /// The secret.
        token: String,
    },
}

/// Why an engine did not do what it was asked, by operation.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// None was found.
    #[error(transparent)]
    Discovery(#[from] discovery::DiscoveryError),
    /// It was dialled, but does not speak the Engine API.
    #[error("the engine at `{address}` does not answer as a Docker Engine does")]
    Connect {
        /// Its address.
        address: Address,
        /// The client's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The image is not on the engine.
    #[error("image `{image}` is not on the engine")]
    NoSuchImage {
        /// The image.
        image: String,
        /// The engine's words.
        message: String,
    },
    /// The name is in use.
    #[error("a container named `{name}` exists already")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The engine refused an operation on something.
    #[error("{}", refused(.operation, .object, .message))]
    Refused {
        /// For example `create`.
        operation: &'static str,
        /// For example the container's name.
        object: String,
        /// The HTTP status of the answer.
        status: u16,
        /// The engine's words.
        message: String,
    },
    /// The connection failed.
    #[error("lost the engine while it was to {operation} `{object}`")]
    Lost {
        /// For example `start`.
        operation: &'static str,
        /// For example the container's name.
        object: String,
        /// The client's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The system has no randomness.
    #[error("the system gives no random numbers")]
    Random(#[source] io::Error),
}

fn refused(operation: &str, object: &str, message: &str) -> String {
    format!("the engine did not {operation} `{object}`: {message}")
}

//! Pulling an image, with progress by layer.

use std::collections::HashMap;

use futures_util::StreamExt;
use pyimage_build::Reference;

use crate::engine::{Engine, EngineError, Login};
use crate::registry::credentials::{self, CredentialFiles, Credentials};
use crate::shell::{Shell, Verbosity};

/// Pulls `image` and tells it: bars on a terminal, one line elsewhere.
///
/// # Errors
/// Where the engine, or the registry behind it, refuses.
pub async fn pull(
    engine: &Engine,
    image: &str,
    platform: Option<&str>,
    shell: &Shell,
) -> Result<(), EngineError> {
    let suffix = platform.map(|platform| format!(" for {platform}")).unwrap_or_default();
    shell.status("Pulling", format_args!("{image}{suffix}"));
    let (login, failures) = login(image).await;
    let pulled = follow(engine, image, platform, login, shell).await;
    // A public image needs no login, so that only a pull that fails makes this worth a line.
    if pulled.is_err() || shell.verbosity() == Verbosity::Verbose {
        for failure in &failures {
            shell.note(failure);
        }
    }
    pulled
}

/// Pulls `image` with a login, with bars alone.
///
/// # Errors
/// Where the engine, or the registry behind it, refuses.
pub async fn follow(
    engine: &Engine,
    image: &str,
    platform: Option<&str>,
    login: Option<Login>,
    shell: &Shell,
) -> Result<(), EngineError> {
    let mut steps = Box::pin(engine.pull(image, platform, login));
    let progress = shell.progress();
    let mut layers: HashMap<String, crate::shell::Bar> = HashMap::new();
    while let Some(step) = steps.next().await {
        let step = step?;
        let Some(layer) = step.layer else { continue };
        // The first line of a pull is about the tag, not about a layer.
        if step.status.starts_with("Pulling from") {
            continue;
        }
        let bar = layers.entry(layer.clone()).or_insert_with(|| progress.bar(&layer));
        bar.update(&step.status, step.progress);
    }
    Ok(())
}

/// The caller's login at the image's registry, as docker and podman keep it, and what went wrong on the way. A helper
/// that is broken or not there is as good as no login: public images need none, and a private one is refused by name.
async fn login(image: &str) -> (Option<Login>, Vec<String>) {
    let Ok(reference) = image.parse::<Reference>() else { return (None, Vec::new()) };
    let credentials = Credentials::new(CredentialFiles::from_env());
    let found = credentials.find(reference.registry(), reference.repository()).await;
    // The name under which docker keeps the login of Docker Hub.
    let server = match reference.registry() {
        "docker.io" => "https://index.docker.io/v1/",
        other => other,
    };
    let server = server.to_owned();
    let login = found.login.and_then(|login| match login {
        credentials::Login::Password { user, password } => {
            Some(Login::Password { server, user, password: password.reveal().to_owned() })
        }
        credentials::Login::Identity(token) => {
            Some(Login::Token { server, token: token.reveal().to_owned() })
        }
        // A token for the registry alone, which the login of an engine has no place for.
        credentials::Login::Registry(_) => None,
    });
    (login, found.failures)
}

//! Pulling an image, with progress by layer.

use std::collections::HashMap;

use docker_credential::DockerCredential;
use futures_util::StreamExt;
use pyimage_build::Reference;

use crate::engine::{Engine, EngineError, Login};
use crate::shell::Shell;

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
    let mut steps = Box::pin(engine.pull(image, platform, login(image)));
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

/// The caller's login at the image's registry, as docker keeps it. A helper that is broken or not there is as
/// good as no login: public images need none, and a private one is refused by name.
fn login(image: &str) -> Option<Login> {
    let reference: Reference = image.parse().ok()?;
    let server = match reference.registry() {
        "docker.io" => "https://index.docker.io/v1/",
        other => other,
    };
    let server = server.to_owned();
    match docker_credential::get_credential(&server).ok()? {
        DockerCredential::UsernamePassword(user, password) => {
            Some(Login::Password { server, user, password })
        }
        DockerCredential::IdentityToken(token) => Some(Login::Token { server, token }),
    }
}

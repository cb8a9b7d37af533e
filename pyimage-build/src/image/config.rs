//! The configuration of an image.

use super::written::{Config, Rootfs, Settings, Step};
use super::{AddedLayer, BaseImage, ImageError, ImageOptions, environment};
use crate::{Blob, Digest};

/// The configuration as bytes of JSON.
pub(super) fn blob(
    base: BaseImage<'_>,
    layers: &[AddedLayer],
    diff_ids: &[Digest],
    options: &ImageOptions,
) -> Result<Blob, ImageError> {
    let created = options.created_text();
    // What the steps of the base were is not locked. Their number has to fit the number of layers.
    let name = format!("{}@{}", base.reference.familiar(), base.image.manifest.digest);
    let of_base = base.image.layers.iter().map(|_| name.as_str());
    let steps = of_base.chain(layers.iter().map(|added| added.created_by.as_str()));
    let config = Config {
        created: &created,
        architecture: base.platform.architecture(),
        variant: base.platform.variant(),
        os: base.platform.os(),
        config: settings(base, options)?,
        rootfs: Rootfs { kind: "layers", diff_ids },
        history: steps.map(|created_by| Step { created: &created, created_by }).collect(),
    };
    Ok(Blob::of(base.image.config.media_type.clone(), &config))
}

fn settings(base: BaseImage<'_>, options: &ImageOptions) -> Result<Settings, ImageError> {
    let locked = base.image;
    // As in a Dockerfile: the base's command would be arguments for another program.
    let cmd_of_base = if options.entrypoint.is_some() { &[][..] } else { &locked.cmd };
    let ports = options.exposed_ports.iter().map(|text| port(text));
    let volumes = options.volumes.iter().map(|path| {
        let path = absolute(path).ok_or_else(|| ImageError::Volume { path: path.clone() })?;
        Ok(path.to_owned())
    });
    let working_dir = absolute(&options.working_dir)
        .ok_or_else(|| ImageError::WorkingDir { path: options.working_dir.clone() })?;
    let stop_signal = options.stop_signal.clone().or_else(|| locked.stop_signal.clone());
    if let Some(signal) = stop_signal.as_ref().filter(|signal| !is_signal(signal)) {
        return Err(ImageError::Signal { signal: signal.clone() });
    }
    let user = options.user.clone().unwrap_or_else(|| locked.user.clone());
    if user.matches(':').count() > 1 || user.contains([' ', '\t', '\n', '\0', '/']) {
        return Err(ImageError::User { user });
    }
    Ok(Settings {
        user,
        exposed_ports: ports.collect::<Result<_, _>>()?,
        env: environment::merged(&locked.env, &options.env)?,
        entrypoint: options.entrypoint.clone().unwrap_or_else(|| locked.entrypoint.clone()),
        cmd: options.cmd.clone().unwrap_or_else(|| cmd_of_base.to_vec()),
        volumes: volumes.collect::<Result<_, _>>()?,
        working_dir: working_dir.to_owned(),
        labels: locked.labels.clone().into_iter().chain(options.labels.clone()).collect(),
        stop_signal,
    })
}

/// A port with its protocol, which is TCP where nothing is said.
fn port(text: &str) -> Result<String, ImageError> {
    let wrong = || ImageError::Port { port: text.to_owned() };
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    let parsed: u16 = number.parse().map_err(|_| wrong())?;
    if !is_number || parsed == 0 || !["tcp", "udp", "sctp"].contains(&protocol) {
        return Err(wrong());
    }
    Ok(format!("{parsed}/{protocol}"))
}

/// The path, where it is absolute and says no more than it needs.
fn absolute(path: &str) -> Option<&str> {
    let parts = path.strip_prefix('/')?;
    let is_plain = |part: &str| !["", ".", ".."].contains(&part) && !part.contains('\0');
    (parts.is_empty() || parts.split('/').all(is_plain)).then_some(path)
}

fn is_signal(text: &str) -> bool {
    let is_number = text.parse::<u8>().is_ok_and(|number| (1..=64).contains(&number));
    let name = text.strip_prefix("SIG").unwrap_or(text);
    let is_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"+-".contains(&byte);
    is_number || (name.starts_with(|c: char| c.is_ascii_uppercase()) && name.bytes().all(is_name))
}

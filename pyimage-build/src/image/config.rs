//! The configuration of an image.

use super::written::{Config, Rootfs, Settings, Step};
use super::{AddedLayer, BaseImage, ImageError, ImageOptions, environment, syntax};
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
    let ports = options.exposed_ports.iter();
    let ports = ports.map(|text| syntax::port(text).ok_or_else(|| ImageError::Port { port: text.clone() }));
    if let Some(path) = options.volumes.iter().find(|path| !syntax::is_absolute(path)) {
        return Err(ImageError::Volume { path: path.clone() });
    }
    let working_dir = options.working_dir.clone();
    if !syntax::is_absolute(&working_dir) {
        return Err(ImageError::WorkingDir { path: working_dir });
    }
    let stop_signal = options.stop_signal.clone().or_else(|| locked.stop_signal.clone());
    if let Some(signal) = stop_signal.as_ref().filter(|signal| !syntax::is_signal(signal)) {
        return Err(ImageError::Signal { signal: signal.clone() });
    }
    let user = options.user.clone().unwrap_or_else(|| locked.user.clone());
    if !syntax::is_user(&user) {
        return Err(ImageError::User { user });
    }
    Ok(Settings {
        user,
        exposed_ports: ports.collect::<Result<_, _>>()?,
        env: environment::merged(&locked.env, &options.env)?,
        entrypoint: options.entrypoint.clone().unwrap_or_else(|| locked.entrypoint.clone()),
        cmd: options.cmd.clone().unwrap_or_else(|| cmd_of_base.to_vec()),
        volumes: options.volumes.clone(),
        working_dir,
        labels: locked.labels.clone().into_iter().chain(options.labels.clone()).collect(),
        stop_signal,
    })
}

//! Bodies of the Engine API: our containers in its words, its images in ours.

use std::collections::HashMap;

use bollard::auth::DockerCredentials;
use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, DeviceRequest, HostConfig, HostConfigLogConfig,
    ImageInspect, Mount, MountType, PortBinding, PortMap,
};

use super::super::Login;
use super::{Program, StoredImage};
use crate::container::{Bind, Container, Gpus, variable};
use crate::image::Image;
use crate::publish;

/// A login in the engine's form.
pub(super) fn credentials(login: Login) -> DockerCredentials {
    match login {
        Login::Password { server, user, password } => DockerCredentials {
            username: Some(user),
            password: Some(password),
            serveraddress: Some(server),
            ..DockerCredentials::default()
        },
        Login::Token { server, token } => DockerCredentials {
            identitytoken: Some(token),
            serveraddress: Some(server),
            ..DockerCredentials::default()
        },
    }
}

/// The published ports of a container, in order.
pub(super) fn published(inspect: ContainerInspectResponse) -> Vec<(String, String)> {
    let ports = inspect.network_settings.and_then(|network| network.ports).unwrap_or_default();
    let mut published: Vec<_> = ports
        .into_iter()
        .flat_map(|(own, bindings)| bindings.into_iter().flatten().map(move |binding| (own.clone(), binding)))
        .filter_map(|(own, binding)| {
            let address = binding.host_ip.filter(|ip| !ip.is_empty()).unwrap_or_else(|| "0.0.0.0".to_owned());
            let address = if address.contains(':') { format!("[{address}]") } else { address };
            Some((format!("{address}:{}", binding.host_port?), own))
        })
        .collect();
    published.sort();
    published
}

/// What a run needs of an image, out of all that the engine tells.
pub(super) fn image(inspect: ImageInspect) -> Image {
    let config = inspect.config.unwrap_or_default();
    let variable = |name: &str| {
        let mut variables = config.env.iter().flatten();
        variables.find_map(|variable| variable.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
    };
    let (python, path) = (variable("PYTHON_VERSION"), variable("PATH"));
    Image {
        id: id(inspect.id),
        os: inspect.os.unwrap_or_default(),
        arch: inspect.architecture.unwrap_or_default(),
        user: config.user.unwrap_or_default(),
        python,
        path,
        suite: None,
        pip: None,
        passwd: None,
        group: None,
    }
}

/// What loading needs of an image.
pub(super) fn stored(inspect: ImageInspect) -> StoredImage {
    let layers = inspect.root_fs.and_then(|layers| layers.layers).unwrap_or_default();
    StoredImage { id: id(inspect.id), layers }
}

/// What a container of an image starts with.
pub(super) fn program(inspect: ImageInspect) -> Program {
    let config = inspect.config.unwrap_or_default();
    Program {
        entrypoint: config.entrypoint.unwrap_or_default(),
        cmd: config.cmd.unwrap_or_default(),
        working_dir: config.working_dir.unwrap_or_default(),
    }
}

fn id(id: Option<String>) -> String {
    let id = id.unwrap_or_default();
    // podman leaves the algorithm away.
    if id.contains(':') { id } else { format!("sha256:{id}") }
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// The body of `POST /containers/create`.
pub(super) fn create(container: &Container, entrypoint: &[String]) -> ContainerCreateBody {
    let anonymous = container.volumes.iter().filter(|volume| !volume.contains(':')).cloned();
    let ports = bindings(&container.publish);
    let binds = container
        .binds
        .iter()
        .filter(|bind| bind.fits_notation())
        .map(Bind::notation)
        .chain(container.volumes.iter().filter(|volume| volume.contains(':')).cloned());
    let host_config = HostConfig {
        binds: some(binds.collect()),
        mounts: some(container.binds.iter().filter(|bind| !bind.fits_notation()).map(mount).collect()),
        tmpfs: Some(container.tmpfs.clone().into_iter().collect())
            .filter(|map: &HashMap<_, _>| !map.is_empty()),
        auto_remove: Some(!container.keep),
        // Everything that the script writes goes through the attachment; a kept container keeps its log too.
        log_config: (!container.keep)
            .then(|| HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
        network_mode: container.network.clone(),
        extra_hosts: some(container.hosts.clone()),
        port_bindings: Some(ports.clone()).filter(|ports| !ports.is_empty()),
        memory: container.memory,
        nano_cpus: container.nano_cpus,
        readonly_rootfs: container.read_only.then_some(true),
        group_add: some(container.groups.clone()),
        security_opt: some(container.security.clone()),
        device_requests: container.gpus.as_ref().map(|gpus| vec![device_request(gpus)]),
        ..HostConfig::default()
    };
    ContainerCreateBody {
        image: Some(container.image.clone()),
        entrypoint: Some(entrypoint.to_vec()),
        cmd: Some(container.command.clone()),
        env: some(container.env.iter().map(variable).collect()),
        working_dir: Some(container.workdir.clone()),
        user: container.user.clone(),
        volumes: some(anonymous.collect()),
        exposed_ports: some(ports.into_keys().collect()),
        labels: Some(container.labels.clone().into_iter().collect()),
        attach_stdin: Some(!container.detached),
        attach_stdout: Some(!container.detached),
        attach_stderr: Some(!container.detached),
        open_stdin: Some(!container.detached),
        stdin_once: Some(!container.detached),
        tty: Some(false),
        host_config: Some(host_config),
        ..ContainerCreateBody::default()
    }
}

fn mount(bind: &Bind) -> Mount {
    Mount {
        typ: Some(MountType::BIND),
        source: Some(bind.source.clone()),
        target: Some(bind.target.clone()),
        read_only: bind.read_only.then_some(true),
        ..Mount::default()
    }
}

fn device_request(gpus: &Gpus) -> DeviceRequest {
    let (count, device_ids) = match gpus {
        Gpus::All => (Some(-1), None),
        Gpus::Count(count) => (Some(*count), None),
        Gpus::Devices(ids) => (None, Some(ids.clone())),
    };
    DeviceRequest {
        count,
        device_ids,
        capabilities: Some(vec![vec!["gpu".to_owned()]]),
        ..DeviceRequest::default()
    }
}

/// The Engine API's form. Values were parsed at the edge; one that is none publishes nothing.
fn bindings(values: &[String]) -> PortMap {
    let mut map: PortMap = HashMap::new();
    for port in values.iter().filter_map(|value| publish::parse(value).ok()).flatten() {
        let binding = PortBinding {
            host_ip: port.address,
            host_port: Some(port.host.map(|port| port.to_string()).unwrap_or_default()),
        };
        map.entry(format!("{}/{}", port.container, port.protocol))
            .or_insert_with(|| Some(Vec::new()))
            .get_or_insert_default()
            .push(binding);
    }
    map
}

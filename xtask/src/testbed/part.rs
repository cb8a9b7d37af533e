//! The parts of the test bed, in the order they stand on each other.

use std::path::Path;

use anyhow::{Result, bail};

use super::bed::Bed;
use super::{arm64, containerd, engine, image, podman, readers, registry, rootless, tls, user};

/// A part of the test bed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Engine,
    Slim,
    Registry,
    Tags,
    Podman,
    Login,
    User,
    Tls,
    RootlessDocker,
    RootlessPodman,
    Containerd,
    Arm64,
    Readers,
    SbomReaders,
}

impl Part {
    pub(crate) const ALL: [Self; 14] = [
        Self::Engine,
        Self::Slim,
        Self::Registry,
        Self::Tags,
        Self::Podman,
        Self::Login,
        Self::User,
        Self::Tls,
        Self::RootlessDocker,
        Self::RootlessPodman,
        Self::Containerd,
        Self::Arm64,
        Self::Readers,
        Self::SbomReaders,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Slim => "slim",
            Self::Registry => "registry",
            Self::Tags => "tags",
            Self::Podman => "podman",
            Self::Login => "login-registry",
            Self::User => "user",
            Self::Tls => "tls",
            Self::RootlessDocker => "rootless-docker",
            Self::RootlessPodman => "rootless-podman",
            Self::Containerd => containerd::NAME,
            Self::Arm64 => "arm64",
            Self::Readers => "readers",
            Self::SbomReaders => "sbom-readers",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }

    /// What it is, in a few words.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Engine => "Docker Engine",
            Self::Slim => "python:3.13-slim",
            Self::Registry => "a registry serving as Docker Hub's mirror",
            Self::Tags => "python:3.13, 3.15-slim, 2.7-slim, 2; debian:trixie-slim",
            Self::Podman => "podman as a second engine",
            Self::Login => "a registry that demands a login",
            Self::User => "a user without rights",
            Self::Tls => "the engine behind TLS",
            Self::RootlessDocker => "Docker Engine without root",
            Self::RootlessPodman => "podman without root",
            Self::Containerd => "a newer Docker Engine with containerd's image store",
            Self::Arm64 => "python:3.13-slim for arm64, run through qemu",
            Self::Readers => "skopeo, umoci, and the schemas of the image specification",
            Self::SbomReaders => "the validators of CycloneDX and SPDX",
        }
    }

    /// The parts without which there is no test bed.
    pub(crate) fn is_essential(self) -> bool {
        matches!(self, Self::Engine | Self::Slim)
    }

    fn needs(self) -> &'static [Self] {
        match self {
            Self::Engine | Self::Registry | Self::User | Self::Readers | Self::SbomReaders => &[],
            Self::Slim | Self::Tls => &[Self::Engine],
            Self::Tags | Self::Podman | Self::Login | Self::Containerd | Self::Arm64 => {
                &[Self::Slim, Self::Registry]
            }
            Self::RootlessDocker | Self::RootlessPodman => &[Self::Slim, Self::Registry, Self::User],
        }
    }

    /// Adds the part to a list, after those it stands on.
    pub(crate) fn with_needs(self, list: &mut Vec<Self>) {
        for need in self.needs() {
            need.with_needs(list);
        }
        if !list.contains(&self) {
            list.push(self);
        }
    }

    /// Whether it is up, found out quickly.
    pub(crate) fn ready(self, bed: &Bed) -> bool {
        match self {
            Self::Engine => engine::address().is_some(),
            Self::Slim => image::present(&[image::SLIM.name()]),
            Self::Registry => registry::HUB.ready(),
            Self::Tags => {
                let mut images = image::TAGS.each_ref().map(image::Image::name).to_vec();
                images.push(image::DEBIAN.to_owned());
                // The demo is content with a slim image that is there; the tests pull it, too.
                let pullable = |image: &String| image::is_pullable(bed, image).unwrap_or(false);
                image::present(&images)
                    && images.iter().all(pullable)
                    && image::is_pullable(bed, &image::SLIM.name()).unwrap_or(false)
            }
            Self::Podman => podman::ready(bed),
            Self::User => user::ready(),
            Self::RootlessDocker => rootless::docker_ready(),
            Self::RootlessPodman => rootless::podman_ready(),
            Self::Containerd => containerd::ready(bed),
            Self::Arm64 => arm64::ready(bed),
            Self::Readers => readers::ready(),
            Self::SbomReaders => readers::sbom_ready(bed),
            Self::Login => {
                registry::LOGIN.ready()
                    && registry::LOGIN.stores(bed, registry::LOGIN_REPOSITORY, "3.13-slim").unwrap_or(false)
            }
            Self::Tls => tls::ready(bed),
        }
    }

    pub(crate) fn up(self, bed: &Bed) -> Result<()> {
        match self {
            Self::Engine => engine::up(bed),
            Self::Slim => image::SLIM.provide(bed),
            Self::Registry => {
                registry::HUB.up(bed)?;
                if !engine::has_mirror() && registry::HUB.stores(bed, "library/python", image::SLIM.tag)? {
                    bail!(
                        "the engine in use does not take `{}` for Docker Hub's mirror",
                        registry::HUB.address
                    );
                }
                Ok(())
            }
            Self::Tags => {
                image::SLIM.provide(bed)?;
                image::TAGS.iter().try_for_each(|image| image.provide(bed))?;
                image::provide_debian(bed)
            }
            Self::Podman => podman::up(bed),
            Self::Login => registry::login_up(bed),
            Self::User => user::up(),
            Self::Tls => tls::up(bed),
            Self::RootlessDocker => rootless::docker_up(bed),
            Self::RootlessPodman => rootless::podman_up(bed),
            Self::Containerd => containerd::up(bed),
            Self::Arm64 => arm64::up(bed),
            Self::Readers => readers::up(),
            Self::SbomReaders => readers::sbom_up(bed),
        }
    }

    /// What the tests are told of it.
    pub(crate) fn variables(self, bed: &Bed) -> Vec<(&'static str, String)> {
        match self {
            Self::Engine => {
                engine::address().map(|address| ("TESTBED_DOCKER", address)).into_iter().collect()
            }
            Self::Slim | Self::Tags => Vec::new(),
            Self::Registry => vec![("TESTBED_REGISTRY", registry::HUB.address.to_owned())],
            Self::Podman => vec![("TESTBED_PODMAN", unix(&bed.run("podman.sock")))],
            Self::User => vec![
                ("TESTBED_USER", user::NAME.to_owned()),
                ("TESTBED_USER_UID", user::ID.to_owned()),
                ("TESTBED_USER_GID", user::ID.to_owned()),
            ],
            Self::RootlessDocker => vec![("TESTBED_ROOTLESS_DOCKER", unix(&rootless::docker_socket()))],
            Self::RootlessPodman => vec![("TESTBED_ROOTLESS_PODMAN", unix(&rootless::podman_socket()))],
            Self::Containerd => vec![("TESTBED_CONTAINERD", unix(&containerd::socket(bed)))],
            Self::Arm64 => vec![("TESTBED_ARM64", "1".to_owned())],
            Self::Readers => vec![("TESTBED_READERS", readers::SCHEMAS.to_owned())],
            Self::SbomReaders => readers::sbom_folder(bed)
                .map(|folder| ("TESTBED_SBOM_READERS", folder.display().to_string()))
                .into_iter()
                .collect(),
            Self::Login => {
                let address = registry::LOGIN.address;
                vec![
                    ("TESTBED_LOGIN_REGISTRY", address.to_owned()),
                    ("TESTBED_LOGIN_USER", registry::USER.to_owned()),
                    ("TESTBED_LOGIN_PASSWORD", registry::PASSWORD.to_owned()),
                    ("TESTBED_LOGIN_IMAGE", format!("{address}/{}:3.13-slim", registry::LOGIN_REPOSITORY)),
                ]
            }
            Self::Tls => vec![
                ("TESTBED_TLS_HOST", tls::address()),
                ("TESTBED_TLS_CERTS", bed.run("tls").display().to_string()),
            ],
        }
    }
}

fn unix(socket: &Path) -> String {
    format!("unix://{}", socket.display())
}

#[cfg(test)]
mod tests {
    use super::Part;

    #[test]
    fn parts_come_after_what_they_stand_on() {
        let mut list = Vec::new();
        Part::Arm64.with_needs(&mut list);
        let names: Vec<_> = list.iter().map(|part| part.name()).collect();
        assert_eq!(names, ["engine", "slim", "registry", "arm64"]);
    }

    #[test]
    fn every_part_is_found_by_its_name() {
        for part in Part::ALL {
            assert!(Part::from_name(part.name()) == Some(part));
        }
    }
}

//! On which release of its distribution an image stands.

use std::collections::BTreeMap;

use crate::{ImageConfig, Suite};

/// The annotation in which the official images' index says what each image was built `FROM`.
const BASE_NAME: &str = "org.opencontainers.image.base.name";

/// The release of the distribution that an image stands on, from what its documents say of it.
///
/// No layer has to be read for that. The index of the official images names the base of each entry in an
/// [annotation], `debian:trixie-slim`; without it, the first steps of the history tell: Debian's own images start
/// with `# debian.sh --arch 'amd64' out/ 'trixie' …`, and Alpine's with `ADD alpine-minirootfs-3.22.1-….tar.gz /`.
///
/// ```
/// use std::collections::BTreeMap;
/// use pyimage_build::{DebianRelease, ImageConfig, Suite, base_release};
///
/// let config = ImageConfig::parse(br#"{"os": "linux", "architecture": "arm64", "rootfs": {}}"#)?;
/// let name = ("org.opencontainers.image.base.name".to_owned(), "debian:trixie-slim".to_owned());
/// let release = base_release(&BTreeMap::from([name]), &config);
/// assert_eq!(release, Some(Suite::Debian(DebianRelease::Trixie)));
/// # Ok::<(), pyimage_build::DocumentError>(())
/// ```
///
/// [annotation]: https://github.com/opencontainers/image-spec/blob/main/annotations.md#pre-defined-annotation-keys
#[must_use]
pub fn base_release(annotations: &BTreeMap<String, String>, config: &ImageConfig) -> Option<Suite> {
    // What a Dockerfile does later may mention any release; the system is laid down by the first steps.
    let history = config.history.iter().take(2);
    annotations
        .get(BASE_NAME)
        .and_then(|name| of_base(name))
        .or_else(|| history.filter(|step| !step.contains("/bin/sh -c ")).find_map(|step| of_step(step)))
}

/// `debian:trixie-slim`, `buildpack-deps:trixie`, `alpine:3.22`.
fn of_base(name: &str) -> Option<Suite> {
    let (repository, tag) = name.split('@').next()?.rsplit_once(':')?;
    if repository.rsplit('/').next() == Some("alpine") {
        return alpine(tag);
    }
    tag.split('-').find_map(Suite::from_name).filter(|suite| !matches!(suite, Suite::Windows(_)))
}

fn of_step(step: &str) -> Option<Suite> {
    if let Some((_, rest)) = step.split_once("alpine-minirootfs-") {
        return alpine(rest.split('-').next()?);
    }
    let word = |c: char| !c.is_ascii_alphanumeric();
    step.split(word).find_map(Suite::from_name).filter(|suite| matches!(suite, Suite::Debian(_)))
}

/// `3.22` or `3.22.1`.
fn alpine(version: &str) -> Option<Suite> {
    let mut numbers = version.split('.');
    Suite::from_name(&format!("alpine{}.{}", numbers.next()?, numbers.next()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn release(base: Option<&str>, history: &[&str]) -> Option<String> {
        let mut config =
            ImageConfig::parse(br#"{"os": "linux", "architecture": "arm64", "rootfs": {}}"#).unwrap();
        config.history = history.iter().map(|step| (*step).to_owned()).collect();
        let annotations = base.map(|base| (BASE_NAME.to_owned(), base.to_owned())).into_iter().collect();
        base_release(&annotations, &config).map(|suite| suite.to_string())
    }

    #[test]
    fn annotation_then_history() {
        let debian = ["# debian.sh --arch 'amd64' out/ 'bookworm' '@1757289600'"];
        assert_eq!(release(Some("debian:trixie-slim"), &debian).as_deref(), Some("trixie"));
        assert_eq!(release(Some("buildpack-deps:bullseye"), &[]).as_deref(), Some("bullseye"));
        assert_eq!(release(Some("docker.io/library/alpine:3.22"), &[]).as_deref(), Some("alpine3.22"));
        assert_eq!(release(Some("scratch"), &debian).as_deref(), Some("bookworm"));
        assert_eq!(release(None, &debian).as_deref(), Some("bookworm"));
        let alpine = ["ADD alpine-minirootfs-3.21.4-x86_64.tar.gz / # buildkit", "CMD [\"/bin/sh\"]"];
        assert_eq!(release(None, &alpine).as_deref(), Some("alpine3.21"));
        assert_eq!(release(None, &["debootstrap trixie"]).as_deref(), Some("trixie"));
    }

    #[test]
    fn what_later_steps_mention_is_no_release() {
        assert_eq!(release(None, &["/bin/sh -c #(nop) ADD file:12 in / ", "CMD", "RUN echo trixie"]), None);
        assert_eq!(release(None, &["/bin/sh -c echo trixie"]), None);
        assert_eq!(release(Some("me/base:2022"), &[]), None);
        assert_eq!(release(None, &[]), None);
    }

    proptest! {
        #[test]
        fn never_panics(base in "\\PC*|alpine:\\PC*", step in "\\PC*|alpine-minirootfs-\\PC*") {
            let _ = release(Some(&base), &[&step]);
        }
    }
}

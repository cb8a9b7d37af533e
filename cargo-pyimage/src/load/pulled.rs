//! An image that an engine on this machine pulls from us: it asks for what it lacks, and takes it as it comes.

use pyimage_build::{Descriptor, Image, Reference};
use pyrun::engine::{Engine, Kind};
use pyrun::pull;

use super::archive::base_layer;
use super::loopback::Loopback;
use super::{LoadError, Loader, plain};
use crate::build::Built;

/// Whether an engine can be expected to reach this machine's loopback, and to take the image's layers as they are. One
/// that is behind a socket file may still be elsewhere, and then finds nobody.
///
/// containerd's store pulls no layer whose contents it has from another file, and could then not save or push the image.
pub(super) fn can_pull(engine: &Engine, image: &Image) -> bool {
    let facts = engine.facts();
    cfg!(target_os = "linux")
        && facts.kind == Kind::Docker
        && !facts.rootless
        && !facts.containerd_store
        && engine.address().socket().is_some()
        && (plain::reads_zstd(facts) || !plain::has_zstd(image))
}

impl Loader<'_> {
    /// Has the engine pull an image from us, and names it.
    pub(super) async fn have_pulled(
        &self,
        built: &Built,
        image: &Image,
        name: &Reference,
    ) -> Result<(), LoadError> {
        let loopback = Loopback::open().await.map_err(LoadError::Loopback)?;
        let file = async |layer: &Descriptor| {
            if let Some(file) = built.blobs.get(&layer.digest) {
                return Some(file.clone());
            }
            let (base, registry) = (&built.base, self.registry);
            base_layer(layer, image, base, registry, &|_| {}, self.offline).await.ok()
        };
        let (there, platform) = (loopback.name(image), image.platform.to_string());
        let pulling = pull::follow(self.engine, &there, Some(&platform), Some(loopback.login()), self.shell);
        tokio::select! {
            pulled = pulling => pulled?,
            never = loopback.serve(image, &file) => match never {},
        }
        let repository = format!("{}/{}", name.registry(), name.repository());
        let tagged = self.engine.tag(&there, &repository, name.tag().unwrap_or_default()).await;
        self.engine.untag(&there).await?;
        Ok(tagged?)
    }
}

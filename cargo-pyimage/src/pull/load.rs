//! An image of a registry, into an engine.

use pyimage_build::{Blob, Document, Image, ImageConfig, Platform, Reference};
use pyrun::engine::{Engine, EngineError};

use super::{PullError, Puller, image_of, layers, no_platform, refused};
use crate::load::{LoadError, OwnedArchive};

impl Puller<'_> {
    /// Brings an image to an engine, under its name. The engine pulls it by its digest; where it cannot, it is fetched here
    /// and sent.
    ///
    /// # Errors
    /// Where the registry or the engine refuses, or the image is not for the platform.
    pub async fn load(
        &self,
        image: &Reference,
        platform: &Platform,
        engine: &Engine,
    ) -> Result<(), PullError> {
        let name = image.familiar();
        let (found, document) = self.registry.fetch(image).await.map_err(refused(&name))?;
        let descriptor = match &document {
            Document::Index(index) => {
                image_of(index, platform).cloned().ok_or_else(|| no_platform(&name, platform, index))?
            }
            Document::Manifest(_) => found,
        };
        let by_digest = image.with_digest(&descriptor.digest).familiar();
        match pyrun::pull::pull(engine, &by_digest, Some(&platform.to_string()), self.shell).await {
            Ok(()) => {
                if let Some(tag) = image.tag() {
                    let repository = format!("{}/{}", image.registry(), image.repository());
                    engine.tag(&by_digest, &repository, tag).await.map_err(LoadError::from)?;
                }
                return Ok(());
            }
            Err(error @ EngineError::Refused { .. }) => {
                self.shell.verbose(|shell| shell.note(format_args!("{error}; fetching it here")));
            }
            Err(error) => return Err(LoadError::from(error).into()),
        }
        let manifest = match self.registry.document(image, &descriptor).await.map_err(refused(&name))? {
            Document::Manifest(manifest) => manifest,
            Document::Index(index) => return Err(no_platform(&name, platform, &index)),
        };
        let config = self.registry.blob(image, &manifest.config).await.map_err(refused(&name))?;
        let parsed = ImageConfig::parse(&config);
        let parsed =
            parsed.map_err(|source| PullError::Document { image: name.clone(), source: Box::new(source) })?;
        let bytes = self.registry.document_bytes(image, &descriptor).await.map_err(refused(&name))?;
        let files = layers(self, image, &manifest).await?;
        let whole = Image {
            platform: platform.clone(),
            config: Blob { descriptor: manifest.config.clone(), bytes: config.to_vec() },
            manifest: Blob { descriptor, bytes: bytes.to_vec() },
            layers: manifest.layers,
            base_layers: 0,
            diff_ids: parsed.diff_ids,
        };
        let mut archive = OwnedArchive::of_image(&whole, std::slice::from_ref(image));
        archive.add_layers(&files);
        self.shell
            .status("Loading", format_args!("{name} for {platform} ({})", crate::size::Size(archive.size())));
        archive.send(engine, &name).await?;
        Ok(())
    }
}

//! `cargo pyimage fetch`: everything that goes into an image and is not the project's own, into the cache.

use std::collections::{BTreeMap, BTreeSet};

use pyimage_build::assembly::{MadeLayer, ProjectLayers};
use pyimage_build::{CompiledFrom, Digest, Platform};

use super::{BuildError, Builder, PackageImage};

/// What is in the cache of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Its platforms.
    pub platforms: BTreeSet<Platform>,
    /// How many wheels it has, on all platforms together.
    pub wheels: usize,
    /// The layers on top of the base, each once, with the bytes that they have.
    pub layers: BTreeMap<Digest, u64>,
    /// Its bytecode, which is to be pinned.
    pub bytecode: BTreeMap<CompiledFrom, Digest>,
}

impl Builder<'_> {
    /// Fetches, builds and compiles what an image needs for these platforms, or all, and makes the layers of it. A build
    /// of it asks neither a network nor an engine from then on.
    ///
    /// # Errors
    /// Where a lock does not have what it takes, or something cannot be had.
    pub async fn fetch_all(
        &self,
        image: &PackageImage,
        platforms: &BTreeSet<Platform>,
    ) -> Result<Fetched, BuildError> {
        let base = self.assembly().base(image)?;
        let plans = self.plans(image, base, platforms).await?;
        let wheels: BTreeMap<_, _> = plans
            .iter()
            .flat_map(|(.., layers)| layers.iter().flat_map(|layer| &layer.wheels))
            .map(|wheel| (wheel.digest.clone(), wheel))
            .collect();
        let count = wheels.len();
        self.fetch_wheels(image, wheels.values().copied()).await?;
        // Of what no layer needs today, too: other settings make other layers of it.
        self.all_archives(image, base, &plans).await?;
        drop(wheels);
        drop(plans);
        let mut fetched = Fetched { wheels: count, ..Fetched::default() };
        let packages = self.packages(image, base, platforms, &ProjectLayers::default()).await?;
        for its in packages.platforms {
            let apt = self.apt(image, its.platform, its.locked).await?;
            let all = its.wheels.into_iter().chain(its.overlap).chain(its.library).chain(apt);
            fetched.layers.extend(all.map(|MadeLayer { layer, .. }| (layer.digest, layer.size)));
            fetched.platforms.insert(its.platform.clone());
        }
        fetched.bytecode = packages.to_pin;
        Ok(fetched)
    }
}

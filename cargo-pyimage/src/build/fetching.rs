//! `cargo pyimage fetch`: everything that goes into an image and is not the project's own, into the cache.

use std::collections::{BTreeMap, BTreeSet};

use pyimage_build::{CompiledFrom, Digest, Platform};

use super::check::Findings;
use super::layers::Made;
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
        let base = self.base(image)?;
        let mut plans = self.plans(image, base, platforms).await?;
        let wheels: BTreeMap<_, _> = plans
            .iter()
            .flat_map(|(.., layers)| layers.iter().flat_map(|layer| &layer.wheels))
            .map(|wheel| (wheel.digest.clone(), wheel))
            .collect();
        let count = wheels.len();
        self.fetch_wheels(image, wheels.values().copied()).await?;
        let mut baked = self.bytecode(image, base, &mut plans).await?;
        // Of what no layer needs today, too: other settings make other layers of it.
        self.all_archives(image, base, &plans).await?;
        let mut fetched = Fetched { wheels: count, ..Fetched::default() };
        for (platform, locked, layers) in &plans {
            // What it finds is told by a build.
            self.check(image, platform, locked, layers, &mut Findings::default())?;
            let made = layers.iter().map(|layer| self.layer(layer, &baked)).collect::<Result<Vec<_>, _>>()?;
            let overlap = self.overlap(image, base, locked, layers, &made, &mut baked).await?;
            let library = self.library(image, base, locked, &baked)?;
            let apt = self.apt(image, platform, locked).await?;
            let all = made.into_iter().chain(overlap).chain(library).chain(apt);
            fetched.layers.extend(all.map(|Made { layer, .. }| (layer.digest, layer.size)));
            fetched.platforms.insert((*platform).clone());
        }
        fetched.bytecode = baked.to_pin;
        Ok(fetched)
    }
}

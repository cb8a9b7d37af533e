//! `cargo pyimage diff`: what two images have that the other has not, or has otherwise.

mod files;
mod report;
mod text;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use pyimage_build::{Digest, Platform};
use pyrun::shell::Shell;

use crate::opened::{Holdings, OpenError, Opened, OpenedImage, OpenedLayer, Reach, Readings};

pub use report::{
    Difference, FileChange, ImageDifference, LayerChange, LayerSide, OnlyIn, PlatformDifference, ValueChange,
    WheelChange,
};

/// Compares two images, platform by platform. Layers that both have are not read.
///
/// # Errors
/// Where a layer is damaged, or cannot be downloaded.
pub async fn diff(
    a: &Opened<'_>,
    b: &Opened<'_>,
    reach: Reach,
    shell: &Shell,
) -> Result<Difference, OpenError> {
    let mut platforms = Vec::new();
    let all: BTreeSet<&Platform> = a.images.iter().chain(&b.images).map(|image| &image.platform).collect();
    for platform in all {
        let of = |opened: &'_ Opened<'_>| opened.images.iter().position(|its| its.platform == *platform);
        let difference = match (of(a), of(b)) {
            (Some(one), Some(other)) => {
                let (one, other) = (&a.images[one], &b.images[other]);
                ImageDifference { only_in: None, ..images((a, one), (b, other), reach, shell).await? }
            }
            (Some(_), None) => ImageDifference { only_in: Some(OnlyIn::A), ..ImageDifference::default() },
            (None, _) => ImageDifference { only_in: Some(OnlyIn::B), ..ImageDifference::default() },
        };
        if !difference.is_empty() {
            platforms.push(PlatformDifference { platform: platform.clone(), difference });
        }
    }
    // Where one has no index, there is nothing that the other's could be compared with.
    let (mut annotations, mut equal) = (Vec::new(), platforms.is_empty());
    if a.is_index && b.is_index && a.digest != b.digest {
        annotations = values::of_maps("annotation", &a.annotations, &b.annotations);
        equal = false;
    }
    Ok(Difference {
        a: a.name.clone(),
        b: b.name.clone(),
        digests: [a.digest.clone(), b.digest.clone()],
        equal,
        annotations,
        platforms,
    })
}

/// Compares the images for one platform.
async fn images(
    (a, one): (&Opened<'_>, &OpenedImage),
    (b, other): (&Opened<'_>, &OpenedImage),
    reach: Reach,
    shell: &Shell,
) -> Result<ImageDifference, OpenError> {
    if one.manifest.is_some() && one.manifest == other.manifest {
        return Ok(ImageDifference::default());
    }
    let (own, others) = (unshared(one, other), unshared(other, one));
    let mine = a.read(layers_of(one, &own), reach, true, shell).await?;
    let theirs = b.read(layers_of(other, &others), reach, true, shell).await?;
    let mut changes = paired(one, &own, other, &others);
    for change in &mut changes {
        let is_read = |side: &Option<LayerSide>, readings: &Readings| {
            side.as_ref()
                .is_none_or(|side| readings.get(&side.digest).is_some_and(|held| held.content().is_some()))
        };
        change.is_read = is_read(&change.a, &mine) && is_read(&change.b, &theirs);
    }
    let mut values = values::of_images(one, other);
    values.extend(packing(one, other));
    if changes.is_empty() && values.is_empty() && one.id != other.id {
        values.push(ValueChange::new("configuration", Some(one.id.as_str()), Some(other.id.as_str())));
    }
    if changes.is_empty()
        && values.is_empty()
        && let (Some(one), Some(other)) = (&one.manifest, &other.manifest)
    {
        values.push(ValueChange::new("manifest", Some(one.as_str()), Some(other.as_str())));
    }
    let (held, held_there) = (Holdings::of(one, &mine), Holdings::of(other, &theirs));
    let mut files = files::changes(&files::of(one, &own, &mine), &files::of(other, &others, &theirs));
    for change in &mut files {
        change.wheel = held.wheel(&change.path).or_else(|| held_there.wheel(&change.path)).map(str::to_owned);
    }
    Ok(ImageDifference { only_in: None, wheels: wheels(&held, &held_there), files, layers: changes, values })
}

fn layers_of<'i>(image: &'i OpenedImage, places: &[usize]) -> Vec<(&'i OpenedImage, &'i OpenedLayer)> {
    places.iter().map(|place| (image, &image.layers[*place])).collect()
}

/// The places of the layers of an image whose contents the other has not.
fn unshared(image: &OpenedImage, other: &OpenedImage) -> Vec<usize> {
    let theirs: BTreeSet<&Digest> = other.layers.iter().map(|layer| &layer.diff_id).collect();
    let own = image.layers.iter().enumerate().filter(|(_, layer)| !theirs.contains(&layer.diff_id));
    own.map(|(place, _)| place).collect()
}

/// Layers side by side: those that were made by the same step, then the others in their order.
fn paired(one: &OpenedImage, own: &[usize], other: &OpenedImage, others: &[usize]) -> Vec<LayerChange> {
    let mut left: Vec<usize> = others.to_vec();
    let side = |image: &OpenedImage, place: usize| LayerSide::of(place, &image.layers[place]);
    let mut changes = Vec::new();
    let mut alone = Vec::new();
    for &place in own {
        let layer = &one.layers[place];
        let fits = |its: &usize| {
            let theirs = &other.layers[*its];
            (layer.of_base && theirs.of_base) || (layer.step.is_some() && layer.step == theirs.step)
        };
        match left.iter().position(fits) {
            Some(found) => {
                changes.push((place, Some(side(one, place)), Some(side(other, left.remove(found)))));
            }
            None => alone.push(place),
        }
    }
    let mut left = left.into_iter();
    for place in alone {
        changes.push((place, Some(side(one, place)), left.next().map(|theirs| side(other, theirs))));
    }
    changes.extend(left.map(|theirs| (theirs, None, Some(side(other, theirs)))));
    changes.sort_by_key(|(place, ..)| *place);
    let change = |(_, a, b)| LayerChange { a, b, is_read: false };
    changes.into_iter().map(change).collect()
}

/// Layers with the same contents that are not the same blobs, and layers in another order.
fn packing(one: &OpenedImage, other: &OpenedImage) -> Vec<ValueChange> {
    let theirs: BTreeMap<&Digest, &OpenedLayer> =
        other.layers.iter().map(|layer| (&layer.diff_id, layer)).collect();
    let mut changes = Vec::new();
    for layer in &one.layers {
        let Some(its) = theirs.get(&layer.diff_id) else { continue };
        if layer.is_packed && its.is_packed && layer.blob.digest != its.blob.digest {
            let name = format!("compression of `{}`", layer.label());
            changes.push(ValueChange::new(
                &name,
                Some(layer.blob.digest.as_str()),
                Some(its.blob.digest.as_str()),
            ));
        } else if layer.is_packed && its.is_packed && layer.blob.media_type != its.blob.media_type {
            let name = format!("media type of `{}`", layer.label());
            let (one, other) = (layer.blob.media_type.as_str(), its.blob.media_type.as_str());
            changes.push(ValueChange::new(&name, Some(one), Some(other)));
        }
    }
    let order = |image: &OpenedImage, of: &OpenedImage| -> Vec<Digest> {
        let shared = |layer: &&OpenedLayer| of.layers.iter().any(|its| its.diff_id == layer.diff_id);
        image.layers.iter().filter(shared).map(|layer| layer.diff_id.clone()).collect()
    };
    if order(one, other) != order(other, one) {
        changes.push(ValueChange::new("order of the layers", None, None));
    }
    changes
}

/// Wheels of the layers that were read.
fn wheels(one: &Holdings, other: &Holdings) -> Vec<WheelChange> {
    let versions = |holdings: &Holdings| -> BTreeMap<String, String> {
        let wheels = holdings.wheels.iter().filter(|wheel| !wheel.is_removed);
        wheels.map(|wheel| (wheel.name.clone(), wheel.version.clone())).collect()
    };
    let (one, other) = (versions(one), versions(other));
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let changes = names.into_iter().map(|name| WheelChange {
        name: name.clone(),
        a: one.get(name).cloned(),
        b: other.get(name).cloned(),
    });
    changes.filter(|change| change.a != change.b).collect()
}

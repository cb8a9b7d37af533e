//! `cargo pyimage push`: what was built, to its registry.

mod attach;
mod error;
mod layout;

use std::cell::RefCell;
use std::collections::HashMap;

use pyimage_build::{Descriptor, Digest, Reference};
use pyrun::registry::Registry;
use pyrun::registry::push::{Push, Pushed};
use pyrun::shell::{Bar, Shell};

use crate::build::Built;
use crate::size::Size;

pub use attach::attach;
pub use error::PushError;
pub use layout::LaidOut;

/// Reads where to push to, in place of the repository that the project has.
///
/// # Errors
/// Where it is no repository, or has a tag.
pub fn repository(text: &str) -> Result<Reference, PushError> {
    let malformed = |source| PushError::Repository { name: text.to_owned(), source: Box::new(source) };
    let reference = text.parse().map_err(malformed)?;
    let last = text.rsplit('/').next().unwrap_or(text);
    if last.contains([':', '@']) {
        return Err(PushError::TaggedRepository { name: text.to_owned() });
    }
    Ok(reference)
}

/// Gives what was built another repository.
///
/// # Errors
/// Where there is more than one image, which would come to lie on one another.
pub fn rename(all: &mut [Built], to: &Reference) -> Result<(), PushError> {
    if all.len() > 1 {
        return Err(PushError::SeveralImages {
            repository: to.registry().to_owned() + "/" + to.repository(),
        });
    }
    for built in all {
        let tags = built.tags.iter().filter_map(Reference::tag);
        let tags = tags.map(|tag| to.with_tag(tag)).collect::<Result<Vec<_>, _>>();
        built.tags =
            tags.map_err(|source| PushError::Repository { name: to.familiar(), source: Box::new(source) })?;
        built.name = to.clone();
    }
    Ok(())
}

/// Pushes an image for all its platforms, and tells what there was to do.
///
/// # Errors
/// Where a registry refuses or fails.
pub async fn push(built: &Built, registry: &Registry, shell: &Shell) -> Result<Pushed, PushError> {
    let tags: Vec<_> = built.tags.iter().filter_map(Reference::tag).collect();
    let push = Push {
        repository: &built.name,
        tags: &tags,
        base: &built.base,
        images: &built.images,
        index: &built.index.blob,
        blobs: &built.blobs,
    };
    send(&push, registry, shell).await
}

/// Pushes an image that lies in a layout, and tells what there was to do. Gives its repository by the digest of its index.
///
/// # Errors
/// Where a registry refuses or fails.
pub async fn push_layout(image: &LaidOut, registry: &Registry, shell: &Shell) -> Result<String, PushError> {
    let tags: Vec<_> = image.tags.iter().map(String::as_str).collect();
    let push = Push {
        repository: &image.name,
        tags: &tags,
        base: &image.base,
        images: &image.images,
        index: &image.index,
        blobs: &image.blobs,
    };
    send(&push, registry, shell).await?;
    Ok(image.name.with_digest(&image.index.descriptor.digest).familiar())
}

async fn send(push: &Push<'_>, registry: &Registry, shell: &Shell) -> Result<Pushed, PushError> {
    let tagged = push.tags.iter().filter_map(|tag| push.repository.with_tag(tag).ok());
    let mut names: Vec<_> = tagged.map(|name| name.familiar()).collect();
    if names.is_empty() {
        names.push(push.repository.with_digest(&push.index.descriptor.digest).familiar());
    }
    let names = names.join(", ");
    shell.status("Pushing", &names);
    let progress = shell.progress();
    let bars: RefCell<HashMap<Digest, Bar>> = RefCell::default();
    let show = |blob: &Descriptor, sent: u64| {
        let mut bars = bars.borrow_mut();
        let short = &blob.digest.hex()[..12];
        let bar = bars.entry(blob.digest.clone()).or_insert_with(|| progress.bar(short));
        bar.update("Pushing", Some((sent, blob.size)));
        if sent >= blob.size {
            bars.remove(&blob.digest);
        }
    };
    let pushed = registry
        .push(push, &show)
        .await
        .map_err(|source| PushError::Registry { image: names.clone(), source: Box::new(source) })?;
    shell.status("Pushed", format_args!("{names} ({})", summary(&pushed)));
    Ok(pushed)
}

/// What a push had to do, in a few words.
fn summary(pushed: &Pushed) -> String {
    let Pushed { present, mounted, copied, uploaded, bytes } = *pushed;
    if bytes == 0 && mounted == 0 {
        return "all of it was there".to_owned();
    }
    let mut parts: Vec<String> = Vec::new();
    for (count, what) in
        [(present, "there already"), (mounted, "mounted"), (copied, "copied"), (uploaded, "uploaded")]
    {
        if count > 0 {
            let noun = match (parts.is_empty(), count) {
                (false, _) => "",
                (true, 1) => "layer ",
                (true, _) => "layers ",
            };
            parts.push(format!("{count} {noun}{what}"));
        }
    }
    parts.push(Size(bytes).to_string());
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_is_told_in_a_few_words() {
        let pushed = Pushed { mounted: 2, uploaded: 1, bytes: 12_000, ..Pushed::default() };
        assert_eq!(summary(&pushed), "2 layers mounted, 1 uploaded, 12.0 kB");
        let pushed = Pushed { present: 1, copied: 4, bytes: 999, ..Pushed::default() };
        assert_eq!(summary(&pushed), "1 layer there already, 4 copied, 999 B");
        assert_eq!(summary(&Pushed { present: 5, ..Pushed::default() }), "all of it was there");
        assert_eq!(
            summary(&Pushed { present: 5, bytes: 700, ..Pushed::default() }),
            "5 layers there already, 700 B"
        );
    }

    #[test]
    fn a_repository_has_no_tag() {
        assert_eq!(repository("localhost:5000/me/app").unwrap().repository(), "me/app");
        assert!(matches!(repository("me/app:1"), Err(PushError::TaggedRepository { .. })));
        assert!(matches!(repository("Me/App"), Err(PushError::Repository { .. })));
    }
}

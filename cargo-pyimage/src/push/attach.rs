//! SBOMs, beside what was pushed.

use pyrun::registry::Registry;
use pyrun::registry::push::Attached;
use pyrun::shell::Shell;

use super::PushError;
use crate::build::Built;

/// Attaches the documents of an image that is pushed, and tells what there was to do.
///
/// # Errors
/// Where the registry refuses or fails. The image is there all the same.
pub async fn attach(built: &Built, registry: &Registry, shell: &Shell) -> Result<(), PushError> {
    if built.referrers.is_empty() {
        return Ok(());
    }
    let image = built.reference();
    let attached = registry.attach(&built.name, &built.referrers).await;
    let attached =
        attached.map_err(|source| PushError::Attach { image: image.clone(), source: Box::new(source) })?;
    shell.status("Attached", format_args!("{} to {image}", summary(attached)));
    Ok(())
}

fn summary(Attached { present, added }: Attached) -> String {
    let noun = if present + added == 1 { "SBOM" } else { "SBOMs" };
    match (present, added) {
        (0, added) => format!("{added} {noun}"),
        (present, 0) => format!("{present} {noun}, which were there,"),
        (present, added) => format!("{} {noun}, of which {present} were there,", present + added),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_attached_is_told_in_a_few_words() {
        assert_eq!(summary(Attached { present: 0, added: 1 }), "1 SBOM");
        assert_eq!(summary(Attached { present: 3, added: 0 }), "3 SBOMs, which were there,");
        assert_eq!(summary(Attached { present: 1, added: 2 }), "3 SBOMs, of which 1 were there,");
    }
}

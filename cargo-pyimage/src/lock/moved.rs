//! Bases whose tags are something else by now. The lock wins, and that they have moved is told.

use std::time::Duration;

use futures_util::future::join_all;
use pyimage_build::{LockedBase, Reference};
use pyrun::registry::Registry;
use pyrun::shell::Shell;

/// How long a registry may take to say so: nothing that has to be done waits for it.
const LIMIT: Duration = Duration::from_secs(3);

/// Those of these bases whose tags have moved since they were locked. A registry that does not answer has nothing to say.
pub async fn moved<'b>(
    registry: &Registry,
    bases: impl IntoIterator<Item = (&'b Reference, &'b LockedBase)>,
) -> Vec<&'b Reference> {
    let floating = bases.into_iter().filter(|(base, _)| base.digest().is_none());
    let asked = floating.map(|(base, locked)| async move {
        let now = tokio::time::timeout(LIMIT, registry.resolve(base)).await.ok()?.ok()?;
        (now.digest != locked.target.digest).then_some(base)
    });
    join_all(asked).await.into_iter().flatten().collect()
}

/// Tells that a base has moved.
pub fn tell_moved(base: &Reference, shell: &Shell) {
    shell.note(format_args!(
        "`{}` has moved since it was locked; `cargo pyimage lock --update` takes the new one",
        base.familiar()
    ));
}

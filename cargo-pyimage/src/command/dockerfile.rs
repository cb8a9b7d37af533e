//! `dockerfile`: what is asked for, as a Dockerfile.

use pyrun::cache::Cache;
use pyrun::shell::Shell;

use super::{Failure, failure_of_build, failure_of_lock, workspace};
use crate::cli::DockerfileArgs;
use crate::dockerfile::{self, DockerfileError, Project, Purpose};
use crate::lock::LockFile;

/// `cargo pyimage dockerfile`.
pub(super) fn dockerfile(args: &DockerfileArgs, cache: Option<&Cache>, shell: &Shell) -> Result<(), Failure> {
    let workspace = workspace(args.manifest_path.as_deref(), cache)?;
    let file = LockFile::read(&workspace.root).map_err(failure_of_lock)?;
    let images = workspace.named(args.image.as_deref()).map_err(failure_of_build)?;
    if !args.write && images.len() > 1 {
        let images = images.iter().map(|image| image.package.clone()).collect();
        return Err(failure_of_dockerfile(DockerfileError::WhichImage { images }));
    }
    for image in images {
        let lock = file.pins_of(&workspace, image).map_err(failure_of_lock)?;
        let project = Project { root: &workspace.root, image, lock };
        let made = project.dockerfile(&Purpose::default()).map_err(failure_of_dockerfile)?;
        if args.write {
            let names = dockerfile::write(&project, &made, args.force).map_err(failure_of_dockerfile)?;
            let (last, others) = names.split_last().unwrap_or((&"", &[]));
            let folder = project.folder().strip_prefix(&workspace.root).unwrap_or(project.folder());
            let place = match folder.to_string_lossy() {
                folder if folder.is_empty() => String::new(),
                folder => format!(" in {folder}"),
            };
            shell.status("Wrote", format_args!("{} and {last}{place}", others.join(", ")));
        } else {
            shell.print(&made.text).map_err(|error| Failure::new(error, Vec::new()))?;
            if made.pinned.is_some() {
                shell.note("it takes `requirements.lock.txt`, which `--write` writes beside it");
            }
        }
        if lock.is_none() {
            let base = image.settings.base.familiar();
            shell.note(format_args!("`{base}` is not locked, and may be another tomorrow"));
            shell.help("lock it with `cargo pyimage lock`");
        }
    }
    Ok(())
}

pub(super) fn failure_of_dockerfile(error: DockerfileError) -> Failure {
    let helps = error.helps();
    Failure::new(error, helps)
}

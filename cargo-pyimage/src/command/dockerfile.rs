//! `init` and `dockerfile`: what is asked for, taken from a Dockerfile and told in one.

use pyrun::cache::Cache;
use pyrun::shell::Shell;

use super::engine_build::tell_without_effect;
use super::{Failure, failure_of_build, failure_of_lock, here, workspace};
use crate::cli::{DockerfileArgs, InitArgs};
use crate::dockerfile::{self, DockerfileError, Project, Purpose};
use crate::init::{self, InitRequest};
use crate::lock::LockFile;

/// `cargo pyimage dockerfile`.
pub(super) fn dockerfile(args: &DockerfileArgs, cache: Option<&Cache>, shell: &Shell) -> Result<(), Failure> {
    let workspace = workspace(args.manifest_path.as_deref(), cache)?;
    let file = LockFile::read(&workspace.root).map_err(failure_of_lock)?;
    let images = workspace.named(args.image.as_deref()).map_err(failure_of_build)?;
    if !args.write && images.len() > 1 {
        let images = images.iter().map(|image| image.title()).collect();
        return Err(failure_of_dockerfile(DockerfileError::WhichImage { images }));
    }
    for image in images {
        let lock = file.pins_of(&workspace, image).map_err(failure_of_lock)?;
        let project = Project { root: &workspace.root, image, lock };
        let made = project.dockerfile(&Purpose::default()).map_err(failure_of_dockerfile)?;
        if args.write {
            let names = dockerfile::write(&project, &made, args.force).map_err(failure_of_dockerfile)?;
            let (last, others) =
                names.split_last().map_or(("", &[][..]), |(last, others)| (last.as_str(), others));
            let folder = project.folder().strip_prefix(&workspace.root).unwrap_or(project.folder());
            let place = match folder.to_string_lossy() {
                folder if folder.is_empty() => String::new(),
                folder => format!(" in {folder}"),
            };
            shell.status("Wrote", format_args!("{} and {last}{place}", others.join(", ")));
        } else {
            shell.print(&made.text).map_err(|error| Failure::new(error, Vec::new()))?;
            if made.pinned.is_some() {
                let name = project.pinned_file();
                shell.note(format_args!("it takes `{name}`, which `--write` writes beside it"));
            }
        }
        tell_without_effect(&project, false, shell);
        if lock.is_none() {
            let base = image.settings.base.familiar();
            shell.note(format_args!("`{base}` is not locked, and may be another tomorrow"));
            shell.help("lock it with `cargo pyimage lock`");
        }
    }
    Ok(())
}

fn failure_of_dockerfile(error: DockerfileError) -> Failure {
    let helps = error.helps();
    Failure::new(error, helps)
}

/// `cargo pyimage init`.
pub(super) fn init(args: &InitArgs, shell: &Shell) -> Result<(), Failure> {
    let here = here()?;
    let request = InitRequest {
        here: &here,
        manifest_path: args.manifest_path.as_deref(),
        package: args.package.as_deref(),
        force: args.force,
    };
    init::init(&request, shell).map_err(|error| {
        let helps = error.helps();
        Failure::new(error, helps)
    })
}

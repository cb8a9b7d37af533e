//! The bytecode of an environment's modules, compiled once by the image's own Python.

use camino::Utf8Path;

use crate::cache::Cache;
use crate::plan::{ENVIRONMENT, Program, Request};
use crate::shell::Shell;

use super::tool;

/// Compiles all modules below `folder` into `folder/.bytecode`, under the paths that they have in the container.
///
/// A module that cannot be compiled (tests of syntax errors, templates) is left out, as pip leaves it; so is all of it
/// where the container cannot run. What is missing costs time at the start of a script, and nothing else.
pub(super) async fn compile(
    request: &Request,
    (major, minor): (u32, u32),
    folder: &Utf8Path,
    cache: &Cache,
    shell: &Shell,
) {
    // Before 3.8 there is no folder for bytecode but the one beside the source.
    if (major, minor) < (3, 8) {
        return;
    }
    let packages = format!("{ENVIRONMENT}/lib/python{major}.{minor}/site-packages");
    let compile = Request {
        program: Some(Program::Module("compileall".to_owned())),
        arguments: ["-qq", "-j0", "--invalidation-mode", "unchecked-hash", &packages]
            .map(str::to_owned)
            .into(),
        folder: folder.as_std_path().to_owned(),
        mount: ENVIRONMENT.to_owned(),
        env: [("PYTHONPYCACHEPREFIX".to_owned(), Some(format!("{ENVIRONMENT}/.bytecode")))].into(),
        network: Some("none".to_owned()),
        ..tool::in_image(request)
    };
    if let Err(error) = Box::pin(crate::run::run(&compile, shell, Some(cache))).await {
        shell.verbose(|shell| shell.note(format_args!("the packages are not compiled: {error}")));
    }
}

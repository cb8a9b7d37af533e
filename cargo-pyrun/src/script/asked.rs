//! From what a program asks for to a checked request, by the same rules as a command line.

use std::env;
use std::path::{Path, PathBuf};

use super::files::{self, File, Written};
use super::{Script, ScriptError, What};
use crate::cache::Cache;
use crate::constraints::{self, Source};
use crate::dependencies::{Asked, Dependencies, Locking};
use crate::plan::{self, Program, Request};
use crate::request::{self, Named, Notice, RequestError, Wishes};
use crate::settings::{Project, Settings};

/// A request, and what has to be kept while it runs.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) request: Request,
    pub(super) notices: Vec<Notice>,
    pub(super) written: Option<Written>,
}

pub(super) fn prepare(script: &Script, cache: Option<&Cache>) -> Result<Prepared, ScriptError> {
    let here = std::path::absolute(".").map_err(RequestError::CurrentFolder)?;
    let folder = match &script.folder {
        Some(folder) => Some(
            here.join(folder)
                .canonicalize()
                .map_err(|source| RequestError::Folder { folder: folder.clone(), source })?,
        ),
        None => None,
    };
    let nowhere = PathBuf::from("/");
    let mut written = None;
    let (program, file) = match &script.what {
        What::Embedded(first) => {
            let all: Vec<File> = std::iter::once(first).chain(&script.beside).cloned().collect();
            let folder = written.insert(files::write(&all, cache)?).folder.clone();
            let place = folder.join(&first.path);
            (elsewhere(folder, first.path.clone()), Some(place))
        }
        What::File(typed) => {
            let place = here.join(typed);
            let program = request::locate(&place, &here, folder.as_deref().unwrap_or(&nowhere), &[])?;
            let real = place.canonicalize().unwrap_or(place);
            let beside = real.parent().unwrap_or(&nowhere).to_owned();
            let name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (if folder.is_some() { program } else { elsewhere(beside, name) }, Some(real))
        }
        What::Module(module) => (Program::Module(module.clone()), None),
        What::Code(code) => (Program::Code(code.clone()), None),
    };
    let own = file.as_deref().map_or(Source::None, Source::File);
    let of_script = file.as_deref().and_then(Path::parent);
    let start = match (&script.what, of_script) {
        (What::Embedded(_), _) => None,
        (_, Some(folder)) => Some(folder),
        (_, None) => folder.as_deref(),
    };
    let image = Wishes {
        flags: &script.settings,
        by: Named::Code,
        environment: &Settings::default(),
        named: None,
        project: &Project::default(),
        script: own,
        folder: of_script.unwrap_or(&here),
        start,
    }
    .image()?;
    let home = env::home_dir().and_then(|home| home.canonicalize().ok());
    let dependencies = Dependencies::find(Asked {
        script: constraints::need_of_script(own, of_script.unwrap_or(&here)).map_err(RequestError::from)?,
        files: script.settings.requirements.iter().map(|file| file.clone().into_std_path_buf()).collect(),
        with: script.settings.with.clone(),
        groups: Vec::new(),
        extras: Vec::new(),
        locking: if script.locked { Locking::Locked } else { Locking::Follow },
        lock: None,
        start: of_script.unwrap_or(&here),
        here: &here,
        home: home.as_deref(),
    });
    let arguments = script.arguments.iter().map(request::text).collect::<Result<_, _>>()?;
    let request = Request {
        program: Some(program),
        arguments,
        image: image.name,
        tag: image.tag,
        wishes: image.wishes,
        chosen: image.chosen,
        dependencies: dependencies.map_err(RequestError::from)?,
        offline: script.offline,
        unmounted: folder.is_none(),
        folder: folder.or_else(|| of_script.map(Path::to_owned)).unwrap_or(nowhere),
        name: script.container_name.clone(),
        leaves_signals: true,
        ..request::of_settings(&script.settings)?
    };
    Ok(Prepared { request, notices: image.notices, written })
}

/// A script that is mounted with a folder of its own, beside whatever else is.
fn elsewhere(folder: PathBuf, name: String) -> Program {
    Program::Script(plan::Script::Elsewhere { folder, name })
}

#[cfg(test)]
mod tests;

//! The layers of the project's own: its files, where they belong and elsewhere.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Assembly, AssemblyError, LayerPaths, MadeLayer};
use crate::{ExtraFiles, LayerContents, PackageImage, Source};

/// The project's files in an image, on all platforms.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct ProjectLayers {
    extra: ExtraFiles,
    files: Option<MadeLayer>,
    source: Option<MadeLayer>,
}

#[doc(hidden)]
impl Assembly<'_> {
    /// The layers of the project's own files.
    pub fn project(&self, image: &PackageImage) -> Result<ProjectLayers, AssemblyError> {
        let settings = &image.settings;
        let failed = |source| AssemblyError::of_source(image, source);
        // `.gitignore` counts from the workspace down, and further where the package is outside of it.
        let root = if settings.folder.starts_with(self.root) { self.root } else { &settings.folder };
        let mut project = ProjectLayers::default();
        if !settings.files.is_empty() {
            project.extra = ExtraFiles::select(&settings.folder, root, &settings.files).map_err(failed)?;
            let mut contents = LayerContents::new();
            project.extra.add_to(&mut contents).map_err(failed)?;
            project.files = Some(self.make(&contents, &self.layer_options(image, 0), None, "files")?);
        }
        if !settings.source.is_empty() {
            let source = Source::select(&settings.folder, root, &settings.source).map_err(failed)?;
            let mut contents = LayerContents::new();
            source.add_to(&mut contents, settings.options.working_dir.trim_matches('/')).map_err(failed)?;
            project.source = Some(self.make(&contents, &self.layer_options(image, 0), None, "source")?);
        }
        Ok(project)
    }
}

impl ProjectLayers {
    /// The layers, the lowest first.
    pub fn layers(&self) -> impl Iterator<Item = MadeLayer> {
        self.files.clone().into_iter().chain(self.source.clone())
    }

    /// Whether nothing of it is below a folder.
    #[must_use]
    pub fn is_apart_from(&self, folder: &str) -> bool {
        let of_files = self.extra.paths().map(|(path, _)| path);
        let of_source = self.source.iter().flat_map(|made| made.paths.iter());
        of_files.chain(of_source).all(|path| !Path::new(path).starts_with(folder))
    }

    /// Fails where two things of the project are to be at one path, and names both. Gives what takes the place of a
    /// package's file, be it Python's or Debian's.
    pub fn check(
        &self,
        bins: Option<&MadeLayer>,
        user: Option<&MadeLayer>,
        apt: Option<&MadeLayer>,
        packages: &[MadeLayer],
    ) -> Result<Vec<String>, AssemblyError> {
        let mut taken: BTreeMap<&str, String> = BTreeMap::new();
        let name =
            |path: &str| Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let accounts = user.into_iter().flat_map(|made| made.paths.iter());
        let accounts = accounts.map(|path| (path, "what gives the image its `user`".to_owned()));
        let programs = bins.into_iter().flat_map(|made| made.paths.iter());
        let programs = programs.map(|path| (path, format!("the program `{}`", name(path))));
        let files = self.extra.paths().map(|(path, from)| (path, format!("`{from}` of `files`")));
        let source = self.source.iter().flat_map(|made| made.paths.iter());
        let source = source.map(|path| (path, "a file of `source`".to_owned()));
        for (path, second) in accounts.chain(programs).chain(files).chain(source) {
            if let Some(first) = taken.insert(path, second.clone()) {
                return Err(AssemblyError::TwoFiles { path: path.to_owned(), first, second });
            }
        }
        // The accounts are those of Debian's packages and one more.
        let accounts = user.into_iter().flat_map(|made| made.paths.iter());
        accounts.for_each(|path| drop(taken.remove(path)));
        let of_debian = match apt {
            Some(made) if !taken.is_empty() => Assembly::apt_paths(made)?,
            _ => LayerPaths::default(),
        };
        let of_debian = of_debian.iter().map(|path| (path, "a package of Debian"));
        let of_packages = packages.iter().flat_map(|made| made.paths.iter());
        let replaced = of_debian
            .chain(of_packages.map(|path| (path, "a package")))
            .filter_map(|(path, of)| Some(format!("`/{path}` of {of} is replaced by {}", taken.get(path)?)));
        Ok(replaced.collect())
    }
}

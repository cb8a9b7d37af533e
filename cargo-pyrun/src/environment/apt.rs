//! Packages of Debian, installed in a container of an image; what that changed comes out as an archive.
//!
//! The image's own Python does it, so that engines need nothing but to run a container. Nothing of the host is mounted
//! but the folder for the archive.

use camino::Utf8PathBuf;
use pyimage_build::Platform;

use super::step::{self, StepError};
use crate::cache::{Cache, Work};
use crate::plan::{Program, Request};
use crate::shell::Shell;

const PROGRAM: &str = include_str!("apt.py");
/// Where the folder for the archive is in the container.
const PLACE: &str = "/opt/pyimage-apt";

/// What is to be installed, and where.
#[derive(Debug, Clone, Copy)]
pub struct AptInstallation<'a> {
    /// The image, as an engine is asked for it.
    pub image: &'a str,
    /// Which of it.
    pub platform: &'a Platform,
    /// The packages, each perhaps with its version: `libgl1=1.7.0-1+b2`.
    pub packages: &'a [String],
    /// The engine that was asked for.
    pub engine: Option<&'a str>,
}

/// What was installed. The archive goes away with this.
#[derive(Debug)]
pub struct AptInstalled {
    /// All that is new or has changed, sorted, uncompressed.
    pub archive: Utf8PathBuf,
    /// The packages that were not there before, with their versions, sorted.
    pub versions: Vec<String>,
    _work: Work,
}

impl AptInstallation<'_> {
    /// Installs them. Needs an engine that runs the platform, and the network.
    ///
    /// # Errors
    /// Where no engine does it, or apt does not.
    pub async fn run(self, cache: &Cache, shell: &Shell) -> Result<AptInstalled, StepError> {
        let unwritten = |source| StepError::from(cache.write_error(source));
        let parent = cache.folder("tools/work")?;
        let work = Work::begin(&parent).map_err(unwritten)?;
        let place = work.join("apt");
        fs_err::create_dir(&place).map_err(unwritten)?;
        let arguments = [PLACE.to_owned()].into_iter().chain(self.packages.iter().cloned());
        let request = Request {
            bare: true,
            image: self.image.to_owned(),
            platform: Some(self.platform.to_string()),
            entrypoint: Some("/usr/local/bin/python".to_owned()),
            program: Some(Program::Code(PROGRAM.to_owned())),
            arguments: arguments.collect(),
            folder: place.clone().into_std_path_buf(),
            workdir: Some("/".to_owned()),
            user: Some("0:0".to_owned()),
            volumes: vec![format!("{place}:{PLACE}")],
            engine: self.engine.map(str::to_owned),
            ..Request::default()
        };
        step::run(request, cache, shell).await?;
        let versions = fs_err::read_to_string(place.join("installed")).map_err(unwritten)?;
        let versions = versions.lines().map(str::to_owned).collect();
        Ok(AptInstalled { archive: place.join("layer.tar"), versions, _work: work })
    }
}

//! Python assets for Rust crates, and the container images that they go into.
//!
//! A crate that carries Python has a `build.rs` that calls [`configure`], and gets a Rust module: the Python files, embedded,
//! and what is known of the image that [`cargo pyimage`] makes of them. What an image *is* stands behind it, as
//! types: references, digests, platforms, locks, wheels, layers.
//!
//! This crate is pure. It opens no socket and starts no process: everything it takes is a path, bytes or a
//! value, which makes it fit for a build script and testable to the last byte. Nothing of it is in the program.
//!
//! # In a build script
//!
//! ```toml
//! [package.metadata.pyimage]
//! tag = "3.13-slim"                # of the image; without it, there are assets alone, and no lock
//! source = ["app"]                 # the assets: files, folders and globs
//!
//! [build-dependencies]
//! pyimage-build = "0.1"
//! ```
//!
//! ```no_run
//! // All that the `main` of build.rs does.
//! pyimage_build::configure().compile_or_exit();
//! ```
//!
//! ```text
//! // src/main.rs
//! mod pyimage {
//!     include!(concat!(env!("OUT_DIR"), "/pyimage.rs"));
//! }
//!
//! fn main() {
//!     let script = pyimage::asset("app/main.py").expect("an asset");
//!     println!("{} bytes for {}", script.contents.len(), pyimage::IMAGE.base.pinned);
//! }
//! ```
//!
//! Assembling images, too, takes the feature `image`: `features = ["image"]`. Most of the types below come with it.
//!
//! The module needs the standard library alone, and has:
//!
//! | Item | What it is |
//! |---|---|
//! | `ASSETS: &[Asset]` | all assets, sorted by path |
//! | `asset(path)` | the asset of a path, found without allocating |
//! | `Asset` | `path`, `sha256`, `executable`, `contents`, and `text()` |
//! | `IMAGE: Image` | the image, where the package has one: `reference`, `tags`, `digest`, `platforms`, `base` |
//! | `IMAGES: &[Image]` | all of them, with their `name`, where it has several |
//! | `extract()`, `extract_in(folder)` | the assets as files, with [`extract(true)`](BuildScript::extract) |
//!
//! Which files are assets is what `source` and `files` of the package's section say, with the rules of [`Source`]: what
//! `.gitignore` and `.dockerignore` leave out is left out, and so are secrets. Each key of the section ([`KEYS`]) is also
//! a function of [`BuildScript`], which stands over what Cargo.toml says.
//!
//! Cargo is told exactly what was looked at: the folders that assets are in, the manifests, the locks. A build without
//! change runs nothing. A new file right beside Cargo.toml, and one beside a folder that is left out (`app/.venv`), is noticed
//! with the next other change.
//!
//! Errors are cargo's own, one for each cause and each help. [`BuildScript::compile`] gives them to the caller instead.
//!
//! # Environment
//!
//! | Variable | What it does |
//! |---|---|
//! | `PYIMAGE_SKIP` | `1`: images are not assembled, whatever [`BuildScript::image`] says; `0`: not even docs.rs keeps them from it |
//! | `DOCS_RS` | as `PYIMAGE_SKIP=1`: there is no network on docs.rs |
//! | `PROFILE` | decides about [`ImageWhen::Release`] |
//! | `PYIMAGE_CACHE_DIR` | where the program's `extract()` puts its files, when it runs |
//!
//! Editors run build scripts, too, and cannot be told from `cargo build`. For rust-analyzer, `PYIMAGE_SKIP=1` in
//! `rust-analyzer.cargo.extraEnv`, with `rust-analyzer.cargo.targetDir`, keeps images out of it.
//!
//! # In a package that is published
//!
//! Cargo publishes what is in the package's folder. `pyimage.lock` lies in the workspace's: a link to it, or a copy, beside
//! the package's Cargo.toml goes with the package, and counts where there is no workspace around it. The defaults of
//! `[workspace.metadata.pyimage]` do not go with it: what the package needs elsewhere has to stand in its own section.
//!
//! Nothing is written but below `OUT_DIR`.
//!
//! # What an image is
//!
//! | Type | What it models | Where the format is defined |
//! |---|---|---|
//! | [`Reference`] | `python:3.13-slim`, `ghcr.io/me/app@sha256:…` | Docker's [distribution/reference] |
//! | [`Digest`] | `sha256:…` | the OCI [image-spec] |
//! | [`Platform`] | `linux/arm64` | containerd's [platforms] package |
//! | [`PythonTag`] | `3.13-slim-bookworm` | the tags of Docker's official [python] image |
//! | [`RequiresPython`] | `>=3.12,<3.14` | PyPA's [version specifiers] |
//! | [`Requirement`] | `requests[socks]>=2` | PyPA's [dependency specifiers] |
//! | [`RequirementsFile`] | `requirements.txt` | pip's [requirements files] |
//! | [`ScriptMetadata`] | `# /// script` | PyPA's [inline script metadata] |
//! | [`PythonVersionFile`] | `.python-version` | what pyenv and uv take |
//! | [`Marker`] | `sys_platform == "linux"` | PyPA's [environment markers] |
//! | [`Pylock`] | `pylock.toml` | PyPA's [pylock.toml] |
//! | [`WheelName`] | `numpy-2.5.5-cp313-cp313-manylinux_2_28_x86_64.whl` | PyPA's [wheel files] |
//! | [`Wheel`] | `rich-14.1.0-py3-none-any.whl` | PyPA's [binary distribution format] |
//! | [`WheelPlatforms`] | `manylinux_2_41_x86_64` | PyPA's [platform tags] |
//!
//! [`TagChoice`] takes what all of them ask for and picks the tag that satisfies them. [`Pylock::select`] takes a
//! [`Target`], a Python on a platform, and picks the wheel of each package that is installed there.
//!
//! Images are made of them in steps, each a function of values, files and bytes to bytes:
//!
//! | Step | Type |
//! |---|---|
//! | which of the project's files go in | [`Source`] |
//! | which wheels share a layer | [`Packing`], [`LayerKey`] |
//! | the layer's archive | [`LayerContents`], [`Layer`] |
//! | bytecode that was compiled before | [`canonical_pyc`], [`BytecodeArchive`] |
//! | configuration, manifest and index | [`Image`], [`ImageIndex`] |
//! | a folder, or an archive for an engine | [`Layout`], [`LayoutArchive`] |
//! | all of it, from locks and a cache that was filled before | [`Assembly`], [`Assembled`] |
//! | what is in it, for those who check that | [`Sbom`], [`Referrer`] |
//!
//! What the checks of an image need of its base is in [`BaseFacts`], which a [`BaseScan`] reads of its layers; what a program
//! or library needs is an [`Elf`], and [`LibraryCheck`] holds the two against each other.
//!
//! What others have made is read by [`LayerListing`], entry by entry, and [`InstalledWheel`] tells whose they are.
//!
//! Where a name is wrong, [`nearest`] and [`nearest_tags`] find the one that was probably meant.
//!
//! # Example
//!
//! ```
//! use pyimage_build::{Libc, PythonTag, Reference};
//!
//! let tag: PythonTag = "3.13-slim".parse()?;
//! assert_eq!(tag.libc(), Some(Libc::Glibc));
//! assert!(!tag.has_compilers());
//!
//! let image = Reference::python(&tag);
//! assert_eq!(image.to_string(), "docker.io/library/python:3.13-slim");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`cargo pyimage`]: https://crates.io/crates/cargo-pyimage
//! [distribution/reference]: https://github.com/distribution/reference
//! [image-spec]: https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
//! [platforms]: https://github.com/containerd/platforms
//! [python]: https://hub.docker.com/_/python
//! [version specifiers]: https://packaging.python.org/en/latest/specifications/version-specifiers/
//! [dependency specifiers]: https://packaging.python.org/en/latest/specifications/dependency-specifiers/
//! [requirements files]: https://pip.pypa.io/en/stable/reference/requirements-file-format/
//! [inline script metadata]: https://packaging.python.org/en/latest/specifications/inline-script-metadata/
//! [environment markers]: https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers
//! [pylock.toml]: https://packaging.python.org/en/latest/specifications/pylock-toml/
//! [wheel files]: https://packaging.python.org/en/latest/specifications/binary-distribution-format/
//! [binary distribution format]: https://packaging.python.org/en/latest/specifications/binary-distribution-format/
//! [platform tags]: https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/

#![cfg_attr(
    not(feature = "image"),
    allow(dead_code, reason = "parts of what types can do are for images alone"),
    allow(rustdoc::broken_intra_doc_links, reason = "the documentation tells of images, too")
)]

#[cfg(feature = "image")]
mod accounts;
#[cfg(feature = "image")]
#[doc(hidden)]
pub mod assembly;
mod base_facts;
#[cfg(feature = "image")]
mod base_release;
mod build_script;
mod bytecode;
#[cfg(feature = "image")]
mod cache_folder;
mod date;
#[cfg(feature = "image")]
mod descriptor;
mod digest;
#[cfg(feature = "image")]
mod document;
#[cfg(feature = "image")]
mod elf;
mod image;
#[cfg(feature = "image")]
mod image_config;
mod known_tags;
mod layer;
#[cfg(feature = "image")]
mod layout;
mod lock;
#[cfg(feature = "image")]
mod marker;
mod media_type;
mod metadata;
mod nearest;
#[cfg(feature = "image")]
#[doc(hidden)]
pub mod needs;
mod official;
#[cfg(feature = "image")]
mod package_image;
mod package_name;
mod packing;
mod platform;
mod printable;
#[cfg(feature = "image")]
mod pylock;
mod python_tag;
#[cfg(feature = "image")]
mod python_version_file;
mod reference;
#[cfg(feature = "image")]
mod referrer;
#[cfg(feature = "image")]
mod requirement;
#[cfg(feature = "image")]
mod requirements_file;
#[cfg(feature = "image")]
mod requires_python;
#[cfg(feature = "image")]
mod sbom;
#[cfg(feature = "image")]
mod script_metadata;
mod sha256;
#[cfg(feature = "image")]
mod shared_library;
mod source;
#[cfg(feature = "image")]
mod tag_choice;
#[cfg(feature = "image")]
mod target;
mod toml_document;
#[cfg(feature = "image")]
mod version_specifier;
#[cfg(feature = "image")]
mod wheel;
#[cfg(feature = "image")]
mod wheel_name;
#[cfg(feature = "image")]
mod wheel_offer;
#[cfg(feature = "image")]
mod wheel_platform;
#[cfg(feature = "image")]
mod wheel_tags;

#[cfg(feature = "image")]
pub use accounts::{AccountError, Accounts, Home};
#[cfg(feature = "image")]
pub use assembly::{Assembled, Assembly, AssemblyError};
pub use base_facts::BaseFacts;
#[cfg(feature = "image")]
pub use base_facts::{BaseScan, BaseScanError};
#[cfg(feature = "image")]
pub use base_release::base_release;
#[cfg(feature = "image")]
pub use build_script::ImageWhen;
pub use build_script::{BuildScript, CompileError, Compiled, ImageKeys, StaleLock, configure};
pub use bytecode::Bytecode;
#[cfg(feature = "image")]
pub use bytecode::{
    ArchiveError, BytecodeArchive, BytecodeArchiveWriter, BytecodeNameError, CompiledModule, PycError,
    canonical_pyc, pyc_path,
};
#[cfg(feature = "image")]
pub use cache_folder::{CacheError, CacheFolder, Work};
pub use date::Date;
#[cfg(feature = "image")]
pub use descriptor::{DescribedPlatform, Descriptor};
#[cfg(feature = "image")]
pub use digest::DigestHasher;
pub use digest::{Digest, DigestAlgorithm, DigestError};
#[cfg(feature = "image")]
pub use document::{Document, DocumentError, Index, MAX_DOCUMENT_SIZE, Manifest};
#[cfg(feature = "image")]
pub use elf::Elf;
pub use image::ImageOptions;
#[cfg(feature = "image")]
pub use image::{AddedLayer, BaseImage, Blob, Image, ImageError, ImageIndex};
#[cfg(feature = "image")]
pub use image_config::ImageConfig;
pub use known_tags::KNOWN_TAGS;
#[cfg(feature = "image")]
pub use layer::{
    BaseFolders, EntryKind, InstalledWheel, LayerContents, LayerEntry, LayerError, LayerKey, LayerListing,
    LayerOptions, ListingError,
};
pub use layer::{Layer, LayerCompression};
#[cfg(feature = "image")]
pub use layout::{Layout, LayoutArchive, LayoutError, Writing};
pub use lock::{CompiledFrom, Drift, Lock, LockError, LockedApt, LockedBase, LockedImage, LockedLayer, Pin};
#[cfg(feature = "image")]
pub use marker::{Marker, MarkerEnvironment, MarkerError};
pub use media_type::MediaType;
#[cfg(feature = "image")]
pub use metadata::schema;
pub use metadata::{
    Bins, ImageBuilder, ImageRevision, ImageSettings, KEYS, Key, Kind, MetadataError, PackageSettings, Place,
    Section, Value,
};
pub use nearest::{nearest, nearest_tags};
#[cfg(feature = "image")]
pub use package_image::{PackageFacts, PackageImage, TagTemplateError};
pub use package_name::{PackageName, PackageNameError};
pub use packing::{PackedWheel, Packing};
pub use platform::{Platform, PlatformError};
pub use printable::printable;
#[cfg(feature = "image")]
pub use pylock::{
    Choice, LockedDirectory, LockedFile, LockedPackage, LockedVcs, LockedWheel, PackageSource, Pylock,
    PylockError, PylockReason, Selected, Selection, SelectionError, Uncovered,
};
pub use python_tag::{
    DebianRelease, EndOfLife, Libc, LibcRelease, Pinning, Prerelease, PythonTag, PythonTagError,
    PythonVersion, Suite, Variant,
};
#[cfg(feature = "image")]
pub use python_version_file::{PythonVersionFile, PythonVersionFileError};
pub use reference::{Reference, ReferenceError};
#[cfg(feature = "image")]
pub use referrer::{Referrer, ReferrersIndex};
#[cfg(feature = "image")]
pub use requirement::{Requirement, RequirementError, RequirementReason};
#[cfg(feature = "image")]
pub use requirements_file::{RequirementsEntry, RequirementsFile, RequirementsFileError, RequirementsItem};
#[cfg(feature = "image")]
pub use requires_python::{RequiresPython, RequiresPythonError};
#[cfg(feature = "image")]
pub use sbom::{Licence, Sbom, SbomBase, SbomFormat, SbomImage, SbomPackage, SbomPart};
#[cfg(feature = "image")]
pub use script_metadata::{ScriptMetadata, ScriptMetadataError, unclosed_script_block};
#[cfg(feature = "image")]
pub use shared_library::{Binary, LibraryCheck, LibraryProblem, debian_package};
pub use source::{
    ExtraFile, ExtraFiles, LeftOut, LeftOutBy, PlacedFile, PlacedKind, Source, SourceError, SourceFile,
    SourceKind,
};
#[cfg(feature = "image")]
pub use tag_choice::{Constraint, TagChoice, TagChoiceError, Wanted};
#[cfg(feature = "image")]
pub use target::{Target, TargetError};
pub use toml_document::TomlError;
#[cfg(feature = "image")]
pub use wheel::{
    Compression, CopyError, Existing, Installation, InstalledFile, Launcher, Overlap, Provenance, Scheme,
    Tree, TreeError, Unpacker, Wheel, WheelError, WheelLimits, WheelProblem,
};
#[cfg(feature = "image")]
pub use wheel_name::{BuildTag, WheelName, WheelNameError};
#[cfg(feature = "image")]
pub use wheel_offer::WheelOffer;
#[cfg(feature = "image")]
pub use wheel_platform::WheelPlatforms;
#[cfg(feature = "image")]
pub use wheel_tags::WheelTags;

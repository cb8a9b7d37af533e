//! What a Python container image *is*: references, digests, platforms and the tags of the official image.
//!
//! This crate is pure. It opens no socket and starts no process: everything it takes is a path, bytes or a
//! value, which makes it fit for a build script and testable to the last byte.
//!
//! | Type | What it models | Where the format is defined |
//! |---|---|---|
//! | [`Reference`] | `python:3.13-slim`, `ghcr.io/me/app@sha256:…` | Docker's [distribution/reference] |
//! | [`Digest`] | `sha256:…` | the OCI [image-spec] |
//! | [`Platform`] | `linux/arm64` | containerd's [platforms] package |
//! | [`PythonTag`] | `3.13-slim-bookworm` | the tags of Docker's official [python] image |
//! | [`RequiresPython`] | `>=3.12,<3.14` | PyPA's [version specifiers] |
//! | [`ScriptMetadata`] | `# /// script` | PyPA's [inline script metadata] |
//! | [`PythonVersionFile`] | `.python-version` | what pyenv and uv take |
//! | [`Wheel`] | `rich-14.1.0-py3-none-any.whl` | PyPA's [binary distribution format] |
//! | [`WheelPlatforms`] | `manylinux_2_41_x86_64` | PyPA's [platform tags] |
//!
//! [`TagChoice`] takes what all of them ask for and picks the tag that satisfies them.
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
//! [distribution/reference]: https://github.com/distribution/reference
//! [image-spec]: https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
//! [platforms]: https://github.com/containerd/platforms
//! [python]: https://hub.docker.com/_/python
//! [version specifiers]: https://packaging.python.org/en/latest/specifications/version-specifiers/
//! [inline script metadata]: https://packaging.python.org/en/latest/specifications/inline-script-metadata/
//! [binary distribution format]: https://packaging.python.org/en/latest/specifications/binary-distribution-format/
//! [platform tags]: https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/

mod base_release;
mod date;
mod descriptor;
mod digest;
mod document;
mod image_config;
mod known_tags;
mod lock;
mod media_type;
mod metadata;
mod nearest;
mod official;
mod platform;
mod python_tag;
mod python_version_file;
mod reference;
mod requires_python;
mod script_metadata;
mod tag_choice;
mod wheel;
mod wheel_platform;

pub use base_release::base_release;
pub use date::Date;
pub use descriptor::{DescribedPlatform, Descriptor};
pub use digest::{Digest, DigestAlgorithm, DigestError, DigestHasher};
pub use document::{Document, DocumentError, Index, MAX_DOCUMENT_SIZE, Manifest};
pub use image_config::ImageConfig;
pub use known_tags::KNOWN_TAGS;
pub use lock::{Drift, Lock, LockError, LockedBase, LockedImage, LockedLayer, Pin};
pub use media_type::MediaType;
pub use metadata::{ImageSettings, MetadataError, Place, Section};
pub use nearest::{nearest, nearest_tags};
pub use platform::{Platform, PlatformError};
pub use python_tag::{
    DebianRelease, EndOfLife, Libc, LibcRelease, Pinning, Prerelease, PythonTag, PythonTagError,
    PythonVersion, Suite, Variant,
};
pub use python_version_file::{PythonVersionFile, PythonVersionFileError};
pub use reference::{Reference, ReferenceError};
pub use requires_python::{RequiresPython, RequiresPythonError};
pub use script_metadata::{ScriptMetadata, ScriptMetadataError};
pub use tag_choice::{Constraint, TagChoice, TagChoiceError, Wanted};
pub use wheel::{
    Compression, CopyError, Existing, Installation, InstalledFile, Launcher, Overlap, Provenance, Scheme,
    Tree, TreeError, Unpacker, Wheel, WheelError, WheelLimits, WheelProblem,
};
pub use wheel_platform::WheelPlatforms;

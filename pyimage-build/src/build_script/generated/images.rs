
/// An image of the package.
#[allow(dead_code, unreachable_pub)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its name among several images of the package; empty where it is the only one.
    pub name: &'static str,
    /// Its repository.
    pub repository: &'static str,
    /// Its tags, but for those that only git knows.
    pub tags: &'static [&'static str],
    /// Its name by digest where that is known, else by its first tag.
    pub reference: &'static str,
    /// The digest of its index, where the image was assembled together with this program.
    pub digest: ::core::option::Option<&'static str>,
    /// The digest of its manifest for each platform, sorted by platform; empty where it was not assembled.
    pub platforms: &'static [(&'static str, &'static str)],
    /// What it is made on.
    pub base: Base,
}

/// The base of an image.
#[allow(dead_code, unreachable_pub)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// Its name as the package has it.
    pub reference: &'static str,
    /// Its name by the digest that is locked; without a lock, as the package has it.
    pub pinned: &'static str,
    /// The digest that is locked.
    pub digest: ::core::option::Option<&'static str>,
    /// The digest of its manifest for each platform of the image, sorted by platform.
    pub platforms: &'static [(&'static str, &'static str)],
}

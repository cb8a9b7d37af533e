//! Which of Debian's packages has a library.

use crate::Suite;

/// The release that renamed packages for its new `time_t`: trixie.
const RENAMED: u8 = 13;

/// Libraries that packages for Python are built with and slim images lack, the package of each, and that since trixie
/// where its name is another.
const LIBRARIES: &[(&str, &str, Option<&str>)] = &[
    ("libEGL.so.1", "libegl1", None),
    ("libGL.so.1", "libgl1", None),
    ("libGLESv2.so.2", "libgles2", None),
    ("libGLX.so.0", "libglx0", None),
    ("libICE.so.6", "libice6", None),
    ("libOpenCL.so.1", "ocl-icd-libopencl1", None),
    ("libOpenGL.so.0", "libopengl0", None),
    ("libSM.so.6", "libsm6", None),
    ("libX11-xcb.so.1", "libx11-xcb1", None),
    ("libX11.so.6", "libx11-6", None),
    ("libXcomposite.so.1", "libxcomposite1", None),
    ("libXcursor.so.1", "libxcursor1", None),
    ("libXdamage.so.1", "libxdamage1", None),
    ("libXext.so.6", "libxext6", None),
    ("libXfixes.so.3", "libxfixes3", None),
    ("libXft.so.2", "libxft2", None),
    ("libXi.so.6", "libxi6", None),
    ("libXinerama.so.1", "libxinerama1", None),
    ("libXrandr.so.2", "libxrandr2", None),
    ("libXrender.so.1", "libxrender1", None),
    ("libXss.so.1", "libxss1", None),
    ("libXtst.so.6", "libxtst6", None),
    ("libasound.so.2", "libasound2", Some("libasound2t64")),
    ("libatk-1.0.so.0", "libatk1.0-0", Some("libatk1.0-0t64")),
    ("libatk-bridge-2.0.so.0", "libatk-bridge2.0-0", Some("libatk-bridge2.0-0t64")),
    ("libatomic.so.1", "libatomic1", None),
    ("libatspi.so.0", "libatspi2.0-0", Some("libatspi2.0-0t64")),
    ("libcairo.so.2", "libcairo2", None),
    ("libct.so.4", "libct4", None),
    ("libcups.so.2", "libcups2", Some("libcups2t64")),
    ("libcurl.so.4", "libcurl4", Some("libcurl4t64")),
    ("libdbus-1.so.3", "libdbus-1-3", None),
    ("libdrm.so.2", "libdrm2", None),
    ("libexpat.so.1", "libexpat1", None),
    ("libfontconfig.so.1", "libfontconfig1", None),
    ("libfreetype.so.6", "libfreetype6", None),
    ("libgbm.so.1", "libgbm1", None),
    ("libgdk_pixbuf-2.0.so.0", "libgdk-pixbuf-2.0-0", None),
    ("libgfortran.so.5", "libgfortran5", None),
    ("libgio-2.0.so.0", "libglib2.0-0", Some("libglib2.0-0t64")),
    ("libglib-2.0.so.0", "libglib2.0-0", Some("libglib2.0-0t64")),
    ("libgmp.so.10", "libgmp10", None),
    ("libgobject-2.0.so.0", "libglib2.0-0", Some("libglib2.0-0t64")),
    ("libgomp.so.1", "libgomp1", None),
    ("libgssapi_krb5.so.2", "libgssapi-krb5-2", None),
    ("libgthread-2.0.so.0", "libglib2.0-0", Some("libglib2.0-0t64")),
    ("libgtk-3.so.0", "libgtk-3-0", Some("libgtk-3-0t64")),
    ("libjpeg.so.62", "libjpeg62-turbo", None),
    ("libkrb5.so.3", "libkrb5-3", None),
    ("liblcms2.so.2", "liblcms2-2", None),
    ("libmagic.so.1", "libmagic1", Some("libmagic1t64")),
    ("libmariadb.so.3", "libmariadb3", None),
    ("libnspr4.so", "libnspr4", None),
    ("libnss3.so", "libnss3", None),
    ("libnuma.so.1", "libnuma1", None),
    ("libodbc.so.2", "libodbc1", Some("libodbc2")),
    ("libopenblas.so.0", "libopenblas0", None),
    ("libopenjp2.so.7", "libopenjp2-7", None),
    ("libpango-1.0.so.0", "libpango-1.0-0", None),
    ("libpangocairo-1.0.so.0", "libpangocairo-1.0-0", None),
    ("libpng16.so.16", "libpng16-16", Some("libpng16-16t64")),
    ("libportaudio.so.2", "libportaudio2", None),
    ("libpq.so.5", "libpq5", None),
    ("libpulse.so.0", "libpulse0", None),
    ("libquadmath.so.0", "libquadmath0", None),
    ("libsasl2.so.2", "libsasl2-2", None),
    ("libsmime3.so", "libnss3", None),
    ("libsndfile.so.1", "libsndfile1", None),
    ("libsybdb.so.5", "libsybdb5", None),
    ("libtcl8.6.so", "libtcl8.6", None),
    ("libtk8.6.so", "libtk8.6", None),
    ("libusb-1.0.so.0", "libusb-1.0-0", None),
    ("libwebp.so.7", "libwebp7", None),
    ("libxcb.so.1", "libxcb1", None),
    ("libxkbcommon.so.0", "libxkbcommon0", None),
    ("libxml2.so.2", "libxml2", None),
    ("libxslt.so.1", "libxslt1.1", None),
    ("libyaml-0.so.2", "libyaml-0-2", None),
    ("libzbar.so.0", "libzbar0", Some("libzbar0t64")),
    ("libzmq.so.5", "libzmq5", None),
];

/// The package of a release of Debian that has a shared library, for those that packages for Python need most.
///
/// ```
/// use pyimage_build::{Suite, debian_package};
///
/// let trixie = Suite::from_name("trixie").unwrap();
/// assert_eq!(debian_package("libglib-2.0.so.0", &trixie), Some("libglib2.0-0t64"));
/// assert_eq!(debian_package("libglib-2.0.so.0", &Suite::from_name("alpine3.22").unwrap()), None);
/// ```
#[must_use]
pub fn debian_package(library: &str, suite: &Suite) -> Option<&'static str> {
    let Suite::Debian(release) = suite else { return None };
    let place = LIBRARIES.binary_search_by_key(&library, |(name, ..)| name).ok()?;
    let (_, package, renamed) = LIBRARIES[place];
    Some(renamed.filter(|_| release.number() >= RENAMED).unwrap_or(package))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_knows_the_releases() {
        assert!(LIBRARIES.is_sorted_by_key(|(name, ..)| name));
        let package = |library, suite| debian_package(library, &Suite::from_name(suite).unwrap());
        assert_eq!(package("libGL.so.1", "bookworm"), Some("libgl1"));
        assert_eq!(package("libmagic.so.1", "bookworm"), Some("libmagic1"));
        assert_eq!(package("libmagic.so.1", "trixie"), Some("libmagic1t64"));
        assert_eq!(package("libnone.so.1", "trixie"), None);
    }
}

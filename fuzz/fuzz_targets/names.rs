//! Any text as each of the short things that have a grammar: what is taken is written so that it is taken again.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use pyimage_build::{
    Digest, Libc, LibcRelease, Marker, MarkerEnvironment, PackageName, Platform, PythonTag, PythonVersion,
    PythonVersionFile, Requirement, RequiresPython, Target, WheelName,
};

fn again<T: FromStr<Err: Display + Debug> + Display>(text: &str) -> Option<T> {
    match text.parse::<T>() {
        Ok(value) => {
            let written = value.to_string();
            let second =
                written.parse::<T>().unwrap_or_else(|error| panic!("`{written}` of `{text}`: {error}"));
            assert_eq!(second.to_string(), written);
            Some(value)
        }
        Err(error) => {
            let _ = error.to_string();
            None
        }
    }
}

fuzz_target!(|text: &str| {
    again::<Digest>(text);
    again::<PackageName>(text);
    again::<Platform>(text);
    again::<PythonVersion>(text);
    if let Some(tag) = again::<PythonTag>(text) {
        let _ = (tag.libc(), tag.suite(), tag.pinning());
    }
    if let Some(requires) = again::<RequiresPython>(text) {
        let _ = requires.allows(&"3.13.5".parse().expect("a version"));
    }
    if let Some(marker) = again::<Marker>(text) {
        let platform = "linux/amd64".parse().expect("a platform");
        let environment =
            MarkerEnvironment::of(&"3.13.5".parse().expect("a version"), &platform).expect("Linux");
        let written: Marker = marker.to_string().parse().expect("it was taken before");
        assert_eq!(marker.evaluate(&environment), written.evaluate(&environment), "{text}");
    }
    again::<Requirement>(text);
    if let Some(wheel) = again::<WheelName>(text) {
        let glibc = LibcRelease { libc: Libc::Glibc, major: 2, minor: 41 };
        let target = Target::new(
            "3.13.5".parse().expect("a version"),
            "linux/amd64".parse().expect("a platform"),
            glibc,
        );
        let _ = target.expect("a target").tags().rank(&wheel);
    }
    let _ = WheelName::from_url(text);
    let _ = PythonVersionFile::parse(text);
});

//! Any text as `pylock.toml`, and what would be installed of it in two places.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyimage_build::{Choice, Libc, LibcRelease, Pylock, Target};

fuzz_target!(|text: &str| {
    let lock = match Pylock::parse(text) {
        Ok(lock) => lock,
        Err(error) => {
            let _ = error.to_string();
            return;
        }
    };
    for (libc, minor, python, platform) in
        [(Libc::Glibc, 41, "3.13.5", "linux/amd64"), (Libc::Musl, 2, "3.15.0rc1", "linux/arm/v7")]
    {
        let release = LibcRelease { libc, major: if libc == Libc::Musl { 1 } else { 2 }, minor };
        let target =
            Target::new(python.parse().expect("a version"), platform.parse().expect("a platform"), release)
                .expect("a Linux that has wheels");
        let target = target.with_extras(lock.extras.iter().map(|extra| extra.as_str()));
        match (lock.select(&target), lock.coverage(&target)) {
            (Ok(selection), Ok(uncovered)) => {
                for selected in &selection.packages {
                    let is_uncovered =
                        uncovered.iter().any(|other| std::ptr::eq(other.package, selected.package));
                    assert_eq!(is_uncovered, matches!(selected.choice, Choice::Sdist(_)));
                    let Choice::Wheel(wheel) = selected.choice else { continue };
                    assert!(target.tags().rank(&wheel.name).is_some());
                }
            }
            (Err(error), Ok(uncovered)) => assert!(!uncovered.is_empty(), "{error}"),
            (Err(one), Err(other)) => assert_eq!(one, other),
            (Ok(_), Err(error)) => panic!("it is selected, and not covered: {error}"),
        }
    }
});

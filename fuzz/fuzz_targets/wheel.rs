//! Any bytes as a wheel: opened, planned, and every file copied.
#![no_main]

use std::io::{Cursor, sink};

use libfuzzer_sys::fuzz_target;
use pyimage_build::{Provenance, Scheme, Tree, Unpacker, Wheel, WheelLimits};

fuzz_target!(|bytes: &[u8]| {
    let limits = WheelLimits { size: 10_000_000, ..WheelLimits::default() };
    let wheel = Cursor::new(bytes.to_vec());
    let Ok(wheel) = Wheel::read(wheel, "demo-1.0-py3-none-any.whl", &limits) else { return };
    let Ok(installation) = wheel.installation(&Scheme::official(13), &Provenance::default()) else { return };
    let mut unpacker = Unpacker::new();
    for file in installation.files() {
        assert!(file.path().split('/').all(|part| !matches!(part, "" | "." | "..")));
        let _ = file.copy(&mut unpacker, &mut sink());
    }
    let _ = Tree::of(&[installation]);
});

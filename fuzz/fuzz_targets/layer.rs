//! Any bytes as the archive of a layer: every entry told, and every RECORD read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyimage_build::{InstalledWheel, LayerListing};

fuzz_target!(|bytes: &[u8]| {
    for entry in LayerListing::new(bytes).hashing().keeping(InstalledWheel::is_record) {
        let Ok(entry) = entry else { return };
        assert!(!entry.path.chars().any(char::is_control));
        assert!(entry.size as usize <= bytes.len());
        if let Some(record) = &entry.content {
            let _ = InstalledWheel::read(&entry.path, record);
        }
    }
});

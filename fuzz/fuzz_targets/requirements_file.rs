//! Any text as `requirements.txt`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyimage_build::{Requirement, RequirementsFile};

fuzz_target!(|text: &str| match RequirementsFile::parse(text) {
    Ok(file) => {
        let _ = (file.variables(), file.includes().count());
        let lines = text.lines().count();
        for entry in &file.entries {
            assert!((1..=lines).contains(&entry.line));
        }
        for requirement in file.requirements() {
            assert_eq!(requirement.to_string().parse::<Requirement>().as_ref(), Ok(requirement));
        }
    }
    Err(error) => _ = error.to_string(),
});

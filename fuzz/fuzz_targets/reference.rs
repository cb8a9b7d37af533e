//! Any text as the reference of an image: what is written, in full or in short, is the same reference.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyimage_build::Reference;

fuzz_target!(|text: &str| match text.parse::<Reference>() {
    Ok(reference) => {
        assert_eq!(reference.to_string().parse().as_ref(), Ok(&reference));
        assert_eq!(reference.familiar().parse().as_ref(), Ok(&reference));
        assert!(reference.tag().is_some() || reference.digest().is_some());
        assert!(!reference.registry().is_empty() && !reference.repository().is_empty());
    }
    Err(error) => _ = error.to_string(),
});

//! Any text as `pyimage.lock`: what is read is what would be written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyimage_build::Lock;

fuzz_target!(|text: &str| match Lock::parse(text) {
    Ok(lock) => {
        let again = Lock::parse(&lock.to_string()).expect("what is written can be read");
        assert_eq!(again, lock);
        assert_eq!(again.drift(&std::collections::BTreeMap::new()).len(), lock.bases.len());
    }
    Err(error) => _ = error.to_string(),
});

//! Any bytes as the configuration of an image.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyimage_build::{ImageConfig, base_release};

fuzz_target!(|bytes: &[u8]| match ImageConfig::parse(bytes) {
    Ok(config) => {
        for pair in &config.env {
            let name = pair.split('=').next().unwrap_or_default();
            let _ = config.variable(name);
        }
        let _ = base_release(&std::collections::BTreeMap::new(), &config);
    }
    Err(error) => _ = error.to_string(),
});

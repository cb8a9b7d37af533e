//! Any bytes as the layer of a base, below and above a sound one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyimage_build::{Accounts, BaseScan, MediaType};

fuzz_target!(|bytes: &[u8]| {
    let plain = MediaType::from("application/vnd.oci.image.layer.v1.tar");
    let mut scan = BaseScan::new();
    for _ in 0..2 {
        let _ = scan.add_layer(&plain, bytes);
    }
    let facts = scan.facts(&["LD_LIBRARY_PATH=/opt/lib".to_owned()]);
    assert!(facts.libraries.iter().all(|name| !name.contains('/')));
    let _ = Accounts::of("app:web", &facts, None);
});

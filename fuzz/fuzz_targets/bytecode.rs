//! Any bytes as what Python's `marshal` wrote: what can be read has one form, which is read as itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyimage_build::canonical_pyc;

fuzz_target!(|bytes: &[u8]| {
    let Some((version, code)) = bytes.split_first() else { return };
    let minor = 8 + u16::from(version % 8);
    let pyc = [&b"\xf3\x0d\x0d\x0a\x01\0\0\0source's"[..], code].concat();
    if let Ok(canonical) = canonical_pyc(&pyc, minor) {
        assert_eq!(canonical_pyc(&canonical, minor).as_ref(), Ok(&canonical));
    }
});

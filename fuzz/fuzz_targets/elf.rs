//! Any bytes as a program or a shared library, read whole and in small pieces.
#![no_main]

use std::convert::Infallible;

use libfuzzer_sys::fuzz_target;
use pyimage_build::Elf;

fuzz_target!(|bytes: &[u8]| {
    let mut reads = 0;
    let Ok(found) = Elf::read(|offset, len| {
        reads += 1;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        Ok::<_, Infallible>(bytes[from..].iter().take(len).copied().collect())
    });
    assert!(reads < 100, "{reads}");
    let Some(elf) = found else { return };
    for name in elf.needed.iter().chain(&elf.search).chain(&elf.soname) {
        assert!(!name.is_empty() && !name.contains('\0'));
    }
});

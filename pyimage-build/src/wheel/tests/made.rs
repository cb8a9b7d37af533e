//! Wheels made by hand, so that they can be wrong in any way.

use std::io::Write;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

use super::super::record;

/// An entry, with each number that an archive has of it.
#[derive(Clone)]
pub(in super::super) struct MadeEntry {
    pub(in super::super) name: Vec<u8>,
    pub(in super::super) local_name: Vec<u8>,
    pub(in super::super) flags: u16,
    pub(in super::super) method: u16,
    pub(in super::super) crc: u32,
    pub(in super::super) size: u32,
    pub(in super::super) local_size: u32,
    pub(in super::super) mode: u32,
    pub(in super::super) extra: Vec<u8>,
    pub(in super::super) data: Vec<u8>,
    /// Where the directory says that it starts, if not where it does.
    pub(in super::super) offset: Option<u32>,
}

#[derive(Clone, Default)]
pub(in super::super) struct Made {
    entries: Vec<MadeEntry>,
    pub(in super::super) record: String,
    pub(in super::super) before: Vec<u8>,
    pub(in super::super) between: Vec<u8>,
    pub(in super::super) comment: Vec<u8>,
    zip64: bool,
    descriptors: bool,
}

/// A wheel with a module and what it must have.
pub(in super::super) fn demo() -> Made {
    Made::default()
        .file("demo/__init__.py", b"x = 1\n")
        .file("demo-1.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: Demo\nVersion: 1.0\n\nText\n")
        .file(
            "demo-1.0.dist-info/WHEEL",
            b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
}

impl Made {
    /// Adds a file, and lists it.
    pub(in super::super) fn file(self, name: &str, content: &[u8]) -> Self {
        let quoted = if name.contains(',') { format!("\"{name}\"") } else { name.to_owned() };
        let line = format!("{quoted},{},{}", record::sha256(content), content.len());
        self.line(&line).unlisted(name, content)
    }

    /// Adds a line to RECORD.
    pub(in super::super) fn line(mut self, line: &str) -> Self {
        self.record.push_str(line);
        self.record.push('\n');
        self
    }

    pub(in super::super) fn unlisted(mut self, name: &str, content: &[u8]) -> Self {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        let mut crc = Crc::new();
        crc.update(content);
        self.entries.push(MadeEntry {
            name: name.into(),
            local_name: name.into(),
            flags: if name.is_ascii() { 0 } else { 1 << 11 },
            method: 8,
            crc: crc.sum(),
            size: u32::try_from(content.len()).unwrap(),
            local_size: u32::try_from(content.len()).unwrap(),
            mode: 0o100_644,
            extra: Vec::new(),
            data: encoder.finish().unwrap(),
            offset: None,
        });
        self
    }

    /// Changes the last entry.
    pub(in super::super) fn but(mut self, change: impl FnOnce(&mut MadeEntry)) -> Self {
        change(self.entries.last_mut().unwrap());
        self
    }

    pub(in super::super) fn mode(self, mode: u32) -> Self {
        self.but(|entry| entry.mode = mode)
    }

    /// Leaves a file out.
    pub(in super::super) fn without(mut self, name: &str) -> Self {
        self.entries.retain(|entry| entry.name != name.as_bytes());
        let lines = self.record.lines().filter(|line| !line.starts_with(&format!("{name},")));
        self.record = lines.flat_map(|line| [line, "\n"]).collect();
        self
    }

    /// Puts another content in place of one.
    pub(in super::super) fn with(self, name: &str, content: &[u8]) -> Self {
        self.without(name).file(name, content)
    }

    /// Stores the last entry uncompressed.
    pub(in super::super) fn stored(self) -> Self {
        self.but(|entry| {
            let mut decoder = flate2::write::DeflateDecoder::new(Vec::new());
            decoder.write_all(&entry.data).unwrap();
            entry.data = decoder.finish().unwrap();
            entry.method = 0;
        })
    }

    pub(in super::super) fn zip64(mut self) -> Self {
        self.zip64 = true;
        self
    }

    pub(in super::super) fn descriptors(mut self) -> Self {
        self.descriptors = true;
        self
    }

    /// The wheel, with its RECORD.
    pub(in super::super) fn wheel(mut self) -> Vec<u8> {
        let record = format!("{}demo-1.0.dist-info/RECORD,,\n", self.record);
        self = self.unlisted("demo-1.0.dist-info/RECORD", record.as_bytes());
        self.archive()
    }

    /// The archive as it is.
    pub(in super::super) fn archive(self) -> Vec<u8> {
        let len = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
        let short = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_le_bytes();
        let mut out = self.before.clone();
        let mut directory = Vec::new();
        for entry in &self.entries {
            let offset = entry.offset.unwrap_or(len(&out));
            let flags = entry.flags | u16::from(self.descriptors) << 3;
            let (crc, packed, size) =
                if self.descriptors { (0, 0, 0) } else { (entry.crc, len(&entry.data), entry.local_size) };
            out.extend(b"PK\x03\x04\x14\0");
            out.extend(flags.to_le_bytes());
            out.extend(entry.method.to_le_bytes());
            out.extend([0; 4]);
            out.extend([crc, packed, size].map(u32::to_le_bytes).concat());
            out.extend(short(&entry.local_name));
            out.extend([0; 2]);
            out.extend(&entry.local_name);
            out.extend(&entry.data);
            if self.descriptors {
                out.extend(b"PK\x07\x08");
                out.extend([entry.crc, len(&entry.data), entry.size].map(u32::to_le_bytes).concat());
            }
            directory.extend(b"PK\x01\x02\x14\x03\x14\0");
            directory.extend(flags.to_le_bytes());
            directory.extend(entry.method.to_le_bytes());
            directory.extend([0; 4]);
            directory.extend([entry.crc, len(&entry.data), entry.size].map(u32::to_le_bytes).concat());
            directory.extend(short(&entry.name));
            directory.extend(short(&entry.extra));
            directory.extend([0; 6]);
            directory.extend((entry.mode << 16).to_le_bytes());
            directory.extend(offset.to_le_bytes());
            directory.extend(&entry.name);
            directory.extend(&entry.extra);
        }
        out.extend(&self.between);
        let offset = len(&out);
        out.extend(&directory);
        let count = u16::try_from(self.entries.len()).unwrap();
        if self.zip64 {
            let start = u64::from(len(&out));
            out.extend(b"PK\x06\x06");
            out.extend(44_u64.to_le_bytes());
            out.extend([45, 3, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            let (count, size) = (u64::from(count), u64::from(len(&directory)));
            out.extend([count, count, size, u64::from(offset)].map(u64::to_le_bytes).concat());
            out.extend(b"PK\x06\x07\0\0\0\0");
            out.extend(start.to_le_bytes());
            out.extend([1, 0, 0, 0]);
        }
        let (count, size, offset) =
            if self.zip64 { (u16::MAX, u32::MAX, u32::MAX) } else { (count, len(&directory), offset) };
        out.extend(b"PK\x05\x06\0\0\0\0");
        out.extend([count, count].map(u16::to_le_bytes).concat());
        out.extend([size, offset].map(u32::to_le_bytes).concat());
        out.extend(short(&self.comment));
        out.extend(&self.comment);
        out
    }
}

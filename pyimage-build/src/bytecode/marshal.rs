//! Python's own format of code and constants, read and written anew in one form.
//!
//! <https://github.com/python/cpython/blob/main/Python/marshal.c>. Only what compiled modules have is known here.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use super::PycError;

/// Set in the type of an object that is referred to later.
const MARKED: u8 = 0x80;
/// Python's parser takes 100 indentations, which are two levels each, and 200 brackets.
const DEEPEST: usize = 600;
/// What a reference takes. Whatever takes no more is written out.
const REFERENCE: usize = 5;

/// An object's number; equal constants have one.
type Id = usize;

/// The parts of an object, which are in this order: bytes as they are, and objects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Object<'a> {
    kind: u8,
    /// What follows its type.
    head: &'a [u8],
    children: Vec<Id>,
    /// Of code: the number of its first line, and before which of the children it stands.
    line: Option<(&'a [u8], usize)>,
    /// Code is itself and no other, however alike.
    identity: usize,
}

struct Reader<'a> {
    bytes: &'a [u8],
    /// Since 3.11, code has other fields.
    since_3_11: bool,
    objects: Vec<Object<'a>>,
    /// How many bytes each of them takes where nothing in it is a reference.
    lengths: Vec<usize>,
    known: HashMap<Object<'a>, Id>,
    hashes: HashMap<Id, [u8; 32]>,
    /// What references mean; nothing while an object is still being read.
    marked: Vec<Option<Id>>,
    codes: usize,
}

/// Appends the one form of an object to `out`.
pub(super) fn canonical(bytes: &[u8], minor: u16, out: &mut Vec<u8>) -> Result<(), PycError> {
    let mut reader = Reader {
        bytes,
        since_3_11: minor >= 11,
        objects: Vec::new(),
        lengths: Vec::new(),
        known: HashMap::new(),
        hashes: HashMap::new(),
        marked: Vec::new(),
        codes: 0,
    };
    let root = reader.object(0)?;
    if !reader.bytes.is_empty() {
        return Err(PycError::Long);
    }
    let Reader { objects, lengths, .. } = reader;
    let mut uses = vec![Use::None; objects.len()];
    count(&objects, &lengths, root, &mut uses);
    let mut writer = Writer { objects: &objects, uses, numbers: vec![None; objects.len()], next: 0, out };
    writer.object(root);
    Ok(())
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], PycError> {
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or(PycError::Short)?;
        self.bytes = rest;
        Ok(taken)
    }

    /// The number with which something begins, left where it is.
    fn number(&self) -> Result<u32, PycError> {
        let bytes = self.bytes.first_chunk().ok_or(PycError::Short)?;
        Ok(u32::from_le_bytes(*bytes))
    }

    fn len(&self) -> Result<usize, PycError> {
        // A negative length is that of nothing.
        let len = self.number()?;
        if i32::try_from(len).is_err() { Err(PycError::Short) } else { Ok(len as usize) }
    }

    fn short_len(&self) -> Result<usize, PycError> {
        self.bytes.first().map(|len| usize::from(*len)).ok_or(PycError::Short)
    }

    fn object(&mut self, depth: usize) -> Result<Id, PycError> {
        if depth > DEEPEST {
            return Err(PycError::Depth);
        }
        let kind = self.take(1)?[0];
        let (kind, is_marked) = (kind & !MARKED, kind & MARKED != 0);
        if kind == b'r' {
            let number = self.number()?;
            self.take(4)?;
            return self.marked.get(number as usize).copied().flatten().ok_or(PycError::Reference);
        }
        // Numbers are given in the order in which objects begin.
        let mark = is_marked.then(|| {
            self.marked.push(None);
            self.marked.len() - 1
        });
        let object = self.parts(kind, depth)?;
        let id = self.known(object);
        if let Some(mark) = mark {
            self.marked[mark] = Some(id);
        }
        Ok(id)
    }

    fn parts(&mut self, kind: u8, depth: usize) -> Result<Object<'a>, PycError> {
        let (head, count) = match kind {
            b'N' | b'T' | b'F' | b'.' | b'S' => (self.take(0)?, 0),
            b'i' => (self.take(4)?, 0),
            b'g' => (self.take(8)?, 0),
            b'y' => (self.take(16)?, 0),
            b'l' => {
                let digits = self.number()?.cast_signed().unsigned_abs() as usize;
                (self.take(digits.saturating_mul(2).saturating_add(4))?, 0)
            }
            b's' | b'u' | b't' | b'a' | b'A' => {
                let len = self.len()?;
                (self.take(len.saturating_add(4))?, 0)
            }
            b'z' | b'Z' => {
                let len = self.short_len()?;
                (self.take(len + 1)?, 0)
            }
            b')' => {
                let count = self.short_len()?;
                (self.take(1)?, count)
            }
            b'(' | b'>' => {
                let count = self.len()?;
                (self.take(4)?, count)
            }
            b':' => (self.take(0)?, 3),
            b'c' => return self.code(depth),
            _ => return Err(PycError::Type(kind)),
        };
        // Each object takes a byte at least: what claims to have more than there are is not believed.
        if count > self.bytes.len() {
            return Err(PycError::Short);
        }
        let mut children = (0..count).map(|_| self.object(depth + 1)).collect::<Result<Vec<_>, _>>()?;
        if kind == b'>' {
            children.sort_by_cached_key(|child| self.stable(*child));
        }
        Ok(Object { kind: interned(kind, head), head, children, line: None, identity: 0 })
    }

    fn code(&mut self, depth: usize) -> Result<Object<'a>, PycError> {
        let (numbers, before, after) = if self.since_3_11 { (5, 8, 2) } else { (6, 8, 1) };
        let head = self.take(4 * numbers)?;
        let mut children = Vec::with_capacity(before + after);
        for _ in 0..before {
            children.push(self.object(depth + 1)?);
        }
        let line = self.take(4)?;
        for _ in 0..after {
            children.push(self.object(depth + 1)?);
        }
        self.codes += 1;
        Ok(Object { kind: b'c', head, children, line: Some((line, before)), identity: self.codes })
    }

    /// The number of an object, which is that of an equal one that was there before.
    fn known(&mut self, object: Object<'a>) -> Id {
        if let Some(known) = self.known.get(&object) {
            return *known;
        }
        let line = object.line.map_or(0, |(line, _)| line.len());
        let inner = object.children.iter().map(|child| self.lengths[*child]);
        let len = inner.fold(1 + object.head.len() + line, usize::saturating_add);
        self.objects.push(object.clone());
        self.lengths.push(len);
        let id = self.objects.len() - 1;
        self.known.insert(object, id);
        id
    }

    /// What stands for an object, whatever else there is: the order of a set depends on nothing else. Each is hashed
    /// once, since written out an object that others share could be of any size.
    fn stable(&mut self, id: Id) -> [u8; 32] {
        if let Some(hash) = self.hashes.get(&id) {
            return *hash;
        }
        let Object { kind, head, children, line, .. } = self.objects[id].clone();
        let mut hasher = Sha256::new();
        hasher.update([kind]);
        hasher.update((head.len() as u64).to_le_bytes());
        hasher.update(head);
        hasher.update(line.map_or(&[][..], |(line, _)| line));
        for child in children {
            hasher.update(self.stable(child));
        }
        let hash = hasher.finalize().into();
        self.hashes.insert(id, hash);
        hash
    }
}

/// Strings of one letter are shared by all of a process, so that it depends on its past whether they are interned.
fn interned(kind: u8, head: &[u8]) -> u8 {
    match (kind, head.len()) {
        (b'z', ..=2) => b'Z',
        (b'a', ..=5) => b'A',
        // Two bytes of UTF-8 for one letter.
        (b'u', 6) if head[4] < 0xc4 => b't',
        _ => kind,
    }
}

/// How often an object stands somewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    None,
    Once,
    Often,
}

fn count(objects: &[Object<'_>], lengths: &[usize], id: Id, uses: &mut [Use]) {
    match uses[id] {
        Use::None => {
            uses[id] = Use::Once;
            for child in &objects[id].children {
                count(objects, lengths, *child, uses);
            }
        }
        Use::Once if lengths[id] > REFERENCE => uses[id] = Use::Often,
        Use::Once | Use::Often => {}
    }
}

struct Writer<'o, 'a> {
    objects: &'o [Object<'a>],
    uses: Vec<Use>,
    numbers: Vec<Option<u32>>,
    next: u32,
    out: &'o mut Vec<u8>,
}

impl Writer<'_, '_> {
    fn object(&mut self, id: Id) {
        let Object { kind, head, children, line, .. } = &self.objects[id];
        if self.uses[id] == Use::Often {
            if let Some(number) = self.numbers[id] {
                self.out.push(b'r');
                self.out.extend(number.to_le_bytes());
                return;
            }
            self.numbers[id] = Some(self.next);
            self.next += 1;
            self.out.push(kind | MARKED);
        } else {
            self.out.push(*kind);
        }
        self.out.extend(*head);
        for (place, child) in children.iter().enumerate() {
            if let Some((line, before)) = line
                && place == *before
            {
                self.out.extend(*line);
            }
            self.object(*child);
        }
    }
}

#[cfg(test)]
mod tests;

use proptest::prelude::*;

use super::*;

/// A constant as a program has it.
#[derive(Clone, Debug)]
enum Value {
    None,
    Int(i32),
    Long(Vec<u16>),
    Text(String),
    Bytes(Vec<u8>),
    Tuple(Vec<Value>),
    Set(Vec<Value>),
}

/// How one process happens to write it.
struct Process<'r> {
    /// Whether each object is marked, and each set turned round, one after the other.
    chances: std::iter::Cycle<std::slice::Iter<'r, bool>>,
    seen: Vec<(Vec<u8>, u32)>,
    marks: u32,
}

impl Process<'_> {
    fn chance(&mut self) -> bool {
        self.chances.next().copied().unwrap_or_default()
    }

    fn write(&mut self, value: &Value, out: &mut Vec<u8>) {
        let plain = plain(value);
        if let Some((_, number)) = self.seen.iter().find(|(seen, _)| *seen == plain)
            && self.chances.clone().next() == Some(&true)
        {
            out.push(b'r');
            out.extend(number.to_le_bytes());
            return;
        }
        let marked = if self.chance() { MARKED } else { 0 };
        let number = self.marks;
        self.marks += u32::from(marked > 0);
        let start = out.len();
        match value {
            Value::Tuple(values) => {
                out.extend([b')', u8::try_from(values.len()).unwrap()]);
                for value in values {
                    self.write(value, out);
                }
            }
            Value::Set(values) => {
                out.push(b'>');
                out.extend(u32::try_from(values.len()).unwrap().to_le_bytes());
                let mut values: Vec<_> = values.iter().collect();
                if self.chance() {
                    values.reverse();
                }
                for value in values {
                    self.write(value, out);
                }
            }
            _ => out.extend(&plain),
        }
        out[start] |= marked;
        if marked > 0 {
            self.seen.push((plain, number));
        }
    }
}

fn plain(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    match value {
        Value::None => out.push(b'N'),
        Value::Int(number) => {
            out.push(b'i');
            out.extend(number.to_le_bytes());
        }
        Value::Long(digits) => {
            out.push(b'l');
            out.extend((-i32::try_from(digits.len()).unwrap()).to_le_bytes());
            for digit in digits {
                out.extend(digit.to_le_bytes());
            }
        }
        Value::Text(text) => {
            out.push(b'u');
            out.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
            out.extend(text.as_bytes());
        }
        Value::Bytes(bytes) => {
            out.push(b's');
            out.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
            out.extend(bytes);
        }
        Value::Tuple(values) | Value::Set(values) => {
            out.push(if matches!(value, Value::Tuple(_)) { b'(' } else { b'>' });
            for value in values {
                out.extend(plain(value));
            }
        }
    }
    out
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::None),
        (0..3_i32).prop_map(Value::Int),
        prop::collection::vec(0..3_u16, 0..4).prop_map(Value::Long),
        "[ab]{0,9}|é|ж".prop_map(Value::Text),
        prop::collection::vec(0..2_u8, 0..9).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Tuple),
            1 => prop::collection::vec(inner, 0..4).prop_map(Value::Set),
        ]
    })
}

fn written(value: &Value, chances: &[bool]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut process = Process { chances: chances.iter().cycle(), seen: Vec::new(), marks: 0 };
    process.write(value, &mut out);
    out
}

fn canonical_of(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    canonical(bytes, 13, &mut out).unwrap();
    out
}

fn problem(bytes: &[u8]) -> PycError {
    canonical(bytes, 13, &mut Vec::new()).unwrap_err()
}

/// Code of Python 3.13 with these constants.
fn code(constants: &[u8], name: &[u8]) -> Vec<u8> {
    let head = [&b"c"[..], &[7; 20], b"s\x02\0\0\0ab"].concat();
    [
        &head[..],
        constants,
        b")\0",
        b")\0",
        b"s\0\0\0\0",
        name,
        name,
        name,
        &[9; 4],
        b"s\0\0\0\0",
        b"s\0\0\0\0",
    ]
    .concat()
}

#[test]
fn marks_are_where_references_lead() {
    // Marked in vain, and marked for a reference that is gone then: to something that is as short itself.
    let name = b"\xda\x08filename";
    let (one, other) = (code(b")\x01\xfa\x03abc", b"\xda\x04name"), code(b")\x01z\x03abc", b"Z\x04name"));
    assert_eq!(canonical_of(&one), canonical_of(&other));
    let again = code(b")\x00", b"r\0\0\0\0");
    let marked = [&b")\x02"[..], name, &again].concat();
    let written = canonical_of(&marked);
    assert_eq!(canonical_of(&[&b")\x02"[..], name, &code(b")\x00", name)].concat()), written);
    assert_eq!(written.windows(5).filter(|window| window == b"r\0\0\0\0").count(), 3);
}

#[test]
fn code_is_no_other_code() {
    let one = code(b")\0", b"Z\x04name");
    let twice = [&b")\x02"[..], &one, &one].concat();
    assert_eq!(canonical_of(&twice).split(|byte| *byte == b'c').count() - 1, 2);
    let same = [&b")\x02\xe3"[..], &one[1..], b"r\0\0\0\0"].concat();
    let written = canonical_of(&same);
    assert_eq!(written.split(|byte| *byte == b'c' | MARKED).count() - 1, 1);
    assert!(written.ends_with(b"r\0\0\0\0"));
}

#[test]
fn fields_of_code_follow_the_version() {
    let old = [&b"c"[..], &[7; 24], b"s\0\0\0\0", b")\0)\0)\0)\0)\0", b"z\x01fz\x01n", &[9; 4], b"s\0\0\0\0"]
        .concat();
    let mut out = Vec::new();
    canonical(&old, 10, &mut out).unwrap();
    assert_eq!(out.len(), old.len());
    assert!(canonical(&old, 11, &mut out).is_err());
}

#[test]
fn damage_is_told() {
    assert_eq!(problem(b""), PycError::Short);
    assert_eq!(problem(b"NN"), PycError::Long);
    assert_eq!(problem(b"["), PycError::Type(b'['));
    assert_eq!(problem(b"r\0\0\0\0"), PycError::Reference);
    // A tuple in itself.
    assert_eq!(problem(b"\xa9\x01r\0\0\0\0"), PycError::Reference);
    assert_eq!(problem(b"s\xff\xff\xff\xff"), PycError::Short);
    assert_eq!(problem(b"l\0\0\0\x80"), PycError::Short);
    assert_eq!(problem(b"(\xff\xff\xff\x7fN"), PycError::Short);
    let deep = [b")\x01".repeat(DEEPEST + 1), b"N".to_vec()].concat();
    assert_eq!(problem(&deep), PycError::Depth);
    let whole = code(b")\x01\xfa\x03abc", b"Z\x04name");
    for cut in 0..whole.len() {
        assert_eq!(problem(&whole[..cut]), PycError::Short, "{cut}");
    }
}

proptest! {
    #[test]
    fn each_process_writes_the_same(
        value in any_value(),
        one in prop::collection::vec(any::<bool>(), 1..20),
        other in prop::collection::vec(any::<bool>(), 1..20),
    ) {
        let first = canonical_of(&written(&value, &one));
        prop_assert_eq!(&canonical_of(&written(&value, &other)), &first);
        prop_assert_eq!(&canonical_of(&first), &first);
    }

    #[test]
    fn never_panics(bytes: Vec<u8>, minor in 8..16_u16) {
        let _ = canonical(&bytes, minor, &mut Vec::new());
    }
}

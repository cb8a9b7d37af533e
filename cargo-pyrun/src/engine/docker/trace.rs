//! What BuildKit tells of a build: `StatusResponse` of its control API, in protocol buffers.
//!
//! Of its messages a few fields matter here, which is less than a compiler of such messages would bring along.

use std::collections::BTreeMap;

use super::Building;

/// The steps that were told, and what they print.
#[derive(Debug, Default)]
pub(super) struct Trace {
    steps: BTreeMap<String, Step>,
}

#[derive(Debug, Default)]
struct Step {
    instruction: Option<String>,
    told: bool,
    ended: bool,
    rest: Vec<u8>,
}

impl Trace {
    /// What a message means. Whatever it has that is not known is passed over.
    pub(super) fn read(&mut self, message: &[u8]) -> Vec<Building> {
        let mut said = Vec::new();
        for (number, value) in fields(message) {
            match (number, value) {
                (1, Value::Bytes(vertex)) => self.vertex(vertex, &mut said),
                (3, Value::Bytes(log)) => self.log(log, &mut said),
                _ => {}
            }
        }
        said
    }

    fn vertex(&mut self, vertex: &[u8], said: &mut Vec<Building>) {
        let (mut digest, mut name, mut error) = (String::new(), String::new(), String::new());
        let (mut cached, mut started, mut completed) = (false, false, false);
        for (number, value) in fields(vertex) {
            match (number, value) {
                (1, Value::Bytes(text)) => digest = lossy(text),
                (3, Value::Bytes(text)) => name = lossy(text),
                (4, Value::Number(flag)) => cached = flag != 0,
                (5, Value::Bytes(_)) => started = true,
                (6, Value::Bytes(_)) => completed = true,
                (7, Value::Bytes(text)) => error = lossy(text),
                _ => {}
            }
        }
        let step = self.steps.entry(digest).or_default();
        if let Some((number, total, instruction)) = place(&name) {
            step.instruction = Some(instruction.clone());
            if (started || cached) && !step.told {
                step.told = true;
                said.push(Building::Step { number, total, instruction });
            }
        }
        if step.ended || !completed {
            return;
        }
        step.ended = true;
        if !step.rest.is_empty() {
            said.push(Building::Output(lossy(&std::mem::take(&mut step.rest))));
        }
        if cached && step.told {
            said.push(Building::Cached);
        }
        if !error.is_empty() {
            said.push(Building::Failed(step.instruction.clone().unwrap_or(name)));
        }
    }

    fn log(&mut self, log: &[u8], said: &mut Vec<Building>) {
        let (mut digest, mut text) = (String::new(), &[][..]);
        for (number, value) in fields(log) {
            match (number, value) {
                (1, Value::Bytes(value)) => digest = lossy(value),
                (4, Value::Bytes(value)) => text = value,
                _ => {}
            }
        }
        let step = self.steps.entry(digest).or_default();
        step.rest.extend_from_slice(text);
        while let Some(end) = step.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = step.rest.drain(..=end).collect();
            said.push(Building::Output(lossy(&line).trim_end().to_owned()));
        }
    }
}

/// The place, the number and the instruction of `[2/5] RUN x`, or in stages of `[build 2/5] RUN x`.
fn place(name: &str) -> Option<(usize, usize, String)> {
    let (place, instruction) = name.strip_prefix('[')?.split_once("] ")?;
    let (number, total) = place.rsplit(' ').next()?.split_once('/')?;
    Some((number.parse().ok()?, total.parse().ok()?, instruction.trim().to_owned()))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The value of a field.
enum Value<'m> {
    Number(u64),
    Bytes(&'m [u8]),
    Other,
}

/// The fields of a message, as far as it makes sense.
fn fields(mut message: &[u8]) -> impl Iterator<Item = (u64, Value<'_>)> {
    std::iter::from_fn(move || {
        let tag = number(&mut message)?;
        let value = match tag & 7 {
            0 => Value::Number(number(&mut message)?),
            2 => {
                let length = usize::try_from(number(&mut message)?).ok()?;
                Value::Bytes(take(&mut message, length)?)
            }
            1 => take(&mut message, 8).map(|_| Value::Other)?,
            5 => take(&mut message, 4).map(|_| Value::Other)?,
            _ => return None,
        };
        Some((tag >> 3, value))
    })
}

fn take<'m>(message: &mut &'m [u8], length: usize) -> Option<&'m [u8]> {
    let (taken, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some(taken)
}

/// Seven bits a byte, the lowest first.
fn number(message: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(message, 1)?[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    fn bytes(number: u8, value: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(value.len()).unwrap()], value].concat()
    }

    fn vertex(name: &str, more: &[u8]) -> Vec<u8> {
        bytes(1, &[bytes(1, b"sha256:1"), bytes(3, name.as_bytes()), more.to_vec()].concat())
    }

    #[test]
    fn docker_s_own_trace_is_read() {
        // As Docker 20.10 has sent it.
        let sent = "Cm8KR3NoYTI1Njo0NzBiODYyMzU1NGNhNDczY2IxYjY5MmM5NzlkYjA2NzYwNmQ0NzE3YjhiNjI0M2I3ZTUxMjkxNDcxMTFjYmJk\
            GiRbaW50ZXJuYWxdIGxvYWQgcmVtb3RlIGJ1aWxkIGNvbnRleHQ=";
        let message = STANDARD.decode(sent).unwrap();
        let mut trace = Trace::default();
        assert_eq!(trace.read(&message), []);
        assert_eq!(trace.steps.len(), 1);
        let (_, Value::Bytes(inner)) = fields(&message).next().unwrap() else { panic!() };
        let names: Vec<_> = fields(inner).filter(|(number, _)| *number == 3).collect();
        let [(_, Value::Bytes(name))] = &names[..] else { panic!() };
        assert_eq!(lossy(name), "[internal] load remote build context");
    }

    #[test]
    fn steps_are_told_once_with_what_they_print() {
        let mut trace = Trace::default();
        let name = "[packages 2/5] RUN pip install x";
        assert_eq!(trace.read(&vertex(name, &[])), []);
        let step = Building::Step { number: 2, total: 5, instruction: "RUN pip install x".to_owned() };
        assert_eq!(trace.read(&vertex(name, &bytes(5, b"t"))), [step]);
        assert_eq!(trace.read(&vertex(name, &bytes(5, b"t"))), []);
        let log = |text: &[u8]| bytes(3, &[bytes(1, b"sha256:1"), bytes(4, text)].concat());
        let output = |text: &str| Building::Output(text.to_owned());
        assert_eq!(trace.read(&log(b"one\ntw")), [output("one")]);
        assert_eq!(trace.read(&log(b"o\nend")), [output("two")]);
        let ended = [bytes(5, b"t"), bytes(6, b"t"), bytes(7, b"exit code: 1")].concat();
        assert_eq!(
            trace.read(&vertex(name, &ended)),
            [output("end"), Building::Failed("RUN pip install x".to_owned())]
        );
    }

    #[test]
    fn what_was_done_before_is_told() {
        let ended = [vec![4 << 3, 1], bytes(5, b"t"), bytes(6, b"t")].concat();
        let step = Building::Step { number: 1, total: 2, instruction: "FROM x".to_owned() };
        assert_eq!(Trace::default().read(&vertex("[1/2] FROM x", &ended)), [step, Building::Cached]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(message in prop::collection::vec(any::<u8>(), 0..200)) {
            Trace::default().read(&message);
        }
    }
}

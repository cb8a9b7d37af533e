//! The run itself: streams, signals and the exit code, from attaching to the last byte.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::preparation::Preparation;
use super::{Ended, Ends, Input, RunError, Timings};
use crate::engine::{Attachment, EngineError, Output, Until};
use crate::init::{Frame, Nonce, Record, Records, WINDOW};
use crate::signals::{ABANDONED, HANGUP, INTERRUPT, QUIT, RESIZE, Signals, TERMINATE};
use crate::streams::{self, Sink, Source, Stream};
use crate::terminal::{self, Raw};

/// How long the engine may take to close the streams, or to tell the exit code, after the end.
const GRACE: Duration = Duration::from_secs(10);

/// How long a script may take after its terminal was closed.
const HANGUP_GRACE: Duration = Duration::from_secs(2);

/// How much output is read ahead of a reader that does not read, once a signal was passed on. The engine sends stdout
/// and stderr through one connection, so the end of the script is behind all that it wrote.
const READ_AHEAD: usize = 4 << 20;

/// How long a reader may take for the next piece after a signal before it counts as one that does not read.
const STUCK: Duration = Duration::from_secs(1);

/// `SIGKILL`.
const KILL: u8 = 9;

/// `128 + SIGPIPE`: what a shell reports of a program whose reader went away.
const BROKEN_PIPE: u8 = 141;

/// How a conversation ends.
pub(super) enum End {
    /// With the script.
    Finished(Ended),
    /// Before it: what still runs is to be removed.
    Cut(u8),
}

struct Conversation {
    input: Pin<Box<dyn AsyncWrite + Send>>,
    /// The script has a terminal.
    terminal: bool,
    records: Records,
    /// What the script reads.
    source: Input,
    stdout: Sink,
    stderr: Sink,
    /// What could not be written yet because a reader is slow.
    pending: VecDeque<(Stream, Bytes)>,
    /// How many more data frames init can take.
    window: usize,
    exited: Option<Record>,
    not_executed: Option<i32>,
    /// The last lines of stderr, in which an engine explains a start that went wrong.
    tail: Vec<u8>,
    forwarded: Vec<u8>,
}

/// The container's output as it comes in.
type Incoming = Pin<Box<dyn futures_util::Stream<Item = io::Result<Output>> + Send>>;

/// Starts the created container and carries its streams until its exit code is known.
pub(super) async fn converse(
    preparation: &Preparation<'_>,
    mut ends: Ends,
    signals: &mut Signals,
    timings: &mut Timings,
) -> Result<End, RunError> {
    let engine = &preparation.engine;
    let name = preparation.name();
    let told = ends.started.take();
    let (mut talk, mut output) = Conversation::open(preparation, ends).await?;
    timings.mark("attach");

    // The wait is on its way before the start, so that no end is missed.
    let mut wait = Box::pin(engine.wait(&name, Until::Exit));
    let mut start = Box::pin(engine.start(&name));
    let mut engine_code = None;
    let started = loop {
        tokio::select! {
            biased;
            ended = &mut wait, if engine_code.is_none() => engine_code = Some(ended),
            started = &mut start => break started,
        }
    };
    started.map_err(|error| preparation.explain(error))?;
    preparation.is_init_s();
    if let Some(told) = told {
        // Who does not want to know gets the output all the same.
        let _ = told.send(name.clone());
    }
    timings.mark("start");
    preparation.tell_free_ports().await;

    let raw = if preparation.terminal {
        let operation = "put the terminal into raw mode";
        Some(Raw::enter().map_err(|source| RunError::Terminal { operation, source })?)
    } else {
        None
    };
    preparation.shell.set_raw(raw.is_some());
    let cut = talk.carry(&mut output, signals, &mut wait, &mut engine_code).await;
    timings.mark("run");
    drop(raw);
    preparation.shell.set_raw(false);
    if let Some(code) = cut {
        return Ok(End::Cut(code));
    }
    let held = talk.stdout.is_held();
    let mut drain = Box::pin(talk.drain());
    loop {
        tokio::select! {
            () = &mut drain => break,
            signal = signals.fatal() => if !held || signal == ABANDONED {
                return Ok(End::Cut(128 + signal));
            }
        }
    }
    drop(drain);
    timings.mark("drain");
    if talk.exited.is_none() && engine_code.is_none() {
        engine_code = timeout(GRACE, &mut wait).await.ok();
    }
    talk.conclude(preparation, engine_code.as_ref()).map(End::Finished)
}

impl Conversation {
    /// Attaches to the container and says hello to the init that it will have.
    async fn open(preparation: &Preparation<'_>, ends: Ends) -> Result<(Self, Incoming), RunError> {
        let nonce = Nonce::new().map_err(EngineError::Random)?;
        // podman sets the container up as soon as it is attached to, so that this is where it refuses a port.
        let attached = preparation.engine.attach(&preparation.name()).await;
        let Attachment { output, input } = attached.map_err(|error| preparation.explain(error))?;
        let mut talk = Self {
            input,
            terminal: preparation.terminal,
            records: Records::new(&nonce),
            source: ends.input,
            stdout: ends.stdout,
            stderr: ends.stderr,
            pending: VecDeque::new(),
            window: WINDOW,
            exited: None,
            not_executed: None,
            tail: Vec::new(),
            forwarded: Vec::new(),
        };
        let size = preparation.terminal.then(terminal::size);
        talk.send(&Frame::Hello { nonce: &nonce, terminal: size }).await;
        Ok((talk, output))
    }

    /// Carries bytes and signals until the output ends. Gives an exit code where the conversation is cut short.
    async fn carry(
        &mut self,
        output: &mut Incoming,
        signals: &mut Signals,
        mut wait: impl Future<Output = Result<i64, EngineError>> + Unpin,
        engine_code: &mut Option<Result<i64, EngineError>>,
    ) -> Option<u8> {
        let mut stdin = match std::mem::take(&mut self.source) {
            Input::None => None,
            Input::Given(bytes) => Some(streams::given(bytes)),
            Input::Held(pieces) => Some(pieces.into()),
            Input::Caller => terminal::foreground().then(streams::stdin),
        };
        if stdin.is_none() {
            self.send(&Frame::End).await;
        }
        let mut hangup: Option<Instant> = None;
        loop {
            let ended = self.exited.is_some() || matches!(engine_code, Some(Ok(_)));
            tokio::select! {
                item = output.next(), if self.may_read() => match item {
                    Some(Ok(output)) => self.take(output),
                    Some(Err(_)) | None => return None,
                },
                flushed = self.flush(), if !self.pending.is_empty() => {
                    if flushed.is_err() {
                        return Some(BROKEN_PIPE);
                    }
                }
                piece = next_piece(&mut stdin), if self.window > 0 && stdin.is_some() => {
                    if let Some(bytes) = piece {
                        self.window -= 1;
                        self.send(&Frame::Data(&bytes)).await;
                    } else {
                        stdin = None;
                        self.send(&Frame::End).await;
                    }
                }
                signal = signals.next() => {
                    if signal == ABANDONED {
                        return Some(128 + KILL);
                    }
                    self.forward(signal).await;
                    if signal == HANGUP && self.terminal {
                        hangup = Some(Instant::now() + HANGUP_GRACE);
                    }
                    // Whoever asks three times means it.
                    if self.forwarded.iter().filter(|sent| **sent == INTERRUPT).nth(2).is_some() {
                        return Some(128 + INTERRUPT);
                    }
                }
                code = &mut wait, if engine_code.is_none() => *engine_code = Some(code),
                () = sleep(GRACE), if ended && self.pending.is_empty() => return None,
                () = sleep_until(hangup.unwrap_or_else(Instant::now)), if hangup.is_some() => {
                    return Some(128 + HANGUP);
                }
            }
        }
    }

    async fn forward(&mut self, signal: u8) {
        if signal != RESIZE {
            self.send(&Frame::Signal(signal)).await;
            self.forwarded.push(signal);
        } else if self.terminal {
            self.send(&Frame::Resize(terminal::size())).await;
        }
    }
}

async fn next_piece(stdin: &mut Option<Source>) -> Option<Bytes> {
    stdin.as_mut()?.next().await
}

impl Conversation {
    /// A frame that cannot be sent has no reader any more; the output's end tells why.
    async fn send(&mut self, frame: &Frame<'_>) {
        let _ = self.input.write_all(&frame.encode()).await;
        let _ = self.input.flush().await;
    }

    fn take(&mut self, output: Output) {
        match output {
            Output::Stdout(bytes) => self.pending.push_back((Stream::Stdout, bytes)),
            Output::Stderr(bytes) => {
                let (text, records) = self.records.split(&bytes);
                for record in records {
                    match record {
                        Record::Taken => self.window += 1,
                        Record::NotExecuted(number) => self.not_executed = Some(number),
                        Record::Exited { .. } => self.exited = Some(record),
                    }
                }
                self.remember(&text);
                if !text.is_empty() {
                    self.pending.push_back((Stream::Stderr, text.into()));
                }
            }
        }
    }

    fn remember(&mut self, text: &[u8]) {
        const TAIL: usize = 512;
        self.tail.extend_from_slice(&text[text.len().saturating_sub(TAIL)..]);
        let surplus = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..surplus);
    }

    /// Output is read as fast as it is written, so that a slow reader holds the script back and memory stays flat;
    /// only a signal looks further.
    fn may_read(&self) -> bool {
        let waiting = || self.pending.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
        self.pending.is_empty() || (self.was_asked_to_end() && waiting() < READ_AHEAD)
    }

    /// A signal that the user sent: through us, or by a key of the terminal.
    fn was_expected(&self, signal: u8) -> bool {
        self.forwarded.contains(&signal) || (self.terminal && [INTERRUPT, QUIT].contains(&signal))
    }

    fn was_asked_to_end(&self) -> bool {
        self.forwarded.iter().any(|signal| [HANGUP, INTERRUPT, QUIT, TERMINATE].contains(signal))
    }

    /// Hands the first pending bytes to their stream's thread. An error is a reader of our stdout that is gone; one of
    /// stderr that is gone only loses text.
    async fn flush(&mut self) -> Result<(), ()> {
        let Some((stream, bytes)) = self.pending.front() else { return Ok(()) };
        let (sink, matters) = match stream {
            Stream::Stdout => (&mut self.stdout, true),
            Stream::Stderr => (&mut self.stderr, false),
        };
        // Cloning shares the bytes: they stay pending until the queue has them.
        let result = sink.write(bytes.clone()).await;
        self.pending.pop_front();
        if matters { result.map_err(drop) } else { Ok(()) }
    }

    async fn drain(&mut self) {
        let rest = self.records.finish();
        if !rest.is_empty() {
            self.pending.push_back((Stream::Stderr, rest.into()));
        }
        // A script that was told to end does not wait for a reader that reads nothing.
        let patience = (self.was_asked_to_end() && !self.stdout.is_held()).then_some(STUCK);
        while !self.pending.is_empty() {
            let flushed = match patience {
                None => self.flush().await,
                Some(limit) => timeout(limit, self.flush()).await.unwrap_or(Err(())),
            };
            if flushed.is_err() {
                return;
            }
        }
        for sink in [&mut self.stdout, &mut self.stderr] {
            sink.finish(patience).await;
        }
    }

    fn conclude(
        &self,
        preparation: &Preparation<'_>,
        engine_code: Option<&Result<i64, EngineError>>,
    ) -> Result<Ended, RunError> {
        let shell = preparation.shell;
        if let Some(number) = self.not_executed {
            let program =
                preparation.created.as_ref().and_then(|c| c.command.first().cloned()).unwrap_or_default();
            let python = preparation.request.entrypoint.is_none();
            return Err(match number {
                2 => preparation.no_program(program, python),
                8 => preparation.no_emulation(),
                _ => RunError::NotExecutable {
                    image: preparation.request.image.clone(),
                    program,
                    reason: io::Error::from_raw_os_error(number).to_string(),
                },
            });
        }
        if let Some(Record::Exited { code, signal, out_of_memory }) = self.exited {
            if out_of_memory {
                // An error also where only errors are told: it is the one thing to know of this run.
                let error = RunError::OutOfMemory { limit: preparation.request.memory };
                shell.error(&error, &error.helps());
            } else if let Some(signal) = signal.filter(|signal| !self.was_expected(*signal)) {
                shell.note(format_args!("the script was ended by {}", signal_name(signal)));
            }
            return Ok(Ended { code, signal, out_of_memory });
        }
        // Init did not get to say it: it was killed, or never ran.
        if String::from_utf8_lossy(&self.tail).contains("exec format error") {
            return Err(preparation.no_emulation());
        }
        match engine_code {
            Some(Ok(code)) => {
                if *code == 137 {
                    shell.warn("the container was killed from outside, or for lack of memory");
                }
                Ok(Ended::with(u8::try_from(*code & 0xff).unwrap_or(125)))
            }
            _ => Err(RunError::EngineGone { address: preparation.engine.address().clone() }),
        }
    }
}

fn signal_name(number: u8) -> String {
    let name = match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL (illegal instruction)",
        6 => "SIGABRT (abort)",
        7 => "SIGBUS (bus error)",
        8 => "SIGFPE (arithmetic error)",
        9 => "SIGKILL",
        11 => "SIGSEGV (segmentation fault)",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        _ => return format!("signal {number}"),
    };
    name.to_owned()
}

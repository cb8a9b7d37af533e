//! End to end: the real program on the real engine, by subject.

#![expect(clippy::expect_used, reason = "what the machine does not do fails the test that needs it")]

mod discovery;
mod engines;
mod exit;
mod identity;
mod lifeline;
mod network;
mod pull;
mod signals;
mod streams;
mod terminal;

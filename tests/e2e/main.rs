//! End to end: the real program on the real engine, by subject.

#![expect(clippy::expect_used, reason = "what the machine does not do fails the test that needs it")]

mod bed;
mod build;
mod building;
mod cache;
mod choice;
mod corruption;
mod differential;
mod discovery;
mod docs;
mod dry_run;
mod engines;
mod environment;
mod examples;
mod exit;
mod faults;
mod forms;
mod help;
mod identity;
mod images;
mod inputs;
mod legacy;
mod lifeline;
mod lock;
mod lock_packages;
mod looks;
mod network;
mod options;
mod output;
mod own_pip;
mod packages;
mod prune;
mod pull;
mod push;
mod registry;
mod settings;
mod signals;
mod streams;
mod tags;
mod terminal;

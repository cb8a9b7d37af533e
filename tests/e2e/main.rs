//! End to end: the real program on the real engine, by subject.

mod exit;

//! Who hears what happens.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::event::Event;
use super::settings::Listener;

/// Tells the listener of the settings, and keeps the notes.
pub(super) struct Telling {
    listener: Option<Listener>,
    notes: Mutex<Vec<String>>,
    details: Mutex<HashSet<String>>,
}

impl std::fmt::Debug for Telling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telling").field("notes", &self.notes).finish_non_exhaustive()
    }
}

impl Telling {
    pub(super) fn new(listener: Option<Listener>) -> Self {
        Self { listener, notes: Mutex::default(), details: Mutex::default() }
    }

    pub(super) fn tell(&self, event: impl FnOnce() -> Event) {
        if let Some(listener) = &self.listener {
            listener(&event());
        }
    }

    /// Notes something, once.
    pub(super) fn note(&self, text: &str) {
        {
            let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
            if notes.iter().any(|note| note == text) {
                return;
            }
            notes.push(text.to_owned());
        }
        self.tell(|| Event::Note(text.to_owned()));
    }

    /// Tells something for `-v` alone, once.
    pub(super) fn detail(&self, text: impl FnOnce() -> String) {
        let Some(listener) = &self.listener else { return };
        let text = text();
        let is_new = self.details.lock().unwrap_or_else(PoisonError::into_inner).insert(text.clone());
        if is_new {
            listener(&Event::Detail(text));
        }
    }

    pub(super) fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

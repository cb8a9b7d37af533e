//! What is sent to a registry.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use reqwest::Body;

/// What a request brings along.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// All of it.
    Whole(Bytes),
    /// Piece by piece, and once: whoever needs it again opens its source again.
    Stream(Arc<Mutex<Option<Body>>>),
}

impl Content {
    pub(super) fn stream(body: Body) -> Self {
        Self::Stream(Arc::new(Mutex::new(Some(body))))
    }

    /// The body of a request; nothing where it was sent before, and is gone.
    pub(super) fn take(&self) -> Option<Body> {
        match self {
            Self::Whole(bytes) => Some(bytes.clone().into()),
            Self::Stream(body) => body.lock().unwrap_or_else(PoisonError::into_inner).take(),
        }
    }

    pub(super) fn is_gone_once_sent(&self) -> bool {
        matches!(self, Self::Stream(_))
    }
}

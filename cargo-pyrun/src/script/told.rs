//! An error of the command, told to whoever calls the library.

use std::error::Error;
use std::fmt::{self, Display};
use std::iter;
use std::ops::Deref;

use super::methods;

/// An error of the command's, whose words name methods of [`Script`](super::Script) instead of options.
///
/// ```no_run
/// let error = pyrun::Script::code("").memory("lots").run().wait().unwrap_err();
/// assert!(error.to_string().starts_with("invalid value for `.memory(…)`"));
/// ```
#[derive(Debug)]
pub struct Told<E> {
    error: Box<E>,
    cause: Option<Cause>,
}

/// What stands for the causes, where one of them names an option.
#[derive(Debug)]
struct Cause {
    message: String,
    cause: Option<Box<Cause>>,
}

impl<E: Error> From<E> for Told<E> {
    fn from(error: E) -> Self {
        let causes: Vec<_> =
            iter::successors(error.source(), |&error| error.source()).map(ToString::to_string).collect();
        // Causes stay what they are wherever they can: somebody may look for a type among them.
        let named = causes.iter().any(|cause| methods::told(cause) != cause.as_str());
        let chain = causes.iter().rev().filter(|_| named).fold(None, |cause, message| {
            Some(Cause { message: methods::told(message).into_owned(), cause: cause.map(Box::new) })
        });
        Self { error: Box::new(error), cause: chain }
    }
}

impl<E> Deref for Told<E> {
    type Target = E;

    fn deref(&self) -> &E {
        &self.error
    }
}

impl<E: Display> Display for Told<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&methods::told(&self.error.to_string()))
    }
}

impl<E: Error> Error for Told<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Some(cause) => Some(cause),
            None => self.error.source(),
        }
    }
}

impl Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

//! What a token has to be good for.

use super::endpoint::Endpoint;

/// What is to be done at an endpoint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access<'a> {
    /// The repository where it is done.
    pub(super) repository: &'a str,
    /// Whether anything is written there.
    pub(super) push: bool,
    /// Another repository of the endpoint, by its whole name, that is read from.
    pub(super) from: Option<&'a str>,
}

impl Access<'_> {
    /// The [scopes], separated by spaces.
    ///
    /// [scopes]: https://distribution.github.io/distribution/spec/auth/scope/
    pub(super) fn scope(&self, endpoint: &Endpoint) -> String {
        let actions = if self.push { "pull,push" } else { "pull" };
        let own = format!("repository:{}:{actions}", endpoint.repository(self.repository));
        match self.from {
            Some(from) => format!("{own} repository:{from}:pull"),
            None => own,
        }
    }
}

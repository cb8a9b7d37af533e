//! The upload of one blob.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pyimage_build::Descriptor;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, Url};

use super::session::{self, Session};
use super::source::{Opened, Source};
use crate::registry::content::Content;
use crate::registry::download::{PROGRESS, apart, is_interruption};
use crate::registry::endpoint::Endpoint;
use crate::registry::error::{Missing, RegistryError};
use crate::registry::exchange::{Ask, Exchange, Giving, Patience};
use crate::registry::failure::{Again, Failure};
use crate::registry::store::is_whole;
use crate::registry::transport::Answer;

/// A blob of at most so many bytes is sent in one request. A larger one takes a request more, and can be gone on with.
const AT_ONCE: u64 = 1024 * 1024;
/// How often to look how far it is.
const TICK: Duration = Duration::from_millis(100);

/// One upload.
pub(super) struct Upload<'a> {
    pub(super) exchange: &'a Exchange,
    pub(super) endpoint: &'a Endpoint,
    pub(super) repository: &'a str,
    pub(super) descriptor: &'a Descriptor,
    pub(super) source: &'a Source<'a>,
    pub(super) progress: &'a dyn Fn(&Descriptor, u64),
}

impl Upload<'_> {
    /// Uploads the blob, in a session that there is already or in one of its own. `arrived` asks whether it is there: the
    /// answer to the last request of an upload may be what got lost.
    pub(super) async fn run(
        &self,
        mut session: Option<Session>,
        arrived: impl AsyncFn() -> Result<bool, RegistryError>,
    ) -> Result<(), RegistryError> {
        self.check().await?;
        let mut patience = Patience::new(self.exchange, self.endpoint);
        let mut furthest = 0;
        loop {
            let resumed = session.as_ref().is_some_and(|session| session.offset != Some(0));
            let mut failure = match self.attempt(&mut session).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            if resumed && failure.again == Again::Never && !is_interruption(&failure.error) {
                // What is wrong may be the session alone.
                session = None;
                failure.again = Again::Soon;
            }
            if let Some(session) = &session
                && session.reached >= furthest + PROGRESS
            {
                furthest = session.reached;
                patience.progressed();
            }
            patience.wait(failure).await?;
            if session.is_none() && arrived().await? {
                return Ok(());
            }
        }
    }

    /// What is kept here is still what it was when it was made.
    async fn check(&self) -> Result<(), RegistryError> {
        let Source::File(path) = self.source else { return Ok(()) };
        let (path, Descriptor { digest, size, .. }) = ((*path).clone(), self.descriptor.clone());
        if apart(move || is_whole(&path, &digest, size)).await {
            return Ok(());
        }
        Err(RegistryError::NotKept(self.descriptor.digest.clone()))
    }

    /// One try, which leaves the session with which the next goes on.
    async fn attempt(&self, session: &mut Option<Session>) -> Result<(), Failure> {
        let Descriptor { digest, size, .. } = self.descriptor;
        let settings = &self.exchange.transport.settings;
        let mut at = match session.take() {
            Some(known) if known.offset.is_some() => known,
            Some(broken) => match self.status(&broken).await {
                Ok(known) => known,
                Err(failure) => {
                    if failure.again != Again::Never || is_interruption(&failure.error) {
                        *session = Some(broken);
                    }
                    return Err(failure);
                }
            },
            None => self.begin().await?,
        };
        let offset = at.offset.unwrap_or_default();
        if offset == 0 && *size <= AT_ONCE {
            let opened = self.source.open(self.descriptor, 0).await?;
            let headers = octets(*size);
            return self.send(Method::PUT, at.end(digest), headers, opened, 0).await.map(drop);
        }
        if offset < *size {
            *session = Some(at.in_doubt());
            let opened = self.source.open(self.descriptor, offset).await?;
            let mut headers = octets(*size - offset);
            if offset > 0 {
                // Whoever begins at the beginning need not say so, and some registries would rather not hear it.
                let range = HeaderValue::from_str(&format!("{offset}-{}", *size - 1));
                headers.extend(range.ok().map(|range| (header::CONTENT_RANGE, range)));
            }
            let answer = self.send(Method::PATCH, at.place, headers, opened, offset).await?;
            at = Session::at(session::place(&answer, settings)?, *size);
            answer.finish().await;
        }
        let opened = Source::Memory(&[]).open(self.descriptor, 0).await?;
        // Where this fails, it is not known whether the session is still there.
        *session = Some(at.in_doubt());
        self.send(Method::PUT, at.end(digest), octets(0), opened, *size).await?;
        Ok(())
    }

    /// Begins an upload.
    async fn begin(&self) -> Result<Session, Failure> {
        let giving = Giving { headers: empty(), ..Giving::default() };
        let answer = self.exchange.ask(&self.ask(Method::POST, &giving)).await?;
        Session::begun(answer, &self.exchange.transport.settings).await
    }

    /// Asks how far an upload came. One of which the registry has nothing is begun anew.
    async fn status(&self, broken: &Session) -> Result<Session, Failure> {
        let giving = Giving { place: Some(broken.place.clone()), ..Giving::default() };
        let answer = self.exchange.ask(&self.ask(Method::GET, &giving)).await?;
        let received = answer.header(header::RANGE).and_then(session::received);
        let Some(offset) = received.filter(|received| *received <= self.descriptor.size) else {
            answer.finish().await;
            return self.begin().await;
        };
        let known = answer.header(header::LOCATION).is_some();
        let place = if known {
            session::place(&answer, &self.exchange.transport.settings)?
        } else {
            broken.place.clone()
        };
        answer.finish().await;
        Ok(Session::at(place, offset))
    }

    /// Sends bytes for as long as some go out, and waits for the answer.
    async fn send(
        &self,
        method: Method,
        place: Url,
        headers: HeaderMap,
        opened: Opened,
        before: u64,
    ) -> Result<Answer, Failure> {
        let content: Option<Content> = Some(opened.content.clone());
        let giving = Giving { place: Some(place), headers, content, ..Giving::default() };
        let ask = self.ask(method, &giving);
        let mut answer = std::pin::pin!(self.exchange.ask(&ask));
        let settings = &self.exchange.transport.settings;
        let (mut last, mut since) = (0, Instant::now());
        loop {
            tokio::select! {
                answer = &mut answer => return answer.map_err(|failure| opened.failure().unwrap_or(failure)),
                () = tokio::time::sleep(TICK) => {}
            }
            let sent = opened.sent.load(Ordering::Relaxed);
            if sent > last {
                (last, since) = (sent, Instant::now());
                (self.progress)(self.descriptor, before + sent);
            }
            // To put a large blob in its place takes a registry a while.
            let all = before + sent >= self.descriptor.size;
            let limit = if all { settings.total_timeout } else { settings.idle_timeout };
            if since.elapsed() > limit {
                let host = self.endpoint.host_and_port();
                return Err(Failure::passing(RegistryError::Timeout { host, limit }).unanswered());
            }
        }
    }

    fn ask<'b>(&'b self, method: Method, giving: &'b Giving<'b>) -> Ask<'b> {
        Ask {
            endpoint: self.endpoint,
            repository: self.repository,
            method,
            rest: "blobs/uploads/".to_owned(),
            accept: None,
            offset: 0,
            giving: Some(giving),
            missing: Missing::Repository,
        }
    }
}

/// The headers of a request that sends nothing: without a length, some servers wait for more.
pub(super) fn empty() -> HeaderMap {
    HeaderMap::from_iter([(header::CONTENT_LENGTH, HeaderValue::from(0))])
}

fn octets(length: u64) -> HeaderMap {
    HeaderMap::from_iter([
        (header::CONTENT_LENGTH, HeaderValue::from(length)),
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
    ])
}

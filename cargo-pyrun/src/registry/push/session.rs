//! Uploads that a registry has begun, and where they go on.

use reqwest::Url;
use reqwest::header;

use crate::registry::endpoint::{authority, redacted, shown};
use crate::registry::error::RegistryError;
use crate::registry::failure::Failure;
use crate::registry::settings::RegistrySettings;
use crate::registry::transport::Answer;

/// An upload that a registry has begun.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// Where the next request goes, as the registry said.
    pub(super) place: Url,
    /// How many bytes it has; not known where a connection broke.
    pub(super) offset: Option<u64>,
    /// How many it had when last it was known.
    pub(super) reached: u64,
}

impl Session {
    /// The upload that an answer begins.
    pub(super) async fn begun(answer: Answer, settings: &RegistrySettings) -> Result<Self, Failure> {
        let place = place(&answer, settings)?;
        answer.finish().await;
        Ok(Self::at(place, 0))
    }

    pub(super) fn at(place: Url, offset: u64) -> Self {
        Self { place, offset: Some(offset), reached: offset }
    }

    /// The same, of which is not known how far it is.
    pub(super) fn in_doubt(&self) -> Self {
        Self { place: self.place.clone(), offset: None, reached: self.offset.unwrap_or(self.reached) }
    }

    /// Where the upload is ended.
    pub(super) fn end(&self, digest: &pyimage_build::Digest) -> Url {
        let mut place = self.place.clone();
        place.query_pairs_mut().append_pair("digest", digest.as_str());
        place
    }
}

/// Where an answer says that an upload goes on.
pub(super) fn place(answer: &Answer, settings: &RegistrySettings) -> Result<Url, Failure> {
    let from = answer.response.url();
    let registry = authority(from);
    let Some(location) = answer.header(header::LOCATION) else {
        let why = "it does not say where an upload goes on".to_owned();
        return Err(Failure::lasting(RegistryError::NotARegistry { host: registry, why }));
    };
    let refused = |location: String, why| {
        let registry = registry.clone();
        Failure::lasting(RegistryError::BadRedirect { registry, location, why })
    };
    let Ok(mut place) = from.join(location) else {
        return Err(refused(redacted(location), "it is no address"));
    };
    match place.scheme().to_owned().as_str() {
        "https" => Ok(place),
        "http" if from.scheme() == "http" || settings.may_speak_http(&authority(&place)) => Ok(place),
        // A registry behind a proxy does not always know that it is spoken to in https.
        "http" if authority(&place) == registry && place.set_scheme("https").is_ok() => Ok(place),
        "http" => Err(refused(shown(&place), "it leads from https to http")),
        _ => Err(refused(shown(&place), "it is neither http nor https")),
    }
}

/// How many bytes a registry has, by the last of them that it names: `0-1023`, or `bytes=0-1023`.
///
/// `0-0` is what registries say that have one byte, and what those say that have none.
pub(super) fn received(range: &str) -> Option<u64> {
    let range = range.trim();
    let range = range.strip_prefix("bytes").map_or(range, |rest| rest.trim_start_matches(['=', ' ']));
    let last: u64 = range.strip_prefix("0-")?.parse().ok()?;
    if last == 0 { None } else { last.checked_add(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_tell_how_many_bytes_there_are() {
        assert_eq!(received("0-1023"), Some(1024));
        assert_eq!(received(" bytes=0-9 "), Some(10));
        assert_eq!(received("bytes 0-9"), Some(10));
        for unknown in ["0-0", "", "1-5", "0-", "0-x", "0--1", "0-18446744073709551615"] {
            assert_eq!(received(unknown), None, "{unknown}");
        }
    }
}

//! Images that come to an engine as an archive.

use std::io;

use bollard::models::BuildInfo;
use bollard::query_parameters as query;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};

use super::{Engine, EngineError, Error, FOREVER, body, refusal};

/// Pieces of an archive that wait for whoever reads them.
const SAVED: usize = 8;

/// An image as an engine keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredImage {
    /// The engine's id: the digest of the configuration, or of the manifest where containerd keeps images.
    pub id: String,
    /// The digests of its layers' contents, the lowest first.
    pub layers: Vec<String>,
}

/// What a container of an image starts with, where nobody says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    /// The entry point; mostly none.
    pub entrypoint: Vec<String>,
    /// The command, or the entry point's default arguments.
    pub cmd: Vec<String>,
    /// The working directory; empty for `/`.
    pub working_dir: String,
}

impl Engine {
    /// What a container of an image starts with, or `None` where the engine has no such image.
    ///
    /// # Errors
    /// Where the engine refuses or is gone.
    pub async fn program(&self, reference: &str) -> Result<Option<Program>, EngineError> {
        match self.docker.inspect_image(reference).await {
            Ok(found) => Ok(Some(body::program(found))),
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
            Err(error) => Err(refusal("inspect", reference, error)),
        }
    }

    /// An image as an archive, in the form of `docker save`; the stream ends with it.
    pub fn save(&self, reference: &str) -> impl Stream<Item = Result<Bytes, EngineError>> + use<> {
        let (sender, receiver) = tokio::sync::mpsc::channel(SAVED);
        // An engine may read all layers before it answers.
        let patient = self.docker.clone().with_timeout(FOREVER);
        let reference = reference.to_owned();
        let asking = async move {
            let mut pieces = Box::pin(patient.export_image(&reference));
            while let Some(piece) = pieces.next().await {
                let piece = piece.map_err(|error| refusal("save", &reference, error));
                if sender.send(piece).await.is_err() {
                    break;
                }
            }
        };
        // bollard's stream borrows its client; this one has it, and ends the request with itself.
        let pieces = stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
        stream::select(pieces, stream::once(asking).filter_map(async |()| None))
    }

    /// What the engine keeps under this name or id, or `None`.
    ///
    /// # Errors
    /// Where the engine refuses or is gone.
    pub async fn stored(&self, reference: &str) -> Result<Option<StoredImage>, EngineError> {
        match self.docker.inspect_image(reference).await {
            Ok(found) => Ok(Some(body::stored(found))),
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
            Err(error) => Err(refusal("inspect", reference, error)),
        }
    }

    /// What the engine can run of what it keeps under this name or id.
    ///
    /// containerd's store keeps an image also where layers are missing, and names it. Only the sizes in its history tell
    /// that they are not there.
    ///
    /// # Errors
    /// Where the engine refuses or is gone.
    pub async fn unpacked(&self, reference: &str) -> Result<Option<StoredImage>, EngineError> {
        let Some(stored) = self.stored(reference).await? else { return Ok(None) };
        if !self.facts.containerd_store {
            return Ok(Some(stored));
        }
        match self.docker.image_history(reference).await {
            Ok(_) => Ok(Some(stored)),
            Err(Error::DockerResponseServerError { .. }) => Ok(None),
            Err(error) => Err(refusal("inspect", reference, error)),
        }
    }

    /// Loads an archive of images as it comes; `name` is what failures call it.
    ///
    /// An engine says that all is well before it begins, so that what it says afterwards decides. What it has loaded is
    /// to be looked at even so: an archive without layers that the engine lacks may be one that it takes.
    ///
    /// # Errors
    /// Where the engine refuses, or breaks off.
    pub async fn load(
        &self,
        name: &str,
        archive: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<(), EngineError> {
        let options = query::ImportImageOptionsBuilder::default().quiet(true).build();
        // An engine may answer only when it has read and unpacked all of it.
        let patient = self.docker.clone().with_timeout(FOREVER);
        let mut answers = Box::pin(patient.import_image_stream(options, archive, None));
        while let Some(answer) = answers.next().await {
            let answer = answer.map_err(|error| refusal("load", name, error))?;
            if let Some(message) = complaint(&answer) {
                let (operation, object) = ("load", name.to_owned());
                return Err(EngineError::Refused { operation, object, status: 500, message });
            }
        }
        Ok(())
    }

    /// Gives an image another name.
    ///
    /// # Errors
    /// Where the engine refuses or is gone.
    pub async fn tag(&self, image: &str, repository: &str, tag: &str) -> Result<(), EngineError> {
        let options = query::TagImageOptionsBuilder::default().repo(repository).tag(tag).build();
        let tagged = self.docker.tag_image(image, Some(options)).await;
        tagged.map_err(|error| refusal("tag", image, error))
    }

    /// Takes a name from an image, and the image away where it was its last one.
    ///
    /// # Errors
    /// Where the engine refuses or is gone.
    pub async fn untag(&self, name: &str) -> Result<(), EngineError> {
        let removed = self.docker.remove_image(name, None::<query::RemoveImageOptions>, None).await;
        removed.map(drop).map_err(|error| refusal("untag", name, error))
    }
}

/// What is wrong, where a line of the answer says so.
fn complaint(line: &BuildInfo) -> Option<String> {
    if let Some(message) = line.error_detail.as_ref().and_then(|detail| detail.message.clone()) {
        return Some(message);
    }
    // containerd's store keeps such an image, which no container can have.
    let text = line.stream.as_deref()?.trim();
    text.starts_with("Error unpacking image").then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_may_complain_although_its_status_is_200() {
        let line = |json: &str| complaint(&serde_json::from_str(json).unwrap());
        assert_eq!(line(r#"{"stream":"Loaded image: app:1.0\n"}"#), None);
        assert_eq!(line(r#"{"stream":"an image: Error unpacking image"}"#), None);
        assert_eq!(
            line(r#"{"stream":"Error unpacking image app:1.0: content not found\n"}"#).as_deref(),
            Some("Error unpacking image app:1.0: content not found")
        );
        assert_eq!(
            line(r#"{"errorDetail":{"message":"no such file"},"error":"no such file"}"#).as_deref(),
            Some("no such file")
        );
    }
}

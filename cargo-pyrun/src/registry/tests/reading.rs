//! Blobs that are read as they come.

use bytes::Bytes;
use tokio::sync::mpsc;

use super::server::{Reply, Request, Server, reply};
use super::*;

fn content() -> Vec<u8> {
    (0..100_000_u32).flat_map(|number| (number.wrapping_mul(2_654_435_761) >> 16).to_le_bytes()).collect()
}

/// Serves bytes, and ranges of them.
fn ranged(request: &Request, body: &[u8]) -> Reply {
    match request
        .header("range")
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok())
    {
        Some(start) if start < body.len() => reply(206, &body[start..])
            .with("Content-Range", format!("bytes {start}-{}/{}", body.len() - 1, body.len())),
        Some(_) => reply(416, ""),
        None => reply(200, body),
    }
}

/// What was handed on, and how it ended.
async fn read(server: &Server, body: &[u8]) -> (Vec<u8>, Result<(), RegistryError>) {
    let registry = Registry::new(quick(), None).unwrap();
    let (out, mut pieces) = mpsc::channel::<Bytes>(2);
    let (image, descriptor) = (image(server, "a"), descriptor(body, "x"));
    let reading = async {
        let read = registry.read(&image, &descriptor, &out, &|_| {}).await;
        drop(out);
        read
    };
    let taking = async {
        let mut all = Vec::new();
        while let Some(piece) = pieces.recv().await {
            all.extend(piece);
        }
        all
    };
    let (read, all) = futures_util::future::join(reading, taking).await;
    (all, read)
}

#[tokio::test]
async fn a_blob_is_handed_on_across_broken_connections() {
    let body = content();
    let copy = body.clone();
    let server = Server::new(move |request| ranged(request, &copy).cut_if_longer(75_000)).await;
    let (all, read) = read(&server, &body).await;
    read.unwrap();
    assert!(all == body, "{} bytes", all.len());
    assert_eq!(server.requests()[1].header("range"), Some("bytes=75000-"));
}

#[tokio::test]
async fn without_ranges_what_was_handed_on_is_not_handed_on_again() {
    let body = content();
    let copy = body.clone();
    let server = Server::new(move |request| match request.header("range") {
        None => reply(200, &copy).cut(125_000),
        Some(_) => reply(200, &copy),
    })
    .await;
    let (all, read) = read(&server, &body).await;
    read.unwrap();
    assert!(all == body, "{} bytes", all.len());
}

#[tokio::test]
async fn other_content_is_told_at_the_end() {
    let body = content();
    let mut other = body.clone();
    other[300_000] ^= 1;
    let server = Server::new(move |request| ranged(request, &other)).await;
    let (_, read) = read(&server, &body).await;
    assert!(matches!(read, Err(RegistryError::DigestMismatch { .. })), "{read:?}");
}

#[tokio::test]
async fn what_nobody_takes_is_not_read_on() {
    let body = content();
    let copy = body.clone();
    let server = Server::new(move |request| ranged(request, &copy)).await;
    let registry = Registry::new(quick(), None).unwrap();
    let (out, pieces) = mpsc::channel::<Bytes>(1);
    drop(pieces);
    let (image, descriptor) = (image(&server, "a"), descriptor(&body, "x"));
    registry.read(&image, &descriptor, &out, &|_| {}).await.unwrap();
}

//! Downloads into the cache.

use std::sync::atomic::{AtomicUsize, Ordering};

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

async fn download(folder: &Folder, server: &Server, body: &[u8]) -> Result<Utf8PathBuf, RegistryError> {
    let registry = Registry::new(quick(), Some(folder.cache())).unwrap();
    registry.download(&image(server, "a"), &descriptor(body, "x"), &|_| {}).await
}

fn partial(folder: &Folder, body: &[u8]) -> Utf8PathBuf {
    folder.path.join(format!("cache/partial/sha256-{}", Digest::of(body).hex()))
}

#[tokio::test]
async fn a_blob_is_downloaded_once() {
    let body = content();
    let copy = body.clone();
    let server = Server::new(move |request| ranged(request, &copy)).await;
    let folder = Folder::new();
    let last = AtomicUsize::new(0);
    let registry = Registry::new(quick(), Some(folder.cache())).unwrap();
    let (image, descriptor) = (image(&server, "a"), descriptor(&body, "x"));
    let progress = |at: u64| last.store(usize::try_from(at).unwrap(), Ordering::SeqCst);
    let (one, two) = futures_util::future::join(
        registry.download(&image, &descriptor, &progress),
        registry.download(&image, &descriptor, &|_| {}),
    )
    .await;
    let path = one.unwrap();
    assert_eq!(path, two.unwrap());
    assert_eq!(fs_err::read(&path).unwrap(), body);
    assert_eq!(last.load(Ordering::SeqCst), body.len());
    assert_eq!(server.log().len(), 1);
    assert_eq!(folder.files(), [format!("cache/blobs/sha256/{}", descriptor.digest.hex())]);
    registry.download(&image, &descriptor, &progress).await.unwrap();
    assert_eq!(server.log().len(), 1);
    fs_err::write(&path, "damaged").unwrap();
    registry.download(&image, &descriptor, &progress).await.unwrap();
    assert_eq!(fs_err::read(&path).unwrap(), body);
}

#[tokio::test]
async fn a_broken_connection_is_gone_on_with() {
    let body = content();
    let copy = body.clone();
    let server = Server::new(move |request| ranged(request, &copy).cut_if_longer(75_000)).await;
    let folder = Folder::new();
    let path = download(&folder, &server, &body).await.unwrap();
    assert_eq!(fs_err::read(&path).unwrap(), body);
    // 400 kB in pieces of 75 kB: more breaks than tries, but each brought something.
    assert_eq!(server.log().len(), 6);
    assert_eq!(server.requests()[1].header("range"), Some("bytes=75000-"));
}

#[tokio::test]
async fn a_later_process_goes_on_with_what_there_is() {
    let body = content();
    let copy = body.clone();
    let server = Server::new(move |request| match request.header("range") {
        None => reply(200, &copy).cut(125_000),
        Some(_) => reply(500, ""),
    })
    .await;
    let folder = Folder::new();
    let error = download(&folder, &server, &body).await.unwrap_err();
    assert!(matches!(error, RegistryError::Server { .. }), "{error}");
    assert_eq!(fs_err::metadata(partial(&folder, &body)).unwrap().len(), 125_000);

    let copy = body.clone();
    let healthy = Server::new(move |request| ranged(request, &copy)).await;
    let path = download(&folder, &healthy, &body).await.unwrap();
    assert_eq!(fs_err::read(&path).unwrap(), body);
    assert_eq!(healthy.requests()[0].header("range"), Some("bytes=125000-"));
    assert_eq!(folder.files().len(), 1);
}

#[tokio::test]
async fn a_damaged_rest_is_not_trusted() {
    let body = content();
    let copy = body.clone();
    let server = Server::new(move |request| ranged(request, &copy)).await;
    for rest in [vec![0; 1000], vec![0; body.len()], vec![0; body.len() + 1], body.clone()] {
        let folder = Folder::new();
        fs_err::create_dir_all(folder.path.join("cache/partial")).unwrap();
        fs_err::write(partial(&folder, &body), &rest).unwrap();
        let path = download(&folder, &server, &body).await.unwrap();
        assert_eq!(fs_err::read(&path).unwrap(), body);
        assert_eq!(folder.files().len(), 1);
    }
}

#[tokio::test]
async fn a_server_without_ranges_begins_again() {
    let body = content();
    let copy = body.clone();
    let count = AtomicUsize::new(0);
    let server = Server::new(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => reply(200, &copy).cut(1000),
        _ => reply(200, &copy),
    })
    .await;
    let folder = Folder::new();
    assert_eq!(fs_err::read(download(&folder, &server, &body).await.unwrap()).unwrap(), body);
}

#[tokio::test]
async fn nothing_stays_of_a_download_that_is_wrong() {
    let body = content();
    let mut other = body.clone();
    other[250_000] ^= 1;
    let mut longer = body.clone();
    longer.push(0);
    let shorter = body[..body.len() - 1].to_vec();
    for (wrong, is_sized) in [(other, true), (longer.clone(), true), (longer, false), (shorter, true)] {
        let server =
            Server::new(
                move |request| {
                    if is_sized { ranged(request, &wrong) } else { reply(200, &wrong).unsized_() }
                },
            )
            .await;
        let folder = Folder::new();
        let error = download(&folder, &server, &body).await.unwrap_err();
        assert!(
            matches!(error, RegistryError::DigestMismatch { .. } | RegistryError::SizeMismatch { .. }),
            "{error}"
        );
        assert_eq!(folder.files(), [""; 0], "{error}");
    }
    let server = Server::new(|_| reply(404, "")).await;
    let folder = Folder::new();
    assert!(download(&folder, &server, &body).await.unwrap_err().is_not_found());
    assert_eq!(folder.files(), [""; 0]);
}

#[tokio::test]
async fn an_empty_blob_is_one_too() {
    let server = Server::new(|_| reply(200, "")).await;
    let folder = Folder::new();
    let path = download(&folder, &server, b"").await.unwrap();
    assert_eq!(fs_err::read(path).unwrap(), b"");
}

#[tokio::test]
async fn a_download_needs_a_cache() {
    let server = Server::new(|_| reply(200, "")).await;
    let error = registry().download(&image(&server, "a"), &descriptor(b"", "x"), &|_| {}).await.unwrap_err();
    assert!(error.to_string().ends_with("there is no cache folder to put it in"));
}

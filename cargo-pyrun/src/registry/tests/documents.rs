//! Tags, tags' digests, and documents.

use super::server::{Server, document, reply};
use super::*;

const EMPTY: &str = r#"{"schemaVersion":2,"manifests":[]}"#;

#[tokio::test]
async fn tags_come_in_pages() {
    let server = Server::new(|request| match request.target.as_str() {
        "/v2/a/tags/list?n=1000" => reply(200, r#"{"name":"a","tags":["1","2"]}"#)
            .with("Link", r#"</v2/a/tags/list?last=2&n=2>; rel="next""#),
        "/v2/a/tags/list?last=2&n=2" => reply(200, r#"{"tags":["2","3"]}"#).with(
            "Link",
            format!("<http://{}/v2/a/tags/list?last=3>; rel=next", request.header("host").unwrap()),
        ),
        // In a circle: nothing new comes.
        "/v2/a/tags/list?last=3" => {
            reply(200, r#"{"tags":["1","3"]}"#).with("Link", r#"</v2/a/tags/list?last=3>; rel="next""#)
        }
        "/v2/elsewhere/tags/list?n=1000" => reply(200, r#"{"tags":["1"]}"#)
            .with("Link", r#"<https://evil.example/v2/a/tags/list?secret=1>; rel="next""#),
        "/v2/none/tags/list?n=1000" => reply(200, r#"{"tags":null}"#),
        "/v2/fewer/tags/list" => reply(200, r#"{"tags":["1"]}"#),
        "/v2/fewer/tags/list?n=1000" => {
            reply(400, r#"{"errors":[{"code":"PAGINATION_NUMBER_INVALID","message":"too many"}]}"#)
        }
        "/v2/page/tags/list?n=1000" => reply(200, "<html>").with("Content-Type", "text/html"),
        _ => reply(404, r#"{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known"}]}"#),
    })
    .await;
    let registry = registry();
    assert_eq!(registry.tags(&image(&server, "a")).await.unwrap(), ["1", "2", "3"]);
    assert_eq!(registry.tags(&image(&server, "none")).await.unwrap(), [""; 0]);
    assert_eq!(registry.tags(&image(&server, "fewer")).await.unwrap(), ["1"]);
    let host = &server.authority;
    let message = async |name| registry.tags(&image(&server, name)).await.unwrap_err().to_string();
    assert_eq!(message("b").await, format!("repository `b` not found at `{host}`"));
    assert_eq!(
        message("elsewhere").await,
        format!(
            "`{host}` does not answer as a registry does: its list of tags goes on at another host, `https://evil.example/v2/a/tags/list`"
        )
    );
    assert_eq!(
        message("page").await,
        format!("`{host}` does not answer as a registry does: it sends no list of tags")
    );
}

#[tokio::test]
async fn a_tag_is_resolved_without_a_pull() {
    let server = Server::new(|_| document(EMPTY, INDEX)).await;
    let descriptor = registry().resolve(&image(&server, "a:1")).await.unwrap();
    assert_eq!(descriptor, super::descriptor(EMPTY.as_bytes(), INDEX));
    assert_eq!(server.log(), ["HEAD /v2/a/manifests/1"]);
    let accept = server.requests()[0].header("accept").unwrap().to_owned();
    assert_eq!(accept.split(", ").count(), 4);
}

#[tokio::test]
async fn a_registry_without_head_is_asked_with_get() {
    for oddity in ["refused", "missing", "bare"] {
        let server = Server::new(move |request| match (request.method.as_str(), oddity) {
            ("HEAD", "refused") => reply(405, ""),
            ("HEAD", "missing") => reply(404, ""),
            ("HEAD", _) => reply(200, EMPTY).with("Content-Type", INDEX),
            _ => document(EMPTY, "application/json; charset=utf-8"),
        })
        .await;
        let descriptor = registry().resolve(&image(&server, "a:1")).await.unwrap();
        assert_eq!(descriptor, super::descriptor(EMPTY.as_bytes(), INDEX), "{oddity}");
        assert_eq!(server.log(), ["HEAD /v2/a/manifests/1", "GET /v2/a/manifests/1"]);
    }
}

#[tokio::test]
async fn documents_are_asked_for_once() {
    let server = Server::new(|_| document(EMPTY, INDEX)).await;
    let folder = Folder::new();
    let image = image(&server, "a:1");
    let registry = Registry::new(quick(), Some(folder.cache())).unwrap();
    let both = futures_util::future::join(registry.fetch(&image), registry.fetch(&image)).await;
    assert_eq!(both.0.unwrap(), both.1.unwrap());
    let gets = |server: &Server| server.log().iter().filter(|line| line.starts_with("GET")).count();
    assert_eq!(gets(&server), 1, "{:?}", server.log());
    let later = Registry::new(quick(), Some(folder.cache())).unwrap();
    let (descriptor, _) = later.fetch(&image).await.unwrap();
    assert_eq!(gets(&server), 1);

    let before = server.log().len();
    let pinned = format!("{}/a@{}", server.authority, descriptor.digest).parse().unwrap();
    assert_eq!(later.fetch(&pinned).await.unwrap().0, descriptor);
    assert_eq!(server.log()[before..], [format!("HEAD /v2/a/manifests/{}", descriptor.digest)]);
    later.document(&pinned, &descriptor).await.unwrap();
    assert_eq!(server.log().len(), before + 1, "a document that is cached needs no registry");

    let path = folder.path.join(format!("cache/blobs/sha256/{}", descriptor.digest.hex()));
    fs_err::write(&path, "damaged").unwrap();
    let third = Registry::new(quick(), Some(folder.cache())).unwrap();
    third.document(&image, &descriptor).await.unwrap();
    assert_eq!(gets(&server), 2, "a damaged entry is fetched again");
    assert_eq!(fs_err::read_to_string(&path).unwrap(), EMPTY);
}

#[tokio::test]
async fn a_cached_digest_is_no_proof_of_a_repository() {
    let server = Server::new(|request| match request.target.split('/').nth(2) {
        Some("a") => document(EMPTY, INDEX),
        _ => reply(404, r#"{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known"}]}"#),
    })
    .await;
    let folder = Folder::new();
    let registry = Registry::new(quick(), Some(folder.cache())).unwrap();
    let (descriptor, _) = registry.fetch(&image(&server, "a:1")).await.unwrap();
    let bogus = image(&server, &format!("bogus@{}", descriptor.digest));
    for error in [registry.resolve(&bogus).await.unwrap_err(), registry.fetch(&bogus).await.unwrap_err()] {
        assert_eq!(error.to_string(), format!("repository `bogus` not found at `{}`", server.authority));
    }
}

#[tokio::test]
async fn a_configuration_is_read() {
    let config =
        r#"{"os":"linux","architecture":"arm64","config":{"Cmd":["python3"]},"rootfs":{"diff_ids":[]}}"#;
    let server = Server::new(move |_| reply(200, config)).await;
    let descriptor = descriptor(config.as_bytes(), "application/vnd.oci.image.config.v1+json");
    let image = image(&server, "a:1");
    assert_eq!(registry().config(&image, &descriptor).await.unwrap().cmd, ["python3"]);
    assert_eq!(server.log(), [format!("GET /v2/a/blobs/{}", descriptor.digest)]);
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let server = Server::new(|request| {
        let code = if request.target.starts_with("/v2/a/") { "MANIFEST_UNKNOWN" } else { "NAME_UNKNOWN" };
        reply(404, format!(r#"{{"errors":[{{"code":"{code}","message":"unknown"}}]}}"#))
    })
    .await;
    let host = &server.authority;
    let error = registry().fetch(&image(&server, "a:9.9")).await.unwrap_err();
    assert_eq!(error.to_string(), format!("tag `9.9` not found in `a` at `{host}`"));
    assert!(error.is_not_found());
    let digest = Digest::of(b"");
    let error = registry().fetch(&image(&server, &format!("a@{digest}"))).await.unwrap_err();
    assert_eq!(error.to_string(), format!("`{digest}` not found in `a` at `{host}`"));
    let error = registry().resolve(&image(&server, "b:1")).await.unwrap_err();
    assert_eq!(error.to_string(), format!("repository `b` not found at `{host}`"));
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "the registry says: unknown (NAME_UNKNOWN)"
    );
}

#[tokio::test]
async fn what_is_no_image_is_told_so() {
    let server = Server::new(|request| match request.target.as_str() {
        "/v2/page/manifests/1" => reply(200, "<html>").with("Content-Type", "text/html; charset=utf-8"),
        "/v2/old/manifests/1" => {
            document(r#"{"schemaVersion":1}"#, "application/vnd.docker.distribution.manifest.v1+prettyjws")
        }
        "/v2/web/manifests/1" => reply(404, "<html>").with("Content-Type", "text/html"),
        _ => document("{}", MANIFEST),
    })
    .await;
    let message = async |name: &str| registry().fetch(&image(&server, name)).await.unwrap_err().to_string();
    let host = &server.authority;
    assert_eq!(
        message("page:1").await,
        format!("`{host}` does not answer as a registry does: it sends a web page")
    );
    assert_eq!(
        message("web:1").await,
        format!("`{host}` does not answer as a registry does: it sends a web page (status 404)")
    );
    assert_eq!(message("old:1").await, format!("`1` in `old` of `{host}` is not an image"));
    let digest = Digest::of(b"{}");
    assert_eq!(message("empty:1").await, format!("`{digest}` in `empty` of `{host}` is not an image"));
}

#[tokio::test]
async fn nothing_stays_of_content_that_is_wrong() {
    let right = descriptor(EMPTY.as_bytes(), INDEX);
    let digest = right.digest.clone();
    let server = Server::new(move |request| {
        let body =
            if request.target.contains("short") { "{}" } else { r#"{"schemaVersion":2,"manifests":[ ]}"# };
        reply(200, body).with("Content-Type", INDEX).with("Docker-Content-Digest", &digest)
    })
    .await;
    let folder = Folder::new();
    let registry = Registry::new(quick(), Some(folder.cache())).unwrap();
    for name in ["short:1", "other:1"] {
        let error = registry.document(&image(&server, name), &right).await.unwrap_err();
        assert!(matches!(error, RegistryError::DigestMismatch { .. }), "{error}");
    }
    let mut lying = right.clone();
    lying.size += 1;
    let server = Server::new(|_| document(EMPTY, INDEX)).await;
    let error = registry.document(&image(&server, "a:1"), &lying).await.unwrap_err();
    assert!(matches!(error, RegistryError::SizeMismatch { .. }), "{error}");
    assert_eq!(folder.files(), [""; 0]);
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_it() {
    let server =
        Server::new(|_| reply(200, vec![b' '; 5 * 1024 * 1024]).with("Content-Type", INDEX).unsized_()).await;
    let error = registry().resolve(&image(&server, "a:1")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("`1` at `{}` is larger than the 4194304 bytes that it may have", server.authority)
    );
}

//! Mirrors, which are asked first.

use super::server::{Server, document, reply};
use super::*;

const EMPTY: &str = r#"{"schemaVersion":2,"manifests":[]}"#;
const UNKNOWN: &str = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;

/// A registry for images of `server`, with mirrors before it.
fn mirrored(server: &str, mirrors: &[&str]) -> Registry {
    let mut settings = quick();
    for mirror in mirrors {
        settings.mirror(server, mirror).unwrap();
    }
    Registry::new(settings, None).unwrap()
}

fn closed_port() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[tokio::test]
async fn a_mirror_that_has_it_serves_it() {
    let mirror = Server::new(|_| document(EMPTY, INDEX)).await;
    let own = closed_port();
    let image = format!("{own}/library/python:3.13").parse().unwrap();
    let registry = mirrored(&own, &[&format!("http://{}/hub", mirror.authority)]);
    registry.fetch(&image).await.unwrap();
    assert_eq!(mirror.log()[0], "HEAD /v2/hub/library/python/manifests/3.13");
    registry.tags(&image).await.unwrap_err();
}

#[tokio::test]
async fn whatever_fails_at_mirrors_the_next_is_asked() {
    let own = Server::new(|_| document(EMPTY, INDEX)).await;
    let missing = Server::new(|_| reply(404, UNKNOWN)).await;
    let broken = Server::new(|_| reply(500, "")).await;
    let lying = Server::new(|_| reply(200, "{}").with("Content-Type", INDEX)).await;
    let closed = format!("http://{}", closed_port());
    let urls: Vec<_> =
        [&missing, &broken, &lying].iter().map(|mirror| format!("http://{}", mirror.authority)).collect();
    let registry = mirrored(&own.authority, &[&closed, &urls[0], &urls[1], &urls[2]]);
    let image = image(&own, "a:1");
    registry.fetch(&image).await.unwrap();
    assert_eq!(
        own.log(),
        ["HEAD /v2/a/manifests/1", format!("GET /v2/a/manifests/{}", Digest::of(EMPTY.as_bytes())).as_str()]
    );
    assert!(!missing.log().is_empty() && !broken.log().is_empty() && !lying.log().is_empty());
}

#[tokio::test]
async fn where_all_fail_each_is_told() {
    let own = Server::new(|_| reply(500, "")).await;
    let closed = format!("http://{}", closed_port());
    let registry = mirrored(&own.authority, &[&closed]);
    let error = registry.tags(&image(&own, "a")).await.unwrap_err();
    let host = &own.authority;
    let authority = closed.trim_start_matches("http://");
    let text = error.to_string();
    let expected = format!(
        "`{host}` failed with status 500; mirror `{closed}` failed before: could not reach `{authority}`: "
    );
    assert!(text.starts_with(&expected), "{text}");
    assert!(matches!(error.own(), RegistryError::Server { status: 500, .. }));
}

#[tokio::test]
async fn a_dead_mirror_is_told_once() {
    let own = Server::new(|_| document(EMPTY, INDEX)).await;
    let mut settings = quick();
    settings.mirror(&own.authority, &format!("http://{}", closed_port())).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&told);
    settings.on_event(move |event| {
        if let Event::Detail(text) = event {
            sink.lock().unwrap().push(text.clone());
        }
    });
    let registry = Registry::new(settings, None).unwrap();
    for name in ["a:1", "a:2"] {
        registry.resolve(&image(&own, name)).await.unwrap();
    }
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[tokio::test]
async fn a_mirror_s_404_says_more_than_silence() {
    let mirror = Server::new(|_| reply(404, UNKNOWN)).await;
    let own = closed_port();
    let registry = mirrored(&own, &[&format!("http://{}", mirror.authority)]);
    let error = registry.fetch(&format!("{own}/a:9").parse().unwrap()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("tag `9` not found in `a` at `{}`; `{own}` itself could not be reached", mirror.authority)
    );
    let cause = std::error::Error::source(&error).unwrap();
    assert_eq!(cause.to_string(), format!("could not reach `{own}`"));
}

#[test]
fn where_mirrors_failed_the_help_is_about_them() {
    let unreachable = |host: &str| RegistryError::Unreachable {
        host: host.to_owned(),
        proxies: Vec::new(),
        source: Arc::new(std::io::Error::other("connection refused")),
    };
    let own = unreachable("registry-1.docker.io:443");
    assert_eq!(own.helps(), ["set PYIMAGE_MIRRORS to a mirror of Docker Hub, if there is one"]);
    let failed = |error: &RegistryError| MirrorFailure {
        mirror: "http://127.0.0.1:1".to_owned(),
        error: Box::new(error.clone()),
    };
    let dead = failed(&unreachable("127.0.0.1:1"));
    let check = "check `http://127.0.0.1:1`, which PYIMAGE_MIRRORS or docker's daemon.json names as a mirror";
    assert_eq!(own.clone().after(vec![dead.clone()]).helps(), [check]);
    // One that answers that it has no such thing does what it should.
    let lacking = failed(&RegistryError::NotFound {
        registry: "127.0.0.1:1".to_owned(),
        repository: "a".to_owned(),
        missing: Missing::Repository,
        unreached: None,
        source: None,
    });
    assert_eq!(own.after(vec![lacking]).helps(), [""; 0]);
    let denied = RegistryError::Denied {
        registry: "h".to_owned(),
        repository: "a".to_owned(),
        credentials: String::new(),
        source: None,
    };
    assert_eq!(denied.after(vec![dead]).helps(), ["log in as a user who may read it: docker login h", check]);
}

#[tokio::test]
async fn a_404_everywhere_is_the_registry_s_own() {
    let mirror = Server::new(|_| reply(404, UNKNOWN)).await;
    let own = Server::new(|_| reply(404, UNKNOWN)).await;
    let registry = mirrored(&own.authority, &[&format!("http://{}", mirror.authority)]);
    let error = registry.fetch(&image(&own, "a:9")).await.unwrap_err();
    assert_eq!(error.to_string(), format!("tag `9` not found in `a` at `{}`", own.authority));
}

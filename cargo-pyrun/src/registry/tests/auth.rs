//! Logging in.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;

use super::server::{Server, reply};
use super::*;
use crate::registry::credentials::CredentialFiles;

const DENIED: &str = r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#;
const TAGS: &str = r#"{"tags":["1"]}"#;

fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// Settings with a file of logins.
pub(super) fn with_file(folder: &Folder, content: &str) -> RegistrySettings {
    let path: PathBuf = folder.path.join("config.json").into();
    fs_err::write(&path, content).unwrap();
    let mut settings = quick();
    settings.credentials(CredentialFiles::at([path]));
    settings
}

fn login(server: &Server, user: &str, password: &str) -> String {
    let auth = base64(&format!("{user}:{password}"));
    format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, server.authority)
}

fn challenge(request: &server::Request, rest: &str) -> server::Reply {
    let realm = format!("http://{}/token", request.header("host").unwrap());
    reply(401, DENIED)
        .with("WWW-Authenticate", format!(r#"Bearer realm="{realm}",service="the registry"{rest}"#))
}

/// A registry that wants a token, and a token service that gives `good` to `login`, or to all where that is empty.
async fn token_server(login: &'static str, expires_in: f64) -> Server {
    let given = AtomicUsize::new(0);
    Server::new(move |request| {
        if request.target.starts_with("/token") {
            if request.header("authorization").unwrap_or_default() != login {
                return reply(401, r#"{"details":"incorrect username or password"}"#);
            }
            let number = given.fetch_add(1, Ordering::SeqCst);
            return reply(200, format!(r#"{{"token":"good-{number}","expires_in":{expires_in}}}"#));
        }
        match request.header("authorization") {
            Some(token) if token.starts_with("Bearer good-") => reply(200, TAGS),
            _ => challenge(request, r#",scope="repository:a:pull""#),
        }
    })
    .await
}

#[tokio::test]
async fn an_anonymous_token_is_got_once_for_many_requests() {
    let server = token_server("", 300.0).await;
    let registry = registry();
    let image = image(&server, "a");
    let all = (0..20).map(|_| registry.tags(&image));
    for tags in futures_util::future::join_all(all).await {
        assert_eq!(tags.unwrap(), ["1"]);
    }
    let token = "GET /token?service=the+registry&scope=repository%3Aa%3Apull&client_id=pyimage";
    let log = server.log();
    assert_eq!(log.iter().filter(|line| *line == token).count(), 1, "{log:?}");
    registry.tags(&image).await.unwrap();
    assert_eq!(server.log().len(), log.len() + 1, "the token is sent at once");
}

#[tokio::test]
async fn another_repository_needs_another_token() {
    let server = token_server("", 300.0).await;
    let registry = registry();
    registry.tags(&image(&server, "a")).await.unwrap();
    registry.tags(&image(&server, "b")).await.unwrap();
    assert_eq!(
        server.log()[3],
        "GET /token?service=the+registry&scope=repository%3Ab%3Apull&client_id=pyimage",
        "what was learned of one repository serves the other"
    );
    assert_eq!(server.log().len(), 5);
}

#[tokio::test]
async fn a_token_that_ended_is_renewed_once() {
    // Refused midway, before its time is over.
    let answered = AtomicUsize::new(0);
    let server = Server::new(move |request| {
        if request.target.starts_with("/token") {
            return reply(200, format!(r#"{{"access_token":"t{}"}}"#, answered.load(Ordering::SeqCst)));
        }
        let wanted = format!("Bearer t{}", answered.load(Ordering::SeqCst));
        if request.header("authorization") == Some(&wanted) {
            answered.fetch_add(1, Ordering::SeqCst);
            return reply(200, TAGS);
        }
        challenge(request, "")
    })
    .await;
    let registry = registry();
    registry.tags(&image(&server, "a")).await.unwrap();
    registry.tags(&image(&server, "a")).await.unwrap();
    let log: Vec<_> = server.log().iter().map(|line| line.contains("/token")).collect();
    assert_eq!(log, [false, true, false, false, true, false]);
    // Its time is over: it is not even sent.
    let server = token_server("", 0.01).await;
    registry.tags(&image(&server, "a")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    registry.tags(&image(&server, "a")).await.unwrap();
    assert_eq!(server.log().len(), 5);
}

#[tokio::test]
async fn a_login_gets_a_token() {
    let folder = Folder::new();
    let server = token_server("Basic bWU6c2VjcmV0", 300.0).await;
    let registry = Registry::new(with_file(&folder, &login(&server, "me", "secret")), None).unwrap();
    registry.tags(&image(&server, "a")).await.unwrap();
    assert_eq!(
        server.log()[1],
        "GET /token?service=the+registry&scope=repository%3Aa%3Apull&client_id=pyimage&account=me"
    );
    assert_eq!(registry.notes(), [""; 0]);
}

#[tokio::test]
async fn a_stale_login_does_not_stop_a_public_image() {
    let folder = Folder::new();
    let server = token_server("", 300.0).await;
    let registry = Registry::new(with_file(&folder, &login(&server, "me", "old")), None).unwrap();
    assert_eq!(registry.tags(&image(&server, "a")).await.unwrap(), ["1"]);
    let file = folder.path.join("config.json");
    assert_eq!(registry.notes(), [format!("credentials of `{file}` were refused by `{}`", server.authority)]);
}

#[tokio::test]
async fn an_identity_token_is_exchanged() {
    let folder = Folder::new();
    let server = Server::new(|request| match request.method.as_str() {
        "POST" => reply(200, r#"{"access_token":"good"}"#),
        _ if request.header("authorization") == Some("Bearer good") => reply(200, TAGS),
        _ => challenge(request, ""),
    })
    .await;
    let file = format!(r#"{{"auths":{{"{}":{{"identitytoken":"id&en=tity"}}}}}}"#, server.authority);
    let registry = Registry::new(with_file(&folder, &file), None).unwrap();
    registry.tags(&image(&server, "a")).await.unwrap();
    let request = &server.requests()[1];
    assert!(request.is("POST", "/token"));
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(
        String::from_utf8_lossy(&request.body),
        "grant_type=refresh_token&service=the+registry&scope=repository%3Aa%3Apull&client_id=pyimage&refresh_token=id%26en%3Dtity"
    );
}

/// A registry with a login of its own.
async fn basic_server() -> Server {
    Server::new(|request| match request.header("authorization") {
        Some("Basic bWU6c2VjcmV0") => reply(200, TAGS),
        _ => reply(401, DENIED).with("WWW-Authenticate", r#"Basic realm="x""#),
    })
    .await
}

#[tokio::test]
async fn a_registry_may_want_user_and_password() {
    let folder = Folder::new();
    let server = basic_server().await;
    let registry = Registry::new(with_file(&folder, &login(&server, "me", "secret")), None).unwrap();
    registry.tags(&image(&server, "a")).await.unwrap();
    registry.tags(&image(&server, "a")).await.unwrap();
    assert_eq!(server.log().len(), 3, "once it has asked, the login is sent at once");
}

#[tokio::test]
async fn a_refusal_names_the_login_that_was_used() {
    let folder = Folder::new();
    let server = basic_server().await;
    let host = server.authority.clone();
    let error = registry().tags(&image(&server, "a")).await.unwrap_err();
    assert_eq!(error.to_string(), format!("`{host}` does not let us read `a` (used no credentials)"));
    assert_eq!(error.helps()[0], format!("log in: docker login {host}"));
    assert_eq!(server.log().len(), 1, "with nothing to send there is nothing to ask again");
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "the registry says: authentication required (UNAUTHORIZED)"
    );
    let registry = Registry::new(with_file(&folder, &login(&server, "me", "old")), None).unwrap();
    let error = registry.tags(&image(&server, "a")).await.unwrap_err();
    let file = folder.path.join("config.json");
    assert_eq!(
        error.to_string(),
        format!("`{host}` does not let us read `a` (used credentials of `{file}`)")
    );

    let helper = r#"{"credsStore":"not-there-at-all"}"#;
    let registry = Registry::new(with_file(&folder, helper), None).unwrap();
    let error = registry.tags(&image(&server, "a")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "`{host}` does not let us read `a` (used no credentials; helper `docker-credential-not-there-at-all` \
             named in `{file}` failed: it is not on the PATH)"
        )
    );
}

#[tokio::test]
async fn a_broken_helper_does_not_stop_a_public_image() {
    let folder = Folder::new();
    let server = token_server("", 300.0).await;
    let registry = Registry::new(with_file(&folder, r#"{"credsStore":"not-there-at-all"}"#), None).unwrap();
    registry.tags(&image(&server, "a")).await.unwrap();
    assert_eq!(registry.notes().len(), 1);
    let registry = Registry::new(with_file(&folder, "{"), None).unwrap();
    registry.tags(&image(&server, "a")).await.unwrap();
    assert!(registry.notes()[0].starts_with("logins in `"), "{:?}", registry.notes());
}

#[tokio::test]
async fn a_failing_token_service_is_named() {
    let server = Server::new(|request| {
        if request.target.starts_with("/token") { reply(200, "<html>") } else { challenge(request, "") }
    })
    .await;
    let error = registry().tags(&image(&server, "a")).await.unwrap_err();
    assert_eq!(error.to_string(), format!("could not get a token for `a` from `{}`", server.authority));

    let elsewhere = Server::new(|_| {
        reply(401, DENIED).with("WWW-Authenticate", r#"Bearer realm="http://auth.example/token""#)
    })
    .await;
    let error = registry().tags(&image(&elsewhere, "a")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "`{}` does not answer as a registry does: its token service `http://auth.example/token` does not speak https",
            elsewhere.authority
        )
    );
}

#[tokio::test]
async fn a_login_does_not_follow_a_redirect_to_another_host() {
    let folder = Folder::new();
    let storage = Server::new(|_| reply(200, "content")).await;
    let target = format!("http://{}/blob?signature=1", storage.authority);
    let server = Server::new(move |request| match request.header("authorization") {
        None => reply(401, DENIED).with("WWW-Authenticate", r#"Basic realm="x""#),
        Some(_) if request.target.starts_with("/v2/") => reply(307, "").with("Location", "/here"),
        Some(_) => reply(307, "").with("Location", &target),
    })
    .await;
    let registry = Registry::new(with_file(&folder, &login(&server, "me", "secret")), None).unwrap();
    let descriptor = descriptor(b"content", "x");
    registry.blob(&image(&server, "a"), &descriptor).await.unwrap();
    assert!(
        server.requests()[2].is("GET", "/here") && server.requests()[2].header("authorization").is_some()
    );
    let moved = &storage.requests()[0];
    assert!(moved.is("GET", "/blob?signature=1"));
    assert_eq!(moved.header("authorization"), None);
}

#[tokio::test]
async fn what_is_told_has_no_secrets() {
    let folder = Folder::new();
    let server = token_server("Basic bWU6c2VjcmV0", 300.0).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let mut settings = with_file(&folder, &login(&server, "me", "secret"));
    let sink = Arc::clone(&told);
    settings.on_event(move |event| sink.lock().unwrap().push(event.to_string()));
    let registry = Registry::new(settings, None).unwrap();
    registry.tags(&image(&server, "a")).await.unwrap();
    let told = told.lock().unwrap().join("\n");
    assert!(told.contains(&format!("GET http://{}/token -> 200 (", server.authority)), "{told}");
    let shown = format!("{told} {registry:?} {:?}", registry.notes());
    for secret in ["secret", "bWU6c2VjcmV0", "good-0", "client_id"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

//! Faults, and what comes of them.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::server::{Server, reply};
use super::*;

const TAGS: &str = r#"{"tags":["1"]}"#;

/// A server that fails so many times first.
async fn failing(times: usize, fault: impl Fn() -> server::Reply + Send + Sync + 'static) -> Server {
    let failed = AtomicUsize::new(0);
    Server::new(
        move |_| {
            if failed.fetch_add(1, Ordering::SeqCst) < times { fault() } else { reply(200, TAGS) }
        },
    )
    .await
}

async fn tags(server: &Server) -> Result<Vec<String>, RegistryError> {
    registry().tags(&image(server, "a")).await
}

#[tokio::test]
async fn faults_that_pass_are_waited_out() {
    let faults: [fn() -> server::Reply; 5] = [
        || reply(200, "").hung_up(),
        || reply(503, "no available server"),
        || reply(429, "").with("Retry-After", 0),
        || reply(200, TAGS).cut(5),
        || reply(500, ""),
    ];
    for fault in faults {
        let server = failing(3, fault).await;
        assert_eq!(tags(&server).await.unwrap(), ["1"]);
        let server = failing(4, fault).await;
        tags(&server).await.unwrap_err();
        assert_eq!(server.log().len(), 4);
    }
}

#[tokio::test]
async fn faults_that_stay_are_told() {
    let message = async |fault: fn() -> server::Reply| {
        let server = failing(100, fault).await;
        let error = tags(&server).await.unwrap_err();
        (error::in_one_line(&error).replace(&server.authority, "HOST"), server.log().len())
    };
    let told = |text: &str, tries| (text.to_owned(), tries);
    assert_eq!(
        message(|| reply(503, "no available server")).await,
        told("`HOST` failed with status 503: the registry says: no available server", 4)
    );
    assert_eq!(
        message(|| reply(429, "").with("Retry-After", 3600)).await,
        told("`HOST` answers no more requests for 3600 s", 1)
    );
    assert_eq!(
        message(|| reply(200, TAGS).cut(5)).await,
        told("`HOST` sent 5 of the 14 bytes of `the list of tags`", 4)
    );
    assert_eq!(
        message(|| reply(200, "").hung_up()).await,
        told("the connection to `HOST` broke: connection closed before message completed", 4)
    );
    assert_eq!(
        message(|| reply(403, r#"{"errors":[{"code":"DENIED","message":"no"}]}"#)).await,
        told("`HOST` denies access to `a` (used no credentials): the registry says: no (DENIED)", 1)
    );
    assert_eq!(
        message(|| reply(418, "teapot")).await,
        told("`HOST` refused the request with status 418: the registry says: teapot", 1)
    );
    assert_eq!(
        message(|| reply(302, "")).await,
        told("`HOST` does not answer as a registry does: it redirects (status 302) to nowhere", 1)
    );
    assert_eq!(
        message(|| reply(302, "").with("Location", "/x?secret")).await,
        told("`HOST` redirects in a loop, back to `http://HOST/x`", 2)
    );
    assert_eq!(
        message(|| reply(302, "").with("Location", "ftp://x/y")).await,
        told("`HOST` redirects to `ftp://x/y`, which is not followed: it is neither http nor https", 1)
    );
}

#[tokio::test]
async fn redirects_come_to_an_end() {
    let hops = AtomicUsize::new(0);
    let server = Server::new(move |_| {
        reply(302, "").with("Location", format!("/{}", hops.fetch_add(1, Ordering::SeqCst)))
    })
    .await;
    let error = tags(&server).await.unwrap_err();
    assert_eq!(error.to_string(), format!("`{}` redirects more than 10 times", server.authority));
    assert_eq!(server.log().len(), 11);
}

#[tokio::test]
async fn a_silent_registry_is_not_waited_for_without_end() {
    let server = failing(100, || reply(200, TAGS).late(Duration::from_secs(60))).await;
    let mut settings = quick();
    settings.timeouts(Duration::from_secs(1), Duration::from_millis(50), Duration::from_secs(5));
    settings.retries(2, Duration::from_millis(1));
    let registry = Registry::new(settings.clone(), None).unwrap();
    let error = registry.tags(&image(&server, "a")).await.unwrap_err();
    assert_eq!(error.to_string(), format!("`{}` did not answer within 0.1 s", server.authority));
    assert_eq!(server.log().len(), 2);
    settings.timeouts(Duration::from_secs(1), Duration::from_secs(9), Duration::from_millis(100));
    let registry = Registry::new(settings, None).unwrap();
    let error = registry.tags(&image(&server, "a")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Timeout { .. }), "{error}");
}

#[tokio::test]
async fn a_silent_registry_is_tried_twice() {
    let mut settings = quick();
    settings.timeouts(Duration::from_secs(1), Duration::from_millis(50), Duration::from_secs(5));
    let silent = || reply(200, TAGS).late(Duration::from_secs(60));
    let server = failing(100, silent).await;
    let error = Registry::new(settings.clone(), None).unwrap().tags(&image(&server, "a")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Timeout { .. }), "{error}");
    assert_eq!(server.log().len(), 2);

    let server = failing(1, silent).await;
    Registry::new(settings.clone(), None).unwrap().tags(&image(&server, "a")).await.unwrap();

    // A token service counts too, and so does a host that is asked in both schemes.
    let service = failing(100, silent).await;
    let realm = format!(r#"Bearer realm="http://{}/token""#, service.authority);
    let server = Server::new(move |_| reply(401, "").with("WWW-Authenticate", &realm)).await;
    let error = Registry::new(settings.clone(), None).unwrap().tags(&image(&server, "a")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Token { .. }), "{error}");
    assert_eq!(service.log().len(), 2);

    let server = failing(100, silent).await;
    settings.timeouts(Duration::from_millis(50), Duration::from_millis(50), Duration::from_secs(5));
    settings.allow_insecure(&server.authority).unwrap();
    Registry::new(settings, None).unwrap().tags(&image(&server, "a")).await.unwrap_err();
    assert_eq!(server.log().len(), 1, "https before, http once");
}

#[tokio::test]
async fn nobody_there_is_said_at_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let error = registry().tags(&format!("{host}/a").parse().unwrap()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("could not reach `{host}`"));
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("Connection refused"), "{cause}");
}

#[tokio::test]
async fn what_speaks_no_http_here_is_said_to_be_spoken_to_in_http() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            use tokio::io::AsyncWriteExt as _;
            let _ = stream.write_all(b"SSH-2.0-x\r\n").await;
        }
    });
    let error = registry().tags(&format!("{host}/a").parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, RegistryError::Broken { .. }), "{error}");
    assert_eq!(
        error.helps(),
        [format!(
            "a registry on this machine is spoken to in http; {INSECURE_VARIABLE}={host} tries https first, with any certificate"
        )]
    );
}

#[tokio::test]
async fn http_where_tls_should_be_is_named_with_the_way_out() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            use tokio::io::AsyncWriteExt as _;
            let _ = stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400 Bad Request")
                .await;
        }
    });
    let error = registry()
        .exchange
        .transport
        .send(&transport::Outgoing {
            method: Method::GET,
            url: format!("https://{host}/v2/").parse().unwrap(),
            headers: reqwest::header::HeaderMap::new(),
            authorization: None,
            body: None,
            content: None,
            unverified: false,
        })
        .await
        .unwrap_err()
        .error;
    assert_eq!(error.to_string(), format!("`{host}` speaks no TLS"));
    assert!(error.helps()[0].contains(&format!("PYIMAGE_INSECURE_REGISTRIES={host}")), "{:?}", error.helps());
}

#[tokio::test]
async fn a_long_wait_is_told() {
    let server = failing(1, || reply(429, "").with("Retry-After", 3)).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let mut settings = quick();
    let sink = Arc::clone(&told);
    settings.on_event(move |event| {
        if matches!(event, Event::Retrying { .. }) {
            sink.lock().unwrap().push(event.to_string());
        }
    });
    Registry::new(settings, None).unwrap().tags(&image(&server, "a")).await.unwrap();
    let host = &server.authority;
    assert_eq!(
        *told.lock().unwrap(),
        [format!("`{host}` in 3 s: `{host}` answers no more requests for 3 s")]
    );
}

#[tokio::test]
async fn proxies_lead_to_other_hosts_alone() {
    let proxy = Server::new(|request| reply(if request.method == "CONNECT" { 502 } else { 200 }, TAGS)).await;
    let url = format!("http://{}", proxy.authority);
    let with = |extra: (&'static str, &'static str)| {
        let url = url.clone();
        let variable = move |name: &str| match name {
            "http_proxy" | "HTTPS_PROXY" => Some(url.clone()),
            name => (name == extra.0).then(|| extra.1.to_owned()),
        };
        let mut settings = RegistrySettings::from_variables(&variable, None).unwrap();
        settings.retries(1, Duration::ZERO);
        Registry::new(settings, None).unwrap()
    };
    let remote: Reference = "registry.invalid:5000/a".parse().unwrap();
    let allowed = with((INSECURE_VARIABLE, "registry.invalid:5000"));
    assert_eq!(allowed.tags(&remote).await.unwrap(), ["1"]);
    // There is no tunnel for https, so that http is tried.
    assert_eq!(
        proxy.log(),
        ["CONNECT registry.invalid:5000", "GET http://registry.invalid:5000/v2/a/tags/list?n=1000"]
    );
    let error = with(("NO_PROXY", "registry.invalid")).tags(&remote).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error}");
    assert_eq!(error.helps(), ["check the proxy in http_proxy and HTTPS_PROXY, or add the host to NO_PROXY"]);

    let local = failing(0, || reply(200, TAGS)).await;
    with(("", "")).tags(&image(&local, "a")).await.unwrap();
    assert_eq!(proxy.log().len(), 2);
}

#[tokio::test]
async fn one_endpoint_has_only_so_many_requests_at_once() {
    let under_way = Arc::new(Mutex::new((0_usize, 0_usize)));
    let shared = Arc::clone(&under_way);
    let server = Server::new(move |_| {
        let mut count = shared.lock().unwrap();
        count.0 += 1;
        count.1 = count.1.max(count.0);
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            shared.lock().unwrap().0 -= 1;
        });
        reply(200, TAGS).late(Duration::from_millis(400))
    })
    .await;
    let registry = registry();
    let image = image(&server, "a");
    for tags in futures_util::future::join_all((0..200).map(|_| registry.tags(&image))).await {
        tags.unwrap();
    }
    let most = under_way.lock().unwrap().1;
    assert!((16..=64).contains(&most), "{most} at once");
}

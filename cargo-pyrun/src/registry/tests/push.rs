//! Pushing images.

mod referrers;
mod store;

use std::collections::BTreeMap;

use pyimage_build::{Blob, Image, MediaType};

use super::server::Server;
use super::*;
use crate::registry::push::{Push, Pushed};
use store::Store;

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Two images of a base layer each, with a layer that both have on top.
struct Project {
    folder: Folder,
    base: [Vec<u8>; 2],
    own: Vec<u8>,
}

impl Project {
    fn new() -> Self {
        let base = [b"base of amd64".to_vec(), b"base of arm64".to_vec()];
        Self { folder: Folder::new(), base, own: b"source".to_vec() }
    }

    fn images(&self) -> Vec<Image> {
        let images = ["linux/amd64", "linux/arm64"].iter().zip(&self.base).map(|(platform, base)| {
            let layers = vec![descriptor(base, LAYER), descriptor(&self.own, LAYER)];
            let config = format!("{{\"platform\":\"{platform}\",\"own\":\"{}\"}}", layers[1].digest);
            let config = Blob::new(MediaType::from(CONFIG), config.into_bytes());
            let digests: Vec<_> = layers.iter().map(|layer| layer.digest.as_str()).collect();
            let manifest = format!("{{\"config\":\"{}\",\"layers\":{digests:?}}}", config.descriptor.digest);
            let manifest = Blob::new(MediaType::from(MANIFEST), manifest.into_bytes());
            let platform = platform.parse().unwrap();
            Image { platform, config, manifest, layers, base_layers: 1, diff_ids: Vec::new() }
        });
        images.collect()
    }

    async fn push(&self, registry: &Registry, base: &str, to: &str) -> Result<Pushed, RegistryError> {
        let (images, layer) = (self.images(), Digest::of(&self.own));
        let digests: Vec<_> = images.iter().map(|image| image.manifest.descriptor.digest.as_str()).collect();
        let index = Blob::new(MediaType::from(INDEX), format!("{{\"manifests\":{digests:?}}}").into_bytes());
        let path = self.folder.path.join(layer.hex());
        if !path.exists() {
            fs_err::write(&path, &self.own).unwrap();
        }
        let push = Push {
            repository: &to.parse().unwrap(),
            tags: &["1.0", "latest"],
            base: &base.parse().unwrap(),
            images: &images,
            index: &index,
            blobs: &BTreeMap::from([(layer, path)]),
        };
        registry.push(&push, &|_, _| {}).await
    }

    /// A registry that has the base, at `base`.
    async fn at(&self, store: &Store) -> Server {
        for layer in &self.base {
            store.put("base", layer);
        }
        store.serve().await
    }
}

async fn pushed(project: &Project, server: &Server) -> Result<Pushed, RegistryError> {
    let host = &server.authority;
    project.push(&registry(), &format!("{host}/base:1"), &format!("{host}/app")).await
}

/// What a log has of requests with this method.
fn of(server: &Server, method: &str) -> Vec<String> {
    server.log().into_iter().filter(|line| line.starts_with(method)).collect()
}

#[tokio::test]
async fn what_is_missing_is_pushed_and_tags_come_last() {
    let (project, store) = (Project::new(), Store::default());
    let server = project.at(&store).await;
    let done = pushed(&project, &server).await.unwrap();
    assert_eq!((done.mounted, done.uploaded, done.present, done.copied), (2, 1, 0, 0));
    assert_eq!(of(&server, "GET"), [""; 0], "nothing is downloaded");
    let log = server.log();
    let last: Vec<_> = log[log.len() - 4..].iter().map(String::as_str).collect();
    assert_eq!(
        last,
        [
            "HEAD /v2/app/manifests/1.0",
            "HEAD /v2/app/manifests/latest",
            "PUT /v2/app/manifests/1.0",
            "PUT /v2/app/manifests/latest"
        ]
    );
    let first_manifest = log.iter().position(|line| line.starts_with("PUT /v2/app/manifests/")).unwrap();
    let last_blob = log.iter().rposition(|line| line.contains("/blobs/")).unwrap();
    assert!(last_blob < first_manifest, "{log:#?}");
    let image = &project.images()[0];
    assert!(store.has("app", &image.layers[0].digest) && store.has("app", &image.layers[1].digest));
    assert_eq!(store.tag("app", "1.0"), store.tag("app", "latest"));
    assert!(store.tag("app", "1.0").is_some());

    // Nothing is new: no request writes.
    let before = server.log().len();
    let done = pushed(&project, &server).await.unwrap();
    assert_eq!(done, Pushed { present: 3, ..Pushed::default() });
    assert!(server.log()[before..].iter().all(|line| line.starts_with("HEAD ")), "{:?}", server.log());
    assert_eq!(server.log().len() - before, 5, "two manifests, the index, two tags");
}

#[tokio::test]
async fn after_a_change_only_what_changed_is_sent() {
    let (mut project, store) = (Project::new(), Store::default());
    let server = project.at(&store).await;
    pushed(&project, &server).await.unwrap();
    project.own = b"another source".to_vec();
    let (posts, puts) = (of(&server, "POST").len(), of(&server, "PUT").len());
    let done = pushed(&project, &server).await.unwrap();
    assert_eq!((done.mounted, done.uploaded, done.present, done.copied), (0, 1, 2, 0));
    assert_eq!(of(&server, "POST").len() - posts, 3, "a layer and two configurations");
    assert_eq!(of(&server, "PUT").len() - puts, 3 + 3 + 2, "these, three documents, two tags");
}

#[tokio::test]
async fn a_mount_that_is_declined_goes_on_as_an_upload() {
    let project = Project::new();
    let store = Store { mounts: false, ..Store::default() };
    let server = project.at(&store).await;
    let done = pushed(&project, &server).await.unwrap();
    assert_eq!((done.mounted, done.copied, done.uploaded), (0, 2, 1));
    assert_eq!(of(&server, "POST").len(), 5, "one for each blob: {:?}", server.log());
    assert_eq!(of(&server, "GET").len(), 2, "the layers of the base: {:?}", server.log());
    assert!(store.has("app", &project.images()[1].layers[0].digest));
}

#[tokio::test]
async fn a_base_of_another_registry_is_passed_on() {
    let mut project = Project::new();
    // More than is sent at once, and more than any buffer on the way.
    project.base[0] = vec![7; 5_000_000];
    let (theirs, ours) = (Store::default(), Store::default());
    let base = project.at(&theirs).await;
    let target = ours.serve().await;
    let done = project
        .push(&registry(), &format!("{}/base:1", base.authority), &format!("{}/app", target.authority))
        .await
        .unwrap();
    assert_eq!((done.mounted, done.copied, done.uploaded), (0, 2, 1));
    assert!(done.bytes > 5_000_000);
    assert!(!target.log().iter().any(|line| line.contains("mount=")), "{:?}", target.log());
    assert!(ours.has("app", &Digest::of(&project.base[0])));
    assert_eq!(project.folder.files(), [""; 0], "nothing is kept");
}

#[tokio::test]
async fn a_copy_that_breaks_is_gone_on_with() {
    // The target's connection breaks, the base's, and the target's where the base gives no parts.
    for (target_breaks, base_breaks, ranges) in
        [(true, false, true), (false, true, true), (true, false, false)]
    {
        let mut project = Project::new();
        project.base[0] = (0..1_500_000_u32).flat_map(u32::to_le_bytes).collect();
        let (theirs, ours) = (Store { ranges, ..Store::default() }, Store::default());
        let base = project.at(&theirs).await;
        let target = ours.serve().await;
        if target_breaks {
            target.cut_off(2_000_000);
        }
        *theirs.breaks.lock().unwrap() = base_breaks.then_some(2_000_000);
        let from = format!("{}/base:1", base.authority);
        project.push(&registry(), &from, &format!("{}/app", target.authority)).await.unwrap();
        assert!(ours.has("app", &Digest::of(&project.base[0])));
        let parts = base.requests().iter().filter(|request| request.header("range").is_some()).count();
        assert_eq!(parts, usize::from(target_breaks), "{:?}", base.log());
    }
}

#[tokio::test]
async fn a_registry_that_never_answers_an_upload_is_asked_what_it_has() {
    for loses in [false, true] {
        let slow = Duration::from_secs(60);
        let (project, store) = (Project::new(), Store { slow, loses, ..Store::default() });
        let server = project.at(&store).await;
        let mut settings = quick();
        settings.timeouts(Duration::from_secs(2), Duration::from_millis(200), Duration::from_millis(400));
        let registry = Registry::new(settings, None).unwrap();
        let host = &server.authority;
        let done = project.push(&registry, &format!("{host}/base:1"), &format!("{host}/app")).await;
        if loses {
            let error = done.unwrap_err();
            assert!(matches!(error, RegistryError::Timeout { .. }), "{error:?}");
            assert_eq!(store.tag("app", "1.0"), None);
        } else {
            assert_eq!(done.unwrap().uploaded, 1);
            assert_eq!(of(&server, "POST").len(), 5, "nothing is sent twice: {:?}", server.log());
        }
    }
}

#[tokio::test]
async fn a_mirror_that_is_the_target_too_lends_its_layers() {
    let (project, store) = (Project::new(), Store::default());
    for layer in &project.base {
        store.put("hub/library/base", layer);
    }
    let server = store.serve().await;
    let mut settings = quick();
    settings.mirror("docker.io", &format!("http://{}/hub", server.authority)).unwrap();
    let registry = Registry::new(settings, None).unwrap();
    let to = format!("{}/app", server.authority);
    let done = project.push(&registry, "base:1", &to).await.unwrap();
    assert_eq!((done.mounted, done.copied, done.uploaded), (2, 0, 1), "{:?}", server.log());
}

#[tokio::test]
async fn a_broken_upload_is_gone_on_with() {
    let mut project = Project::new();
    project.own = (0..1_500_000_u32).flat_map(u32::to_le_bytes).collect();
    let store = Store::default();
    let server = project.at(&store).await;
    server.cut_off(2_000_000);
    pushed(&project, &server).await.unwrap();
    assert!(store.has("app", &Digest::of(&project.own)));
    let patches: Vec<_> = server.requests().into_iter().filter(|request| request.method == "PATCH").collect();
    assert_eq!(patches.len(), 2);
    assert_eq!(patches[0].header("content-range"), None);
    assert_eq!(patches[1].header("content-range"), Some("2000000-5999999"));
    assert_eq!(of(&server, "POST /v2/app/blobs/uploads/").len(), 5, "no upload was begun twice");

    // Where the registry has forgotten it, it is begun anew.
    let store = Store { forgets: true, ..Store::default() };
    let server = project.at(&store).await;
    server.cut_off(2_000_000);
    pushed(&project, &server).await.unwrap();
    assert!(store.has("app", &Digest::of(&project.own)));
    assert_eq!(of(&server, "POST /v2/app/blobs/uploads/").len(), 6, "{:?}", server.log());
}

#[tokio::test]
async fn a_small_upload_that_breaks_is_begun_anew() {
    let mut project = Project::new();
    project.own = vec![b'x'; 10_000];
    let store = Store::default();
    let server = project.at(&store).await;
    server.cut_off(5_000);
    pushed(&project, &server).await.unwrap();
    assert!(store.has("app", &Digest::of(&project.own)));
    assert_eq!(of(&server, "PATCH"), [""; 0]);
}

#[tokio::test]
async fn an_upload_may_take_longer_than_the_next_byte_of_an_answer() {
    let (project, store) = (Project::new(), Store { slow: Duration::from_millis(600), ..Store::default() });
    let server = project.at(&store).await;
    let mut settings = quick();
    settings.timeouts(Duration::from_secs(2), Duration::from_millis(300), Duration::from_secs(5));
    settings.retries(1, Duration::ZERO);
    let registry = Registry::new(settings, None).unwrap();
    let host = &server.authority;
    project.push(&registry, &format!("{host}/base:1"), &format!("{host}/app")).await.unwrap();
}

#[tokio::test]
async fn a_failure_before_the_end_leaves_no_tag() {
    let refusals: [fn(&server::Request) -> bool; 4] = [
        |request| request.method == "POST",
        |request| request.method == "PUT" && request.target.contains("/blobs/"),
        |request| request.method == "PUT" && request.target.contains("/manifests/sha256:"),
        |request| request.method == "HEAD" && request.target.contains("/blobs/"),
    ];
    for (place, refuses) in refusals.into_iter().enumerate() {
        let (project, store) = (Project::new(), Store { refuses, ..Store::default() });
        let server = project.at(&store).await;
        let error = pushed(&project, &server).await.unwrap_err();
        assert!(matches!(error, RegistryError::Server { status: 500, .. }), "{place}: {error:?}");
        assert_eq!(store.tag("app", "1.0"), None, "{place}");
    }
}

/// What a registry has of both tags after the second was refused, when they were these before.
async fn refused(store: Store, before: [Option<&[u8]>; 2]) -> ([Option<Vec<u8>>; 2], RegistryError) {
    let refuses: fn(&server::Request) -> bool =
        |request| request.method == "PUT" && request.target.ends_with("/manifests/latest");
    let (project, store) = (Project::new(), Store { refuses, ..store });
    for (tag, bytes) in ["1.0", "latest"].into_iter().zip(before) {
        if let Some(bytes) = bytes {
            store.put_tag("app", tag, bytes);
            store.put_tag("app", Digest::of(bytes).as_str(), bytes);
        }
    }
    let server = project.at(&store).await;
    let error = pushed(&project, &server).await.unwrap_err();
    assert!(matches!(error.own(), RegistryError::Server { status: 500, .. }), "{error:?}");
    (["1.0", "latest"].map(|tag| store.tag("app", tag)), error)
}

#[tokio::test]
async fn where_a_tag_is_refused_those_before_it_go_back() {
    let (one, two): (&[u8], &[u8]) = (b"{\"one\":1}", b"{\"two\":2}");
    for heads in [true, false] {
        for before in [[None, None], [Some(one), Some(two)], [Some(one), None]] {
            let (tags, error) = refused(Store { heads, ..Store::default() }, before).await;
            assert_eq!(tags, before.map(|bytes| bytes.map(<[u8]>::to_vec)), "{heads}");
            assert!(!error.to_string().contains("moved"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_tag_that_cannot_be_put_back_is_named() {
    // This registry removes no tags.
    let (tags, error) = refused(Store { removes: false, ..Store::default() }, [None, None]).await;
    assert!(tags[0].is_some() && tags[1].is_none());
    let text = error.to_string();
    assert!(text.ends_with("failed with status 500; `1.0` has moved, and could not be put back"), "{text}");
    assert_eq!(error.helps(), ["push again: what is there is not sent again"]);

    // This one has lost what the tag was.
    let (project, store) = (Project::new(), Store::default());
    store.put_tag("app", "1.0", b"{}");
    let refuses: fn(&server::Request) -> bool =
        |request| request.method == "PUT" && request.target.ends_with("/manifests/latest");
    let store = Store { refuses, ..store };
    let server = project.at(&store).await;
    let text = pushed(&project, &server).await.unwrap_err().to_string();
    let was = format!("could not be put back to `{}`", Digest::of(b"{}"));
    assert!(text.ends_with(&was), "{text}");
}

#[tokio::test]
async fn what_does_not_answer_to_head_is_sent_all() {
    let project = Project::new();
    let store = Store { heads: false, ..Store::default() };
    let server = project.at(&store).await;
    for _ in 0..2 {
        let done = pushed(&project, &server).await.unwrap();
        assert_eq!((done.mounted, done.uploaded), (2, 1));
    }
}

#[tokio::test]
async fn storage_elsewhere_gets_no_login() {
    let (project, store) = (Project::new(), Store::default());
    let storage = store.serve().await;
    let elsewhere = format!("http://{}", storage.authority.replace("127.0.0.1", "localhost"));
    let front = Store { locations: elsewhere, password: Some("bWU6c2VjcmV0"), ..store.clone() };
    let server = project.at(&front).await;
    let folder = Folder::new();
    let file = format!(r#"{{"auths":{{"{}":{{"auth":"bWU6c2VjcmV0"}}}}}}"#, server.authority);
    let registry = Registry::new(auth::with_file(&folder, &file), None).unwrap();
    let host = &server.authority;
    let done = project.push(&registry, &format!("{host}/base:1"), &format!("{host}/app")).await.unwrap();
    assert_eq!((done.mounted, done.uploaded), (2, 1));
    assert_eq!(storage.log().len(), 3, "the bytes of three blobs: {:?}", storage.log());
    assert!(storage.requests().iter().all(|request| request.header("authorization").is_none()));
    assert!(server.requests().iter().any(|request| request.header("authorization").is_some()));
}

#[tokio::test]
async fn the_token_of_a_mount_opens_both_repositories() {
    let project = Project::new();
    let store = Store { tokens: true, ..Store::default() };
    let server = project.at(&store).await;
    let done = pushed(&project, &server).await.unwrap();
    assert_eq!((done.mounted, done.uploaded), (2, 1));
    let tokens = of(&server, "GET /token");
    let scope = "GET /token?service=the+registry&scope=repository%3Aapp%3Apull%2Cpush";
    let mut expected = [
        format!("{scope}&client_id=pyimage"),
        format!("{scope}&scope=repository%3Abase%3Apull&client_id=pyimage"),
    ];
    expected.sort();
    let mut found = tokens.clone();
    found.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_refusal_names_the_repository_and_the_login() {
    let (project, store) = (Project::new(), Store { password: Some("other"), ..Store::default() });
    let server = project.at(&store).await;
    let error = pushed(&project, &server).await.unwrap_err();
    let host = &server.authority;
    assert_eq!(error.to_string(), format!("`{host}` does not let us push to `app` (used no credentials)"));
    assert_eq!(error.helps(), [format!("log in as a user who may push there: docker login {host}")]);

    // Of the base it says that it is the base.
    let open = Store::default().serve().await;
    let error = project
        .push(&registry(), &format!("{host}/base:1"), &format!("{}/app", open.authority))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), format!("`{host}` does not let us read `base` (used no credentials)"));

    let error = RegistryError::MayNotPush {
        registry: "docker.io".to_owned(),
        repository: "library/app".to_owned(),
        credentials: String::new(),
        source: None,
    };
    assert!(error.helps()[0].contains("a repository of yours"), "{:?}", error.helps());
}

#[tokio::test]
async fn a_layer_that_was_damaged_is_not_sent() {
    let (project, store) = (Project::new(), Store::default());
    let server = project.at(&store).await;
    let path = project.folder.path.join(Digest::of(&project.own).hex());
    fs_err::write(&path, "sOurce").unwrap();
    let error = pushed(&project, &server).await.unwrap_err();
    assert!(matches!(error, RegistryError::NotKept(_)), "{error:?}");
    assert!(!path.exists(), "so that it is made anew");
    assert_eq!(store.tag("app", "1.0"), None);
    pushed(&project, &server).await.unwrap();
}

#[tokio::test]
async fn a_registry_that_stores_something_else_is_told() {
    let (project, store) = (Project::new(), Store { lies: true, ..Store::default() });
    let server = project.at(&store).await;
    let error = pushed(&project, &server).await.unwrap_err();
    assert!(matches!(error, RegistryError::DigestMismatch { .. }), "{error:?}");
}

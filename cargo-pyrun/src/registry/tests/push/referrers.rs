//! Attaching documents, to registries that list them and to others.

use pyimage_build::{Blob, MediaType, Referrer, ReferrersIndex, SbomFormat};

use super::super::server::{Request, Server};
use super::super::*;
use super::of;
use super::store::Store;
use crate::registry::push::Attached;

const NOTHING_NEW: Attached = Attached { present: 1, added: 0 };

fn sbom() -> Referrer {
    let image = Blob::new(MediaType::OCI_MANIFEST, b"image".to_vec()).descriptor;
    let content = Blob::new(SbomFormat::CycloneDx.media_type(), b"{\"bomFormat\":\"CycloneDX\"}".to_vec());
    Referrer::new(&image, content, "sbom.cdx.json", 0)
}

async fn attach(server: &Server, referrer: &Referrer) -> Result<Attached, RegistryError> {
    let repository = format!("{}/app", server.authority).parse().unwrap();
    registry().attach(&repository, std::slice::from_ref(referrer)).await
}

/// The list under the tag that clients keep it under.
fn listed(store: &Store, referrer: &Referrer) -> Option<ReferrersIndex> {
    let bytes = store.tag("app", &Referrer::tag(&referrer.subject.digest))?;
    Some(ReferrersIndex::parse(&bytes).unwrap())
}

#[tokio::test]
async fn a_registry_that_lists_them_needs_no_tag() {
    let (store, sbom) = (Store { referrers: true, ..Store::default() }, sbom());
    let server = store.serve().await;
    assert_eq!(attach(&server, &sbom).await.unwrap(), Attached { present: 0, added: 1 });
    assert!(
        store.has("app", &sbom.content.descriptor.digest) && store.has("app", &sbom.config.descriptor.digest)
    );
    assert!(store.tag("app", sbom.manifest.descriptor.digest.as_str()).is_some());
    assert_eq!(listed(&store, &sbom), None);
    let writes = of(&server, "PUT").len();
    assert_eq!(attach(&server, &sbom).await.unwrap(), NOTHING_NEW);
    assert_eq!(of(&server, "PUT").len(), writes, "nothing is written again: {:?}", server.log());
}

#[tokio::test]
async fn with_another_the_list_is_under_a_tag() {
    let (store, sbom) = (Store::default(), sbom());
    let server = store.serve().await;
    assert_eq!(attach(&server, &sbom).await.unwrap(), Attached { present: 0, added: 1 });
    assert!(listed(&store, &sbom).unwrap().has(&sbom.manifest.descriptor.digest));
    let writes = of(&server, "PUT").len();
    assert_eq!(attach(&server, &sbom).await.unwrap(), NOTHING_NEW);
    assert_eq!(of(&server, "PUT").len(), writes);
}

#[tokio::test]
async fn what_others_attached_stays_in_the_list() {
    let (store, sbom) = (Store::default(), sbom());
    let theirs = Blob::new(MediaType::OCI_MANIFEST, b"signature".to_vec()).descriptor;
    let mut index = ReferrersIndex::default();
    index.add(&theirs);
    store.put_tag("app", &Referrer::tag(&sbom.subject.digest), &index.blob().bytes);
    attach(&store.serve().await, &sbom).await.unwrap();
    let index = listed(&store, &sbom).unwrap();
    assert!(index.has(&theirs.digest) && index.has(&sbom.manifest.descriptor.digest));
}

#[tokio::test]
async fn something_else_under_the_tag_is_not_written_over() {
    let (store, sbom) = (Store::default(), sbom());
    let tag = Referrer::tag(&sbom.subject.digest);
    store.put_tag("app", &tag, b"{\"schemaVersion\":2,\"config\":{},\"layers\":[]}");
    let error = attach(&store.serve().await, &sbom).await.unwrap_err();
    assert!(matches!(&error, RegistryError::NotADocument { what, .. } if *what == tag), "{error:?}");
    assert_eq!(store.tag("app", &tag).unwrap().len(), 43);
}

#[tokio::test]
async fn what_failed_is_completed_by_the_next() {
    let refusals: [fn(&Request) -> bool; 3] = [
        |request| request.method == "PUT" && request.target.contains("/blobs/"),
        |request| request.method == "PUT" && request.target.contains("/manifests/sha256:"),
        |request| request.method == "PUT" && request.target.contains("/manifests/sha256-"),
    ];
    for refuses in refusals {
        let (store, sbom) = (Store { refuses, ..Store::default() }, sbom());
        let error = attach(&store.serve().await, &sbom).await.unwrap_err();
        assert!(matches!(error, RegistryError::Server { status: 500, .. }), "{error:?}");
        assert_eq!(listed(&store, &sbom), None);
        let mended = Store { refuses: |_| false, ..store.clone() };
        assert_eq!(attach(&mended.serve().await, &sbom).await.unwrap(), Attached { present: 0, added: 1 });
        assert!(listed(&store, &sbom).unwrap().has(&sbom.manifest.descriptor.digest));
    }
}

#[tokio::test]
async fn a_list_that_another_writes_over_is_written_again() {
    let (store, sbom) = (Store { loses_tags: Arc::new(1.into()), ..Store::default() }, sbom());
    let server = store.serve().await;
    attach(&server, &sbom).await.unwrap();
    assert_eq!(of(&server, "PUT /v2/app/manifests/sha256-").len(), 2, "{:?}", server.log());
    assert!(listed(&store, &sbom).unwrap().has(&sbom.manifest.descriptor.digest));
    // Somebody never stops.
    let store = Store { loses_tags: Arc::new(100.into()), ..Store::default() };
    let error = attach(&store.serve().await, &sbom).await.unwrap_err();
    assert!(matches!(error, RegistryError::Contested { .. }), "{error:?}");
}

//! `compression = "zstd"`: what an image becomes, and which engines take it.

use std::process::Command;
use std::time::Duration;

use tests::{Finished, Folder, RegistryImage, Setting, eventually, finish, with_cargo};

use crate::build::OnDisk;

fn project(base: &str, more: &str) -> Folder {
    let folder = Folder::new();
    let unique = folder.root().file_name().expect("a name").to_string_lossy().to_lowercase();
    let manifest = format!(
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[package.metadata.pyimage]\n\
         base = \"{base}\"\nbytecode = \"none\"\nname = \"pyimage-test/{unique}\"\nplatforms = [\"linux/amd64\"]\nsource = [\"main.py\"]\n\
         entrypoint = [\"python3\", \"main.py\"]\ncompression = \"zstd\"\n{more}"
    );
    folder.file("Cargo.toml", &manifest).file("src/lib.rs", "");
    folder.file("main.py", &format!("print('squeezed')\n{}", "# nothing\n".repeat(10_000)));
    folder
}

fn pyimage<const N: usize>(folder: &Folder, setting: &Setting, words: [&str; N]) -> Command {
    let mut command = folder.pyimage(words);
    command.env("DOCKER_HOST", setting.address());
    with_cargo(&mut command);
    command
}

fn succeeded(run: &Finished) -> &str {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    &run.stdout
}

#[test]
fn zstandard_is_for_bases_of_oci_and_loaded_by_engines_that_do_not_read_it() {
    let Some(setting) = Setting::docker_of_root() else { return };
    let Some(mut base) = RegistryImage::push(&setting.folder, 10_000) else { return };
    let refused = finish(&mut pyimage(&project(base.name(), ""), &setting, ["build", "--no-load"]));
    assert_eq!(refused.code, Some(101), "{}", refused.stderr);
    for words in
        ["has Docker's media types, which have none for layers of zstd", "help: leave `compression` out"]
    {
        assert!(refused.stderr.contains(words), "no {words:?} in {}", refused.stderr);
    }

    let oci = base.with_oci_types();
    let settings = [Some(setting), Setting::containerd_of_root(), Setting::rootless_podman()];
    for setting in settings.into_iter().flatten() {
        let folder = project(&oci, "compression-level = 19\n");
        let built = finish(&mut pyimage(&folder, &setting, ["build", "--no-load"]));
        let name = succeeded(&built).split('@').next().expect("a name").to_owned();
        let title = OnDisk(folder.project().join("target/pyimage/app"));
        let manifest = title.manifests().remove(0);
        let layer = manifest["layers"].as_array().expect("layers").last().expect("a layer").clone();
        assert_eq!(layer["mediaType"], "application/vnd.oci.image.layer.v1.tar+zstd");
        assert!(layer["size"].as_u64().is_some_and(|size| size < 1000), "{layer}");
        let ran = finish(&mut pyimage(&folder, &setting, ["run"]));
        assert_eq!(succeeded(&ran), "squeezed\n", "{}", ran.stderr);
        assert!(folder.unsound_in_cache().is_empty(), "{:?}", folder.unsound_in_cache());
        // The container of the last run may be on its way out.
        let image = format!("{name}:latest");
        let is_gone = || setting.cli(["rmi", "-f", &image]).code == Some(0);
        assert!(eventually(Duration::from_secs(20), is_gone), "{image}");
    }
}

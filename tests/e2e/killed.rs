//! `kill -9` at any time: the next call of the same command does all that it would have done, and nothing is half there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tests::{Finished, Folder, Setting, containers_of, eventually, finish};

use crate::build::OnDisk;
use crate::lock_packages::Project;
use crate::{bytecode, images, robust, sbom};

/// How often each command is killed, at times spread over how long it takes.
const ROUNDS: u32 = 6;

/// A command that is killed.
struct Victim<'v> {
    /// Sets the scene for a round: what is there from the one before, the command would leave as it is.
    before: Box<dyn Fn(u32) + 'v>,
    command: Box<dyn Fn() -> Command + 'v>,
    /// What has to be so when it was killed.
    broken: Box<dyn Fn() + 'v>,
    /// What has to be so when it came to its end.
    whole: Box<dyn Fn(&Finished) + 'v>,
}

impl Victim<'_> {
    fn die(&self) {
        let run_through = |round| {
            (self.before)(round);
            let run = finish(&mut (self.command)());
            assert_eq!(run.code, Some(0), "{}", run.stderr);
            (self.whole)(&run);
            run.took
        };
        // The first time, it takes longer than ever after.
        let took = run_through(0).min(run_through(1));
        for round in 0..ROUNDS {
            (self.before)(round + 2);
            let mut child = (self.command)();
            let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
            std::thread::sleep(took * (2 * round + 1) / (2 * ROUNDS));
            child.kill().expect("it is killed");
            child.wait().expect("its end");
            (self.broken)();
            let run = finish(&mut (self.command)());
            assert_eq!(run.code, Some(0), "round {round}: {}", run.stderr);
            (self.whole)(&run);
        }
    }
}

/// What a killed process began may lie in the cache until somebody comes along. What is done there is sound.
fn is_sound(folder: &Folder) {
    if !folder.cache().exists() {
        return;
    }
    let mut unsound = folder.unsound_in_cache();
    unsound.retain(|path| !path.to_string_lossy().contains(".tmp-"));
    assert_eq!(unsound, Vec::<PathBuf>::new());
}

/// Programs that a killed one had started may still be at work there.
fn remove(folder: &Path) {
    let gone = || fs_err::remove_dir_all(folder).is_ok() || !folder.exists();
    assert!(eventually(Duration::from_secs(10), gone), "{}", folder.display());
}

const SECTION: &str = "requirements = \"requirements.txt\"\nsource = [\"app\"]\n";

fn project() -> Option<Project> {
    let project = Project::new(SECTION)?;
    project.folder.file("requirements.txt", "demo\nalpha\nnative\n").file("app/main.py", "import demo\n");
    // It has no wheel for the other one.
    let manifest = project.text("Cargo.toml").replace(", \"linux/arm/v7\"", "");
    project.folder.file("Cargo.toml", &manifest);
    Some(project)
}

#[test]
fn a_lock_that_is_killed_harms_nothing() {
    let Some(project) = project() else { return };
    let names = ["pyimage.lock", "pylock.toml"];
    let texts = || names.map(|name| project.text(name));
    assert_eq!(finish(&mut project.command("lock")).code, Some(0));
    let expected = texts();
    let victim = Victim {
        before: Box::new(|round| {
            for name in names {
                fs_err::remove_file(project.folder.project().join(name)).expect("a lock");
            }
            if round % 2 == 0 {
                remove(&project.folder.cache());
            }
        }),
        command: Box::new(|| project.command("lock")),
        broken: Box::new(|| {
            // The one for bases is written once more when it is known what is in them.
            let [bases, packages] = texts();
            assert!(bases.is_empty() || bases.ends_with('\n'), "{bases}");
            assert!(packages.is_empty() || packages == expected[1], "{packages}");
        }),
        whole: Box::new(|_| {
            assert_eq!(texts(), expected);
            is_sound(&project.folder);
        }),
    };
    victim.die();
    let begun: Vec<_> = begun(&project.folder.project());
    assert_eq!(begun, Vec::<PathBuf>::new());
}

#[test]
fn a_fetch_that_is_killed_harms_nothing() {
    let Some(project) = project() else { return };
    let build = || finish(project.command("build").arg("--frozen"));
    assert_eq!(finish(&mut project.command("fetch")).code, Some(0));
    let digest = build().stdout;
    let victim = Victim {
        before: Box::new(|_| remove(&project.folder.cache())),
        command: Box::new(|| project.command("fetch")),
        broken: Box::new(|| is_sound(&project.folder)),
        whole: Box::new(|_| {
            is_sound(&project.folder);
            remove(&project.folder.project().join("target"));
            let run = build();
            assert_eq!((run.code, &run.stdout), (Some(0), &digest), "{}", run.stderr);
        }),
    };
    victim.die();
}

#[test]
fn a_build_that_compiles_and_is_killed_harms_nothing() {
    let Some(project) = bytecode::Project::new("bytecode = \"packages\"") else { return };
    let layout = || OnDisk(project.folder.project().join("target/pyimage/app"));
    let command = || project.command(["build", "--no-load"]);
    let digest = finish(&mut command()).stdout;
    let lock = project.text("pyimage.lock");
    let victim = Victim {
        before: Box::new(|round| {
            remove(&project.folder.cache());
            if round % 2 == 0 {
                remove(&project.folder.project().join("target"));
            }
        }),
        command: Box::new(command),
        broken: Box::new(|| is_sound(&project.folder)),
        whole: Box::new(|run| {
            assert_eq!(run.stdout, digest);
            assert_eq!(project.text("pyimage.lock"), lock);
            is_sound(&project.folder);
            robust::check(&layout());
        }),
    };
    victim.die();
    let is_over = || containers_of(&project.folder).is_empty();
    assert!(eventually(Duration::from_secs(20), is_over), "{:?}", containers_of(&project.folder));
}

#[test]
fn a_push_and_a_pull_that_are_killed_harm_nothing() {
    let Some(project) = sbom::Project::new() else { return };
    let target = &project.target;
    let tags_are_whole = || {
        for tag in target.tags() {
            assert_eq!(target.missing_from(&tag), [""; 0], "{tag}");
        }
    };
    let push = Victim {
        before: Box::new(|round| {
            // Another image each time, large enough to be broken off.
            let text = format!("# {round}\n{}", "x = 1\n".repeat(400_000));
            project.folder.file("main.py", &text);
        }),
        command: Box::new(|| project.command(&["push", "--sbom"])),
        broken: Box::new(tags_are_whole),
        whole: Box::new(|run| {
            target.adopt("latest");
            let (name, digest) = run.stdout.trim().split_once('@').expect("a digest");
            assert!(name.ends_with("-app"), "{name}");
            assert_eq!(target.manifest("latest").1, target.manifest(digest).1);
            tags_are_whole();
            is_sound(&project.folder);
        }),
    };
    push.die();

    let name = target.reference_at(&project.hub.host(), "latest");
    let pulled = project.folder.project().join("pulled");
    let pull = Victim {
        before: Box::new(|round| {
            remove(&project.folder.cache());
            if round % 2 == 0 && pulled.exists() {
                remove(&pulled);
            }
        }),
        command: Box::new(|| project.command(&["pull", &name, "-o", "pulled"])),
        broken: Box::new(|| is_sound(&project.folder)),
        whole: Box::new(|_| {
            robust::check(&OnDisk(pulled.clone()));
            is_sound(&project.folder);
        }),
    };
    pull.die();
}

/// What was begun in a folder and is not there under its name.
fn begun(folder: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries.filter(|path| path.to_string_lossy().contains(".tmp-")).collect()
}

#[test]
fn a_save_that_is_killed_harms_nothing() {
    let Some(project) = project() else { return };
    project.folder.file("app/data.txt", &"x = 1\n".repeat(4_000_000));
    // A layer that takes a while to be written.
    let manifest = project.text("Cargo.toml");
    project.folder.file("Cargo.toml", &format!("{manifest}compression-level = 1\n"));
    let command = || {
        let mut command = project.command("save");
        command.arg("app.tar");
        command
    };
    assert_eq!(finish(&mut command()).code, Some(0));
    let folder = project.folder.project();
    let bytes = || fs_err::read(folder.join("app.tar")).ok();
    let expected = bytes();
    let victim = Victim {
        before: Box::new(|round| {
            if round % 2 == 0 {
                remove(&project.folder.cache());
            }
            fs_err::remove_file(folder.join("app.tar")).expect("an archive");
        }),
        command: Box::new(command),
        broken: Box::new(|| assert!(bytes().is_none() || bytes() == expected, "half an archive")),
        whole: Box::new(|_| {
            assert!(bytes() == expected, "another archive");
            is_sound(&project.folder);
        }),
    };
    victim.die();
    // What was left of the archive by one that was killed goes with the next one, unless it may still be at work.
    let left = begun(&folder);
    fs_err::write(folder.join(".app.tar.tmp-dead"), "half").expect("a file");
    for path in left.into_iter().chain([folder.join(".app.tar.tmp-dead")]) {
        let hour_ago = std::time::SystemTime::now() - Duration::from_secs(3600);
        fs_err::File::options()
            .write(true)
            .open(path)
            .and_then(|file| file.set_modified(hour_ago))
            .expect("it");
    }
    fs_err::write(folder.join(".app.tar.tmp-alive"), "half").expect("a file");
    assert_eq!(finish(&mut command()).code, Some(0));
    assert_eq!(begun(&folder), [folder.join(".app.tar.tmp-alive")]);
}

#[test]
fn a_load_that_is_killed_harms_nothing() {
    let Some(setting) = Setting::docker_of_root() else { return };
    let own = format!("[\"{}\"]", images::platform());
    let Some(project) = images::Project::on(&setting, "tag = \"3.13-slim\"", &own) else { return };
    let ids = std::cell::RefCell::new(Vec::new());
    let victim = Victim {
        before: Box::new(|round| {
            let data = "x = 1\n".repeat(200_000);
            project.says(&format!("print('round', {round})\nr'''{data}'''\n"));
            if round % 2 == 0 {
                remove(&setting.folder.cache());
            }
        }),
        command: Box::new(|| project.command(["load"])),
        broken: Box::new(|| is_sound(&setting.folder)),
        whole: Box::new(|run| {
            assert_eq!(run.stdout, format!("{}\n", project.tag()));
            let says = fs_err::read_to_string(setting.folder.project().join("main.py")).expect("a script");
            let round = says.lines().nth(1).expect("a line").trim_matches(|c: char| !c.is_ascii_digit());
            let ran = setting.cli(["run", "--rm", &project.tag()]);
            assert_eq!((ran.code, ran.stdout), (Some(0), format!("round {round}\n")), "{}", ran.stderr);
            ids.borrow_mut().push(project.id());
            is_sound(&setting.folder);
        }),
    };
    victim.die();
    drop(victim);
    for id in ids.into_inner() {
        // The last one goes with its name.
        let _ = setting.cli(["rmi", "-f", &id]);
    }
}

//! Who the script is: what it writes belongs to the caller, and it is somebody with a home.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use tests::{Setting, TAG, finish, on_engines};

on_engines!(
    docker, docker_of_root, containerd, podman, podman_of_another_user, rootless_docker, rootless_podman:
    [what_a_script_writes_belongs_to_the_caller, the_script_is_somebody_with_a_home, no_bytecode_lands_in_the_project]
);

fn what_a_script_writes_belongs_to_the_caller(setting: &Setting) {
    let code = "import os, subprocess, sys\n\
                open('file', 'w').write('x')\n\
                os.makedirs('folder/inner')\n\
                subprocess.check_call([sys.executable, '-c', \"open('folder/inner/deep', 'w')\"])\n\
                subprocess.check_call(['sh', '-c', 'echo x > by-shell; ln -s file link'])";
    setting.folder.file("write.py", code);
    let run = finish(&mut setting.pyrun(["--tag", TAG, "write.py"]));
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    for name in ["file", "folder", "folder/inner", "folder/inner/deep", "by-shell", "link"] {
        let made = fs_err::symlink_metadata(setting.folder.project().join(name)).expect(name);
        assert_eq!((made.uid(), made.gid()), setting.caller(), "{name}");
    }
}

fn the_script_is_somebody_with_a_home(setting: &Setting) {
    let code = "import getpass, grp, os, pwd\n\
                me = pwd.getpwuid(os.getuid())\n\
                grp.getgrgid(os.getgid())\n\
                assert getpass.getuser() == me.pw_name == os.environ['USER'], (me, os.environ)\n\
                assert os.path.expanduser('~') == me.pw_dir == os.environ['HOME'], (me, os.environ)\n\
                os.makedirs(os.path.expanduser('~/.cache/deep'))\n\
                open(os.path.expanduser('~/.cache/deep/file'), 'w').write('x')\n\
                open('/tmp/file', 'w').write('x')\n\
                print('somebody')";
    for options in [&["--tag", TAG][..], &["--tag", TAG, "--read-only"]] {
        let run = finish(setting.pyrun([]).args(options).args(["-c", code]));
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), "somebody\n"), "{options:?}: {}", run.stderr);
    }
}

fn no_bytecode_lands_in_the_project(setting: &Setting) {
    setting.folder.file("helper/__init__.py", "word = 'imported'\n");
    // As another user there is no folder to keep bytecode in, but `-u 0` could write it anywhere.
    for options in [&["--tag", TAG][..], &["--tag", TAG, "-u", "0"]] {
        let run = finish(setting.pyrun([]).args(options).args(["-c", "import helper; print(helper.word)"]));
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), "imported\n"), "{options:?}: {}", run.stderr);
        let left: Vec<_> =
            walk(&setting.folder.project()).into_iter().filter(|path| path.contains("pyc")).collect();
        assert!(left.is_empty(), "{options:?}: {left:?}");
    }
}

fn walk(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder).expect("a folder").flatten() {
        found.push(entry.path().display().to_string());
        if entry.path().is_dir() {
            found.extend(walk(&entry.path()));
        }
    }
    found
}

#[test]
fn a_user_by_numbers_is_somebody() {
    let Some(setting) = Setting::docker_of_root() else { return };
    let code = "import getpass, os, pathlib\n\
                (pathlib.Path.home() / 'file').write_text('x')\n\
                print(os.getuid(), os.getgid(), getpass.getuser() == os.environ['USER'])";
    for user in ["1234:5678", "1234"] {
        let run = finish(&mut setting.pyrun(["--tag", TAG, "-u", user, "-c", code]));
        let gid = if user == "1234" { 0 } else { 5678 };
        assert_eq!((run.code, run.stdout), (Some(0), format!("1234 {gid} True\n")), "{user}: {}", run.stderr);
    }
}

#[test]
fn a_user_by_name_is_the_images_with_a_home_that_it_can_write() {
    let code = "import getpass, os, pathlib\n\
                (pathlib.Path.home() / 'file').write_text('x')\n\
                print(os.getuid(), os.getgid(), getpass.getuser(), os.environ['USER'])";
    for setting in [Setting::docker_of_root(), Setting::podman()].into_iter().flatten() {
        for (user, expected) in [("nobody", "65534 65534"), ("nobody:games", "65534 60")] {
            for more in [&[][..], &["--read-only"]] {
                let run = finish(setting.pyrun(["--tag", TAG, "-u", user]).args(more).args(["-c", code]));
                let expected = format!("{expected} nobody nobody\n");
                assert_eq!((run.code, run.stdout), (Some(0), expected), "{user} {more:?}: {}", run.stderr);
            }
        }
        let run = finish(&mut setting.pyrun(["--tag", TAG, "-u", "no-such-user", "-c", "pass"]));
        assert_eq!((run.code, run.stdout.as_str()), (Some(125), ""), "{}", run.stderr);
        assert!(run.stderr.contains("no-such-user"), "{}", run.stderr);
        assert!(setting.nothing_is_left());
    }
}

/// An image of this test's own, gone with it.
struct OwnImage<'a>(&'a Setting, String);

impl OwnImage<'_> {
    fn build<'a>(setting: &'a Setting, name: &str, recipe: &str) -> OwnImage<'a> {
        let context = setting.folder.root().join("image");
        fs_err::create_dir_all(&context).expect("a folder");
        fs_err::write(context.join("Dockerfile"), format!("FROM python:{TAG}\n{recipe}")).expect("a recipe");
        let unique = setting.folder.root().file_name().expect("a name").to_string_lossy().to_lowercase();
        let image = format!("{unique}:{name}");
        let built = setting.cli(["build", "-q", "-t", &image, &context.display().to_string()]);
        assert_eq!(built.code, Some(0), "{}", built.stderr);
        OwnImage(setting, image)
    }
}

impl Drop for OwnImage<'_> {
    fn drop(&mut self) {
        // The container of the last run may be on its way out.
        let _ = tests::eventually(Duration::from_secs(20), || self.0.cli(["rmi", &self.1]).code == Some(0));
    }
}

#[test]
fn a_user_whom_the_image_knows_already_keeps_name_and_home() {
    for setting in [Setting::docker(), Setting::podman_of_another_user()].into_iter().flatten() {
        let recipe = format!("RUN useradd -u {} -m ada && echo kept > /home/ada/dotfile", setting.caller().0);
        let image = OwnImage::build(&setting, "known", &recipe);
        let code = "import getpass, os, pathlib\n\
                home = pathlib.Path.home()\n\
                (home / 'file').write_text('x')\n\
                open('made', 'w')\n\
                print(getpass.getuser(), os.environ['USER'], home, (home / 'dotfile').read_text().strip())";
        let run = finish(&mut setting.pyrun(["--image", &image.1, "-c", code]));
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), "ada ada /home/ada kept\n"), "{}", run.stderr);
        let made = fs_err::metadata(setting.folder.project().join("made")).expect("a file of the script");
        assert_eq!((made.uid(), made.gid()), setting.caller());
        let code = "import pathlib; (pathlib.Path.home() / 'file').write_text('x')";
        let run = finish(&mut setting.pyrun(["--image", &image.1, "--read-only", "-c", code]));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
    }
}

#[test]
fn the_user_of_an_image_gives_way_to_the_caller() {
    let Some(setting) = Setting::docker_of_root() else { return };
    let image = OwnImage::build(&setting, "own", "RUN useradd -u 4711 -m app\nUSER app\n");
    let run = finish(&mut setting.pyrun([
        "--image",
        &image.1,
        "-c",
        "import os; print(os.getuid()); open('made', 'w')",
    ]));
    assert_eq!((run.code, run.stdout), (Some(0), format!("{}\n", setting.caller().0)), "{}", run.stderr);
    let made = fs_err::metadata(setting.folder.project().join("made")).expect("a file of the script");
    assert_eq!((made.uid(), made.gid()), setting.caller());
}

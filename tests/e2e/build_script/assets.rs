//! Assets in programs.

use std::os::unix::fs::PermissionsExt as _;

use tests::finish;

use super::crates::{Crate, MODULE, built, cargo, output};

/// A program that looks at everything in the module.
const THOROUGH: &str = r#"
fn main() {
    for asset in pyimage::ASSETS {
        println!("{} {} {} {:?}", asset.path, asset.sha256, asset.executable, asset.text());
    }
    println!("{:?}", pyimage::asset("app/main.py").map(|asset| asset.contents.len()));
    println!("{:?}", pyimage::asset("app/none.py").map(|asset| asset.contents.len()));
}
"#;

#[test]
fn assets_are_in_the_program_in_every_edition_and_under_strict_lints() {
    for edition in ["2018", "2021", "2024"] {
        let name = format!("assets-{edition}");
        let new = Crate::with(&name, edition, super::crates::SECTION);
        let strict = "//! A program.\n#![deny(warnings, missing_docs, unreachable_pub, unused_qualifications)]\n\
                      #![forbid(unsafe_code)]\n#![deny(clippy::all, clippy::pedantic, rust_2018_idioms)]\n";
        new.write("src/main.rs", &format!("{strict}{MODULE}{THOROUGH}"));
        new.write(
            "build.rs",
            "fn main() {\n    pyimage_build::configure().extract(true).compile_or_exit();\n}\n",
        );
        new.write("app/run.sh", "#!/bin/sh\n");
        let executable = std::fs::Permissions::from_mode(0o755);
        fs_err::set_permissions(new.path("app/run.sh"), executable).expect("a mode");
        assert_eq!(
            new.run(),
            "app/data.json ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356 false Some(\"{}\\n\")\n\
             app/main.py 03e693d9f2f687e0f40e36a8df7fcb4d1c22974012b7c2a55c000eb30f305824 false Some(\"print('hello')\\n\")\n\
             app/run.sh a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf true Some(\"#!/bin/sh\\n\")\n\
             Some(15)\nNone\n"
        );
        let clippy = finish(&mut new.cargo(["clippy", "-q"]));
        if clippy.stderr.contains("no such command") || clippy.stderr.contains("is not installed") {
            tests::skip("clippy");
        } else {
            assert_eq!((clippy.code, clippy.stderr.as_str()), (Some(0), ""), "{edition}");
        }
    }
}

#[test]
fn any_name_that_is_utf_8_will_do() {
    let new = Crate::new("names");
    let names = [
        "match.py",
        "type",
        "a b.py",
        "quote\"'.py",
        "back\\slash",
        "{}.py",
        "naïve.py",
        "\u{202e}yp.a",
        "$x",
    ];
    for name in names {
        new.write(&format!("app/{name}"), name);
    }
    let out = new.run();
    for name in names {
        assert!(out.contains(&format!("app/{name} {name}\n")), "no {name} in {out}");
    }
    assert_eq!(out.lines().count(), names.len() + 2);
}

#[test]
fn assets_are_extracted_once_by_many_programs() {
    let new = Crate::new("extracted");
    new.write(
        "build.rs",
        "fn main() {\n    pyimage_build::configure().extract(true).compile_or_exit();\n}\n",
    );
    new.write(
        "src/main.rs",
        &format!(
            "{MODULE}fn main() {{\n    println!(\"{{}}\", pyimage::extract().unwrap().display());\n}}\n"
        ),
    );
    new.build();
    let cache = tempfile::tempdir().expect("a folder");
    let program = || {
        let mut command = std::process::Command::new(built("extracted"));
        command.env("PYIMAGE_CACHE_DIR", cache.path());
        command
    };
    let children: Vec<_> = (0..8).map(|_| tests::spawn(&mut program())).collect();
    for child in children {
        let ended = child.wait_with_output().expect("its end");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }
    let folder = output(&mut program());
    let folder = std::path::Path::new(folder.trim());
    assert!(folder.starts_with(cache.path().join("assets")), "{}", folder.display());
    let text = fs_err::read_to_string(folder.join("app/main.py")).expect("an asset");
    assert_eq!(text, "print('hello')\n");
    assert_eq!(fs_err::read_dir(cache.path().join("assets")).expect("a folder").count(), 1);
    // Somebody damages it.
    fs_err::remove_file(folder.join("app/main.py")).expect("an asset");
    output(&mut program());
    assert!(folder.join("app/main.py").is_file());
    let mut homeless = program();
    homeless.env_remove("PYIMAGE_CACHE_DIR").env_remove("HOME").env_remove("XDG_CACHE_HOME");
    assert!(finish(&mut homeless).stderr.contains("set `PYIMAGE_CACHE_DIR` or `HOME`"));
}

#[test]
fn two_folders_give_the_same_module_and_no_path_is_in_it() {
    let module = |name: &str| {
        let new = Crate::new(name);
        new.write("src/main.rs", "fn main() { println!(\"{}\", env!(\"OUT_DIR\")); }\n");
        // The name of a package is part of what is generated.
        let manifest = fs_err::read_to_string(new.path("Cargo.toml")).expect("a manifest");
        new.write("Cargo.toml", &manifest.replace(name, "same"));
        let out = new.run();
        let path = std::path::Path::new(out.trim()).join("pyimage.rs");
        let text = fs_err::read_to_string(&path).expect("a module");
        // Both may have one folder for output, and are to write it themselves.
        fs_err::remove_file(path).expect("a module");
        text
    };
    let one = module("same-one");
    assert_eq!(one, module("same-other"));
    assert!(one.contains("app/main.py") && !one.contains(env!("CARGO_TARGET_TMPDIR")));
}

#[test]
fn ten_thousand_assets_are_embedded() {
    let new = Crate::new("many");
    for number in 0..10_000 {
        new.write(&format!("app/{}/{number}.py", number % 10), "");
    }
    new.write(
        "src/main.rs",
        &format!(
            "{MODULE}fn main() {{\n    assert!(pyimage::ASSETS.iter().all(|one| pyimage::asset(one.path).is_some()));\n    \
             println!(\"{{}}\", pyimage::ASSETS.len());\n}}\n"
        ),
    );
    assert_eq!(new.run(), "10002\n");
    let said = new.build();
    assert!(said.contains("Fresh many"), "{said}");
}

#[test]
fn for_another_target_the_assets_are_the_same() {
    let new = Crate::new("other-target");
    let host = output(cargo().args(["-vV"]));
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    // Named, a target has folders of its own, and build scripts are for the host.
    let ran = finish(&mut new.cargo(["run", "-q", "--target", host]));
    assert_eq!((ran.code, ran.stdout.lines().count()), (Some(0), 2), "{}", ran.stderr);
    assert_eq!(ran.stdout, new.run());
}

use super::*;
use proptest::prelude::*;

fn launchers(text: &str) -> Result<Vec<(String, String)>, String> {
    let scheme = Scheme::official(13);
    EntryPoints::parse(text)
        .and_then(|entry_points| entry_points.launchers(&scheme))
        .map_err(|problem| problem.to_string())
}

fn names(text: &str) -> Vec<String> {
    launchers(text).unwrap().into_iter().map(|(name, _)| name).collect()
}

#[test]
fn programs_are_pips() {
    let text = "# comment\n[other]\nno equals sign\n\n[console_scripts]\r\nDemo = pkg.sub:obj.attr [extra]\n\
                [gui_scripts]\ndemo-gui=pkg:main\n";
    assert_eq!(
        launchers(text).unwrap(),
        [
            (
                "Demo".to_owned(),
                "#!/usr/local/bin/python3.13\nimport sys\nfrom pkg.sub import obj\n\
                 if __name__ == '__main__':\n    sys.argv[0] = sys.argv[0].removesuffix('.exe')\n    \
                 sys.exit(obj.attr())\n"
                    .to_owned()
            ),
            (
                "demo-gui".to_owned(),
                "#!/usr/local/bin/python3.13\nimport sys\nfrom pkg import main\n\
                 if __name__ == '__main__':\n    sys.argv[0] = sys.argv[0].removesuffix('.exe')\n    \
                 sys.exit(main())\n"
                    .to_owned()
            ),
        ]
    );
}

#[test]
fn older_pips_have_other_texts() {
    let text = |major, minor| {
        let scheme = Scheme::new(9, "/py").with_launcher(Launcher::of_pip(major, minor));
        launcher("x", "a:b", &scheme).unwrap().1
    };
    assert_eq!(
        text(20, 0),
        "#!/py\n# -*- coding: utf-8 -*-\nimport re\nimport sys\nfrom a import b\nif __name__ == '__main__':\n    \
         sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])\n    sys.exit(b())\n"
    );
    assert_eq!(
        text(25, 2),
        "#!/py\nimport sys\nfrom a import b\nif __name__ == '__main__':\n    if sys.argv[0].endswith('.exe'):\n        \
         sys.argv[0] = sys.argv[0][:-4]\n    sys.exit(b())\n"
    );
}

#[test]
fn the_system_can_read_the_first_line() {
    assert_eq!(shebang("/usr/bin/python"), "#!/usr/bin/python\n");
    let longest = "x".repeat(124);
    assert_eq!(shebang(&longest), format!("#!{longest}\n"));
    let longer = "x".repeat(125);
    assert_eq!(shebang(&longer), format!("#!/bin/sh\n'''exec' {longer} \"$0\" \"$@\"\n' '''\n"));
    assert_eq!(shebang("/a b/python"), "#!/bin/sh\n'''exec' \"/a b/python\" \"$0\" \"$@\"\n' '''\n");
}

#[test]
fn pip_is_named_after_the_python_that_has_it() {
    let text = "[console_scripts]\npip = pip:main\npip2 = pip:main\npip3.11 = pip:main\npipx = x:main\npip3.1.1 = x:y";
    assert_eq!(names(text), ["pip", "pip3", "pip3.1.1", "pip3.13", "pipx"]);
    let text = "[console_scripts]\neasy_install = s:main\neasy_install-3.8 = s:main\neasy_install-x = s:main";
    assert_eq!(names(text), ["easy_install", "easy_install-3.13", "easy_install-x"]);
    assert_eq!(names("[console_scripts]\npip3.11 = pip:main"), ["pip3.11"]);
    let text = "[console_scripts]\npip = pip:main\npip3 = pip:main\neasy_install = s:main\n";
    let scheme = Scheme::of(&"2.7.18".parse().unwrap()).unwrap();
    let launchers = EntryPoints::parse(text).unwrap().launchers(&scheme).unwrap();
    let names: Vec<_> = launchers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["easy_install", "easy_install-2.7", "pip", "pip2", "pip2.7"]);
}

#[test]
fn what_no_program_can_be_made_of_is_refused() {
    for (line, why) in [
        ("demo", "the entry point `demo = ` is no program: it has no `=`"),
        ("demo =", "the entry point `demo = ` is no program: it names no module"),
        (
            "demo = pkg",
            "the entry point `demo = pkg` is no program: it names no function, as in `module:function`",
        ),
        (
            "demo = a-b:c",
            "the entry point `demo = a-b:c` is no program: it names no function, as in `module:function`",
        ),
        ("demo = a:b:c", "the entry point `demo = a:b:c` is no program: it has two colons"),
        ("demo = a:b ]", "the entry point `demo = a:b ]` is no program: its brackets make no sense"),
        ("a b = a:b", "the entry point `a b = a:b` is no program: its name is none that a command can have"),
        ("../x = a:b", "the entry point `../x = a:b` is no program: it has `..`"),
        ("/bin/x = a:b", "the entry point `/bin/x = a:b` is no program: it is absolute"),
        (" = a:b", "the entry point ` = a:b` is no program: it is empty"),
    ] {
        assert_eq!(launchers(&format!("[console_scripts]\n{line}")).unwrap_err(), why);
    }
}

#[test]
fn setuptools_wrappers_are_shadowed() {
    let entry_points = EntryPoints::parse("[console_scripts]\ndemo=a:b\n[gui_scripts]\ngui=a:b").unwrap();
    for name in ["demo", "demo.exe", "demo.EXE", "demo-script.py", "gui", "gui.pya"] {
        assert!(entry_points.shadow(name), "{name}");
    }
    for name in ["demo.py", "Demo", "demo-script.pyw", ".exe", "é"] {
        assert!(!entry_points.shadow(name), "{name}");
    }
}

proptest! {
    #[test]
    fn never_panics(text in "(\\[(console|gui)_scripts\\]\n)?[\\PC\n=:.\\[\\]a]{0,40}") {
        let _ = launchers(&text);
        let _ = EntryPoints::default().shadow(&text);
    }

    #[test]
    fn programs_stay_in_their_folder(name in "[./\\\\a-z ]{1,8}") {
        if let Ok((path, _)) = launcher(&name, "a:b", &Scheme::official(13)) {
            prop_assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")));
        }
    }
}

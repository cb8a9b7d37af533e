//! Names in archives, and what makes one unsafe.

/// The longest name that is taken, in bytes: Linux' `PATH_MAX`.
const LONGEST: usize = 4096;

/// The longest part of a name that file systems take, in bytes.
const LONGEST_PART: usize = 255;

/// The name with one `/` between its parts and no `.` among them, or why it is refused.
///
/// Names are refused, never repaired, where two programs could take them for different paths.
pub(super) fn normalised(name: &str) -> Result<String, &'static str> {
    if name.len() > LONGEST {
        return Err("it has more than 4096 bytes");
    }
    if name.starts_with('/') {
        return Err("it is absolute");
    }
    if name.contains('\\') {
        return Err("it has a backslash");
    }
    if name.chars().any(char::is_control) {
        return Err("it has a control character");
    }
    let mut normalised = String::with_capacity(name.len());
    for part in name.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." {
            return Err("it has `..`");
        }
        if part.len() > LONGEST_PART {
            return Err("a part of it has more than 255 bytes");
        }
        if !normalised.is_empty() {
            normalised.push('/');
        }
        normalised.push_str(part);
    }
    if let [letter, b':', ..] = normalised.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        return Err("it starts with a drive letter");
    }
    if normalised.is_empty() { Err("it is empty") } else { Ok(normalised) }
}

/// Whether a symbolic link at this path leads out of the folder that the path is relative to.
pub(super) fn leads_out(link: &str, target: &str) -> bool {
    let mut depth = folders(link).count();
    if target.starts_with('/') || target.contains(['\\', '\0']) {
        return true;
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

/// All folders that a path lies in, the innermost first.
pub(super) fn folders(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(path.rsplit_once('/'), |(folder, _)| folder.rsplit_once('/'))
        .map(|(folder, _)| folder)
}

/// The path from a folder to a path, both below the same root: Python's `os.path.relpath`.
pub(super) fn relative(path: &str, folder: &str) -> String {
    let path: Vec<&str> = path.split('/').collect();
    let folder: Vec<&str> = folder.split('/').collect();
    let shared = path.iter().zip(&folder).take_while(|(path, folder)| path == folder).count();
    let up = std::iter::repeat_n("..", folder.len() - shared);
    up.chain(path[shared..].iter().copied()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_normalised() {
        for (name, expected) in [
            ("demo/__init__.py", "demo/__init__.py"),
            ("./demo//x.py", "demo/x.py"),
            ("demo/", "demo"),
            ("grüße/…", "grüße/…"),
            ("demo/a:b", "demo/a:b"),
            ("...", "..."),
        ] {
            assert_eq!(normalised(name).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn hostile_names_are_refused() {
        for (name, why) in [
            ("", "it is empty"),
            ("./", "it is empty"),
            ("/etc/passwd", "it is absolute"),
            ("../x", "it has `..`"),
            ("a/../../x", "it has `..`"),
            ("a/..", "it has `..`"),
            ("a\\..\\x", "it has a backslash"),
            ("C:/x", "it starts with a drive letter"),
            ("c:x", "it starts with a drive letter"),
            ("./c:x", "it starts with a drive letter"),
            ("a\0b", "it has a control character"),
            ("a\nb", "it has a control character"),
            ("a\u{85}b", "it has a control character"),
        ] {
            assert_eq!(normalised(name), Err(why), "{name:?}");
        }
        assert_eq!(normalised(&"x".repeat(256)), Err("a part of it has more than 255 bytes"));
        assert_eq!(normalised(&"x/".repeat(2049)), Err("it has more than 4096 bytes"));
    }

    #[test]
    fn relative_paths_are_pythons() {
        let site = "lib/python3.13/site-packages";
        for (path, expected) in [
            ("lib/python3.13/site-packages/a/b.py", "a/b.py"),
            ("lib/python3.13/x", "../x"),
            ("bin/x", "../../../bin/x"),
            ("lib/python3.13/site-packages-2/x", "../site-packages-2/x"),
        ] {
            assert_eq!(relative(path, site), expected);
        }
        assert_eq!(folders("a/b/c").collect::<Vec<_>>(), ["a/b", "a"]);
        assert_eq!(folders("a").count(), 0);
    }

    #[test]
    fn links_may_stay_inside() {
        for target in ["x", "../x", "../../x", "../a/../../x", ""] {
            assert!(!leads_out("a/b/link", target), "{target}");
        }
        for target in ["/x", "../../../x", "x/../../../../y", "..\\x"] {
            assert!(leads_out("a/b/link", target), "{target}");
        }
        assert!(leads_out("link", ".."));
    }

    proptest! {
        #[test]
        fn what_is_taken_stays_inside(name in "\\PC{0,20}|[./\\\\a-c:]{0,12}") {
            if let Ok(path) = normalised(&name) {
                prop_assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")));
                prop_assert_eq!(normalised(&path), Ok(path.clone()));
                prop_assert!(std::path::Path::new(&path)
                    .components()
                    .all(|part| matches!(part, std::path::Component::Normal(_))));
            }
        }

        #[test]
        fn relative_leads_there(path in "[a-c](/[a-c]){0,4}/f", folder in "[a-c](/[a-c]){0,4}") {
            let mut parts: Vec<&str> = folder.split('/').collect();
            let relative = relative(&path, &folder);
            for part in relative.split('/') {
                if part == ".." { parts.pop(); } else { parts.push(part); }
            }
            prop_assert_eq!(parts.join("/"), path);
        }
    }
}

//! A stand-in for the Python that uv wants to see.

use std::io;

use camino::Utf8Path;
use serde_json::json;

/// uv refuses to work without a Python, and the host may have none. It asks one about itself and takes the answer for
/// it, so a script that gives the answer will do. Markers of a universal resolution do not depend on it.
pub(super) fn write(path: &Utf8Path, (major, minor): (u32, u32)) -> io::Result<()> {
    let (short, full) = (format!("{major}.{minor}"), format!("{major}.{minor}.0"));
    let library = format!("/usr/local/lib/python{short}");
    let packages = format!("{library}/site-packages");
    let program = format!("/usr/local/bin/python{short}");
    let answer = json!({
        "result": "success",
        "markers": {
            "implementation_name": "cpython", "implementation_version": full, "os_name": "posix",
            "platform_machine": "x86_64", "platform_python_implementation": "CPython", "platform_release": "",
            "platform_system": "Linux", "platform_version": "", "python_full_version": full,
            "python_version": short, "sys_platform": "linux",
        },
        "sys_base_prefix": "/usr/local", "sys_base_exec_prefix": "/usr/local", "sys_prefix": "/usr/local",
        "sys_base_executable": program, "sys_executable": program,
        "sys_path": [library, packages], "site_packages": [packages], "stdlib": library,
        "extension_suffixes": [".abi3.so", ".so"], "standalone": false,
        "scheme": {
            "platlib": packages, "purelib": packages, "include": format!("/usr/local/include/python{short}"),
            "scripts": "/usr/local/bin", "data": "/usr/local",
        },
        "virtualenv": {
            "purelib": format!("lib/python{short}/site-packages"),
            "platlib": format!("lib/python{short}/site-packages"),
            "include": format!("include/site/python{short}"), "scripts": "bin", "data": "",
        },
        "os": {"name": "manylinux", "major": 2, "minor": 41}, "arch": "x86_64", "manylinux_compatible": true,
        "gil_disabled": false, "debug_enabled": false, "cpu_info": {"unavailable": ""}, "pointer_size": "64",
    });
    fs_err::write(path, format!("#!/bin/sh\ncat <<'ANSWER'\n{answer}\nANSWER\n"))?;
    #[cfg(unix)]
    fs_err::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    Ok(())
}

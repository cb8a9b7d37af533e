//! The same engine behind TLS, for contexts that ask for it: certificates good for this machine only.

use std::path::PathBuf;

use anyhow::{Result, bail};
use fs_err as fs;

use super::bed::Bed;
use super::{daemon, engine};
use crate::{process, say};

const ADDRESS: &str = "127.0.0.1:23760";

/// Where the engine listens with TLS.
pub(crate) fn address() -> String {
    format!("tcp://{ADDRESS}")
}

pub(crate) fn ready(bed: &Bed) -> bool {
    daemon::running(bed, engine::NAME) && std::net::TcpStream::connect(ADDRESS).is_ok()
}

/// The endpoint comes with the engine; there is none at an engine someone else started.
pub(crate) fn up(bed: &Bed) -> Result<()> {
    if ready(bed) {
        return Ok(());
    }
    bail!("the engine in use was not started by the test bed, so it has no TLS endpoint of ours");
}

/// The folder with `ca.pem`, `cert.pem`, `key.pem` for a client, and `server-cert.pem`, `server-key.pem`.
pub(crate) fn certificates(bed: &Bed) -> Result<PathBuf> {
    let folder = bed.run("tls");
    if folder.join("cert.pem").exists() {
        return Ok(folder);
    }
    say::status("Making", "certificates for the engine's TLS endpoint");
    fs::create_dir_all(&folder)?;
    let openssl = |line: &str| {
        let mut command = process::command("openssl");
        command.args(line.split_whitespace()).current_dir(&folder);
        process::read(&mut command)
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!("req -x509 {key} -keyout ca-key.pem -out ca.pem -days 3650 -subj /CN=pyrun-testbed"))?;
    let pairs = [
        ("server-", "serverAuth", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
        ("", "clientAuth", "subjectAltName=DNS:client"),
    ];
    for (prefix, usage, names) in pairs {
        fs::write(folder.join("extensions"), format!("extendedKeyUsage={usage}\n{names}\n"))?;
        openssl(&format!("req -new {key} -keyout {prefix}key.pem -out request.pem -subj /CN={usage}"))?;
        openssl(&format!(
            "x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 3650 \
             -extfile extensions -out {prefix}cert.pem"
        ))?;
    }
    Ok(folder)
}

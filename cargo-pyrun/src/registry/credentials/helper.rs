//! Credential helpers: programs that keep logins, spoken with as [docker does].
//!
//! [docker does]: https://github.com/docker/docker-credential-helpers#development

use std::ffi::OsStr;
use std::io;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::{Login, Secret};

/// The user for which the secret is an identity token.
const TOKEN_USER: &str = "<token>";
/// More than any login, and less than would hurt.
const MAX_OUTPUT: u64 = 64 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    username: String,
    secret: String,
}

/// Asks `docker-credential-NAME` for the login at `server`; the error is how it failed.
pub(super) async fn get(name: &str, server: &str, limit: Duration) -> Result<Option<Login>, String> {
    // A name with a separator would be a path, and docker looks helpers up on the PATH alone.
    if name.contains(['/', '\\']) {
        return Err("its name is a path".to_owned());
    }
    get_from(format!("docker-credential-{name}").as_ref(), server, limit).await
}

/// Asks this program.
pub(super) async fn get_from(
    program: &OsStr,
    server: &str,
    limit: Duration,
) -> Result<Option<Login>, String> {
    let asked = tokio::time::timeout(limit, run(program, server)).await;
    let (success, stdout, stderr) = match asked {
        Ok(Ok(output)) => output,
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            return Err("it is not on the PATH".to_owned());
        }
        Ok(Err(error)) => return Err(error.to_string()),
        Err(_) => return Err(format!("it did not answer within {} s", limit.as_secs_f64())),
    };
    if success {
        let output: Output = serde_json::from_slice(&stdout)
            .map_err(|_| "its answer is not the JSON of a login".to_owned())?;
        let Output { username, secret } = output;
        return Ok(match (username.as_str(), secret.as_str()) {
            ("", "") => None,
            (TOKEN_USER, _) => Some(Login::Identity(Secret::new(secret))),
            _ => Some(Login::Password { user: username, password: Secret::new(secret) }),
        });
    }
    // Helpers tell their errors on stdout.
    let said = String::from_utf8_lossy(&stdout);
    let said = if said.trim().is_empty() { String::from_utf8_lossy(&stderr) } else { said };
    let said = said.trim();
    if said.to_ascii_lowercase().contains("credentials not found") {
        return Ok(None);
    }
    let first = said.lines().next().unwrap_or("it failed without a word");
    Err(first.chars().take(200).collect())
}

async fn run(program: &OsStr, server: &str) -> io::Result<(bool, Vec<u8>, Vec<u8>)> {
    let mut command = Command::new(program);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command.spawn()?;
    #[cfg(unix)]
    let group = Group::of(&child);
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // One that does not read has its reasons, and its exit code tells them.
            let _ = stdin.write_all(server.as_bytes()).await;
        }
    };
    let ((), stdout, stderr, status) = tokio::join!(write, read(stdout), read(stderr), child.wait());
    // What a helper leaves behind when it is done, such as an agent, it means to.
    #[cfg(unix)]
    group.leave();
    Ok((status?.success(), stdout?, stderr?))
}

/// The process group of a helper: where the helper is given up, what it started ends too.
#[cfg(unix)]
struct Group(Option<rustix::process::Pid>);

#[cfg(unix)]
impl Group {
    fn of(child: &tokio::process::Child) -> Self {
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        Self(pid.and_then(rustix::process::Pid::from_raw))
    }

    fn leave(mut self) {
        self.0 = None;
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may have ended just now.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(MAX_OUTPUT).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

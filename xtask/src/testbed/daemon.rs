//! Processes that outlive the call that started them, and are stopped by nobody but `down`.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use fs_err as fs;

use super::bed::{Bed, wait};
use crate::{process, say};

const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(20);

/// Starts `command` as the daemon `name` in a session of its own, and returns once `ready` says so.
pub(crate) fn start(bed: &Bed, name: &str, command: &Command, ready: impl Fn() -> bool) -> Result<()> {
    // A process that is there but not ready is of no use: it is replaced.
    stop(bed, name)?;
    let log = bed.log(name);
    fs::create_dir_all(bed.run("logs"))?;
    let file = fs::File::create(&log)?.into_file();
    // `setsid` replaces itself with the program, so the child's id is the daemon's.
    let mut detached = process::command("setsid");
    detached.arg(command.get_program()).args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => detached.env(key, value),
            None => detached.env_remove(key),
        };
    }
    let mut child = detached
        .current_dir("/")
        .stdout(file.try_clone().context("cannot duplicate the log's handle")?)
        .stderr(file)
        .spawn()
        .with_context(|| format!("cannot start `{name}`"))?;
    let mut gone = false;
    let up = wait(START, || {
        gone = child.try_wait().is_ok_and(|status| status.is_some());
        gone || ready()
    });
    if up && !gone {
        let birth = birth(child.id()).with_context(|| format!("`{name}` ended right after its start"))?;
        return Ok(fs::write(bed.run(&format!("{name}.pid")), format!("{} {birth}", child.id()))?);
    }
    let _ = child.kill();
    let words = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    let lines: Vec<_> = words.lines().collect();
    let last = lines[lines.len().saturating_sub(8)..].join("\n");
    let what = if gone { "ended" } else { "does not answer" };
    bail!("`{name}` {what}; the end of `{}`:\n{last}", log.display());
}

/// Stops the daemon `name`, if `start` started it and it still runs.
pub(crate) fn stop(bed: &Bed, name: &str) -> Result<bool> {
    let file = bed.run(&format!("{name}.pid"));
    let Ok(record) = fs::read_to_string(&file) else { return Ok(false) };
    let alive = running(bed, name);
    if let (true, Some((pid, _))) = (alive, record.split_once(' ')) {
        say::status("Stopping", &format!("{name} (process {pid})"));
        process::succeeds(process::command("kill").arg(pid));
        if !wait(STOP, || !running(bed, name)) {
            process::succeeds(process::command("kill").args(["-KILL", pid]));
        }
    }
    fs::remove_file(&file)?;
    Ok(alive)
}

/// Whether the daemon `name` runs: the very process that was started, not one that has its id by now.
pub(crate) fn running(bed: &Bed, name: &str) -> bool {
    let record = fs::read_to_string(bed.run(&format!("{name}.pid"))).unwrap_or_default();
    record
        .split_once(' ')
        .and_then(|(pid, born)| Some((pid.parse().ok()?, born)))
        .is_some_and(|(pid, born)| birth(pid).as_deref() == Some(born))
}

/// When a process began, in the kernel's ticks; nothing if there is none, or only a zombie.
fn birth(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses, which may hold spaces itself.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    (*fields.first()? != "Z").then(|| fields.get(19).map(|&ticks| ticks.to_owned()))?
}

#[cfg(test)]
mod tests {
    use super::birth;

    #[test]
    fn only_a_process_that_lives_was_born() {
        assert!(birth(std::process::id()).is_some());
        assert_eq!(birth(u32::MAX), None);
    }
}

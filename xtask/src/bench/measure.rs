//! Times and memory of whole processes.

use std::io::Read;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Seconds of both sides, in the order of measuring.
pub(super) struct Pair {
    pub(super) ours: Vec<f64>,
    pub(super) theirs: Vec<f64>,
}

/// How long a command takes from its start to its end, with all that it writes read as fast as it comes.
pub(super) fn seconds(command: &mut Command) -> Result<f64> {
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let mut stdout = child.stdout.take().context("no pipe")?;
    let mut buffer = vec![0; 1 << 16];
    while stdout.read(&mut buffer).context("cannot read the output")? > 0 {}
    let status = child.wait().context("cannot wait")?;
    let elapsed = started.elapsed().as_secs_f64();
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(elapsed)
}

/// The most memory, in MB, that a command had resident; the kernel keeps the high-water mark.
pub(super) fn peak_memory(command: &mut Command) -> Result<f64> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let mut stdout = child.stdout.take().context("no pipe")?;
    let drained = thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while stdout.read(&mut buffer).is_ok_and(|read| read > 0) {}
    });
    let status = format!("/proc/{}/status", child.id());
    let mut peak: f64 = 0.0;
    while child.try_wait().context("cannot wait")?.is_none() {
        let text = fs_err::read_to_string(&status).unwrap_or_default();
        let mark = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        let kilobytes: f64 = mark.trim().trim_end_matches(" kB").parse().unwrap_or(0.0);
        peak = peak.max(kilobytes * 1024.0 / 1e6);
        thread::sleep(Duration::from_millis(2));
    }
    let _ = drained.join();
    if peak == 0.0 {
        bail!("the kernel told no memory of {command:?}");
    }
    Ok(peak)
}

/// The middle value.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

/// The values below which a tenth and nine tenths lie.
pub(super) fn spread(values: &[f64]) -> (f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |tenths: usize| sorted[(sorted.len() - 1) * tenths / 10];
    (at(1), at(9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
    }

    #[test]
    fn a_program_has_memory_and_takes_time() {
        assert!(peak_memory(Command::new("sleep").arg("0.05")).unwrap() > 0.1);
        assert!(seconds(Command::new("sleep").arg("0.05")).unwrap() >= 0.05);
        assert!(seconds(&mut Command::new("false")).is_err());
    }
}

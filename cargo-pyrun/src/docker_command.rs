//! The `docker run` command that does the same as a container of ours.
//!
//! Docker's own init stands in for ours: it reaps and forwards too, but does not end with its client.

use crate::container::{Container, variable};
use crate::engine::Address;
use crate::plan::{Interpreter, Request};

/// Arguments of the command, `docker` first; `elsewhere` is the engine where docker itself would go to another.
#[must_use]
pub fn arguments(
    request: &Request,
    container: &Container,
    terminal: bool,
    elsewhere: Option<&Address>,
) -> Vec<String> {
    let mut args = vec!["docker".to_owned()];
    args.extend(elsewhere.into_iter().flat_map(host));
    args.push("run".to_owned());
    if !container.keep {
        args.push("--rm".to_owned());
    }
    args.extend(["--init", if terminal { "-it" } else { "-i" }].map(str::to_owned));
    if container.read_only {
        args.push("--read-only".to_owned());
    }
    let mut option = |name: &str, value: &str| args.extend([name.to_owned(), value.to_owned()]);
    if let Some(name) = &request.name {
        option("--name", name);
    }
    if let Some(platform) = &container.platform {
        option("--platform", platform);
    }
    match request.pull {
        crate::plan::Pull::Always => option("--pull", "always"),
        crate::plan::Pull::Never => option("--pull", "never"),
        crate::plan::Pull::Missing => {}
    }
    if let Some(user) = &container.user {
        option("--user", user);
    }
    for group in &container.groups {
        option("--group-add", group);
    }
    for bind in &container.binds {
        if bind.fits_notation() {
            option("-v", &bind.notation());
        } else {
            option("--mount", &bind.mount_notation());
        }
    }
    for volume in &container.volumes {
        option("-v", volume);
    }
    for (path, options) in &container.tmpfs {
        option("--tmpfs", &format!("{path}:{options}"));
    }
    option("-w", &container.workdir);
    for entry in &container.env {
        option("-e", &variable(entry));
    }
    for port in &container.publish {
        option("-p", port);
    }
    if let Some(network) = &container.network {
        option("--network", network);
    }
    for host in &container.hosts {
        option("--add-host", host);
    }
    if let Some(bytes) = container.memory {
        option("--memory", &bytes.to_string());
    }
    if let Some(nano) = container.nano_cpus {
        option("--cpus", &cpus(nano));
    }
    if let Some(gpus) = &container.gpus {
        option("--gpus", &gpus.to_string());
    }
    for security in &container.security {
        option("--security-opt", security);
    }
    let mut command = &container.command[..];
    // An official image starts what it is given; another may have an entrypoint of its own.
    let official = request.tag.is_some() && request.entrypoint.is_none();
    if !official && let Some((program, rest)) = command.split_first() {
        option("--entrypoint", program);
        command = rest;
    }
    args.push(container.image.clone());
    let mut command = command.to_vec();
    // By its short name, unless the script's own `PATH` could lead to another.
    if official && request.interpreter == Interpreter::Official && !request.env.contains_key("PATH") {
        "python".clone_into(&mut command[0]);
    }
    args.extend(command);
    args
}

fn host(address: &Address) -> Vec<String> {
    let mut args = vec!["--host".to_owned(), address.to_string()];
    if let Address::Tcp { tls: Some(tls), .. } = address {
        args.push("--tlsverify".to_owned());
        for (option, file) in [("--tlscacert", &tls.ca), ("--tlscert", &tls.cert), ("--tlskey", &tls.key)] {
            args.extend([option.to_owned(), file.display().to_string()]);
        }
    }
    args
}

fn cpus(nano: i64) -> String {
    let text = format!("{}.{:09}", nano / 1_000_000_000, nano % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The command as one line for a POSIX shell.
#[must_use]
pub fn line(arguments: &[String]) -> String {
    let quoted = arguments.iter().map(|argument| quote(argument));
    quoted.collect::<Vec<_>>().join(" ")
}

fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_shell_reads_back_each_argument(arguments in proptest::collection::vec("[^\0]*", 0..5)) {
            let line = line(&arguments);
            prop_assert_eq!(shlex::split(&line), Some(arguments));
        }
    }

    #[test]
    fn cpus_are_decimal() {
        assert_eq!(cpus(1_500_000_000), "1.5");
        assert_eq!(cpus(2_000_000_000), "2");
    }
}

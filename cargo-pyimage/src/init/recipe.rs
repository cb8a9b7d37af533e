//! A Dockerfile of the simple kind, read for what it says of the image.

use std::collections::BTreeMap;

/// What a Dockerfile says, as far as the metadata of an image can say it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Recipe {
    /// The image of the last stage.
    pub(super) base: Option<String>,
    pub(super) workdir: Option<String>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) expose: Vec<String>,
    pub(super) volumes: Vec<String>,
    pub(super) user: Option<String>,
    pub(super) stop_signal: Option<String>,
    pub(super) entrypoint: Option<Vec<String>>,
    pub(super) cmd: Option<Vec<String>>,
    /// The instructions that have no key.
    pub(super) left: Vec<String>,
}

impl Recipe {
    pub(super) fn parse(text: &str) -> Self {
        let mut recipe = Self::default();
        let (mut stages, mut stage) = (BTreeMap::<String, Self>::new(), None::<String>);
        for line in instructions(text) {
            let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((&line, ""));
            let rest = rest.trim();
            match name.to_ascii_uppercase().as_str() {
                "FROM" => {
                    stages.extend(stage.take().map(|name| (name, recipe)));
                    let mut words = rest.split_whitespace().filter(|word| !word.starts_with("--"));
                    let image = words.next().unwrap_or_default().to_owned();
                    // A stage on another is that one and more; anything else begins anew.
                    recipe =
                        stages.get(&image).cloned().unwrap_or(Self { base: Some(image), ..Self::default() });
                    stage = words.nth(1).map(str::to_owned);
                }
                "WORKDIR" => recipe.take_one(rest, &line, |its, value| its.workdir = Some(value)),
                "USER" => recipe.take_one(rest, &line, |its, value| its.user = Some(value)),
                "STOPSIGNAL" => recipe.take_one(rest, &line, |its, value| its.stop_signal = Some(value)),
                "EXPOSE" => match words(rest) {
                    Some(ports) => recipe.expose.extend(ports),
                    None => recipe.left.push(line.clone()),
                },
                "VOLUME" => match list(rest).or_else(|| words(rest)) {
                    Some(volumes) => recipe.volumes.extend(volumes),
                    None => recipe.left.push(line.clone()),
                },
                "ENV" => match pairs(rest) {
                    Some(pairs) => recipe.env.extend(pairs),
                    None => recipe.left.push(line.clone()),
                },
                "LABEL" => {
                    match pairs(rest).filter(|pairs| pairs.iter().all(|(_, value)| !value.contains('$'))) {
                        Some(pairs) => recipe.labels.extend(pairs),
                        None => recipe.left.push(line.clone()),
                    }
                }
                "ENTRYPOINT" => {
                    recipe.entrypoint = Some(command(rest));
                    recipe.cmd = None;
                }
                "CMD" => recipe.cmd = Some(command(rest)),
                // What these do, the sources and the packages of the image do.
                "COPY" | "ARG" => {}
                "RUN" if rest.split("&&").all(|step| is_pip(step.trim())) => {}
                _ => recipe.left.push(line.clone()),
            }
        }
        recipe
    }

    fn take_one(&mut self, rest: &str, line: &str, take: impl FnOnce(&mut Self, String)) {
        match words(rest).as_deref() {
            Some([value]) => take(self, value.clone()),
            _ => self.left.push(line.to_owned()),
        }
    }
}

/// The instructions, each on one line.
fn instructions(text: &str) -> Vec<String> {
    let mut instructions = Vec::new();
    let mut open: Option<String> = None;
    for line in text.trim_start_matches('\u{feff}').lines() {
        let trimmed = line.trim();
        if trimmed.starts_with('#') || trimmed.is_empty() {
            continue;
        }
        let mut whole = open.take().unwrap_or_default();
        if let Some(begun) = trimmed.strip_suffix('\\') {
            whole.push_str(begun);
            open = Some(whole);
        } else {
            whole.push_str(trimmed);
            instructions.push(whole);
        }
    }
    instructions.extend(open);
    instructions
}

fn list(text: &str) -> Option<Vec<String>> {
    text.starts_with('[').then(|| serde_json::from_str(text).ok()).flatten()
}

/// Words without variables.
fn words(text: &str) -> Option<Vec<String>> {
    let words = shlex::split(text)?;
    (!words.is_empty() && words.iter().all(|word| !word.contains('$'))).then_some(words)
}

/// `A=1 B="2 3"`, and the old `A 1 2`.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let pairs = if first.contains('=') {
        let words = shlex::split(text)?;
        words
            .iter()
            .map(|word| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
            .collect()
    } else {
        Some(vec![(first.to_owned(), rest.trim().to_owned())])
    };
    let taken = pairs?.into_iter().map(|(name, value)| Some((name, of_base(&value)?)));
    taken.collect()
}

/// The value with `${PATH}` for `$PATH`. Other variables may be the Dockerfile's own.
fn of_base(value: &str) -> Option<String> {
    let value = value.replace("${PATH}", "$PATH").replace("$PATH", "\0");
    (!value.contains('$')).then(|| value.replace('\0', "${PATH}"))
}

/// The words of a command, or the shell that reads it.
fn command(text: &str) -> Vec<String> {
    if let Some(words) = list(text) {
        return words;
    }
    let is_plain = !text.contains(['$', '|', '&', ';', '<', '>', '*', '?', '`', '(', ')', '~']);
    match shlex::split(text) {
        Some(words) if is_plain && words.first().is_some_and(|word| !word.contains('=')) => words,
        _ => ["/bin/sh", "-c", text].map(str::to_owned).to_vec(),
    }
}

/// A step that makes no difference to what is in the image but for its packages.
fn is_pip(step: &str) -> bool {
    let mut words = step.split_whitespace().filter(|word| !word.starts_with('-'));
    let first = words.next().unwrap_or_default();
    match first {
        "pip" | "pip3" | "pip2" => words.next() == Some("install"),
        "python" | "python3" | "python2" => words.next() == Some("pip"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts<const N: usize>(words: [&str; N]) -> Vec<String> {
        words.map(str::to_owned).to_vec()
    }

    #[test]
    fn the_simple_kind_is_read() {
        let recipe = Recipe::parse(
            "# syntax=docker/dockerfile:1\nFROM python:3.13-slim\n\nWORKDIR /srv/app\nENV A=1 \\\n  # why\n    B=\"2 3\"\nENV PATH /opt:$PATH\n\
             COPY requirements.txt ./\nRUN pip install --no-cache-dir -r requirements.txt && \\\n  pip install x\nCOPY . .\nRUN apt-get update\n\
             EXPOSE 8000 53/udp\nVOLUME [\"/data\"]\nUSER app\nSTOPSIGNAL SIGINT\nLABEL a=\"b c\"\nENV C=$B\nCMD [ \"python\", \"./main.py\" ]\n",
        );
        let env = [("A", "1"), ("B", "2 3"), ("PATH", "/opt:${PATH}")];
        assert_eq!(
            recipe,
            Recipe {
                base: Some("python:3.13-slim".to_owned()),
                workdir: Some("/srv/app".to_owned()),
                env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
                labels: [("a".to_owned(), "b c".to_owned())].into(),
                expose: texts(["8000", "53/udp"]),
                volumes: texts(["/data"]),
                user: Some("app".to_owned()),
                stop_signal: Some("SIGINT".to_owned()),
                entrypoint: None,
                cmd: Some(texts(["python", "./main.py"])),
                left: texts(["RUN apt-get update", "ENV C=$B"]),
            }
        );
    }

    #[test]
    fn the_last_stage_counts() {
        let recipe = Recipe::parse(
            "FROM python:3.13 AS build\nENV A=1\nRUN make\nFROM python:3.13-slim\nCMD python main.py\n",
        );
        assert_eq!(
            (recipe.base.as_deref(), recipe.cmd),
            (Some("python:3.13-slim"), Some(texts(["python", "main.py"])))
        );
        assert!(recipe.env.is_empty() && recipe.left.is_empty());
        let recipe =
            Recipe::parse("FROM python:3.13 AS base\nENV A=1\nFROM base\nCMD python main.py | tee log\n");
        assert_eq!((recipe.base.as_deref(), recipe.env["A"].as_str()), (Some("python:3.13"), "1"));
        assert_eq!(recipe.cmd.unwrap(), ["/bin/sh", "-c", "python main.py | tee log"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC*", lines in "(FROM|ENV|CMD|RUN|EXPOSE|LABEL)? ?[\\[\\]\"'a=$\\\\ \n]{0,20}") {
            Recipe::parse(&text);
            Recipe::parse(&lines);
        }
    }
}

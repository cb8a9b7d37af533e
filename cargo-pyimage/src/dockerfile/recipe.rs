//! The text of a Dockerfile.

use std::fmt::Write as _;

use pyimage_build::ImageOptions;

use super::word::{exec, inexpressible, list, quoted, value, word};
use super::{Account, Copied, DockerfileError, Elsewhere, MARK, Programs};

/// The longest line that each builder reads: older ones take no longer line, and say nothing of use.
const LONGEST: usize = 65_534;

/// What a Dockerfile does, one field for each step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recipe {
    /// The package with the image.
    pub(super) package: String,
    /// What it starts from.
    pub(super) base: String,
    /// The base's own user, where it is not root: who installs is.
    pub(super) base_user: Option<String>,
    /// The packages of Debian.
    pub(super) apt: Vec<String>,
    /// How the packages get there.
    pub(super) packages: Option<Packages>,
    /// The project's programs in Rust.
    pub(super) programs: Programs,
    /// The project's files that go elsewhere.
    pub(super) elsewhere: Elsewhere,
    /// The project's files.
    pub(super) copied: Vec<Copied>,
    /// A user that the base does not have.
    pub(super) account: Option<Account>,
    /// What a container starts with.
    pub(super) options: ImageOptions,
}

/// How packages get into the image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Packages {
    /// The files that pip reads.
    pub(super) requirements: Vec<String>,
    /// Those, and what they include.
    pub(super) files: Vec<String>,
    /// The files are a lock: all is in it.
    pub(super) is_lock: bool,
    /// Every line of them has a hash.
    pub(super) has_hashes: bool,
    /// No bytecode is to be made of them.
    pub(super) no_bytecode: bool,
    /// The image in which they are installed, where that is another stage.
    pub(super) stage: Option<String>,
    /// The variables that pip gets for the time of the build, and a file with certificates. Both take a stage of
    /// their own, so that nothing of them stays.
    pub(super) arguments: Vec<String>,
    /// The file with certificates.
    pub(super) bundle: Option<String>,
}

impl Recipe {
    /// The Dockerfile.
    pub(super) fn text(&self) -> Result<String, DockerfileError> {
        let mut out = format!("{MARK} of `{}`.\n", self.package);
        self.add_packages_stage(&mut out)?;
        self.programs.add_stage(&mut out)?;
        // Writing to a `String` cannot fail, here and below.
        let _ = writeln!(out, "FROM {}", self.base);
        if self.base_user.is_some() {
            out.push_str("USER root\n");
        }
        if !self.apt.is_empty() {
            let names = self.apt.iter().map(|name| word(name, "`apt`")).collect::<Result<Vec<_>, _>>()?;
            let _ = writeln!(
                out,
                "\nRUN apt-get update && apt-get install -y --no-install-recommends {} && rm -rf /var/lib/apt/lists/*",
                names.join(" ")
            );
        }
        let _ = writeln!(out, "\nWORKDIR {}", word(&self.options.working_dir, "`workdir`")?);
        match &self.packages {
            Some(packages) if packages.stage.is_some() => {
                let _ = writeln!(out, "\nCOPY --from=packages {STAGED} /usr/local");
            }
            Some(packages) => {
                out.push('\n');
                packages.add_to(&mut out, "")?;
            }
            None => {}
        }
        if let Some(account) = &self.account {
            let _ = writeln!(out, "\n{}", account.instruction());
        }
        let programs = self.programs.instruction()?;
        let copied = self.copied.iter().map(Copied::instruction).collect::<Result<Vec<_>, _>>()?;
        for lines in [programs.into_iter().collect(), self.elsewhere.instructions()?, copied] {
            if !lines.is_empty() {
                let _ = writeln!(out, "\n{}", lines.join("\n"));
            }
        }
        self.add_settings(&mut out)?;
        if out.lines().any(|line| line.len() > LONGEST) {
            return Err(inexpressible(
                "one of the keys",
                "a line of more than 65534 bytes is more than builders read",
            ));
        }
        Ok(out)
    }

    fn add_packages_stage(&self, out: &mut String) -> Result<(), DockerfileError> {
        let Some((packages, stage)) = self.packages.as_ref().and_then(|its| Some((its, its.stage.as_ref()?)))
        else {
            return Ok(());
        };
        let _ = writeln!(
            out,
            "FROM {stage} AS packages\nUSER root\n\nWORKDIR {STAGED}\nWORKDIR /tmp/requirements"
        );
        for name in &packages.arguments {
            let _ = writeln!(out, "ARG {name}");
        }
        if let Some(bundle) = &packages.bundle {
            let _ = writeln!(out, "COPY {bundle} ./\nENV PIP_CERT=/tmp/requirements/{bundle}");
        }
        packages.add_to(out, &format!(" --prefix={STAGED}"))?;
        out.push('\n');
        Ok(())
    }

    /// What changes no file, so that it costs nothing to change.
    fn add_settings(&self, out: &mut String) -> Result<(), DockerfileError> {
        let options = &self.options;
        let mut lines = Vec::new();
        let pairs = options.env.iter().map(|(name, text)| {
            let what = format!("`env.{name}`");
            if name.is_empty() || !word(name, &what)?.starts_with(name) || name.contains('=') {
                return Err(inexpressible(&what, "its name is no name of a variable"));
            }
            Ok(format!("{name}={}", value(text, &what)?))
        });
        // In one instruction, so that `${PATH}` is the base's in each of them.
        lines.extend(joined("ENV", &pairs.collect::<Result<Vec<_>, _>>()?));
        let pairs = options.labels.iter().map(|(name, text)| {
            let what = format!("`labels.{name}`");
            if name.is_empty() || name.contains('=') {
                return Err(inexpressible(&what, "its name is empty or has a `=`"));
            }
            Ok(format!("{}={}", word(name, &what)?, quoted(text, &what)?))
        });
        lines.extend(joined("LABEL", &pairs.collect::<Result<Vec<_>, _>>()?));
        for port in &options.exposed_ports {
            let number = port.split_once('/').map_or(port.as_str(), |(number, _)| number);
            if number.parse::<u16>().is_err()
                || !port.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '/')
            {
                return Err(inexpressible("`expose`", "a port is a number such as 8080, or 53/udp"));
            }
            lines.push(format!("EXPOSE {port}"));
        }
        if !options.volumes.is_empty() {
            lines.push(format!("VOLUME {}", list(options.volumes.iter().map(String::as_str), "`volumes`")?));
        }
        if let Some(signal) = &options.stop_signal {
            lines.push(format!("STOPSIGNAL {}", word(signal, "`stop-signal`")?));
        }
        if let Some(user) = options.user.as_ref().or(self.base_user.as_ref()) {
            lines.push(format!("USER {}", word(user, "`user`")?));
        }
        for (instruction, words, what) in
            [("ENTRYPOINT", &options.entrypoint, "`entrypoint`"), ("CMD", &options.cmd, "`cmd`")]
        {
            if let Some(words) = words {
                lines.push(format!("{instruction} {}", exec(words, what)?));
            }
        }
        if !lines.is_empty() {
            let _ = writeln!(out, "\n{}", lines.join("\n"));
        }
        Ok(())
    }
}

/// Where packages are put in a stage of their own: it becomes `/usr/local`.
const STAGED: &str = "/packages";

impl Packages {
    fn add_to(&self, out: &mut String, more: &str) -> Result<(), DockerfileError> {
        for copied in Copied::files(&self.files) {
            let _ = writeln!(out, "{}", copied.instruction()?);
        }
        let lock = match (self.is_lock, self.has_hashes) {
            (true, true) => " --no-deps --require-hashes",
            (true, false) => " --no-deps",
            _ => "",
        };
        let bytecode = if self.no_bytecode { " --no-compile" } else { "" };
        let mut line = format!("RUN pip install --no-cache-dir{bytecode}{more}{lock}");
        for file in &self.requirements {
            if !file.chars().all(|letter| letter.is_ascii_alphanumeric() || "_./+-".contains(letter)) {
                return Err(inexpressible(
                    "`requirements`",
                    "a name of a file has letters that a shell takes for its own",
                ));
            }
            let _ = write!(line, " -r {file}");
        }
        let _ = writeln!(out, "{line}");
        Ok(())
    }
}

fn joined(instruction: &str, pairs: &[String]) -> Option<String> {
    (!pairs.is_empty()).then(|| format!("{instruction} {}", pairs.join(" \\\n    ")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::account::tests::account;
    use super::super::word::tests::read_word;
    use super::*;

    fn recipe(options: ImageOptions) -> Recipe {
        Recipe {
            package: "app".to_owned(),
            base: "python:3.13-slim".to_owned(),
            base_user: None,
            apt: Vec::new(),
            packages: None,
            programs: Programs::Sent(Vec::new()),
            elsewhere: Elsewhere::default(),
            copied: Vec::new(),
            account: None,
            options,
        }
    }

    fn texts<const N: usize>(words: [&str; N]) -> Vec<String> {
        words.map(str::to_owned).to_vec()
    }

    #[test]
    fn packages_of_debian_come_before_all_else() {
        let apt = vec!["libgl1".to_owned(), "libgomp1".to_owned()];
        let text = Recipe { apt, ..recipe(ImageOptions::default()) }.text().unwrap();
        let install = "RUN apt-get update && apt-get install -y --no-install-recommends libgl1 libgomp1 && rm -rf \
                       /var/lib/apt/lists/*\n";
        assert!(text.contains(&format!("FROM python:3.13-slim\n\n{install}\nWORKDIR ")), "{text}");
    }

    #[test]
    fn a_whole_one() {
        let options = ImageOptions {
            entrypoint: Some(texts(["python3", "app/main.py"])),
            cmd: Some(texts(["--help"])),
            env: BTreeMap::from([
                ("A".to_owned(), "1 2".to_owned()),
                ("PATH".to_owned(), "/x:${PATH}".to_owned()),
            ]),
            labels: BTreeMap::from([("org.example.a b".to_owned(), "$5".to_owned())]),
            exposed_ports: ["8080".to_owned(), "53/udp".to_owned()].into(),
            volumes: ["/data".to_owned()].into(),
            user: Some("app".to_owned()),
            stop_signal: Some("SIGINT".to_owned()),
            ..ImageOptions::default()
        };
        let files = texts(["requirements.txt", "requirements/base.txt"]);
        let whole = Recipe {
            packages: Some(Packages { requirements: files[..1].to_vec(), files, ..Packages::default() }),
            account: Some(account("app")),
            copied: vec![
                Copied::folder("app"),
                Copied::Files { names: texts(["a b.py", "c.py"]), folder: String::new() },
            ],
            ..recipe(options)
        };
        assert_eq!(
            whole.text().unwrap(),
            r#"# Written by `cargo pyimage dockerfile` from the metadata of `app`.
FROM python:3.13-slim

WORKDIR /usr/src/app

COPY requirements.txt ./
COPY requirements/base.txt requirements/
RUN pip install --no-cache-dir -r requirements.txt

RUN groupadd --gid 1000 app && useradd --uid 1000 --gid 1000 --shell /usr/sbin/nologin --no-log-init --no-create-home app && install -d -o 1000 -g 1000 /home/app

COPY app app/
COPY ["a b.py", "c.py", "./"]

ENV A="1 2" \
    PATH="/x:${PATH}"
LABEL "org.example.a b"="\$5"
EXPOSE 53/udp
EXPOSE 8080
VOLUME ["/data"]
STOPSIGNAL SIGINT
USER app
ENTRYPOINT ["python3", "app/main.py"]
CMD ["--help"]
"#
        );
    }

    #[test]
    fn what_compiles_does_so_in_a_stage_of_its_own() {
        let staged = Recipe {
            base: "python:3.13-slim@sha256:00".to_owned(),
            base_user: Some("www".to_owned()),
            packages: Some(Packages {
                requirements: texts(["requirements.lock.txt"]),
                files: texts(["requirements.lock.txt"]),
                is_lock: true,
                has_hashes: true,
                no_bytecode: false,
                stage: Some("python:3.13".to_owned()),
                arguments: texts(["PIP_INDEX_URL"]),
                bundle: Some(".ca.crt".to_owned()),
            }),
            ..recipe(ImageOptions::default())
        };
        assert_eq!(
            staged.text().unwrap(),
            "# Written by `cargo pyimage dockerfile` from the metadata of `app`.\nFROM python:3.13 AS packages\nUSER root\n\n\
             WORKDIR /packages\nWORKDIR /tmp/requirements\nARG PIP_INDEX_URL\nCOPY .ca.crt ./\n\
             ENV PIP_CERT=/tmp/requirements/.ca.crt\nCOPY requirements.lock.txt ./\n\
             RUN pip install --no-cache-dir --prefix=/packages --no-deps --require-hashes -r requirements.lock.txt\n\n\
             FROM python:3.13-slim@sha256:00\nUSER root\n\nWORKDIR /usr/src/app\n\nCOPY --from=packages /packages /usr/local\n\n\
             USER www\n"
        );
    }

    #[test]
    fn what_no_instruction_can_have_is_refused() {
        let with = |change: &dyn Fn(&mut ImageOptions)| {
            let mut options = ImageOptions::default();
            change(&mut options);
            recipe(options).text().unwrap_err().to_string()
        };
        let env = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let lines = "a Dockerfile cannot say what `env.A` is: it has more than one line";
        assert_eq!(with(&|its| its.env = env("A", "1\n2")), lines);
        assert!(with(&|its| its.env = env("A B", "1")).contains("`env.A B`"));
        assert!(with(&|its| its.labels = env("a=b", "1")).contains("`labels.a=b`"));
        assert!(with(&|its| its.labels = env("a", &"x".repeat(70_000))).contains("65534 bytes"));
        assert!(with(&|its| its.exposed_ports = ["x".to_owned()].into()).contains("`expose`"));
        assert!(with(&|its| its.cmd = Some(texts(["a\0"]))).contains("`cmd`"));
    }

    proptest! {
        #[test]
        fn values_come_back(
            env in prop::collection::btree_map("[A-Z_]{1,6}", "[ -~é]{0,20}", 0..4),
            labels in prop::collection::btree_map("[ -<>-~]{1,12}", "[ -~é]{0,20}", 0..4),
        ) {
            prop_assume!(env.values().all(|value| !value.contains("${")));
            let text = recipe(ImageOptions { env: env.clone(), labels: labels.clone(), ..ImageOptions::default() }).text().unwrap();
            let (mut found_env, mut found_labels) = (BTreeMap::new(), BTreeMap::new());
            let mut found = &mut found_env;
            for line in text.lines().skip(5) {
                let line = line.strip_suffix(" \\").unwrap_or(line).trim_start();
                let line = match line.split_once(' ') {
                    Some(("ENV", rest)) => rest,
                    Some(("LABEL", rest)) => { found = &mut found_labels; rest }
                    _ => line,
                };
                // The first `=` that is in no quotes, as the name has none of its own.
                let at = line.find('=').unwrap();
                let read = |text: &str| read_word(text, &|_| "GONE".to_owned());
                found.insert(read(&line[..at]), read(&line[at + 1..]));
            }
            prop_assert_eq!(found_env, env);
            prop_assert_eq!(found_labels, labels);
        }
    }
}

//! What a run finds on the caller's machine: the cache's folders, the host's certificates, the terminal.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::preparation::Preparation;
use crate::container::Container;
use crate::engine::context::DockerConfig;
use crate::fingerprint;
use crate::identity::{self, Identity};
use crate::network;
use crate::plan::{self, Interpreter, Program, Script, Surroundings};
use crate::publish;

impl Preparation<'_> {
    /// The container for what is known by now.
    pub(super) fn container(&self) -> Container {
        let image = self.image.as_ref();
        let facts = self.engine.facts();
        let identity = self.identity();
        let variable = |name: &str| std::env::var(name).ok();
        let network = self.request.network.as_deref();
        let home = std::env::home_dir();
        let around = Surroundings {
            engine: facts,
            address: self.engine.address(),
            image,
            accounts: self.accounts(&identity),
            identity: &identity,
            bytecode: self.bytecode_folder(),
            environment: self.environment.as_ref(),
            bundle: network::bundle(variable).and_then(|path| self.shared_bundle(path)),
            proxies: network::proxies(variable, &DockerConfig::read(), self.engine.address(), facts, network),
            terminal: self.terminal_variables(),
            socket_group: self.socket_group(),
            home: home.as_deref(),
        };
        plan::plan(self.request, &around, &self.run)
    }

    /// Who the script is.
    fn identity(&self) -> Identity {
        let user = self.request.user.as_deref();
        if self.request.bare {
            return Identity { user: user.map(str::to_owned), ..Identity::default() };
        }
        identity::identify(user, self.caller.as_ref(), self.engine.facts(), self.image.as_ref())
    }

    /// Bytecode is kept by image and by project. Shared between projects it could be poisoned by one for the next,
    /// and two projects may have a file of the same path, size and time in the container.
    fn bytecode_folder(&self) -> Option<String> {
        let image = self.image.as_ref()?;
        let supported = image.python_minor().is_some_and(|minor| minor >= (3, 8));
        let python = self.request.interpreter == Interpreter::Official && self.request.entrypoint.is_none();
        if !supported || !python || self.request.user.is_some() || self.request.bare {
            return None;
        }
        let mut project = self.request.folder.display().to_string();
        if let Some(Program::Script(Script::Elsewhere { folder, .. })) = &self.request.program {
            // Its modules are in one place in the container, wherever they come from.
            project.extend(["\n", &folder.display().to_string()]);
        }
        let project = fingerprint::short(&project);
        let entry = format!("bytecode/{}/{project}", image.key());
        self.hold(&entry);
        let folder = self.complain(self.cache?.folder(entry))?;
        if self.environment.is_some() {
            // What an engine makes to mount something at belongs to root.
            let _ = fs_err::create_dir_all(folder.join(plan::ENVIRONMENT.trim_start_matches('/')));
        }
        Some(folder.to_string())
    }

    /// Makes the folders that an engine would make as root: a missing source of a volume, and mount points and a
    /// working folder under the mounted one. What cannot be made is left for the engine to refuse.
    pub(super) fn make_mount_points(&self, container: &Container) {
        if self.engine.address().socket().is_none() {
            return;
        }
        let project = |target: &str| {
            if self.request.bare || self.request.unmounted {
                return None;
            }
            let inner = Path::new(target).strip_prefix(&self.request.mount).ok()?;
            let plain = inner.components().all(|part| matches!(part, Component::Normal(_)));
            (plain && inner.components().next().is_some()).then(|| self.request.folder.join(inner))
        };
        let volumes = container.volumes.iter().filter_map(|volume| volume.split_once(':'));
        let sources =
            volumes.clone().map(|(source, _)| PathBuf::from(source)).filter(|path| path.is_absolute());
        let targets = volumes.filter_map(|(_, rest)| project(rest.split(':').next()?));
        for folder in sources.chain(targets).chain(project(&container.workdir)) {
            if !folder.exists() {
                let _ = fs_err::create_dir_all(folder);
            }
        }
    }

    /// Tells which ports of this machine the engine took where the user left them to it.
    pub(super) async fn tell_free_ports(&self) {
        let mut asked = self.request.publish.iter().filter_map(|value| publish::parse(value).ok()).flatten();
        if !asked.any(|port| port.host.is_none()) {
            return;
        }
        for (host, own) in self.engine.published(&self.name()).await.unwrap_or_default() {
            self.shell.status("Published", format_args!("{host} -> {own}"));
        }
    }

    /// Whether the script needs an account that cannot be made yet, because the image's own are not known.
    pub(super) fn lacks_accounts(&self) -> bool {
        self.identity().home.is_some() && self.image.as_ref().is_none_or(|image| image.passwd.is_none())
    }

    fn accounts(&self, identity: &Identity) -> Option<(String, String)> {
        let accounts = identity.accounts.as_ref()?;
        let cache = self.cache?;
        let entry =
            format!("accounts/{}", fingerprint::short(&format!("{}{}", accounts.passwd, accounts.group)));
        self.hold(&entry);
        let kept = |file: &str, text: &str| {
            let entry = format!("{entry}/{file}");
            // Read rather than only found: a damaged one would be the container's `/etc/passwd`.
            if !cache.read(&entry).is_ok_and(|kept| kept.as_deref() == Some(text.as_bytes())) {
                self.complain(cache.write(&entry, text.as_bytes()))?;
            }
            Some(cache.root().join(entry).to_string())
        };
        Some((kept("passwd", &accounts.passwd)?, kept("group", &accounts.group)?))
    }

    /// An engine in a virtual machine sees the caller's home, but not `/etc`: the bundle is copied to the cache.
    fn shared_bundle(&self, path: PathBuf) -> Option<String> {
        if cfg!(target_os = "linux") {
            return path.to_str().map(str::to_owned);
        }
        let bytes = fs_err::read(path).ok()?;
        let cache = self.cache?;
        let entry = format!("certificates/{}.crt", fingerprint::short(&String::from_utf8_lossy(&bytes)));
        self.hold(&entry);
        self.complain(cache.write(&entry, &bytes))?;
        Some(cache.root().join(entry).to_string())
    }

    fn terminal_variables(&self) -> BTreeMap<String, String> {
        let names = if self.terminal { &["TERM", "COLORTERM"][..] } else { &[] };
        names.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))).collect()
    }

    fn socket_group(&self) -> Option<u32> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let socket = self.engine.address().socket().filter(|_| self.request.docker_socket)?;
            Some(fs_err::metadata(socket).ok()?.gid())
        }
        #[cfg(not(unix))]
        {
            None
        }
    }
}

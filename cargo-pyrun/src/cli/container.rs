//! What a container has and may, in docker's words.

use clap::Args;

/// What `cargo pyrun` and `cargo pyimage run` both take of `docker run`.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is one flag of the command line")]
#[command(next_help_heading = "Container")]
pub struct DockerArgs {
    /// Set a variable, or pass it on from here
    #[arg(short, long, value_name = "KEY[=VALUE]")]
    pub env: Vec<String>,

    /// Read variables from a file, in docker's format
    #[arg(long, value_name = "FILE")]
    pub env_file: Vec<String>,

    /// Mount a folder, a file or a volume; short form `-v HOST:CONTAINER`
    #[arg(long, value_name = "[HOST:]CONTAINER[:ro]")]
    pub volume: Vec<String>,

    /// The folder in which it starts [default: the mounted one, or the image's]
    #[arg(short, long, value_name = "PATH")]
    pub workdir: Option<String>,

    /// Publish a port
    #[arg(short, long, value_name = "[[IP:]HOST:]CONTAINER")]
    pub publish: Vec<String>,

    /// The network to join, for example `none` or `host`
    #[arg(long, alias = "net", value_name = "NETWORK")]
    pub network: Option<String>,

    /// The container's name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// The user in the container [default: you, or the image's]
    #[arg(short, long, value_name = "UID[:GID]")]
    pub user: Option<String>,

    /// The memory limit, for example `512m`
    #[arg(long, value_name = "BYTES")]
    pub memory: Option<String>,

    /// The CPU limit, for example `1.5`
    #[arg(long, value_name = "NUMBER")]
    pub cpus: Option<String>,

    /// Make the root file system read-only; /tmp is in memory then
    #[arg(long)]
    pub read_only: bool,

    /// Typed after years of `docker run`: always on here.
    #[arg(short = 'i', long = "interactive", hide = true)]
    pub interactive: bool,
    /// As above: the terminal decides.
    #[arg(short = 't', long = "tty", hide = true)]
    pub tty: bool,
    /// As above: always on, unless `--keep` is given.
    #[arg(long, hide = true)]
    pub rm: bool,
    /// As above: always on.
    #[arg(long, hide = true)]
    pub init: bool,
}

/// What the container of a script has and may.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Container")]
pub struct ContainerArgs {
    /// As in `docker run`.
    #[command(flatten)]
    pub docker: DockerArgs,

    /// Where the current folder is mounted [default: /usr/src/myapp]
    #[arg(long, value_name = "PATH")]
    pub mount: Option<String>,

    /// GPUs to use: `all`, a number, or `device=ID`
    #[arg(long, value_name = "GPUS")]
    pub gpus: Option<String>,

    /// Let the script drive the engine through /var/run/docker.sock
    #[arg(long)]
    pub docker_socket: bool,

    /// Keep the container after the run
    #[arg(long)]
    pub keep: bool,

    /// An address, `docker`, `podman`, or a docker context [default: the first that answers]
    #[arg(long, value_name = "ENGINE")]
    pub engine: Option<String>,
}

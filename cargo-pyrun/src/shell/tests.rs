use std::fmt;

use super::*;

#[derive(Debug)]
struct Fault(&'static str, Option<Box<Fault>>);

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

fn fault(messages: &[&'static str]) -> Fault {
    Fault(messages[0], (messages.len() > 1).then(|| Box::new(fault(&messages[1..]))))
}

fn said(verbosity: Verbosity, say: impl FnOnce(&Shell)) -> String {
    let (shell, capture) = Shell::capture(verbosity);
    say(&shell);
    capture.stderr()
}

fn everything(shell: &Shell) {
    shell.status("Pulling", format_args!("python:{}", "3.13-slim"));
    shell.verbose(|shell| shell.status("Running", "`python a.py`"));
    shell.warn("tag `2.7` is no longer maintained");
    shell.note("a note");
    shell.help("a help");
}

#[test]
fn lines_have_cargos_look() {
    let normal = "     Pulling python:3.13-slim\nwarning: tag `2.7` is no longer maintained\nnote: a note\nhelp: a help\n";
    assert_eq!(said(Verbosity::Normal, everything), normal);
    assert!(said(Verbosity::Verbose, everything).contains("     Running `python a.py`\n"));
    assert_eq!(said(Verbosity::Quiet, everything), "");
}

#[test]
fn errors_show_their_causes_and_help() {
    let plain = said(Verbosity::Quiet, |shell| shell.error(&fault(&["no script `a.py`"]), &[]));
    assert_eq!(plain, "error: no script `a.py`\n");

    let chain = fault(&["failed to pull `x`", "failed to pull `x`", "two\n\nlines", "the end"]);
    let helps = ["log in with `docker login`".to_owned(), "or\npull it by hand".to_owned()];
    let shown = said(Verbosity::Normal, |shell| shell.error(&chain, &helps));
    assert_eq!(
        shown,
        "error: failed to pull `x`\n\nCaused by:\n  two\n\n  lines\n\nCaused by:\n  the end\n\n\
         help: log in with `docker login`\nhelp: or\n      pull it by hand\n"
    );
}

#[test]
fn raw_terminals_get_carriage_returns_and_nothing_else_does() {
    let capture = Capture::default();
    let (out, err) = capture.streams(true);
    let shell = Shell::on(out, err, Verbosity::Normal, Bars::Hidden);
    shell.set_raw(true);
    shell.error(&fault(&["a", "b"]), &[]);
    shell.set_raw(false);
    shell.warn("c");
    assert_eq!(capture.stderr(), "error: a\r\n\r\nCaused by:\r\n  b\r\nwarning: c\n");

    let to_a_file = said(Verbosity::Normal, |shell| {
        shell.set_raw(true);
        shell.warn("c");
    });
    assert_eq!(to_a_file, "warning: c\n");
}

#[test]
fn what_was_asked_for_is_printed_under_quiet() {
    let (shell, capture) = Shell::capture(Verbosity::Quiet);
    shell.print("\x1b[1ma\n").unwrap();
    shell.always("     create      0.1 ms");
    assert_eq!(capture.stdout(), "\x1b[1ma\n");
    assert_eq!(capture.stderr(), "     create      0.1 ms\n");
}

#[test]
fn one_shell_serves_every_thread() {
    fn shared<T: Send + Sync>() {}
    shared::<Shell>();
    shared::<Progress>();
}

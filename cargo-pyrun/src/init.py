# PID 1 of the container. Runs under the image's own interpreter, from Python 2.7 on, with
# `-ESs`: no environment, no `site`. It imports built-in modules only, because an official
# image has no bytecode and each imported `.py` file would be compiled at every start.
#
# stdin carries frames from the client (see `init.rs`): it is the lifeline. When its other end is
# gone, so is the client, for whatever reason, and everything here ends. The script's output goes
# straight to the container's stdout and stderr; records for the client are written to stderr
# behind a nonce that only the client knows.
import sys, errno, select, posix as o
try:
    import _signal as s
except ImportError:
    import signal as s

PIPE = 4096
# Another text replaces this line where no client is there, nor a lifeline.
detached = False
command = sys.argv[1:]
child = 0
early = []
status = None


def retry(call, *args):
    while True:
        try:
            return call(*args)
        except (OSError, IOError, select.error) as e:
            if e.args[0] != errno.EINTR:
                raise


def frame():
    head = exactly(5)
    return head[:1], exactly((head[1] << 24) | (head[2] << 16) | (head[3] << 8) | head[4])


def exactly(n):
    data = bytearray()
    while len(data) < n:
        part = retry(o.read, 0, n - len(data))
        if not part:
            # No client yet, or none any more.
            o._exit(125)
        data += part
    return data


def record(text):
    if detached:
        # Nobody would take it out of the log again.
        return
    retry(o.write, 2, b"\x1e" + nonce + b":" + text.encode() + b"\n")


def pipe():
    r, w = o.pipe()
    for fd in (r, w):
        cloexec(fd)
    return r, w


def cloexec(fd):
    # Python 3.4 and later make every descriptor close on exec (PEP 446).
    if sys.version_info < (3, 4):
        import fcntl
        fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.FD_CLOEXEC)


def nonblocking(fd):
    if hasattr(o, "set_blocking"):
        o.set_blocking(fd, False)
    else:
        import fcntl
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | o.O_NONBLOCK)


def forward(number, _):
    send(number)


def send(number):
    if not child:
        early.append(number)
        return
    if status is not None:
        return
    try:
        # What a terminal sends to its foreground group reaches the script's own children too.
        if number in (s.SIGINT, s.SIGQUIT):
            o.kill(-child, number)
        else:
            o.kill(child, number)
    except OSError:
        pass


def reap(number=0, _=None):
    global status
    if not child:
        # The one that matters could not be told from another; it is waited for as soon as it is known.
        return
    while True:
        try:
            pid, state = o.waitpid(-1, o.WNOHANG)
        except OSError:
            return
        if not pid:
            return
        if pid == child:
            status = state


def resize(fd, data):
    import fcntl, termios
    size = [data[1], data[0], data[3], data[2]] if sys.byteorder == "little" else list(data)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, bytes(bytearray(size + [0] * 4)))


def out_of_memory():
    for path in ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
        try:
            fd = o.open(path, o.O_RDONLY)
            words = o.read(fd, 4096).split()
            o.close(fd)
            return int(words[words.index(b"oom_kill") + 1]) > 0
        except (OSError, ValueError, IndexError):
            pass
    return False


def coerced(environ):
    # Python sets this one for itself where the locale is "C" (PEP 538); the script gets what the
    # engine gave, and a Python sets it again.
    key = b"LC_CTYPE"
    if key in environ:
        fd = o.open("/proc/self/environ", o.O_RDONLY)
        given = b""
        while True:
            part = o.read(fd, PIPE)
            if not part:
                break
            given += part
        o.close(fd)
        if not any(entry.startswith(key + b"=") for entry in given.split(b"\0")):
            del environ[key]


def execute(report):
    # Python ignores these two; a program expects the default.
    for number in (s.SIGPIPE, s.SIGXFSZ):
        s.signal(number, s.SIG_DFL)
    program, environ = command[0], o.environ
    coerced(environ)
    names = [program]
    if "/" not in program:
        key = b"PATH" if isinstance(next(iter(environ), b""), bytes) else "PATH"
        path = environ.get(key, b"/usr/local/bin:/usr/bin:/bin")
        names = [p + "/" + program for p in (path if str is bytes else path.decode()).split(":")]
    fault = errno.ENOENT
    for name in names:
        try:
            o.execve(name, command, environ)
        except OSError as e:
            if e.errno not in (errno.ENOENT, errno.ENOTDIR):
                fault = e.errno
    o.write(report, str(fault).encode())
    o._exit(127 if fault == errno.ENOENT else 126)


def finish():
    code = o.WEXITSTATUS(status) if o.WIFEXITED(status) else 128 + o.WTERMSIG(status)
    signal = o.WTERMSIG(status) if o.WIFSIGNALED(status) else 0
    record("X%d,%d,%d" % (code, signal, signal == s.SIGKILL and out_of_memory()))
    o._exit(code)


def abandon():
    # The client is gone: a moment to clean up, then the end.
    global status
    send(s.SIGTERM)
    poller = select.poll()
    poller.register(wake, select.POLLIN)
    for _ in range(10):
        if status is not None:
            break
        try:
            poller.poll(100)
            o.read(wake, PIPE)
        except (OSError, IOError, select.error):
            pass
        reap()
    try:
        o.kill(-1, s.SIGKILL)
    except OSError:
        pass
    o._exit(137)


def main():
    global child, nonce, wake
    wake, alarm = pipe()
    nonblocking(wake)
    nonblocking(alarm)
    s.set_wakeup_fd(alarm)
    for number in range(1, 65):
        if number not in (s.SIGKILL, s.SIGSTOP, s.SIGCHLD, s.SIGPIPE, s.SIGXFSZ, 32, 33):
            try:
                s.signal(number, forward)
            except (OSError, ValueError, RuntimeError):
                pass
    s.signal(s.SIGCHLD, reap)

    tty = False
    if not detached:
        kind, hello = frame()
        nonce, tty, size = bytes(hello[:32]), hello[32] == 49, hello[33:37]
    if tty:
        terminal, inner = o.openpty()
        cloexec(terminal)
        resize(terminal, size)
        sink = terminal
    else:
        inner, sink = pipe()
    started, report = pipe()
    pid = o.fork()
    if pid == 0:
        o.setsid()
        if tty:
            import fcntl, termios
            fcntl.ioctl(inner, termios.TIOCSCTTY, 0)
            o.dup2(inner, 1)
            o.dup2(inner, 2)
        o.dup2(inner, 0)
        execute(report)
    o.close(inner)
    o.close(report)
    # Ends with the exec, or brings its error. Signals wait until then: before it, the child would
    # handle them with this program's handlers.
    fault = retry(o.read, started, 16)
    if fault:
        record("F" + fault.decode())
    child = pid
    for number in early:
        send(number)
    nonblocking(sink)
    if detached:
        o.close(sink)
        sink = None
    reap()

    pending, owed, ended = bytearray(), 0, False
    while True:
        if status is not None and not tty:
            finish()
        poller = select.poll()
        poller.register(wake, select.POLLIN)
        if not detached:
            poller.register(0, select.POLLIN)
        if sink is not None:
            wanted = (select.POLLOUT if pending else 0) | (select.POLLIN if tty else 0)
            if wanted:
                poller.register(sink, wanted)
        events = dict(retry(poller.poll, 0 if status is not None else -1))
        if wake in events:
            try:
                o.read(wake, PIPE)
            except OSError:
                pass
            reap()
        if tty and sink in events and events[sink] & (select.POLLIN | select.POLLHUP):
            try:
                data = o.read(terminal, PIPE)
            except OSError as e:
                data = b"" if e.errno == errno.EIO else None
            if data:
                retry(o.write, 1, data)
                continue
            if data == b"" and status is None:
                # Nobody holds the terminal: wait for the script's end without spinning.
                sink = None
        if status is not None:
            finish()
        at = events.get(0, 0)
        # A hang-up counts even with frames unread: they are from a client that is gone.
        if at & (select.POLLHUP | select.POLLERR):
            abandon()
        if at & select.POLLIN:
            kind, data = frame()
            if kind == b"D" and sink is None:
                record("A")
            elif kind == b"D":
                pending += data
                owed += 1
            elif kind == b"E":
                ended = True
            elif kind == b"S":
                send(data[0])
            elif kind == b"W" and tty and sink is not None:
                resize(terminal, data)
        if sink is None:
            continue
        if pending:
            try:
                del pending[: o.write(sink, bytes(pending[:PIPE]))]
            except OSError as e:
                if e.errno not in (errno.EAGAIN, errno.EINTR):
                    # The script closed its stdin; what comes is read and dropped, as from a pipe.
                    pending = bytearray()
        if not pending:
            for _ in range(owed):
                record("A")
            owed = 0
            if ended and not tty:
                o.close(sink)
                sink = None


main()

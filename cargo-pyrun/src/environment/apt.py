# Installs packages of Debian, and puts what that has changed into an archive. For every Python from 2.7 on.
import os, subprocess, sys, tarfile

place, packages = sys.argv[1], sys.argv[2:]

# What differs from run to run, or is of no use in an image.
LEFT_OUT = (
    '/dev/', '/proc/', '/run/', '/sys/', '/tmp/', '/var/cache/', '/var/lib/apt/lists/', '/var/log/', '/var/tmp/', '/root/',
    '/etc/machine-id', '/var/lib/dbus/machine-id', '/var/lib/systemd/', '/etc/resolv.conf', '/etc/hosts', '/etc/hostname',
)
BACKUPS = ('/etc/passwd-', '/etc/group-', '/etc/shadow-', '/etc/gshadow-', '/etc/subuid-', '/etc/subgid-')

with open('/proc/self/mountinfo') as table:
    mounts = set(line.split(' ')[4] for line in table)


def left_out(path):
    return (
        path in mounts or path in BACKUPS or (path + '/').startswith(LEFT_OUT) or path.startswith(LEFT_OUT)
        or '/__pycache__' in path or path.startswith('/var/lib/dpkg/') and path.endswith(('-old', 'lock', 'lock-frontend'))
    )


def seen():
    found = {}
    for folder, folders, files in os.walk('/'):
        folders[:] = [name for name in folders if not left_out(os.path.join(folder, name))]
        for name in folders + files:
            path = os.path.join(folder, name)
            if left_out(path):
                continue
            try:
                it = os.lstat(path)
            except OSError:
                continue
            if os.path.isdir(path) and not os.path.islink(path):
                found[path] = (it.st_mode, it.st_uid, it.st_gid)
            else:
                link = os.readlink(path) if os.path.islink(path) else None
                found[path] = (it.st_mode, it.st_uid, it.st_gid, it.st_size, it.st_mtime, link)
    return found


def versions():
    said = subprocess.check_output(['dpkg-query', '-W', '-f', '${binary:Package}=${Version} ${db:Status-Status}\n'])
    lines = [line.split(' ') for line in said.decode('utf-8').splitlines()]
    return set(line[0] for line in lines if line[1:] == ['installed'])


def apt(*words):
    options = ['-q', '-o', 'APT::Sandbox::User=root', '-o', 'Acquire::Retries=3', '-o', 'Dpkg::Use-Pty=0']
    env = dict(os.environ, DEBIAN_FRONTEND='noninteractive', LC_ALL='C')
    code = subprocess.call(['apt-get'] + options + list(words), env=env)
    if code:
        sys.exit(code)


old_files, old_versions = seen(), versions()
apt('update')
apt('install', '-y', '--no-install-recommends', '--', *packages)
new_files = seen()
with open(os.path.join(place, 'installed'), 'w') as file:
    file.write(''.join(line + '\n' for line in sorted(versions() - old_versions)))

archive = tarfile.open(os.path.join(place, 'layer.tar'), 'w', format=tarfile.GNU_FORMAT)
for path in sorted(path for path in new_files if new_files[path] != old_files.get(path)):
    info = archive.gettarinfo(path, path.lstrip('/'))
    # Sockets are none of an image's.
    if info is None or not (info.isreg() or info.isdir() or info.issym() or info.islnk()):
        continue
    info.mtime, info.uname, info.gname = 0, '', ''
    if info.isreg():
        with open(path, 'rb') as file:
            archive.addfile(info, file)
    else:
        archive.addfile(info)
archive.close()

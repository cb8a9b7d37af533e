import base64, csv, hashlib, io, os, subprocess, sys, zipfile

python, libc, release, source = sys.argv[1:5]
# The image's own `PYTHON_VERSION` is not asked: what counts is what runs.
found = '%d.%d' % sys.version_info[:2]
try:
    name, version = os.confstr('CS_GNU_LIBC_VERSION').split()
except (AttributeError, OSError, ValueError):
    # Python 2 has no such name, and asks the library itself.
    try:
        import ctypes
        ask = ctypes.CDLL(None).gnu_get_libc_version
        ask.restype = ctypes.c_char_p
        name, version = 'glibc', ask().decode()
    except (AttributeError, ImportError, OSError):
        name, version = 'musl', release
numbers = lambda text: [int(number) for number in text.split('.')]
if found != python or name != libc or numbers(version) > numbers(release):
    with open('misfit', 'w') as file:
        file.write('Python %s with %s %s' % (found, name, version))
    sys.exit(1)

code = subprocess.call([sys.executable, '-m', 'pip', 'wheel', '--no-deps', '--no-cache-dir',
    '--progress-bar', 'off', '--wheel-dir', 'built', source] + sys.argv[5:])
if code:
    sys.exit(code)

# The same contents are the same bytes from here on: no times, no order, no compressor, no name of the tool.
def rewrite(old, new):
    names = sorted(name for name in old.namelist() if not name.endswith('/'))
    record = None
    rows = []
    for name in names:
        folder, _, last = name.rpartition('/')
        if folder.endswith('.dist-info') and '/' not in folder:
            if last == 'RECORD':
                record = name
            if last in ('RECORD', 'RECORD.jws', 'RECORD.p7s'):
                continue
        content = old.read(name)
        if last == 'WHEEL' and folder.endswith('.dist-info'):
            lines = content.splitlines(True)
            content = b''.join(line for line in lines if not line.lower().startswith(b'generator:'))
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b'=').decode()
        rows.append((name, 'sha256=' + digest, len(content)))
        add(new, name, old.getinfo(name).external_attr >> 16, content)
    if record:
        # The csv of Python 2 writes bytes.
        text = io.BytesIO() if str is bytes else io.StringIO()
        csv.writer(text, lineterminator='\n').writerows(rows + [(record, '', '')])
        add(new, record, 0, text.getvalue() if str is bytes else text.getvalue().encode())

def add(new, name, mode, content):
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.create_system = 3
    entry.external_attr = (0o100755 if mode & 0o111 else 0o100644) << 16
    new.writestr(entry, content)

os.mkdir('wheel')
for name in os.listdir('built'):
    with zipfile.ZipFile(os.path.join('built', name)) as old:
        with zipfile.ZipFile(os.path.join('wheel', name), 'w') as new:
            rewrite(old, new)

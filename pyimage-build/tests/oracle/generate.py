"""What the `packaging` library makes of locks, markers, tags and names: the answers that `tests/packaging.rs` compares.

    python3 -m venv /tmp/oracle && /tmp/oracle/bin/pip install packaging==26.3 uv==0.13.9
    /tmp/oracle/bin/python pyimage-build/tests/oracle/generate.py > pyimage-build/tests/oracle/answers.json

uv resolves today's releases of the packages below, so that another run gives other answers, as good as these. With
`--locks answers.json` the locks of an earlier run are asked about, and no index is needed. The index is pip's; no address of
it gets into the output. uwsgi has no wheels, and its metadata needs its build backend.
"""

import hashlib
import itertools
import json
import random
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from urllib.parse import unquote

from packaging import __version__, _manylinux, _musllinux, markers, pylock, requirements, specifiers, tags, utils

REQUIREMENTS = """
numpy
pandas
markupsafe
charset-normalizer
cryptography
cffi
lxml
pillow
grpcio
pyyaml
colorama; sys_platform == 'win32'
psycopg2-binary
uwsgi
requests
rich
orjson
psutil
greenlet
aiohttp
protobuf
zstandard
ruamel.yaml.clib
tornado
pynacl
wrapt
tzdata; python_version < '3.13'
six; platform_machine == 'aarch64' or platform_machine == 'armv7l'
"""
FEW = "numpy pandas markupsafe cryptography lxml uwsgi colorama tzdata six charset-normalizer typing-extensions".split()

# Docker's platform, and what `platform.machine()` and wheels call it.
MACHINES = {
    "linux/amd64": ("x86_64", "x86_64"),
    "linux/arm64": ("aarch64", "aarch64"),
    "linux/386": ("i686", "i686"),
    "linux/arm/v7": ("armv7l", "armv7l"),
    "linux/arm/v6": ("armv6l", "armv6l"),
    "linux/arm/v5": ("armv5tel", None),
    "linux/mips64le": ("mips64", None),
    "linux/ppc64le": ("ppc64le", "ppc64le"),
    "linux/s390x": ("s390x", "s390x"),
    "linux/riscv64": ("riscv64", "riscv64"),
}
# The C libraries of the official images, and the platforms that any image with it was made for.
BEFORE = "amd64 arm/v5 arm/v7 arm64 386 mips64le ppc64le s390x"
SUITES = {
    "glibc 2.41": "amd64 arm/v5 arm/v7 arm64 386 ppc64le riscv64 s390x",
    "glibc 2.36": BEFORE,
    "glibc 2.31": BEFORE,
    "glibc 2.28": BEFORE,
    "glibc 2.24": "amd64 arm/v5 arm/v7 arm64 386",
    "musl 1.2": "amd64 arm/v6 arm/v7 arm64 386 ppc64le riscv64 s390x",
    "musl 1.1": "amd64 arm/v6 arm/v7 arm64 386 ppc64le s390x",
}
# Each Python with a lock that is for it: that of many packages for some, that of a few for each.
SELECTED = [
    ("3.8.20", 2), ("3.9.25", 1), ("3.9.25", 2), ("3.10.19", 1), ("3.11.14", 0), ("3.12.12", 1), ("3.13.9", 0),
    ("3.13.9", 2), ("3.14.1", 1), ("3.15.0", 0), ("3.16.0a2", 1),
]
TAGGED = ["2.7.18", "3.3.7", "3.7.17", *dict(SELECTED)]


def environment(python, platform):
    version = re.match(r"(\d+\.\d+)\.\d+", python)[1]
    return {
        "implementation_name": "cpython",
        "implementation_version": python.replace("rc", "c"),
        "os_name": "posix",
        "platform_machine": MACHINES[platform][0],
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": python,
        "python_version": version,
        "sys_platform": "linux",
    }


def platform_tags(libc, platform):
    """The tags of `packaging` itself, told that it runs there."""
    machine = MACHINES[platform][1]
    if machine is None:
        return []
    name, version = libc.split()
    major, minor = map(int, version.split("."))
    found = [f"linux_{machine}"]
    if name == "glibc":
        _manylinux._get_glibc_version = lambda: _manylinux._GLibCVersion(major, minor)
        allowed = _manylinux._ALLOWED_ARCHS | {"armv7l", "i686"}
        _manylinux._have_compatible_abi = lambda executable, archs: any(arch in allowed for arch in archs)
        found += _manylinux.platform_tags([machine])
    else:
        _musllinux._get_musl_version = lambda executable: _musllinux._MuslVersion(major, minor)
        found += _musllinux.platform_tags([machine])
    return found


def supported(python, libc, platform):
    version = tuple(map(int, python.split(".")[:2]))
    own = "cp{}{}".format(*version)
    # From before 3.8 the interface's name has flags, which `packaging` takes from the running Python.
    flags = "mu" if version < (3, 3) else "m" if version < (3, 8) else ""
    platforms = platform_tags(libc, platform)
    if not platforms:  # `packaging` would take those of the host.
        return [tags.Tag(own, "none", "any"), *tags.pure_python_tags(version)]
    found = list(tags.cpython_tags(version, [own + flags], platforms))
    return found + list(tags.compatible_tags(version, own, platforms))


def locked(python):
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder, "requirements.txt"), Path(folder, "pylock.toml")
        source.write_text(REQUIREMENTS)
        uv = Path(sys.executable).with_name("uv")
        options = ["--universal", "--no-header", "--no-python-downloads", "--python", sys.executable, "-q"]
        command = [uv, "pip", "compile", *options, "--python-version", python, "-o", output, source]
        subprocess.run(command, check=True)
        return tomllib.loads(output.read_text())


def file_name(file):
    return file["url"].rsplit("/", 1)[-1]


def compact(lock, names=None):
    """Wheels without what their names have in common; of the others only the name of the sdist."""
    packages = []
    for package in lock["packages"]:
        if names and package["name"] not in names:
            continue
        wheels = [unquote(file_name(wheel))
                  for wheel in package.get("wheels", [])]
        if names:
            wheels = [wheel for wheel in wheels if not re.search("win|macosx|ios|android|wasm|pp3", wheel)]
        sdist = file_name(package["sdist"]) if "sdist" in package else None
        head = f"{wheels[0].split('-')[0]}-{wheels[0].split('-')[1]}-" if wheels else ""
        assert all(wheel.startswith(head) for wheel in wheels), wheels
        rest = [wheel.removeprefix(head).removesuffix(".whl") for wheel in wheels]
        packages.append([package["name"], package["version"], package.get("marker"), sdist, head, " ".join(rest)])
    return {"requires-python": lock["requires-python"], "packages": packages}


def restored(lock):
    packages = []
    for name, version, marker, sdist, head, rest in lock["packages"]:
        package = {"name": name, "version": version}
        if marker:
            package["marker"] = marker
        file = lambda name: {"url": f"https://files.example/{name}", "hashes": {"sha256": "0" * 64}}
        if sdist:
            package["sdist"] = file(sdist)
        if rest:
            package["wheels"] = [file(f"{head}{tags}.whl") for tags in rest.split()]
        packages.append(package)
    head = {"lock-version": "1.0", "created-by": "uv", "requires-python": lock["requires-python"]}
    return pylock.Pylock.from_dict({**head, "packages": packages})


def selections(locks):
    """What is chosen where, by its place among the distinct choices: a wheel's number, -1 for sources, none for nothing."""
    restored_locks = [restored(lock) for lock in locks]
    found, distinct = [], {}
    for libc, platforms in SUITES.items():
        for platform in (f"linux/{name}" for name in platforms.split()):
            row = []
            for python, number in SELECTED:
                lock = restored_locks[number]
                places = {id(package): at for at, package in enumerate(lock.packages)}
                chosen = [None] * len(places)
                selected = lock.select(
                    environment=environment(python, platform), tags=supported(python, libc, platform)
                )
                for package, choice in selected:
                    is_wheel = isinstance(choice, pylock.PackageWheel)
                    chosen[places[id(package)]] = package.wheels.index(choice) if is_wheel else -1
                row.append(distinct.setdefault(tuple(chosen), len(distinct)))
            found.append([libc, platform, row])
    return found, list(distinct)


def tag_lists():
    libcs = ["glibc 2.13", "glibc 2.19", *SUITES]
    for libc, platform in itertools.product(libcs, MACHINES):
        lists = ["\n".join(map(str, supported(python, libc, platform))) for python in TAGGED]
        yield [libc, platform, " ".join(hashlib.sha256(listed.encode()).hexdigest()[:12] for listed in lists)]


VARIABLES = """python_version python_full_version implementation_version platform_release os_name os.name sys_platform
    sys.platform platform_machine platform.machine platform_system platform_version platform_python_implementation
    python_implementation implementation_name extra extras dependency_groups""".split()
OPERATORS = ["===", "==", "~=", "!=", "<=", ">=", "<", ">", "in", "not in"]
TEXTS = """3|3.9|3.13|3.13.*|3.13.5|3.13.5.*|3.13.0.*|3.13.5.0|3.13.4|3.14|3.15.0|3.15.0rc1|3.15.0rc2|3.15.0.*|3.15.0a1|
    3.15rc1|3.15.0c1|v3.13|1!3.13|3.13.post1|3.13.5.dev0|3.13+local|=3.9|>=3.9|3.9, 3.13|3.15.0RC1|3.13.5 ||posix|linux|Linux|
    LINUX|x86_64|armv7l|cpython|CPython|Foo.Bar|foo-bar|dev|x"""
TEXTS = [text.removeprefix("\n    ") for text in TEXTS.split("|")]
WHERE = [("3.13.5", "linux/amd64"), ("3.15.0rc1", "linux/arm/v7")]


def where():
    plain = [environment(*place) for place in WHERE]
    asked = {"extra": "foo-bar", "extras": {"foo-bar"}, "dependency_groups": {"dev"}}
    return [
        {**plain[0], "extra": "", "extras": set(), "dependency_groups": set()},
        {**plain[0], **asked},
        {**plain[1], **asked},
    ]


def outcome(text, environments):
    """A digit for each environment: false, true, undefined. Or x, where it is no marker."""
    try:
        marker = markers.Marker(text)
    except markers.InvalidMarker:
        return "x" * len(environments)
    found = ""
    for values in environments:
        try:
            found += str(int(marker.evaluate(values, context="lock_file")))
        except markers.UndefinedComparison:
            found += "2"
    return found


def comparisons():
    environments = where()
    for variable in VARIABLES:
        grid = ""
        for operator, text in itertools.product(OPERATORS, TEXTS):
            grid += outcome(f"{variable} {operator} '{text}'", environments)
            grid += outcome(f"'{text}' {operator} {variable}", environments)
        yield grid


def expressions():
    rolls, environments = random.Random(751), where()
    atoms = [
        "python_version>='3.14'", "python_version < \"3.14\"", "'linux' in sys_platform", "os_name=='nt'",
        "platform_machine != 'x86_64'", "extra == 'Foo_Bar'", "'dev' in dependency_groups", "'foo.bar' not in extras",
    ]

    def expression(depth):
        kind = rolls.random()
        if depth == 0 or kind < 0.2:
            return rolls.choice(atoms)
        if kind < 0.45:
            return f"({expression(depth - 1)})"
        return expression(depth - 1) + rolls.choice([" and ", " or ", " or ", "  and\t"]) + expression(depth - 1)

    for _ in range(250):
        text = expression(4)
        yield [text, outcome(text, environments)]
    spoilt = """os_name=='a'and os_name=='b'|(os_name=='a')or(os_name!='b')|os_name == "it's"|'a' in os_name|'a' not  in os_name|
        'a' notin os_name|os_name == 'a' or|or os_name == 'a'|os_name == 'a' and and os_name == 'b'|(os_name == 'a'|os_name == 'a')|
        os_name == a|os_name 'a'|os_name == 'a' os_name == 'b'|os_name = 'a'|os_name == 'a' ; |()|os_name|''|python_versions > '3'|
        PYTHON_VERSION > '3'|os_name == 'a' AND os_name == 'b'|((os_name == 'posix'))|os_name==  'posix'  |os_name == 'posix'\n|
        implementation_name=='cpython'or extra=='x'|not os_name == 'a'|os_name == "posix'|platform.release == ''|os_name in'posix'|
        os_name not'posix'|python_version in '3.13 3.14'|extra in 'foo-bar'|extra != 'foo__bar'|os_nameor == 'a'"""
    for text in spoilt.split("|"):
        text = text.removeprefix("\n        ")
        yield [text, outcome(text, environments)]


def wheel_names():
    names = """six-1.17.0-py2.py3-none-any.whl a-1-py3-none-any.whl A.b_c-1.0.post1-1-py3-none-any.whl a-1-01b-py3-none-any.whl
        a__b-1-py3-none-any.whl -1-py3-none-any.whl a-b-1-py3-none-any.whl a-1-x-py3-none-any.whl a-x-py3-none-any.whl a-1-py3-none.whl
        a-1-py3-none-any a-1-py3-none-any.zip a-1--none-any.whl a-1-py3..py2-none-any.whl a-1-3py-none-any.whl a-1+x.1-py3-none-any.whl
        a-1!2-py3-none-any.whl a-v1-py3-none-any.whl a-1.0rc1-CP313-CP313-Win_AMD64.whl a-1-cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64.whl
        a-1-2-3-py3-none-any.whl a-1-1.2_x-py3-none-any.whl a-1_0-py3-none-any.whl a-1.0_1-py3-none-any.whl a-1.-py3-none-any.whl
        a/b-1-py3-none-any.whl""".split()
    for name in names:
        try:
            package, version, build, found = utils.parse_wheel_filename(name)
            build = "".join(map(str, build))
            yield [name, "|".join([package, str(version), build, *sorted(map(str, found))])]
        except utils.InvalidWheelFilename:
            yield [name, None]


SPECIFIERS = """>=3.13|<3.15|<=3.15.0|>3.13|==3.13.*|!=3.13.*|==3.13.5|!=3.13.5|~=3.13|~=3.13.4|>=3.15.0rc1|<3.15.0rc2|>=3.9,<4|
    >=3.9,!=3.13.5,!=3.14.*|==3.*|>=3.13.5|<3.13.5|>3.15.0a1|<=3.15.0rc1|==3.15.0rc1|>=4|<3|==3.13|!=3.15.0|~=3.15.0rc1|>=3.15.0.dev1"""
SPECIFIERS = [text.strip() for text in SPECIFIERS.split("|")]
PYTHONS = "3.9.25 3.13.0 3.13.4 3.13.5 3.14.1 3.15.0 3.15.0a1 3.15.0b2 3.15.0rc1 3.15.0rc2 3.16.0a2".split()


def required():
    return ["".join(str(int(specifiers.SpecifierSet(text).contains(python))) for python in PYTHONS) for text in SPECIFIERS]


def requirement_lines():
    lines = """requests|Requests[socks,Use_Chardet]>=2,<3|requests (>=2)|requests(>=2,!=2.1)|requests >= |requests = 2|requests==2.*|requests>=2.*|
        requests ; python_version < '3'|requests>=2;python_version<'3'|requests; foo == 'x'|requests @ https://files.example/r.whl|
        requests@https://files.example/r.whl ; os_name == 'nt'|requests @ https://files.example/r.whl; os_name == 'nt'|requests @|
        requests[|requests[]|requests[a,]|requests[a b]|requests[a]>=1|[a]|>=2|requests>=2 <3|requests>=2,|requests,>=2|requests===weird!|
        requests ~=2|requests~=2.1|requests==1.0+local|requests>1.0+local|-requests|requests-|_requests|re quests|requests>=1.0,<2.0,!=1.5 ; extra=='x'|
        requests>=2 # comment|requests @ file:///a/b.whl|  requests  |r|requests[a.b_c]|requests==v1.0|requests=>2|requests!=2.*,>1|requests >=2 ;|
        requests (>=2|requests >=2)|requests[a]@ https://files.example/x y|requests<2rc1|requests>=2.0.dev1|requests==2;|requests[1a]|requests>=1!2"""
    for text in lines.split("|"):
        text = text.removeprefix("\n        ")
        try:
            found = requirements.Requirement(text)
            extras = ",".join(sorted({utils.canonicalize_name(extra) for extra in found.extras}))
            places = sorted(re.sub(r"\s", "", str(part)) for part in found.specifier)
            yield [text, "|".join([utils.canonicalize_name(found.name), extras, ",".join(places), found.url or ""])]
        except requirements.InvalidRequirement:
            yield [text, None]


def by_hand():
    """Locks for the rules, each with what is selected of it in one place."""
    hashes = 'hashes = { sha256 = "' + "ab" * 32 + '" }'
    head = 'lock-version = "1.0"\ncreated-by = "me"\n'
    wheel = lambda tags, name="demo-1.0": f'{{ url = "https://files.example/{name}-{tags}.whl", {hashes} }}'
    sdist = f'sdist = {{ url = "https://files.example/demo-1.0.tar.gz", {hashes} }}\n'
    archive = f'archive = {{ path = "./demo.zip", {hashes} }}\n'
    package = lambda rest, name="demo": f'[[packages]]\nname = "{name}"\nversion = "1.0"\n{rest}'
    pure, foreign = wheel("py3-none-any"), wheel("cp313-cp313-win_amd64")
    builds = ["py3-none-any", "2-py3-none-any", "10-py3-none-any"]
    vcs = 'vcs = { type = "git", url = "https://git.example/x", commit-id = "abc" }\n'
    directory = 'directory = { path = "../demo" }\n'
    groups = 'dependency-groups = ["dev", "docs"]\ndefault-groups = ["docs"]\nextras = ["cli"]\n'
    cases = [
        head + "packages = []",
        head,
        head + package(f"wheels = [{foreign}, {pure}]\n"),
        *(head + package(f"wheels = [{', '.join(map(wheel, order))}]\n") for order in itertools.permutations(builds)),
        head + package(f"wheels = [{wheel('2-py3-none-any')}, {wheel('1-cp313-none-any')}, {pure}]\n"),
        head + package(f"wheels = [{foreign}]\n"),
        head + package(f"wheels = [{foreign}]\n{sdist}"),
        head + package(sdist),
        head + package(""),
        head + package("wheels = []\n" + sdist),
        head + package("wheels = []\n" + archive),
        head + package(archive),
        head + package(directory),
        head + package(vcs),
        head + package(vcs + directory),
        head + package(archive + sdist),
        head + package(f"wheels = [{pure}]\n{vcs}"),
        head + package(f"wheels = [{pure}]\n") * 2,
        head + package(f"wheels = [{pure}]\nmarker = \"os_name == 'nt'\"\n") + package(f"wheels = [{pure}]\n"),
        head + package(f"wheels = [{foreign}]\nmarker = \"os_name == 'nt'\"\n"),
        head + package(f"wheels = [{pure}]\nrequires-python = \">=3.14\"\n"),
        head + package(f"wheels = [{pure}]\nrequires-python = \">=3.14\"\nmarker = \"os_name == 'nt'\"\n"),
        head + package(f"wheels = [{pure}]\nrequires-python = \"3.14\"\n"),
        head + "requires-python = \">=3.14\"\npackages = []",
        head + "requires-python = \"<3.14,>=3\"\npackages = []",
        head + "environments = [\"sys_platform == 'win32'\"]\npackages = []",
        head + "environments = [\"sys_platform == 'win32'\", \"sys_platform == 'linux'\"]\npackages = []",
        head + "environments = []\npackages = []",
        head + "environments = [\"sys_platform = 'win32'\"]\npackages = []",
        head + groups + package(f"wheels = [{pure}]\nmarker = \"'dev' in dependency_groups\"\n"),
        head + groups + package(f"wheels = [{pure}]\nmarker = \"'docs' in dependency_groups\"\n"),
        head + groups + package(f"wheels = [{pure}]\nmarker = \"'cli' in extras\"\n"),
        head + package(f"wheels = [{wheel('py3-none-any', 'other-1.0')}]\n"),
        head + package(f"wheels = [{wheel('py3-none-any', 'demo-1.1')}]\n"),
        head + package(f"wheels = [{wheel('py3-none-any', 'demo-1.0.0')}]\n"),
        head + package(f"wheels = [{wheel('py3-none', 'demo-1.0')}]\n"),
        head + package(f"wheels = [{pure}]\nmarker = \"os_name\"\n"),
        head + package(f"wheels = [{pure}]\nattestation-identities = [{{ kind = \"x\", a = 1 }}]\n"),
        head + package(f"wheels = [{pure}]\nattestation-identities = [{{ a = 1 }}]\n"),
        head + package(f"wheels = [{pure}]\ndependencies = [{{ name = \"x\" }}]\n[packages.tool.x]\na = 1\n"),
        head + package("wheels = [{ url = \"https://files.example/demo-1.0-py3-none-any.whl\" }]\n"),
        head + package("wheels = [{ url = \"https://files.example/demo-1.0-py3-none-any.whl\", hashes = {} }]\n"),
        head + package("wheels = [{ " + hashes + " }]\n"),
        head + package(f"wheels = [{{ name = \"demo-1.0-py3-none-any.whl\", path = \"x\", {hashes} }}]\n"),
        head + package(f"wheels = [{{ path = 'w\\demo-1.0-py3-none-any.whl', size = 3, {hashes} }}]\n"),
        head + package(f"wheels = [{{ path = 'demo-1.0-py3-none-any.whl', size = true, {hashes} }}]\n"),
        head + package(f"wheels = [{{ path = 'demo-1.0-py3-none-any.whl', upload-time = 2026-01-02T03:04:05Z, {hashes} }}]\n"),
        head + package(f"wheels = [{{ path = 'demo-1.0-py3-none-any.whl', upload-time = 'now', {hashes} }}]\n"),
        head + package(f"wheels = [{wheel('py3-none-any', 'demo-1.0%2Bx')}]\n").replace('"1.0"\nwheels', '"1.0+x"\nwheels'),
        head + package("vcs = { type = \"git\", commit-id = \"abc\" }\n"),
        head + package("vcs = { type = \"git\", url = \"x\" }\n"),
        head + package("directory = { editable = true }\n"),
        head + package("directory = { path = 'x', editable = 'yes' }\n"),
        head + package(f"wheels = [{pure}]\n", "").replace('name = ""\n', ""),
        'lock-version = "2.0"\ncreated-by = "me"\npackages = []',
        'lock-version = "0.9"\ncreated-by = "me"\npackages = []',
        'lock-version = "1.9"\ncreated-by = "me"\npackages = []\nnew = 1',
        'lock-version = "x"\ncreated-by = "me"\npackages = []',
        'lock-version = 1.0\ncreated-by = "me"\npackages = []',
        'created-by = "me"\npackages = []',
        'lock-version = "1.0"\npackages = []',
        head + "packages = {}",
    ]
    place = ("3.13.9", "linux/amd64")
    asked = [{}, {"extras": ["cli"], "dependency_groups": ["dev"]}]
    for text in cases:
        answers = []
        for options in asked if groups in text else asked[:1]:
            try:
                lock = pylock.Pylock.from_dict(tomllib.loads(text))
            except pylock.PylockValidationError:
                answers.append("invalid")
                continue
            try:
                found = lock.select(environment=environment(*place), tags=supported(place[0], "glibc 2.41", place[1]), **options)
                kinds = [f"{package.name} {type(choice).__name__} {getattr(choice, 'filename', '')}" for package, choice in found]
                answers.append("\n".join(kinds))
            except pylock.PylockSelectError:
                answers.append("error")
        yield [text, *answers]


def main():
    if sys.argv[1:2] == ["--locks"]:
        locks = json.loads(Path(sys.argv[2]).read_text())["locks"]
    else:
        locks = [compact(locked("3.11")), compact(locked("3.9"), FEW), compact(locked("3.8"), FEW)]
    found, chosen = selections(locks)
    answers = {
        "packaging": __version__,
        "locks": locks,
        "selected": SELECTED,
        "selections": found,
        "chosen": chosen,
        "tagged": TAGGED,
        "tags": list(tag_lists()),
        "where": WHERE,
        "variables": VARIABLES,
        "operators": OPERATORS,
        "texts": TEXTS,
        "comparisons": list(comparisons()),
        "expressions": list(expressions()),
        "wheel-names": list(wheel_names()),
        "specifiers": SPECIFIERS,
        "pythons": PYTHONS,
        "required": required(),
        "requirements": list(requirement_lines()),
        "by-hand": list(by_hand()),
    }
    # A section a line, and in the long ones an item a line.
    print("{")
    lines = []
    for key, value in answers.items():
        items = isinstance(value, list) and key in {"locks", "selections", "chosen", "tags", "expressions", "by-hand", "comparisons"}
        compactly = lambda value: json.dumps(value, separators=(",", ":"))
        text = "[\n" + ",\n".join(map(compactly, value)) + "\n]" if items else compactly(value)
        lines.append(f"{json.dumps(key)}:{text}")
    print(",\n".join(lines))
    print("}")


main()

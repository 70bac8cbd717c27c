"""Fetches the packages of `packages.toml`, and keeps the binaries in them.

    fetch.py FOLDER [--pin | --pin=REGISTRY] [--subset]

Registries are asked through their own clients: apt-get, npm, pip and mvn. `packages.lock` says which version of
each was fetched and what its bytes hash to; a package that is served otherwise is an error, one that is
not served any more is said and left out. `--pin` writes the lock anew. `--subset` takes the few packages
that CI fetches, which are marked in the lock.

What is kept stands in FOLDER/files, by registry and package, each file once; FOLDER/index.jsonl says
where each came from. A package whose files are there is not fetched again.
"""

import collections
import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import threading
import tomllib
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOCK = HERE / "packages.lock"
# Registries are asked by so many at once.
THREADS = 6
# Seconds for one call of a client.
LONGEST_WAIT = 900
# Of a file that is longer, nothing is learnt that a shorter one does not show.
LONGEST = 24 << 20
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SUITES_OF = {"bookworm": ["bookworm", "bookworm-updates"]}

# What pip calls each system, the newest first; it takes the first that a package has.
SYSTEMS = {"any": ["any"]}
for cpu in ["x86_64", "aarch64", "i686", "ppc64le", "s390x", "armv7l", "riscv64"]:
    glibcs = [f"manylinux_2_{minor}_{cpu}" for minor in range(39, 16, -1)]
    SYSTEMS[f"linux-{cpu}"] = [*glibcs, f"manylinux2014_{cpu}", f"manylinux2010_{cpu}", f"manylinux1_{cpu}"]
    SYSTEMS[f"musl-{cpu}"] = [f"musllinux_1_{minor}_{cpu}" for minor in (2, 1)]
for cpu in ["x86_64", "arm64"]:
    SYSTEMS[f"mac-{cpu}"] = [f"macosx_15_0_{cpu}"]
SYSTEMS["windows-x86_64"] = ["win_amd64"]
SYSTEMS["windows-x86"] = ["win32"]
SYSTEMS["windows-arm64"] = ["win_arm64"]
SYSTEMS["android-arm64"] = [f"android_{api}_arm64_v8a" for api in range(35, 20, -1)]
SYSTEMS["ios-arm64"] = [f"ios_{major}_0_arm64_iphoneos" for major in range(18, 11, -1)]


class Package:
    """A package of a registry: `where` is suite/architecture in Debian, python/system on PyPI, a
    classifier in Maven."""

    FIELDS = ["registry", "name", "version", "where", "sha256", "at_most", "subset"]

    def __init__(self, registry, name, version, where, sha256, at_most, subset="-"):
        self.registry, self.name, self.version, self.where = registry, name, version, where
        self.sha256, self.at_most, self.subset = sha256, int(at_most), subset

    def key(self):
        return (self.registry, self.name, self.where)

    def line(self):
        return "\t".join(str(getattr(self, field)) for field in self.FIELDS)

    def folder(self):
        """Where its files go, below `files`."""
        where = self.where if self.registry == "debian" else self.where.replace("/", "-")
        return Path(self.registry) / where / re.sub(r"[/:]", "+", self.name)

    def label(self):
        return f"{self.registry} {self.name} {self.version} {self.where}"


def main():
    folder = Path(sys.argv[1]).absolute()
    flags = sys.argv[2:]
    wanted = tomllib.loads((HERE / "packages.toml").read_text())
    folder.mkdir(parents=True, exist_ok=True)
    world = World(folder)
    registries = {"debian", "npm", "pypi", "maven"}
    anew = {flag.removeprefix("--pin=") for flag in flags if flag.startswith("--pin=")} & registries
    if "--pin" in flags:
        anew = registries
    if anew:
        pinned = world.pin({registry: wanted[registry] for registry in anew})
        before = read_lock()
        subset = {package.key() for package in before if package.subset == "subset"}
        for package in pinned:
            package.subset = "subset" if package.key() in subset else "-"
        write_lock(pinned + [package for package in before if package.registry not in anew])
    packages = read_lock()
    if "--subset" in flags:
        packages = [package for package in packages if package.subset == "subset"]
    # After --pin=REGISTRY, the others are left for a run without.
    world.fetch([package for package in packages if not anew or package.registry in anew])
    world.write_index(packages)
    shutil.rmtree(folder / "scratch", ignore_errors=True)
    for message in world.missing:
        print(f"not served: {message}")
    for message in world.wrong:
        print(f"not as pinned: {message}")
    # Debian replaces a version now and then; where much is missing, the comparison says little.
    too_few = len(world.missing) * 10 > len(packages)
    if too_few:
        print(f"{len(world.missing)} of {len(packages)} packages are missing; `cargo xtask world --pin` takes what is served")
    return 1 if world.wrong or too_few else 0


def read_lock():
    if not LOCK.exists():
        return []
    lines = [line for line in LOCK.read_text().splitlines() if line and not line.startswith("#")]
    return [Package(*line.split("\t")) for line in lines]


def write_lock(packages):
    head = "# Written by `cargo xtask world --pin`: " + ", ".join(Package.FIELDS)
    lines = [package.line() for package in sorted(packages, key=Package.key)]
    LOCK.write_text("\n".join([head, *lines]) + "\n")


def run(command, **more):
    """What a client said; one that hangs counts as one that failed."""
    try:
        return subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=LONGEST_WAIT, **more
        )
    except subprocess.TimeoutExpired as late:
        return subprocess.CompletedProcess(command, 124, "", f"no answer within {late.timeout} s")


class World:
    def __init__(self, folder):
        self.folder = folder
        self.files = folder / "files"
        self.packages = folder / "packages"
        self.suites = {}
        # Of which CPUs the lists are needed, for each suite.
        self.architectures = collections.defaultdict(set)
        self.lock = threading.Lock()
        self.missing, self.wrong = [], []

    # Pinning: which version is served now.

    def pin(self, wanted):
        pinned = []
        for group in wanted.get("debian", []):
            self.architectures[group["suite"]].update(group["architectures"])
        for group in wanted.get("debian", []):
            pinned += self.pin_debian(group)
        with concurrent.futures.ThreadPoolExecutor(THREADS) as threads:
            jobs = []
            for group in wanted.get("npm", []):
                jobs += [threads.submit(self.pin_npm, name, group["at-most"]) for name in group["packages"]]
            for group in wanted.get("maven", []):
                jobs += [threads.submit(self.pin_maven, name, group["at-most"]) for name in group["packages"]]
            for group in wanted.get("pypi", []):
                for name in group["packages"]:
                    for system in group["systems"]:
                        where = f'{group["python"]}/{system}'
                        jobs.append(threads.submit(self.pin_pypi, name, where, group["at-most"]))
            pinned += [job.result() for job in jobs if job.result()]
        return list({package.key(): package for package in pinned}.values())

    def pin_debian(self, group):
        available = self.suite(group["suite"])["available"]
        pinned = []
        for architecture in group["architectures"]:
            for name in group["packages"]:
                if "*" in name:
                    pattern = re.compile(re.escape(name).replace(r"\*", r"[\d.-]+"))
                    found = [one for one, cpu in available if cpu == architecture and pattern.fullmatch(one)]
                    # The highest; an image of the debug kind has a suffix and does not match.
                    name = max(found, key=lambda one: [int(n) for n in re.findall(r"\d+", one)], default=name)
                for cpu in (architecture, "all"):
                    if (name, cpu) in available:
                        version, sha256 = available[name, cpu]
                        where = f'{group["suite"]}/{cpu}'
                        pinned.append(Package("debian", name, version, where, sha256, group["at-most"]))
                        break
                else:
                    print(f'debian: no {name} for {architecture} in {group["suite"]}')
        return pinned

    def pin_npm(self, name, at_most):
        archive = self.download_npm(name, "latest")
        if archive is None:
            print(f"npm: no {name}")
            return None
        version = re.search(r'-(\d+\.\d+\.\d+[^/]*)\.tgz$', archive.name)[1]
        package = Package("npm", name, version, "-", sha256_of(archive), at_most)
        self.keep(package, archive)
        return package

    def pin_maven(self, coordinates, at_most):
        group, artifact, version, *classifier = coordinates.split(":")
        name, where = f"{group}:{artifact}", (classifier or ["-"])[0]
        archive = self.download_maven(name, version, where)
        if archive is None:
            print(f"maven: no {coordinates}")
            return None
        package = Package("maven", name, version, where, sha256_of(archive), at_most)
        self.keep(package, archive)
        return package

    def pin_pypi(self, name, where, at_most):
        archive = self.download_pypi(name, None, where)
        if archive is None:
            return None
        package = Package("pypi", name, archive.name.split("-")[1], where, sha256_of(archive), at_most)
        self.keep(package, archive)
        return package

    # Fetching: what the lock says.

    def fetch(self, packages):
        needed = [package for package in packages if not self.is_there(package)]
        debian = [package for package in needed if package.registry == "debian"]
        for package in debian:
            suite, cpu = package.where.split("/")
            self.architectures[suite].add(cpu)
        with concurrent.futures.ThreadPoolExecutor(THREADS) as threads:
            suites = sorted({package.where.split("/")[0] for package in debian})
            for suite in suites:
                self.suite(suite)
            jobs = []
            for suite in suites:
                of_suite = [package for package in debian if package.where.startswith(suite + "/")]
                for at in range(0, len(of_suite), 25):
                    jobs.append(threads.submit(self.fetch_debian, suite, of_suite[at : at + 25]))
            jobs += [threads.submit(self.fetch_one, package) for package in needed if package.registry != "debian"]
            for job in concurrent.futures.as_completed(jobs):
                job.result()

    def is_there(self, package):
        return self.record(package).exists()

    def record(self, package):
        name = "_".join([package.registry, package.name, package.version, package.where]).replace("/", "+")
        return self.packages / f"{name}.json"

    def fetch_debian(self, suite, packages):
        config = self.suite(suite)["config"]
        for batch in ([packages], [[package] for package in packages]):
            for some in batch:
                some = [package for package in some if not self.is_there(package)]
                if not some:
                    continue
                scratch = self.scratch()
                names = [f'{p.name}:{p.where.split("/")[1]}={p.version}' for p in some]
                names = [name.replace(":all=", "=") for name in names]
                run(["apt-get", "-qq", "download", *names], cwd=scratch, env={**os.environ, "APT_CONFIG": config})
                by_hash = {sha256_of(archive): archive for archive in scratch.glob("*.deb")}
                for package in some:
                    if package.sha256 in by_hash:
                        self.keep(package, by_hash[package.sha256])
                shutil.rmtree(scratch)
        for package in packages:
            if not self.is_there(package):
                with self.lock:
                    self.missing.append(package.label())

    def fetch_one(self, package):
        if package.registry == "npm":
            archive = self.download_npm(package.name, package.version)
        elif package.registry == "maven":
            archive = self.download_maven(package.name, package.version, package.where)
        else:
            archive = self.download_pypi(package.name, package.version, package.where)
        if archive is None:
            with self.lock:
                self.missing.append(package.label())
        elif sha256_of(archive) != package.sha256:
            with self.lock:
                self.wrong.append(package.label())
        else:
            self.keep(package, archive)

    def download_npm(self, name, version):
        scratch = self.scratch()
        run(["npm", "pack", "--silent", "--pack-destination", scratch, f"{name}@{version}"], cwd=scratch)
        return next(scratch.glob("*.tgz"), None)

    def download_maven(self, name, version, classifier):
        scratch = self.scratch()
        artifact = f"{name}:{version}" if classifier == "-" else f"{name}:{version}:jar:{classifier}"
        run(["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={scratch}"], cwd=scratch)
        return next(scratch.glob("*.jar"), None)

    def download_pypi(self, name, version, where):
        python, system = where.split("/")
        scratch = self.scratch()
        abis = [f"cp{python.replace('.', '')}", "abi3", "none"]
        command = [sys.executable, "-m", "pip", "--quiet", "download", "--no-deps", "--only-binary", ":all:"]
        command += ["--dest", scratch, "--python-version", python, "--implementation", "cp"]
        command += [word for abi in abis for word in ("--abi", abi)]
        command += [word for platform in SYSTEMS[system] for word in ("--platform", platform)]
        run([*command, f"{name}=={version}" if version else name])
        archive = next(scratch.glob("*.whl"), None)
        # A wheel for every system in place of one for this: it has no native code.
        if archive and archive.name.endswith("-any.whl") and system != "any":
            return None
        return archive

    def scratch(self):
        with self.lock:
            self.count = getattr(self, "count", 0) + 1
            scratch = self.folder / "scratch" / f"{os.getpid()}-{self.count}"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        return scratch

    # Debian's lists, in a folder of our own: the system's apt is left as it is.

    def suite(self, name):
        if name in self.suites:
            return self.suites[name]
        home = self.folder / "apt" / name
        for folder in ["lists/partial", "cache/archives/partial"]:
            (home / folder).mkdir(parents=True, exist_ok=True)
        (home / "status").touch()
        architectures = ["amd64", *sorted(self.architectures[name] - {"amd64", "all"})]
        (home / "sources.list").write_text(
            "".join(
                f"deb [signed-by={KEYRING} arch={','.join(architectures)}] {mirror()} {suite} main\n"
                for suite in SUITES_OF.get(name, [name])
            )
        )
        config = home / "apt.conf"
        listed = " ".join(f'"{one}";' for one in architectures)
        config.write_text(
            f'APT::Architecture "amd64"; APT::Architectures {{ {listed} }};\n'
            f'Dir::State "{home}"; Dir::State::lists "{home}/lists"; Dir::State::status "{home}/status";\n'
            f'Dir::Cache "{home}/cache"; Dir::Etc::sourcelist "{home}/sources.list"; Dir::Etc::sourceparts "-";\n'
            f'Dir::Etc::preferencesparts "-"; APT::Sandbox::User "root"; Acquire::Languages "none";\n'
            f'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false"; Acquire::Retries "3";\n'
        )
        environment = {**os.environ, "APT_CONFIG": str(config)}
        updated = run(["apt-get", "-qq", "update"], env=environment)
        if updated.returncode != 0:
            sys.exit(f"apt-get update for {name}: {updated.stderr}")
        available = {}
        for stanza in run(["apt-cache", "dumpavail"], env=environment).stdout.split("\n\n"):
            fields = dict(re.findall(r"^(Package|Version|Architecture|SHA256): (.*)$", stanza, re.M))
            if "SHA256" in fields:
                key = (fields["Package"], fields["Architecture"])
                available[key] = (fields["Version"], fields["SHA256"])
        self.suites[name] = {"config": str(config), "available": available}
        return self.suites[name]

    # Keeping.

    def keep(self, package, archive):
        """Keeps the binaries of an archive, and writes down where each came from."""
        members = list(binaries_in(archive))
        members.sort(key=lambda member: member[0])
        if len(members) > package.at_most:
            step = len(members) / package.at_most
            members = [members[int(at * step)] for at in range(package.at_most)]
        home = self.files / package.folder()
        shutil.rmtree(home, ignore_errors=True)
        entries = []
        for name, mode, read in members:
            data = read()
            path = home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            path.chmod(mode & 0o7777 | 0o400)
            entry = {"path": str(path.relative_to(self.folder)), "sha256": hashlib.sha256(data).hexdigest()}
            entries.append({**entry, "format": format_of(data), "size": len(data)})
        self.packages.mkdir(exist_ok=True)
        record = {"package": package.label(), "sha256": package.sha256, "files": entries}
        self.record(package).write_text(json.dumps(record))
        shutil.rmtree(archive.parent, ignore_errors=True) if package.registry != "debian" else archive.unlink()

    def write_index(self, packages):
        """One line for each different file of these packages; copies of a file that came before go."""
        seen = set()
        lines = []
        for package in sorted(packages, key=Package.key):
            if not self.is_there(package):
                continue
            record = json.loads(self.record(package).read_text())
            for entry in record["files"]:
                if entry["sha256"] not in seen and entry["size"] <= LONGEST:
                    seen.add(entry["sha256"])
                    lines.append(json.dumps({**entry, "package": record["package"]}))
                else:
                    (self.folder / entry["path"]).unlink(missing_ok=True)
        (self.folder / "index.jsonl").write_text("".join(line + "\n" for line in lines))
        print(f"{len(lines)} different files of {len(packages)} packages")


def mirror():
    """Where this system's own Debian packages come from."""
    targets = run(["apt-get", "indextargets", "Created-By: Packages", "--format", "$(REPO_URI)"]).stdout
    for uri in targets.splitlines():
        if uri.rstrip("/").endswith("/debian"):
            return uri
    sys.exit("apt-get knows no mirror of Debian; `cargo xtask world` needs Debian's apt")


def binaries_in(archive):
    """Name, mode and a function that reads, of each binary in a package."""
    if archive.suffix == ".deb":
        unpacked = archive.with_suffix(".tar")
        with open(unpacked, "wb") as out:
            subprocess.run(["dpkg-deb", "--fsys-tarfile", archive], stdout=out, check=True)
        with tarfile.open(unpacked) as tar:
            yield from binaries_in_tar(tar)
        unpacked.unlink()
    elif archive.suffix == ".tgz":
        with tarfile.open(archive) as tar:
            yield from binaries_in_tar(tar)
    else:
        with zipfile.ZipFile(archive) as wheel:
            for entry in wheel.infolist():
                with wheel.open(entry) as member:
                    if is_binary(head := member.read(4096)) and entry.file_size <= LONGEST:
                        data = head + member.read()
                        yield inside(entry.filename), 0o755, lambda data=data: data


def binaries_in_tar(tar):
    for entry in tar:
        if entry.isreg() and 64 <= entry.size <= LONGEST:
            member = tar.extractfile(entry)
            if is_binary(head := member.read(4096)):
                data = head + member.read()
                yield inside(entry.name), entry.mode, lambda data=data: data


def inside(name):
    """A member's path without what would lead out of the folder."""
    return "/".join(part for part in name.split("/") if part not in ("", ".", ".."))


def is_binary(head):
    return format_of(head) is not None


def format_of(head):
    if head[:4] == b"\x7fELF":
        return "elf"
    if head[:4] in (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf"):
        return "mach-o"
    # A Java class has its version where a fat file has its count, and the oldest is 45.
    if head[:4] in (b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf") and struct.unpack(">I", head[4:8])[0] < 20:
        return "mach-o"
    if head[:2] == b"MZ" and len(head) >= 64:
        at = struct.unpack("<I", head[60:64])[0]
        if head[at : at + 4] == b"PE\0\0":
            return "pe"
    return None


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())

"""What `go version -m` says of a Go program. Go's own reader of build info is the judge of ours."""

import re
import shutil
import subprocess

from answers import BAD, FAIL, NOT_BAD, NOT_SEEN, PASS, SOME

GO = shutil.which("go")


def judge(path):
    """Rule to possible answers of a program that Go's linker made."""
    if GO is None:
        return {}
    said = subprocess.run([GO, "version", "-m", path], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if said.returncode != 0 or "\tpath\t" not in said.stdout:
        # Stripped of it, or older than Go 1.12; then nothing else is known either.
        return {"go-build-info": NOT_SEEN, "go-module-list": NOT_SEEN, "go-vcs": NOT_SEEN}
    settings = dict(re.findall(r"^\tbuild\t([^=\n]+)=(.*)$", said.stdout, re.M))
    has_modules = re.search(r"^\tmod\t", said.stdout, re.M)
    says = {"go-build-info": SOME, "go-module-list": PASS if has_modules else NOT_SEEN}
    if not settings:
        # Settings are recorded from Go 1.18 on.
        return says
    says["go-vcs"] = PASS if "vcs.revision" in settings else NOT_SEEN
    if "vcs.modified" in settings:
        says["go-vcs-dirty"] = BAD if settings["vcs.modified"] == "true" else PASS
    if settings.get("-trimpath") == "true":
        says["go-trimpath"] = PASS
    if settings.get("CGO_ENABLED") == "0":
        says["go-cgo"] = NOT_BAD
    if settings.get("-race") == "true":
        says["go-instrumented"] = FAIL
    return says

"""Ask PyPI's advisories about everything that is installed in an environment.

    python tools/audit.py build/audit/bin/pip-audit .venv/lib/python3.11/site-packages

The exit code is 0 if no fault is known, 1 if one is, and 3 if the service could not be asked: then
nothing was found out.
"""

import argparse
import json
import subprocess
import sys

UNASKED = 3


def main(arguments=None):
    """Run pip-audit, and say what it found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pip_audit", help="the program")
    parser.add_argument("packages", help="the folder of the installed packages")
    options = parser.parse_args(arguments)
    command = [options.pip_audit, "--format", "json", "--skip-editable", "--path", options.packages]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        said = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        print(f"the advisories could not be asked: {said}", file=sys.stderr)
        print("Nothing was found out. Try again with a network.", file=sys.stderr)
        return UNASKED
    for package in found:
        for fault in package.get("vulns", ()):
            mended = ", ".join(fault["fix_versions"]) or "no version yet"
            print(f"{package['name']} {package['version']}: {fault['id']}, mended in {mended}")
        if "skip_reason" in package:
            print(f"{package['name']}: not looked at: {package['skip_reason']}")
    faults = sum(len(package.get("vulns", ())) for package in found)
    print(f"{len(found)} packages, {faults} known faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

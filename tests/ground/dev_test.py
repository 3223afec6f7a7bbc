"""./dev: its commands, its complaints, and how it installs what is missing, with stand-ins for apt and dpkg."""

import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

DEV = Path(__file__).resolve().parents[2] / "dev"
TOOLS = ["sh", "dirname", "readlink", "mktemp", "cat", "env", "rm", "fmt", "grep", "find", "awk", "touch"]
ON_DEBIAN_12 = "VERSION_ID=\"12\"\n" in Path("/etc/os-release").read_text() and shutil.which("apt-get") is not None


def dev(*arguments, path=None):
    environment = {"PATH": path} if path else None
    return subprocess.run(["/bin/sh", DEV, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env=environment, check=False)


def packages_of_build():
    return re.search(r'^build_packages="(.*?)"', DEV.read_text(), re.MULTILINE | re.DOTALL).group(1).split()


class DevTest(unittest.TestCase):
    def test_help_names_every_command(self):
        text = dev("help").stdout
        for command in ("demo", "test", "check", "bench", "interop", "fuzz", "sanitize", "install", "python", "build"):
            self.assertRegex(text, rf"(?m)^  {command}\b")

    def test_wrong_usage_exits_with_2_and_says_what_would_be_right(self):
        for arguments, right in ((["tset"], "./dev help"), (["sanitize", "memory"], "address or thread"),
                                 (["sanitize", "thread", "soak"], "load or nothing"), (["check", "hard"], "deep or nothing"),
                                 (["demo", "--twice"], "--once"), (["test", "a", "b"], "one NAME")):
            done = dev(*arguments)
            self.assertEqual(done.returncode, 2, done)
            self.assertIn(right, done.stderr)


@unittest.skipUnless(ON_DEBIAN_12, "./dev installs packages on Debian 12 only")
class InstallTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.bin = Path(self.folder.name)
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))
        self.stand_in("cmake", "echo a stand-in >&2; exit 1")  # where each test ends
        self.stand_in("apt-get", f'echo "$@" >>"{self.bin}/apt.log"')
        self.user(0)
        self.installed([])

    def stand_in(self, name, script):
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)

    def user(self, number):
        self.stand_in("id", f"echo {number}")

    def installed(self, packages):
        lines = "".join(f"installed {package}\\n" for package in packages)
        self.stand_in("dpkg-query", f"printf '{lines}'")

    def apt_calls(self):
        log = self.bin / "apt.log"
        return log.read_text().splitlines() if log.exists() else []

    def test_only_what_is_missing_is_installed_after_one_update(self):
        python = ["python3", "python3-dev", "python3-venv", "pybind11-dev"]
        self.installed([package for package in packages_of_build() if package != "ninja-build"] + python)
        done = dev("build", path=str(self.bin))
        self.assertIn("installing with apt: ninja-build", done.stdout)
        calls = self.apt_calls()
        self.assertEqual(len(calls), 2, calls)
        self.assertTrue(calls[0].endswith(" update"))
        self.assertTrue(calls[1].endswith(" install --no-install-recommends ninja-build"), calls[1])

    def test_nothing_missing_calls_no_apt(self):
        self.installed(packages_of_build() + ["python3", "python3-dev", "python3-venv", "pybind11-dev"])
        dev("build", path=str(self.bin))
        self.assertEqual(self.apt_calls(), [])

    def test_a_source_that_cannot_be_reached_does_not_stop_the_installation(self):
        self.stand_in("apt-get", f'echo "$@" >>"{self.bin}/apt.log"; case "$*" in *update) echo no route; exit 100 ;; esac')
        done = dev("build", path=str(self.bin))
        self.assertIn("no route", done.stderr)
        self.assertEqual(len(self.apt_calls()), 2)

    def test_a_failed_installation_shows_what_apt_said(self):
        self.stand_in("apt-get", 'case "$*" in *install*) echo E: held broken packages; exit 100 ;; esac')
        done = dev("build", path=str(self.bin))
        self.assertEqual(done.returncode, 1)
        self.assertIn("E: held broken packages", done.stderr)
        self.assertIn("could not install", done.stderr)

    def test_without_root_and_sudo_the_command_to_run_is_named(self):
        self.user(1000)
        done = dev("build", path=str(self.bin))
        self.assertEqual(done.returncode, 1)
        self.assertIn("apt-get update && apt-get install --no-install-recommends g++ cmake", done.stderr)
        self.assertEqual(self.apt_calls(), [])

    def test_without_root_sudo_is_used(self):
        self.user(1000)
        self.stand_in("sudo", f'echo "sudo $1" >>"{self.bin}/apt.log"; exec "$@"')
        dev("build", path=str(self.bin))
        self.assertEqual(self.apt_calls()[0], "sudo env")

    def test_another_system_gets_the_list_of_what_is_needed(self):
        (self.bin / "apt-get").unlink()
        done = dev("build", path=str(self.bin))
        self.assertEqual(done.returncode, 1)
        self.assertIn("not Debian 12", done.stderr)
        self.assertIn("libgrpc++-dev", done.stderr)
        self.assertIn("MESHFLOW_INSTALL=off", done.stderr)


if __name__ == "__main__":
    unittest.main()

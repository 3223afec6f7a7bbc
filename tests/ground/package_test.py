"""An installed copy serves a user's program through CMake's find_package and through pkg-config.

usage: package_test.py BUILD_FOLDER COMPILER
"""

import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

BUILD = Path(sys.argv[1])
COMPILER = sys.argv[2]
SOURCE = Path(__file__).resolve().parent / "package"
SCRATCH = BUILD / "package_test"
PREFIX = SCRATCH / "prefix"
MOCK = {"MESHFLOW_MOCK": "1"}


def run(*command, **environment):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False,
                          env={**os.environ, **environment})


class PackageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree(SCRATCH, ignore_errors=True)
        done = run("cmake", "--install", BUILD, "--prefix", PREFIX)
        assert done.returncode == 0, done.stderr

    def succeed(self, *command, **environment):
        done = run(*command, **environment)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}{done.stderr}")
        return done.stdout

    def assert_shows_a_run(self, output):
        """The program prints its spans, the root last, and then the id of their trace."""
        trace_ids = set(re.findall(r"^ +trace_id *: ([0-9a-f]{32})$", output, re.MULTILINE))
        self.assertEqual(trace_ids, {output.splitlines()[-1]})
        names = re.findall(r"^\[SPAN\] (\S+)$", output, re.MULTILINE)
        self.assertIn("meshflow.agent", names)
        self.assertEqual(names[-1], "meshflow.run")

    def test_find_package_gives_a_target_that_links_and_runs(self):
        folder = SCRATCH / "cmake"
        self.succeed("cmake", "-S", SOURCE, "-B", folder, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={PREFIX}",
                     f"-DCMAKE_CXX_COMPILER={COMPILER}")
        self.succeed("cmake", "--build", folder)
        self.assert_shows_a_run(self.succeed(folder / "user", **MOCK))

    def test_pkg_config_gives_flags_that_link_and_run(self):
        settings = {"PKG_CONFIG_PATH": str(next(PREFIX.rglob("pkgconfig")))}
        flags = self.succeed("pkg-config", "--cflags", "--libs", "meshflow", **settings).split()
        program = SCRATCH / "user"
        self.succeed(COMPILER, "-std=c++20", SOURCE / "main.cpp", "-o", program, *flags)
        library = self.succeed("pkg-config", "--variable=libdir", "meshflow", **settings).strip()
        self.assert_shows_a_run(self.succeed(program, LD_LIBRARY_PATH=library, **MOCK))

    def test_the_installed_command_finds_its_own_duckdb(self):
        command = PREFIX / "bin" / "meshflow"
        library = next(PREFIX.rglob("libduckdb.so"))
        self.assertEqual(library.parent.name, "meshflow")
        found = re.search(r"libduckdb\.so => (\S+)", self.succeed("ldd", command))
        self.assertTrue(Path(found.group(1)).samefile(library), found.group(0))
        data = {"MESHFLOW_DATA": str(SCRATCH / "data"), **MOCK}
        self.succeed(command, "run", SOURCE.parent.parent.parent / "examples" / "default_team.yaml", "-q", **data)
        self.assertIn("meshflow.run default_team", self.succeed(command, "traces", **data))

    def test_a_missing_expected_header_is_named_with_its_package(self):
        done = run("cmake", "-S", SOURCE, "-B", SCRATCH / "bare", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={PREFIX}",
                   f"-DCMAKE_CXX_COMPILER={COMPILER}", "-DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF",
                   "-DCMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH=OFF", f"-DCMAKE_MAKE_PROGRAM={shutil.which('ninja')}")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("libexpected-dev", " ".join(done.stderr.split()))

    def test_only_names_of_meshflow_leave_the_library(self):
        library = next(PREFIX.rglob("libmeshflow.so"))
        names = self.succeed("nm", "--dynamic", "--defined-only", "--demangle", library).splitlines()
        self.assertTrue(names)
        self.assertEqual([name for name in names if "meshflow" not in name], [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])

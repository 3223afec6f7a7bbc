"""tools/check_words finds what must not be committed, and nothing else."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "check_words"


def complaints(text, name="page.md"):
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        done = subprocess.run([sys.executable, TOOL, "--root", folder], capture_output=True, text=True, check=False)
    assert done.returncode == (1 if done.stdout else 0), done
    return done.stdout.splitlines()


class WordsTest(unittest.TestCase):
    def test_a_machines_path_is_found_with_its_line(self):
        found = complaints("fine\nsee " + "/ro" + "ot/notes\n")
        self.assertEqual(len(found), 1)
        self.assertTrue(found[0].startswith("page.md:2: "), found)

    def test_a_registrys_host_is_found(self):
        self.assertEqual(len(complaints("pip install -i https://py" + "pi.org/simple x\n")), 1)

    def test_names_of_packages_and_paths_of_the_project_are_fine(self):
        self.assertEqual(complaints("cargo add x from crates.io; tests/work/a.txt; http://host/root/x; $HOME/work/y\n"), [])

    def test_what_was_built_is_not_looked_at(self):
        self.assertEqual(complaints("/ro" + "ot/x\n", "build/CMakeCache.txt"), [])


if __name__ == "__main__":
    unittest.main()

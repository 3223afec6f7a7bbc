"""tools/check_docs tells pages that are true from pages that are not."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "check_docs"


def complaints(page, **files):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {"README.md": page, **files}.items():
            target = Path(folder) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        done = subprocess.run([sys.executable, TOOL, "--root", folder], capture_output=True, text=True, check=False)
    assert done.returncode == (1 if done.stdout else 0), done
    return done.stdout


def console(*lines, before=""):
    return "\n".join(["# Page", "", before, "```console", *lines, "```", ""])


class DocsTest(unittest.TestCase):
    def test_commands_run_in_order_in_one_folder(self):
        self.assertEqual(complaints(console("$ echo one > a.txt", "$ cat a.txt", "one")), "")

    def test_a_failing_command_is_named_with_its_line_and_output(self):
        found = complaints(console("$ true", "$ echo because; false"))
        self.assertIn("README.md:6: `echo because; false` exited with 1, not 0:\nbecause", found)

    def test_shown_output_must_come(self):
        self.assertIn("does not print `two`", complaints(console("$ echo one", "two")))

    def test_an_ellipsis_stands_for_text_and_for_lines(self):
        self.assertEqual(complaints(console("$ echo id 17 ok; echo x; echo end", "id … ok", "…", "end")), "")
        self.assertIn("`end`", complaints(console("$ echo id 17 ok; echo x; echo end", "id … ok", "end")))

    def test_a_backslash_continues_a_command(self):
        self.assertEqual(complaints(console("$ echo one \\", "    two", "one two")), "")

    def test_a_block_may_be_skipped_for_a_reason_and_not_without(self):
        self.assertEqual(complaints(console("$ false", before="<!-- check: skip needs Docker -->")), "")
        self.assertNotEqual(complaints(console("$ false", before="<!-- check: skip -->")), "")

    def test_an_expected_exit_code(self):
        self.assertEqual(complaints(console("$ exit 3", before="<!-- check: exit 3 -->")), "")

    def test_a_block_that_is_a_file_stays_the_same(self):
        page = "<!-- check: file a.txt -->\n```cpp\nint main() {}\n```\n"
        self.assertEqual(complaints(page, **{"a.txt": "int main() {}\n"}), "")
        self.assertIn("differs from a.txt", complaints(page, **{"a.txt": "int main() { return 1; }\n"}))

    def test_a_link_that_leads_nowhere_is_named(self):
        page = "See [the code](a.txt#L1), [the web](https://example.org/x) and [more](gone.md).\n```cpp\n[](int i) {}\n```\n"
        self.assertEqual(complaints(page, **{"a.txt": ""}), "README.md:1: the link to gone.md leads nowhere\n")

    def test_an_index_names_every_page_of_its_folder(self):
        found = complaints("# Page\n", **{"docs/README.md": "[one](one.md)\n", "docs/one.md": "", "docs/two.md": ""})
        self.assertEqual(found, "docs/README.md:1: does not name two.md\n")

    def test_the_checkouts_files_are_there(self):
        self.assertEqual(complaints(console("$ cat a.txt", "here"), **{"a.txt": "here\n"}), "")


if __name__ == "__main__":
    unittest.main()

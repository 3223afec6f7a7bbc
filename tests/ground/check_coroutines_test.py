"""What tools/check_coroutines finds, and what it lets pass."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "check_coroutines"


def complaints(source):
    """The lines that the tool prints on a tree with this source."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "src" / "runtime" / "call.cpp"
        target.parent.mkdir(parents=True)
        target.write_text(source)
        done = subprocess.run([sys.executable, TOOL, "--root", folder], capture_output=True, text=True, check=False)
    assert done.returncode == (1 if done.stdout else 0), done
    return done.stdout.splitlines()


class CoroutinesTest(unittest.TestCase):
    def test_named_arguments_pass(self):
        self.assertEqual(complaints("auto reply = co_await ctx.call_model(std::move(request));\nif (!reply) { return; }\n"), [])

    def test_a_braced_temporary_is_named_with_its_line(self):
        found = complaints("void f();\nauto reply = co_await ctx.call_model(\n    {.model = name});\n")
        self.assertEqual(len(found), 1, found)
        self.assertIn("src/runtime/call.cpp:2: a temporary made with braces", found[0])

    def test_a_conditional_is_found(self):
        found = complaints("co_await ctx.call_tool(risky ? first() : second(), text);\n")
        self.assertEqual(len(found), 1, found)
        self.assertIn("a conditional", found[0])

    def test_what_surrounds_the_awaited_expression_does_not_count(self):
        self.assertEqual(complaints("if (auto done = co_await run(call); !done) { fail(done ? 1 : 2); }\n"), [])
        self.assertEqual(complaints("auto operator co_await() && { return Awaiter{handle_}; }\n"), [])
        self.assertEqual(complaints("(co_await run(call)) ? f({1}) : g({2});\n"), [])

    def test_a_loop_that_awaits_in_a_branch_that_awaits_is_found_at_the_loop(self):
        for loop in ("while (co_await next()) { count(); }", "do { count(); } while (co_await next());",
                     "for (int i = 0; co_await next(); ++i) { count(); }"):
            found = complaints("void f();\nif (co_await begin()) {\n  " + loop + "\n}\n")
            self.assertEqual(len(found), 1, found)
            self.assertIn("src/runtime/call.cpp:3: a loop that awaits in its condition, in a branch that does", found[0])

    def test_a_loop_without_braces_or_after_else_is_found(self):
        self.assertEqual(len(complaints("if (co_await begin())\n  while (co_await next()) { count(); }\n")), 1)
        self.assertEqual(len(complaints("if (co_await begin()) { f(); } else { while (co_await next()) { count(); } }\n")), 1)
        self.assertEqual(len(complaints(
            "if (co_await begin()) { f(); } else if (ready) { while (co_await next()) { count(); } }\n")), 1)

    def test_a_loop_passes_where_only_one_of_the_two_awaits(self):
        self.assertEqual(complaints("const bool begun = co_await begin();\nif (begun) { while (co_await next()) { f(); } }\n"), [])
        self.assertEqual(complaints("if (co_await begin()) { while (more()) { co_await next(); } }\n"), [])
        self.assertEqual(complaints("if (co_await begin()) { f(); }\nwhile (co_await next()) { f(); }\n"), [])

    def test_comments_and_texts_do_not_count(self):
        self.assertEqual(complaints("// not: co_await f({1});\nco_await call(\"{a ? b}\", 'x', 1'000'000);\n"), [])


if __name__ == "__main__":
    unittest.main()

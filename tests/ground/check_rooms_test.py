"""Each border that tools/check_rooms guards, crossed once in a small tree of its own."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "check_rooms"


def complaints(files):
    """The lines that the tool prints on a tree of these files (path: text)."""
    with tempfile.TemporaryDirectory() as folder:
        for path, text in files.items():
            target = Path(folder) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        done = subprocess.run([sys.executable, TOOL, "--root", folder], capture_output=True, text=True, check=False)
    assert done.returncode == (1 if done.stdout else 0), done
    return done.stdout.splitlines()


class RoomsTest(unittest.TestCase):
    def assert_one(self, files, *parts):
        found = complaints(files)
        self.assertEqual(len(found), 1, found)
        for part in parts:
            self.assertIn(part, found[0])

    def test_a_tree_in_order_has_no_complaint(self):
        self.assertEqual(complaints({
            "include/meshflow/base/error.hpp": "#include <string>\n#include <tl/expected.hpp>\n",
            "include/meshflow/runtime/mesh.hpp": '#include "meshflow/base/error.hpp"\n',
            "include/meshflow/meshflow.hpp": '#include "meshflow/runtime/mesh.hpp"\n',
            "src/net/client.cpp": '#include "base/clock.hpp"\n#include <curl/curl.h>\n#include <sys/socket.h>\n#include <net/if.h>\n',
            "src/base/clock.hpp": "#include <chrono>\n",
            "src/cli/main.cpp": '#include "meshflow/meshflow.hpp"\n#include <CLI/CLI.hpp>\n',
            "src/net/CMakeLists.txt": "meshflow_room(net USES base LIBRARIES CURL::libcurl)\n",
        }), [])

    def test_a_lower_room_must_not_include_a_higher_one(self):
        self.assert_one({
            "src/otlp/encode.cpp": '#include <string>\n#include "telemetry/span.hpp"\n',
            "src/telemetry/span.hpp": "",
        }, "src/otlp/encode.cpp:2:", "telemetry/span.hpp", "it may use otlp, base")

    def test_a_public_header_of_a_higher_room_counts_too(self):
        self.assert_one({
            "src/net/client.cpp": "#include <meshflow/telemetry/tracer.hpp>\n",
            "include/meshflow/telemetry/tracer.hpp": "",
        }, "src/net/client.cpp:1:", "room net must not include")

    def test_rooms_side_by_side_do_not_know_each_other(self):
        self.assert_one({"src/runtime/a.cpp": '#include "otlp/b.hpp"\n', "src/otlp/b.hpp": ""}, "room runtime must not")

    def test_only_the_command_may_use_the_front_header(self):
        self.assert_one({"src/runtime/a.cpp": '#include "meshflow/meshflow.hpp"\n', "include/meshflow/meshflow.hpp": ""},
                        "room meshflow")

    def test_a_public_header_shows_no_third_party_type(self):
        self.assert_one({"include/meshflow/runtime/policy.hpp": "#include <yaml-cpp/yaml.h>\n"},
                        "policy.hpp:1:", "<yaml-cpp/yaml.h>", "tl/expected.hpp only")

    def test_a_public_header_includes_no_private_one(self):
        self.assert_one({"include/meshflow/base/a.hpp": '#include "base/b.hpp"\n', "src/base/b.hpp": ""}, "private")

    def test_a_library_stays_in_its_room(self):
        self.assert_one({"src/telemetry/a.cpp": "#include <curl/curl.h>\n"}, "room telemetry must not see <curl/curl.h>",
                        "belongs to net")

    def test_the_longest_prefix_of_a_library_counts(self):
        self.assert_one({"src/runtime/a.cpp": "#include <boost/asio.hpp>\n#include <boost/beast/http.hpp>\n"}, "boost/beast")

    def test_a_library_must_not_leak_through_a_header(self):
        self.assert_one({
            "src/net/client.hpp": "#include <curl/curl.h>\n",
            "src/telemetry/a.hpp": '#include "net/client.hpp"\n',
        }, "src/telemetry/a.hpp:1:", "through net/client.hpp")

    def test_an_unknown_library_asks_for_a_decision(self):
        self.assert_one({"src/net/a.cpp": "#include <uv.h>\n"}, "<uv.h>", "add it to THIRD_PARTY")

    def test_grpc_stays_in_one_source_file(self):
        files = {"src/telemetry/a.cpp": "#include <grpcpp/grpcpp.h>\n"}
        self.assertEqual(complaints(files), [])
        self.assert_one({**files, "src/telemetry/b.cpp": "#include <grpcpp/channel.h>\n"}, "src/telemetry/b.cpp:1:", "a.cpp")
        self.assert_one({"src/telemetry/a.hpp": "#include <grpcpp/grpcpp.h>\n"}, "header includes <grpcpp/grpcpp.h>")

    def test_a_header_that_does_not_exist_is_named(self):
        self.assert_one({"src/net/a.cpp": '#include "base/gone.hpp"\n'}, '"base/gone.hpp" does not exist')

    def test_a_header_named_without_its_room_is_named(self):
        self.assert_one({"src/net/a.cpp": '#include "b.hpp"\n', "src/net/b.hpp": ""}, 'write "net/b.hpp"')

    def test_a_file_outside_any_room_is_named(self):
        self.assert_one({"src/misc/a.cpp": ""}, "there is no room misc")

    def test_examples_see_public_headers_only(self):
        self.assert_one({"hands_on/lesson.cpp": '#include "base/clock.hpp"\n', "src/base/clock.hpp": ""}, "private")

    def test_libraries_are_linked_in_the_same_order(self):
        self.assert_one({"src/net/CMakeLists.txt": "meshflow_room(net USES base telemetry LIBRARIES x)\n"},
                        "src/net/CMakeLists.txt:1:", "must not link telemetry")


if __name__ == "__main__":
    unittest.main()

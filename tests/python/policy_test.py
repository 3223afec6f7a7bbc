"""Policy: fields by keyword, checked, readable."""

import copy
import pickle
import re
import unittest
from pathlib import Path

import meshflow
from meshflow import InvalidValueError, MeshFlowError, Policy, UnknownFieldError


class PolicyTest(unittest.TestCase):
    def test_defaults_are_those_of_the_documentation(self):
        policy = Policy()
        self.assertEqual(policy.mode, "standard")
        self.assertIsNone(policy.budget_usd)  # its mode decides
        self.assertEqual(policy.budget_tokens, 500_000)
        self.assertEqual(policy.uncertainty_block, 0.9)
        self.assertIs(policy.capture_content, False)
        self.assertIs(policy.telemetry_console, False)
        self.assertEqual(policy.telemetry_baggage_keys, [])

    def test_fields_of_every_type_are_taken_and_read_back(self):
        policy = Policy(mode="legal-critical", budget_usd=2, max_steps=7, enable_guardian=False, telemetry_console="tree",
                        telemetry_otlp_headers={"authorization": "Bearer x"}, telemetry_baggage_keys=("tenant",),
                        human_in_loop={"enabled": True, "timeout_s": 60}, data_dir=Path("/some/where"))
        self.assertEqual(policy.mode, "legal-critical")
        self.assertEqual(policy.budget_usd, 2.0)
        self.assertEqual(policy.max_steps, 7)
        self.assertIs(policy.enable_guardian, False)
        self.assertEqual(policy.telemetry_console, "tree")
        self.assertEqual(policy.telemetry_otlp_headers, {"authorization": "Bearer x"})
        self.assertEqual(policy.telemetry_baggage_keys, ["tenant"])
        self.assertEqual(policy.human_in_loop["enabled"], True)
        self.assertEqual(policy.human_in_loop["timeout_s"], 60.0)
        self.assertEqual(policy.data_dir, "/some/where")

    def test_an_unknown_field_is_a_type_error_that_names_the_nearest(self):
        with self.assertRaises(TypeError) as raised:
            Policy(budget_us=1)
        self.assertIsInstance(raised.exception, UnknownFieldError)
        self.assertIn("budget_us", str(raised.exception))
        self.assertIn("budget_usd", str(raised.exception))

    def test_an_unknown_field_of_a_group_names_the_nearest(self):
        with self.assertRaisesRegex(TypeError, r"human_in_loop\.enbled.*human_in_loop\.enabled"):
            Policy(human_in_loop={"enbled": True})

    def test_a_wrong_type_or_value_is_a_value_error_that_names_the_field(self):
        for field, value in (("budget_usd", "much"), ("budget_usd", -1), ("budget_usd", float("nan")), ("max_steps", 1.5),
                             ("max_steps", True), ("max_steps", 2**70), ("enable_guardian", 1), ("mode", "wild"),
                             ("uncertainty_block", 1.5), ("human_in_loop", True), ("telemetry_baggage_keys", [1]),
                             ("telemetry_otlp_headers", {"a": 1}), ("telemetry_otlp_endpoint", "nowhere"),
                             ("telemetry_otlp_protocol", "carrier-pigeon"), ("region", object())):
            with self.subTest(field=field, value=value):
                with self.assertRaises(ValueError) as raised:
                    Policy(**{field: value})
                self.assertIsInstance(raised.exception, MeshFlowError)
                self.assertEqual(raised.exception.code, "invalid_argument")
                self.assertIn(field, str(raised.exception))

    def test_none_leaves_a_field_to_its_default(self):
        self.assertEqual(Policy(budget_usd=None, human_in_loop=None), Policy())

    def test_fields_can_be_set_and_the_original_stays_when_replaced(self):
        policy = Policy()
        policy.budget_usd = 3
        changed = policy.replace(budget_usd=4)
        self.assertEqual((policy.budget_usd, changed.budget_usd), (3, 4))
        with self.assertRaises(AttributeError):
            policy.budget  # noqa: B018

    def test_yaml_errors_have_a_position(self):
        with self.assertRaises(InvalidValueError) as raised:
            Policy.from_yaml("mode: dev\nbudget_usd: lots\n", "my.yaml")
        self.assertEqual(raised.exception.position[:2], ("my.yaml", 2))

    def test_copies_and_pickles(self):
        policy = Policy(mode="dev", human_in_loop={"enabled": True})
        self.assertEqual(pickle.loads(pickle.dumps(policy)), policy)
        self.assertEqual(copy.deepcopy(policy), policy)
        self.assertEqual(repr(Policy(mode="dev")), "Policy(mode='dev')")

    def test_the_stub_lists_exactly_the_fields(self):
        stub = (Path(meshflow.__file__).parent / "_policy.pyi").read_text(encoding="utf-8")
        listed = re.findall(r"^    (\w+): ", stub, re.MULTILINE)
        self.assertEqual(listed, list(Policy().as_dict()))
        signature = stub[stub.index("def __init__"):stub.index(") -> None")]
        self.assertEqual(re.findall(r"^        (\w+): ", signature, re.MULTILINE), listed)


if __name__ == "__main__":
    unittest.main()

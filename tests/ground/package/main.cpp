#include <cstdio>

#include <meshflow/meshflow.hpp>

int main() {
  meshflow::Mesh mesh({.telemetry_console = true});
  auto result = mesh.run_blocking("Compare three databases for time series");
  if (!result) return meshflow::report(result.error());
  std::puts(result->trace_id.c_str());
}

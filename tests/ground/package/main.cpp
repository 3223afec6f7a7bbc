#include <cstdio>

#include <meshflow/base/error.hpp>

int main() {
  meshflow::Result<int> result = meshflow::fail(meshflow::ErrorCode::not_found, "no run run_1");
  if (result) return 1;
  std::puts(result.error().text().c_str());
}

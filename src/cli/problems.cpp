#include "cli/problems.hpp"

#include "cli/text.hpp"

namespace meshflow::cli {

std::string problem_line(const Problem& problem) { return one_line(problem.text()); }

Problem problem_of(const Error& error, const std::string& file) {
  Problem problem;
  problem.position = error.position.value_or(SourcePosition{file, 0, 0});
  Error rest = error;
  rest.position.reset();
  problem.message = rest.text();
  return problem;
}

}  // namespace meshflow::cli

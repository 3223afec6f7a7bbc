// Request targets from outside: never a crash, and a query taken apart is the same when it is put together again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "net/http_core.hpp"
#include "net/http_message.hpp"
#include "net/listen_address.hpp"

namespace meshflow::net {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::string percent_encode(std::string_view text) {
  std::string encoded;
  for (const char c : text) encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return encoded;
}

void check(std::string_view input) {
  if (const auto parameters = parse_query(input)) {
    require(parameters->size() <= kQueryParametersMax);
    std::string again;
    for (const auto& [name, value] : *parameters) {
      again += fmt::format("&{}={}", percent_encode(name), percent_encode(value));
    }
    require(parse_query(again) == parameters);
  }
  if (const auto decoded = percent_decode(input, false))
    require(percent_decode(percent_encode(*decoded), true) == decoded);

  HttpServerRequest request;
  request.target = input;
  const std::string_view path = request.raw_path();
  require(path.find('?') == std::string_view::npos || !path.starts_with('/'));
  (void)is_allowed_host(input, {"a.example"});
  if (const auto address = parse_listen_address("fuzz", input)) {
    require(parse_listen_address("fuzz", address->text()) == *address);
  }
}

}  // namespace
}  // namespace meshflow::net

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  meshflow::net::check({reinterpret_cast<const char*>(data), size});
  return 0;
}

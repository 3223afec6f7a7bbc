// What the doctor finds, and says to do.
#include "cli/server_fixture.hpp"

namespace meshflow::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Doctor : public Served {
 protected:
  [[nodiscard]] Finished doctor(const std::map<std::string, std::string>& environment = {}) const {
    auto options = with({"doctor"});
    for (const auto& [name, value] : environment) options.environment[name] = value;
    return Program(options).finish();
  }
};

TEST_F(Doctor, ADataDirectoryThatOthersCanReadIsAProblem) {
  std::filesystem::create_directory(data());
  std::filesystem::permissions(data(), std::filesystem::perms::all);
  const auto found = doctor();
  EXPECT_EQ(found.exit_code, 1);
  EXPECT_THAT(found.out, HasSubstr("problem  data directory  others can look into " + data()));
  EXPECT_THAT(found.out, HasSubstr("→ chmod 700 " + data()));
}

TEST_F(Doctor, TheServerIsFoundWithItsListeners) {
  EXPECT_THAT(doctor().out, HasSubstr("note     server          none runs on this data directory"));
  serve();
  const auto found = doctor();
  EXPECT_THAT(found.out, HasSubstr(fmt::format("server          process {}: otlp-http {}", server_->pid(),
                                               address_of("otlp-http"))));
  stop(SIGKILL);
  EXPECT_THAT(doctor().out, HasSubstr("nobody answers"));
}

TEST_F(Doctor, TheEndpointIsTried) {
  serve();
  const std::string url = "http://" + address_of("otlp-http");
  EXPECT_THAT(doctor({{"OTEL_EXPORTER_OTLP_ENDPOINT", url}}).out,
              HasSubstr("ok       endpoint        " + url + "/v1/traces takes OTLP"));
  EXPECT_EQ(stop().exit_code, 0);
  const auto found = doctor({{"OTEL_EXPORTER_OTLP_ENDPOINT", url}});
  EXPECT_EQ(found.exit_code, 1);
  EXPECT_THAT(found.out, HasSubstr("problem  endpoint "));
}

TEST_F(Doctor, WhatTheEnvironmentSaysInVainIsNamed) {
  const auto found = doctor({{"OTEL_BSP_MAX_QUEUE_SIZE", "many"}});
  EXPECT_EQ(found.exit_code, 1);
  EXPECT_THAT(found.out, HasSubstr("problem  environment     OTEL_BSP_MAX_QUEUE_SIZE"));
  EXPECT_THAT(doctor().out, Not(HasSubstr("OTEL_BSP_MAX_QUEUE_SIZE")));
}

TEST_F(Doctor, WithoutAModelItSaysHowToGetOne) {
  EXPECT_THAT(doctor({{"MESHFLOW_MOCK", ""}}).out, HasSubstr("problem  model "));
  EXPECT_THAT(doctor().out, HasSubstr("ok       model           the mock model"));
}

}  // namespace
}  // namespace meshflow::test

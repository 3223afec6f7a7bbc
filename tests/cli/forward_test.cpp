// What one server receives goes on to another, whatever happens to either of them.
#include "cli/server_fixture.hpp"

namespace meshflow::test {
namespace {

using ::testing::HasSubstr;

class Forwarded : public Served {
 protected:
  // Another server on a data directory of its own.
  void start_second(const std::string& address = "127.0.0.1:0") {
    auto options = with({"--data", folder_ + "/second", "serve", "--otlp-http", address, "--otlp-grpc", "off",
                         "--jaeger", "off", "--tempo", "off", "--metrics", "off"});
    second_ = std::make_unique<Program>(options);
    ASSERT_TRUE(second_->wait_for("ready\n"));
    const std::string& out = second_->out();
    const std::string line = "listening otlp-http ";
    second_address_ = out.substr(line.size(), out.find('\n') - line.size());
  }
  void stop_second() {
    second_->signal(SIGTERM);
    EXPECT_EQ(second_->finish().exit_code, 0);
  }
  [[nodiscard]] long traces_of_second() const {
    const auto rows = meshflow({"--data", folder_ + "/second", "traces", "--json", "--limit", "100"});
    return std::count(rows.out.begin(), rows.out.end(), '\n');
  }
  [[nodiscard]] bool second_gets(long traces) const {
    return eventually([&] { return traces_of_second() == traces; });
  }

  std::unique_ptr<Program> second_;
  std::string second_address_;
};

TEST_F(Forwarded, WhatIsReceivedAndWhatRunsLeaveGoesOn) {
  start_second();
  serve({"--forward", "http://" + second_address_});
  ASSERT_EQ(post_traces(one_span(1))->status, 200);
  ASSERT_EQ(meshflow({"run", "two.yaml", "-q"}).exit_code, 0);
  EXPECT_TRUE(second_gets(2));
}

TEST_F(Forwarded, NothingIsLostWhileTheOtherIsAwayAndThisOneIsKilled) {
  start_second();
  stop_second();
  serve({"--forward", "http://" + second_address_});
  for (std::uint8_t number = 1; number <= 5; ++number) ASSERT_EQ(post_traces(one_span(number))->status, 200);
  stop(SIGKILL);
  // Stored and written out of the log meanwhile: the log's files wait for the endpoint all the same.
  serve({"--forward", "http://" + second_address_});
  ASSERT_EQ(post_traces(one_span(6))->status, 200);
  EXPECT_EQ(stop().exit_code, 0);
  start_second(second_address_);
  serve({"--forward", "http://" + second_address_});
  EXPECT_TRUE(second_gets(6));
  EXPECT_EQ(stop().exit_code, 0);
  // Now that all has gone on, nothing comes twice: another start sends nothing that is not new.
  serve({"--forward", "http://" + second_address_});
  ASSERT_EQ(post_traces(one_span(7))->status, 200);
  EXPECT_TRUE(second_gets(7));
  EXPECT_THAT(get("metrics", "/metrics")->body, HasSubstr("meshflow_forward_requests_total 1\n"));
}

TEST_F(Forwarded, AnAddressThatIsNoneIsRefused) {
  const auto done = meshflow({"serve", "--forward", "collector"});
  EXPECT_EQ(done.exit_code, 2);
  EXPECT_THAT(done.err, HasSubstr("error: --forward: "));
}

}  // namespace
}  // namespace meshflow::test

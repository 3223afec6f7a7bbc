// Recording across fork(2): the child has none of the parent's threads and must not send the parent's spans.
// They are not built under sanitizers: ThreadSanitizer does not follow a forked process that starts threads, and the
// AddressSanitizer of GCC 12 does not take its allocator's own locks before a fork, so that a child now and then inherits
// one that a thread of the parent held, and waits for it in malloc or free for ever.
#include <set>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

#include "gated_exporter.hpp"

#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)

namespace meshflow::telemetry::test {
namespace {

// Runs `body` in a forked child and returns the text that it returns there. A child that hangs ends by an alarm.
template <typename Body>
std::string in_child(Body body) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    const std::string answer = body();
    const bool is_written = write(ends[1], answer.data(), answer.size()) == static_cast<ssize_t>(answer.size());
    _exit(is_written ? 0 : 1);
  }
  close(ends[1]);
  std::string answer;
  char buffer[4096];
  ssize_t size = 0;
  while ((size = read(ends[0], buffer, sizeof buffer)) > 0) answer.append(buffer, static_cast<std::size_t>(size));
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the child failed or hung";
  return answer;
}

std::string joined(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += name + ",";
  return all;
}

std::vector<std::string> names_of(const std::vector<otlp::Span>& spans) {
  std::vector<std::string> names;
  for (const otlp::Span& span : spans) names.push_back(span.name);
  return names;
}

TEST(Fork, TheChildSendsItsOwnSpansAndNotTheParents) {
  Recorded recorded;  // whose delay keeps the parent's spans waiting while it forks
  record_spans(recorded.tracer, 3, "parents");
  const std::string in_the_child = in_child([&] {
    record_spans(recorded.tracer, 2, "childs");
    const std::string names = joined(names_of(recorded.spans()));
    const TelemetryStats stats = recorded.provider->stats();
    return names + std::to_string(stats.span_started) + std::to_string(stats.processed);
  });
  EXPECT_EQ(in_the_child, "childs,childs,22");
  EXPECT_EQ(joined(names_of(recorded.spans())), "parents,parents,parents,");
}

TEST(Fork, ASpanThatIsOpenWhileForkingIsTheParents) {
  Recorded recorded;
  Span open = recorded.tracer.start_span("open");
  const std::string in_the_child = in_child([&] {
    recorded.tracer.start_span("below", {.parent = open.context()}).end();
    open.set_attribute("in", "child").end();
    return joined(names_of(recorded.spans()));
  });
  EXPECT_EQ(in_the_child, "below,");
  open.end();
  const otlp::Span span = recorded.only_span();
  EXPECT_EQ(span.name, "open");
  EXPECT_TRUE(span.attributes.empty());
}

TEST(Fork, WhileAnExportIsUnderWayDoesNotHangTheChild) {
  auto gate = std::make_shared<Gate>();
  gate->close();
  const auto provider = gated_provider({}, {{gate, true}});
  const Tracer tracer = provider->tracer({});
  record_spans(tracer, 600);
  gate->wait_for_arrival();
  EXPECT_EQ(in_child([&] {
              record_spans(tracer, 1);
              (void)provider->flush(std::chrono::milliseconds(50));  // its exporter's gate is closed for good
              (void)provider->shutdown(std::chrono::milliseconds(50));
              return std::string("done");
            }),
            "done");
  gate->open();
  EXPECT_TRUE(provider->shutdown(kPatience));
  EXPECT_EQ(gate->names().size(), 600u);
}

TEST(Fork, AChildThatOnlyShutsDownSendsNothing) {
  Recorded recorded;
  record_spans(recorded.tracer, 3);
  EXPECT_EQ(in_child([&] {
              const bool is_clean = recorded.provider->shutdown(kPatience);
              return std::to_string(is_clean) + std::to_string(recorded.store->span_count());
            }),
            "10");
  EXPECT_EQ(recorded.spans().size(), 3u);
}

TEST(Fork, IdsDifferBetweenParentAndChild) {
  (void)SpanId::generate();  // seeded before the fork
  std::set<std::string> seen;
  const auto some_ids = [] {
    std::string ids;
    for (int i = 0; i < 100; ++i) ids += SpanId::generate().hex();
    return ids;
  };
  for (const std::string& ids : {in_child(some_ids), in_child(some_ids), some_ids()}) {
    ASSERT_EQ(ids.size(), 1600u);
    for (std::size_t i = 0; i < ids.size(); i += 16) EXPECT_TRUE(seen.insert(ids.substr(i, 16)).second);
  }
}

TEST(Fork, AGrandchildRecordsToo) {
  Recorded recorded;
  record_spans(recorded.tracer, 1, "parents");
  EXPECT_EQ(in_child([&] {
              record_spans(recorded.tracer, 1, "childs");
              return in_child([&] {
                record_spans(recorded.tracer, 1, "grandchilds");
                return joined(names_of(recorded.spans()));
              });
            }),
            "grandchilds,");
}

}  // namespace
}  // namespace meshflow::telemetry::test

#endif

#include "telemetry/configuration.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <unistd.h>

#include "base/version.hpp"

namespace meshflow::telemetry {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Variables = std::map<std::string, std::string, std::less<>>;

Configuration configured(const Variables& variables, const TelemetrySettings& settings = {}) {
  auto configuration = configure(settings, Environment(variables));
  EXPECT_TRUE(configuration) << configuration.error().text();
  return configuration ? std::move(*configuration) : Configuration{};
}

Error refused(const Variables& variables, const TelemetrySettings& settings = {}) {
  const auto configuration = configure(settings, Environment(variables));
  EXPECT_FALSE(configuration);
  return configuration ? Error{} : configuration.error();
}

template <typename Spec>
const Spec* find(const Configuration& configuration) {
  for (const auto& spec : configuration.exporters) {
    if (const auto* held = std::get_if<Spec>(&spec)) return held;
  }
  return nullptr;
}

std::string url_of(const Configuration& configuration) {
  const auto* http = find<OtlpHttpOptions>(configuration);
  return http == nullptr ? "" : http->url;
}

std::string text_of(const Attributes& attributes, std::string_view key) {
  for (const auto& attribute : attributes) {
    if (attribute.key != key) continue;
    const auto* text = std::get_if<std::string>(&attribute.value.value);
    return text == nullptr ? "(no text)" : *text;
  }
  return "";
}

TEST(Configure, WithNothingSetNothingIsSentAndTheDefaultsOfTheSpecificationHold) {
  const auto configuration = configured({});
  EXPECT_TRUE(configuration.exporters.empty());
  EXPECT_THAT(configuration.warnings, IsEmpty());
  EXPECT_THAT(configuration.propagators, ElementsAre(Propagator::tracecontext, Propagator::baggage));
  EXPECT_EQ(configuration.provider.batch.schedule_delay, 5000ms);
  EXPECT_EQ(configuration.provider.batch.export_timeout, 30000ms);
  EXPECT_EQ(configuration.provider.batch.max_queue_size, 2048u);
  EXPECT_EQ(configuration.provider.batch.max_export_batch_size, 512u);
  EXPECT_EQ(configuration.provider.sampler.kind, SamplerOptions::Kind::parentbased_always_on);
  EXPECT_EQ(configuration.provider.limits.attribute_count, 128u);
  EXPECT_EQ(configuration.provider.limits.attribute_value_length, SpanLimits::kNoLimit);
  EXPECT_EQ(configuration.provider.shutdown_timeout, 5000ms);
  EXPECT_FALSE(configuration.provider.disabled);
}

TEST(Configure, TheResourceSaysWhoWeAre) {
  const auto resource = configured({}).provider.resource;
  EXPECT_EQ(text_of(resource, "service.name"), "meshflow");
  EXPECT_EQ(text_of(resource, "telemetry.sdk.name"), "meshflow");
  EXPECT_EQ(text_of(resource, "telemetry.sdk.language"), "cpp");
  EXPECT_EQ(text_of(resource, "telemetry.sdk.version"), version());
  EXPECT_THAT(text_of(resource, "service.instance.id"),
              ::testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_THAT(resource, ::testing::Contains(Attribute{"process.pid", AttributeValue(std::int64_t{::getpid()})}));
}

TEST(Configure, ServiceNameBeatsResourceAttributesAndThePolicyBeatsBoth) {
  const Variables variables = {{"OTEL_RESOURCE_ATTRIBUTES", "service.name=a, deployment.environment.name = q%2Ca "},
                               {"OTEL_SERVICE_NAME", "b"}};
  EXPECT_EQ(text_of(configured(variables).provider.resource, "service.name"), "b");
  EXPECT_EQ(text_of(configured(variables).provider.resource, "deployment.environment.name"), "q,a");
  TelemetrySettings settings;
  settings.resource = {{"service.name", "c"}};
  EXPECT_EQ(text_of(configured(variables, settings).provider.resource, "service.name"), "c");
  EXPECT_EQ(text_of(configured({{"OTEL_RESOURCE_ATTRIBUTES", "service.name=a"}}).provider.resource, "service.name"),
            "a");
}

TEST(Configure, BrokenResourceAttributesAreDiscardedWholeWithOneWarning) {
  for (const char* text : {"a=1,b", "a=1,=2", "a=%zz"}) {
    const auto configuration = configured({{"OTEL_RESOURCE_ATTRIBUTES", text}});
    EXPECT_EQ(text_of(configuration.provider.resource, "a"), "") << text;
    EXPECT_THAT(configuration.warnings, ElementsAre(HasSubstr("OTEL_RESOURCE_ATTRIBUTES"))) << text;
  }
}

TEST(Configure, AnEmptyVariableIsUnset) {
  const auto configuration = configured({{"OTEL_EXPORTER_OTLP_ENDPOINT", ""},
                                         {"OTEL_SERVICE_NAME", ""},
                                         {"OTEL_BSP_SCHEDULE_DELAY", ""},
                                         {"OTEL_PROPAGATORS", ""},
                                         {"OTEL_TRACES_EXPORTER", ""}});
  EXPECT_TRUE(configuration.exporters.empty());
  EXPECT_THAT(configuration.warnings, IsEmpty());
  EXPECT_EQ(configuration.propagators.size(), 2u);
}

TEST(Configure, NumbersAreReadAndBadOnesCostOneWarningEach) {
  const auto good = configured({{"OTEL_BSP_SCHEDULE_DELAY", "100"},
                                {"OTEL_BSP_EXPORT_TIMEOUT", "200"},
                                {"OTEL_BSP_MAX_QUEUE_SIZE", "300"},
                                {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "400"},
                                {"OTEL_SPAN_EVENT_COUNT_LIMIT", "1"},
                                {"OTEL_SPAN_LINK_COUNT_LIMIT", "2"},
                                {"OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "3"},
                                {"OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "4"},
                                {"OTEL_ATTRIBUTE_COUNT_LIMIT", "5"},
                                {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "6"}});
  EXPECT_THAT(good.warnings, IsEmpty());
  EXPECT_EQ(good.provider.batch.schedule_delay, 100ms);
  EXPECT_EQ(good.provider.batch.export_timeout, 200ms);
  EXPECT_EQ(good.provider.batch.max_queue_size, 300u);
  EXPECT_EQ(good.provider.batch.max_export_batch_size, 300u);  // never more than the queue holds
  EXPECT_EQ(good.provider.limits.event_count, 1u);
  EXPECT_EQ(good.provider.limits.link_count, 2u);
  EXPECT_EQ(good.provider.limits.event_attribute_count, 3u);
  EXPECT_EQ(good.provider.limits.link_attribute_count, 4u);
  EXPECT_EQ(good.provider.limits.attribute_count, 5u);
  EXPECT_EQ(good.provider.limits.attribute_value_length, 6u);

  const auto bad = configured({{"OTEL_BSP_SCHEDULE_DELAY", "soon"},
                               {"OTEL_BSP_MAX_QUEUE_SIZE", "0"},
                               {"OTEL_ATTRIBUTE_COUNT_LIMIT", "-1"},
                               {"OTEL_SPAN_LINK_COUNT_LIMIT", "12x"}});
  EXPECT_EQ(bad.warnings.size(), 4u);
  EXPECT_THAT(bad.warnings, ::testing::Contains(HasSubstr("OTEL_BSP_SCHEDULE_DELAY=soon")));
  EXPECT_EQ(bad.provider.batch.schedule_delay, 5000ms);
  EXPECT_EQ(bad.provider.limits.attribute_count, 128u);
}

TEST(Configure, SpanLimitsBeatTheGeneralOnes) {
  const auto configuration = configured({{"OTEL_ATTRIBUTE_COUNT_LIMIT", "5"},
                                         {"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "7"},
                                         {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "50"},
                                         {"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "70"}});
  EXPECT_EQ(configuration.provider.limits.attribute_count, 7u);
  EXPECT_EQ(configuration.provider.limits.attribute_value_length, 70u);
}

TEST(Configure, SamplersAreThoseOfTheSpecification) {
  using Kind = SamplerOptions::Kind;
  EXPECT_EQ(configured({{"OTEL_TRACES_SAMPLER", "always_off"}}).provider.sampler.kind, Kind::always_off);
  const auto ratio = configured({{"OTEL_TRACES_SAMPLER", "traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "0.25"}});
  EXPECT_EQ(ratio.provider.sampler.kind, Kind::traceidratio);
  EXPECT_EQ(ratio.provider.sampler.ratio, 0.25);
  const auto bad =
      configured({{"OTEL_TRACES_SAMPLER", "parentbased_traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "1.5"}});
  EXPECT_EQ(bad.provider.sampler.ratio, 1.0);
  EXPECT_EQ(bad.warnings.size(), 1u);
  EXPECT_THAT(configured({{"OTEL_TRACES_SAMPLER", "sometimes"}}).warnings, ElementsAre(HasSubstr("always_on")));
}

TEST(Configure, PropagatorsAreListed) {
  EXPECT_THAT(configured({{"OTEL_PROPAGATORS", "b3, tracecontext,b3"}}).propagators,
              ElementsAre(Propagator::b3, Propagator::tracecontext));
  EXPECT_THAT(configured({{"OTEL_PROPAGATORS", "none"}}).propagators, IsEmpty());
  const auto unknown = configured({{"OTEL_PROPAGATORS", "xray"}});
  EXPECT_EQ(unknown.propagators.size(), 2u);
  EXPECT_THAT(unknown.warnings, ElementsAre(HasSubstr("xray")));
}

TEST(Configure, DisabledMeansNothingAtAll) {
  TelemetrySettings settings;
  settings.console = ConsoleMode::spans;
  const auto configuration = configured({{"OTEL_SDK_DISABLED", "True"}}, settings);
  EXPECT_TRUE(configuration.provider.disabled);
  EXPECT_TRUE(configuration.exporters.empty());
  EXPECT_FALSE(configured({{"OTEL_SDK_DISABLED", "1"}}).provider.disabled);  // only "true" is true
}

TEST(Endpoint, ABaseUrlGetsThePathAndKeepsItsOwn) {
  EXPECT_EQ(url_of(configured({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"}})),
            "http://localhost:4318/v1/traces");
  EXPECT_EQ(url_of(configured({{"OTEL_EXPORTER_OTLP_ENDPOINT", "https://host/otlp/"}})),
            "https://host:443/otlp/v1/traces");
}

TEST(Endpoint, AUrlForTracesIsUsedAsItStands) {
  EXPECT_EQ(url_of(configured({{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://host:1/somewhere"},
                               {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://other:2"}})),
            "http://host:1/somewhere");
}

TEST(Endpoint, ABaseUrlThatEndsInThePathIsAWarning) {
  const auto configuration = configured({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318/v1/traces"}});
  EXPECT_EQ(url_of(configuration), "http://localhost:4318/v1/traces/v1/traces");
  EXPECT_THAT(configuration.warnings, ElementsAre(HasSubstr("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")));
}

TEST(Endpoint, APolicyMayGiveEitherFormAndBeatsTheEnvironment) {
  TelemetrySettings settings;
  for (const char* text : {"http://localhost:4318", "http://localhost:4318/", "http://localhost:4318/v1/traces",
                           "http://localhost:4318/v1/traces/"}) {
    settings.otlp_endpoint = text;
    const auto configuration = configured({{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://other/"}}, settings);
    EXPECT_EQ(url_of(configuration), "http://localhost:4318/v1/traces") << text;
    EXPECT_THAT(configuration.warnings, IsEmpty());
  }
}

TEST(Endpoint, WhatIsNoUrlIsAnErrorThatNamesTheSetting) {
  EXPECT_THAT(refused({{"OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"}}).message,
              HasSubstr("OTEL_EXPORTER_OTLP_ENDPOINT \"localhost:4318\""));
  TelemetrySettings settings;
  settings.otlp_endpoint = "nowhere";
  EXPECT_THAT(refused({}, settings).message, HasSubstr("telemetry_otlp_endpoint \"nowhere\""));
  settings.otlp_protocol = "grpc";
  EXPECT_THAT(refused({}, settings).message, HasSubstr("telemetry_otlp_endpoint \"nowhere\""));
}

TEST(Endpoint, TheTracesExporterVariableDecidesWhereThePolicyIsSilent) {
  const Variables endpoint = {{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"}};
  const auto with = [&](const char* exporter) {
    Variables variables = endpoint;
    variables["OTEL_TRACES_EXPORTER"] = exporter;
    return variables;
  };
  EXPECT_TRUE(configured(with("none")).exporters.empty());
  EXPECT_EQ(configured(with("otlp")).exporters.size(), 1u);
  const auto both = configured(with("otlp,console"));
  EXPECT_NE(find<OtlpHttpOptions>(both), nullptr);
  EXPECT_NE(find<ConsoleExporterSpec>(both), nullptr);
  const auto console = configured(with("console"));
  EXPECT_EQ(find<OtlpHttpOptions>(console), nullptr);
  EXPECT_NE(find<ConsoleExporterSpec>(console), nullptr);
  EXPECT_THAT(configured(with("zipkin")).warnings, ElementsAre(HasSubstr("zipkin")));

  TelemetrySettings settings;
  settings.otlp_endpoint = "http://policy:4318";
  EXPECT_EQ(url_of(configured(with("none"), settings)), "http://policy:4318/v1/traces");
}

TEST(Endpoint, GrpcTakesUrlsAndTheSchemeBeatsInsecure) {
  const auto target = [](const char* endpoint, const char* insecure) {
    const auto configuration = configured({{"OTEL_EXPORTER_OTLP_ENDPOINT", endpoint},
                                           {"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"},
                                           {"OTEL_EXPORTER_OTLP_INSECURE", insecure}});
    const auto* grpc = find<OtlpGrpcOptions>(configuration);
    return grpc == nullptr ? GrpcTarget{} : grpc->target;
  };
  EXPECT_EQ(target("http://host:4317", "").address, "host:4317");
  EXPECT_FALSE(target("http://host:4317", "false").uses_tls);
  EXPECT_TRUE(target("https://host:4317/path", "true").uses_tls);
  EXPECT_EQ(target("https://host", "").address, "host:443");
  EXPECT_TRUE(target("host:4317", "").uses_tls);
  EXPECT_FALSE(target("host:4317", "TRUE").uses_tls);
}

TEST(Endpoint, ProtocolsAreThree) {
  const auto with = [](const char* protocol) {
    return configured({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:1"}, {"OTEL_EXPORTER_OTLP_PROTOCOL", protocol}});
  };
  EXPECT_EQ(find<OtlpHttpOptions>(with("http/json"))->encoding, OtlpEncoding::json);
  EXPECT_EQ(find<OtlpHttpOptions>(with("http/protobuf"))->encoding, OtlpEncoding::protobuf);
  const auto bad = with("thrift");
  EXPECT_EQ(find<OtlpHttpOptions>(bad)->encoding, OtlpEncoding::protobuf);
  EXPECT_THAT(bad.warnings, ElementsAre(HasSubstr("http/protobuf, http/json, grpc")));
  TelemetrySettings settings;
  settings.otlp_endpoint = "http://h:1";
  settings.otlp_protocol = "thrift";
  EXPECT_THAT(refused({}, settings).message, HasSubstr("telemetry_otlp_protocol"));
}

TEST(OtlpSettings, ThoseForTracesBeatTheGeneralOnes) {
  const Variables general = {{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:1"},
                             {"OTEL_EXPORTER_OTLP_HEADERS", "a=1"},
                             {"OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"},
                             {"OTEL_EXPORTER_OTLP_TIMEOUT", "2500"}};
  const auto first = configured(general);
  const auto* http = find<OtlpHttpOptions>(first);
  ASSERT_NE(http, nullptr);
  EXPECT_THAT(http->headers, ElementsAre(std::pair<std::string, std::string>("a", "1")));
  EXPECT_TRUE(http->gzip);
  EXPECT_EQ(http->timeout, 2500ms);

  Variables specific = general;
  specific["OTEL_EXPORTER_OTLP_TRACES_HEADERS"] = "b=x%20y%3D , c=";
  specific["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION"] = "none";
  specific["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"] = "100";
  const auto second = configured(specific);
  http = find<OtlpHttpOptions>(second);
  ASSERT_NE(http, nullptr);
  EXPECT_THAT(http->headers, ElementsAre(std::pair<std::string, std::string>("b", "x y="),
                                         std::pair<std::string, std::string>("c", "")));
  EXPECT_FALSE(http->gzip);
  EXPECT_EQ(http->timeout, 100ms);
}

TEST(OtlpSettings, BrokenHeadersAreIgnoredAndTheirTextIsNotShown) {
  for (const char* text : {"authorization", "a b=1", "k=%0d%0aX-Other: secret", "=secret"}) {
    const auto configuration =
        configured({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:1"}, {"OTEL_EXPORTER_OTLP_HEADERS", text}});
    EXPECT_THAT(find<OtlpHttpOptions>(configuration)->headers, IsEmpty()) << text;
    EXPECT_THAT(configuration.warnings,
                ElementsAre(::testing::AllOf(HasSubstr("OTEL_EXPORTER_OTLP_HEADERS"), Not(HasSubstr("secret")))));
  }
}

TEST(OtlpSettings, APolicysHeadersBeatTheEnvironment) {
  TelemetrySettings settings;
  settings.otlp_headers = {{"x", "1"}};
  const Variables variables = {{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:1"}, {"OTEL_EXPORTER_OTLP_HEADERS", "a=1"}};
  const auto configuration = configured(variables, settings);
  EXPECT_THAT(find<OtlpHttpOptions>(configuration)->headers,
              ElementsAre(std::pair<std::string, std::string>("x", "1")));
  settings.otlp_headers = {{"x\r\ny", "1"}};
  EXPECT_THAT(refused(variables, settings).message, HasSubstr("telemetry_otlp_headers"));
}

TEST(OtlpSettings, ACertificateFileThatCannotBeReadIsAnErrorThatNamesIt) {
  const Error error =
      refused({{"OTEL_EXPORTER_OTLP_ENDPOINT", "https://h:1"}, {"OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/ca.pem"}});
  EXPECT_THAT(error.message, HasSubstr("OTEL_EXPORTER_OTLP_CERTIFICATE"));
  EXPECT_THAT(error.message, HasSubstr("/no/such/ca.pem"));
}

TEST(Settings, EachExporterOfAPolicyIsThere) {
  TelemetrySettings settings;
  settings.console = ConsoleMode::tree;
  settings.file = "spans.jsonl";
  settings.spool_directory = "/data/spool";
  settings.shutdown_timeout = 123ms;
  const auto configuration = configured({}, settings);
  EXPECT_EQ(find<ConsoleExporterSpec>(configuration)->mode, ConsoleMode::tree);
  EXPECT_EQ(find<FileExporterSpec>(configuration)->path, "spans.jsonl");
  EXPECT_EQ(find<SpoolOptions>(configuration)->directory, "/data/spool");
  EXPECT_EQ(configuration.provider.shutdown_timeout, 123ms);
}

TEST(DropWarnings, AreOneLineForEachThatDroppedSomething) {
  TelemetryStats stats;
  stats.exporters = {{"console", 10, 0, ""}, {"otlp_http", 3, 7, "refused"}, {"spool", 10, 0, "older files went"}};
  EXPECT_THAT(drop_warnings(stats),
              ElementsAre("telemetry: otlp_http dropped 7 of 10 spans: refused", "telemetry: spool: older files went"));
  stats.exporters.clear();
  stats.dropped_queue_full = 5;
  EXPECT_THAT(drop_warnings(stats), ElementsAre(HasSubstr("5 spans")));
}

}  // namespace
}  // namespace meshflow::telemetry

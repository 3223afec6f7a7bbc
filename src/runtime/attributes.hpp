// Every span and attribute name that the runtime writes, in one table.
// GenAI names: OpenTelemetry GenAI semantic conventions 0.1.0 (development status).
#pragma once

namespace meshflow::runtime::names {

// Spans.
inline constexpr const char* kSpanRun = "meshflow.run";
inline constexpr const char* kSpanNode = "meshflow.node";
inline constexpr const char* kSpanAgent = "meshflow.agent";
inline constexpr const char* kSpanGate = "meshflow.gate";
inline constexpr const char* kSpanPolicyCheck = "meshflow.policy_check";
inline constexpr const char* kSpanLedgerWrite = "meshflow.ledger_write";
inline constexpr const char* kSpanTool = "meshflow.tool";

// The lesson's attributes: written with the prefix, and without it too where a policy asks for short ones.
inline constexpr const char* kPrefix = "meshflow.";
inline constexpr const char* kRunId = "meshflow.run_id";
inline constexpr const char* kTraceId = "meshflow.trace_id";
inline constexpr const char* kNodeId = "meshflow.node_id";
inline constexpr const char* kAgentId = "meshflow.agent_id";
inline constexpr const char* kRole = "meshflow.role";
inline constexpr const char* kCostUsd = "meshflow.cost_usd";
inline constexpr const char* kTokens = "meshflow.tokens";
inline constexpr const char* kUncertainty = "meshflow.uncertainty";
inline constexpr const char* kVerdict = "meshflow.verdict";
inline constexpr const char* kCarbonG = "meshflow.carbon_g";
inline constexpr const char* kGateResult = "meshflow.gate_result";
inline constexpr const char* kCompliance = "meshflow.compliance";
inline constexpr const char* kRunCostUsd = "meshflow.run_cost_usd";  // root only, with short attributes only

// Of MeshFlow, beyond the lesson's.
inline constexpr const char* kConfidence = "meshflow.confidence";
inline constexpr const char* kTokensInput = "meshflow.tokens.input";
inline constexpr const char* kTokensOutput = "meshflow.tokens.output";
inline constexpr const char* kTokensCached = "meshflow.tokens.cached";
inline constexpr const char* kCarbonLow = "meshflow.carbon_g_low";
inline constexpr const char* kCarbonHigh = "meshflow.carbon_g_high";
inline constexpr const char* kCarbonTier = "meshflow.carbon.tier";
inline constexpr const char* kCarbonClass = "meshflow.carbon.class";
inline constexpr const char* kCarbonClassAssumed = "meshflow.carbon.class_assumed";
inline constexpr const char* kCarbonFactorSet = "meshflow.carbon.factor_set";
inline constexpr const char* kCostSource = "meshflow.cost_source";
inline constexpr const char* kNodeKind = "meshflow.node.kind";
inline constexpr const char* kIteration = "meshflow.iteration";
inline constexpr const char* kAttempt = "meshflow.attempt";
inline constexpr const char* kRoute = "meshflow.route";
inline constexpr const char* kWorkflowName = "meshflow.workflow.name";
inline constexpr const char* kWorkflowVersion = "meshflow.workflow.version";
inline constexpr const char* kVariant = "meshflow.variant";
inline constexpr const char* kStatus = "meshflow.status";
inline constexpr const char* kBlocked = "meshflow.blocked";
inline constexpr const char* kGateName = "meshflow.gate.name";
inline constexpr const char* kGateThreshold = "meshflow.gate.threshold";
inline constexpr const char* kGateValue = "meshflow.gate.value";
inline constexpr const char* kRuleId = "meshflow.rule_id";
inline constexpr const char* kBlockReason = "meshflow.block_reason";
inline constexpr const char* kPolicyMode = "meshflow.policy.mode";
inline constexpr const char* kPolicyName = "meshflow.policy.name";
inline constexpr const char* kPolicyResult = "meshflow.policy.result";
inline constexpr const char* kLedgerSeq = "meshflow.ledger.seq";
inline constexpr const char* kLedgerKind = "meshflow.ledger.kind";
inline constexpr const char* kLedgerEntryHash = "meshflow.ledger.entry_hash";
inline constexpr const char* kLedgerHead = "meshflow.ledger.head";
inline constexpr const char* kDecisionBy = "meshflow.decision.by";
inline constexpr const char* kDecisionNote = "meshflow.decision.note";
inline constexpr const char* kDecisionDigest = "meshflow.decision.digest";  // SHA-256 of what was decided on, in hex
inline constexpr const char* kDecisionTime = "meshflow.decision.unix_nanos";
inline constexpr const char* kLinkType = "meshflow.link";  // on links: "block", "pause", "pending"

// GenAI conventions.
inline constexpr const char* kGenAiOperation = "gen_ai.operation.name";
inline constexpr const char* kGenAiProvider = "gen_ai.provider.name";
inline constexpr const char* kGenAiAgentName = "gen_ai.agent.name";
inline constexpr const char* kGenAiAgentDescription = "gen_ai.agent.description";
inline constexpr const char* kGenAiAgentVersion = "gen_ai.agent.version";
inline constexpr const char* kGenAiConversation = "gen_ai.conversation.id";
inline constexpr const char* kGenAiRequestModel = "gen_ai.request.model";
inline constexpr const char* kGenAiRequestMaxTokens = "gen_ai.request.max_tokens";
inline constexpr const char* kGenAiRequestTemperature = "gen_ai.request.temperature";
inline constexpr const char* kGenAiRequestTopP = "gen_ai.request.top_p";
inline constexpr const char* kGenAiResponseId = "gen_ai.response.id";
inline constexpr const char* kGenAiResponseModel = "gen_ai.response.model";
inline constexpr const char* kGenAiResponseFinishReasons = "gen_ai.response.finish_reasons";
inline constexpr const char* kGenAiResponseTimeToFirstChunk = "gen_ai.response.time_to_first_chunk";
inline constexpr const char* kGenAiUsageInput = "gen_ai.usage.input_tokens";
inline constexpr const char* kGenAiUsageOutput = "gen_ai.usage.output_tokens";
inline constexpr const char* kGenAiUsageCacheRead = "gen_ai.usage.cache_read.input_tokens";
inline constexpr const char* kGenAiUsageCacheCreation = "gen_ai.usage.cache_creation.input_tokens";
inline constexpr const char* kGenAiToolName = "gen_ai.tool.name";
inline constexpr const char* kGenAiToolCallId = "gen_ai.tool.call.id";
inline constexpr const char* kGenAiToolType = "gen_ai.tool.type";
inline constexpr const char* kGenAiToolDescription = "gen_ai.tool.description";
inline constexpr const char* kGenAiToolArguments = "gen_ai.tool.call.arguments";
inline constexpr const char* kGenAiToolResult = "gen_ai.tool.call.result";
inline constexpr const char* kGenAiInputMessages = "gen_ai.input.messages";
inline constexpr const char* kGenAiOutputMessages = "gen_ai.output.messages";
inline constexpr const char* kServerAddress = "server.address";
inline constexpr const char* kServerPort = "server.port";
inline constexpr const char* kHttpMethod = "http.request.method";
inline constexpr const char* kHttpStatus = "http.response.status_code";
inline constexpr const char* kUrlFull = "url.full";
inline constexpr const char* kMcpMethod = "mcp.method.name";
inline constexpr const char* kMcpSession = "mcp.session.id";
inline constexpr const char* kMcpVersion = "mcp.protocol.version";
inline constexpr const char* kJsonRpcId = "jsonrpc.request.id";
inline constexpr const char* kRpcStatus = "rpc.response.status_code";
inline constexpr const char* kNetworkTransport = "network.transport";
inline constexpr const char* kNetworkProtocol = "network.protocol.name";
inline constexpr const char* kErrorType = "error.type";
inline constexpr const char* kOpenInferenceKind = "openinference.span.kind";
inline constexpr const char* kLangfuseType = "langfuse.observation.type";

}  // namespace meshflow::runtime::names

#include "runtime/guardian_rules.hpp"

namespace meshflow::runtime {
namespace {

constexpr Severity kInfo = Severity::info;
constexpr Severity kWarn = Severity::warn;
constexpr Severity kBlock = Severity::block;

// Why these severities: a task may well speak of a person or hold a card number to be checked, so personal data in what
// is asked is noted, not refused; an answer that holds a secret, a card or a national id is what leaks look like. An
// injection is an attack where it comes in; an answer may quote one.
constexpr BuiltinRule kBuiltin[] = {
    // Prompt injection.
    {"injection.ignore_instructions",
     R"((?i)\b(?:ignore|disregard|forget|override|bypass)\s+(?:(?:all|any|every|the|of|your|my|these|those)\s+){0,4}(?:previous|prior|above|earlier|preceding|foregoing|system|original|initial)\s+(?:instructions?|prompts?|rules?|directions?|guidelines?|messages?|commands?|context))",
     kBlock, kWarn},
    {"injection.new_identity",
     R"((?i)\b(?:you\s+are\s+now|from\s+now\s+on\s+you\s+are|act\s+as|pretend\s+(?:to\s+be|you\s+are))\s+(?:an?\s+)?(?:dan\b|unrestricted|unfiltered|uncensored|jailbroken|evil|developer\s+mode))",
     kBlock, kWarn},
    {"injection.reveal_prompt",
     R"((?i)\b(?:reveal|print|show|repeat|output|leak|tell\s+me|disclose)\s+(?:me\s+)?(?:your|the)\s+(?:full\s+|entire\s+|hidden\s+|secret\s+|initial\s+|original\s+|complete\s+){0,2}(?:system\s+prompt|system\s+message|hidden\s+(?:prompt|instructions)|initial\s+(?:prompt|instructions)|secret\s+instructions))",
     kBlock, kWarn},
    {"injection.disable_safety",
     R"((?i)\b(?:disable|turn\s+off|switch\s+off|deactivate|without|skip)\s+(?:all\s+|any\s+|your\s+|the\s+){0,2}(?:safety|content|security)\s+(?:filters?|checks?|guidelines|polic(?:y|ies)|measures|restrictions))",
     kBlock, kWarn},
    {"injection.chat_markup",
     R"(<\|(?:im_start|im_end|system|endoftext|start_header_id|eot_id)\|>|\[/?INST\]|<</?SYS>>)", kBlock, kWarn},

    // Secrets.
    {"secret.private_key", R"(-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----)", kWarn, kBlock},
    {"secret.aws_key", R"(\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b)", kWarn, kBlock},
    {"secret.aws_secret",
     R"re((?i)\baws.{0,20}(?:secret|key).{0,20}?[=:]\s*["']?([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+]|$))re", kWarn, kBlock,
     is_random_secret},
    {"secret.github_token", R"(\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40,}))", kWarn, kBlock},
    {"secret.model_key", R"(\bsk-(?:ant-|proj-|or-v1-)?[A-Za-z0-9_-]{20,})", kWarn, kBlock, is_random_secret},
    {"secret.google_key", R"(\bAIza[0-9A-Za-z_-]{35})", kWarn, kBlock},
    {"secret.slack_token", R"(\bxox[abeoprs]-[0-9A-Za-z-]{10,})", kWarn, kBlock},
    {"secret.stripe_key", R"(\b[rs]k_live_[0-9A-Za-z]{16,})", kWarn, kBlock},
    {"secret.jwt", R"(\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,})", kWarn, kBlock},
    {"secret.url_password", R"(\b[a-z][a-z0-9+.-]*://[^\s:/@]+:([^\s:/@]{3,})@)", kWarn, kBlock},
    {"secret.token",
     R"re((?i)\b(?:api[_-]?key|access[_-]?token|auth[_-]?token|secret[_-]?key|client[_-]?secret|password|passwd)["']?\s{0,4}[=:]\s{0,4}["']?([A-Za-z0-9_./+~-]{16,}))re",
     kWarn, kBlock, is_random_secret},

    // Personal data.
    {"pii.email", R"((?i)\b[a-z0-9._%+-]+@(?:[a-z0-9-]+\.)+[a-z]{2,}\b)", kInfo, kWarn},
    {"pii.phone",
     R"((?:^|[^\w.+-])(\+[1-9][0-9]{0,2}[ .-]?(?:\([0-9]{1,4}\)[ .-]?)?[0-9]{2,4}(?:[ .-]?[0-9]{2,4}){2,4}|\(?[2-9][0-9]{2}\)?[ .-][2-9][0-9]{2}[ .-][0-9]{4})(?:[^\w-]|$))",
     kInfo, kWarn},
    {"pii.card", R"((?:^|[^\w.-])([2-6][0-9]{3}(?:[ -]?[0-9]){9,15})(?:[^\w-]|$))", kInfo, kBlock, is_card_number},
    {"pii.iban", R"(\b([A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?)(?:[^A-Za-z0-9]|$))", kInfo, kWarn,
     is_iban},
    {"pii.national_id.us", R"((?:^|[^\w-])([0-9]{3}[- ][0-9]{2}[- ][0-9]{4})(?:[^\w-]|$))", kInfo, kBlock, is_us_ssn},
    {"pii.national_id.es", R"(\b((?:[0-9]{8}|[XYZ][0-9]{7})-?[A-HJ-NP-TV-Z])\b)", kInfo, kBlock, is_es_dni},
    {"pii.national_id.fr", R"(\b([12] ?[0-9]{2} ?[0-9]{2} ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2})\b)", kInfo,
     kBlock, is_fr_nir},
};

constexpr BuiltinRule kHealth[] = {
    {"health.record_number",
     R"((?i)\b(?:mrn|medical\s+record(?:\s+(?:number|no\.?))?|patient\s+(?:id|number|no\.?))\s{0,3}[:#=]?\s{0,3}[a-z]{0,4}-?[0-9][0-9-]{3,14})",
     kInfo, kInfo},
    {"health.diagnosis",
     R"((?i)\b(?:diagnos(?:is|es|ed)|suffers?\s+from|prognosis)(?:\s+(?:with|as|of|is|was))?\s{0,3}:?\s{1,3}[a-z][a-z0-9 ,'-]{2,60})",
     kInfo, kInfo},
    {"health.icd10",
     R"(\b(?:(?i:icd-?10(?:-cm)?)\s{0,3}:?\s{0,3}[A-TV-Z][0-9][0-9A-B](?:\.[0-9A-Z]{1,4})?|[A-TV-Z][0-9]{2}\.[0-9][0-9A-Z]{0,3})\b)",
     kInfo, kInfo},
    {"health.medication", R"((?i)\b[a-z][a-z-]{3,30}\s{1,2}[0-9]{1,5}(?:\.[0-9]{1,2})?\s?(?:mg|mcg|µg|ml|iu|units)\b)",
     kInfo, kInfo},
    {"health.lab_result",
     R"((?i)\b(?:hba1c|blood\s+pressure|cholesterol|glucose|viral\s+load|cd4(?:\s+count)?|hemoglobin|creatinine)\s{0,3}(?:is|was|of|:|=)?\s{0,3}[0-9]{1,6}(?:[./][0-9]{1,4})?\s?(?:%|mmhg|mg/dl|mmol/l|copies/ml)?)",
     kInfo, kInfo},
    {"health.birth_date",
     R"((?i)\b(?:dob|date\s+of\s+birth|born(?:\s+on)?)\s{0,3}:?\s{0,3}(?:[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}|[0-9]{1,2}\s+[a-z]{3,9}\s+[0-9]{4}|[a-z]{3,9}\s+[0-9]{1,2},?\s+[0-9]{4}))",
     kInfo, kInfo},
    {"health.insurance_id",
     R"((?i)\b(?:member|insurance|policy|subscriber|beneficiary)\s+(?:id|number|no\.?)\s{0,3}[:#=]?\s{0,3}[a-z]{0,4}-?[0-9][a-z0-9-]{4,18})",
     kInfo, kInfo},
    {"health.nhs_number", R"((?i)\bnhs\s+(?:number|no\.?)\s{0,3}[:#]?\s{0,3}([0-9]{3} ?[0-9]{3} ?[0-9]{4})\b)", kInfo,
     kInfo, is_nhs_number},
    {"health.npi", R"((?i)\bnpi\s{0,3}[:#]?\s{0,3}([0-9]{10})\b)", kInfo, kInfo, is_npi},
    {"health.patient_name",
     R"(\b(?i:patient)(?:\s+(?i:name))?\s{0,3}:?\s{1,3}((?:(?:Mr|Mrs|Ms|Dr)\.?\s)?[A-Z][a-z]{1,20}(?:\s[A-Z][a-z]{1,20}){1,2})\b)",
     kInfo, kInfo},
};

}  // namespace

std::span<const BuiltinRule> builtin_rules() { return kBuiltin; }
std::span<const BuiltinRule> health_rules() { return kHealth; }

}  // namespace meshflow::runtime

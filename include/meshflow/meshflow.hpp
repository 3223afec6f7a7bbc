// Everything a program needs to run agents: #include <meshflow/meshflow.hpp>.
#pragma once

#include "meshflow/base/error.hpp"           // IWYU pragma: export
#include "meshflow/runtime/agent.hpp"        // IWYU pragma: export
#include "meshflow/runtime/mesh.hpp"         // IWYU pragma: export
#include "meshflow/runtime/mock_model.hpp"   // IWYU pragma: export
#include "meshflow/runtime/policy.hpp"       // IWYU pragma: export
#include "meshflow/runtime/run.hpp"          // IWYU pragma: export
#include "meshflow/runtime/summary.hpp"      // IWYU pragma: export
#include "meshflow/runtime/workflow.hpp"     // IWYU pragma: export
#include "meshflow/telemetry/tracer.hpp"     // IWYU pragma: export

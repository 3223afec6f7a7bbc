// Makes the functions of functions.hpp and sql_functions.hpp known to a database. Private to the room.
#pragma once

#include "store/engine.hpp"

namespace meshflow::store {

[[nodiscard]] Result<void> register_functions(Connection& connection);
[[nodiscard]] Result<void> register_sql_functions(Connection& connection);

}  // namespace meshflow::store

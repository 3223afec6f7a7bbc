# DuckDB::DuckDB: libduckdb.so and duckdb.h from DUCKDB_ROOT (cache or environment), else from build/duckdb, where ./dev
# puts them. Nowhere else: what a system has may be of any version.
if(NOT DUCKDB_ROOT)
  if(DEFINED ENV{DUCKDB_ROOT})
    set(DUCKDB_ROOT "$ENV{DUCKDB_ROOT}")
  else()
    set(DUCKDB_ROOT "${PROJECT_SOURCE_DIR}/build/duckdb")
  endif()
endif()
find_path(DuckDB_INCLUDE_DIR duckdb.h PATHS "${DUCKDB_ROOT}/include" "${DUCKDB_ROOT}" NO_DEFAULT_PATH)
find_library(DuckDB_LIBRARY duckdb PATHS "${DUCKDB_ROOT}/lib" "${DUCKDB_ROOT}" NO_DEFAULT_PATH)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(DuckDB REQUIRED_VARS DuckDB_LIBRARY DuckDB_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "run ./dev build, or set DUCKDB_ROOT to a folder with lib/libduckdb.so and include/duckdb.h")
mark_as_advanced(DuckDB_INCLUDE_DIR DuckDB_LIBRARY)
if(DuckDB_FOUND AND NOT TARGET DuckDB::DuckDB)
  add_library(DuckDB::DuckDB SHARED IMPORTED)
  set_target_properties(DuckDB::DuckDB PROPERTIES IMPORTED_LOCATION "${DuckDB_LIBRARY}"
    IMPORTED_NO_SONAME ON INTERFACE_INCLUDE_DIRECTORIES "${DuckDB_INCLUDE_DIR}")
endif()

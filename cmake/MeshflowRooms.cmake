# What is precompiled: headers of the standard library, fmt and GoogleTest only. None of ours, a change of which would
# compile everything anew. A source includes what it uses all the same: the builds for threads, fuzzing and debugging
# have no precompiled headers (CMAKE_DISABLE_PRECOMPILE_HEADERS), nor has clang-tidy.
set(MESHFLOW_PRECOMPILED
  <algorithm> <array> <atomic> <charconv> <chrono> <cmath> <condition_variable> <coroutine> <cstdint> <cstring> <deque>
  <functional> <limits> <map> <memory> <mutex> <optional> <set> <span> <string> <string_view> <thread> <unordered_map>
  <utility> <variant> <vector> <tl/expected.hpp> <fmt/format.h>)

# meshflow_precompile(TARGET FIRST [HEADER...]): precompiled headers for the target, those of FIRST, which is compiled
# with the same options; FIRST itself gets its own, with the HEADERs besides.
function(meshflow_precompile target first)
  if(target STREQUAL first)
    target_precompile_headers(${target} PRIVATE ${MESHFLOW_PRECOMPILED} ${ARGN})
  else()
    target_precompile_headers(${target} REUSE_FROM ${first})
  endif()
endfunction()

# meshflow_room(NAME USES room... LIBRARIES lib...)
# A room is a folder src/NAME built as one static library. USES are rooms below it; LIBRARIES are
# third-party libraries, which stay private to the room.
function(meshflow_room name)
  cmake_parse_arguments(ROOM "" "" "USES;LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  add_library(meshflow_${name} STATIC ${sources})
  target_include_directories(meshflow_${name} PUBLIC
    "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src" "${PROJECT_BINARY_DIR}/generated")
  list(TRANSFORM ROOM_USES PREPEND meshflow_)
  target_link_libraries(meshflow_${name} PUBLIC ${ROOM_USES} Threads::Threads PRIVATE ${ROOM_LIBRARIES})
  set_target_properties(meshflow_${name} PROPERTIES LINKER_LANGUAGE CXX)
  meshflow_precompile(meshflow_${name} meshflow_base)
endfunction()

# meshflow_test(FOLDER [ADDRESS] [ROOM room] [LIBRARIES lib...]): all tests/FOLDER/*_test.cpp as one GoogleTest program
# for the room of that name, or the one given. With ADDRESS the plain test run also runs it in the address build
# (./dev test): rooms that read bytes from outside, and telemetry.
function(meshflow_test room)
  cmake_parse_arguments(TEST "ADDRESS" "ROOM" "LIBRARIES" ${ARGN})
  if(NOT TEST_ROOM)
    set(TEST_ROOM ${room})
  endif()
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${room}/*.cpp")
  if(NOT sources)
    return()
  endif()
  add_executable(test_${room} ${sources})
  target_include_directories(test_${room} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(test_${room} PRIVATE meshflow_${TEST_ROOM} GTest::gmock GTest::gtest_main ${TEST_LIBRARIES})
  meshflow_precompile(test_${room} test_base <filesystem> <fstream> <gmock/gmock.h>)
  set(label "plain")
  if(TEST_ADDRESS)
    set(label "address")
    add_dependencies(address_tests test_${room})
  endif()
  gtest_discover_tests(test_${room} DISCOVERY_MODE PRE_TEST TEST_PREFIX "${room}."
    PROPERTIES TIMEOUT 120 LABELS ${label})
endfunction()

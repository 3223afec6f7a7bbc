# Compiler, linker and warning settings that hold for every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

option(MESHFLOW_WERROR "Treat warnings as errors" OFF)
set(MESHFLOW_SANITIZE "" CACHE STRING "Sanitizers to build with, as -fsanitize takes them")

find_program(MESHFLOW_CCACHE ccache)
if(MESHFLOW_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Relative to the checkout, so that all checkouts on a machine share what one has compiled. What a source includes is
  # told by the compiler itself, without a run of the preprocessor; a precompiled header counts by its bytes, which are
  # hashed once. (docs/decisions/0007-build-time.md)
  set(CMAKE_CXX_COMPILER_LAUNCHER env "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1
    CCACHE_INODECACHE=1 CCACHE_SLOPPINESS=pch_defines,time_macros "${MESHFLOW_CCACHE}")
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()
find_program(MESHFLOW_MOLD mold)
if(MESHFLOW_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                    -Wcast-align -Wnull-dereference -fno-omit-frame-pointer)
if(MESHFLOW_WERROR)
  add_compile_options(-Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  if(NOT CMAKE_DISABLE_PRECOMPILE_HEADERS)
    # Precompiled headers want the same options everywhere, and some libraries ask for -pthread; ccache wants their names in
    # what is preprocessed. GCC 12 forgets the pragmas in them, by which libstdc++ silences the false positives of three
    # warnings; these stay on in the builds without precompiled headers.
    add_compile_options(-pthread -fpch-preprocess -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
  endif()
  # False positives of GCC 12's optimizer inside libstdc++ and coroutine frames (GCC bugs 105562,
  # 105593, 108088): they name no line of ours and disappear with GCC 13.
  add_compile_options(-Wno-maybe-uninitialized -Wno-restrict -Wno-null-dereference)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # GCC does not report what the deprecated pieces of a system header use among themselves.
  add_compile_options(-Wno-deprecated-declarations)
endif()
if(MESHFLOW_SANITIZE)
  add_compile_options(-fsanitize=${MESHFLOW_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MESHFLOW_SANITIZE})
  if(MESHFLOW_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Boost.Asio uses fences, which this sanitizer does not model; GCC warns of each.
    add_compile_options(-Wno-tsan)
  endif()
endif()

find_package(Threads REQUIRED)

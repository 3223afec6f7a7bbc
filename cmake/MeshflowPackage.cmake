# What `cmake --install` puts in place: the rooms base to runtime as one shared library, the public headers, a CMake package
# and a pkg-config file. The command and the Python module link the rooms themselves.
include(CMakePackageConfigHelpers)

set(rooms meshflow_base meshflow_net meshflow_otlp meshflow_spool meshflow_telemetry meshflow_runtime)

# Only our own names leave the library: a program may have another Boost or gRPC of its own.
set(exported_names "${PROJECT_SOURCE_DIR}/cmake/meshflow.map")
add_library(meshflow SHARED "${exported_names}")
add_library(meshflow::meshflow ALIAS meshflow)
target_link_libraries(meshflow PRIVATE ${rooms})
target_compile_features(meshflow INTERFACE cxx_std_20)
target_include_directories(meshflow INTERFACE
  "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
target_link_options(meshflow PRIVATE "LINKER:--version-script=${exported_names}" "LINKER:--no-undefined")
list(JOIN rooms "," whole_rooms)
set_target_properties(meshflow PROPERTIES
  LINK_LIBRARY_OVERRIDE "WHOLE_ARCHIVE,${whole_rooms}"  # also what the library itself does not call
  LINKER_LANGUAGE CXX LINK_DEPENDS "${exported_names}"
  VERSION "${PROJECT_VERSION}" SOVERSION "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")

set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/meshflow")
install(TARGETS meshflow EXPORT meshflow LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/meshflow" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.hpp")
install(EXPORT meshflow NAMESPACE meshflow:: FILE meshflowTargets.cmake DESTINATION "${package_folder}")

configure_package_config_file(cmake/meshflowConfig.cmake.in generated/package/meshflowConfig.cmake
  INSTALL_DESTINATION "${package_folder}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(generated/package/meshflowConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/generated/package/meshflowConfig.cmake"
  "${PROJECT_BINARY_DIR}/generated/package/meshflowConfigVersion.cmake" DESTINATION "${package_folder}")

# The pkg-config file names its prefix from where it lies, so that `cmake --install --prefix` may choose it.
file(RELATIVE_PATH prefix_from_pc "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
configure_file(cmake/meshflow.pc.in generated/package/meshflow.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/generated/package/meshflow.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

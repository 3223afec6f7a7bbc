# cmake -DSETUP=FILE -DWEB=FOLDER -DOUT=FOLDER -P build.cmake: writes OUT/ui_files.cpp (link.mjs), by Vite where SETUP names
# a Node.js, and with no files where it is empty.
file(READ "${SETUP}" node)
string(STRIP "${node}" node)
if(NOT node STREQUAL "")
  set(ENV{MESHFLOW_WEB_OUT} "${OUT}/dist")
  execute_process(COMMAND "${node}" node_modules/vite/bin/vite.js build --logLevel warn WORKING_DIRECTORY "${WEB}"
    RESULT_VARIABLE failed)
  if(NOT failed)
    execute_process(COMMAND "${node}" link.mjs "${OUT}/dist" "${OUT}" WORKING_DIRECTORY "${WEB}" RESULT_VARIABLE failed)
  endif()
  if(failed)
    message(FATAL_ERROR "the web UI could not be built")
  endif()
else()
  file(WRITE "${OUT}/ui_files.cpp"
    "#include \"server/ui_pages.hpp\"\n\nnamespace meshflow::server {\n"
    "std::span<const UiFile> built_in_ui_files() noexcept { return {}; }\n}  // namespace meshflow::server\n")
endif()

# retort_test(NAME [ROOM room] SOURCES … [LINK …]): the executable test_NAME, linked with its room
# (by default the room of that name).

# One ctest test for each suite; under the sanitizers one for the program.
function(retort_discover name)
  set(file ${CMAKE_CURRENT_BINARY_DIR}/${name}_suites.cmake)
  add_custom_command(TARGET test_${name} POST_BUILD BYPRODUCTS ${file} VERBATIM
    COMMAND ${CMAKE_COMMAND} -D NAME=${name} -D PROGRAM=$<TARGET_FILE:test_${name}> -D FILE=${file}
            -D SANITIZE=${RETORT_SANITIZE} -D SUPPRESSIONS=${CMAKE_SOURCE_DIR}/tests/tsan.supp
            -P ${CMAKE_SOURCE_DIR}/cmake/DiscoverSuites.cmake)
  set(include ${CMAKE_CURRENT_BINARY_DIR}/${name}_tests.cmake)
  string(CONCAT text "if(EXISTS [=[${file}]=])\n  include([=[${file}]=])\n"
    "else()\n  add_test(${name}.not_built false)\nendif()\n")
  file(WRITE ${include} "${text}")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${include})
endfunction()

function(retort_test name)
  cmake_parse_arguments(ARG "" "ROOM" "SOURCES;LINK" ${ARGN})
  if(NOT ARG_ROOM)
    set(ARG_ROOM ${name})
  endif()
  retort_executable(test_${name} SOURCES ${ARG_SOURCES} ROOMS ${ARG_ROOM}
    LINK retort_test_support GTest::gtest_main ${ARG_LINK})
  retort_unite(test_${name})
  if(RETORT_SANITIZE STREQUAL "address" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # What a room does to memory is checked, not the json and strings of a test's own stack: a
    # third of their build.
    target_compile_options(test_${name} PRIVATE --param=asan-stack=0 --param=asan-globals=0)
  endif()
  target_compile_definitions(test_${name} PRIVATE
    RETORT_FIXTURES="${CMAKE_SOURCE_DIR}/tests/fixtures" RETORT_BINARY="${CMAKE_BINARY_DIR}/retort")
  retort_discover(${name})
endfunction()

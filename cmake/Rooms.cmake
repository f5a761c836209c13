# retort_room(NAME [UNITED] [PLAIN] SOURCES … DEPENDS rooms … LINK libraries …): one folder of retort/ as an object library, so that registry lines survive linking.
# retort_executable(NAME SOURCES … ROOMS …) links rooms with all that they depend on.

add_library(retort_options INTERFACE)
target_compile_options(retort_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual $<$<BOOL:${RETORT_WERROR}>:-Werror>)
# False positives of GCC 12 and 13 in std::string and nlohmann's json once they are inlined (GCC PR 105329, 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(retort_options INTERFACE -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-maybe-uninitialized)
  # GCC collects garbage as if memory were dear, and goes through all of the precompiled header each time: an eighth of a build, a third of a
  # sanitized one. Only past a gigabyte.
  target_compile_options(retort_options INTERFACE --param=ggc-min-expand=100 --param=ggc-min-heapsize=1000000)
endif()
if(RETORT_SANITIZE)
  # The checks for undefined behaviour are for the rooms (retort_room): in tests, which are json and strings, they would double the build.
  target_compile_options(retort_options INTERFACE -fsanitize=address -fno-omit-frame-pointer)
  target_link_options(retort_options INTERFACE -fsanitize=address,undefined)
endif()
if(RETORT_FUZZ)
  # The macro is that of libFuzzer's documentation: what reads images allows fewer pixels.
  set(_fuzzed -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_compile_options(retort_options INTERFACE ${_fuzzed})
  target_compile_definitions(retort_options INTERFACE FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION)
  target_link_options(retort_options INTERFACE -fsanitize=address,undefined)
endif()
target_include_directories(retort_options INTERFACE ${CMAKE_SOURCE_DIR})
find_package(PkgConfig REQUIRED)
find_package(nlohmann_json REQUIRED)
target_link_libraries(retort_options INTERFACE libtorch nlohmann_json::nlohmann_json)

# libtorch's headers take long to parse: parsed once, here. Not <torch/torch.h>: what it leaves to instantiate costs every file 3 s.
file(WRITE ${CMAKE_BINARY_DIR}/pch.cpp "")
add_library(retort_pch OBJECT ${CMAKE_BINARY_DIR}/pch.cpp)
target_link_libraries(retort_pch PUBLIC retort_options)
target_precompile_headers(retort_pch PRIVATE
  <ATen/ATen.h> <torch/nn/modules/batchnorm.h> <torch/nn/modules/conv.h> <torch/nn/modules/linear.h> <nlohmann/json.hpp>
  <algorithm> <array> <atomic> <cmath> <cstdint> <filesystem> <functional> <map> <memory> <optional> <span> <string> <string_view> <vector>)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
  target_compile_options(retort_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endif()

# Most of a file's compile time is what it instantiates of libtorch's headers: done once for files together. Only where a whole build
# is what counts (RETORT_UNITY, the release preset); a file alone is quicker to build again.
function(retort_unite target)
  if(RETORT_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
  endif()
endfunction()

# Sources with inner loops of their own; the rest calls libtorch's, and the release preset compiles it at -O1, in half the time. The header
# was compiled for that: GCC crashes on it at -O3.
function(retort_hot)
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS -O3 SKIP_PRECOMPILE_HEADERS ON)
  endif()
endfunction()

# With UNITED, files may be compiled together, so that names in their unnamed namespaces must differ. PLAIN rooms include nothing of libtorch,
# and are quicker to compile without the header.
function(retort_room name)
  cmake_parse_arguments(ARG "UNITED;PLAIN" "" "SOURCES;DEPENDS;LINK" ${ARGN})
  set(target retort_${name})
  add_library(${target} OBJECT ${ARG_SOURCES})
  if(NOT ARG_PLAIN)
    target_precompile_headers(${target} REUSE_FROM retort_pch)
  endif()
  if(ARG_UNITED)
    retort_unite(${target})
  endif()
  if(RETORT_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=undefined -fno-sanitize-recover=undefined)
  endif()
  target_link_libraries(${target} PUBLIC retort_options ${ARG_LINK})
  set(closure ${target})
  foreach(room IN LISTS ARG_DEPENDS)
    get_property(above GLOBAL PROPERTY RETORT_CLOSURE_${room})
    list(APPEND closure ${above})
  endforeach()
  list(REMOVE_DUPLICATES closure)
  set_property(GLOBAL PROPERTY RETORT_CLOSURE_${name} ${closure})
endfunction()

function(retort_link target)
  set(closure "")
  foreach(room IN LISTS ARGN)
    get_property(above GLOBAL PROPERTY RETORT_CLOSURE_${room})
    list(APPEND closure ${above})
  endforeach()
  list(REMOVE_DUPLICATES closure)
  target_link_libraries(${target} PRIVATE ${closure})
endfunction()

function(retort_executable name)
  cmake_parse_arguments(ARG "" "" "SOURCES;ROOMS;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_precompile_headers(${name} REUSE_FROM retort_pch)
  retort_link(${name} ${ARG_ROOMS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
endfunction()

# One ctest test for each suite; under the sanitizers one for the program.
function(retort_discover name)
  set(file ${CMAKE_CURRENT_BINARY_DIR}/${name}_suites.cmake)
  add_custom_command(TARGET test_${name} POST_BUILD BYPRODUCTS ${file} VERBATIM
    COMMAND ${CMAKE_COMMAND} -D NAME=${name} -D PROGRAM=$<TARGET_FILE:test_${name}> -D FILE=${file} -D WHOLE=${RETORT_SANITIZE}
            -P ${CMAKE_SOURCE_DIR}/cmake/DiscoverSuites.cmake)
  set(include ${CMAKE_CURRENT_BINARY_DIR}/${name}_tests.cmake)
  file(WRITE ${include} "if(EXISTS [=[${file}]=])\n  include([=[${file}]=])\nelse()\n  add_test(${name}.not_built false)\nendif()\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${include})
endfunction()

# retort_test(NAME [ROOM room] SOURCES … [LINK …]): the executable test_NAME, linked with its room (by default the room of that name).
function(retort_test name)
  cmake_parse_arguments(ARG "" "ROOM" "SOURCES;LINK" ${ARGN})
  if(NOT ARG_ROOM)
    set(ARG_ROOM ${name})
  endif()
  retort_executable(test_${name} SOURCES ${ARG_SOURCES} ROOMS ${ARG_ROOM} LINK retort_test_support GTest::gtest_main ${ARG_LINK})
  retort_unite(test_${name})
  if(RETORT_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # What a room does to memory is checked, not the json and strings of a test's own stack: a third of their build.
    target_compile_options(test_${name} PRIVATE --param=asan-stack=0 --param=asan-globals=0)
  endif()
  target_compile_definitions(test_${name} PRIVATE RETORT_FIXTURES="${CMAKE_SOURCE_DIR}/tests/fixtures" RETORT_BINARY="${CMAKE_BINARY_DIR}/retort")
  retort_discover(${name})
endfunction()

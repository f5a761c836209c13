# How everything is compiled: retort_options (warnings, sanitizers, libtorch), the precompiled
# header retort_pch, ccache, and what some files ask for.

set(RETORT_SANITIZERS address thread)
if(RETORT_SANITIZE AND NOT RETORT_SANITIZE IN_LIST RETORT_SANITIZERS)
  message(FATAL_ERROR "RETORT_SANITIZE is ${RETORT_SANITIZE}: it must be empty, address or thread")
endif()

find_package(PkgConfig REQUIRED)
find_package(nlohmann_json REQUIRED)

add_library(retort_options INTERFACE)
target_compile_options(retort_options INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  $<$<BOOL:${RETORT_WERROR}>:-Werror>)
# The same objects are linked into programs and into the Python package's module, which shows no
# name of its own.
target_compile_options(retort_options INTERFACE
  -fPIC -fvisibility=hidden -fvisibility-inlines-hidden)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False positives of GCC 12 and 13 in std::string and nlohmann's json once they are inlined (GCC
  # PR 105329, 105651).
  target_compile_options(retort_options INTERFACE
    -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread
    -Wno-maybe-uninitialized)
  # GCC collects garbage as if memory were dear, and goes through all of the precompiled header each
  # time: an eighth of a build, a third of a sanitized one. Only past a gigabyte.
  target_compile_options(retort_options INTERFACE
    --param=ggc-min-expand=100 --param=ggc-min-heapsize=1000000)
endif()
if(RETORT_SANITIZE STREQUAL "address")
  # The checks for undefined behaviour are for the rooms (retort_room): in tests, which are json and
  # strings, they would double the build.
  target_compile_options(retort_options INTERFACE -fsanitize=address -fno-omit-frame-pointer)
  target_link_options(retort_options INTERFACE -fsanitize=address,undefined)
elseif(RETORT_SANITIZE STREQUAL "thread")
  target_compile_options(retort_options INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
  target_link_options(retort_options INTERFACE -fsanitize=thread)
endif()
if(RETORT_FUZZ)
  # The macro is that of libFuzzer's documentation: what reads images allows fewer pixels.
  target_compile_options(retort_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined
    -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_compile_definitions(retort_options INTERFACE FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION)
  target_link_options(retort_options INTERFACE -fsanitize=address,undefined)
endif()
target_include_directories(retort_options INTERFACE ${CMAKE_SOURCE_DIR})
target_link_libraries(retort_options INTERFACE retort::libtorch nlohmann_json::nlohmann_json)

# libtorch's headers take long to parse: parsed once, here. Not <torch/torch.h>: what it leaves to
# instantiate costs every file 3 s. Nothing of retort's own is in it, so that a change there builds
# again only what includes it.
file(WRITE ${CMAKE_BINARY_DIR}/pch.cpp "")
add_library(retort_pch OBJECT ${CMAKE_BINARY_DIR}/pch.cpp)
target_link_libraries(retort_pch PUBLIC retort_options)
target_precompile_headers(retort_pch PRIVATE
  <ATen/ATen.h> <torch/nn/modules/batchnorm.h> <torch/nn/modules/conv.h> <torch/nn/modules/linear.h>
  <nlohmann/json.hpp> <algorithm> <array> <atomic> <cmath> <cstdint> <filesystem> <functional> <map>
  <memory> <optional> <span> <string> <string_view> <vector>)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(retort_options INTERFACE -fpch-preprocess)
  else()
    target_compile_options(retort_options INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endif()

# What of the flags above a program takes that links neither libtorch nor a room.
function(retort_plain_options target)
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(${target} PRIVATE
    $<TARGET_PROPERTY:retort_options,INTERFACE_COMPILE_OPTIONS>)
  target_link_options(${target} PRIVATE $<TARGET_PROPERTY:retort_options,INTERFACE_LINK_OPTIONS>)
endfunction()

# Most of a file's compile time is what it instantiates of libtorch's headers: done once for files
# together. Only where a whole build is what counts (RETORT_UNITY: the presets of CI); a file alone
# is quicker to build again, and what users build has its files apart.
function(retort_unite target)
  if(RETORT_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
  endif()
endfunction()

# Sources with inner loops of their own, at -O3; the rest calls libtorch's. The header was compiled
# for less: GCC crashes on it at -O3.
function(retort_hot)
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS -O3 SKIP_PRECOMPILE_HEADERS ON)
  endif()
endfunction()

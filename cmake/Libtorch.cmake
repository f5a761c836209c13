# libtorch as imported targets of our own: retort::libtorch, with all that using it takes.
# TorchConfig.cmake is not used: the PyPI wheel's demands a CUDA toolkit, and a CPU build needs
# none. The first of these that holds libtorch's headers is taken: RETORT_LIBTORCH (a CMake variable
# or an environment variable), LIBTORCH (an environment variable), RETORT_OWN_LIBTORCH (set by who
# includes this file).
set(_torch_root "")
foreach(_candidate IN ITEMS
    ${RETORT_LIBTORCH} $ENV{RETORT_LIBTORCH} $ENV{LIBTORCH} ${RETORT_OWN_LIBTORCH})
  if(EXISTS ${_candidate}/include/torch/csrc/api/include/torch/torch.h)
    set(_torch_root ${_candidate})
    break()
  endif()
endforeach()
if(NOT _torch_root)
  message(FATAL_ERROR
    "libtorch was not found. Run scripts/install.sh (make does), or point RETORT_LIBTORCH at one.")
endif()
message(STATUS "libtorch: ${_torch_root}")

foreach(_library c10 torch_cpu)
  add_library(retort::${_library} SHARED IMPORTED GLOBAL)
  set_target_properties(retort::${_library} PROPERTIES
    IMPORTED_LOCATION ${_torch_root}/lib/lib${_library}.so)
endforeach()
# The wheel's libtorch_cpu also needs the two small NVIDIA run-time wheels, which lie beside it.
file(GLOB _nvidia_libs ${_torch_root}/../nvidia/cu*/lib)

add_library(retort::libtorch INTERFACE IMPORTED GLOBAL)
set_target_properties(retort::libtorch PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES
  "${_torch_root}/include;${_torch_root}/include/torch/csrc/api/include")
# Without -fopenmp at::parallel_for, a template of libtorch's headers, is a plain loop. A process
# may hold one OpenMP library only, as each of two would start its threads. GCC's code uses the one
# that libtorch brings; a libtorch that brings none has the compiler's. Clang's code needs clang's
# own, libomp, which has all of libgomp's functions too: the program's own library, it is found
# before the one that libtorch names, and serves libtorch as well.
target_compile_options(retort::libtorch INTERFACE -fopenmp)
file(GLOB _gomp ${_torch_root}/lib/libgomp*.so* ${_torch_root}/../torch.libs/libgomp*.so*)
if(_gomp AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(GET _gomp 0 _gomp)
  target_link_libraries(retort::libtorch INTERFACE ${_gomp})
else()
  target_link_options(retort::libtorch INTERFACE -fopenmp)
endif()
target_link_libraries(retort::libtorch INTERFACE retort::torch_cpu retort::c10)
# RPATH rather than RUNPATH, so that the libraries' own dependencies are found beside them too.
target_link_options(retort::libtorch INTERFACE -Wl,--disable-new-dtags)
foreach(_folder IN ITEMS ${_torch_root}/lib ${_nvidia_libs})
  target_link_options(retort::libtorch INTERFACE -Wl,-rpath,${_folder} -Wl,-rpath-link,${_folder})
endforeach()

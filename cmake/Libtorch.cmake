# libtorch as two imported targets of our own, `torch_cpu` and `c10`. TorchConfig.cmake is not used: the PyPI wheel's demands a CUDA
# toolkit, and a CPU build needs none.
set(_torch_candidates ${RETORT_LIBTORCH} $ENV{RETORT_LIBTORCH} $ENV{LIBTORCH})
file(GLOB _torch_venv ${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch)
list(APPEND _torch_candidates ${_torch_venv})

set(_torch_root "")
foreach(_candidate IN LISTS _torch_candidates)
  if(EXISTS ${_candidate}/include/torch/csrc/api/include/torch/torch.h)
    set(_torch_root ${_candidate})
    break()
  endif()
endforeach()
if(NOT _torch_root)
  message(FATAL_ERROR "libtorch was not found. Run scripts/install.sh (make does), or point RETORT_LIBTORCH at a libtorch folder.")
endif()
message(STATUS "libtorch: ${_torch_root}")

foreach(_library c10 torch_cpu)
  add_library(${_library} SHARED IMPORTED)
  set_target_properties(${_library} PROPERTIES IMPORTED_LOCATION ${_torch_root}/lib/lib${_library}.so)
endforeach()
# The wheel's libtorch_cpu also needs the two small NVIDIA run-time wheels, which lie beside it.
file(GLOB _nvidia_libs ${_torch_root}/../nvidia/cu*/lib)
set(RETORT_LIBTORCH_RPATH ${_torch_root}/lib ${_nvidia_libs})

add_library(libtorch INTERFACE)
target_include_directories(libtorch SYSTEM INTERFACE ${_torch_root}/include ${_torch_root}/include/torch/csrc/api/include)
target_link_libraries(libtorch INTERFACE torch_cpu c10)
# Without it at::parallel_for, a template of libtorch's headers, is a plain loop. The run-time library is the one that libtorch brings, as
# two of them in a process would each start their threads; a libtorch that brings none has the compiler's.
# Fuzzers run on one thread, and clang has no header of OpenMP's beside it.
if(NOT RETORT_FUZZ)
  target_compile_options(libtorch INTERFACE -fopenmp)
endif()
file(GLOB _gomp ${_torch_root}/lib/libgomp*.so* ${_torch_root}/../torch.libs/libgomp*.so*)
if(_gomp)
  list(GET _gomp 0 _gomp)
  target_link_libraries(libtorch INTERFACE ${_gomp})
elseif(NOT RETORT_FUZZ)
  target_link_options(libtorch INTERFACE -fopenmp)
endif()
# RPATH rather than RUNPATH, so that the libraries' own dependencies are found beside them too.
target_link_options(libtorch INTERFACE -Wl,--disable-new-dtags)
foreach(_folder IN LISTS RETORT_LIBTORCH_RPATH)
  target_link_options(libtorch INTERFACE -Wl,-rpath,${_folder} -Wl,-rpath-link,${_folder})
endforeach()

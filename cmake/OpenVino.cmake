# OpenVINO, optional: the imported target `openvino` of the wheel that `scripts/install.sh onnx`
# installs, found whenever it comes. Its own CMake files want TBB's too; what is used of it needs
# neither.
set(_openvino_root ${RETORT_OPENVINO})
if(NOT _openvino_root)
  file(GLOB _openvino_headers CONFIGURE_DEPENDS
    ${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/openvino/include/openvino/openvino.hpp)
  foreach(_header IN LISTS _openvino_headers)
    get_filename_component(_openvino_root ${_header}/../../.. ABSOLUTE)
  endforeach()
endif()
file(GLOB _openvino_library ${_openvino_root}/libs/libopenvino.so.*)
if(_openvino_root AND _openvino_library)
  message(STATUS "OpenVINO: ${_openvino_root}")
  add_library(openvino SHARED IMPORTED)
  set_target_properties(openvino PROPERTIES IMPORTED_LOCATION ${_openvino_library})
  target_include_directories(openvino SYSTEM INTERFACE ${_openvino_root}/include)
  target_link_options(openvino INTERFACE -Wl,-rpath,${_openvino_root}/libs
    -Wl,-rpath-link,${_openvino_root}/libs)
else()
  message(STATUS
    "OpenVINO: not found; teachers in ONNX are not built (scripts/install.sh onnx gets it)")
endif()

# `cmake --install build/release --prefix DIR`: the program, the library with its headers, and the
# CMake package that others find it by (docs/library.md). The target `library` builds all of it.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

get_property(_objects GLOBAL PROPERTY RETORT_OBJECTS)
add_library(retort_archive STATIC ${_objects})
set_target_properties(retort_archive PROPERTIES OUTPUT_NAME retort LINKER_LANGUAGE CXX)
add_custom_target(library DEPENDS retort_archive retort retort-diffusion)

get_property(RETORT_LIBRARIES GLOBAL PROPERTY RETORT_LIBRARIES)
list(REMOVE_DUPLICATES RETORT_LIBRARIES)
set(RETORT_PACKAGE_LIBTORCH ${_torch_root})
set(_package ${CMAKE_INSTALL_LIBDIR}/cmake/retort)
set(_config ${CMAKE_BINARY_DIR}/retortConfig.cmake)
set(_version ${CMAKE_BINARY_DIR}/retortConfigVersion.cmake)
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/retortConfig.cmake.in ${_config}
  INSTALL_DESTINATION ${_package} PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${_version} COMPATIBILITY SameMinorVersion)

install(TARGETS retort retort-program retort-diffusion RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS retort_archive ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY retort DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES ${_config} ${_version} ${CMAKE_SOURCE_DIR}/cmake/Libtorch.cmake
  DESTINATION ${_package})

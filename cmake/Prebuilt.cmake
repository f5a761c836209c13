# The Python package around a module that another build folder holds already (scripts/wheel.sh):
# nothing is compiled again.
project(retort LANGUAGES NONE)
file(GLOB _module ${RETORT_PREBUILT}/python/_retort.*.so)
if(NOT _module)
  message(FATAL_ERROR "${RETORT_PREBUILT} holds no module: build its target retort_python first")
endif()
add_custom_target(wheel)
install(PROGRAMS ${_module} ${RETORT_PREBUILT}/retort-diffusion DESTINATION retort
  COMPONENT python)

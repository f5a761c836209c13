# Run after a test program is linked: writes FILE, which adds a ctest test for each of the program's
# suites. One for each of its tests would be a process each, and libtorch takes a quarter of a
# second to load. The suites run beside one another: a second thread of one would wait for a core
# that another holds. Under a sanitizer (SANITIZE) one test for the program, as libtorch then takes
# two seconds to load; looking for races (thread) takes two threads, passive ones.
set(threads 1)
if(SANITIZE STREQUAL "thread")
  set(threads 2)
endif()
set(environment "OMP_NUM_THREADS=${threads};OMP_WAIT_POLICY=passive")
if(SANITIZE STREQUAL "thread")
  # What libtorch does to memory is not looked at: it is not compiled with the sanitizer, which
  # would take its threads' order for none. What it locks counts. (A suppression called_from_lib
  # would pass over its locks too.)
  string(APPEND environment ";TSAN_OPTIONS=ignore_noninstrumented_modules=1 second_deadlock_stack=1"
    " suppressions=${SUPPRESSIONS}")
endif()
set(properties "TIMEOUT 3000 ENVIRONMENT [=[${environment}]=]")
if(SANITIZE)
  file(WRITE ${FILE}
    "add_test([=[${NAME}.all]=] [=[${PROGRAM}]=])\n"
    "set_tests_properties([=[${NAME}.all]=] PROPERTIES ${properties})\n")
  return()
endif()
execute_process(COMMAND ${PROGRAM} --gtest_list_tests OUTPUT_VARIABLE listed RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "${PROGRAM} does not list its tests: ${failed}")
endif()
string(REPLACE ";" "," listed "${listed}")
string(REPLACE "\n" ";" listed "${listed}")
set(tests "")
# What runs whole jobs takes longest: started first, so that it is not what all else has to wait
# for.
set(cost 0)
if(NAME MATCHES "^(run|generate)$")
  set(cost 100)
endif()
foreach(line IN LISTS listed)
  if(line MATCHES "^([^ ]+)\\.( |$)")
    set(suite ${CMAKE_MATCH_1})
    string(APPEND tests
      "add_test([=[${NAME}.${suite}]=] [=[${PROGRAM}]=] [=[--gtest_filter=${suite}.*]=])\n"
      "set_tests_properties([=[${NAME}.${suite}]=] PROPERTIES COST ${cost} ${properties})\n")
  endif()
endforeach()
file(WRITE ${FILE} "${tests}")

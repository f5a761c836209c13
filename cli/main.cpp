#include <sys/prctl.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "cli/answers_file.h"
#include "cli/command.h"
#include "retort/core/error.h"

namespace {

// The build runs this.
int write_answers(const char* file) try {
  retort::cli::write_answers(file);
  return 0;
} catch (const retort::Error& error) {
  std::fprintf(stderr, "retort-program: %s\n", error.what());
  return 1;
}

// Ends the process without libtorch's clean-up, which takes a third of a short command's time and
// only frees memory that the system takes back anyway. Sanitizers need it to look for leaks.
int end(int code) {
#ifdef RETORT_SANITIZED
  return code;
#else
  std::cout.flush();
  std::fflush(nullptr);
  std::_Exit(code);
#endif
}

}  // namespace

// retort-program, which cli/front.cpp starts as `retort`.
int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--write-answers")
    std::_Exit(write_answers(argv[2]));
  ::prctl(PR_SET_NAME, "retort");
  return end(retort::cli::run_program(argc, argv));
}

#include <sys/auxv.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>

#include "answers.h"  // kAnswers, which retort-program writes

// The program `retort`. Loading libtorch takes a third of a second of CPU time, so that help and
// the version are printed here, without it. For everything else this process becomes
// retort-program, which lies beside it.
namespace {

namespace fs = std::filesystem;
using retort::cli::Answer;

const Answer* answer_to(int argc, char** argv) {
  std::string words;
  for (int i = 1; i < argc; ++i)
    words += (std::strcmp(argv[i], "-h") == 0 ? "--help" : argv[i]) + std::string(1, '\0');
  for (const Answer& answer : retort::cli::kAnswers)
    if (answer.words == words) return &answer;
  return nullptr;
}

// libgomp's threads spin for milliseconds while they wait for each other. A few tenths of a
// millisecond are enough to meet on a quiet machine; retort/core/spinning.h looks after a busy one.
// libgomp reads the limit from the environment when it is loaded. The user's own settings are kept.
void bound_spinning() {
  if (std::getenv("OMP_WAIT_POLICY") == nullptr)
    ::setenv("GOMP_SPINCOUNT", "10000", 0);  // iterations, of 20 to 60 ns each
}

}  // namespace

int main(int argc, char** argv) {
  if (const Answer* answer = answer_to(argc, argv)) {
    std::FILE* out = argc > 1 ? stdout : stderr;
    std::fwrite(answer->text.data(), 1, answer->text.size(), out);
    return argc > 1 ? 0 : 2;
  }
  bound_spinning();
  std::error_code error;
  fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (error) self = std::bit_cast<const char*>(::getauxval(AT_EXECFN));  // there is no /proc
  const fs::path program = self.parent_path() / "retort-program";
  ::execv(program.c_str(), argv);
  std::fprintf(stderr,
               "retort: %s: cannot be started: %s\n"
               "  to mend it: copy retort-program there, beside retort, or build or install both "
               "again\n",
               program.c_str(), std::strerror(errno));
  return 1;
}

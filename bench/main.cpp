// Benchmarks of retort's parts; bench/run.py runs them all, with their alternatives.
//   retort-bench PART ARGUMENTS... [RESULTS.json]
#include <cstdlib>

#include "bench/bench.h"
#include "retort/core/memory.h"

int main(int argc, char** argv) {
  // Memory is kept as in the program itself; bench/allocators.sh compares that with malloc.
  if (std::getenv("RETORT_BENCH_MALLOC") == nullptr) retort::keep_tensor_memory();
  const std::vector<std::string> words(argv + 1, argv + argc);
  for (const bench::Part& part : bench::parts()) {
    const size_t given = words.size() - 1;
    if (words.empty() || words[0] != part.name || given < part.arguments.size() ||
        given > part.arguments.size() + 1)
      continue;
    bench::Results results;
    part.run({words.begin() + 1, words.end()}, results);
    if (given > part.arguments.size()) results.save(words.back());
    return 0;
  }
  std::fputs("usage: retort-bench PART ARGUMENTS... [RESULTS.json]\n", stderr);
  for (const bench::Part& part : bench::parts()) {
    std::fprintf(stderr, "  %s", part.name.c_str());
    for (const std::string& argument : part.arguments)
      std::fprintf(stderr, " %s", argument.c_str());
    std::fputs("\n", stderr);
  }
  return 2;
}

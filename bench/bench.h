#pragma once

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "retort/core/log.h"

// Shared by the benchmarks: medians of rounds taken in turns (these machines are noisy), and a list
// of results that is printed as it grows and can be saved for bench/run.py.
namespace bench {

inline double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// The seconds of one call.
template <class F>
double seconds_of(const F& run) {
  const retort::Stopwatch watch;
  run();
  return watch.seconds();
}

// The seconds of a call: the median of `rounds` calls after one to warm up.
template <class F>
double seconds_a_call(const F& run, int rounds = 7) {
  run();
  std::vector<double> times;
  for (int round = 0; round < rounds; ++round) times.push_back(seconds_of(run));
  return median(times);
}

// The same for two functions, called in turns.
template <class A, class B>
std::pair<double, double> in_turns(const A& a, const B& b, int rounds = 7) {
  a(), b();
  std::vector<double> times_a, times_b;
  for (int round = 0; round < rounds; ++round) {
    times_a.push_back(seconds_of(a));
    times_b.push_back(seconds_of(b));
  }
  return {median(times_a), median(times_b)};
}

class Results {
 public:
  // `key` is the value's place in build/bench.json, with dots between levels.
  void add(const std::string& key, double value, const std::string& unit) {
    std::printf("%-56s %12.4g %s\n", key.c_str(), value, unit.c_str());
    std::fflush(stdout);
    lines_.push_back({{"key", key}, {"value", value}, {"unit", unit}});
  }
  void save(const std::string& path) const { std::ofstream(path) << lines_.dump(2) << '\n'; }

 private:
  nlohmann::json lines_ = nlohmann::json::array();
};

// A benchmark; each is one file.
struct Part {
  std::string name;
  std::vector<std::string> arguments;  // names of its arguments
  std::function<void(const std::vector<std::string>& arguments, Results& results)> run;
};
namespace of_gradients {
Part part();
}
namespace of_images {
Part part();
}
namespace of_losses {
Part part();
}
namespace of_memory {
Part part();
}
namespace of_step {
Part part();
}
namespace of_store {
Part part();
}
inline std::vector<Part> parts() {
  return {of_gradients::part(), of_images::part(), of_losses::part(),
          of_memory::part(),    of_step::part(),   of_store::part()};
}

}  // namespace bench

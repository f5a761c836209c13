#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace retort::run {

// Teachers, and what they look at beside the data set: the first run that asks waits for them,
// others find their outputs. Empty: none.
using Looks = std::vector<std::vector<std::string>>;

// How long what is left of several runs will take, by what the others took.
class Pace {
 public:
  // A run to come.
  void expect(const Looks& looks);
  // That run is over: its seconds, and how many of them its teachers took. Less than a second: it
  // was there already.
  void add(const Looks& looks, double seconds, double of_teachers);
  // Nothing before the first run that took its time.
  std::optional<double> seconds_left() const;

 private:
  int64_t runs_left_ = 0, runs_ = 0, looks_ = 0;
  std::set<Looks> looks_left_;
  double student_seconds_ = 0, teacher_seconds_ = 0;
};

}  // namespace retort::run

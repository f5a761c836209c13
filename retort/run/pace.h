#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace retort::run {

// The teachers of a run and the images that they see besides the data set. The first run with these
// computes their outputs; later runs find them. Empty without teachers.
using Looks = std::vector<std::vector<std::string>>;

// Estimates how long the remaining ones of several runs will take, from the runs so far.
class Pace {
 public:
  // Announces a run.
  void expect(const Looks& looks);
  // Records that this run is over: its seconds, and how many of them its teachers took. A run of
  // less than a second was there already, and does not count.
  void add(const Looks& looks, double seconds, double of_teachers);
  // Empty before the first run that counts.
  std::optional<double> seconds_left() const;

 private:
  int64_t runs_left_ = 0, runs_ = 0, looks_ = 0;
  std::set<Looks> looks_left_;
  double student_seconds_ = 0, teacher_seconds_ = 0;
};

}  // namespace retort::run

#include "retort/run/pace.h"

namespace retort::run {

void Pace::expect(const Looks& looks) {
  ++runs_left_;
  if (!looks.empty()) looks_left_.insert(looks);
}

void Pace::add(const Looks& looks, double seconds, double of_teachers) {
  --runs_left_;
  const bool looked = looks_left_.erase(looks) > 0;
  if (seconds < 1) return;
  ++runs_;
  student_seconds_ += seconds - of_teachers;
  if (!looked) return;
  ++looks_;
  teacher_seconds_ += of_teachers;
}

std::optional<double> Pace::seconds_left() const {
  if (runs_ == 0) return std::nullopt;
  const auto mean = [](double sum, int64_t count) {
    return count == 0 ? 0 : sum / static_cast<double>(count);
  };
  return mean(student_seconds_, runs_) * static_cast<double>(runs_left_) +
         mean(teacher_seconds_, looks_) * static_cast<double>(looks_left_.size());
}

}  // namespace retort::run

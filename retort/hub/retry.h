#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "retort/core/error.h"
#include "retort/core/log.h"
#include "retort/hub/options.h"

namespace retort::hub {

// A failure that may pass: the connection was cut, or the server is busy.
class Passing : public Error {
 public:
  explicit Passing(const std::string& what, const std::string& where = "",
                   std::optional<std::chrono::seconds> asked = std::nullopt)
      : Error(what, where), pause(asked) {}
  std::optional<std::chrono::seconds> pause;  // how long the server asks to wait
};

// Nothing answers at that address. This may pass too, but mostly there is no network.
class Unreachable : public Passing {
 public:
  using Passing::Passing;
};

// Throws Interrupted when the flag is set.
void check_stopped(const StopFlag& stop);

// Repeats an attempt that throws Passing, after 1, 2, 4, … 64 seconds or the time that the server
// asks for. Throws Passing after options.tries failures, or where the server asks for more than 300
// seconds.
class Retry {
 public:
  // With `patient`, also repeats an attempt that throws Unreachable.
  Retry(const PullOptions& options, Log& log, const StopFlag& stop, bool patient = true)
      : options_(options), log_(log), stop_(stop), patient_(patient) {}

  template <typename Attempt>
  auto operator()(Attempt&& attempt) {
    failures_ = forgiven_ = 0;
    for (;;) {
      check_stopped(stop_);
      try {
        return attempt();
      } catch (const Unreachable& failure) {
        if (!patient_) throw;
        after(failure);
      } catch (const Passing& failure) {
        after(failure);
      }
    }
  }

  // Called when an attempt makes progress: failures so far no longer count, at most a hundred
  // times.
  void note_progress();
  // Sleeps. Throws Interrupted when the stop flag is set.
  void wait(std::chrono::milliseconds time);

 private:
  void after(const Passing& failure);  // waits, or throws when there are no tries left

  const PullOptions& options_;
  Log& log_;
  const StopFlag& stop_;
  bool patient_;
  int failures_ = 0, forgiven_ = 0;
};

}  // namespace retort::hub

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
  std::optional<std::chrono::seconds> pause;  // what the server asks to wait
};

// Nothing answers at that address. May pass too, but mostly there is no network.
class Unreachable : public Passing {
 public:
  using Passing::Passing;
};

// Throws Interrupted when the flag is set.
void check_stopped(const StopFlag& stop);

// Does things again that fail for a reason that may pass, after 1, 2, 4, … seconds or what the
// server asks for. What still fails after options.tries is thrown as Passing.
class Retry {
 public:
  // `patient`: also where nothing answers at all.
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

  // The attempt got somewhere: failures so far no longer count, a hundred times at most.
  void note_progress();
  // Sleeps, in slices that look at the stop flag.
  void wait(std::chrono::milliseconds time);

 private:
  void after(const Passing& failure);  // waits, or throws when it is enough

  const PullOptions& options_;
  Log& log_;
  const StopFlag& stop_;
  bool patient_;
  int failures_ = 0, forgiven_ = 0;
};

}  // namespace retort::hub

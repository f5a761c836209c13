#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

#include "retort/train/batches.h"

namespace retort::train {

// Makes batches [first, last) in a thread of its own, in order, at most kAhead of them before they
// are asked for. The CPU then renders images while the main thread starts the device's work.
class Prefetch {
 public:
  using Make = std::function<Batches::Batch(int64_t)>;
  static constexpr size_t kAhead = 2;

  Prefetch(int64_t first, int64_t last, Make make);
  // Waits for the batch that is being made.
  ~Prefetch();
  Prefetch(const Prefetch&) = delete;
  Prefetch& operator=(const Prefetch&) = delete;

  // The next batch. Call it at most last − first times. Throws what making the batch threw.
  Batches::Batch next();

 private:
  void run(int64_t first, int64_t last, const Make& make);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batches::Batch> ready_;
  std::exception_ptr failure_;
  bool stopped_ = false;
  std::thread thread_;  // the last member, because the thread uses the others
};

}  // namespace retort::train

#include "retort/train/prefetch.h"

#include <utility>

namespace retort::train {

Prefetch::Prefetch(int64_t first, int64_t last, Make make)
    : thread_([this, first, last, make = std::move(make)] { run(first, last, make); }) {}

Prefetch::~Prefetch() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Prefetch::run(int64_t first, int64_t last, const Make& make) {
  try {
    for (int64_t number = first; number < last; ++number) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return stopped_ || ready_.size() < kAhead; });
        if (stopped_) return;
      }
      Batches::Batch batch = make(number);
      {
        const std::lock_guard lock(mutex_);
        ready_.push_back(std::move(batch));
      }
      changed_.notify_all();
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
    changed_.notify_all();
  }
}

Batches::Batch Prefetch::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return failure_ != nullptr || !ready_.empty(); });
  if (ready_.empty()) std::rethrow_exception(failure_);
  Batches::Batch batch = std::move(ready_.front());
  ready_.pop_front();
  lock.unlock();
  changed_.notify_all();
  return batch;
}

}  // namespace retort::train

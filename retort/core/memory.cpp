#include "retort/core/memory.h"

#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace retort {
namespace {

constexpr size_t kAlignment = 64;  // libtorch's own, c10::gAlignment
constexpr size_t kSmallest = size_t{64}
                             << 10;  // below, malloc is as quick; above, the unit of sizes
constexpr size_t kGrowth = size_t{32}
                           << 20;  // whole huge pages: one fault maps as much as 512 small ones do
constexpr size_t kMost = size_t{1} << 44;

size_t round_up(size_t size, size_t unit) { return (size + unit - 1) / unit * unit; }

// A first-fit allocator of stretches in one range of addresses, which grows up to a limit. What is
// left of a free stretch stays free, and neighbours that are freed are joined. Each training step
// asks for the same sizes, so that the range hardly grows after the first step.
class Stretches {
 public:
  explicit Stretches(size_t limit) : limit_(limit) {}

  // Returns where a stretch of this size, > 0, begins; nothing where the range would exceed its
  // limit.
  std::optional<size_t> take(size_t size) {
    const auto fits = [&](const auto& stretch) {
      return stretch.second >= size || stretch.first + stretch.second == end_;
    };
    const auto found = std::ranges::find_if(free_, fits);
    const size_t begin = found == free_.end() ? end_ : found->first;
    if (size > limit_ - begin) return std::nullopt;
    if (found != free_.end()) {
      const size_t length = found->second;
      free_.erase(found);
      if (length > size) free_[begin + size] = length - size;
    }
    end_ = std::max(end_, begin + size);
    return begin;
  }

  void give_back(size_t begin, size_t size) {
    auto right = free_.upper_bound(begin);
    if (right != free_.end() && begin + size == right->first) {
      size += right->second;
      right = free_.erase(right);
    }
    if (right != free_.begin()) {
      auto& [left, length] = *std::prev(right);
      if (left + length == begin) {
        length += size;
        return;
      }
    }
    free_.emplace_hint(right, begin, size);
  }

  // The length of the range.
  size_t end() const { return end_; }

 private:
  std::map<size_t, size_t> free_;  // begin to size
  size_t end_ = 0, limit_;
};

// A reserved range of addresses, of which the first committed_ bytes are backed by memory.
class Reserve {
 public:
  // Reserves four times the machine's memory, to leave room for free stretches between tensors;
  // less where address space is limited. Null when even 1 GiB cannot be reserved.
  static std::unique_ptr<Reserve> make() {
    const auto memory =
        static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
    for (size_t size = std::min(round_up(4 * memory, kGrowth), kMost); size >= 32 * kGrowth;
         size = round_up(size / 2, kGrowth)) {
      void* mapped = mmap(nullptr, size + kGrowth, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (mapped == MAP_FAILED) continue;
      const size_t off = round_up(reinterpret_cast<uintptr_t>(mapped), kGrowth) -
                         reinterpret_cast<uintptr_t>(mapped);
      return std::unique_ptr<Reserve>(new Reserve(static_cast<std::byte*>(mapped) + off, size));
    }
    return nullptr;
  }

  std::byte* base() const { return base_; }
  size_t size() const { return size_; }

  // Makes the first `bytes`, at most size(), usable; false when the system has no memory for them.
  bool commit(size_t bytes) {
    if (bytes <= committed_) return true;
    const size_t wanted = round_up(bytes, kGrowth);
    if (mprotect(base_ + committed_, wanted - committed_, PROT_READ | PROT_WRITE) != 0)
      return false;
    madvise(base_ + committed_, wanted - committed_,
            MADV_HUGEPAGE);  // without huge pages, small ones do
    committed_ = wanted;
    return true;
  }

 private:
  Reserve(std::byte* base, size_t size) : base_(base), size_(size) {}

  std::byte* base_;
  size_t size_, committed_ = 0;
};

class Keeper final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    void* block = bytes == 0 ? nullptr : take(bytes);
    return {block, block, &give_back, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &give_back; }
  void copy_data(void* to, const void* from, size_t count) const override {
    std::memcpy(to, from, count);
  }

  TensorMemory state() {
    const std::lock_guard lock(mutex_);
    return {static_cast<int64_t>(in_use_), static_cast<int64_t>(stretches_.end() - in_use_),
            static_cast<int64_t>(peak_)};
  }

  bool works() const { return reserve_ != nullptr; }

  // Never destroyed: tensors may outlive everything else.
  static Keeper& the() {
    static auto* keeper = new Keeper;
    return *keeper;
  }

 private:
  static void give_back(void* block) {
    if (block != nullptr) the().keep(static_cast<std::byte*>(block));
  }

  void* take(size_t bytes) {
    TORCH_CHECK(bytes <= kMost, "a tensor of ", bytes, " bytes is larger than any memory");
    void* block = bytes < kSmallest ? take_small(bytes) : take_kept(round_up(bytes, kSmallest));
    TORCH_CHECK(block != nullptr, "there is no memory for a tensor of ", bytes, " bytes");
    return block;
  }

  static void* take_small(size_t bytes) {
    void* block = nullptr;
    return posix_memalign(&block, kAlignment, bytes) == 0 ? block : nullptr;
  }

  void* take_kept(size_t size) {
    const std::lock_guard lock(mutex_);
    const std::optional<size_t> begin = stretches_.take(size);
    if (!begin) return nullptr;
    if (!reserve_->commit(*begin + size)) {
      stretches_.give_back(*begin, size);
      return nullptr;
    }
    used_[*begin] = size;
    in_use_ += size;
    peak_ = std::max(peak_, in_use_);
    return reserve_->base() + *begin;
  }

  void keep(std::byte* block) {
    const std::lock_guard lock(mutex_);
    const auto found = used_.find(static_cast<size_t>(block - reserve_->base()));
    if (found == used_.end()) return std::free(block);  // a small one
    stretches_.give_back(found->first, found->second);
    in_use_ -= found->second;
    used_.erase(found);
  }

  std::mutex mutex_;
  std::unique_ptr<Reserve> reserve_ = Reserve::make();
  Stretches stretches_{reserve_ ? reserve_->size() : 0};
  std::unordered_map<size_t, size_t> used_;  // begin to size
  size_t in_use_ = 0, peak_ = 0;
};

}  // namespace

void keep_tensor_memory() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
#endif
  if (Keeper::the().works()) c10::SetCPUAllocator(&Keeper::the(), /*priority=*/1);
}

TensorMemory tensor_memory() { return Keeper::the().state(); }

}  // namespace retort

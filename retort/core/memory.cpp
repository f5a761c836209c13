#include "retort/core/memory.h"

#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <unordered_map>

namespace retort {
namespace {

constexpr size_t kAlignment = 64;               // libtorch's own, c10::gAlignment
constexpr size_t kPage = size_t{2} << 20;       // a huge page: one fault maps as much as 512 small ones do
constexpr size_t kSmallest = size_t{64} << 10;  // below, malloc is as quick
constexpr size_t kMost = size_t{1} << 46;

size_t round_up(size_t size, size_t unit) { return (size + unit - 1) / unit * unit; }

// Whole huge pages, from the start of one on; null when there is no memory.
void* map_pages(size_t size) {
  void* mapped = mmap(nullptr, size + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto* first = static_cast<std::byte*>(mapped);
  const auto address = reinterpret_cast<uintptr_t>(first);
  const size_t before = round_up(address, kPage) - address;
  std::byte* block = first + before;
  if (before > 0) munmap(first, before);
  if (before < kPage) munmap(block + size, kPage - before);
  madvise(block, size, MADV_HUGEPAGE);  // where the system has none, small ones do
  return block;
}

void* make_block(size_t size) {
  if (size >= kPage) return map_pages(size);
  void* block = nullptr;
  return posix_memalign(&block, kAlignment, size) == 0 ? block : nullptr;
}

void destroy_block(void* block, size_t size) {
  if (size >= kPage) {
    munmap(block, size);
  } else {
    std::free(block);
  }
}

class Keeper final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    void* block = bytes == 0 ? nullptr : take(bytes);
    return {block, block, &give_back, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &give_back; }
  void copy_data(void* to, const void* from, size_t count) const override { std::memcpy(to, from, count); }

  TensorMemory state() {
    const std::lock_guard lock(mutex_);
    return {static_cast<int64_t>(in_use_), static_cast<int64_t>(kept_), static_cast<int64_t>(peak_)};
  }

  // Never destroyed: tensors may outlive everything else.
  static Keeper& the() {
    static auto* keeper = new Keeper;
    return *keeper;
  }

 private:
  static void give_back(void* block) {
    if (block != nullptr) the().keep(block);
  }

  void* take(size_t bytes) {
    TORCH_CHECK(bytes <= kMost, "a tensor of ", bytes, " bytes is larger than any memory");
    const size_t size = round_up(bytes, bytes >= kPage ? kPage : bytes >= kSmallest ? kSmallest : kAlignment);
    void* block = nullptr;
    if (size < kSmallest) {
      block = make_block(size);
    } else {
      const std::lock_guard lock(mutex_);
      block = take_kept(size);
      if (block == nullptr) block = take_new(size);
    }
    TORCH_CHECK(block != nullptr, "there is no memory for a tensor of ", bytes, " bytes");
    return block;
  }

  // One that is at most an eighth larger; or null.
  void* take_kept(size_t size) {
    const auto found = free_.lower_bound(size);
    if (found == free_.end() || found->first > size + size / 8) return nullptr;
    void* block = found->second;
    kept_ -= found->first;
    count_use(block, found->first);
    free_.erase(found);
    return block;
  }

  void* take_new(size_t size) {
    const size_t wanted = in_use_ + size, most = std::max(peak_, wanted);
    while (!free_.empty() && wanted + kept_ > most + most / 4) release(std::prev(free_.end()));
    void* block = make_block(size);
    while (block == nullptr && !free_.empty()) {  // what is kept may be what is missing
      release(std::prev(free_.end()));
      block = make_block(size);
    }
    if (block != nullptr) count_use(block, size);
    return block;
  }

  void count_use(void* block, size_t size) {
    used_[block] = size;
    in_use_ += size;
    peak_ = std::max(peak_, in_use_);
  }

  void keep(void* block) {
    const std::lock_guard lock(mutex_);
    const auto found = used_.find(block);
    if (found == used_.end()) return std::free(block);  // a small one
    in_use_ -= found->second;
    kept_ += found->second;
    free_.emplace(found->second, block);
    used_.erase(found);
  }

  void release(std::multimap<size_t, void*>::iterator at) {
    kept_ -= at->first;
    destroy_block(at->second, at->first);
    free_.erase(at);
  }

  std::mutex mutex_;
  std::multimap<size_t, void*> free_;       // by size
  std::unordered_map<void*, size_t> used_;  // of kSmallest and more
  size_t in_use_ = 0, kept_ = 0, peak_ = 0;
};

}  // namespace

void keep_tensor_memory() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
#endif
  c10::SetCPUAllocator(&Keeper::the(), /*priority=*/1);
}

TensorMemory tensor_memory() { return Keeper::the().state(); }

}  // namespace retort

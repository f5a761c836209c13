#pragma once

#include <bit>
#include <cstring>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "retort/weights/pickle.h"

namespace retort::weights {

// What a pickle's operations work on: its bytes, the stack with its marks, and the values that were
// made. Each function throws Error, naming the byte, where the pickle does not allow it.
class PickleStack {
 public:
  PickleStack(std::span<const std::byte> bytes, std::string where)
      : bytes_(bytes), where_(std::move(where)) {}

  [[noreturn]] void fail(const std::string& what, const std::string& mend = "") const;

  // The next bytes.
  std::span<const std::byte> take(uint64_t count);
  template <typename T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  double big_endian_double() {
    return std::bit_cast<double>(__builtin_bswap64(number<uint64_t>()));
  }
  std::string text(uint64_t length);
  std::string line();

  // No operation makes more than one value or copies more than it is charged for: this bounds
  // memory and time.
  void charge(size_t steps);

  template <typename T>
  void push(T value) {
    stack_.push_back(&out_.values.emplace_back(PickleValue{std::move(value)}));
  }
  void mark() { marks_.push_back(stack_.size()); }
  PickleValue* top();
  std::vector<const PickleValue*> last(size_t count);
  std::vector<const PickleValue*> since_mark();
  void pop();

  void memoize() { memoize(static_cast<uint32_t>(memo_.size())); }
  void memoize(uint32_t slot) { memo_[slot] = top(); }
  void recall(uint32_t slot);

  // The storages and names that were declared so far.
  Pickle& pickle() { return out_; }
  // The whole, whose root is the one value that is left.
  Pickle finish();

 private:
  std::vector<const PickleValue*> cut(size_t from);

  std::span<const std::byte> bytes_;
  std::string where_;
  size_t at_ = 0;
  int64_t left_ = 4'000'000;  // steps; a state dict needs some 40 for each tensor
  Pickle out_;
  std::vector<PickleValue*> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint32_t, PickleValue*> memo_;
};

}  // namespace retort::weights

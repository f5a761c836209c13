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

// The state of a pickle machine: the bytes, the stack with its marks, the memo, and the values made
// so far. Each function throws Error, naming the byte, where the pickle does not fit.
class PickleStack {
 public:
  PickleStack(std::span<const std::byte> bytes, std::string where)
      : bytes_(bytes), where_(std::move(where)) {}

  [[noreturn]] void fail(const std::string& what, const std::string& mend = "") const;

  // Reads the next bytes.
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

  // Throws Error once the steps charged exceed what weights need. Each operation makes at most one
  // value and copies at most what it is charged for, which bounds memory and time.
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

  // The pickle as read so far.
  Pickle& pickle() { return out_; }
  // Ends the pickle; its root is the one value left on the stack.
  Pickle finish();

 private:
  std::vector<const PickleValue*> cut(size_t from);

  std::span<const std::byte> bytes_;
  std::string where_;
  size_t at_ = 0;
  int64_t left_ = 4'000'000;  // steps; a state dict needs about 40 for each tensor
  Pickle out_;
  std::vector<PickleValue*> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint32_t, PickleValue*> memo_;
};

}  // namespace retort::weights

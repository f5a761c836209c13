#include "retort/weights/pickle_stack.h"

#include <algorithm>

#include "retort/core/error.h"

namespace retort::weights {
namespace {

constexpr size_t kMostOfAName = 256;

}  // namespace

void PickleStack::fail(const std::string& what, const std::string& mend) const {
  throw Error(what, where_ + ", byte " + std::to_string(at_), mend);
}

std::span<const std::byte> PickleStack::take(uint64_t count) {
  if (count > bytes_.size() - at_) fail("the pickle is truncated");
  const auto part = bytes_.subspan(at_, count);
  at_ += count;
  return part;
}

std::string PickleStack::text(uint64_t length) {
  const auto part = take(length);
  return std::string(reinterpret_cast<const char*>(part.data()), part.size());
}

std::string PickleStack::line() {
  const auto window = bytes_.subspan(at_, std::min(bytes_.size() - at_, kMostOfAName));
  const auto end = std::ranges::find(window, std::byte{'\n'});
  if (end == window.end()) fail("a name is too long or truncated");
  std::string name = text(static_cast<uint64_t>(end - window.begin()));
  take(1);
  return name;
}

void PickleStack::charge(size_t steps) {
  left_ -= static_cast<int64_t>(steps);
  if (left_ < 0) fail("the pickle is longer than weights need");
}

PickleValue* PickleStack::top() {
  if (stack_.empty() || (!marks_.empty() && marks_.back() == stack_.size()))
    fail("the pickle takes more from its stack than it put there");
  return stack_.back();
}

std::vector<const PickleValue*> PickleStack::cut(size_t from) {
  std::vector<const PickleValue*> items(stack_.begin() + static_cast<std::ptrdiff_t>(from),
                                        stack_.end());
  stack_.resize(from);
  return items;
}

std::vector<const PickleValue*> PickleStack::last(size_t count) {
  const size_t floor = marks_.empty() ? 0 : marks_.back();
  if (stack_.size() - floor < count) fail("the pickle takes more from its stack than it put there");
  return cut(stack_.size() - count);
}

std::vector<const PickleValue*> PickleStack::since_mark() {
  if (marks_.empty()) fail("the pickle has no mark where one is needed");
  const size_t from = marks_.back();
  marks_.pop_back();
  return cut(from);
}

void PickleStack::pop() {
  if (!marks_.empty() && marks_.back() == stack_.size()) {
    marks_.pop_back();
  } else {
    last(1);
  }
}

void PickleStack::recall(uint32_t slot) {
  const auto found = memo_.find(slot);
  if (found == memo_.end()) fail("the pickle recalls what it did not store");
  stack_.push_back(found->second);
}

Pickle PickleStack::finish() {
  if (stack_.size() != 1 || !marks_.empty()) fail("the pickle does not end with one object");
  out_.root = stack_.back();
  out_.size = at_;
  return std::move(out_);
}

}  // namespace retort::weights

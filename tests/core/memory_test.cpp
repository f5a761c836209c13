#include "retort/core/memory.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <thread>

namespace retort {
namespace {

constexpr int64_t kMegabyte = int64_t{1} << 20;

at::Tensor bytes(int64_t count) { return at::empty({count}, at::kByte); }

class Memory : public ::testing::Test {
 protected:
  void SetUp() override { keep_tensor_memory(); }
};

int64_t taken() { return tensor_memory().in_use + tensor_memory().free; }

TEST_F(Memory, OfALargeTensorServesTheNext) {
  for (const int64_t size : {kMegabyte, 8 * kMegabyte, 300 * kMegabyte}) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(bytes(size).data_ptr()) % 64, 0U);
    EXPECT_GE(tensor_memory().free, size);
    const int64_t before = taken();
    const at::Tensor next = bytes(size - 1000);
    EXPECT_EQ(taken(), before);
  }
}

TEST_F(Memory, OfTensorsSideBySideServesALargerOne) {
  {
    const std::vector<at::Tensor> some{bytes(100 * kMegabyte), bytes(100 * kMegabyte),
                                       bytes(100 * kMegabyte)};
  }
  const int64_t before = taken();
  const at::Tensor large = bytes(300 * kMegabyte);
  EXPECT_EQ(taken(), before);
}

TEST_F(Memory, StaysWithinFiveQuartersOfThePeak) {
  { const at::Tensor large = bytes(200 * kMegabyte); }
  for (int64_t size = 2 * kMegabyte; size < 150 * kMegabyte; size += size / 4) {
    const at::Tensor some = bytes(size);
    const TensorMemory memory = tensor_memory();
    EXPECT_LE(memory.in_use + memory.free, memory.peak + memory.peak / 4);
  }
}

// In the forward pass each layer keeps two tensors; in the backward pass each makes two more before
// it drops its own.
void step_through(const std::vector<int64_t>& layers) {
  std::vector<std::array<at::Tensor, 2>> kept;
  for (const int64_t size : layers) kept.push_back({bytes(size), bytes(size)});
  at::Tensor gradient = bytes(100'000);
  while (!kept.empty()) {
    const at::Tensor of_norm = bytes(kept.back()[0].size(0));
    gradient = bytes(kept.back()[1].size(0));
    kept.pop_back();
  }
}

TEST_F(Memory, StepsTakeNoMoreAfterTheFirst) {
  const std::vector<int64_t> layers{77'000'000,  38'000'000, 231'000'000, 19'000'000,
                                    115'000'000, 7'000'000,  43'000'000,  900'000};
  step_through(layers);
  const int64_t first = taken();
  for (int step = 0; step < 5; ++step) step_through(layers);
  EXPECT_EQ(taken(), first);
  EXPECT_LE(first, tensor_memory().peak + tensor_memory().peak / 4);
}

TEST_F(Memory, TensorsSideBySideAreApart) {
  std::vector<at::Tensor> some;
  for (int64_t i = 0; i < 40; ++i) some.push_back(bytes(70'000 + 30'000 * i).fill_(i));
  for (size_t i = 0; i < some.size(); i += 2)
    some[i] = bytes(50'000 + 20'000 * static_cast<int64_t>(i)).fill_(static_cast<int64_t>(i));
  for (size_t i = 0; i < some.size(); ++i)
    EXPECT_TRUE(some[i].eq(static_cast<int64_t>(i)).all().item<bool>()) << i;
}

TEST_F(Memory, CountsWhatIsInUse) {
  const int64_t before = tensor_memory().in_use;
  {
    const at::Tensor some = bytes(10 * kMegabyte);
    EXPECT_GE(tensor_memory().in_use, before + 10 * kMegabyte);
    EXPECT_GE(tensor_memory().peak, before + 10 * kMegabyte);
  }
  EXPECT_EQ(tensor_memory().in_use, before);
}

TEST_F(Memory, EmptyAndResizedTensorsWork) {
  at::Tensor some = at::empty({0});
  EXPECT_EQ(some.numel(), 0);
  some = at::arange(1000);
  some.resize_({2'000'000});  // copies what was there
  EXPECT_EQ(some[999].item<int64_t>(), 999);
}

TEST_F(Memory, ASizeBeyondAllMemoryIsAnError) {
  for (const int power : {44, 60}) EXPECT_THROW(bytes(int64_t{1} << power), c10::Error);
  EXPECT_EQ(bytes(kMegabyte).fill_(7).sum().item<int64_t>(),
            7 * kMegabyte);  // the next one is allocated all the same
}

TEST_F(Memory, IsSharedByThreads) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int number = 0; number < 4; ++number)
    threads.emplace_back([&wrong, number] {
      for (int round = 0; round < 200; ++round) {
        at::Tensor some = bytes(int64_t{300'000} * (1 + round % 7));
        some.fill_(number);
        if (!some.eq(number).all().item<bool>()) ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace retort

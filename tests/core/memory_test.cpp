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

TEST_F(Memory, OfALargeTensorServesTheNext) {
  for (const int64_t size : {kMegabyte, 8 * kMegabyte, 300 * kMegabyte}) {
    const void* place = nullptr;
    {
      const at::Tensor first = bytes(size);
      place = first.data_ptr();
      EXPECT_EQ(reinterpret_cast<uintptr_t>(place) % 64, 0U);
    }
    EXPECT_GE(tensor_memory().free, size);
    EXPECT_EQ(bytes(size - 1000).data_ptr(), place);
  }
}

TEST_F(Memory, IsNotGivenToATensorThatWouldWasteIt) {
  const void* place = bytes(64 * kMegabyte).data_ptr();
  EXPECT_NE(bytes(32 * kMegabyte).data_ptr(), place);
}

TEST_F(Memory, StaysWithinFiveQuartersOfThePeak) {
  { const at::Tensor large = bytes(200 * kMegabyte); }
  for (int64_t size = 2 * kMegabyte; size < 150 * kMegabyte; size += size / 4) {
    const at::Tensor some = bytes(size);
    const TensorMemory memory = tensor_memory();
    EXPECT_LE(memory.in_use + memory.free, memory.peak + memory.peak / 4);
  }
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

TEST_F(Memory, ASizeBeyondAllMemoryIsAnError) { EXPECT_THROW(bytes(int64_t{1} << 60), c10::Error); }

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

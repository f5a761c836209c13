#include "retort/core/processors.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/folder.h"

namespace retort {
namespace {

using testing::TestFolder;

// The quota of a machine with these files: /proc/self/cgroup, and the files of the control groups.
double quota_of(const std::string& groups,
                const std::vector<std::pair<std::string, std::string>>& files) {
  const TestFolder root;
  root.write("proc/self/cgroup", groups);
  for (const auto& [file, text] : files) root.write("sys/fs/cgroup/" + file, text);
  return processor_quota(root.path());
}

TEST(Processors, AQuotaOfVersion2) {
  EXPECT_DOUBLE_EQ(quota_of("0::/\n", {{"cpu.max", "250000 100000\n"}}), 2.5);
  EXPECT_TRUE(std::isinf(quota_of("0::/\n", {{"cpu.max", "max 100000\n"}})));
}

TEST(Processors, TheSmallestOfNestedGroups) {
  EXPECT_DOUBLE_EQ(
      quota_of("0::/a.slice/b.scope\n", {{"a.slice/cpu.max", "100000 100000\n"},
                                         {"a.slice/b.scope/cpu.max", "400000 100000\n"}}),
      1);
}

TEST(Processors, AQuotaOfVersion1) {
  const std::string groups = "5:memory:/x\n4:cpu,cpuacct:/docker/0123\n";
  EXPECT_DOUBLE_EQ(quota_of(groups, {{"cpu,cpuacct/docker/0123/cpu.cfs_quota_us", "300000\n"},
                                     {"cpu,cpuacct/docker/0123/cpu.cfs_period_us", "100000\n"}}),
                   3);
  // In the container the host's path is not mounted; its own group is the root of the mount.
  EXPECT_DOUBLE_EQ(quota_of(groups, {{"cpu/cpu.cfs_quota_us", "50000\n"},
                                     {"cpu/cpu.cfs_period_us", "100000\n"}}),
                   0.5);
  EXPECT_TRUE(std::isinf(
      quota_of(groups, {{"cpu/cpu.cfs_quota_us", "-1\n"}, {"cpu/cpu.cfs_period_us", "100000\n"}})));
}

TEST(Processors, WhatCannotBeReadIsNoLimit) {
  EXPECT_TRUE(std::isinf(quota_of("nonsense\n0::\n", {{"cpu.max", "what is this"}})));
  EXPECT_TRUE(std::isinf(processor_quota("/no/such/root")));
}

TEST(Processors, TheAffinityMaskCounts) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu)
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(usable_processors(), 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
  EXPECT_LE(usable_processors(), CPU_COUNT(&before));
}

}  // namespace
}  // namespace retort

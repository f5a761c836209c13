#include "retort/core/cache_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <limits>

#include "retort/core/file.h"
#include "tests/support/folder.h"
#include "tests/support/keeping_log.h"
#include "tests/support/message.h"

namespace retort {
namespace {

namespace fs = std::filesystem;
using testing::error_of;
using testing::says;

class CacheStoreTest : public ::testing::Test {
 protected:
  void SetUp() override { ::setenv("RETORT_CACHE_SIZE", "none", 1); }
  void TearDown() override { ::unsetenv("RETORT_CACHE_SIZE"); }
  std::shared_ptr<const StoreUse> use(const std::string& kind, const std::string& key,
                                      Log& log = null_log()) {
    return StoreUse::begin(folder_.path(), kind, key, {{"data", "/photos"}, {"images", "3"}}, log);
  }
  // Makes an entry of `bytes` bytes that was last used `used` seconds after the epoch.
  void make(const std::string& kind, const std::string& key, size_t bytes, std::time_t used) {
    static_cast<void>(use(kind, key));
    folder_.write(kind + "/" + key + "/part", std::string(bytes, 'x'));
    const timespec times[2] = {{used, 0}, {used, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (folder_ / (kind + "/" + key + ".txt")).c_str(), times, 0), 0);
  }
  std::vector<std::string> keys() {
    std::vector<std::string> found;
    for (const StoreInfo& store : stores_in(folder_.path())) found.push_back(store.key);
    return found;
  }
  testing::TestFolder folder_;
};

using Keys = std::vector<std::string>;

TEST_F(CacheStoreTest, SaysWhatIsThere) {
  EXPECT_TRUE(stores_in(folder_ / "nowhere").empty());
  make("images", "a", 10, 1000);
  make("teacher", "b", 20, 3000);
  folder_.write("images/c/shard", "12345");  // written by a version that wrote no description
  const std::vector<StoreInfo> stores = stores_in(folder_.path());
  ASSERT_EQ(keys(), (Keys{"c", "b", "a"}));
  EXPECT_EQ(stores[1].bytes, 20U);
  EXPECT_EQ(stores[1].line("data"), "/photos");
  EXPECT_EQ(stores[1].last_used, 3000);
  EXPECT_FALSE(stores[1].in_use);
  EXPECT_EQ(stores[0].bytes, 5U);
  EXPECT_TRUE(stores[0].about.empty());
}

TEST_F(CacheStoreTest, WhatIsUsedStays) {
  make("images", "a", 10, 1000);
  const auto used = use("images", "a");
  EXPECT_TRUE(stores_in(folder_.path())[0].in_use);
  EXPECT_TRUE(prune(folder_.path(), {.max_bytes = 0, .older_than = -1}).empty());
  EXPECT_EQ(keys(), Keys{"a"});
}

TEST_F(CacheStoreTest, WhatWasUsedLongestAgoGoesFirst) {
  make("images", "old", 10, 1000);
  make("teacher", "middle", 10, 2000);
  make("images", "new", 10, 3000);
  EXPECT_EQ(prune(folder_.path(), {.max_bytes = 30, .older_than = {}}).size(), 0U);
  EXPECT_EQ(prune(folder_.path(), {.max_bytes = 15, .older_than = {}}).size(), 2U);
  EXPECT_EQ(keys(), Keys{"new"});
  EXPECT_FALSE(fs::exists(folder_ / "images/old.txt"));
  EXPECT_FALSE(fs::exists(folder_ / "images/old"));
  EXPECT_FALSE(fs::exists(folder_ / "trash/old"));
}

TEST_F(CacheStoreTest, AgeCountsFromTheLastUse) {
  make("images", "old", 10, 1000);
  make("images", "new", 10, 3000);
  EXPECT_EQ(prune(folder_.path(), {.max_bytes = {}, .older_than = 1500}, 3000).size(), 1U);
  EXPECT_EQ(keys(), Keys{"new"});
  EXPECT_EQ(prune(folder_.path(), {.max_bytes = {}, .older_than = 1500}, 10).size(),
            0U);  // the clock was set back
}

TEST_F(CacheStoreTest, ARemovalThatWasKilledIsFinished) {
  folder_.write("trash/a-0123/part");
  folder_.write("images/b.txt", "data: /photos\n");  // its folder is in the trash already
  EXPECT_TRUE(prune(folder_.path(), {}).empty());
  EXPECT_FALSE(fs::exists(folder_ / "trash"));
  prune(folder_.path(), {.max_bytes = {}, .older_than = -1});
  EXPECT_FALSE(fs::exists(folder_ / "images/b.txt"));
}

TEST_F(CacheStoreTest, BeginningSweepsAndDescribes) {
  folder_.write("images/a/shard.tmp0123456789abcdef", "half");
  const auto used = use("images", "a");
  EXPECT_FALSE(fs::exists(folder_ / "images/a/shard.tmp0123456789abcdef"));
  EXPECT_EQ(read_file(folder_ / "images/a.txt"), "data: /photos\nimages: 3\n");
}

TEST_F(CacheStoreTest, ABoundIsKeptAndSaid) {
  testing::KeepingLog log;
  make("images", "old", 2000, 1000);
  make("images", "new", 2000, 3000);
  ::setenv("RETORT_CACHE_SIZE", "3K", 1);
  static_cast<void>(use("images", "new", log));  // is there already
  EXPECT_EQ(log.text, "");
  static_cast<void>(use("images", "next", log));
  EXPECT_TRUE(says(log.text, "beyond its bound of 3.0 KiB"));
  EXPECT_EQ(keys(), (Keys{"new", "next"}));
  ::setenv("RETORT_CACHE_SIZE", "much", 1);
  EXPECT_TRUE(says(error_of<UsageError>([&] { cache_bound(folder_.path()); }),
                   "$RETORT_CACHE_SIZE: 'much' is no size"));
  ::unsetenv("RETORT_CACHE_SIZE");
  EXPECT_LT(cache_bound(folder_ / "not there yet"), std::numeric_limits<uint64_t>::max());
}

TEST_F(CacheStoreTest, SizesAreReadAsPeopleWriteThem) {
  EXPECT_EQ(parse_bytes("500", "--max-size"), 500U);
  EXPECT_EQ(parse_bytes("1.5K", "--max-size"), 1536U);
  EXPECT_EQ(parse_bytes(" 20 GiB", "--max-size"), uint64_t{20} << 30);
  EXPECT_EQ(parse_bytes("2TB", "--max-size"), uint64_t{2} << 40);
  for (const char* wrong : {"", "G", "-1", "nan", "inf", "1e30", "5 apples", "3KK"})
    EXPECT_USAGE_ERROR(parse_bytes(wrong, "--max-size"),
                       "is no size\n  to mend it: write 500M, 20G or 1.5T")
        << wrong;
  EXPECT_EQ(bytes_text(1536), "1.5 KiB");
}

}  // namespace
}  // namespace retort

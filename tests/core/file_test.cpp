#include "retort/core/file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iterator>

#include "tests/support/folder.h"
#include "tests/support/message.h"

namespace retort {
namespace {

using testing::error_of;
using testing::says;
using testing::TestFolder;

size_t entries(const std::filesystem::path& folder) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder),
                                           std::filesystem::directory_iterator()));
}

TEST(ReadFile, GivesTheBytes) {
  const TestFolder folder;
  const std::string bytes("a\0b\r\n\xff", 6);
  write_file_atomic(folder / "x", bytes);
  EXPECT_EQ(read_file(folder / "x"), bytes);
  write_file_atomic(folder / "empty", "");
  EXPECT_EQ(read_file(folder / "empty"), "");
}

TEST(ReadFile, RefusesWhatIsNoFile) {
  const TestFolder folder;
  EXPECT_TRUE(
      says(error_of([&] { read_file(folder / "missing"); }), (folder / "missing").string()));
  EXPECT_TRUE(says(error_of([&] { read_file(folder.path()); }), "is a folder"));
}

TEST(ReadFile, RefusesWhatIsTooLarge) {
  const TestFolder folder;
  write_file_atomic(folder / "x", "12345");
  EXPECT_EQ(read_file(folder / "x", 5), "12345");
  EXPECT_TRUE(says(error_of([&] { read_file(folder / "x", 4); }), "is larger (5 bytes)"));
}

TEST(AtomicFile, AppearsOnCommitOnly) {
  const TestFolder folder;
  {
    AtomicFile file(folder / "x");
    file.write("one ");
    file.write("two");
    EXPECT_FALSE(std::filesystem::exists(folder / "x"));
    file.commit();
  }
  EXPECT_EQ(read_file(folder / "x"), "one two");
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(AtomicFile, LeavesTheOldFileWhenNotCommitted) {
  const TestFolder folder;
  write_file_atomic(folder / "x", "old");
  {
    AtomicFile file(folder / "x");
    file.write("new");
  }
  EXPECT_EQ(read_file(folder / "x"), "old");
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(AtomicFile, Replaces) {
  const TestFolder folder;
  write_file_atomic(folder / "x", "a longer text");
  write_file_atomic(folder / "x", "new");
  EXPECT_EQ(read_file(folder / "x"), "new");
}

TEST(AtomicFile, MakesFolders) {
  const TestFolder folder;
  write_file_atomic(folder / "a/b/c.txt", "x");
  EXPECT_EQ(read_file(folder / "a/b/c.txt"), "x");
}

TEST(AtomicFile, SaysWhyItCannotWrite) {
  const TestFolder folder;
  write_file_atomic(folder / "file", "x");
  EXPECT_TRUE(says(error_of([&] { write_file_atomic(folder / "file/below", "x"); }),
                   "cannot make the folder"));
  std::filesystem::create_directory(folder / "taken");
  write_file_atomic(folder / "taken/inside", "x");
  EXPECT_TRUE(says(error_of([&] { write_file_atomic(folder / "taken", "x"); }),
                   "cannot rename into place"));
  EXPECT_EQ(entries(folder.path()), 2u);
}

// This can happen between two containers, in which both writers may be process 1.
TEST(AtomicFile, TwoOfOneProcessDoNotShareAFile) {
  const TestFolder folder;
  AtomicFile first(folder / "x"), second(folder / "x");
  first.write("first");
  second.write("second");
  EXPECT_EQ(entries(folder.path()), 2u);
  first.commit();
  EXPECT_EQ(read_file(folder / "x"), "first");
  second.commit();
  EXPECT_EQ(read_file(folder / "x"), "second");
}

TEST(AtomicFile, OnlyWhatNobodyWritesIsSwept) {
  const TestFolder folder;
  folder.write("below/store.safetensors.tmp0123456789abcdef", "half");
  folder.write("notes.tmp12", "the user's");
  AtomicFile file(folder / "below/x");
  remove_abandoned(folder.path());
  EXPECT_EQ(entries(folder / "below"), 1u);  // the file that is being written
  file.commit();
  EXPECT_TRUE(std::filesystem::exists(folder / "below/x"));
  EXPECT_TRUE(std::filesystem::exists(folder / "notes.tmp12"));
}

TEST(MappedFile, ShowsTheBytes) {
  const TestFolder folder;
  write_file_atomic(folder / "x", "abc");
  MappedFile map(folder / "x");
  ASSERT_EQ(map.bytes().size(), 3u);
  EXPECT_EQ(static_cast<char>(map.bytes()[2]), 'c');
  const MappedFile moved(std::move(map));
  EXPECT_EQ(static_cast<char>(moved.bytes()[0]), 'a');
}

TEST(MappedFile, EmptyFilesAreEmpty) {
  const TestFolder folder;
  write_file_atomic(folder / "x", "");
  EXPECT_TRUE(MappedFile(folder / "x").bytes().empty());
}

TEST(MappedFile, RefusesWhatIsNoFile) {
  const TestFolder folder;
  EXPECT_ERROR(MappedFile(folder / "missing"), "missing: cannot be read: ");
  EXPECT_TRUE(says(error_of([&] { MappedFile{folder.path()}; }), "not a regular file"));
}

class CacheDir : public ::testing::Test {
 protected:
  void SetUp() override {
    for (Saved& saved : saved_) {
      const char* value = std::getenv(saved.name);
      saved.set = value != nullptr;
      saved.value = saved.set ? value : "";
      ::unsetenv(saved.name);
    }
  }
  void TearDown() override {
    for (const Saved& saved : saved_) {
      if (saved.set) {
        ::setenv(saved.name, saved.value.c_str(), 1);
      } else {
        ::unsetenv(saved.name);
      }
    }
  }

 private:
  struct Saved {
    const char* name;
    bool set;
    std::string value;
  };
  Saved saved_[3] = {
      {"RETORT_CACHE", false, ""}, {"XDG_CACHE_HOME", false, ""}, {"HOME", false, ""}};
};

TEST_F(CacheDir, FollowsTheEnvironment) {
  EXPECT_FALSE(default_cache_dir().empty());
  ::setenv("HOME", "/home/someone", 1);
  EXPECT_EQ(default_cache_dir(), "/home/someone/.cache/retort");
  ::setenv("XDG_CACHE_HOME", "/cache", 1);
  EXPECT_EQ(default_cache_dir(), "/cache/retort");
  ::setenv("RETORT_CACHE", "/mine", 1);
  EXPECT_EQ(default_cache_dir(), "/mine");
}

}  // namespace
}  // namespace retort

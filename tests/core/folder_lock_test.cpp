#include "retort/core/folder_lock.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/folder.h"
#include "tests/support/message.h"

namespace retort {
namespace {

using testing::error_of;
using testing::says;
using testing::TestFolder;

TEST(FolderLock, TheSecondIsRefusedAndToldWho) {
  const TestFolder folder;
  EXPECT_FALSE(FolderLock::holder(folder / "run"));
  {
    const FolderLock lock(folder / "run");
    const std::string process = "process " + std::to_string(::getpid());
    EXPECT_EQ(FolderLock::holder(folder / "run"), process);
    const std::string refusal = error_of([&] { FolderLock{folder / "run"}; });
    EXPECT_TRUE(says(refusal, "is in use: " + process + " is at work in it"));
    EXPECT_TRUE(says(refusal, "choose another --out"));
  }
  EXPECT_FALSE(FolderLock::holder(folder / "run"));
  EXPECT_NO_THROW(FolderLock{folder / "run"});
}

TEST(FolderLock, AProcessThatIsKilledLeavesTheFolder) {
  const TestFolder folder;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const FolderLock lock(folder / "run");
    if (::write(ready[1], "x", 1) == 1) ::pause();
    ::_exit(1);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_TRUE(
      says(error_of([&] { FolderLock{folder / "run"}; }), "process " + std::to_string(child)));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_NO_THROW(FolderLock{folder / "run"});
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(FolderLock, WhatIsWrittenThereIsNotTrusted) {
  const TestFolder folder;
  const FolderLock lock(folder / "run");
  for (const char* text : {"", "no number\n", "12 \x1b[2Jhost\n"}) {
    std::ofstream(folder / "run/.lock", std::ios::trunc) << text;
    const std::string refusal = error_of([&] { FolderLock{folder / "run"}; });
    EXPECT_TRUE(says(refusal, "is in use: ")) << text;
    EXPECT_EQ(refusal.find('\x1b'), std::string::npos);
  }
}

TEST(FolderLock, SaysWhyItCannotWrite) {
  const TestFolder folder;
  folder.write("file");
  EXPECT_TRUE(says(error_of([&] { FolderLock{folder / "file"}; }), "cannot"));
}

}  // namespace
}  // namespace retort

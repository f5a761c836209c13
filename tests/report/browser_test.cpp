// Opens reports in a real browser, where there is one: scripts/check_report.sh.
#include <sys/wait.h>

#include <cstdlib>

#include <gtest/gtest.h>

#include "retort/core/file.h"
#include "retort/report/page.h"
#include "tests/report/example.h"
#include "tests/support/folder.h"

namespace retort::report {
namespace {

int check(const testing::TestFolder& folder, const std::string& html) {
  const std::filesystem::path file = folder / "report.html";
  write_file_atomic(file, html);
  const std::string command = "'" RETORT_SCRIPTS "/check_report.sh' '" + file.string() + "'";
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

constexpr int kNoBrowser = 77;

TEST(Browser, OpensThePageWithoutAMessage) {
  const testing::TestFolder folder;
  const int code = check(folder, render_page(example_page(folder.path(), 9, 6)));
  if (code == kNoBrowser) GTEST_SKIP() << "no Chromium is installed";
  EXPECT_EQ(code, 0);
}

TEST(Browser, ReportsAFaultyPage) {
  const testing::TestFolder folder;
  const int code =
      check(folder, "<!DOCTYPE html><title>x</title><svg><rect width=\"-5\" height=\"3\"/></svg>");
  if (code == kNoBrowser) GTEST_SKIP() << "no Chromium is installed";
  EXPECT_EQ(code, 1);
}

}  // namespace
}  // namespace retort::report

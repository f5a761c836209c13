#include <sstream>

#include <gtest/gtest.h>

#include "retort/core/text.h"
#include "retort/report/page.h"

namespace retort::report {
namespace {

TEST(Table, AlignsTextLeftAndNumbersRight) {
  const std::string table =
      render_table({{"teacher", "efficientnet_lite2", 77.3, 4'991'000, 281'000'000, 9.13, 48},
                    {"distillé", "r18", 100, 11'200'000, 0, 12, 634}});
  EXPECT_EQ(
      table,
      "run       model               accuracy  parameters  multiply-adds  an image     training\n"
      "--------  ------------------  --------  ----------  -------------  --------  -----------\n"
      "teacher   efficientnet_lite2    77.3 %      4.99 M          281 M   9.13 ms         48 s\n"
      "distillé  r18                  100.0 %      11.2 M              –   12.0 ms  10 min 34 s\n");
}

TEST(Table, EveryLineHasTheSameWidth) {
  std::istringstream lines(render_table(
      {{"a", "", 1, 0, 0, 0, 0}, {"a much longer name", "花", 99.96, 7, 1, 0.001, 1e9}}));
  std::string line;
  int64_t width = -1, count = 0;
  while (std::getline(lines, line)) {
    if (width < 0) width = length(line);
    EXPECT_EQ(length(line), width) << line;
    ++count;
  }
  EXPECT_EQ(count, 4);
}

TEST(Table, NamesCannotMoveTheCursor) {
  EXPECT_EQ(render_table({{"a\x1B[2Jb\nc", "m", 1, 1, 1, 1, 1}}).find('\x1B'), std::string::npos);
}

TEST(Table, NothingForNoRows) { EXPECT_EQ(render_table({}), ""); }

}  // namespace
}  // namespace retort::report

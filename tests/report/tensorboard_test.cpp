#include "retort/report/tensorboard.h"

#include <gtest/gtest.h>

#include <cstring>

#include "retort/core/file.h"
#include "tests/support/folder.h"
#include "tests/support/message.h"

namespace retort::report {
namespace {
namespace fs = std::filesystem;

// RFC 3720, appendix B.4, and the check value of the CRC catalogues.
TEST(TensorBoard, ChecksumsAreThePublishedOnes) {
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43U);
  std::string rising;
  for (char byte = 0; byte < 32; ++byte) rising += byte;
  EXPECT_EQ(crc32c(rising), 0x46DD794EU);
}

template <typename Number>
Number number_at(const std::string& bytes, size_t at) {
  Number number{};
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

void expect_checked(const std::string& bytes, uint32_t masked) {
  const uint32_t rotated = masked - 0xA282EAD8U;
  EXPECT_EQ((rotated >> 17) | (rotated << 15), crc32c(bytes));
}

std::vector<std::string> records_of(const fs::path& folder) {
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
  const std::string bytes = read_file(*fs::directory_iterator(folder));
  std::vector<std::string> records;
  for (size_t at = 0; at < bytes.size();) {
    const auto size = number_at<uint64_t>(bytes, at);
    expect_checked(bytes.substr(at, 8), number_at<uint32_t>(bytes, at + 8));
    records.push_back(bytes.substr(at + 12, size));
    expect_checked(records.back(), number_at<uint32_t>(bytes, at + 12 + size));
    at += size + 16;
  }
  return records;
}

// The wheel's tests read such a file with TensorBoard itself.
TEST(TensorBoard, AnEpochIsTwoRecordsOfScalars) {
  const testing::TestFolder folder;
  folder.write("board/events.out.tfevents.1.retort");  // of an earlier sitting
  TensorBoard board(folder / "board");
  board.add(
      {.epoch = 3, .step = 12, .train_loss = 0.5, .terms = {{"kd", 0.25}}, .phase = "closing"},
      300);
  const std::vector<std::string> records = records_of(folder / "board");
  ASSERT_EQ(records.size(), 4U);
  EXPECT_EQ(records[0].substr(9), std::string("\x10\0\x1A\x0D", 4) + "brain.Event:2");
  EXPECT_EQ(records[1].substr(9), std::string("\x10\0\x3A\x02\x08\x01", 6));
  EXPECT_EQ(records[2].substr(9, 2), "\x10\x03");
  EXPECT_EQ(records[3].substr(9, 3), "\x10\xAC\x02");  // 300
  const std::string loss("epoch/train_loss\x15\0\0\0\x3F", 21);
  EXPECT_NE(records[2].find("\x0A\x17\x0A\x10" + loss), std::string::npos);
  EXPECT_NE(records[2].find(std::string("epoch/terms/kd\x15\0\0\x80\x3E", 19)), std::string::npos);
  EXPECT_NE(records[3].find("image_steps/lr"), std::string::npos);
  for (const char* no_scalar : {"epoch/epoch", "step/", "phase", "val_"})
    EXPECT_EQ((records[2] + records[3]).find(no_scalar), std::string::npos) << no_scalar;
}

TEST(TensorBoard, OtherFilesOfTheFolderStay) {
  const testing::TestFolder folder;
  folder.write("board/events.out.tfevents.1.host");
  const TensorBoard board(folder / "board");
  EXPECT_EQ(read_file(folder / "board/events.out.tfevents.1.host"), "x");
}

TEST(TensorBoard, AFolderThatCannotBeWrittenIsNamed) {
  const testing::TestFolder folder;
  folder.write("file");
  EXPECT_ERROR(TensorBoard(folder / "file" / "board"), "file/board/events");
}

}  // namespace
}  // namespace retort::report

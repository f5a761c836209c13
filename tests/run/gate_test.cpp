#include "retort/run/gate.h"

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/data/encode.h"
#include "retort/data/extra.h"
#include "retort/run/run_folder.h"
#include "tests/run/small_job.h"
#include "tests/support/message.h"
#include "tests/support/noise.h"

namespace retort::run {
namespace {

namespace fs = std::filesystem;

class GateTest : public SmallJob {
 protected:
  void SetUp() override {
    SmallJob::SetUp();
    // Images in a generator's layout: realistic ones, one of them twice, and three of class 1 in
    // the folder of class 0.
    testing::write_pictures(folder_ / "set", "more", 3, 5);
    fs::rename(folder_ / "set/more", folder_ / "synth");
    fs::copy_file(folder_ / "synth/class 2/0.jpg", folder_ / "synth/class 2/9.jpg");
    testing::write_pictures(folder_ / "others", "extra", 2, 3);
    for (const std::string number : {"0", "1", "2"})
      fs::copy_file(folder_ / ("others/extra/class 1/" + number + ".jpg"),
                    folder_ / ("synth/class 0/wrong " + number + ".jpg"));
    fs::create_directories(folder_ / "synth/no class");
    fs::copy_file(folder_ / "synth/class 0/0.jpg", folder_ / "synth/no class/0.jpg");
    gate_.base = config_;
    gate_.images = folder_ / "synth";
    gate_.unsure = 0;
  }
  nlohmann::json gate_now() { return gate(gate_, null_log(), never_stop()); }

  GateConfig gate_;
};

TEST_F(GateTest, SetsAsideWhatTheTeacherDoesNotTakeForItsClassAndWhatIsThereTwice) {
  gate_.duplicate = 1 - 1e-9;  // the similarity of the nearest pair of real images
  const nlohmann::json counts = gate_now();
  EXPECT_EQ(counts["other_class"], 3) << counts;
  EXPECT_EQ(counts["unlabelled"], 1);
  const auto duplicates =
      counts["duplicate"].get<int64_t>();  // one on purpose; these pictures differ by noise only,
                                           // so that there may be more
  EXPECT_GE(duplicates, 1) << counts;
  EXPECT_EQ(counts["kept"], 16 - duplicates);
  const std::string list = read_file(folder_ / "synth/rejected.csv");
  for (const char* line :
       {"path,class,reason,probability\n", "class 0/wrong 1.jpg,class 0,other_class,",
        "class 2/9.jpg,class 2,duplicate,"})
    EXPECT_NE(list.find(line), std::string::npos) << line << " in " << list;
  const std::string page = read_file(fs::path(gate_.base.out) / "gate.html");
  EXPECT_NE(page.find("as class 1"), std::string::npos);
  EXPECT_NE(page.find("much like another"), std::string::npos);
  EXPECT_EQ(read_json(fs::path(gate_.base.out) / "gate.json"), counts);

  const std::vector<std::string> classes{"class 0", "class 1", "class 2"};
  EXPECT_EQ(data::load_extra(gate_.images, classes).items.size(),
            static_cast<size_t>(17 - duplicates));
  EXPECT_EQ(gate_now(), counts);  // images that were set aside are judged again
  gate_.top = 3;
  gate_.duplicate = 1;
  EXPECT_EQ(gate_now()["kept"], 19);
  EXPECT_EQ(data::load_extra(gate_.images, classes).items.size(), 20U);
}

TEST_F(GateTest, WhatTheTeacherIsUnsureOfIsSetAside) {
  gate_.unsure = 0.9;
  gate_.duplicate = 1;
  const nlohmann::json counts = gate_now();
  EXPECT_GT(counts["unsure"], 5) << counts;
  EXPECT_GT(counts["probability"], 0.5) << counts;
}

// A generator with random weights makes such images.
TEST_F(GateTest, NoiseIsSetAside) {
  fs::remove_all(folder_ / "synth");
  for (const char* label : {"class 0", "class 1", "class 2"}) {
    for (int64_t i = 0; i < 4; ++i) {
      write_file_atomic(folder_ / "synth" / label / (std::to_string(i) + ".jpg"),
                        data::encode_jpeg(testing::noise(int64_t{100} * label[6] + i, 32, 32), 95));
    }
  }
  gate_.unsure = 0.05;
  const nlohmann::json counts = gate_now();
  EXPECT_LE(counts["kept"], 4)
      << counts;  // at most those of the one class that noise resembles most
}

TEST_F(GateTest, ValuesOutOfRangeAreUsageErrors) {
  gate_.top = 0;
  EXPECT_USAGE_ERROR(gate_now(), "--top: must be at least 1");
  gate_.top = 1;
  gate_.unsure = 1;
  EXPECT_USAGE_ERROR(gate_now(), "--unsure: must be in [0, 1)");
  gate_.unsure = 0;
  gate_.duplicate = 0;
  EXPECT_USAGE_ERROR(gate_now(), "--duplicate: must be in (0, 1]");
  gate_.duplicate = 1;
  gate_.images.clear();
  EXPECT_USAGE_ERROR(gate_now(), "--images: no images were named");
  gate_.images = folder_ / "nowhere";
  EXPECT_ERROR(gate_now(), "nowhere: there is no such folder");
}

}  // namespace
}  // namespace retort::run

#include "retort/run/select_extra.h"

#include "retort/core/cache_store.h"
#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/safetensors.h"
#include "retort/data/encode.h"
#include "retort/run/run_folder.h"
#include "tests/run/small_job.h"
#include "tests/support/message.h"

namespace retort::run {
namespace {

namespace fs = std::filesystem;

// A pile of which a tenth resembles the task: other pictures of its classes, without folders, among
// pictures of one colour each.
class SelectExtraTest : public SmallJob {
 protected:
  void SetUp() override {
    SmallJob::SetUp();
    // (The length of the name seeds the pictures: they are not those of train.)
    testing::write_pictures(folder_ / "more", "elsewhere", 3, 4);
    int number = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / "more"))
      if (entry.is_regular_file()) {
        fs::create_directories(folder_ / "pile");
        fs::copy_file(entry.path(),
                      folder_ / "pile" / ("own " + std::to_string(number++) + ".jpg"));
      }
    for (int64_t i = 0; i < 108; ++i) {
      data::Image image{32, 32, std::vector<uint8_t>(size_t{32} * 32 * 3)};
      for (size_t value = 0; value < image.rgb.size(); ++value)
        image.rgb[value] =
            static_cast<uint8_t>(value % 3 == static_cast<size_t>(i) % 3 ? 130 + i : 5);
      write_file_atomic(folder_ / "pile" / ("other " + std::to_string(i) + ".jpg"),
                        data::encode_jpeg(image, 90));
    }
    config_.extra = {(folder_ / "pile").string()};
    config_.select = 9;
    config_.epochs = 1;
  }
};

// Keeps the messages.
struct Said : Log {
  void info(const std::string& message) override { all += message + "\n"; }
  void warn(const std::string& message) override { all += message + "\n"; }
  void progress(const Progress& at) override { looks += at.task == "teacher" ? 1 : 0; }
  std::string all;
  int64_t looks = 0;
};

TEST_F(SelectExtraTest, MostOfWhatIsKeptIsOfTheTask) {
  Said log;
  const RunSummary summary = distill(config_, {}, log, never_stop());
  ASSERT_EQ(summary.extras.size(), 1U);
  EXPECT_EQ(summary.extras[0].images, 120);
  EXPECT_EQ(summary.extras[0].used, 9);
  ASSERT_EQ(summary.extras[0].selected.size(), 3U);
  EXPECT_TRUE(testing::says(log.all, "selected 9 of 120 pictures"));
  EXPECT_TRUE(testing::says(log.all, "class 0 "));

  const Context context{log, never_stop()};
  const Plan plan = resolve(config_);
  const data::Manifest task = list_data(plan, context).manifest,
                       pile = data::load_extra(folder_ / "pile", task.classes);
  PreparedTeachers teachers = prepare_teachers(plan, plan.teachers, task.classes, context);
  const SelectedExtra selected = select_extra(plan, task, pile, teachers, 9, context);
  int64_t own = 0;
  for (const int64_t item : selected.items)
    own += pile.items[static_cast<size_t>(item)].path.starts_with("own") ? 1 : 0;
  EXPECT_GE(own, 7) << log.all;

  // Without a stored choice, or with a damaged one, it chooses the same.
  fs::path stored;
  for (const StoreInfo& store : stores_in(config_.cache))
    if (testing::says(store.line("views"), "a choice of"))
      stored = fs::path(config_.cache) / store.kind / store.key / "selection.safetensors";
  fs::remove(stored);
  EXPECT_EQ(select_extra(plan, task, pile, teachers, 9, context).items, selected.items);
  TensorFile file = read_safetensors(stored);
  file.tensors["pictures"] = file.tensors.at("pictures") + 1'000'000;
  write_safetensors(stored, file.tensors, file.metadata);
  EXPECT_EQ(select_extra(plan, task, pile, teachers, 9, context).items, selected.items);
  write_file_atomic(stored, "half");
  EXPECT_EQ(select_extra(plan, task, pile, teachers, 9, context).items, selected.items);
}

TEST_F(SelectExtraTest, ItIsPartOfWhatARunIs) {
  distill_now();
  Said log;
  distill(config_, {}, log, never_stop());
  EXPECT_TRUE(testing::says(log.all, "finished: nothing is trained again"));
  config_.select = 6;
  EXPECT_ERROR(distill_now(), "run: holds a run with other settings");
  EXPECT_EQ(distill_now({.force = true})["extra"][0]["used"], 6);
  config_.select = 500;
  EXPECT_EQ(distill_now({.force = true})["extra"][0]["selected"].size(), 0U) << "all there are";
  config_.extra.clear();
  EXPECT_USAGE_ERROR(distill_now({.force = true}), "--select: is of the pictures of --extra");
}

TEST_F(SelectExtraTest, ZeroShotTeachersNameTheTask) {
  testing::write_two_towers(folder_ / "clip", "clip");
  testing::put(folder_ / "classes.txt", "sea\nforest\n");
  config_.data = (folder_ / "data/train").string();
  config_.classes = (folder_ / "classes.txt").string();
  config_.teacher_head = TeacherHead::zero_shot;
  config_.teacher = {(folder_ / "clip").string()};
  config_.teacher_size = 0;
  EXPECT_EQ(distill_now()["extra"][0]["used"], 9);
}

}  // namespace
}  // namespace retort::run

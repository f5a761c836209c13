#include "retort/run/inputs.h"

#include <fstream>

#include "retort/core/file.h"
#include "retort/run/compare.h"
#include "retort/run/open_data.h"
#include "retort/run/run_folder.h"
#include "retort/run/trained_teacher.h"
#include "tests/run/small_job.h"
#include "tests/support/message.h"

namespace retort::run {
namespace {

namespace fs = std::filesystem;

class InputsTest : public SmallJob {
 protected:
  Inputs now() const {
    const Plan plan = resolve(config_);
    const Context context{null_log(), never_stop()};
    return inputs_of(plan, list_data(plan, context), context);
  }
  std::string data() const { return now().data; }
  // Replaces a file as another tool may: its size and its time stay.
  static void replace_quietly(const fs::path& file, const std::string& bytes) {
    const auto time = fs::last_write_time(file);
    write_file_atomic(file, bytes);
    fs::last_write_time(file, time);
  }
  fs::path picture(const std::string& name) const {
    return fs::path(config_.data) / "train" / name;
  }
};

// Every field is compared: a new field does not compile here until it is.
TEST_F(InputsTest, EveryFieldCounts) {
  const Inputs before{"1", "d", {"t"}, "s", {"e"}};
  const auto& [version, data, teachers, student, extras] = before;
  EXPECT_EQ(differences(before, before), "");
  EXPECT_EQ(differences(before, {"2", data, teachers, student, extras}), "retort's version");
  EXPECT_EQ(differences(before, {version, "x", teachers, student, extras}), "the data");
  EXPECT_EQ(differences(before, {version, data, {}, student, extras}), "the teacher");
  EXPECT_EQ(differences(before, {version, data, teachers, "x", extras}),
            "the student's first weights");
  EXPECT_EQ(differences(before, {version, data, teachers, student, {"x"}}), "the extra images");
  EXPECT_EQ(inputs_from(to_json(before)), before);
  EXPECT_NE(differences(inputs_from(nlohmann::json::object()), before), "");
}

TEST_F(InputsTest, DataIsItsImagesLabelsAndSplitsWhereverItLies) {
  const std::string before = data();
  EXPECT_EQ(before.size(), 32U);
  fs::copy(config_.data, folder_ / "elsewhere", fs::copy_options::recursive);
  config_.data = (folder_ / "elsewhere").string();
  EXPECT_EQ(data(), before) << "a copy, written at another time";
  fs::rename(picture("class 0"), picture("swap"));
  fs::rename(picture("class 1"), picture("class 0"));
  fs::rename(picture("swap"), picture("class 1"));
  EXPECT_NE(data(), before) << "two classes swapped";
  fs::rename(picture("class 0"), picture("swap"));
  fs::rename(picture("class 1"), picture("class 0"));
  fs::rename(picture("swap"), picture("class 1"));
  EXPECT_EQ(data(), before);
  fs::remove(picture("class 0/0.jpg"));
  EXPECT_NE(data(), before) << "an image gone";
}

TEST_F(InputsTest, ATeachersFileReplacedUnderItsPathIsAnother) {
  const Inputs before = now();
  std::string bytes = read_file(config_.teacher.front());
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  replace_quietly(config_.teacher.front(), bytes);
  EXPECT_EQ(differences(before, now()), "the teacher");
}

// A file of the same size, as from an archive that sets the time.
TEST_F(InputsTest, AnImageReplacedAtTheSameTimeIsAnother) {
  const fs::path image = picture("class 0/0.jpg");
  std::string bytes = read_file(image);
  const std::string before = data();
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  replace_quietly(image, bytes);
  EXPECT_NE(data(), before);
  const auto time = fs::last_write_time(image);
  std::fstream(image, std::ios::in | std::ios::out | std::ios::binary).put('X');  // in place
  fs::last_write_time(image, time);
  const std::string within = data();
  EXPECT_NE(within, before);
  bytes.front() = 'X';
  replace_quietly(image, bytes);
  EXPECT_EQ(data(), within);
}

TEST_F(InputsTest, ATeachersWeightsBesideItsGraphCount) {
  folder_.write("net.onnx",
                "a graph\x0a\x08location\x12\x09"
                "sub/w.bin and more");
  folder_.write("sub/w.bin", "1");
  folder_.write("net.xml", "<net/>");
  folder_.write("net.bin", "1");
  for (const auto& [graph, weights] :
       {std::pair{"net.onnx", "sub/w.bin"}, {"net.xml", "net.bin"}}) {
    config_.teacher = {(folder_ / graph).string()};
    const Inputs before = now();
    folder_.write("notes.txt", "of no graph");
    EXPECT_EQ(differences(before, now()), "");
    folder_.write(weights, "2");
    EXPECT_EQ(differences(before, now()), "the teacher") << weights;
  }
}

TEST_F(InputsTest, AStudentOfTheUsersOwnReplacedUnderItsPathIsAnother) {
  config_.teacher = {"none"};
  config_.student = (folder_ / "net.pt").string();
  folder_.write("net.pt", "1");
  const Inputs before = now();
  replace_quietly(config_.student, "2");
  EXPECT_EQ(differences(before, now()), "the student's first weights");
}

TEST_F(InputsTest, AnotherSetOfWeightsInTheSameFileIsAnotherTeacher) {
  const Inputs before = now();
  config_.teacher.front() += "#student";
  EXPECT_EQ(differences(before, now()), "the teacher");
}

TEST_F(InputsTest, AResultIsReusedOnlyWhereItWasMadeOfTheSame) {
  distill_once(resolve(config_), null_log(), never_stop());
  const fs::path student = RunFolder{config_.out}.student();
  const auto made = [&] { return fs::last_write_time(student); };
  const auto first = made();
  distill_once(resolve(config_), null_log(), never_stop());
  EXPECT_EQ(made(), first);
  EXPECT_TRUE(is_finished(resolve(config_)));
  fs::remove(picture("class 0/0.jpg"));
  EXPECT_FALSE(is_finished(resolve(config_)));
  EXPECT_EQ(distill_once(resolve(config_), null_log(), never_stop()).data.train, 17);
  EXPECT_NE(made(), first);
  const auto second = made();
  distill_once(resolve(config_), null_log(), never_stop(), /*force=*/true);
  EXPECT_NE(made(), second) << "--force starts over";
}

// A teacher that was trained first is also made anew.
TEST_F(InputsTest, ATrainedTeacherIsMadeAnewWhenTheDataChanged) {
  config_.teacher_init = TeacherInit::finetune;
  config_.teacher_epochs = 1;
  const fs::path out = folder_ / "teacher";
  const auto trained = [&](bool force = false) {
    train_teachers(resolve(config_), out, force, {null_log(), never_stop()});
    return fs::last_write_time(RunFolder{out}.student());
  };
  const auto first = trained();
  EXPECT_EQ(trained(), first);
  fs::remove(picture("class 1/3.jpg"));
  const auto second = trained();
  EXPECT_NE(second, first);
  EXPECT_NE(trained(/*force=*/true), second);
}

TEST_F(InputsTest, AnUnfinishedRunOfOtherDataIsNotGoneOnWith) {
  config_.checkpoint_seconds = 0;
  struct StopInTraining : Log {
    void info(const std::string&) override {}
    void warn(const std::string&) override {}
    void progress(const Progress& progress) override {
      stop = stop || (progress.task == "training" && progress.done > 8);
    }
    StopFlag stop{false};
  } log;
  EXPECT_THROW(distill(config_, {}, log, log.stop), Interrupted);
  fs::remove(picture("class 0/0.jpg"));
  EXPECT_TRUE(testing::says(testing::error_of([&] { distill_now({.resume = true}); }),
                            "was made of other files than are there now: the data"));
}

TEST_F(InputsTest, AComparisonOfChangedDataIsMadeAnew) {
  CompareConfig compared;
  compared.base = config_;
  compared.base.teacher.clear();
  compared.base.out = (folder_ / "compare").string();
  compared.base.epochs = compared.seeds = 1;
  compared.arms = {ArmKind::scratch};
  compare(compared, null_log(), never_stop());
  const fs::path student = fs::path(compared.base.out) / "scratch/seed-0/student.safetensors";
  const auto first = fs::last_write_time(student);
  fs::rename(picture("class 0"), picture("swap"));
  fs::rename(picture("class 1"), picture("class 0"));
  fs::rename(picture("swap"), picture("class 1"));
  compare(compared, null_log(), never_stop());
  EXPECT_NE(fs::last_write_time(student), first);
}

}  // namespace
}  // namespace retort::run

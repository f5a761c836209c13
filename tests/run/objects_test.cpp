#include "retort/run/objects.h"

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/models/registry.h"
#include "retort/run/run_folder.h"
#include "tests/run/small_job.h"
#include "tests/support/message.h"

namespace retort::run {
namespace {

constexpr const char* kTeacher = "object:teacher-1";
constexpr const char* kStudent = "object:student-1";

class ObjectsTest : public SmallJob {
 protected:
  // The job's teacher and student, as objects of this program.
  std::shared_ptr<Objects> objects() {
    auto given = std::make_shared<Objects>();
    GivenNetwork& teacher = given->networks[kTeacher];
    teacher.key = "teacher";
    teacher.teacher = [file = config_.teacher.front()] { return models::load_model(file); };
    GivenNetwork& student = given->networks[kStudent];
    student.key = "student";
    student.student = [](int64_t classes) {
      return models::make_model({"shufflenet_v2_x0_5", classes});
    };
    return given;
  }
};

TEST_F(ObjectsTest, ATeacherInMemoryTeachesWhatItsFileDoes) {
  distill_now();
  const std::string taught_by_file = read_file(RunFolder{config_.out}.student());
  const std::shared_ptr<Objects> given = objects();
  nlohmann::json epochs = nlohmann::json::array();
  given->on_epoch = [&](const nlohmann::json& line) { epochs.push_back(line); };
  config_.objects = given;
  config_.teacher = {kTeacher};
  config_.out = (folder_ / "objects").string();
  const nlohmann::json summary = distill_now();
  EXPECT_EQ(read_file(RunFolder{config_.out}.student()), taught_by_file);
  EXPECT_EQ(summary["inputs"]["teachers"], nlohmann::json({"teacher"}));
  EXPECT_EQ(epochs, nlohmann::json(read_epochs(RunFolder{config_.out}.metrics())));

  // Another object of the same name is another teacher.
  given->networks[kTeacher].key = "other weights";
  EXPECT_TRUE(testing::says(testing::error_of([&] { distill_now(); }), "the teacher"));
}

TEST_F(ObjectsTest, AStudentInMemoryIsTrained) {
  config_.objects = objects();
  config_.teacher = {"none"};
  config_.student = kStudent;
  const nlohmann::json summary = distill_now();
  EXPECT_EQ(summary["student"]["start"], kOwnWeights);
  EXPECT_EQ(summary["student"]["parameters"], 344867);
  EXPECT_EQ(summary["inputs"]["student_weights"], "student");
}

TEST_F(ObjectsTest, WhatIsNotGivenIsNamed) {
  config_.teacher = {kTeacher};
  EXPECT_TRUE(
      testing::says(testing::error_of<UsageError>([&] { distill_now(); }), "give it again"));
  config_.objects = objects();
  const auto expect = [&](const char* message, const std::function<void(RunConfig&)>& change) {
    RunConfig wrong = config_;
    change(wrong);
    EXPECT_USAGE_ERROR(validate(wrong), message);
  };
  expect("an object can be learned from, but not trained first",
         [](RunConfig& c) { c.teacher_init = TeacherInit::finetune; });
  expect("an object has no text tower",
         [](RunConfig& c) { c.teacher_head = TeacherHead::zero_shot; });
  expect("an object is its own architecture", [](RunConfig& c) { c.teacher_features = "cls"; });
  expect("an object brings its own weights",
         [](RunConfig& c) { c.student = kStudent, c.student_weights = "weights.pth"; });
  expect("was an object of the program", [](RunConfig& c) { c.student = "object:other-1"; });
}

}  // namespace
}  // namespace retort::run

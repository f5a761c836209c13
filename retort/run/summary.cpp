#include "retort/run/summary.h"

#include "retort/core/error.h"

namespace retort::run {
namespace {

nlohmann::json value_of(const std::optional<double>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json();
}

std::optional<double> number_in(const nlohmann::json& json, const char* name) {
  const auto found = json.find(name);
  return found == json.end() || found->is_null() ? std::nullopt
                                                 : std::optional(found->get<double>());
}

nlohmann::json network_json(const NetworkSummary& network) {
  return {{"arch", network.arch},
          {"image_size", network.image_size},
          {"parameters", network.parameters},
          {"multiply_adds", network.multiply_adds},
          {"milliseconds", network.milliseconds},
          {"val_accuracy", value_of(network.val_accuracy)},
          {"test_accuracy", value_of(network.test_accuracy)},
          {"test_mean_class_accuracy", value_of(network.test_mean_class_accuracy)}};
}

void read_network(const nlohmann::json& json, NetworkSummary& network) {
  json.at("arch").get_to(network.arch);
  json.at("image_size").get_to(network.image_size);
  json.at("parameters").get_to(network.parameters);
  json.at("multiply_adds").get_to(network.multiply_adds);
  json.at("milliseconds").get_to(network.milliseconds);
  network.val_accuracy = number_in(json, "val_accuracy");
  network.test_accuracy = number_in(json, "test_accuracy");
  network.test_mean_class_accuracy = number_in(json, "test_mean_class_accuracy");
}

TeacherSummary teacher_from_json(const nlohmann::json& json) {
  TeacherSummary teacher;
  read_network(json, teacher);
  teacher.weight = json.value("weight", 1.0);
  teacher.views = json.value("views", int64_t{0});
  teacher.stored_views = json.value("stored_views", int64_t{0});
  teacher.head_l2 = number_in(json, "head_l2");
  for (const nlohmann::json& member : json.value("members", nlohmann::json::array()))
    teacher.members.push_back(teacher_from_json(member));
  return teacher;
}

StudentSummary student_from_json(const nlohmann::json& json) {
  StudentSummary student;
  read_network(json, student);
  student.start = json.value("start", kRandomWeights);
  student.best_epoch = json.value("best_epoch", int64_t{0});
  return student;
}

nlohmann::json to_json(const StudentSummary& student) {
  nlohmann::json json = network_json(student);
  json["start"] = student.start;
  json["best_epoch"] = student.best_epoch;
  return json;
}

nlohmann::json to_json(const RunSeconds& seconds) {
  return {{"data", seconds.data},
          {"forecast", seconds.forecast},
          {"teacher", seconds.teacher},
          {"training", seconds.training},
          {"evaluation", seconds.evaluation},
          {"total", seconds.total()}};
}

RunSeconds seconds_from_json(const nlohmann::json& json) {
  return {.data = json.at("data"),
          .forecast = json.value("forecast", 0.0),
          .teacher = json.at("teacher"),
          .training = json.at("training"),
          .evaluation = json.at("evaluation")};
}

nlohmann::json to_json(const DataSummary& data) {
  return {{"path", data.path},
          {"labels", data.labelled_by_teacher ? "teacher" : "data"},
          {"val_fraction", data.splits.val_fraction},
          {"test_fraction", data.splits.test_fraction},
          {"split_seed", data.splits.split_seed},
          {"max_skipped", data.max_skipped}};
}

nlohmann::json to_json(const std::vector<ExtraSummary>& extras) {
  nlohmann::json all = nlohmann::json::array();
  for (const ExtraSummary& extra : extras)
    all.push_back({{"path", extra.path},
                   {"ratio", extra.ratio},
                   {"images", extra.images},
                   {"used", extra.used},
                   {"labels", extra.labels},
                   {"share", extra.share},
                   {"selected", extra.selected}});
  return all;
}

nlohmann::json to_json(const ClosingSummary& closing) {
  return {{"epochs", closing.epochs},
          {"images", closing.images},
          {"kept", closing.kept},
          {"val_accuracy_before", closing.accuracy_before},
          {"val_accuracy_after", closing.accuracy_after}};
}

ClosingSummary closing_from_json(const nlohmann::json& json) {
  return {.epochs = json.at("epochs"),
          .images = json.at("images"),
          .kept = json.at("kept"),
          .accuracy_before = json.at("val_accuracy_before"),
          .accuracy_after = json.at("val_accuracy_after")};
}

DataSummary data_from_json(const nlohmann::json& summary) {
  const nlohmann::json &data = summary.at("data"), &images = summary.at("images");
  DataSummary out;
  data.at("path").get_to(out.path);
  out.labelled_by_teacher = data.value("labels", "data") == "teacher";
  data.at("val_fraction").get_to(out.splits.val_fraction);
  data.at("test_fraction").get_to(out.splits.test_fraction);
  data.at("split_seed").get_to(out.splits.split_seed);
  out.max_skipped = data.value("max_skipped", out.max_skipped);
  summary.at("classes").get_to(out.classes);
  images.at("train").get_to(out.train);
  images.at("val").get_to(out.val);
  images.at("test").get_to(out.test);
  return out;
}

std::vector<ExtraSummary> extras_from_json(const nlohmann::json& json) {
  std::vector<ExtraSummary> extras;
  for (const nlohmann::json& extra : json)
    extras.push_back({extra.at("path"), extra.at("ratio"), extra.at("images"), extra.at("used"),
                      extra.at("labels"), extra.at("share"),
                      extra.value("selected", std::vector<int64_t>{})});
  return extras;
}

}  // namespace

nlohmann::json to_json(const std::vector<data::SkippedFile>& skipped) {
  nlohmann::json files = nlohmann::json::array();
  for (const data::SkippedFile& file : skipped)
    files.push_back({{"path", file.path}, {"reason", file.reason}});
  return files;
}

nlohmann::json to_json(const TeacherSummary& teacher) {
  nlohmann::json json = network_json(teacher);
  json["weight"] = teacher.weight;
  json["views"] = teacher.views;
  json["stored_views"] = teacher.stored_views;
  if (teacher.head_l2) json["head_l2"] = *teacher.head_l2;
  for (const TeacherSummary& member : teacher.members) json["members"].push_back(to_json(member));
  return json;
}

nlohmann::json to_json(const RunSummary& summary) {
  nlohmann::json json = {
      {"version", summary.version},
      {"inputs", to_json(summary.inputs)},
      {"data", to_json(summary.data)},
      {"images",
       {{"train", summary.data.train}, {"val", summary.data.val}, {"test", summary.data.test}}},
      {"classes", summary.data.classes},
      {"extra", to_json(summary.extras)},
      {"teacher", summary.teacher ? to_json(*summary.teacher) : nlohmann::json()},
      {"student", to_json(summary.student)},
      {"seconds", to_json(summary.seconds)},
      {"epochs", summary.epochs},
      {"image_steps", summary.image_steps},
      {"images_per_second", summary.images_per_second},
      {"seed", summary.seed},
      {"threads", summary.threads},
      {"device", summary.device},
      {"precision", summary.precision},
      {"skipped_files", to_json(summary.skipped)}};
  if (summary.closing) json["closing"] = to_json(*summary.closing);
  if (!summary.forecast.is_null()) json["forecast"] = summary.forecast;
  return json;
}

RunSummary summary_from(const nlohmann::json& json, const std::string& file) try {
  RunSummary summary;
  json.at("version").get_to(summary.version);
  summary.inputs = inputs_from(json.value("inputs", nlohmann::json::object()));
  summary.data = data_from_json(json);
  summary.extras = extras_from_json(json.at("extra"));
  if (!json.at("teacher").is_null()) summary.teacher = teacher_from_json(json.at("teacher"));
  summary.student = student_from_json(json.at("student"));
  if (json.contains("closing")) summary.closing = closing_from_json(json.at("closing"));
  summary.seconds = seconds_from_json(json.at("seconds"));
  json.at("epochs").get_to(summary.epochs);
  json.at("image_steps").get_to(summary.image_steps);
  json.at("images_per_second").get_to(summary.images_per_second);
  json.at("seed").get_to(summary.seed);
  json.at("threads").get_to(summary.threads);
  json.at("device").get_to(summary.device);
  json.at("precision").get_to(summary.precision);
  for (const nlohmann::json& skipped : json.at("skipped_files"))
    summary.skipped.push_back({skipped.at("path"), skipped.at("reason")});
  summary.forecast = json.value("forecast", nlohmann::json());
  return summary;
} catch (const nlohmann::json::exception& error) {
  throw Error(std::string("is not a run's summary: ") + error.what(), file,
              "run it again with --force");
}

}  // namespace retort::run

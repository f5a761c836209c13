#include "retort/run/forecast.h"

#include <sys/resource.h>

#include "retort/core/text.h"
#include "retort/data/batch.h"
#include "retort/train/speed.h"

namespace retort::run {
namespace {

double at_rate(int64_t images, double rate) {
  return images > 0 && rate > 0 ? static_cast<double>(images) / rate : 0;
}

// The rate of calls, repeated for this many seconds and at least once, after one call to warm up.
double images_per_second(int64_t images, double seconds, const std::function<void()>& call) {
  call();
  const Stopwatch all;
  int64_t done = 0;
  while (done == 0 || all.seconds() < seconds) {
    call();
    done += images;
  }
  return static_cast<double>(done) / all.seconds();
}

// The first images of a set; where there are fewer, they are repeated with new views.
std::vector<data::Sample> first_samples(const data::ImageStore& images, int64_t count) {
  std::vector<data::Sample> samples;
  for (int64_t i = 0; i < count; ++i) samples.push_back({i % images.size(), i / images.size()});
  return samples;
}

std::string rate(double value) { return fixed(value, value < 10 ? 1 : 0) + " images/s"; }

std::string bytes(int64_t count) {
  const auto mebibytes = static_cast<double>(count) / (1 << 20);
  return mebibytes < 1024 ? fixed(mebibytes, mebibytes < 10 ? 1 : 0) + " MiB"
                          : fixed(mebibytes / 1024, 1) + " GiB";
}

}  // namespace

double seeing_rate(teacher::Teacher& teacher, const data::ImageStore& images,
                   const data::ViewRecipe& recipe) {
  const std::vector<data::Sample> samples =
      first_samples(images, std::min<int64_t>(images.size(), 64));
  return images_per_second(static_cast<int64_t>(samples.size()), 1, [&] {
    teacher.features(data::render_batch(images, samples, recipe, 0, teacher.input_spec()));
  });
}

StudentRates student_rates(models::ImageModel& student, const data::ImageStore& images,
                           const data::ViewRecipe& recipe, const data::InputSpec& spec,
                           int64_t batch_size, models::Precision precision, bool muon,
                           double seconds) {
  const double on_a_part = 0.15 * seconds;
  const std::vector<data::Sample> samples = first_samples(images, batch_size);
  at::Tensor batch;
  const double rendering = images_per_second(
      batch_size, on_a_part, [&] { batch = data::render_batch(images, samples, recipe, 0, spec); });
  const double stepping = train::training_speed(student, spec.size, batch_size, precision, muon,
                                                at::MemoryFormat::ChannelsLast, seconds);
  student.eval();
  return {1 / (1 / rendering + 1 / stepping),
          evaluation_rate(student, batch, precision, on_a_part)};
}

double evaluation_rate(models::ImageModel& student, const at::Tensor& images,
                       models::Precision precision, double seconds) {
  return images_per_second(images.size(0), seconds, [&] {
    const at::NoGradGuard no_grad;
    const models::AutocastGuard autocast(precision);
    (void)student.forward(images.to(models::device_of(student))).logits.to(at::kCPU);
  });
}

int64_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

double Forecast::epoch_seconds() const {
  return at_rate(images, student_rate) + at_rate(validated, evaluation_rate);
}
double Forecast::student_seconds() const {
  return at_rate(images * epochs + closing, student_rate) + at_rate(evaluated, evaluation_rate);
}
double Forecast::teacher_seconds() const {
  return at_rate(looks, teacher_rate) + at_rate(teacher_steps, teacher_training_rate);
}

nlohmann::json to_json(const Forecast& forecast) {
  return {{"seconds", forecast.seconds()},
          {"student_seconds", forecast.student_seconds()},
          {"teacher_seconds", forecast.teacher_seconds()},
          {"student_rate", forecast.student_rate},
          {"teacher_rate", forecast.teacher_rate},
          {"steps", forecast.steps},
          {"image_steps", forecast.images * forecast.epochs + forecast.closing},
          {"looks", forecast.looks},
          {"disk_bytes", forecast.disk_bytes},
          {"memory_bytes", forecast.memory_bytes}};
}

std::string text_of(const Forecast& forecast) {
  std::string text =
      "forecast: " + duration(forecast.seconds()) + " in all: student " +
      duration(forecast.student_seconds()) + " (" + std::to_string(forecast.images) + " images × " +
      std::to_string(forecast.epochs) + " epochs, " +
      (forecast.closing > 0 ? "then " + std::to_string(forecast.closing) + " labelled images, "
                            : std::string()) +
      std::to_string(forecast.steps) + " steps, " + rate(forecast.student_rate) + ")";
  if (forecast.teacher_steps > 0)
    text += ", training the teacher " +
            duration(at_rate(forecast.teacher_steps, forecast.teacher_training_rate)) + " (" +
            rate(forecast.teacher_training_rate) + ")";
  if (forecast.looks > 0)
    text += ", teacher " + duration(at_rate(forecast.looks, forecast.teacher_rate)) + " (" +
            std::to_string(forecast.looks) + " looks, " + rate(forecast.teacher_rate) + ")";
  text += "; " + (forecast.disk_bytes > 0 ? bytes(forecast.disk_bytes) + " on disk, " : "") +
          bytes(forecast.memory_bytes) + " of memory\n";
  if (at_rate(forecast.teacher_steps, forecast.teacher_training_rate) > forecast.seconds() / 2)
    return text + "  shorter: fewer --teacher-epochs, or a smaller --teacher-size";
  if (forecast.teacher_seconds() > forecast.student_seconds())
    return text +
           "  shorter: fewer --views, or a smaller --teacher-size; other students, losses and "
           "seeds find the teacher's outputs done";
  return text +
         "  shorter: fewer --epochs, or a smaller --image-size: at half of it a step takes about a "
         "quarter";
}

}  // namespace retort::run
